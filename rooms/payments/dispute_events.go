package payments

import "sarai/courtyard/store"

// The events of disputes, all version 1. They name payments and accounts by ids; what
// the two sides wrote is not in them.
const (
	DisputeWasOpened     = "payments.dispute.opened"
	DisputeWasContested  = "payments.dispute.contested"
	DisputeWasUnanswered = "payments.dispute.unanswered"
	DisputeWasRefunded   = "payments.dispute.refunded"
	DisputeWasRejected   = "payments.dispute.rejected"
	DisputeWasWithdrawn  = "payments.dispute.withdrawn"
)

// DisputeData is what a dispute's events say.
type DisputeData struct {
	Dispute  string `json:"dispute"`
	Original string `json:"original"` // the payment
	Debit    string `json:"debit"`
	Credit   string `json:"credit"`
	Amount   int64  `json:"amount"` // asked back, minor units
	Currency string `json:"currency"`
	Reason   string `json:"reason"`
	Transfer string `json:"transfer,omitempty"` // that gave the money back
}

var disputeEvents = map[string]string{DisputeOpen: DisputeWasOpened, DisputeContested: DisputeWasContested, DisputeUnanswered: DisputeWasUnanswered,
	DisputeRefunded: DisputeWasRefunded, DisputeRejected: DisputeWasRejected, DisputeWithdrawn: DisputeWasWithdrawn}

func (d *Dispute) emit(tx *store.Tx, actor string) {
	tx.Emit(store.Event{Type: disputeEvents[d.State], Version: 1, Subject: "payments/dispute/" + d.ID, Actor: actor,
		Data: DisputeData{Dispute: d.ID, Original: d.Transfer, Debit: d.Debit, Credit: d.Credit, Amount: d.Amount, Currency: d.Currency, Reason: d.Reason, Transfer: d.Refund}})
}
