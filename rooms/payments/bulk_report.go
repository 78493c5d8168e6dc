package payments

import (
	"context"
	"time"

	"sarai/courtyard/store"
)

// BulkLine is a payment of a file as reports show it.
type BulkLine struct {
	Line      int64 // within the file, from 1
	Reference string
	Tail      string // last digits of what the file named the beneficiary by
	Amount    int64  // minor units
	State     string // read, good, bad, paid, failed
	Reason    string // ISO 20022, of bad and failed lines
	Transfer  string // of paid lines
	At        time.Time
}

var lineStates = [...]string{"read", "good", "bad", "paid", "failed"}

func scanBulkLine(scan store.Scan) (l BulkLine, err error) {
	var id, state, attempt, at int64
	var account string
	err = scan(&id, &state, &l.Amount, &l.Tail, &l.Reference, &l.Reason, &attempt, &at, &account)
	l.Line, l.State = id%bulkLines, lineStates[state]
	if at > 0 {
		l.At = store.Time(at)
	}
	if state == linePaid {
		l.Transfer = lineTransfer(id, attempt, account)
	}
	return l, err
}

// linesOf reads lines of a file after one of them.
func (r *Room) linesOf(ctx context.Context, no, after int64, limit int, condition string) (list []BulkLine, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanBulkLine, "select id, state, amount, tail, reference, reason, attempt, at, account from payments_bulk_line where id > $1 and id < $2"+condition+" order by id limit $3",
			no*bulkLines+after, (no+1)*bulkLines, limit)
		return err
	})
	return list, err
}

// Remainder are the lines of a file that were not paid, with the reason.
func (r *Room) Remainder(ctx context.Context, no, after int64, limit int) ([]BulkLine, error) {
	return r.linesOf(ctx, no, after, limit, " and state in (2, 4)")
}

// BulkReason is how many lines of a file have one reason.
type BulkReason struct {
	Reason string
	State  string
	Lines  int64
	Total  int64
}

// bulkReasons says what was not paid, the most frequent reason first.
func bulkReasons(tx *store.Tx, no int64) ([]BulkReason, error) {
	return store.List(tx, func(scan store.Scan) (x BulkReason, err error) {
		var state int64
		err = scan(&x.Reason, &state, &x.Lines, &x.Total)
		x.State = lineStates[state]
		return x, err
	}, "select reason, state, lines, total from payments_bulk_reason where no = $1 order by lines desc, reason, state", no)
}

// countReason adds lines to those that were not paid for a reason.
func countReason(tx *store.Tx, no, state int64, reason string, lines, total int64) error {
	_, err := tx.Exec(`insert into payments_bulk_reason (no, state, reason, lines, total) values ($1, $2, $3, $4, $5)
		on conflict (no, state, reason) do update set lines = payments_bulk_reason.lines + excluded.lines, total = payments_bulk_reason.total + excluded.total`, no, state, reason, lines, total)
	return err
}

// Support is a payment of a program as its beneficiary sees it, from the
// release on.
type Support struct {
	Account  string
	Program  string
	Period   string
	Amount   int64
	Currency string
	State    string // good: on its way; paid; failed
	Reason   string
	Transfer string
	Asked    time.Time // when the office handed its list in
	Released time.Time
	Credited time.Time
}

// Took is how long the money was on its way, from the release.
func (s Support) Took() time.Duration {
	if s.Credited.IsZero() {
		return 0
	}
	return s.Credited.Sub(s.Released)
}

// SupportOf gives what programs paid or are paying to accounts, newest first.
func (r *Room) SupportOf(ctx context.Context, accounts []string) (list []Support, err error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	marks, args := places(accounts)
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, func(scan store.Scan) (s Support, err error) {
			var id, state, attempt, at, asked, released int64
			err = scan(&s.Account, &s.Program, &s.Period, &id, &state, &s.Amount, &s.Reason, &attempt, &at, &s.Currency, &asked, &released)
			s.State, s.Asked, s.Released = lineStates[state], store.Time(asked), store.Time(released)
			if state == linePaid {
				s.Credited, s.Transfer = store.Time(at), transferOf(id, attempt)
			}
			return s, err
		}, `select c.account, c.program, c.period, l.id, l.state, l.amount, l.reason, l.attempt, l.at, b.currency, b.uploaded, b.released
			from payments_bulk_claim c join payments_bulk_line l on l.id = c.line join payments_bulk b on b.no = c.line / 16777216
			where c.account in (`+marks+`) and b.state in ('released', 'paying', 'done') order by b.released desc, l.id limit 12`, args...)
		return err
	})
	return list, err
}
