package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestThreeProcessesMayStartAtOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		for range 3 {
			db := open(t, url)
			db.Register(bank)
			all.Go(func() {
				if err := db.Migrate(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		db := open(t, url)
		if n := count(t, db, `select count(*) from bank_account`); n != 1 {
			t.Errorf("the first migration ran %d times", n)
		}
	})
}

func TestAProgramOlderThanTheDatabaseDoesNotStart(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := open(t, url)
		db.Register(bank)
		must(t, db.Migrate(t.Context()))
		old := open(t, url)
		old.Register(store.Migrations{Room: "bank", FS: fstest.MapFS{"00001_account.sql": bank.FS.(fstest.MapFS)["00001_account.sql"]}})
		if err := old.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Error(err)
		}
	})
}

func TestTheLawsOfMigrations(t *testing.T) {
	for name, script := range map[string]string{
		"someone else's table": "-- +goose Up\ncreate table office_file (id {id} primary key) {strict};",
		"a way back":           "-- +goose Up\ncreate table shop_a (id {id} primary key) {strict};\n-- +goose Down\ndrop table shop_a;",
		"deferred constraint":  "-- +goose Up\ncreate table shop_a (id {id} primary key references shop_a (id) deferrable initially deferred) {strict};",
		"broken SQL":           "-- +goose Up\ncreate tabel shop_a;",
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, storetest.SQLite(t))
			db.Register(store.Migrations{Room: "shop", FS: fstest.MapFS{"00001_a.sql": {Data: []byte(script)}}})
			if err := db.Migrate(t.Context()); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// The tables as people read them; UPDATE_GOLDEN=1 writes them anew.
func TestTheSchemaIsWrittenDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		got, err := store.Schema(t.Context(), db)
		must(t, err)
		file := filepath.Join("testdata", "schema."+string(db.Engine())+".sql")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			must(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		must(t, err)
		if got != string(want) {
			t.Errorf("the migrated tables are not those of %s:\n%s", file, got)
		}
	})
}

func TestAWrongAddressDoesNotOpen(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "sqlite:", "sqlite:/no/such/folder/sarai.db", "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"} {
		if db, err := store.Open(t.Context(), store.Config{URL: url}); err == nil {
			_ = db.Close()
			t.Errorf("%q opened", url)
		}
	}
}
