package payments_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/wire"
)

// recallOf waits until a bank knows how its recall stands.
func (v *street) recallOf(h *house, uetr, state, answer string) {
	v.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, _ := h.RecallOf(uetr)
		if c.State == state && c.Answer == answer {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("%+v, not %s %s", c, state, answer)
		}
	}
}

// watched is how the operator sees the recall of a payment.
func (v *street) watched(uetr string) payments.RecallView {
	v.t.Helper()
	status, text := v.call(v.AsOfficial("s-c0001", "sbp.rail"), "GET", "/api/payments/recalls", "", "")
	var list struct{ Items []payments.RecallView }
	if err := json.Unmarshal([]byte(text), &list); err != nil || status != 200 {
		v.t.Fatal(status, text)
	}
	for _, c := range list.Items {
		if c.Transfer == uetr {
			return c
		}
	}
	v.t.Fatalf("nobody recalls %s: %s", uetr, text)
	return payments.RecallView{}
}

func aRecallIsAccepted(v *street) {
	ctx := context.Background()
	p := v.pay(v.a, v.b, 50_00)
	v.ended(v.b, p.UETR)
	before, _ := v.a.Account(v.a.customer(1))
	c, err := v.a.Recall(ctx, p.UETR, "DUPL")
	check(v.t, err)
	if c.State != bank.RecallOpen {
		v.t.Fatalf("%+v", c)
	}
	v.recallOf(v.b, p.UETR, bank.RecallOpen, "")
	if w := v.watched(p.UETR); w.State != payments.RecallOpen || w.Asker != "alpha" || w.Keeper != "beta" || w.Amount != "50.00" || w.Reason != "DUPL" {
		v.t.Fatalf("%+v", w)
	}
	if again, err := v.a.Recall(ctx, p.UETR, "DUPL"); err != nil || again.Ref != c.Ref { // it is open already
		v.t.Fatal(again, err)
	}
	check(v.t, v.b.Answer(ctx, p.UETR, true, ""))
	v.recallOf(v.a, p.UETR, bank.RecallAccepted, "")
	v.agree()
	if after, _ := v.a.Account(v.a.customer(1)); after.Balance-before.Balance != 50_00 {
		v.t.Fatal(before, after)
	}
	if w := v.watched(p.UETR); w.State != payments.RecallReturned {
		v.t.Fatalf("%+v", w)
	}
	// In the mood to agree a bank needs nobody's word.
	v.b.Behave(bank.Mood{Recalls: bank.RecallsAccept})
	defer v.b.Behave(bank.Mood{})
	q := v.pay(v.a, v.b, 51_00)
	v.ended(v.b, q.UETR)
	_, err = v.a.Recall(ctx, q.UETR, "TECH")
	check(v.t, err)
	v.recallOf(v.a, q.UETR, bank.RecallAccepted, "")
	for deadline := time.Now().Add(5 * time.Second); v.watched(q.UETR).State != payments.RecallReturned; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.t.Fatalf("%+v", v.watched(q.UETR))
		}
	}
	page, err := v.AsOfficial("s-c0001", "sbp.rail").Get(v.URL + "/pay/operate/recalls")
	check(v.t, err)
	_ = page.Body.Close()
	if page.StatusCode != 200 {
		v.t.Fatal(page.Status)
	}
}

func aRecallIsRefused(v *street) {
	ctx := context.Background()
	p := v.pay(v.a, v.b, 52_00)
	v.ended(v.b, p.UETR)
	_, err := v.a.Recall(ctx, p.UETR, "FRAD")
	check(v.t, err)
	v.recallOf(v.b, p.UETR, bank.RecallOpen, "")
	check(v.t, v.b.Answer(ctx, p.UETR, false, "LEGL"))
	v.recallOf(v.a, p.UETR, bank.RecallRefused, "LEGL")
	if w := v.watched(p.UETR); w.State != payments.RecallRefused || w.Answer != "LEGL" {
		v.t.Fatalf("%+v", w)
	}
	// It may be asked again, for another reason.
	v.b.Behave(bank.Mood{Recalls: bank.RecallsRefuse})
	defer v.b.Behave(bank.Mood{})
	_, err = v.a.Recall(ctx, p.UETR, "AM09")
	check(v.t, err)
	v.recallOf(v.a, p.UETR, bank.RecallRefused, "CUST")
	left, err := v.room.Returnable(ctx, p.UETR)
	if check(v.t, err); left != 52_00 {
		v.t.Fatal(left)
	}
}

// calling is a camt.056 as text, to be spoilt.
func calling(from, to *house, id, uetr string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.056.001.08"><FIToFIPmtCxlReq><Assgnmt><Id>%s</Id><Assgnr><Agt><FinInstnId><BICFI>%s</BICFI></FinInstnId></Agt></Assgnr><Assgne><Agt><FinInstnId><BICFI>%s</BICFI></FinInstnId></Agt></Assgne><CreDtTm>2026-11-21T12:00:00Z</CreDtTm></Assgnmt><Undrlyg><TxInf><CxlId>%[1]s</CxlId><OrgnlUETR>%[4]s</OrgnlUETR><CxlRsnInf><Rsn><Cd>FRAD</Cd></Rsn></CxlRsnInf></TxInf></Undrlyg></FIToFIPmtCxlReq></Document>`, id, from.bic, to.bic, uetr)
}

// resolved is what a camt.029 says.
func (v *street) resolved(m *wire.Message, err error) string {
	v.t.Helper()
	check(v.t, err)
	x := m.Body.(*camt029.Document).RsltnOfInvstgtn
	one := x.CxlDtls[0].TxInfAndSts[0]
	if x.Sts.DplctOf != nil {
		return "duplicate of " + x.Sts.DplctOf.Id
	}
	if len(one.CxlStsRsnInf) > 0 {
		return x.Sts.Conf + " " + one.CxlStsRsnInf[0].Rsn.Cd
	}
	return x.Sts.Conf
}

func recallsThatLeadNowhere(v *street) {
	p := v.pay(v.a, v.b, 53_00)
	v.ended(v.b, p.UETR)
	for _, c := range []struct {
		what   string
		from   *house
		letter string
		want   string
	}{
		{"a third", v.c, calling(v.c, v.b, "n-1", p.UETR), "RJCR NOOR"},
		{"the payee's own bank", v.b, calling(v.b, v.a, "n-1", p.UETR), "RJCR AGNT"},
		{"no payment", v.a, calling(v.a, v.b, "n-1", newUUID()), "RJCR NOOR"},
		{"a good one", v.a, calling(v.a, v.b, "n-2", p.UETR), "PDCR"},
		{"again", v.a, calling(v.a, v.b, "n-2", p.UETR), "PDCR"},
		{"a second one", v.a, calling(v.a, v.b, "n-3", p.UETR), "duplicate of n-2"},
		{"the same for another reason", v.a, strings.Replace(calling(v.a, v.b, "n-2", p.UETR), "FRAD", "CUST", 1), "RJCR DUPL"},
	} {
		if got := v.resolved(v.send(c.from, c.letter)); got != c.want {
			v.t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
	for what, letter := range map[string]string{
		"another's name": calling(v.b, v.a, "n-4", p.UETR),
		"no reason":      strings.Replace(calling(v.a, v.b, "n-4", p.UETR), "<CxlRsnInf><Rsn><Cd>FRAD</Cd></Rsn></CxlRsnInf>", "", 1),
	} {
		if m, err := v.send(v.a, letter); err == nil {
			v.t.Errorf("%s: %+v", what, m)
		}
	}
	// Only the keeper answers it.
	answer := fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn><Assgnmt><Id>x</Id><Assgnr><Agt><FinInstnId/></Agt></Assgnr><Assgne><Agt><FinInstnId/></Agt></Assgne><CreDtTm>2026-11-21T12:00:00Z</CreDtTm></Assgnmt><Sts><Conf>CNCL</Conf></Sts><CxlDtls><TxInfAndSts><OrgnlUETR>%s</OrgnlUETR></TxInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>`, p.UETR)
	for _, h := range []*house{v.a, v.c} {
		if _, err := v.send(h, answer); err == nil {
			v.t.Errorf("%s answered", h.bic)
		}
	}
	if w := v.watched(p.UETR); w.State != payments.RecallOpen {
		v.t.Fatalf("%+v", w)
	}
	v.want(v.giveBack(v.b, p.UETR, "n-9", 53_00), bank.Settled, "") // without a word, too
	if w := v.watched(p.UETR); w.State != payments.RecallReturned {
		v.t.Fatalf("%+v", w)
	}
	if got := v.resolved(v.send(v.a, calling(v.a, v.b, "n-5", p.UETR))); got != "RJCR ARDT" {
		v.t.Fatal(got)
	}
}

func aRecallThatNobodyAnswers(v *street) {
	p := v.pay(v.a, v.b, 54_00)
	v.ended(v.b, p.UETR)
	_, err := v.a.Recall(context.Background(), p.UETR, "CUST")
	check(v.t, err)
	v.recallOf(v.b, p.UETR, bank.RecallOpen, "")
	v.Clock.Advance(payments.RecallTime + time.Second)
	v.recallOf(v.a, p.UETR, bank.RecallRefused, "NOAS")
	if w := v.watched(p.UETR); w.State != payments.RecallOver {
		v.t.Fatalf("%+v", w)
	}
}

func aRecallOfMoneyThatTheHouseKeeps(v *street) {
	iban, id := v.room.Hosted(v.t)
	var to country.Bank
	for _, b := range v.Pack.Banks {
		if b.Code == iban[4:8] {
			to = b
		}
	}
	before := v.room.BalanceForTest(v.t, id)
	for accept, want := range map[bool]string{true: bank.RecallAccepted, false: bank.RecallRefused} {
		p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: iban, Bank: to.BIC, Name: "X", Amount: 55_00})
		check(v.t, err)
		v.want(p, bank.Settled, "")
		_, err = v.a.Recall(context.Background(), p.UETR, "DUPL")
		check(v.t, err)
		c := v.watched(p.UETR)
		answer, reason := fmt.Sprintf(`{"accept":%v,"reason":"CUST"}`, accept), "CUST"
		if accept {
			reason = ""
		}
		keeper := v.program(c.Keeper)
		for _, b := range []string{"nobody", v.Pack.Banks[0].ID, v.Pack.Banks[1].ID} {
			if b == c.Keeper {
				continue
			}
			if status, text := v.call(v.program(b), "POST", "/api/payments/recalls/"+c.ID+"/answer", "recall-no-00000-"+b, answer); status != 403 {
				v.t.Fatal(b, status, text)
			}
		}
		if status, text := v.call(keeper, "POST", "/api/payments/recalls/"+c.ID+"/answer", "recall-"+c.ID, answer); status != 200 {
			v.t.Fatal(status, text)
		}
		v.recallOf(v.a, p.UETR, want, reason)
		v.agree()
	}
	if after := v.room.BalanceForTest(v.t, id); after-before != 55_00 {
		v.t.Fatal(before, after)
	}
	// Two of the keeper's people answer at once, one so, one so: what is said is what was
	// done.
	for range 4 {
		before := v.room.BalanceForTest(v.t, id)
		p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: iban, Bank: to.BIC, Name: "X", Amount: 56_00})
		check(v.t, err)
		v.want(p, bank.Settled, "")
		_, err = v.a.Recall(context.Background(), p.UETR, "DUPL")
		check(v.t, err)
		c := v.watched(p.UETR)
		var both sync.WaitGroup
		for _, accept := range []bool{true, false} {
			both.Go(func() {
				if _, err := v.room.GiveBack(context.Background(), "client/test", c.ID, accept, "CUST"); err != nil && fault.As(err).Key != "payments.recall.over" {
					v.t.Error(err)
				}
			})
		}
		both.Wait()
		kept, state := v.room.BalanceForTest(v.t, id)-before, v.watched(p.UETR).State
		if (kept != 56_00 || state != payments.RecallRefused) && (kept != 0 || state != payments.RecallReturned) {
			v.t.Errorf("the recall is %s and %d are kept", state, kept)
		}
	}
}

// anAnswerThatChangesOnItsWay tells of a keeper who agrees and then refuses, while the
// asker is being told that it agreed: the asker hears both.
func anAnswerThatChangesOnItsWay(v *street) {
	ctx := context.Background()
	p := v.pay(v.a, v.b, 57_00)
	v.ended(v.b, p.UETR)
	_, err := v.a.Recall(ctx, p.UETR, "DUPL")
	check(v.t, err)
	v.recallOf(v.b, p.UETR, bank.RecallOpen, "")
	c := v.watched(p.UETR)
	check(v.t, v.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("update payments_recall set state = 'accepted', handed = asked, answered = asked where id = $1", c.ID)
		return err
	}))
	commit, err := v.room.RecallStepForTest(ctx, c.ID) // tells the asker
	check(v.t, err)
	v.recallOf(v.a, p.UETR, bank.RecallAccepted, "")
	check(v.t, v.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("update payments_recall set state = 'refused', answer = 'LEGL', told = 0 where id = $1", c.ID); err != nil {
			return err
		}
		return commit(tx)
	}))
	v.recallOf(v.a, p.UETR, bank.RecallRefused, "LEGL")
}
