package house

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"sarai/courtyard/store"
)

// MeasureWrites says how many durable updates a second a number of writers get
// from this machine, each update being one event. It fills the database it is
// given: use an empty one.
func MeasureWrites(ctx context.Context, cfg Config, writers int, lasting time.Duration) (float64, error) {
	db, err := store.Open(ctx, cfg.OpenStore())
	if err != nil {
		return 0, err
	}
	rate, err := func() (float64, error) {
		c, err := unopened(db)
		if err != nil {
			return 0, err
		}
		if err := c.DB.Migrate(ctx); err != nil {
			return 0, err
		}
		var done atomic.Int64
		var failed error
		var once sync.Once
		var wg sync.WaitGroup
		began := time.Now()
		limited, cancel := context.WithDeadline(ctx, began.Add(lasting))
		defer cancel()
		for range writers {
			wg.Go(func() {
				for limited.Err() == nil {
					err := db.Update(limited, func(tx *store.Tx) error {
						tx.Emit(store.Event{Type: "bench.stone.laid", Subject: "bench/stone", Actor: "system/bench"})
						return nil
					})
					if err != nil && limited.Err() == nil {
						once.Do(func() { failed = err })
						return
					}
					if err == nil {
						done.Add(1)
					}
				}
			})
		}
		wg.Wait()
		return float64(done.Load()) / time.Since(began).Seconds(), failed
	}()
	return rate, errors.Join(err, db.Close())
}
