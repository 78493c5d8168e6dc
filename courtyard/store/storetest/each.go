package storetest

import (
	"context"
	"database/sql"
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
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
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
	server := os.Getenv(Env)
	if server == "" {
		t.Skipf("%s is not set: PostgreSQL is not tested", Env)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	for i := range b {
		b[i] = byte(rand.Uint32()) //nolint:gosec // a name
	}
	name := "sarai_test_" + hex.EncodeToString(b[:])
	if _, err := admin.ExecContext(t.Context(), `create database `+name+` template template0 encoding 'UTF8'`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), `drop database `+name+` with (force)`); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}
