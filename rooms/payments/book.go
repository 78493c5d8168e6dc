package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Ledger is the one way in which money moves. [Book] reads what it needs for
// each batch of requests; a sequencer that keeps balances in memory can stand in
// its place.
type Ledger interface {
	// Do decides the steps in order and gives a row for each. A refusal is a
	// row with a reason, not an error; an error means that nothing was written.
	Do(ctx context.Context, w Work) ([]ledger.Row, error)
}

// Work is what is to be decided together, in one currency.
type Work struct {
	Currency string
	Actor    string // for the events
	Steps    []ledger.Step
	Notes    map[string]Note // by transfer: what goes with a reservation
	// Before runs before anything is decided and only reads and locks, After
	// when at least one step was new; both in the transaction that writes the
	// rows, and not for repeated requests. An error undoes the whole Work. Like
	// all of a transaction they may run more than once.
	Before func(tx *store.Tx) error
	After  func(tx *store.Tx, rows []ledger.Row) error
	Quiet bool
}

// Note is what people want to know about a transfer; the rules do not.
type Note struct {
	Reference string // what people read out
	Purpose   string
	Fee       string // id of the fee or sale it pays
}

// Book is the ledger in the database. Works that wait for the same currency are
// decided together, in the order in which they came, in one transaction: one
// reading of the accounts, one writing of the rows. The row of the currency in
// payments_book is locked first, so that batches of several processes follow
// each other, and no other lock order matters.
type Book struct {
	db     *store.DB
	zone   *time.Location
	timers Timers
	clock  clock.Clock // tells how long a payment takes; times in rows are the transaction's

	mu      sync.Mutex           // guards what follows
	waiting map[string][]*ticket // by currency
	busy    map[string]bool      // somebody serves the currency
}

// Timers wake somebody at the end of a reservation. The deadline holds without
// them: they only see to it that held money is given back soon after.
type Timers struct {
	Set   func(tx *store.Tx, transfer, currency string, at time.Time) error
	Clear func(tx *store.Tx, transfer string) error
}

// NewBook gives the ledger of a database. Days of idempotency keys are those
// of the zone.
func NewBook(db *store.DB, zone *time.Location, timers Timers) *Book {
	if timers.Set == nil {
		timers.Set = func(*store.Tx, string, string, time.Time) error { return nil }
	}
	if timers.Clear == nil {
		timers.Clear = func(*store.Tx, string) error { return nil }
	}
	return &Book{db: db, zone: zone, timers: timers, clock: clock.System, waiting: map[string][]*ticket{}, busy: map[string]bool{}}
}

// ticket is a Work on its way.
type ticket struct {
	ctx  context.Context
	work Work
	came time.Time
	rows []ledger.Row
	err  error
	done chan struct{}
}

// most is how many Works are decided in one transaction.
const most = 256

// Do decides and writes. When ctx ends first the outcome is unknown to the
// caller; asking again with the same key gives it.
func (b *Book) Do(ctx context.Context, w Work) ([]ledger.Row, error) {
	t := &ticket{ctx: ctx, work: w, came: b.clock.Now(), done: make(chan struct{})}
	b.mu.Lock()
	b.waiting[w.Currency] = append(b.waiting[w.Currency], t)
	if !b.busy[w.Currency] {
		b.busy[w.Currency] = true
		go b.serve(w.Currency)
	}
	b.mu.Unlock()
	select {
	case <-t.done:
		return t.rows, t.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve takes what waits until nothing does. There is one at a time for a
// currency in this process.
func (b *Book) serve(currency string) {
	for {
		b.mu.Lock()
		batch := b.waiting[currency]
		batch = batch[:min(len(batch), most)]
		b.waiting[currency] = b.waiting[currency][len(batch):]
		if len(batch) == 0 {
			delete(b.waiting, currency)
			b.busy[currency] = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		if err := b.together(currency, batch); err != nil {
			// One of them is at fault, or the database is. Alone, each gets an
			// answer of its own; a commit whose answer was lost is found by key.
			for _, t := range batch {
				if err := b.together(currency, []*ticket{t}); err != nil {
					t.rows, t.err = nil, err
				}
			}
		}
		for _, t := range batch {
			close(t.done)
		}
	}
}

// together decides a batch in one transaction.
func (b *Book) together(currency string, batch []*ticket) error {
	// The batch is not given up because one of its callers went away.
	return b.db.Update(context.WithoutCancel(batch[0].ctx), func(tx *store.Tx) error {
		d, err := b.open(tx, currency, batch)
		if err != nil {
			return err
		}
		for _, t := range batch {
			if t.rows, t.err = d.work(t.work, t.came); errors.Is(t.err, errUndo) {
				return t.err
			}
		}
		return d.save()
	})
}

// errUndo marks an error after which the transaction cannot go on.
var errUndo = errors.New("payments: the transaction has to be undone")

// deciding is a batch within its transaction.
type deciding struct {
	tx     *store.Tx
	book   *Book
	state  *ledger.State
	day    string
	first  int64                    // the last row before this batch
	known  map[[2]string]ledger.Row // answers by party and key
	rows   []ledger.Row             // new ones
	made   map[string]Note          // transfers reserved in this batch
	events map[string]string        // commit events by transfer
}

// open locks the currency and reads everything the batch touches.
func (b *Book) open(tx *store.Tx, currency string, batch []*ticket) (*deciding, error) {
	d := &deciding{tx: tx, book: b, state: ledger.New(currency), day: tx.Now().In(b.zone).Format(time.DateOnly), made: map[string]Note{}, events: map[string]string{}}
	var head []byte
	err := tx.QueryRow("select seq, head from payments_book where currency = $1 for update", currency).Scan(&d.state.Seq, &head)
	if err != nil {
		return nil, fmt.Errorf("open the book of %s: %w", currency, err)
	}
	d.state.Head, d.first = [32]byte(head), d.state.Seq
	var steps []ledger.Step
	for _, t := range batch {
		steps = append(steps, t.work.Steps...)
	}
	// Yesterday counts too: a repetition just after midnight is one.
	yesterday := tx.Now().In(b.zone).AddDate(0, 0, -1).Format(time.DateOnly)
	if d.known, err = answers(tx, steps, d.day, yesterday); err != nil {
		return nil, err
	}
	return d, load(tx, d.state, steps)
}

// work decides one Work. An error leaves the state as it was, unless it is
// errUndo. came is when the Work came to the ledger.
func (d *deciding) work(w Work, came time.Time) ([]ledger.Row, error) {
	rows := make([]ledger.Row, len(w.Steps))
	fresh := make([]int, 0, len(w.Steps))
	answered := map[string]ledger.Row{} // by the transfer's id in the request
	for i, step := range w.Steps {
		// A step without a key goes with the one before it about the same
		// transfer: if that one is a repetition, so is this one.
		if before, ok := answered[step.Transfer]; ok && step.Key == "" && step.Transfer != "" {
			rows[i] = before
			continue
		}
		before, ok := d.known[[2]string{step.Party, step.Key}]
		switch {
		case !ok || step.Key == "":
			fresh = append(fresh, i)
		case before.Payload != step.Payload():
			// One of the two requests is a mistake; nobody can say which.
			return nil, fault.New(fault.Conflict, "payments.key.reused")
		default:
			before.Replayed = true
			rows[i], answered[step.Transfer] = before, before
		}
	}
	if len(fresh) == 0 {
		return rows, nil
	}
	if w.Before != nil {
		if err := w.Before(d.tx); err != nil {
			return nil, err
		}
	}
	something := false
	for _, i := range fresh {
		step := w.Steps[i]
		row := d.state.Apply(step, d.day, d.tx.Now())
		if rows[i] = row; row.Seq == 0 {
			continue
		}
		something = true
		d.rows = append(d.rows, row)
		if step.Key != "" {
			d.known[[2]string{step.Party, step.Key}] = row
		}
		d.tell(row, w, came)
	}
	if something && w.After != nil {
		if err := w.After(d.tx, rows); err != nil {
			return nil, fmt.Errorf("%w: %w", errUndo, err)
		}
	}
	return rows, nil
}

// tell says what a row means for its transfer.
func (d *deciding) tell(row ledger.Row, w Work, came time.Time) {
	t := d.state.Transfers[row.Transfer]
	if t == nil || row.Kind == ledger.Post {
		return
	}
	switch {
	case row.Kind == ledger.Reserve && row.Reason != ledger.Duplicate:
		d.made[t.ID] = w.Notes[t.ID]
		if row.Accepted() && !w.Quiet {
			emitTransfer(d.tx, d.state, t, w.Actor, TransferReserved, 0)
		}
	case w.Quiet:
	case row.Kind == ledger.Commit && row.Accepted():
		took := time.Duration(0)
		if slices.ContainsFunc(w.Steps, func(s ledger.Step) bool { return s.Kind == ledger.Reserve && s.Transfer == t.ID }) { // one decision
			took = max(d.book.clock.Now().Sub(came), time.Microsecond)
		}
		d.events[t.ID] = emitTransfer(d.tx, d.state, t, w.Actor, TransferCommitted, took)
	case row.Kind == ledger.Abort && row.Reason != ledger.Duplicate && row.Reason != ledger.AlreadyAborted && row.Reason != ledger.SettlementTimeout, row.Kind == ledger.Expire:
		emitTransfer(d.tx, d.state, t, w.Actor, TransferAborted, 0)
	}
}
