package job

import (
	"context"
	"sync/atomic"
	"time"

	"sarai/courtyard/store"
)

type counters struct {
	done, failed, dead, nanos atomic.Int64
}

// Stats are a queue's totals in this process.
type Stats struct {
	Done, Failed, Dead int64
	Time               time.Duration // spent in jobs that were done
}

// Stats gives the totals.
func (q *Queue) Stats() Stats {
	return Stats{Done: q.stats.done.Load(), Failed: q.stats.failed.Load(), Dead: q.stats.dead.Load(), Time: time.Duration(q.stats.nanos.Load())}
}

// Count is the number of jobs of a kind in a state.
type Count struct {
	Kind, State string // waiting, running, dead
	Jobs        int64
	Oldest      time.Time // the earliest time one of them was due
}

// Counts gives the queue as it stands in the database.
func (q *Queue) Counts(ctx context.Context) ([]Count, error) {
	var list []Count
	err := q.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = store.List(tx, func(scan store.Scan) (Count, error) {
			var c Count
			var at int64
			err := scan(&c.Kind, &c.State, &c.Jobs, &at)
			c.Oldest = store.Time(at)
			return c, err
		}, `select kind, state, count(*), min(at) from job_task group by kind, state order by kind, state`)
		return err
	})
	return list, err
}

// Unknown gives kinds that are in the table and have no handler in this
// program, with their number. They stay where they are.
func (q *Queue) Unknown(ctx context.Context) (map[string]int64, error) {
	counts, err := q.Counts(ctx)
	if err != nil {
		return nil, err
	}
	strange := map[string]int64{}
	for _, c := range counts {
		q.mu.Lock()
		_, known := q.kinds[c.Kind]
		q.mu.Unlock()
		if !known {
			strange[c.Kind] += c.Jobs
		}
	}
	return strange, nil
}

// Revive puts the dead jobs of a kind back on the queue, after somebody has
// mended what killed them, and says how many.
func (q *Queue) Revive(ctx context.Context, kind string) (int64, error) {
	var n int64
	err := q.db.Update(ctx, func(tx *store.Tx) (err error) {
		tx.Wake(topic)
		// Of several under one key, and of one whose key waits again, one is enough.
		if _, err := tx.Exec(`delete from job_task where kind = $1 and state = 'dead' and exists (
			select 1 from job_task o where o.kind = job_task.kind and o.key = job_task.key and o.id <> job_task.id
			and (o.state = 'waiting' or o.state = 'dead' and o.id > job_task.id))`, kind); err != nil {
			return err
		}
		n, err = tx.Exec(`update job_task set state = 'waiting', attempts = 0, at = $2 where kind = $1 and state = 'dead'`, kind, store.Micros(q.clock.Now()))
		return err
	})
	return n, err
}
