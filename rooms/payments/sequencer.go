package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Sequencer is the ledger. For each currency it keeps balances, open
// reservations and recent keys in memory, decides all requests that wait in one
// go and writes them as one batch in one transaction. The database is the truth:
// the memory may be thrown away at any time and is, whenever a transaction fails.
//
// A batch's transaction first moves the currency's number on by one, from the
// number this process knows. If another process has written meanwhile, that does
// not succeed; then the batches that are missing are read and followed before
// anything is decided. So there is one order of batches whoever writes them, and
// no process can write on top of something it has not seen.
//
// Callers are answered after the commit. When the answer to a commit is lost,
// the batch with that number tells whether it was ours.
type Sequencer struct {
	db    *store.DB
	zone  *time.Location
	clock clock.Clock // tells how long a payment takes; times in rows are the transaction's
	log   *slog.Logger

	mu    sync.Mutex
	lines map[string]*line // by currency
}

// NewSequencer gives the ledger of a database. Days of idempotency keys are
// those of the zone.
func NewSequencer(db *store.DB, zone *time.Location, log *slog.Logger) *Sequencer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sequencer{db: db, zone: zone, clock: clock.System, log: log, lines: map[string]*line{}}
}

// line is one currency: those who wait, what is remembered, and how far the
// tables made from the rows have come.
type line struct {
	q        *Sequencer
	currency string

	mu       sync.Mutex
	waiting  []*ticket
	busy     bool          // somebody serves
	written  int64         // last batch known to be durable
	indexed  int64         // last batch the tables contain
	owed     int64         // last batch there was when the ledger was read: others may have left the tables behind
	advanced chan struct{} // closed when indexed moves
	ready    []*sealed     // batches for the tables, in order
	indexing bool
	wanted   int           // callers who wait for the tables
	hurry    chan struct{} // closed while somebody waits for the tables

	memory *memory // of whoever serves; nil: to be loaded
}

// ticket is a Work on its way.
type ticket struct {
	ctx   context.Context
	work  Work
	came  time.Time
	rows  []ledger.Row
	err   error
	batch int64 // that contains the answer, or the last one before it
	done  chan struct{}
}

// sealed is a durable batch with what goes with its rows.
type sealed struct {
	*ledger.Batch
	notes map[int]rowNote // by place in the batch
}

func (q *Sequencer) line(currency string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[currency]
	if l == nil {
		l = &line{q: q, currency: currency, advanced: make(chan struct{}), hurry: make(chan struct{})}
		q.lines[currency] = l
	}
	return l
}

// Open reads the ledger of a currency and begins to bring the tables up to date
// with it; a writer that was killed under load may have left them behind, and
// payments need not wait for that. Do does the same by itself; whoever opens early
// sees a damaged ledger early.
func (q *Sequencer) Open(ctx context.Context, currency string) error {
	_, err := q.Do(ctx, Work{Currency: currency, Quiet: true})
	return err
}

// Do decides and writes. When ctx ends first the outcome is unknown to the
// caller; asking again with the same key gives it.
func (q *Sequencer) Do(ctx context.Context, w Work) ([]ledger.Row, error) {
	if len(w.Steps) > MaxSteps {
		return nil, fmt.Errorf("a work of %d steps: %d are the most", len(w.Steps), MaxSteps)
	}
	l := q.line(w.Currency)
	t := &ticket{ctx: ctx, work: w, came: q.clock.Now(), done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, t)
	if !l.busy {
		l.busy = true
		go l.serve()
	}
	l.mu.Unlock()
	select {
	case <-t.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t.err == nil && !w.Quiet {
		l.wait(ctx, t.batch)
	}
	return t.rows, t.err
}

// serve takes what waits until nothing does. There is one at a time for a
// currency in this process.
func (l *line) serve() {
	for {
		l.mu.Lock()
		n, steps := 0, 0
		for n < len(l.waiting) {
			if steps += len(l.waiting[n].work.Steps); steps > MaxSteps && n > 0 {
				break
			}
			n++
		}
		batch := l.waiting[:n:n]
		l.waiting = l.waiting[n:]
		if n == 0 {
			l.waiting, l.busy = nil, false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if err := l.together(batch); err != nil {
			// One of them is at fault, or the database is. Alone, each gets an
			// answer of its own.
			for _, t := range batch {
				if len(batch) > 1 {
					err = l.together([]*ticket{t})
				}
				if err != nil {
					t.rows, t.err = nil, err
				}
			}
		}
		for _, t := range batch {
			close(t.done)
		}
	}
}

// together decides a batch in one transaction and answers it.
func (l *line) together(batch []*ticket) error {
	var d *deciding
	// The batch is not given up because one of its callers went away.
	ctx := context.WithoutCancel(batch[0].ctx)
	if l.memory == nil {
		l.makeUp(ctx)
	}
	err := l.q.db.Update(ctx, func(tx *store.Tx) error {
		if d != nil {
			l.memory = nil // what the first run followed may have been undone with it
		}
		var err error
		if d, err = l.open(tx, batch); err != nil {
			return err
		}
		for _, t := range batch {
			if t.rows, t.err = d.work(t.work, t.came); errors.Is(t.err, errUndo) {
				return t.err
			}
		}
		return d.save()
	})
	if errors.Is(err, store.ErrUnknownOutcome) && d != nil {
		err = l.resolve(ctx, d, err)
	}
	if err != nil {
		if errors.Is(err, errUndo) && d != nil && !d.followed {
			l.memory.state.Undo() // a request was at fault, not the database
		} else {
			l.memory = nil
		}
		return err
	}
	last := l.memory.keep(d)
	for _, t := range batch {
		t.batch = last
	}
	l.committed(d, last)
	return nil
}

// resolve finds out whether a batch is there whose commit was not answered. The
// lock waits for a transaction that is still on its way.
func (l *line) resolve(ctx context.Context, d *deciding, lost error) error {
	if d.batch == nil {
		return nil // nothing was to be written
	}
	for attempt := range 10 {
		if attempt > 0 {
			time.Sleep(time.Duration(attempt) * 100 * time.Millisecond)
		}
		var head []byte
		err := l.q.db.Update(ctx, func(tx *store.Tx) error {
			if _, err := store.Get(tx, store.Value[int64], "select number from payments_book where currency = $1 for update", l.currency); err != nil {
				return err
			}
			var err error
			head, err = store.Get(tx, store.Value[[]byte], "select head from payments_batch where currency = $1 and number = $2", l.currency, d.batch.Number)
			if fault.Is(err, fault.NotFound) {
				head, err = nil, nil
			}
			return err
		})
		switch {
		case err != nil:
			l.q.log.WarnContext(ctx, "whether a batch of payments is durable is not known yet", "currency", l.currency, "batch", d.batch.Number, "error", err)
		case string(head) == string(d.batch.Head[:]):
			return nil
		default:
			return fmt.Errorf("the commit was lost and the batch is not there: %w", lost)
		}
	}
	return lost
}

// errUndo marks an error after which the transaction cannot go on.
var errUndo = errors.New("payments: the transaction has to be undone")

// deciding is a batch within its transaction.
type deciding struct {
	tx     *store.Tx
	line   *line
	memory *memory
	state  *ledger.State
	known  map[keyHash]ledger.Row // answers by key
	batch  *ledger.Batch          // nil: nothing new
	rows   []ledger.Row           // new ones
	notes  map[int]rowNote        // by place in rows
	writes map[string][][]any     // into other tables

	followed bool // others' batches were read in this transaction
}

// open moves the lease, follows what others wrote and reads what the batch
// touches.
func (l *line) open(tx *store.Tx, batch []*ticket) (*deciding, error) {
	fresh := l.memory == nil
	if fresh {
		m, err := load(tx, l.currency, l.q.zone)
		if err != nil {
			return nil, fmt.Errorf("open the ledger of %s: %w", l.currency, err)
		}
		l.memory = m
	}
	m, followed := l.memory, fresh
	l.mu.Lock()
	if fresh {
		l.owed = m.state.Batch
	}
	m.forget(l.indexed)
	l.mu.Unlock()
	n, err := tx.Exec("update payments_book set number = number + 1 where currency = $1 and number = $2", l.currency, m.state.Batch)
	if err != nil {
		return nil, fmt.Errorf("move the lease of %s: %w", l.currency, err)
	}
	if n == 0 { // somebody else wrote; now the row is ours to lock
		number, err := store.Get(tx, store.Value[int64], "select number from payments_book where currency = $1 for update", l.currency)
		if err != nil {
			return nil, fmt.Errorf("lock the lease of %s: %w", l.currency, err)
		}
		followed = true
		if err := m.follow(tx, number); err != nil {
			return nil, err
		}
		if n, err := tx.Exec("update payments_book set number = number + 1 where currency = $1 and number = $2", l.currency, m.state.Batch); err != nil || n == 0 {
			return nil, errors.Join(fmt.Errorf("the lease of %s is at %d and its batches end at %d", l.currency, number, m.state.Batch), err)
		}
	}
	d := &deciding{tx: tx, line: l, memory: m, state: m.state, notes: map[int]rowNote{}, writes: map[string][][]any{}, followed: followed}
	m.state.Begin()
	total := 0
	for _, t := range batch {
		total += len(t.work.Steps)
	}
	steps := make([]ledger.Step, 0, total)
	for _, t := range batch {
		steps = append(steps, t.work.Steps...)
	}
	if d.known, err = m.answers(tx, steps); err != nil {
		return nil, err
	}
	d.rows = make([]ledger.Row, 0, total)
	return d, m.fetch(tx, steps)
}

// work decides one Work. An error leaves the state as it was, unless it is
// errUndo. came is when the Work came to the ledger.
func (d *deciding) work(w Work, came time.Time) ([]ledger.Row, error) {
	rows := make([]ledger.Row, len(w.Steps))
	fresh := make([]int, 0, len(w.Steps))
	var answered map[string]ledger.Row // by the transfer's id in the request
	for i := range w.Steps {
		step := &w.Steps[i]
		// A step without a key goes with the one before it about the same
		// transfer: if that one is a repetition, so is this one.
		if before, ok := answered[step.Transfer]; ok && step.Key == "" && step.Transfer != "" {
			rows[i] = before
			continue
		}
		if step.Key == "" {
			fresh = append(fresh, i)
			continue
		}
		before, ok := d.known[hashKey(step.Party, step.Key)]
		switch {
		case !ok:
			fresh = append(fresh, i)
		case before.Payload != step.Payload():
			// One of the two requests is a mistake; nobody can say which.
			return nil, fault.New(fault.Conflict, "payments.key.reused")
		default:
			before.Replayed = true
			if answered == nil {
				answered = map[string]ledger.Row{}
			}
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
		if step.Key != "" {
			// Twice in one Work.
			if before, ok := d.known[hashKey(step.Party, step.Key)]; ok {
				if before.Payload != step.Payload() {
					return nil, fmt.Errorf("%w: %w", errUndo, fault.New(fault.Conflict, "payments.key.reused"))
				}
				before.Replayed = true
				rows[i] = before
				continue
			}
		}
		row := d.state.Apply(step, d.tx.Now())
		if rows[i] = row; row.Seq == 0 {
			continue
		}
		something = true
		d.rows = append(d.rows, row)
		if step.Key != "" {
			d.known[hashKey(step.Party, step.Key)] = row
		}
		d.note(row, w, came)
	}
	if something && w.After != nil {
		if err := w.After(d.tx, rows); err != nil {
			return nil, fmt.Errorf("%w: %w", errUndo, err)
		}
	}
	if something && w.Writes != nil {
		for _, x := range w.Writes(rows) {
			d.writes[x.Into] = append(d.writes[x.Into], x.Values)
		}
	}
	return rows, nil
}

// note keeps what goes with a row, and says what the row means for its transfer.
func (d *deciding) note(row ledger.Row, w Work, came time.Time) {
	if row.Made() {
		if n := w.Notes[row.Transfer]; n != (Note{}) {
			d.notes[len(d.rows)-1] = rowNote{Note: n}
		}
	}
	t := d.state.Transfers[row.Transfer]
	if t == nil || w.Quiet {
		return
	}
	switch {
	case row.Made() && row.Accepted():
		emitTransfer(d.tx, d.state, t, w.Actor, TransferReserved, 0)
	case row.Ended() == ledger.Committed:
		took := time.Duration(0)
		if slices.ContainsFunc(w.Steps, func(s ledger.Step) bool { return s.Kind == ledger.Reserve && s.Transfer == t.ID }) { // one decision
			took = max(d.line.q.clock.Now().Sub(came), time.Microsecond)
		}
		d.notes[len(d.rows)-1] = rowNote{event: emitTransfer(d.tx, d.state, t, w.Actor, TransferCommitted, took)}
	case row.Ended() != "":
		emitTransfer(d.tx, d.state, t, w.Actor, TransferAborted, 0)
	}
}

// save writes the batch.
func (d *deciding) save() error {
	if len(d.rows) == 0 {
		_, err := d.tx.Exec("update payments_book set number = number - 1 where currency = $1", d.line.currency)
		return err
	}
	b := &ledger.Batch{Currency: d.line.currency, Number: d.state.Batch + 1, First: d.rows[0].Seq, Rows: d.rows, At: d.tx.Now(), Before: d.state.Head, Secret: newSecret()}
	b.Seal()
	d.batch = b
	event := emitBatch(d.tx, b, d.notes)
	for _, into := range slices.Sorted(maps.Keys(d.writes)) { // everybody locks tables in this order
		if err := insert(d.tx, into, d.writes[into]); err != nil {
			return err
		}
	}
	return insertBatch(d.tx, b, event, d.notes)
}
