package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// statementPage is how many entries one page has: what is in memory at once.
const statementPage = 2_000

// What moved a settlement account.
const (
	entryPayment    = "payment"    // one payment, in a gross window
	entryFund       = "fund"       // prefund in or out
	entrySettlement = "settlement" // the due of a net window
	entryOther      = "other"
)

// StatementAsk is whose settlement account, and when: a window, or a day in the
// country's zone.
type StatementAsk struct {
	Participant string
	Window      int64         // 0: the day
	Day         *country.Date // nil: the window
	Size        int           // entries on a page; statementPage when 0
}

// StatementEntry is one movement on a settlement account, from one row.
type StatementEntry struct {
	Row       int64
	At        time.Time
	Amount    int64 // signed, minor units
	Balance   int64 // after it
	Kind      string
	Transfer  string // of a payment: its UETR when it came over the rail
	Reference string // end-to-end, as the payer's participant gave it
	Debtor    string // participants
	Creditor  string
}

// StatementPage is a part of a statement. Pages follow each other in order; each
// begins where the one before ended.
type StatementPage struct {
	Participant Participant
	Currency    string
	Window      int64 // 0 for a day
	Day         string
	From, To    time.Time
	Complete    bool // the window was cut, or the day is over
	Number      int  // from 1
	Last        bool
	Opening     int64 // before the page's first entry
	Closing     int64 // after its last
	Entries     []StatementEntry
	Banks       map[string]Participant
}

// span is the rows a statement is about.
type span struct {
	page     StatementPage
	account  string
	places   ledger.Places
	roles    map[string]ledger.Role // of the rail's accounts
	first    int64                  // where reading begins
	last     int64
	opening  int64     // before the row first
	from, to time.Time // of a day; zero for a window
}

// Statement goes through a settlement account page by page: the ledger is read
// once and one page is in memory. There is at least one page. A statement of what
// is not over yet is not Complete. Reports of all windows before are needed: else
// a Conflict.
func (r *Room) Statement(ctx context.Context, ask StatementAsk, each func(StatementPage) error) error {
	if err := r.sequencer.Settle(ctx, r.pack.Currency.Code); err != nil {
		return err
	}
	var s span
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		s, err = r.span(tx, ask)
		return err
	})
	if err != nil {
		return err
	}
	size := ask.Size
	if size <= 0 {
		size = statementPage
	}
	page := s.page
	page.Number, page.Opening, page.Closing = 1, s.opening, s.opening
	var at time.Time // the latest so far: a clock that was set back begins no day anew
	err = r.rows(ctx, page.Currency, s.first, s.last, func(row ledger.Row, _ rowNote) error {
		if row.At.After(at) {
			at = row.At
		}
		if !s.to.IsZero() && !at.Before(s.to) {
			return errEnough
		}
		before := !s.from.IsZero() && at.Before(s.from)
		for _, e := range row.Entries(s.places) {
			if e.Account != s.account {
				continue
			}
			if before {
				page.Opening += e.Amount
				page.Closing = page.Opening
				continue
			}
			if len(page.Entries) == size {
				if err := r.turn(ctx, &page, each); err != nil {
					return err
				}
			}
			page.Closing += e.Amount
			page.Entries = append(page.Entries, s.entry(row, e.Amount, page.Closing))
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	page.Last = true
	return r.turn(ctx, &page, each)
}

var errEnough = errors.New("payments: what follows is another day's")

// turn hands a page over and begins the next.
func (r *Room) turn(ctx context.Context, page *StatementPage, each func(StatementPage) error) error {
	if err := r.references(ctx, page.Entries); err != nil {
		return err
	}
	if err := each(*page); err != nil {
		return err
	}
	page.Number++
	page.Opening, page.Entries = page.Closing, nil
	return nil
}

// references adds what people call the payments by.
func (r *Room) references(ctx context.Context, entries []StatementEntry) error {
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Transfer)
	}
	names := map[string]string{}
	err := r.db.View(ctx, func(tx *store.Tx) error {
		for part := range sized(unique(ids)) {
			list, args := places(part)
			_, err := store.List(tx, func(scan store.Scan) (struct{}, error) {
				var id, reference string
				err := scan(&id, &reference)
				names[id] = reference
				return struct{}{}, err
			}, "select id, reference from payments_transfer where id in ("+list+")", args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	for i := range entries {
		entries[i].Reference = names[entries[i].Transfer]
	}
	return err
}

func (s *span) entry(row ledger.Row, amount, balance int64) StatementEntry {
	e := StatementEntry{Row: row.Seq, At: row.At, Amount: amount, Balance: balance, Kind: entryPayment, Transfer: row.Transfer, Debtor: row.DebitBook, Creditor: row.CreditBook}
	if row.Kind != ledger.Post {
		return e
	}
	e.Transfer, e.Debtor, e.Creditor, e.Kind = "", "", "", entryOther
	other := row.Credit
	if row.Credit == s.account {
		other = row.Debit
	}
	switch s.roles[other] {
	case ledger.Issuing:
		e.Kind = entryFund
	case ledger.Obligation:
		e.Kind = entrySettlement
	}
	return e
}

func (r *Room) span(tx *store.Tx, ask StatementAsk) (s span, err error) {
	currency := r.pack.Currency.Code
	s.page = StatementPage{Currency: currency, Banks: map[string]Participant{}}
	all, err := participants(tx)
	if err != nil {
		return s, err
	}
	for _, p := range all {
		s.page.Banks[p.ID] = p
	}
	if s.places, err = readPlaces(tx, currency); err != nil {
		return s, err
	}
	s.account, s.page.Participant = s.places.Settling[ask.Participant], s.page.Banks[ask.Participant]
	if s.account == "" || s.page.Participant.ID == "" {
		return s, fault.New(fault.NotFound, "payments.participant.unknown")
	}
	s.roles = map[string]ledger.Role{}
	if _, err = store.List(tx, func(scan store.Scan) (struct{}, error) {
		var id, role string
		err := scan(&id, &role)
		s.roles[id] = ledger.Role(role)
		return struct{}{}, err
	}, "select id, role from payments_account where currency = $1 and book = $2 and role <> 'customer'", currency, ledger.Rail); err != nil {
		return s, err
	}
	now := tx.Now()
	var w Window
	if ask.Day == nil {
		if w, err = getWindow(tx, currency, ask.Window); err != nil {
			return s, err
		}
		s.page.Window, s.page.From, s.page.To, s.page.Complete = w.Number, w.Opened, w.Closed, w.Last > 0
		s.last = w.Last
	} else {
		s.from, s.to = ask.Day.In(r.pack.Zone), time.Date(ask.Day.Year, ask.Day.Month, ask.Day.Day+1, 0, 0, 0, 0, r.pack.Zone)
		s.page.Day, s.page.From, s.page.To, s.page.Complete = ask.Day.String(), s.from, s.to, !now.Before(s.to)
		// The window that ran when the day began; times of cuts rise with their rows
		// but where a clock was set back, and then the window before does as well.
		number, err := store.Get(tx, store.Value[int64], "select coalesce(max(number), 1) from payments_window where currency = $1 and (number = 1 or opened <= $2)", currency, store.Micros(s.from))
		if err != nil {
			return s, err
		}
		if w, err = getWindow(tx, currency, number); err != nil {
			return s, err
		}
	}
	if !s.page.Complete && (s.page.To.IsZero() || s.page.To.After(now)) {
		s.page.To = now
	}
	if s.last == 0 {
		if s.last, err = lastIndexed(tx, currency); err != nil {
			return s, err
		}
	}
	s.first = w.First
	if w.Number == 1 {
		return s, nil
	}
	s.opening, err = store.Get(tx, store.Value[int64], "select closing from payments_settlement_line where currency = $1 and place = $2 and participant = $3", currency, w.Number-1, ask.Participant)
	if fault.Is(err, fault.NotFound) {
		// A participant that came later began with nothing; a report that is missing
		// is being made.
		var n int64
		if n, err = store.Get(tx, store.Value[int64], "select count(*) from payments_settlement where currency = $1 and place = $2", currency, w.Number-1); err == nil && n == 0 {
			err = fault.New(fault.Conflict, "payments.statement.early").Because(fmt.Errorf("window %d has no report", w.Number-1))
		}
	}
	return s, err
}
