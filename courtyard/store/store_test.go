package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestMain(m *testing.M) {
	crashChild()
	goleak.VerifyTestMain(m)
}

// bank is a room for tests.
var bank = store.Migrations{Room: "bank", FS: fstest.MapFS{
	"00001_account.sql": {Data: []byte(`-- +goose Up
create table bank_account (
    id      {id} primary key,
    name    text not null,
    balance bigint not null check (balance >= 0),
    open    boolean not null default true,
    seal    {bytes},
    extra   {json}
) {strict};
-- +goose StatementBegin
insert into bank_account (id, name, balance, extra) values ('seed', 'the word text and bigint in text', 7, '{"b":1,  "a":"$1 for update"}');
-- +goose StatementEnd
`)},
	"00002_entry.sql": {Data: []byte(`-- +goose Up
create table bank_entry (
    id      {id} primary key,
    account {id} not null references bank_account (id),
    amount  bigint not null,
    at      bigint not null
) {strict};
create index bank_entry_account on bank_entry (account, at);
`)},
}}

// each gives each engine with the bank's tables.
func each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db.Register(bank)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, db)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func account(tx *store.Tx, id string, balance int64) error {
	_, err := tx.Exec(`insert into bank_account (id, name, balance) values ($1, $2, $3)`, id, "account "+id, balance)
	return err
}

func count(t *testing.T, db *store.DB, query string, args ...any) (n int64) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx *store.Tx) (err error) {
		n, err = store.Get(tx, store.Value[int64], query, args...)
		return err
	}))
	return n
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`insert into bank_account (id, name, balance, open, seal, extra) values ($1, $2, $3, $4, $5, $6)`,
				"a", "عائشہ '$1' for update", at, false, []byte{0, 1, 255}, []byte(nil))
			return err
		}))
		must(t, db.View(t.Context(), func(tx *store.Tx) error {
			var name string
			var balance int64
			var open bool
			var seal []byte
			var extra *string
			if err := tx.QueryRow(`select name, balance, open, seal, extra from bank_account where id = $1`, "a").Scan(&name, &balance, &open, &seal, &extra); err != nil {
				return err
			}
			if name != "عائشہ '$1' for update" || !store.Time(balance).Equal(at) || open || string(seal) != "\x00\x01\xff" || extra != nil {
				t.Error(name, balance, open, seal, extra)
			}
			key, err := store.Get(tx, store.Value[string], `select extra ->> 'a' from bank_account where id = 'seed'`)
			if key != "$1 for update" {
				t.Errorf("json: %q", key)
			}
			return err
		}))
	})
}

func TestTextSortsByCodePointOnBothEngines(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			for _, id := range []string{"b", "B", "a", "ب", "_", "A"} {
				if err := account(tx, id, 0); err != nil {
					return err
				}
			}
			return nil
		}))
		must(t, db.View(t.Context(), func(tx *store.Tx) error {
			ids, err := store.List(tx, store.Value[string], `select id from bank_account where id <> 'seed' order by name, id`)
			if got := strings.Join(ids, ""); got != "AB_abب" {
				t.Error(got)
			}
			return err
		}))
	})
}

func TestWhatPostgreSQLCannotHoldIsRefusedEverywhere(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		for _, bad := range []string{"a\x00b", "\xff"} {
			err := db.Update(t.Context(), func(tx *store.Tx) error { return account(tx, bad, 1) })
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
			err = db.View(t.Context(), func(tx *store.Tx) error {
				var n int
				return tx.QueryRow(`select count(*) from bank_account where id = $1`, bad).Scan(&n)
			})
			if err == nil {
				t.Errorf("%q passed in QueryRow", bad)
			}
		}
	})
}

func TestAnErrorLeavesNoTrace(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		sorry := errors.New("sorry")
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			tx.Emit(store.Event{Type: "bank.account.opened"})
			return errors.Join(account(tx, "a", 1), sorry)
		})
		if !errors.Is(err, sorry) {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("panic came out as %v", p)
				}
			}()
			_ = db.Update(t.Context(), func(tx *store.Tx) error { _ = account(tx, "b", 1); panic("oh") })
		}()
		gone := make(chan struct{})
		go func() { // a test that calls t.FailNow inside the function
			defer close(gone)
			_ = db.Update(context.Background(), func(tx *store.Tx) error { _ = account(tx, "c", 1); runtime.Goexit(); return nil })
		}()
		<-gone
		must(t, db.Update(t.Context(), func(tx *store.Tx) error { return account(tx, "d", 1) }))
		if n := count(t, db, `select count(*) from bank_account`); n != 2 {
			t.Errorf("%d accounts", n)
		}
		if n := count(t, db, `select (select count(*) from journal_event) + (select count(*) from journal_outbox)`); n != 0 {
			t.Errorf("%d events", n)
		}
	})
}

func TestOneFailureDoesNotTouchItsNeighbours(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		must(t, db.Update(t.Context(), func(tx *store.Tx) error { return account(tx, "x", 0) }))
		const clients = 60
		var all sync.WaitGroup
		errs := make([]error, clients)
		for i := range clients {
			all.Go(func() {
				update := db.Update
				if i%5 == 0 { // these begin a group
					update = db.UpdateLarge
				}
				errs[i] = update(context.Background(), func(tx *store.Tx) error {
					tx.Emit(store.Event{Type: "bank.account.opened", Subject: fmt.Sprint(i)})
					if err := account(tx, fmt.Sprint("n", i), int64(i)); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return errors.New("no")
					case 2: // the second insert breaks a key, the first must go too
						return account(tx, "x", 0)
					case 3: // rows left open must not hold up the others
						_, err := tx.Query(`select id from bank_account`)
						if tx.Engine() == store.SQLite {
							_ = tx.QueryRow(`select id from bank_account`)
						}
						return err
					}
					return nil
				})
			})
		}
		all.Wait()
		for i, err := range errs {
			switch i % 4 {
			case 0, 3:
				must(t, err)
			case 2:
				if !store.IsUnique(err) {
					t.Errorf("client %d: %v", i, err)
				}
			}
		}
		if n := count(t, db, `select count(*) from bank_account where id like 'n%'`); n != clients/2 {
			t.Errorf("%d rows", n)
		}
		if n := count(t, db, `select (select count(*) from journal_event) + (select count(*) from journal_outbox)`); n != clients/2 {
			t.Errorf("%d events", n)
		}
		if db.Engine() == store.SQLite {
			if n := count(t, db, `select max(position) - count(*) from journal_event`); n != 0 {
				t.Errorf("%d gaps", n)
			}
		}
	})
}

// A large update waits for the group before it and begins one, which others join;
// when it fails, they go on without it.
func TestALargeUpdateBeginsAGroup(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() != store.SQLite {
			return // there each update has a transaction of its own
		}
		for _, fails := range []error{nil, errors.New("no")} {
			var all sync.WaitGroup
			hold, inside := make(chan struct{}), make(chan struct{})
			all.Go(func() {
				must(t, db.Update(context.Background(), func(tx *store.Tx) error { close(inside); <-hold; return account(tx, fmt.Sprint("first", fails), 1) }))
			})
			<-inside
			all.Go(func() {
				if err := db.UpdateLarge(context.Background(), func(tx *store.Tx) error {
					n, err := store.Get(tx, store.Value[int64], "select count(*) from bank_account where id = $1", fmt.Sprint("first", fails))
					if err != nil || n != 1 {
						t.Errorf("%d accounts before a large update, %v", n, err)
					}
					tx.Emit(store.Event{Type: "bank.account.opened", Subject: "large"})
					return errors.Join(account(tx, fmt.Sprint("large", fails), 1), fails)
				}); !errors.Is(err, fails) {
					t.Error(err)
				}
			})
			for i := range 5 {
				all.Go(func() {
					if err := db.Update(context.Background(), func(tx *store.Tx) error {
						tx.Emit(store.Event{Type: "bank.account.opened", Subject: "small"})
						return account(tx, fmt.Sprint("small", i, fails), 1)
					}); err != nil {
						t.Error(err)
					}
				})
			}
			time.Sleep(20 * time.Millisecond)
			close(hold)
			all.Wait()
		}
		if n := count(t, db, `select count(*) from bank_account where id like 'large%' or id like 'small%' or id like 'first%'`); n != 2*6+1 {
			t.Errorf("%d accounts", n)
		}
		if n := count(t, db, `select max(position) - count(*) from journal_event`); n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

func TestUpdatesShareACommit(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	db.Register(bank)
	must(t, db.Migrate(t.Context()))
	before := db.Stats()
	var all sync.WaitGroup
	hold := make(chan struct{})
	all.Go(func() { // while this one holds the writer, the others gather
		_ = db.Update(context.Background(), func(tx *store.Tx) error { <-hold; return nil })
	})
	for i := range 50 {
		all.Go(func() {
			if err := db.Update(context.Background(), func(tx *store.Tx) error { return account(tx, fmt.Sprint(i), 1) }); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(hold)
	all.Wait()
	after := db.Stats()
	// a group also ends when its time is over, which a busy machine under the
	// race detector reaches after a dozen updates; alone it is two commits
	if after.Updates-before.Updates != 51 || after.Commits-before.Commits > 20 || after.LargestGroup < 5 {
		t.Errorf("%+v", after)
	}
}

func TestACallerWhoLeavesTheQueueChangesNothing(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	db.Register(bank)
	must(t, db.Migrate(t.Context()))
	hold, held := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = db.Update(context.Background(), func(tx *store.Tx) error { close(held); <-hold; return nil })
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	all.Go(func() {
		if err := db.Update(ctx, func(tx *store.Tx) error { return account(tx, "late", 1) }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	time.Sleep(10 * time.Millisecond)
	cancel()
	time.Sleep(10 * time.Millisecond)
	close(hold)
	all.Wait()
	if n := count(t, db, `select count(*) from bank_account where id = 'late'`); n != 0 {
		t.Error("the update ran although its caller had left")
	}
}

func TestAViewWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		if err := db.View(t.Context(), func(tx *store.Tx) error { return account(tx, "a", 1) }); err == nil {
			t.Error("a view wrote")
		}
		if err := db.View(t.Context(), func(tx *store.Tx) error { tx.Emit(store.Event{Type: "a.b.c"}); return nil }); err == nil {
			t.Error("a view emitted")
		}
	})
}

func TestATransactionInsideAnotherIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			return db.Update(tx.Context(), func(*store.Tx) error { return nil })
		}); err == nil {
			t.Error("not refused")
		}
	})
}

func TestGetOfNothingIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		err := db.View(t.Context(), func(tx *store.Tx) error {
			_, err := store.Get(tx, store.Value[int64], `select balance from bank_account where id = 'none'`)
			return err
		})
		if !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

func TestTheTimeOfATransactionStandsStill(t *testing.T) {
	c := clock.At(time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC))
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t), Clock: c})
	must(t, db.Update(t.Context(), func(tx *store.Tx) error {
		first := tx.Now()
		c.Advance(time.Hour)
		if !tx.Now().Equal(first) || first.Nanosecond() != 678901000 {
			t.Error(tx.Now())
		}
		return nil
	}))
}

func TestOnceIsOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		pay := func(payload string) (string, bool, error) {
			var out []byte
			var again bool
			err := db.Update(context.Background(), func(tx *store.Tx) (err error) {
				out, again, err = store.Once(tx, "bank", "key", []byte(payload), func() ([]byte, error) {
					_, err := tx.Exec(`update bank_account set balance = balance + 1 where id = 'seed'`)
					return []byte("paid"), err
				})
				return err
			})
			return string(out), again, err
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		fresh := 0
		for range 20 {
			all.Go(func() {
				out, again, err := pay("10 rupees")
				if err != nil || out != "paid" {
					t.Error(out, err)
				}
				if !again {
					mu.Lock()
					fresh++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if n := count(t, db, `select balance from bank_account where id = 'seed'`); n != 8 || fresh != 1 {
			t.Errorf("balance %d, %d fresh", n, fresh)
		}
		if _, _, err := pay("20 rupees"); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			n, err := store.ForgetOnce(tx, tx.Now().Add(time.Hour))
			if n != 1 {
				t.Error(n)
			}
			return err
		}))
	})
}

func TestAFailedOnceCanBeTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		for _, want := range []error{errors.New("no money"), nil} {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, again, err := store.Once(tx, "bank", "k", nil, func() ([]byte, error) { return nil, want })
				if again {
					t.Error("the failed try was kept")
				}
				return err
			})
			if !errors.Is(err, want) {
				t.Error(err)
			}
		}
	})
}

func TestClosingAnswersEverybody(t *testing.T) {
	for range 5 {
		db, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t)})
		must(t, err)
		must(t, db.Migrate(t.Context()))
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				for {
					write := db.Update(context.Background(), func(tx *store.Tx) error { tx.Emit(store.Event{Type: "a.b.c"}); return nil })
					read := db.View(context.Background(), func(tx *store.Tx) error {
						_, err := store.Get(tx, store.Value[int64], `select count(*) from journal_event`)
						return err
					})
					if write != nil && read != nil {
						return
					}
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		must(t, db.Close())
		all.Wait()
	}
}
