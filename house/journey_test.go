package house

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
	"sarai/house/journey"
	"sarai/rooms/payments"
)

func postgres(t testing.TB) string { return storetest.Postgres(t) }

// TestJourney is the house's promise: one citizen goes through all rooms, by
// the pages and interfaces everybody has, in both languages and on both engines.
func TestJourney(t *testing.T) {
	eachEngine(t, func(t *testing.T, database func(testing.TB) string) {
		h := openHouse(t, Config{Database: database(t)})
		for _, lang := range []string{"en", "ur"} {
			t.Run(lang, func(t *testing.T) {
				w, err := journey.New(journey.Options{Server: h.Base(), Lang: lang, Keep: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range w.Steps() {
					if !t.Run(fmt.Sprintf("%d %s", step.Number, step.Name), func(t *testing.T) {
						began := time.Now()
						lines, err := step.Walk(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						t.Logf("%d ms: %s", time.Since(began).Milliseconds(), strings.Join(lines, "; "))
					}) {
						return
					}
				}
				f := w.Facts()
				if f.Reference == "" || f.Application == "" || f.Transfer == "" || f.File == "" || f.Notes < 3 || !f.Decided || f.Document == "" || f.Incident == "" {
					t.Errorf("the walk does not know what it was given: %+v", f)
				}
			})
		}
		t.Run("ledger", func(t *testing.T) { ledgerHolds(t, h) })
		t.Run("log", func(t *testing.T) { logHolds(t, h) })
		t.Run("instruments", func(t *testing.T) { instrumentsAnswer(t, h) })
	})
}

// ledgerHolds checks every promise of the ledger with sums over all rows.
func ledgerHolds(t testing.TB, h *House) {
	t.Helper()
	var checks []payments.Check
	err := h.court.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		checks, err = payments.Invariants(tx, h.court.Pack.Currency.Code, h.court.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Broke != 0 {
			t.Errorf("the ledger breaks %s %d times", c.Name, c.Broke)
		}
	}
	rows, err := payments.NewAuditor(h.court.DB, h.court.Pack.Currency.Code).Check(t.Context())
	if err != nil {
		t.Errorf("the ledger's chain is broken: %v", err)
	}
	t.Logf("%d promises hold over a chain of %d rows", len(checks), rows)
}

// logHolds proves over HTTP that the log only grows, and that every event has
// its place in it.
func logHolds(t testing.TB, h *House) {
	t.Helper()
	ctx := t.Context()
	first, small, err := tlog.Check(ctx, h.Base()+"/log", h.court.Log.VerifierKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.court.DB.Update(ctx, func(tx *store.Tx) error {
		tx.Emit(store.Event{Type: "house.test.made", Subject: "house/test", Actor: "system/test"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var size int64
	for limit := time.Now().Add(10 * time.Second); size <= small; {
		if _, size, err = tlog.Check(ctx, h.Base()+"/log", h.court.Log.VerifierKey(), first); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(limit) {
			t.Fatalf("the log stays at %d entries", size)
		}
		time.Sleep(50 * time.Millisecond)
	}
	noGaps(t, h)
	if err := h.court.Log.Healthy(); err != nil {
		t.Error(err)
	}
	t.Logf("the log grew from %d to %d entries and contains its former self", small, size)
}

// noGaps says that positions are 1, 2, 3 ... without a hole.
func noGaps(t testing.TB, h *House) {
	t.Helper()
	var n, last int64
	if err := h.court.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`select count(*), coalesce(max(position), 0) from journal_event`).Scan(&n, &last)
	}); err != nil {
		t.Fatal(err)
	}
	if n != last || n == 0 {
		t.Errorf("%d events reach position %d", n, last)
	}
}

func instrumentsAnswer(t testing.TB, h *House) {
	t.Helper()
	b := journey.NewBrowser(h.Base(), "en")
	for address, word := range map[string]string{"/healthz": "", "/readyz": "", "/metrics": "sarai_journal_behind "} {
		p := open(t, b, address, http.StatusOK)
		if !strings.Contains(string(p.Body), word) {
			t.Errorf("%s does not say %s: %s", address, word, brief(string(p.Body)))
		}
	}
}
