package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// BenchmarkRail measures payments between two banks over real TLS, all three in one
// process with the clients: hold and write at the payer's bank, sign, send, check,
// reserve, forward, decide and write at the payee's bank, answer, commit, answer
// and confirm. Reported are payments a second, the median and 99 of 100, and the
// processor's time for one payment of all three together.
func BenchmarkRail(b *testing.B) {
	engines := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if os.Getenv(storetest.Env) != "" {
		engines["postgres"] = storetest.Postgres
	}
	for _, name := range []string{"sqlite", "postgres"} {
		if engines[name] == nil {
			continue
		}
		for _, clients := range []int{64, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) { benchRail(b, engines[name](b), clients) })
		}
	}
}

func benchRail(b *testing.B, url string, clients int) {
	db, err := store.Open(context.Background(), store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.DiscardHandler)})
	check(b, err)
	b.Cleanup(func() { _ = db.Close() })
	var room *payments.Room
	court := courttest.New(b, db, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{})
		return err
	})
	check(b, room.Open(context.Background()))
	background(b, func(ctx context.Context) error { // the court's clock stands still
		for ctx.Err() == nil {
			court.Clock.Set(time.Now())
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
	v := openStreet(b, court, room, func(c *bank.Config) { c.Patience, c.Pause = 0, 0 }) // those of a bank in use
	v.rail.AnswerWithin(10 * time.Second)
	v.heard.most = 0
	run := func(n int64) []time.Duration {
		var left atomic.Int64
		left.Store(n)
		var wg sync.WaitGroup
		took := make([][]time.Duration, clients)
		for i := range clients {
			from, to := v.a, v.b
			if i%2 == 1 {
				from, to = to, from
			}
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					began := time.Now()
					p, err := from.Pay(context.Background(), bank.Order{From: from.customer(rand.Int64N(20)), To: to.customer(rand.Int64N(20)), Bank: to.bic, Name: "Customer", Amount: 1 + rand.Int64N(100)}) //nolint:gosec // a crowd
					if errors.Is(err, bank.ErrFunds) {
						continue
					}
					if err != nil || p.State != bank.Settled {
						b.Errorf("%+v %v", p, err)
						return
					}
					took[i] = append(took[i], time.Since(began))
				}
			})
		}
		wg.Wait()
		return slices.Concat(took...)
	}
	run(int64(clients)) // connections are open
	b.ResetTimer()
	before := processor()
	took := run(int64(b.N))
	b.StopTimer()
	used := processor() - before
	slices.Sort(took)
	if len(took) > 0 {
		b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "payments/s")
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(used.Microseconds())/float64(len(took)), "cpu-us/payment")
	}
	v.agree()
}

// processor is the time this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
