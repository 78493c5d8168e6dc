package payments

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

// Whoever reads an account's transfers from stretch to stretch reads what one look at
// all of them gives: its history page by page, what moved on one side between two rows,
// and what ended between two rows.
func TestStretchesHideNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db.Register(store.Migrations{Room: "payments", FS: migrations})
		must(t, db.Migrate(t.Context()))
		r := rand.New(rand.NewPCG(7, 7))
		// Nothing for long, then much, then little again, over some 300 stretches.
		var all []*Transfer
		for n := range 400 {
			seq := int64(12_000_000 + r.IntN(150_000))
			switch {
			case n < 20:
				seq = int64(1 + r.IntN(2_000_000))
			case n < 60:
				seq = int64(19_000_000 + r.IntN(1_000_000))
			}
			x := &Transfer{Transfer: ledger.Transfer{ID: fmt.Sprintf("t-%03d", n), Debit: "me", Credit: "you", Amount: int64(n), Currency: "PKR", Phase: ledger.Committed},
				Seq: seq, Done: seq + 1 + int64(r.IntN(3)*r.IntN(400_000)), Kind: kindTransfer}
			if n%3 == 0 {
				x.Debit, x.Credit = "you", "me"
			}
			if n%7 == 0 {
				x.Debit, x.Credit = "they", "you"
			}
			all = append(all, x)
		}
		slices.SortFunc(all, func(a, b *Transfer) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID)) })
		all = slices.CompactFunc(all, func(a, b *Transfer) bool { return a.Seq == b.Seq })
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			b := &ledger.Batch{Currency: "PKR", Number: 1, First: 20_500_000, Rows: []ledger.Row{{Seq: 20_500_000}}, At: tx.Now()}
			b.Seal()
			if err := insertBatch(tx, b, "", nil); err != nil {
				return err
			}
			if _, err := tx.Exec("insert into payments_index (currency, number) values ('PKR', 1)"); err != nil {
				return err
			}
			_, err := tx.Many("insert into payments_transfer ("+transferColumns+") {lines}", transferLines(all)...)
			return err
		}))
		mine := slices.DeleteFunc(slices.Clone(all), func(x *Transfer) bool { return x.Debit != "me" && x.Credit != "me" })
		must(t, db.View(t.Context(), func(tx *store.Tx) error {
			var pages []string
			for before := int64(math.MaxInt64); ; {
				page, err := history(tx, "me", before, 25)
				must(t, err)
				for _, l := range page {
					pages, before = append(pages, l.Transfer), l.Seq
				}
				if len(page) < 25 {
					break
				}
			}
			var want []string
			for _, x := range slices.Backward(mine) {
				want = append(want, x.ID)
			}
			if !slices.Equal(pages, want) {
				t.Errorf("the history has %d lines of %d, or in another order", len(pages), len(want))
			}
			for range 60 {
				first := r.Int64N(21_000_000)
				last, limit, newest := first+r.Int64N(21_000_000), 1+r.IntN(90), r.IntN(2) == 0
				got, err := movements(tx, "me", FlowOut, first, last, newest, limit)
				must(t, err)
				want := slices.DeleteFunc(slices.Clone(mine), func(x *Transfer) bool { return x.Debit != "me" || x.Seq < first || x.Seq > last })
				if newest {
					slices.Reverse(want)
				}
				want = want[:min(limit, len(want))]
				if !slices.EqualFunc(got, want, func(m movement, x *Transfer) bool { return m.Transfer == x.ID }) {
					t.Errorf("from %d to %d, newest %v: %d movements, not %d", first, last, newest, len(got), len(want))
				}
				ends, err := endedOf(tx, "me", "", first, last)
				must(t, err)
				want = slices.DeleteFunc(slices.Clone(mine), func(x *Transfer) bool { return x.Done < first || x.Done > last })
				slices.SortStableFunc(want, func(a, b *Transfer) int { return cmp.Compare(a.Done, b.Done) })
				ends, want = ends[:min(len(ends), mostAsked+1)], want[:min(len(want), mostAsked+1)]
				if !slices.EqualFunc(ends, want, func(e ended, x *Transfer) bool { return e.ID == x.ID }) {
					t.Errorf("from %d to %d: %d ended, not %d", first, last, len(ends), len(want))
				}
			}
			return nil
		}))
	})
}
