package store

import (
	"context"
	"database/sql"
)

// session is one SQLite connection with its prepared statements. Parsing SQL
// costs about as much as running a point query, so each connection keeps what
// it has parsed.
type session struct {
	conn  *sql.Conn
	words *translations
	stmts map[string]*sql.Stmt
	// Of statements that give no rows: their text is another one.
	writes map[string]*sql.Stmt
}

const maxStatements = 1024

func newSession(ctx context.Context, pool *sql.DB, words *translations) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, words: words, stmts: map[string]*sql.Stmt{}, writes: map[string]*sql.Stmt{}}, nil
}

func (s *session) prepare(query string) (*sql.Stmt, error) {
	return s.keep(s.stmts, query, s.words.sqlite)
}

func (s *session) keep(kept map[string]*sql.Stmt, query string, text func(string) string) (*sql.Stmt, error) {
	if st, ok := kept[query]; ok {
		return st, nil
	}
	if len(kept) >= maxStatements {
		for k, st := range kept {
			_ = st.Close()
			delete(kept, k)
		}
	}
	st, err := s.conn.PrepareContext(context.Background(), text(query))
	if err != nil {
		return nil, err
	}
	kept[query] = st
	return st, nil
}

func (s *session) exec(ctx context.Context, query string, args []any) (int64, error) {
	st, err := s.keep(s.writes, query, s.words.write) //nolint:sqlclosecheck // the session keeps it for the next time
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *session) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	st, err := s.prepare(query) //nolint:sqlclosecheck // the session keeps it for the next time
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *session) row(ctx context.Context, query string, args []any) *sql.Row {
	st, err := s.prepare(query) //nolint:sqlclosecheck // the session keeps it for the next time
	if err != nil {
		return s.conn.QueryRowContext(ctx, s.words.sqlite(query), args...) // fails again, inside the row
	}
	return st.QueryRowContext(ctx, args...)
}

func (s *session) close() error {
	for _, kept := range []map[string]*sql.Stmt{s.stmts, s.writes} {
		for _, st := range kept {
			_ = st.Close()
		}
	}
	return s.conn.Close()
}

// steadfast runs statements without the caller's cancellation: SQLite answers
// an interrupted write by rolling back the whole transaction, which is not only
// the caller's.
type steadfast struct{ *session }

func (s steadfast) exec(ctx context.Context, query string, args []any) (int64, error) {
	return s.session.exec(context.WithoutCancel(ctx), query, args)
}

func (s steadfast) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return s.session.query(context.WithoutCancel(ctx), query, args)
}

func (s steadfast) row(ctx context.Context, query string, args []any) *sql.Row {
	return s.session.row(context.WithoutCancel(ctx), query, args)
}
