package payments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Ask is a request to pay that a connected participant sends. The house keeps what
// it needs to see that it is paid once, as it was asked; whom it is between is the
// participants' own, unless the house keeps the debtor's account: see ask_wallet.go.
type Ask struct {
	UETR        string // of the request
	Asker       string // participant of the creditor
	Payer       string // participant of the debtor
	Message     string // MsgId
	Instruction string // PmtInfId
	EndToEnd    string // EndToEndId
	Amount      int64  // minor units
	State       string
	Reason      string // ISO 20022 ExternalStatusReason1Code, of a refusal
	Transfer    string // the payment that tries or has tried last
	Made        time.Time
	Expires     time.Time

	hash, account []byte
}

// The states of a request between participants.
const (
	AskOpen    = "asked"
	AskPaid    = "paid"
	AskRefused = "refused"
	AskOver    = "over"
)

// Faults of a payment that answers a request.
const (
	askUnknown = "payments.ask.unknown"   // NotFound
	askOther   = "payments.ask.different" // Conflict: another amount or account than was asked for
	askEnded   = "payments.ask.ended"     // Conflict: paid, being paid or refused
	askLate    = "payments.ask.late"      // Gone
)

const askColumns = "uetr, asker, payer, message, instruction, end_to_end, hash, account, amount, state, reason, transfer, made, expires"

func scanAsk(scan store.Scan) (*Ask, error) {
	var a Ask
	var made, expires int64
	err := scan(&a.UETR, &a.Asker, &a.Payer, &a.Message, &a.Instruction, &a.EndToEnd, &a.hash, &a.account, &a.Amount, &a.State, &a.Reason, &a.Transfer, &made, &expires)
	a.Made, a.Expires = store.Time(made), store.Time(expires)
	return &a, err
}

func getAsk(tx *store.Tx, uetr, lock string) (*Ask, error) {
	a, err := store.Get(tx, scanAsk, "select "+askColumns+" from payments_ask where uetr = $1"+lock, uetr)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, askUnknown).Because(err)
	}
	return a, err
}

// putAsk writes a new request, or gives the one that is there; another one with the
// same UETR is a Conflict.
func putAsk(tx *store.Tx, a *Ask) (*Ask, bool, error) {
	n, err := tx.Exec("insert into payments_ask ("+askColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '', $11, $12) on conflict (uetr) do nothing",
		a.UETR, a.Asker, a.Payer, a.Message, a.Instruction, a.EndToEnd, a.hash, a.account, a.Amount, AskOpen, store.Micros(a.Made), store.Micros(a.Expires))
	if err != nil || n == 1 {
		a.State = AskOpen
		return a, true, err
	}
	old, err := getAsk(tx, a.UETR, "")
	if err == nil && (old.Asker != a.Asker || !bytes.Equal(old.hash, a.hash)) {
		err = fault.New(fault.Conflict, "payments.key.reused")
	}
	return old, false, err
}

// standing is the state at a time: an open request whose time has come is over.
func (a *Ask) standing(now time.Time) string {
	if a.State == AskOpen && !now.Before(a.Expires) {
		return AskOver
	}
	return a.State
}

// refuseAsk is the debtor's no. Saying it again changes nothing; a request that has
// ended stays as it is.
func refuseAsk(tx *store.Tx, uetr, payer, reason string) (*Ask, bool, error) {
	a, err := getAsk(tx, uetr, " for update")
	if err != nil {
		return nil, false, err
	}
	if a.Payer != payer {
		return nil, false, fault.New(fault.NotFound, askUnknown)
	}
	if a.standing(tx.Now()) != AskOpen {
		return a, false, nil
	}
	a.State, a.Reason = AskRefused, reason
	_, err = tx.Exec("update payments_ask set state = $2, reason = $3 where uetr = $1", uetr, a.State, a.Reason)
	return a, true, err
}

// answering says whether a payment may answer a request now: in the ledger's
// transaction, before the payment is decided. One that failed makes room for
// another, once the tables say that it did.
func answering(tx *store.Tx, uetr, transfer, payer, payee string, amount int64, iban string) error {
	a, err := getAsk(tx, uetr, " for update")
	if err != nil {
		return err
	}
	account := accountHash(iban)
	switch {
	case a.Payer != payer || a.Asker != payee:
		return fault.New(fault.NotFound, askUnknown)
	case a.Amount != amount || !bytes.Equal(a.account, account):
		return fault.New(fault.Conflict, askOther)
	case a.Transfer == transfer:
		return nil
	case a.State != AskOpen:
		return fault.New(fault.Conflict, askEnded)
	case a.standing(tx.Now()) == AskOver:
		return fault.New(fault.Gone, askLate)
	case a.Transfer == "":
		return nil
	}
	failed, err := store.Get(tx, store.Value[int64], "select count(*) from payments_transfer where id = $1 and phase in ('aborted', 'expired', 'refused')", a.Transfer)
	if err == nil && failed == 0 {
		err = fault.New(fault.Conflict, askEnded).Because(errTrying)
	}
	return err
}

// errTrying is why a payment may not answer a request: as far as the tables say,
// another one is trying.
var errTrying = errors.New("another payment is answering the request")

// payAsk does a work whose payment answers a request. Who has been told that the
// payment before failed may pay again at once, and the tables may not say yet that it
// did; so a payment that is refused for its sake is tried once more when they do.
func (r *Room) payAsk(ctx context.Context, w Work) ([]ledger.Row, error) {
	rows, err := r.ledger.Do(ctx, w)
	if !errors.Is(err, errTrying) {
		return rows, err
	}
	if err := r.sequencer.Settle(ctx, w.Currency); err != nil {
		return nil, err
	}
	return r.ledger.Do(ctx, w)
}

func accountHash(iban string) []byte {
	sum := sha256.Sum256([]byte("iban\x00" + iban))
	return sum[:]
}

// tries notes the payment that answers a request, settles that it did. Without a
// UETR there is none.
func (a Ask) tries(tx *store.Tx, transfer string) error {
	if a.UETR == "" {
		return nil
	}
	_, err := tx.Exec("update payments_ask set transfer = $2 where uetr = $1", a.UETR, transfer)
	return err
}

func (a Ask) settles(tx *store.Tx) error {
	if a.UETR == "" {
		return nil
	}
	_, err := tx.Exec("update payments_ask set state = $2 where uetr = $1", a.UETR, AskPaid)
	return err
}
