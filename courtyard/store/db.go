package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"sarai/courtyard/clock"
	"sarai/courtyard/id"
)

// Engine is the kind of database behind a DB.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Config says which database to open. Only URL is required.
type Config struct {
	URL      string       // "sqlite:/path/sarai.db" or "postgres://..."
	Clock    clock.Clock  // time of Tx.Now and of events; the machine's clock if nil
	NewID    id.Source    // ids of events; id.New if nil
	Logger   *slog.Logger // slog.Default if nil
	Group    int          // SQLite: most updates in one commit; 512 if 0
	Readers  int          // SQLite: connections for View; 2 a processor, at least 4, if 0
	MaxConns int          // PostgreSQL: connections in the pool; 24 if 0
	Observe  Observer     // told of each commit and retry; may be nil
}

// DB is one database. It is safe for concurrent use.
type DB struct {
	engine  Engine
	backend backend
	clock   clock.Clock
	newID   id.Source
	log     *slog.Logger
	node    string // names this process in lease rows
	stats   counters
	observe Observer
	leases  leaseBook

	mu     sync.Mutex
	rooms  []Migrations
	topics map[string]map[*Wake]struct{}
	closed bool
}

// backend is what differs between the engines.
type backend interface {
	view(ctx context.Context, fn func(*Tx) error) error
	update(ctx context.Context, fn func(*Tx) error, large bool) error
	// admin is a pool for migrations and inspection.
	admin() *sql.DB
	close() error
}

// Open opens the database and proves that it is as durable as we promise:
// settings are read back, and a setting that did not take is an error.
// Call Migrate before anything else.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{clock: cfg.Clock, newID: cfg.NewID, log: cfg.Logger, observe: cfg.Observe, node: id.New(), topics: map[string]map[*Wake]struct{}{}}
	if db.clock == nil {
		db.clock = clock.System
	}
	if db.newID == nil {
		db.newID = id.New
	}
	if db.log == nil {
		db.log = slog.Default()
	}
	var err error
	switch scheme, rest, _ := strings.Cut(cfg.URL, ":"); scheme {
	case "sqlite":
		db.engine = SQLite
		db.backend, err = openSQLite(ctx, db, strings.TrimPrefix(rest, "//"), cfg)
	case "postgres", "postgresql":
		db.engine = Postgres
		db.backend, err = openPostgres(ctx, db, cfg)
	default:
		return nil, errors.New(`store: the database URL begins with neither "sqlite:" nor "postgres://"`)
	}
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", db.engine, err)
	}
	db.Register(Migrations{Room: "store", FS: migrations})
	return db, nil
}

// Engine says which kind of database this is.
func (db *DB) Engine() Engine { return db.engine }

// Close waits for updates in progress and closes the database. Updates that
// begin afterwards fail.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	db.mu.Unlock()
	db.leases.stop()
	return db.backend.close()
}

// View runs fn in a read-only transaction that sees one moment of the database.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	if err := db.refuseNested(ctx); err != nil {
		return err
	}
	return db.backend.view(ctx, fn)
}

// Update runs fn in a transaction that is durable when Update returns nil, and
// has left no trace when it returns an error (but see ErrUnknownOutcome). fn may
// run more than once: it touches only tx. Keep slow work (HTTP, hashing,
// signing, PDF) outside; on SQLite all writers stand behind fn.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	if err := db.refuseNested(ctx); err != nil {
		return err
	}
	return db.backend.update(ctx, fn, false)
}

// UpdateLarge is Update for thousands of lines at a time. On SQLite it begins a
// group of its own, so that no copies are kept of the pages it changes.
func (db *DB) UpdateLarge(ctx context.Context, fn func(tx *Tx) error) error {
	if err := db.refuseNested(ctx); err != nil {
		return err
	}
	return db.backend.update(ctx, fn, true)
}

type insideKey struct{ db *DB }

// refuseNested turns the deadlock of an Update inside an Update into an error,
// as long as the inner call uses the transaction's context.
func (db *DB) refuseNested(ctx context.Context) error {
	if db.Inside(ctx) {
		return ErrNested
	}
	return ctx.Err()
}

// ErrNested is the error of a transaction that was begun inside another one.
var ErrNested = errors.New("store: a transaction was begun inside another one; use the tx that is there")

// Inside says whether ctx is that of a transaction of this database. Who lets somebody
// else begin one for it has to ask.
func (db *DB) Inside(ctx context.Context) bool { return ctx.Value(insideKey{db}) != nil }
