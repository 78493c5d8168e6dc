package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// fill puts rows of every kind into the bank.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 450 {
			id := fmt.Sprintf("acc-%03d", i)
			var seal []byte
			if i%3 > 0 {
				seal = bytes.Repeat([]byte{byte(i)}, i%3-1)
			}
			if _, err := tx.Exec(`insert into bank_account (id, name, balance, open, seal, extra) values ($1, $2, $3, $4, $5, $6)`,
				id, "نام <&> \" \\ \u2028 "+id, int64(i)<<40, i%2 == 0, seal, fmt.Sprintf(`{"z": 1,   "a": "%d"}`, i)); err != nil {
				return err
			}
			if _, err := tx.Exec(`insert into bank_entry (id, account, amount, at) values ($1, $2, $3, $4)`, "e"+id, id, -int64(i), tx.Now()); err != nil {
				return err
			}
			tx.Emit(store.Event{Type: "bank.account.opened", Subject: id, Actor: "system/test", Data: map[string]any{"n": i}})
		}
		return nil
	}))
}

func same(t *testing.T, a, b *store.DB) {
	t.Helper()
	x, err := store.Digests(t.Context(), a)
	must(t, err)
	y, err := store.Digests(t.Context(), b)
	must(t, err)
	if !maps.Equal(x, y) || len(x) < 5 {
		t.Errorf("digests differ:\n%v\n%v", x, y)
	}
}

func TestADatabaseMovesBetweenEnginesUnchanged(t *testing.T) {
	each(t, func(t *testing.T, from *store.DB) {
		fill(t, from)
		storetest.EachURL(t, func(t *testing.T, url string) {
			to := open(t, url)
			to.Register(bank)
			must(t, store.Copy(t.Context(), from, to))
			same(t, from, to)
			must(t, to.Update(t.Context(), func(tx *store.Tx) error { // and it lives on
				tx.Emit(store.Event{Type: "bank.account.closed"})
				_, err := tx.Exec(`update bank_account set open = $1 where id = 'acc-001'`, false)
				return err
			}))
			if err := store.Copy(t.Context(), from, to); err == nil {
				t.Error("a database in use was overwritten")
			}
		})
	})
}

// open opens a database that is not migrated.
func open(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestABackupIsOneMomentAndComesBack(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		fill(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 4 { // money moves while the backup is taken
			all.Go(func() {
				for ctx.Err() == nil {
					_ = db.Update(ctx, func(tx *store.Tx) error {
						if _, err := tx.Exec(`update bank_account set balance = balance - 1 where id = 'acc-002'`); err != nil {
							return err
						}
						tx.Emit(store.Event{Type: "bank.money.moved"})
						_, err := tx.Exec(`update bank_account set balance = balance + 1 where id = 'acc-003'`)
						return err
					})
				}
			})
		}
		var file bytes.Buffer
		err := store.Backup(t.Context(), db, &file)
		cancel()
		all.Wait()
		must(t, err)
		back := open(t, storetest.SQLite(t))
		back.Register(bank)
		must(t, store.Restore(t.Context(), back, bytes.NewReader(file.Bytes())))
		if n := count(t, back, `select balance from bank_account where id = 'acc-002'`) + count(t, back, `select balance from bank_account where id = 'acc-003'`); n != 2<<40+3<<40 {
			t.Errorf("money was made or lost: %d", n)
		}
	})
}

func TestADamagedBackupIsRefused(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	db.Register(bank)
	must(t, db.Migrate(t.Context()))
	fill(t, db)
	var file bytes.Buffer
	must(t, store.Backup(t.Context(), db, &file))
	zip, err := gzip.NewReader(&file)
	must(t, err)
	plain, err := io.ReadAll(zip)
	must(t, err)
	for name, text := range map[string]string{
		"cut short":      string(plain[:len(plain)*2/3]),
		"one digit":      strings.Replace(string(plain), `"acc-007"`, `"acc-997"`, 1),
		"another amount": strings.Replace(string(plain), ",-7,", ",-8,", 1),
		"strange table":  strings.Replace(string(plain), `"table":"bank_entry"`, `"table":"bank_other"`, 1),
		"newer form":     strings.Replace(string(plain), `"form":1`, `"form":2`, 1),
		"newer program":  strings.Replace(string(plain), `"bank":2`, `"bank":3`, 1),
		"unknown room":   strings.Replace(string(plain), `"bank":2`, `"bunk":2`, 1),
		"something else": "hello\n",
	} {
		t.Run(name, func(t *testing.T) {
			var again bytes.Buffer
			w := gzip.NewWriter(&again)
			_, _ = io.WriteString(w, text)
			_ = w.Close()
			to := open(t, storetest.SQLite(t))
			to.Register(bank)
			if text == string(plain) {
				t.Fatal("the test did not damage anything")
			}
			if err := store.Restore(t.Context(), to, &again); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestAnOldBackupIsMigratedAfterwards(t *testing.T) {
	old := open(t, storetest.SQLite(t))
	old.Register(store.Migrations{Room: "bank", FS: fstest.MapFS{"00001_account.sql": bank.FS.(fstest.MapFS)["00001_account.sql"]}})
	must(t, old.Migrate(t.Context()))
	var file bytes.Buffer
	must(t, store.Backup(t.Context(), old, &file))
	now := open(t, storetest.SQLite(t))
	now.Register(bank)
	must(t, store.Restore(t.Context(), now, &file))
	if n := count(t, now, `select (select count(*) from bank_account) + (select count(*) from bank_entry)`); n != 1 {
		t.Error(n)
	}
}
