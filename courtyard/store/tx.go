package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"sarai/courtyard/fault"
)

// Tx is a transaction, valid only while the function it was given to runs, and
// only in that function's goroutine.
type Tx struct {
	db     *DB
	ctx    context.Context
	now    time.Time
	run    runner
	ro     bool
	events []Event
	wakes  []string
	opened []closer // rows to close when fn forgot to
	err    error    // a failed statement or Emit; makes the commit fail
}

// runner executes one engine's statements.
type runner interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
	row(ctx context.Context, query string, args []any) *sql.Row
}

func (db *DB) begin(ctx context.Context, run runner, ro bool) *Tx {
	return &Tx{db: db, ctx: context.WithValue(ctx, insideKey{db}, true), now: db.clock.Now().UTC().Truncate(time.Microsecond), run: run, ro: ro}
}

// Context is the caller's context. A transaction begun with it inside this one
// is refused.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Now is the time of this run of the transaction, in whole microseconds UTC. It
// stands still.
func (tx *Tx) Now() time.Time { return tx.now }

// Engine says which kind of database this is, for the few bulk paths that have
// two bodies.
func (tx *Tx) Engine() Engine { return tx.db.engine }

// Exec runs a statement and gives the number of rows it touched. After one that
// failed the transaction cannot be committed, on both engines.
func (tx *Tx) Exec(query string, args ...any) (rows int64, err error) {
	if err := values(args); err != nil {
		return 0, err
	}
	rows, err = tx.run.exec(tx.ctx, query, args)
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return rows, err
}

// Query runs a query. Close the rows before the next statement: PostgreSQL
// cannot run two at once on a connection. List does that by itself.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if err := values(args); err != nil {
		return nil, err
	}
	rows, err := tx.run.query(tx.ctx, query, args)
	if err == nil {
		tx.opened = append(tx.opened, rows)
	}
	return rows, err
}

type closer interface{ Close() error }

// unread is a QueryRow whose Scan may have been forgotten.
type unread struct{ *sql.Row }

func (r unread) Close() error { _ = r.Scan(); return nil }

// settle closes rows that were left open. On SQLite an open statement would
// hold up everybody who comes after.
func (tx *Tx) settle() {
	for _, o := range tx.opened {
		_ = o.Close()
	}
	tx.opened = nil
}

// QueryRow runs a query for one row; its error comes out of Scan. Get is
// usually what you want: it turns "no row" into a fault.
func (tx *Tx) QueryRow(query string, args ...any) *sql.Row {
	_ = values(args) // what it refuses makes the statement, and so Scan, fail
	row := tx.run.row(tx.ctx, query, args)
	tx.opened = append(tx.opened, unread{row})
	return row
}

// Wake tells this process's listeners of topic that there is something new, if
// and when this transaction commits.
func (tx *Tx) Wake(topic string) {
	for _, w := range tx.wakes {
		if w == topic {
			return
		}
	}
	tx.wakes = append(tx.wakes, topic)
}

// values makes Go values mean the same on both engines: times are microseconds,
// raw JSON is text, and text that PostgreSQL cannot hold (NUL, broken UTF-8) is
// refused everywhere.
func values(args []any) error {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
				args[i] = refused{}
				return refused{}.fault()
			}
		case json.RawMessage:
			if v == nil {
				args[i] = nil
			} else {
				args[i] = string(v)
			}
		case time.Time:
			args[i] = Micros(v)
		}
	}
	return nil
}

// refused stands in for a value that must not be stored.
type refused struct{}

func (refused) fault() error { return fault.New(fault.Invalid, "store.text") }

// Value makes the statement fail.
func (r refused) Value() (driver.Value, error) { return nil, r.fault() }

// Scan copies the columns of the row at hand.
type Scan = func(dest ...any) error

// Get gives the one row of a query; a fault NotFound "store.not-found" when
// there is none.
func Get[T any](tx *Tx, scan func(Scan) (T, error), query string, args ...any) (T, error) {
	var zero T
	rows, err := tx.Query(query, args...)
	if err != nil {
		return zero, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return zero, err
		}
		return zero, fault.New(fault.NotFound, "store.not-found").Because(sql.ErrNoRows)
	}
	v, err := scan(rows.Scan)
	if err != nil {
		return zero, err
	}
	return v, errors.Join(rows.Err(), rows.Close())
}

// List gives all rows of a query, nil when there is none.
func List[T any](tx *Tx, scan func(Scan) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// Value scans a single column: store.Get(tx, store.Value[int64], "select count(*) ...").
func Value[T any](scan Scan) (T, error) {
	var v T
	err := scan(&v)
	return v, err
}

// Micros is t as it is stored: microseconds since 1970 UTC. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the stored time; 0 is the zero time.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// NewID gives a new row's id from the house's source.
func (tx *Tx) NewID() string { return tx.db.newID() }
