package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard/web"
)

func TestOurOwnTextsAreComplete(t *testing.T) {
	c := sqliteCourt(t, web.Options{})
	if err := c.site.CheckTexts(); err != nil {
		t.Error(err)
	}
}

func TestTextsThatDisagreeAreFound(t *testing.T) {
	s := web.New(web.Options{})
	s.Texts("inn", fstest.MapFS{
		"en.yaml": {Data: []byte("inn.a: \"A\"\ninn.b: \"{name} came\"\ninn.beds.one: \"{n} bed\"\ninn.beds.other: \"{n} beds\"\ninn.rooms.one: \"a room\"\nother.x: \"x\"\ninn.empty: \" \"\n")},
		"ur.yaml": {Data: []byte("inn.b: \"{nam} آیا\"\ninn.beds.other: \"{n} بستر\"\ninn.c: \"پ\"\ninn.empty: \"خالی\"\n")},
	})
	err := s.CheckTexts()
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, want := range []string{
		"inn en.yaml:1: inn.a is missing in ur", "placeholders of inn.b", "inn.beds.one is missing in ur", "no inn.rooms.other",
		"other.x does not begin with inn.", "inn.empty is empty", "inn.c is missing in en",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not found: %s\nin\n%v", want, err)
		}
	}
}

func TestPluralsNumbersAndDates(t *testing.T) {
	karachi := time.FixedZone("PKT", 5*3600)
	s := web.New(web.Options{Formats: web.Formats{Zone: karachi}})
	s.Texts("inn", innTexts)
	en, ur := s.In(t.Context(), "en"), s.In(t.Context(), "ur")
	at := time.Date(2026, 11, 20, 20, 5, 0, 0, time.UTC)
	for _, x := range []struct{ got, want string }{
		{web.N(en, "inn.beds", 1), "1 bed"},
		{web.N(en, "inn.beds", 12450), "12,450 beds"},
		{web.N(ur, "inn.beds", 3), "3 بستر"},
		{web.Date(en, at), "21 November 2026"},
		{web.DateTime(en, at), "21 November 2026, 01:05"},
		{web.Date(ur, at), "21 نومبر 2026"},
		{web.Money(en, -123456, "PKR"), "PKR\u00a0−1,234.56"},
		// what runs the other way is isolated, what does not is left alone
		{web.T(en, "inn.hello", "name", "عائشہ", "room", "12"), "Hello \u2067عائشہ\u2069, room 12"},
		{web.T(ur, "inn.hello", "name", "Ayesha", "room", "12"), "\u2066Ayesha\u2069 خوش آمدید، کمرہ 12"},
		{web.T(ur, "inn.hello", "name", "عائشہ", "room", "7K3M-Q2ZD"), "عائشہ خوش آمدید، کمرہ \u20667K3M-Q2ZD\u2069"},
		{web.T(en, "inn.nothing"), "[inn.nothing]"},
		{web.Of(ur, map[string]string{"en": "Ayesha", "ur": "عائشہ"}), "عائشہ"},
		{web.Of(ur, map[string]string{"en": "Ayesha"}), "Ayesha"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
}

func TestLanguageAndLightAreChosenAndKept(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		page := g.get("/inn?name=Ali&x=1")
		want(t, page, http.StatusOK, `<html lang="en" dir="ltr">`, `hreflang="ur"`, "lang=ur", "name=Ali")
		a := g.get("/inn?name=Ali&x=1&lang=ur")
		want(t, a, http.StatusSeeOther)
		if to := a.Header.Get("Location"); to != "/inn?name=Ali&x=1" {
			t.Errorf("led to %q", to)
		}
		page = g.get("/inn?name=Ali")
		want(t, page, http.StatusOK, `<html lang="ur" dir="rtl">`, `as="font"`, "خوش آمدید", "\u2066Ali\u2069")
		if page.Header.Get("Content-Language") != "ur" || !strings.Contains(strings.Join(page.Header.Values("Vary"), ","), "Cookie") {
			t.Errorf("headers: %v", page.Header)
		}
		want(t, g.get("/inn?theme=dark"), http.StatusSeeOther)
		want(t, g.get("/inn"), http.StatusOK, `data-theme="dark"`, `content="dark"`)
		want(t, g.get("/inn?theme=auto"), http.StatusSeeOther)
		if strings.Contains(g.get("/inn").body, "data-theme=") {
			t.Error("the device's light does not come back")
		}
		// a path that looks like another site is not followed
		if to := g.get("//evil.example/?lang=en").Header.Get("Location"); strings.HasPrefix(to, "//") {
			t.Errorf("led to %q", to)
		}
		want(t, g.get("/inn?lang=xx"), http.StatusOK)
	})
}

func FuzzIsolated(f *testing.F) {
	for _, s := range []string{"", "Ayesha", "عائشہ", "0300-123", "\u2067x\u2069", "عائشہ 12 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range []web.Language{web.English, web.Urdu} {
			if got := web.Isolated(s, l); !strings.Contains(got, s) {
				t.Errorf("%q lost in %q", s, got)
			}
		}
	})
}
