package payments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Kinds of aliases. The number of an account of the house leads to it by itself; one
// outside the house has an entry, by which its participant has told its holder's name.
const (
	AliasMobile = "mobile" // E.164
	AliasNumber = "number" // the national number
	aliasIBAN   = "iban"
)

// States of an alias. A claimed one still leads to its account, but can neither
// be moved nor taken away until the claim has ended.
const (
	aliasActive  = "active"
	aliasClaimed = "claimed"
)

// Kinds of holders.
const (
	holderNatural = "natural"
	holderLegal   = "legal"
)

// maxMobiles is how many mobile numbers may lead to one person's accounts.
const maxMobiles = 5

// The cool-off of an alias that changed hands, or whose SIM card was changed. A
// stolen SIM is noticed when the telephone goes dead, at the latest after a
// weekend: 72 hours. Until then the alias receives at most 25,000 rupees
// altogether, which serves a household and no fraud, and cannot be claimed.
const (
	CalmTime       = 72 * time.Hour
	CalmMost int64 = 2_500_000 // minor units
)

// Why an alias cools off.
const (
	calmClaim = "claim"
	calmSIM   = "sim"
)

// keyOtherPerson: a number leads to somebody else's account.
const keyOtherPerson = "payments.alias.other-person"

// purposeAlias names the key of the directory. A name ending in ".pseudonym" is
// never rotated, because the hashes could not be made again from themselves.
const purposeAlias = "payments.alias.pseudonym"

// Alias is an entry of the directory: a number that leads to an account. The
// number itself is not in it.
type Alias struct {
	ID           string // the same whenever this number is in the directory
	Kind         string
	Account      string
	Participant  string
	Holder       string
	HolderKind   string
	State        string
	Tail         string
	Since        time.Time // it is the holder's
	Placed       time.Time // it leads to this account
	CID          []byte
	CalmUntil    time.Time
	CalmWhy      string
	CalmReceived int64 // minor units
	mac          []byte
}

// GateResource tells the gate whose alias it is.
func (a Alias) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsAlias", ID: a.ID, Attrs: map[string]any{"holder": a.Holder, "seat": a.Participant + "#participant"}}
}

// calm says whether the alias cools off at a moment.
func (a Alias) calm(now time.Time) bool { return now.Before(a.CalmUntil) }

const aliasColumns = "kind, mac, id, account, participant, holder, holder_kind, state, tail, since, placed, cid, calm_until, calm_why, calm_received"

func scanAlias(scan store.Scan) (*Alias, error) {
	var a Alias
	var since, placed, calm int64
	err := scan(&a.Kind, &a.mac, &a.ID, &a.Account, &a.Participant, &a.Holder, &a.HolderKind, &a.State, &a.Tail, &since, &placed, &a.CID, &calm, &a.CalmWhy, &a.CalmReceived)
	a.Since, a.Placed, a.CalmUntil = store.Time(since), store.Time(placed), store.Time(calm)
	return &a, err
}

func (a *Alias) values() []any {
	return []any{a.Kind, a.mac, a.ID, a.Account, a.Participant, a.Holder, a.HolderKind, a.State, a.Tail, store.Micros(a.Since), store.Micros(a.Placed), a.CID, store.Micros(a.CalmUntil), a.CalmWhy, a.CalmReceived}
}

// aliasKey is what somebody typed, once its number has been hashed.
type aliasKey struct {
	kind    string
	mac     []byte
	id      string
	tail    string // shown to the holder only
	iban    string // of kind iban
	request []byte // the key of the content id
}

// aliasMAC hides a number. Whoever copies the tables cannot try out all numbers
// without the key. Call it outside a transaction, it reads the key.
func (r *Room) aliasMAC(ctx context.Context, kind, value string) ([]byte, error) {
	return r.keys.MAC(ctx, purposeAlias, []byte(kind), []byte(value))
}

// keyOf is aliasMAC with what follows from it.
func (r *Room) keyOf(ctx context.Context, kind, value string) (k aliasKey, err error) {
	k = aliasKey{kind: kind}
	if k.mac, err = r.aliasMAC(ctx, kind, value); err != nil {
		return k, err
	}
	if kind == AliasMobile && len(value) > 2 {
		k.tail = value[len(value)-2:]
	}
	return k, r.complete(ctx, &k)
}

// complete adds what follows from the hash.
func (r *Room) complete(ctx context.Context, k *aliasKey) (err error) {
	sum := sha256.Sum256(append([]byte("alias\x00"), k.mac...))
	k.id = hex.EncodeToString(sum[:16])
	k.request, err = r.contentKey(ctx, k.id)
	return err
}

// typed reads an account number, a mobile number or a national number as
// people write them.
func (r *Room) typed(ctx context.Context, text string) (aliasKey, error) {
	if iban, err := r.pack.IBAN.Parse(text); err == nil {
		return aliasKey{kind: aliasIBAN, iban: string(iban)}, nil
	}
	if n, err := r.pack.NationalNumber.Parse(text); err == nil {
		return r.keyOf(ctx, AliasNumber, n.Digits)
	}
	if p, what, err := r.pack.Phone.Parse(text); err == nil && what == "mobile" {
		return r.keyOf(ctx, AliasMobile, string(p))
	}
	return aliasKey{}, fault.New(fault.Invalid, "payments.to.unreadable").At("to", "payments.to.unreadable")
}

func aliasByKey(tx *store.Tx, k aliasKey, lock string) (*Alias, error) {
	return store.Get(tx, scanAlias, "select "+aliasColumns+" from payments_alias where kind = $1 and mac = $2"+lock, k.kind, k.mac)
}

func aliasByID(tx *store.Tx, id, lock string) (*Alias, error) {
	a, err := store.Get(tx, scanAlias, "select "+aliasColumns+" from payments_alias where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.alias.unknown").Because(err)
	}
	return a, err
}

// aliasesOf lists a person's aliases.
func aliasesOf(tx *store.Tx, holder string) ([]*Alias, error) {
	return store.List(tx, scanAlias, "select "+aliasColumns+" from payments_alias where holder = $1 order by kind, since, id", holder)
}

// accountFor reads an account and makes sure that an alias of the holder may
// lead to it.
func accountFor(tx *store.Tx, id, holder string) (*Account, error) {
	a, err := listedAccount(tx, id, " for update")
	if fault.Is(err, fault.NotFound) || err == nil && (a.Holder != holder || a.Role != ledger.Customer || a.Closed) {
		return nil, fault.New(fault.Invalid, "payments.alias.no-account").At("account", "payments.alias.no-account")
	}
	return a, err
}

func holderKind(a *Account) string {
	if a.Kind == KindPerson {
		return holderNatural
	}
	return holderLegal
}

// link makes an alias lead to an account of its holder, whose possession of it
// is proven. When it is the holder's already it is moved, if across says that
// it may leave the participant that has it now. An alias of somebody else is a
// conflict that asks for a claim.
func (r *Room) link(ctx context.Context, actor, holder string, k aliasKey, account string, across bool) (out *Alias, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		out, err = r.linkIn(tx, actor, holder, k, account, across)
		return err
	})
	return out, err
}

func (r *Room) linkIn(tx *store.Tx, actor, holder string, k aliasKey, account string, across bool) (*Alias, error) {
	to, err := accountFor(tx, account, holder)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	a := &Alias{ID: k.id, Kind: k.kind, Account: to.ID, Participant: to.Book, Holder: holder, HolderKind: holderKind(to), State: aliasActive, Tail: k.tail, Since: now, Placed: now, mac: k.mac}
	a.CID = contentID(k.request, a, to)
	if err := recallCalm(tx, a); err != nil {
		return nil, err
	}
	// The id comes from kind and mac, and either key may be the first to clash.
	n, err := tx.Exec("insert into payments_alias ("+aliasColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing", a.values()...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return r.relink(tx, actor, holder, k, to, across)
	}
	// after the insert: what another transaction decided about the number
	// meanwhile is seen now
	if claimed, err := openClaim(tx, k); err != nil || claimed != nil {
		return nil, orFault(err, fault.New(fault.Conflict, "payments.alias.claimed"))
	}
	if k.kind == AliasMobile {
		var have int64
		if err := tx.QueryRow("select count(*) from payments_alias where holder = $1 and kind = $2", holder, AliasMobile).Scan(&have); err != nil {
			return nil, err
		}
		if have > maxMobiles {
			return nil, fault.New(fault.Conflict, "payments.alias.too-many", "most", fmt.Sprint(maxMobiles))
		}
	}
	tx.Emit(store.Event{Type: AliasLinked, Version: 1, Subject: "payments/alias/" + a.ID, Actor: actor, Data: a.data()})
	return a, contentAdded(tx, a)
}

// relink is what linking means for an alias that is in the directory.
func (r *Room) relink(tx *store.Tx, actor, holder string, k aliasKey, to *Account, across bool) (*Alias, error) {
	a, err := aliasByKey(tx, k, " for update")
	switch {
	case err != nil:
		return nil, err
	case a.Holder != holder:
		return nil, fault.New(fault.Conflict, keyOtherPerson)
	case a.Account == to.ID:
		return a, nil
	case a.Participant != to.Book && !across:
		return nil, fault.New(fault.Conflict, "payments.alias.other-participant")
	}
	return a, moveAlias(tx, actor, a, to, k.request)
}

// move makes an alias lead to another account of its holder, at once.
func (r *Room) move(ctx context.Context, actor string, id, account string, across bool) (out *Alias, err error) {
	request, err := r.contentKey(ctx, id)
	if err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		a, err := aliasByID(tx, id, " for update")
		if err != nil {
			return err
		}
		to, err := accountFor(tx, account, a.Holder)
		if err != nil {
			return err
		}
		if out = a; a.Account == to.ID {
			return nil
		}
		if a.Participant != to.Book && !across {
			return fault.New(fault.Conflict, "payments.alias.other-participant")
		}
		return moveAlias(tx, actor, a, to, request)
	})
	return out, err
}

func moveAlias(tx *store.Tx, actor string, a *Alias, to *Account, request []byte) error {
	if a.State == aliasClaimed {
		return fault.New(fault.Conflict, "payments.alias.claimed")
	}
	return a.place(tx, actor, to, request)
}

// place writes the account that an alias leads to, as it is now.
func (a *Alias) place(tx *store.Tx, actor string, to *Account, request []byte) error {
	before := *a
	a.Account, a.Participant, a.HolderKind = to.ID, to.Book, holderKind(to)
	if before.Account != a.Account {
		a.Placed = tx.Now()
	}
	a.CID = contentID(request, a, to)
	if err := contentMoved(tx, &before, a); err != nil {
		return err
	}
	_, err := tx.Exec("update payments_alias set account = $2, participant = $3, holder_kind = $4, placed = $5, cid = $6 where id = $1", a.ID, a.Account, a.Participant, a.HolderKind, store.Micros(a.Placed), a.CID)
	tx.Emit(store.Event{Type: AliasMoved, Version: 1, Subject: "payments/alias/" + a.ID, Actor: actor, Data: a.data()})
	return err
}

// unlink takes an alias out of the directory.
func (r *Room) unlink(ctx context.Context, actor, id string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		a, err := aliasByID(tx, id, " for update")
		if err != nil {
			return err
		}
		if a.State == aliasClaimed {
			return fault.New(fault.Conflict, "payments.alias.claimed")
		}
		if a.Kind == aliasIBAN {
			if err := unlist(tx, a); err != nil {
				return err
			}
		}
		tx.Emit(store.Event{Type: AliasUnlinked, Version: 1, Subject: "payments/alias/" + a.ID, Actor: actor, Data: a.data()})
		return removeAlias(tx, a)
	})
}

// removeAlias takes the entry away; the caller says why.
func removeAlias(tx *store.Tx, a *Alias) error {
	if _, err := tx.Exec("delete from payments_alias where id = $1", a.ID); err != nil {
		return err
	}
	if a.calm(tx.Now()) {
		if err := keepCalm(tx, a); err != nil {
			return err
		}
	}
	return contentRemoved(tx, a)
}

// keepCalm remembers the cool-off of a number that is not in the directory.
func keepCalm(tx *store.Tx, a *Alias) error {
	if _, err := tx.Exec("delete from payments_calm where until <= $1", store.Micros(tx.Now())); err != nil {
		return err
	}
	_, err := tx.Exec("insert into payments_calm (alias, until, why, received) values ($1, $2, $3, $4) on conflict (alias) do update set until = excluded.until, why = excluded.why, received = excluded.received",
		a.ID, store.Micros(a.CalmUntil), a.CalmWhy, a.CalmReceived)
	return err
}

// recallCalm gives a number that comes into the directory the rest of the
// cool-off it had.
func recallCalm(tx *store.Tx, a *Alias) error {
	list, err := store.List(tx, func(scan store.Scan) (c Alias, err error) {
		var until int64
		err = scan(&until, &c.CalmWhy, &c.CalmReceived)
		c.CalmUntil = store.Time(until)
		return c, err
	}, "select until, why, received from payments_calm where alias = $1 and until > $2", a.ID, store.Micros(tx.Now()))
	if err == nil && len(list) == 1 {
		a.CalmUntil, a.CalmWhy, a.CalmReceived = list[0].CalmUntil, list[0].CalmWhy, list[0].CalmReceived
	}
	return err
}

// simChanged starts the cool-off of a mobile number whose SIM card was changed,
// as its operator tells. The answer is the same for a number that is not in the
// directory; if it is linked later, it cools off as well.
func (r *Room) simChanged(ctx context.Context, actor string, k aliasKey) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		a, err := aliasByKey(tx, k, " for update")
		if fault.Is(err, fault.NotFound) {
			return keepCalm(tx, &Alias{ID: k.id, CalmUntil: tx.Now().Add(CalmTime), CalmWhy: calmSIM})
		}
		if err != nil {
			return err
		}
		if err := startCalm(tx, a, calmSIM); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: AliasCalmed, Version: 1, Subject: "payments/alias/" + a.ID, Actor: actor, Data: a.data()})
		return nil
	})
}

func startCalm(tx *store.Tx, a *Alias, why string) error {
	a.CalmUntil, a.CalmWhy, a.CalmReceived = tx.Now().Add(CalmTime), why, 0
	_, err := tx.Exec("update payments_alias set calm_until = $2, calm_why = $3, calm_received = 0 where id = $1", a.ID, store.Micros(a.CalmUntil), why)
	return err
}

// alias reads an entry outside a transaction.
func (r *Room) alias(ctx context.Context, id string) (a *Alias, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err = aliasByID(tx, id, "")
		return err
	})
	return a, err
}

func (r *Room) account(ctx context.Context, get func(tx *store.Tx) (*Account, error)) (a *Account, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err = get(tx)
		return err
	})
	return a, err
}

// orFault gives the error there is, else the fault.
func orFault(err error, f *fault.Error) error {
	if err != nil {
		return err
	}
	return f
}

// newAlias makes an entry for an account outside a transaction, to be written
// with others by insertAliases.
func (r *Room) newAlias(ctx context.Context, kind, value string, to *Account) (*Alias, error) {
	k, err := r.keyOf(ctx, kind, value)
	if err != nil {
		return nil, err
	}
	a := &Alias{ID: k.id, Kind: kind, Account: to.ID, Participant: to.Book, Holder: to.Holder, HolderKind: holderKind(to), State: aliasActive, Tail: k.tail, mac: k.mac}
	a.CID = contentID(k.request, a, to)
	return a, nil
}

// insertAliases writes many new entries at once, for a directory that begins
// with them. They are not said one by one in the journal.
func insertAliases(tx *store.Tx, list []*Alias) error {
	values := make([][]any, len(list))
	for i, a := range list {
		a.Since, a.Placed = tx.Now(), tx.Now()
		values[i] = a.values()
	}
	if err := insert(tx, "payments_alias ("+aliasColumns+")", values); err != nil {
		return err
	}
	return contentAdded(tx, list...)
}
