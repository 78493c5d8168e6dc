package job_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// BenchmarkJobs puts and does 5,000 jobs: go test -bench Jobs -benchtime 1x.
func BenchmarkJobs(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			const jobs = 5000
			db := storetest.Open(b, store.Config{URL: open(b)})
			q := job.New(db, job.Options{Workers: 64})
			if err := db.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{}, jobs)
			q.Handle(job.Kind{Name: "bench.do", Action: "bench.do.it", Do: func(context.Context, job.Job) (func(*store.Tx) error, error) {
				return func(tx *store.Tx) error { done <- struct{}{}; return nil }, nil
			}})
			for b.Loop() {
				start := time.Now()
				for batch := range jobs / 100 {
					if err := db.Update(b.Context(), func(tx *store.Tx) error {
						for i := range 100 {
							if err := job.Put(tx, job.Job{Kind: "bench.do", Key: fmt.Sprint(batch, "/", i), At: tx.Now().Add(-time.Hour)}); err != nil {
								return err
							}
						}
						return nil
					}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(jobs/time.Since(start).Seconds(), "put/s")
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan struct{})
				start = time.Now()
				go func() { defer close(ended); _ = q.Run(ctx) }()
				for range jobs {
					<-done
				}
				b.ReportMetric(jobs/time.Since(start).Seconds(), "done/s")
				cancel()
				<-ended
			}
		})
	}
}
