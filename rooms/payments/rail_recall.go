package payments

import (
	"context"
	"errors"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/iso20022/camt056"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/wire"
)

// Statuses of ExternalInvestigationExecutionConfirmation1Code.
const (
	recallCancelled = "CNCL" // as asked: the money comes back
	recallRejected  = "RJCR"
	recallPending   = "PDCR"
)

// recalled takes a camt.056 of the payer's participant. It is answered by a
// camt.029: pending, until the keeper has answered, or why there is nothing to be
// asked for. The keeper's answer follows as another camt.029. A recall is known by
// its CxlId, or by the assignment's Id.
func (l *Rail) recalled(ctx context.Context, from *peer, m *wire.Message, d *camt056.Document) (iso20022.Message, error) {
	q := &d.FIToFIPmtCxlReq
	if len(q.Undrlyg) != 1 || len(q.Undrlyg[0].TxInf) != 1 || q.Undrlyg[0].OrgnlGrpInfAndCxl != nil || q.Undrlyg[0].TxInf[0].OrgnlUETR == "" {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "camt.056 recalls one payment at a time, by its OrgnlUETR"}
	}
	tx := &q.Undrlyg[0].TxInf[0]
	if len(tx.CxlRsnInf) == 0 || tx.CxlRsnInf[0].Rsn == nil || !reasonForm.MatchString(tx.CxlRsnInf[0].Rsn.Cd) {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "CxlRsnInf names the reason by its code"}
	}
	if q.Assgnmt.Assgnr.Agt == nil || head(q.Assgnmt.Assgnr.Agt.FinInstnId.BICFI) != from.BIC {
		return nil, &wire.Reason{Code: wire.CodeHeader, Text: "Assgnmt/Assgnr is not the sender"}
	}
	c := &Recall{Party: from.ID, Reference: tx.CxlId, Original: strings.ToLower(tx.OrgnlUETR), Reason: tx.CxlRsnInf[0].Rsn.Cd, State: RecallRefused}
	if c.Reference == "" {
		c.Reference = q.Assgnmt.Id
	}
	refuse := func(reason string) (iso20022.Message, error) {
		c.Answer = reason
		return l.resolution(c), nil
	}
	known, err := l.known(ctx, from, []string{c.Original})
	if err != nil {
		return nil, err
	}
	switch t := known[c.Original]; {
	case t == nil:
		return refuse(string(reasonUnknown))
	case t.DebitBook != from.ID || t.Debit != clientsAccount(from.ID, t.Currency):
		return refuse(string(reasonNotTheirs))
	}
	var amount int64
	if a := tx.OrgnlIntrBkSttlmAmt; a != nil {
		if amount, err = iso20022.Minor(a.Value, l.room.pack.Currency.Code); err != nil || a.Ccy != l.room.pack.Currency.Code || amount != known[c.Original].Amount {
			return refuse(string(reasonWrongAmount))
		}
	}
	found, err := l.room.recall(ctx, recallAsk{party: from.ID, reference: c.Reference, original: c.Original, reason: c.Reason, actor: "client/" + from.ID, document: m.Bytes})
	var before *errRecalled
	switch {
	case errors.As(err, &before):
		out := l.resolution(before.first)
		out.RsltnOfInvstgtn.Sts = camt029.InvestigationStatus5Choice{DplctOf: &camt029.Case5{Id: before.first.Reference, Cretr: l.agent(from.BIC)}}
		return out, nil
	case err != nil:
		if reason := returnRefusal(err); reason != "" {
			return refuse(string(reason))
		}
		return nil, err
	}
	return l.resolution(found), nil
}

func (l *Rail) agent(bic string) camt029.Party40Choice {
	return camt029.Party40Choice{Agt: &camt029.BranchAndFinancialInstitutionIdentification6{FinInstnId: camt029.FinancialInstitutionIdentification18{BICFI: bic}}}
}

// resolution is the camt.029 that says how a recall stands.
func (l *Rail) resolution(c *Recall) *camt029.Document {
	d := &camt029.Document{}
	x := &d.RsltnOfInvstgtn
	asker := l.agent(l.party.BIC)
	if p, err := l.room.peers.participant(c.Party); err == nil && p != nil {
		asker = l.agent(p.BIC)
	}
	x.Assgnmt = camt029.CaseAssignment5{Id: wire.MessageID(l.room.newID()), Assgnr: l.agent(l.party.BIC), Assgne: asker, CreDtTm: wire.DateTime(l.room.clock.Now())}
	one := camt029.PaymentTransaction102{CxlStsId: x.Assgnmt.Id, RslvdCase: &camt029.Case5{Id: c.Reference, Cretr: asker}, OrgnlGrpInf: &camt029.OriginalGroupInformation29{OrgnlMsgId: "NOTPROVIDED", OrgnlMsgNmId: pacs008.ID}, OrgnlUETR: c.Original}
	switch c.State {
	case RecallOpen:
		x.Sts.Conf, one.TxCxlSts = recallPending, "PDCR"
	case RecallAccepted, RecallReturned:
		x.Sts.Conf, one.TxCxlSts = recallCancelled, "ACCR"
	default:
		x.Sts.Conf, one.TxCxlSts = recallRejected, "RJCR"
		one.CxlStsRsnInf = []camt029.CancellationStatusReason4{{Rsn: &camt029.CancellationStatusReason3Choice{Cd: c.Answer}}}
	}
	x.CxlDtls = []camt029.UnderlyingTransaction22{{TxInfAndSts: []camt029.PaymentTransaction102{one}}}
	return d
}

// resolve takes the keeper's camt.029. Who is not the keeper of the payment, or
// answers what nobody asked, changes nothing.
func (l *Rail) resolve(ctx context.Context, from *peer, d *camt029.Document) (iso20022.Message, error) {
	x := &d.RsltnOfInvstgtn
	if len(x.CxlDtls) != 1 || len(x.CxlDtls[0].TxInfAndSts) != 1 || x.CxlDtls[0].TxInfAndSts[0].OrgnlUETR == "" {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "camt.029 answers about one payment at a time, by its OrgnlUETR"}
	}
	one := &x.CxlDtls[0].TxInfAndSts[0]
	original, accept, reason := strings.ToLower(one.OrgnlUETR), false, ""
	switch {
	case x.Sts.Conf == recallPending || x.Sts.Conf == "" && one.TxCxlSts == "PDCR":
		return nil, nil // it has it; the deadline is ours
	case x.Sts.Conf == recallCancelled || x.Sts.Conf == "" && one.TxCxlSts == "ACCR":
		accept = true
	case x.Sts.Conf == recallRejected || x.Sts.Conf == "" && one.TxCxlSts == "RJCR":
		reason = reasonCustomer
		if len(one.CxlStsRsnInf) > 0 && one.CxlStsRsnInf[0].Rsn != nil && reasonForm.MatchString(one.CxlStsRsnInf[0].Rsn.Cd) {
			reason = one.CxlStsRsnInf[0].Rsn.Cd
		}
	default:
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "Sts/Conf is CNCL, RJCR or PDCR"}
	}
	_, err := l.room.answerRecall(ctx, "client/"+from.ID, from.ID, original, accept, reason)
	if fault.Is(err, fault.NotFound) {
		return nil, &wire.Reason{Code: wire.CodeUnknown, Text: "no recall of this payment was handed to this participant", Err: err}
	}
	return nil, err
}

// recallOf is the camt.056 of a recall that did not come as one: for a payer whose
// account the house keeps.
func (l *Rail) recallOf(ctx context.Context, c *Recall) (*camt056.Document, error) {
	var keeper, asker Participant
	var t *Transfer
	err := l.room.db.View(ctx, func(tx *store.Tx) (err error) {
		if keeper, err = participantByID(tx, c.Keeper); err != nil {
			return err
		}
		if asker, err = participantByID(tx, c.Party); err != nil {
			return err
		}
		t, err = getTransfer(tx, c.Original)
		return err
	})
	if err != nil {
		return nil, err
	}
	amount, err := iso20022.Amount(t.Amount, t.Currency)
	if err != nil {
		return nil, err
	}
	d := &camt056.Document{}
	q := &d.FIToFIPmtCxlReq
	q.Assgnmt = camt056.CaseAssignment5{Id: wire.MessageID(c.ID), Assgnr: l.agent(asker.BIC), Assgne: l.agent(keeper.BIC), CreDtTm: wire.DateTime(l.room.clock.Now())}
	q.Undrlyg = []camt056.UnderlyingTransaction23{{TxInf: []camt056.PaymentTransaction106{{CxlId: c.Reference, OrgnlGrpInf: &camt056.OriginalGroupInformation29{OrgnlMsgId: "NOTPROVIDED", OrgnlMsgNmId: pacs008.ID},
		OrgnlEndToEndId: t.Reference, OrgnlUETR: strings.ToLower(c.Original), OrgnlIntrBkSttlmAmt: &camt056.ActiveOrHistoricCurrencyAndAmount{Ccy: t.Currency, Value: amount},
		CxlRsnInf: []camt056.PaymentCancellationReason5{{Rsn: &camt056.CancellationReason33Choice{Cd: c.Reason}}}}}}}
	return d, nil
}
