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
	request  string // UETR of the request to pay that it answers
}

// read takes one payment out of a valid pacs.008; a reason says what this rail
// does not do.
func (l *Rail) read(ctx context.Context, from *peer, m *wire.Message, d *pacs008.Document) (*order, ledger.Reason, error) {
	g := &d.FIToFICstmrCdtTrf.GrpHdr
	txs := d.FIToFICstmrCdtTrf.CdtTrfTxInf
	o := &order{tx: &txs[0], group: g, payer: from, document: m.Bytes}
	o.uetr, o.request = strings.ToLower(o.tx.PmtId.UETR), requestOf(o.tx)
	currency := l.room.pack.Currency.Code
	switch {
	case len(txs) != 1 || g.NbOfTxs != "1" || g.SttlmInf.SttlmMtd != "CLRG" || o.uetr == "":
		return o, reasonFormat, nil
	case o.tx.IntrBkSttlmAmt.Ccy != currency:
		return o, ledger.WrongCurrency, nil
	case head(o.tx.DbtrAgt.FinInstnId.BICFI) != from.BIC || !isAgent(g.InstgAgt, from.BIC) || !isAgent(o.tx.InstgAgt, from.BIC):
		return o, reasonOtherAgent, nil
	}
	amount, err := iso20022.Minor(o.tx.IntrBkSttlmAmt.Value, currency)
	if err != nil {
		return o, ledger.InvalidAmount, nil //nolint:nilerr // the reason says it
	}
	o.amount = amount
	o.payee, o.via, err = l.room.peers.bank(o.tx.CdtrAgt.FinInstnId.BICFI)
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

// isAgent says whether an agent, if there is one, is the bank of this BIC.
func isAgent(a *pacs008.BranchAndFinancialInstitutionIdentification6, bic string) bool {
	return a == nil || head(a.FinInstnId.BICFI) == bic
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
	reserved, err := l.reserve(ctx, from, o)
	if reason := askRefusal(err); reason != "" {
		return l.report(o.group, o.tx, statusRejected, reason), nil
	}
	switch {
	case fault.Is(err, fault.Conflict):
		return l.report(o.group, o.tx, statusRejected, reasonOtherBody), nil
	case err != nil:
		return nil, err
	case reserved.Reason == ledger.Duplicate || reserved.Replayed && reserved.Accepted():
		return l.outcome(ctx, o, from)
	case !reserved.Accepted():
		return l.report(o.group, o.tx, statusRejected, reserved.Reason), nil
	}
	h := &handed{transfer: o.uetr, key: o.uetr, via: o.via, name: pacs008.ID, document: o.document, about: aboutPayment(o.group, o.tx), actor: "client/" + from.ID, quiet: o.via != nil}
	if o.request != "" {
		h.after = func(tx *store.Tx) error { return l.room.askPaid(tx, o.request, o.uetr, h.actor) }
	}
	status, reason, err := l.finish(ctx, h)
	if err != nil {
		return nil, err
	}
	return l.report(o.group, o.tx, status, reason), nil
}

// reserve holds the money. To somebody whose account the house keeps it is a
// payment like any other, with its events; between connected participants it is
// quiet, and what it was for stays with the two banks.
func (l *Rail) reserve(ctx context.Context, from *peer, o *order) (ledger.Row, error) {
	currency := l.room.pack.Currency.Code
	memo := sha256.Sum256(o.document)
	note := Note{Reference: o.tx.PmtId.EndToEndId}
	if o.via == nil {
		note.Purpose = purposeOf(o.tx)
	}
	w := Work{Currency: currency, Actor: "client/" + from.ID, Quiet: o.via != nil, Notes: map[string]Note{o.uetr: note},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: o.uetr, Party: "rail/" + from.BIC, Key: o.uetr, Debit: clientsAccount(from.ID, currency), Credit: o.credit, Amount: o.amount, Currency: currency,
			Expires: l.room.clock.Now().Add(ReservationTime), Memo: memo[:]}}}
	if o.request != "" {
		iban := ""
		if o.tx.CdtrAcct != nil {
			iban = o.tx.CdtrAcct.Id.IBAN
		}
		w.Before = func(tx *store.Tx) error {
			if _, err := requestBehind(tx, o.request); err != nil {
				return err
			}
			return answering(tx, o.request, o.uetr, from.ID, o.payee.ID, o.amount, iban)
		}
		w.After = func(tx *store.Tx, _ []ledger.Row) error { return Ask{UETR: o.request}.tries(tx, o.uetr) }
	}
	rows, err := l.room.payAsk(ctx, w)
	if err != nil {
		return ledger.Row{}, err
	}
	return rows[0], nil
}

func purposeOf(tx *pacs008.CreditTransferTransaction39) string {
	if tx.RmtInf == nil || len(tx.RmtInf.Ustrd) == 0 {
		return ""
	}
	return tx.RmtInf.Ustrd[0]
}

// outcome answers a payment whose UETR is known already: the same answer for the
// same payment, a refusal for another one. What is compared is what the ledger
// has, because keys are kept for two days only and a UETR is for ever.
func (l *Rail) outcome(ctx context.Context, o *order, from *peer) (iso20022.Message, error) {
	known, err := l.known(ctx, from, []string{o.uetr})
	if err != nil {
		return nil, err
	}
	t := known[o.uetr]
	if t == nil || t.Debit != clientsAccount(from.ID, t.Currency) || t.Credit != o.credit || t.Amount != o.amount || t.Reference != o.tx.PmtId.EndToEndId {
		return l.report(o.group, o.tx, statusRejected, reasonOtherBody), nil
	}
	status, reason := standing(t)
	return l.report(o.group, o.tx, status, reason), nil
}

// known finds payments and returns in which a participant has a part, by the names
// they have in messages.
func (l *Rail) known(ctx context.Context, who *peer, names []string) (map[string]*Transfer, error) {
	if err := l.room.sequencer.Settle(ctx, l.room.pack.Currency.Code); err != nil {
		return nil, err
	}
	out := map[string]*Transfer{}
	err := l.room.db.View(ctx, func(tx *store.Tx) error {
		var uetrs []string
		for _, name := range names {
			uetr, instruction, isReturn := strings.Cut(name, "/")
			if !isReturn {
				uetrs = append(uetrs, uetr)
				continue
			}
			t, err := store.Get(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id in (select id from payments_return where original = $1) and reference = $2 and $3 in (debit_book, credit_book)", uetr, instruction, who.ID)
			switch {
			case err == nil:
				out[name] = t
			case !fault.Is(err, fault.NotFound):
				return err
			}
		}
		if len(uetrs) == 0 {
			return nil
		}
		list, args := places(uetrs)
		found, err := store.List(tx, scanTransfer, fmt.Sprintf("select %s from payments_transfer where id in (%s) and $%d in (debit_book, credit_book)", transferColumns, list, len(args)+1), append(args, who.ID)...)
		for _, t := range found {
			out[t.ID] = t
		}
		return err
	})
	return out, err
}

// standing says what became of a payment; nil is one that is not known, or not to
// whoever asks.
func standing(t *Transfer) (status string, reason ledger.Reason) {
	switch {
	case t == nil:
		return statusRejected, reasonUnknown
	case t.Phase == ledger.Committed:
		return statusSettled, ""
	case t.Phase == ledger.Reserved:
		return statusPending, ""
	}
	return statusRejected, t.Reason
}
