package payments_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// giveBack lets a bank return money of a payment that it received.
func (v *street) giveBack(h *house, uetr, id string, amount int64) bank.Payment {
	v.t.Helper()
	p, err := h.Return(context.Background(), bank.GiveBack{UETR: uetr, ID: id, Amount: amount, Reason: "CUST"})
	check(v.t, err)
	return p
}

// returning is a pacs.004 as text, to be spoilt.
func returning(from *house, id, uetr, amount string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr><GrpHdr><MsgId>%s</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf><InstgAgt><FinInstnId><BICFI>%s</BICFI></FinInstnId></InstgAgt></GrpHdr><TxInf><RtrId>%[1]s</RtrId><OrgnlUETR>%[3]s</OrgnlUETR><RtrdIntrBkSttlmAmt Ccy="PKR">%s</RtrdIntrBkSttlmAmt><RtrRsnInf><Rsn><Cd>FOCR</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr></Document>`, id, from.bic, uetr, amount)
}

// questionOfReturn is a pacs.028 about a return.
func questionOfReturn(id, uetr string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.028.001.03"><FIToFIPmtStsReq><GrpHdr><MsgId>Q1</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm></GrpHdr><TxInf><OrgnlGrpInf><OrgnlMsgId>M</OrgnlMsgId><OrgnlMsgNmId>pacs.004.001.09</OrgnlMsgNmId></OrgnlGrpInf><OrgnlInstrId>%s</OrgnlInstrId><OrgnlUETR>%s</OrgnlUETR></TxInf></FIToFIPmtStsReq></Document>`, id, uetr)
}

func aReturnInParts(v *street) {
	payer, _ := v.a.Account(v.a.customer(1))
	p := v.pay(v.a, v.b, 30_00)
	v.want(p, bank.Settled, "")
	v.ended(v.b, p.UETR)
	first := v.giveBack(v.b, p.UETR, "r-1", 10_00)
	v.want(first, bank.Settled, "")
	v.want(v.ended(v.a, first.UETR), bank.Settled, "")
	// The same return again is the same return; the same name for another is none.
	for range 2 {
		if s, r := v.status(v.send(v.b, questionOfReturn("r-1", p.UETR))); s != "ACSC" {
			v.t.Fatal(s, r)
		}
	}
	if _, err := v.b.Return(context.Background(), bank.GiveBack{UETR: p.UETR, ID: "r-1", Amount: 11_00, Reason: "CUST"}); !errors.Is(err, bank.ErrOther) {
		v.t.Fatal(err)
	}
	v.want(v.giveBack(v.b, p.UETR, "r-2", 20_01), bank.Back, "AM09") // a paisa more than is left
	v.want(v.giveBack(v.b, p.UETR, "r-3", 20_00), bank.Settled, "")
	v.want(v.giveBack(v.b, p.UETR, "r-4", 1), bank.Back, "ARDT")
	v.agree()
	if after, _ := v.a.Account(v.a.customer(1)); after.Balance != payer.Balance {
		v.t.Fatal(payer.Balance, after.Balance)
	}
	left, err := v.room.Returnable(context.Background(), p.UETR)
	if check(v.t, err); left != 0 {
		v.t.Fatal(left)
	}
	if t := v.room.TransferForTest(v.t, p.UETR); t.Phase != ledger.Committed { // what was paid stays final
		v.t.Fatal(t.Phase)
	}
}

func returnsThatAreRefused(v *street) {
	p := v.pay(v.a, v.b, 30_00)
	v.ended(v.b, p.UETR)
	check(v.t, v.a.SetState(v.a.customer(1), bank.StateClosed))
	v.want(v.giveBack(v.b, p.UETR, "closed-1", 5_00), bank.Back, "AC04")
	check(v.t, v.a.SetState(v.a.customer(1), bank.StateOpen))
	v.a.Behave(bank.Mood{Silent: true})
	v.want(v.giveBack(v.b, p.UETR, "silent-1", 5_00), bank.Back, "AB05")
	v.a.Behave(bank.Mood{})
	// What was refused takes nothing from what is left.
	v.want(v.giveBack(v.b, p.UETR, "whole-1", 30_00), bank.Settled, "")
	if _, err := v.b.Return(context.Background(), bank.GiveBack{UETR: newUUID(), Amount: 1, Reason: "CUST"}); !errors.Is(err, bank.ErrNoPayment) {
		v.t.Fatal(err)
	}
}

func aReturnOfSomebodyElsesMoney(v *street) {
	p := v.pay(v.a, v.b, 8_00)
	v.ended(v.b, p.UETR)
	tell := func(h *house, letter, reason string) {
		v.t.Helper()
		if s, r := v.status(v.send(h, letter)); s != "RJCT" || r != reason {
			v.t.Fatalf("%s %s, not RJCT %s", s, r, reason)
		}
	}
	tell(v.c, returning(v.c, "x-1", p.UETR, "8.00"), "NOOR") // to a third there is no such payment
	tell(v.a, returning(v.a, "x-1", p.UETR, "8.00"), "AGNT") // the payer's bank has nothing to return
	tell(v.b, returning(v.a, "x-1", p.UETR, "8.00"), "DNOR") // in another's name
	tell(v.b, returning(v.b, "x-1", newUUID(), "8.00"), "NOOR")
	for amount, reason := range map[string]string{"0.00": "AM01", "0": "AM01", "1.001": "AM12", "+5": "AM12", "10000000000000.01": "AM02"} {
		tell(v.b, returning(v.b, "x-2", p.UETR, amount), reason)
	}
	letter := returning(v.b, "x-3", p.UETR, "8.00")
	tell(v.b, strings.Replace(letter, `Ccy="PKR"`, `Ccy="USD"`, 1), "AM03")
	tell(v.b, strings.Replace(letter, `<RtrRsnInf><Rsn><Cd>FOCR</Cd></Rsn></RtrRsnInf>`, ``, 1), "FF01")
	tell(v.b, strings.Replace(letter, `<RtrId>x-3</RtrId>`, ``, 1), "FF01")
	for _, amount := range []string{"1e3", "-1", "۱۲", ""} {
		if _, err := v.send(v.b, returning(v.b, "x-4", p.UETR, amount)); !errors.Is(err, wire.ErrRejected) {
			v.t.Errorf("%q: %v", amount, err)
		}
	}
	// Nor does anybody but the two banks learn of a return.
	v.want(v.giveBack(v.b, p.UETR, "mine", 1_00), bank.Settled, "")
	for h, want := range map[*house]string{v.a: "ACSC ", v.b: "ACSC ", v.c: "RJCT NOOR"} {
		if s, r := v.status(v.send(h, questionOfReturn("mine", p.UETR))); s+" "+r != want {
			v.t.Errorf("%s: %s %s", h.bic, s, r)
		}
	}
	// A return is known by its payment; nobody can return it in its turn.
	if _, err := v.room.Return(context.Background(), payments.Return{Original: v.room.ReturnForTest(v.t, p.UETR), Party: "x", Key: "x", Reason: "CUST"}); !fault.Is(err, fault.Conflict) {
		v.t.Fatal(err)
	}
}

func aReturnWhoseAnswerGetsLost(v *street) {
	p := v.pay(v.a, v.b, 9_00)
	v.ended(v.b, p.UETR)
	again := v.room.LoseEnds()
	defer again()
	back := v.giveBack(v.b, p.UETR, "lost", 9_00)
	v.want(back, bank.Pending, "")
	again()
	// While it is open it counts: nothing else may go back.
	if s, r := v.status(v.send(v.b, returning(v.b, "lost-2", p.UETR, "0.01"))); s != "RJCT" || r != "ARDT" {
		v.t.Fatal(s, r)
	}
	v.Clock.Advance(payments.ReservationTime + time.Second)
	v.want(v.ended(v.b, back.UETR), bank.Back, "AB03")
	v.want(v.ended(v.a, back.UETR), bank.Back, "AB03")
	v.want(v.giveBack(v.b, p.UETR, "lost-3", 9_00), bank.Settled, "")
}

func manyReturnAtOnce(v *street) {
	p := v.pay(v.a, v.b, 10_00)
	v.ended(v.b, p.UETR)
	var mu sync.Mutex
	count := map[string]int{}
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			back := v.giveBack(v.b, p.UETR, fmt.Sprint("crowd-", i), 3_00)
			mu.Lock()
			defer mu.Unlock()
			count[back.State+back.Reason]++
		})
	}
	wg.Wait()
	if count[bank.Settled] != 3 || count[bank.Back+"AM09"] != 6 {
		v.t.Fatal(count)
	}
}

func anAccountThatTheHouseKeepsReturns(v *street) {
	iban, id := v.room.Hosted(v.t)
	var to country.Bank
	for _, b := range v.Pack.Banks {
		if b.Code == iban[4:8] {
			to = b
		}
	}
	p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: iban, Bank: to.BIC, Name: "X", Amount: 40_00})
	check(v.t, err)
	v.want(p, bank.Settled, "")
	before := v.room.BalanceForTest(v.t, id)
	ask := payments.Return{Original: p.UETR, Party: "shop/x", Key: "1", Amount: 15_00, Reason: "CUST", Actor: "citizen/x"}
	back, err := v.room.Return(context.Background(), ask)
	check(v.t, err)
	if back.Phase != ledger.Committed || back.Left != 25_00 {
		v.t.Fatalf("%+v %+v", back, back.Transfer)
	}
	again, err := v.room.Return(context.Background(), ask)
	check(v.t, err)
	name := p.UETR + "/" + back.Reference
	v.want(v.ended(v.a, name), bank.Settled, "")
	if after := v.room.BalanceForTest(v.t, id); before-after != 15_00 || again.ID != back.ID {
		v.t.Fatal(before, after)
	}
	// The payer has closed the account meanwhile: the money stays where it is.
	check(v.t, v.a.SetState(v.a.customer(1), bank.StateClosed))
	defer func() { check(v.t, v.a.SetState(v.a.customer(1), bank.StateOpen)) }()
	ask.Key, ask.Amount = "2", 0
	back, err = v.room.Return(context.Background(), ask)
	check(v.t, err)
	if back.Phase != ledger.Aborted || back.Reason != "AC04" || back.Left != 25_00 {
		v.t.Fatalf("%+v %+v", back, back.Transfer)
	}
}

// answersThatComeLater tells of a bank that only acknowledges what it is handed and
// answers by a message of its own.
func answersThatComeLater(v *street) {
	v.b.Behave(bank.Mood{Later: true, Delay: 100 * time.Millisecond})
	defer v.b.Behave(bank.Mood{})
	p := v.pay(v.a, v.b, 23_00)
	v.want(p, bank.Settled, "")
	v.want(v.ended(v.b, p.UETR), bank.Settled, "")
	v.b.Behave(bank.Mood{Later: true, Refuse: 1000})
	v.want(v.pay(v.a, v.b, 24_00), bank.Back, "AM21")
	v.b.Behave(bank.Mood{Later: true, Delay: answerWithin + 500*time.Millisecond})
	late := v.pay(v.a, v.b, 25_00)
	v.want(late, bank.Back, "AB05")
	v.want(v.ended(v.b, late.UETR), bank.Back, "AB05")
	v.b.Behave(bank.Mood{})
	v.a.Behave(bank.Mood{Later: true})
	defer v.a.Behave(bank.Mood{})
	v.want(v.giveBack(v.b, p.UETR, "later", 23_00), bank.Settled, "")
	// An answer to what nobody asked changes nothing.
	for _, h := range []*house{v.a, v.b, v.c} {
		if _, err := v.send(h, fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt><GrpHdr><MsgId>A1</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm></GrpHdr><TxInfAndSts><OrgnlUETR>%s</OrgnlUETR><TxSts>RJCT</TxSts></TxInfAndSts></FIToFIPmtStsRpt></Document>`, p.UETR)); err != nil {
			v.t.Fatal(err)
		}
	}
	v.agree()
	// Another process of the house takes the answer, while nobody waits for it here.
	if testing.Short() {
		return
	}
	v.a.Behave(bank.Mood{})
	v.b.Behave(bank.Mood{Later: true, Delay: 300 * time.Millisecond})
	restore := v.rail.ForgetAnswers()
	q := v.pay(v.a, v.b, 26_00)
	restore()
	v.want(q, bank.Settled, "")
	v.want(v.ended(v.b, q.UETR), bank.Settled, "")
}

// aStormOfQuestions lets a bank ask about the same payment over and over: from some
// point on it is told to wait, while its payments and the others' questions go on.
func aStormOfQuestions(v *street) {
	p := v.pay(v.a, v.b, 1_00)
	one := fmt.Sprintf("<TxInf><OrgnlUETR>%s</OrgnlUETR></TxInf>", p.UETR)
	storm := strings.Replace(question(p.UETR), one, strings.Repeat(one, 100), 1)
	answered, err := 0, error(nil)
	for ; err == nil && answered < 60; answered++ {
		_, err = v.send(v.c, storm)
	}
	if !errors.Is(err, wire.ErrRejected) || !strings.Contains(err.Error(), "TOOMANY") || answered < 20 {
		v.t.Fatal(answered, err)
	}
	v.want(v.pay(v.a, v.b, 1_00), bank.Settled, "")
	if s, r := v.status(v.send(v.a, question(p.UETR))); s != "ACSC" {
		v.t.Fatal(s, r)
	}
	v.expect(v.letter(v.c, v.b, newUUID(), "1.00"), "ACSC", "")
	v.Clock.Advance(10 * time.Second)
	if s, r := v.status(v.send(v.c, question(p.UETR))); s != "RJCT" || r != "NOOR" {
		v.t.Fatal(s, r)
	}
}
