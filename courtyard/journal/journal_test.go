package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start makes a migrated journal that runs until the test ends.
func start(t *testing.T, db *store.DB, subs ...journal.Subscription) *journal.Journal {
	t.Helper()
	j := journal.New(db, journal.Options{Poll: 20 * time.Millisecond})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range subs {
		j.Subscribe(s)
	}
	run(t, j)
	return j
}

func run(t *testing.T, j *journal.Journal) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := j.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func emit(t *testing.T, db *store.DB, typ string, n int) (id string) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		id = tx.Emit(store.Event{Type: typ, Subject: fmt.Sprintf("thing/%d", n), Actor: "system/test", Data: map[string]int{"n": n}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAnEventIsSequencedReadFollowedAndDelivered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var handled atomic.Int64
		j := start(t, db, journal.Subscription{Name: "test.sub", Types: []string{"office.*"}, Handle: func(tx *store.Tx, e store.Event) error {
			handled.Add(1)
			return nil
		}})
		emit(t, db, "office.file.moved", 1)
		emit(t, db, "officer.x.y", 2)
		last := emit(t, db, "office.file.moved", 3)
		e, err := j.Wait(t.Context(), last)
		if err != nil || e.Position != 3 || len(e.Opening) != 32 {
			t.Fatal(e, err)
		}
		list, err := j.Read(t.Context(), 0, 10, "office.*")
		if err != nil || len(list) != 2 || list[1].Position != 3 {
			t.Fatal(list, err)
		}
		stop := errors.New("enough")
		seen := 0
		if err := j.Follow(t.Context(), 0, nil, func(list []store.Event) error {
			for _, e := range list {
				if seen++; e.Position != int64(seen) {
					t.Errorf("position %d came as number %d", e.Position, seen)
				}
			}
			if seen == 3 {
				return stop
			}
			return nil
		}); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); handled.Load() < 2; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("not delivered", handled.Load())
			}
		}
	})
}
