package identity_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/identity"
)

func (h *hall) rows(table string) (n int64) {
	h.t.Helper()
	err := h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		n, err = store.Get(tx, store.Value[int64], `select count(*) from `+table)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// A stranger who begins sign-ins without end, each from a browser without a
// cookie, is held off: what he makes us keep is bounded, at each of the doors.
// The house keeps a twentieth of its pace here, so that the flood is a small one.
func TestAFloodOfSignInsFillsNoTable(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, address string) {
		const most, sent = 600 / 20, 60 // from one address
		h := &hall{t: t, Court: guarded(t, address, 1.0/20)}
		for _, door := range []string{"/sign-in", "/oidc/authorize?" + h.party().request(nil).Encode()} {
			before := h.rows("identity_pending")
			var held atomic.Int64
			var next atomic.Int64
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					b := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
					for next.Add(1) <= sent {
						if h.get(b, door).StatusCode == http.StatusTooManyRequests {
							held.Add(1)
						}
					}
				})
			}
			wait.Wait()
			if kept := h.rows("identity_pending") - before; kept != most || held.Load() != sent-most {
				t.Errorf("%.20s: %d of %d were held off, %d rows kept", door, held.Load(), sent, kept)
			}
		}
		// the page that asks for a passkey makes a challenge each time
		b := h.Browser()
		pg := h.get(b, "/oidc/authorize?"+h.party().request(nil).Encode())
		if pg.StatusCode == http.StatusSeeOther {
			t.Fatal("the door opened again while the clock stood still")
		}
		h.Clock.Advance(time.Minute)
		pg = h.get(b, "/oidc/authorize?"+h.party().request(nil).Encode())
		to := h.status(pg, http.StatusSeeOther).Header.Get("Location")
		before := h.rows("identity_pending")
		for range sent {
			h.get(b, to)
		}
		if kept := h.rows("identity_pending") - before; kept != most {
			t.Errorf("%d challenges were kept for %d looks at the page", kept, sent)
		}
	})
}

// guarded is a court that keeps the house's limits, at a pace; courts are
// without them otherwise, for stories come fast.
func guarded(t *testing.T, address string, pace float64) *courttest.Court {
	t.Helper()
	manual := clock.At(time.Now())
	db, err := store.Open(t.Context(), store.Config{URL: address, Clock: manual})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	master, err := keys.ParseMaster(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	base := "http://localhost:" + port
	c, err := courtyard.Open(courtyard.Options{DB: db, Pack: pack, Master: master, Base: base, Version: "test", Provider: keystest.Provider(), Clock: manual,
		Demo: true, Logger: slog.New(slog.DiscardHandler), Pace: pace, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := identity.New(c, identity.Wants{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = c.Handler()
	server.Start()
	t.Cleanup(func() {
		server.Close()
		_ = db.Close()
	})
	return &courttest.Court{Courtyard: c, URL: base, Clock: manual}
}

// However often a source fails, it is one row an hour.
func TestAFloodOfFailuresIsOneRow(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		for range 30 {
			h.post(h.Browser(), "/identity/activate", url.Values{"code": {"AAAA-AAAA-AAAA"}})
		}
		if n := h.rows("identity_attempt"); n != 1 {
			t.Errorf("%d rows for one source", n)
		}
	})
}

// A withdrawn consent stops everything that rested on it or on an earlier one
// to the same client, at once, and nobody else's.
func TestAWithdrawnConsentStopsTheFactsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		var tokens []string
		for _, scope := range []string{"openid profile", "openid birthdate"} {
			p := h.party()
			p.scope = scope
			tokens = append(tokens, h.status(p.token(p.agree(b, p.authorize(b, nil)).Get("code"), nil), http.StatusOK).json(t)["access_token"].(string))
		}
		other := h.AsCitizen(h.officer)
		q := h.party()
		q.scope = "openid profile"
		kept := h.status(q.token(q.agree(other, q.authorize(other, nil)).Get("code"), nil), http.StatusOK).json(t)["access_token"].(string)
		waits := h.party() // a code that was given and not yet redeemed
		waits.scope = "openid profile"
		code := waits.answer(waits.authorize(b, nil)).Get("code")

		all, err := h.room.Consents(context.Background(), h.ayesha)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v %v", all, err)
		}
		if res := h.post(other, "/identity/consents", url.Values{"consent": {all[0].ID}}); res.StatusCode != http.StatusNotFound {
			t.Errorf("somebody else withdrew it: %d", res.StatusCode)
		}
		h.status(h.userinfo(tokens[0]), http.StatusOK)
		h.status(h.post(b, "/identity/consents", url.Values{"consent": {all[0].ID}}), http.StatusSeeOther)
		reads, _ := h.room.Accesses(context.Background(), h.ayesha)
		for i, token := range tokens {
			if res := h.userinfo(token); res.StatusCode != http.StatusUnauthorized || strings.Contains(res.body, "Ayesha") {
				t.Errorf("token %d still gives facts: %d %s", i, res.StatusCode, res.body)
			}
		}
		if after, _ := h.room.Accesses(context.Background(), h.ayesha); len(after) != len(reads) {
			t.Error("her data was read after it")
		}
		if res := waits.token(code, nil); res.json(t)["error"] != "invalid_grant" {
			t.Errorf("a code from before: %s", res.body)
		}
		for _, scope := range []string{"openid profile", "openid birthdate"} { // neither is given again unasked
			p := h.party()
			p.scope = scope
			if res := p.authorize(b, url.Values{"prompt": {"none"}}); !strings.Contains(res.Header.Get("Location"), "error=consent_required") {
				t.Errorf("%s is given again: %s", scope, res.Header.Get("Location"))
			}
		}
		h.status(h.userinfo(kept), http.StatusOK)
	})
}

// lands is the host a browser goes to when it is sent somewhere: browsers leave
// out tabs and line ends and read a backslash as a slash (WHATWG URL 4.4).
func lands(t *testing.T, base, location string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	to, err := u.Parse(strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimSpace(location)))
	if err != nil {
		return "nowhere: " + err.Error()
	}
	return to.Scheme + "://" + to.Host
}

// elsewhere are addresses that look like paths of the house, and are not.
var elsewhere = []string{
	"//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, `/\/evil.example`, "/\t/evil.example", "/\n/evil.example", "/%09/evil.example", "/%2f/evil.example", "/%2fevil.example",
	"%2f%2fevil.example", "/%5cevil.example", "/%5c%5cevil.example", "https:evil.example", "https://evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x",
	"//evil.example%2f..", "/.//evil.example", "/..//evil.example", " //evil.example", "//evil.example@localhost/", "/\u2028/evil.example",
}

// Whatever stands in an address, signing in ends in the house.
func TestNoSignInEndsElsewhere(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		signedIn := h.AsCitizen(h.ayesha)
		for i, to := range elsewhere {
			res := h.status(h.get(signedIn, "/sign-in?to="+url.QueryEscape(to)), http.StatusSeeOther)
			if at := lands(t, h.URL+"/sign-in", res.Header.Get("Location")); at != h.URL {
				t.Errorf("signed in, %q leads to %s", to, at)
			}
			if i%4 != 0 { // the long way for some
				continue
			}
			b := h.Browser()
			pg := f.signIn(h, b, h.follow(b, h.get(b, "/sign-in?to="+url.QueryEscape(to))))
			for range 6 {
				if pg.StatusCode != http.StatusSeeOther {
					break
				}
				if at := lands(t, pg.Request.URL.String(), pg.Header.Get("Location")); at != h.URL {
					t.Fatalf("%q leads from %s to %s", to, pg.Request.URL.Path, at)
				}
				next, err := pg.Location()
				if err != nil {
					t.Fatal(err)
				}
				pg = h.get(b, next.String())
			}
		}
	})
}

// What a form brings along is one value of the next address and nothing more.
func TestATokenInAFormStaysOneValue(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		const bad = "x&to=//evil.example#?%0d%0aSet-Cookie:a=b"
		b := h.Browser()
		code := h.activation(h.ayesha)
		h.status(h.post(b, "/identity/activate", url.Values{"code": {code}, "i": {"x\r\nSet-Cookie: a=b"}}), http.StatusUnprocessableEntity)
		res := h.status(h.post(b, "/identity/activate", url.Values{"code": {code}, "i": {bad}}), http.StatusSeeOther)
		check := func(res page, path string) {
			t.Helper()
			to, err := url.Parse(res.Header.Get("Location"))
			if err != nil || to.Path != path || to.Host != "" || to.Fragment != "" || len(to.Query()) != 1 || !strings.HasPrefix(to.Query().Get("i"), "x&to=") {
				t.Errorf("leads to %q: %v", res.Header.Get("Location"), err)
			}
			if strings.Contains(strings.Join(res.Header.Values("Set-Cookie"), " "), "a=b") {
				t.Error("it set a cookie")
			}
		}
		check(res, "/identity/passkey")
		f := h.newPhone()
		pg := h.status(h.get(b, "/identity/passkey"), http.StatusOK)
		pg.body += `<input type="hidden" name="i" value="` + strings.ReplaceAll(bad, "&", "&amp;") + `">`
		check(h.status(f.register(h, b, pg), http.StatusSeeOther), "/oidc/continue")
	})
}

// A client's answer goes to the very address that was registered.
func TestNoCodeGoesToAnAddressThatOnlyLooksRight(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		p := h.party()
		for _, bad := range append([]string{
			p.back + "/", p.back + "?x=1", p.back + "#f", p.back + "/../evil", p.back + "%2f", strings.ToUpper(p.back), "http://127.0.0.1:7701@evil.example/callback",
			"http://127.0.0.1:7701.evil.example/callback", "http://localhost:7799/callback",
		}, elsewhere...) {
			res := h.get(b, "/oidc/authorize?"+p.request(url.Values{"redirect_uri": {bad}}).Encode())
			if res.StatusCode == http.StatusSeeOther || res.Header.Get("Location") != "" {
				t.Errorf("%q is sent to %s", bad, res.Header.Get("Location"))
			}
			out := h.post(b, "/oidc/sign-out", url.Values{"client_id": {p.client}, "post_logout_redirect_uri": {bad}, "answer": {"yes"}})
			if to := out.Header.Get("Location"); to != "" && lands(t, h.URL, to) != h.URL {
				t.Errorf("signing out with %q leads to %s", bad, to)
			}
			if out.StatusCode == http.StatusSeeOther {
				t.Errorf("%q was taken for an address after signing out", bad)
			}
		}
	})
}
