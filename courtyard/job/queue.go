package job

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Kind is a kind of job and how it is done.
type Kind struct {
	Name   string // "payments.bulk.pay": room first
	Action string // the gate's action that the job's principal needs

	// Do does the slow part, outside any transaction, and gives the writes. They
	// are committed together with the job's end, so they happen once; Do itself
	// may run more than once, after a crash or a failure. commit may be nil.
	Do func(ctx context.Context, j Job) (commit func(tx *store.Tx) error, err error)

	Attempts int           // before it is dead; 10 if 0
	Timeout  time.Duration // of one attempt; 1 minute if 0
	Backoff  time.Duration // pause after the first failure, doubled each time up to an hour; 1 s if 0
}

// Options of a queue. The zero value is good.
type Options struct {
	Logger  *slog.Logger  // slog.Default if nil
	Clock   clock.Clock   // decides what is due; the machine's clock if nil
	Workers int           // jobs at once in this process; 8 if 0
	Poll    time.Duration // how often to look for due timers and other processes' jobs; 250 ms if 0
	Hold    time.Duration // a job whose process has died is taken over after this long; 10 s if 0
}

// Queue does the jobs of a database.
type Queue struct {
	db      *store.DB
	log     *slog.Logger
	clock   clock.Clock
	workers int
	poll    time.Duration
	hold    time.Duration
	stats   counters

	mu      sync.Mutex
	kinds   map[string]Kind
	running bool
}

// New makes a queue on db and registers its table. Handle, then Run.
func New(db *store.DB, opts Options) *Queue {
	q := &Queue{db: db, log: opts.Logger, clock: opts.Clock, workers: opts.Workers, poll: opts.Poll, hold: opts.Hold, kinds: map[string]Kind{}}
	if q.log == nil {
		q.log = slog.Default()
	}
	if q.clock == nil {
		q.clock = clock.System
	}
	if q.workers <= 0 {
		q.workers = 8
	}
	if q.poll <= 0 {
		q.poll = 250 * time.Millisecond
	}
	if q.hold <= 0 {
		q.hold = 10 * time.Second
	}
	db.Register(store.Migrations{Room: "job", FS: migrations})
	return q
}

// Handle registers a kind. It must be called before Run.
func (q *Queue) Handle(k Kind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if k.Name == "" || k.Action == "" || k.Do == nil {
		panic(fmt.Sprintf("job: kind %q needs a name, a gate action and a function", k.Name))
	}
	if _, twice := q.kinds[k.Name]; twice || q.running {
		panic("job: kind registered twice or after Run: " + k.Name)
	}
	if k.Attempts <= 0 {
		k.Attempts = 10
	}
	if k.Timeout <= 0 {
		k.Timeout = time.Minute
	}
	if k.Backoff <= 0 {
		k.Backoff = time.Second
	}
	q.kinds[k.Name] = k
}

// Kinds gives the registered kinds by name, for the gate's check that every
// action has a policy.
func (q *Queue) Kinds() []Kind {
	q.mu.Lock()
	defer q.mu.Unlock()
	var list []Kind
	for _, k := range q.kinds {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Run does jobs until ctx ends, and then waits for those it has begun. Several
// processes may run on one database.
func (q *Queue) Run(ctx context.Context) error {
	q.mu.Lock()
	if q.running {
		q.mu.Unlock()
		return errors.New("job: the queue runs already")
	}
	q.running = true
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.running = false
		q.mu.Unlock()
	}()
	if len(q.kinds) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	w := &worker{q: q, name: q.db.Node() + "/" + id.New(), free: make(chan struct{}, q.workers), held: map[string]struct{}{}}
	w.run(ctx)
	return ctx.Err()
}

var errTaken = errors.New("job: another process has taken the job over")
