package journal

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"sarai/courtyard/store"
)

// Subscription is a durable reader: it sees every event of its types once, in
// the order of their positions, from the first one on. Handle's writes and the
// cursor's move are one transaction, so their effect is exactly once. Handle
// touches only tx; it may run again when the transaction fails.
type Subscription struct {
	Name   string   // "services.fee-paid": room first; never renamed, it names the cursor
	Types  []string // exact, "office.*", or "*"
	Handle func(tx *store.Tx, e store.Event) error
}

// Subscribe registers a subscription. It must be called before Run.
func (j *Journal) Subscribe(s Subscription) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running {
		panic("journal: Subscribe after Run: " + s.Name)
	}
	if s.Name == "" || s.Handle == nil || len(s.Types) == 0 {
		panic("journal: a subscription needs a name, types and a handler: " + s.Name)
	}
	for _, d := range j.subs {
		if d.sub.Name == s.Name {
			panic("journal: two subscriptions are named " + s.Name)
		}
	}
	j.subs = append(j.subs, &delivery{j: j, sub: s})
}

// delivery is one subscription at work.
type delivery struct {
	j   *Journal
	sub Subscription

	position atomic.Int64 // as far as this process knows
	handled  atomic.Int64
	failures atomic.Int64
	attempts atomic.Int64 // failures in a row
	delivers atomic.Bool  // this process holds the lease
}

func (d *delivery) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := d.j.db.Hold(ctx, "journal/"+d.sub.Name, func(ctx context.Context, _ *store.Lease) error {
			d.delivers.Store(true)
			defer d.delivers.Store(false)
			return d.deliver(ctx)
		})
		if err != nil && ctx.Err() == nil {
			d.j.log.ErrorContext(ctx, "subscription interrupted", "subscription", d.sub.Name, "error", err)
			pause(ctx, d.j.poll)
		}
	}
}

// errMoved means that another process has moved the cursor.
var errMoved = errors.New("journal: the cursor has moved")

func (d *delivery) deliver(ctx context.Context) error {
	kept, err := d.cursor(ctx) // as it stands in the database
	if err != nil {
		return err
	}
	at := kept // how far we have read; events between concern others
	saved := time.Now()
	size := d.j.batch
	tick := time.NewTicker(d.j.poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.position.Store(at)
		list, moved, err := d.j.next(ctx, at)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			select {
			case <-moved:
			case <-tick.C:
			case <-ctx.Done():
			}
			continue
		}
		last := list[len(list)-1].Position
		mine := only(list, d.sub.Types)
		if len(mine) == 0 {
			at = last
			if at-kept < 1000 && time.Since(saved) < 10*time.Second {
				continue // not worth a commit
			}
		}
		if len(mine) > size {
			mine = mine[:size]
			last = mine[size-1].Position
		}
		switch err := d.handle(ctx, kept, last, mine); {
		case err == nil:
			kept, at, saved = last, last, time.Now()
			d.attempts.Store(0)
			size = min(2*size, d.j.batch)
		case errors.Is(err, errMoved):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case len(mine) > 1:
			size = 1 // find the one that fails; the others go through
		default:
			d.fail(ctx, mine, err)
		}
	}
	return ctx.Err()
}

func (d *delivery) cursor(ctx context.Context) (int64, error) {
	var at int64
	err := d.j.db.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = tx.Exec(`insert into journal_cursor (name, position, attempts, moved) values ($1, 0, 0, $2) on conflict (name) do nothing`, d.sub.Name, store.Micros(tx.Now())); err != nil {
			return err
		}
		at, err = store.Get(tx, store.Value[int64], `select position from journal_cursor where name = $1`, d.sub.Name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("journal: cursor of %s: %w", d.sub.Name, err)
	}
	return at, nil
}

// handle moves the cursor from one position to another and handles the events
// between, all or none.
func (d *delivery) handle(ctx context.Context, from, to int64, list []store.Event) error {
	err := d.j.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`update journal_cursor set position = $3, attempts = 0, trouble = null, moved = $4 where name = $1 and position = $2`,
			d.sub.Name, from, to, store.Micros(tx.Now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return errMoved
		}
		for _, e := range list {
			if err := d.call(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		d.handled.Add(int64(len(list)))
	}
	return err
}

// call turns a handler's panic into an error: one room's mistake must not stop
// the house.
func (d *delivery) call(tx *store.Tx, e store.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := d.sub.Handle(tx, e); err != nil {
		return fmt.Errorf("%s at %d: %w", e.Type, e.Position, err)
	}
	return nil
}

// fail reports a failure and waits, longer each time, up to 30 s.
func (d *delivery) fail(ctx context.Context, list []store.Event, cause error) {
	n := d.attempts.Add(1)
	d.failures.Add(1)
	attrs := []any{"subscription", d.sub.Name, "attempt", n, "error", cause}
	if len(list) == 1 {
		attrs = append(attrs, "event", list[0].ID, "position", list[0].Position)
	}
	d.j.log.ErrorContext(ctx, "event not handled", attrs...)
	_ = d.j.db.Update(ctx, func(tx *store.Tx) error { // for people who look; the retry does not need it
		_, err := tx.Exec(`update journal_cursor set attempts = $2, trouble = $3 where name = $1`, d.sub.Name, n, cause.Error())
		return err
	})
	pause(ctx, min(30*time.Second, 50*time.Millisecond<<min(n, 12)))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
