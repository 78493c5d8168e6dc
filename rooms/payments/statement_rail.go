package payments

import (
	"context"
	"errors"
	"strconv"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt052"
	"sarai/rooms/payments/iso20022/camt053"
	"sarai/rooms/payments/iso20022/camt060"
	"sarai/rooms/payments/iso20022/component"
	"sarai/rooms/payments/wire"
)

// railPage is how many entries one answer to camt.060 has.
const railPage = 500

// account answers camt.060: a page of the sender's own settlement account for the
// day in RptgPrd (today when it names none), as camt.052, or as camt.053 when that
// is asked for and the day is over. RptgSeq with EQSeq asks for another page than
// the first.
func (l *Rail) account(ctx context.Context, who *peer, d *camt060.Document) (iso20022.Message, error) {
	if len(d.AcctRptgReq.RptgReq) != 1 {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "camt.060 asks for one report at a time"}
	}
	asked := d.AcctRptgReq.RptgReq[0]
	day := country.DateOf(l.room.clock.Now(), l.room.pack.Zone)
	if p := asked.RptgPrd; p != nil {
		from, err := country.ParseDate(string(p.FrToDt.FrDt))
		if err != nil || (p.FrToDt.ToDt != "" && p.FrToDt.ToDt != p.FrToDt.FrDt) || p.FrToTm != nil {
			return nil, &wire.Reason{Code: wire.CodeSchema, Text: "RptgPrd names one whole day, without a zone", Err: err}
		}
		day = from
	}
	want := 1
	if s := asked.RptgSeq; s != nil {
		n := 0
		if len(s.EQSeq) == 1 {
			n, _ = strconv.Atoi(s.EQSeq[0])
		}
		if n < 1 {
			return nil, &wire.Reason{Code: wire.CodeSchema, Text: "RptgSeq names one page by EQSeq, from 1"}
		}
		want = n
	}
	var out iso20022.Message
	query := &component.OriginalBusinessQuery1{MsgId: d.AcctRptgReq.GrpHdr.MsgId, MsgNmId: camt060.ID, CreDtTm: d.AcctRptgReq.GrpHdr.CreDtTm}
	err := l.room.Statement(ctx, StatementAsk{Participant: who.ID, Day: &day, Size: railPage}, func(p StatementPage) error {
		if p.Number != want {
			return nil
		}
		var err error
		switch asked.ReqdMsgNmId {
		case camt052.ID:
			var doc *camt052.Document
			if doc, err = l.room.Camt052(p); err == nil {
				doc.BkToCstmrAcctRpt.GrpHdr.OrgnlBizQry = query
				out = doc
			}
		case camt053.ID:
			var doc *camt053.Document
			if doc, err = l.room.Camt053(p); err == nil {
				doc.BkToCstmrStmt.GrpHdr.OrgnlBizQry = query
				out = doc
			}
		default:
			return &wire.Reason{Code: wire.CodeUnknown, Text: "reports are " + camt052.ID + " and " + camt053.ID}
		}
		if err == nil {
			err = errShown
		}
		return err
	})
	switch {
	case errors.Is(err, errShown):
		return out, nil
	case err == nil:
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "the report has no such page"}
	case fault.Is(err, fault.Conflict):
		return nil, &wire.Reason{Code: "NOTREADY", Text: "the day is not over, or a report before it is being made: ask for " + camt052.ID + ", or again later", Err: err}
	}
	return nil, err
}
