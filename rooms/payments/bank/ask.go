package bank

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/wire"
)

// localRequest is the local instrument of a payment that answers a request; its
// InstrId is the request's UETR without dashes.
const localRequest = "RTP"

// Ask is a request to pay: by a customer of ours, or to one.
type Ask struct {
	UETR   string
	Ours   bool   // a customer of ours asks
	Own    string // our customer's IBAN
	Other  string
	Name   string // of the other one
	Bank   string // BIC of the other participant
	Amount int64  // minor units
	Note   string
	Ref    string // EndToEndId
	Until  string // as messages have times
	State  string
	Reason string // ISO 20022 ExternalStatusReason1Code, of a refusal

	hash string
}

// The states of a request.
const (
	AskOpen    = "open"
	AskPaid    = "paid"
	AskRefused = "refused"
)

// Moods of a bank whose customers are asked for money. In none of them it leaves
// requests open for [Bank.PayAsk] and [Bank.RefuseAsk].
const (
	AsksPay    = "pay"
	AsksRefuse = "refuse"
)

// AskFor is a customer's wish to be paid.
type AskFor struct {
	From   string // IBAN of the payer
	Bank   string // BIC of the payer's participant
	Name   string // of the payer
	To     string // IBAN of our customer
	Amount int64  // minor units
	Note   string
	Until  time.Time
}

// ErrNoAsk: there is no such request, or it has ended.
var ErrNoAsk = errors.New("bank: no such request, or it has ended")

// Ask sends a request to pay (pain.013). That it was paid is seen by the payment.
func (b *Bank) Ask(ctx context.Context, o AskFor) (Ask, error) {
	if o.Amount <= 0 {
		return Ask{}, ErrAmount
	}
	uetr := newUUID()
	err := b.do(func() (*entry, error) {
		if a := b.book.accounts[o.To]; a == nil || a.State != StateOpen {
			return nil, ErrAccount
		}
		return &entry{Kind: entryAsk, UETR: uetr, Own: o.To, Other: o.From, Bank: o.Bank, Name: o.Name, Amount: o.Amount, Note: o.Note, Ref: "RTP-" + uetr[:8], Made: string(wire.DateTime(o.Until))}, nil
	})
	if err != nil {
		return Ask{}, err
	}
	a, _ := b.AskOf(uetr)
	d, err := b.asking(a)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	if err != nil {
		return a, err
	}
	if answer != nil {
		report, ok := answer.Body.(*pain014.Document)
		if !ok {
			return a, fmt.Errorf("bank: the rail answered pain.013 by %s", answer.Name)
		}
		if err := b.askReported(report); err != nil {
			return a, err
		}
	}
	a, _ = b.AskOf(uetr)
	return a, nil
}

// asking is the pain.013 of a request: the same each time it is made.
func (b *Bank) asking(a Ask) (*pain013.Document, error) {
	amount, err := iso20022.Amount(a.Amount, b.cfg.Currency)
	if err != nil {
		return nil, err
	}
	own, _ := b.Account(a.Own)
	agent := func(bic string) pain013.BranchAndFinancialInstitutionIdentification6 {
		return pain013.BranchAndFinancialInstitutionIdentification6{FinInstnId: pain013.FinancialInstitutionIdentification18{BICFI: bic}}
	}
	d := &pain013.Document{}
	d.CdtrPmtActvtnReq.GrpHdr = pain013.GroupHeader78{MsgId: wire.MessageID(a.UETR), CreDtTm: wire.DateTime(b.cfg.Now()), NbOfTxs: "1", InitgPty: pain013.PartyIdentification135{Nm: own.Name}}
	tx := pain013.CreditTransferTransaction35{PmtId: pain013.PaymentIdentification6{EndToEndId: a.Ref, UETR: a.UETR}, ChrgBr: "SLEV",
		Amt:     pain013.AmountType4Choice{InstdAmt: &pain013.ActiveOrHistoricCurrencyAndAmount{Ccy: b.cfg.Currency, Value: amount}},
		CdtrAgt: agent(b.cfg.BIC), Cdtr: pain013.PartyIdentification135{Nm: own.Name}, CdtrAcct: &pain013.CashAccount38{Id: pain013.AccountIdentification4Choice{IBAN: a.Own}}}
	if a.Note != "" {
		tx.RmtInf = &pain013.RemittanceInformation16{Ustrd: []string{a.Note}}
	}
	d.CdtrPmtActvtnReq.PmtInf = []pain013.PaymentInstruction31{{PmtInfId: wire.MessageID(a.UETR), PmtMtd: "TRF", ReqdExctnDt: pain013.DateAndDateTime2Choice{DtTm: wire.DateTime(b.cfg.Now())},
		XpryDt: &pain013.DateAndDateTime2Choice{DtTm: dateTime(a.Until)}, Dbtr: pain013.PartyIdentification135{Nm: a.Name},
		DbtrAcct: &pain013.CashAccount38{Id: pain013.AccountIdentification4Choice{IBAN: a.Other}}, DbtrAgt: agent(a.Bank), CdtTrfTx: []pain013.CreditTransferTransaction35{tx}}}
	return d, nil
}

// AskOf gives a request.
func (b *Bank) AskOf(uetr string) (Ask, bool) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	a := b.book.asks[strings.ToLower(uetr)]
	if a == nil {
		return Ask{}, false
	}
	return *a, true
}

// askedFor takes a pain.013 for a customer of ours, and answers it in the bank's
// mood.
func (b *Bank) askedFor(ctx context.Context, m *wire.Message, d *pain013.Document, mood *Mood) (iso20022.Message, error) {
	x := &d.CdtrPmtActvtnReq
	if len(x.PmtInf) != 1 || len(x.PmtInf[0].CdtTrfTx) != 1 || x.PmtInf[0].CdtTrfTx[0].Amt.InstdAmt == nil || x.PmtInf[0].DbtrAcct == nil || x.PmtInf[0].CdtTrfTx[0].CdtrAcct == nil || x.PmtInf[0].XpryDt == nil {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pain.013 asks one account for one payment to another, until a time"}
	}
	info, tx := &x.PmtInf[0], &x.PmtInf[0].CdtTrfTx[0]
	sum := sha256.Sum256(m.Bytes)
	e := &entry{Kind: entryAskIn, UETR: strings.ToLower(tx.PmtId.UETR), Own: info.DbtrAcct.Id.IBAN, Other: tx.CdtrAcct.Id.IBAN, Bank: tx.CdtrAgt.FinInstnId.BICFI, Name: tx.Cdtr.Nm, Ref: tx.PmtId.EndToEndId,
		Made: string(info.XpryDt.DtTm), Hash: hex.EncodeToString(sum[:16])}
	if tx.RmtInf != nil && len(tx.RmtInf.Ustrd) > 0 {
		e.Note = tx.RmtInf.Ustrd[0]
	}
	amount, wrong := iso20022.Minor(tx.Amt.InstdAmt.Value, b.cfg.Currency)
	e.Amount = amount
	reason := ""
	err := b.do(func() (*entry, error) {
		if old := b.book.asks[e.UETR]; old != nil {
			if old.hash != e.Hash {
				reason = otherBody
			}
			return nil, nil
		}
		a := b.book.accounts[e.Own]
		switch {
		case tx.Amt.InstdAmt.Ccy != b.cfg.Currency || wrong != nil || amount <= 0:
			reason = wrongAmount
		case a == nil:
			reason = "AC02" // the debtor's account is none
		case a.State != StateOpen:
			reason = debtorClosed
		case mood.Asks == AsksRefuse:
			reason = "CUST"
		}
		if reason != "" {
			return nil, nil
		}
		return e, nil
	})
	if err != nil {
		return nil, err
	}
	if reason == "" && mood.Asks == AsksPay {
		go func() {
			if _, err := b.PayAsk(context.WithoutCancel(ctx), e.UETR); err != nil {
				b.cfg.Log.WarnContext(ctx, "a request could not be paid", "error", err)
			}
		}()
	}
	return b.askReport(x.GrpHdr.MsgId, info.PmtInfId, e.UETR, e.Ref, reason), nil
}

// PayAsk pays a request as it was asked for.
func (b *Bank) PayAsk(ctx context.Context, uetr string) (Payment, error) {
	a, ok := b.AskOf(uetr)
	if !ok || a.Ours || a.State != AskOpen {
		return Payment{}, ErrNoAsk
	}
	return b.Pay(ctx, Order{From: a.Own, To: a.Other, Bank: a.Bank, Name: a.Name, Amount: a.Amount, Note: a.Note, request: a.UETR, ref: a.Ref})
}

// Asked is the last request of somebody to a customer of ours that is open; ErrNoAsk
// when there is none.
func (b *Bank) Asked(own, other string) (Ask, error) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	var last *Ask
	for _, a := range b.book.asks {
		if !a.Ours && a.Own == own && a.Other == other && a.State == AskOpen && (last == nil || a.Until > last.Until || a.Until == last.Until && a.Ref > last.Ref) {
			last = a
		}
	}
	if last == nil {
		return Ask{}, ErrNoAsk
	}
	return *last, nil
}

// RefuseAsk refuses a request, for a reason of ExternalStatusReason1Code.
func (b *Bank) RefuseAsk(ctx context.Context, uetr, reason string) error {
	a, ok := b.AskOf(uetr)
	if !ok || a.Ours || a.State != AskOpen {
		return ErrNoAsk
	}
	if err := b.do(func() (*entry, error) {
		return &entry{Kind: entryAskEnd, UETR: a.UETR, State: AskRefused, Reason: reason}, nil
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	_, err := b.party.Send(ctx, b.rail, newUUID(), b.askReport(wire.MessageID(a.UETR), "NOTPROVIDED", a.UETR, a.Ref, reason))
	return err
}

// askReported takes a pain.014 about a request of ours.
func (b *Bank) askReported(d *pain014.Document) error {
	x := &d.CdtrPmtActvtnReqStsRpt
	if len(x.OrgnlPmtInfAndSts) != 1 || len(x.OrgnlPmtInfAndSts[0].TxInfAndSts) != 1 {
		return &wire.Reason{Code: wire.CodeSchema, Text: "pain.014 answers one request"}
	}
	one := &x.OrgnlPmtInfAndSts[0].TxInfAndSts[0]
	if one.TxSts != rejected {
		return nil
	}
	reason := ""
	if len(one.StsRsnInf) > 0 && one.StsRsnInf[0].Rsn != nil {
		reason = one.StsRsnInf[0].Rsn.Cd
	}
	uetr := strings.ToLower(one.OrgnlUETR)
	return b.do(func() (*entry, error) {
		if a := b.book.asks[uetr]; a == nil || !a.Ours || a.State != AskOpen {
			return nil, nil
		}
		return &entry{Kind: entryAskEnd, UETR: uetr, State: AskRefused, Reason: reason}, nil
	})
}

func (b *Bank) askReport(message, instruction, uetr, ref, reason string) iso20022.Message {
	d := &pain014.Document{}
	x := &d.CdtrPmtActvtnReqStsRpt
	x.GrpHdr = pain014.GroupHeader87{MsgId: wire.MessageID(newUUID()), CreDtTm: wire.DateTime(b.cfg.Now())}
	x.GrpHdr.InitgPty.Id = &pain014.Party38Choice{OrgId: &pain014.OrganisationIdentification29{AnyBIC: b.cfg.BIC}}
	x.OrgnlGrpInfAndSts = pain014.OriginalGroupInformation30{OrgnlMsgId: message, OrgnlMsgNmId: pain013.ID}
	one := pain014.PaymentTransaction104{OrgnlEndToEndId: ref, OrgnlUETR: uetr, TxSts: "ACTC"}
	if reason != "" {
		one.TxSts, one.StsRsnInf = rejected, []pain014.StatusReasonInformation12{{Rsn: &pain014.StatusReason6Choice{Cd: reason}}}
	}
	if instruction == "" {
		instruction = "NOTPROVIDED"
	}
	x.OrgnlPmtInfAndSts = []pain014.OriginalPaymentInstruction31{{OrgnlPmtInfId: instruction, TxInfAndSts: []pain014.PaymentTransaction104{one}}}
	return d
}

// uuidOf puts the dashes back into a UUID that an identification of 35 characters
// has no room for.
func uuidOf(id string) string {
	if len(id) != 32 {
		return ""
	}
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}
