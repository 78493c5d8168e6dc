package bank

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/iso20022/camt056"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/wire"
)

// Recall is a request for money of a payment back: ours, or another bank's for
// money that a customer of ours received.
type Recall struct {
	UETR   string // of the payment
	Ours   bool   // we ask
	Ref    string // by whoever asks
	Reason string // ISO 20022 ExternalCancellationReason1Code
	State  string
	Answer string // ISO 20022 reason of a refusal
}

// The states of a recall.
const (
	RecallOpen     = "open"
	RecallAccepted = "accepted"
	RecallRefused  = "refused"
)

// Moods of a bank that is asked to give money back. In none of them it leaves the
// question open for [Bank.Answer].
const (
	RecallsAccept = "accept"
	RecallsRefuse = "refuse"
)

// Recall asks for money of a settled order of ours back, by camt.056. The answer
// comes later; [Bank.RecallOf] says how it stands.
func (b *Bank) Recall(ctx context.Context, uetr, reason string) (Recall, error) {
	uetr = strings.ToLower(uetr)
	err := b.do(func() (*entry, error) {
		p := b.book.payments[uetr]
		switch {
		case p == nil || !p.Outgoing || p.State != Settled:
			return nil, ErrNoPayment
		case b.book.recalls[uetr] != nil && b.book.recalls[uetr].State == RecallOpen:
			return nil, nil
		}
		return &entry{Kind: entryRecall, UETR: uetr, Ref: wire.MessageID(newUUID()), Reason: reason}, nil
	})
	if err != nil {
		return Recall{}, err
	}
	c, _ := b.RecallOf(uetr)
	p, _ := b.Payment(uetr)
	amount, err := iso20022.Amount(p.Amount, b.cfg.Currency)
	if err != nil {
		return c, err
	}
	d := &camt056.Document{}
	d.FIToFIPmtCxlReq.Assgnmt = camt056.CaseAssignment5{Id: c.Ref, Assgnr: agent(b.cfg.BIC), Assgne: agent(p.Bank), CreDtTm: wire.DateTime(b.cfg.Now())}
	d.FIToFIPmtCxlReq.Undrlyg = []camt056.UnderlyingTransaction23{{TxInf: []camt056.PaymentTransaction106{{CxlId: c.Ref, OrgnlGrpInf: &camt056.OriginalGroupInformation29{OrgnlMsgId: wire.MessageID(uetr), OrgnlMsgNmId: pacs008.ID},
		OrgnlEndToEndId: p.Ref, OrgnlUETR: uetr, OrgnlIntrBkSttlmAmt: &camt056.ActiveOrHistoricCurrencyAndAmount{Ccy: b.cfg.Currency, Value: amount},
		CxlRsnInf: []camt056.PaymentCancellationReason5{{Rsn: &camt056.CancellationReason33Choice{Cd: c.Reason}}}}}}}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	if err != nil {
		return c, err
	}
	if answer != nil {
		resolution, ok := answer.Body.(*camt029.Document)
		if !ok {
			return c, fmt.Errorf("bank: the rail answered camt.056 by %s", answer.Name)
		}
		if err := b.resolved(resolution); err != nil {
			return c, err
		}
	}
	c, _ = b.RecallOf(uetr)
	return c, nil
}

// RecallOf gives the last recall of a payment.
func (b *Bank) RecallOf(uetr string) (Recall, bool) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	c := b.book.recalls[strings.ToLower(uetr)]
	if c == nil {
		return Recall{}, false
	}
	return *c, true
}

func agent(bic string) camt029.Party40Choice {
	return camt029.Party40Choice{Agt: &camt029.BranchAndFinancialInstitutionIdentification6{FinInstnId: camt029.FinancialInstitutionIdentification18{BICFI: bic}}}
}

// resolved takes a camt.029 about a recall of ours. Pending says nothing new.
func (b *Bank) resolved(d *camt029.Document) error {
	x := &d.RsltnOfInvstgtn
	if len(x.CxlDtls) != 1 || len(x.CxlDtls[0].TxInfAndSts) != 1 {
		return &wire.Reason{Code: wire.CodeSchema, Text: "camt.029 answers about one payment at a time"}
	}
	one := &x.CxlDtls[0].TxInfAndSts[0]
	uetr, state, reason := strings.ToLower(one.OrgnlUETR), "", ""
	switch x.Sts.Conf {
	case "CNCL":
		state = RecallAccepted
	case "RJCR":
		state = RecallRefused
		if len(one.CxlStsRsnInf) > 0 && one.CxlStsRsnInf[0].Rsn != nil {
			reason = one.CxlStsRsnInf[0].Rsn.Cd
		}
	default:
		return nil
	}
	return b.do(func() (*entry, error) {
		if c := b.book.recalls[uetr]; c == nil || !c.Ours || c.State == state {
			return nil, nil
		}
		return &entry{Kind: entryRecalled, UETR: uetr, State: state, Reason: reason}, nil
	})
}

// recalled takes a camt.056 for money that a customer of ours received, and answers
// it in the bank's mood.
func (b *Bank) recalled(ctx context.Context, d *camt056.Document, mood *Mood) (iso20022.Message, error) {
	q := &d.FIToFIPmtCxlReq
	if len(q.Undrlyg) != 1 || len(q.Undrlyg[0].TxInf) != 1 || len(q.Undrlyg[0].TxInf[0].CxlRsnInf) == 0 || q.Undrlyg[0].TxInf[0].CxlRsnInf[0].Rsn == nil {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "camt.056 recalls one payment at a time, for a reason"}
	}
	tx := &q.Undrlyg[0].TxInf[0]
	uetr := strings.ToLower(tx.OrgnlUETR)
	err := b.do(func() (*entry, error) {
		p, c := b.book.payments[uetr], b.book.recalls[uetr]
		if p == nil || p.Outgoing || p.State != Settled || c != nil && c.Ref == tx.CxlId {
			return nil, nil // nothing to recall, or we have it
		}
		return &entry{Kind: entryAsked, UETR: uetr, Ref: tx.CxlId, Reason: tx.CxlRsnInf[0].Rsn.Cd}, nil
	})
	if err != nil {
		return nil, err
	}
	c, known := b.RecallOf(uetr)
	switch {
	case !known:
		return b.resolution(Recall{UETR: uetr, State: RecallRefused, Answer: notKnown}), nil
	case c.State != RecallOpen:
		return b.resolution(c), nil
	case mood.Recalls == RecallsRefuse:
		if c, err = b.decide(uetr, false, "CUST"); err != nil {
			return nil, err
		}
	case mood.Recalls == RecallsAccept:
		if c, err = b.decide(uetr, true, ""); err != nil {
			return nil, err
		}
		go func() {
			if _, err := b.giveBack(context.WithoutCancel(ctx), c); err != nil {
				b.cfg.Log.WarnContext(ctx, "recalled money could not be given back", "error", err)
			}
		}()
	}
	return b.resolution(c), nil
}

// Answer answers a recall that another bank made: the money goes back at once, or
// the reason does.
func (b *Bank) Answer(ctx context.Context, uetr string, accept bool, reason string) error {
	c, err := b.decide(strings.ToLower(uetr), accept, reason)
	if err != nil {
		return err
	}
	send, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	if _, err := b.party.Send(send, b.rail, newUUID(), b.resolution(c)); err != nil || c.State != RecallAccepted {
		return err
	}
	_, err = b.giveBack(ctx, c)
	return err
}

func (b *Bank) decide(uetr string, accept bool, reason string) (Recall, error) {
	state := RecallRefused
	if accept {
		state, reason = RecallAccepted, ""
	}
	err := b.do(func() (*entry, error) {
		c := b.book.recalls[uetr]
		switch {
		case c == nil || c.Ours:
			return nil, errors.New("bank: nobody recalled this payment")
		case c.State != RecallOpen:
			return nil, nil
		}
		return &entry{Kind: entryRecalled, UETR: uetr, State: state, Reason: reason}, nil
	})
	c, _ := b.RecallOf(uetr)
	return c, err
}

// giveBack returns what is left of a recalled payment.
func (b *Bank) giveBack(ctx context.Context, c Recall) (Payment, error) {
	p, _ := b.Payment(c.UETR)
	return b.Return(ctx, GiveBack{UETR: c.UETR, ID: c.Ref, Amount: p.Amount - p.returned, Reason: "FOCR"})
}

func (b *Bank) resolution(c Recall) iso20022.Message {
	d := &camt029.Document{}
	x := &d.RsltnOfInvstgtn
	x.Assgnmt = camt029.CaseAssignment5{Id: wire.MessageID(newUUID()), Assgnr: agent(b.cfg.BIC), Assgne: agent(b.cfg.RailBIC), CreDtTm: wire.DateTime(b.cfg.Now())}
	one := camt029.PaymentTransaction102{CxlStsId: x.Assgnmt.Id, OrgnlUETR: c.UETR}
	switch c.State {
	case RecallOpen:
		x.Sts.Conf, one.TxCxlSts = "PDCR", "PDCR"
	case RecallAccepted:
		x.Sts.Conf, one.TxCxlSts = "CNCL", "ACCR"
	default:
		x.Sts.Conf, one.TxCxlSts = "RJCR", "RJCR"
		one.CxlStsRsnInf = []camt029.CancellationStatusReason4{{Rsn: &camt029.CancellationStatusReason3Choice{Cd: c.Answer}}}
	}
	x.CxlDtls = []camt029.UnderlyingTransaction22{{TxInfAndSts: []camt029.PaymentTransaction102{one}}}
	return d
}
