package store_test

import (
	"testing"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func TestSmoke(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Update(ctx, func(tx *store.Tx) error {
			tx.Emit(store.Event{Type: "a.b.c", Subject: "x", Actor: "y", Data: map[string]any{"k": "v"}})
			o, again, err := store.Once(tx, "s", "k", []byte("p"), func() ([]byte, error) { return []byte("out"), nil })
			if string(o) != "out" || again {
				t.Error(string(o), again)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.View(ctx, func(tx *store.Tx) error {
			n, err := store.Get(tx, store.Value[int64], `select (select count(*) from journal_event) + (select count(*) from journal_outbox)`)
			if n != 1 {
				t.Error(n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		l, held, err := db.TryLease(ctx, "x")
		if err != nil || !held {
			t.Fatal(l, held, err)
		}
		if _, held, err := db.TryLease(ctx, "x"); err != nil || held {
			t.Fatal(held, err)
		}
	})
}
