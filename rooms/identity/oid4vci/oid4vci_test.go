package oid4vci_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestAnOfferSurvivesTheDeepLink(t *testing.T) {
	o := oid4vci.Offer{Issuer: "https://id.example", Configurations: []string{"PersonIdentification"}, Grants: oid4vci.Grants{
		PreAuthorized: &oid4vci.PreAuthorized{Code: "a+b/c=&", TxCode: &oid4vci.TxCode{Mode: "numeric", Length: 6}},
	}}
	link, err := o.ByValue()
	if err != nil {
		t.Fatal(err)
	}
	got, address, err := oid4vci.ParseLink(link)
	if err != nil || address != "" || !cmp.Equal(*got, o) {
		t.Fatalf("%v %s %s", err, address, cmp.Diff(got, &o))
	}
	_, address, err = oid4vci.ParseLink(oid4vci.ByReference("https://id.example/credentials/offer/7?x=1"))
	if err != nil || address != "https://id.example/credentials/offer/7?x=1" {
		t.Fatal(err, address)
	}
	for _, bad := range []string{
		"openid-credential-offer://", "openid-credential-offer://?credential_offer=%7B%7D", "openid-credential-offer://?credential_offer_uri=file:///etc/passwd",
		"openid-credential-offer://?credential_offer_uri=https://a.example&credential_offer=%7B%7D",
		"openid-credential-offer://?credential_offer=" + `{"credential_issuer":"https://a.example","credential_configuration_ids":["a","a"]}`,
	} {
		if _, _, err := oid4vci.ParseLink(bad); !errors.Is(err, oid4vci.ErrMessage) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestMetadataIsLookedForInBothPlaces(t *testing.T) {
	for issuer, want := range map[string][]string{
		"https://id.example":    {"https://id.example/.well-known/openid-credential-issuer"},
		"https://id.example/pk": {"https://id.example/.well-known/openid-credential-issuer/pk", "https://id.example/pk/.well-known/openid-credential-issuer"},
	} {
		if got, err := oid4vci.MetadataURLs(issuer); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v %v", issuer, got, err)
		}
	}
	if _, err := oid4vci.ParseMetadata([]byte(`{"credential_issuer":"https://evil.example","credential_endpoint":"x","credential_configurations_supported":{"a":{}}}`), "https://id.example"); err == nil {
		t.Error("metadata of another issuer was believed")
	}
}

func TestEachMistakeHasTheStandardsOwnCode(t *testing.T) {
	for body, want := range map[string]string{
		`{`:                        oid4vci.InvalidRequest,
		`{"proofs":{"jwt":["a"]}}`: oid4vci.InvalidRequest,
		`{"credential_configuration_id":"a","credential_identifier":"b","proofs":{"jwt":["a"]}}`:         oid4vci.InvalidRequest,
		`{"credential_configuration_id":"a"}`:                                                            oid4vci.InvalidProof,
		`{"credential_configuration_id":"a","proofs":{"jwt":[]}}`:                                        oid4vci.InvalidProof,
		`{"credential_configuration_id":"a","proofs":{"attestation":["x"]}}`:                             oid4vci.InvalidProof,
		`{"credential_configuration_id":"a","proofs":{"jwt":["x"],"di_vp":[]}}`:                          oid4vci.InvalidRequest,
		`{"credential_configuration_id":"a","proofs":{"jwt":["x","y","z"]}}`:                             oid4vci.InvalidRequest,
		`{"credential_configuration_id":"a","proof":{"proof_type":"jwt","jwt":"x"}}`:                     oid4vci.InvalidRequest,
		`{"credential_configuration_id":"a","proofs":{"jwt":["x"]},"credential_response_encryption":{}}`: oid4vci.InvalidEncryption,
		`{"credential_configuration_id":"a","proofs":{"jwt":["` + strings.Repeat("x", 1<<19) + `"]}}`:    oid4vci.InvalidRequest,
	} {
		_, err := oid4vci.ParseRequest([]byte(body), 2)
		var e *oid4vci.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%.90s: %v, want %s", body, err, want)
		}
	}
	if r, err := oid4vci.ParseRequest([]byte(`{"credential_configuration_id":"a","proofs":{"jwt":["x","y"]}}`), 2); err != nil || len(r.Proofs["jwt"]) != 2 {
		t.Fatal(err)
	}
}

func TestAProofIsForThisIssuerNowAndByItsOwnKey(t *testing.T) {
	_, priv, _ := ed25519.GenerateKey(rand.Reader)
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	s := jwt.Signer{Key: priv, Alg: jwt.EdDSA}
	check := oid4vci.ProofCheck{Issuer: "https://id.example", Algs: []string{jwt.ES256, jwt.EdDSA}, Now: now}
	good, err := oid4vci.Proof(s, "https://id.example", "n", now)
	if err != nil {
		t.Fatal(err)
	}
	key, nonce, err := check.Prove(good)
	if err != nil || nonce != "n" || !key.Valid() {
		t.Fatal(err, nonce)
	}
	make := func(change func(*jwt.Signer, map[string]any)) string {
		k := s
		k.JWK = &jose.JSONWebKey{Key: priv.Public()}
		claims := map[string]any{"aud": "https://id.example", "iat": now.Unix(), "nonce": "n"}
		change(&k, claims)
		typ := oid4vci.ProofTokenType
		if claims["typ"] != nil {
			typ = "JWT"
		}
		p, err := k.Sign(typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		proof, code string
	}{
		"another issuer":  {make(func(_ *jwt.Signer, m map[string]any) { m["aud"] = "https://other.example" }), oid4vci.InvalidProof},
		"two issuers":     {make(func(_ *jwt.Signer, m map[string]any) { m["aud"] = []string{"https://id.example", "x"} }), oid4vci.InvalidProof},
		"yesterday":       {make(func(_ *jwt.Signer, m map[string]any) { m["iat"] = now.Add(-24 * time.Hour).Unix() }), oid4vci.InvalidProof},
		"tomorrow":        {make(func(_ *jwt.Signer, m map[string]any) { m["iat"] = now.Add(24 * time.Hour).Unix() }), oid4vci.InvalidProof},
		"no nonce":        {make(func(_ *jwt.Signer, m map[string]any) { delete(m, "nonce") }), oid4vci.InvalidNonce},
		"a client's name": {make(func(_ *jwt.Signer, m map[string]any) { m["iss"] = "me" }), oid4vci.InvalidProof},
		"another type":    {make(func(_ *jwt.Signer, m map[string]any) { m["typ"] = "JWT" }), oid4vci.InvalidProof},
		"another's key":   {make(func(k *jwt.Signer, _ map[string]any) { k.JWK = &jose.JSONWebKey{Key: other.Public()} }), oid4vci.InvalidProof},
		"no key":          {make(func(k *jwt.Signer, _ map[string]any) { k.JWK = nil }), oid4vci.InvalidProof},
		"two keys":        {make(func(k *jwt.Signer, _ map[string]any) { k.KeyID = "did:x" }), oid4vci.InvalidProof},
		"no token":        {"x", oid4vci.InvalidProof},
	} {
		_, _, err := check.Prove(c.proof)
		var e *oid4vci.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://a.example%22%7D`)
	f.Add(`{"credential_configuration_id":"a","proofs":{"jwt":["x"]}}`)
	f.Fuzz(func(_ *testing.T, s string) {
		_, _, _ = oid4vci.ParseLink(s)
		_, _ = oid4vci.ParseOffer([]byte(s))
		_, _ = oid4vci.ParseRequest([]byte(s), 10)
		_, _ = oid4vci.ParseMetadata([]byte(s), "https://a.example")
		_, _, _ = oid4vci.ProofCheck{Issuer: "x", Algs: []string{jwt.ES256}, Now: now}.Prove(s)
	})
}
