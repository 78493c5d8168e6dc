package jwt

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/json"
)

// MaxSize is the longest token that is looked at, in bytes.
const MaxSize = 64 << 10

// The algorithms this package signs and checks with (RFC 7518, RFC 8037).
const (
	ES256 = "ES256"
	EdDSA = "EdDSA"
	RS256 = "RS256"
	PS256 = "PS256"
)

// The reasons a token is refused. Every error of Parse and Check wraps one.
var (
	ErrFormat    = errors.New("jwt: not a compact signed token")
	ErrAlgorithm = errors.New("jwt: algorithm not accepted here")
	ErrType      = errors.New("jwt: token of another type")
	ErrKey       = errors.New("jwt: no key for this token")
	ErrSignature = errors.New("jwt: signature does not hold")
	ErrTime      = errors.New("jwt: outside its time")
)

// Signer is a key with what goes into the header beside it.
type Signer struct {
	Key          crypto.Signer
	Alg          string   // ES256, EdDSA, RS256 or PS256
	KeyID        string   // kid; empty leaves it out
	Certificates [][]byte // x5c, DER, leaf first; without the trust anchor
	JWK          *jose.JSONWebKey
}

// Header is the part of the JOSE header that checking needs.
type Header struct {
	Alg   string           `json:"alg"`
	Type  string           `json:"typ"`
	KeyID string           `json:"kid"`
	JWK   *jose.JSONWebKey `json:"jwk"`
	X5C   []string         `json:"x5c"`
	Crit  []string         `json:"crit"`
}

// Token is a token that was taken apart. Until Check has returned nil its
// content is a stranger's claim.
type Token struct {
	Header  Header
	Payload []byte
	raw     string
}

// Sign makes a compact token of the type typ ("" leaves typ out) over claims.
func (s Signer) Sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("jwt: write claims: %w", err)
	}
	opts := (&jose.SignerOptions{})
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	if s.KeyID != "" {
		opts = opts.WithHeader("kid", s.KeyID)
	}
	if len(s.Certificates) > 0 {
		chain := make([]string, len(s.Certificates))
		for i, der := range s.Certificates {
			chain[i] = base64.StdEncoding.EncodeToString(der)
		}
		opts = opts.WithHeader("x5c", chain)
	}
	if s.JWK != nil {
		opts = opts.WithHeader("jwk", s.JWK)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.Alg), Key: cryptosigner.Opaque(s.Key)}, opts)
	if err != nil {
		return "", fmt.Errorf("jwt: signer for %s: %w", s.Alg, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("jwt: sign: %w", err)
	}
	return signed.CompactSerialize()
}

// Parse takes a compact token apart without believing it. JSON with a member
// twice is refused, because two readers could read it differently.
func Parse(compact string) (*Token, error) {
	if len(compact) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrFormat, MaxSize)
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, ErrFormat
	}
	head, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return nil, fmt.Errorf("%w: header encoding", ErrFormat)
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("%w: payload encoding", ErrFormat)
	}
	t := &Token{Payload: payload, raw: compact}
	if err := json.Unmarshal(head, &t.Header); err != nil {
		return nil, fmt.Errorf("%w: header", ErrFormat)
	}
	if len(t.Header.Crit) > 0 {
		return nil, fmt.Errorf("%w: critical extensions are not understood", ErrFormat)
	}
	if t.Header.JWK != nil && (!t.Header.JWK.Valid() || !t.Header.JWK.IsPublic()) {
		return nil, fmt.Errorf("%w: header key is not a public key", ErrFormat)
	}
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return nil, fmt.Errorf("%w: payload is no object", ErrFormat)
	}
	return t, nil
}

// Check proves the token: typ must be one of types (compared without case and
// without "application/", RFC 7515 section 4.1.9), alg one of algs, and the
// signature must hold under key.
func (t *Token) Check(key any, types, algs []string) error {
	if !has(types, strings.TrimPrefix(strings.ToLower(t.Header.Type), "application/")) {
		return fmt.Errorf("%w: %q", ErrType, clip(t.Header.Type))
	}
	allowed := make([]jose.SignatureAlgorithm, 0, len(algs))
	for _, a := range algs {
		switch a {
		case ES256, EdDSA, RS256, PS256:
			allowed = append(allowed, jose.SignatureAlgorithm(a))
		}
	}
	if !has(algs, t.Header.Alg) {
		return fmt.Errorf("%w: %q", ErrAlgorithm, clip(t.Header.Alg))
	}
	if key == nil {
		return ErrKey
	}
	if k, ok := key.(*jose.JSONWebKey); ok {
		if k == nil || !k.Valid() || !k.IsPublic() {
			return ErrKey
		}
		key = k.Key
	}
	sig, err := jose.ParseSignedCompact(t.raw, allowed)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrFormat, clip(err.Error()))
	}
	if _, err := sig.Verify(key); err != nil {
		return ErrSignature
	}
	return nil
}

// Claims reads the payload into v; members twice are refused.
func (t *Token) Claims(v any) error {
	if err := json.Unmarshal(t.Payload, v); err != nil {
		return fmt.Errorf("%w: payload", ErrFormat)
	}
	return nil
}

// Verify is Parse, Check and Claims with a key that depends on the header.
func Verify(compact string, types, algs []string, key func(Header) (any, error), claims any) (*Token, error) {
	t, err := Parse(compact)
	if err != nil {
		return nil, err
	}
	k, err := key(t.Header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := t.Check(k, types, algs); err != nil {
		return nil, err
	}
	if claims != nil {
		if err := t.Claims(claims); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// In says whether now lies between nbf and exp (Unix seconds, zero means not
// given), both widened by skew.
func In(now time.Time, nbf, exp int64, skew time.Duration) error {
	if nbf != 0 && now.Add(skew).Unix() < nbf {
		return fmt.Errorf("%w: not yet valid", ErrTime)
	}
	if exp != 0 && now.Add(-skew).Unix() >= exp {
		return fmt.Errorf("%w: expired", ErrTime)
	}
	return nil
}

// Thumbprint is the RFC 7638 SHA-256 thumbprint of a public key, base64url.
func Thumbprint(public any) (string, error) {
	k, ok := public.(*jose.JSONWebKey)
	if !ok {
		k = &jose.JSONWebKey{Key: public}
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("jwt: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Audience is the aud claim: one string or several (RFC 7519 section 4.1.3).
type Audience []string

// UnmarshalJSON accepts both forms.
func (a *Audience) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*a = Audience{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("%w: aud", ErrFormat)
	}
	*a = many
	return nil
}

// Has says whether who is among the audience.
func (a Audience) Has(who string) bool { return has(a, who) }

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
