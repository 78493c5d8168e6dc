package payments

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// Reasons for which a return is refused, of ISO 20022's external code list.
const (
	reasonWrongAmount ledger.Reason = "AM09" // more than is left of the payment
	reasonReturned    ledger.Reason = "ARDT" // all of it went back before
	reasonNotTheirs   ledger.Reason = "AGNT" // the sender is the payer's participant, not the payee's
)

// giveBack takes a pacs.004: the payee's participant returns money of a committed
// payment, in full or in part. It is reserved, the payer's participant is asked,
// and both learn how it ended, as with a payment. A return is known by its RtrId,
// which its sender uses once; the same one again gets the same answer.
func (l *Rail) giveBack(ctx context.Context, from *peer, m *wire.Message, d *pacs004.Document) (iso20022.Message, error) {
	about := pacs002.PaymentTransaction110{OrgnlGrpInf: &pacs002.OriginalGroupInformation29{OrgnlMsgId: d.PmtRtr.GrpHdr.MsgId, OrgnlMsgNmId: pacs004.ID, OrgnlCreDtTm: d.PmtRtr.GrpHdr.CreDtTm}}
	answer := func(status string, reason ledger.Reason) (iso20022.Message, error) {
		return l.reportOf(about, status, reason), nil
	}
	g, txs := &d.PmtRtr.GrpHdr, d.PmtRtr.TxInf
	if len(txs) != 1 || g.NbOfTxs != "1" {
		return answer(statusRejected, reasonFormat)
	}
	tx := &txs[0]
	about.OrgnlInstrId, about.OrgnlEndToEndId, about.OrgnlTxId, about.OrgnlUETR = tx.RtrId, tx.OrgnlEndToEndId, tx.OrgnlTxId, tx.OrgnlUETR
	currency := l.room.pack.Currency.Code
	switch {
	case g.SttlmInf.SttlmMtd != "CLRG" || tx.RtrId == "" || tx.OrgnlUETR == "" || len(tx.RtrRsnInf) == 0 || tx.RtrRsnInf[0].Rsn == nil || !reasonForm.MatchString(tx.RtrRsnInf[0].Rsn.Cd):
		return answer(statusRejected, reasonFormat)
	case tx.RtrdIntrBkSttlmAmt.Ccy != currency:
		return answer(statusRejected, ledger.WrongCurrency)
	case !isAgent(g.InstgAgt, from.BIC) || !isAgent(tx.InstgAgt, from.BIC):
		return answer(statusRejected, reasonOtherAgent)
	}
	amount, err := iso20022.Minor(tx.RtrdIntrBkSttlmAmt.Value, currency)
	switch {
	case err != nil || amount < 0:
		return answer(statusRejected, ledger.InvalidAmount)
	case amount == 0:
		return answer(statusRejected, ledger.ZeroAmount)
	case amount > ledger.MaxAmount:
		return answer(statusRejected, ledger.AmountTooLarge)
	}
	uetr := strings.ToLower(tx.OrgnlUETR)
	known, err := l.known(ctx, from, []string{uetr})
	if err != nil {
		return nil, err
	}
	switch t := known[uetr]; {
	case t == nil:
		return answer(statusRejected, reasonUnknown)
	case t.CreditBook != from.ID || t.Credit != clientsAccount(from.ID, currency):
		return answer(statusRejected, reasonNotTheirs)
	}
	note := Note{Reference: tx.RtrId}
	back, err := l.room.Return(ctx, Return{Original: uetr, Party: "rail/" + from.BIC, Key: tx.RtrId, Amount: amount, Reason: tx.RtrRsnInf[0].Rsn.Cd, Actor: "client/" + from.ID, Note: note,
		id: returnID(from.BIC, tx.RtrId), from: from, document: m.Bytes})
	if err != nil {
		if reason := returnRefusal(err); reason != "" {
			return answer(statusRejected, reason)
		}
		return nil, err
	}
	status, reason := standing(back.Transfer)
	return answer(status, reason)
}

// returnRefusal is the reason in messages for what a return, or the recall of a
// payment, is refused for; none for an error that is the house's own.
func returnRefusal(err error) ledger.Reason {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	switch f.Key {
	case returnMore:
		return reasonWrongAmount
	case returnSpent:
		return reasonReturned
	case returnUnfound, returnOpen, returnOfThat:
		return reasonUnknown
	case returnSilent:
		return reasonNoAgent
	case "payments.key.reused":
		return reasonOtherBody
	}
	return ""
}

// returnID is the transfer of a participant's return: the same for the same RtrId,
// so that the ledger knows it even when the answer was lost.
func returnID(bic, rtrID string) string {
	s := sha256.Sum256([]byte("return\x00" + bic + "\x00" + rtrID))
	s[6], s[8] = s[6]&0x0f|0x80, s[8]&0x3f|0x80 // a UUID of version 8 (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
}

// handBack asks the payer's participant to take reserved money that comes back,
// and ends the reservation by what it says.
func (l *Rail) handBack(ctx context.Context, via *peer, in Return, original *Transfer, amount int64) error {
	uetr := strings.ToLower(original.ID)
	h := &handed{transfer: in.id, key: uetr + "/" + in.Note.Reference, via: via, name: pacs004.ID, document: in.document, actor: in.Actor, quiet: in.from != nil, after: in.moved,
		about: pacs002.PaymentTransaction110{OrgnlGrpInf: &pacs002.OriginalGroupInformation29{OrgnlMsgId: wire.MessageID(in.id), OrgnlMsgNmId: pacs004.ID}, OrgnlInstrId: in.Note.Reference, OrgnlEndToEndId: original.Reference, OrgnlUETR: uetr}}
	if h.document == nil { // the house keeps the payee's account, and speaks for its participant
		d, err := l.returnOf(ctx, in, original, amount)
		if err != nil {
			return err
		}
		if h.document, err = d.Append(nil); err != nil {
			return fmt.Errorf("write pacs.004: %w", err)
		}
	} else if d, err := pacs004.Parse(h.document); err == nil {
		h.about.OrgnlGrpInf.OrgnlMsgId, h.about.OrgnlGrpInf.OrgnlCreDtTm = d.PmtRtr.GrpHdr.MsgId, d.PmtRtr.GrpHdr.CreDtTm
	}
	_, _, err := l.finish(ctx, h)
	return err
}

// returnOf is the pacs.004 by which money comes back from an account that the house
// keeps.
func (l *Rail) returnOf(ctx context.Context, in Return, original *Transfer, amount int64) (*pacs004.Document, error) {
	value, err := iso20022.Amount(amount, original.Currency)
	if err != nil {
		return nil, err
	}
	whole, err := iso20022.Amount(original.Amount, original.Currency)
	if err != nil {
		return nil, err
	}
	keeper := pacs004.BranchAndFinancialInstitutionIdentification6{}
	err = l.room.db.View(ctx, func(tx *store.Tx) error {
		p, err := participantByID(tx, original.CreditBook)
		keeper.FinInstnId.BICFI = p.BIC
		return err
	})
	if err != nil {
		return nil, err
	}
	rail := pacs004.BranchAndFinancialInstitutionIdentification6{FinInstnId: pacs004.FinancialInstitutionIdentification18{BICFI: l.party.BIC}}
	d := &pacs004.Document{}
	g := &d.PmtRtr.GrpHdr
	g.MsgId, g.CreDtTm, g.NbOfTxs = wire.MessageID(in.id), wire.DateTime(l.room.clock.Now()), "1"
	g.SttlmInf.SttlmMtd = "CLRG"
	g.InstgAgt, g.InstdAgt = &keeper, &rail
	d.PmtRtr.TxInf = []pacs004.PaymentTransaction112{{
		RtrId: in.Note.Reference, OrgnlGrpInf: &pacs004.OriginalGroupInformation29{OrgnlMsgId: "NOTPROVIDED", OrgnlMsgNmId: pacs008.ID},
		OrgnlEndToEndId: original.Reference, OrgnlUETR: strings.ToLower(original.ID),
		OrgnlIntrBkSttlmAmt: &pacs004.ActiveOrHistoricCurrencyAndAmount{Ccy: original.Currency, Value: whole},
		RtrdIntrBkSttlmAmt:  pacs004.ActiveCurrencyAndAmount{Ccy: original.Currency, Value: value},
		RtrRsnInf:           []pacs004.PaymentReturnReason6{{Rsn: &pacs004.ReturnReason5Choice{Cd: in.Reason}}},
	}}
	return d, nil
}
