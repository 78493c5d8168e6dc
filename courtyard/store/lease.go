package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
)

// Lease is the right to do something that only one process may do at a time: a
// row that says who does it and until when. It saves double work; it cannot by
// itself prevent it, because a process may sleep through its own expiry. What
// must never happen twice is fenced in the transaction that does it: by Check,
// which fails when the epoch has moved on, or by a guard of its own.
//
// Leases measure real time, not the house's clock.
type Lease struct {
	db     *DB
	name   string
	holder string
	epoch  int64
	lost   chan struct{} // closed when a renewal found the lease gone
}

// leaseTTL is how long a lease outlives its last renewal. All leases of a
// process are renewed by one update every third of it.
const leaseTTL = 6 * time.Second

type leaseBook struct {
	mu     sync.Mutex
	held   map[string]*Lease // by holder
	cancel context.CancelFunc
	done   chan struct{}
	closed bool
}

// TryLease takes the named lease if nobody holds it; held is false if somebody
// does.
func (db *DB) TryLease(ctx context.Context, name string) (lease *Lease, held bool, err error) {
	l := &Lease{db: db, name: name, holder: id.New(), lost: make(chan struct{})}
	err = db.Update(ctx, func(tx *Tx) error {
		now := time.Now()
		l.epoch = 0
		epochs, err := List(tx, Value[int64], `insert into store_lease as l (name, node, holder, epoch, expires) values ($1, $2, $3, 1, $4)
			on conflict (name) do update set node = excluded.node, holder = excluded.holder, epoch = l.epoch + 1, expires = excluded.expires
			where l.expires < $5 returning epoch`, name, db.node, l.holder, Micros(now.Add(leaseTTL)), Micros(now))
		if err == nil && len(epochs) == 1 {
			l.epoch = epochs[0]
		}
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("store: lease %s: %w", name, err)
	}
	if l.epoch == 0 {
		return nil, false, nil
	}
	if !db.leases.add(db, l) {
		return nil, false, errClosed
	}
	return l, true, nil
}

// Hold waits for the lease, runs fn with it, and gives it back. fn's context
// ends when the lease is lost; then Hold waits again. It returns when ctx ends
// or fn returns by itself.
func (db *DB) Hold(ctx context.Context, name string, fn func(ctx context.Context, l *Lease) error) error {
	for {
		l, held, err := db.TryLease(ctx, name)
		if err != nil && ctx.Err() == nil {
			db.log.WarnContext(ctx, "lease not taken", "lease", name, "error", err)
		}
		if held {
			again, err := l.while(ctx, fn)
			if !again {
				return err
			}
			continue
		}
		select {
		case <-time.After(leaseTTL / 6):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *Lease) while(ctx context.Context, fn func(ctx context.Context, l *Lease) error) (again bool, err error) {
	inner, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-l.lost:
			cancel()
		case <-inner.Done():
		}
	}()
	defer func() {
		cancel()
		<-stopped
		_ = l.Release(context.WithoutCancel(ctx)) // else it expires
	}()
	err = fn(inner, l)
	select {
	case <-l.lost:
		return ctx.Err() == nil, err
	default:
		return false, err
	}
}

// Epoch grows by one each time the lease changes hands.
func (l *Lease) Epoch() int64 { return l.epoch }

// Lost is closed when a renewal found that somebody else has the lease.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Check fails with a fault Conflict "store.lease" unless the lease is still
// ours, and keeps it ours until the transaction ends.
func (l *Lease) Check(tx *Tx) error {
	n, err := List(tx, Value[int64], `select epoch from store_lease where name = $1 and holder = $2 and epoch = $3 for update`, l.name, l.holder, l.epoch)
	if err != nil {
		return fmt.Errorf("store: lease %s: %w", l.name, err)
	}
	if len(n) == 0 {
		return fault.New(fault.Conflict, "store.lease", "name", l.name)
	}
	return nil
}

// Release gives the lease back, so that another process need not wait for it to
// expire.
func (l *Lease) Release(ctx context.Context) error {
	l.db.leases.remove(l)
	return l.db.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`update store_lease set expires = 0 where name = $1 and holder = $2`, l.name, l.holder)
		return err
	})
}

func (b *leaseBook) add(db *DB, l *Lease) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	if b.held == nil {
		b.held = map[string]*Lease{}
	}
	b.held[l.holder] = l
	if b.cancel == nil {
		var ctx context.Context
		ctx, b.cancel = context.WithCancel(context.Background())
		b.done = make(chan struct{})
		go b.renew(ctx, db)
	}
	return true
}

func (b *leaseBook) remove(l *Lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, l.holder)
}

func (b *leaseBook) stop() {
	b.mu.Lock()
	b.closed = true
	cancel, done := b.cancel, b.done
	b.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// renew keeps all leases of this process alive, by one update for all of them.
func (b *leaseBook) renew(ctx context.Context, db *DB) {
	defer close(b.done)
	tick := time.NewTicker(leaseTTL / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		b.mu.Lock()
		mine := make([]*Lease, 0, len(b.held))
		for _, l := range b.held {
			mine = append(mine, l)
		}
		b.mu.Unlock()
		if len(mine) == 0 {
			continue
		}
		var holders []string
		err := db.Update(ctx, func(tx *Tx) error {
			now := time.Now()
			var err error
			holders, err = List(tx, Value[string], `update store_lease set expires = $1 where node = $2 and expires >= $3 returning holder`,
				Micros(now.Add(leaseTTL)), db.node, Micros(now))
			return err
		})
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, errClosed) {
				db.log.WarnContext(ctx, "leases not renewed", "leases", len(mine), "error", err)
			}
			continue
		}
		kept := make(map[string]bool, len(holders))
		for _, h := range holders {
			kept[h] = true
		}
		b.mu.Lock()
		for _, l := range mine {
			if _, still := b.held[l.holder]; still && !kept[l.holder] {
				delete(b.held, l.holder)
				close(l.lost)
			}
		}
		b.mu.Unlock()
	}
}

// Node names this opening of the database: no other one, before or beside it,
// has the same name.
func (db *DB) Node() string { return db.node }

// First says that nobody else had the database open when this process opened it:
// what others were doing at the time, they do no more. Only SQLite can tell;
// on PostgreSQL it is false.
func (db *DB) First() bool {
	e, ok := db.backend.(*embedded)
	return ok && e.sole
}

// forgetTheDead ends the leases of processes that did not give them back. On
// SQLite whoever opens the file alone knows that nobody else is alive; then a
// start after a crash need not wait for the leases to expire.
func (db *DB) forgetTheDead(ctx context.Context) error {
	if !db.First() {
		return nil
	}
	return db.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`update store_lease set expires = 0 where node <> $1`, db.node)
		return err
	})
}
