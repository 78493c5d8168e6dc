package payments

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
)

// TestTheInterfaceOfCustomers goes the way of the pages by the JSON interface, on
// both engines: name, payment, history, receipt, request, refund, dispute, limits.
func TestTheInterfaceOfCustomers(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		ayesha, bilal, stranger := h.AsCitizen("s-ayesha"), h.AsCitizen("s-bilal"), h.AsCitizen("s-c0030")
		var shop string
		h.fine(h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
			shop, err = store.Get(tx, store.Value[string], "select iban from payments_account where id = $1", h.shop())
			return err
		}))
		own, his := string(h.citizen("ayesha").IBAN), string(h.citizen("bilal").IBAN)
		post := func(b *http.Client, status int, path string, in any) answer {
			h.t.Helper()
			return h.want(h.call(b, "POST", "/api/payments"+path, in), status, path)
		}
		type body = map[string]any

		// The name before the payment; its lookup pays.
		read := post(ayesha, 200, "/codes/read", body{"code": shop})
		if read.body["payee"] != "Qureshi Grocery" {
			h.t.Fatal(read.text)
		}
		for _, amount := range []string{"1e3", "+5", "-1", "0", "0.00", "۵", "1.234"} {
			if a := h.call(ayesha, "POST", "/api/payments/payments", body{"from": own, "lookup": read.body["lookup"], "amount": amount}); a.status != 422 && a.status != 400 {
				h.t.Errorf("%q: %d %s", amount, a.status, a.text)
			}
		}
		paid := post(ayesha, 201, "/payments", body{"from": own, "lookup": read.body["lookup"], "amount": "120.00", "purpose": "Flour"})
		if paid.body["phase"] != "committed" {
			h.t.Fatal(paid.text)
		}
		id := paid.body["id"].(string)
		if a := h.call(stranger, "POST", "/api/payments/payments", body{"from": own, "to": shop, "amount": "1.00"}); a.status != 403 {
			h.t.Errorf("from another's account: %d", a.status)
		}
		list := h.want(h.call(ayesha, "GET", "/api/payments/payments?limit=1&account="+own, nil), 200, "history")
		line := list.body["items"].([]any)[0].(body)
		if line["amount"] != "-120.00" || line["name"] != "Qureshi Grocery" || line["transfer"] != id || list.body["next"] == nil {
			h.t.Error(list.text)
		}
		if receipt := h.want(h.call(ayesha, "GET", "/api/payments/transfers/"+id+"/receipt", nil), 200, "receipt"); !strings.HasPrefix(receipt.body["proof"].(string), "c2sp.org/tlog-proof@v1") {
			h.t.Error(receipt.text)
		}

		// A request: asked, seen by both, refused once, asked again and paid.
		ask := body{"account": own, "of": "0399 7351924", "amount": "75.00", "purpose": "Half a taxi", "urgency": "now"}
		q := post(ayesha, 201, "/requests", ask)
		if q.body["payer"] != "B••• Q•••" || q.body["state"] != "asked" {
			h.t.Error(q.text)
		}
		at := "/requests/" + q.body["id"].(string)
		if a := h.call(stranger, "GET", "/api/payments"+at, nil); a.status != 403 {
			h.t.Errorf("a stranger reads it: %d", a.status)
		}
		if a := h.call(ayesha, "POST", "/api/payments"+at+"/pay", body{"from": own}); a.status != 403 {
			h.t.Errorf("the asker pays: %d", a.status)
		}
		if waiting := h.want(h.call(bilal, "GET", "/api/payments/requests", nil), 200, "list"); !strings.Contains(waiting.text, "Ayesha Siddiqui") || !strings.Contains(waiting.text, "Half a taxi") {
			h.t.Error(waiting.text)
		}
		if a := post(bilal, 200, at+"/refuse", body{"reason": "AM09", "words": "It was less"}); a.body["state"] != "refused" {
			h.t.Error(a.text)
		}
		if a := h.call(bilal, "POST", "/api/payments"+at+"/pay", body{"from": his}); a.status != 409 {
			h.t.Errorf("paid after that: %d %s", a.status, a.text)
		}
		ask["amount"], ask["urgency"], ask["expires"] = "70.00", "later", h.Clock.Now().Add(24*time.Hour).UTC().Format(time.RFC3339)
		at = "/requests/" + post(ayesha, 201, "/requests", ask).body["id"].(string)
		if a := post(bilal, 200, at+"/pay", body{"from": his}); a.body["phase"] != "committed" {
			h.t.Error(a.text)
		}
		if a := h.want(h.call(ayesha, "GET", "/api/payments"+at, nil), 200, "paid"); a.body["state"] != "paid" || a.body["transfer"] == "" {
			h.t.Error(a.text)
		}
		ask["expires"] = h.Clock.Now().Add(400 * 24 * time.Hour).UTC().Format(time.RFC3339)
		if a := h.call(ayesha, "POST", "/api/payments/requests", ask); a.status != 422 && a.status != 400 {
			h.t.Errorf("in 400 days: %d %s", a.status, a.text)
		}

		// Money back, and a dispute about the rest.
		back := post(bilal, 201, "/transfers/"+id+"/refunds", body{"amount": "20.00", "reason": "CUST"})
		if back.body["left"] != "100.00" || back.body["original"] != id {
			h.t.Error(back.text)
		}
		if a := h.call(bilal, "POST", "/api/payments/transfers/"+id+"/refunds", body{"amount": "100.01", "reason": "CUST"}); a.status != 409 {
			h.t.Errorf("more than the rest: %d", a.status)
		}
		d := post(ayesha, 201, "/transfers/"+id+"/disputes", body{"amount": "100.00", "reason": "faulty", "words": "Stones in it"})
		at = "/disputes/" + d.body["id"].(string)
		if a := post(bilal, 200, at+"/contest", body{"words": "It was sieved"}); a.body["state"] != "contested" || a.body["decide_by"] == nil {
			h.t.Error(a.text)
		}
		if a := post(bilal, 200, at+"/accept", nil); a.body["state"] != "refunded" || a.body["refund"] == "" {
			h.t.Error(a.text)
		}
		if a := h.want(h.call(bilal, "GET", "/api/payments/disputes?side=payee", nil), 200, "disputes"); len(a.list) != 1 {
			h.t.Error(a.text)
		}

		limits := h.want(h.call(ayesha, "PUT", "/api/payments/limits", body{"payment": "50.00"}), 200, "limits")
		if limits.body["payment"] != "50.00" || limits.body["spent"] != "120.00" {
			h.t.Error(limits.text)
		}
		if a := h.call(ayesha, "POST", "/api/payments/payments", body{"from": own, "to": shop, "amount": "50.01"}); a.status != 409 || a.body["code"] != "payments.limit.payment" {
			h.t.Errorf("above it: %d %s", a.status, a.text)
		}
	})
}
