package storetest

import (
	"context"
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
	if err := keeper.own(server(t), name); err != nil {
		return "", err
	}
	if err := keeper.do(server(t), create(name, "template0")); err != nil {
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

const mouldKey = `(hashtext('sarai_mould'), hashtext($1))`

// keeper makes and drops databases on the test server and holds the process's
// locks, all over one connection: one for each test would cost the server more
// than dropping the test's database does.
var keeper steward

type steward struct {
	mu    sync.Mutex
	conn  *pgx.Conn // never closed: the server lets the locks go with the process
	swept bool
}

// do runs a statement. It heeds no test's context: a connection that is given up
// in the middle of a statement is closed, and the locks with it.
func (k *steward) do(server, statement string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.connect(server); err != nil {
		return err
	}
	_, err := k.conn.Exec(context.Background(), statement)
	return err
}

// own locks the name of a template until the process ends, and the first time
// clears away the templates of processes that have ended.
func (k *steward) own(server, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.connect(server); err != nil {
		return err
	}
	if !k.swept { // once: its own locks would not stop it later
		if err := sweep(k.conn); err != nil {
			return err
		}
		k.swept = true
	}
	_, err := k.conn.Exec(context.Background(), `select pg_advisory_lock`+mouldKey, name)
	return err
}

func (k *steward) connect(server string) (err error) {
	if k.conn == nil {
		k.conn, err = pgx.Connect(context.Background(), server)
	}
	return err
}

// sweep drops the templates that nobody holds.
func sweep(conn *pgx.Conn) error {
	ctx := context.Background()
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
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock`+mouldKey, old).Scan(&free); err != nil {
			return err
		}
		if !free {
			continue
		}
		if _, err := conn.Exec(ctx, `drop database if exists `+pgx.Identifier{old}.Sanitize()); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `select pg_advisory_unlock`+mouldKey, old); err != nil {
			return err
		}
	}
	return nil
}
