package tlog_test

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
)

var update = flag.Bool("update", false, "write a new log and receipt to conformance/tlog/testdata")

const golden = "../../conformance/tlog/testdata"

// The log in conformance/tlog/testdata was written by an earlier build. What was
// published then must verify for ever, here and with Tessera (see its README).
func TestALogWrittenByAnEarlierBuildStillVerifies(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	vkeys, err := os.ReadFile(filepath.Join(golden, "vkeys"))
	if err != nil {
		t.Fatal(err)
	}
	keys := strings.Fields(string(vkeys))
	receipt, err := os.ReadFile(filepath.Join(golden, "receipt.tlog-proof"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := tlog.Verify(receipt, keys...)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.FileServer(http.Dir(golden)))
	defer s.Close()
	c := &tlog.Client{URL: s.URL + "/log", Keys: keys, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	old, err := os.ReadFile(filepath.Join(golden, "checkpoint.earlier"))
	if err != nil {
		t.Fatal(err)
	}
	fresh, size, err := c.Check(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if size != p.Size || !bytes.Equal(fresh, p.Checkpoint) || p.Event.Type != "services.document.issued" {
		t.Fatalf("%d entries, receipt of %+v", size, p.Event)
	}
}

func writeGolden(t *testing.T) {
	h := furnish(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), tlog.Options{Quantum: true})
	write := func(path string, b []byte) {
		t.Helper()
		path = filepath.Join(golden, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.journal.Run(ctx) }()
	id := ""
	for i := range 3 { // in three transactions
		err := h.db.Update(t.Context(), func(tx *store.Tx) error {
			for n := range 100 {
				if i == 1 && n == 50 {
					id = tx.Emit(store.Event{Type: "services.document.issued", Subject: "services/document/7", Actor: "post/icta.dc.dc", Data: map[string]any{"service": "domicile"}})
				}
				tx.Emit(store.Event{Type: "office.file.moved", Subject: "office/file/1", Actor: "post/icta.dc.ac", Data: map[string]int{"n": n}})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.journal.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	var size int64
	for _, upTo := range []int{200, 300} {
		events, err := h.journal.Read(t.Context(), size, upTo-int(size))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.log.Append(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		signed, n, err := h.log.Latest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		size = n
		write(map[int]string{200: "checkpoint.earlier", 300: "log/checkpoint"}[upTo], signed)
	}
	for _, path := range []string{"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"} {
		rec := httptest.NewRecorder()
		h.log.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/log/"+path, nil))
		if rec.Code != http.StatusOK {
			t.Fatal(path, rec.Code)
		}
		write("log/"+path, rec.Body.Bytes())
	}
	receipt, err := h.log.Receipt(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	write("receipt.tlog-proof", receipt)
	write("vkeys", []byte(strings.Join(h.keys, "\n")+"\n"))
}
