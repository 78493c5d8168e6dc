package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
)

// boards adds a live topic that lists arrivals; renders counts its drawings.
func boards(renders *atomic.Int64) func(c *court) {
	return func(c *court) {
		c.site.Topic(web.Topic{
			Name: "arrivals", Action: "inn.watch", Types: []string{"inn.*"},
			Match: func(e store.Event, key string) bool { return key == "" || e.Subject == "inn/"+key },
			Render: func(_ context.Context, _ string, events []store.Event) ([]templ.Component, error) {
				renders.Add(1)
				return []templ.Component{templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
					for _, e := range events {
						if _, err := fmt.Fprintf(w, "<li id=\"e%d\" data-into=\"arrivals\">%s %s</li>", e.Position, web.T(ctx, "inn.title"), e.Actor); err != nil {
							return err
						}
					}
					return nil
				})}, nil
			},
		})
	}
}

func (c *court) arrive(t testing.TB, names ...string) {
	t.Helper()
	if err := c.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, n := range names {
			tx.Emit(store.Event{Type: "inn.guest.arrived", Version: 1, Subject: "inn/hall", Actor: "citizen/" + n, Data: struct{}{}})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// stream is an open EventSource.
type stream struct {
	res   *http.Response
	lines chan string
	last  string // the last id seen
}

func (g *guest) listen(path, lastID string) *stream {
	g.t.Helper()
	r, _ := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.base+path, nil)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	s := &stream{res: res, lines: make(chan string, 1000)}
	go func() {
		defer close(s.lines)
		sc := bufio.NewScanner(res.Body)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			s.lines <- sc.Text()
		}
	}()
	return s
}

// until reads on until a line holds text; it gives everything read.
func (s *stream) until(t testing.TB, text string) string {
	t.Helper()
	var all strings.Builder
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("the stream ended before %q; got %s", text, all.String())
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				s.last = id
			}
			all.WriteString(line + "\n")
			if strings.Contains(line, text) {
				return all.String()
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("waited for %q; got %s", text, all.String())
		}
	}
}

func (s *stream) ended(t testing.TB) {
	t.Helper()
	deadline := time.After(3 * time.Second)
	for {
		select {
		case _, ok := <-s.lines:
			if !ok {
				return
			}
		case <-deadline:
			t.Fatal("the stream is still open")
		}
	}
}

func TestLiveScreensMissNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var renders atomic.Int64
		c := open(t, db, web.Options{}, boards(&renders))
		nobody := c.guest(t)
		if a := nobody.get("/live/arrivals"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger may watch: %d", a.StatusCode)
		}
		g := c.guest(t)
		g.signIn("p-ayesha")
		if a := g.get("/live/nothing"); a.StatusCode != http.StatusNotFound {
			t.Errorf("unknown topic: %d", a.StatusCode)
		}
		s := g.listen("/live/arrivals?from=0", "")
		if ct := s.res.Header.Get("Content-Type"); ct != "text/event-stream" {
			t.Fatalf("%s %s", s.res.Status, ct)
		}
		c.arrive(t, "one", "two")
		got := s.until(t, "citizen/two")
		if !strings.Contains(got, "event: patch") || !strings.Contains(got, "citizen/one") || !strings.Contains(got, "The inn") {
			t.Error(got)
		}
		// the line breaks; meanwhile something happens; the browser comes again with the last id
		last := s.last
		_ = s.res.Body.Close()
		c.arrive(t, "three")
		s2 := g.listen("/live/arrivals", last)
		again := s2.until(t, "citizen/three")
		if strings.Contains(again, "citizen/two") {
			t.Errorf("told again what was seen: %s", again)
		}
		c.arrive(t, "four")
		s2.until(t, "citizen/four")

		// signing out closes the screen, also of the other language and tab
		s3 := g.listen("/live/arrivals", last)
		want(t, g.post("/sign-out", nil), http.StatusSeeOther)
		s2.ended(t)
		s3.ended(t)
	})
}

// TestSignOutInAnotherProcess ends a session in the database only: the event
// closes the screens wherever they are.
func TestSignOutInAnotherProcess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var renders atomic.Int64
		c := open(t, db, web.Options{}, boards(&renders))
		g := c.guest(t)
		g.signIn("p-ayesha")
		s := g.listen("/live/arrivals", "")
		c.arrive(t, "one")
		s.until(t, "citizen/one")
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return web.EndSessions(tx, "p-ayesha") }); err != nil {
			t.Fatal(err)
		}
		s.ended(t)
	})
}

func TestViewersShareOneDrawing(t *testing.T) {
	var renders atomic.Int64
	c := open(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), web.Options{Pace: -1, Screens: web.Screens{Session: -1}}, boards(&renders))
	g := c.guest(t)
	g.signIn("p-ayesha")
	var all []*stream
	for range 20 {
		all = append(all, g.listen("/live/arrivals", ""))
	}
	for c.site.Viewers() < 20 {
		time.Sleep(5 * time.Millisecond)
	}
	c.arrive(t, "one", "two", "three")
	for _, s := range all {
		s.until(t, "citizen/three")
	}
	if n := renders.Load(); n > 3 {
		t.Errorf("drawn %d times for 20 viewers", n)
	}
}

// BenchmarkFanOut is the time from a durable event to 500 screens.
func BenchmarkFanOut(b *testing.B) {
	const viewers = 500
	var renders atomic.Int64
	c := open(b, storetest.Open(b, store.Config{URL: storetest.SQLite(b)}), web.Options{Pace: -1, Screens: web.Screens{Session: -1, Address: -1}}, boards(&renders))
	g := c.guest(b)
	g.signIn("p-ayesha")
	var streams []*stream
	for range viewers {
		streams = append(streams, g.listen("/live/arrivals", ""))
	}
	for c.site.Viewers() < viewers {
		time.Sleep(5 * time.Millisecond)
	}
	var worst time.Duration
	b.ResetTimer()
	for i := range b.N {
		name := fmt.Sprintf("guest-%d-", i)
		c.arrive(b, name)
		start := time.Now()
		var wg sync.WaitGroup
		for _, s := range streams {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for line := range s.lines {
					if strings.Contains(line, name) {
						return
					}
				}
			}()
		}
		wg.Wait()
		worst = max(worst, time.Since(start))
	}
	b.ReportMetric(float64(worst.Milliseconds()), "ms-worst-screen")
	b.ReportMetric(viewers, "viewers")
}
