package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// embedded is the SQLite backend: many readers, one writer goroutine.
type embedded struct {
	db      *DB
	path    string
	write   *sql.DB // one connection
	read    *sql.DB
	words   translations
	writer  *session
	readers chan *session // those that are free
	opened  int           // readers in all
	queue   chan *ticket
	grown   chan struct{} // the log has grown since the last checkpoint
	stop    chan struct{} // closed by close
	tidied  chan struct{} // closed when the checkpointer has ended
	done    chan struct{} // closed when the writer has ended
	once    sync.Once
	group   int
	owner   fileLock // held by the first process to open the file
	sole    bool     // that is us: leases found at start belong to the dead
}

// busy is how long SQLite waits for another process's write, in milliseconds.
const busy = 15000

var busyTimeout = fmt.Sprintf("_pragma=busy_timeout(%d)", busy)

// A group is closed after this long, so that a crowd does not make the first
// ones wait for the last.
const groupTime = 10 * time.Millisecond

// An update function that takes longer is named in the log.
const slow = 250 * time.Millisecond

func openSQLite(ctx context.Context, db *DB, path string, cfg Config) (*embedded, error) {
	if path == "" {
		return nil, errors.New("no path")
	}
	e := &embedded{db: db, path: path, group: cfg.Group, queue: make(chan *ticket, 1024), grown: make(chan struct{}, 1), tidied: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	if e.group <= 0 {
		e.group = 512
	}
	readers := cfg.Readers
	if readers <= 0 {
		readers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	var err error
	if e.write, err = sql.Open("sqlite", e.dsn(busyTimeout, "_txlock=immediate", "_pragma=journal_mode(wal)", "_pragma=synchronous(full)", "_pragma=cache_size(-65536)", fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", walPages))); err != nil {
		return nil, err
	}
	e.write.SetMaxOpenConns(3) // the writer's, the checkpointer's, and one for migrations
	if e.read, err = sql.Open("sqlite", e.dsn(busyTimeout, "_pragma=query_only(1)", "_pragma=synchronous(full)", "_pragma=cache_size(-16384)")); err != nil {
		return nil, errors.Join(err, e.write.Close())
	}
	e.read.SetMaxOpenConns(readers)
	if e.owner, err = openLock(path+"-owner", "_pragma=busy_timeout(0)"); err != nil {
		return nil, errors.Join(err, e.write.Close(), e.read.Close())
	}
	_, err = e.owner.ExecContext(ctx, "begin exclusive")
	e.sole = err == nil
	if err := e.start(ctx, readers); err != nil {
		return nil, errors.Join(err, e.release())
	}
	go e.run()
	go e.tidy()
	return e, nil
}

func (e *embedded) dsn(more ...string) string {
	u := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: e.path}).EscapedPath()}).String()
	u += "?_pragma=foreign_keys(1)"
	for _, m := range more {
		u += "&" + m
	}
	return u
}

func (e *embedded) start(ctx context.Context, readers int) error {
	var err error
	if e.writer, err = newSession(ctx, e.write, &e.words); err != nil {
		return err
	}
	if err := readBack(ctx, e.writer.conn, map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": fmt.Sprint(busy), "query_only": "0", "encoding": "UTF-8",
	}); err != nil {
		return err
	}
	e.readers = make(chan *session, readers)
	for range readers {
		s, err := newSession(ctx, e.read, &e.words)
		if err != nil {
			return err
		}
		e.readers <- s
		e.opened++
		if err := readBack(ctx, s.conn, map[string]string{"query_only": "1", "foreign_keys": "1", "busy_timeout": fmt.Sprint(busy)}); err != nil {
			return err
		}
	}
	return nil
}

// readBack refuses a connection whose settings did not take: a slip in the
// data source name would otherwise only show after a power cut.
func readBack(ctx context.Context, conn *sql.Conn, want map[string]string) error {
	for pragma, w := range want {
		var got string
		if err := conn.QueryRowContext(ctx, "pragma "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
		if got != w {
			return fmt.Errorf("pragma %s is %s and must be %s", pragma, got, w)
		}
	}
	return nil
}

func (e *embedded) admin() *sql.DB { return e.write }

func (e *embedded) close() error {
	e.once.Do(func() { close(e.stop) })
	<-e.done
	<-e.tidied
	return e.release()
}

func (e *embedded) release() error {
	var err error
	for range e.opened { // views in progress give theirs back first
		err = errors.Join(err, (<-e.readers).close())
	}
	if e.writer != nil {
		err = errors.Join(err, e.writer.close())
	}
	return errors.Join(err, e.read.Close(), e.write.Close(), e.owner.Close())
}

func (e *embedded) view(ctx context.Context, fn func(*Tx) error) (err error) {
	var s *session
	select {
	case s = <-e.readers:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return errClosed
	}
	e.db.stats.views.Add(1)
	background := context.Background()
	if _, err := s.exec(background, "begin", nil); err != nil {
		e.readers <- s
		return fmt.Errorf("store: begin: %w", err)
	}
	tx := e.db.begin(ctx, s, true)
	defer func() {
		tx.settle()
		_, end := s.exec(background, "rollback", nil)
		e.readers <- s
		if err == nil && end != nil {
			err = fmt.Errorf("store: end of view: %w", end)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// ticket is one waiting update. The writer hands the transaction to the
// caller's goroutine and takes it back, so that a panic, runtime.Goexit (a
// failed test) or a deep stack is the caller's own.
type ticket struct {
	ctx   context.Context
	state atomic.Int32 // waiting, taken or left
	turn  chan *Tx     // the caller may run now
	ran   chan error   // the caller has run; nil keeps its savepoint
	fate  chan error   // the group's commit
	wakes []string
}

const (
	waiting int32 = iota
	taken
	left
)

var (
	errClosed  = errors.New("store: the database is closed")
	errStopped = errors.New("store: the update function did not return")
)

func (e *embedded) update(ctx context.Context, fn func(*Tx) error) error {
	t := &ticket{ctx: ctx, turn: make(chan *Tx), ran: make(chan error), fate: make(chan error, 1)}
	select {
	case e.queue <- t:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return errClosed
	}
	var tx *Tx
	select {
	case tx = <-t.turn:
	case err := <-t.fate: // begin failed, or the store was closed
		return err
	case <-e.done: // it was closed as we came in
		if t.state.CompareAndSwap(waiting, left) {
			return errClosed
		}
		return <-t.fate
	case <-ctx.Done():
		if t.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		select {
		case tx = <-t.turn:
		case err := <-t.fate:
			return err
		}
	}
	if err := t.call(tx, fn); err != nil {
		return err
	}
	return <-t.fate
}

// call runs fn and reports to the writer whatever happens.
func (t *ticket) call(tx *Tx, fn func(*Tx) error) (err error) {
	err = errStopped
	defer func() { t.ran <- err }()
	if e := fn(tx); e != nil {
		err = e
		return err
	}
	err = nil
	return nil
}

// run is the writer: it takes an update, opens a transaction, lets the update
// and everyone who is waiting by then run, each in a savepoint, commits once,
// and only then answers. Nobody waits on purpose: while one commit syncs the
// disk, the next group gathers by itself.
func (e *embedded) run() {
	defer close(e.done)
	for {
		select {
		case t := <-e.queue:
			e.serve(t)
		case <-e.stop:
			for { // answer those who came in before the door was shut
				select {
				case t := <-e.queue:
					if t.state.CompareAndSwap(waiting, taken) {
						t.fate <- errClosed
					}
				default:
					return
				}
			}
		}
	}
}

func (e *embedded) serve(first *ticket) {
	if !first.state.CompareAndSwap(waiting, taken) {
		return
	}
	background := context.Background()
	began := time.Now()
	if _, err := e.writer.exec(background, "begin immediate", nil); err != nil {
		first.fate <- fmt.Errorf("store: begin: %w", err)
		return
	}
	var (
		group  []*ticket
		head   = int64(-1) // last position given, once it has been asked for
		before int64
		failed int
		broken error
	)
	for t := first; t != nil && broken == nil; t = e.next(len(group), began) {
		var keep bool
		if keep, broken = e.turn(t, &head, &before); keep {
			group = append(group, t)
		} else {
			failed++
		}
	}
	commit := Commit{Engine: SQLite, Updates: len(group), Failed: failed}
	if head > before {
		commit.Events = int(head - before)
		if _, err := e.writer.exec(background, "update journal_head set position = $1", []any{head}); err != nil {
			broken = errors.Join(broken, err)
		}
	}
	synced := time.Now()
	if broken == nil && len(group) > 0 {
		_, broken = e.writer.exec(background, "commit", nil)
	} else {
		_, err := e.writer.exec(background, "rollback", nil)
		if broken != nil {
			broken = errors.Join(broken, err)
		}
	}
	if broken != nil {
		broken = fmt.Errorf("store: commit: %w", broken)
		e.recover()
	}
	commit.Took, commit.Held, commit.Err = time.Since(synced), time.Since(began), broken
	if len(group) > 0 || failed > 0 {
		e.db.committed(commit)
	}
	select {
	case e.grown <- struct{}{}:
	default:
	}
	for _, t := range group {
		if broken == nil {
			for _, topic := range t.wakes {
				e.db.Wake(topic)
			}
		}
		t.fate <- broken
	}
}

// next is an update that is waiting now, or nil.
func (e *embedded) next(n int, began time.Time) *ticket {
	if n >= e.group || time.Since(began) > groupTime {
		return nil
	}
	for {
		select {
		case t := <-e.queue:
			if t.state.CompareAndSwap(waiting, taken) {
				return t
			}
		default:
			return nil
		}
	}
}

// turn lets one update run in its savepoint and says whether it stays. An error
// means that the whole group cannot go on. A ticket that does not stay has been
// answered by its own error.
func (e *embedded) turn(t *ticket, head, before *int64) (keep bool, broken error) {
	background := context.Background()
	if _, err := e.writer.exec(background, "savepoint one", nil); err != nil {
		t.fate <- fmt.Errorf("store: savepoint: %w", err)
		return false, err
	}
	tx := e.db.begin(t.ctx, steadfast{e.writer}, false)
	began := time.Now()
	t.turn <- tx
	err := <-t.ran
	tx.settle()
	if held := time.Since(began); held > slow {
		e.db.log.Warn("an update held up all writers; keep slow work outside", "held", held, "events", tx.types())
	}
	mark := *head
	if err == nil && tx.err == nil && len(tx.events) > 0 && *head < 0 {
		err = e.writer.row(background, "select position from journal_head", nil).Scan(head)
		*before, mark = *head, *head
	}
	if err == nil {
		if err = tx.finish(head); err == nil {
			if _, err = e.writer.exec(background, "release one", nil); err == nil {
				t.wakes = tx.wakes
				return true, nil
			}
		}
		t.fate <- err // fn had succeeded, so its caller waits for fate
	}
	*head = mark
	if _, err := e.writer.exec(background, "rollback to one", nil); err != nil {
		// SQLite has rolled back everything by itself (disk full, I/O error).
		return false, fmt.Errorf("rollback to savepoint: %w", err)
	}
	if _, err := e.writer.exec(background, "release one", nil); err != nil {
		return false, fmt.Errorf("release savepoint: %w", err)
	}
	return false, nil
}

// recover brings the connection out of a transaction that could not end.
func (e *embedded) recover() {
	_, _ = e.writer.exec(context.Background(), "rollback", nil) // fails when there is none, which is what we want
}
