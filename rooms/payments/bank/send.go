package bank

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi011"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pacs028"
	"sarai/rooms/payments/wire"
)

// Order is what a customer wants.
type Order struct {
	UETR   string // "" makes one; the same one again is the same order
	From   string // IBAN of our customer
	To     string // IBAN of the payee
	Bank   string // BIC of the payee's participant
	Name   string // of the payee
	Amount int64  // minor units
	Note   string // at most 140 characters

	request, ref string // the request to pay that it answers: its UETR and EndToEndId
}

// Errors of Pay: nothing was sent and nothing is held.
var (
	ErrAccount = errors.New("bank: no such account, or it is not open")
	ErrFunds   = errors.New("bank: there is not enough money on the account")
	ErrAmount  = errors.New("bank: the amount is not more than zero")
	ErrOther   = errors.New("bank: the UETR belongs to another payment")
)

type stats struct{ sent, settled, returned, asked, again, accepted, refused atomic.Int64 }

// Stats counts since the start.
type Stats struct {
	Sent, Settled, Returned int64 // orders of ours
	Asked                   int64 // payments asked about by pacs.028
	Again                   int64 // orders sent again
	Accepted, Refused       int64 // payments to us
}

// Stats gives the counts.
func (b *Bank) Stats() Stats {
	s := &b.stats
	return Stats{s.sent.Load(), s.settled.Load(), s.returned.Load(), s.asked.Load(), s.again.Load(), s.accepted.Load(), s.refused.Load()}
}

// Pay holds the money, sends the order and gives what became of it. A payment in
// state Pending is one whose outcome is not known yet; the bank goes on asking.
func (b *Bank) Pay(ctx context.Context, o Order) (Payment, error) {
	if o.Amount <= 0 {
		return Payment{}, ErrAmount
	}
	if o.UETR == "" {
		o.UETR = newUUID()
	}
	o.UETR = strings.ToLower(o.UETR)
	again := false
	err := b.do(func() (*entry, error) {
		if p := b.book.payments[o.UETR]; p != nil {
			if again = true; !p.Outgoing || p.Own != o.From || p.Other != o.To || p.Amount != o.Amount {
				return nil, ErrOther
			}
			return nil, nil
		}
		a := b.book.accounts[o.From]
		switch {
		case a == nil || a.State != StateOpen:
			return nil, ErrAccount
		case a.Balance-a.Held < o.Amount:
			return nil, ErrFunds
		}
		if o.ref == "" {
			o.ref = wire.MessageID(o.UETR)
		}
		return &entry{Kind: entrySend, UETR: o.UETR, Own: o.From, Other: o.To, Bank: o.Bank, Name: o.Name, Amount: o.Amount, Note: o.Note, Ref: o.ref, Request: o.request, Made: string(wire.DateTime(b.cfg.Now()))}, nil
	})
	if err != nil {
		return Payment{}, err
	}
	if again {
		p, _ := b.Payment(o.UETR)
		return p, nil
	}
	return b.sent(ctx, o.UETR), nil
}

// sent sends what was written and says what became of it.
func (b *Bank) sent(ctx context.Context, name string) Payment {
	p, _ := b.Payment(name)
	b.stats.sent.Add(1)
	if err := b.send(ctx, p, true); err != nil {
		b.cfg.Log.WarnContext(ctx, "the outcome of an order is not known yet", "error", err)
	}
	p, _ = b.Payment(name)
	switch p.State {
	case Settled:
		b.stats.settled.Add(1)
	case Back:
		b.stats.returned.Add(1)
	}
	return p
}

// Wait waits until an order has ended.
func (b *Bank) Wait(ctx context.Context, uetr string) (Payment, error) {
	b.mu.Lock()
	p, ok := b.Payment(uetr)
	if !ok || p.State != Pending {
		b.mu.Unlock()
		return p, nil
	}
	c := b.ended[uetr]
	if c == nil {
		c = make(chan struct{})
		b.ended[uetr] = c
	}
	b.mu.Unlock()
	select {
	case <-c:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	p, _ = b.Payment(uetr)
	return p, nil
}

// send sends an order and takes the answer. Only when it is sent for the first
// time does a message that was not taken end it: later nobody knows whether an
// earlier one was.
func (b *Bank) send(ctx context.Context, p Payment, first bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Patience)
	defer cancel()
	var d iso20022.Message
	var err error
	if uetr, _ := p.original(); uetr == "" {
		d, err = b.order(p)
	} else {
		d, err = b.returned(p)
	}
	if err != nil {
		return err
	}
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	switch {
	case errors.Is(err, wire.ErrRejected) && first:
		_, end := b.end(p.UETR, rejected, format, true)
		return errors.Join(err, end)
	case err != nil || answer == nil:
		return err
	}
	report, ok := answer.Body.(*pacs002.Document)
	if !ok {
		return fmt.Errorf("bank: the rail answered %s by %s", d.ID(), answer.Name)
	}
	return b.told(report)
}

// mostAsked is how many payments one pacs.028 asks about.
const mostAsked = 100

// ask asks what became of payments, and sends those again that the rail does not
// know.
func (b *Bank) ask(ctx context.Context, uetrs []string) {
	for len(uetrs) > 0 && ctx.Err() == nil {
		n := min(len(uetrs), mostAsked)
		report, err := b.Status(ctx, uetrs[:n]...)
		if err != nil {
			b.cfg.Log.WarnContext(ctx, "the rail could not be asked", "error", err)
			return
		}
		b.stats.asked.Add(int64(n))
		for i := range report.FIToFIPmtStsRpt.TxInfAndSts {
			one := &report.FIToFIPmtStsRpt.TxInfAndSts[i]
			uetr, reason := wire.NameOf(one), reasonOf(one)
			if _, err := b.end(uetr, one.TxSts, reason, false); err != nil {
				b.cfg.Log.ErrorContext(ctx, "the outcome of a payment could not be written", "error", err)
				return
			}
			if p, _ := b.Payment(uetr); one.TxSts == rejected && reason == notKnown && p.Outgoing && p.State == Pending {
				b.stats.again.Add(1)
				if err := b.send(ctx, p, false); err != nil {
					b.cfg.Log.WarnContext(ctx, "an order could not be sent again", "error", err)
				}
			}
		}
		uetrs = uetrs[n:]
	}
}

// Status asks the rail about payments by pacs.028 and changes nothing here.
func (b *Bank) Status(ctx context.Context, uetrs ...string) (*pacs002.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	d := &pacs028.Document{}
	d.FIToFIPmtStsReq.GrpHdr.MsgId, d.FIToFIPmtStsReq.GrpHdr.CreDtTm = wire.MessageID(newUUID()), wire.DateTime(b.cfg.Now())
	for _, u := range uetrs {
		q := pacs028.PaymentTransaction113{OrgnlUETR: u}
		if uetr, rtrID := (Payment{UETR: u}).original(); uetr != "" {
			q.OrgnlUETR, q.OrgnlInstrId, q.OrgnlGrpInf = uetr, rtrID, &pacs028.OriginalGroupInformation29{OrgnlMsgId: "NOTPROVIDED", OrgnlMsgNmId: pacs004.ID}
		}
		d.FIToFIPmtStsReq.TxInf = append(d.FIToFIPmtStsReq.TxInf, q)
	}
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	if err != nil {
		return nil, err
	}
	if answer != nil {
		if report, ok := answer.Body.(*pacs002.Document); ok {
			return report, nil
		}
	}
	return nil, errors.New("bank: the rail did not answer pacs.028 by pacs.002")
}

// Echo asks whether the rail is there.
func (b *Bank) Echo(ctx context.Context) error {
	d := &admi004.Document{}
	d.SysEvtNtfctn.EvtInf.EvtCd, d.SysEvtNtfctn.EvtInf.EvtTm = ping, wire.DateTime(b.cfg.Now())
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	if err != nil {
		return err
	}
	if answer != nil {
		if _, ok := answer.Body.(*admi011.Document); ok {
			return nil
		}
	}
	return errors.New("bank: the rail did not answer admi.004 by admi.011")
}

// order is the pacs.008 of a payment: the same each time it is made.
func (b *Bank) order(p Payment) (*pacs008.Document, error) {
	a, _ := b.Account(p.Own)
	amount, err := iso20022.Amount(p.Amount, b.cfg.Currency)
	if err != nil {
		return nil, err
	}
	agent := func(bic string) pacs008.BranchAndFinancialInstitutionIdentification6 {
		return pacs008.BranchAndFinancialInstitutionIdentification6{FinInstnId: pacs008.FinancialInstitutionIdentification18{BICFI: bic}}
	}
	us, rail := agent(b.cfg.BIC), agent(b.cfg.RailBIC)
	d := &pacs008.Document{}
	g := &d.FIToFICstmrCdtTrf.GrpHdr
	g.MsgId, g.CreDtTm, g.NbOfTxs = wire.MessageID(p.UETR), dateTime(p.made), "1"
	g.SttlmInf.SttlmMtd = pacs008.SettlementMethod1CodeCLRG
	g.InstgAgt, g.InstdAgt = &us, &rail
	tx := pacs008.CreditTransferTransaction39{
		PmtId:          pacs008.PaymentIdentification7{EndToEndId: p.Ref, TxId: wire.MessageID(p.UETR), UETR: p.UETR},
		IntrBkSttlmAmt: pacs008.ActiveCurrencyAndAmount{Ccy: b.cfg.Currency, Value: amount},
		AccptncDtTm:    dateTime(p.made),
		ChrgBr:         pacs008.ChargeBearerType1CodeSLEV,
		Dbtr:           pacs008.PartyIdentification135{Nm: a.Name},
		DbtrAcct:       &pacs008.CashAccount38{Id: pacs008.AccountIdentification4Choice{IBAN: p.Own}},
		DbtrAgt:        us,
		CdtrAgt:        agent(p.Bank),
		Cdtr:           pacs008.PartyIdentification135{Nm: p.Name},
		CdtrAcct:       &pacs008.CashAccount38{Id: pacs008.AccountIdentification4Choice{IBAN: p.Other}},
	}
	if p.Request != "" {
		tx.PmtId.InstrId = wire.MessageID(p.Request)
		tx.PmtTpInf = &pacs008.PaymentTypeInformation28{LclInstrm: &pacs008.LocalInstrument2Choice{Prtry: localRequest}}
	}
	if p.Note != "" {
		tx.RmtInf = &pacs008.RemittanceInformation16{Ustrd: []string{p.Note}}
	}
	d.FIToFICstmrCdtTrf.CdtTrfTxInf = []pacs008.CreditTransferTransaction39{tx}
	return d, nil
}

// report is a pacs.002 about a payment to us.
func (b *Bank) report(g *pacs008.GroupHeader93, tx *pacs008.CreditTransferTransaction39, status, reason string) iso20022.Message {
	return b.reportOf(pacs002.PaymentTransaction110{
		OrgnlGrpInf:     &pacs002.OriginalGroupInformation29{OrgnlMsgId: g.MsgId, OrgnlMsgNmId: pacs008.ID, OrgnlCreDtTm: g.CreDtTm},
		OrgnlEndToEndId: tx.PmtId.EndToEndId, OrgnlTxId: tx.PmtId.TxId, OrgnlUETR: tx.PmtId.UETR,
	}, status, reason)
}

func (b *Bank) reportOf(one pacs002.PaymentTransaction110, status, reason string) iso20022.Message {
	d := &pacs002.Document{}
	d.FIToFIPmtStsRpt.GrpHdr.MsgId, d.FIToFIPmtStsRpt.GrpHdr.CreDtTm = wire.MessageID(newUUID()), wire.DateTime(b.cfg.Now())
	one.TxSts = status
	if reason != "" {
		one.StsRsnInf = []pacs002.StatusReasonInformation12{{Rsn: &pacs002.StatusReason6Choice{Cd: reason}}}
	}
	d.FIToFIPmtStsRpt.TxInfAndSts = []pacs002.PaymentTransaction110{one}
	return d
}
