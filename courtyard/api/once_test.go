package api_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// keptAnswers reads the table as somebody would who got hold of it.
func keptAnswers(t *testing.T, db *store.DB) (rows [][]byte) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		rows, err = store.List(tx, func(scan store.Scan) ([]byte, error) {
			var answer, refusal []byte
			err := scan(&answer, &refusal)
			return append(answer, refusal...), err
		}, `select answer, refusal from api_answer order by at, key`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestKeptAnswersAreSealed: the table tells nothing, an answer opens for its
// own command only, and a day later it is gone.
func TestKeptAnswersAreSealed(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		now := clock.At(time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC))
		db := storetest.Open(t, store.Config{URL: url, Clock: now})
		b := openBank(t, db)
		pay := func(key, payee string) answer {
			t.Helper()
			return b.call(t, "POST", pays, `{"amount":500,"payee":"`+payee+`"}`, "Authorization", "Bearer ayesha", "Idempotency-Key", key)
		}
		first := pay("0123456789abcdef", "bilal")
		pay("refused-refused-1", "poor")
		pay("fedcba9876543210", "kamran")
		rows := keptAnswers(t, db)
		if len(rows) != 3 {
			t.Fatalf("%d answers are kept", len(rows))
		}
		for _, row := range rows {
			for _, word := range []string{"transfer", "500", "ayesha", "bank.not-enough"} {
				if bytes.Contains(row, []byte(word)) {
					t.Errorf("%q can be read in the table: %q", word, row)
				}
			}
		}
		again := pay("0123456789abcdef", "bilal")
		if !bytes.Equal(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("first %s, then %s", first.body, again.body)
		}
		// an answer put in another one's place is no answer
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`update api_answer set answer = (select o.answer from api_answer o where o.key = $1) where key = $2`, "0123456789abcdef", "fedcba9876543210")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if a := pay("fedcba9876543210", "kamran"); a.status != http.StatusInternalServerError {
			t.Errorf("an answer that was moved: %d %s", a.status, a.body)
		}

		now.Advance(23 * time.Hour)
		pay("younger-younger-1", "bilal")
		prune := func(want int64, left int) {
			t.Helper()
			if n, err := b.api.Prune(t.Context()); err != nil || n != want || len(keptAnswers(t, db)) != left {
				t.Errorf("%d answers went (%v), %d are left; want %d and %d", n, err, len(keptAnswers(t, db)), want, left)
			}
		}
		prune(0, 4)
		now.Advance(2 * time.Hour)
		prune(3, 1)
	})
}

// TestAnswersKeptInClearAreDeleted: a house that kept answers in clear keeps
// none of them once it is this version.
func TestAnswersKeptInClearAreDeleted(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		first, err := fs.ReadFile(os.DirFS("migrations"), "00001_api.sql")
		if err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		db.Register(store.Migrations{Room: "api", FS: fstest.MapFS{"00001_api.sql": {Data: first}}})
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`insert into api_answer (scope, key, request, at, answer) values ('s', 'k', $1, 1, $2)`, []byte("r"), []byte(`{"name":"Ayesha"}`))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = storetest.Open(t, store.Config{URL: url})
		openBank(t, db)
		if rows := keptAnswers(t, db); len(rows) != 0 {
			t.Errorf("still there: %s", rows)
		}
	})
}
