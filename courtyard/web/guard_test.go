package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
)

func TestRequestsFromOtherSitesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
			want(t, g.post("/inn/book", url.Values{"name": {"x"}}, h...), http.StatusForbidden, "another website")
		}
		want(t, g.post("/inn/book", url.Values{"name": {"x"}}), http.StatusSeeOther)
		// a protocol endpoint takes what other sites send, and sees no session
		g.signIn("p-ayesha")
		a := g.post("/inn/token", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://wallet.example")
		want(t, a, http.StatusOK, "anonymous")
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("CORS headers: %v", a.Header)
		}
		want(t, g.do(http.MethodOptions, "/inn/token", nil, "Origin", "https://wallet.example", "Access-Control-Request-Method", "POST"), http.StatusNoContent)
	})
}

func TestHeaders(t *testing.T) {
	c := sqliteCourt(t, web.Options{})
	g := c.guest(t)
	for _, path := range []string{"/inn", "/style", "/nowhere", c.site.Asset("sarai.css")} {
		a := g.get(path)
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: no %s in %q", path, want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if strings.Contains(a.body, " style=\"") || strings.Contains(a.body, " onclick=") || strings.Contains(a.body, "<style") {
			t.Errorf("%s holds inline styles or handlers", path)
		}
	}
}

func TestFormActionsOutsideAreNamedByThePage(t *testing.T) {
	c := sqliteCourt(t, web.Options{})
	g := c.guest(t)
	_ = g
	for _, x := range []struct{ in, want string }{
		{"https://rp.example/cb?x=1", "form-action 'self' https://rp.example;"},
		{"https://rp.example; script-src *", "form-action 'self';"},
		{"javascript:alert(1)", "form-action 'self';"},
	} {
		if got := web.ContentPolicy(x.in); !strings.Contains(got, x.want) || strings.Contains(got, "script-src *") {
			t.Errorf("%s: %q", x.in, got)
		}
	}
}

func TestTooOften(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		for range 3 {
			want(t, g.post("/inn/knock", nil), http.StatusSeeOther)
		}
		a := g.post("/inn/knock", nil)
		want(t, a, http.StatusTooManyRequests, "A moment, please", "Wait 20 seconds")
		if a.Header.Get("Retry-After") != "20" {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
		want(t, g.post("/inn/knock", nil, "Cookie", "lang=ur"), http.StatusTooManyRequests, "ذرا ٹھہریے")
		c.clock.Advance(21 * time.Second)
		want(t, g.post("/inn/knock", nil), http.StatusSeeOther)
	})
}

func TestErrorPages(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		want(t, g.get("/nowhere"), http.StatusNotFound, `lang="en"`, "This page is not here")
		want(t, g.get("/nowhere", "Accept-Language", "ur-PK,ur;q=0.9,en;q=0.5"), http.StatusNotFound, `<html lang="ur" dir="rtl"`, "یہ صفحہ یہاں نہیں")
		a := g.get("/inn/knock")
		want(t, a, http.StatusMethodNotAllowed, "cannot be opened like this")
		if a.Header.Get("Allow") != "POST" {
			t.Errorf("Allow %q", a.Header.Get("Allow"))
		}
		g.signIn("p-bilal")
		want(t, g.get("/inn/bed/7"), http.StatusForbidden, "You may not do this", "Only the guest whose bed it is.")
	})
}

func TestAPanicIsAPage(t *testing.T) {
	c := sqliteCourt(t, web.Options{})
	a := c.guest(t).get("/inn/panic")
	want(t, a, http.StatusInternalServerError, "Something went wrong on our side")
	if strings.Contains(a.body, "roof") {
		t.Error("the visitor is told what only the operator should know")
	}
}

func TestARouteWithoutAPolicyStopsTheStart(t *testing.T) {
	g := gate.New(nil, gate.Options{})
	s := web.New(web.Options{Gate: g})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /secret", Action: "", Do: func(*web.Ctx, gate.Permit[gate.House]) error { return nil }})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /other", Action: "inn.unknown", Do: func(*web.Ctx, gate.Permit[gate.House]) error { return nil }})
	err := g.Seal()
	if err == nil || !strings.Contains(err.Error(), "GET /secret") || !strings.Contains(err.Error(), "GET /other") {
		t.Errorf("sealed with %v", err)
	}
}

func TestLocal(t *testing.T) {
	for in, want := range map[string]string{
		"/office/file/1?x=2": "/office/file/1?x=2", "": "/home", "//evil": "/home", "/\\evil": "/home", "https://evil": "/home", "office": "/home", "/a\nb": "/home", "javascript:x": "/home",
	} {
		if got := web.Local(in, "/home"); got != want {
			t.Errorf("%q leads to %q, want %q", in, got, want)
		}
	}
}

// Who may begin as many sessions as he likes is counted by his address, and
// one who is nobody does not fill the book of refusals.
func TestStrangersAreCountedTogether(t *testing.T) {
	c := open(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), web.Options{})
	knocks := 0
	for range 12 {
		g := c.guest(t)
		want(t, g.get("/inn/visitor"), http.StatusOK)
		for range 3 {
			if g.post("/inn/knock", nil).StatusCode == http.StatusSeeOther {
				knocks++
			}
		}
	}
	if knocks != 30 {
		t.Errorf("twelve sessions of one address knocked %d times, want ten times the limit of three", knocks)
	}
	g, refused := c.guest(t), 0
	for range 303 {
		switch a := g.get("/inn/desk"); a.StatusCode {
		case http.StatusTooManyRequests:
		default:
			refused++
		}
	}
	if refused != 300 {
		t.Errorf("%d refusals of a stranger were taken down", refused)
	}
	if err := web.Limit(t.Context(), "nothing", web.Rate{N: 1, Per: time.Minute}); err != nil {
		t.Error("limited outside a request:", err)
	}
}
