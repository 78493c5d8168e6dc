package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// server is the PostgreSQL backend.
type server struct {
	db   *DB
	pool *sql.DB
}

// Attempts of one Update at most, when the server asks for a retry.
const attempts = 12

func openPostgres(ctx context.Context, db *DB, cfg Config) (*server, error) {
	conf, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	if conf.RuntimeParams["application_name"] == "" {
		conf.RuntimeParams["application_name"] = "sarai"
	}
	conf.RuntimeParams["default_transaction_isolation"] = "read committed"
	s := &server{db: db, pool: stdlib.OpenDB(*conf)}
	n := cfg.MaxConns
	if n <= 0 {
		n = 24
	}
	s.pool.SetMaxOpenConns(n)
	s.pool.SetMaxIdleConns(n)
	s.pool.SetConnMaxIdleTime(5 * time.Minute)
	for setting, bad := range map[string]string{"synchronous_commit": "off", "fsync": "off", "full_page_writes": "off", "standard_conforming_strings": "off"} {
		var got string
		if err := s.pool.QueryRowContext(ctx, "select current_setting($1)", setting).Scan(&got); err != nil {
			return nil, errors.Join(fmt.Errorf("setting %s: %w", setting, err), s.pool.Close())
		}
		if got == bad {
			return nil, errors.Join(fmt.Errorf("the server's %s is %s: acknowledged work could be lost", setting, got), s.pool.Close())
		}
	}
	var encoding string
	if err := s.pool.QueryRowContext(ctx, "select current_setting('server_encoding')").Scan(&encoding); err != nil || encoding != "UTF8" {
		return nil, errors.Join(fmt.Errorf("the database's encoding is %q and must be UTF8", encoding), err, s.pool.Close())
	}
	return s, nil
}

func (s *server) admin() *sql.DB { return s.pool }

func (s *server) close() error { return s.pool.Close() }

func (s *server) view(ctx context.Context, fn func(*Tx) error) error {
	s.db.stats.views.Add(1)
	t, err := s.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer t.Rollback() //nolint:errcheck // nothing to undo
	tx := s.db.begin(ctx, remote{t}, true)
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

func (s *server) update(ctx context.Context, fn func(*Tx) error, _ bool) error {
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, fn)
		if state := sqlState(err); err == nil || (state != "40001" && state != "40P01") || attempt == attempts {
			return err
		}
		s.db.retried(attempt, err)
		pause := time.Duration(rand.Int64N(int64(time.Millisecond) << min(attempt, 8))) //nolint:gosec // jitter
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *server) try(ctx context.Context, fn func(*Tx) error) (err error) {
	began := time.Now()
	// Begun without the caller's cancellation, which would make the outcome of
	// COMMIT unknown; the statements in between do heed it.
	t, err := s.pool.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	ended := false
	defer func() {
		if !ended { // an error, a panic, or a goroutine that is leaving
			_ = t.Rollback()
		}
	}()
	tx := s.db.begin(ctx, remote{t}, false)
	if err := fn(tx); err != nil {
		return err
	}
	tx.settle()
	if err := tx.finish(nil); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ended = true
	synced := time.Now()
	if err = t.Commit(); err != nil {
		if sqlState(err) == "" && !errors.Is(err, pgx.ErrTxCommitRollback) {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		} else {
			err = fmt.Errorf("store: commit: %w", err)
		}
	}
	s.db.committed(Commit{Engine: Postgres, Updates: 1, Events: len(tx.events), Took: time.Since(synced), Held: time.Since(began), Err: err})
	if err != nil {
		return err
	}
	for _, topic := range tx.wakes {
		s.db.Wake(topic)
	}
	return nil
}

// remote runs statements in a PostgreSQL transaction; pgx keeps them prepared
// by itself, per connection.
type remote struct{ tx *sql.Tx }

func (r remote) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := r.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (r remote) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return r.tx.QueryContext(ctx, query, args...)
}

func (r remote) row(ctx context.Context, query string, args []any) *sql.Row {
	return r.tx.QueryRowContext(ctx, query, args...)
}
