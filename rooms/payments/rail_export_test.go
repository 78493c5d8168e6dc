package payments

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// AnswerWithin sets how long a payee's participant has.
func (l *Rail) AnswerWithin(d time.Duration) { l.answer = d }

// HoldsForTest checks every promise over the whole database.
func (r *Room) HoldsForTest(t testing.TB) {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	holds(t, r.db, r.sequencer)
}

// RecallStepForTest takes the next step in a recall and gives what is then committed.
func (r *Room) RecallStepForTest(ctx context.Context, id string) (func(tx *store.Tx) error, error) {
	text, err := json.Marshal(recallJob{id})
	if err != nil {
		return nil, err
	}
	return r.recallStep(ctx, job.Job{Payload: text})
}

// PositionForTest is a participant's settlement account: what it has, what it began
// with and what is held.
func (r *Room) PositionForTest(t testing.TB, id string) (p Position) {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	must(t, r.db.View(context.Background(), func(tx *store.Tx) error {
		all, err := positions(tx, "PKR")
		for _, one := range all {
			if one.ID == id {
				p = one
			}
		}
		return err
	}))
	return p
}

// HeldForTest is what is reserved on the account from which a participant settles,
// whichever the model of the open window.
func (r *Room) HeldForTest(t testing.TB, id string) (held int64) {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	must(t, r.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select coalesce(sum(amount), 0) from payments_transfer where debit_book = $1 and credit_book <> $1 and phase = 'reserved'", id).Scan(&held)
	}))
	return held
}

// TransferForTest reads a payment.
func (r *Room) TransferForTest(t testing.TB, id string) *Transfer {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	x, err := r.transfer(context.Background(), id)
	must(t, err)
	return x
}

// Hosted is the IBAN of some account that the house keeps.
func (r *Room) Hosted(t testing.TB) (iban, id string) {
	t.Helper()
	must(t, r.db.View(context.Background(), func(tx *store.Tx) error {
		a, err := store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where role = 'customer' and iban is not null order by id limit 1")
		if err == nil {
			iban, id = a.IBAN, a.ID
		}
		return err
	}))
	return iban, id
}

// AccountForTest gives an account's IBAN and the BIC of who keeps it.
func (r *Room) AccountForTest(t testing.TB, id string) (iban, bic string) {
	t.Helper()
	must(t, r.db.View(context.Background(), func(tx *store.Tx) error {
		a, err := getAccount(tx, id)
		if err != nil {
			return err
		}
		p, err := participantByID(tx, a.Book)
		iban, bic = a.IBAN, p.BIC
		return err
	}))
	return iban, bic
}

// RequestForTest is the request in a wallet that came as a participant's.
func (r *Room) RequestForTest(t testing.TB, uetr string) (id string) {
	t.Helper()
	must(t, r.db.View(context.Background(), func(tx *store.Tx) (err error) {
		id, err = store.Get(tx, store.Value[string], "select id from payments_request where origin = 'rail' and asked_key = $1", uetr)
		return err
	}))
	return id
}

// BalanceForTest is an account's balance.
func (r *Room) BalanceForTest(t testing.TB, id string) int64 {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	have, _ := balance(t, r.db, id)
	return have
}

// LoseEnds makes the ledger be out of reach for what ends a reservation, as if the
// rail had been killed after it reserved.
func (r *Room) LoseEnds() (again func()) {
	old := r.ledger
	lost := &losing{Ledger: old}
	lost.on.Store(true)
	r.ledger = lost
	return func() { lost.on.Store(false) }
}

type losing struct {
	Ledger
	on atomic.Bool
}

func (l *losing) Do(ctx context.Context, w Work) ([]ledger.Row, error) {
	if l.on.Load() && len(w.Steps) == 1 && (w.Steps[0].Kind == ledger.Commit || w.Steps[0].Kind == ledger.Abort) {
		return nil, errors.New("the rail was killed")
	}
	return l.Ledger.Do(ctx, w)
}

// ReturnForTest is the transfer of a payment's last return.
func (r *Room) ReturnForTest(t testing.TB, original string) (id string) {
	t.Helper()
	must(t, r.sequencer.Settle(context.Background(), "PKR"))
	must(t, r.db.View(context.Background(), func(tx *store.Tx) error {
		list, err := returnsOf(tx, original)
		if len(list) > 0 {
			id = list[len(list)-1].ID
		}
		return err
	}))
	return id
}

// ForgetAnswers lets nobody in this process wait for an answer that comes as a
// message of its own, as if another had asked.
func (l *Rail) ForgetAnswers() (restore func()) {
	stop := make(chan struct{})
	go func() {
		for {
			l.mu.Lock()
			clear(l.later)
			l.mu.Unlock()
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { close(stop) }
}

// PageRequestForTest reads a request by the address of its page.
func (r *Room) PageRequestForTest(t testing.TB, page string) *Request {
	t.Helper()
	q, err := r.ARequest(context.Background(), page[strings.LastIndex(page, "/")+1:])
	must(t, err)
	return q
}

// AskOfRequestForTest is the UETR under which a participant is asked.
func (r *Room) AskOfRequestForTest(t testing.TB, id string) string {
	t.Helper()
	q, err := r.ARequest(context.Background(), id)
	must(t, err)
	return q.askUETR()
}
