package payments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// LookupTime is how long the answer to a lookup may be used for a payment.
const LookupTime = OrderTime

// lookupsKept is how long it is kept who asked for which name and paid nothing: as
// long as names are counted, and a day for whoever looks into an attack.
const lookupsKept = 2 * day

// Asker is who wants to know a name, and whose bucket pays for it. It does not
// matter in how many sessions, through how many participants or for how many
// accounts somebody asks: a person is one bucket.
type Asker struct {
	Actor       string // may use the answer
	Policy      Policy
	Scope       string // "person/<pseudonym>", "account/<id>" of a company, "client/<id>"
	Participant string // asks for its customer and pays as well, or ""
	member      Policy // of the participant
}

// asker counts a lookup on the payer: a company's own account on the company,
// anything else on the person. A program that is no participant is one scope.
func asker(who gate.Principal, payer *Account) Asker {
	switch {
	case payer != nil:
		return holderAsker(who.Actor(), payer)
	case who.Kind == gate.Client:
		return Asker{Actor: who.Actor(), Policy: PolicyPerson, Scope: "client/" + who.ID}
	}
	return Asker{Actor: who.Actor(), Policy: PolicyPerson, Scope: "person/" + who.ID}
}

func holderAsker(actor string, payer *Account) Asker {
	if payer.Kind == KindPerson {
		return Asker{Actor: actor, Policy: PolicyPerson, Scope: "person/" + payer.Holder}
	}
	return Asker{Actor: actor, Policy: PolicyCompany, Scope: "account/" + payer.ID}
}

// Found is the answer to a lookup.
type Found struct {
	ID      string // of the lookup, which an order that follows names
	Account *Account
	Alias   *Alias // nil when an account number was asked for
	Expires time.Time
	Left    int64 // tokens of the payer's bucket
	Agreed  int64 // reports of fraud about the payee that both participants agreed on
	Policy  Policy
}

// lookUp answers who is behind an account number, a mobile number or a national
// number. What is not found, is blocked or closed gets one and the same answer,
// fault NotFound, which tells nothing about who has an account. Price and answer
// are one transaction: whoever reads the answer has paid, in whatever process.
// found is nil together with an error; left is told in both cases.
//
// An account outside the house is found by what its participant has told the directory.
// Of the number of an account at a connected participant that is not in the directory
// the answer is the participant ([Account] of kind participant): it costs what a name
// costs, so that nobody finds out for nothing which accounts are there.
func (r *Room) lookUp(ctx context.Context, by Asker, k aliasKey) (found *Found, left int64, err error) {
	id := r.newID()
	silent := false
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		found, silent = nil, false
		buckets := []*Bucket{{Policy: by.Policy, Scope: by.Scope}}
		if by.Participant != "" {
			buckets = append(buckets, &Bucket{Policy: by.member, Scope: "participant/" + by.Participant})
		}
		if err := lockBuckets(tx, buckets...); err != nil {
			return err
		}
		for _, b := range buckets {
			if wait := b.wait(tx.Now()); wait > 0 {
				return tooOften(ctx, wait)
			}
		}
		if err := namesLeft(tx, by); err != nil {
			return err
		}
		account, alias, err := r.find(tx, k)
		if err != nil {
			return err
		}
		if account != nil && account.away() {
			p, err := participantByID(tx, account.Book)
			if err != nil {
				return err
			}
			if silent = p.Suspended; silent && alias == nil {
				return errSilent(nil) // the number says the bank itself: nothing was learned
			}
		}
		for _, b := range buckets {
			if account == nil {
				b.spend(b.Miss)
			} else {
				b.spend(b.Hit)
			}
		}
		if err := saveBuckets(tx, buckets...); err != nil {
			return err
		}
		left = buckets[0].Tokens
		line := lookup{ID: id, Scope: by.Scope, Participant: by.Participant, Asker: by.Actor, At: tx.Now(), Expires: tx.Now().Add(LookupTime)}
		if account != nil {
			found = &Found{ID: id, Account: account, Alias: alias, Expires: line.Expires, Left: left, Policy: by.Policy}
			line.Account, line.Personal = account.ID, account.Kind == KindPerson
			if account.away() {
				line.IBAN = account.IBAN
			}
			if alias != nil {
				line.Alias = alias.ID
			}
			if found.Agreed, err = agreedMarks(tx, account, line.Alias); err != nil {
				return err
			}
		}
		return insertLookup(tx, line)
	})
	switch {
	case err != nil:
	case found == nil:
		err = fault.New(fault.NotFound, "payments.payee.unknown").At("to", "payments.payee.unknown")
	case silent: // that the number leads there was learned, and paid for
		found, err = nil, errSilent(nil)
	}
	return found, left, err
}

// find looks without counting. Nil, nil, nil is "there is none".
func (r *Room) find(tx *store.Tx, k aliasKey) (*Account, *Alias, error) {
	var alias *Alias
	var account *Account
	var err error
	if k.kind == aliasIBAN {
		account, err = payeeByIBAN(tx, k.iban, r.pack.Currency.Code)
	} else if alias, err = aliasByKey(tx, k, ""); err == nil {
		account, err = listedAccount(tx, alias.Account, "")
	}
	switch {
	case fault.Is(err, fault.NotFound), err == nil && (account.Closed || account.Blocked):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	return account, alias, nil
}

// lookup is one question and what became of it.
type lookup struct {
	ID          string
	Scope       string
	Participant string
	Asker       string
	Alias       string
	Account     string
	Personal    bool
	At          time.Time
	Expires     time.Time
	UsedBy      string
	Returned    bool
	IBAN        string // of an account that the house does not keep
}

const lookupColumns = "id, scope, participant, asker, alias, account, personal, at, expires, used_by, returned, iban"

func scanLookup(scan store.Scan) (l lookup, err error) {
	var at, expires int64
	err = scan(&l.ID, &l.Scope, &l.Participant, &l.Asker, &l.Alias, &l.Account, &l.Personal, &at, &expires, &l.UsedBy, &l.Returned, &l.IBAN)
	l.At, l.Expires = store.Time(at), store.Time(expires)
	return l, err
}

func insertLookup(tx *store.Tx, l lookup) error {
	if _, err := tx.Exec("insert into payments_lookup ("+lookupColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11)",
		l.ID, l.Scope, l.Participant, l.Asker, l.Alias, l.Account, l.Personal, store.Micros(l.At), store.Micros(l.Expires), false, l.IBAN); err != nil {
		return err
	}
	if !strings.HasSuffix(l.ID, "0") {
		return nil // each sixteenth who asks sweeps
	}
	return sweepLookups(tx)
}

// bucketsKept is longer than any bucket takes to be full again: forgetting a full
// one changes nothing.
const bucketsKept = 30 * day

// sweepLookups forgets who asked, a little at a time: what nothing followed after
// two days, what a payment followed when that can no longer be reported.
func sweepLookups(tx *store.Tx) error {
	for _, s := range []struct {
		sql  string
		kept time.Duration
	}{
		{"delete from payments_lookup where id in (select id from payments_lookup where used_by = '' and at < $1 order by at limit 200 for update skip locked)", lookupsKept},
		{"delete from payments_lookup where id in (select id from payments_lookup where at < $1 order by at limit 200 for update skip locked)", MarkTime},
		{"delete from payments_bucket where (policy, scope) in (select policy, scope from payments_bucket where counted < $1 order by counted limit 200 for update skip locked)", bucketsKept},
	} {
		if _, err := tx.Exec(s.sql, store.Micros(tx.Now().Add(-s.kept))); err != nil {
			return fmt.Errorf("forget lookups: %w", err)
		}
	}
	return nil
}

// namesLeft refuses a scope to which as many names of persons were shown in a
// day as one may see. A name that was shown before counts again: who asks twice
// for the same person pays twice, and cannot ask what counts as the same.
func namesLeft(tx *store.Tx, by Asker) error {
	if by.Policy.Names == 0 {
		return nil
	}
	var shown, oldest int64
	err := tx.QueryRow("select count(*), coalesce(min(at), 0) from payments_lookup where scope = $1 and personal = $2 and at >= $3", by.Scope, true, store.Micros(tx.Now().Add(-day))).Scan(&shown, &oldest)
	if err != nil || shown < by.Policy.Names {
		return err
	}
	return tooOften(tx.Context(), max(store.Time(oldest).Add(day+time.Microsecond).Sub(tx.Now()), time.Second))
}

// useLookup says which order or reservation follows a lookup. One lookup is for
// one payment, of who asked, to the account that was found, before its end.
func useLookup(tx *store.Tx, id, actor, account, user string) error {
	if id == "" {
		return nil
	}
	n, err := tx.Exec("update payments_lookup set used_by = $2 where id = $1 and asker = $3 and account = $4 and account <> '' and used_by = '' and expires > $5", id, user, actor, account, store.Micros(tx.Now()))
	if err == nil && n == 0 {
		err = fault.New(fault.Gone, "payments.directory.lookup-over")
	}
	return err
}

// lookupFor reads an answer that may still be used, for a payer who names it
// instead of the payee's account number.
func (r *Room) lookupFor(ctx context.Context, id, actor string) (to *Account, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		l, err := store.Get(tx, scanLookup, "select "+lookupColumns+" from payments_lookup where id = $1 and asker = $2 and account <> '' and used_by = '' and expires > $3", id, actor, store.Micros(tx.Now()))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Gone, "payments.directory.lookup-over").Because(err)
		}
		if err != nil {
			return err
		}
		if to, err = listedAccount(tx, l.Account, ""); fault.Is(err, fault.NotFound) { // its participant took it away
			return fault.New(fault.Gone, "payments.directory.lookup-over").Because(err)
		}
		if err == nil && l.IBAN != "" {
			to.IBAN = l.IBAN
		}
		return err
	})
	return to, err
}

// usedLookup is the lookup that a payment follows; nil when there was none.
func usedLookup(tx *store.Tx, user, lock string) (*lookup, error) {
	list, err := store.List(tx, scanLookup, "select "+lookupColumns+" from payments_lookup where used_by = $1 and used_by <> ''"+lock, user)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// allowCalm refuses more than an alias may receive while it cools off; for the
// moment before a payment is decided.
func allowCalm(tx *store.Tx, user string, amount int64) error {
	l, err := usedLookup(tx, user, "")
	if err != nil || l == nil || l.Alias == "" {
		return err
	}
	a, err := aliasByID(tx, l.Alias, "")
	if fault.Is(err, fault.NotFound) {
		return nil // it went away since; the account is the one that was shown
	}
	if err == nil && a.calm(tx.Now()) && a.CalmReceived+amount > CalmMost {
		return fault.New(fault.Conflict, "payments.calm.over").At("amount", "payments.calm.over")
	}
	return err
}

// received is what a payment does to the directory in the transaction that
// decides it: it counts what an alias receives while it cools off.
func received(tx *store.Tx, user string, amount int64) error {
	l, err := usedLookup(tx, user, "")
	if err != nil || l == nil || l.Alias == "" {
		return err
	}
	now := store.Micros(tx.Now())
	n, err := tx.Exec("update payments_alias set calm_received = calm_received + $2 where id = $1 and (calm_until <= $3 or calm_received + $2 <= $4)", l.Alias, amount, now, CalmMost)
	if err != nil || n > 0 {
		return err
	}
	if _, err := aliasByID(tx, l.Alias, ""); fault.Is(err, fault.NotFound) {
		return nil
	}
	return fault.New(fault.Conflict, "payments.calm.over").At("amount", "payments.calm.over")
}

// unreceived takes back what received counted, of a payment that came to nothing.
func unreceived(tx *store.Tx, user string, amount int64) error {
	l, err := usedLookup(tx, user, "")
	if err != nil || l == nil || l.Alias == "" {
		return err
	}
	_, err = tx.Exec("update payments_alias set calm_received = calm_received - $2 where id = $1 and calm_received >= $2", l.Alias, amount)
	return err
}

// giveBack returns the tokens of a lookup that a payment followed, once.
func (r *Room) giveBack(tx *store.Tx, user string) error {
	l, err := usedLookup(tx, user, " for update")
	if err != nil || l == nil || l.Returned {
		return err
	}
	if _, err := tx.Exec("update payments_lookup set returned = $2 where id = $1", l.ID, true); err != nil {
		return err
	}
	buckets := []*Bucket{{Policy: policyOf(l.Scope), Scope: l.Scope}}
	if l.Participant != "" {
		member, err := r.memberPolicy(tx, l.Participant)
		if err != nil {
			return err
		}
		buckets = append(buckets, &Bucket{Policy: member, Scope: "participant/" + l.Participant})
	}
	if err := lockBuckets(tx, buckets...); err != nil {
		return err
	}
	for _, b := range buckets {
		b.giveBack(b.Back)
	}
	return saveBuckets(tx, buckets...)
}

// memberPolicy is the anti-scan policy of a participant, by its class.
func (r *Room) memberPolicy(tx *store.Tx, participant string) (Policy, error) {
	var kind, class string
	if err := tx.QueryRow("select kind, directory_class from payments_participant where id = $1", participant).Scan(&kind, &class); err != nil {
		return Policy{}, err
	}
	if class == "" {
		class = classOf[kind]
	}
	p, ok := classes[class]
	if !ok {
		p = classes["F"]
	}
	return p, nil
}

// Warning is what a payer is told about the payee before paying.
type Warning struct {
	Agreed int64     // reports of fraud that both participants agreed on
	Why    string    // the alias cools off: claim, sim, or ""
	Until  time.Time // end of the cool-off
	Left   int64     // minor units it may still receive until then
	Names  int64     // names the payer may still ask for
	Few    bool      // these are few
}

// fewNames is when a payer is told how many names are left.
const fewNames = 5

func warning(tx *store.Tx, o *Order) (w Warning, err error) {
	l, err := usedLookup(tx, o.ID, "")
	if err != nil {
		return w, err
	}
	alias := ""
	if l != nil {
		alias = l.Alias
		b, err := bucketState(tx, policyOf(l.Scope), l.Scope)
		if err != nil {
			return w, err
		}
		w.Names, w.Few = b.Tokens, b.Tokens <= fewNames
	}
	if w.Agreed, err = agreedMarks(tx, o.payee(), alias); err != nil || alias == "" {
		return w, err
	}
	a, err := aliasByID(tx, alias, "")
	if fault.Is(err, fault.NotFound) {
		return w, nil
	}
	if err == nil && a.calm(tx.Now()) {
		w.Why, w.Until, w.Left = a.CalmWhy, a.CalmUntil, max(CalmMost-a.CalmReceived, 0)
	}
	return w, err
}

// policyOf is the policy of a payer's scope.
func policyOf(scope string) Policy {
	if strings.HasPrefix(scope, "account/") {
		return PolicyCompany
	}
	return PolicyPerson
}
