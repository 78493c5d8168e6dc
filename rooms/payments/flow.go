package payments

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// Which way money went, as the account sees it.
const (
	FlowIn  = "in"
	FlowOut = "out"
)

// What money moved for.
const (
	CauseFee     = "fee"     // of a service
	CauseSupport = "support" // a file of payments
	CauseReturn  = "return"  // money back of an earlier payment
	CauseFund    = "fund"    // a posting: money the account was given
	CauseOther   = "payment" // any other
)

// flowChunk is how many transfers are counted in one transaction: nobody else
// writes on SQLite meanwhile. Tests make it smaller.
var flowChunk = 10_000

// Sum is how many movements and how much, minor units.
type Sum struct{ Count, Total int64 }

func (s *Sum) add(o Sum) { s.Count, s.Total = s.Count+o.Count, s.Total+o.Total }

// flowOf is what movements are summed by.
type flowOf struct{ Side, Cause, What string }

// Flow is what moved on an account for one cause.
type Flow struct {
	flowOf
	Today, Month Sum
}

// movement is a committed transfer as one account sees it.
type movement struct {
	Seq       int64
	At        time.Time
	Side      string
	Amount    int64 // minor units, above zero
	Transfer  string
	Reference string
	Fee       string // the fee it paid, or ''
	Cause     string
	Purpose   string
}

// what is the service, or the programme and period: a fee's purpose names the
// application as well, which would make each fee a kind of its own.
func (m movement) what() string {
	switch m.Cause {
	case CauseFee:
		if i := strings.LastIndex(m.Purpose, " · "); i > 0 {
			return m.Purpose[:i]
		}
		return m.Purpose
	case CauseSupport:
		return m.Purpose
	}
	return "" // what people wrote is theirs
}

// movements are the movements of one side of an account between two rows of the
// ledger, both included: oldest first, or newest first.
func movements(tx *store.Tx, account, side string, first, last int64, newest bool, limit int) ([]movement, error) {
	column, order := "credit", "seq"
	if side == FlowOut {
		column = "debit"
	}
	if newest {
		order = "seq desc"
	}
	row, err := newestRow(tx)
	if err != nil {
		return nil, err
	}
	return listByStretch(first, min(last, row), newest, limit, func(in stretches, limit int) ([]movement, error) {
		return store.List(tx, func(scan store.Scan) (movement, error) { return scanMovement(scan, side) },
			"select t.seq, t.finished, t.amount, t.id, t.reference, t.fee, t.purpose, t.kind, exists (select 1 from payments_return r where r.id = t.id) from payments_transfer t where "+
				in.in(5)+" and t."+column+" = $1 and t.seq >= $2 and t.seq <= $3 and t.phase = 'committed' order by t."+order+" limit $4", append([]any{account, first, last, limit}, in...)...)
	})
}

func scanMovement(scan store.Scan, side string) (m movement, err error) {
	var at int64
	var kind string
	var back bool
	err = scan(&m.Seq, &at, &m.Amount, &m.Transfer, &m.Reference, &m.Fee, &m.Purpose, &kind, &back)
	m.At, m.Side = store.Time(at), side
	switch {
	case m.Fee != "":
		m.Cause = CauseFee
	case kind == kindPost:
		m.Cause, m.Transfer = CauseFund, ""
	case back:
		m.Cause = CauseReturn
	case side == FlowOut && bulkOfTransfer(m.Transfer) > 0:
		m.Cause = CauseSupport
	default:
		m.Cause = CauseOther
	}
	return m, err
}

// finalRow is the last row of the ledger up to which nothing that the tables
// contain can change: the one before the oldest open reservation.
func finalRow(tx *store.Tx, currency string) (int64, error) {
	last, err := lastIndexed(tx, currency)
	if err != nil {
		return 0, err
	}
	open, err := store.Get(tx, store.Value[int64], "select coalesce(min(seq), 0) from payments_transfer where phase = 'reserved' and currency = $1", currency)
	if open > 0 {
		last = min(last, open-1)
	}
	return last, err
}

// lastIndexed is the last row of the ledger that the tables contain.
func lastIndexed(tx *store.Tx, currency string) (int64, error) {
	return store.Get(tx, store.Value[int64], "select coalesce(max(b.first + b.count - 1), 0) from payments_batch b join payments_index i on i.currency = b.currency and i.number = b.number where b.currency = $1", currency)
}

// clockGap is how far the clocks of two processes may be apart.
const clockGap = int64(time.Minute / time.Microsecond)

// tablesLackSince is a time, in microseconds, before which nothing was committed
// that the tables lack; the end of time if they contain everything.
func tablesLackSince(tx *store.Tx, currency string) (int64, error) {
	at, err := store.Get(tx, store.Value[int64], "select at from payments_batch where currency = $1 and number > (select number from payments_index where currency = $1) order by number limit 1", currency)
	if fault.Is(err, fault.NotFound) {
		return math.MaxInt64, nil
	}
	return at - clockGap, err
}

// mark is how far one side of an account is counted.
type mark struct{ seq, total int64 }

func readMark(tx *store.Tx, account, side string) (m mark, err error) {
	err = tx.QueryRow("select coalesce(max(seq), 0), coalesce(max(total), 0) from payments_flow_mark where account = $1 and side = $2", account, side).Scan(&m.seq, &m.total)
	return m, err
}

// jobFlow counts what moved; it is put on the queue when a window of settlement has
// ended and while a file is paid. Whoever asks in between counts the rest (flowsOf).
const jobFlow = "payments.flow.count"

func (r *Room) flowDue(ctx context.Context, _ job.Job) (func(tx *store.Tx) error, error) {
	if _, err := gate.SystemPermit(ctx, r.gate, jobFlow, jobFlow, gate.House{}); err != nil {
		return nil, err
	}
	return nil, r.countFlows(ctx)
}

// countFlows adds to the sums what has become final since the last time, a part in
// each transaction.
func (r *Room) countFlows(ctx context.Context) error {
	for _, account := range r.treasuryAccounts() {
		for _, side := range []string{FlowIn, FlowOut} {
			for more := true; more; {
				err := r.db.Update(ctx, func(tx *store.Tx) (err error) {
					more, err = r.countFlow(tx, account, side)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *Room) countFlow(tx *store.Tx, account, side string) (more bool, err error) {
	if _, err := tx.Exec("insert into payments_flow_mark (account, side, seq, total) values ($1, $2, 0, 0) on conflict (account, side) do nothing", account, side); err != nil {
		return false, err
	}
	m, err := store.Get(tx, func(scan store.Scan) (m mark, err error) { return m, scan(&m.seq, &m.total) },
		"select seq, total from payments_flow_mark where account = $1 and side = $2 for update", account, side)
	if err != nil {
		return false, err
	}
	last, err := finalRow(tx, r.pack.Currency.Code)
	if err != nil || last <= m.seq {
		return false, err
	}
	list, err := movements(tx, account, side, m.seq+1, last, false, flowChunk)
	if err != nil {
		return false, err
	}
	if more = len(list) == flowChunk; more {
		last = list[len(list)-1].Seq
	}
	type key struct {
		day         int64
		cause, what string
	}
	sums := map[key]Sum{}
	for _, x := range list {
		k := key{r.dayOf(x.At), x.Cause, x.what()}
		s := sums[k]
		s.add(Sum{1, x.Amount})
		sums[k] = s
		m.total += x.Amount
	}
	var lines [][]any
	for k, s := range sums {
		lines = append(lines, []any{account, side, k.day, k.cause, k.what, s.Count, s.Total})
	}
	if err := insertAnd(tx, "payments_flow (account, side, day, cause, what, count, total)", lines,
		" on conflict (account, side, day, cause, what) do update set count = payments_flow.count + excluded.count, total = payments_flow.total + excluded.total"); err != nil {
		return false, err
	}
	_, err = tx.Exec("update payments_flow_mark set seq = $3, total = $4 where account = $1 and side = $2", account, side, last, m.total)
	return more, err
}

// flowsOf is what moved on an account on the day of now and since the first of its
// month, the largest first; ever is all that came in less all that went out since it
// was opened.
func (r *Room) flowsOf(tx *store.Tx, account string, now time.Time) (flows []Flow, ever int64, err error) {
	today, first := r.dayOf(now), r.dayOf(r.monthOf(now))
	sums := map[flowOf]*Flow{}
	add := func(k flowOf, day int64, s Sum) {
		if day < first || day > today {
			return
		}
		f := sums[k]
		if f == nil {
			f = &Flow{flowOf: k}
			sums[k] = f
		}
		f.Month.add(s)
		if day == today {
			f.Today.add(s)
		}
	}
	if _, err = store.List(tx, func(scan store.Scan) (struct{}, error) {
		var k flowOf
		var day int64
		var s Sum
		err := scan(&k.Side, &k.Cause, &k.What, &day, &s.Count, &s.Total)
		add(k, day, s)
		return struct{}{}, err
	}, "select side, cause, what, day, count, total from payments_flow where account = $1 and side in ('in', 'out') and day >= $2 and day <= $3", account, first, today); err != nil {
		return nil, 0, err
	}
	last, err := lastIndexed(tx, r.pack.Currency.Code)
	if err != nil {
		return nil, 0, err
	}
	for side, sign := range map[string]int64{FlowIn: 1, FlowOut: -1} {
		m, err := readMark(tx, account, side)
		if err != nil {
			return nil, 0, err
		}
		ever += sign * m.total
		for more := true; more; {
			list, err := movements(tx, account, side, m.seq+1, last, false, flowChunk)
			if err != nil {
				return nil, 0, err
			}
			for _, x := range list {
				add(flowOf{side, x.Cause, x.what()}, r.dayOf(x.At), Sum{1, x.Amount})
				ever, m.seq = ever+sign*x.Amount, x.Seq
			}
			more = len(list) == flowChunk
		}
	}
	for _, f := range sums {
		flows = append(flows, *f)
	}
	slices.SortFunc(flows, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(b.Month.Total, a.Month.Total), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.What, b.What))
	})
	return flows, ever, nil
}

// monthOf is when the month of a time began in the country.
func (r *Room) monthOf(t time.Time) time.Time {
	y, m, _ := t.In(r.pack.Zone).Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, r.pack.Zone)
}
