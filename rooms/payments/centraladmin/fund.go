package centraladmin

import (
	"regexp"

	"sarai/rooms/payments/fspiop"
)

// Actions on funds.
const (
	FundsIn         = "recordFundsIn"
	FundsOutReserve = "recordFundsOutPrepareReserve"
	FundsOutCommit  = "recordFundsOutCommit"
	FundsOutAbort   = "recordFundsOutAbort"
)

// FundPost is the body of POST /participants/{name}/accounts/{id}: money that came
// in at the settlement bank, or shall go out there.
type FundPost struct {
	TransferID        string         `json:"transferId"`
	ExternalReference string         `json:"externalReference"`
	Action            string         `json:"action"`
	Reason            string         `json:"reason"`
	Amount            Money          `json:"amount"`
	ExtensionList     *ExtensionList `json:"extensionList"`
}

// Money is an amount in a currency.
type Money struct {
	Amount   Decimal `json:"amount"`
	Currency string  `json:"currency"`
}

// correlation is a UUID or a ULID (API Definition 2.0, CorrelationId).
var correlation = regexp.MustCompile(`^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-HJKMNP-TV-Z]{26})$`)

// Check implements [Request].
func (p *FundPost) Check() *fspiop.Fault {
	if p.TransferID == "" {
		return missing("transferId")
	}
	if !correlation.MatchString(p.TransferID) {
		return invalid("transferId", "a UUID or a ULID is wanted")
	}
	if p.Amount.Amount == "" {
		return missing("amount.amount")
	}
	return first(oneOf("action", p.Action, FundsIn, FundsOutReserve), currency("amount.currency", p.Amount.Currency, true),
		text("externalReference", p.ExternalReference, true, 128), text("reason", p.Reason, true, 512), p.ExtensionList.check())
}

// FundPut is the body of PUT /participants/{name}/accounts/{id}/transfers/{transferId}.
type FundPut struct {
	Action string `json:"action"`
	Reason string `json:"reason"`
}

// Check implements [Request].
func (p *FundPut) Check() *fspiop.Fault {
	return first(oneOf("action", p.Action, FundsOutCommit, FundsOutAbort), text("reason", p.Reason, true, 512))
}
