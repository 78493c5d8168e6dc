package payments

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// The tables that people's questions are answered from are made from the
// batches after their commit: balances, transfers, keys, positions, windows.
// There is one at a time for a currency in each process; between processes a
// compare-and-set on payments_index decides who writes a part.

// About how many rows go into one transaction. On SQLite nobody else writes
// meanwhile, so few while requests wait; many when the tables only have to catch up,
// because then each page is written once for all of them.
const (
	indexRowsBusy = 8_000
	indexRowsIdle = 16_000
)

// indexShare is the part of the time the tables may take, one in so many, while
// requests wait for the ledger, nobody waits for the tables and they are not too
// far behind.
const indexShare = 5

// indexWait is how long a caller waits for the tables; the money has moved in any
// case.
const indexWait = 5 * time.Second

// mostBehind is how many rows the tables may lag behind before they are given
// all the time they need; what they miss is held in memory.
const mostBehind = 200_000

// committed hands a batch to the tables.
func (l *line) committed(d *deciding, last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = max(l.written, last)
	if d.batch != nil {
		l.ready = append(l.ready, &sealed{Batch: d.batch, notes: d.notes})
	}
	l.indexed = max(l.indexed, d.memory.indexed)
	if !l.indexing && l.indexed < l.written {
		l.indexing = true
		go l.index()
	}
}

// wait until the tables contain a batch.
func (l *line) wait(ctx context.Context, batch int64) {
	deadline := time.NewTimer(indexWait)
	defer deadline.Stop()
	l.mu.Lock()
	if l.wanted++; l.wanted == 1 {
		close(l.hurry)
	}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		if l.wanted--; l.wanted == 0 {
			l.hurry = make(chan struct{})
		}
		l.mu.Unlock()
	}()
	for {
		l.mu.Lock()
		done, advanced := l.indexed >= batch, l.advanced
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return
		case <-deadline.C:
			l.q.log.WarnContext(ctx, "the tables of the ledger are behind", "currency", l.currency, "batch", batch)
			return
		}
	}
}

// Settle waits until the tables contain all that is durable now.
func (q *Sequencer) Settle(ctx context.Context, currency string) error {
	l := q.line(currency)
	var number int64
	err := q.db.View(ctx, func(tx *store.Tx) error {
		var err error
		number, err = store.Get(tx, store.Value[int64], "select number from payments_book where currency = $1", currency)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.written = max(l.written, number)
	if !l.indexing && l.indexed < l.written {
		l.indexing = true
		go l.index()
	}
	l.mu.Unlock()
	for {
		l.wait(ctx, number)
		l.mu.Lock()
		done := l.indexed >= number
		l.mu.Unlock()
		if done || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// index writes until the tables contain all that is written.
func (l *line) index() {
	ctx := context.Background()
	for failed := 0; ; {
		l.mu.Lock()
		from, to := l.indexed, l.written
		if from >= to || failed > 20 {
			l.indexing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		began := l.q.clock.Now()
		n, err := l.indexPart(ctx, from)
		if err != nil {
			failed++
			l.q.log.WarnContext(ctx, "the tables of the ledger could not be written", "currency", l.currency, "after batch", from, "error", err)
			time.Sleep(time.Duration(failed*failed) * 10 * time.Millisecond)
			continue
		}
		failed = 0
		l.mu.Lock()
		if n > l.indexed {
			l.indexed = n
			close(l.advanced)
			l.advanced = make(chan struct{})
		}
		for len(l.ready) > 0 && l.ready[0].Number <= n {
			l.ready[0] = nil
			l.ready = l.ready[1:]
		}
		behind := int64(0)
		if len(l.ready) > 0 {
			behind = l.ready[len(l.ready)-1].Last() - l.ready[0].First
		}
		// What another process left behind is made up for first: whoever is killed
		// next must not leave more.
		pause, hurry := l.busy && behind < mostBehind && n >= l.owed, l.hurry
		l.mu.Unlock()
		if pause {
			select {
			case <-time.After((indexShare - 1) * l.q.clock.Now().Sub(began)):
			case <-hurry: // at once when somebody waits
			}
		}
	}
}

// part gives the next batches for the tables, if this process has them.
func (l *line) part(after int64) []*sealed {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, n, i, most := 0, 0, 0, indexRowsIdle
	if l.busy {
		most = indexRowsBusy
	}
	for i < len(l.ready) && l.ready[i].Number <= after {
		i++
	}
	for ; i+n < len(l.ready) && (n == 0 || rows+len(l.ready[i+n].Rows) <= most); n++ {
		if l.ready[i+n].Number != after+int64(n)+1 {
			break
		}
		rows += len(l.ready[i+n].Rows)
	}
	return l.ready[i : i+n : i+n]
}

// indexPart writes what follows a batch and gives the last batch that the tables
// contain then.
func (l *line) indexPart(ctx context.Context, after int64) (last int64, err error) {
	mine := l.part(after)
	err = l.q.db.UpdateLarge(ctx, func(tx *store.Tx) error {
		at, err := store.Get(tx, store.Value[int64], "select number from payments_index where currency = $1 for update", l.currency)
		if err != nil {
			return err
		}
		list := mine
		if at != after || len(list) == 0 {
			if list, err = batchesWithin(tx, l.currency, at, indexRowsIdle); err != nil {
				return err
			}
		}
		if last = at; len(list) == 0 {
			return nil
		}
		x, err := newIndexing(tx, l.currency)
		if err != nil {
			return err
		}
		for _, b := range list {
			if b.Number != last+1 {
				return fmt.Errorf("batch %d comes after batch %d", b.Number, last)
			}
			if err := x.add(b); err != nil {
				return err
			}
			last = b.Number
		}
		if err := x.write(); err != nil {
			return err
		}
		_, err = tx.Exec("update payments_index set number = $2 where currency = $1", l.currency, last)
		return err
	})
	return last, err
}

// mostLeft is how many rows the tables may lack when the ledger is opened.
const mostLeft = indexRowsIdle

// makeUp writes a part of what the tables lack, if that is much, before the ledger is
// opened: whoever opens it reads all of it, so it must not grow from one process that is
// killed early to the next. The ledger itself needs no tables.
func (l *line) makeUp(ctx context.Context) {
	var number, left int64
	err := l.q.db.View(ctx, func(tx *store.Tx) (err error) {
		if number, err = store.Get(tx, store.Value[int64], "select number from payments_index where currency = $1", l.currency); err != nil {
			return err
		}
		last, err := store.Get(tx, store.Value[int64], "select coalesce(max(first + count - 1), 0) from (select first, count from payments_batch where currency = $1 order by number desc limit 1) b", l.currency)
		if err != nil {
			return err
		}
		indexed, err := lastIndexed(tx, l.currency)
		left = last - indexed
		return err
	})
	if err == nil && left > mostLeft {
		_, err = l.indexPart(ctx, number)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		l.q.log.WarnContext(ctx, "the tables of the ledger could not be written", "currency", l.currency, "after batch", number, "error", err)
	}
}

// indexing is some batches on their way into the tables.
type indexing struct {
	tx        *store.Tx
	currency  string
	places    ledger.Places
	effects   *ledger.Effects
	began     int64 // the open window
	made      []*Transfer
	byID      map[string]*Transfer
	ended     []*Transfer // that were in the tables before
	keys      []keyLine
	positions map[[2]string]*position
	windows   []window
}

// keyLine is a request that was answered.
type keyLine struct {
	hash keyHash
	seq  int64
}

// position is what a participant did in a window.
type position struct {
	window                                  int64
	participant                             string
	sentCount, sent, receivedCount, receive int64
	due                                     int64
}

func newIndexing(tx *store.Tx, currency string) (*indexing, error) {
	x := &indexing{tx: tx, currency: currency, byID: map[string]*Transfer{}, positions: map[[2]string]*position{}}
	var err error
	x.began, err = store.Get(tx, store.Value[int64], "select coalesce(max(number), 0) from payments_window where currency = $1", currency)
	if err != nil {
		return nil, err
	}
	x.effects = ledger.NewEffects(max(x.began, 1))
	x.places, err = readPlaces(tx, currency)
	return x, err
}

// add takes a batch in.
func (x *indexing) add(b *sealed) error {
	for i, r := range b.Rows {
		x.effects.Add(r, x.places)
		if r.Key != "" {
			k := hashKey(r.Party, r.Key)
			x.keys = append(x.keys, keyLine{k, r.Seq})
		}
		note := b.notes[i]
		switch {
		case r.Made():
			t := &Transfer{Transfer: ledger.Transfer{ID: r.Transfer, Debit: r.Debit, Credit: r.Credit, Amount: r.Amount, Currency: x.currency, Phase: ledger.Reserved, Expires: r.Expires, Net: r.Net},
				Seq: r.Seq, Kind: kindTransfer, DebitBook: r.DebitBook, CreditBook: r.CreditBook, Reserved: r.At, Reference: note.Reference, Purpose: note.Purpose, Fee: note.Fee}
			if !r.Accepted() {
				t.Phase, t.Reason, t.Done, t.Finished, t.Window = ledger.Refused, r.Reason, r.Seq, r.At, r.Window
			}
			x.made, x.byID[t.ID] = append(x.made, t), t
		case r.Kind == ledger.Post && r.Accepted():
			x.made = append(x.made, &Transfer{Transfer: ledger.Transfer{ID: fmt.Sprintf("post-%s-%d", x.currency, r.Seq), Debit: r.Debit, Credit: r.Credit, Amount: r.Amount, Currency: x.currency, Phase: ledger.Committed, Expires: r.At},
				Seq: r.Seq, Kind: kindPost, DebitBook: r.DebitBook, CreditBook: r.CreditBook, Reserved: r.At, Done: r.Seq, Finished: r.At, Window: r.Window})
		case r.Kind == ledger.Cut && r.Accepted():
			x.windows = append(x.windows, window{number: r.Window, last: r.Seq, at: store.Micros(r.At), net: r.Net})
		case r.Ended() != "":
			t := x.byID[r.Transfer]
			if t == nil {
				t = &Transfer{Transfer: ledger.Transfer{ID: r.Transfer}}
				x.ended = append(x.ended, t)
			}
			t.Phase, t.Reason, t.Done, t.Finished, t.Window, t.Event = r.Ended(), r.Why, r.Seq, r.At, r.Window, note.event
		}
		if r.Kind == ledger.Commit && r.Accepted() && r.DebitBook != r.CreditBook {
			from, to := x.position(r.Window, r.DebitBook), x.position(r.Window, r.CreditBook)
			from.sentCount++
			from.sent += r.Amount
			to.receivedCount++
			to.receive += r.Amount
			if r.Net {
				from.due -= r.Amount
				to.due += r.Amount
			}
		}
	}
	return nil
}

func (x *indexing) position(number int64, participant string) *position {
	key := [2]string{fmt.Sprint(number), participant}
	p := x.positions[key]
	if p == nil {
		p = &position{window: number, participant: participant}
		x.positions[key] = p
	}
	return p
}
