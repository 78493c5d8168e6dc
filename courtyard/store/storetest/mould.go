package storetest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"sarai/courtyard/store"
)

// Mould is a database of each engine in which a set of migrations has run once.
// The tests of a process that need the same tables are given copies of it, each
// its own: a copy costs a tenth of migrating, above all on PostgreSQL. What
// opens a copy may Migrate as ever and finds little to do.
//
// A mould that has not learnt what to run, or is nil, gives empty databases.
type Mould struct {
	mu       sync.Mutex
	rooms    []store.Migrations
	lite     []byte // the SQLite file; nil until the first copy is wanted
	template string // the PostgreSQL database; likewise
}

// NewMould is a mould of these rooms' tables and the store's own.
func NewMould(rooms ...store.Migrations) *Mould { return &Mould{rooms: rooms} }

// Learn makes the mould one of the tables that db has, if it is of none yet.
func (m *Mould) Learn(db *store.DB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms == nil {
		m.rooms = db.Registered()
	}
}

// EachURL is EachURL with copies.
func (m *Mould) EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, m.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, m.Postgres(t)) })
}

// SQLite is the URL of a copy in the test's folder.
func (m *Mould) SQLite(t testing.TB) string {
	t.Helper()
	address := SQLite(t)
	body, err := m.file(t)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		return address
	}
	if err := os.WriteFile(strings.TrimPrefix(address, "sqlite:"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	return address
}

// Postgres is the URL of a copy on the test server, dropped when the test ends;
// it skips the test when there is no server.
func (m *Mould) Postgres(t testing.TB) string {
	t.Helper()
	server(t)
	template, err := m.database(t)
	if err != nil {
		t.Fatal(err)
	}
	if template == "" {
		return Postgres(t)
	}
	return newPostgres(t, template)
}

func (m *Mould) file(t testing.TB) ([]byte, error) {
	t.Helper()
	if m == nil {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms == nil || m.lite != nil {
		return m.lite, nil
	}
	path := filepath.Join(t.TempDir(), "mould.db")
	if err := m.fill("sqlite:" + path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("storetest: a closed SQLite database has left a log beside its file")
	}
	var err error
	m.lite, err = os.ReadFile(path)
	return m.lite, err
}

func (m *Mould) database(t testing.TB) (string, error) {
	t.Helper()
	if m == nil {
		return "", nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms == nil || m.template != "" {
		return m.template, nil
	}
	name := randomName(mouldPrefix)
	admin, err := sql.Open("pgx", server(t))
	if err != nil {
		return "", err
	}
	defer func() { _ = admin.Close() }()
	if err := mine(t.Context(), server(t), name); err != nil {
		return "", err
	}
	if _, err := admin.ExecContext(t.Context(), create(name, "template0")); err != nil {
		return "", err
	}
	if err := m.fill(at(t, name)); err != nil {
		return "", err
	}
	m.template = name
	return name, nil
}

// fill migrates the database and leaves it closed.
func (m *Mould) fill(address string) error {
	db, err := store.Open(context.Background(), store.Config{URL: address})
	if err != nil {
		return err
	}
	for _, r := range m.rooms {
		db.Register(r)
	}
	return errors.Join(db.Migrate(context.Background()), db.Close())
}

// Templates outlive the test that made them and end with the process: no test
// is the last by right. Each process therefore holds a lock on the names of its
// own and drops those that nobody holds any more.
const mouldPrefix = "sarai_mould_"

var keeper struct {
	sync.Mutex
	conn *pgx.Conn // never closed: the server lets the locks go with the process
}

// mine locks the name of a template until the process ends, and clears away
// the templates of processes that have ended.
func mine(ctx context.Context, server, name string) error {
	keeper.Lock()
	defer keeper.Unlock()
	const key = `(hashtext('sarai_mould'), hashtext($1))`
	if keeper.conn == nil {
		conn, err := pgx.Connect(context.WithoutCancel(ctx), server)
		if err != nil {
			return err
		}
		keeper.conn = conn
		rows, err := conn.Query(ctx, `select datname::text from pg_database where starts_with(datname::text, $1)`, mouldPrefix)
		if err != nil {
			return err
		}
		left, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, old := range left {
			var free bool
			if err := conn.QueryRow(ctx, `select pg_try_advisory_lock`+key, old).Scan(&free); err != nil {
				return err
			}
			if !free {
				continue
			}
			if _, err := conn.Exec(ctx, `drop database if exists `+pgx.Identifier{old}.Sanitize()); err != nil {
				return err
			}
			if _, err := conn.Exec(ctx, `select pg_advisory_unlock`+key, old); err != nil {
				return err
			}
		}
	}
	_, err := keeper.conn.Exec(ctx, `select pg_advisory_lock`+key, name)
	return err
}
