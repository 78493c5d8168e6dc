package payments

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// reportTime is how long a report may take: a window may have millions of rows.
const reportTime = 10 * time.Minute

// States of a window's settlement.
const (
	settledState   = "settled"
	unsettledState = "unsettled"
)

// Settlement is the final report of a window that was cut, made from the rows
// themselves. Sums are minor units.
type Settlement struct {
	Window
	State    string // settled, unsettled
	Payments int64  // between participants
	Gross    int64  // their sum
	Reported time.Time
	Settled  time.Time // zero while unsettled
	Tries    int64
	Lines    []SettlementLine // by participant
}

// SettlementLine is one participant in a settlement.
type SettlementLine struct {
	Participant   string
	SentCount     int64
	Sent          int64
	ReceivedCount int64
	Received      int64
	Due           int64 // to be settled: above zero it receives
	Opening       int64 // of its settlement account, before the window's first row
	Closing       int64 // after its last row
	Missing       int64 // what its settlement account lacked at the last try
}

// Net is the multilateral net position: above zero it received more than it sent.
func (l SettlementLine) Net() int64 { return l.Received - l.Sent }

const settlementColumns = "state, payments, gross, reported, settled, tries"

func scanSettlement(scan store.Scan) (s Settlement, err error) {
	var opened, closed, reported, settled int64
	err = scan(&s.Currency, &s.Number, &s.First, &s.Last, &opened, &closed, &s.Net, &s.State, &s.Payments, &s.Gross, &reported, &settled, &s.Tries)
	s.Opened, s.Closed, s.Reported, s.Settled = store.Time(opened), store.Time(closed), store.Time(reported), store.Time(settled)
	return s, err
}

const settlementFrom = `select w.currency, w.number, w.first, w.last, w.opened, w.closed, w.net, s.state, s.payments, s.gross, s.reported, s.settled, s.tries
	from payments_settlement s join payments_window w on w.currency = s.currency and w.number = s.place where s.currency = $1`

const dueColumns = "participant, sent_count, sent, received_count, received, due, opening, closing, missing"

func scanSettlementLine(scan store.Scan) (l SettlementLine, err error) {
	err = scan(&l.Participant, &l.SentCount, &l.Sent, &l.ReceivedCount, &l.Received, &l.Due, &l.Opening, &l.Closing, &l.Missing)
	return l, err
}

func settlementLines(tx *store.Tx, currency string, number int64) ([]SettlementLine, error) {
	return store.List(tx, scanSettlementLine, "select "+dueColumns+" from payments_settlement_line where currency = $1 and place = $2 order by participant", currency, number)
}

// Settlement gives the report of a window with its lines; NotFound while it is not
// made.
func (r *Room) Settlement(ctx context.Context, number int64) (s Settlement, err error) {
	currency := r.pack.Currency.Code
	err = r.db.View(ctx, func(tx *store.Tx) error {
		s, err = getSettlement(tx, currency, number)
		return err
	})
	return s, err
}

func getSettlement(tx *store.Tx, currency string, number int64) (Settlement, error) {
	s, err := store.Get(tx, scanSettlement, settlementFrom+" and s.place = $2", currency, number)
	if fault.Is(err, fault.NotFound) {
		return s, fault.New(fault.NotFound, "payments.settlement.unknown").Because(err)
	}
	if err != nil {
		return s, err
	}
	s.Lines, err = settlementLines(tx, currency, number)
	return s, err
}

// ReportWindows reports the windows that were cut, oldest first, and settles what
// is due. What another process did meanwhile is left as it is. A window whose
// debtors lack money stays unsettled; that is no error here.
func (r *Room) ReportWindows(ctx context.Context, actor string) error {
	currency := r.pack.Currency.Code
	if err := r.sequencer.Settle(ctx, currency); err != nil {
		return err
	}
	var todo, due []int64
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		todo, err = store.List(tx, store.Value[int64], `select w.number from payments_window w left join payments_settlement s on s.currency = w.currency and s.place = w.number
			where w.currency = $1 and w.last > 0 and s.place is null order by w.number`, currency)
		return err
	})
	if err != nil {
		return err
	}
	for _, number := range todo {
		if err := r.reportWindow(ctx, actor, currency, number); err != nil {
			return fmt.Errorf("report window %d of %s: %w", number, currency, err)
		}
	}
	err = r.db.View(ctx, func(tx *store.Tx) (err error) {
		due, err = store.List(tx, store.Value[int64], "select place from payments_settlement where currency = $1 and state = $2 order by place", currency, unsettledState)
		return err
	})
	if err != nil {
		return err
	}
	for _, number := range due {
		if err := r.SettleWindow(ctx, actor, number); err != nil && !errors.Is(err, errShort) {
			return fmt.Errorf("settle window %d of %s: %w", number, currency, err)
		}
	}
	return nil
}

// reportWindow makes the report from the batches and holds it against the tables
// and against itself: all that the rows say must agree, or there is no report.
func (r *Room) reportWindow(ctx context.Context, actor, currency string, number int64) error {
	var w Window
	lines := map[string]*SettlementLine{}
	var places ledger.Places
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		if w, err = getWindow(tx, currency, number); err != nil {
			return err
		}
		if places, err = readPlaces(tx, currency); err != nil {
			return err
		}
		for bank := range places.Settling {
			lines[bank] = &SettlementLine{Participant: bank}
		}
		if number == 1 {
			return nil
		}
		before, err := settlementLines(tx, currency, number-1)
		if err != nil {
			return err
		}
		if len(before) == 0 {
			return fmt.Errorf("window %d has no report", number-1)
		}
		for _, l := range before {
			if lines[l.Participant] == nil {
				return fmt.Errorf("participant %s has no account any more", l.Participant)
			}
			lines[l.Participant].Opening, lines[l.Participant].Closing = l.Closing, l.Closing
		}
		return nil
	})
	if err != nil {
		return err
	}
	banks := map[string]string{}
	for bank, account := range places.Settling {
		banks[account] = bank
	}
	s := Settlement{Window: w, State: settledState}
	cut := ledger.Row{}
	booked := map[string]int64{}
	err = r.rows(ctx, currency, w.First, w.Last, func(row ledger.Row, _ rowNote) error {
		if row.Window != number {
			return fmt.Errorf("row %d says that it lies in window %d", row.Seq, row.Window)
		}
		for _, e := range row.Entries(places) {
			if bank, ok := banks[e.Account]; ok {
				lines[bank].Closing += e.Amount
			}
		}
		if row.Kind == ledger.Commit && row.Accepted() && row.DebitBook != row.CreditBook {
			from, to := lines[row.DebitBook], lines[row.CreditBook]
			if from == nil || to == nil {
				return fmt.Errorf("row %d is between participants that have no accounts", row.Seq)
			}
			from.SentCount, from.Sent = from.SentCount+1, from.Sent+row.Amount
			to.ReceivedCount, to.Received = to.ReceivedCount+1, to.Received+row.Amount
			s.Payments, s.Gross = s.Payments+1, s.Gross+row.Amount
			if row.Net {
				booked[row.DebitBook] -= row.Amount
				booked[row.CreditBook] += row.Amount
			}
		}
		cut = row
		return nil
	})
	if err != nil {
		return err
	}
	if cut.Seq != w.Last || cut.Kind != ledger.Cut || !cut.Accepted() {
		return fmt.Errorf("row %d does not cut the window", w.Last)
	}
	for _, d := range cut.Dues {
		lines[d.Participant].Due = d.Amount
		s.State = unsettledState
	}
	if err := s.proves(lines, booked); err != nil {
		return err
	}
	return r.putReport(ctx, actor, s)
}

// proves holds the sums against each other.
func (s *Settlement) proves(lines map[string]*SettlementLine, booked map[string]int64) error {
	net, due := int64(0), int64(0)
	for _, bank := range slices.Sorted(maps.Keys(lines)) {
		l := lines[bank]
		net, due = net+l.Net(), due+l.Due
		if l.Due != booked[bank] {
			return fmt.Errorf("the cut makes %d due for %s, its payments %d", l.Due, bank, booked[bank])
		}
		s.Lines = append(s.Lines, *l)
	}
	if net != 0 || due != 0 {
		return fmt.Errorf("the net positions add up to %d and the dues to %d", net, due)
	}
	return nil
}

func (r *Room) putReport(ctx context.Context, actor string, s Settlement) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		// The tables were made by other code from the same rows.
		kept, err := store.List(tx, func(scan store.Scan) (l SettlementLine, err error) {
			err = scan(&l.Participant, &l.SentCount, &l.Sent, &l.ReceivedCount, &l.Received, &l.Due)
			return l, err
		}, "select participant, sent_count, sent, received_count, received, due from payments_position where currency = $1 and place = $2", s.Currency, s.Number)
		if err != nil {
			return err
		}
		table := map[string]SettlementLine{}
		for _, k := range kept {
			table[k.Participant] = k
		}
		for _, l := range s.Lines {
			if k := table[l.Participant]; k.SentCount != l.SentCount || k.Sent != l.Sent || k.ReceivedCount != l.ReceivedCount || k.Received != l.Received || k.Due != l.Due {
				return fmt.Errorf("the table of positions differs from the rows for %s", l.Participant)
			}
		}
		settled := int64(0)
		if s.State == settledState {
			settled = store.Micros(s.Closed) // each payment was final by itself
		}
		n, err := tx.Exec("insert into payments_settlement (currency, place, net, "+settlementColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, 0) on conflict (currency, place) do nothing",
			s.Currency, s.Number, s.Net, s.State, s.Payments, s.Gross, store.Micros(tx.Now()), settled)
		if err != nil || n == 0 {
			return err
		}
		values := make([][]any, len(s.Lines))
		for i, l := range s.Lines {
			values[i] = []any{s.Currency, s.Number, l.Participant, l.SentCount, l.Sent, l.ReceivedCount, l.Received, l.Due, l.Opening, l.Closing, l.Missing}
		}
		if err := insert(tx, "payments_settlement_line (currency, place, "+dueColumns+")", values); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: WindowReported, Version: 1, Subject: windowSubject(s.Currency, s.Number), Actor: actor,
			Data: WindowData{Currency: s.Currency, Window: s.Number, Last: s.Last, Net: s.State == unsettledState, Payments: s.Payments, Gross: s.Gross}})
		return nil
	})
}

// rowsPart is how many batches are in memory at once.
const rowsPart = 8

// rows goes through rows of the ledger in their order, from the proven batches.
func (r *Room) rows(ctx context.Context, currency string, first, last int64, each func(row ledger.Row, n rowNote) error) error {
	if last < first {
		return nil
	}
	after := int64(-1)
	for {
		var list []*sealed
		err := r.db.View(ctx, func(tx *store.Tx) (err error) {
			if after < 0 {
				after, err = store.Get(tx, store.Value[int64], "select number - 1 from payments_batch where currency = $1 and first <= $2 order by first desc limit 1", currency, first)
				if err != nil {
					return err
				}
			}
			list, err = batches(tx, currency, after, rowsPart)
			return err
		})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("rows of %s up to %d are missing", currency, last)
		}
		for _, b := range list {
			for i, row := range b.Rows {
				if row.Seq < first {
					continue
				}
				if err := each(row, b.notes[i]); err != nil {
					return err
				}
				if row.Seq == last {
					return nil
				}
			}
			after = b.Number
		}
	}
}

// errShort says that a debtor's settlement account does not cover what is due.
var errShort = errors.New("payments: a settlement account does not cover what is due")

// SettleWindow moves the dues of a window between obligation and settlement
// accounts, all in one decision of the ledger or none. When somebody lacks money
// nothing moves, the window stays unsettled, the operator is told, and the error
// is a Conflict. A settled window stays as it is.
func (r *Room) SettleWindow(ctx context.Context, actor string, number int64) error {
	s, err := r.Settlement(ctx, number)
	if err != nil || s.State == settledState {
		return err
	}
	currency := s.Currency
	var places ledger.Places
	if err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		places, err = readPlaces(tx, currency)
		return err
	}); err != nil {
		return err
	}
	var steps []ledger.Step
	var who []string
	moved := int64(0)
	// Those who owe first: what they pay is what the others receive.
	for _, receives := range []bool{false, true} {
		for _, l := range s.Lines {
			if l.Due == 0 || l.Due > 0 != receives {
				continue
			}
			step := ledger.Step{Kind: ledger.Post, Party: "settlement", Key: fmt.Sprintf("%d/%s", number, l.Participant), Currency: currency,
				Debit: places.Settling[l.Participant], Credit: places.Owing[l.Participant], Amount: -l.Due}
			if receives {
				step.Debit, step.Credit, step.Amount = step.Credit, step.Debit, l.Due
				moved += l.Due
			}
			steps, who = append(steps, step), append(who, l.Participant)
		}
	}
	refused := map[string]ledger.Reason{}
	_, err = r.ledger.Do(ctx, Work{Currency: currency, Actor: actor, Steps: steps,
		Before: func(tx *store.Tx) error {
			state, err := store.Get(tx, store.Value[string], "select state from payments_settlement where currency = $1 and place = $2 for update", currency, number)
			if err == nil && state == settledState {
				return fault.New(fault.Conflict, "payments.settlement.done")
			}
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			clear(refused)
			for i, row := range rows {
				if !row.Accepted() {
					refused[who[i]] = row.Reason
				}
			}
			if len(refused) > 0 {
				return errShort
			}
			if _, err := tx.Exec("update payments_settlement set state = $3, settled = $4, tries = tries + 1 where currency = $1 and place = $2", currency, number, settledState, store.Micros(tx.Now())); err != nil {
				return err
			}
			if _, err := tx.Exec("update payments_settlement_line set missing = 0 where currency = $1 and place = $2", currency, number); err != nil {
				return err
			}
			tx.Emit(store.Event{Type: WindowSettled, Version: 1, Subject: windowSubject(currency, number), Actor: actor,
				Data: WindowData{Currency: currency, Window: number, Net: true, Payments: s.Payments, Gross: s.Gross, Moved: moved}})
			return nil
		}})
	if errors.Is(err, errShort) {
		return r.short(ctx, actor, s, refused)
	}
	return err
}

// short notes who lacks how much.
func (r *Room) short(ctx context.Context, actor string, s Settlement, refused map[string]ledger.Reason) error {
	if err := r.sequencer.Settle(ctx, s.Currency); err != nil {
		return err
	}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("update payments_settlement set tries = tries + 1 where currency = $1 and place = $2 and state = $3", s.Currency, s.Number, unsettledState); err != nil {
			return err
		}
		d := WindowData{Currency: s.Currency, Window: s.Number, Net: true}
		for _, l := range s.Lines {
			missing := int64(0)
			if refused[l.Participant] != "" {
				a, err := store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where holder = $1 and role = $2 and currency = $3", l.Participant, string(ledger.Settlement), s.Currency)
				if err != nil {
					return err
				}
				missing = max(-l.Due-(a.Balance-a.Held), 1) // money may have come in since
				d.Short, d.Missing = d.Short+1, d.Missing+missing
			}
			if _, err := tx.Exec("update payments_settlement_line set missing = $4 where currency = $1 and place = $2 and participant = $3", s.Currency, s.Number, l.Participant, missing); err != nil {
				return err
			}
		}
		tx.Emit(store.Event{Type: WindowUnsettled, Version: 1, Subject: windowSubject(s.Currency, s.Number), Actor: actor, Data: d})
		return nil
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "payments.settlement.short").Because(errShort)
}
