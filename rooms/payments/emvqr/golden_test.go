package emvqr_test

import (
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarai/rooms/payments/emvqr"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

// vector is one line of testdata/vectors.json, which other programs read too
// (conformance/payments). Tags are what they must find.
type vector struct {
	Name    string            `json:"name"`
	Payload string            `json:"payload"`
	Tags    map[string]string `json:"tags"`
}

// TestGoldenVectors keeps the wire format still: a change of it must be meant.
func TestGoldenVectors(t *testing.T) {
	c := bakery()
	static, err := c.Encode()
	check(t, err)
	c.Dynamic, c.Amount, c.Additional = true, "1250.00", emvqr.Additional{Bill: "7K3M-Q2ZD-81VC", Terminal: "till-1"}
	dynamic, err := c.Encode()
	check(t, err)
	private := ed25519.NewKeyFromSeed(make([]byte, 32)) // a test key: signatures must not change from run to run
	signed, err := emvqr.Raast.Sign(c, emvqr.Terms{Expires: time.Unix(1795263300, 0), Key: "0F1E2D3C"}, func(b []byte) ([]byte, error) { return ed25519.Sign(private, b), nil })
	check(t, err)
	person, err := emvqr.P2P{IBAN: "PK33ABCD0000000000000000"}.Encode(karachi)
	check(t, err)
	asked, err := emvqr.P2P{IBAN: "PK33ABCD0000000000000000", Amount: "500", Expires: time.Date(2026, 12, 31, 23, 59, 0, 0, karachi)}.Encode(karachi)
	check(t, err)
	shop := map[string]string{"00": "01", "28.00": "PK.RAAST.P2M", "28.01": "PK36SARA0000001123456702", "28.02": "SARAPKKA", "52": "5462", "53": "586", "58": "PK", "59": "Shaheen Bakery", "60": "Islamabad", "64.00": "UR", "64.01": "شاہین بیکری", "64.02": "اسلام آباد"}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for k, v := range shop {
			all[k] = v
		}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	got := []vector{
		{"a merchant's static code", static, with(map[string]string{"01": "11"})},
		{"a merchant's dynamic code", dynamic, with(map[string]string{"01": "12", "54": "1250.00", "62.01": "7K3M-Q2ZD-81VC", "62.07": "till-1"})},
		{"a signed code", signed, with(map[string]string{"01": "12", "54": "1250.00", "80.00": "SARAI", "80.01": "1795263300", "80.02": "0F1E2D3C", "81.00": "SARAI"})},
		{"a person's code", person, map[string]string{"00": "02", "01": "11", "04": "PK33ABCD0000000000000000"}},
		{"a person asks for 500 rupees", asked, map[string]string{"01": "12", "05": "500", "07": "311220262359"}},
	}
	const file = "testdata/vectors.json"
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		check(t, err)
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, append(text, '\n'), 0o644))
	}
	text, err := os.ReadFile(file)
	check(t, err)
	var want []vector
	check(t, json.Unmarshal(text, &want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the wire format changed (-golden +now); if that is meant, run with -update:\n%s", diff)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
