package journal

import (
	"context"
	"sync"
	"time"

	"sarai/courtyard/store"
)

// tail keeps the newest events in memory, read once per process whatever the
// number of screens that follow.
type tail struct {
	keep int

	mu     sync.Mutex
	alive  bool
	head   int64         // position of the last event in events, or where reading began
	events []store.Event // contiguous positions up to head
	moved  chan struct{} // closed and replaced when head moves
}

func (t *tail) signal() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.moved
}

func (t *tail) begin(ctx context.Context, j *Journal) error {
	at, err := j.Position(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alive, t.head, t.events = true, at, nil
	return nil
}

func (t *tail) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alive = false
}

func (t *tail) run(ctx context.Context, j *Journal) {
	wake := j.db.Listen(store.TopicEvents)
	defer wake.Stop()
	tick := time.NewTicker(j.poll)
	defer tick.Stop()
	for {
		t.mu.Lock()
		head := t.head
		t.mu.Unlock()
		list, err := j.Read(ctx, head, j.batch)
		if err != nil && ctx.Err() == nil {
			j.log.WarnContext(ctx, "journal not read", "error", err)
		}
		if len(list) > 0 {
			t.add(list)
			continue
		}
		select {
		case <-wake.C:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (t *tail) add(list []store.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, list...)
	if len(t.events) >= 2*t.keep { // seldom, so that moving them costs little
		t.events = append(make([]store.Event, 0, 2*t.keep), t.events[len(t.events)-t.keep:]...)
	}
	t.head = list[len(list)-1].Position
	close(t.moved)
	t.moved = make(chan struct{})
}

// after gives events after a position. ok is false when memory does not reach
// back that far, or is not fed. moved is closed when there is more.
func (t *tail) after(position int64, limit int) (list []store.Event, moved <-chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.alive || position < t.head-int64(len(t.events)) {
		return nil, t.moved, false
	}
	if position >= t.head {
		return nil, t.moved, true
	}
	list = t.events[len(t.events)-int(t.head-position):]
	return list[:min(len(list), limit)], t.moved, true
}

// next gives the events after a position, from memory or from the database,
// and what to wait for when there are none.
func (j *Journal) next(ctx context.Context, after int64) (list []store.Event, moved <-chan struct{}, err error) {
	list, moved, ok := j.tail.after(after, j.batch)
	if ok {
		return list, moved, nil
	}
	list, err = j.Read(ctx, after, j.batch)
	return list, moved, err
}

// Follow calls fn with every event after a position whose type is one of types,
// in order, in batches, until ctx ends or fn gives an error. It misses nothing:
// a screen that comes back with the last position it saw gets all that happened
// meanwhile. It needs Run in some process, in this one for the best speed.
func (j *Journal) Follow(ctx context.Context, after int64, types []string, fn func([]store.Event) error) error {
	j.stats.followers.Add(1)
	defer j.stats.followers.Add(-1)
	if after > 0 { // a screen may remember a position that a restored database has not reached
		head, err := j.Position(ctx)
		if err != nil {
			return err
		}
		after = min(after, head)
	}
	tick := time.NewTicker(j.poll)
	defer tick.Stop()
	for {
		list, moved, err := j.next(ctx, after)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			after = list[len(list)-1].Position
			if list = only(list, types); len(list) > 0 {
				if err := fn(list); err != nil {
					return err
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		select {
		case <-moved:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// only gives the events of the types; the list in memory is shared and stays as
// it is.
func only(list []store.Event, types []string) []store.Event {
	if len(types) == 0 {
		return list
	}
	var some []store.Event
	for _, e := range list {
		if Match(types, e.Type) {
			some = append(some, e)
		}
	}
	return some
}
