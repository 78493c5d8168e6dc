package services

import (
	"strings"
	"testing"
	"unicode"
)

// What a pack says about the law comes from somebody's memory until it was held
// against the gazette. Each citation, fee and time limit says which.
func TestEveryCitationSaysWhetherItWasChecked(t *testing.T) {
	p := pack(t)
	ds, err := LoadAll(p.Services, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		for _, l := range d.Laws {
			ur := l.Section["ur"]
			if !strings.ContainsFunc(ur, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) || strings.ContainsFunc(ur, func(r rune) bool { return unicode.Is(unicode.Latin, r) }) {
				t.Errorf("%s, law %s: the section in Urdu is %q", d.ID, l.ID, ur)
			}
		}
		// What a fee costs says nothing about how long the office may take.
		if d.Fee.Amount > 0 && strings.Contains(strings.ToLower(d.law(d.Time.Law).Name["en"]), "fees") {
			t.Errorf("%s: the time limit rests on %s", d.ID, d.law(d.Time.Law).Name["en"])
		}
	}
	good := domicile(t, p)
	for _, c := range []struct{ name, old, new, want string }{
		{"not said", "    source: {checked: never}\n", "", `key "source" is missing`},
		{"a copy without a place", `source: {checked: copy, where: "`, `source: {checked: copy} # "`, "say where it is"},
		{"another word", "appeal_source: {checked: never}", "appeal_source: {checked: surely}", "never, copy or gazette"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("%s: the file has changed", c.name)
		}
		if _, err := Load("services/domicile.yaml", []byte(strings.Replace(good, c.old, c.new, 1)), p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheReaderIsToldWhatWasNotChecked(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		page := plainText(a.get("/services/domicile", 200))
		for _, want := range []string{
			"Pakistan Citizenship Act, 1951, section 17 (compared with a published copy, not yet with the gazette)",
			"Pakistan Citizenship Rules, 1952, rule 23 and Form P (not yet checked against the gazette)",
			"Citizens&#39; charter of the Islamabad administration, domicile certificates (not yet checked against the gazette)",
			"https://www.ecoi.net/en/document/190229",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("no %q in %s", want, page)
			}
		}
		for _, at := range []string{"/services", "/"} {
			if page := plainText(w.stranger().get(at, 200)); !strings.Contains(page, "Fees and times here are not yet checked against the gazette.") {
				t.Errorf("%s: %s", at, page)
			}
		}
		a.get("/?lang=ur", 303)
		page = plainText(a.get("/services/domicile", 200))
		if !strings.Contains(page, "دفعہ 17 (شائع شدہ نقل سے موازنہ ہوا، گزٹ سے ابھی نہیں)") || !strings.Contains(page, "گزٹ سے ابھی موازنہ نہیں ہوا") || strings.Contains(page, "section 17,") {
			t.Errorf("in Urdu: %s", page)
		}
		// on the way, and on what is kept
		ref := a.apply()
		if page := plainText(a.get("/applications/"+ref+"/check", 200)); !strings.Contains(page, "گزٹ سے ابھی موازنہ نہیں ہوا") {
			t.Errorf("the answers: %s", page)
		}
		if basis := w.fakes.asked[0].Basis; !strings.Contains(basis, "not yet checked against the gazette") || !strings.Contains(basis, "قاعدہ 23") {
			t.Errorf("the basis of reading the register: %s", basis)
		}
	})
}
