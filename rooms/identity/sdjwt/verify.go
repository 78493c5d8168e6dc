package sdjwt

import (
	"crypto/subtle"
	"fmt"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"sarai/rooms/identity/jwt"
)

// BindingType is the typ header of the holder's token.
const BindingType = "kb+jwt"

// Verifier says what is accepted. The zero value accepts nothing.
type Verifier struct {
	Algs []string // issuer's algorithms
	// Key finds the issuer's key for a header and the (unproved) iss claim.
	Key  func(h jwt.Header, issuer string) (any, error)
	Now  time.Time
	Skew time.Duration // allowed difference of clocks, both ways

	Types []string // accepted vct; empty accepts every type

	// A verifier with an audience demands key binding to it and to the nonce.
	Audience      string        // the verifier's full client identifier, prefix included
	Nonce         string        //
	HolderAlgs    []string      // defaults to ES256 and EdDSA
	MaxBindingAge time.Duration // how old iat of the key binding may be; defaults to 5 minutes
}

// Credential is a proved credential: the claims are those the holder showed.
type Credential struct {
	Issuer    string
	Type      string
	IssuedAt  time.Time
	NotBefore time.Time // zero when not given
	Expires   time.Time // zero when not given
	Holder    *jose.JSONWebKey
	Status    *Status
	Claims    map[string]any // signed and disclosed claims together, digests removed
	Shown     []string       // names of disclosed members at any depth, in order
	Bound     bool           // a key binding was demanded and held
}

type registered struct {
	Issuer    string   `json:"iss"`
	Type      string   `json:"vct"`
	IssuedAt  jsonTime `json:"iat"`
	NotBefore jsonTime `json:"nbf"`
	Expires   jsonTime `json:"exp"`
	Confirm   *struct {
		JWK *jose.JSONWebKey `json:"jwk"`
	} `json:"cnf"`
	Status *struct {
		List *Status `json:"status_list"`
	} `json:"status"`
}

// jsonTime is a NumericDate (RFC 7519 section 2); fractions are cut off.
type jsonTime int64

func (t *jsonTime) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil || f < 0 || f > 1<<53 {
		return fmt.Errorf("%w: time", ErrClaims)
	}
	*t = jsonTime(f)
	return nil
}

func (t jsonTime) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t), 0).UTC()
}

// Verify proves a credential (with an Audience: a presentation) and gives what
// it shows. Every error wraps one of the reasons of this package or of jwt.
func (v Verifier) Verify(s string) (*Credential, error) {
	p, err := Parse(s)
	if err != nil {
		return nil, err
	}
	var reg registered
	if err := p.Issuer.Claims(&reg); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClaims, err)
	}
	if v.Key == nil {
		return nil, jwt.ErrKey
	}
	key, err := v.Key(p.Issuer.Header, reg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", jwt.ErrKey, err)
	}
	// 1. the issuer's signature, before anything else is believed
	if err := p.Issuer.Check(key, []string{Type, "vc+sd-jwt"}, v.Algs); err != nil {
		return nil, err
	}
	// 2. digests
	claims, shown, err := p.reveal()
	if err != nil {
		return nil, err
	}
	// 3. what a credential must say, now that all of it is signed
	c := &Credential{
		Issuer: reg.Issuer, Type: reg.Type, IssuedAt: reg.IssuedAt.time(), NotBefore: reg.NotBefore.time(), Expires: reg.Expires.time(),
		Claims: claims, Shown: shown,
	}
	if c.Issuer == "" || c.Type == "" {
		return nil, fmt.Errorf("%w: iss or vct", ErrClaims)
	}
	if len(v.Types) > 0 && !contains(v.Types, c.Type) {
		return nil, fmt.Errorf("%w: vct is another type", ErrClaims)
	}
	if err := jwt.In(v.Now, int64(reg.NotBefore), int64(reg.Expires), v.Skew); err != nil {
		return nil, err
	}
	if reg.Confirm != nil {
		c.Holder = reg.Confirm.JWK
	}
	if reg.Status != nil {
		if c.Status = reg.Status.List; c.Status == nil || c.Status.Index < 0 || c.Status.URI == "" {
			return nil, fmt.Errorf("%w: status", ErrClaims)
		}
	}
	// 4. the holder
	if v.Audience == "" {
		if p.Binding != "" {
			return nil, fmt.Errorf("%w: a key binding nobody asked for", ErrBinding)
		}
		return c, nil
	}
	if err := v.binding(p, c); err != nil {
		return nil, err
	}
	c.Bound = true
	return c, nil
}

// binding checks the kb+jwt (RFC 9901 section 7.3).
func (v Verifier) binding(p *Parts, c *Credential) error {
	if p.Binding == "" {
		return fmt.Errorf("%w: missing", ErrBinding)
	}
	if c.Holder == nil {
		return fmt.Errorf("%w: the credential is bound to no key", ErrBinding)
	}
	if v.Nonce == "" {
		return fmt.Errorf("%w: the verifier has no nonce", ErrBinding)
	}
	algs := v.HolderAlgs
	if len(algs) == 0 {
		algs = []string{jwt.ES256, jwt.EdDSA}
	}
	var kb struct {
		IssuedAt *jsonTime `json:"iat"`
		Audience string    `json:"aud"` // a single text: RFC 9901 section 4.3
		Nonce    string    `json:"nonce"`
		Hash     string    `json:"sd_hash"`
	}
	if _, err := jwt.Verify(p.Binding, []string{BindingType}, algs, func(jwt.Header) (any, error) { return c.Holder, nil }, &kb); err != nil {
		return fmt.Errorf("%w: %w", ErrBinding, err)
	}
	age := v.MaxBindingAge
	if age == 0 {
		age = 5 * time.Minute
	}
	switch {
	case !same(kb.Audience, v.Audience):
		return fmt.Errorf("%w: made for another verifier", ErrBinding)
	case !same(kb.Nonce, v.Nonce):
		return fmt.Errorf("%w: nonce", ErrBinding)
	case !same(kb.Hash, digest(p.presented())):
		return fmt.Errorf("%w: sd_hash: made over other disclosures", ErrBinding)
	case kb.IssuedAt == nil:
		return fmt.Errorf("%w: no iat", ErrBinding)
	}
	at := kb.IssuedAt.time()
	if at.After(v.Now.Add(v.Skew)) || at.Before(v.Now.Add(-age-v.Skew)) {
		return fmt.Errorf("%w: iat outside the window", ErrBinding)
	}
	return nil
}

// reveal puts disclosed values in their places (RFC 9901 section 7.1, step 3).
func (p *Parts) reveal() (map[string]any, []string, error) {
	var payload map[string]any
	if err := p.Issuer.Claims(&payload); err != nil {
		return nil, nil, err
	}
	if alg, given := payload["_sd_alg"]; given && alg != "sha-256" {
		return nil, nil, fmt.Errorf("%w: _sd_alg is not sha-256", ErrDisclosure)
	}
	r := revealer{by: map[string]*Disclosure{}, seen: map[string]bool{}, used: map[string]bool{}}
	for i := range p.Disclosures {
		d := digest(p.Disclosures[i].Encoded)
		if r.by[d] != nil {
			return nil, nil, fmt.Errorf("%w: handed over twice", ErrDisclosure)
		}
		r.by[d] = &p.Disclosures[i]
	}
	claims, err := r.object(payload, 0)
	if err != nil {
		return nil, nil, err
	}
	if len(r.used) != len(r.by) {
		return nil, nil, fmt.Errorf("%w: nothing refers to it", ErrDisclosure)
	}
	delete(claims, "_sd_alg")
	return claims, r.shown, nil
}

type revealer struct {
	by         map[string]*Disclosure
	seen, used map[string]bool
	shown      []string
}

// find notes a digest and gives its disclosure, if the holder handed it over.
func (r *revealer) find(v any, element bool) (*Disclosure, error) {
	d, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%w: a digest is no text", ErrDisclosure)
	}
	if r.seen[d] {
		return nil, fmt.Errorf("%w: the same digest twice", ErrDisclosure)
	}
	r.seen[d] = true
	found := r.by[d]
	if found == nil {
		return nil, nil
	}
	if found.element != element {
		return nil, fmt.Errorf("%w: list element and member mixed up", ErrDisclosure)
	}
	r.used[d] = true
	return found, nil
}

func (r *revealer) object(in map[string]any, depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deep", ErrFormat)
	}
	if _, bad := in["..."]; bad {
		return nil, fmt.Errorf("%w: list marker outside a list", ErrDisclosure)
	}
	out := make(map[string]any, len(in))
	for name, v := range in {
		if name == "_sd" {
			continue
		}
		value, err := r.value(v, depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	raw, has := in["_sd"]
	if !has {
		return out, nil
	}
	digests, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: _sd is no list", ErrDisclosure)
	}
	for _, d := range digests {
		found, err := r.find(d, false)
		if err != nil {
			return nil, err
		}
		if found == nil {
			continue
		}
		if depth == 0 && neverHidden[found.Name] {
			return nil, fmt.Errorf("%w: %q may not be hidden", ErrDisclosure, found.Name)
		}
		if _, taken := out[found.Name]; taken {
			return nil, fmt.Errorf("%w: would replace a claim", ErrDisclosure)
		}
		r.shown = append(r.shown, found.Name)
		if out[found.Name], err = r.value(found.Value, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *revealer) value(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deep", ErrFormat)
	}
	switch v := v.(type) {
	case map[string]any:
		return r.object(v, depth)
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			marker, ok := e.(map[string]any)
			if d, is := marker["..."]; ok && is {
				if len(marker) != 1 {
					return nil, fmt.Errorf("%w: list marker with company", ErrDisclosure)
				}
				found, err := r.find(d, true)
				if err != nil {
					return nil, err
				}
				if found == nil {
					continue // withheld elements leave no gap
				}
				e = found.Value
			}
			value, err := r.value(e, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	}
	return v, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
