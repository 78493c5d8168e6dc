package payments

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// demand is a request of one citizen's account to another's, as rooms make it.
func demand(key, from, of string, amount int64) RequestToPay {
	return RequestToPay{Party: "test", Key: key, Origin: "test", Credit: "person-" + from, Debit: "person-" + of, Amount: amount, Purpose: "Shared taxi", Urgency: UrgencyNow}
}

func keyOfFault(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Key
}

// TestRequestsToPay tells what becomes of requests for money, on both engines.
func TestRequestsToPay(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		for _, story := range []struct {
			name string
			tell func(h *hall)
		}{
			{"a friend asks on the page and is paid", aFriendAsksAndIsPaid},
			{"a payer says no", aPayerSaysNo},
			{"whom one may ask", whomOneMayAsk},
			{"amounts as people type them", askedAmountsAsPeopleTypeThem},
			{"a request is paid once", aRequestIsPaidOnce},
			{"a request without money stays open", aRequestWithoutMoneyStaysOpen},
			{"a request's time ends", aRequestsTimeEnds},
			{"nobody is asked too often", nobodyIsAskedTooOften},
		} {
			h.t.Run(story.name, func(t *testing.T) {
				inner := *h
				inner.t = t
				story.tell(&inner)
			})
		}
	})
}

// askOnPages walks from the wallet to a request that was sent, and gives its page.
func (h *hall) askOnPages(b *http.Client, account, whom, amount, until string) (words, at string) {
	h.t.Helper()
	words, _, at = h.page(b, "/wallet/ask", "to", whom, "account", account)
	if !strings.HasPrefix(at, "/wallet/ask/") {
		h.t.Fatalf("whom: %s", words)
	}
	words, _, at = h.page(b, at, "amount", amount, "purpose", "Two taxis to the airport", "until", until)
	return words, at
}

func aFriendAsksAndIsPaid(h *hall) {
	ayesha, bilal := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal")
	before := h.count("select balance from payments_balance where id = $1", "person-ayesha")
	words, at := h.askOnPages(ayesha, "person-ayesha", "0399 7351924", "۲۵۰", UrgencyNow)
	for _, want := range []string{"250.00", "Waiting for an answer", "B••• Q•••", "Two taxis"} {
		if !strings.Contains(words, want) {
			h.t.Errorf("the asker's page has no %q: %s", want, words)
		}
	}
	if strings.Contains(words, "Bilal") {
		h.t.Error("whoever asks learns the payer's name")
	}
	list, _, _ := h.page(bilal, "/wallet/requests")
	if !strings.Contains(list, "Ayesha Siddiqui: Rs 250.00") || !strings.Contains(list, "Waiting") {
		h.t.Errorf("the payer's list: %s", list)
	}
	words, _, _ = h.page(bilal, at)
	if !strings.Contains(words, "Ayesha Siddiqui") || !strings.Contains(words, "Margalla Commercial Bank") || !strings.Contains(words, "Do you know this name") {
		h.t.Errorf("the payer's page: %s", words)
	}
	urdu := h.AsCitizen("s-bilal")
	if words, _, _ := h.page(urdu, at+"?lang=ur"); !strings.Contains(words, "عائشہ صدیقی") || !strings.Contains(words, "ادا نہ کریں") {
		h.t.Errorf("the payer's page in Urdu: %s", words)
	}
	if words, _, _ := h.page(h.AsCitizen("s-c0030"), at); !strings.Contains(words, "Only the person who asks") {
		h.t.Errorf("somebody else sees it: %s", words)
	}
	_, _, paid := h.page(bilal, at+"/pay", "from", "person-bilal", "key", "k1")
	if !strings.HasPrefix(paid, "/wallet/payment/") {
		h.t.Fatalf("paid: %s", paid)
	}
	if _, _, again := h.page(bilal, at+"/pay", "from", "person-bilal", "key", "k1"); again != paid {
		h.t.Errorf("pressed twice: %s, then %s", paid, again)
	}
	if _, _, again := h.page(bilal, at+"/pay", "from", "person-bilal", "key", "k2"); again != paid {
		h.t.Errorf("paid from another screen: %s, then %s", paid, again)
	}
	if got := h.count("select balance from payments_balance where id = $1", "person-ayesha"); got != before+25_000 {
		h.t.Errorf("Ayesha has %d, had %d", got, before)
	}
	words, raw, _ := h.page(ayesha, at)
	if !strings.Contains(words, "Paid") || !strings.Contains(raw, `data-state="paid"`) {
		h.t.Errorf("the asker sees: %s", words)
	}
}

func aPayerSaysNo(h *hall) {
	ayesha, bilal := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal")
	_, at := h.askOnPages(ayesha, "person-ayesha", "0399 7351924", "90000", "7")
	if words, _, _ := h.page(bilal, at+"/refuse", "words", "no"); !strings.Contains(words, "Choose why you do not pay") {
		h.t.Errorf("without a reason: %s", words)
	}
	words, _, _ := h.page(bilal, at+"/refuse", "reason", "AM09", "words", "It was one taxi")
	if !strings.Contains(words, "This request was refused") {
		h.t.Fatal(words)
	}
	if words, _, _ = h.page(ayesha, at); !strings.Contains(words, "The amount is wrong") || !strings.Contains(words, "It was one taxi") || !strings.Contains(words, "No money has moved") {
		h.t.Errorf("the asker sees: %s", words)
	}
	if words, _, _ = h.page(bilal, at+"/pay", "from", "person-bilal", "key", "k3"); !strings.Contains(words, "was refused. It can no longer be paid") {
		h.t.Errorf("paid after a no: %s", words)
	}
	// The asker takes one back; after that the payer cannot pay it.
	_, at = h.askOnPages(ayesha, "person-ayesha", "0399 7351924", "10", "30")
	if words, _, _ = h.page(bilal, at+"/withdraw", "x", ""); !strings.Contains(words, "Only the person who asked") {
		h.t.Errorf("the payer takes it back: %s", words)
	}
	if words, _, _ = h.page(ayesha, at+"/withdraw", "x", ""); !strings.Contains(words, "taken back") {
		h.t.Errorf("taken back: %s", words)
	}
	if words, _, _ = h.page(bilal, at+"/pay", "from", "person-bilal", "key", "k4"); !strings.Contains(words, "was taken back by who asked") {
		h.t.Errorf("paid after that: %s", words)
	}
}

func whomOneMayAsk(h *hall) {
	ayesha := h.AsCitizen("s-ayesha")
	for _, c := range []struct{ to, want string }{
		{"", "Enter a mobile number"},
		{"0399 0000001", "no account under this"},
		{"0399 4182736", "This number is your own"},
		{"PK41NTBK0000100000000001", "An office or a cash agent cannot be asked"},
		{"a poem", "neither a payment code nor an account number"},
	} {
		if words, _, at := h.page(ayesha, "/wallet/ask", "to", c.to, "account", "person-ayesha"); at != "/wallet/ask" || !strings.Contains(words, c.want) {
			h.t.Errorf("%q: %s %s", c.to, at, words)
		}
	}
	if words, _, _ := h.page(ayesha, "/wallet/ask", "to", "0399 7351924", "account", "person-c0030"); !strings.Contains(words, "one of your own accounts") {
		h.t.Errorf("into another's account: %s", words)
	}
	// A request that somebody else began is not theirs to send.
	_, _, at := h.page(ayesha, "/wallet/ask", "to", "0399 7351924", "account", "person-ayesha")
	if words, _, _ := h.page(h.AsCitizen("s-bilal"), at, "amount", "1", "purpose", "x", "until", "now"); !strings.Contains(words, "Only the person who asked") {
		h.t.Errorf("sent by the payer: %s", words)
	}
	if n := h.count("select count(*) from payments_request where state = 'asked'"); n != 0 {
		h.t.Errorf("%d requests wait", n)
	}
}

func askedAmountsAsPeopleTypeThem(h *hall) {
	ayesha := h.AsCitizen("s-ayesha")
	_, _, at := h.page(ayesha, "/wallet/ask", "to", "0399 7351924", "account", "person-ayesha")
	for _, amount := range []string{"", "1e3", "+5", "-1", "0", "۰", "1.234", "٢٣x", "99999999999999999999"} {
		if words, _, to := h.page(ayesha, at, "amount", amount, "purpose", "x", "until", "7"); to != at {
			h.t.Errorf("%q was taken: %s", amount, words)
		}
	}
	for _, c := range []struct{ until, purpose, want string }{{"", "x", "Choose until when"}, {"400", "x", "at most 60 days"}, {"0", "x", "from tomorrow on"}, {"7", "", "Say what it is for"}} {
		if words, _, to := h.page(ayesha, at, "amount", "5", "purpose", c.purpose, "until", c.until); to != at || !strings.Contains(words, c.want) {
			h.t.Errorf("%+v: %s", c, words)
		}
	}
	words, _, _ := h.page(ayesha, at, "amount", "۱۲۵۰٫۵", "purpose", "کرایہ", "until", "3")
	if !strings.Contains(words, "Rs 1,250.50") {
		h.t.Errorf("in Urdu digits: %s", words)
	}
	_, _, _ = h.page(ayesha, strings.Replace(at, "ask", "request", 1)+"/withdraw", "x", "")
}

// aRequestIsPaidOnce lets many screens of the payer, the payer's refusal and the
// asker's withdrawal meet.
func aRequestIsPaidOnce(h *hall) {
	ctx := context.Background()
	from, err := h.room.account(ctx, func(tx *store.Tx) (*Account, error) { return getAccount(tx, "person-bilal") })
	h.fine(err)
	for round := range 4 {
		q, err := h.room.Request(ctx, "test", demand(fmt.Sprintf("once-%d", round), "ayesha", "bilal", 100))
		h.fine(err)
		if again, err := h.room.Request(ctx, "test", demand(fmt.Sprintf("once-%d", round), "ayesha", "bilal", 100)); err != nil || again.ID != q.ID {
			h.t.Fatalf("asked twice with one key: %v %v", again, err)
		}
		if _, err := h.room.Request(ctx, "test", demand(fmt.Sprintf("once-%d", round), "ayesha", "bilal", 200)); keyOfFault(err) != "payments.key.reused" {
			h.t.Errorf("another request with the key: %v", err)
		}
		before := h.count("select balance from payments_balance where id = $1", "person-bilal")
		var paid, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if i == 6 && round > 1 {
					if _, err := h.room.Refuse(ctx, "test", q.ID, RefusedWish, ""); err == nil {
						refused.Add(1)
					}
					return
				}
				t, err := h.room.PayRequest(ctx, "test", q, from, "test", fmt.Sprintf("%s/%d", q.ID, i))
				switch {
				case err == nil && t.Phase == ledger.Committed:
					paid.Add(1)
				case err != nil && fault.As(err).Kind != fault.Conflict:
					h.t.Error(err)
				}
			})
		}
		all.Wait()
		spent := before - h.count("select balance from payments_balance where id = $1", "person-bilal")
		if paid.Load()+refused.Load() != 1 || spent != 100*paid.Load() {
			h.t.Errorf("paid %d times, refused %d times, %d spent", paid.Load(), refused.Load(), spent)
		}
	}
}

func aRequestWithoutMoneyStaysOpen(h *hall) {
	ctx := context.Background()
	poor, err := h.room.account(ctx, func(tx *store.Tx) (*Account, error) { return getAccount(tx, "person-c0031") })
	h.fine(err)
	// more than there is, less than the country lets somebody pay at once
	q, err := h.room.Request(ctx, "test", demand("poor", "ayesha", "c0031", poor.Balance+1))
	h.fine(err)
	t, err := h.room.PayRequest(ctx, "test", q, poor, "test", "poor/1")
	h.fine(err)
	if t.Phase == ledger.Committed || t.Reason != ledger.NoFunds {
		h.t.Errorf("%s %s", t.Phase, t.Reason)
	}
	_, err = h.room.cashIn(ctx, "test", poor, "poor", 100)
	h.fine(err)
	if t, err = h.room.PayRequest(ctx, "test", q, poor, "test", "poor/2"); err != nil || t.Phase != ledger.Committed {
		h.t.Errorf("with money: %v %v", t, err)
	}
	if _, err := h.room.PayRequest(ctx, "test", q, &Account{Account: ledger.Account{ID: "person-c0030", Holder: "s-c0030"}}, "test", "poor/3"); fault.As(err).Kind != fault.Forbidden {
		h.t.Errorf("somebody else pays: %v", err)
	}
}

func aRequestsTimeEnds(h *hall) {
	ctx := context.Background()
	q, err := h.room.Request(ctx, "test", demand("late", "ayesha", "bilal", 100))
	h.fine(err)
	from, err := h.room.account(ctx, func(tx *store.Tx) (*Account, error) { return getAccount(tx, "person-bilal") })
	h.fine(err)
	h.Clock.Advance(15 * time.Minute)
	if _, err := h.room.PayRequest(ctx, "test", q, from, "test", "late/1"); keyOfFault(err) != "payments.request.over" {
		h.t.Errorf("paid when its time was over: %v", err)
	}
	h.until(func() bool {
		return h.count("select count(*) from payments_request where id = $1 and state = 'expired'", q.ID) == 1
	})
	said := func() int64 {
		return h.count("select (select count(*) from journal_event where type = $1 and subject = $2) + (select count(*) from journal_outbox where type = $1 and subject = $2)", RequestOver, "payments/request/"+q.ID)
	}
	if said() != 1 {
		h.t.Errorf("said %d times that it is over", said())
	}
	if words, _, _ := h.page(h.AsCitizen("s-bilal"), "/wallet/request/"+q.ID); !strings.Contains(words, "The time of this request is over") {
		h.t.Error(words)
	}
}

func nobodyIsAskedTooOften(h *hall) {
	ctx := context.Background()
	most := h.Pack.Rules().Requests.Open
	for i := range most + 1 {
		in := demand(fmt.Sprintf("often-%d", i), "c0030", "bilal", 100)
		in.Urgency, in.Expires = UrgencyLater, h.Clock.Now().Add(24*time.Hour)
		_, err := h.room.Request(ctx, "test", in)
		switch {
		case i < most:
			h.fine(err)
		case keyOfFault(err) != "payments.request.too-many":
			h.t.Errorf("request %d: %v", i+1, err)
		}
	}
	// Names cost the asker tokens, as they cost a payer: a number that leads nowhere
	// costs twenty of fifty.
	b := h.AsCitizen("s-c0032")
	for i := range 3 {
		h.page(b, "/wallet/ask", "to", fmt.Sprintf("0399 00000%02d", i+10), "account", "person-c0032")
	}
	if words, _, _ := h.page(b, "/wallet/ask", "to", "0399 7351924", "account", "person-c0032"); strings.Contains(words, "B•••") {
		h.t.Errorf("names can be read out by asking: %s", words)
	}
	if id, err := h.room.draft(ctx, gate.Principal{Kind: gate.Citizen, ID: "s-c0032"}, &Account{Account: ledger.Account{ID: "person-c0032", Holder: "s-c0032"}, Kind: KindPerson}, "0399 7351924"); keyOfFault(err) != "payments.directory.limit" {
		h.t.Errorf("%s %v", id, err)
	}
}
