package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs the queue until the test ends.
func run(t *testing.T, q *job.Queue) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := q.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func put(t *testing.T, db *store.DB, jobs ...job.Job) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		for _, j := range jobs {
			if err := job.Put(tx, j); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAJobIsDoneAndItsWritesAreCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		q := job.New(db, job.Options{Poll: 20 * time.Millisecond})
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan string, 10)
		q.Handle(job.Kind{Name: "test.greet", Action: "test.greet", Do: func(ctx context.Context, j job.Job) (func(*store.Tx) error, error) {
			var name string
			if err := j.Decode(&name); err != nil {
				return nil, err
			}
			return func(tx *store.Tx) error { tx.Emit(store.Event{Type: "test.was.greeted"}); done <- name; return nil }, nil
		}})
		run(t, q)
		put(t, db, job.Job{Kind: "test.greet", Data: "Ayesha"})
		select {
		case name := <-done:
			if name != "Ayesha" {
				t.Error(name)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the job was not done")
		}
	})
}
