package payments

import (
	"context"
	"errors"
	"fmt"
	"sarai/courtyard/job"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Bulk reads a file.
func (r *Room) Bulk(ctx context.Context, no int64) (*Bulk, error) { return r.bulk(ctx, no) }

// PayChunk sets how many payments go to the ledger together.
func PayChunk(n int) { payChunk = n }

// TestLedger stands before the ledger and troubles files of payments.
type TestLedger struct {
	Ledger
	Hold  atomic.Bool  // nothing of a file is decided
	Break atomic.Int64 // so many chunks are decided, then the answers are lost; 0: never
	Lost  atomic.Int64 // answers that were lost
}

// Trouble puts a TestLedger before the room's ledger.
func (r *Room) Trouble() *TestLedger {
	t := &TestLedger{Ledger: r.ledger}
	r.ledger = t
	return t
}

// Do holds up or loses the answer about a file's chunk.
func (t *TestLedger) Do(ctx context.Context, w Work) ([]ledger.Row, error) {
	if !w.Quiet {
		return t.Ledger.Do(ctx, w)
	}
	for t.Hold.Load() {
		time.Sleep(time.Millisecond)
	}
	rows, err := t.Ledger.Do(ctx, w)
	if t.Break.Load() > 0 && t.Break.Add(-1) == 0 {
		t.Break.Store(1) // from now on all of them
		t.Lost.Add(1)
		return nil, errors.New("the answer is lost")
	}
	return rows, err
}

// PostForTest puts money into an account, or takes it out.
func (r *Room) PostForTest(account string, sum int64) error {
	if sum == 0 {
		return nil
	}
	a, err := r.account(context.Background(), func(tx *store.Tx) (*Account, error) { return getAccount(tx, account) })
	if err != nil {
		return err
	}
	step := ledger.Step{Kind: ledger.Post, Party: "test", Key: r.newID(), Debit: ownAccount(a.Book, a.Currency), Credit: a.ID, Amount: sum, Currency: a.Currency}
	if sum < 0 {
		step.Debit, step.Credit, step.Amount = step.Credit, step.Debit, -sum
	}
	rows, err := r.ledger.Do(context.Background(), Work{Currency: a.Currency, Actor: "system/test", Steps: []ledger.Step{step}})
	if err == nil && !rows[0].Accepted() {
		err = fmt.Errorf("refused: %s", rows[0].Reason)
	}
	return err
}

// PrefundForTest gives a participant's settlement account more money.
func (r *Room) PrefundForTest(account string, sum int64) error {
	currency := r.pack.Currency.Code
	rows, err := r.ledger.Do(context.Background(), Work{Currency: currency, Actor: "system/test", Steps: []ledger.Step{
		{Kind: ledger.Post, Party: "test", Key: r.newID(), Debit: issuingAccount(currency), Credit: account, Amount: sum, Currency: currency}}})
	if err == nil && !rows[0].Accepted() {
		err = fmt.Errorf("refused: %s", rows[0].Reason)
	}
	return err
}

// Settled waits until the tables contain all that the ledger decided.
func (r *Room) Settled() error { return r.sequencer.Settle(context.Background(), r.pack.Currency.Code) }

// SettledIn is Settled for another currency.
func (r *Room) SettledIn(currency string) error {
	return r.sequencer.Settle(context.Background(), currency)
}

// ForgetBulkForTest takes back what a file knows of its payments, as if the process had
// been killed before it wrote that down, and lets it be paid.
func (r *Room) ForgetBulkForTest(t testing.TB, no int64) {
	t.Helper()
	must(t, r.db.Update(context.Background(), func(tx *store.Tx) error {
		for _, sql := range []string{
			"update payments_bulk_line set state = 1, reason = '', at = 0 where state in (3, 4) and id / 16777216 = $1",
			"update payments_bulk set state = 'paying', paid = 0, paid_total = 0, failed = 0, failed_total = 0, finished = 0 where no = $1",
			"delete from payments_bulk_reason where state = 4 and no = $1",
		} {
			if _, err := tx.Exec(sql, no); err != nil {
				return err
			}
		}
		return job.Put(tx, job.Job{Kind: jobBulkPay, Key: strconv.FormatInt(no, 10), Data: bulkJob{no}})
	}))
}

// BeginLineForTest reserves what a line pays at another bank, as a process does that is
// killed then.
func (r *Room) BeginLineForTest(t testing.TB, no, line int64, iban string) {
	t.Helper()
	ctx := context.Background()
	b, err := r.bulk(ctx, no)
	must(t, err)
	p, err := r.program(b.Program)
	must(t, err)
	var to *Account
	l := payLine{ID: no*bulkLines + line, Account: awayPrefix + iban}
	must(t, r.db.View(ctx, func(tx *store.Tx) (err error) {
		if err = tx.QueryRow("select amount from payments_bulk_line where id = $1", l.ID).Scan(&l.Amount); err == nil {
			to, err = payeeByIBAN(tx, iban, b.Currency)
		}
		return err
	}))
	credit, _ := creditOf(to)
	id, purpose := outwardOf(l.ID, 0), p.purpose(b.Period)
	rows, err := r.ledger.Do(ctx, Work{Currency: b.Currency, Actor: "test", Notes: map[string]Note{id: {Purpose: purpose}}, Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: id, Party: "program/" + b.Program, Key: payKey(b, l),
		Debit: b.Account, Credit: credit, Amount: l.Amount, Currency: b.Currency, Expires: r.clock.Now().Add(ReservationTime), Memo: []byte(purpose + "\x1f" + iban)}}})
	must(t, err)
	if !rows[0].Accepted() {
		t.Fatal(rows[0].Reason)
	}
}
