package identity

import "net/http"

// Wants is what house gives the room besides the courtyard. All of it may be
// left out.
type Wants struct {
	// Clients are relying parties registered with this house, added to those of
	// the country pack; one with the same id replaces the pack's.
	Clients []Client
	// Types are credential types other rooms want issued.
	Types []CredentialType
	// Address gives the network address a request came from, where a proxy
	// stands before the house; the connection's own address when nil.
	Address func(*http.Request) string
	// Failures is how often sign-in may fail from one source in an hour; 0 is 20.
	Failures int64
}
