package payments_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// ministry hands in files that pay customers of connected banks.
type ministry struct {
	*elsewhere
	period string
}

// file takes a file of a mobile number or account number, a name and rupees a line.
func (m ministry) file(lines ...[3]string) int64 {
	m.t.Helper()
	text := strings.Builder{}
	text.WriteString("iban,mobile,name,amount\n")
	for _, l := range lines {
		iban, mobile := l[0], ""
		if strings.HasPrefix(l[0], "+") {
			iban, mobile = "", l[0]
		}
		fmt.Fprintf(&text, "%s,%s,%s,%s\n", iban, mobile, l[1], l[2])
	}
	read := func() payments.Source {
		src, err := payments.NewBulkCSV(strings.NewReader(text.String()), 2)
		check(m.t, err)
		return src
	}
	var total, count int64
	for src := read(); ; count++ {
		in, err := src.Next()
		if err != nil {
			break
		}
		total += in.Amount
	}
	no, err := m.room.TakeBulk(context.Background(), payments.BulkIntake{Program: "kafaalat", Period: m.period, Source: "csv", Name: "file.csv",
		Digest: func() [32]byte { return sha256.Sum256([]byte(text.String())) }, Lines: count, Total: total, Maker: rubina}, read())
	check(m.t, err)
	return no
}

func (m ministry) until(no int64, state payments.BulkState) *payments.Bulk {
	m.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b, err := m.room.Bulk(context.Background(), no)
		check(m.t, err)
		if b.State == state {
			return b
		}
		if time.Now().After(end) {
			m.t.Fatalf("file %d is %s, not %s", no, b.State, state)
		}
	}
}

func (m ministry) release(no int64) {
	m.t.Helper()
	m.until(no, payments.BulkValidated)
	check(m.t, m.room.CheckBulk(context.Background(), tariq, no))
	check(m.t, m.room.ReleaseBulk(context.Background(), aftab, no))
}

// rest are the reasons of lines that were not paid.
func (m ministry) rest(no int64) map[int64]string {
	m.t.Helper()
	list, err := m.room.Remainder(context.Background(), no, 0, 100)
	check(m.t, err)
	out := map[int64]string{}
	for _, l := range list {
		out[l.Line] = l.State + " " + l.Reason
	}
	return out
}

// paid are what customers of beta have been given.
func (m ministry) has(customers ...int64) (list []int64) {
	m.t.Helper()
	for _, n := range customers {
		a, ok := m.b.Account(m.b.customer(n))
		if !ok {
			m.t.Fatal("no customer", n)
		}
		list = append(list, a.Balance)
	}
	return list
}

func (m ministry) given(before []int64, sums []int64, customers ...int64) {
	m.t.Helper()
	after := []int64{}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		after = m.has(customers...)
		for i := range after {
			after[i] -= before[i]
		}
		if slices.Equal(after, sums) {
			return
		}
	}
	m.t.Fatalf("customers %v got %v, not %v", customers, after, sums)
}

// aFilePaysAtOtherBanks: by account number and by mobile number, whether the directory
// knows the account or not, beside somebody whose account the house keeps.
func aFilePaysAtOtherBanks(v *elsewhere) {
	m := ministry{v, "2027-01"}
	const program = "program-kafaalat-PKR"
	ayesha, budget := v.room.BalanceForTest(v.t, "person-ayesha"), v.room.BalanceForTest(v.t, program)
	before := m.has(5, 11, 12, 13)
	no := m.file(
		[3]string{string(v.citizen("ayesha").IBAN), "", "100"},
		[3]string{mobileOf(11), "Customer 11", "200"},
		[3]string{v.b.customer(12), "customer 12", "300"},
		[3]string{v.b.customer(5), "Whoever", "400"},  // not in the directory: nobody can tell
		[3]string{v.b.customer(999), "", "500"},       // nor is it at the bank
		[3]string{v.b.customer(13), "Not she", "600"}, // the directory knows better
		[3]string{mobileOf(12), "", "300"},            // the third line again
		[3]string{bank.IBAN("PK", "NONE", 5), "", "700"},
		[3]string{v.b.customer(6), "", "99999999"},
		[3]string{strings.Replace(v.b.customer(5), "BETA", "NONE", 1), "", "800"}, // its check digits are another's
	)
	b := m.until(no, payments.BulkValidated)
	if b.Good != 5 || b.Away != 4 {
		v.t.Fatalf("%+v %v", b, m.rest(no))
	}
	m.release(no)
	b = m.until(no, payments.BulkDone)
	want := map[int64]string{5: "failed AC03", 6: "bad BE01", 7: "bad AM05", 8: "bad AC03", 9: "bad AM02", 10: "bad AC01"}
	if got := m.rest(no); !maps.Equal(got, want) || b.Paid != 4 || b.PaidTotal != 1000_00 || b.Failed != 1 {
		v.t.Fatalf("%v\n%+v", got, b)
	}
	m.given(before, []int64{400_00, 200_00, 300_00, 0}, 5, 11, 12, 13)
	if v.room.BalanceForTest(v.t, "person-ayesha")-ayesha != 100_00 || budget-v.room.BalanceForTest(v.t, program) != 1000_00 {
		v.t.Fatal("the house's books do not agree")
	}
	// The ministry's treasury finds all of it under the programme and its file.
	tr, err := v.room.Treasury(context.Background())
	check(v.t, err)
	found := payments.Sum{}
	for _, a := range tr.Accounts {
		for _, f := range a.Flows {
			if a.ID == program && f.Cause == payments.CauseSupport && strings.HasSuffix(f.What, m.period) {
				found = f.Today
			}
		}
	}
	if found != (payments.Sum{Count: 4, Total: 1000_00}) {
		v.t.Fatalf("%+v", found)
	}

	// Killed before it was written down: the same payments are found again.
	v.room.ForgetBulkForTest(v.t, no)
	if again := m.until(no, payments.BulkDone); again.Paid != 4 || again.Failed != 1 || !maps.Equal(m.rest(no), want) {
		v.t.Fatalf("%+v %v", again, m.rest(no))
	}
	// Another file of the period pays nobody twice, and once more who got nothing.
	no = m.file([3]string{mobileOf(11), "", "200"}, [3]string{v.b.customer(5), "", "400"}, [3]string{v.b.customer(12), "", "1"}, [3]string{v.b.customer(13), "", "600"})
	m.release(no)
	m.until(no, payments.BulkDone)
	if got := m.rest(no); !maps.Equal(got, map[int64]string{1: "bad AM05", 2: "bad AM05", 3: "bad AM05"}) {
		v.t.Fatal(got)
	}
	m.given(before, []int64{400_00, 200_00, 300_00, 600_00}, 5, 11, 12, 13)
}

// aFileWaitsForWhatAnotherProcessBegan: money that is reserved is neither paid again nor
// given up; it goes back when its time is over, and the next file pays it.
func aFileWaitsForWhatAnotherProcessBegan(v *elsewhere) {
	m := ministry{v, "2027-02"}
	before := m.has(5, 11)
	no := m.file([3]string{v.b.customer(5), "", "40"}, [3]string{mobileOf(11), "", "20"})
	m.until(no, payments.BulkValidated)
	v.room.BeginLineForTest(v.t, no, 1, v.b.customer(5))
	m.release(no)
	m.given(before, []int64{0, 20_00}, 5, 11)
	if b, err := v.room.Bulk(context.Background(), no); err != nil || b.State != payments.BulkPaying {
		v.t.Fatal("the file did not wait:", b.State, err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		v.Clock.Advance(time.Second)
		b, err := v.room.Bulk(context.Background(), no)
		check(v.t, err)
		if b.State == payments.BulkDone {
			break
		}
		if time.Now().After(end) {
			v.t.Fatalf("%+v", b)
		}
	}
	if got := m.rest(no); len(got) != 1 || !strings.HasPrefix(got[1], "failed ") {
		v.t.Fatal(got)
	}
	no = m.file([3]string{v.b.customer(5), "", "40"})
	m.release(no)
	if b := m.until(no, payments.BulkDone); b.Paid != 1 {
		v.t.Fatal(m.rest(no))
	}
	m.given(before, []int64{40_00, 20_00}, 5, 11)
}

// aFileWhoseBankIsAway: what its bank cannot take is left over and paid by the next file.
func aFileWhoseBankIsAway(v *elsewhere) {
	m := ministry{v, "2027-03"}
	before := m.has(5, 11)
	lines := [][3]string{{v.b.customer(5), "", "40"}, {mobileOf(11), "", "20"}}
	no := m.file(lines...)
	m.until(no, payments.BulkValidated)
	check(v.t, v.room.SetStanding(context.Background(), "post/sbp.rail", "files", "beta", payments.Standing{Suspended: true}))
	m.release(no)
	m.until(no, payments.BulkDone)
	if got := m.rest(no); len(got) != 2 || !strings.HasPrefix(got[1], "failed ") {
		v.t.Fatal(got)
	}
	check(v.t, v.room.SetStanding(context.Background(), "post/sbp.rail", "files again", "beta", payments.Standing{}))

	// One that is there and does not answer is not asked for everybody.
	open := *v.b.door.to.Load()
	var asked atomic.Int64
	v.b.door.lead(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}))
	m.period = "2027-04"
	many := [][3]string{}
	for n := range int64(200) {
		many = append(many, [3]string{v.b.customer(1000 + n), "", "1"})
	}
	no = m.file(many...)
	m.release(no)
	if b := m.until(no, payments.BulkDone); b.Failed != 200 || asked.Load() > 2*2*64 {
		v.t.Fatalf("%d asked; %+v", asked.Load(), b)
	}
	v.b.door.lead(open)
	m.period = "2027-03"
	no = m.file(append(lines, [3]string{v.b.customer(6), "", "1"})...)
	m.release(no)
	if b := m.until(no, payments.BulkDone); b.Paid != 3 {
		v.t.Fatal(m.rest(no))
	}
	m.given(before, []int64{40_00, 20_00}, 5, 11)
}
