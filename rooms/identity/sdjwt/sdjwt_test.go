package sdjwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/sdjwt"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

type scene struct {
	issuer, holder jwt.Signer
	credential     string
}

func setup(t testing.TB) scene {
	t.Helper()
	s := scene{issuer: signer(t), holder: signer(t)}
	var err error
	s.credential, err = sdjwt.Issue(s.issuer, sdjwt.Draft{
		Issuer: "https://id.example", Type: "https://id.example/vct/person", IssuedAt: now, Expires: now.Add(time.Hour),
		Holder: &jose.JSONWebKey{Key: s.holder.Key.Public(), KeyID: "wallet-7"},
		Status: &sdjwt.Status{Index: 77, URI: "https://id.example/status/1"},
		Open:   map[string]any{"issuing_country": "PK"},
		Hidden: map[string]any{
			"given_name": "عائشہ", "birthdate": "1996-03-23",
			"address":       sdjwt.Object{"locality": "Islamabad", "street_address": "House 7"},
			"nationalities": sdjwt.Elements{"PK", "GB"},
		},
		Decoys: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signer(t testing.TB) jwt.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jwt.Signer{Key: k, Alg: jwt.ES256}
}

func (s scene) verifier() sdjwt.Verifier {
	return sdjwt.Verifier{
		Algs: []string{jwt.ES256}, Now: now, Skew: 30 * time.Second,
		Key: func(jwt.Header, string) (any, error) { return s.issuer.Key.Public(), nil },
	}
}

func (s scene) bound() sdjwt.Verifier {
	v := s.verifier()
	v.Audience, v.Nonce = "x509_hash:abc", "n-1"
	return v
}

func (s scene) present(t testing.TB, show func(sdjwt.Disclosure) bool) string {
	t.Helper()
	p, err := sdjwt.Present(s.credential, sdjwt.Presentation{Show: show, Audience: "x509_hash:abc", Nonce: "n-1", At: now, Key: s.holder})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheHolderShowsOnlyWhatTheyChoose(t *testing.T) {
	s := setup(t)
	all, err := s.verifier().Verify(s.credential)
	if err != nil {
		t.Fatal(err)
	}
	if all.Claims["given_name"] != "عائشہ" || len(all.Shown) != 6 || all.Status.Index != 77 || all.Bound {
		t.Fatalf("the whole credential: %+v", all)
	}
	if all.Holder.KeyID != "" {
		t.Fatal("the wallet's key id went into the credential: one more thing to be recognised by")
	}

	part, err := s.bound().Verify(s.present(t, func(d sdjwt.Disclosure) bool {
		return d.Name == "given_name" || d.Name == "address" || d.Name == "locality" || d.Name == "nationalities" || d.Value == "PK"
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !part.Bound || part.Claims["birthdate"] != nil {
		t.Fatalf("more than was shown: %+v", part.Claims)
	}
	if a := part.Claims["address"].(map[string]any); len(a) != 1 || a["locality"] != "Islamabad" {
		t.Fatalf("the address: %v", a)
	}
	if n := part.Claims["nationalities"].([]any); len(n) != 1 || n[0] != "PK" {
		t.Fatalf("the list: %v", n)
	}
	for _, left := range []string{"_sd", "_sd_alg"} {
		if _, there := part.Claims[left]; there {
			t.Errorf("%s is left in the claims", left)
		}
	}
}

func TestNothingShownStillProvesTheIssuer(t *testing.T) {
	s := setup(t)
	c, err := s.bound().Verify(s.present(t, nil))
	if err != nil || c.Claims["issuing_country"] != "PK" || len(c.Shown) != 0 {
		t.Fatalf("%v %+v", err, c)
	}
}

func TestAForgeryIsRefusedForTheRightReason(t *testing.T) {
	s := setup(t)
	good := s.present(t, sdjwt.Names("given_name"))
	pieces := strings.Split(good, "~")
	b64 := base64.RawURLEncoding.EncodeToString
	other := signer(t)
	kb := func(claims map[string]any, typ string, key jwt.Signer) string {
		tok, err := key.Sign(typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return pieces[0] + "~" + pieces[1] + "~" + tok
	}
	hash := func() string {
		sum := sha256.Sum256([]byte(pieces[0] + "~" + pieces[1] + "~"))
		return b64(sum[:])
	}()
	claims := func(change string, v any) map[string]any {
		m := map[string]any{"iat": now.Unix(), "aud": "x509_hash:abc", "nonce": "n-1", "sd_hash": hash}
		if v == nil {
			delete(m, change)
		} else {
			m[change] = v
		}
		return m
	}
	foreign := b64([]byte(`["salt","given_name","Eve"]`))
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"no key binding":                   {pieces[0] + "~" + pieces[1] + "~", sdjwt.ErrBinding},
		"a disclosure added after signing": {pieces[0] + "~" + pieces[1] + "~" + strings.Split(s.credential, "~")[4] + "~" + pieces[2], sdjwt.ErrBinding},
		"a disclosure nobody signed":       {pieces[0] + "~" + foreign + "~" + pieces[2], sdjwt.ErrDisclosure},
		"a disclosure twice":               {pieces[0] + "~" + pieces[1] + "~" + pieces[1] + "~" + pieces[2], sdjwt.ErrDisclosure},
		"nested without its parent":        {s.present(t, func(d sdjwt.Disclosure) bool { return d.Name == "locality" }), sdjwt.ErrDisclosure},
		"another verifier":                 {kb(claims("aud", "https://evil.example"), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"audience without prefix":          {kb(claims("aud", "abc"), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"audience list":                    {kb(claims("aud", []string{"x509_hash:abc"}), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"another nonce":                    {kb(claims("nonce", "n-2"), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"no iat":                           {kb(claims("iat", nil), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"made an hour ago":                 {kb(claims("iat", now.Add(-time.Hour).Unix()), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"made in the future":               {kb(claims("iat", now.Add(time.Hour).Unix()), "kb+jwt", s.holder), sdjwt.ErrBinding},
		"another holder":                   {kb(claims("", nil), "kb+jwt", other), sdjwt.ErrBinding},
		"another type of token":            {kb(claims("", nil), "jwt", s.holder), sdjwt.ErrBinding},
		"no token at all":                  {"~", sdjwt.ErrFormat},
	} {
		if _, err := s.bound().Verify(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := s.bound().Verify(kb(claims("", nil), "kb+jwt", s.holder)); err != nil {
		t.Fatalf("the control of this test: %v", err)
	}
	v := s.bound()
	v.Key = func(jwt.Header, string) (any, error) { return other.Key.Public(), nil }
	if _, err := v.Verify(good); !errors.Is(err, jwt.ErrSignature) {
		t.Errorf("another issuer's key: %v", err)
	}
	v = s.bound()
	v.Now = now.Add(2 * time.Hour)
	if _, err := v.Verify(good); !errors.Is(err, jwt.ErrTime) {
		t.Errorf("expired: %v", err)
	}
	v = s.bound()
	v.Types = []string{"https://id.example/vct/domicile"}
	if _, err := v.Verify(good); !errors.Is(err, sdjwt.ErrClaims) {
		t.Errorf("another type of credential: %v", err)
	}
}

// signed makes an issuer token with a payload of the test's choice.
func signed(t *testing.T, s scene, payload map[string]any, disclosures ...string) string {
	t.Helper()
	payload["iss"], payload["vct"] = "https://id.example", "t"
	tok, err := s.issuer.Sign(sdjwt.Type, payload)
	if err != nil {
		t.Fatal(err)
	}
	return tok + "~" + strings.Join(append(disclosures, ""), "~")
}

func disclosure(parts ...any) (encoded, digest string) {
	b, _ := json.Marshal(parts)
	encoded = base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(encoded))
	return encoded, base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestEvenASignedCredentialMustKeepTheRules(t *testing.T) {
	s := setup(t)
	name, nameD := disclosure("s", "given_name", "A")
	status, statusD := disclosure("s", "status", map[string]any{})
	sd, sdD := disclosure("s", "_sd", []string{})
	element, elementD := disclosure("s", "PK")
	inner, innerD := disclosure("s", "x", 1)
	outer, outerD := disclosure("s", "o", map[string]any{"_sd": []string{innerD}})
	for label, c := range map[string]struct {
		token string
		ok    bool
	}{
		"digest twice":                      {signed(t, s, map[string]any{"_sd": []string{nameD, nameD}}, name), false},
		"replaces a claim":                  {signed(t, s, map[string]any{"_sd": []string{nameD}, "given_name": "B"}, name), false},
		"hides the status":                  {signed(t, s, map[string]any{"_sd": []string{statusD}}, status), false},
		"discloses digests":                 {signed(t, s, map[string]any{"_sd": []string{sdD}}, sd), false},
		"element among members":             {signed(t, s, map[string]any{"_sd": []string{elementD}}, element), false},
		"member among elements":             {signed(t, s, map[string]any{"l": []any{map[string]any{"...": nameD}}}, name), false},
		"list marker with company":          {signed(t, s, map[string]any{"l": []any{map[string]any{"...": elementD, "x": 1}}}, element), false},
		"another hash":                      {signed(t, s, map[string]any{"_sd": []string{nameD}, "_sd_alg": "md5"}, name), false},
		"digests are no texts":              {signed(t, s, map[string]any{"_sd": []int{1}}), false},
		"no _sd_alg means sha-256":          {signed(t, s, map[string]any{"_sd": []string{nameD}}, name), true},
		"nested disclosures":                {signed(t, s, map[string]any{"_sd": []string{outerD}}, inner, outer), true},
		"an element":                        {signed(t, s, map[string]any{"l": []any{map[string]any{"...": elementD}}}, element), true},
		"status without a list":             {signed(t, s, map[string]any{"status": map[string]any{}}), false},
		"negative index":                    {signed(t, s, map[string]any{"status": map[string]any{"status_list": map[string]any{"idx": -1, "uri": "u"}}}), false},
		"a time that is text":               {signed(t, s, map[string]any{"exp": "soon"}), false},
		"an untold digest is simply hidden": {signed(t, s, map[string]any{"_sd": []string{nameD}}), true},
	} {
		if _, err := s.verifier().Verify(c.token); (err == nil) != c.ok {
			t.Errorf("%s: %v", label, err)
		}
	}
}

func TestWhatMayNotBeHiddenCannotBeIssued(t *testing.T) {
	s := setup(t)
	for _, name := range []string{"iss", "vct", "cnf", "status", "exp", "nbf", "_sd", "..."} {
		d := sdjwt.Draft{Issuer: "i", Type: "t", Hidden: map[string]any{name: "x"}}
		if _, err := sdjwt.Issue(s.issuer, d); err == nil {
			t.Errorf("%s could be hidden", name)
		}
	}
	if _, err := sdjwt.Issue(s.issuer, sdjwt.Draft{Issuer: "i", Type: "t", Holder: &jose.JSONWebKey{Key: s.holder.Key}}); err == nil {
		t.Error("a private key went into a credential")
	}
}

func TestTwoCredentialsOfOnePersonShareNoDigest(t *testing.T) {
	digests := func() []string {
		p, err := sdjwt.Parse(setup(t).credential)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			SD []string `json:"_sd"`
		}
		if err := p.Issuer.Claims(&c); err != nil {
			t.Fatal(err)
		}
		return c.SD
	}
	a, b := digests(), digests()
	if len(a) != 4+3 || !slices.IsSorted(a) {
		t.Fatalf("four claims and three decoys in sorted order: %v", a)
	}
	for _, x := range a {
		if slices.Contains(b, x) {
			t.Fatal("linkable by a digest")
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := setup(f)
	f.Add(s.credential)
	f.Add(s.present(f, sdjwt.Names("address", "locality")))
	f.Add("e30.e30.e30~~")
	f.Add("~~~")
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := sdjwt.Parse(in); err == nil && p.String() != in {
			t.Fatalf("parsing loses something: %q", in)
		}
		_, _ = s.verifier().Verify(in)
		_, _ = s.bound().Verify(in)
	})
}

func BenchmarkIssue(b *testing.B) {
	s := setup(b)
	for b.Loop() {
		if _, err := sdjwt.Issue(s.issuer, sdjwt.Draft{Issuer: "i", Type: "t", Hidden: map[string]any{"a": 1, "b": 2, "c": 3}}); err != nil {
			b.Fatal(err)
		}
	}
}
