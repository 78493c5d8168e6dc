package payments

import (
	"encoding/hex"
	"fmt"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// The events of this room, all version 1. Subjects are "payments/<noun>/<id>".
const (
	TransferReserved     = "payments.transfer.reserved"
	TransferCommitted    = "payments.transfer.committed"
	TransferAborted      = "payments.transfer.aborted" // also when its time ran out
	FeeAsked             = "payments.fee.asked"
	FeePaid              = "payments.fee.paid"
	FeeCancelled         = "payments.fee.cancelled" // another fee of the same cause was paid
	SaleAsked            = "payments.sale.asked"
	SalePaid             = "payments.sale.paid"
	AccountOpened        = "payments.account.opened"
	BookOpened           = "payments.book.opened" // opening balances were posted
	ParticipantAdmitted  = "payments.participant.admitted"
	ParticipantSuspended = "payments.participant.suspended"
	ParticipantResumed   = "payments.participant.resumed"   // or given another cap
	ParticipantExamined  = "payments.participant.examined"  // the technical test was passed
	ParticipantCertified = "payments.participant.certified" // a certificate was added or taken away
	ReturnMade           = "payments.return.made"           // money of a committed payment went back
	RecallAsked          = "payments.recall.asked"          // a payer's participant asks for money back
	RecallAnswered       = "payments.recall.answered"       // it was accepted, refused, met by a return, or nobody answered
	BatchSealed          = "payments.batch.sealed"          // rows of the ledger became durable together
)

// TransferData is what a transfer's events say. Accounts are named by their
// ids, which mean nothing outside this room.
type TransferData struct {
	Transfer string `json:"transfer"`
	Debit    string `json:"debit"`
	Credit   string `json:"credit"`
	From     string `json:"from"` // participant
	To       string `json:"to"`
	Amount   int64  `json:"amount"` // minor units
	Currency string `json:"currency"`
	Phase    string `json:"phase"`
	Reason   string `json:"reason,omitempty"` // ISO 20022, when it was aborted
	// Took is in microseconds, of a payment that was reserved and committed in
	// one decision: from when the order came to the ledger until it was decided.
	Took int64 `json:"took_us,omitempty"`
}

// FeeData is what fee.asked and sale.asked say.
type FeeData struct {
	Fee      string    `json:"fee"`
	Key      string    `json:"key"`
	Payee    string    `json:"payee"`
	Account  string    `json:"account"`
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
	Expires  time.Time `json:"expires"`
}

// PaidData is what fee.paid and sale.paid say: key is the asker's own.
type PaidData struct {
	Fee      string `json:"fee"`
	Key      string `json:"key"`
	Transfer string `json:"transfer"`
	Account  string `json:"account"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// CancelledData is what fee.cancelled says: which fee was paid in its stead.
type CancelledData struct {
	Fee       string `json:"fee"`
	Key       string `json:"key"`
	SettledBy string `json:"settled_by"`
}

// AccountData is what account.opened says.
type AccountData struct {
	Account     string `json:"account"`
	Participant string `json:"participant"`
	Kind        string `json:"kind"`
}

// BookData is what book.opened says.
type BookData struct {
	Currency string `json:"currency"`
	Accounts int    `json:"accounts"`
	Issued   int64  `json:"issued"`   // prefund put into settlement accounts
	Deposits int64  `json:"deposits"` // opening balances of customers
	Last     int64  `json:"last"`     // number of the last row
}

// ParticipantData is what the events of participants say.
type ParticipantData struct {
	Participant string `json:"participant"`
	Kind        string `json:"kind,omitempty"`
	Cap         int64  `json:"cap,omitempty"` // net debit cap, minor units
}

// ReturnData is what return.made says.
type ReturnData struct {
	Transfer string `json:"transfer"` // that took the money back
	Original string `json:"original"` // the payment whose money it was
	Amount   int64  `json:"amount"`   // minor units
	Reason   string `json:"reason"`   // ISO 20022 ExternalReturnReason1Code
}

// RecallData is what the events of recalls say.
type RecallData struct {
	Recall   string `json:"recall"`
	Original string `json:"original"` // the payment
	From     string `json:"from"`     // participant that asks
	To       string `json:"to"`       // participant that has the money
	Amount   int64  `json:"amount"`   // minor units
	Reason   string `json:"reason"`   // ISO 20022 ExternalCancellationReason1Code
	State    string `json:"state"`
	Outcome  string `json:"outcome,omitempty"` // ISO 20022 reason of a refusal
}

// BatchData is what batch.sealed says: rows First to Last are durable, under this
// Merkle root, chained to all before by the head (both hexadecimal).
type BatchData struct {
	Currency string `json:"currency"`
	Number   int64  `json:"number"`
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Root     string `json:"root"`
	Head     string `json:"head"`
	// Payments that were committed without an event of their own, and their sum in
	// minor units.
	Quiet       int64 `json:"quiet"`
	QuietAmount int64 `json:"quiet_amount"`
}

func emitTransfer(tx *store.Tx, s *ledger.State, t *ledger.Transfer, actor, event string, took time.Duration) string {
	d := TransferData{Transfer: t.ID, Debit: t.Debit, Credit: t.Credit, Amount: t.Amount, Currency: t.Currency, Phase: string(t.Phase), Reason: string(t.Reason), Took: took.Microseconds()}
	if event == TransferReserved {
		d.Phase = string(ledger.Reserved)
	}
	if a := s.Accounts[t.Debit]; a != nil {
		d.From = a.Book
	}
	if a := s.Accounts[t.Credit]; a != nil {
		d.To = a.Book
	}
	return tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/transfer/" + t.ID, Actor: actor, Data: d})
}

func emitBatch(tx *store.Tx, b *ledger.Batch, notes map[int]rowNote) string {
	d := BatchData{Currency: b.Currency, Number: b.Number, First: b.First, Last: b.Last(), Root: hex.EncodeToString(b.Root[:]), Head: hex.EncodeToString(b.Head[:])}
	for i, r := range b.Rows {
		if r.Kind == ledger.Commit && r.Accepted() && notes[i].event == "" {
			d.Quiet++
			d.QuietAmount += r.Amount
		}
	}
	return tx.Emit(store.Event{Type: BatchSealed, Version: 1, Subject: fmt.Sprintf("payments/batch/%s/%d", b.Currency, b.Number), Actor: "system/payments", Data: d})
}
