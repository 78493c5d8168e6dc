package journal_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// BenchmarkFollow measures from before the Update until each of 500 viewers
// has the event, in another process and in this one.
func BenchmarkFollow(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			const viewers = 500
			db := storetest.Open(b, store.Config{URL: open(b)})
			j := journal.New(db, journal.Options{})
			if err := db.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var all sync.WaitGroup
			all.Go(func() { _ = j.Run(ctx) })
			var mu sync.Mutex
			var took []time.Duration
			var began time.Time
			seen := make(chan struct{}, viewers)
			for range viewers {
				all.Go(func() {
					err := j.Follow(ctx, 0, nil, func(list []store.Event) error {
						mu.Lock()
						took = append(took, time.Since(began))
						mu.Unlock()
						for range list {
							seen <- struct{}{}
						}
						return nil
					})
					if !errors.Is(err, context.Canceled) {
						b.Error(err)
					}
				})
			}
			for b.Loop() {
				mu.Lock()
				began = time.Now()
				mu.Unlock()
				if err := db.Update(ctx, func(tx *store.Tx) error { tx.Emit(store.Event{Type: "office.file.moved"}); return nil }); err != nil {
					b.Fatal(err)
				}
				for range viewers {
					<-seen
				}
			}
			cancel()
			all.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
