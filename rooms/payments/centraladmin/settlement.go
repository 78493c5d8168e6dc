package centraladmin

import "sarai/rooms/payments/fspiop"

// States of a settlement and of each account in it, in their order. A window has
// Open, Closed, Pending, Settled and Aborted.
const (
	Open      = "OPEN"
	Closed    = "CLOSED"
	Pending   = "PENDING_SETTLEMENT"
	Recorded  = "PS_TRANSFERS_RECORDED"
	Reserved  = "PS_TRANSFERS_RESERVED"
	Committed = "PS_TRANSFERS_COMMITTED"
	Settling  = "SETTLING"
	Settled   = "SETTLED"
	Aborted   = "ABORTED"
)

var order = []string{Pending, Recorded, Reserved, Committed, Settled}

// After tells whether an account's state may follow another one: the next, or the
// same again with another reason; an abort until something is committed.
func After(state, before string) bool {
	if state == Aborted {
		return before == Pending || before == Recorded || before == Reserved || before == Aborted
	}
	for i, s := range order {
		if s == before {
			return state == s || i+1 < len(order) && state == order[i+1]
		}
	}
	return false
}

// Overall is the state of a settlement whose accounts have these states.
func Overall(states []string) string {
	least, most, aborted := len(order)-1, 0, len(states) > 0
	for _, s := range states {
		aborted = aborted && s == Aborted
		for i, o := range order {
			if o == s {
				least, most = min(least, i), max(most, i)
			}
		}
	}
	switch {
	case aborted:
		return Aborted
	case least == len(order)-2 && most == len(order)-1:
		return Settling // some are settled, the rest committed
	}
	return order[least]
}

// WindowPost is the body of POST /settlementWindows/{id}.
type WindowPost struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// Check implements [Request].
func (p *WindowPost) Check() *fspiop.Fault {
	return first(oneOf("state", p.State, Closed), text("reason", p.Reason, true, 512))
}

// Window is a settlement window.
type Window struct {
	ID          int64  `json:"settlementWindowId"`
	Reason      string `json:"reason"`
	State       string `json:"state"`
	CreatedDate string `json:"createdDate"`
	ChangedDate string `json:"changedDate"`
}

// SettlementPost is the body of POST /settlements.
type SettlementPost struct {
	Model   string `json:"settlementModel"`
	Reason  string `json:"reason"`
	Windows []struct {
		ID Number `json:"id"`
	} `json:"settlementWindows"`
}

// Check implements [Request].
func (p *SettlementPost) Check() *fspiop.Fault {
	switch {
	case len(p.Windows) == 0:
		return missing("settlementWindows")
	case len(p.Windows) > 1000:
		return fspiop.Fail(fspiop.CodeTooMany, "settlementWindows has at most 1000 entries")
	}
	return first(text("settlementModel", p.Model, true, 60), text("reason", p.Reason, true, 512))
}

// SettlementPut is the body of PUT /settlements/{id}: the accounts that go on, or
// the abort of the whole.
type SettlementPut struct {
	State        string            `json:"state"`
	Reason       string            `json:"reason"`
	Reference    string            `json:"externalReference"`
	Participants []ParticipantStep `json:"participants"`
}

// ParticipantStep is a participant whose accounts go on.
type ParticipantStep struct {
	ID       Number        `json:"id"`
	Accounts []AccountStep `json:"accounts"`
}

// AccountStep is an account that goes on.
type AccountStep struct {
	ID        Number `json:"id"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Reference string `json:"externalReference"`
}

// Check implements [Request].
func (p *SettlementPut) Check() *fspiop.Fault {
	if len(p.Participants) == 0 {
		return first(oneOf("state", p.State, Aborted), text("reason", p.Reason, true, 512))
	}
	if p.State != "" {
		return invalid("state", "either the whole is aborted or accounts of participants go on")
	}
	for _, part := range p.Participants {
		if f := (&AccountsPut{Accounts: part.Accounts}).Check(); f != nil {
			return f
		}
	}
	return nil
}

// AccountsPut is the body of PUT /settlements/{sid}/participants/{pid}.
type AccountsPut struct {
	Accounts []AccountStep `json:"accounts"`
}

// Check implements [Request].
func (p *AccountsPut) Check() *fspiop.Fault {
	if len(p.Accounts) == 0 {
		return missing("participants.accounts")
	}
	for _, a := range p.Accounts {
		if f := a.check("participants.accounts."); f != nil {
			return f
		}
	}
	return nil
}

func (a AccountStep) check(at string) *fspiop.Fault {
	return first(oneOf(at+"state", a.State, Recorded, Reserved, Committed, Settled, Aborted), text(at+"reason", a.Reason, true, 512), text(at+"externalReference", a.Reference, false, 50))
}

// StatePut is the body of PUT /settlements/{sid}/participants/{pid}/accounts/{aid}.
type StatePut struct {
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Reference string `json:"externalReference"`
}

// Check implements [Request].
func (p *StatePut) Check() *fspiop.Fault {
	return AccountStep{State: p.State, Reason: p.Reason, Reference: p.Reference}.check("")
}

// SettlementOf is a settlement as it is shown.
type SettlementOf struct {
	ID           int64                  `json:"id"`
	Model        string                 `json:"settlementModel"`
	State        string                 `json:"state"`
	Reason       string                 `json:"reason"`
	CreatedDate  string                 `json:"createdDate"`
	ChangedDate  string                 `json:"changedDate"`
	Windows      []WindowOf             `json:"settlementWindows"`
	Participants []SettlementPartyState `json:"participants"`
}

// WindowOf is a window within a settlement.
type WindowOf struct {
	ID          int64  `json:"id"`
	State       string `json:"state"`
	Reason      string `json:"reason"`
	CreatedDate string `json:"createdDate"`
	ChangedDate string `json:"changedDate"`
}

// SettlementPartyState is a participant within a settlement.
type SettlementPartyState struct {
	ID       int64                    `json:"id"`
	Accounts []SettlementAccountState `json:"accounts"`
}

// SettlementAccountState is an account within a settlement. The net amount is above
// zero when the participant owes it. Refused says why a step was not taken.
type SettlementAccountState struct {
	ID        int64                    `json:"id"`
	State     string                   `json:"state"`
	Reason    string                   `json:"reason"`
	Reference string                   `json:"externalReference,omitempty"`
	Net       Money                    `json:"netSettlementAmount"`
	Refused   *fspiop.ErrorInformation `json:"errorInformation,omitempty"`
}
