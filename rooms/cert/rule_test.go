package cert_test

import (
	"os"
	"strings"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/cert"
)

func TestRulesAreCheckedWithTheReason(t *testing.T) {
	good, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.ParseRules(good); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{"threshold: 10", "threshold: 1"}:                      "threshold",
		{"window: 5m", "window: 5"}:                            "window",
		{"window: 5m", "window: 48h"}:                          "window",
		{"severity: high", "severity: red"}:                    "severity",
		{"event: identity.signin.failed", "event: identity.*"}: "event",
		{"by: source", "by: \"\""}:                             "by is missing",
		{"id: signin-burst", "id: \"Sign in\""}:                "id",
		{"hours: 24", "hours: 0"}:                              "report",
		{"threshold: 10", "threshold: 10\n    treshold: 12"}:   "treshold",
		{"duty: incident-report", "duties: [incident-report]"}: "duties",
	} {
		text := strings.Replace(string(good), change[0], change[1], 1)
		if _, err := cert.ParseRules([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
}

func TestARuleWithoutWordsStopsTheStart(t *testing.T) {
	db := storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
	good, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	err = courttest.Ready(t, db, func(c *courtyard.Courtyard) error {
		_, err := cert.New(c, cert.Wants{Rules: []byte(strings.Replace(string(good), "signin-burst", "other", 1))})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "cert.rule.other") {
		t.Fatal(err)
	}
}

func FuzzParseRules(f *testing.F) {
	good, err := os.ReadFile("rules.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("rules: [{id: a, window: -1s}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := cert.ParseRules(b)
		if err == nil {
			for _, x := range r.Rules {
				if x.Threshold < 2 || x.Window <= 0 {
					t.Fatalf("%+v", x)
				}
			}
		}
	})
}
