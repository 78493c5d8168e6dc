package services

import (
	"testing"

	"pgregory.net/rapid"
)

func TestASlipOfThePenStillFinds(t *testing.T) {
	for _, c := range []struct {
		typed, word string
		want        bool
	}{
		{"domicile", "domicile", true}, {"domcile", "domicile", true}, {"domicle", "domicile", true}, {"dmoicile", "domicile", true},
		{"licens", "licence", false}, {"licensce", "licence", true}, {"ڈومیسائل", "ڈومیسایل", true},
		{"job", "jab", false}, {"birth", "berth", true}, {"birth", "death", false}, {"", "domicile", false}, {"dom", "domicile", false},
	} {
		if got := near(c.typed, c.word); got != c.want {
			t.Errorf("%q for %q: %t", c.typed, c.word, got)
		}
	}
}

// Whoever makes fewer slips than a word may hold is understood, whichever way
// round the two are compared.
func TestSlipsAreCountedFairly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := []rune(rapid.StringMatching(`[a-z]{5,12}`).Draw(t, "word"))
		at := rapid.IntRange(0, len(word)-2).Draw(t, "at")
		var typed []rune
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0: // left out
			typed = append(append(typed, word[:at]...), word[at+1:]...)
		case 1: // added
			typed = append(append(append(typed, word[:at]...), 'x'), word[at:]...)
		case 2: // changed
			typed = append(typed, word...)
			typed[at] = 'q'
		case 3: // swapped
			typed = append(typed, word...)
			typed[at], typed[at+1] = typed[at+1], typed[at]
		}
		if !near(string(typed), string(word)) || !near(string(word), string(typed)) {
			t.Fatalf("%q is not found by %q", string(word), string(typed))
		}
	})
}
