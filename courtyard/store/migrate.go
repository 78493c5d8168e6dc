package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are a room's tables: goose files 00001_name.sql at the root of FS
// (or in its folder "migrations"). Tables begin with Room and "_".
type Migrations struct {
	Room string
	FS   fs.FS
}

// Register adds a room's migrations for Migrate. A room that is registered
// twice counts once.
func (db *DB) Register(m Migrations) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, r := range db.rooms {
		if r.Room == m.Room {
			return
		}
	}
	db.rooms = append(db.rooms, m)
}

// Registered is what Migrate would run, in its order.
func (db *DB) Registered() []Migrations {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Clone(db.rooms)
}

// Migrate brings the tables of every registered room up to date: forward only,
// one version table a room ("goose_office"). Processes that start at once take
// turns. A database that is newer than the program is an error.
func (db *DB) Migrate(ctx context.Context) error { return db.migrateTo(ctx, nil) }

// migrateTo stops at the given version of each room; nil means all the way. A
// room that is given and not registered is an error.
func (db *DB) migrateTo(ctx context.Context, versions map[string]int64) (err error) {
	unlock, err := db.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("store: migrate: waiting for our turn: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	rooms := db.Registered()
	for name := range versions {
		if !slices.ContainsFunc(rooms, func(m Migrations) bool { return m.Room == name }) {
			return fmt.Errorf("store: this program has no %s", name)
		}
	}
	for _, m := range rooms {
		limit := int64(math.MaxInt64)
		if versions != nil {
			limit = versions[m.Room]
		}
		if err := db.migrateRoom(ctx, m, limit); err != nil {
			return fmt.Errorf("store: migrate %s: %w", m.Room, err)
		}
	}
	return db.forgetTheDead(ctx)
}

var roomName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func (db *DB) migrateRoom(ctx context.Context, m Migrations, limit int64) error {
	if limit == 0 {
		return nil
	}
	if !roomName.MatchString(m.Room) {
		return fmt.Errorf("%q is not a room's name", m.Room)
	}
	files := m.FS
	if sub, err := fs.Sub(files, "migrations"); err == nil {
		if in, _ := fs.Glob(sub, "*.sql"); len(in) > 0 {
			files = sub
		}
	}
	if limit == math.MaxInt64 && db.migrated(ctx, m.Room, files) {
		return nil
	}
	dialect := goose.DialectSQLite3
	if db.engine == Postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db.backend.admin(), spoken{files, db.engine, m.Room},
		goose.WithTableName("goose_"+m.Room), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("the database is at version %d and this program knows only %d: start a newer program", current, target)
	}
	if limit == math.MaxInt64 {
		limit = target
	}
	if current > limit || limit > target {
		return fmt.Errorf("version %d is wanted, the database is at %d, and this program knows %d", limit, current, target)
	}
	done, err := p.UpTo(ctx, limit)
	if err != nil {
		return err
	}
	for _, r := range done {
		db.log.DebugContext(ctx, "migrated", "room", m.Room, "version", r.Source.Version, "took", r.Duration)
	}
	return nil
}

// migrated says whether the database has run exactly the room's files. It takes
// a statement or two, where goose asks the catalogue and lists the versions several
// times over: most starts find nothing to do, room after room. Whatever is not
// as simple as that, a missing table or a file too many, is left to goose.
func (db *DB) migrated(ctx context.Context, room string, files fs.FS) bool {
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return false
	}
	want := []int64{0} // goose's own first row
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return false
		}
		want = append(want, version)
	}
	if db.engine == Postgres { // asked first: the server writes each failing statement into its log
		var there bool
		if err := db.backend.admin().QueryRowContext(ctx, `select to_regclass('goose_`+room+`') is not null`).Scan(&there); err != nil || !there {
			return false
		}
	}
	rows, err := db.backend.admin().QueryContext(ctx, `select version_id from goose_`+room+` where is_applied order by version_id`)
	if err != nil {
		return false
	}
	defer func() { _ = rows.Close() }()
	var have []int64
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return false
		}
		have = append(have, version)
	}
	slices.Sort(want)
	return rows.Err() == nil && slices.Equal(want, have)
}

// spoken is a folder of migrations in one engine's words.
type spoken struct {
	fs.FS
	engine Engine
	room   string
}

var (
	createTable = regexp.MustCompile(`(?i)create\s+table\s+(?:if\s+not\s+exists\s+)?"?([a-z0-9_]+)`)
	gooseDown   = regexp.MustCompile(`(?m)^--\s*\+goose\s+Down`)
)

// Open gives a migration's text in the engine's words. The laws of migrations
// are checked here, where the text is at hand.
func (s spoken) Open(name string) (fs.File, error) {
	if !strings.HasSuffix(name, ".sql") {
		return s.FS.Open(name)
	}
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if gooseDown.Match(body) {
		return nil, errors.Join(fmt.Errorf("%s: migrations only go forward; remove the Down part", name), f.Close())
	}
	plain := code(string(body))
	if strings.Contains(plain, "deferrable") {
		return nil, errors.Join(fmt.Errorf("%s: a deferred constraint would fail the commit of a whole group", name), f.Close())
	}
	for _, t := range createTable.FindAllStringSubmatch(plain, -1) {
		if own := strings.HasPrefix(t[1], s.room+"_"); !own && (s.room != "store" || !strings.HasPrefix(t[1], "journal_")) {
			return nil, errors.Join(fmt.Errorf("%s: table %s does not begin with %s_", name, t[1], s.room), f.Close())
		}
	}
	return &spokenFile{File: f, r: strings.NewReader(toDDL(s.engine, string(body)))}, nil
}

// code is a script in lower case without its comments and literals.
func code(script string) string {
	var b strings.Builder
	for i := 0; i < len(script); {
		if n := opaque(script[i:]); n > 0 && script[i] != '"' {
			i += n
			continue
		}
		b.WriteByte(script[i])
		i++
	}
	return strings.ToLower(b.String())
}

type spokenFile struct {
	fs.File
	r *strings.Reader
}

func (f *spokenFile) Read(p []byte) (int, error) { return f.r.Read(p) }

// lockMigrations lets one process migrate at a time. The lock dies with the
// process on either engine: a row lock, or an exclusive transaction on an empty
// SQLite file beside the database.
func (db *DB) lockMigrations(ctx context.Context) (func() error, error) {
	if e, ok := db.backend.(*embedded); ok {
		lock, err := openLock(e.path+"-migrate", busyTimeout)
		if err != nil {
			return nil, err
		}
		if err := lock.wait(ctx); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		return lock.Close, nil
	}
	pool := db.backend.admin()
	for try := 0; ; try++ {
		_, err := pool.ExecContext(ctx, `create table if not exists goose_turn (one bigint primary key)`)
		if err == nil {
			break
		}
		if state := sqlState(err); try == 20 || (state != "23505" && state != "42P07" && state != "40001") {
			return nil, err
		} // two processes created it at once
	}
	if _, err := pool.ExecContext(ctx, `insert into goose_turn (one) values (1) on conflict do nothing`); err != nil {
		return nil, err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `select one from goose_turn where one = 1 for update`); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx.Rollback, nil
}

// fileLock is an exclusive lock on an empty SQLite file: SQLite knows how to
// lock on every system it runs on, and the lock ends with the process.
type fileLock struct{ *sql.DB }

func openLock(path, timeout string) (fileLock, error) {
	e := embedded{path: path}
	pool, err := sql.Open("sqlite", e.dsn(timeout))
	if err != nil {
		return fileLock{}, err
	}
	pool.SetMaxOpenConns(1)
	return fileLock{pool}, nil
}

// wait waits for the lock until ctx ends.
func (l fileLock) wait(ctx context.Context) error {
	for {
		_, err := l.ExecContext(ctx, "begin exclusive")
		var lite *sqlite.Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &lite) || lite.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
	}
}
