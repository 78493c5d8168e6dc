package house

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyNamedProxiesAreBelieved(t *testing.T) {
	for _, c := range []struct {
		name, proxies, from, forwarded, want string
	}{
		{"no proxy", "", "203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		{"not this one", "10.0.0.0/8", "203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		{"behind one", "127.0.0.1", "127.0.0.1:4000", "198.51.100.1", "198.51.100.1"},
		{"behind two", "127.0.0.1 10.0.0.0/8", "127.0.0.1:4000", "198.51.100.1, 10.1.2.3", "198.51.100.1"},
		{"the sender's own tale", "127.0.0.1", "127.0.0.1:4000", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
		{"said nothing", "127.0.0.1", "127.0.0.1:4000", "", "127.0.0.1"},
		{"nonsense", "127.0.0.1", "127.0.0.1:4000", "1.1.1.1, who", "127.0.0.1"},
		{"version 6", "::1", "[::1]:4000", "2001:db8::7", "2001:db8::7"},
	} {
		address, err := Config{Proxies: strings.Fields(c.proxies)}.client()
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.from
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := address(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if _, err := (Config{Proxies: []string{"the one in front"}}).client(); err == nil {
		t.Error("a proxy without an address")
	}
}

func TestTheInstrumentsAreNotForThePublic(t *testing.T) {
	h := direct(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for forwarded, want := range map[string]int{"": http.StatusNoContent, "198.51.100.1": http.StatusNotFound} {
		r, w := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("forwarded for %q: %d, want %d", forwarded, w.Code, want)
		}
	}
}
