package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrUnknownOutcome means that the connection broke during COMMIT: the update
// may or may not be durable. Only an idempotency key (Once) makes a second try
// safe, so the store does not try again by itself.
var ErrUnknownOutcome = errors.New("store: the connection broke during commit; the outcome is unknown")

// IsUnique says whether err comes from a unique or primary key that is taken.
func IsUnique(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || lite.Code() == sqlite3.SQLITE_CONSTRAINT_ROWID
	}
	return sqlState(err) == "23505"
}

// IsForeign says whether err comes from a reference to a row that is not there,
// or from removing a row that is referred to.
func IsForeign(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	return sqlState(err) == "23503"
}

// IsCheck says whether err comes from a check constraint.
func IsCheck(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_CHECK
	}
	return sqlState(err) == "23514"
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
