package bank

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/wire"
)

// GiveBack is a wish to return money of a payment that a customer of ours
// received.
type GiveBack struct {
	UETR   string // of the payment
	ID     string // RtrId, at most 35 characters; "" makes one; the same one again is the same return
	Amount int64  // minor units
	Reason string // ISO 20022 ExternalReturnReason1Code
}

// ErrNoPayment: there is nothing to be returned.
var ErrNoPayment = errors.New("bank: no customer received this payment")

// Return holds the money, sends pacs.004 and gives what became of it, as [Bank.Pay]
// does with an order. How much may go back is the rail's to say.
func (b *Bank) Return(ctx context.Context, g GiveBack) (Payment, error) {
	if g.Amount <= 0 {
		return Payment{}, ErrAmount
	}
	if g.ID == "" {
		g.ID = wire.MessageID(newUUID())
	}
	name := strings.ToLower(g.UETR) + "/" + g.ID
	again := false
	err := b.do(func() (*entry, error) {
		if p := b.book.payments[name]; p != nil {
			if again = true; !p.Outgoing || p.Amount != g.Amount || p.Note != g.Reason {
				return nil, ErrOther
			}
			return nil, nil
		}
		old := b.book.payments[strings.ToLower(g.UETR)]
		if old == nil || old.Outgoing || old.State != Settled {
			return nil, ErrNoPayment
		}
		if a := b.book.accounts[old.Own]; a.Balance-a.Held < g.Amount {
			return nil, ErrFunds
		}
		return &entry{Kind: entrySend, UETR: name, Own: old.Own, Other: old.Other, Bank: old.Bank, Name: old.Name, Amount: g.Amount, Note: g.Reason, Ref: old.Ref, Made: string(wire.DateTime(b.cfg.Now()))}, nil
	})
	if err != nil {
		return Payment{}, err
	}
	if again {
		p, _ := b.Payment(name)
		return p, nil
	}
	return b.sent(ctx, name), nil
}

// returned is the pacs.004 of a return: the same each time it is made.
func (b *Bank) returned(p Payment) (*pacs004.Document, error) {
	amount, err := iso20022.Amount(p.Amount, b.cfg.Currency)
	if err != nil {
		return nil, err
	}
	uetr, id := p.original()
	us := pacs004.BranchAndFinancialInstitutionIdentification6{FinInstnId: pacs004.FinancialInstitutionIdentification18{BICFI: b.cfg.BIC}}
	rail := pacs004.BranchAndFinancialInstitutionIdentification6{FinInstnId: pacs004.FinancialInstitutionIdentification18{BICFI: b.cfg.RailBIC}}
	d := &pacs004.Document{}
	g := &d.PmtRtr.GrpHdr
	g.MsgId, g.CreDtTm, g.NbOfTxs = id, dateTime(p.made), "1"
	g.SttlmInf.SttlmMtd = "CLRG"
	g.InstgAgt, g.InstdAgt = &us, &rail
	d.PmtRtr.TxInf = []pacs004.PaymentTransaction112{{
		RtrId: id, OrgnlGrpInf: &pacs004.OriginalGroupInformation29{OrgnlMsgId: wire.MessageID(uetr), OrgnlMsgNmId: pacs008.ID},
		OrgnlEndToEndId: p.Ref, OrgnlUETR: uetr,
		RtrdIntrBkSttlmAmt: pacs004.ActiveCurrencyAndAmount{Ccy: b.cfg.Currency, Value: amount},
		RtrRsnInf:          []pacs004.PaymentReturnReason6{{Rsn: &pacs004.ReturnReason5Choice{Cd: p.Note}}},
	}}
	return d, nil
}

// takeBack decides about money that comes back to one of our customers, who sent
// it. As with a payment, what is accepted is not credited yet.
func (b *Bank) takeBack(m *wire.Message, d *pacs004.Document) (iso20022.Message, error) {
	txs := d.PmtRtr.TxInf
	if len(txs) != 1 || txs[0].RtrId == "" || txs[0].OrgnlUETR == "" {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pacs.004 returns money of one payment, named by RtrId and OrgnlUETR"}
	}
	tx := &txs[0]
	uetr := strings.ToLower(tx.OrgnlUETR)
	name := uetr + "/" + tx.RtrId
	sum := sha256.Sum256(m.Bytes)
	e := &entry{Kind: entryTake, UETR: name, Ref: tx.OrgnlEndToEndId, Hash: hex.EncodeToString(sum[:16])}
	if len(tx.RtrRsnInf) > 0 && tx.RtrRsnInf[0].Rsn != nil {
		e.Note = tx.RtrRsnInf[0].Rsn.Cd
	}
	amount, wrong := iso20022.Minor(tx.RtrdIntrBkSttlmAmt.Value, b.cfg.Currency)
	e.Amount = amount
	state, reason := accepted, ""
	err := b.do(func() (*entry, error) {
		if p := b.book.payments[name]; p != nil {
			switch {
			case p.Outgoing || p.hash != e.Hash:
				state, reason = rejected, otherBody
			case p.State == Back:
				state, reason = rejected, p.Reason
			}
			return nil, nil
		}
		old := b.book.payments[uetr]
		switch {
		case old == nil || !old.Outgoing || old.State != Settled:
			reason = noAccount
		case tx.RtrdIntrBkSttlmAmt.Ccy != b.cfg.Currency:
			reason = wrongCurrency
		case wrong != nil || amount <= 0:
			reason = wrongAmount
		case amount > old.Amount-old.returned:
			reason = tooMuch
		case b.book.accounts[old.Own].State == StateClosed:
			reason = debtorClosed
		case b.book.accounts[old.Own].State == StateBlocked:
			reason = accountBlocked
		}
		if old != nil {
			e.Own, e.Other, e.Bank, e.Name = old.Own, old.Other, old.Bank, old.Name
		}
		if e.Reason = reason; reason != "" {
			state = rejected
		}
		return e, nil
	})
	if err != nil {
		return nil, err
	}
	return b.reportOf(pacs002.PaymentTransaction110{
		OrgnlGrpInf:  &pacs002.OriginalGroupInformation29{OrgnlMsgId: d.PmtRtr.GrpHdr.MsgId, OrgnlMsgNmId: pacs004.ID, OrgnlCreDtTm: d.PmtRtr.GrpHdr.CreDtTm},
		OrgnlInstrId: tx.RtrId, OrgnlEndToEndId: tx.OrgnlEndToEndId, OrgnlUETR: tx.OrgnlUETR,
	}, state, reason), nil
}
