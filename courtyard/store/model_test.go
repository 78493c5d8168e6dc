package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// Whatever updates come together, in whatever groups, the accounts are those of
// a map, and each kept update has exactly one event.
func TestUpdatesBehaveLikeAMap(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	db.Register(bank)
	must(t, db.Migrate(t.Context()))
	no := errors.New("no")
	rapid.Check(t, func(rt *rapid.T) {
		must(t, db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec(`delete from bank_account`)
			return err
		}))
		before := count(t, db, `select count(*) from journal_event`)
		model := map[string]int64{}
		events := int64(0)
		for range rapid.IntRange(1, 3).Draw(rt, "groups") {
			type change struct {
				id    string
				value int64
				fails bool
			}
			// Each change of a group has its own account, so their order does not matter.
			var group []change
			for i := range rapid.IntRange(1, 8).Draw(rt, "updates") {
				group = append(group, change{fmt.Sprint(i), rapid.Int64Range(-2, 1000).Draw(rt, "value"), rapid.Bool().Draw(rt, "fails")})
			}
			var all sync.WaitGroup
			for _, c := range group {
				all.Go(func() {
					err := db.Update(context.Background(), func(tx *store.Tx) error {
						tx.Emit(store.Event{Type: "bank.balance.set", Subject: c.id})
						if _, err := tx.Exec(`insert into bank_account (id, name, balance) values ($1, '', $2) on conflict (id) do update set balance = excluded.balance`, c.id, c.value); err != nil {
							return err
						}
						if c.fails {
							return no
						}
						return nil
					})
					if (err == nil) != (c.value >= 0 && !c.fails) || c.value < 0 && !store.IsCheck(err) {
						rt.Errorf("%+v: %v", c, err)
					}
				})
				if c.value >= 0 && !c.fails {
					model[c.id] = c.value
					events++
				}
			}
			all.Wait()
		}
		have := map[string]int64{}
		must(t, db.View(context.Background(), func(tx *store.Tx) error {
			_, err := store.List(tx, func(scan store.Scan) (struct{}, error) {
				var id string
				var n int64
				err := scan(&id, &n)
				have[id] = n
				return struct{}{}, err
			}, `select id, balance from bank_account`)
			return err
		}))
		if !maps.Equal(have, model) {
			rt.Errorf("have %v, want %v", have, model)
		}
		if n := count(t, db, `select count(*) from journal_event`) - before; n != events {
			rt.Errorf("%d events, want %d", n, events)
		}
	})
}
