package house

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// client gives the address a request came from. Behind a reverse proxy every
// connection is the proxy's: if those counted, one guesser would lock everybody
// out of signing in. So the proxies named in Proxies are believed about whom
// they speak for (X-Forwarded-For), read from its end, and nobody else is.
func (c Config) client() (func(*http.Request) string, error) {
	var trusted []netip.Prefix
	for _, s := range c.Proxies {
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("house: proxy %q is no address and no network such as 10.0.0.0/8", s)
		}
		trusted = append(trusted, p)
	}
	ours := func(a netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) string {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			return r.RemoteAddr
		}
		from, err := netip.ParseAddr(host)
		if err != nil || len(trusted) == 0 || !ours(from.Unmap()) {
			return host
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break // whoever wrote this is not one of ours
			}
			if from = hop; !ours(hop.Unmap()) {
				break
			}
		}
		return from.Unmap().String()
	}, nil
}

// direct hides what is the operator's from everybody whom a proxy speaks for.
func direct(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
