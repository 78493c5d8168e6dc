package payments_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments"
)

// asked asks for a fee of a cause, as a service does that asks anew.
func (v *place) asked(cause, key string) (id string) {
	v.t.Helper()
	check(v.t, v.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		id, err = v.room.Ask(tx, payments.FeeRequest{Key: key, Cause: cause, Subject: "s-ayesha", Payee: "agpr.treasury", Amount: 20_000, Currency: "PKR", Purpose: "Domicile certificate", Expires: v.Clock.Now().Add(48 * time.Hour)})
		return err
	}))
	return id
}

// order takes a payer from a fee's page to the button that pays.
func (v *place) order(b *http.Client, from, fee string) string {
	v.t.Helper()
	page, _ := v.get(v.Browser(), "/pay/"+fee)
	_, status, to := v.post(b, "/wallet/pay", "from", from, "to", data(page, "code"))
	if status != http.StatusSeeOther {
		v.t.Fatalf("%s: %d", from, status)
	}
	return to
}

// ofTwoRequestsForOneThingOneIsPaid: an application asked for its fee anew
// while the first request could still be paid.
func ofTwoRequestsForOneThingOneIsPaid(t *testing.T, v *place) {
	const cause = "services/application/anew"
	first, second := v.asked(cause, "anew"), v.asked(cause, "anew/1")
	ayesha := v.AsCitizen("s-ayesha")
	late := v.order(ayesha, "person-ayesha", first)
	code := data(first200(v, first), "code")
	if _, status, _ := v.post(ayesha, v.order(ayesha, "person-ayesha", second)); status != http.StatusSeeOther {
		t.Fatal(status)
	}

	// The first can be paid no more: not by the button that was waiting, not by
	// its code, not by the interface; and its page says so in both languages.
	if body, status, _ := v.post(ayesha, late); status != http.StatusUnprocessableEntity || !strings.Contains(said(body), "paid already, by another request") {
		t.Errorf("the order: %d %s", status, said(body))
	}
	if body, status, _ := v.post(ayesha, "/wallet/pay", "from", "person-ayesha", "to", code); status != http.StatusUnprocessableEntity || !strings.Contains(said(body), "paid already, by another request") {
		t.Errorf("the code: %d %s", status, said(body))
	}
	if _, status := v.get(v.Browser(), "/pay/"+first+"/code.png"); status != http.StatusConflict {
		t.Errorf("the picture: %d", status)
	}
	page := first200(v, first)
	if !strings.Contains(said(page), "Already paid") || data(page, "code") != "" || !strings.Contains(page, `href="/pay/`+second+`"`) {
		t.Errorf("the page: %s", said(page))
	}
	urdu := v.Browser()
	_, _ = v.get(urdu, "/pay/"+first+"?lang=ur")
	if page, _ := v.get(urdu, "/pay/"+first); !strings.Contains(said(page), "پہلے ہی ادا ہو چکی") {
		t.Errorf("in Urdu: %s", said(page))
	}
	if v.count(payments.FeePaid) != 1 || v.count(payments.FeeCancelled) != 1 || v.count(payments.TransferCommitted) != 1 {
		t.Errorf("%d paid, %d cancelled, %d transfers", v.count(payments.FeePaid), v.count(payments.FeeCancelled), v.count(payments.TransferCommitted))
	}
	// Who asks once more is given the one that is paid.
	if third := v.asked(cause, "anew/2"); third != second {
		t.Errorf("asked a third time: %s", third)
	}
	v.allGreen()
}

func first200(v *place, fee string) string {
	v.t.Helper()
	page, status := v.get(v.Browser(), "/pay/"+fee)
	if status != http.StatusOK {
		v.t.Fatalf("the fee's page: %d", status)
	}
	return page
}

// twoRequestsForOneThingArePaidAtOnce: several people, each with another
// request of the same cause, press at the same time while it is asked anew.
func twoRequestsForOneThingArePaidAtOnce(t *testing.T, v *place) {
	const cause = "services/application/race"
	before := v.balance()
	type payer struct {
		b     *http.Client
		order string
	}
	var payers []payer
	for i, who := range []string{"ayesha", "bilal", "c0017", "c0018"} {
		b := v.AsCitizen("s-" + who)
		fee := v.asked(cause, "race/"+string(rune('0'+i)))
		payers = append(payers, payer{b, v.order(b, "person-"+who, fee)})
	}
	done := make(chan int, len(payers)+1)
	for _, p := range payers {
		go func() {
			_, status, _ := v.post(p.b, p.order)
			done <- status
		}()
	}
	var anew string
	go func() {
		_ = v.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
			anew, err = v.room.Ask(tx, payments.FeeRequest{Key: "race/anew", Cause: cause, Subject: "s-ayesha", Payee: "agpr.treasury", Amount: 20_000, Currency: "PKR", Purpose: "Domicile certificate", Expires: v.Clock.Now().Add(48 * time.Hour)})
			return err
		})
		done <- 0
	}()
	paid := 0
	for range len(payers) + 1 {
		if <-done == http.StatusSeeOther {
			paid++
		}
	}
	if paid != 1 || v.count(payments.TransferCommitted) != 1 || v.count(payments.FeePaid) != 1 {
		t.Errorf("%d were told that they paid, %d transfers, %d fees", paid, v.count(payments.TransferCommitted), v.count(payments.FeePaid))
	}
	if got := v.balance() - before; got != 20_000 {
		t.Errorf("the treasury has %d more", got)
	}
	if page := first200(v, anew); data(page, "phase") == "asked" {
		t.Error("what was asked for anew can still be paid")
	}
	v.allGreen()
}

// balance is what the treasury holds, in paisa.
func (v *place) balance() (n int64) {
	v.t.Helper()
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select balance from payments_account join payments_balance using (id) where holder = 'agpr.treasury'").Scan(&n)
	}))
	return n
}
