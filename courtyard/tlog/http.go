package tlog

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"

	"sarai/courtyard/store"
)

// immutable is for tiles and bundles: they never change.
const immutable = "public, max-age=31536000, immutable"

// Handler serves the log below /log/ as C2SP tlog-tiles says: /log/checkpoint,
// /log/tile/<L>/<N>[.p/<W>] and /log/tile/entries/<N>[.p/<W>]; and at /log/ a
// page of text that says how to read it. All of it is public and may be read
// from any origin.
func (l *Log) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this log is read with GET", http.StatusMethodNotAllowed)
			return
		}
		path, ok := strings.CutPrefix(r.URL.Path, "/log/")
		switch {
		case !ok:
			http.NotFound(w, r)
		case path == "":
			l.serveAbout(w, r)
		case path == "checkpoint":
			l.serveCheckpoint(w, r)
		case strings.HasPrefix(path, "tile/"):
			l.serveTile(w, r, path[len("tile/"):])
		default:
			http.NotFound(w, r)
		}
	})
}

func (l *Log) serveAbout(w http.ResponseWriter, r *http.Request) {
	keys, err := l.VerifierKeys(r.Context())
	if err != nil {
		l.broken(w, r, err)
		return
	}
	earlier, err := l.earlierKeys(r.Context())
	if err != nil {
		l.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, "Transparency log %s\n\nEvery event of this house is an entry here, as a commitment that reveals nothing.\n"+
		"Read it as c2sp.org/tlog-tiles says: checkpoint, tile/<L>/<N>, tile/entries/<N>.\n"+
		"Receipts (c2sp.org/tlog-proof) are checked offline with the key of their time.\n", l.opts.Origin)
	if len(earlier) > 0 {
		_, _ = fmt.Fprintf(w, "\nEarlier verifier keys, for receipts of their time:\n%s\n", strings.Join(earlier, "\n"))
	}
	_, _ = fmt.Fprintf(w, "\nVerifier keys:\n%s\n", strings.Join(keys, "\n"))
}

func (l *Log) serveCheckpoint(w http.ResponseWriter, r *http.Request) {
	signed, _, err := l.Latest(r.Context())
	switch {
	case err != nil:
		l.broken(w, r, err)
	case signed == nil:
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(signed)
	}
}

func (l *Log) serveTile(w http.ResponseWriter, r *http.Request, path string) {
	t, err := parseTile(path)
	if err != nil || r.URL.RawQuery != "" {
		http.NotFound(w, r)
		return
	}
	var data []byte
	err = l.db.View(r.Context(), func(tx *store.Tx) error {
		data = nil
		cp, err := latest(tx)
		// Only what a checkpoint covers is published.
		if err != nil || cp == nil || !t.within(cp.N) {
			return err
		}
		if t.level == entries {
			data, err = readBundle(tx, t)
		} else {
			data, err = readTile(tx, t)
		}
		return err
	})
	switch {
	case err != nil:
		l.broken(w, r, err)
		return
	case data == nil:
		w.Header().Set("Cache-Control", "no-store") // it may exist a second later
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", immutable)
	if t.level != entries { // hashes do not compress
		_, _ = w.Write(data)
		return
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if !acceptsGzip(r) {
		_, _ = w.Write(data)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(data)
	_ = z.Close()
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3) for gzip by name.
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.ReplaceAll(strings.ToLower(weight), " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000") && q != "q=0.0" && q != "q=0.00"
		}
	}
	return false
}

func (l *Log) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader has gone
	}
	l.opts.Logger.ErrorContext(r.Context(), "log not served", "path", r.URL.Path, "error", err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "the log cannot be read now", http.StatusServiceUnavailable)
}
