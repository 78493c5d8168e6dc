package jwt_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/rooms/identity/jwt"
)

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestATokenIsProvedOnlyByItsOwnKeyTypeAndAlgorithm(t *testing.T) {
	k := key(t)
	compact, err := jwt.Signer{Key: k, Alg: jwt.ES256, KeyID: "one"}.Sign("kb+jwt", map[string]any{"aud": "x"})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := jwt.Parse(compact)
	if err != nil {
		t.Fatal(err)
	}
	es := []string{jwt.ES256}
	if err := tok.Check(k.Public(), []string{"kb+jwt"}, es); err != nil {
		t.Fatalf("a good token was refused: %v", err)
	}
	for name, c := range map[string]struct {
		key   any
		types []string
		algs  []string
		want  error
	}{
		"another key":        {key(t).Public(), []string{"kb+jwt"}, es, jwt.ErrSignature},
		"another type":       {k.Public(), []string{"dc+sd-jwt"}, es, jwt.ErrType},
		"another algorithm":  {k.Public(), []string{"kb+jwt"}, []string{jwt.EdDSA}, jwt.ErrAlgorithm},
		"no key":             {nil, []string{"kb+jwt"}, es, jwt.ErrKey},
		"private key given":  {&jose.JSONWebKey{Key: k}, []string{"kb+jwt"}, es, jwt.ErrKey},
		"no algorithm named": {k.Public(), []string{"kb+jwt"}, nil, jwt.ErrAlgorithm},
	} {
		if err := tok.Check(c.key, c.types, c.algs); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestEveryAlgorithmOfOursSignsAndVerifies(t *testing.T) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, s := range []jwt.Signer{{Key: key(t), Alg: jwt.ES256}, {Key: ed, Alg: jwt.EdDSA}, {Key: rs, Alg: jwt.RS256}, {Key: rs, Alg: jwt.PS256}} {
		compact, err := s.Sign("", map[string]any{"sub": "x"})
		if err != nil {
			t.Fatalf("%s: %v", s.Alg, err)
		}
		var claims struct {
			Sub string `json:"sub"`
		}
		if _, err := jwt.Verify(compact, []string{""}, []string{s.Alg}, func(jwt.Header) (any, error) { return s.Key.Public(), nil }, &claims); err != nil || claims.Sub != "x" {
			t.Fatalf("%s: %v %+v", s.Alg, err, claims)
		}
	}
}

func TestNoneAndSymmetricAlgorithmsCannotBeNamed(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	for _, alg := range []string{"none", "HS256"} {
		tok, err := jwt.Parse(enc([]byte(`{"alg":"`+alg+`"}`)) + "." + enc([]byte(`{}`)) + "." + enc([]byte("sig")))
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Check([]byte("secret"), []string{""}, []string{alg}); err == nil {
			t.Fatalf("%s was accepted", alg)
		}
	}
}

func TestAmbiguousTokensAreRefused(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	sig := "." + enc([]byte("sig"))
	for name, s := range map[string]string{
		"member twice in header": enc([]byte(`{"alg":"ES256","alg":"none"}`)) + "." + enc([]byte(`{}`)) + sig,
		"critical extension":     enc([]byte(`{"alg":"ES256","crit":["b64"]}`)) + "." + enc([]byte(`{}`)) + sig,
		"array payload":          enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`[]`)) + sig,
		"two parts":              enc([]byte(`{"alg":"ES256"}`)) + sig,
		"too long":               strings.Repeat("a", jwt.MaxSize+1),
		"padding":                enc([]byte(`{"alg":"ES256"}`)) + "=." + enc([]byte(`{}`)) + sig,
	} {
		if _, err := jwt.Parse(s); !errors.Is(err, jwt.ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTimesAreWidenedBySkewOnly(t *testing.T) {
	now := time.Unix(1000, 0)
	if jwt.In(now, 1005, 0, 5*time.Second) != nil || jwt.In(now, 1006, 0, 5*time.Second) == nil {
		t.Error("not before")
	}
	if jwt.In(now, 0, 996, 5*time.Second) != nil || jwt.In(now, 0, 995, 5*time.Second) == nil {
		t.Error("expiry")
	}
}

func FuzzParse(f *testing.F) {
	compact, _ := jwt.Signer{Key: key(f), Alg: jwt.ES256}.Sign("x", map[string]any{"a": 1})
	f.Add(compact)
	f.Add("..")
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := jwt.Parse(s)
		if err != nil {
			return
		}
		_ = tok.Check(&ecdsa.PublicKey{}, []string{"x"}, nil)
	})
}
