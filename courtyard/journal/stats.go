package journal

import (
	"context"
	"sync/atomic"

	"sarai/courtyard/store"
)

type counters struct {
	sequenced, followers atomic.Int64
}

// Stats are a journal's figures in this process.
type Stats struct {
	Sequenced     int64 // positions given by this process's sequencer
	Followers     int64 // screens that follow now
	Subscriptions []SubscriptionStats
}

// SubscriptionStats are one subscription's figures.
type SubscriptionStats struct {
	Name     string
	Delivers bool  // this process delivers it
	Position int64 // as far as this process knows
	Handled  int64
	Failures int64
	Attempts int64 // failures in a row; 0 when all is well
}

// Stats gives the figures.
func (j *Journal) Stats() Stats {
	s := Stats{Sequenced: j.stats.sequenced.Load(), Followers: j.stats.followers.Load()}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.subs {
		s.Subscriptions = append(s.Subscriptions, SubscriptionStats{Name: d.sub.Name, Delivers: d.delivers.Load(), Position: d.position.Load(),
			Handled: d.handled.Load(), Failures: d.failures.Load(), Attempts: d.attempts.Load()})
	}
	return s
}

// Lag is the number of events that each subscription has not seen yet.
func (j *Journal) Lag(ctx context.Context) (map[string]int64, error) {
	head, err := j.Position(ctx)
	if err != nil {
		return nil, err
	}
	lag := map[string]int64{}
	for _, s := range j.Stats().Subscriptions {
		if s.Delivers {
			lag[s.Name] = max(0, head-s.Position)
		}
	}
	return lag, nil
}

// Cursor is how far a subscription has come, as the database has it.
type Cursor struct {
	Name     string
	Position int64
	Attempts int    // failures in a row of the event after Position
	Trouble  string // the last failure
}

// Trouble gives the subscriptions that fail now, in any process.
func (j *Journal) Trouble(ctx context.Context) ([]Cursor, error) {
	var list []Cursor
	err := j.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = store.List(tx, func(scan store.Scan) (Cursor, error) {
			var c Cursor
			err := scan(&c.Name, &c.Position, &c.Attempts, &c.Trouble)
			return c, err
		}, `select name, position, attempts, coalesce(trouble, '') from journal_cursor where attempts > 0 order by name`)
		return err
	})
	return list, err
}
