package ledger_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/rooms/payments/ledger"
)

var noon = time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)

// town is two banks with prefund, three customers and an issuing account.
func town() *ledger.State {
	s := ledger.New("PKR")
	s.Put(&ledger.Account{ID: "issuing", Book: ledger.Rail, Role: ledger.Issuing, Currency: "PKR", Bottomless: true, Balance: -150_00})
	for bank, fund := range map[string]int64{"a": 100_00, "b": 50_00} {
		s.Put(&ledger.Account{ID: "settle-" + bank, Book: ledger.Rail, Role: ledger.Settlement, Holder: bank, Currency: "PKR", Balance: fund})
		s.Put(&ledger.Account{ID: "own-" + bank, Book: bank, Role: ledger.Own, Holder: bank, Currency: "PKR", Bottomless: true})
		s.Put(&ledger.Account{ID: "position-" + bank, Book: ledger.Rail, Role: ledger.Position, Holder: bank, Currency: "PKR", Bottomless: true})
		s.Put(&ledger.Account{ID: "owing-" + bank, Book: ledger.Rail, Role: ledger.Obligation, Holder: bank, Currency: "PKR", Bottomless: true})
	}
	for name, at := range map[string]string{"ayesha": "a", "asif": "a", "bakery": "b"} {
		s.Put(&ledger.Account{ID: name, Book: at, Role: ledger.Customer, Holder: name, Currency: "PKR", Balance: 80_00})
		s.Accounts["own-"+at].Balance -= 80_00
	}
	return s
}

func reserve(id, from, to string, amount int64) ledger.Step {
	return ledger.Step{Kind: ledger.Reserve, Transfer: id, Party: from, Key: id, Debit: from, Credit: to, Amount: amount, Currency: "PKR", Expires: noon.Add(20 * time.Second)}
}

func TestAPaymentBetweenTwoBanksIsThreeBalancedPairs(t *testing.T) {
	s := town()
	if r := s.Apply(reserve("t1", "ayesha", "bakery", 30_00), noon); !r.Accepted() || len(r.Entries(s.Places())) != 0 {
		t.Fatalf("%+v", r)
	}
	if s.Accounts["ayesha"].Held != 30_00 || s.Accounts["settle-a"].Held != 30_00 || s.Accounts["bakery"].Balance != 80_00 {
		t.Fatal("a reservation holds on both sides of the bank and moves nothing")
	}
	r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, noon.Add(time.Second))
	if !r.Accepted() || len(r.Entries(s.Places())) != 6 {
		t.Fatalf("%+v", r)
	}
	for id, want := range map[string]int64{"ayesha": 50_00, "own-a": -130_00, "settle-a": 70_00, "settle-b": 80_00, "own-b": -110_00, "bakery": 110_00} {
		if a := s.Accounts[id]; a.Balance != want || a.Held != 0 {
			t.Errorf("%s: balance %d held %d, want %d and 0", id, a.Balance, a.Held, want)
		}
	}
}

func TestEachRefusalHasItsReason(t *testing.T) {
	s := town()
	s.Put(&ledger.Account{ID: "gone", Book: "b", Role: ledger.Customer, Currency: "PKR", Closed: true})
	s.Put(&ledger.Account{ID: "blocked", Book: "b", Role: ledger.Customer, Currency: "PKR", Blocked: true})
	s.Put(&ledger.Account{ID: "dollars", Book: "b", Role: ledger.Customer, Currency: "USD"})
	s.Put(&ledger.Account{ID: "c-customer", Book: "c", Role: ledger.Customer, Currency: "PKR"})
	s.Put(&ledger.Account{ID: "poor-bank", Book: "d", Role: ledger.Customer, Currency: "PKR", Balance: 500_00})
	s.Put(&ledger.Account{ID: "settle-d", Book: ledger.Rail, Role: ledger.Settlement, Holder: "d", Currency: "PKR", Balance: 10_00})
	s.Put(&ledger.Account{ID: "own-d", Book: "d", Role: ledger.Own, Holder: "d", Currency: "PKR", Bottomless: true})
	s.Put(&ledger.Account{ID: "e-customer", Book: "e", Role: ledger.Customer, Currency: "PKR"})
	s.Put(&ledger.Account{ID: "settle-e", Book: ledger.Rail, Role: ledger.Settlement, Holder: "e", Currency: "PKR", Balance: 10_00})
	if r := s.Apply(ledger.Step{Kind: ledger.Set, Debit: "settle-e", Setting: ledger.Setting{Blocked: true}}, noon); !r.Accepted() {
		t.Fatalf("%+v", r)
	}
	for i, c := range []struct {
		from, to string
		amount   int64
		want     ledger.Reason
	}{
		{"ayesha", "bakery", 0, ledger.ZeroAmount},
		{"ayesha", "bakery", -1, ledger.InvalidAmount},
		{"ayesha", "bakery", math.MinInt64, ledger.InvalidAmount},
		{"ayesha", "bakery", math.MaxInt64, ledger.AmountTooLarge},
		{"ayesha", "bakery", 80_01, ledger.NoFunds},
		{"nobody", "bakery", 1, ledger.NoSuchDebtor},
		{"ayesha", "nobody", 1, ledger.NoSuchCreditor},
		{"ayesha", "ayesha", 1, ledger.Forbidden},
		{"ayesha", "settle-b", 1, ledger.Forbidden},
		{"issuing", "ayesha", 1, ledger.Forbidden},
		{"ayesha", "gone", 1, ledger.CreditorClosed},
		{"ayesha", "blocked", 1, ledger.AccountBlocked},
		{"ayesha", "dollars", 1, ledger.WrongCurrency},
		{"ayesha", "c-customer", 1, ledger.CreditorBankAway},
		{"ayesha", "e-customer", 1, ledger.CreditorBankAway},
		{"e-customer", "ayesha", 1, ledger.DebtorBankAway},
		{"poor-bank", "ayesha", 10_01, ledger.NoSettlementFunds},
		{"poor-bank", "ayesha", 10_00, ledger.Accepted},
		{"ayesha", "asif", 80_00, ledger.Accepted},
	} {
		r := s.Apply(reserve(fmt.Sprint("t", i), c.from, c.to, c.amount), noon)
		if r.Reason != c.want || r.Seq == 0 {
			t.Errorf("%s to %s %d: %q, want %q", c.from, c.to, c.amount, r.Reason, c.want)
		}
	}
	if r := s.Apply(reserve("t18", "asif", "bakery", 1), noon); r.Reason != ledger.Duplicate {
		t.Errorf("the same transfer again: %q", r.Reason)
	}
	if r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "none"}, noon); r.Reason != ledger.NoSuchTransfer || r.Seq != 0 {
		t.Errorf("%+v", r)
	}
}

func TestTheDeadlineIsKeptByTheBook(t *testing.T) {
	s := town()
	s.Apply(reserve("t1", "ayesha", "bakery", 30_00), noon)
	if r := s.Apply(ledger.Step{Kind: ledger.Expire, Transfer: "t1"}, noon.Add(19*time.Second)); r.Seq != 0 {
		t.Fatal("it ended before its time")
	}
	r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, noon.Add(20*time.Second))
	if r.Kind != ledger.Expire || r.Reason != ledger.SettlementTimeout || s.Accounts["ayesha"].Held != 0 || s.Transfers["t1"].Phase != ledger.Expired {
		t.Fatalf("a late commit must lose: %+v", r)
	}
	if r := s.Apply(ledger.Step{Kind: ledger.Expire, Transfer: "t1"}, noon.Add(time.Minute)); r.Seq != 0 {
		t.Fatal("expired twice")
	}
	if r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, noon.Add(time.Minute)); r.Reason != ledger.SettlementTimeout || s.Accounts["bakery"].Balance != 80_00 {
		t.Fatalf("%+v", r)
	}
}

func TestSumsNeverWrap(t *testing.T) {
	s := town()
	s.Put(&ledger.Account{ID: "full", Book: "a", Role: ledger.Customer, Currency: "PKR", Balance: math.MaxInt64 - 5})
	s.Apply(reserve("t1", "ayesha", "full", 10), noon)
	r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: "t1"}, noon)
	if r.Kind != ledger.Abort || r.Reason != ledger.AmountTooLarge || s.Accounts["full"].Balance != math.MaxInt64-5 || s.Accounts["ayesha"].Balance != 80_00 || s.Accounts["ayesha"].Held != 0 {
		t.Fatalf("%+v", r)
	}
	s.Put(&ledger.Account{ID: "deep", Book: "a", Role: ledger.Own, Currency: "PKR", Balance: math.MinInt64 + 3, Bottomless: true})
	if r := s.Apply(ledger.Step{Kind: ledger.Post, Debit: "deep", Credit: "ayesha", Amount: 4, Currency: "PKR"}, noon); r.Reason != ledger.AmountTooLarge {
		t.Fatalf("%+v", r)
	}
}

// TestAnySequenceOfStepsKeepsTheInvariants runs random batches of steps, some of
// which are undone as when the database refuses them. After each batch the state
// is held against what can be made again from the rows alone, and against
// another state that only follows the batches.
func TestAnySequenceOfStepsKeepsTheInvariants(t *testing.T) {
	names := []string{"ayesha", "asif", "bakery", "nobody", "settle-a", "position-a", "owing-a"}
	kinds := []ledger.Kind{ledger.Reserve, ledger.Reserve, ledger.Reserve, ledger.Commit, ledger.Commit, ledger.Abort, ledger.Expire, ledger.Post, ledger.Set, ledger.Cut}
	rapid.Check(t, func(t *rapid.T) {
		s, follower := town(), town()
		opening := map[string]int64{}
		for id, a := range s.Accounts {
			opening[id] = a.Balance
		}
		var rows []ledger.Row
		now, n := noon, 0
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			b := &ledger.Batch{Currency: "PKR", Number: s.Batch + 1, First: s.Seq + 1, At: now, Before: s.Head, Secret: [32]byte{byte(n)}}
			s.Begin()
			for range rapid.IntRange(1, 8).Draw(t, "steps") {
				now = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
				step := ledger.Step{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Party: "p", Key: fmt.Sprint(n),
					Currency: "PKR", Amount: rapid.Int64Range(-2, 60_00).Draw(t, "amount"), Expires: now.Add(20 * time.Second),
					Debit: rapid.SampledFrom(names).Draw(t, "from"), Credit: rapid.SampledFrom(names).Draw(t, "to"), Reason: "MS03"}
				switch step.Kind {
				case ledger.Cut:
					step.Net = rapid.Bool().Draw(t, "net")
				case ledger.Reserve:
					step.Transfer = fmt.Sprint("t", n)
					n++
				case ledger.Set:
					step.Setting = ledger.Setting{Floor: -rapid.Int64Range(0, 20_00).Draw(t, "cap"), Blocked: rapid.Float64Range(0, 1).Draw(t, "blocked") < 0.2}
				default:
					step.Transfer = fmt.Sprint("t", rapid.IntRange(0, n).Draw(t, "transfer"))
				}
				if r := s.Apply(step, now); r.Seq > 0 {
					b.Rows = append(b.Rows, r)
				}
			}
			if rapid.Float64Range(0, 1).Draw(t, "refused") < 0.3 {
				s.Undo()
			} else {
				b.Seal()
				s.Keep(b.Head)
				rows = append(rows, b.Rows...)
				follower.Follow(b)
			}
			check(t, s, opening, rows)
			for id, a := range s.Accounts {
				if f := follower.Accounts[id]; f.Balance != a.Balance || f.Held != a.Held || f.Floor != a.Floor || f.Blocked != a.Blocked {
					t.Fatalf("%s is %+v, and to whoever follows %+v", id, a, f)
				}
			}
			for id, tr := range s.Transfers {
				if f := follower.Transfers[id]; f == nil || f.Phase != tr.Phase || f.Reason != tr.Reason {
					t.Fatalf("%s is %+v, and to whoever follows %+v", id, tr, f)
				}
			}
			if s.Seq != follower.Seq || s.Batch != follower.Batch || s.Head != follower.Head || s.Window != follower.Window || s.Net != follower.Net {
				t.Fatalf("%d %d %d, and to whoever follows %d %d %d", s.Seq, s.Batch, s.Window, follower.Seq, follower.Batch, follower.Window)
			}
		}
	})
}

type failer interface{ Fatalf(string, ...any) }

func check(t failer, s *ledger.State, opening map[string]int64, rows []ledger.Row) {
	balance, held, books := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for id, b := range opening {
		balance[id] = b
	}
	for i, r := range rows {
		pairs := map[string]int64{}
		dues := int64(0)
		for _, d := range r.Dues {
			dues += d.Amount
		}
		if dues != 0 {
			t.Fatalf("the dues of row %d add up to %d", r.Seq, dues)
		}
		if again, _, err := ledger.ReadRow(r.Append(nil)); err != nil || again.Net != r.Net || len(again.Dues) != len(r.Dues) {
			t.Fatalf("row %d reads back as %+v, %v", r.Seq, again, err)
		}
		for _, e := range r.Entries(s.Places()) {
			balance[e.Account] += e.Amount
			pairs[e.Book] += e.Amount
		}
		for book, sum := range pairs {
			if sum != 0 {
				t.Fatalf("row %d does not balance in book %s: %d", r.Seq, book, sum)
			}
		}
		if r.Seq != int64(i+1) {
			t.Fatalf("row %d stands where %d should", r.Seq, i+1)
		}
	}
	for _, tr := range s.Transfers {
		if tr.Phase == ledger.Reserved {
			held[tr.Debit] += tr.Amount
			if p, q := s.Accounts[tr.Debit], s.Accounts[tr.Credit]; p.Book != q.Book && tr.Net {
				held[s.Netting[p.Book].ID] += tr.Amount
			} else if p.Book != q.Book {
				held[s.Settling[p.Book].ID] += tr.Amount
			}
		}
	}
	for id, a := range s.Accounts {
		books[a.Book] += a.Balance
		if a.Balance != balance[id] || a.Held != held[id] {
			t.Fatalf("%s has %d held %d, its rows say %d held %d", id, a.Balance, a.Held, balance[id], held[id])
		}
		if a.Role == ledger.Customer && a.Balance-a.Held < min(a.Floor, -20_00) {
			t.Fatalf("%s is below its floor: %d held %d", id, a.Balance, a.Held)
		}
	}
	for book, sum := range books {
		if sum != 0 {
			t.Fatalf("book %s adds up to %d", book, sum)
		}
	}
}

func BenchmarkReserveAndCommit(b *testing.B) {
	s := town()
	s.Accounts["ayesha"].Balance, s.Accounts["settle-a"].Balance = math.MaxInt64/2, math.MaxInt64/2
	i := 0
	for b.Loop() {
		i++
		id := fmt.Sprint("t", i)
		s.Apply(reserve(id, "ayesha", "bakery", 1), noon)
		if r := s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: id}, noon); !r.Accepted() {
			b.Fatal(r.Reason)
		}
	}
}
