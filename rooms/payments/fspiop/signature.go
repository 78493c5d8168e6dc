package fspiop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"strings"
)

// Algorithms of signatures (RFC 7518). No others are taken, and never "none".
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// minRSA is the least length of an RSA modulus in bits.
const minRSA = 2048

// Key is the public key of a participant: RSA of 2,048 bits or more, or P-256.
type Key struct {
	rsa *rsa.PublicKey
	ec  *ecdsa.PublicKey
}

// ErrKey says which keys can be used.
var ErrKey = errors.New("a public key in PEM is wanted: RSA of 2,048 bits or more, or ECDSA on P-256")

// ParseKey reads a public key or a certificate in PEM.
func ParseKey(text string) (Key, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return Key{}, ErrKey
	}
	var pub any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			pub = c.PublicKey
		}
	}
	if err != nil {
		return Key{}, ErrKey
	}
	return NewKey(pub)
}

// NewKey takes a public key.
func NewKey(pub crypto.PublicKey) (Key, error) {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return Key{rsa: k}, nil
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return Key{ec: k}, nil
		}
	}
	return Key{}, ErrKey
}

// Zero says that there is no key.
func (k Key) Zero() bool { return k.rsa == nil && k.ec == nil }

// verify checks a signature by the algorithm that belongs to the key: what the
// message names must be that one, so nobody can talk a verifier into another.
func (k Key) verify(alg string, digest [32]byte, signature []byte) bool {
	switch {
	case k.rsa != nil && alg == RS256:
		return rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, digest[:], signature) == nil
	case k.ec != nil && alg == ES256 && len(signature) == 64:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(k.ec, digest[:], r, s)
	}
	return false
}

// Protected is what is signed besides the body (Signature 1.1, 3.2).
type Protected struct {
	Alg         string `json:"alg"`
	URI         string `json:"FSPIOP-URI"`
	Method      string `json:"FSPIOP-HTTP-Method"`
	Source      string `json:"FSPIOP-Source"`
	Destination string `json:"FSPIOP-Destination,omitempty"`
	Date        string `json:"Date,omitempty"`
}

// Signer makes signatures with one key.
type Signer struct {
	Alg string // RS256 or ES256
	// Sign signs a JWS signing input: PKCS #1 v1.5 for RS256, r and s of 32 bytes each for ES256.
	Sign func(input []byte) ([]byte, error)
}

// Header gives the value of FSPIOP-Signature for a message.
func (s Signer) Header(p Protected, body []byte) (string, error) {
	p.Alg = s.Alg
	head, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	protected := base64.RawURLEncoding.EncodeToString(head)
	signature, err := s.Sign(signingInput(protected, body))
	if err != nil {
		return "", err
	}
	return `{"signature":"` + base64.RawURLEncoding.EncodeToString(signature) + `","protectedHeader":"` + protected + `"}`, nil
}

// signingInput is the protected header and the body, both in base64url, with a
// point between them (RFC 7515, 5.1).
func signingInput(protected string, body []byte) []byte {
	n := base64.RawURLEncoding.EncodedLen(len(body))
	input := make([]byte, len(protected)+1+n)
	copy(input, protected)
	input[len(protected)] = '.'
	base64.RawURLEncoding.Encode(input[len(protected)+1:], body)
	return input
}

// Verify checks the signature of a message as it came: method and path are those
// of the HTTP request, body its bytes. The protected header must name the same
// source, destination, method and path as the headers do, so that nobody sends
// with another's name what somebody else signed for another purpose.
func Verify(h http.Header, method, path string, body []byte, key Key) *Fault {
	value := h.Get(HeaderSignature)
	if value == "" {
		return Fail(CodeMissing, "/header must have required property 'fspiop-signature'")
	}
	wrong := func(why string) *Fault { return Fail(CodeSignature, why) }
	outer, f := Parse([]byte(value))
	if f != nil || outer.Kind != Object {
		return wrong("FSPIOP-Signature is no JSON object")
	}
	protected := strings.TrimRight(outer.Str("protectedHeader"), "=")
	signature, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(outer.Str("signature"), "="))
	if err != nil || len(signature) == 0 {
		return wrong("the signature is not base64url")
	}
	head, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return wrong("the protected header is not base64url")
	}
	p, f := Parse(head)
	if f != nil || p.Kind != Object {
		return wrong("the protected header is no JSON object")
	}
	switch {
	case p.Get("crit") != nil || p.Get("b64") != nil:
		return wrong("the protected header asks for what is not understood")
	case p.Str(HeaderSource) == "" || p.Str(HeaderSource) != h.Get(HeaderSource):
		return wrong("the protected FSPIOP-Source is not that of the headers")
	case p.Str(HeaderDestination) != h.Get(HeaderDestination):
		return wrong("the protected FSPIOP-Destination is not that of the headers")
	case p.Str(HeaderMethod) != method || h.Get(HeaderMethod) != "" && h.Get(HeaderMethod) != method:
		return wrong("the protected FSPIOP-HTTP-Method is not that of the request")
	case p.Str(HeaderURI) != path || h.Get(HeaderURI) != "" && h.Get(HeaderURI) != path:
		return wrong("the protected FSPIOP-URI is not that of the request")
	case p.Get("Date") != nil && p.Str("Date") != h.Get("Date"):
		return wrong("the protected Date is not that of the headers")
	case !key.verify(p.Str("alg"), sha256.Sum256(signingInput(protected, body)), signature):
		return wrong("the signature does not fit the message and the sender's key")
	}
	return nil
}
