package centraladmin

import "sarai/rooms/payments/fspiop"

// ModelPost is the body of POST /settlementModels: how a currency is settled, or
// without one all that have no model of their own.
type ModelPost struct {
	Name         string `json:"name"`
	Granularity  string `json:"settlementGranularity"`
	Interchange  string `json:"settlementInterchange"`
	Delay        string `json:"settlementDelay"`
	Currency     string `json:"currency"`
	Liquidity    *bool  `json:"requireLiquidityCheck"`
	LedgerType   string `json:"ledgerAccountType"`
	Reset        *bool  `json:"autoPositionReset"`
	SettleOnType string `json:"settlementAccountType"`
}

// Check implements [Request].
func (p *ModelPost) Check() *fspiop.Fault {
	if p.Liquidity == nil {
		return missing("requireLiquidityCheck")
	}
	if p.Reset == nil {
		return missing("autoPositionReset")
	}
	if f := first(name("name", p.Name), oneOf("settlementGranularity", p.Granularity, "GROSS", "NET"), oneOf("settlementInterchange", p.Interchange, "BILATERAL", "MULTILATERAL"),
		oneOf("settlementDelay", p.Delay, "IMMEDIATE", "DEFERRED"), currency("currency", p.Currency, false), text("ledgerAccountType", p.LedgerType, true, 60), text("settlementAccountType", p.SettleOnType, true, 60)); f != nil {
		return f
	}
	switch {
	case p.Granularity == "GROSS" && p.Delay == "DEFERRED":
		return invalid("settlementDelay", "what is settled gross is settled at once: IMMEDIATE is wanted")
	case p.Granularity == "NET" && p.Delay == "IMMEDIATE":
		return invalid("settlementDelay", "what is settled net is settled after its window: DEFERRED is wanted")
	case p.Granularity == "NET" && p.Interchange == "BILATERAL":
		return invalid("settlementInterchange", "net positions are multilateral here")
	}
	return nil
}

// Model is a settlement model.
type Model struct {
	ID          int64   `json:"settlementModelId"`
	Name        string  `json:"name"`
	Active      bool    `json:"isActive"`
	Granularity string  `json:"settlementGranularity"`
	Interchange string  `json:"settlementInterchange"`
	Delay       string  `json:"settlementDelay"`
	Currency    *string `json:"currency"`
	Liquidity   bool    `json:"requireLiquidityCheck"`
	LedgerType  string  `json:"ledgerAccountTypeId"`
	Reset       bool    `json:"autoPositionReset"`
}
