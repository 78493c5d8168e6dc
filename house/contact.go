package house

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// contact serves /.well-known/security.txt (RFC 9116): where to report a
// weakness. The file must say when it stops being true; it says a year from now
// each time, because it is as true as the running program.
func (h *House) contact() {
	if h.cfg.Contact == "" {
		return
	}
	address := h.cfg.Contact
	if !strings.Contains(address, ":") {
		address = "mailto:" + address
	}
	h.court.Site.Mount("GET /.well-known/security.txt", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		expires := h.court.Clock.Now().AddDate(1, 0, 0).Truncate(24 * time.Hour)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "Contact: %s\nExpires: %s\nPreferred-Languages: en, ur\nCanonical: %s/.well-known/security.txt\n", address, expires.Format(time.RFC3339), h.base)
	}))
}
