package payments

import (
	"context"
	"errors"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// A request to pay from a connected participant to somebody whose account the house
// keeps is an [Ask] like any other, and a [Request] in the wallet of whom it is for.
// What becomes of the request there is told the participant by pain.014; paying it is
// a pacs.008 that names it.

// Reasons for which nobody here can be asked, of ISO 20022's external code list.
const (
	reasonNoDebtor      ledger.Reason = "AC02" // there is no such account of the debtor
	reasonDebtorClosed  ledger.Reason = "AC05"
	reasonDebtorBlocked ledger.Reason = "AC06"
	reasonForbidden     ledger.Reason = "AG01" // not on this account, or too often
)

// askWallet puts a request into the wallet of the debtor, in the transaction that
// writes the Ask. A reason says why it cannot be there.
func (r *Room) askWallet(tx *store.Tx, actor string, a *Ask, debtor *Account, info *pain013.PaymentInstruction31) (ledger.Reason, error) {
	one := &info.CdtTrfTx[0]
	in := RequestToPay{Amount: a.Amount, Urgency: UrgencyLater, Expires: a.Expires}
	if one.RmtInf != nil && len(one.RmtInf.Ustrd) > 0 {
		in.Purpose = one.RmtInf.Ustrd[0]
	}
	if !a.Expires.After(r.pack.Rules().Requests.Until(tx.Now())) {
		in.Urgency = UrgencyNow
	}
	q := &Request{ID: r.newID(), Party: "rail/" + a.Asker, Key: a.UETR, Origin: originRail, Reference: r.newReference(), EndToEnd: a.EndToEnd, Credit: clientsAccount(a.Asker, debtor.Currency), Debit: debtor.ID,
		Made: tx.Now(), IBAN: one.CdtrAcct.Id.IBAN, AskerName: one.Cdtr.Nm}
	err := q.between(tx)
	if err == nil {
		err = r.say(tx, q, actor, in)
	}
	switch f := (*fault.Error)(nil); {
	case !errors.As(err, &f):
		if err != nil {
			return "", err
		}
	case f.Key == "payments.request.until-wrong":
		return ledger.InvalidDate, nil
	case f.Kind == fault.Invalid || f.Kind == fault.Conflict || f.Kind == fault.Limit:
		return reasonForbidden, nil
	default:
		return "", err
	}
	return "", insertRequest(tx, q)
}

// debtorHere finds the account of whom a pain.013 asks; a reason says why not.
func (l *Rail) debtorHere(ctx context.Context, keeper Participant, info *pain013.PaymentInstruction31) (*Account, ledger.Reason, error) {
	if info.DbtrAcct == nil {
		return nil, reasonNoDebtor, nil
	}
	a, err := l.hosted(ctx, info.DbtrAcct.Id.IBAN)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && a.Book != keeper.ID:
		return nil, reasonNoDebtor, nil
	case err != nil:
		return nil, "", err
	case a.Closed:
		return nil, reasonDebtorClosed, nil
	case a.Blocked:
		return nil, reasonDebtorBlocked, nil
	}
	return a, "", nil
}

// answerAsk notes how a request in a wallet ended with the Ask it came by, and has
// the participant told. That it was paid is noted by the payment itself.
func (q *Request) answerAsk(tx *store.Tx) error {
	a, err := getAsk(tx, q.Key, " for update")
	if err != nil {
		return err
	}
	switch q.State {
	case RequestRefused:
		a.State, a.Reason = AskRefused, string(q.Reason)
	case RequestExpired, RequestWithdrawn:
		a.State = AskOver
	}
	if _, err := tx.Exec("update payments_ask set state = $2, reason = $3 where uetr = $1", a.UETR, a.State, a.Reason); err != nil {
		return err
	}
	return job.Put(tx, job.Job{Kind: jobAsk, Key: a.UETR, At: tx.Now(), Data: askJob{a.UETR}})
}

// jobAsk tells the participant that asked what became of its request.
const jobAsk = "payments.ask.answer"

// askPause is how long the job waits before it tries again, askTold how long after
// the end of a request it goes on.
const (
	askPause = 30 * time.Second
	askAgain = 5 * time.Second // of a request that somebody may be standing there with
	askTold  = 24 * time.Hour
)

type askJob struct {
	Request string `json:"request"` // its UETR
}

func (r *Room) tellAsk(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d askJob
	if err := j.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobAsk, jobAsk, gate.House{}); err != nil {
		return nil, err
	}
	var a *Ask
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err = getAsk(tx, d.Request, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	err = r.sendAnswer(ctx, a)
	return func(tx *store.Tx) error {
		if err == nil || tx.Now().After(a.Expires.Add(askTold)) {
			return nil // it knows, or will never: it sees it when it asks again
		}
		return job.Put(tx, job.Job{Kind: jobAsk, Key: a.UETR, At: tx.Now().Add(askPause), Data: d})
	}, nil
}

func (r *Room) sendAnswer(ctx context.Context, a *Ask) error {
	via, rail, err := r.reach(ctx, a.Asker)
	if err != nil || via == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rail.answer)
	defer cancel()
	_, err = rail.party.Send(ctx, via.wire, r.newID(), rail.askReport(a))
	rail.heard(via.ID, err == nil)
	if err != nil {
		r.log.WarnContext(ctx, "a participant could not be told of its request to pay", "participant", via.ID, "error", err)
	}
	if errors.Is(err, wire.ErrRejected) {
		return nil // it will not take it another time either
	}
	return err
}
