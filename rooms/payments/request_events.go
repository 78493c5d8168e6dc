package payments

import "sarai/courtyard/store"

// The events of requests to pay, all version 1. They name accounts by ids; who
// holds them is not said.
const (
	RequestMade      = "payments.request.asked"
	RequestSettled   = "payments.request.paid"
	RequestDeclined  = "payments.request.refused"
	RequestOver      = "payments.request.expired"
	RequestTakenBack = "payments.request.withdrawn"
)

// LimitChanged says that a person set limits of their own; whose they are is the
// actor.
const LimitChanged = "payments.limit.changed"

// LimitData is what limit.changed says.
type LimitData struct {
	Raised bool `json:"raised"` // something waits until it counts
}

// RequestData is what a request's events say. Debit is the account by which the
// payer was found; the transfer may be from another one.
type RequestData struct {
	Request  string `json:"request"`
	Kind     string `json:"kind"` // now, later
	Debit    string `json:"debit"`
	Credit   string `json:"credit"`
	Amount   int64  `json:"amount"` // minor units
	Currency string `json:"currency"`
	Reason   string `json:"reason,omitempty"`   // ISO 20022, of a refusal
	Transfer string `json:"transfer,omitempty"` // of a payment
}

func (q *Request) emit(tx *store.Tx, event, actor string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/request/" + q.ID, Actor: actor,
		Data: RequestData{Request: q.ID, Kind: q.Urgency, Debit: q.Debit, Credit: q.Credit, Amount: q.Amount, Currency: q.Currency, Reason: string(q.Reason), Transfer: q.Transfer}})
}
