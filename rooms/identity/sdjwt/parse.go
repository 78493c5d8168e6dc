package sdjwt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"

	"sarai/rooms/identity/jwt"
)

// Limits of what is taken apart.
const (
	MaxSize        = 256 << 10 // bytes of one presentation
	MaxDisclosures = 256
	maxDepth       = 12
)

// The reasons a credential is refused, besides those of package jwt.
var (
	ErrFormat     = errors.New("sdjwt: not an SD-JWT")
	ErrDisclosure = errors.New("sdjwt: disclosure that does not fit the signed digests")
	ErrBinding    = errors.New("sdjwt: key binding does not hold")
	ErrClaims     = errors.New("sdjwt: claims of a credential are missing or wrong")
)

// Disclosure is one hidden claim or list element as the holder hands it over.
type Disclosure struct {
	Salt    string
	Name    string // empty for a list element
	Value   any
	Encoded string
	element bool
}

// Parts is a credential or presentation taken apart, nothing of it believed.
type Parts struct {
	Issuer      *jwt.Token
	issuerRaw   string
	Disclosures []Disclosure
	Binding     string // the kb+jwt, or empty
}

// Parse takes a credential or a presentation apart.
func Parse(s string) (*Parts, error) {
	if len(s) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrFormat, MaxSize)
	}
	pieces := strings.Split(s, Separator)
	if len(pieces) < 2 {
		return nil, fmt.Errorf("%w: no separator", ErrFormat)
	}
	if len(pieces)-2 > MaxDisclosures {
		return nil, fmt.Errorf("%w: more than %d disclosures", ErrFormat, MaxDisclosures)
	}
	issuer, err := jwt.Parse(pieces[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	p := &Parts{Issuer: issuer, issuerRaw: pieces[0], Binding: pieces[len(pieces)-1]}
	for _, encoded := range pieces[1 : len(pieces)-1] {
		d, err := parseDisclosure(encoded)
		if err != nil {
			return nil, err
		}
		p.Disclosures = append(p.Disclosures, d)
	}
	return p, nil
}

func parseDisclosure(encoded string) (Disclosure, error) {
	bad := func(why string) (Disclosure, error) { return Disclosure{}, fmt.Errorf("%w: %s", ErrDisclosure, why) }
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(text) == 0 {
		return bad("encoding")
	}
	if !utf8.Valid(text) {
		return bad("not UTF-8")
	}
	var parts []any
	if err := json.Unmarshal(text, &parts); err != nil {
		return bad("no JSON array")
	}
	d := Disclosure{Encoded: encoded}
	var ok bool
	if len(parts) != 2 && len(parts) != 3 {
		return bad("neither two nor three parts")
	}
	if d.Salt, ok = parts[0].(string); !ok || d.Salt == "" {
		return bad("no salt")
	}
	d.Value, d.element = parts[len(parts)-1], len(parts) == 2
	if !d.element {
		if d.Name, ok = parts[1].(string); !ok {
			return bad("name is no text")
		}
		if d.Name == "_sd" || d.Name == "..." {
			return bad("forbidden name")
		}
	}
	return d, nil
}

// presented is what sd_hash is made over: all but the key binding token.
func (p *Parts) presented() string {
	var b strings.Builder
	b.WriteString(p.issuerRaw + Separator)
	for _, d := range p.Disclosures {
		b.WriteString(d.Encoded + Separator)
	}
	return b.String()
}

// String writes the parts back as they were.
func (p *Parts) String() string { return p.presented() + p.Binding }
