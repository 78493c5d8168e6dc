package emvqr

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A signed code carries two unreserved templates of ours: 80 says until when it
// holds (sub-tag 01, seconds since 1970) and which key signed (02); 81 holds
// the signature (01). The signature covers the whole payload as it would be
// without template 81 and without the checksum. An Ed25519 or raw P-256
// signature is 64 bytes, 86 characters: with a five-letter identifier template
// 81 has exactly the 99 characters MPM allows.
const (
	tagTerms     = "80"
	tagSignature = "81"
)

// ErrUnsigned says that a code carries no signature of this profile, ErrForged
// that it carries one that does not hold.
var (
	ErrUnsigned = errors.New("emvqr: not signed")
	ErrForged   = errors.New("emvqr: the signature does not hold")
)

// Terms are what a signature adds to a code.
type Terms struct {
	Expires time.Time
	Key     string // short name of the signing key, at most 12 characters
}

// Sign writes a signed payload. sign gets the bytes to be signed and gives a
// signature of 64 bytes.
func (p Profile) Sign(c Code, t Terms, sign func([]byte) ([]byte, error)) (string, error) {
	c.Free = append(c.without(), Template{tagTerms, p.Free, Message{{"01", strconv.FormatInt(t.Expires.Unix(), 10)}, {"02", t.Key}}})
	body, err := c.body()
	if err != nil {
		return "", err
	}
	signature, err := sign([]byte(body))
	if err != nil {
		return "", err
	}
	if len(signature) != 64 {
		return "", fmt.Errorf("emvqr: a signature of %d bytes, must be 64", len(signature))
	}
	c.Free = append(c.Free, Template{tagSignature, p.Free, Message{{"01", base64.RawURLEncoding.EncodeToString(signature)}}})
	return c.Encode()
}

// Verify checks a parsed code's signature and gives its terms; whether they have
// run out is for the caller, who knows the time. verify gets the key's name, the
// signed bytes and the signature.
func (p Profile) Verify(c *Code, verify func(key string, signed, signature []byte) bool) (Terms, error) {
	terms, signature := c.free(tagTerms, p.Free), c.free(tagSignature, p.Free)
	if terms == nil && signature == nil {
		return Terms{}, ErrUnsigned
	}
	seconds, err := strconv.ParseInt(terms.Get("01"), 10, 64)
	if err != nil || seconds < 0 {
		return Terms{}, ErrForged
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(signature.Get("01"))
	if err != nil || len(raw) != 64 {
		return Terms{}, ErrForged
	}
	bare := *c
	bare.Free = nil
	for _, f := range c.Free {
		if f.Tag != tagSignature {
			bare.Free = append(bare.Free, f)
		}
	}
	body, err := bare.body()
	if err != nil {
		return Terms{}, err
	}
	if !verify(terms.Get("02"), []byte(body), raw) {
		return Terms{}, ErrForged
	}
	return Terms{time.Unix(seconds, 0).UTC(), terms.Get("02")}, nil
}

// body is the payload without its checksum, in the one order Encode writes: a
// payload whose objects stand in another order has the same signed bytes.
func (c *Code) body() (string, error) {
	text, err := c.Encode()
	if err != nil {
		return "", err
	}
	return text[:len(text)-8], nil
}

func (c *Code) free(tag, identifier string) Message {
	for _, f := range c.Free {
		if f.Tag == tag && f.Identifier == identifier {
			return f.Objects
		}
	}
	return nil
}

func (c *Code) without() (rest []Template) {
	for _, f := range c.Free {
		if f.Tag != tagTerms && f.Tag != tagSignature {
			rest = append(rest, f)
		}
	}
	return rest
}
