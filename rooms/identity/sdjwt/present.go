package sdjwt

import (
	"fmt"
	"time"

	"sarai/rooms/identity/jwt"
)

// Presentation is what a holder shows to one verifier.
type Presentation struct {
	Show     func(d Disclosure) bool // which disclosures are handed over; nil shows none
	Audience string
	Nonce    string
	At       time.Time
	Key      jwt.Signer // the holder's key; a zero Key makes a presentation without key binding
}

// Present makes a presentation of a credential. A parent of a shown nested
// disclosure must be shown too, else the verifier rightly refuses it.
func Present(credential string, p Presentation) (string, error) {
	parts, err := Parse(credential)
	if err != nil {
		return "", err
	}
	if parts.Binding != "" {
		return "", fmt.Errorf("%w: already a presentation", ErrFormat)
	}
	kept := parts.Disclosures[:0:0]
	for _, d := range parts.Disclosures {
		if p.Show != nil && p.Show(d) {
			kept = append(kept, d)
		}
	}
	parts.Disclosures = kept
	if p.Key.Key == nil {
		return parts.presented(), nil
	}
	parts.Binding, err = p.Key.Sign(BindingType, map[string]any{
		"iat": p.At.Unix(), "aud": p.Audience, "nonce": p.Nonce, "sd_hash": digest(parts.presented()),
	})
	if err != nil {
		return "", err
	}
	return parts.String(), nil
}

// Names shows the members with these names.
func Names(names ...string) func(Disclosure) bool {
	return func(d Disclosure) bool { return contains(names, d.Name) }
}
