package job_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

var shop = store.Migrations{Room: "shop", FS: fstest.MapFS{"00001_sale.sql": {Data: []byte(`-- +goose Up
create table shop_sale (
    id  {id} primary key,
    who text not null
) {strict};
`)}}}

// queue makes a queue with tables on db.
func queue(t *testing.T, db *store.DB, opts job.Options) *job.Queue {
	t.Helper()
	opts.Poll = 15 * time.Millisecond
	q := job.New(db, opts)
	db.Register(shop)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(8 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func count(t *testing.T, db *store.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		n, err = store.Get(tx, store.Value[int64], query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// sell writes one row a job; a job that is done twice breaks the key.
func sell(who string, done *atomic.Int64) job.Kind {
	return job.Kind{Name: "shop.sell", Action: "shop.sale.make", Do: func(_ context.Context, j job.Job) (func(*store.Tx) error, error) {
		return func(tx *store.Tx) error {
			_, err := tx.Exec(`insert into shop_sale (id, who) values ($1, $2)`, j.Key, who)
			if err == nil {
				done.Add(1)
			}
			return err
		}, nil
	}}
}

func TestTwoProcessesDoEachJobOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		const jobs = 300
		var done atomic.Int64
		var db *store.DB
		for p := range 2 {
			db = storetest.Open(t, store.Config{URL: url})
			q := queue(t, db, job.Options{})
			q.Handle(sell(fmt.Sprint("process ", p), &done))
			run(t, q)
		}
		var list []job.Job
		for i := range jobs {
			list = append(list, job.Job{Kind: "shop.sell", Key: fmt.Sprint("sale ", i), Data: i})
		}
		put(t, db, list...)
		eventually(t, "all are done", func() bool { return count(t, db, `select count(*) from job_task`) == 0 })
		if n := count(t, db, `select count(*) from shop_sale`); n != jobs {
			t.Errorf("%d sales", n)
		}
	})
}

func TestAJobOfADeadProcessIsTakenOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var done atomic.Int64
		q := queue(t, db, job.Options{Hold: 200 * time.Millisecond})
		q.Handle(sell("heir", &done))
		put(t, db, job.Job{Kind: "shop.sell", Key: "left behind"})
		if err := db.Update(t.Context(), func(tx *store.Tx) error { // as a killed process leaves it
			_, err := tx.Exec(`update job_task set state = 'running', worker = 'dead', until = $1, attempts = 1`, time.Now().Add(100*time.Millisecond))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		run(t, q)
		eventually(t, "the job is done", func() bool { return done.Load() == 1 })
	})
}

// On SQLite the first to open the file knows that whoever had it before is
// dead: what that one was doing begins again at once, whatever its claim says.
func TestTheFirstToOpenTakesOverAtOnce(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	var done atomic.Int64
	q := queue(t, db, job.Options{Hold: time.Hour})
	q.Handle(sell("heir", &done))
	put(t, db, job.Job{Kind: "shop.sell", Key: "left behind"})
	put(t, db, job.Job{Kind: "shop.sell", Key: "in work here"})
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		for key, worker := range map[string]string{"left behind": "dead/1", "in work here": db.Node() + "/2"} {
			if _, err := tx.Exec(`update job_task set state = 'running', worker = $1, until = $2, attempts = 1 where key = $3`, worker, time.Now().Add(time.Hour), key); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	run(t, q)
	eventually(t, "one job is done and gone", func() bool { return count(t, db, `select count(*) from job_task`) == 1 }) // gone with its commit, which comes after its last line
	if n := count(t, db, `select count(*) from job_task where state = 'running' and key = 'in work here'`); n != 1 || done.Load() != 1 {
		t.Errorf("%d jobs run on and %d were done: the other one was in work in this process", n, done.Load())
	}
}

func TestALongJobIsKeptByTheOneWhoDoesIt(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	var began atomic.Int64
	for range 2 {
		q := queue(t, db, job.Options{Hold: 750 * time.Millisecond})
		q.Handle(job.Kind{Name: "shop.count", Action: "shop.stock.count", Do: func(ctx context.Context, _ job.Job) (func(*store.Tx) error, error) {
			began.Add(1)
			time.Sleep(1200 * time.Millisecond)
			return nil, nil
		}})
		run(t, q)
	}
	put(t, db, job.Job{Kind: "shop.count"})
	eventually(t, "it is done", func() bool { return count(t, db, `select count(*) from job_task`) == 0 && began.Load() > 0 })
	if began.Load() != 1 {
		t.Errorf("begun %d times", began.Load())
	}
}

func TestAFailureIsTriedAgainAndThenDead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		q := queue(t, db, job.Options{})
		var tries, commits, panics, hopeless atomic.Int64
		again := func(name string, attempts int, do func(job.Job) (func(*store.Tx) error, error)) {
			q.Handle(job.Kind{Name: name, Action: "shop.x.y", Attempts: attempts, Backoff: time.Millisecond, Do: func(_ context.Context, j job.Job) (func(*store.Tx) error, error) { return do(j) }})
		}
		again("shop.flaky", 5, func(j job.Job) (func(*store.Tx) error, error) {
			if tries.Add(1) < 3 {
				return nil, errors.New("not yet")
			}
			return nil, nil
		})
		again("shop.commit", 2, func(j job.Job) (func(*store.Tx) error, error) {
			return func(tx *store.Tx) error {
				commits.Add(1)
				if _, err := tx.Exec(`insert into shop_sale (id, who) values ('ghost', 'x')`); err != nil {
					return err
				}
				return errors.New("the writes must go away")
			}, nil
		})
		again("shop.panic", 2, func(j job.Job) (func(*store.Tx) error, error) { panics.Add(1); panic("oh") })
		again("shop.stop", 9, func(j job.Job) (func(*store.Tx) error, error) {
			hopeless.Add(1)
			return nil, job.Stop(errors.New("never"))
		})
		run(t, q)
		put(t, db, job.Job{Kind: "shop.flaky"}, job.Job{Kind: "shop.commit"}, job.Job{Kind: "shop.panic"}, job.Job{Kind: "shop.stop"})
		eventually(t, "three are dead", func() bool { return count(t, db, `select count(*) from job_task where state = 'dead'`) == 3 })
		eventually(t, "one is done", func() bool { return count(t, db, `select count(*) from job_task`) == 3 })
		if tries.Load() != 3 || commits.Load() != 2 || panics.Load() != 2 || hopeless.Load() != 1 {
			t.Error(tries.Load(), commits.Load(), panics.Load(), hopeless.Load())
		}
		if n := count(t, db, `select count(*) from shop_sale`); n != 0 {
			t.Error("a failed commit left its writes")
		}
		// somebody has mended it
		if n, err := q.Revive(t.Context(), "shop.stop"); err != nil || n != 1 {
			t.Error(n, err)
		}
		eventually(t, "it is tried once more", func() bool { return hopeless.Load() == 2 })
	})
}

func TestATimerFiresWhenItsTimeHasCome(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		c := clock.At(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
		db := storetest.Open(t, store.Config{URL: url, Clock: c})
		q := queue(t, db, job.Options{Clock: c})
		var mu sync.Mutex
		var fired []string
		q.Handle(job.Kind{Name: "shop.remind", Action: "shop.reminder.send", Do: func(_ context.Context, j job.Job) (func(*store.Tx) error, error) {
			mu.Lock()
			defer mu.Unlock()
			var what string
			err := j.Decode(&what)
			fired = append(fired, what)
			return nil, err
		}})
		run(t, q)
		put(t, db,
			job.Job{Kind: "shop.remind", Key: "a", At: c.Now().Add(24 * time.Hour), Data: "old time"},
			job.Job{Kind: "shop.remind", Key: "b", At: c.Now().Add(24 * time.Hour), Data: "called off"},
			job.Job{Kind: "shop.remind", Key: "a", At: c.Now().Add(72 * time.Hour), Data: "new time"})
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return job.Cancel(tx, "shop.remind", "b") }); err != nil {
			t.Fatal(err)
		}
		c.Advance(48 * time.Hour)
		time.Sleep(60 * time.Millisecond)
		mu.Lock()
		if len(fired) > 0 {
			t.Error("too early:", fired)
		}
		mu.Unlock()
		c.Advance(24 * time.Hour)
		eventually(t, "it fires", func() bool { mu.Lock(); defer mu.Unlock(); return fmt.Sprint(fired) == "[new time]" })
	})
}

func TestAKindThatNobodyHandlesIsReportedAndKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var done atomic.Int64
		q := queue(t, db, job.Options{})
		q.Handle(sell("x", &done))
		run(t, q)
		put(t, db, job.Job{Kind: "shop.forgotten"}, job.Job{Kind: "shop.sell", Key: "known"})
		eventually(t, "the known one is done", func() bool { return done.Load() == 1 })
		strange, err := q.Unknown(t.Context())
		if err != nil || len(strange) != 1 || strange["shop.forgotten"] != 1 {
			t.Error(strange, err)
		}
		if kinds := q.Kinds(); len(kinds) != 1 || kinds[0].Action != "shop.sale.make" {
			t.Error(kinds)
		}
	})
}

func TestAKindWithoutAnActionIsRefused(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	job.New(db, job.Options{}).Handle(job.Kind{Name: "shop.x", Do: func(context.Context, job.Job) (func(*store.Tx) error, error) { return nil, nil }})
}

func TestAJobThatIsPutAgainWhileItRunsRunsAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		q := queue(t, db, job.Options{})
		var runs atomic.Int64
		hold, began := make(chan struct{}), make(chan struct{}, 2)
		q.Handle(job.Kind{Name: "shop.index", Action: "shop.index.make", Backoff: time.Millisecond, Do: func(context.Context, job.Job) (func(*store.Tx) error, error) {
			if began <- struct{}{}; runs.Add(1) == 1 {
				<-hold
				return nil, errors.New("and it fails, when a newer one waits already")
			}
			return nil, nil
		}})
		run(t, q)
		put(t, db, job.Job{Kind: "shop.index", Key: "one", Data: 1})
		<-began
		put(t, db, job.Job{Kind: "shop.index", Key: "one", Data: 2, At: time.Now().Add(150 * time.Millisecond)})
		close(hold)
		eventually(t, "both are over", func() bool { return runs.Load() == 2 && count(t, db, `select count(*) from job_task`) == 0 })
	})
}
