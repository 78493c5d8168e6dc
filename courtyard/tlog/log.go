package tlog

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/clock"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Purposes of the log's keys.
const (
	purposeLog     = "tlog.checkpoint"
	purposeQuantum = "tlog.cosignature"
)

// topicCheckpoint is woken in this process when a checkpoint was stored.
const topicCheckpoint = "tlog.checkpoint"

// Options of a log. Only Origin must be given.
type Options struct {
	Origin   string        // the log's name for ever: its URL without scheme, as "sarai.gov.pk/log"
	Pin      string        // file outside the database for the last checkpoint; empty for none (a restored backup then goes unnoticed)
	Quantum  bool          // add an ML-DSA-44 cosignature to each checkpoint
	Interval time.Duration // how long a new entry may wait for a checkpoint; 0 is 500 ms
	Clock    clock.Clock   // nil is the machine's clock
	Logger   *slog.Logger  // nil is slog.Default
}

// Log is the transparency log of one house. It is safe for concurrent use.
type Log struct {
	db      *store.DB
	journal *journal.Journal
	ring    *keys.Ring
	opts    Options
	kick    chan struct{} // asks for a checkpoint now

	mu     sync.Mutex // guards halted
	halted error      // why no checkpoint is signed
}

// New makes a log over the journal's events and registers its migrations and
// key purposes. Nothing is read before Run, Handler's first request or Receipt.
func New(db *store.DB, j *journal.Journal, ring *keys.Ring, opts Options) (*Log, error) {
	if opts.Origin == "" || len(opts.Origin) > 255 || strings.ContainsAny(opts.Origin, " \t\r\n+") {
		return nil, fmt.Errorf("tlog: origin %q is no URL without scheme", opts.Origin)
	}
	if opts.Interval <= 0 {
		opts.Interval = 500 * time.Millisecond
	}
	if opts.Clock == nil {
		opts.Clock = clock.System
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	db.Register(store.Migrations{Room: "tlog", FS: migrations})
	ring.Declare(keys.Purpose{Name: purposeLog, Alg: keys.EdDSA})
	if opts.Quantum {
		ring.Declare(keys.Purpose{Name: purposeQuantum, Alg: keys.MLDSA44})
	}
	return &Log{db: db, journal: j, ring: ring, opts: opts, kick: make(chan struct{}, 1)}, nil
}

// Origin is the log's name.
func (l *Log) Origin() string { return l.opts.Origin }

// VerifierKey is what somebody needs to check this log's checkpoints and
// receipts: its Ed25519 key as C2SP signed-note writes it. It is empty until
// the key ring is ensured.
func (l *Log) VerifierKey() string {
	if k, err := l.VerifierKeys(context.Background()); err == nil {
		return k[0]
	}
	return ""
}

// VerifierKeys gives the Ed25519 key and, with Options.Quantum, the ML-DSA-44
// cosigner's key.
func (l *Log) VerifierKeys(ctx context.Context) ([]string, error) {
	purposes := []string{purposeLog}
	if l.opts.Quantum {
		purposes = append(purposes, purposeQuantum)
	}
	var out []string
	for _, p := range purposes {
		k, err := l.ring.Signer(ctx, p)
		if err != nil {
			return nil, err
		}
		text, err := keyVKey(l.opts.Origin, k)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// earlierKeys gives retired Ed25519 keys: receipts that were signed by them stay good.
func (l *Log) earlierKeys(ctx context.Context) (out []string, err error) {
	all, err := l.ring.Public(ctx, purposeLog)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.State == keys.Retired {
			text, err := keyVKey(l.opts.Origin, k)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// Run appends entries and signs checkpoints until ctx ends. Every process of
// the house may run it.
func (l *Log) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		l.follow(ctx)
	}()
	go func() {
		defer wg.Done()
		l.publish(ctx)
	}()
	wg.Wait()
	return ctx.Err()
}

func (l *Log) follow(ctx context.Context) {
	for ctx.Err() == nil {
		s, err := l.state(ctx)
		if err == nil {
			err = l.journal.Follow(ctx, s.size, []string{"*"}, func(events []store.Event) error {
				err := l.Append(ctx, events)
				l.nudge()
				return err
			})
		}
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.WarnContext(ctx, "log not appended, trying again", "error", err)
			pause(ctx, 200*time.Millisecond)
		}
	}
}

func (l *Log) publish(ctx context.Context) {
	// A short rest between two checkpoints lets a burst share one signature.
	rest := min(l.opts.Interval/4, 100*time.Millisecond)
	for ctx.Err() == nil {
		if err := l.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			l.opts.Logger.ErrorContext(ctx, "no checkpoint signed", "error", err)
			pause(ctx, time.Second)
		}
		pause(ctx, rest)
		select {
		case <-ctx.Done():
		case <-l.kick:
		case <-time.After(l.opts.Interval):
		}
	}
}

func (l *Log) nudge() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// state is the tree as appended.
type state struct {
	size     int64
	frontier []byte
	root     Hash
}

func readState(tx *store.Tx, lock bool) (state, error) {
	query := `select size, frontier, root from tlog_state where id = 'log'`
	if lock {
		query += ` for update`
	}
	list, err := store.List(tx, func(scan store.Scan) (state, error) {
		var s state
		var root []byte
		if err := scan(&s.size, &s.frontier, &root); err != nil {
			return s, err
		}
		copy(s.root[:], root)
		return s, nil
	}, query)
	if err != nil {
		return state{}, fmt.Errorf("read the log's state: %w", err)
	}
	if len(list) == 0 {
		return state{root: (&frontier{}).root()}, nil
	}
	return list[0], nil
}

func (l *Log) state(ctx context.Context) (s state, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		s, err = readState(tx, false)
		return err
	})
	return s, err
}

// Root gives the size and root of the tree as appended so far, signed or not:
// equal logs have equal roots, which is how a backup, a restore or a copy to
// another engine is proven complete.
func (l *Log) Root(ctx context.Context) (size int64, root Hash, err error) {
	s, err := l.state(ctx)
	return s.size, s.root, err
}

// Append appends events that follow the log's end in position order, skipping
// those that are in it. It is what Run does with the journal; it is exported
// for tools that rebuild a log.
func (l *Log) Append(ctx context.Context, events []store.Event) error {
	const most = 500 // keeps one Update short
	for len(events) > 0 {
		n := min(most, len(events))
		if err := l.append(ctx, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func (l *Log) append(ctx context.Context, events []store.Event) error {
	s, err := l.state(ctx)
	if err != nil || events[len(events)-1].Position <= s.size {
		return err // another process did it
	}
	return l.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into tlog_state (id, size, frontier, root) values ('log', 0, $1, $2) on conflict (id) do nothing`, []byte{}, hashBytes((&frontier{}).root()))
		if err != nil {
			return err
		}
		s, err := readState(tx, true)
		if err != nil {
			return err
		}
		f, err := parseFrontier(s.size, s.frontier)
		if err != nil {
			return err
		}
		var fresh []store.Event
		for _, e := range events {
			if e.Position > s.size {
				fresh = append(fresh, e)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		last, err := readSubjects(tx, fresh)
		if err != nil {
			return err
		}
		var leaves, nodes bulk
		for _, e := range fresh {
			if e.Position != f.size+1 {
				return fmt.Errorf("tlog: event with position %d cannot be entry %d", e.Position, f.size)
			}
			previous, known := last[e.Subject]
			if !known {
				previous = -1
			}
			data, err := entry(e, previous)
			if err != nil {
				return fmt.Errorf("tlog: entry %d: %w", f.size, err)
			}
			h := tlog.RecordHash(data)
			last[e.Subject] = f.size
			leaves.add(f.size, previous, data, hashBytes(h))
			for _, n := range f.add(h) {
				nodes.add(n.level, n.idx, hashBytes(n.hash))
			}
		}
		if err := leaves.insert(tx, `insert into tlog_leaf (idx, previous, data, hash) values `, 4, ``); err != nil {
			return err
		}
		if err := nodes.insert(tx, `insert into tlog_node (level, idx, hash) values `, 3, ``); err != nil {
			return err
		}
		if err := writeSubjects(tx, fresh, last); err != nil {
			return err
		}
		_, err = tx.Exec(`update tlog_state set size = $1, frontier = $2, root = $3 where id = 'log'`, f.size, f.bytes(), hashBytes(f.root()))
		return err
	})
}

// entry gives the leaf of an event. If its record was erased before it reached
// the log, it commits to something nobody can open: the place is kept.
func entry(e store.Event, previous int64) ([]byte, error) {
	if e.Opening == nil {
		e.Opening = unknowable()
	}
	rec, err := Record(e, previous)
	if err != nil {
		return nil, err
	}
	return Leaf(e.Type, e.Opening, rec)
}

func hashBytes(h Hash) []byte { return h[:] }

// Healthy says whether the log signs; the error says why not. For /readyz.
func (l *Log) Healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.halted
}

func (l *Log) halt(err error) error {
	var fork *ForkError
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || errors.As(err, &fork) {
		l.halted = err
	}
	return err
}
