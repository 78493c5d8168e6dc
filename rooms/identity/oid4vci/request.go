package oid4vci

import (
	"encoding/json"
	"fmt"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/rooms/identity/jwt"
)

// The proof type of section 8.2.1 and the typ header of a proof token.
const (
	ProofJWT       = "jwt"
	ProofTokenType = "openid4vci-proof+jwt"
)

// Error is an error answer of the credential endpoint (section 8.3.1.2) or of
// the token endpoint (RFC 6749 section 5.2).
type Error struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// Error gives the code and its description, which holds nothing of the request.
func (e *Error) Error() string { return "oid4vci: " + e.Code + ": " + e.Description }

// The error codes of section 8.3.1.2.
const (
	InvalidRequest       = "invalid_credential_request"
	UnknownConfiguration = "unknown_credential_configuration"
	UnknownIdentifier    = "unknown_credential_identifier"
	InvalidProof         = "invalid_proof"
	InvalidNonce         = "invalid_nonce"
	InvalidEncryption    = "invalid_encryption_parameters"
	RequestDenied        = "credential_request_denied"
)

func refuse(code, why string) *Error { return &Error{Code: code, Description: why} }

// Request asks for credentials (section 8.2).
type Request struct {
	Configuration string              `json:"credential_configuration_id,omitempty"`
	Identifier    string              `json:"credential_identifier,omitempty"`
	Proofs        map[string][]string `json:"proofs,omitempty"`
}

// ParseRequest reads a request for at most batch credentials. Its error is an
// *Error ready to be sent.
func ParseRequest(body []byte, batch int) (*Request, error) {
	if len(body) > maxMessage {
		return nil, refuse(InvalidRequest, "the request is too long")
	}
	var raw struct {
		Request
		Proof      json.RawMessage `json:"proof"`
		Encryption json.RawMessage `json:"credential_response_encryption"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, refuse(InvalidRequest, "the request is not JSON of the right form")
	}
	r := raw.Request
	switch {
	case raw.Encryption != nil:
		return nil, refuse(InvalidEncryption, "responses are not encrypted here")
	case raw.Proof != nil:
		return nil, refuse(InvalidRequest, "proof is of an earlier draft: use proofs")
	case (r.Configuration == "") == (r.Identifier == ""):
		return nil, refuse(InvalidRequest, "exactly one of credential_configuration_id and credential_identifier is needed")
	case len(r.Proofs) == 0:
		return nil, refuse(InvalidProof, "proofs are missing")
	case len(r.Proofs) != 1:
		return nil, refuse(InvalidRequest, "proofs must be of one type")
	}
	list, ok := r.Proofs[ProofJWT]
	switch {
	case !ok:
		return nil, refuse(InvalidProof, "this proof type is not accepted")
	case len(list) == 0:
		return nil, refuse(InvalidProof, "proofs are missing")
	case len(list) > max(batch, 1):
		return nil, refuse(InvalidRequest, fmt.Sprintf("at most %d proofs in one request", max(batch, 1)))
	}
	return &r, nil
}

// ProofCheck says what a proof must fit.
type ProofCheck struct {
	Issuer string        // the credential issuer identifier, which aud must name
	Client string        // client_id that iss must name if present; empty forbids iss
	Algs   []string      // accepted algorithms
	Now    time.Time     //
	Window time.Duration // how far iat may lie from Now; defaults to 5 minutes
}

// Prove checks one proof of possession (appendix F.1 and F.4) and gives the
// key it proves and the nonce it was made with. The caller spends the nonce.
func (c ProofCheck) Prove(proof string) (key *jose.JSONWebKey, nonce string, err error) {
	t, err := jwt.Parse(proof)
	if err != nil {
		return nil, "", refuse(InvalidProof, "the proof is not a signed token")
	}
	// only a key in the header: kid would need a DID, x5c a trust anchor
	if t.Header.JWK == nil || t.Header.KeyID != "" || len(t.Header.X5C) > 0 {
		return nil, "", refuse(InvalidProof, "the proof must carry its public key as jwk and in no other way")
	}
	if err := t.Check(t.Header.JWK, []string{ProofTokenType}, c.Algs); err != nil {
		return nil, "", refuse(InvalidProof, "the proof's type, algorithm or signature does not hold")
	}
	var claims struct {
		Issuer   string       `json:"iss"`
		Audience jwt.Audience `json:"aud"`
		IssuedAt int64        `json:"iat"`
		Nonce    string       `json:"nonce"`
	}
	if err := t.Claims(&claims); err != nil {
		return nil, "", refuse(InvalidProof, "the proof's claims cannot be read")
	}
	window := c.Window
	if window == 0 {
		window = 5 * time.Minute
	}
	at := time.Unix(claims.IssuedAt, 0)
	switch {
	case len(claims.Audience) != 1 || claims.Audience[0] != c.Issuer:
		return nil, "", refuse(InvalidProof, "the proof is made for another issuer")
	case claims.Issuer != "" && claims.Issuer != c.Client:
		return nil, "", refuse(InvalidProof, "the proof names another client")
	case claims.IssuedAt == 0 || at.Before(c.Now.Add(-window)) || at.After(c.Now.Add(window)):
		return nil, "", refuse(InvalidProof, "the proof was not made just now")
	case claims.Nonce == "":
		return nil, "", refuse(InvalidNonce, "the proof has no nonce: fetch one from the nonce endpoint")
	}
	return t.Header.JWK, claims.Nonce, nil
}

// Proof makes a proof of possession, as a wallet does.
func Proof(key jwt.Signer, issuer, nonce string, at time.Time) (string, error) {
	key.JWK, key.KeyID = &jose.JSONWebKey{Key: key.Key.Public()}, ""
	return key.Sign(ProofTokenType, map[string]any{"aud": issuer, "iat": at.Unix(), "nonce": nonce})
}

// Response carries the credentials (section 8.3).
type Response struct {
	Credentials    []Issued `json:"credentials"`
	NotificationID string   `json:"notification_id,omitempty"`
}

// Issued is one credential of a response.
type Issued struct {
	Credential string `json:"credential"`
}

// NonceResponse is the answer of the nonce endpoint (section 7.2).
type NonceResponse struct {
	Nonce string `json:"c_nonce"`
}

// TokenResponse is the answer of the token endpoint (RFC 6749 section 5.1).
type TokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
}
