package payments_test

import (
	"net/http"
	"strings"
	"testing"

	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/ledger"
)

// aCitizenPaysSomebodyAtAConnectedBank goes from a citizen's wallet to an account of
// which the house knows nothing but its number.
func aCitizenPaysSomebodyAtAConnectedBank(v *street) {
	t, ok := v.t.(*testing.T)
	if !ok {
		return
	}
	p := &place{Court: v.Court, room: v.room, t: t, before: map[string]int{}}
	citizen := v.AsCitizen("s-ayesha")
	const own = "person-ayesha"
	before := v.room.BalanceForTest(v.t, own)
	to, _ := v.b.Account(v.b.customer(7))
	page, transfer := p.pay(citizen, own, v.b.customer(7), "42.00")
	if transfer == "" {
		v.t.Fatalf("no payment: %.1500s", said(page))
	}
	x := v.room.TransferForTest(v.t, transfer)
	if x.Phase != ledger.Committed || x.CreditBook != "beta" {
		v.t.Fatalf("%+v %.500s", x, said(page))
	}
	v.want(v.ended(v.b, transfer), bank.Settled, "")
	if after, _ := v.b.Account(v.b.customer(7)); after.Balance-to.Balance != 42_00 {
		v.t.Fatal(to, after)
	}
	if after := v.room.BalanceForTest(v.t, own); before-after != 42_00 {
		v.t.Fatal(before, after)
	}
	// The payee's bank returns some of it.
	v.want(v.giveBack(v.b, transfer, "out-1", 2_00), bank.Settled, "")
	if after := v.room.BalanceForTest(v.t, own); before-after != 40_00 {
		v.t.Fatal(before, after)
	}
	// An account that is not there: nothing is paid, and the citizen is told.
	_, transfer = p.pay(citizen, own, v.b.customer(999), "43.00")
	if x := v.room.TransferForTest(v.t, transfer); x.Phase != ledger.Aborted || x.Reason != "AC03" {
		v.t.Fatalf("%+v", x)
	}
	if body, status, _ := p.post(citizen, "/wallet/pay", "from", own, "to", strings.Replace(v.b.customer(7), "PK", "PK9", 1)); status == http.StatusSeeOther {
		v.t.Fatal(said(body))
	}
	if after := v.room.BalanceForTest(v.t, own); before-after != 40_00 {
		v.t.Fatal(before, after)
	}
}
