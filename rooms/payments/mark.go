package payments

import (
	"context"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// States of a mark (DICT: infraction report).
const (
	markOpen         = "open"
	markAcknowledged = "acknowledged"
	markClosed       = "closed"
	markCancelled    = "cancelled"
)

// Outcomes of a closed mark.
const (
	markAgreed    = "agreed"
	markDisagreed = "disagreed"
)

// markReasons are the sorts of fraud a payment can be reported for.
var markReasons = []string{"scam", "takeover", "coercion", "mule", "other"}

// MarkTime is how long after a payment it can be reported.
const MarkTime = 90 * day

// WarnTime is how far back agreed marks warn a payer.
const WarnTime = 365 * day

// Mark is a report that a payment was part of a fraud. It is about the account
// that received the money. Only the two participants of the payment and the
// rail's operator read it; everybody else sees at most how many there are.
type Mark struct {
	ID          string
	Transfer    string
	Reason      string
	Details     string
	State       string
	Outcome     string
	Analysis    string
	Reporter    string
	Counterpart string
	Account     string
	Holder      string
	Alias       string
	Opened      time.Time
	Changed     time.Time
}

// GateResource tells the gate which participants it is between.
func (m Mark) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsMark", ID: m.ID, Attrs: map[string]any{"reporter_seat": m.Reporter + "#participant", "counterpart_seat": m.Counterpart + "#participant"}}
}

const markColumns = "id, transfer, reason, details, state, outcome, analysis, reporter, counterpart, account, holder, alias, opened, changed"

func scanMark(scan store.Scan) (*Mark, error) {
	var m Mark
	var opened, changed int64
	err := scan(&m.ID, &m.Transfer, &m.Reason, &m.Details, &m.State, &m.Outcome, &m.Analysis, &m.Reporter, &m.Counterpart, &m.Account, &m.Holder, &m.Alias, &opened, &changed)
	m.Opened, m.Changed = store.Time(opened), store.Time(changed)
	return &m, err
}

func getMark(tx *store.Tx, id, lock string) (*Mark, error) {
	m, err := store.Get(tx, scanMark, "select "+markColumns+" from payments_mark where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.mark.unknown").Because(err)
	}
	return m, err
}

func (r *Room) mark(ctx context.Context, id string) (m *Mark, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		m, err = getMark(tx, id, "")
		return err
	})
	return m, err
}

// report opens a mark about a payment. reporter is one of its two participants;
// the other one is asked what it finds. A payment has one mark that stands.
func (r *Room) report(ctx context.Context, actor, reporter string, t *Transfer, reason, details string) (*Mark, error) {
	switch {
	case t.Payer == nil || t.Payee == nil || t.Payer.Role != ledger.Customer || reporter != t.Payer.Book && reporter != t.Payee.Book:
		return nil, fault.New(fault.NotFound, "payments.transfer.unknown")
	case t.Phase != ledger.Committed:
		return nil, fault.New(fault.Conflict, "payments.mark.not-paid")
	case !slices.Contains(markReasons, reason):
		return nil, fault.New(fault.Invalid, "payments.mark.reason-wrong").At("reason", "payments.mark.reason-wrong")
	}
	m := &Mark{ID: r.newID(), Transfer: t.ID, Reason: reason, Details: details, State: markOpen, Reporter: reporter, Counterpart: t.Payer.Book, Account: t.Payee.ID, Holder: t.Payee.Holder}
	if t.Outside != nil && t.Outside.ID != "" {
		m.Account, m.Holder = t.Outside.ID, t.Outside.Holder
	}
	if reporter == t.Payer.Book {
		m.Counterpart = t.Payee.Book
	}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		if now.After(t.Finished.Add(MarkTime)) {
			return fault.New(fault.Conflict, "payments.mark.late")
		}
		m.Opened, m.Changed = now, now
		// by which number the payee was found, while that is still known
		alias, err := store.List(tx, store.Value[string], "select l.alias from payments_lookup l where l.used_by = $1 or l.used_by in (select id from payments_order where transfer = $1 and transfer <> '')", t.ID)
		if err != nil {
			return err
		}
		if len(alias) > 0 {
			m.Alias = alias[0]
		}
		n, err := tx.Exec("insert into payments_mark ("+markColumns+") values ($1, $2, $3, $4, $5, '', '', $6, $7, $8, $9, $10, $11, $11) on conflict (transfer) where state <> 'cancelled' do nothing",
			m.ID, m.Transfer, m.Reason, m.Details, m.State, m.Reporter, m.Counterpart, m.Account, m.Holder, m.Alias, store.Micros(now))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "payments.mark.twice")
		}
		if err != nil {
			return err
		}
		m.emit(tx, MarkOpened, actor)
		return nil
	})
	return m, err
}

// stepMark changes a mark's state: acknowledge and close are the counterpart's,
// cancel is the reporter's, at any time. A step taken before changes nothing.
func (r *Room) stepMark(ctx context.Context, actor, id, to, outcome, analysis string) (m *Mark, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if m, err = getMark(tx, id, " for update"); err != nil {
			return err
		}
		if m.State == to && m.Outcome == outcome {
			return nil
		}
		allowed := map[string]bool{markAcknowledged: m.State == markOpen, markClosed: m.State == markOpen || m.State == markAcknowledged, markCancelled: m.State != markCancelled}[to]
		if !allowed {
			return fault.New(fault.Conflict, "payments.mark.operation")
		}
		if to == markClosed && outcome != markAgreed && outcome != markDisagreed {
			return fault.New(fault.Invalid, "payments.mark.outcome").At("outcome", "payments.mark.outcome")
		}
		m.State, m.Changed = to, tx.Now()
		if to == markClosed {
			m.Outcome, m.Analysis = outcome, analysis
		}
		if _, err := tx.Exec("update payments_mark set state = $2, outcome = $3, analysis = $4, changed = $5 where id = $1", m.ID, m.State, m.Outcome, m.Analysis, store.Micros(m.Changed)); err != nil {
			return err
		}
		m.emit(tx, map[string]string{markAcknowledged: MarkAcknowledged, markClosed: MarkClosed, markCancelled: MarkCancelled}[to], actor)
		return nil
	})
	return m, err
}

func (m *Mark) emit(tx *store.Tx, event, actor string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/mark/" + m.ID, Actor: actor, Data: MarkData{Mark: m.ID, Reporter: m.Reporter, Counterpart: m.Counterpart, Outcome: m.Outcome}})
}

// marksOf lists the marks a participant is a party of, oldest change first; all
// marks when participant is "".
func marksOf(tx *store.Tx, participant, state string, after time.Time, id string, limit int) ([]*Mark, error) {
	return store.List(tx, scanMark, "select "+markColumns+` from payments_mark where ($1 = '' or reporter = $1 or counterpart = $1) and ($2 = '' or state = $2) and (changed > $3 or changed = $3 and id > $4)
		order by changed, id limit $5`, participant, state, store.Micros(after), id, limit)
}

// Counts are how many marks there are over a time.
type Counts struct {
	Months   int64 `json:"months"`
	Reported int64 `json:"reported" doc:"reports that were not cancelled"`
	Agreed   int64 `json:"agreed" doc:"those both participants agreed on"`
}

// windows are the times over which marks are counted, in months of 30 days.
var windows = []int64{3, 6, 12}

// countMarks counts the marks of an account, a person or an alias.
func countMarks(tx *store.Tx, column, value string) ([]Counts, error) {
	out := make([]Counts, 0, len(windows))
	for _, months := range windows {
		c := Counts{Months: months}
		if value != "" {
			err := tx.QueryRow("select count(*), count(*) filter (where outcome = 'agreed') from payments_mark where "+column+" = $1 and state <> 'cancelled' and opened > $2",
				value, store.Micros(tx.Now().Add(-time.Duration(months)*30*day))).Scan(&c.Reported, &c.Agreed)
			if err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// agreedMarks counts what warns a payer: agreed marks about the account, its
// holder as a person, or the alias the payer typed.
func agreedMarks(tx *store.Tx, a *Account, alias string) (n int64, err error) {
	person := ""
	if a.Kind == KindParticipant {
		return 0, nil // the account of all customers there says nothing about one of them
	}
	if a.Kind == KindPerson {
		person = a.Holder
	}
	err = tx.QueryRow(`select count(*) from payments_mark where state = 'closed' and outcome = 'agreed' and opened > $1
		and (account = $2 or $3 <> '' and holder = $3 or $4 <> '' and alias = $4)`, store.Micros(tx.Now().Add(-WarnTime)), a.ID, person, alias).Scan(&n)
	return n, err
}

// agreedAgainst lists the agreed marks about a person's accounts, for the
// person: who is said to have received the money of a fraud must know it to
// object.
func agreedAgainst(tx *store.Tx, holder string) ([]*Mark, error) {
	return store.List(tx, scanMark, "select "+markColumns+" from payments_mark where holder = $1 and state = 'closed' and outcome = 'agreed' and opened > $2 order by changed desc, id limit 20", holder, store.Micros(tx.Now().Add(-WarnTime)))
}
