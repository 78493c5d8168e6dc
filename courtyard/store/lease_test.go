package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestALeaseHasOneHolder(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, b := storetest.Open(t, store.Config{URL: url}), storetest.Open(t, store.Config{URL: url})
		first, held, err := a.TryLease(t.Context(), "work")
		if err != nil || !held {
			t.Fatal(held, err)
		}
		if _, held, err := b.TryLease(t.Context(), "work"); err != nil || held {
			t.Fatal(held, err)
		}
		must(t, a.Update(t.Context(), first.Check))
		must(t, first.Release(t.Context()))
		second, held, err := b.TryLease(t.Context(), "work")
		if err != nil || !held || second.Epoch() <= first.Epoch() {
			t.Fatal(held, err)
		}
		if err := a.Update(t.Context(), first.Check); !fault.Is(err, fault.Conflict) {
			t.Errorf("a lease that is over still passed its check: %v", err)
		}
		must(t, b.Update(t.Context(), second.Check))
	})
}

func TestALostLeaseEndsTheWork(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a renewal")
	}
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	stolen := errors.New("stolen")
	var turns atomic.Int64
	began := make(chan struct{})
	go func() {
		<-began
		_ = db.Update(context.Background(), func(tx *store.Tx) error { // somebody else got it
			_, err := tx.Exec(`update store_lease set holder = 'other', node = 'other', expires = 0 where name = 'work'`)
			return err
		})
	}()
	err := db.Hold(t.Context(), "work", func(ctx context.Context, _ *store.Lease) error {
		if turns.Add(1) == 2 {
			return stolen // held again, after the other one let it expire
		}
		close(began)
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Error("the loss was not noticed")
		}
		return ctx.Err()
	})
	if !errors.Is(err, stolen) || turns.Load() != 2 {
		t.Error(err, turns.Load())
	}
}

func TestAfterACrashALeaseIsFreeAtOnce(t *testing.T) {
	url := storetest.SQLite(t)
	dead := storetest.Open(t, store.Config{URL: url})
	must(t, dead.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into store_lease (name, node, holder, epoch, expires) values ('work', 'dead', 'dead', 4, $1)`, time.Now().Add(time.Hour))
		return err
	}))
	must(t, dead.Close())
	db := storetest.Open(t, store.Config{URL: url})
	l, held, err := db.TryLease(t.Context(), "work")
	if err != nil || !held || l.Epoch() != 5 {
		t.Error(held, err)
	}
}
