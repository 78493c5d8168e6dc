package payments

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/store"
)

// A participant keeps a copy of its part of the directory. To find out whether
// the two are the same, each entry has a content id, and the exclusive or of
// all content ids of a participant and kind (DICT's VSync) is compared: 32 bytes
// for any number of entries. If they differ, the list of events since the last
// agreement, or the list of all content ids, shows where.
//
// A content id is HMAC-SHA256, keyed with the entry's request id, over
//
//	kind & id & holder kind & holder's name & participant & IBAN & kind of account
//
// joined by "&", in UTF-8. DICT has the number itself in the place of the id;
// here it is the id, which comes from the number's keyed hash, for the directory
// does not know the number. The request id is 16 bytes that follow from the id
// and the directory's key: the tables alone do not give it away, and so nobody
// tries out numbers against a content id.

// contentKey gives the request id of an entry. Call it outside a transaction.
func (r *Room) contentKey(ctx context.Context, alias string) ([]byte, error) {
	mac, err := r.keys.MAC(ctx, purposeAlias, []byte("content"), []byte(alias))
	if err != nil {
		return nil, err
	}
	return mac[:16], nil
}

func contentID(request []byte, a *Alias, to *Account) []byte {
	return contentHash(request, a.Kind, a.ID, a.HolderKind, to.NameEn, a.Participant, to.IBAN, to.Kind)
}

func contentHash(request []byte, attributes ...string) []byte {
	h := hmac.New(sha256.New, request)
	h.Write([]byte(strings.Join(attributes, "&")))
	return h.Sum(nil)
}

// Operations of content events.
const (
	cidAdded   = "added"
	cidRemoved = "removed"
)

// ContentEvent is one change of a participant's set of entries.
type ContentEvent struct {
	Seq       int64
	Operation string
	CID       []byte
	At        time.Time
}

// ContentSet is what a participant's copy is held against.
type ContentSet struct {
	VSync   []byte
	Size    int64
	Seq     int64 // of the last event
	Changed time.Time
}

// agrees compares in constant time.
func (s ContentSet) agrees(vsync []byte) bool { return subtle.ConstantTimeCompare(s.VSync, vsync) == 1 }

type contentChange struct {
	participant, kind, operation string
	cid                          []byte
}

func contentAdded(tx *store.Tx, list ...*Alias) error {
	changes := make([]contentChange, len(list))
	for i, a := range list {
		changes[i] = contentChange{a.Participant, a.Kind, cidAdded, a.CID}
	}
	return changeContent(tx, changes...)
}

func contentRemoved(tx *store.Tx, a *Alias) error {
	return changeContent(tx, contentChange{a.Participant, a.Kind, cidRemoved, a.CID})
}

func contentMoved(tx *store.Tx, before, after *Alias) error {
	return changeContent(tx, contentChange{before.Participant, before.Kind, cidRemoved, before.CID}, contentChange{after.Participant, after.Kind, cidAdded, after.CID})
}

// changeContent notes changes. The rows of the sets are locked in the order of
// participants, after all other rows of the directory.
func changeContent(tx *store.Tx, list ...contentChange) error {
	slices.SortStableFunc(list, func(a, b contentChange) int {
		return strings.Compare(a.participant+"\x00"+a.kind, b.participant+"\x00"+b.kind)
	})
	events := make([][]any, 0, len(list))
	now := store.Micros(tx.Now())
	for len(list) > 0 {
		c := list[0]
		if _, err := tx.Exec("insert into payments_cid_set (participant, kind, vsync, size, seq, changed) values ($1, $2, $3, 0, 0, $4) on conflict (participant, kind) do nothing",
			c.participant, c.kind, make([]byte, sha256.Size), now); err != nil {
			return err
		}
		s, err := store.Get(tx, scanContentSet, "select vsync, size, seq, changed from payments_cid_set where participant = $1 and kind = $2 for update", c.participant, c.kind)
		if err != nil {
			return err
		}
		for len(list) > 0 && list[0].participant == c.participant && list[0].kind == c.kind {
			one := list[0]
			subtle.XORBytes(s.VSync, s.VSync, one.cid)
			if s.Seq++; one.operation == cidAdded {
				s.Size++
			} else {
				s.Size--
			}
			events = append(events, []any{c.participant, c.kind, s.Seq, one.operation, one.cid, now})
			list = list[1:]
		}
		if _, err := tx.Exec("update payments_cid_set set vsync = $3, size = $4, seq = $5, changed = $6 where participant = $1 and kind = $2", c.participant, c.kind, s.VSync, s.Size, s.Seq, now); err != nil {
			return err
		}
	}
	return insert(tx, "payments_cid_event (participant, kind, seq, operation, cid, at)", events)
}

func scanContentSet(scan store.Scan) (s ContentSet, err error) {
	var changed int64
	err = scan(&s.VSync, &s.Size, &s.Seq, &changed)
	s.Changed = store.Time(changed)
	return s, err
}

// contentSet reads a participant's set; an empty one when nothing ever was in
// it.
func contentSet(tx *store.Tx, participant, kind string) (ContentSet, error) {
	list, err := store.List(tx, scanContentSet, "select vsync, size, seq, changed from payments_cid_set where participant = $1 and kind = $2", participant, kind)
	if err != nil || len(list) == 0 {
		return ContentSet{VSync: make([]byte, sha256.Size)}, err
	}
	return list[0], nil
}

// contentEvents lists changes after a number, oldest first.
func contentEvents(tx *store.Tx, participant, kind string, after int64, limit int) ([]ContentEvent, error) {
	return store.List(tx, func(scan store.Scan) (e ContentEvent, err error) {
		var at int64
		err = scan(&e.Seq, &e.Operation, &e.CID, &at)
		e.At = store.Time(at)
		return e, err
	}, "select seq, operation, cid, at from payments_cid_event where participant = $1 and kind = $2 and seq > $3 order by seq limit $4", participant, kind, after, limit)
}

// contentIDs lists a participant's content ids after one, in their own order.
func contentIDs(tx *store.Tx, participant, kind string, after []byte, limit int) ([][]byte, error) {
	return store.List(tx, store.Value[[]byte], "select cid from payments_alias where participant = $1 and kind = $2 and cid > $3 order by cid limit $4", participant, kind, after, limit)
}

// recount makes a participant's set again from the entries themselves: what the
// operator holds against the set that is kept along.
func recount(tx *store.Tx, participant, kind string) (ContentSet, error) {
	s := ContentSet{VSync: make([]byte, sha256.Size)}
	all, err := store.List(tx, store.Value[[]byte], "select cid from payments_alias where participant = $1 and kind = $2", participant, kind)
	for _, cid := range all {
		subtle.XORBytes(s.VSync, s.VSync, cid)
		s.Size++
	}
	return s, err
}
