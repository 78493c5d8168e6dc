package journal

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of a journal. The zero value is good.
type Options struct {
	Logger *slog.Logger  // slog.Default if nil
	Poll   time.Duration // how often to look for other processes' events; 150 ms if 0
	Batch  int           // most events sequenced or delivered at once; 256 if 0
	Keep   int           // events kept in memory for screens; 4096 if 0
}

// Journal is every event in order.
type Journal struct {
	db    *store.DB
	log   *slog.Logger
	poll  time.Duration
	batch int
	tail  tail
	stats counters

	mu      sync.Mutex
	subs    []*delivery
	running bool
}

// New makes a journal on db and registers its tables. Subscribe, then Run.
func New(db *store.DB, opts Options) *Journal {
	j := &Journal{db: db, log: opts.Logger, poll: opts.Poll, batch: opts.Batch}
	if j.log == nil {
		j.log = slog.Default()
	}
	if j.poll <= 0 {
		j.poll = 150 * time.Millisecond
	}
	if j.batch <= 0 {
		j.batch = 256
	}
	j.tail.keep = opts.Keep
	if j.tail.keep <= 0 {
		j.tail.keep = 4096
	}
	j.tail.moved = make(chan struct{})
	db.Register(store.Migrations{Room: "journal", FS: migrations})
	return j
}

// Run gives positions, delivers to subscriptions and feeds Follow until ctx
// ends. Several processes may run on one database.
func (j *Journal) Run(ctx context.Context) error {
	j.mu.Lock()
	if j.running {
		j.mu.Unlock()
		return errors.New("journal: it runs already")
	}
	j.running = true
	subs := j.subs
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		j.running = false
		j.mu.Unlock()
	}()
	if err := j.tail.begin(ctx, j); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer j.tail.end()
	var all sync.WaitGroup
	all.Go(func() { j.sequence(ctx) })
	all.Go(func() { j.tail.run(ctx, j) })
	for _, d := range subs {
		all.Go(func() { d.run(ctx) })
	}
	all.Wait()
	return ctx.Err()
}

// Position is the last position given.
func (j *Journal) Position(ctx context.Context) (int64, error) {
	var at int64
	err := j.db.View(ctx, func(tx *store.Tx) (err error) {
		at, err = Position(tx)
		return err
	})
	return at, err
}

// Position is the last position given, as tx sees it.
func Position(tx *store.Tx) (int64, error) {
	return store.Get(tx, store.Value[int64], `select position from journal_head where name = 'head'`)
}

// Read gives up to limit events after a position, in order; of all types when
// none is named. A type is exact ("office.file.moved") or a family ("office.*").
func (j *Journal) Read(ctx context.Context, after int64, limit int, types ...string) ([]store.Event, error) {
	var list []store.Event
	err := j.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = Read(tx, after, limit, types...)
		return err
	})
	return list, err
}

const columns = `position, id, type, version, subject, actor, at, payload, opening`

// Read is Journal.Read in a transaction that is open.
func Read(tx *store.Tx, after int64, limit int, types ...string) ([]store.Event, error) {
	query := `select ` + columns + ` from journal_event where position > $1`
	args := []any{after}
	if where, more := matching(types, len(args)); where != "" {
		query += " and " + where
		args = append(args, more...)
	}
	args = append(args, limit)
	return store.List(tx, scan, fmt.Sprintf("%s order by position limit $%d", query, len(args)), args...)
}

// matching is the condition on the type column; n arguments are taken.
func matching(types []string, n int) (string, []any) {
	var parts []string
	var args []any
	for _, t := range types {
		switch {
		case t == "*":
			return "", nil
		case strings.HasSuffix(t, ".*"):
			// '/' follows '.' in the alphabet of bytes
			family := strings.TrimSuffix(t, "*")
			args = append(args, family, strings.TrimSuffix(family, ".")+"/")
			parts = append(parts, fmt.Sprintf("(type >= $%d and type < $%d)", n+len(args)-1, n+len(args)))
		default:
			args = append(args, t)
			parts = append(parts, fmt.Sprintf("type = $%d", n+len(args)))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "(" + strings.Join(parts, " or ") + ")", args
}

// Match says whether an event type is one of types; all match when none is
// named.
func Match(types []string, t string) bool {
	for _, want := range types {
		if want == "*" || want == t || strings.HasSuffix(want, ".*") && strings.HasPrefix(t, strings.TrimSuffix(want, "*")) {
			return true
		}
	}
	return len(types) == 0
}

func scan(row store.Scan) (store.Event, error) {
	var e store.Event
	var at int64
	var payload *string
	err := row(&e.Position, &e.ID, &e.Type, &e.Version, &e.Subject, &e.Actor, &at, &payload, &e.Opening)
	e.At = store.Time(at)
	if payload != nil {
		e.Payload = json.RawMessage(*payload)
	}
	return e, err
}

// Event gives one event by its id; a fault NotFound "store.not-found" while it
// has no position.
func (j *Journal) Event(ctx context.Context, id string) (store.Event, error) {
	var e store.Event
	err := j.db.View(ctx, func(tx *store.Tx) (err error) {
		e, err = store.Get(tx, scan, `select `+columns+` from journal_event where id = $1`, id)
		return err
	})
	return e, err
}

// Wait gives an event as soon as it has a position.
func (j *Journal) Wait(ctx context.Context, id string) (store.Event, error) {
	tick := time.NewTicker(j.poll)
	defer tick.Stop()
	for {
		moved := j.tail.signal()
		e, err := j.Event(ctx, id)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return e, err
		}
		select {
		case <-moved:
		case <-tick.C:
		case <-ctx.Done():
			return store.Event{}, ctx.Err()
		}
	}
}

// Erase destroys what an event says and the opening of its commitment, when the
// law requires a record to go. Its position, type and id stay, so the journal
// keeps its order and the public log its proofs.
func Erase(tx *store.Tx, id string) error {
	n, err := tx.Exec(`update journal_event set payload = null, opening = null where id = $1`, id)
	if err != nil {
		return fmt.Errorf("journal: erase: %w", err)
	}
	if n == 0 {
		return fault.New(fault.NotFound, "store.not-found")
	}
	return nil
}
