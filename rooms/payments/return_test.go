package payments

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// onBoth tells a story on a new database of each engine.
func onBoth(t *testing.T, tell func(t *testing.T, url string)) {
	t.Helper()
	booked.EachURL(t, tell)
}

// sale is a payment of Ayesha to the bakery of the other bank.
func (s *settler) sale(amount int64) (transfer string) {
	s.t.Helper()
	transfer = id.New()
	rows := s.do(ledger.Step{Kind: ledger.Reserve, Transfer: transfer, Party: "test", Key: transfer, Debit: "ayesha", Credit: "bakery", Amount: amount, Currency: "PKR", Expires: s.now.Now().Add(time.Minute)},
		ledger.Step{Kind: ledger.Commit, Transfer: transfer})
	if !rows[1].Moved() {
		s.t.Fatalf("%+v", rows)
	}
	return transfer
}

// TestMoneyGoesBackOnce tells of a bakery that pays back what was paid by mistake:
// in parts, never more than there was, each request once.
func TestMoneyGoesBackOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		s := newSettler(t, url)
		s.newReference = func() string { return "R" }
		ctx := context.Background()
		sale := s.sale(30_00)
		left := func(want int64) {
			t.Helper()
			got, err := s.Returnable(ctx, sale)
			must(t, err)
			if got != want {
				t.Fatalf("%d may still go back, not %d", got, want)
			}
		}
		ask := Return{Original: sale, Party: "shop/bakery", Key: "1", Amount: 10_00, Reason: "CUST", Actor: "test"}
		hooked := 0
		ask.After = func(_ *store.Tx, transfer string) error {
			hooked++
			return nil
		}
		first, err := s.Return(ctx, ask)
		must(t, err)
		if first.Phase != ledger.Committed || first.Amount != 10_00 || first.Debit != "bakery" || first.Credit != "ayesha" || first.Left != 20_00 || first.Original != sale || hooked != 1 {
			t.Fatalf("%+v %+v", first, first.Transfer)
		}
		// The bank of the bakery sent less, in the same window as everything else.
		if s.balance("settle-b") != 50_00+30_00-10_00 || s.balance("ayesha") != 80_00-20_00 {
			t.Fatal(s.balance("settle-b"), s.balance("ayesha"))
		}

		// Again, also when the ledger's own keys are long forgotten.
		for range 2 {
			again, err := s.Return(ctx, ask)
			must(t, err)
			if again.ID != first.ID || !again.wasRepeated {
				t.Fatalf("%+v", again)
			}
			s.now.Advance(72 * time.Hour)
		}
		other := ask
		other.Amount = 11_00
		if _, err := s.Return(ctx, other); !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		left(20_00)

		// More than is left, and what is no payment at all.
		for name, bad := range map[string]struct {
			ask  Return
			key  string
			kind fault.Kind
		}{
			"more than is left": {Return{Original: sale, Party: "shop/bakery", Key: "2", Amount: 20_01, Reason: "CUST"}, returnMore, fault.Conflict},
			"a return":          {Return{Original: first.ID, Party: "shop/bakery", Key: "3", Reason: "CUST"}, returnOfThat, fault.Conflict},
			"nothing known":     {Return{Original: "nobody", Party: "shop/bakery", Key: "4", Reason: "CUST"}, returnUnfound, fault.NotFound},
			"no reason":         {Return{Original: sale, Party: "shop/bakery", Key: "5"}, returnReason, fault.Invalid},
			"a reason in words": {Return{Original: sale, Party: "shop/bakery", Key: "5", Reason: "bad bread"}, returnReason, fault.Invalid},
			"below nothing":     {Return{Original: sale, Party: "shop/bakery", Key: "6", Reason: "CUST", Amount: -1}, "payments.amount.range", fault.Invalid},
			"no key":            {Return{Original: sale, Party: "shop/bakery", Reason: "CUST"}, "payments.key.missing", fault.Invalid},
		} {
			_, err := s.Return(ctx, bad.ask)
			var f *fault.Error
			if !errors.As(err, &f) || f.Key != bad.key || f.Kind != bad.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
		left(20_00)

		// What has been reserved only cannot go back.
		s.do(ledger.Step{Kind: ledger.Reserve, Transfer: "open", Party: "test", Key: "open", Debit: "asif", Credit: "bakery", Amount: 1_00, Currency: "PKR", Expires: s.now.Now().Add(time.Minute)})
		if _, err := s.Return(ctx, Return{Original: "open", Party: "x", Key: "1", Reason: "CUST"}); !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}

		// The bakery has spent its money: an outcome, which leaves the remainder alone.
		s.do(ledger.Step{Kind: ledger.Set, Party: "test", Key: "floor", Debit: "bakery", Currency: "PKR", Setting: ledger.Setting{Floor: s.balance("bakery")}})
		poor, err := s.Return(ctx, Return{Original: sale, Party: "shop/bakery", Key: "7", Amount: 5_00, Reason: "CUST"})
		must(t, err)
		if poor.Phase != ledger.Refused || poor.Reason != ledger.NoFunds || poor.Left != 20_00 {
			t.Fatalf("%+v %+v", poor, poor.Transfer)
		}
		s.do(ledger.Step{Kind: ledger.Set, Party: "test", Key: "floor2", Debit: "bakery", Currency: "PKR"})

		// All that is left, then nothing.
		rest, err := s.Return(ctx, Return{Original: sale, Party: "shop/bakery", Key: "8", Reason: "CUST"})
		must(t, err)
		if rest.Amount != 20_00 || rest.Left != 0 {
			t.Fatalf("%+v", rest)
		}
		if _, err := s.Return(ctx, Return{Original: sale, Party: "shop/bakery", Key: "9", Reason: "CUST"}); !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		var list []*Transfer
		must(t, s.db.View(ctx, func(tx *store.Tx) (err error) {
			list, err = returnsOf(tx, sale)
			return err
		}))
		if len(list) != 2 || list[0].ID != first.ID || list[1].ID != rest.ID {
			t.Fatalf("%+v", list)
		}
		holds(t, s.db, s.sequencer)
	})
}

// TestManyReturnAtOnce lets two processes return parts of one payment, each
// request twice: what goes back is the payment and not a paisa more.
func TestManyReturnAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		s := newSettler(t, url)
		s.newReference = func() string { return "R" }
		ctx := context.Background()
		sale := s.sale(50_00)
		q := NewSequencer(s.db, karachi, nil) // of another process on the same database
		second := &Room{db: s.db, sequencer: q, ledger: q, pack: s.pack, clock: s.clock, newID: s.newID, newReference: s.newReference}
		var mu sync.Mutex
		made := map[string]int64{}
		var wg sync.WaitGroup
		for i := range 24 {
			for _, r := range []*Room{s.Room, second} {
				wg.Go(func() {
					back, err := r.Return(ctx, Return{Original: sale, Party: "shop/bakery", Key: fmt.Sprint(i), Amount: 7_00, Reason: "DUPL"})
					if err != nil {
						if !fault.Is(err, fault.Conflict) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					made[back.ID] = back.Amount
					mu.Unlock()
				})
			}
		}
		wg.Wait()
		must(t, s.sequencer.Settle(ctx, "PKR"))
		if len(made) != 7 || s.balance("ayesha") != 80_00-50_00+49_00 {
			t.Fatalf("%d returns, Ayesha has %d", len(made), s.balance("ayesha"))
		}
		holds(t, s.db, s.sequencer)
	})
}
