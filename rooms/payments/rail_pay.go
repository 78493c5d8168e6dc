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
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// Reasons of ISO 20022's external code list that the messages need besides the
// ledger's.
const (
	reasonNoAnswer   ledger.Reason = "AB05" // the payee's participant did not answer in time
	reasonBadAnswer  ledger.Reason = "AB09" // the payee's participant answered with an error
	reasonNoAgent    ledger.Reason = "RC04" // the creditor agent is unknown
	reasonNoIBAN     ledger.Reason = "AC01"
	reasonOtherAgent ledger.Reason = "DNOR" // the debtor agent is not the sender
	reasonFormat     ledger.Reason = "FF01" // the message is valid but not one of this rail
	reasonUnknown    ledger.Reason = "NOOR" // no such payment
	reasonOtherBody  ledger.Reason = "DUPL" // the UETR was used for another payment
)

// Statuses of ExternalPaymentTransactionStatus1Code that the rail says.
const (
	statusSettled  = "ACSC"
	statusPending  = "ACSP" // reserved, the payee's participant has been asked
	statusRejected = "RJCT"
)

// order is a pacs.008 as the rail understands it.
type order struct {
	tx       *pacs008.CreditTransferTransaction39
	group    *pacs008.GroupHeader93
	uetr     string
	amount   int64
	payer    *peer
	payee    Participant
	via      *peer // nil: the house keeps the payee's account
	credit   string
	document []byte
}

// read takes one payment out of a valid pacs.008; a reason says what this rail
// does not do.
func (l *Rail) read(ctx context.Context, from *peer, m *wire.Message, d *pacs008.Document) (*order, ledger.Reason, error) {
	g := &d.FIToFICstmrCdtTrf.GrpHdr
	txs := d.FIToFICstmrCdtTrf.CdtTrfTxInf
	o := &order{tx: &txs[0], group: g, payer: from, document: m.Bytes}
	o.uetr = strings.ToLower(o.tx.PmtId.UETR)
	currency := l.room.pack.Currency.Code
	switch {
	case len(txs) != 1 || g.NbOfTxs != "1" || g.SttlmInf.SttlmMtd != "CLRG" || o.uetr == "":
		return o, reasonFormat, nil
	case o.tx.IntrBkSttlmAmt.Ccy != currency:
		return o, ledger.WrongCurrency, nil
	case o.tx.DbtrAgt.FinInstnId.BICFI != from.BIC || (g.InstgAgt != nil && g.InstgAgt.FinInstnId.BICFI != from.BIC):
		return o, reasonOtherAgent, nil
	}
	amount, err := iso20022.Minor(o.tx.IntrBkSttlmAmt.Value, currency)
	if err != nil {
		return o, ledger.InvalidAmount, nil //nolint:nilerr // the reason says it
	}
	o.amount = amount
	o.payee, o.via, err = l.peers.bank(o.tx.CdtrAgt.FinInstnId.BICFI)
	switch {
	case errors.Is(err, errNoBank):
		return o, reasonNoAgent, nil
	case err != nil:
		return o, "", err
	case o.via != nil:
		o.credit = clientsAccount(o.payee.ID, currency)
		return o, "", nil
	}
	if o.tx.CdtrAcct == nil || o.tx.CdtrAcct.Id.IBAN == "" {
		return o, reasonNoIBAN, nil
	}
	a, err := l.hosted(ctx, o.tx.CdtrAcct.Id.IBAN)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && a.Book != o.payee.ID:
		return o, ledger.NoSuchCreditor, nil
	case err != nil:
		return o, "", err
	}
	o.credit = a.ID
	return o, "", nil
}

// pay does an instant payment: reserve, ask the payee's participant, commit or
// abort, tell both. The payer's participant gets the outcome as the answer; if the
// answer is lost it asks with pacs.028, or sends the same message again.
func (l *Rail) pay(ctx context.Context, from *peer, m *wire.Message, d *pacs008.Document) (iso20022.Message, error) {
	o, reason, err := l.read(ctx, from, m, d)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		return l.report(o.group, o.tx, statusRejected, reason), nil
	}
	// Nobody gives up because a connection broke: the money would stay reserved.
	ctx = context.WithoutCancel(ctx)
	currency := l.room.pack.Currency.Code
	memo := sha256.Sum256(o.document)
	now := l.room.clock.Now()
	rows, err := l.room.ledger.Do(ctx, Work{Currency: currency, Actor: "client/" + from.ID, Quiet: true, Notes: map[string]Note{o.uetr: {Reference: o.tx.PmtId.EndToEndId, Purpose: purposeOf(o.tx)}},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: o.uetr, Party: "rail/" + from.BIC, Key: o.uetr, Debit: clientsAccount(from.ID, currency), Credit: o.credit, Amount: o.amount, Currency: currency,
			Expires: now.Add(ReservationTime), Memo: memo[:]}}})
	switch {
	case fault.Is(err, fault.Conflict):
		return l.report(o.group, o.tx, statusRejected, reasonOtherBody), nil
	case err != nil:
		return nil, err
	case rows[0].Reason == ledger.Duplicate || rows[0].Replayed && rows[0].Accepted():
		return l.outcome(ctx, o, from)
	case !rows[0].Accepted():
		return l.report(o.group, o.tx, statusRejected, rows[0].Reason), nil
	}
	reason = ""
	if o.via != nil {
		reason = l.ask(ctx, o)
	}
	end := ledger.Step{Kind: ledger.Commit, Transfer: o.uetr}
	if reason != "" {
		end = ledger.Step{Kind: ledger.Abort, Transfer: o.uetr, Reason: reason}
	}
	rows, err = l.room.ledger.Do(ctx, Work{Currency: currency, Actor: "client/" + from.ID, Quiet: true, Steps: []ledger.Step{end}})
	if err != nil {
		return nil, err
	}
	status := statusRejected
	switch ended := rows[0].Ended(); {
	case ended == ledger.Committed:
		status, reason = statusSettled, ""
	case ended == ledger.Expired || reason == "":
		reason = rows[0].Reason // the ledger's time was over before the answer came
	}
	if o.via != nil {
		l.tell(o, status, reason)
	}
	return l.report(o.group, o.tx, status, reason), nil
}

func purposeOf(tx *pacs008.CreditTransferTransaction39) string {
	if tx.RmtInf == nil || len(tx.RmtInf.Ustrd) == 0 {
		return ""
	}
	return tx.RmtInf.Ustrd[0]
}

// ask forwards the payment to the payee's participant; "" means that it accepts.
func (l *Rail) ask(ctx context.Context, o *order) ledger.Reason {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	reply, err := l.party.Forward(ctx, o.via.wire, l.room.newID(), o.document, pacs008.ID)
	if err != nil {
		l.room.log.WarnContext(ctx, "a participant did not answer", "participant", o.via.ID, "error", err)
		if errors.Is(err, wire.ErrRejected) {
			return reasonBadAnswer
		}
		return reasonNoAnswer
	}
	if reply == nil {
		return reasonNoAnswer
	}
	d, ok := reply.Body.(*pacs002.Document)
	if !ok || len(d.FIToFIPmtStsRpt.TxInfAndSts) != 1 || !strings.EqualFold(d.FIToFIPmtStsRpt.TxInfAndSts[0].OrgnlUETR, o.uetr) {
		return reasonBadAnswer
	}
	switch one := d.FIToFIPmtStsRpt.TxInfAndSts[0]; one.TxSts {
	case "ACCP", "ACSP", "ACTC", "ACSC", "ACWP":
		return ""
	case statusRejected:
		if len(one.StsRsnInf) > 0 && one.StsRsnInf[0].Rsn != nil && one.StsRsnInf[0].Rsn.Cd != "" {
			return ledger.Reason(one.StsRsnInf[0].Rsn.Cd)
		}
		return "MS03" // no reason given
	}
	return reasonBadAnswer
}

// outcome answers a payment that is known already.
func (l *Rail) outcome(ctx context.Context, o *order, from *peer) (iso20022.Message, error) {
	status, reason, err := l.standing(ctx, o.uetr, from)
	if err != nil {
		return nil, err
	}
	return l.report(o.group, o.tx, status, reason), nil
}

// standing says what became of a payment, to one of its two participants.
func (l *Rail) standing(ctx context.Context, uetr string, who *peer) (status string, reason ledger.Reason, err error) {
	if err := l.room.sequencer.Settle(ctx, l.room.pack.Currency.Code); err != nil {
		return "", "", err
	}
	var t *Transfer
	err = l.room.db.View(ctx, func(tx *store.Tx) (err error) {
		t, err = store.Get(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id = $1 and $2 in (debit_book, credit_book)", uetr, who.ID)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return statusRejected, reasonUnknown, nil
	case err != nil:
		return "", "", err
	}
	switch t.Phase {
	case ledger.Committed:
		return statusSettled, "", nil
	case ledger.Reserved:
		return statusPending, "", nil
	}
	return statusRejected, t.Reason, nil
}

// confirmation tells the payee's participant what became of a payment that it
// accepted: only then it credits its customer.
type confirmation struct {
	to       *peer
	document iso20022.Message
	tries    int
	at       time.Time
}

const (
	confirmers   = 8
	confirmTries = 5
)

func (l *Rail) tell(o *order, status string, reason ledger.Reason) {
	c := confirmation{to: o.via, document: l.report(o.group, o.tx, status, reason)}
	select {
	case l.confirm <- c:
	default: // it asks by itself when it hears nothing
	}
}

// sendConfirmations sends what waits; a participant that does not answer is
// asked some more times and then asks by itself (pacs.028).
func (l *Rail) sendConfirmations(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-l.confirm:
			send, cancel := context.WithTimeout(ctx, answerTime)
			_, err := l.party.Send(send, c.to.wire, l.room.newID(), c.document)
			cancel()
			if err == nil || errors.Is(err, wire.ErrRejected) || ctx.Err() != nil {
				continue
			}
			if c.tries++; c.tries < confirmTries {
				time.AfterFunc(time.Duration(c.tries*c.tries)*200*time.Millisecond, func() {
					select {
					case l.confirm <- c:
					default:
					}
				})
			}
		}
	}
}
