package payments

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

// The benchmarks of the ledger: durable two-phase transfers a second. A client
// reserves, waits for the durable answer, commits and waits again. Beside it
// stands what many programs do instead, "naive": one transaction a transfer that
// updates two balances under their row locks, with no reservation, no rows, no
// idempotency, no chain. On SQLite the store would group the commits of such
// transactions, which no naive program does; "grouped" is the same with that help.
// Neither waits twice a transfer, as a client of two phases does.
//
//	make bench-payments
//
// shape "uniform" draws payer and payee from 100,000 accounts at 40 participants;
// "hot" has 70 % of all payments leave one participant. Reported are transfers
// a second as the clients see them, the same until the tables that people look
// things up in contain everything ("settled/s"), and the time of one whole
// transfer at the median and at 99 of 100.
func BenchmarkTwoPhase(b *testing.B) {
	for _, e := range engines() {
		for _, shape := range []string{"uniform", "hot"} {
			for _, clients := range []int{1, 64, 1024} {
				b.Run(fmt.Sprintf("%s/%s/%d/ledger", e.name, shape, clients), func(b *testing.B) {
					n := nation(b, e.url(b))
					n.run(b, clients, shape, n.twoPhase)
					n.settle(b)
				})
				b.Run(fmt.Sprintf("%s/%s/%d/naive", e.name, shape, clients), func(b *testing.B) {
					n := nation(b, e.url(b))
					n.run(b, clients, shape, n.naive)
				})
				if e.name == "sqlite" {
					b.Run(fmt.Sprintf("%s/%s/%d/grouped", e.name, shape, clients), func(b *testing.B) {
						n := nation(b, e.url(b))
						n.grouped = true
						n.run(b, clients, shape, n.naive)
					})
				}
			}
		}
	}
}

type engine struct {
	name string
	url  func(testing.TB) string
}

func engines() []engine {
	list := []engine{{"sqlite", storetest.SQLite}}
	if os.Getenv(storetest.Env) != "" {
		list = append(list, engine{"postgres", storetest.Postgres})
	}
	return list
}

const (
	benchBanks    = 40
	benchAccounts = 100_000
)

// benchNation is a ledger with many accounts.
type benchNation struct {
	db  *store.DB
	q   *Sequencer
	cpu time.Duration // used before the run

	grouped bool // the naive ledger shares its commits
	alone   sync.Mutex
}

// cpu is what this process has used; a busy machine falsifies it less than it
// does a rate. PostgreSQL's own share is not in it.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func nation(b testing.TB, url string) *benchNation {
	b.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.DiscardHandler)})
	must(b, err)
	b.Cleanup(func() { db.Close() })
	db.Register(store.Migrations{Room: "payments", FS: migrations})
	must(b, db.Migrate(ctx))
	n := &benchNation{db: db, q: NewSequencer(db, karachi, nil)}
	must(b, db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("insert into payments_book (currency, seq, head) values ('PKR', 0, $1)", make([]byte, 32)); err != nil {
			return err
		}
		if _, err := tx.Exec("insert into payments_index (currency, number) values ('PKR', 0)"); err != nil {
			return err
		}
		var accounts []*Account
		add := func(id, book string, role ledger.Role, holder string, bottomless bool) {
			accounts = append(accounts, &Account{Account: ledger.Account{ID: id, Book: book, Role: role, Holder: holder, Currency: "PKR", Bottomless: bottomless, Floor: -1e15}, Kind: KindPerson, NameEn: id, Opened: tx.Now()})
		}
		add("issuing", ledger.Rail, ledger.Issuing, "central-bank", true)
		for i := range benchBanks {
			bank := fmt.Sprintf("bank-%02d", i)
			add("settle-"+bank, ledger.Rail, ledger.Settlement, bank, false)
			add("own-"+bank, bank, ledger.Own, bank, true)
		}
		for i := range benchAccounts {
			add(benchAccount(i), fmt.Sprintf("bank-%02d", i%benchBanks), ledger.Customer, "holder", false)
		}
		return insertAccounts(tx, accounts)
	}))
	must(b, n.q.Open(ctx, "PKR"))
	return n
}

func benchAccount(i int) string { return fmt.Sprintf("account-%06d", i) }

// pair draws payer and payee at different participants.
func pair(r *rand.Rand, shape string) (from, to string) {
	a := r.IntN(benchAccounts)
	if shape == "hot" && r.IntN(10) < 7 {
		a -= a % benchBanks
	}
	c := r.IntN(benchAccounts)
	for c%benchBanks == a%benchBanks {
		c = r.IntN(benchAccounts)
	}
	return benchAccount(a), benchAccount(c)
}

func (n *benchNation) twoPhase(r *rand.Rand, shape string) error {
	from, to := pair(r, shape)
	name := id.New()
	ctx := context.Background()
	rows, err := n.q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: name, Party: "bench", Key: name, Fresh: true,
		Debit: from, Credit: to, Amount: 1 + r.Int64N(1000), Currency: "PKR", Expires: time.Now().Add(time.Minute)}}})
	if err == nil && rows[0].Accepted() {
		rows, err = n.q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: name}}})
	}
	if err == nil && !rows[0].Accepted() {
		err = fmt.Errorf("refused: %s", rows[0].Reason)
	}
	return err
}

func (n *benchNation) naive(r *rand.Rand, shape string) error {
	from, to := pair(r, shape)
	amount := 1 + r.Int64N(1000)
	if !n.grouped && n.db.Engine() == store.SQLite {
		n.alone.Lock()
		defer n.alone.Unlock()
	}
	return n.db.Update(context.Background(), func(tx *store.Tx) error {
		for _, s := range []struct {
			id    string
			delta int64
		}{{min(from, to), amount}, {max(from, to), -amount}} {
			if _, err := tx.Exec("update payments_balance set balance = balance + $2 where id = $1", s.id, s.delta); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *benchNation) run(b *testing.B, clients int, shape string, once func(r *rand.Rand, shape string) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	took := make([][]time.Duration, clients)
	runtime.GC()
	b.ResetTimer()
	n.cpu = cpu()
	for c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(c))) //nolint:gosec // a script
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				if err := once(r, shape); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transfers/s")
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
}

// settle waits for the tables and proves the whole ledger.
func (n *benchNation) settle(b *testing.B) {
	b.Helper()
	must(b, n.q.Settle(context.Background(), "PKR"))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settled/s")
	b.ReportMetric(float64((cpu()-n.cpu).Microseconds())/float64(b.N), "cpu-us")
	b.StopTimer()
	if b.N < 200_000 {
		_, err := NewAuditor(n.db, "PKR").Check(context.Background())
		must(b, err)
	}
}

// BenchmarkOlder measures the same at 1,024 clients with older transfers in the
// database: 0 and one million, or what SARAI_BENCH_OLDER says, in thousands
// ("0,1000,10000"). The older ones are written straight into the tables, as the
// ledger would have left them, with their keys in yesterday's part.
func BenchmarkOlder(b *testing.B) {
	sizes := []int{0, 1000}
	if list := os.Getenv("SARAI_BENCH_OLDER"); list != "" {
		sizes = nil
		for _, n := range strings.Split(list, ",") {
			k, err := strconv.Atoi(n)
			must(b, err)
			sizes = append(sizes, k)
		}
	}
	for _, e := range engines() {
		for _, thousands := range sizes {
			b.Run(fmt.Sprintf("%s/%dk", e.name, thousands), func(b *testing.B) {
				n := nation(b, e.url(b)) // once, whatever the number of rounds
				n.age(b, thousands)
				b.Run("1024", func(b *testing.B) {
					n.run(b, 1024, "uniform", n.twoPhase)
					n.settle(b)
				})
			})
		}
	}
}

// age writes transfers of yesterday, in sorted order and without the indexes, which are
// made anew afterwards.
func (n *benchNation) age(b *testing.B, thousands int) {
	b.Helper()
	if thousands == 0 {
		return
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	hash := "randomblob(16)"
	if n.db.Engine() == store.Postgres {
		hash = "decode(md5(cast(i as text)), 'hex')"
	}
	const numbers = "with recursive numbers(i) as (select cast($1 as bigint) union all select i + 1 from numbers where i < $2) "
	do := func(query string, args ...any) {
		must(b, n.db.UpdateLarge(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec(query, args...)
			return err
		}))
	}
	indexes := []string{"debit", "credit"}
	for _, of := range indexes {
		do("drop index payments_transfer_" + of)
	}
	for from := 0; from < thousands; from += 1000 {
		first, last := int64(from*1000), int64(min(from+1000, thousands)*1000-1)
		do(numbers+`insert into payments_transfer (`+transferColumns+`) select '0-' || cast(100000000000 + i as text), 'PKR', 2 * (i - $4), 2 * (i - $4) + 1, 1, 'transfer', '0-' || cast(100000000000 + i as text),
			'account-' || substr(cast(1000000 + (i * 7919) % 100000 as text), 2), 'account-' || substr(cast(1000000 + (i * 104729 + 1) % 100000 as text), 2), 'bank-00', 'bank-01', 1, 'committed', '', $3, $3, $3, '', '', '', false from numbers`,
			first, last, store.Micros(yesterday), int64(thousands)*1000)
		do(numbers+`insert into payments_key (currency, stretch, hash, seq) select 'PKR', seq >> 16, h, seq from (select `+hash+` as h, 2 * (i - $3) as seq from numbers) k order by 2, 3`, first, last, int64(thousands)*1000)
	}
	for _, of := range indexes {
		do("create index payments_transfer_" + of + " on payments_transfer ((seq >> 16), " + of + ", seq)")
	}
	if n.db.Engine() == store.Postgres {
		do("analyze payments_transfer")
		do("analyze payments_key")
	}
	// The first who opens this ledger makes the filters of the older keys; then it is
	// opened as it would have been found.
	for range 3 {
		n.q = NewSequencer(n.db, karachi, nil)
		must(b, n.q.Open(context.Background(), "PKR"))
	}
}
