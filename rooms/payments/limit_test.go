package payments

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// TestLimits tells what a person may pay, on both engines.
func TestLimits(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		for _, story := range []struct {
			name string
			tell func(h *hall)
		}{
			{"no race lets a payment through", noRaceLetsAPaymentThrough},
			{"a person's own limits", aPersonsOwnLimits},
			{"what does not count", whatDoesNotCount},
			{"a reservation counts while it holds", aReservationCountsWhileItHolds},
			{"a changed SIM card", aChangedSIMCard},
		} {
			h.t.Run(story.name, func(t *testing.T) {
				inner := *h
				inner.t = t
				story.tell(&inner)
			})
		}
	})
}

// rich gives a person more than any limit.
func (h *hall) rich(person string, amount int64) *Account {
	h.t.Helper()
	ctx := context.Background()
	a, err := h.room.account(ctx, func(tx *store.Tx) (*Account, error) { return getAccount(tx, "person-"+person) })
	h.fine(err)
	h.fine(h.room.deposit(ctx, "PKR", []ledger.Step{{Kind: ledger.Post, Party: "test", Key: "rich/" + person, Debit: ownAccount(a.Book, "PKR"), Credit: a.ID, Amount: amount, Currency: "PKR"}}))
	return a
}

func (h *hall) instant(key, from, to string, amount int64) (*Transfer, error) {
	return h.room.Pay(context.Background(), "test", Instant{Party: "test", Key: key, Debit: from, Credit: to, Amount: amount, Currency: "PKR"})
}

// noRaceLetsAPaymentThrough lets two processes pay for one person at once: of
// payments that each would fit, only as many pass as fit together.
func noRaceLetsAPaymentThrough(h *hall) {
	from := h.rich("c0030", 1_000_000_000)
	limits := h.room.countryLimits()
	second := NewSequencer(h.DB, h.Pack.Zone, h.room.log)
	second.clock = h.Clock
	other := &Room{db: h.room.db, sequencer: second, ledger: second, pack: h.room.pack, clock: h.room.clock, newID: h.room.newID, newReference: h.room.newReference, log: h.room.log}
	if _, err := h.instant("large", from.ID, "person-bilal", limits.Payment+1); keyOfFault(err) != "payments.limit.payment" {
		h.t.Fatalf("more than at once: %v", err)
	}
	amount := limits.Payment * 3 / 4
	fit := limits.Day / amount
	var passed, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 3 * fit {
		room := h.room
		if i%2 == 1 {
			room = other
		}
		all.Go(func() {
			_, err := room.Pay(context.Background(), "test", Instant{Party: "test", Key: fmt.Sprint("race/", i), Debit: from.ID, Credit: "person-bilal", Amount: amount, Currency: "PKR"})
			switch {
			case err == nil:
				passed.Add(1)
			case keyOfFault(err) == "payments.limit.day":
				refused.Add(1)
			default:
				h.t.Error(err)
			}
		})
	}
	all.Wait()
	spent := h.count("select cast(coalesce(sum(amount), 0) as bigint) from payments_spending where holder = 's-c0030'")
	if passed.Load() != fit || refused.Load() != 2*fit || spent != fit*amount {
		h.t.Errorf("%d passed and %d were refused, %d counted; %d fit", passed.Load(), refused.Load(), spent, fit)
	}
	// The rest of the day's limit fits to the paisa; a paisa more does not.
	rest := limits.Day - spent
	if _, err := h.instant("rest+1", from.ID, "person-bilal", rest+1); keyOfFault(err) != "payments.limit.day" {
		h.t.Errorf("a paisa more: %v", err)
	}
	if _, err := h.instant("rest", from.ID, "person-bilal", rest); err != nil {
		h.t.Errorf("the rest: %v", err)
	}
	// What was paid today is known again by its key, though nothing is left; what a
	// limit refused may be tried again tomorrow with the same key.
	if t, err := h.instant("rest", from.ID, "person-bilal", rest); err != nil || t.Phase != ledger.Committed {
		h.t.Errorf("the same payment again: %v", err)
	}
	h.Clock.Advance(24 * time.Hour)
	if _, err := h.instant("rest+1", from.ID, "person-bilal", rest+1); err != nil {
		h.t.Errorf("tomorrow: %v", err)
	}
}

func aPersonsOwnLimits(h *hall) {
	from := h.rich("c0031", 100_000_000)
	b := h.AsCitizen("s-c0031")
	for _, c := range []struct{ payment, day, count, want string }{
		{"1e3", "", "", "“e” in place 2"}, {"+5", "", "", "“+” in place 1"}, {"-1", "", "", "“-” in place 1"},
		{"", "", "+5", "whole number"}, {"", "", "-1", "limit is 100"}, {"200,000.01", "", "", "limit is Rs 200,000.00"}, {"500", "400", "", "cannot be more than a day"},
	} {
		if words, _, _ := h.page(b, "/wallet/limits", "payment", c.payment, "day", c.day, "count", c.count); strings.Contains(words, "are saved") || !strings.Contains(words, c.want) {
			h.t.Errorf("%+v: %s", c, words)
		}
	}
	words, _, _ := h.page(b, "/wallet/limits", "payment", "۱۰۰۰", "day", "2500", "count", "۳")
	if !strings.Contains(words, "are saved") || !strings.Contains(words, "Rs 1,000.00") || !strings.Contains(words, "Rs 2,500.00 left today") {
		h.t.Fatal(words)
	}
	if _, err := h.instant("own/1", from.ID, "person-bilal", 100_001); keyOfFault(err) != "payments.limit.payment" {
		h.t.Errorf("above the own limit: %v", err)
	}
	for i := range 3 {
		if _, err := h.instant(fmt.Sprint("own/count/", i), from.ID, "person-bilal", 100); err != nil {
			h.t.Fatal(err)
		}
	}
	if _, err := h.instant("own/count/3", from.ID, "person-bilal", 100); keyOfFault(err) != "payments.limit.count" {
		h.t.Errorf("the fourth: %v", err)
	}
	// The page says so in words, and keeps what was typed.
	_, _, at := h.page(b, "/wallet/pay", "from", from.ID, "to", "0399 7351924")
	if words, _, _ = h.page(b, at, "amount", "1"); !strings.Contains(words, "at most 3 payments in a day") {
		h.t.Errorf("on the page: %s", words)
	}
	// Raised: waits a day. Lowered while that waits: at once, and what waited is gone.
	words, _, _ = h.page(b, "/wallet/limits", "payment", "", "day", "", "count", "50")
	if !strings.Contains(words, "Your higher limits count from") || !strings.Contains(words, "3 made today") {
		h.t.Errorf("raised: %s", words)
	}
	if _, err := h.instant("own/raised", from.ID, "person-bilal", 100); keyOfFault(err) != "payments.limit.count" {
		h.t.Errorf("raised at once: %v", err)
	}
	h.Clock.Advance(24 * time.Hour)
	if _, err := h.instant("own/raised", from.ID, "person-bilal", 19_000_000); err != nil {
		h.t.Errorf("a day later: %v", err)
	}
	h.fine(h.room.setLimits(context.Background(), "test", "s-c0031", Limits{Payment: 5000}))
	h.fine(h.room.setLimits(context.Background(), "test", "s-c0031", Limits{Payment: 9000, Day: 10_000}))
	s, err := h.room.SpendingOf(context.Background(), "s-c0031")
	h.fine(err)
	if s.Payment != 5000 || s.Day != 10_000 || s.Own.Next.Payment != 9000 {
		h.t.Errorf("one up, one down: %+v", s)
	}
}

// whatDoesNotCount: the government's accounts, and a business's own.
func whatDoesNotCount(h *hall) {
	from := h.rich("c0032", 1_000_000_000)
	limits := h.room.countryLimits()
	if _, err := h.instant("tax", from.ID, "fees-treasury-PKR", limits.Payment+1); err != nil {
		h.t.Errorf("a tax above the limit: %v", err)
	}
	shop := h.count("select count(*) from payments_account where id = 'merchant-m001'")
	if shop != 1 {
		h.t.Fatal("the demo has another merchant")
	}
	h.fine(h.room.deposit(context.Background(), "PKR", []ledger.Step{{Kind: ledger.Post, Party: "test", Key: "rich/shop", Debit: ownAccount(h.bookOf("merchant-m001"), "PKR"), Credit: "merchant-m001", Amount: 100_000_000, Currency: "PKR"}}))
	if _, err := h.instant("rent", "merchant-m001", "person-bilal", limits.Payment+1); err != nil {
		h.t.Errorf("a business above a person's limit: %v", err)
	}
	if n := h.count("select count(*) from payments_spending where holder = 's-c0032'"); n != 0 {
		h.t.Errorf("%d counted", n)
	}
	// A refusal by the book does not count either.
	if t, err := h.instant("poor", "person-c0033", "person-bilal", 19_999_999); err != nil || t.Reason != ledger.NoFunds {
		h.t.Errorf("%v %v", t, err)
	}
	if n := h.count("select count(*) from payments_spending where holder = 's-c0033'"); n != 0 {
		h.t.Errorf("a refused payment counts")
	}
}

func (h *hall) bookOf(account string) (book string) {
	h.t.Helper()
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		book, err = store.Get(tx, store.Value[string], "select book from payments_account where id = $1", account)
		return err
	}))
	return book
}

// aReservationCountsWhileItHolds: what the interface reserves counts from then on,
// and no longer when it was given back or its time ran out.
func aReservationCountsWhileItHolds(h *hall) {
	h.rich("c0034", 100_000_000)
	b := h.AsCitizen("s-c0034")
	iban, to := h.citizen("c0034").IBAN, h.citizen("bilal").IBAN
	reserve := func() answer {
		return h.call(b, "POST", "/api/payments/transfers", map[string]any{"from": string(iban), "to": string(to), "amount": "150000.00"})
	}
	spent := func() int64 {
		return h.count("select cast(coalesce(sum(amount), 0) as bigint) from payments_spending where holder = 's-c0034'")
	}
	first := h.want(reserve(), 201, "reserved")
	if spent() != 15_000_000 {
		h.t.Errorf("%d counted", spent())
	}
	h.want(h.call(b, "POST", "/api/payments/transfers/"+first.body["id"].(string)+"/abort", nil), 200, "given back")
	if spent() != 0 {
		h.t.Errorf("given back, and %d counted", spent())
	}
	h.want(reserve(), 201, "reserved")
	h.Clock.Advance(ReservationTime + time.Second)
	if _, err := h.room.Expire(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	if spent() != 0 {
		h.t.Errorf("over, and %d counted", spent())
	}
	late := h.want(reserve(), 201, "reserved")
	h.Clock.Advance(ReservationTime + time.Second)
	h.want(h.call(b, "POST", "/api/payments/transfers/"+late.body["id"].(string)+"/commit", nil), 200, "too late")
	if spent() != 0 {
		h.t.Errorf("too late, and %d counted", spent())
	}
}

func aChangedSIMCard(h *hall) {
	from := h.rich("c0035", 100_000_000)
	k, err := h.room.typed(context.Background(), string(h.citizen("c0035").Phone))
	h.fine(err)
	h.fine(h.room.simChanged(context.Background(), "test", k))
	calm := h.Pack.Rules().Limits.Calm
	if _, err := h.instant("calm/1", from.ID, "person-bilal", calm+1); keyOfFault(err) != "payments.limit.calm" || !strings.Contains(fault.As(err).Args["most"], "25,000.00") {
		h.t.Errorf("right after: %v", err)
	}
	if words, _, _ := h.page(h.AsCitizen("s-c0035"), "/wallet/limits"); !strings.Contains(words, "You can pay less for now") {
		h.t.Error(words)
	}
	if _, err := h.instant("calm/2", from.ID, "person-bilal", calm); err != nil {
		h.t.Error(err)
	}
	h.Clock.Advance(CalmTime)
	if _, err := h.instant("calm/1", from.ID, "person-bilal", calm+1); err != nil {
		h.t.Errorf("three days later: %v", err)
	}
}
