package fspiop_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"net/http"
	"testing"

	"sarai/rooms/payments/fspiop"
)

// FuzzParse holds the reader of JSON against the standard library's: what we take it
// takes too, with the same texts.
func FuzzParse(f *testing.F) {
	for _, s := range []string{transfer, `{}`, `[]`, `"\u00e9\ud83d\ude00"`, `-0.5e+10`, `{"a":{"b":[1,2,{"c":null}]}}`, "\"\x00\"", `{"a":1,"a":2}`, `01`, `1.`, ` true `, `[1,]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, fault := fspiop.Parse(data)
		if fault != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var other any
		if err := d.Decode(&other); err != nil {
			t.Fatalf("we take what encoding/json does not: %v", err)
		}
		same(t, v, other)
		v.Digest()
		for _, s := range []*fspiop.Schema{fspiop.TransferPost, fspiop.QuotePost, fspiop.PartyPut, fspiop.ErrorBody} {
			if f := s.Check(v); f != nil {
				_ = f.JSON()
			}
		}
	})
}

func same(t *testing.T, v *fspiop.Value, other any) {
	t.Helper()
	switch o := other.(type) {
	case nil:
		if v.Kind != fspiop.Null {
			t.Fatal("not null")
		}
	case string:
		if v.Kind != fspiop.String || v.Text != o {
			t.Fatalf("%q is %q to encoding/json", v.Text, o)
		}
	case json.Number:
		if v.Kind != fspiop.Number || v.Text != o.String() {
			t.Fatalf("%q is %q to encoding/json", v.Text, o)
		}
	case bool:
		if v.Kind != fspiop.Bool || (v.Text == "true") != o {
			t.Fatal("another boolean")
		}
	case []any:
		if v.Kind != fspiop.Array || len(v.Items) != len(o) {
			t.Fatal("another array")
		}
		for i := range o {
			same(t, &v.Items[i], o[i])
		}
	case map[string]any:
		if v.Kind != fspiop.Object || len(v.Members) != len(o) {
			t.Fatal("another object")
		}
		for name, value := range o {
			same(t, v.Get(name), value)
		}
	}
}

// FuzzAmount holds amounts against exact rational numbers.
func FuzzAmount(f *testing.F) {
	for _, s := range []string{"0", "1", "60.1234", "1e3", "-1", "922337203685477.5807", "0.0001", "1.10"} {
		f.Add(s, 4)
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, s string, scale int) {
		if scale < 0 || scale > 4 {
			return
		}
		n, err := fspiop.ParseAmount(s, scale)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q is no number", s)
		}
		got := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if got.Cmp(want) != 0 {
			t.Fatalf("%q with %d decimals is %d", s, scale, n)
		}
		if back := fspiop.FormatAmount(n, scale); back != s {
			t.Fatalf("%q is written %q", s, back)
		}
	})
}

// FuzzHead sees to it that no header brings the reader down, and that what is taken
// is of a version that is spoken.
func FuzzHead(f *testing.F) {
	f.Add("application/vnd.interoperability.transfers+json;version=1.1", "application/vnd.interoperability.transfers+json;version=1, */*", "Tue, 23 May 2017 21:12:31 GMT")
	f.Add("application/vnd.interoperability.transfers+json; charset=utf-8; version=2.0", "", "x")
	f.Fuzz(func(t *testing.T, content, accept, date string) {
		h := http.Header{"Content-Type": {content}, "Accept": {accept}, "Date": {date}, "Fspiop-Source": {"a"}}
		head, fault := fspiop.ReadHead(h, "POST", "transfers")
		if fault == nil && (head.Content.Major < 1 || head.Content.Major > 2 || head.Accept.Major < 1) {
			t.Fatalf("taken: %+v", head)
		}
	})
}

// FuzzVerify sees to it that no text passes for a signature.
func FuzzVerify(f *testing.F) {
	pair := signers(f)[fspiop.ES256]
	good, err := pair.Header(fspiop.Protected{URI: "/transfers", Method: "POST", Source: "a"}, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "{ }")
	f.Add(`{"signature":"","protectedHeader":""}`, "{}")
	f.Add(`{"signature":"AA","protectedHeader":"e30"}`, "{}")
	f.Fuzz(func(t *testing.T, signature, body string) {
		h := http.Header{"Fspiop-Source": {"a"}, "Fspiop-Signature": {signature}}
		if fspiop.Verify(h, "POST", "/transfers", []byte(body), pair.Key) == nil && body != "{}" {
			t.Fatal("another body has this signature")
		}
	})
}
