package bank

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi011"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/iso20022/camt056"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/wire"
)

// Codes of ISO 20022's external lists.
const (
	accepted = "ACCP"
	settled  = "ACSC"
	rejected = "RJCT"

	noAccount      = "AC03"
	accountBlocked = "AC06"
	accountClosed  = "AC07"
	debtorClosed   = "AC04"
	tooMuch        = "AM09"
	wrongAmount    = "AM12"
	wrongCurrency  = "AM03"
	otherBody      = "DUPL"
	notUs          = "RC04"
	notKnown       = "NOOR"
	moodRefusal    = "AM21" // a limit agreed between customer and bank
	format         = "FF01"
)

// answer is the bank's part in the conversation with the rail.
func (b *Bank) answer(ctx context.Context, m *wire.Message) (iso20022.Message, error) {
	mood := b.mood.Load()
	switch d := m.Body.(type) {
	case *pacs008.Document:
		if mood.Silent {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		reply, err := b.take(m, d, mood)
		return b.say(ctx, mood, reply, err)
	case *pacs004.Document:
		if mood.Silent {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		reply, err := b.takeBack(m, d)
		return b.say(ctx, mood, reply, err)
	case *pacs002.Document:
		if mood.Silent {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if mood.Deaf {
			return nil, errors.New("this bank does not hear confirmations today")
		}
		return nil, b.told(d)
	case *pain013.Document:
		return b.askedFor(ctx, m, d, mood)
	case *pain014.Document:
		return nil, b.askReported(d)
	case *camt056.Document:
		return b.recalled(ctx, d, mood)
	case *camt029.Document:
		return nil, b.resolved(d)
	case *admi004.Document:
		if d.SysEvtNtfctn.EvtInf.EvtCd != ping {
			return b.noted(m, d), nil
		}
		out := &admi011.Document{} // are you there?
		out.SysEvtAck.MsgId = wire.MessageID(newUUID())
		out.SysEvtAck.AckDtls = &admi011.Event1{EvtCd: d.SysEvtNtfctn.EvtInf.EvtCd, EvtTm: wire.DateTime(b.cfg.Now())}
		return out, nil
	}
	return nil, &wire.Reason{Code: wire.CodeUnknown, Text: "this bank does not take " + m.Name}
}

// say gives an answer in the bank's mood: at once, after a while, or as a message of
// its own.
func (b *Bank) say(ctx context.Context, mood *Mood, reply iso20022.Message, err error) (iso20022.Message, error) {
	if err == nil && mood.Later {
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mood.Delay+b.cfg.Patience)
			defer cancel()
			pause(ctx, mood.Delay)
			if _, err := b.party.Send(ctx, b.rail, newUUID(), reply); err != nil {
				b.cfg.Log.WarnContext(ctx, "an answer did not reach the rail", "error", err)
			}
		}()
		return nil, nil
	}
	if mood.Delay > 0 {
		pause(ctx, mood.Delay)
	}
	return reply, err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// take decides about a payment to one of our customers. What is accepted is not
// credited yet.
func (b *Bank) take(m *wire.Message, d *pacs008.Document, mood *Mood) (iso20022.Message, error) {
	txs := d.FIToFICstmrCdtTrf.CdtTrfTxInf
	tx := &txs[0]
	uetr := strings.ToLower(tx.PmtId.UETR)
	reply := func(state, reason string) (iso20022.Message, error) {
		return b.report(&d.FIToFICstmrCdtTrf.GrpHdr, tx, state, reason), nil
	}
	if len(txs) != 1 || uetr == "" {
		return reply(rejected, format)
	}
	sum := sha256.Sum256(m.Bytes)
	e := &entry{Kind: entryTake, UETR: uetr, Bank: tx.DbtrAgt.FinInstnId.BICFI, Name: tx.Dbtr.Nm, Ref: tx.PmtId.EndToEndId, Hash: hex.EncodeToString(sum[:16])}
	if tx.PmtTpInf != nil && tx.PmtTpInf.LclInstrm != nil && tx.PmtTpInf.LclInstrm.Prtry == localRequest {
		e.Request = uuidOf(tx.PmtId.InstrId)
	}
	if tx.CdtrAcct != nil {
		e.Own = tx.CdtrAcct.Id.IBAN
	}
	if tx.DbtrAcct != nil {
		e.Other = tx.DbtrAcct.Id.IBAN
	}
	amount, err := iso20022.Minor(tx.IntrBkSttlmAmt.Value, b.cfg.Currency)
	e.Amount = amount
	state, reason := accepted, ""
	err = b.do(func() (*entry, error) {
		if p := b.book.payments[uetr]; p != nil {
			switch {
			case p.Outgoing || p.hash != e.Hash:
				state, reason = rejected, otherBody
			case p.State == Back:
				state, reason = rejected, p.Reason
			}
			return nil, nil
		}
		a := b.book.accounts[e.Own]
		switch {
		case strings.TrimSuffix(tx.CdtrAgt.FinInstnId.BICFI, "XXX") != b.cfg.BIC:
			reason = notUs
		case tx.IntrBkSttlmAmt.Ccy != b.cfg.Currency:
			reason = wrongCurrency
		case err != nil || amount <= 0:
			reason = wrongAmount
		case a == nil:
			reason = noAccount
		case a.State == StateClosed:
			reason = accountClosed
		case a.State == StateBlocked:
			reason = accountBlocked
		case rand.IntN(1000) < mood.Refuse: //nolint:gosec // a share
			reason = moodRefusal
		}
		if e.Reason = reason; reason != "" {
			state = rejected
		}
		return e, nil
	})
	if err != nil {
		return nil, err
	}
	if reason == "" {
		b.stats.accepted.Add(1)
	} else {
		b.stats.refused.Add(1)
	}
	return reply(state, reason)
}

// told is the rail's word on payments, which are written together.
func (b *Bank) told(d *pacs002.Document) error {
	var written []func() error
	var wrong error
	for i := range d.FIToFIPmtStsRpt.TxInfAndSts {
		one := &d.FIToFIPmtStsRpt.TxInfAndSts[i]
		_, durable, err := b.ending(wire.NameOf(one), one.TxSts, reasonOf(one), true)
		if wrong = err; err != nil {
			break
		}
		written = append(written, durable)
	}
	for _, durable := range written {
		wrong = errors.Join(wrong, durable())
	}
	return wrong
}

func reasonOf(one *pacs002.PaymentTransaction110) string {
	if len(one.StsRsnInf) == 0 || one.StsRsnInf[0].Rsn == nil {
		return ""
	}
	return one.StsRsnInf[0].Rsn.Cd
}

// end ends an open payment if the rail's word is final, and says in which state
// it is now. That the rail does not know a payment is final only as the answer to
// the payment's own message: else that may still be on its way.
func (b *Bank) end(uetr, status, reason string, answer bool) (state string, err error) {
	state, durable, err := b.ending(uetr, status, reason, answer)
	if err != nil {
		return state, err
	}
	return state, durable()
}

// ending is end without waiting: whoever waits for the end of the order hears it
// from the function it gives, once it is durable.
func (b *Bank) ending(uetr, status, reason string, answer bool) (state string, durable func() error, err error) {
	written, err := b.begin(func() (*entry, error) {
		p := b.book.payments[uetr]
		if p == nil {
			return nil, nil // not ours
		}
		if state = p.State; state != Pending {
			return nil, nil
		}
		switch {
		case status == settled:
			state = Settled
			return &entry{Kind: entrySettled, UETR: uetr}, nil
		case status == rejected && (answer || reason != notKnown):
			state = Back
			return &entry{Kind: entryBack, UETR: uetr, Reason: reason}, nil
		}
		return nil, nil
	})
	if err != nil {
		return state, nil, err
	}
	return state, func() error {
		if err := written(); err != nil || state == Pending {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if c := b.ended[uetr]; c != nil {
			close(c)
			delete(b.ended, uetr)
		}
		return nil
	}, nil
}
