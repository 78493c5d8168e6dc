package payments

import (
	"strings"
	"testing"

	"sarai/courtyard/store"
)

// TestAMarkWarns tells the story of a report of fraud: who may say what, who
// reads what, and what a payer sees.
func TestAMarkWarns(t *testing.T) {
	t.Parallel()
	inHall(t, 40, func(h *hall) {
		ayesha, bilal := h.citizen("ayesha"), h.citizen("bilal")
		mobile := string(bilal.Phone)
		a := h.AsCitizen("s-ayesha")
		confirm := func() string {
			words, _, _ := h.page(a, "/wallet/pay", "from", "person-ayesha", "to", mobile)
			return words
		}
		_, _, order := h.page(a, "/wallet/pay", "from", "person-ayesha", "to", mobile)
		_, _, paid := h.page(a, order, "amount", "100")
		transfer := paid[strings.LastIndex(paid, "/")+1:]

		payers, payees := h.program("bank-"+ayesha.Bank), h.program("bank-"+bilal.Bank)
		third := h.third(ayesha.Bank, bilal.Bank)
		report := fields{"transfer": transfer, "reason": "scam", "details": "The customer was told on the telephone to pay."}
		h.want(h.call(h.program("bank-"+third), "POST", "/participants/"+third+"/infraction-reports", report), 404, "a bank that is no party")
		h.want(h.call(a, "POST", "/participants/"+ayesha.Bank+"/infraction-reports", report), 403, "a citizen reports")
		m := h.want(h.call(payers, "POST", "/participants/"+ayesha.Bank+"/infraction-reports", report), 201, "report")
		id := m.body["id"].(string)
		h.want(h.call(payers, "POST", "/participants/"+ayesha.Bank+"/infraction-reports", report), 409, "report twice")
		if strings.Contains(confirm(), "fraud") {
			h.t.Error("an open report accuses the payee")
		}
		list := h.want(h.call(payees, "GET", "/participants/"+bilal.Bank+"/infraction-reports?state=open", nil), 200, "the other bank's list").body["items"].([]any)
		if len(list) != 1 {
			h.t.Error("the other bank sees", list)
		}
		h.want(h.call(payers, "POST", "/infraction-reports/"+id+"/acknowledge", nil), map[bool]int{true: 200, false: 403}[ayesha.Bank == bilal.Bank], "the reporter acknowledges")
		h.want(h.call(h.program("bank-"+third), "GET", "/infraction-reports/"+id, nil), 403, "a third bank reads")
		h.want(h.call(payees, "POST", "/infraction-reports/"+id+"/acknowledge", nil), 200, "acknowledge")
		h.want(h.call(payees, "POST", "/infraction-reports/"+id+"/close", fields{"outcome": "agreed", "analysis": "The account passed the money on within minutes."}), 200, "close")

		// the payer is warned in plain words, the payee can object
		words := confirm()
		for _, want := range []string{"Banks have confirmed a report of fraud about this payee", "A payment is final"} {
			if !strings.Contains(words, want) {
				h.t.Errorf("the payer does not read %q: %s", want, words)
			}
		}
		if strings.Contains(words, "told on the telephone") {
			h.t.Error("the payer reads what the banks wrote")
		}
		if words, _, _ = h.page(h.AsCitizen("s-bilal"), "/wallet/aliases"); !strings.Contains(words, "Two banks have agreed that a payment to your account was part of a fraud") {
			h.t.Error("the payee does not know:", words)
		}
		if words, _, _ = h.page(a, "/wallet/aliases"); strings.Contains(words, "fraud") {
			h.t.Error("somebody else reads it:", words)
		}
		// any participant sees counts, by number, account and person
		counted := h.want(h.call(h.program("bank-"+third), "POST", "/participants/"+third+"/statistics", fields{"of": mobile}), 200, "statistics")
		if strings.Count(counted.text, `"agreed":1`) != 9 || strings.Contains(counted.text, "telephone") {
			h.t.Error(counted.text)
		}
		if none := h.want(h.call(h.program("bank-"+third), "POST", "/participants/"+third+"/statistics", fields{"of": "0399 0000001"}), 200, "statistics of nobody"); strings.Contains(none.text, `"agreed":1`) {
			h.t.Error(none.text)
		}
		h.Clock.Advance(100 * day)
		payers, payees = h.program("bank-"+ayesha.Bank), h.program("bank-"+bilal.Bank)
		counted = h.want(h.call(payees, "POST", "/participants/"+bilal.Bank+"/statistics", fields{"of": mobile}), 200, "statistics later")
		if strings.Count(counted.text, `"agreed":1`) != 6 {
			h.t.Error("after a hundred days:", counted.text)
		}
		// the rail's operator reads all of it
		hina := h.AsOfficial("s-hina", "sbp.rail")
		if words, _, _ = h.page(hina, "/pay/directory"); !strings.Contains(words, "told on the telephone") || !strings.Contains(words, "Agreed") || strings.Contains(words, "Differ") {
			h.t.Error("the operator's page:", words)
		}
		if words, _, _ = h.page(hina, "/pay/directory?lang=ur"); !strings.Contains(words, "دھوکے کی اطلاعات") || strings.Contains(words, "payments.") {
			h.t.Error("the operator's page in Urdu:", words)
		}
		if words, _, _ = h.page(h.AsCitizen("s-bilal"), "/pay/directory"); !strings.Contains(words, "Only the operator") {
			h.t.Error("a citizen sees the operator's page:", words)
		}
		// what was reported by mistake is taken back, and warns nobody any more
		h.want(h.call(payees, "POST", "/infraction-reports/"+id+"/cancel", nil), map[bool]int{true: 200, false: 403}[ayesha.Bank == bilal.Bank], "the other bank cancels")
		h.want(h.call(payers, "POST", "/infraction-reports/"+id+"/cancel", nil), 200, "cancel")
		a = h.AsCitizen("s-ayesha")
		if words = confirm(); strings.Contains(words, "fraud") {
			h.t.Error("a report that was taken back still warns:", words)
		}
		h.want(h.call(payers, "POST", "/participants/"+ayesha.Bank+"/infraction-reports", report), 409, "report what is too old")
		if n := h.count("select count(*) from payments_mark where changed > $1", store.Micros(h.Clock.Now().Add(-day))); n != 1 {
			h.t.Error("marks:", n)
		}
	})
}
