package payments_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/wire"
)

// asks lets a customer of a bank ask one of another for money, until an hour has
// passed.
func (v *street) asks(creditor, debtor *house, amount int64) bank.Ask {
	v.t.Helper()
	a, err := creditor.Ask(context.Background(), bank.AskFor{From: debtor.customer(6), Bank: debtor.bic, Name: "Customer 6", To: creditor.customer(4), Amount: amount, Note: "school fee", Until: v.Clock.Now().Add(time.Hour)})
	check(v.t, err)
	return a
}

// askOf waits until a bank knows how a request stands.
func (v *street) askOf(h *house, uetr, state, reason string) bank.Ask {
	v.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		a, _ := h.AskOf(uetr)
		if a.State == state && a.Reason == reason {
			return a
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("%+v, not %s %s", a, state, reason)
		}
	}
}

func aRequestIsPaid(v *street) {
	ctx := context.Background()
	before, _ := v.a.Account(v.a.customer(4))
	a := v.asks(v.a, v.b, 31_00)
	if a.State != bank.AskOpen {
		v.t.Fatalf("%+v", a)
	}
	in := v.askOf(v.b, a.UETR, bank.AskOpen, "")
	if in.Amount != 31_00 || in.Note != "school fee" || in.Own != v.b.customer(6) || in.Ref != a.Ref {
		v.t.Fatalf("%+v", in)
	}
	// The payer presses the button many times at once: it is paid once.
	var mu sync.Mutex
	paid := 0
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			p, err := v.b.PayAsk(ctx, a.UETR)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, bank.ErrNoAsk) || err == nil && p.State == bank.Back && p.Reason == "DUPL":
			case err == nil && p.State == bank.Settled:
				paid++
			default:
				v.t.Errorf("%+v %v", p, err)
			}
		})
	}
	wg.Wait()
	v.askOf(v.a, a.UETR, bank.AskPaid, "")
	v.askOf(v.b, a.UETR, bank.AskPaid, "")
	v.agree()
	if after, _ := v.a.Account(v.a.customer(4)); paid != 1 || after.Balance-before.Balance != 31_00 {
		v.t.Fatal(paid, before, after)
	}
	// In the mood to pay a bank pays at once.
	v.b.Behave(bank.Mood{Asks: bank.AsksPay})
	defer v.b.Behave(bank.Mood{})
	v.askOf(v.a, v.asks(v.a, v.b, 32_00).UETR, bank.AskPaid, "")
}

func aRequestIsRefused(v *street) {
	ctx := context.Background()
	a := v.asks(v.a, v.b, 33_00)
	v.askOf(v.b, a.UETR, bank.AskOpen, "")
	check(v.t, v.b.RefuseAsk(ctx, a.UETR, "BE05"))
	v.askOf(v.a, a.UETR, bank.AskRefused, "BE05")
	v.b.Behave(bank.Mood{Asks: bank.AsksRefuse})
	if a := v.asks(v.a, v.b, 34_00); a.State != bank.AskRefused || a.Reason != "CUST" {
		v.t.Fatalf("%+v", a)
	}
	v.b.Behave(bank.Mood{})
	if a, err := v.a.Ask(ctx, bank.AskFor{From: v.b.customer(999), Bank: v.b.bic, Name: "X", To: v.a.customer(4), Amount: 1, Until: v.Clock.Now().Add(time.Hour)}); err != nil || a.Reason != "AC02" {
		v.t.Fatalf("%+v %v", a, err)
	}
	// A payment that fails leaves the request open for another.
	a = v.asks(v.a, v.b, 35_00)
	v.askOf(v.b, a.UETR, bank.AskOpen, "")
	check(v.t, v.a.SetState(v.a.customer(4), bank.StateBlocked))
	p, err := v.b.PayAsk(ctx, a.UETR)
	check(v.t, err)
	v.want(p, bank.Back, "AC06")
	check(v.t, v.a.SetState(v.a.customer(4), bank.StateOpen))
	p, err = v.b.PayAsk(ctx, a.UETR)
	check(v.t, err)
	v.want(p, bank.Settled, "")
}

// asking is a pain.013 as text, to be spoilt.
func (v *street) asking(creditor, debtor *house, uetr, amount string, until time.Time) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.013.001.07"><CdtrPmtActvtnReq><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><InitgPty><Nm>X</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>P1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-11-21</Dt></ReqdExctnDt><XpryDt><DtTm>%s</DtTm></XpryDt><Dbtr><Nm>A</Nm></Dbtr><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>%s</BICFI></FinInstnId></DbtrAgt><CdtTrfTx><PmtId><EndToEndId>E-1</EndToEndId><UETR>%s</UETR></PmtId><Amt><InstdAmt Ccy="PKR">%s</InstdAmt></Amt><ChrgBr>SLEV</ChrgBr><CdtrAgt><FinInstnId><BICFI>%s</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>B</Nm></Cdtr><CdtrAcct><Id><IBAN>%s</IBAN></Id></CdtrAcct></CdtTrfTx></PmtInf></CdtrPmtActvtnReq></Document>`,
		wire.DateTime(until), debtor.customer(6), debtor.bic, uetr, amount, creditor.bic, creditor.customer(2))
}

// told is what a pain.014 says.
func (v *street) told(m *wire.Message, err error) string {
	v.t.Helper()
	check(v.t, err)
	one := m.Body.(*pain014.Document).CdtrPmtActvtnReqStsRpt.OrgnlPmtInfAndSts[0].TxInfAndSts[0]
	if len(one.StsRsnInf) > 0 {
		return one.TxSts + " " + one.StsRsnInf[0].Rsn.Cd
	}
	return one.TxSts
}

func requestsThatLeadNowhere(v *street) {
	soon := v.Clock.Now().Add(time.Minute)
	uetr := newUUID()
	good := v.asking(v.c, v.b, uetr, "36.00", soon)
	for _, c := range []struct{ what, letter, want string }{
		{"a good one", good, "ACTC"},
		{"again", good, "ACTC"},
		{"another with its UETR", strings.Replace(good, "36.00", "37.00", 1), "RJCT DUPL"},
		{"in another's name", strings.Replace(v.asking(v.c, v.b, newUUID(), "1.00", soon), v.c.bic, v.a.bic, 1), "RJCT AGNT"},
		{"nobody's bank", strings.Replace(v.asking(v.c, v.b, newUUID(), "1.00", soon), v.b.bic, "NOSUPKKA", 1), "RJCT RC04"},
		{"another currency", strings.Replace(v.asking(v.c, v.b, newUUID(), "1.00", soon), `Ccy="PKR"`, `Ccy="USD"`, 1), "RJCT AM03"},
		{"nothing", v.asking(v.c, v.b, newUUID(), "0.00", soon), "RJCT AM12"},
		{"over before it is sent", v.asking(v.c, v.b, newUUID(), "1.00", soon.Add(-time.Hour)), "RJCT TM01"},
		{"for ever", v.asking(v.c, v.b, newUUID(), "1.00", soon.AddDate(1, 0, 0)), "RJCT DT01"},
		{"without a UETR", strings.Replace(good, "<UETR>"+uetr+"</UETR>", "", 1), "RJCT FF01"},
	} {
		if got := v.told(v.send(v.c, c.letter)); got != c.want {
			v.t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
	// A payment that is not what was asked for.
	answer := func(from *house, request, amount, iban string) string {
		letter := v.letter(from, v.c, newUUID(), amount)
		letter = strings.Replace(letter, "<PmtId>", "<PmtId><InstrId>"+wire.MessageID(request)+"</InstrId>", 1)
		letter = strings.Replace(letter, "</PmtId>", "</PmtId><PmtTpInf><LclInstrm><Prtry>RTP</Prtry></LclInstrm></PmtTpInf>", 1)
		return strings.Replace(letter, v.c.customer(2), iban, 1)
	}
	for what, c := range map[string]struct {
		from         *house
		letter, want string
	}{
		"more":            {v.b, answer(v.b, uetr, "36.01", v.c.customer(2)), "RJCT AM09"},
		"another account": {v.b, answer(v.b, uetr, "36.00", v.c.customer(1)), "RJCT AM09"},
		"somebody else":   {v.a, answer(v.a, uetr, "36.00", v.c.customer(2)), "RJCT NOOR"},
		"no request":      {v.b, answer(v.b, newUUID(), "36.00", v.c.customer(2)), "RJCT NOOR"},
	} {
		if s, r := v.status(v.send(c.from, c.letter)); s+" "+r != c.want {
			v.t.Errorf("%s: %s %s, not %s", what, s, r, c.want)
		}
	}
	v.Clock.Advance(2 * time.Minute)
	if s, r := v.status(v.send(v.b, answer(v.b, uetr, "36.00", v.c.customer(2)))); s+" "+r != "RJCT TM01" {
		v.t.Error(s, r)
	}
	if got := v.told(v.send(v.c, good)); got != "RJCT TM01" {
		v.t.Error(got)
	}
}
