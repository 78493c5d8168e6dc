package payments_test

import (
	"fmt"
	"time"

	"sarai/rooms/payments/ledger"
)

// The rules of the ledger are plain functions: a reservation holds, a commit
// moves, and every row balances in every book.
func Example_paymentBetweenTwoBanks() {
	s := ledger.New("PKR")
	for _, a := range []*ledger.Account{
		{ID: "a-settlement", Book: ledger.Rail, Role: ledger.Settlement, Holder: "a", Currency: "PKR", Balance: 500_00},
		{ID: "b-settlement", Book: ledger.Rail, Role: ledger.Settlement, Holder: "b", Currency: "PKR", Balance: 500_00},
		{ID: "a-own", Book: "a", Role: ledger.Own, Holder: "a", Currency: "PKR", Bottomless: true, Balance: -80_00},
		{ID: "b-own", Book: "b", Role: ledger.Own, Holder: "b", Currency: "PKR", Bottomless: true},
		{ID: "ayesha", Book: "a", Role: ledger.Customer, Holder: "ayesha", Currency: "PKR", Balance: 80_00},
		{ID: "bakery", Book: "b", Role: ledger.Customer, Holder: "bakery", Currency: "PKR"},
	} {
		s.Put(a)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	pay := ledger.Step{Kind: ledger.Reserve, Transfer: "t1", Debit: "ayesha", Credit: "bakery", Amount: 30_00, Currency: "PKR", Expires: now.Add(20 * time.Second)}
	fmt.Println("reserved:", s.Apply(pay, now).Accepted(), "held:", s.Accounts["ayesha"].Held)
	row := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, now)
	for _, e := range row.Entries(s.Places()) {
		fmt.Println(e.Book, e.Account, e.Amount)
	}
	// Output:
	// reserved: true held: 3000
	// a ayesha -3000
	// a a-own 3000
	// rail a-settlement -3000
	// rail b-settlement 3000
	// b b-own -3000
	// b bakery 3000
}
