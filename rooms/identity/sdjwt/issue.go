package sdjwt

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/rooms/identity/jwt"
)

// Type is the typ header of the issuer's token.
const Type = "dc+sd-jwt"

// Separator stands after the issuer's token and after each disclosure.
const Separator = "~"

// Object is a hidden value whose members are hidden one by one as well, so
// that a holder can show the city without the street (RFC 9901 section 6.3).
type Object map[string]any

// Elements is a hidden-capable list: each element is disclosed by itself
// (RFC 9901 section 4.2.4.2).
type Elements []any

// Status points at the credential's place in a status list (Token Status
// List, section 6.2).
type Status struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

// Draft is a credential before it is signed.
type Draft struct {
	Issuer    string // iss, an https URL
	Type      string // vct
	Integrity string // vct#integrity of the type metadata; may be empty
	IssuedAt  time.Time
	NotBefore time.Time // zero leaves nbf out
	Expires   time.Time // zero leaves exp out
	Holder    *jose.JSONWebKey
	Status    *Status
	Open      map[string]any // claims everybody sees
	Hidden    map[string]any // claims the holder may withhold; Object and Elements go deeper
	Decoys    int            // false digests beside the hidden claims, against counting
}

// Registered claims may not be hidden (SD-JWT VC section 3.2.2.2), and the
// two of RFC 9901 itself cannot be claims at all.
var neverHidden = map[string]bool{
	"iss": true, "nbf": true, "exp": true, "cnf": true, "vct": true, "vct#integrity": true, "status": true,
	"_sd": true, "_sd_alg": true, "...": true,
}

// Issue signs the draft and gives the credential with all its disclosures, as
// it goes to the holder. Digests are SHA-256 in sorted order, so that their
// order says nothing. Salts have 128 bits.
func Issue(signer jwt.Signer, d Draft) (string, error) {
	return issue(signer, d, rand.Reader)
}

func issue(signer jwt.Signer, d Draft, random io.Reader) (string, error) {
	if d.Issuer == "" || d.Type == "" {
		return "", errors.New("sdjwt: a credential needs an issuer and a type")
	}
	h := hider{random: random}
	payload := map[string]any{}
	for name, v := range d.Open {
		if reserved(name) {
			return "", fmt.Errorf("sdjwt: open claim %q is set by the draft itself", name)
		}
		payload[name] = v
	}
	for name := range d.Hidden {
		if neverHidden[name] {
			return "", fmt.Errorf("sdjwt: claim %q may not be hidden", name)
		}
		if _, twice := payload[name]; twice {
			return "", fmt.Errorf("sdjwt: claim %q is both open and hidden", name)
		}
	}
	digests, err := h.object(d.Hidden)
	if err != nil {
		return "", err
	}
	for range d.Decoys {
		decoy, err := h.salt(32)
		if err != nil {
			return "", err
		}
		digests = append(digests, digest(decoy))
	}
	sort.Strings(digests)
	if len(digests) > 0 {
		payload["_sd"] = digests
		payload["_sd_alg"] = "sha-256"
	}
	payload["iss"], payload["vct"] = d.Issuer, d.Type
	payload["iat"] = d.IssuedAt.Unix()
	if d.Integrity != "" {
		payload["vct#integrity"] = d.Integrity
	}
	if !d.NotBefore.IsZero() {
		payload["nbf"] = d.NotBefore.Unix()
	}
	if !d.Expires.IsZero() {
		payload["exp"] = d.Expires.Unix()
	}
	if d.Holder != nil {
		if !d.Holder.Valid() || !d.Holder.IsPublic() {
			return "", errors.New("sdjwt: the holder's key is not a public key")
		}
		// only the key itself: a kid or x5c chosen by the wallet would be one more thing to be recognised by
		payload["cnf"] = map[string]any{"jwk": jose.JSONWebKey{Key: d.Holder.Key}}
	}
	if d.Status != nil {
		payload["status"] = map[string]any{"status_list": d.Status}
	}
	token, err := signer.Sign(Type, payload)
	if err != nil {
		return "", err
	}
	return token + Separator + strings.Join(append(h.disclosures, ""), Separator), nil
}

func reserved(name string) bool { return neverHidden[name] || name == "iat" }

// hider turns values into digests and keeps their disclosures.
type hider struct {
	random      io.Reader
	disclosures []string
}

func (h *hider) object(members map[string]any) ([]string, error) {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Strings(names)
	digests := make([]string, 0, len(names)+4)
	for _, name := range names {
		if name == "_sd" || name == "..." || name == "_sd_alg" {
			return nil, fmt.Errorf("sdjwt: %q cannot be a claim", name)
		}
		value, err := h.value(members[name])
		if err != nil {
			return nil, err
		}
		d, err := h.disclose(name, value)
		if err != nil {
			return nil, err
		}
		digests = append(digests, d)
	}
	return digests, nil
}

func (h *hider) value(v any) (any, error) {
	switch v := v.(type) {
	case Object:
		digests, err := h.object(v)
		sort.Strings(digests)
		return map[string]any{"_sd": digests}, err
	case Elements:
		out := make([]any, 0, len(v))
		for _, e := range v {
			inner, err := h.value(e)
			if err != nil {
				return nil, err
			}
			d, err := h.disclose("", inner)
			if err != nil {
				return nil, err
			}
			out = append(out, map[string]any{"...": d})
		}
		return out, nil
	}
	return v, nil
}

func (h *hider) disclose(name string, value any) (string, error) {
	salt, err := h.salt(16)
	if err != nil {
		return "", err
	}
	parts := []any{salt, value}
	if name != "" {
		parts = []any{salt, name, value}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("sdjwt: claim %q: %w", name, err)
	}
	encoded := base64.RawURLEncoding.EncodeToString(text)
	h.disclosures = append(h.disclosures, encoded)
	return digest(encoded), nil
}

func (h *hider) salt(bytes int) (string, error) {
	b := make([]byte, bytes)
	if _, err := io.ReadFull(h.random, b); err != nil {
		return "", fmt.Errorf("sdjwt: no randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// digest is the SHA-256 over the encoded disclosure's ASCII (RFC 9901 section 4.2.3).
func digest(encoded string) string {
	sum := sha256.Sum256([]byte(encoded))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
