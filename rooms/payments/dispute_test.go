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

// TestMoneyBack tells of refunds and disputes, on both engines.
func TestMoneyBack(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		for _, story := range []struct {
			name string
			tell func(h *hall)
		}{
			{"a shop pays back in parts", aShopPaysBackInParts},
			{"many refunds at once", manyRefundsAtOnce},
			{"a shop gives in", aShopGivesIn},
			{"the operator decides", theOperatorDecides},
			{"a silent payee", aSilentPayee},
			{"a fraud is told to the banks", aFraudIsToldToTheBanks},
			{"what cannot be disputed", whatCannotBeDisputed},
		} {
			h.t.Run(story.name, func(t *testing.T) {
				inner := *h
				inner.t = t
				story.tell(&inner)
			})
		}
	})
}

// bought is a payment of Ayesha at Bilal's grocery.
func (h *hall) bought(key string, amount int64) *Transfer {
	h.t.Helper()
	t, err := h.instant(key, "person-ayesha", h.shop(), amount)
	h.fine(err)
	if t.Phase != ledger.Committed {
		h.t.Fatalf("%s %s", t.Phase, t.Reason)
	}
	return t
}

// shop is the account of Bilal's grocery.
func (h *hall) shop() (id string) {
	h.t.Helper()
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		id, err = store.Get(tx, store.Value[string], "select id from payments_account where holder = 's-bilal' and kind = 'merchant' order by id limit 1")
		return err
	}))
	return id
}

func (h *hall) balanceOf(account string) int64 {
	return h.count("select balance from payments_balance where id = $1", account)
}

func aShopPaysBackInParts(h *hall) {
	ayesha, bilal := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal")
	t := h.bought("parts", 100_00)
	had := h.balanceOf("person-ayesha")
	page := "/wallet/payment/" + t.ID
	if words, _, _ := h.page(bilal, page); !strings.Contains(words, "Pay money back") || strings.Contains(words, "Something is wrong") {
		h.t.Errorf("the payee's page: %s", words)
	}
	for _, c := range []struct{ amount, reason, want string }{
		{"1e3", "CUST", "“e” in place 2"}, {"+5", "CUST", "“+” in place 1"}, {"-1", "CUST", "“-” in place 1"}, {"0", "CUST", "must be more than zero"}, {"100.01", "CUST", "more than is left"}, {"10", "", "Choose why"}, {"", "CUST", "Enter"},
	} {
		if words, _, at := h.page(bilal, page+"/refund", "amount", c.amount, "reason", c.reason, "key", "k"); !strings.HasSuffix(at, "/refund") || !strings.Contains(words, c.want) {
			h.t.Errorf("%+v: %s %s", c, at, words)
		}
	}
	if words, _, _ := h.page(ayesha, page+"/refund", "amount", "1", "reason", "CUST", "key", "k"); !strings.Contains(words, "Only who received a payment") {
		h.t.Errorf("the payer refunds: %s", words)
	}
	words, _, at := h.page(bilal, page+"/refund", "amount", "۳۰", "reason", "AM09", "key", "k1")
	if !strings.Contains(words, "Rs 30.00") || !strings.Contains(words, "This gives back money of payment") || !strings.Contains(words, "Money back") {
		h.t.Fatalf("paid back: %s", words)
	}
	if _, _, again := h.page(bilal, page+"/refund", "amount", "30", "reason", "AM09", "key", "k1"); again != at {
		h.t.Errorf("pressed twice: %s, then %s", at, again)
	}
	if got := h.balanceOf("person-ayesha"); got != had+30_00 {
		h.t.Errorf("Ayesha has %d, had %d", got, had)
	}
	if words, _, _ := h.page(ayesha, page); !strings.Contains(words, "Paid back") || !strings.Contains(words, "Rs 30.00") {
		h.t.Errorf("the payer's page: %s", words)
	}
	if words, _, _ := h.page(ayesha, "/wallet"); !strings.Contains(words, "Money back") {
		h.t.Errorf("the payer's history: %s", words)
	}
	if words, _, _ := h.page(ayesha, "/wallet?lang=ur"); !strings.Contains(words, "رقم کی واپسی") || strings.Contains(words, "Money back") {
		h.t.Errorf("the payer's history in Urdu: %s", words)
	}
	if words, _, _ := h.page(bilal, page+"/refund", "amount", "70.01", "reason", "CUST", "key", "k2"); !strings.Contains(words, "more than is left") {
		h.t.Errorf("more than the rest: %s", words)
	}
	_, _, _ = h.page(bilal, page+"/refund", "amount", "70", "reason", "CUST", "key", "k3")
	if words, _, _ := h.page(bilal, page); strings.Contains(words, "Pay money back") || h.balanceOf("person-ayesha") != had+100_00 {
		h.t.Errorf("all of it: %s", words)
	}
}

func manyRefundsAtOnce(h *hall) {
	t := h.bought("many", 100_00)
	had := h.balanceOf("person-ayesha")
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			back, err := h.room.Refund(context.Background(), "test", t, 15_00, "CUST", "test", fmt.Sprint("many/", i))
			switch {
			case err == nil && back.Phase == ledger.Committed:
				done.Add(1)
			case keyOfFault(err) != returnMore:
				h.t.Errorf("%v %v", back, err)
			}
		})
	}
	all.Wait()
	if done.Load() != 6 || h.balanceOf("person-ayesha") != had+90_00 {
		h.t.Errorf("%d refunds of six, %d back", done.Load(), h.balanceOf("person-ayesha")-had)
	}
}

// complain opens a dispute on the page and gives the dispute's page.
func (h *hall) complain(b *http.Client, t *Transfer, amount, reason string) string {
	h.t.Helper()
	words, _, at := h.page(b, "/wallet/payment/"+t.ID+"/dispute", "amount", amount, "reason", reason, "words", "The flour had stones in it")
	if !strings.HasPrefix(at, "/wallet/dispute/") {
		h.t.Fatalf("complained: %s", words)
	}
	return at
}

func aShopGivesIn(h *hall) {
	ayesha, bilal := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal")
	t := h.bought("gives in", 200_00)
	had := h.balanceOf("person-ayesha")
	if words, _, _ := h.page(ayesha, "/wallet/payment/"+t.ID); !strings.Contains(words, "Something is wrong with this payment") {
		h.t.Error(words)
	}
	for _, c := range []struct{ amount, reason, said, want string }{
		{"200.01", "faulty", "x", "At most Rs 200.00"}, {"1e3", "faulty", "x", "“e” in place 2"}, {"5", "", "x", "Choose what is wrong"}, {"5", "faulty", "", "in your own words"},
	} {
		if words, _, _ := h.page(ayesha, "/wallet/payment/"+t.ID+"/dispute", "amount", c.amount, "reason", c.reason, "words", c.said); !strings.Contains(words, c.want) {
			h.t.Errorf("%+v: %s", c, words)
		}
	}
	at := h.complain(ayesha, t, "۵۰", "faulty")
	if again := h.complain(ayesha, t, "50", "faulty"); again != at {
		h.t.Errorf("pressed twice: %s, then %s", at, again)
	}
	for who, want := range map[*http.Client]string{ayesha: "Take the complaint back", bilal: "Pay Rs 50.00 back"} {
		if words, _, _ := h.page(who, at); !strings.Contains(words, want) || !strings.Contains(words, "The flour had stones") || !strings.Contains(words, "Waiting for the payee") {
			h.t.Errorf("no %q: %s", want, words)
		}
	}
	if words, _, _ := h.page(h.AsCitizen("s-c0030"), at); !strings.Contains(words, "Only the two sides") {
		h.t.Errorf("a stranger: %s", words)
	}
	if words, _, _ := h.page(ayesha, at+"/accept", "key", "k"); !strings.Contains(words, "Only who was paid") {
		h.t.Errorf("the payer accepts: %s", words)
	}
	words, raw, _ := h.page(bilal, at+"/accept", "key", "k")
	if !strings.Contains(raw, `data-state="refunded"`) || !strings.Contains(words, "The payee paid back") || h.balanceOf("person-ayesha") != had+50_00 {
		h.t.Errorf("accepted: %s", words)
	}
	if _, _, _ = h.page(bilal, at+"/accept", "key", "k"); h.balanceOf("person-ayesha") != had+50_00 {
		h.t.Error("paid back twice")
	}
	if words, _, _ = h.page(bilal, at+"/accept", "key", "other"); !strings.Contains(words, "has moved on") || h.balanceOf("person-ayesha") != had+50_00 {
		h.t.Errorf("paid back again: %s", words)
	}
	// What the shop refunds meanwhile counts: nobody gets more than they asked for.
	t = h.bought("in between", 90_00)
	had = h.balanceOf("person-ayesha")
	at = h.complain(ayesha, t, "30", "faulty")
	_, _, _ = h.page(bilal, "/wallet/payment/"+t.ID+"/refund", "amount", "20", "reason", "CUST", "key", "between")
	if _, raw, _ := h.page(bilal, at+"/accept", "key", "k"); !strings.Contains(raw, `data-state="refunded"`) || h.balanceOf("person-ayesha") != had+30_00 {
		h.t.Errorf("of the 30.00 asked for %d came back", h.balanceOf("person-ayesha")-had)
	}
	if _, _, _ = h.page(bilal, at+"/accept", "key", "k"); h.balanceOf("person-ayesha") != had+30_00 {
		h.t.Error("paid back twice")
	}
	// And refunds that cover it together end it.
	t = h.bought("in parts", 90_00)
	at = h.complain(ayesha, t, "30", "faulty")
	for _, key := range []string{"one", "two"} {
		_, _, _ = h.page(bilal, "/wallet/payment/"+t.ID+"/refund", "amount", "15", "reason", "CUST", "key", "parts-"+key)
	}
	if _, raw, _ := h.page(ayesha, at); !strings.Contains(raw, `data-state="refunded"`) {
		h.t.Error("two refunds that cover it leave the dispute open")
	}
	// A refund of the shop's own accord ends a dispute that it covers.
	t = h.bought("own accord", 80_00)
	at = h.complain(ayesha, t, "80", "missing")
	_, _, _ = h.page(bilal, "/wallet/payment/"+t.ID+"/refund", "amount", "80", "reason", "CUST", "key", "own")
	if _, raw, _ := h.page(ayesha, at); !strings.Contains(raw, `data-state="refunded"`) {
		h.t.Error("a full refund leaves the dispute open")
	}
}

func theOperatorDecides(h *hall) {
	ayesha, bilal, hina := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal"), h.AsOfficial("s-hina", "sbp.rail")
	t := h.bought("decides", 60_00)
	had := h.balanceOf("person-ayesha")
	at := h.complain(ayesha, t, "60", "missing")
	desk := strings.Replace(at, "/wallet/", "/pay/operate/", 1)
	if words, _, _ := h.page(hina, desk+"/reject", "words", "x"); !strings.Contains(words, "has moved on") {
		h.t.Errorf("decided before the payee's time was over: %s", words)
	}
	if words, _, _ := h.page(bilal, at+"/contest", "words", ""); !strings.Contains(words, "in your own words") {
		h.t.Errorf("contested without a word: %s", words)
	}
	if words, _, _ := h.page(bilal, at+"/contest", "words", "It was delivered on Friday"); !strings.Contains(words, "With the operator") {
		h.t.Errorf("contested: %s", words)
	}
	list, _, _ := h.page(hina, disputesOperate)
	if !strings.Contains(list, "Nothing was delivered") || !strings.Contains(list, "Qureshi Grocery") {
		h.t.Errorf("the operator's list: %s", list)
	}
	words, _, _ := h.page(hina, desk)
	for _, want := range []string{"Ayesha Siddiqui", "Qureshi Grocery", "The flour had stones", "delivered on Friday", "0 reported, 0 agreed", "Why do you decide so?"} {
		if !strings.Contains(words, want) {
			h.t.Errorf("the operator's page has no %q: %s", want, words)
		}
	}
	if words, _, _ := h.page(bilal, desk); !strings.Contains(words, "operator of the payment rail decides") {
		h.t.Errorf("the payee at the operator's page: %s", words)
	}
	if words, _, _ := h.page(hina, desk+"/refund", "words", "", "key", "k"); !strings.Contains(words, "Give the reason") {
		h.t.Errorf("without a reason: %s", words)
	}
	// Payee, payer and operator act at once: the dispute ends once, and money moves
	// at most once.
	var all sync.WaitGroup
	d, err := h.room.ADispute(context.Background(), at[len("/wallet/dispute/"):])
	h.fine(err)
	for i := range 3 {
		all.Go(func() {
			if _, err := h.room.Concede(context.Background(), "test", d, "s-hina", "The carrier knows of no delivery", fmt.Sprint("k", i)); err != nil && fault.As(err).Kind != fault.Conflict {
				h.t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := h.room.Concede(context.Background(), "test", d, "", "", fmt.Sprint("p", i)); err != nil && fault.As(err).Kind != fault.Conflict {
				h.t.Error(err)
			}
		})
	}
	all.Wait()
	if h.balanceOf("person-ayesha") != had+60_00 {
		h.t.Errorf("%d went back", h.balanceOf("person-ayesha")-had)
	}
	// No: the payment stands.
	t = h.bought("stands", 10_00)
	at = h.complain(ayesha, t, "10", "amount")
	_, _, _ = h.page(bilal, at+"/contest", "words", "The price is on the shelf")
	desk = strings.Replace(at, "/wallet/", "/pay/operate/", 1)
	if _, raw, _ := h.page(hina, desk+"/reject", "words", "The receipt shows the price"); !strings.Contains(raw, `data-state="rejected"`) {
		h.t.Error("not rejected")
	}
	if words, _, _ := h.page(ayesha, at); !strings.Contains(words, "Decided: the payment stands") || !strings.Contains(words, "The receipt shows the price") {
		h.t.Errorf("the payer sees: %s", words)
	}
}

// aSilentPayee does not answer: after the working days the operator decides. The
// payee's account is empty then, so that no money can go back, and the dispute goes
// on.
func aSilentPayee(h *hall) {
	ctx := context.Background()
	h.rich("c0030", 100_000)
	t, err := h.instant("silent", "person-c0030", "person-c0031", 100_000)
	h.fine(err)
	payer := h.AsCitizen("s-c0030")
	at := h.complain(payer, t, "1000", "missing")
	d, err := h.room.ADispute(ctx, at[len("/wallet/dispute/"):])
	h.fine(err)
	if n := h.Pack.Calendar.DaysBetween(d.Opened, d.AnswerEnd); n < 5 || n > 6 {
		h.t.Errorf("%d working days to answer", n)
	}
	rest := h.balanceOf("person-c0031")
	_, err = h.room.Pay(ctx, "test", Instant{Party: "test", Key: "empty", Debit: "person-c0031", Credit: "fees-treasury-PKR", Amount: rest, Currency: "PKR"})
	h.fine(err)
	h.Clock.Advance(d.AnswerEnd.Sub(h.Clock.Now()) + time.Second)
	h.until(func() bool {
		return h.count("select count(*) from payments_dispute where id = $1 and state = 'unanswered'", d.ID) == 1
	})
	if words, _, _ := h.page(h.AsCitizen("s-c0031"), at+"/contest", "words", "late"); !strings.Contains(words, "has moved on") {
		h.t.Errorf("answered too late: %s", words)
	}
	hina := h.AsOfficial("s-hina", "sbp.rail")
	desk := strings.Replace(at, "/wallet/", "/pay/operate/", 1)
	words, raw, _ := h.page(hina, desk+"/refund", "words", "No answer", "key", "k1")
	if !strings.Contains(words, "not enough money") || !strings.Contains(raw, `data-state="unanswered"`) {
		h.t.Errorf("without money: %s", words)
	}
	h.rich("c0031", 200_000)
	if _, raw, _ := h.page(hina, desk+"/refund", "words", "No answer", "key", "k2"); !strings.Contains(raw, `data-state="refunded"`) {
		h.t.Error("with money")
	}
	if words, _, _ := h.page(h.AsCitizen("s-c0030"), at); !strings.Contains(words, "The payee did not answer in time") || !strings.Contains(words, "Decided: the money went back") {
		h.t.Errorf("the payer sees: %s", words)
	}
}

func aFraudIsToldToTheBanks(h *hall) {
	ctx := context.Background()
	h.rich("c0032", 100_000)
	t, err := h.instant("scam", "person-c0032", "person-c0033", 50_000)
	h.fine(err)
	payer := h.AsCitizen("s-c0032")
	at := h.complain(payer, t, "500", "scam")
	marks := func(state string) int64 {
		return h.count("select count(*) from payments_mark where transfer = $1 and state = $2 and reason = 'scam' and reporter = $3", t.ID, state, t.Payer.Book)
	}
	if marks(markOpen) != 1 {
		h.t.Fatal("the banks were not told")
	}
	if _, raw, _ := h.page(payer, at+"/withdraw", "x", ""); !strings.Contains(raw, `data-state="withdrawn"`) || marks(markCancelled) != 1 {
		h.t.Error("taken back, and the report stands")
	}
	// After that the payer may complain again, and the operator of the rail never
	// decides in a matter of their own.
	at = h.complain(payer, t, "500", "scam")
	d, err := h.room.ADispute(ctx, at[len("/wallet/dispute/"):])
	h.fine(err)
	who := h.Principal("s-hina", gate.Official, "sbp.rail")
	who.ID = "s-c0032"
	if _, err := gate.Authorize(ctx, h.Gate, who, "payments.dispute.judge", *d); fault.As(err).Kind != fault.Forbidden {
		h.t.Errorf("the payer decides: %v", err)
	}
}

func whatCannotBeDisputed(h *hall) {
	b := h.AsCitizen("s-ayesha")
	tax, err := h.instant("fee", "person-ayesha", "fees-treasury-PKR", 100)
	h.fine(err)
	if words, _, _ := h.page(b, "/wallet/payment/"+tax.ID); strings.Contains(words, "Something is wrong") {
		h.t.Error("a fee can be disputed")
	}
	if words, _, _ := h.page(b, "/wallet/payment/"+tax.ID+"/dispute", "amount", "1", "reason", "amount", "words", "x"); !strings.Contains(words, "Ask the office that you paid") {
		h.t.Errorf("a fee: %s", words)
	}
	old := h.bought("old", 100)
	h.Clock.Advance(91 * 24 * time.Hour)
	if words, _, _ := h.page(h.AsCitizen("s-ayesha"), "/wallet/payment/"+old.ID+"/dispute", "amount", "1", "reason", "amount", "words", "x"); !strings.Contains(words, "more than 90 days") {
		h.t.Errorf("an old payment: %s", words)
	}
}
