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

func cookie(a answer, name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestSigningInAndOut(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		want(t, g.get("/inn/bed/7"), http.StatusUnauthorized, "Please sign in first")
		a := g.post("/inn/in/p-ayesha", nil)
		k := cookie(a, "sarai")
		if k == nil || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || len(k.Value) != 43 {
			t.Fatalf("session cookie: %+v", k)
		}
		page := g.get("/inn/bed/7")
		want(t, page, http.StatusOK, "bed 7", "Guest p-ayesha", "Sign out")
		if page.Header.Get("Cache-Control") != "no-store" {
			t.Error("a page of a signed-in person may be kept by caches")
		}

		// the token itself is nowhere in the database
		var kept int64
		if err := c.db.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`select count(*) from web_session where token = $1 or id = $1`, k.Value).Scan(&kept)
		}); err != nil || kept != 0 {
			t.Errorf("the token is kept in clear (%d, %v)", kept, err)
		}

		thief := c.guest(t)
		want(t, thief.get("/inn/bed/7", "Cookie", "sarai="+k.Value), http.StatusOK, "bed 7")
		want(t, g.post("/sign-out", nil), http.StatusSeeOther)
		want(t, g.get("/inn/bed/7"), http.StatusUnauthorized)
		want(t, thief.get("/inn/bed/7", "Cookie", "sarai="+k.Value), http.StatusUnauthorized)
		want(t, thief.get("/inn/bed/7", "Cookie", "sarai=made-up"), http.StatusUnauthorized)
	})
}

func TestATokenPlantedBeforeSignInIsWorthNothing(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		before := g.get("/inn/visitor")
		planted := cookie(before, "sarai")
		if planted == nil {
			t.Fatal("no anonymous session")
		}
		g.signIn("p-ayesha")
		thief := c.guest(t)
		want(t, thief.get("/inn/bed/7", "Cookie", "sarai="+planted.Value), http.StatusUnauthorized)
		// what the visitor began before stays reachable
		if after := g.get("/inn/visitor"); after.body != before.body {
			t.Errorf("the visitor was %s and is %s after signing in", before.body, after.body)
		}
		// a second sign-in is another person's: the visitor's name does not pass on
		g.signIn("p-bilal")
		if after := g.get("/inn/visitor"); after.body == before.body {
			t.Error("one person's drafts are another's")
		}
	})
}

func TestSessionsEndByIdlenessAndByAge(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		g.signIn("p-ayesha")
		for range 24 { // twelve hours, never idle for long
			c.clock.Advance(29 * time.Minute)
			want(t, g.get("/inn/bed/7"), http.StatusOK)
		}
		c.clock.Advance(25 * time.Minute)
		want(t, g.get("/inn/bed/7"), http.StatusUnauthorized)

		g.signIn("p-ayesha")
		c.clock.Advance(31 * time.Minute)
		want(t, g.get("/inn/bed/7"), http.StatusUnauthorized)
	})
}

// TestTheEndOfASessionIsSaid: a session that ran out is said to have ended,
// when its browser comes again and else when somebody sweeps, once: what was
// opened with it elsewhere (the provider's session) ends with it.
func TestTheEndOfASessionIsSaid(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		said := func() (n int) {
			t.Helper()
			if err := c.db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`select (select count(*) from journal_event where type = $1) + (select count(*) from journal_outbox where type = $1)`, "web.session.ended").Scan(&n)
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		returns, stays, drafts := c.guest(t), c.guest(t), c.guest(t)
		returns.signIn("p-ayesha")
		stays.signIn("p-bilal")
		drafts.get("/inn/visitor")
		if err := c.site.Sweep(t.Context()); err != nil || said() != 0 {
			t.Fatalf("%d sessions ended (%v) that had not", said(), err)
		}
		c.clock.Advance(31 * time.Minute)
		for range 2 {
			want(t, returns.get("/inn/bed/7"), http.StatusUnauthorized)
		}
		if said() != 1 {
			t.Errorf("%d ends were said after one browser came again", said())
		}
		for range 2 {
			if err := c.site.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if said() != 2 { // nobody was signed in with the third
			t.Errorf("%d ends were said after sweeping", said())
		}
		var left int
		if err := c.db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(`select count(*) from web_session`).Scan(&left) }); err != nil || left != 0 {
			t.Errorf("%d sessions are left (%v)", left, err)
		}
	})
}

func TestEndingAllSessionsOfAPerson(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		phone, desk, other := c.guest(t), c.guest(t), c.guest(t)
		phone.signIn("p-ayesha")
		desk.signIn("p-ayesha")
		other.signIn("p-bilal")
		if err := c.db.Update(t.Context(), func(tx *store.Tx) error { return web.EndSessions(tx, "p-ayesha") }); err != nil {
			t.Fatal(err)
		}
		want(t, phone.get("/inn/bed/7"), http.StatusUnauthorized)
		want(t, desk.get("/inn/bed/7"), http.StatusUnauthorized)
		want(t, other.get("/inn/bed/7"), http.StatusForbidden)
	})
}

func TestActingInAnotherPost(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		if err := c.db.Update(t.Context(), func(tx *store.Tx) error {
			for i, post := range []string{"inn.clerk", "inn.keeper"} {
				if err := gate.Appoint(tx, gate.Charge{Post: post, Person: "p-nadia", Kind: gate.Permanent, From: monday.Add(time.Duration(i-10) * time.Hour)}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		g := c.guest(t)
		want(t, g.post("/inn/in/p-nadia?official=1", nil), http.StatusSeeOther)
		// the clerk may not, and is told who may
		want(t, g.get("/inn/desk"), http.StatusForbidden, "You may not do this", "Only the keeper of the inn.", "Clerk")
		want(t, g.post("/session/post", url.Values{"post": {"inn.keeper"}, "to": {"/inn/desk"}}), http.StatusSeeOther)
		want(t, g.get("/inn/desk"), http.StatusOK, "desk")
		want(t, g.post("/session/post", url.Values{"post": {"inn.king"}}), http.StatusForbidden, "You do not hold this post now.")
		// the way back is never another site
		if to := g.post("/session/post", url.Values{"post": {"inn.keeper"}, "to": {"//evil.example"}}).Header.Get("Location"); to != "/" {
			t.Errorf("led to %q", to)
		}
	})
}

func TestHTTPSCookiesAreHostBound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := open(t, db, web.Options{Base: "https://sarai.example"})
		g := c.guest(t)
		a := g.post("/inn/in/p-ayesha", nil)
		k := cookie(a, "__Host-sarai")
		if k == nil || !k.Secure || k.Domain != "" || k.Path != "/" {
			t.Fatalf("cookies: %v", a.Header["Set-Cookie"])
		}
		if !strings.HasPrefix(a.Header.Get("Strict-Transport-Security"), "max-age=") {
			t.Error("no HSTS")
		}
	})
}

func TestSignInPageIsOffered(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		c.site.SignInPath = "/sign-in"
		g := c.guest(t)
		a := g.get("/inn/bed/7?x=1&y=2")
		want(t, a, http.StatusSeeOther)
		if to := a.Header.Get("Location"); to != "/sign-in?to=%2Finn%2Fbed%2F7%3Fx%3D1%26y%3D2" {
			t.Errorf("led to %q", to)
		}
	})
}
