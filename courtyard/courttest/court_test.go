package courttest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
	"sarai/courtyard/web"
)

// An empty courtyard already has pages, a log, an interface and a gate.
func TestAnEmptyCourtyardServes(t *testing.T) {
	courttest.Each(t, nil, func(t *testing.T, court *courttest.Court) {
		for _, c := range []struct{ path, lang, want string }{
			{"/style", "en", `dir="ltr"`}, {"/style", "ur", `dir="rtl"`}, {"/api/openapi.json", "en", `"openapi":"3.1.0"`},
		} {
			body, status := get(t, court.Browser(), court.URL+c.path, c.lang)
			if status != http.StatusOK || !strings.Contains(body, c.want) {
				t.Errorf("%s in %s: %d, without %q", c.path, c.lang, status, c.want)
			}
		}
	})
}

// What happened is in the public log, and its receipt holds without us.
func TestAnEventHasAReceipt(t *testing.T) {
	courttest.Each(t, nil, func(t *testing.T, court *courttest.Court) {
		ctx := context.Background()
		var event string
		if err := court.DB.Update(ctx, func(tx *store.Tx) error {
			event = tx.Emit(store.Event{Type: "courttest.stone.laid", Subject: "courttest/stone/1", Actor: "system/mason"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		receipt, err := court.Log.Receipt(ctx, event)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := tlog.Verify(receipt, court.Log.VerifierKey())
		if err != nil || proof.Event.Type != "courttest.stone.laid" {
			t.Fatalf("%+v %v", proof, err)
		}
	})
}

// A route without a policy stops the start, and the error says which route.
func TestNoPolicyNoStart(t *testing.T) {
	for _, c := range []struct{ story, policy, schema, action, want string }{
		{"an action nobody declared", "", "", "shed.open", "GET /shed"},
		{"an action without a policy", "", `action "shed.open" appliesTo { principal: [Anonymous], resource: House };`, "shed.open", "shed.open"},
		{"no action at all", "", "", "", "GET /shed"},
	} {
		t.Run(c.story, func(t *testing.T) {
			err := openShed(t, c.policy, c.schema, c.action)
			if err == nil {
				t.Fatal("the program started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Fatalf("the error does not name %q:\n%v", c.want, err)
			}
		})
	}
	if err := openShed(t, `@id("shed.open") @reason("gate.refused") permit (principal, action == Action::"shed.open", resource);`,
		`action "shed.open" appliesTo { principal: [Anonymous], resource: House };`, "shed.open"); err != nil {
		t.Fatalf("with a policy it starts: %v", err)
	}
}

func openShed(t *testing.T, policy, schema, action string) error {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{URL: storetest.SQLite(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	return courttest.Ready(t, db, func(c *courtyard.Courtyard) error {
		c.Gate.Room("shed", []byte(policy), []byte(schema))
		web.Handle(c.Site, web.Route[gate.House]{Pattern: "GET /shed", Action: action, Do: func(*web.Ctx, gate.Permit[gate.House]) error { return nil }})
		return nil
	})
}

func get(t *testing.T, b *http.Client, address, lang string) (string, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", lang)
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), res.StatusCode
}
