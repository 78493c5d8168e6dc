package web_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
)

func sqlite(t testing.TB) *store.DB {
	return storetest.Open(t, store.Config{URL: storetest.SQLite(t)})
}

// watchers waits until n screens are open.
func (c *court) watchers(t testing.TB, n int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); c.site.Viewers() != n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d screens are open, want %d", c.site.Viewers(), n)
		}
	}
}

// full wants a screen refused with a time to come again.
func (g *guest) full(status int) {
	g.t.Helper()
	a := g.get("/live/arrivals")
	want(g.t, a, status)
	if a.Header.Get("Retry-After") == "" {
		g.t.Error("a screen without a place is not told when to come again")
	}
}

// TestLiveScreensHaveACap: nobody holds connections without end, and a place
// that is given back is there for the next.
func TestLiveScreensHaveACap(t *testing.T) {
	var renders atomic.Int64
	open := func(t *testing.T, x web.Screens) *court {
		return open(t, sqlite(t), web.Options{Screens: x}, boards(&renders))
	}
	t.Run("of one session", func(t *testing.T) {
		c := open(t, web.Screens{Session: 2})
		ayesha, bilal := c.guest(t), c.guest(t)
		ayesha.signIn("p-ayesha")
		bilal.signIn("p-bilal")
		first := ayesha.listen("/live/arrivals", "")
		ayesha.listen("/live/arrivals", "")
		c.watchers(t, 2)
		ayesha.full(http.StatusTooManyRequests)
		want(t, ayesha.get("/inn"), http.StatusOK) // the page itself works on
		if s := bilal.listen("/live/arrivals", ""); s.res.StatusCode != http.StatusOK {
			t.Errorf("another guest has no place: %s", s.res.Status)
		}
		_ = first.res.Body.Close()
		c.watchers(t, 2)
		if s := ayesha.listen("/live/arrivals", ""); s.res.StatusCode != http.StatusOK {
			t.Errorf("a place that was given back is not there: %s", s.res.Status)
		}
	})
	t.Run("of one address", func(t *testing.T) {
		c := open(t, web.Screens{Address: 1})
		for i := range 10 { // ten times as many, for they are signed in
			g := c.guest(t)
			g.signIn("p-" + string(rune('a'+i)))
			g.listen("/live/arrivals", "")
		}
		c.watchers(t, 10)
		late := c.guest(t)
		late.signIn("p-late")
		late.full(http.StatusTooManyRequests)
	})
	t.Run("of the house", func(t *testing.T) {
		c := open(t, web.Screens{All: 1})
		ayesha, bilal := c.guest(t), c.guest(t)
		ayesha.signIn("p-ayesha")
		bilal.signIn("p-bilal")
		ayesha.listen("/live/arrivals", "")
		c.watchers(t, 1)
		bilal.full(http.StatusServiceUnavailable)
	})
}

// TestALiveScreenEndsWithItsSession: a screen does not outlive its session,
// however that ends, and does not keep it alive.
func TestALiveScreenEndsWithItsSession(t *testing.T) {
	var renders atomic.Int64
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := open(t, db, web.Options{Screens: web.Screens{Again: 20 * time.Millisecond}}, boards(&renders))
		for _, end := range []struct {
			name string
			by   func(g *guest)
		}{
			{"idle", func(g *guest) {
				for range 3 { // a proxy cuts the line, the browser comes again, the script asks
					c.clock.Advance(9 * time.Minute)
					want(t, g.do(http.MethodHead, "/live/arrivals", nil), http.StatusNoContent)
				}
				c.clock.Advance(4 * time.Minute)
			}},
			{"too old", func(g *guest) {
				for range 26 { // somebody works all day
					want(t, g.get("/inn"), http.StatusOK)
					c.clock.Advance(28 * time.Minute)
				}
			}},
			{"revoked", func(*guest) {
				if err := db.Update(t.Context(), func(tx *store.Tx) error { return web.EndSessions(tx, "p-ayesha") }); err != nil {
					t.Error(err)
				}
			}},
		} {
			g := c.guest(t)
			g.signIn("p-ayesha")
			s := g.listen("/live/arrivals", "")
			c.arrive(t, end.name+" guest")
			s.until(t, end.name+" guest")
			end.by(g)
			s.ended(t)
			// what the page's script is told, so that it says so and stops
			want(t, g.do(http.MethodHead, "/live/arrivals", nil), http.StatusUnauthorized)
		}
	})
}
