package payments_test

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// asks lets ayesha ask a customer of beta for rupees, and gives the request's page and its
// UETR once the bank has it.
func (v *elsewhere) asks(citizen *http.Client, to, rupees string) (page, uetr string) {
	v.t.Helper()
	p := v.place()
	body, status, draft := p.post(citizen, "/wallet/ask", "account", "person-ayesha", "to", to)
	if status != http.StatusSeeOther {
		v.t.Fatal(status, said(body))
	}
	if shown := v.page(citizen, draft); !strings.Contains(shown, "C••• 1•••") || !strings.Contains(shown, "Bank beta") || strings.Contains(shown, "Customer") {
		v.t.Fatal(shown)
	}
	body, status, page = p.post(citizen, draft, "amount", rupees, "purpose", "Cricket bats", "until", "7")
	if status != http.StatusSeeOther {
		v.t.Fatal(status, said(body))
	}
	uetr = v.room.AskOfRequestForTest(v.t, page[strings.LastIndex(page, "/")+1:])
	return page, uetr
}

// arrives waits until beta has a request.
func (v *elsewhere) arrives(uetr string) bank.Ask {
	v.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if a, ok := v.b.AskOf(uetr); ok {
			return a
		}
		if time.Now().After(end) {
			v.t.Fatal("the request did not arrive")
		}
	}
}

func aCitizenAsksSomebodyAtAnotherBank(v *elsewhere) {
	ctx := context.Background()
	citizen := v.AsCitizen("s-ayesha")
	before, tokens := v.room.BalanceForTest(v.t, "person-ayesha"), v.tokens("s-ayesha")
	page, uetr := v.asks(citizen, mobileOf(11), "450.00")
	if v.tokens("s-ayesha") != tokens-1 {
		v.t.Error("the name cost", tokens-v.tokens("s-ayesha"))
	}
	a := v.arrives(uetr)
	if a.Ours || a.Own != v.b.customer(11) || a.Amount != 450_00 || a.Note != "Cricket bats" || a.Name != "Ayesha Siddiqui" || a.Other != string(v.citizen("ayesha").IBAN) || a.State != bank.AskOpen {
		v.t.Fatalf("%+v", a)
	}
	if shown := v.page(citizen, page); strings.Contains(shown, "Customer") || !strings.Contains(shown, "C••• 1•••") {
		v.t.Fatal(shown)
	}
	paid, err := v.b.PayAsk(ctx, uetr)
	check(v.t, err)
	v.want(v.ended(v.b, paid.UETR), bank.Settled, "")
	if got := v.room.BalanceForTest(v.t, "person-ayesha") - before; got != 450_00 {
		v.t.Fatal(got)
	}
	if shown := v.page(citizen, page); !strings.Contains(shown, "450") || !strings.Contains(shown, "C••• 1•••") || v.room.PageRequestForTest(v.t, page).State != payments.RequestPaid || v.room.PageRequestForTest(v.t, page).Transfer != paid.UETR {
		v.t.Fatalf("%+v %s", v.room.PageRequestForTest(v.t, page), shown)
	}
	if list := v.page(citizen, "/wallet/requests"); !strings.Contains(list, "C••• 1•••") {
		v.t.Fatal(list)
	}
	if v.tokens("s-ayesha") != tokens {
		v.t.Error("the token did not come back:", v.tokens("s-ayesha"))
	}
}

func aRequestThatTheOtherBankRefuses(v *elsewhere) {
	ctx := context.Background()
	citizen := v.AsCitizen("s-ayesha")
	page, uetr := v.asks(citizen, mobileOf(11), "30.00")
	v.arrives(uetr)
	check(v.t, v.b.RefuseAsk(ctx, uetr, "AM09"))
	if q := v.room.PageRequestForTest(v.t, page); q.State != payments.RequestRefused || q.Reason != "AM09" {
		v.t.Fatalf("%+v", q)
	}
	if shown := v.page(citizen, page); !strings.Contains(shown, "The amount is wrong") {
		v.t.Fatal(shown)
	}
	// A bank that refuses at once, by a code that people of the house do not give.
	check(v.t, v.b.SetState(v.b.customer(11), bank.StateClosed))
	page, _ = v.asks(citizen, mobileOf(11), "31.00")
	v.wait(func() bool { return v.room.PageRequestForTest(v.t, page).State == payments.RequestRefused })
	if shown := v.page(citizen, page); !strings.Contains(shown, "bank did not take the request") {
		v.t.Fatal(shown)
	}
	check(v.t, v.b.SetState(v.b.customer(11), bank.StateOpen))
}

// aRequestThatIsTakenBack cannot be paid any more.
func aRequestThatIsTakenBack(v *elsewhere) {
	ctx := context.Background()
	citizen := v.AsCitizen("s-ayesha")
	before := v.room.BalanceForTest(v.t, "person-ayesha")
	page, uetr := v.asks(citizen, mobileOf(11), "32.00")
	v.arrives(uetr)
	_, err := v.room.Withdraw(ctx, "test", page[strings.LastIndex(page, "/")+1:])
	check(v.t, err)
	paid, err := v.b.PayAsk(ctx, uetr)
	check(v.t, err)
	if p := v.ended(v.b, paid.UETR); p.State == bank.Settled {
		v.t.Fatalf("%+v", p)
	}
	if got := v.room.BalanceForTest(v.t, "person-ayesha") - before; got != 0 || v.room.PageRequestForTest(v.t, page).State != payments.RequestWithdrawn {
		v.t.Fatal(got, v.room.PageRequestForTest(v.t, page).State)
	}
}

// aRequestWaitsForABankThatIsAway: it is handed over when the bank is there again.
func aRequestWaitsForABankThatIsAway(v *elsewhere) {
	citizen := v.AsCitizen("s-ayesha")
	open := *v.b.door.to.Load()
	v.b.door.lead(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	page, uetr := v.asks(citizen, mobileOf(11), "33.00")
	time.Sleep(100 * time.Millisecond)
	if _, ok := v.b.AskOf(uetr); ok || v.room.PageRequestForTest(v.t, page).State != payments.RequestAsked {
		v.t.Fatal(ok, v.room.PageRequestForTest(v.t, page).State)
	}
	v.b.door.lead(open)
	v.wait(func() bool {
		v.Clock.Advance(time.Second)
		_, ok := v.b.AskOf(uetr)
		return ok
	})
	paid, err := v.b.PayAsk(context.Background(), uetr)
	check(v.t, err)
	v.want(v.ended(v.b, paid.UETR), bank.Settled, "")
}

func (v *elsewhere) wait(until func() bool) {
	v.t.Helper()
	for end := time.Now().Add(15 * time.Second); !until(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatal("waited in vain")
		}
	}
}
