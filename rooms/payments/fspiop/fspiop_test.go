package fspiop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"crypto"

	"sarai/rooms/payments/fspiop"
)

func TestAmountsAreReadAsTextAndNeverRounded(t *testing.T) {
	for _, c := range []struct {
		text  string
		scale int
		units int64
		err   error
	}{
		{"0", 2, 0, nil}, {"5", 2, 500, nil}, {"5.1", 2, 510, nil}, {"60.1234", 4, 601234, nil}, {"0.0001", 4, 1, nil},
		{"999999999999999999", 0, 999999999999999999, nil}, {"922337203685477.5807", 4, 9223372036854775807, nil},
		{"922337203685477.5808", 4, 0, fspiop.ErrRange}, {"999999999999999999", 4, 0, fspiop.ErrRange},
		{"60.1234", 2, 0, fspiop.ErrDecimals}, {"1.5", 0, 0, fspiop.ErrDecimals},
	} {
		if n, err := fspiop.ParseAmount(c.text, c.scale); n != c.units || err != c.err { //nolint:errorlint // these are the package's own, not wrapped
			t.Errorf("%s with %d decimals: %d %v, want %d %v", c.text, c.scale, n, err, c.units, c.err)
		}
		if c.err == nil && fspiop.FormatAmount(c.units, c.scale) != c.text {
			t.Errorf("%d with %d decimals is written %q, want %q", c.units, c.scale, fspiop.FormatAmount(c.units, c.scale), c.text)
		}
	}
	for _, s := range []string{"", "1e3", "+5", "-1", "00", "01", "1.", ".5", "1.0", "1.10", "1.00001", "1,5", "۵", " 1", "1 ", "0x1", "1_000", "NaN", "1000000000000000000", "1.2.3"} {
		if fspiop.IsAmount(s) {
			t.Errorf("%q is taken as an amount", s)
		}
	}
	if got := fspiop.FormatAmount(-12500, 4); got != "-1.25" {
		t.Errorf("a negative position is written %q", got)
	}
	if got := fspiop.FormatAmount(-1<<63, 4); got != "-922337203685477.5808" {
		t.Errorf("the least position is written %q", got)
	}
}

func TestAFulfilmentOpensItsConditionOnly(t *testing.T) {
	condition, fulfilment := fspiop.Condition([32]byte{7})
	if !fspiop.Fulfils(fulfilment, condition) {
		t.Error("the fulfilment does not open its condition")
	}
	_, other := fspiop.Condition([32]byte{8})
	for _, no := range []string{other, condition, "", fulfilment + "=", fulfilment[:42]} {
		if fspiop.Fulfils(no, condition) {
			t.Errorf("%q opens the condition", no)
		}
	}
	// A pair of the public test collections.
	if !fspiop.Fulfils("UNlJ98hZTY_dsw0cAqw4i_UN3v4utt7CZFB4yfLbVFA", "GRzLaTP7DJ9t4P-a_BA0WA9wzzlsugf00-Tn6kESAfM") {
		t.Error("a public pair does not fit")
	}
}

func TestVersionsAreNegotiated(t *testing.T) {
	good := func() http.Header {
		h := http.Header{}
		h.Set("Content-Type", "application/vnd.interoperability.transfers+json;version=1.1")
		h.Set("Accept", "application/vnd.interoperability.transfers+json;version=1")
		h.Set("Date", "Tue, 23 May 2017 21:12:31 GMT")
		h.Set("FSPIOP-Source", "bank")
		return h
	}
	head, f := fspiop.ReadHead(good(), "POST", "transfers")
	if f != nil || head.Source != "bank" || head.Content != (fspiop.Version{1, 1}) || head.Accept != (fspiop.Version{1, 1}) {
		t.Fatalf("read %+v, %v", head, f)
	}
	for _, c := range []struct {
		name, value string
		code        fspiop.Code
		status      int
	}{
		{"Accept", "application/vnd.interoperability.transfers+json;version=9.9", fspiop.CodeVersion, 406},
		{"Content-Type", "application/vnd.interoperability.transfers+json;version=1.5", fspiop.CodeVersion, 406},
		{"Accept", "", fspiop.CodeMissing, 400}, {"Accept", "application/json", fspiop.CodeSyntax, 400},
		{"Content-Type", "", fspiop.CodeMissing, 400}, {"Content-Type", "application/json", fspiop.CodeSyntax, 400},
		{"Content-Type", "application/vnd.interoperability.quotes+json;version=1.1", fspiop.CodeSyntax, 400},
		{"Content-Type", "application/vnd.interoperability.transfers+xml;version=1.1", fspiop.CodeSyntax, 400},
		{"Date", "", fspiop.CodeMissing, 400}, {"Date", "yesterday", fspiop.CodeSyntax, 400},
		{"FSPIOP-Source", "", fspiop.CodeMissing, 400}, {"FSPIOP-Source", strings.Repeat("x", 33), fspiop.CodeSyntax, 400},
	} {
		h := good()
		h.Del(c.name)
		if c.value != "" {
			h.Set(c.name, c.value)
		}
		if _, f := fspiop.ReadHead(h, "POST", "transfers"); f == nil || f.Code != c.code || f.HTTP() != c.status {
			t.Errorf("%s: %q gives %v, want %s", c.name, c.value, f, c.code)
		}
	}
	h := good()
	h.Del("Accept")
	if _, f := fspiop.ReadHead(h, "PUT", "transfers"); f != nil {
		t.Errorf("a callback without Accept: %v", f)
	}
}

const transfer = `{"transferId":"b51ec534-ee48-4575-b6a9-ead2955b8069","payerFsp":"green","payeeFsp":"blue","amount":{"amount":"60.1234","currency":"PKR"},"ilpPacket":"AYIBgQ",
	"condition":"GRzLaTP7DJ9t4P-a_BA0WA9wzzlsugf00-Tn6kESAfM","expiration":"2026-11-21T20:00:00.000Z","extensionList":{"extension":[{"key":"a","value":"b"}]}}`

func TestAMessageIsHeldAgainstItsSchema(t *testing.T) {
	v, f := fspiop.Parse([]byte(transfer))
	if f == nil {
		f = fspiop.TransferPost.Check(v)
	}
	if f != nil {
		t.Fatal(f)
	}
	for _, c := range []struct {
		old, new string
		code     fspiop.Code
		says     string
	}{
		{`"payerFsp":"green",`, ``, fspiop.CodeMissing, "must have required property 'payerFsp'"},
		{`"60.1234"`, `60.1234`, fspiop.CodeSyntax, "/requestBody/amount/amount must be string"},
		{`"60.1234"`, `"60.10"`, fspiop.CodeValidation, "/requestBody/amount/amount"},
		{`"PKR"`, `"RUPEES"`, fspiop.CodeValidation, "/requestBody/amount/currency"},
		{`b51ec534`, `B51EC534`, fspiop.CodeValidation, "/requestBody/transferId"},
		{`20:00:00.000Z`, `20:00:00Z`, fspiop.CodeValidation, "/requestBody/expiration"},
		{`{"key":"a","value":"b"}`, ``, fspiop.CodeValidation, "fewer than 1 items"},
		{`{"key":"a","value":"b"}`, strings.Repeat(`{"key":"a","value":"b"},`, 16) + `{"key":"a","value":"b"}`, fspiop.CodeTooMany, "more than 16"},
		{`"payeeFsp":"blue"`, `"payeeFsp":"blue","payeeFsp":"red"`, fspiop.CodeSyntax, "twice"},
		{`"blue"`, "\"bl\xffue\"", fspiop.CodeSyntax, "UTF-8"},
		{`"blue"`, `"bl\ud800ue"`, fspiop.CodeSyntax, "no character"},
		{`"blue"`, `nul`, fspiop.CodeSyntax, "no JSON value"},
		{`"blue"`, strings.Repeat("[", 40) + strings.Repeat("]", 40), fspiop.CodeSyntax, "deeply"},
	} {
		text := strings.Replace(transfer, c.old, c.new, 1)
		v, f := fspiop.Parse([]byte(text))
		if f == nil {
			f = fspiop.TransferPost.Check(v)
		}
		if f == nil || f.Code != c.code || !strings.Contains(f.Error(), c.says) {
			t.Errorf("%s -> %s: %v, want %s %q", c.old, c.new, f, c.code, c.says)
		}
	}
}

func TestTheSameMessageHasOneDigest(t *testing.T) {
	digest := func(s string) [32]byte {
		v, f := fspiop.Parse([]byte(s))
		if f != nil {
			t.Fatal(f)
		}
		return v.Digest()
	}
	if digest(`{"a":"1","b":[{"c":null}]}`) != digest("{ \"b\": [ {\"c\":null} ],\n\"a\":\"\\u0031\" }") {
		t.Error("order and spaces count")
	}
	if digest(`{"a":"1"}`) == digest(`{"a":1}`) || digest(`["a","b"]`) == digest(`["ab",""]`) {
		t.Error("different messages have one digest")
	}
}

// signers are an RSA and a P-256 key, each with its public half.
func signers(t testing.TB) map[string]struct {
	fspiop.Signer
	fspiop.Key
} {
	t.Helper()
	out := map[string]struct {
		fspiop.Signer
		fspiop.Key
	}{}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, pub := range map[string]any{fspiop.RS256: rsaKey.Public(), fspiop.ES256: ecKey.Public()} {
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		key, err := fspiop.ParseKey(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		if err != nil {
			t.Fatal(err)
		}
		s := fspiop.Signer{Alg: alg, Sign: func(input []byte) ([]byte, error) {
			sum := sha256.Sum256(input)
			if alg == fspiop.RS256 {
				return rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum[:])
			}
			r, s, err := ecdsa.Sign(rand.Reader, ecKey, sum[:])
			out := make([]byte, 64)
			r.FillBytes(out[:32])
			s.FillBytes(out[32:])
			return out, err
		}}
		out[alg] = struct {
			fspiop.Signer
			fspiop.Key
		}{s, key}
	}
	return out
}

func TestASignatureProtectsBodyAndHeaders(t *testing.T) {
	pairs := signers(t)
	body := []byte(transfer)
	for alg, pair := range pairs {
		t.Run(alg, func(t *testing.T) {
			p := fspiop.Protected{URI: "/transfers", Method: "POST", Source: "green", Destination: "blue", Date: "Tue, 23 May 2017 21:12:31 GMT"}
			value, err := pair.Header(p, body)
			if err != nil {
				t.Fatal(err)
			}
			head := func() http.Header {
				h := http.Header{}
				h.Set("FSPIOP-Source", "green")
				h.Set("FSPIOP-Destination", "blue")
				h.Set("Date", p.Date)
				h.Set("FSPIOP-Signature", value)
				return h
			}
			if f := fspiop.Verify(head(), "POST", "/transfers", body, pair.Key); f != nil {
				t.Fatal(f)
			}
			for name, spoil := range map[string]func(h http.Header) (string, string, []byte, fspiop.Key){
				"body": func(http.Header) (string, string, []byte, fspiop.Key) {
					return "POST", "/transfers", append([]byte(" "), body...), pair.Key
				},
				"method": func(http.Header) (string, string, []byte, fspiop.Key) { return "PUT", "/transfers", body, pair.Key },
				"path":   func(http.Header) (string, string, []byte, fspiop.Key) { return "POST", "/quotes", body, pair.Key },
				"source": func(h http.Header) (string, string, []byte, fspiop.Key) {
					h.Set("FSPIOP-Source", "red")
					return "POST", "/transfers", body, pair.Key
				},
				"destination": func(h http.Header) (string, string, []byte, fspiop.Key) {
					h.Del("FSPIOP-Destination")
					return "POST", "/transfers", body, pair.Key
				},
				"date": func(h http.Header) (string, string, []byte, fspiop.Key) {
					h.Set("Date", "Tue, 23 May 2017 21:12:32 GMT")
					return "POST", "/transfers", body, pair.Key
				},
				"uri": func(h http.Header) (string, string, []byte, fspiop.Key) {
					h.Set("FSPIOP-URI", "/x")
					return "POST", "/transfers", body, pair.Key
				},
				"none": func(h http.Header) (string, string, []byte, fspiop.Key) {
					h.Del("FSPIOP-Signature")
					return "POST", "/transfers", body, pair.Key
				},
				"another key": func(http.Header) (string, string, []byte, fspiop.Key) {
					for other, p := range pairs {
						if other != alg {
							return "POST", "/transfers", body, p.Key
						}
					}
					return "", "", nil, fspiop.Key{}
				},
			} {
				h := head()
				method, path, b, key := spoil(h)
				if fspiop.Verify(h, method, path, b, key) == nil {
					t.Errorf("a changed %s is not noticed", name)
				}
			}
			// Algorithms that are not the key's, and none at all.
			for _, other := range []string{"none", "HS256", "PS256", "RS512", ""} {
				var outer map[string]string
				if err := json.Unmarshal([]byte(value), &outer); err != nil {
					t.Fatal(err)
				}
				protected, _ := base64.RawURLEncoding.DecodeString(outer["protectedHeader"])
				outer["protectedHeader"] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(protected), alg, other, 1)))
				spoilt, _ := json.Marshal(outer)
				h := head()
				h.Set("FSPIOP-Signature", string(spoilt))
				if fspiop.Verify(h, "POST", "/transfers", body, pair.Key) == nil {
					t.Errorf("algorithm %q is taken", other)
				}
			}
		})
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := fspiop.NewKey(small.Public()); err == nil {
			t.Error("an RSA key of 1,024 bits is taken")
		}
	}
}

func TestTimesAndIDs(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 0, 0, 123e6, time.UTC)
	if got, ok := fspiop.ParseTime(fspiop.FormatTime(at)); !ok || !got.Equal(at) {
		t.Errorf("a time comes back as %v", got)
	}
	for _, s := range []string{"2016-05-24T08:38:08Z", "2016-05-24T08:38:08.69Z", "2016-02-30T08:38:08.699Z", "2016-05-24 08:38:08.699Z", "2016-05-24T08:38:08.699", "2016-05-24T24:38:08.699Z"} {
		if _, ok := fspiop.ParseTime(s); ok {
			t.Errorf("%q is taken as a time", s)
		}
	}
	for s, want := range map[string]bool{"b51ec534-ee48-4575-b6a9-ead2955b8069": true, "01JCQ5ZV5Y3TQ0D8Q1C5A7H9KM": true, "b51ec534-ee48-9575-b6a9-ead2955b8069": false, "b51ec534-ee48-4575-c6a9-ead2955b8069": false,
		"b51ec534ee484575b6a9ead2955b8069": false, "": false, "81JCQ5ZV5Y3TQ0D8Q1C5A7H9KM": false} {
		if fspiop.IsID(s) != want {
			t.Errorf("IsID(%q) is %v", s, !want)
		}
	}
}
