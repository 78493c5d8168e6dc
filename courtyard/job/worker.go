package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/store"
)

// worker is one Run of a queue.
type worker struct {
	q    *Queue
	name string
	free chan struct{} // one entry a job in progress

	mu   sync.Mutex
	held map[string]struct{} // ids of jobs in progress
}

func (w *worker) run(ctx context.Context) {
	wake := w.q.db.Listen(topic)
	defer wake.Stop()
	tick := time.NewTicker(w.q.poll)
	defer tick.Stop()
	var all sync.WaitGroup          // jobs in progress
	ready := make(chan struct{}, 1) // a job has ended
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { w.keep(keeping) })
	defer func() {
		all.Wait()
		stop()
		keeper.Wait()
	}()
	w.takeOver(ctx)
	reported := time.Time{}
	for ctx.Err() == nil {
		if time.Since(reported) > time.Minute {
			w.report(ctx)
			reported = time.Now()
		}
		room := cap(w.free) - len(w.free)
		if room > 0 {
			jobs, err := w.claim(ctx, room)
			if err != nil && ctx.Err() == nil {
				w.q.log.WarnContext(ctx, "jobs not claimed", "error", err)
			}
			for _, j := range jobs {
				w.free <- struct{}{}
				all.Go(func() {
					defer func() {
						<-w.free
						select {
						case ready <- struct{}{}:
						default:
						}
					}()
					w.do(ctx, j)
				})
			}
			if len(jobs) == room {
				continue
			}
		}
		select {
		case <-wake.C:
		case <-ready:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// takeOver frees the jobs of the processes that had this database before, if it
// is certain that they are dead; else their claims run out.
func (w *worker) takeOver(ctx context.Context) {
	if !w.q.db.First() {
		return
	}
	err := w.q.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`update job_task set until = 0 where state = 'running' and worker not like $1`, w.q.db.Node()+"/%")
		return err
	})
	if err != nil && ctx.Err() == nil {
		w.q.log.WarnContext(ctx, "jobs of the dead not taken over", "error", err)
	}
}

// claim takes due jobs, and jobs whose process has died.
func (w *worker) claim(ctx context.Context, limit int) ([]Job, error) {
	kinds := w.q.Kinds()
	args := []any{w.name, 0, 0, 0, limit}
	marks := make([]string, len(kinds))
	for i, k := range kinds {
		args = append(args, k.Name)
		marks[i] = fmt.Sprintf("$%d", len(args))
	}
	in := strings.Join(marks, ", ")
	var due bool
	look := func(tx *store.Tx) (err error) {
		due, err = store.Get(tx, store.Value[bool], `select exists (select 1 from job_task where state = 'waiting' and at <= $1) or exists (select 1 from job_task where state = 'running' and until < $2)`,
			store.Micros(w.q.clock.Now()), store.Micros(time.Now()))
		return err
	}
	if err := w.q.db.View(ctx, look); err != nil || !due {
		return nil, err
	}
	var jobs []Job
	err := w.q.db.Update(ctx, func(tx *store.Tx) (err error) {
		now := time.Now()
		a := append([]any(nil), args...)
		a[1], a[2], a[3] = store.Micros(now.Add(w.q.hold)), store.Micros(w.q.clock.Now()), store.Micros(now)
		jobs, err = store.List(tx, scan, `update job_task set state = 'running', worker = $1, until = $2, attempts = attempts + 1 where id in (
			select id from job_task where (state = 'waiting' and at <= $3 or state = 'running' and until < $4) and kind in (`+in+`) order by at, id limit $5 for update skip locked)
			returning id, kind, key, at, data, attempts, created`, a...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("job: claim: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range jobs {
		w.held[j.ID] = struct{}{}
	}
	return jobs, nil
}

func scan(row store.Scan) (Job, error) {
	var j Job
	var at, created int64
	var data string
	err := row(&j.ID, &j.Kind, &j.Key, &at, &data, &j.Attempt, &created)
	j.At, j.Created, j.Payload = store.Time(at), store.Time(created), json.RawMessage(data)
	return j, err
}

// do does one job and ends it.
func (w *worker) do(ctx context.Context, j Job) {
	defer func() {
		w.mu.Lock()
		delete(w.held, j.ID)
		w.mu.Unlock()
	}()
	k := w.q.kinds[j.Kind]
	if j.Attempt > k.Attempts {
		w.fail(ctx, k, j, errors.New("its process died each time"))
		return
	}
	began := time.Now()
	commit, err := w.attempt(ctx, k, j)
	if err == nil {
		err = w.q.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
			n, err := tx.Exec(`delete from job_task where id = $1 and worker = $2 and attempts = $3`, j.ID, w.name, j.Attempt)
			if err != nil {
				return err
			}
			if n == 0 {
				return errTaken
			}
			if commit == nil {
				return nil
			}
			return guarded(func() error { return commit(tx) })
		})
	}
	if err == nil {
		w.q.stats.done.Add(1)
		w.q.stats.nanos.Add(int64(time.Since(began)))
		return
	}
	if errors.Is(err, errTaken) {
		w.q.log.WarnContext(ctx, "job was taken over", "kind", j.Kind, "job", j.ID)
		return
	}
	w.fail(ctx, k, j, err)
}

func (w *worker) attempt(ctx context.Context, k Kind, j Job) (commit func(tx *store.Tx) error, err error) {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	err = guarded(func() (err error) {
		commit, err = k.Do(ctx, j)
		return err
	})
	return commit, err
}

// guarded turns a panic into an error: one room's mistake must not stop the
// house.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// Stop marks an error that trying again cannot mend: the job is dead at once.
func Stop(err error) error { return stopped{err} }

type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// fail puts a job back, later each time, or declares it dead.
func (w *worker) fail(ctx context.Context, k Kind, j Job, cause error) {
	w.q.stats.failed.Add(1)
	var stop stopped
	dead := j.Attempt >= k.Attempts || errors.As(cause, &stop)
	shutdown := ctx.Err() != nil && errors.Is(cause, context.Canceled)
	pause := min(time.Hour, k.Backoff<<min(j.Attempt-1, 20))
	if shutdown {
		dead, pause = false, 0
	}
	err := w.q.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if dead {
			_, err := tx.Exec(`update job_task set state = 'dead', trouble = $4, worker = null, until = null where id = $1 and worker = $2 and attempts = $3`,
				j.ID, w.name, j.Attempt, cause.Error())
			return err
		}
		// A newer job of the same key has come: it takes this one's place.
		n, err := tx.Exec(`delete from job_task where id = $1 and worker = $2 and attempts = $3 and exists (
			select 1 from job_task o where o.kind = $4 and o.key = $5 and o.state = 'waiting')`, j.ID, w.name, j.Attempt, j.Kind, j.Key)
		if err != nil || n > 0 {
			return err
		}
		_, err = tx.Exec(`update job_task set state = 'waiting', at = $4, trouble = $5, worker = null, until = null where id = $1 and worker = $2 and attempts = $3`,
			j.ID, w.name, j.Attempt, store.Micros(w.q.clock.Now().Add(pause)), cause.Error())
		return err
	})
	if shutdown {
		return
	}
	if dead {
		w.q.stats.dead.Add(1)
		w.q.log.ErrorContext(ctx, "job is dead", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "error", cause)
	} else {
		w.q.log.WarnContext(ctx, "job failed", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "again in", pause, "error", cause)
	}
	if err != nil {
		w.q.log.ErrorContext(ctx, "job not put back; it will be taken over", "kind", j.Kind, "job", j.ID, "error", err)
	}
}

// keep tells the others that this process is alive and still at its jobs.
func (w *worker) keep(ctx context.Context) {
	tick := time.NewTicker(w.q.hold / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		n := len(w.held)
		w.mu.Unlock()
		if n == 0 {
			continue
		}
		if err := w.q.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`update job_task set until = $1 where worker = $2 and state = 'running'`, store.Micros(time.Now().Add(w.q.hold)), w.name)
			return err
		}); err != nil && ctx.Err() == nil {
			w.q.log.WarnContext(ctx, "jobs not kept", "jobs", n, "error", err)
		}
	}
}

// report names the kinds that wait and have no handler here.
func (w *worker) report(ctx context.Context) {
	strange, err := w.q.Unknown(ctx)
	if err != nil {
		return // the next claim will say so
	}
	for kind, n := range strange {
		w.q.log.ErrorContext(ctx, "jobs of a kind that nobody handles", "kind", kind, "jobs", n)
	}
}
