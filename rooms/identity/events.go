package identity

// The events this room writes. Data never holds the value of a fact about a
// person. All are version 1.
const (
	// EventPersonIssued: a person was entered in the register. Data Issued.
	EventPersonIssued = "identity.person.issued"
	// EventRegisterOpened: persons of an earlier register were taken over. Data Opened.
	EventRegisterOpened = "identity.register.opened"
	// EventPersonRead: somebody read facts about a person. Data Read.
	EventPersonRead = "identity.person.read"
	// EventSignInSucceeded and EventSignInFailed: Data SignInTried.
	EventSignInSucceeded = "identity.signin.succeeded"
	EventSignInFailed    = "identity.signin.failed"
	// EventPasskeyRegistered: a passkey was added. Data PasskeyAdded.
	EventPasskeyRegistered = "identity.passkey.registered"
	// EventConsentGiven and EventConsentWithdrawn: Data Consented.
	EventConsentGiven     = "identity.consent.given"
	EventConsentWithdrawn = "identity.consent.withdrawn"
	// EventGrantRevoked: tokens were taken back, for instance because a code came twice. Data Revoked.
	EventGrantRevoked = "identity.grant.revoked"
	// EventCredentialOffered, -Issued and -Revoked: Data Credentialed.
	EventCredentialOffered = "identity.credential.offered"
	EventCredentialIssued  = "identity.credential.issued"
	EventCredentialRevoked = "identity.credential.revoked"
	// EventSuspensionProposed and -Declined: an official proposed to suspend an
	// identity or to give it back; another said no. Data StandingChanged.
	EventSuspensionProposed = "identity.suspension.proposed"
	EventSuspensionDeclined = "identity.suspension.declined"
	// EventPersonSuspended and -Reinstated: another official confirmed it. Data StandingChanged.
	EventPersonSuspended  = "identity.person.suspended"
	EventPersonReinstated = "identity.person.reinstated"
)

// StandingChanged is the data of the events about suspending.
type StandingChanged struct {
	Suspension  string `json:"suspension"`
	Act         string `json:"act"`                   // suspend or reinstate
	Ground      string `json:"ground"`                // the legal reason, by name
	Credentials int64  `json:"credentials,omitempty"` // whose status changed with it
}

// Issued is the data of identity.person.issued.
type Issued struct {
	Source   string `json:"source"`   // seed or enrolment
	District string `json:"district"` // id of the country pack
}

// Opened is the data of identity.register.opened.
type Opened struct {
	Persons int64 `json:"persons"` // how many were entered at once
}

// Read is the data of identity.person.read.
type Read struct {
	Access  string   `json:"access"` // id of the access record
	Facts   []string `json:"facts"`  // names, not values
	Purpose string   `json:"purpose"`
	Basis   string   `json:"basis"`
}

// SignInTried is the data of identity.signin.succeeded and .failed.
type SignInTried struct {
	Source string `json:"source"`           // keyed hash of the network address, stable for a day
	Method string `json:"method"`           // passkey, activation, demonstration
	Client string `json:"client,omitempty"` // the relying party, when one asked
	Reason string `json:"reason,omitempty"` // of a failure: unknown, refused, expired, limited
}

// PasskeyAdded is the data of identity.passkey.registered.
type PasskeyAdded struct {
	Eligible bool `json:"eligible"` // may be copied to other devices
	Backed   bool `json:"backed"`   // has been
}

// Consented is the data of identity.consent.given and .withdrawn.
type Consented struct {
	Consent string   `json:"consent"`
	Client  string   `json:"client"`
	Scopes  []string `json:"scopes"`
}

// Revoked is the data of identity.grant.revoked.
type Revoked struct {
	Client string `json:"client"`
	Reason string `json:"reason"`
}

// Credentialed is the data of the credential events.
type Credentialed struct {
	Offer      string `json:"offer"`
	Credential string `json:"credential,omitempty"`
	Type       string `json:"type"`
	Batch      int    `json:"batch,omitempty"`
	Reason     string `json:"reason,omitempty"`
}
