package tlog_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	xtlog "golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
)

func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func serve(t *testing.T, h *house) string {
	s := httptest.NewServer(h.log.Handler())
	t.Cleanup(s.Close)
	return s.URL + "/log/"
}

func TestTheLogIsServedAsTheSpecificationSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{Quantum: true})
		url := serve(t, h)
		if res, _ := get(t, url+"checkpoint"); res.StatusCode != 404 {
			t.Fatalf("a checkpoint before the first: %s", res.Status)
		}
		events := synthetic(1, 700, "a")
		if err := h.log.Append(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if res, _ := get(t, url+"tile/0/000"); res.StatusCode != 404 {
			t.Fatal("a tile was served before any checkpoint covers it")
		}
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Append(t.Context(), synthetic(701, 50, "a")); err != nil { // not covered yet
			t.Fatal(err)
		}
		res, cp := get(t, url+"checkpoint")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(res.Header.Get("Cache-Control"), "max-age=3") {
			t.Fatalf("%s %v", res.Status, res.Header)
		}
		if !strings.HasPrefix(string(cp), origin+"\n700\n") || strings.Count(string(cp), "— "+origin+" ") != 2 {
			t.Fatalf("checkpoint is\n%s", cp)
		}
		var leaves []byte
		for path, width := range map[string]int{"tile/0/000": 256, "tile/0/001": 256, "tile/0/002.p/188": 188, "tile/0/002.p/5": 5, "tile/0/001.p/3": 3, "tile/1/000.p/2": 2, "tile/1/000.p/1": 1} {
			res, b := get(t, url+path)
			if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/octet-stream" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || len(b) != width*32 {
				t.Fatalf("%s: %s %v, %d bytes", path, res.Status, res.Header, len(b))
			}
			if path == "tile/0/000" {
				leaves = b
			}
		}
		res, bundle := get(t, url+"tile/entries/000")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/octet-stream" || res.Header.Get("Content-Encoding") != "" {
			t.Fatalf("bundle: %s %v", res.Status, res.Header)
		}
		res, zipped := get(t, url+"tile/entries/000", "Accept-Encoding", "br, gzip;q=0.8")
		if res.Header.Get("Content-Encoding") != "gzip" || len(zipped) >= len(bundle) {
			t.Fatal("bundle is not compressed for those who can read it")
		}
		if res, _ := get(t, url+"tile/entries/000", "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
			t.Fatal("compressed for one who cannot read it")
		}
		for i := range 256 {
			n := int(binary.BigEndian.Uint16(bundle))
			leaf := xtlog.RecordHash(bundle[2 : 2+n])
			if !bytes.Equal(leaf[:], leaves[32*i:32*i+32]) {
				t.Fatalf("entry %d does not hash to its leaf", i)
			}
			bundle = bundle[2+n:]
		}
		if len(bundle) != 0 {
			t.Fatal("bytes after the last entry")
		}
		for _, path := range []string{"tile/0/002", "tile/0/002.p/189", "tile/0/003", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1", "tile/entries/002", "tile/entries/002.p/189", "tile/0/x000/000",
			"tile/00/000", "tile/0/000.p/256", "tile/data/000", "tile/8/0/000", "other", "checkpoint/", "tile/", "tile/0/000?x=1", "tile/64/000", "tile/0/000.p/0"} {
			if res, _ := get(t, url+path); res.StatusCode != 404 {
				t.Errorf("%s: %s", path, res.Status)
			}
		}
		post, err := http.Post(url+"checkpoint", "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = post.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if post.StatusCode != 405 || post.Header.Get("Allow") == "" {
			t.Fatal("posted")
		}
		if _, about := get(t, url); !strings.Contains(string(about), h.keys[0]) {
			t.Fatal("the page about the log does not name its key")
		}
	})
}

func TestAWatcherProvesThatTheLogOnlyGrows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{Quantum: true})
		url := serve(t, h)
		c := &tlog.Client{URL: url, Keys: h.keys, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
		var seen []byte
		var all [][]byte
		at := int64(1)
		for _, n := range []int64{0, 1, 1, 254, 1, 300, 20} {
			if n > 0 {
				if err := h.log.Append(t.Context(), synthetic(at, n, "a")); err != nil {
					t.Fatal(err)
				}
			}
			at += n
			if err := h.log.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			fresh, size, err := c.Check(t.Context(), seen)
			if err != nil || size != at-1 {
				t.Fatalf("at %d: %d %v", at-1, size, err)
			}
			for _, old := range all {
				if _, _, err := c.Check(t.Context(), old); err != nil {
					t.Fatal(err)
				}
			}
			seen, all = fresh, append(all, fresh)
		}

		// A checkpoint that the same key signed for another history.
		other := furnish(t, db, tlog.Options{Quantum: true})
		restore(t, db, backup{frontier: []byte{}, root: make([]byte, 32)}, false)
		if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(`delete from tlog_checkpoint`); return err }); err != nil {
			t.Fatal(err)
		}
		if err := other.log.Append(t.Context(), synthetic(1, 600, "b")); err != nil {
			t.Fatal(err)
		}
		if err := other.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, old := range all {
			_, _, err := c.Check(t.Context(), old)
			if i == 0 && err != nil { // the empty log is the beginning of every log
				t.Fatal(err)
			}
			if i > 0 && (err == nil || !strings.Contains(err.Error(), "fork")) {
				t.Fatalf("the fork was not noticed by the holder of checkpoint %d: %v", i, err)
			}
		}
		if _, _, err := tlog.Check(t.Context(), url, "x+00000000+AA==", nil); err == nil {
			t.Fatal("accepted with a wrong key")
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

func TestAnAlteredTileIsNotBelieved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{})
		if err := h.log.Append(t.Context(), synthetic(1, 300, "a")); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		old, _, err := h.log.Latest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.log.Append(t.Context(), synthetic(301, 400, "a")); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.log.Handler().ServeHTTP(rec, r)
			b := rec.Body.Bytes()
			if strings.Contains(r.URL.Path, "/tile/0/") && len(b) > 40 {
				b[33] ^= 1
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(b)
		}))
		defer bad.Close()
		c := &tlog.Client{URL: bad.URL + "/log", Keys: h.keys, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
		if _, _, err := c.Check(t.Context(), old); err == nil {
			t.Fatal("believed an altered tile")
		}
	})
}

func FuzzVerify(f *testing.F) {
	h := furnish(f, storetest.Open(f, store.Config{URL: storetest.SQLite(f)}), tlog.Options{Quantum: true}).run(f)
	receipt, err := h.log.Receipt(f.Context(), h.emit(f, "office/file/1", map[string]int{"a": 1}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(receipt)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra b3BlbmluZyA=\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// The cosigner's randomised signatures are not in the corpus of another
		// process, so anything but this very receipt is false.
		if _, err := tlog.Verify(b, h.keys...); err == nil && !bytes.Equal(b, receipt) {
			t.Fatal("accepted another file")
		}
	})
}
