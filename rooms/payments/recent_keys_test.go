package payments

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

// The filters of keys are what the keys themselves say, whether they come from memory,
// from the store or from the table: no key that was used is ever said to be new.
func TestTheFiltersOfKeysForgetNone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db.Register(store.Migrations{Room: "payments", FS: migrations})
		must(t, db.Migrate(t.Context()))
		const today = 20_000
		key := func(n int) keyHash { return hashKey("somebody", fmt.Sprint(n)) }
		// Keys in the first, the second and the fourth million rows, which is the last.
		rows := []int64{5, 70_000, 1<<20 - 1, 1 << 20, 1<<20 + 900, 3<<20 + 1, 3<<20 + 200_000}
		last := rows[len(rows)-1]
		used := &recentKeys{}
		for n, seq := range rows {
			used.add(seq, today, key(n))
		}
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			x := &indexing{tx: tx, currency: "PKR"}
			for n, seq := range rows {
				x.keys = append(x.keys, keyLine{key(n), seq})
			}
			return x.writeKeys()
		}))
		all := func(name string, r *recentKeys, since int64) {
			t.Helper()
			for n, seq := range rows {
				if got := r.maybe(since, key(n)); !slices.Contains(got, slabOf(seq)) {
					t.Errorf("%s: the key of row %d may be in %v", name, seq, got)
				}
			}
			other := 0
			for n := range 2000 {
				other += len(r.maybe(since, key(1000+n)))
			}
			if other > 20 {
				t.Errorf("%s: %d of 2000 new keys seem to be old", name, other)
			}
		}
		all("as they came", used, today-1)
		if got := used.maybe(today+1, key(0)); len(got) > 0 {
			t.Errorf("a key of the day before yesterday counts: %v", got)
		}
		reload := func(day int64) *recentKeys {
			t.Helper()
			r := &recentKeys{}
			must(t, db.View(t.Context(), func(tx *store.Tx) error { return r.load(tx, "PKR", day) }))
			return r
		}
		all("from the table", reload(today), today-1)
		stored := func() (n int) {
			must(t, db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow("select count(*) from payments_key_filter where bits is not null").Scan(&n)
			}))
			return n
		}
		must(t, db.Update(t.Context(), func(tx *store.Tx) error { return used.store(tx, "PKR", last, today) }))
		if n := stored(); n != 2 {
			t.Fatalf("%d filters are stored, not those of the first and the second million rows", n)
		}
		// As long as that transaction may be undone, it is done again.
		must(t, db.Update(t.Context(), func(tx *store.Tx) error { return used.store(tx, "PKR", last, today) }))
		used.kept()
		if used.stored != 2 {
			t.Fatalf("stored up to %d", used.stored)
		}
		r := reload(today)
		all("partly from the store", r, today-1)
		if r.stored != 2 || len(r.slabs) != 3 {
			t.Errorf("read %d slabs, stored up to %d", len(r.slabs), r.stored)
		}
		// Days later only the last part is read, and what is old is dropped.
		if r = reload(today + 2); len(r.slabs) != 1 || r.slabs[0].number != 3 {
			t.Errorf("two days later %d slabs were read", len(r.slabs))
		}
		r.add(4<<20, today+3, key(99))
		must(t, db.Update(t.Context(), func(tx *store.Tx) error { return r.store(tx, "PKR", 4<<20, today+3) }))
		if n := stored(); n != 1 {
			t.Errorf("%d filters are kept of the last days", n)
		}
	})
}

// A key is its party's in each currency, and is known after a new start.
func TestAKeyIsOfOneCurrency(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		db, q := town(t, url, clock.System)
		ctx := context.Background()
		must(t, rich(db))
		step := ledger.Step{Kind: ledger.Reserve, Transfer: "t-1", Party: "p", Key: "once", Debit: "ayesha", Credit: "bakery", Amount: 100, Currency: "PKR", Expires: time.Now().Add(time.Hour), Fresh: true}
		rows, err := q.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{step}})
		must(t, err)
		must(t, db.Update(ctx, func(tx *store.Tx) error { // the same key elsewhere, in the same rows
			_, err := tx.Exec("insert into payments_key (currency, stretch, hash, seq) select 'AED', stretch, hash, seq + 1 from payments_key where currency = 'PKR' and seq = $1", rows[0].Seq)
			return err
		}))
		again := NewSequencer(db, karachi, nil)
		step.Transfer = "t-2"
		replay, err := again.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{step}})
		must(t, err)
		if !replay[0].Replayed || replay[0].Transfer != "t-1" || replay[0].Seq != rows[0].Seq {
			t.Errorf("the key gave %+v", replay[0])
		}
	})
}
