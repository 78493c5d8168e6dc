package wallet

import (
	"testing"

	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/sdjwt"
)

// A wallet shows what the issuer says a claim is called, in the holder's
// language and the issuer's order; what it does not describe comes last.
func TestACardIsShownInItsHoldersWords(t *testing.T) {
	names := func(en, ur string) []oid4vci.Display {
		return []oid4vci.Display{{Name: en, Locale: "en-GB"}, {Name: ur, Locale: "ur"}}
	}
	c := Credential{Configuration: "Person", Verified: &sdjwt.Credential{Claims: map[string]any{
		"iss": "https://id.example", "exp": 1, "zeta": "z", "alpha": 2.5, "name": "Ayesha", "sex": "female",
		"address": map[string]any{"formatted": "House 7", "formatted_ur": "مکان ۷"}, "children": []any{"A"},
	}}, About: &oid4vci.About{Display: names("Identity", "شناخت"), Claims: []oid4vci.Claim{
		{Path: []any{"sex"}, Display: names("Sex", "جنس")}, {Path: []any{"address", "formatted"}}, {Path: []any{"address"}, Display: names("Address", "پتا")},
		{Path: []any{"name"}}, {Path: []any{"iss"}}, {Path: []any{"not there"}},
	}}}
	for lang, want := range map[string][][2]string{
		"en": {{"Sex", "female"}, {"Address", "House 7"}, {"name", "Ayesha"}, {"alpha", "2.5"}, {"children", `["A"]`}, {"zeta", "z"}},
		"ur": {{"جنس", "female"}, {"پتا", "مکان ۷"}, {"name", "Ayesha"}, {"alpha", "2.5"}, {"children", `["A"]`}, {"zeta", "z"}},
		"fr": {{"Sex", "female"}, {"Address", "House 7"}, {"name", "Ayesha"}, {"alpha", "2.5"}, {"children", `["A"]`}, {"zeta", "z"}},
	} {
		lines := c.Lines(lang)
		if len(lines) != len(want) {
			t.Fatalf("%s: %+v", lang, lines)
		}
		for i, l := range lines {
			if l.Label != want[i][0] || l.Text(lang) != want[i][1] {
				t.Errorf("%s, line %d is %s: %s, not %v", lang, i, l.Label, l.Text(lang), want[i])
			}
		}
	}
	if got := c.Title("ur") + c.Title("en") + (Credential{Configuration: "Person"}).Title("en"); got != "شناختIdentityPerson" {
		t.Errorf("titles: %s", got)
	}
	if lines := (Credential{}).Lines("en"); lines != nil {
		t.Errorf("an unproven credential shows %v", lines)
	}
}
