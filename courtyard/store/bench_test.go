package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// payment is what the bench writes: two balances, an entry and an event.
func payment(db *store.DB, from, to, n int64) error {
	return db.Update(context.Background(), func(tx *store.Tx) error {
		a, b := fmt.Sprintf("a%04d", min(from, to)), fmt.Sprintf("a%04d", max(from, to))
		if _, err := tx.Exec(`update bank_account set balance = balance - 1 where id = $1`, a); err != nil {
			return err
		}
		if _, err := tx.Exec(`update bank_account set balance = balance + 1 where id = $1`, b); err != nil {
			return err
		}
		if _, err := tx.Exec(`insert into bank_entry (id, account, amount, at) values ($1, $2, $3, $4)`, tx.NewID(), a, n, tx.Now()); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: "bank.money.moved", Subject: "bank/transfer", Actor: "system/bench", Data: map[string]int64{"amount": n}})
		return nil
	})
}

func benchBank(b *testing.B, cfg store.Config) *store.DB {
	b.Helper()
	db := storetest.Open(b, cfg)
	db.Register(bank)
	if err := db.Migrate(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := db.Update(context.Background(), func(tx *store.Tx) error {
		for i := range 1024 {
			if err := account(tx, fmt.Sprintf("a%04d", i), 1<<40); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return db
}

// rate is durable payments a second by so many writers within d.
func rate(b *testing.B, db *store.DB, writers int, d time.Duration) float64 {
	b.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	end := start.Add(d)
	for w := range writers {
		all.Go(func() {
			for n := int64(w); time.Now().Before(end); n++ {
				if err := payment(db, n*7%1024, (n*13+1)%1024, n); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

// BenchmarkGroupCommit compares, in one run, many payments a commit with one
// payment a commit: turn about, so that both meet the same disk. It reports the
// medians: go test -bench GroupCommit -benchtime 5x.
func BenchmarkGroupCommit(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			var grouped, single, times, group, took []float64
			for b.Loop() {
				db := benchBank(b, store.Config{URL: storetest.SQLite(b)})
				many := rate(b, db, writers, time.Second)
				one := rate(b, benchBank(b, store.Config{URL: storetest.SQLite(b), Group: 1}), writers, time.Second)
				st := db.Stats()
				grouped, single, times = append(grouped, many), append(single, one), append(times, many/one)
				group = append(group, float64(st.Updates)/float64(st.Commits))
				took = append(took, float64(st.CommitTime.Microseconds())/float64(st.Commits))
			}
			for unit, list := range map[string][]float64{"grouped/s": grouped, "single/s": single, "times": times, "group": group, "us/commit": took} {
				slices.Sort(list)
				b.ReportMetric(list[len(list)/2], unit)
			}
		})
	}
}

func BenchmarkPostgresPayments(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			db := benchBank(b, store.Config{URL: storetest.Postgres(b)})
			for b.Loop() {
				b.ReportMetric(rate(b, db, writers, time.Second), "payments/s")
			}
			b.ReportMetric(float64(db.Stats().Retries), "retries")
		})
	}
}

func BenchmarkPointRead(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := benchBank(b, store.Config{URL: open(b)})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.RunParallel(func(p *testing.PB) {
				for n := 0; p.Next(); n++ {
					if err := db.View(ctx, func(tx *store.Tx) error {
						_, err := store.Get(tx, store.Value[int64], `select balance from bank_account where id = $1`, fmt.Sprintf("a%04d", n%1024))
						return err
					}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
