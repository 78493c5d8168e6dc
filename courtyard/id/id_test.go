package id_test

import (
	"regexp"
	"testing"
	"time"

	"sarai/courtyard/id"
)

func TestIdentifiersAreUUIDv7AndOrderedByTime(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a := id.New()
	time.Sleep(2 * time.Millisecond)
	b := id.New()
	if !form.MatchString(a) || !form.MatchString(b) || a >= b {
		t.Fatalf("%s then %s", a, b)
	}
}

func TestASeedGivesTheSameIdentifiersAgain(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a, b, c := id.Seeded(7, start), id.Seeded(7, start), id.Seeded(8, start)
	for range 100 {
		x := a()
		if x != b() {
			t.Fatal("same seed, other identifiers")
		}
		if x == c() {
			t.Fatal("other seed, same identifiers")
		}
	}
}

func TestTokensAndReferencesDoNotRepeat(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		tok, ref := id.Token(), id.Reference(12)
		if len(tok) != 43 || !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(ref) {
			t.Fatalf("%s %s", tok, ref)
		}
		if seen[tok] || seen[ref] {
			t.Fatal("repeated")
		}
		seen[tok], seen[ref] = true, true
	}
}
