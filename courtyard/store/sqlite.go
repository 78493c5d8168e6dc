package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"runtime/debug"
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
	held    *ticket       // a large update that waits for the group before it to end; the writer's
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
	if e.write, err = sql.Open("sqlite", e.dsn(busyTimeout, "_txlock=immediate", "_pragma=journal_mode(wal)", "_pragma=synchronous(full)", "_pragma=cache_size(-65536)", "_pragma=temp_store(memory)", fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", walPages))); err != nil {
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
		"temp_store": "2", // savepoints keep the pages they may have to put back in memory and not in a file
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

// ticket is one waiting update. The writer's goroutine runs it: handing the
// transaction to the caller's and back costs more than most updates do.
type ticket struct {
	ctx   context.Context
	fn    func(*Tx) error
	large bool         // begins a group
	state atomic.Int32 // waiting, taken or left
	fate  chan error   // the group's commit, or why it is not part of it
	wakes []string
	died  *death // fn panicked or left its goroutine; set before fate
}

// death is how an update function ended that did not return.
type death struct {
	cause any // what it panicked with; nil for runtime.Goexit (a failed test)
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

func (e *embedded) update(ctx context.Context, fn func(*Tx) error, large bool) error {
	t := &ticket{ctx: ctx, fn: fn, large: large, fate: make(chan error, 1)}
	select {
	case e.queue <- t:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return errClosed
	}
	select {
	case err := <-t.fate:
		return t.end(err)
	case <-e.done: // it was closed as we came in
		if t.state.CompareAndSwap(waiting, left) {
			return errClosed
		}
	case <-ctx.Done():
		if t.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
	}
	return t.end(<-t.fate)
}

// end lets the caller's goroutine end as its function did.
func (t *ticket) end(err error) error {
	switch {
	case t.died == nil:
		return err
	case t.died.cause == nil:
		runtime.Goexit()
	}
	panic(t.died.cause)
}

// call runs fn. It returns after a panic, and not after runtime.Goexit.
func (t *ticket) call(tx *Tx) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		err, t.died = errStopped, &death{cause: recover()}
		if t.died.cause != nil {
			tx.db.log.Error("an update panicked", "stack", string(debug.Stack()))
		}
	}()
	err = t.fn(tx)
	returned = true
	return err
}

// group is the updates that share the transaction that is open.
type group struct {
	began  time.Time
	now    *ticket // whose turn it is
	tx     *Tx     // of that one
	stay   []*ticket
	failed int
	head   int64 // last position given, once it has been asked for; else -1
	before int64
	mark   int64 // head when the turn began
}

// run keeps a writer going. A function that leaves its goroutine takes the
// writer with it; the next one goes on with the group.
func (e *embedded) run() {
	defer close(e.done)
	var g *group
	for closed := false; !closed; {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if g == nil {
					if g = e.open(); g == nil {
						closed = true
						return
					}
				}
				e.commit(g, e.gather(g))
				g = nil
			}
		}()
		<-ended
	}
}

// open waits for an update and begins a transaction for it; nil when the
// database is closed.
func (e *embedded) open() *group {
	for {
		if t := e.held; t != nil {
			e.held = nil
			if g := e.begin(t); g != nil {
				return g
			}
		}
		select {
		case t := <-e.queue:
			if !t.state.CompareAndSwap(waiting, taken) {
				continue
			}
			if g := e.begin(t); g != nil {
				return g
			}
		case <-e.stop:
			for { // answer those who came in before the door was shut
				select {
				case t := <-e.queue:
					if t.state.CompareAndSwap(waiting, taken) {
						t.fate <- errClosed
					}
				default:
					return nil
				}
			}
		}
	}
}

// begin opens a transaction with an update, or tells it why not and gives nil.
func (e *embedded) begin(t *ticket) *group {
	began := time.Now()
	if _, err := e.writer.exec(context.Background(), "begin immediate", nil); err != nil {
		t.fate <- fmt.Errorf("store: begin: %w", err)
		return nil
	}
	return &group{began: began, now: t, head: -1}
}

// gather lets an update and everyone who is waiting by then run. Nobody waits on
// purpose: while one commit syncs the disk, the next group gathers by itself. An
// error means that the whole group cannot go on.
func (e *embedded) gather(g *group) error {
	for ; g.now != nil; g.now = e.next(g) {
		if err := e.turn(g); err != nil {
			return err
		}
	}
	return nil
}

// next is an update that is waiting now, or nil.
func (e *embedded) next(g *group) *ticket {
	if len(g.stay) >= e.group || time.Since(g.began) > groupTime {
		return nil
	}
	for {
		select {
		case t := <-e.queue:
			if !t.state.CompareAndSwap(waiting, taken) {
				continue
			}
			if t.large && len(g.stay) > 0 {
				e.held = t
				return nil
			}
			return t
		default:
			return nil
		}
	}
}

// turn lets one update run. One that does not stay is told at once; the others
// hear when the group is durable.
//
// While a savepoint is open SQLite keeps a copy of each page it changes. So the
// first has none: when it fails nothing else is lost with the transaction.
func (e *embedded) turn(g *group) error {
	background, t := context.Background(), g.now
	first := len(g.stay) == 0
	err := errStopped
	if g.tx == nil { // else its function has ended the writer before this one
		if !first {
			if _, err := e.writer.exec(background, "savepoint one", nil); err != nil {
				t.fate <- fmt.Errorf("store: savepoint: %w", err)
				return err
			}
		}
		g.tx, g.mark = e.db.begin(t.ctx, steadfast{e.writer}, false), g.head
		began := time.Now()
		err = t.call(g.tx)
		if held := time.Since(began); held > slow {
			e.db.log.Warn("an update held up all writers; keep slow work outside", "held", held, "events", g.tx.types())
		}
	}
	tx := g.tx
	tx.settle()
	g.tx = nil
	if err == nil && tx.err == nil && len(tx.events) > 0 && g.head < 0 {
		err = e.writer.row(background, "select position from journal_head", nil).Scan(&g.head)
		g.before, g.mark = g.head, g.head
	}
	if err == nil {
		err = tx.finish(&g.head)
	}
	if err == nil && !first {
		_, err = e.writer.exec(background, "release one", nil)
	}
	if err == nil {
		t.wakes, g.stay = tx.wakes, append(g.stay, t)
		return nil
	}
	g.failed++
	if first {
		e.recover()
		g.head = -1 // another process may write before we begin again
		_, broken := e.writer.exec(background, "begin immediate", nil)
		t.fate <- err
		if broken != nil {
			return fmt.Errorf("begin again: %w", broken)
		}
		return nil
	}
	g.head = g.mark
	_, broken := e.writer.exec(background, "rollback to one", nil)
	if broken == nil {
		_, broken = e.writer.exec(background, "release one", nil)
	}
	t.fate <- err
	if broken != nil { // SQLite has rolled back everything by itself (disk full, I/O error)
		return fmt.Errorf("rollback to savepoint: %w", broken)
	}
	return nil
}

// commit makes a group durable and only then answers. A group that is broken is
// rolled back.
func (e *embedded) commit(g *group, broken error) {
	background := context.Background()
	done := Commit{Engine: SQLite, Updates: len(g.stay), Failed: g.failed}
	if g.head > g.before && broken == nil {
		done.Events = int(g.head - g.before)
		_, broken = e.writer.exec(background, "update journal_head set position = $1", []any{g.head})
	}
	synced := time.Now()
	if broken == nil && len(g.stay) > 0 {
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
	done.Took, done.Held, done.Err = time.Since(synced), time.Since(g.began), broken
	e.db.committed(done)
	select {
	case e.grown <- struct{}{}:
	default:
	}
	for _, t := range g.stay {
		if broken == nil {
			for _, topic := range t.wakes {
				e.db.Wake(topic)
			}
		}
		t.fate <- broken
	}
}

// recover brings the connection out of a transaction that could not end.
func (e *embedded) recover() {
	_, _ = e.writer.exec(context.Background(), "rollback", nil) // fails when there is none, which is what we want
}
