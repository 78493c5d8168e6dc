package payments

// The events of settlement, all version 1.
const (
	WindowCut         = "payments.window.cut"         // a row ended a settlement window
	WindowReported    = "payments.window.reported"    // its final report was made from the batches
	WindowSettled     = "payments.window.settled"     // all its dues moved, in one piece
	WindowUnsettled   = "payments.window.unsettled"   // a settlement account does not cover what is due; nothing moved
	LiquidityLow      = "payments.liquidity.low"      // a participant has used more than a threshold
	LiquidityRestored = "payments.liquidity.restored" // and is below it again
	FundAsked         = "payments.fund.asked"         // prefund in or out, for another person to approve
	FundDone          = "payments.fund.done"
	FundRefused       = "payments.fund.refused"
	SchemeChanged     = "payments.scheme.changed"
)

// WindowData is what the events of windows say. Sums are minor units.
type WindowData struct {
	Currency string `json:"currency"`
	Window   int64  `json:"window"`
	Last     int64  `json:"last,omitempty"` // row that cut it
	Net      bool   `json:"net"`
	Payments int64  `json:"payments,omitempty"` // between participants
	Gross    int64  `json:"gross,omitempty"`
	Moved    int64  `json:"moved,omitempty"`   // by settling
	Short    int64  `json:"short,omitempty"`   // participants that lack money
	Missing  int64  `json:"missing,omitempty"` // what they lack
}

// LiquidityData is what the events of liquidity say.
type LiquidityData struct {
	Currency    string `json:"currency"`
	Participant string `json:"participant"`
	Threshold   int64  `json:"threshold"` // per cent
	Used        int64  `json:"used"`      // per cent
	Free        int64  `json:"free"`      // minor units it may still use
}

// FundData is what the events of prefund say.
type FundData struct {
	Fund        string `json:"fund"`
	Currency    string `json:"currency"`
	Participant string `json:"participant"`
	Out         bool   `json:"out"`
	Amount      int64  `json:"amount"`
}

// SchemeData is what scheme.changed says.
type SchemeData struct {
	Currency string `json:"currency"`
	Net      bool   `json:"net"`
	Cuts     int64  `json:"cuts"` // how many times a day
}
