package ledger_test

import (
	"testing"
	"time"

	"sarai/rooms/payments/ledger"
)

func do(t *testing.T, s *ledger.State, step ledger.Step, want ledger.Reason) ledger.Row {
	t.Helper()
	step.Currency = "PKR"
	r := s.Apply(step, noon)
	if r.Reason != want {
		t.Fatalf("%s %s: %q, want %q", step.Kind, step.Transfer, r.Reason, want)
	}
	return r
}

func (fund) is(t *testing.T, s *ledger.State, account string, balance, held int64) {
	t.Helper()
	if a := s.Accounts[account]; a.Balance != balance || a.Held != held {
		t.Fatalf("%s has %d held %d, want %d held %d", account, a.Balance, a.Held, balance, held)
	}
}

type fund struct{}

// TestANetWindow: payments move positions, a cut turns them into dues, and what
// is reserved at the cut belongs to the window in which it is committed, booked the
// way it was reserved.
func TestANetWindow(t *testing.T) {
	s, has := town(), fund{}
	s.Begin()
	before := s.Accounts["settle-a"].Balance
	do(t, s, reserve("gross", "ayesha", "bakery", 5_00), "")
	do(t, s, ledger.Step{Kind: ledger.Set, Debit: "settle-a", Setting: ledger.Setting{Floor: -30_00}}, "")
	if r := do(t, s, ledger.Step{Kind: ledger.Cut, Net: true}, ""); len(r.Dues) != 0 || !r.Net {
		t.Fatalf("%+v", r)
	}
	// Reserved gross, committed in a net window: settlement accounts.
	do(t, s, ledger.Step{Kind: ledger.Commit, Transfer: "gross"}, "")
	has.is(t, s, "settle-a", before-5_00, 0)
	has.is(t, s, "position-a", 0, 0)
	// The cap is thirty.
	do(t, s, reserve("t1", "ayesha", "bakery", 20_00), "")
	do(t, s, reserve("t2", "ayesha", "bakery", 10_01), ledger.NoSettlementFunds)
	do(t, s, reserve("t2b", "ayesha", "bakery", 10_00), "")
	do(t, s, ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, "")
	has.is(t, s, "position-a", -20_00, 10_00)
	has.is(t, s, "position-b", 20_00, 0)
	has.is(t, s, "settle-a", before-5_00, 0)
	r := do(t, s, ledger.Step{Kind: ledger.Cut, Net: false}, "")
	if len(r.Dues) != 2 || r.Dues[0] != (ledger.Due{Participant: "a", Amount: -20_00}) || r.Dues[1] != (ledger.Due{Participant: "b", Amount: 20_00}) {
		t.Fatalf("%+v", r.Dues)
	}
	has.is(t, s, "position-a", 0, 10_00)
	has.is(t, s, "owing-a", -20_00, 0)
	has.is(t, s, "owing-b", 20_00, 0)
	// Reserved net, committed in a gross window: positions, and the next cut's due.
	do(t, s, ledger.Step{Kind: ledger.Commit, Transfer: "t2b"}, "")
	has.is(t, s, "position-a", -10_00, 0)
	if r := do(t, s, ledger.Step{Kind: ledger.Cut}, ""); len(r.Dues) != 2 || r.Dues[0].Amount != -10_00 || r.Window != 3 {
		t.Fatalf("%+v", r)
	}
	// Settling takes it from the settlement account, and nobody else's.
	do(t, s, ledger.Step{Kind: ledger.Post, Debit: "settle-a", Credit: "owing-a", Amount: 30_00}, "")
	do(t, s, ledger.Step{Kind: ledger.Post, Debit: "owing-b", Credit: "settle-b", Amount: 30_00}, "")
	has.is(t, s, "owing-a", 0, 0)
	has.is(t, s, "settle-a", before-35_00, 0)
	for _, p := range [][2]string{{"settle-b", "owing-a"}, {"owing-a", "owing-b"}, {"settle-a", "position-a"}, {"position-b", "settle-b"}, {"issuing", "owing-a"}} {
		do(t, s, ledger.Step{Kind: ledger.Post, Debit: p[0], Credit: p[1], Amount: 1}, ledger.Forbidden)
	}
	// The cap is for payments: what leaves the settlement account must be there.
	do(t, s, ledger.Step{Kind: ledger.Post, Debit: "settle-a", Credit: "issuing", Amount: before - 35_00 + 1}, ledger.NoFunds)
	// What expires is given back where it was held.
	do(t, s, ledger.Step{Kind: ledger.Cut, Net: true}, "")
	do(t, s, reserve("t3", "ayesha", "bakery", 1_00), "")
	if r := s.Apply(ledger.Step{Kind: ledger.Expire, Transfer: "t3"}, noon.Add(time.Hour)); !r.Net || r.Ended() != ledger.Expired {
		t.Fatalf("%+v", r)
	}
	has.is(t, s, "position-a", 0, 0)
}
