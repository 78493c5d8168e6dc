package gate

import (
	"context"
	"sync"

	"sarai/courtyard/store"
)

// recorder makes decisions durable. Those that come while others are on their way
// to the disk go together, in one update and one statement.
type recorder struct {
	mu      sync.Mutex
	waiting *page
	busy    bool // somebody writes
}

// page is decisions that are written together.
type page struct {
	list []Decision
	errs []error // of each; nil when all are written
	done chan struct{}
}

// write makes a decision durable. When ctx ends first it may be on record or not.
func (g *Gate) write(ctx context.Context, d Decision) error {
	if g.db.Inside(ctx) {
		return store.ErrNested
	}
	r := &g.recorder
	r.mu.Lock()
	if r.waiting == nil {
		r.waiting = &page{done: make(chan struct{})}
	}
	p, n := r.waiting, len(r.waiting.list)
	p.list = append(p.list, d)
	if !r.busy {
		r.busy = true
		go g.record(context.Background()) //nolint:contextcheck // it writes for all who wait
	}
	r.mu.Unlock()
	select {
	case <-p.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.errs == nil {
		return nil
	}
	return p.errs[n]
}

// record writes pages until nobody waits.
func (g *Gate) record(ctx context.Context) {
	r := &g.recorder
	for {
		r.mu.Lock()
		p := r.waiting
		if r.waiting = nil; p == nil {
			r.busy = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		if err := g.insert(ctx, p.list); err != nil {
			p.errs = []error{err}
			if len(p.list) > 1 { // one of them may be at fault; alone, each hears its own
				p.errs = make([]error, len(p.list))
				for i := range p.list {
					p.errs[i] = g.insert(ctx, p.list[i:i+1])
				}
			}
		}
		close(p.done)
	}
}

func (g *Gate) insert(ctx context.Context, list []Decision) error {
	b := g.bundle.Load()
	first := !g.written.Load()
	err := g.db.Update(ctx, func(tx *store.Tx) error {
		if first {
			_, err := tx.Exec(`insert into gate_bundle (hash, at, sources) values ($1, $2, $3) on conflict (hash) do nothing`,
				b.hash, store.Micros(list[0].At), string(b.sources))
			if err != nil {
				return err
			}
		}
		return insertDecisions(tx, list)
	})
	if err == nil && first {
		g.written.Store(true)
	}
	return err
}
