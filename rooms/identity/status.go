package identity

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/statuslist"
)

// Status lists have room for 2^16 credentials of two bits and are filled to a
// half: an index that is drawn at random is then soon a free one, and the list
// still hides a credential among thousands. Compressed, a quiet one is tiny.
const (
	listSize = 1 << 16
	listBits = 2
	listLife = 15 * time.Minute // a token is good for so long
	listTTL  = 30 * time.Second // and may be kept by verifiers for so long
)

// place is where a credential's status is published.
type place struct {
	list       int64
	index      int
	credential string
}

func (r *Room) listURI(n int64) string {
	return r.base + "/credentials/status/" + strconv.FormatInt(n, 10)
}

// takePlaces draws n places at random, never neighbours of each other, and
// begins a new list when the last is half full.
func takePlaces(tx *store.Tx, n int) ([]place, error) {
	now := store.Micros(tx.Now())
	if _, err := tx.Exec(`insert into identity_list (id, size, filled, changed) values (1, $1, 0, $2) on conflict (id) do nothing`, listSize, now); err != nil {
		return nil, fmt.Errorf("begin a status list: %w", err)
	}
	// the newest list's row is held: concurrent draws come one after the other
	list, err := store.Get(tx, func(scan store.Scan) (v [2]int64, err error) { return v, scan(&v[0], &v[1]) },
		`select id, filled from identity_list order by id desc limit 1 for update`)
	if err != nil {
		return nil, err
	}
	if list[1]+int64(n) > listSize/2 {
		list[0]++
		if _, err := tx.Exec(`insert into identity_list (id, size, filled, changed) values ($1, $2, 0, $3) on conflict (id) do nothing`, list[0], listSize, now); err != nil {
			return nil, fmt.Errorf("begin a status list: %w", err)
		}
	}
	var queryErr error
	indices := statuslist.Pick(listSize, n, func(i int) bool {
		used, err := store.Get(tx, store.Value[int64], `select count(*) from identity_credential where list = $1 and idx = $2`, list[0], i)
		if err != nil {
			queryErr = err
		}
		return used > 0
	})
	if queryErr != nil {
		return nil, queryErr
	}
	if len(indices) < n {
		return nil, fault.New(fault.Unavailable, "identity.status.full")
	}
	if _, err := tx.Exec(`update identity_list set filled = filled + $2 where id = $1`, list[0], n); err != nil {
		return nil, err
	}
	out := make([]place, n)
	for i, index := range indices {
		out[i] = place{list: list[0], index: index}
	}
	return out, nil
}

// published keeps the last signed token of each list in this process; other
// processes keep their own, and all of them look at the list's time of change.
type published struct {
	mu   sync.Mutex
	made map[int64]publishedList
}

type publishedList struct {
	token   string
	changed int64
	signed  time.Time
}

// statusList publishes a list: GET /credentials/status/{n}.
func (r *Room) statusList(c *web.Ctx, _ gate.Permit[gate.House]) error {
	n, err := strconv.ParseInt(c.Path("n"), 10, 64)
	if err != nil || n < 1 {
		return notFound("identity.status.unknown")
	}
	token, err := r.statusToken(c.Context(), n)
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/"+statuslist.Type)
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(listTTL/time.Second)))
	c.W.WriteHeader(http.StatusOK)
	_, _ = c.W.Write([]byte(token)) // a reader who went away needs no answer
	return nil
}

func (r *Room) statusToken(ctx context.Context, n int64) (string, error) {
	now := r.clock.Now()
	var changed int64
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		changed, err = store.Get(tx, store.Value[int64], `select changed from identity_list where id = $1`, n)
		return err
	})
	if err != nil {
		return "", notFoundOr(err, "identity.status.unknown")
	}
	r.lists.mu.Lock()
	kept, ok := r.lists.made[n]
	r.lists.mu.Unlock()
	if ok && kept.changed == changed && now.Sub(kept.signed) < listLife/3 && !now.Before(kept.signed) {
		return kept.token, nil
	}
	list, err := statuslist.New(listBits, listSize)
	if err != nil {
		return "", err
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		rows, err := store.List(tx, func(scan store.Scan) (v [2]int64, err error) { return v, scan(&v[0], &v[1]) },
			`select idx, status from identity_credential where list = $1 and status <> 0`, n)
		if err != nil {
			return err
		}
		for _, v := range rows {
			if err := list.Set(int(v[0]), int(v[1])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	s, err := r.signer(ctx, purposeCredential)
	if err != nil {
		return "", err
	}
	token, err := statuslist.Sign(s, r.listURI(n), list, now, listLife, listTTL)
	if err != nil {
		return "", err
	}
	r.lists.mu.Lock()
	defer r.lists.mu.Unlock()
	r.lists.made[n] = publishedList{token: token, changed: changed, signed: now}
	return token, nil
}

func notFoundOr(err error, key string) error {
	if fault.Is(err, fault.NotFound) {
		return notFound(key)
	}
	return err
}

// GateResource gives IdentityCredential; subject is whose it is, so that
// nobody decides about their own.
func (h Held) GateResource() gate.Resource {
	return gate.Resource{Type: "IdentityCredential", ID: h.ID, Attrs: map[string]any{"subject": h.Subject, "type": h.Type}}
}

// loadCredential reads an issued credential by its reference.
func (r *Room) loadCredential(ctx context.Context, credential string) (h Held, err error) {
	if !uuidLike(credential) {
		return h, notFound("identity.credential.unknown")
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		h, err = store.Get(tx, scanHeld, `select `+heldColumns+` from identity_credential where id = $1`, credential)
		return err
	})
	return h, notFoundOr(err, "identity.credential.unknown")
}

// SetStatus revokes, suspends or restores a credential by an official act. The
// whole batch it came in goes with it: the holder has one card, however many
// signatures it consists of. A revocation is for good.
func (r *Room) SetStatus(ctx context.Context, p gate.Permit[Held], status int, reason string) error {
	h := p.Resource()
	if reason == "" {
		return fault.New(fault.Invalid, "identity.revoke.reason").At("reason", "identity.revoke.reason")
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if status == statuslist.Valid { // one card is not given back while its person is suspended
			usable, err := canUse(tx, h.Subject)
			if err != nil {
				return err
			}
			if !usable {
				return fault.New(fault.Conflict, "identity.revoke.person")
			}
		}
		return setStatus(tx, h, status, reason, p.Who().Actor())
	})
}

// touchLists notes that lists change, lowest number first. Each gets a time of
// its own: no two states of a list share one.
func touchLists(tx *store.Tx, lists []int64, now int64) error {
	for _, n := range lists {
		if _, err := tx.Exec(`update identity_list set changed = case when changed >= $2 then changed + 1 else $2 end where id = $1`, n, now); err != nil {
			return err
		}
	}
	return nil
}

func setStatus(tx *store.Tx, h Held, status int, reason, actor string) error {
	now := store.Micros(tx.Now())
	// lists first, in order of their numbers, then their credentials
	lists, err := store.List(tx, store.Value[int64], `select distinct list from identity_credential where offer = $1 order by list`, h.Offer)
	if err != nil {
		return err
	}
	if err := touchLists(tx, lists, now); err != nil {
		return err
	}
	n, err := tx.Exec(`update identity_credential set status = $2, changed = $3, reason = $4 where offer = $1 and status <> $5 and status <> $2`,
		h.Offer, status, now, reason, statuslist.Invalid)
	if err != nil {
		return fmt.Errorf("set the status of a credential: %w", err)
	}
	if n == 0 {
		return fault.New(fault.Conflict, "identity.revoke.final")
	}
	what := map[int]string{statuslist.Invalid: "revoked", statuslist.Suspended: "suspended", statuslist.Valid: "restored"}[status]
	tx.Emit(store.Event{Type: EventCredentialRevoked, Subject: "identity/credential/" + h.ID, Actor: actor,
		Data: Credentialed{Offer: h.Offer, Credential: h.ID, Type: h.Type, Reason: what}})
	return nil
}
