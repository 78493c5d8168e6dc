package payments

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

// BenchmarkTransfers measures durable transfers a second, each reserved and
// committed between two banks, by the number of clients, beside what many
// programs do instead: two balances updated under their row locks, with no
// reservation, no entries, no chain, no idempotency and no events.
//
//	go test -run '^$' -bench Transfers -benchtime 2s ./rooms/payments
func BenchmarkTransfers(b *testing.B) {
	urls := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if os.Getenv(storetest.Env) != "" {
		urls["postgres"] = storetest.Postgres
	}
	for engine, url := range urls {
		for _, clients := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d/ledger", engine, clients), func(b *testing.B) {
				db, book := rich(b, url(b))
				ctx := context.Background()
				run(b, clients, func(i int64) error {
					id := fmt.Sprint("b", i)
					rows, err := book.Do(ctx, Work{Currency: "PKR", Actor: "bench", Steps: []ledger.Step{
						reserveStep(id, id, "ayesha", "bakery", 1, time.Now().Add(time.Minute)), {Kind: ledger.Commit, Transfer: id}}})
					if err == nil && !rows[1].Accepted() {
						err = fmt.Errorf("refused: %s", rows[1].Reason)
					}
					return err
				})
				holds(b, db, book)
			})
			b.Run(fmt.Sprintf("%s/%d/naive", engine, clients), func(b *testing.B) {
				db, _ := rich(b, url(b))
				ctx := context.Background()
				run(b, clients, func(int64) error {
					return db.Update(ctx, func(tx *store.Tx) error {
						if _, err := tx.Exec("update payments_account set balance = balance - 1 where id = 'ayesha' and balance >= 1"); err != nil {
							return err
						}
						_, err := tx.Exec("update payments_account set balance = balance + 1 where id = 'bakery'")
						return err
					})
				})
			})
		}
	}
}

// rich is the town with enough money for any benchmark.
func rich(b *testing.B, url string) (*store.DB, *Sequencer) {
	b.Helper()
	db, book := town(b, url, clock.System)
	_, err := book.Do(context.Background(), Work{Currency: "PKR", Steps: []ledger.Step{
		{Kind: ledger.Post, Debit: "own-a", Credit: "ayesha", Amount: 1e12, Currency: "PKR"}, {Kind: ledger.Post, Debit: "issuing", Credit: "settle-a", Amount: 1e12, Currency: "PKR"}}})
	must(b, err)
	return db, book
}

func run(b *testing.B, clients int, once func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := once(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transfers/s")
}
