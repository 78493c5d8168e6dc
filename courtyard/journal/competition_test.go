package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

var bank = store.Migrations{Room: "bank", FS: fstest.MapFS{"00001_account.sql": {Data: []byte(`-- +goose Up
create table bank_account (
    id      {id} primary key,
    balance bigint not null check (balance >= 0)
) {strict};
create table bank_seen (
    position bigint primary key,
    reader   text not null
) {strict};
create table bank_total (
    name   text primary key,
    amount bigint not null
) {strict};
`)}}}

// process is a house of its own on the same database: its own connections, its
// own journal.
func process(t *testing.T, url string, subs ...journal.Subscription) (*store.DB, *journal.Journal) {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	j := journal.New(db, journal.Options{Poll: 20 * time.Millisecond, Batch: 50})
	db.Register(bank)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range subs {
		j.Subscribe(s)
	}
	return db, j
}

// 32 clients move money through two processes that compete to give positions,
// and a third one reads along.
func TestMoneyMovesWhileTwoProcessesSequenceAndAThirdFollows(t *testing.T) {
	const clients, moves, accounts = 32, 25, 12
	storetest.EachURL(t, func(t *testing.T, url string) {
		total := journal.Subscription{Name: "bank.total", Types: []string{"bank.money.moved"}, Handle: func(tx *store.Tx, e store.Event) error {
			var moved struct{ Amount int64 }
			if err := e.Decode(&moved); err != nil {
				return err
			}
			if _, err := tx.Exec(`insert into bank_seen (position, reader) values ($1, 'total')`, e.Position); err != nil {
				return err // a second delivery would break the key
			}
			_, err := tx.Exec(`insert into bank_total as t (name, amount) values ('moved', $1) on conflict (name) do update set amount = t.amount + excluded.amount`, moved.Amount)
			return err
		}}
		db1, j1 := process(t, url, total)
		db2, j2 := process(t, url, total)
		_, j3 := process(t, url)
		if err := db1.Update(t.Context(), func(tx *store.Tx) error {
			for i := range accounts {
				if _, err := tx.Exec(`insert into bank_account (id, balance) values ($1, 1000)`, fmt.Sprintf("a%02d", i)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		run(t, j1)
		run(t, j2)

		var mu sync.Mutex
		sent, amount, ids := 0, int64(0), map[string]bool{}
		var all sync.WaitGroup
		for c := range clients {
			db := []*store.DB{db1, db2}[c%2]
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(c), 1))
				for range moves {
					from, to, n := r.IntN(accounts), r.IntN(accounts), int64(r.IntN(50)+1)
					if from == to {
						continue
					}
					id, err := move(db, from, to, n)
					if err != nil {
						t.Error(err)
						return
					}
					if id != "" {
						mu.Lock()
						sent, amount, ids[id] = sent+1, amount+n, true
						mu.Unlock()
					}
				}
			})
		}
		followed := make(chan error, 1)
		var events []store.Event
		finished := errors.New("all seen")
		allSent := make(chan int, 1)
		go func() {
			want := -1
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			for { // a screen that loses its connection again and again
				after := int64(0)
				if len(events) > 0 {
					after = events[len(events)-1].Position
				}
				short, stop := context.WithTimeout(ctx, 30*time.Millisecond)
				err := j3.Follow(short, after, []string{"bank.*"}, func(list []store.Event) error {
					events = append(events, list...)
					return nil
				})
				stop()
				select {
				case want = <-allSent:
				default:
				}
				if want >= 0 && len(events) >= want {
					followed <- finished
					return
				}
				if ctx.Err() != nil {
					followed <- fmt.Errorf("%d of %d seen: %w", len(events), want, err)
					return
				}
			}
		}()
		all.Wait()
		allSent <- sent
		if err := <-followed; !errors.Is(err, finished) {
			t.Fatal(err)
		}
		for i, e := range events {
			if e.Position != int64(i+1) {
				t.Fatalf("event %d has position %d", i+1, e.Position)
			}
			if !ids[e.ID] {
				t.Fatalf("event %s was never acknowledged, or came twice", e.ID)
			}
			delete(ids, e.ID)
		}
		if len(ids) > 0 {
			t.Errorf("%d events are lost", len(ids))
		}
		sum := func(query string) (n int64) {
			t.Helper()
			if err := db1.View(t.Context(), func(tx *store.Tx) (err error) {
				n, err = store.Get(tx, store.Value[int64], query)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := sum(`select cast(sum(balance) as bigint) from bank_account`); n != accounts*1000 {
			t.Errorf("the sum is %d", n)
		}
		for deadline := time.Now().Add(10 * time.Second); sum(`select count(*) from bank_seen`) < int64(sent); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d delivered", sum(`select count(*) from bank_seen`), sent)
			}
		}
		if n := sum(`select coalesce(sum(amount), 0) from bank_total`); n != amount {
			t.Errorf("the subscription counted %d and %d was moved", n, amount)
		}
		t.Logf("%d transfers, retries %d", sent, db1.Stats().Retries+db2.Stats().Retries)
	})
}

// move moves money, or does nothing and gives no id when there is not enough.
func move(db *store.DB, from, to int, n int64) (id string, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		id = ""
		a, b := min(from, to), max(from, to) // lock in id order
		if _, err := store.List(tx, store.Value[int64], `select balance from bank_account where id in ($1, $2) order by id for update`,
			fmt.Sprintf("a%02d", a), fmt.Sprintf("a%02d", b)); err != nil {
			return err
		}
		k, err := tx.Exec(`update bank_account set balance = balance - $2 where id = $1 and balance >= $2`, fmt.Sprintf("a%02d", from), n)
		if err != nil || k == 0 {
			return err
		}
		if _, err := tx.Exec(`update bank_account set balance = balance + $2 where id = $1`, fmt.Sprintf("a%02d", to), n); err != nil {
			return err
		}
		id = tx.Emit(store.Event{Type: "bank.money.moved", Subject: "bank/transfer", Actor: "system/test", Data: map[string]int64{"amount": n}})
		return nil
	})
	return id, err
}
