package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

const bulkChild = "SARAI_BULK_CHILD" // address of the database; makes this program the one to be killed

const bulkKillLines = 4000

// TestBulkIsKilled pays a file in another process and kills it (signal 9)
// again and again until the file is done. Everybody is paid once, whenever the
// blow fell: between the ledger's decision and the marking of the lines too.
func TestBulkIsKilled(t *testing.T) {
	t.Parallel()
	booked.EachURL(t, func(t *testing.T, url string) {
		db, q := town(t, url, clock.System)
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			accounts := []*Account{{Account: ledger.Account{ID: "program-kafaalat-PKR", Book: "a", Role: ledger.Customer, Holder: "bisp", Currency: "PKR"}, Kind: KindProgram, NameEn: "program", Opened: tx.Now()}}
			var lines takenLines
			for i := range bulkKillLines {
				who := fmt.Sprintf("w-%05d", i)
				accounts = append(accounts, &Account{Account: ledger.Account{ID: who, Book: "a", Role: ledger.Customer, Holder: who, Currency: "PKR"}, Kind: KindPerson, NameEn: who, Opened: tx.Now()})
				lines.add(int64(bulkLines+i+1), int64(100+i%7), whom{}, "", "")
			}
			if err := insertAccounts(tx, accounts); err != nil {
				return err
			}
			if err := lines.write(tx); err != nil {
				return err
			}
			if _, err := tx.Exec("update payments_bulk_line set state = 1, account = case when id % 16777216 - 1 < 10 then 'w-0000' || cast(id % 16777216 - 1 as text) when id % 16777216 - 1 < 100 then 'w-000' || cast(id % 16777216 - 1 as text) when id % 16777216 - 1 < 1000 then 'w-00' || cast(id % 16777216 - 1 as text) else 'w-0' || cast(id % 16777216 - 1 as text) end"); err != nil {
				return err
			}
			_, err := tx.Exec("insert into payments_bulk ("+bulkColumnList+`) select 1, 'kafaalat', 'bisp', '2026-11', 'csv', '', $1, 'program-kafaalat-PKR', 'PKR', 'paying', 0, '', count(*), sum(amount), count(*), count(*), sum(amount), 0, 0, 0, 0, '', '', '', '', '', '', 1, 1, 1, 1, 1, 0, 0 from payments_bulk_line`, []byte{})
			return err
		}))
		rows, err := q.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{{Kind: ledger.Post, Party: "test", Key: "budget", Debit: "own-a", Credit: "program-kafaalat-PKR", Amount: 10_000_000, Currency: "PKR"}}})
		if err != nil || !rows[0].Accepted() {
			t.Fatal(err, rows)
		}
		must(t, q.Settle(ctx, "PKR"))
		must(t, db.Close())

		kills := 0
		for end := time.Now().Add(60 * time.Second); ; {
			child := exec.Command(os.Args[0], "-test.run", "^TestBulkChild$") //nolint:gosec // this program
			child.Env = append(os.Environ(), bulkChild+"="+url)
			must(t, child.Start())
			done := make(chan error, 1)
			go func() { done <- child.Wait() }()
			// Later each time, so that some blows fall before anything was paid.
			blow := time.Duration(kills*15+50+rand.IntN(60)) * time.Millisecond
			select {
			case err := <-done:
				must(t, err)
				goto paid
			case <-time.After(blow):
				must(t, child.Process.Kill())
				<-done
				kills++
			}
			if time.Now().After(end) {
				t.Fatal("the file is never done")
			}
		}
	paid:
		db, q = reopened(t, url)
		must(t, q.Settle(ctx, "PKR"))
		must(t, db.View(ctx, func(tx *store.Tx) error {
			b, err := getBulk(tx, 1, false)
			if err != nil {
				return err
			}
			var wrong, transfers, budget int64
			if err := tx.QueryRow(`select count(*) from payments_bulk_line l join payments_balance a on a.id = l.account where a.balance <> l.amount or l.state <> 3`).Scan(&wrong); err != nil {
				return err
			}
			if err := tx.QueryRow("select count(*) from payments_transfer where debit = 'program-kafaalat-PKR'").Scan(&transfers); err != nil {
				return err
			}
			if err := tx.QueryRow("select balance from payments_balance where id = 'program-kafaalat-PKR'").Scan(&budget); err != nil {
				return err
			}
			if wrong != 0 || transfers != bulkKillLines || budget != 10_000_000-b.Total || b.Paid != bulkKillLines || b.PaidTotal != b.Total || b.State != BulkDone {
				t.Errorf("%d are not paid once, %d transfers, %d left, %+v", wrong, transfers, budget, b)
			}
			return nil
		}))
		t.Logf("killed %d times", kills)
		if kills < 2 {
			t.Errorf("killed %d times only", kills)
		}
	})
}

func reopened(t testing.TB, url string) (*store.DB, *Sequencer) {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	q := NewSequencer(db, karachi, nil)
	must(t, q.Open(context.Background(), "PKR"))
	return db, q
}

// TestBulkChild is the process that is killed: it does what the job does.
func TestBulkChild(t *testing.T) {
	url := os.Getenv(bulkChild)
	if url == "" {
		t.Skip("it is started by TestBulkIsKilled")
	}
	ctx := context.Background()
	db, q := reopened(t, url)
	pack, err := country.Builtin("pk")
	must(t, err)
	payChunk = 100
	r := &Room{db: db, sequencer: q, ledger: q, pack: pack, clock: clock.System, newID: id.New, newReference: func() string { return id.Reference(12) }}
	b, err := r.bulk(ctx, 1)
	must(t, err)
	for more := b.State == BulkPaying; more; {
		turn := &payTurn{room: r, bulk: b, purpose: "support", until: r.clock.Now().Add(time.Minute)}
		if more, err = turn.run(ctx); errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err != nil { // the job would be tried again
			time.Sleep(20 * time.Millisecond)
			more = true
		}
	}
	must(t, db.Update(ctx, func(tx *store.Tx) error { return finishBulk(tx, 1) }))
}
