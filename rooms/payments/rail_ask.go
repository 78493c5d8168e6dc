package payments

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// LocalRequest is the local instrument (PmtTpInf/LclInstrm/Prtry) of a pacs.008 that
// answers a request to pay. Its InstrId is the request's UETR without dashes.
const LocalRequest = "RTP"

// Reasons in the answers to requests to pay, of ISO 20022's external code list.
const reasonLate ledger.Reason = "TM01" // after the request's expiry

// askTaken is a status: the debtor's participant has the request.
const askTaken = "ACTC"

// mostAsk is how far in the future a request may end.
const mostAsk = 92 * 24 * time.Hour

// asked takes a pain.013: a creditor's participant asks a debtor's for money, now
// or until a date (XpryDt). It is handed on; the answer (pain.014) says that the
// debtor's participant has it (ACTC), or why not. A refusal that comes later is
// handed back as a pain.014; a request that is accepted is paid by a pacs.008. The
// same request again gets how it stands.
func (l *Rail) asked(ctx context.Context, from *peer, m *wire.Message, d *pain013.Document) (iso20022.Message, error) {
	g := &d.CdtrPmtActvtnReq.GrpHdr
	if len(d.CdtrPmtActvtnReq.PmtInf) != 1 || len(d.CdtrPmtActvtnReq.PmtInf[0].CdtTrfTx) != 1 || g.NbOfTxs != "1" {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pain.013 asks for one payment at a time"}
	}
	info := &d.CdtrPmtActvtnReq.PmtInf[0]
	tx := &info.CdtTrfTx[0]
	a := &Ask{UETR: tx.PmtId.UETR, Asker: from.ID, Message: g.MsgId, Instruction: info.PmtInfId, EndToEnd: tx.PmtId.EndToEndId}
	if a.Instruction == "" {
		a.Instruction = "NOTPROVIDED"
	}
	refuse := func(reason ledger.Reason) (iso20022.Message, error) {
		a.State, a.Reason = AskRefused, string(reason)
		return l.askReport(a), nil
	}
	if a.UETR == "" || tx.Amt.InstdAmt == nil || info.XpryDt == nil || info.XpryDt.DtTm == "" || tx.CdtrAcct == nil || tx.CdtrAcct.Id.IBAN == "" {
		return refuse(reasonFormat)
	}
	now, currency := l.room.clock.Now(), l.room.pack.Currency.Code
	expires, err := info.XpryDt.DtTm.Time(nil)
	switch {
	case err != nil || expires.After(now.Add(mostAsk)):
		return refuse(ledger.InvalidDate)
	case head(tx.CdtrAgt.FinInstnId.BICFI) != from.BIC:
		return refuse(reasonNotTheirs)
	case tx.Amt.InstdAmt.Ccy != currency:
		return refuse(ledger.WrongCurrency)
	}
	if a.Amount, err = iso20022.Minor(tx.Amt.InstdAmt.Value, currency); err != nil || a.Amount <= 0 || a.Amount > ledger.MaxAmount {
		return refuse(ledger.InvalidAmount)
	}
	payer, via, err := l.room.peers.bank(info.DbtrAgt.FinInstnId.BICFI)
	switch {
	case errors.Is(err, errNoBank) || err == nil && payer.ID == from.ID:
		return refuse(reasonNoAgent)
	case err != nil:
		return nil, err
	}
	var debtor *Account // nil: not here
	if via == nil {
		var reason ledger.Reason
		if debtor, reason, err = l.debtorHere(ctx, payer, info); err != nil {
			return nil, err
		}
		if reason != "" {
			return refuse(reason)
		}
	}
	sum := sha256.Sum256(m.Bytes)
	a.Payer, a.hash, a.account, a.Made, a.Expires = payer.ID, sum[:], accountHash(tx.CdtrAcct.Id.IBAN), now, expires
	var known *Ask
	fresh := false
	err = l.room.db.Update(ctx, func(tx *store.Tx) error {
		known, fresh, err = putAsk(tx, a)
		if err != nil || !fresh || debtor == nil || !now.Before(expires) {
			return err
		}
		reason, err := l.room.askWallet(tx, "client/"+from.ID, a, debtor, info)
		if err == nil && reason != "" {
			known, _, err = refuseAsk(tx, a.UETR, payer.ID, string(reason))
		}
		return err
	})
	switch {
	case fault.Is(err, fault.Conflict):
		return refuse(reasonOtherBody)
	case err != nil:
		return nil, err
	case !fresh || via == nil:
		return l.askReport(known), nil
	case !now.Before(expires):
		return l.askReport(a), nil // it is over before anybody has seen it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.answer)
	defer cancel()
	reply, err := l.party.Forward(ctx, via.wire, l.room.newID(), m.Bytes, pain013.ID)
	l.heard(via.ID, err == nil)
	reason := ""
	switch {
	case errors.Is(err, wire.ErrRejected):
		reason = string(reasonBadAnswer)
	case err != nil:
		reason = string(reasonNoAnswer)
	case reply != nil:
		report, ok := reply.Body.(*pain014.Document)
		if !ok {
			reason = string(reasonBadAnswer)
		} else if uetr, status, why := askVerdict(report); uetr != a.UETR {
			reason = string(reasonBadAnswer)
		} else if status == statusRejected {
			reason = why
		}
	}
	if reason != "" {
		err = l.room.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
			a, _, err = refuseAsk(tx, a.UETR, payer.ID, reason)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return l.askReport(a), nil
}

// askVerdict reads a pain.014 about one request: which, its status and the reason.
func askVerdict(d *pain014.Document) (uetr, status, reason string) {
	x := &d.CdtrPmtActvtnReqStsRpt
	if len(x.OrgnlPmtInfAndSts) != 1 || len(x.OrgnlPmtInfAndSts[0].TxInfAndSts) != 1 {
		return "", "", ""
	}
	one := &x.OrgnlPmtInfAndSts[0].TxInfAndSts[0]
	reason = reasonCustomer
	if len(one.StsRsnInf) > 0 && one.StsRsnInf[0].Rsn != nil && reasonForm.MatchString(one.StsRsnInf[0].Rsn.Cd) {
		reason = one.StsRsnInf[0].Rsn.Cd
	}
	return strings.ToLower(one.OrgnlUETR), one.TxSts, reason
}

// askAnswered takes a pain.014 of the debtor's participant. A refusal is handed
// back; that it was taken, or will be paid, changes nothing: the payment does.
func (l *Rail) askAnswered(ctx context.Context, from *peer, d *pain014.Document) (iso20022.Message, error) {
	uetr, status, reason := askVerdict(d)
	if uetr == "" {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pain.014 answers one request, by its OrgnlUETR"}
	}
	if status != statusRejected {
		return nil, nil
	}
	var a *Ask
	fresh := false
	err := l.room.db.Update(ctx, func(tx *store.Tx) (err error) {
		a, fresh, err = l.room.askRefused(tx, uetr, from.ID, reason)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, &wire.Reason{Code: wire.CodeUnknown, Text: "no such request was handed to this participant", Err: err}
	case err != nil:
		return nil, err
	}
	if to, err := l.room.peers.participant(a.Asker); fresh && err == nil && to != nil {
		l.put(confirmation{to: to, document: l.askReport(a)})
	}
	return nil, nil
}

// askReport is the pain.014 that says how a request stands.
func (l *Rail) askReport(a *Ask) iso20022.Message {
	d := &pain014.Document{}
	x := &d.CdtrPmtActvtnReqStsRpt
	x.GrpHdr = pain014.GroupHeader87{MsgId: wire.MessageID(l.room.newID()), CreDtTm: wire.DateTime(l.room.clock.Now())}
	x.GrpHdr.InitgPty.Id = &pain014.Party38Choice{OrgId: &pain014.OrganisationIdentification29{AnyBIC: l.party.BIC}}
	x.OrgnlGrpInfAndSts = pain014.OriginalGroupInformation30{OrgnlMsgId: a.Message, OrgnlMsgNmId: pain013.ID}
	one := pain014.PaymentTransaction104{OrgnlEndToEndId: a.EndToEnd, OrgnlUETR: a.UETR, TxSts: askTaken}
	reason := ""
	switch a.standing(l.room.clock.Now()) {
	case AskPaid:
		one.TxSts = statusSettled
	case AskRefused:
		one.TxSts, reason = statusRejected, a.Reason
	case AskOver:
		one.TxSts, reason = statusRejected, string(reasonLate)
	}
	if reason != "" {
		one.StsRsnInf = []pain014.StatusReasonInformation12{{Rsn: &pain014.StatusReason6Choice{Cd: reason}}}
	}
	x.OrgnlPmtInfAndSts = []pain014.OriginalPaymentInstruction31{{OrgnlPmtInfId: a.Instruction, TxInfAndSts: []pain014.PaymentTransaction104{one}}}
	return d
}

// requestOf is the UETR of the request that a payment answers; "" when it answers
// none.
func requestOf(tx *pacs008.CreditTransferTransaction39) string {
	if tx.PmtTpInf == nil || tx.PmtTpInf.LclInstrm == nil || tx.PmtTpInf.LclInstrm.Prtry != LocalRequest {
		return ""
	}
	return orElse(uuidOf(tx.PmtId.InstrId), "unknown")
}

// askRefusal is the reason in messages for which a payment does not answer its
// request; none for other errors.
func askRefusal(err error) ledger.Reason {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	switch f.Key {
	case askUnknown:
		return reasonUnknown
	case askOther:
		return reasonWrongAmount
	case askEnded:
		return reasonOtherBody
	case askLate:
		return reasonLate
	}
	return ""
}
