package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"
)

// GrantPreAuthorized is the grant type of section 3.5.
const GrantPreAuthorized = "urn:ietf:params:oauth:grant-type:pre-authorized_code"

// Scheme is the deep link a wallet listens to.
const Scheme = "openid-credential-offer"

const maxMessage = 256 << 10

// ErrMessage is wrapped by every error about a message that is not as the
// standard says.
var ErrMessage = errors.New("oid4vci: message not as the standard says")

// Offer is what an issuer puts before a wallet (section 4.1.1).
type Offer struct {
	Issuer         string   `json:"credential_issuer"`
	Configurations []string `json:"credential_configuration_ids"`
	Grants         Grants   `json:"grants,omitzero"`
}

// Grants are the ways to a token this offer opens.
type Grants struct {
	PreAuthorized *PreAuthorized `json:"urn:ietf:params:oauth:grant-type:pre-authorized_code,omitempty"`
	Code          *Code          `json:"authorization_code,omitempty"`
}

// PreAuthorized is the grant without a sign-in at the wallet.
type PreAuthorized struct {
	Code   string  `json:"pre-authorized_code"`
	TxCode *TxCode `json:"tx_code,omitempty"`
	Server string  `json:"authorization_server,omitempty"`
}

// TxCode says what the transaction code looks like, which the person gets on
// another way than the offer.
type TxCode struct {
	Mode        string `json:"input_mode,omitempty"` // "numeric" (default) or "text"
	Length      int    `json:"length,omitempty"`
	Description string `json:"description,omitempty"` // at most 300 characters
}

// Code is the authorization code grant.
type Code struct {
	State  string `json:"issuer_state,omitempty"`
	Server string `json:"authorization_server,omitempty"`
}

// ByValue is the deep link that carries the offer itself.
func (o Offer) ByValue() (string, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("oid4vci: write offer: %w", err)
	}
	return Scheme + "://?credential_offer=" + url.QueryEscape(string(b)), nil
}

// ByReference is the deep link that carries the offer's address: short enough
// for a QR code that old phones can read.
func ByReference(address string) string {
	return Scheme + "://?credential_offer_uri=" + url.QueryEscape(address)
}

// ParseLink reads a deep link: it gives either the offer or the address where
// the offer is to be fetched.
func ParseLink(link string) (offer *Offer, address string, err error) {
	if len(link) > maxMessage {
		return nil, "", fmt.Errorf("%w: link is too long", ErrMessage)
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil, "", fmt.Errorf("%w: link", ErrMessage)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "", fmt.Errorf("%w: link", ErrMessage)
	}
	value, ref := q["credential_offer"], q["credential_offer_uri"]
	switch {
	case len(value)+len(ref) != 1:
		return nil, "", fmt.Errorf("%w: neither or both of credential_offer and credential_offer_uri", ErrMessage)
	case len(ref) == 1:
		a, err := url.Parse(ref[0])
		if err != nil || a.Host == "" || (a.Scheme != "https" && a.Scheme != "http") {
			return nil, "", fmt.Errorf("%w: credential_offer_uri is no web address", ErrMessage)
		}
		return nil, ref[0], nil
	}
	o, err := ParseOffer([]byte(value[0]))
	return o, "", err
}

// ParseOffer reads an offer.
func ParseOffer(b []byte) (*Offer, error) {
	if len(b) > maxMessage || !utf8.Valid(b) {
		return nil, fmt.Errorf("%w: offer", ErrMessage)
	}
	var o Offer
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, fmt.Errorf("%w: offer", ErrMessage)
	}
	if _, err := MetadataURLs(o.Issuer); err != nil {
		return nil, err
	}
	if len(o.Configurations) == 0 || len(o.Configurations) > 32 {
		return nil, fmt.Errorf("%w: offer of nothing", ErrMessage)
	}
	seen := map[string]bool{}
	for _, c := range o.Configurations {
		if c == "" || seen[c] {
			return nil, fmt.Errorf("%w: credential_configuration_ids are not unique", ErrMessage)
		}
		seen[c] = true
	}
	if g := o.Grants.PreAuthorized; g != nil && g.Code == "" {
		return nil, fmt.Errorf("%w: grant without a code", ErrMessage)
	}
	return &o, nil
}
