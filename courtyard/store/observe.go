package store

import (
	"sync/atomic"
	"time"
)

// Commit is one durable commit as an Observer is told of it.
type Commit struct {
	Engine  Engine
	Updates int           // transactions in it: the group on SQLite, 1 on PostgreSQL
	Failed  int           // updates of the group that were rolled back alone
	Events  int           // events in it
	Took    time.Duration // of the COMMIT itself, which is the disk's sync
	Held    time.Duration // from begin to commit: how long the writer was busy
	Err     error
}

// Observer is told of what the store does, in the committing goroutine: it must
// be quick. Telemetry makes histograms of it.
type Observer interface {
	Committed(Commit)
	Retried(engine Engine, attempt int, err error)
}

// Stats are totals since Open.
type Stats struct {
	Updates, Failed, Commits, Retries, Events, Views int64
	CommitTime                                       time.Duration
	LargestGroup                                     int64
}

type counters struct {
	updates, failed, commits, retries, events, views, commitNanos, largest atomic.Int64
}

// Stats gives the totals.
func (db *DB) Stats() Stats {
	c := &db.stats
	return Stats{
		Updates: c.updates.Load(), Failed: c.failed.Load(), Commits: c.commits.Load(), Retries: c.retries.Load(), Events: c.events.Load(),
		Views: c.views.Load(), CommitTime: time.Duration(c.commitNanos.Load()), LargestGroup: c.largest.Load(),
	}
}

func (db *DB) committed(c Commit) {
	s := &db.stats
	s.updates.Add(int64(c.Updates))
	s.failed.Add(int64(c.Failed))
	s.commits.Add(1)
	s.events.Add(int64(c.Events))
	s.commitNanos.Add(int64(c.Took))
	for {
		old := s.largest.Load()
		if int64(c.Updates) <= old || s.largest.CompareAndSwap(old, int64(c.Updates)) {
			break
		}
	}
	if db.observe != nil {
		db.observe.Committed(c)
	}
}

func (db *DB) retried(attempt int, err error) {
	db.stats.retries.Add(1)
	if db.observe != nil {
		db.observe.Retried(db.engine, attempt, err)
	}
}
