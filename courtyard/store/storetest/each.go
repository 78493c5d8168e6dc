package storetest

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"sarai/courtyard/store"
)

// Env names the variable with the URL of a PostgreSQL server on which the
// tests may create databases.
const Env = "SARAI_TEST_POSTGRES"

// Each runs test once per engine, with an empty migrated database of its own:
// subtests "sqlite" and "postgres". The latter is skipped when Env is not set.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) {
		test(t, Open(t, store.Config{URL: url}))
	})
}

// EachURL is Each for tests that open the database by themselves, several times
// or with settings of their own.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	(*Mould)(nil).EachURL(t, test)
}

// Open opens and migrates a database and closes it at the end of the test.
func Open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// SQLite is the URL of a new database in the test's folder.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "sarai.db")
}

// Postgres creates a database on the test server, dropped when the test ends,
// and gives its URL; it skips the test when there is no server.
func Postgres(t testing.TB) string {
	t.Helper()
	return newPostgres(t, "template0")
}

// newPostgres is Postgres with a copy of the template.
func newPostgres(t testing.TB, template string) string {
	t.Helper()
	address := server(t)
	name := randomName("sarai_test_")
	if err := keeper.do(address, create(name, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.do(address, `drop database `+name+` with (force)`); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return at(t, name)
}

// create is the statement that makes a database. Copying the template's files
// costs the server half of what writing them into its log does.
func create(name, template string) string {
	return `create database ` + name + ` template ` + template + ` encoding 'UTF8' strategy file_copy`
}

// server is the URL of the test server; without one the test is skipped.
func server(t testing.TB) string {
	t.Helper()
	address := os.Getenv(Env)
	if address == "" {
		t.Skipf("%s is not set: PostgreSQL is not tested", Env)
	}
	return address
}

// at is the URL of a database on the test server.
func at(t testing.TB, name string) string {
	t.Helper()
	u, err := url.Parse(server(t))
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	u.Path = "/" + name
	return u.String()
}

func randomName(prefix string) string {
	var b [8]byte
	for i := range b {
		b[i] = byte(rand.Uint32()) //nolint:gosec // a name
	}
	return prefix + hex.EncodeToString(b[:])
}
