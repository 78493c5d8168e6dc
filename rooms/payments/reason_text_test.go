package payments

import (
	"slices"
	"testing"

	"sarai/rooms/payments/ledger"
)

// Every reason has words in both languages, for whoever pays and for the office whose
// file was not paid; a code that nobody has thought of has some as well.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	inHall(t, 1, func(h *hall) {
		for _, r := range append(slices.Concat(ledger.Reasons(), outerReasons), "XX99") {
			for _, key := range []string{reasonKey(r), whyKey(string(r))} {
				for _, lang := range []string{"en", "ur"} {
					if said := h.Site.Say(lang, key); said == key || said == "" {
						h.t.Errorf("%s: no words for %s", lang, key)
					}
				}
			}
		}
	})
}
