package payments

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// A request of a customer of the house to somebody at a connected participant is a
// [Request] with an [Ask] beside it, which is handed to that participant as a pain.013.
// The payer answers there: by a pacs.008 that names the request, or by a pain.014.

// away says whether the request is to somebody outside the house.
func (q *Request) away() bool { return strings.HasPrefix(q.Debit, outsidePrefix) }

// askUETR is the UETR of the Ask of a request.
func (q *Request) askUETR() string { return newUETR(q.ID) }

// askOut writes the Ask of a new request and has it sent.
func (r *Room) askOut(tx *store.Tx, q *Request) error {
	sum := sha256.Sum256([]byte(q.ID))
	a := &Ask{UETR: q.askUETR(), Asker: q.To.Book, Payer: q.From.Book, Message: wire.MessageID(q.askUETR()), Instruction: wire.MessageID(q.askUETR()), EndToEnd: q.endToEnd(),
		Amount: q.Amount, Made: tx.Now(), Expires: q.Expires, hash: sum[:], account: accountHash(q.To.IBAN)}
	if _, _, err := putAsk(tx, a); err != nil {
		return fmt.Errorf("write a request to a participant: %w", err)
	}
	if _, err := tx.Exec("update payments_ask set request = $2 where uetr = $1", a.UETR, q.ID); err != nil {
		return err
	}
	if err := tell(tx, q.ID, q.From); err != nil {
		return err
	}
	return job.Put(tx, job.Job{Kind: jobAskOut, Key: q.ID, At: tx.Now(), Data: requestJob{q.ID}})
}

func (q *Request) endToEnd() string {
	if q.EndToEnd != "" {
		return q.EndToEnd
	}
	return q.Reference
}

// payerAway is whom a request asks: as the directory knows them, or when it no longer
// does, as it did.
func (q *Request) payerAway(tx *store.Tx) (*Account, error) {
	a, err := listedAccount(tx, q.Debit, "")
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	keeper, none := store.Get(tx, store.Value[string], "select payer from payments_ask where request = $1", q.ID)
	if none != nil {
		return nil, err
	}
	a, none = told(tx, q.ID, &Account{Account: ledger.Account{Book: keeper, Currency: q.Currency, Role: ledger.Customer}})
	if none != nil || a == nil {
		return nil, errors.Join(err, none)
	}
	return a, nil
}

// requestBehind is the open request of the house whose Ask this is, locked before the
// Ask is; nil when there is none.
func requestBehind(tx *store.Tx, uetr string) (*Request, error) {
	if uetr == "" {
		return nil, nil
	}
	q, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where id = (select request from payments_ask where uetr = $1 and request <> '') for update", uetr)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil || q.State != RequestAsked {
		return nil, err
	}
	return q, nil
}

// askPaid notes in the paying transaction that a payment has answered a request.
func (r *Room) askPaid(tx *store.Tx, uetr, transfer, actor string) error {
	q, err := requestBehind(tx, uetr)
	if err != nil {
		return err
	}
	if err := (Ask{UETR: uetr}).settles(tx); err != nil || q == nil {
		return err
	}
	if err := r.giveBack(tx, q.ID); err != nil {
		return err
	}
	q.State, q.Transfer = RequestPaid, transfer
	return q.ended(tx, actor)
}

// askRefused is the no of the payer's participant to a request, whoever asks.
func (r *Room) askRefused(tx *store.Tx, uetr, payer, reason string) (*Ask, bool, error) {
	q, err := requestBehind(tx, uetr)
	if err != nil {
		return nil, false, err
	}
	a, fresh, err := refuseAsk(tx, uetr, payer, reason)
	if err != nil || !fresh || q == nil {
		return a, fresh, err
	}
	q.State, q.Reason = RequestRefused, ledger.Reason(reason)
	return a, fresh, q.ended(tx, "client/"+payer)
}

// askEndedHere ends the Ask of a request that its asker took back or whose time is over:
// it cannot be paid any more.
func (q *Request) askEndedHere(tx *store.Tx) error {
	if q.State == RequestPaid || q.State == RequestRefused {
		return nil
	}
	_, err := tx.Exec("update payments_ask set state = $2 where uetr = $1 and state = $3", q.askUETR(), AskOver, AskOpen)
	return err
}

// jobAskOut hands a request to the payer's participant.
const jobAskOut = "payments.ask.send"

func (r *Room) sendAsk(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d requestJob
	if err := j.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobAskOut, jobAskOut, gate.House{}); err != nil {
		return nil, err
	}
	var q *Request
	var a *Ask
	var from, to Participant
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		if q, err = getRequest(tx, d.Request, ""); err != nil {
			return err
		}
		if a, err = getAsk(tx, q.askUETR(), ""); err != nil {
			return err
		}
		if from, err = participantByID(tx, a.Asker); err == nil {
			to, err = participantByID(tx, a.Payer)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !q.open(r.clock.Now()) {
		return nil, nil // it is over: nobody needs to see it any more
	}
	document, err := q.document(a, from, to)
	if err != nil {
		return nil, err
	}
	reason, err := r.handAsk(ctx, a, document)
	return func(tx *store.Tx) error {
		switch {
		case reason != "":
			_, _, err := r.askRefused(tx, a.UETR, a.Payer, reason)
			return err
		case err != nil && tx.Now().Before(q.Expires):
			// It takes each request once, so it can be sent again.
			return job.Put(tx, job.Job{Kind: jobAskOut, Key: q.ID, At: tx.Now().Add(askAgain), Data: d})
		}
		return nil
	}, nil
}

// handAsk sends a request; a reason says that the participant refuses it, an error that
// it could not be reached.
func (r *Room) handAsk(ctx context.Context, a *Ask, document *pain013.Document) (reason string, err error) {
	via, rail, err := r.reach(ctx, a.Payer)
	if errors.Is(err, errNoBank) || err == nil && via == nil {
		return "", errSilent(err)
	}
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, rail.answer)
	defer cancel()
	reply, err := rail.party.Send(ctx, via.wire, r.newID(), document)
	rail.heard(via.ID, err == nil)
	switch {
	case errors.Is(err, wire.ErrRejected):
		return string(reasonBadAnswer), nil
	case err != nil:
		r.log.WarnContext(ctx, "a participant could not be handed a request to pay", "participant", via.ID, "error", err)
		return "", err
	case reply == nil:
		return "", nil // it answers later, by its customer
	}
	report, ok := reply.Body.(*pain014.Document)
	if !ok {
		return string(reasonBadAnswer), nil
	}
	switch uetr, status, why := askVerdict(report); {
	case uetr != a.UETR:
		return string(reasonBadAnswer), nil
	case status == statusRejected:
		return why, nil
	}
	return "", nil
}

// document is the pain.013 of a request to somebody at a connected participant.
func (q *Request) document(a *Ask, from, to Participant) (*pain013.Document, error) {
	amount, err := iso20022.Amount(q.Amount, q.Currency)
	if err != nil {
		return nil, err
	}
	agent := func(bic string) pain013.BranchAndFinancialInstitutionIdentification6 {
		return pain013.BranchAndFinancialInstitutionIdentification6{FinInstnId: pain013.FinancialInstitutionIdentification18{BICFI: bic}}
	}
	account := func(iban string) *pain013.CashAccount38 {
		return &pain013.CashAccount38{Id: pain013.AccountIdentification4Choice{IBAN: iban}}
	}
	asker := pain013.PartyIdentification135{Nm: q.To.NameEn}
	one := pain013.CreditTransferTransaction35{PmtId: pain013.PaymentIdentification6{EndToEndId: a.EndToEnd, UETR: a.UETR}, ChrgBr: "SLEV",
		Amt:     pain013.AmountType4Choice{InstdAmt: &pain013.ActiveOrHistoricCurrencyAndAmount{Ccy: q.Currency, Value: amount}},
		CdtrAgt: agent(from.BIC), Cdtr: asker, CdtrAcct: account(q.To.IBAN)}
	if q.Purpose != "" {
		one.RmtInf = &pain013.RemittanceInformation16{Ustrd: []string{q.Purpose}}
	}
	d := &pain013.Document{}
	// The same each time it is sent: who gets it twice knows it by its words.
	made := wire.DateTime(a.Made)
	d.CdtrPmtActvtnReq.GrpHdr = pain013.GroupHeader78{MsgId: a.Message, CreDtTm: made, NbOfTxs: "1", InitgPty: asker}
	d.CdtrPmtActvtnReq.PmtInf = []pain013.PaymentInstruction31{{PmtInfId: a.Instruction, PmtMtd: "TRF", ReqdExctnDt: pain013.DateAndDateTime2Choice{DtTm: made},
		XpryDt: &pain013.DateAndDateTime2Choice{DtTm: wire.DateTime(a.Expires)}, Dbtr: pain013.PartyIdentification135{Nm: q.From.NameEn},
		DbtrAcct: account(q.From.IBAN), DbtrAgt: agent(to.BIC), CdtTrfTx: []pain013.CreditTransferTransaction35{one}}}
	return d, nil
}
