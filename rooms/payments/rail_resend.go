package payments

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi006"
	"sarai/rooms/payments/iso20022/admi007"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/wire"
)

// A participant that has lost messages asks for them again (admi.006). The rail
// keeps no copies: it makes them anew from what the books say. They are sent by
// themselves, as they were the first time; the answer (admi.007) says of each thing
// asked for what was done.
//
// What is asked for is named by OrgnlMsgNmId, pacs.002.001.10 unless it says
// pain.014.001.07, and by one of
//
//   - FileRef, the UETR of the payment or of the request to pay, without dashes, or
//   - SeqNb or SeqRg, rows of the ledger, as NtryRef has them in camt.053: all
//     payments and returns of the participant that ended there, a hundred at most.

// Statuses in an admi.007 (StsCd).
const (
	resendDone    = "ACPT" // it is sent again
	resendPart    = "PART" // the first hundred are; Desc says where to go on
	resendNothing = "NFND" // there is nothing like it for this participant
	resendNot     = "NSUP" // such messages are not sent again; pacs.028 and camt.060 may help
)

// reservedRows is more than the ledger can decide while a payment is reserved: one
// that ended in a row was made so many rows before at most.
const reservedRows = 5_000_000

// resendCost is what an admi.006 costs the participant's bucket of questions.
func resendCost(d *admi006.Document) (asks int) {
	for _, c := range d.RsndReq.RsndSchCrit {
		if c.FileRef != "" {
			asks++
		} else {
			asks += mostAsked
		}
	}
	return asks
}

func (l *Rail) resend(ctx context.Context, who *peer, d *admi006.Document) (iso20022.Message, error) {
	if len(d.RsndReq.RsndSchCrit) > mostAsked {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "admi.006 asks for 1 to 100 things"}
	}
	now := wire.DateTime(l.room.clock.Now())
	out := &admi007.Document{}
	out.RctAck.MsgId = admi007.MessageHeader10{MsgId: wire.MessageID(l.room.newID()), CreDtTm: now}
	for i := range d.RsndReq.RsndSchCrit {
		status, words, err := l.resendOne(ctx, who, &d.RsndReq.RsndSchCrit[i])
		if err != nil {
			return nil, err
		}
		out.RctAck.Rpt = append(out.RctAck.Rpt, admi007.ReceiptAcknowledgementReport2{
			RltdRef: admi007.MessageReference1{Ref: d.RsndReq.MsgHdr.MsgId, MsgNm: admi006.ID},
			ReqHdlg: admi007.RequestHandling2{StsCd: status, StsDtTm: now, Desc: words}})
	}
	return out, nil
}

func (l *Rail) resendOne(ctx context.Context, who *peer, c *admi006.ResendSearchCriteria2) (status, words string, err error) {
	from, to, rows := resendRange(c)
	switch {
	case head(c.Rcpt.Id.AnyBIC) != who.BIC:
		return resendNothing, "", nil // nobody has another's messages sent
	case c.OrgnlMsgNmId == pain014.ID && c.FileRef != "":
		return l.resendAsk(ctx, who, uuidOf(c.FileRef))
	case c.OrgnlMsgNmId != "" && c.OrgnlMsgNmId != pacs002.ID:
		return resendNot, "pacs.002.001.10 and pain.014.001.07 are sent again", nil
	case c.FileRef != "":
		return l.resendReports(ctx, who, uuidOf(c.FileRef), 0, 0)
	case rows:
		return l.resendReports(ctx, who, "", from, to)
	}
	return resendNot, "name one by FileRef, or rows of the ledger by SeqNb or SeqRg", nil
}

// resendRange reads the rows that are asked for; from and to are among them.
func resendRange(c *admi006.ResendSearchCriteria2) (from, to int64, ok bool) {
	first, last := c.SeqNb, c.SeqNb
	if r := c.SeqRg; r != nil {
		switch {
		case len(r.FrToSeq) == 1:
			first, last = r.FrToSeq[0].FrSeq, r.FrToSeq[0].ToSeq
		case r.FrSeq != "":
			first, last = r.FrSeq, "9000000000000000000"
		case r.ToSeq != "":
			first, last = "1", r.ToSeq
		case len(r.EQSeq) == 1:
			first, last = r.EQSeq[0], r.EQSeq[0]
		}
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, wrong := strconv.ParseInt(last, 10, 64)
	return from, to, err == nil && wrong == nil && from > 0 && from <= to
}

// ended is a payment or a return that has ended.
type ended struct {
	*Transfer
	original string // of a return
}

// endedOf reads what ended of an account: one transfer, or the first of those whose end
// stands in the rows from to.
func endedOf(tx *store.Tx, account, id string, from, to int64) (list []ended, err error) {
	read := func(where string, args ...any) error {
		found, err := store.List(tx, func(scan store.Scan) (e ended, err error) {
			// What a return goes back of comes first.
			e.Transfer, err = scanTransfer(func(dest ...any) error { return scan(append([]any{&e.original}, dest...)...) })
			return e, err
		}, "select coalesce(r.original, ''), t."+strings.ReplaceAll(transferColumns, ", ", ", t.")+` from payments_transfer t left join payments_return r on r.id = t.id
			where t.kind = 'transfer' and t.done > 0 and `+where, append([]any{account}, args...)...)
		list = append(list, found...)
		return err
	}
	if id != "" {
		return list, read("(t.debit = $1 or t.credit = $1) and t.id = $2", id)
	}
	newest, err := newestRow(tx)
	if err != nil {
		return nil, err
	}
	err = byStretch(max(from-reservedRows, 1), min(to, newest), false, func(in stretches) (bool, error) {
		for _, side := range []string{"debit", "credit"} {
			err := read("t."+side+" = $1 and t.done between $2 and $3 and "+in.in(5)+" order by t.done limit $4", append([]any{from, to, mostAsked + 1}, in...)...)
			if err != nil {
				return false, err
			}
		}
		slices.SortFunc(list, func(a, b ended) int { return cmp.Compare(a.Done, b.Done) })
		// What was made later ended later than all of these.
		return len(list) > mostAsked && list[mostAsked].Done <= in.last(), nil
	})
	return list, err
}

// resendReports sends the outcomes of payments and returns again.
func (l *Rail) resendReports(ctx context.Context, who *peer, id string, from, to int64) (status, words string, err error) {
	currency := l.room.pack.Currency.Code
	if err := l.room.sequencer.Settle(ctx, currency); err != nil {
		return "", "", err
	}
	var list []ended
	err = l.room.db.View(ctx, func(tx *store.Tx) error {
		list, err = endedOf(tx, clientsAccount(who.ID, currency), id, from, to)
		return err
	})
	if err != nil {
		return "", "", err
	}
	if len(list) == 0 {
		return resendNothing, "", nil
	}
	status = resendDone
	if len(list) > mostAsked {
		status, words = resendPart, "go on from row "+strconv.FormatInt(list[mostAsked].Done, 10)
		list = list[:mostAsked]
	}
	for _, e := range list {
		about := pacs002.PaymentTransaction110{OrgnlGrpInf: &pacs002.OriginalGroupInformation29{OrgnlMsgId: "NOTPROVIDED", OrgnlMsgNmId: pacs008.ID}, OrgnlEndToEndId: e.Reference, OrgnlUETR: strings.ToLower(e.ID)}
		if e.original != "" {
			about.OrgnlGrpInf.OrgnlMsgNmId, about.OrgnlInstrId, about.OrgnlEndToEndId, about.OrgnlUETR = pacs004.ID, e.Reference, "", strings.ToLower(e.original)
		}
		outcome, reason := standing(e.Transfer)
		l.put(confirmation{to: who, document: l.reportOf(about, outcome, reason)}) // those that wait are sent together
	}
	return status, words, nil
}

// resendAsk says again how a request to pay stands, to who asked.
func (l *Rail) resendAsk(ctx context.Context, who *peer, uetr string) (status, words string, err error) {
	var a *Ask
	err = l.room.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err = getAsk(tx, uetr, "")
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && a.Asker != who.ID:
		return resendNothing, "", nil
	case err != nil:
		return "", "", err
	}
	l.put(confirmation{to: who, document: l.askReport(a)})
	return resendDone, "", nil
}

// uuidOf puts the dashes back into a UUID that an identification of 35 characters
// has no room for; "" when it is none.
func uuidOf(id string) string {
	if len(id) != 32 {
		return ""
	}
	return strings.ToLower(strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"))
}

// Events of which the rail tells a participant by admi.004 (EvtCd). The participant
// acknowledges by admi.007.
const (
	eventSuspended = "SUSP" // it makes and receives no new payments
	eventOpen      = "OPEN" // it does again
)

// tellStanding tells a connected participant that it was suspended or resumed. One
// that is not there finds out by its next message.
func (l *Rail) tellStanding(to *peer, suspended bool) {
	d := &admi004.Document{}
	e := &d.SysEvtNtfctn.EvtInf
	e.EvtCd, e.EvtTm = eventOpen, wire.DateTime(l.room.clock.Now())
	if suspended {
		e.EvtCd = eventSuspended
	}
	l.put(confirmation{to: to, document: d})
}
