package payments

// The events of the directory, all version 1. They name entries, claims and
// marks by ids, never a number and never a person.
const (
	AliasLinked   = "payments.alias.linked"
	AliasMoved    = "payments.alias.moved" // to another account of its holder
	AliasUnlinked = "payments.alias.unlinked"
	AliasCalmed   = "payments.alias.calmed" // its SIM card was changed: it cools off

	ClaimOpened       = "payments.claim.opened"
	ClaimAcknowledged = "payments.claim.acknowledged"
	ClaimConfirmed    = "payments.claim.confirmed" // the donor's entry is gone
	ClaimRefused      = "payments.claim.refused"
	ClaimCancelled    = "payments.claim.cancelled"
	ClaimCompleted    = "payments.claim.completed" // the claimer's entry is there

	MarkOpened       = "payments.mark.opened"
	MarkAcknowledged = "payments.mark.acknowledged"
	MarkClosed       = "payments.mark.closed"
	MarkCancelled    = "payments.mark.cancelled"

	ParticipantClassed = "payments.participant.classed" // the size of its bucket for lookups was set
)

// AliasData is what an alias's events say.
type AliasData struct {
	Alias       string `json:"alias"`
	Kind        string `json:"kind"`
	Account     string `json:"account"`
	Participant string `json:"participant"`
}

// ClaimData is what a claim's events say: donor and claimer are participants.
type ClaimData struct {
	Claim   string `json:"claim"`
	Type    string `json:"type"`
	Kind    string `json:"kind"`
	Alias   string `json:"alias"`
	Donor   string `json:"donor"`
	Claimer string `json:"claimer"`
	Reason  string `json:"reason,omitempty"`
}

// MarkData is what a mark's events say. Whose account it is about is not said:
// the journal is read by many.
type MarkData struct {
	Mark        string `json:"mark"`
	Reporter    string `json:"reporter"`
	Counterpart string `json:"counterpart"`
	Outcome     string `json:"outcome,omitempty"`
}

// ClassData is what participant.classed says.
type ClassData struct {
	Participant string `json:"participant"`
	Class       string `json:"class"`
}

func (a *Alias) data() AliasData {
	return AliasData{Alias: a.ID, Kind: a.Kind, Account: a.Account, Participant: a.Participant}
}
