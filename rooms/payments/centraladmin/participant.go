package centraladmin

import (
	"strings"

	"sarai/rooms/payments/fspiop"
)

// Types of ledger accounts. A participant has the first two in each currency, the
// hub the last two.
const (
	Position       = "POSITION"
	Settlement     = "SETTLEMENT"
	Multilateral   = "HUB_MULTILATERAL_SETTLEMENT"
	Reconciliation = "HUB_RECONCILIATION"
)

// NetDebitCap is the only type of limit.
const NetDebitCap = "NET_DEBIT_CAP"

// ParticipantPost is the body of POST /participants.
type ParticipantPost struct {
	Name     string `json:"name"`
	Currency string `json:"currency"`
	IsProxy  bool   `json:"isProxy"`
}

// Check implements [Request].
func (p *ParticipantPost) Check() *fspiop.Fault {
	if p.IsProxy {
		return fspiop.Fail(fspiop.CodeNotImplemented, "proxies between schemes are not kept")
	}
	return first(name("name", p.Name), currency("currency", p.Currency, true))
}

// Participant is one with its accounts.
type Participant struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Created string `json:"created"`
	Active  int    `json:"isActive"`
	Links   struct {
		Self string `json:"self"`
	} `json:"links"`
	Accounts []Account `json:"accounts"`
	IsProxy  int       `json:"isProxy"`
}

// Account is an account of a participant in one currency.
type Account struct {
	ID          int64  `json:"id"`
	Type        string `json:"ledgerAccountType"`
	Currency    string `json:"currency"`
	Active      int    `json:"isActive"`
	CreatedDate string `json:"createdDate"`
	CreatedBy   string `json:"createdBy"`
}

// AccountValue is an account with what is on it. A position is above zero when the
// participant owes; a settlement account is below zero by what it was funded with.
type AccountValue struct {
	ID          int64   `json:"id"`
	Type        string  `json:"ledgerAccountType"`
	Currency    string  `json:"currency"`
	Active      int     `json:"isActive"`
	Value       Decimal `json:"value"`
	Reserved    Decimal `json:"reservedValue"`
	ChangedDate string  `json:"changedDate"`
}

// AccountPost is the body of POST /participants/{name}/accounts.
type AccountPost struct {
	Type     string `json:"type"`
	Currency string `json:"currency"`
}

// Check implements [Request].
func (p *AccountPost) Check() *fspiop.Fault {
	return first(text("type", p.Type, true, 60), currency("currency", p.Currency, true))
}

// Active is the body of PUT /participants/{name}, .../accounts/{id} and
// /settlementModels/{name}.
type Active struct {
	IsActive *bool `json:"isActive"`
}

// Check implements [Request].
func (a *Active) Check() *fspiop.Fault {
	if a.IsActive == nil {
		return missing("isActive")
	}
	return nil
}

// Limit is how far a participant's position may go.
type Limit struct {
	Type  string   `json:"type"`
	Value *Decimal `json:"value"`
	Alarm *Decimal `json:"alarmPercentage,omitempty"`
}

func (l Limit) check() *fspiop.Fault {
	if f := oneOf("limit.type", l.Type, NetDebitCap); f != nil {
		return f
	}
	if l.Value == nil {
		return missing("limit.value")
	}
	if l.Alarm != nil {
		if n, err := l.Alarm.Units(0); err != nil || n > 100 {
			return invalid("limit.alarmPercentage", "a whole number up to 100 is wanted")
		}
	}
	return nil
}

// LimitPut is the body of PUT /participants/{name}/limits.
type LimitPut struct {
	Currency string `json:"currency"`
	Limit    Limit  `json:"limit"`
}

// Check implements [Request].
func (p *LimitPut) Check() *fspiop.Fault {
	return first(currency("currency", p.Currency, true), p.Limit.check())
}

// LimitOf is a limit as it is listed.
type LimitOf struct {
	Name     string `json:"name,omitempty"`
	Currency string `json:"currency"`
	Limit    Limit  `json:"limit"`
}

// InitialPost is the body of POST /participants/{name}/initialPositionAndLimits.
type InitialPost struct {
	Currency        string   `json:"currency"`
	Limit           Limit    `json:"limit"`
	InitialPosition *Decimal `json:"initialPosition"`
}

// Check implements [Request]. A position other than zero would be money from nowhere.
func (p *InitialPost) Check() *fspiop.Fault {
	if p.InitialPosition != nil && *p.InitialPosition != "0" {
		return invalid("initialPosition", "0 is wanted: positions come from payments alone")
	}
	return first(currency("currency", p.Currency, true), p.Limit.check())
}

// PositionOf is a position as it is listed.
type PositionOf struct {
	Currency    string  `json:"currency"`
	Value       Decimal `json:"value"`
	ChangedDate string  `json:"changedDate"`
}

// Endpoint is where a participant takes messages of a type, or mail about it.
type Endpoint struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Check implements [Request].
func (e *Endpoint) Check() *fspiop.Fault {
	if f := first(text("type", e.Type, true, 80), text("value", e.Value, true, 512)); f != nil {
		return f
	}
	if e.Type != strings.ToUpper(e.Type) {
		return invalid("type", "the name of a type in capital letters is wanted")
	}
	if strings.HasSuffix(e.Type, "_EMAIL") {
		if !strings.Contains(e.Value, "@") {
			return invalid("value", "an address for mail is wanted")
		}
		return nil
	}
	return address("value", strings.NewReplacer("{{", "", "}}", "").Replace(e.Value))
}
