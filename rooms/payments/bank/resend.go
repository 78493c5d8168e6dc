package bank

import (
	"context"
	"errors"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi006"
	"sarai/rooms/payments/iso20022/admi007"
	"sarai/rooms/payments/wire"
)

// ping is the event by which the two ends ask each other whether they are there;
// another one only tells something.
const ping = "PING"

// Resend asks the rail for messages of a kind again (admi.006): by the UETR of what
// they are about, or from one row of the ledger to another. It gives the rail's
// status (admi.007, StsCd) and its words.
func (b *Bank) Resend(ctx context.Context, message, uetr, fromRow, toRow string) (status, words string, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	d := &admi006.Document{}
	d.RsndReq.MsgHdr = admi006.MessageHeader7{MsgId: wire.MessageID(newUUID()), CreDtTm: wire.DateTime(b.cfg.Now())}
	c := admi006.ResendSearchCriteria2{OrgnlMsgNmId: message, Rcpt: admi006.PartyIdentification136{Id: admi006.PartyIdentification120Choice{AnyBIC: b.cfg.BIC}}}
	if uetr != "" {
		c.FileRef = wire.MessageID(uetr)
	} else {
		c.SeqRg = &admi006.SequenceRange1Choice{FrToSeq: []admi006.SequenceRange1{{FrSeq: fromRow, ToSeq: toRow}}}
	}
	d.RsndReq.RsndSchCrit = []admi006.ResendSearchCriteria2{c}
	answer, err := b.party.Send(ctx, b.rail, newUUID(), d)
	if err != nil {
		return "", "", err
	}
	if answer != nil {
		if ack, ok := answer.Body.(*admi007.Document); ok {
			one := &ack.RctAck.Rpt[0].ReqHdlg
			return one.StsCd, one.Desc, nil
		}
	}
	return "", "", errors.New("bank: the rail did not answer admi.006 by admi.007")
}

// noted acknowledges what the rail tells of (admi.007), and remembers the last event.
func (b *Bank) noted(m *wire.Message, d *admi004.Document) iso20022.Message {
	event := d.SysEvtNtfctn.EvtInf.EvtCd
	b.event.Store(&event)
	now := wire.DateTime(b.cfg.Now())
	out := &admi007.Document{}
	out.RctAck.MsgId = admi007.MessageHeader10{MsgId: wire.MessageID(newUUID()), CreDtTm: now}
	out.RctAck.Rpt = []admi007.ReceiptAcknowledgementReport2{{RltdRef: admi007.MessageReference1{Ref: m.Header.BizMsgIdr, MsgNm: admi004.ID}, ReqHdlg: admi007.RequestHandling2{StsCd: "ACPT", StsDtTm: now}}}
	return out
}

// Event is the last thing the rail told of by admi.004, "" for nothing yet.
func (b *Bank) Event() string {
	if e := b.event.Load(); e != nil {
		return *e
	}
	return ""
}
