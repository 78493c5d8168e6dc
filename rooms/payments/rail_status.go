package payments

import (
	"context"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pacs028"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// report is a pacs.002 about one payment.
func (l *Rail) report(g *pacs008.GroupHeader93, tx *pacs008.CreditTransferTransaction39, status string, reason ledger.Reason) iso20022.Message {
	return l.reportOf(aboutPayment(g, tx), status, reason)
}

// aboutPayment is how a report names a payment.
func aboutPayment(g *pacs008.GroupHeader93, tx *pacs008.CreditTransferTransaction39) pacs002.PaymentTransaction110 {
	return pacs002.PaymentTransaction110{
		OrgnlGrpInf:  &pacs002.OriginalGroupInformation29{OrgnlMsgId: g.MsgId, OrgnlMsgNmId: pacs008.ID, OrgnlCreDtTm: g.CreDtTm},
		OrgnlInstrId: tx.PmtId.InstrId, OrgnlEndToEndId: tx.PmtId.EndToEndId, OrgnlTxId: tx.PmtId.TxId, OrgnlUETR: tx.PmtId.UETR,
	}
}

func (l *Rail) reportOf(one pacs002.PaymentTransaction110, status string, reason ledger.Reason) iso20022.Message {
	d := &pacs002.Document{}
	d.FIToFIPmtStsRpt.GrpHdr.MsgId = wire.MessageID(l.room.newID())
	d.FIToFIPmtStsRpt.GrpHdr.CreDtTm = wire.DateTime(l.room.clock.Now())
	one.TxSts, one.StsRsnInf = status, reasons(reason)
	d.FIToFIPmtStsRpt.TxInfAndSts = []pacs002.PaymentTransaction110{one}
	return d
}

// mostAsked is how many payments one pacs.028 may ask about.
const mostAsked = 100

// status answers pacs.028: what became of the payments asked about, and of the
// returns, which OrgnlGrpInf names as pacs.004 and OrgnlInstrId by their RtrId. Only
// their two participants learn it; to others they do not exist (NOOR).
func (l *Rail) status(ctx context.Context, who *peer, d *pacs028.Document) (iso20022.Message, error) {
	asked := d.FIToFIPmtStsReq.TxInf
	if len(asked) == 0 || len(asked) > mostAsked {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pacs.028 asks about 1 to 100 payments, each by its OrgnlUETR"}
	}
	names := make([]string, 0, len(asked))
	for _, q := range asked {
		message := ""
		if q.OrgnlGrpInf != nil {
			message = q.OrgnlGrpInf.OrgnlMsgNmId
		}
		names = append(names, wire.Name(message, q.OrgnlUETR, q.OrgnlInstrId))
	}
	known, err := l.known(ctx, who, unique(names))
	if err != nil {
		return nil, err
	}
	out := &pacs002.Document{}
	out.FIToFIPmtStsRpt.GrpHdr.MsgId = wire.MessageID(l.room.newID())
	out.FIToFIPmtStsRpt.GrpHdr.CreDtTm = wire.DateTime(l.room.clock.Now())
	for i, q := range asked {
		one := pacs002.PaymentTransaction110{OrgnlGrpInf: q.OrgnlGrpInf, OrgnlInstrId: q.OrgnlInstrId, OrgnlEndToEndId: q.OrgnlEndToEndId, OrgnlTxId: q.OrgnlTxId, OrgnlUETR: q.OrgnlUETR}
		status, reason := standing(known[names[i]])
		one.TxSts, one.StsRsnInf = status, reasons(reason)
		out.FIToFIPmtStsRpt.TxInfAndSts = append(out.FIToFIPmtStsRpt.TxInfAndSts, one)
	}
	return out, nil
}

func reasons(r ledger.Reason) []pacs002.StatusReasonInformation12 {
	if r == "" {
		return nil
	}
	return []pacs002.StatusReasonInformation12{{Rsn: &pacs002.StatusReason6Choice{Cd: string(r)}}}
}
