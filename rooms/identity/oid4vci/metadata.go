package oid4vci

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// WellKnown is the path of the issuer's metadata (section 12.2.2).
const WellKnown = "/.well-known/openid-credential-issuer"

// Format is the credential format identifier of SD-JWT VC (appendix A.3).
const Format = "dc+sd-jwt"

// Metadata is what an issuer says about itself (section 12.2.4).
type Metadata struct {
	Issuer               string                   `json:"credential_issuer"`
	AuthorizationServers []string                 `json:"authorization_servers,omitempty"`
	CredentialEndpoint   string                   `json:"credential_endpoint"`
	NonceEndpoint        string                   `json:"nonce_endpoint,omitempty"`
	NotificationEndpoint string                   `json:"notification_endpoint,omitempty"`
	Batch                *Batch                   `json:"batch_credential_issuance,omitempty"`
	Display              []Display                `json:"display,omitempty"`
	Configurations       map[string]Configuration `json:"credential_configurations_supported"`
}

// Batch says how many credentials one request may ask for; at least 2.
type Batch struct {
	Size int `json:"batch_size"`
}

// Display is a name in one language.
type Display struct {
	Name            string `json:"name,omitempty"`
	Locale          string `json:"locale,omitempty"` // BCP 47
	Description     string `json:"description,omitempty"`
	BackgroundColor string `json:"background_color,omitempty"`
	TextColor       string `json:"text_color,omitempty"`
}

// Configuration is a type of credential on offer.
type Configuration struct {
	Format         string               `json:"format"`
	Scope          string               `json:"scope,omitempty"`
	Binding        []string             `json:"cryptographic_binding_methods_supported,omitempty"`
	SigningAlgs    []string             `json:"credential_signing_alg_values_supported,omitempty"`
	ProofTypes     map[string]ProofType `json:"proof_types_supported,omitempty"`
	CredentialType string               `json:"vct"`
	About          *About               `json:"credential_metadata,omitempty"`
}

// ProofType names the algorithms a proof may be signed with.
type ProofType struct {
	Algs []string `json:"proof_signing_alg_values_supported"`
}

// About is how a wallet shows the credential (appendix B).
type About struct {
	Display []Display `json:"display,omitempty"`
	Claims  []Claim   `json:"claims,omitempty"`
}

// Claim names one claim for people.
type Claim struct {
	Path      []any     `json:"path"`
	Mandatory bool      `json:"mandatory,omitempty"`
	Display   []Display `json:"display,omitempty"`
}

// MetadataURLs gives the addresses an issuer's metadata may be found at: first
// with the well-known part between host and path (1.0 final, RFC 8615), then
// appended to the path as earlier drafts had it. Both are equal without a path.
func MetadataURLs(issuer string) ([]string, error) { return wellKnown(issuer, WellKnown) }

// ServerURLs does the same for authorization server metadata (RFC 8414).
func ServerURLs(issuer string) ([]string, error) {
	return wellKnown(issuer, "/.well-known/oauth-authorization-server")
}

func wellKnown(issuer, part string) ([]string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%w: issuer is no plain web address", ErrMessage)
	}
	origin, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	if path == "" {
		return []string{origin + part}, nil
	}
	return []string{origin + part + path, origin + path + part}, nil
}

// ParseMetadata reads an issuer's metadata and insists that it is that issuer's.
func ParseMetadata(b []byte, issuer string) (*Metadata, error) {
	if len(b) > maxMessage {
		return nil, fmt.Errorf("%w: metadata is too long", ErrMessage)
	}
	var m Metadata
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%w: metadata", ErrMessage)
	}
	if m.Issuer != issuer {
		return nil, fmt.Errorf("%w: metadata of another issuer", ErrMessage)
	}
	if m.CredentialEndpoint == "" || len(m.Configurations) == 0 {
		return nil, fmt.Errorf("%w: metadata without endpoint or credentials", ErrMessage)
	}
	return &m, nil
}
