package payments_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// aWindowIsClosedWhilePaymentsAreOnTheirWay ends windows of both models while money
// is reserved for payments between two banks. What was settled before the cut is in
// the window that ended, what is settled after it in the next one, and the statements
// of both banks follow each other to the last paisa.
func aWindowIsClosedWhilePaymentsAreOnTheirWay(v *street) {
	ctx := context.Background()
	cuts := 0
	closing := func() int64 {
		v.t.Helper()
		cuts++
		n, err := v.room.CloseWindow(ctx, "post/sbp.rail", "test", fmt.Sprint("window/", cuts))
		check(v.t, err)
		return n
	}
	model := func(m string) {
		v.t.Helper()
		check(v.t, v.room.SetScheme(ctx, "post/sbp.rail", payments.Scheme{Model: m, Days: "all", Alerts: []int64{70, 90}}))
		closing() // it counts from the next window on
	}
	caps := func(limit int64) { // in a net window a bank pays out of its cap
		v.t.Helper()
		for _, id := range []string{"alpha", "beta"} {
			check(v.t, v.room.SetStanding(ctx, "post/sbp.rail", fmt.Sprint("window/", id, limit), id, payments.Standing{Cap: limit}))
		}
	}
	caps(500_00)
	for _, m := range []string{payments.ModelGross, payments.ModelNet} {
		v.agree()
		model(m)
		start := v.room.PositionForTest(v.t, "alpha").Balance
		v.want(v.pay(v.a, v.b, 50_00), bank.Settled, "")

		// Both banks think for a while: three payments one way and one back are reserved.
		v.a.Behave(bank.Mood{Delay: 600 * time.Millisecond})
		v.b.Behave(bank.Mood{Delay: 600 * time.Millisecond})
		var wg sync.WaitGroup
		var mu sync.Mutex
		var open []bank.Payment
		send := func(from, to *house, amount int64) {
			wg.Go(func() {
				p, err := from.Pay(ctx, bank.Order{From: from.customer(1), To: to.customer(2), Bank: to.bic, Name: "Customer 2", Amount: amount})
				if err != nil {
					v.t.Error(err)
				}
				mu.Lock()
				open = append(open, p)
				mu.Unlock()
			})
		}
		for range 3 {
			send(v.a, v.b, 10_00)
		}
		send(v.b, v.a, 4_00)
		for end := time.Now().Add(5 * time.Second); v.held("alpha") != 30_00 || v.held("beta") != 4_00; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				v.t.Fatal("the payments were not reserved", v.held("alpha"), v.held("beta"))
			}
		}
		w := closing()
		if v.held("alpha") != 30_00 || v.held("beta") != 4_00 {
			v.t.Fatal("the cut changed what is reserved")
		}
		wg.Wait()
		v.a.Behave(bank.Mood{})
		v.b.Behave(bank.Mood{})
		for _, p := range open {
			v.want(p, bank.Settled, "")
			if in := v.room.TransferForTest(v.t, p.UETR).Window; in != w+1 {
				v.t.Errorf("a payment that was settled after the cut of window %d is in %d", w, in)
			}
		}
		next := closing()
		check(v.t, v.room.ReportWindows(ctx, "test"))
		v.counts(w, 1, 50_00, -50_00)
		v.counts(next, 4, 34_00, -26_00)
		for _, h := range []*house{v.a, v.b} {
			sign := map[*house]int64{v.a: -1, v.b: 1}[h]
			one, two := v.statement(h, w), v.statement(h, next)
			if one.Closing != two.Opening {
				v.t.Errorf("%s, %s: a statement ends with %d, the next begins with %d", m, h.id, one.Closing, two.Opening)
			}
			if moved := two.Closing - one.Opening; m == payments.ModelGross && moved != sign*76_00 {
				v.t.Errorf("%s: %d moved", h.id, moved)
			}
		}
		if m == payments.ModelNet { // what is due has been moved by now, or moves with the job
			model(payments.ModelGross)
			check(v.t, v.room.ReportWindows(ctx, "test"))
		}
		for end := time.Now().Add(5 * time.Second); v.room.PositionForTest(v.t, "alpha").Balance != start-76_00; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				v.t.Fatalf("%s: %d, then %d", m, start, v.room.PositionForTest(v.t, "alpha").Balance)
			}
		}
	}
	caps(0)
}

// held is what is reserved of a bank's prefund or position.
func (v *street) held(id string) int64 {
	v.t.Helper()
	return v.room.HeldForTest(v.t, id)
}

// counts wants the report of a window to say so many payments between the two banks,
// their sum and alpha's net position.
func (v *street) counts(window, payments, gross, alpha int64) {
	v.t.Helper()
	s, err := v.room.Settlement(context.Background(), window)
	check(v.t, err)
	if s.Payments != payments || s.Gross != gross {
		v.t.Errorf("window %d: %d payments, %d; wanted %d, %d", window, s.Payments, s.Gross, payments, gross)
	}
	net := map[string]int64{}
	for _, l := range s.Lines {
		net[l.Participant] = l.Net()
	}
	if net["alpha"] != alpha || net["beta"] != -alpha {
		v.t.Errorf("window %d: %v, wanted %d", window, net, alpha)
	}
}

// statement is a bank's camt.053 of a window, whose entries lead from its opening to
// its closing balance.
func (v *street) statement(h *house, window int64) (whole payments.StatementPage) {
	v.t.Helper()
	check(v.t, v.room.Statement(context.Background(), payments.StatementAsk{Participant: h.id, Window: window}, func(p payments.StatementPage) error {
		if !p.Last || !p.Complete {
			v.t.Errorf("%s, window %d: %+v", h.id, window, p)
		}
		sum := p.Opening
		for _, e := range p.Entries {
			if sum += e.Amount; sum != e.Balance {
				v.t.Errorf("%s, window %d, row %d: %d, not %d", h.id, window, e.Row, e.Balance, sum)
			}
		}
		if sum != p.Closing {
			v.t.Errorf("%s, window %d: %d, not %d", h.id, window, p.Closing, sum)
		}
		d, err := v.room.Camt053(p)
		if err == nil {
			_, err = d.Marshal() // what is not valid is not written
		}
		whole = p
		return err
	}))
	return whole
}
