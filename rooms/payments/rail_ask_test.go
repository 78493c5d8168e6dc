package payments_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
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

// aCitizenIsAskedByAConnectedBank lets a customer of a bank ask citizens whose
// accounts the house keeps: the request waits in the wallet, and the bank learns what
// becomes of it there.
func aCitizenIsAskedByAConnectedBank(v *street) {
	ctx := context.Background()
	t, ok := v.t.(*testing.T)
	if !ok {
		return
	}
	p := &place{Court: v.Court, room: v.room, t: t, before: map[string]int{}}
	ayesha, own := v.AsCitizen("s-ayesha"), "person-ayesha"
	iban, keeper := v.room.AccountForTest(t, own)
	ask := func(to string, amount int64, until time.Duration) bank.Ask {
		t.Helper()
		a, err := v.a.Ask(ctx, bank.AskFor{From: to, Bank: keeper, Name: "Ayesha", To: v.a.customer(4), Amount: amount, Note: "tailor", Until: v.Clock.Now().Add(until)})
		check(t, err)
		return a
	}
	answer := func(a bank.Ask, verb string, values ...string) {
		t.Helper()
		page := "/wallet/request/" + v.room.RequestForTest(t, a.UETR)
		if body, status, _ := p.post(ayesha, page+"/"+verb, values...); status != http.StatusSeeOther {
			t.Fatalf("%d %s", status, said(body))
		}
	}
	pay := func(a bank.Ask) { t.Helper(); answer(a, "pay", "from", own, "key", newUUID()) }

	// She sees who asks, by which bank, and pays: once.
	before, there := v.room.BalanceForTest(t, own), v.a.Total().Customer
	a := ask(iban, 61_00, time.Hour)
	if a.State != bank.AskOpen {
		t.Fatalf("%+v", a)
	}
	page, _ := p.get(ayesha, "/wallet/request/"+v.room.RequestForTest(t, a.UETR))
	for _, want := range []string{"Customer 4", "Bank alpha", "tailor", "61.00"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q: %s", want, said(page))
		}
	}
	pay(a)
	pay(a) // from another screen
	v.askOf(v.a, a.UETR, bank.AskPaid, "")
	v.agree()
	if x := before - v.room.BalanceForTest(t, own); x != 61_00 || v.a.Total().Customer-there != 61_00 {
		t.Fatal(x)
	}
	if again := ask(iban, 61_00, time.Hour); again.UETR == a.UETR {
		t.Fatal("the same request")
	}

	// She refuses: her reason reaches the bank.
	a = ask(iban, 62_00, 48*time.Hour)
	answer(a, "refuse", "reason", "BE05")
	v.askOf(v.a, a.UETR, bank.AskRefused, "BE05")

	// A payment that the bank refuses leaves it open for another.
	a = ask(iban, 63_00, time.Hour)
	check(t, v.a.SetState(v.a.customer(4), bank.StateBlocked))
	pay(a)
	check(t, v.a.SetState(v.a.customer(4), bank.StateOpen))
	if got, _ := v.a.AskOf(a.UETR); got.State != bank.AskOpen {
		t.Fatalf("%+v", got)
	}
	pay(a)
	v.askOf(v.a, a.UETR, bank.AskPaid, "")

	// Nobody answers in time.
	a = ask(iban, 64_00, 2*time.Minute)
	v.Clock.Advance(3 * time.Minute)
	v.askOf(v.a, a.UETR, bank.AskRefused, "TM01")

	// Nobody can be asked there.
	if a := ask(v.b.customer(6), 1, time.Hour); a.State != bank.AskRefused || a.Reason != "AC02" {
		t.Fatalf("%+v", a)
	}
	if a := ask(iban, 1, 80*24*time.Hour); a.State != bank.AskRefused || a.Reason != "DT01" {
		t.Fatalf("%+v", a)
	}
	if x := before - v.room.BalanceForTest(t, own); x != 61_00+63_00 {
		t.Fatal(x)
	}
}
