// Package tlog_test has outside programs read Sarai's transparency log:
// Tessera's fsck rebuilds it from its entries, transparency-dev/merkle checks
// inclusion and consistency, transparency-dev/formats the receipts and the
// signatures, ML-DSA-44 included. None of our code is used.
//
// Without settings the tests read testdata, a log that an earlier build wrote.
// Of a running house they read, when set:
//
//	SARAI_URL       https://house.example (the log is below /log/)
//	SARAI_LOG_DIR   or a directory with checkpoint and tile/
//	SARAI_LOG_VKEY  its verifier keys, separated by blanks or commas; Ed25519 first
//	SARAI_RECEIPT   a receipt file to check as well
package tlog_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	flog "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// target is one log to read.
type target struct {
	url       *url.URL
	dir       string // when it is a directory
	verifiers []note.Verifier
	receipt   []byte
}

func verifiers(t *testing.T, text string) (out []note.Verifier) {
	t.Helper()
	for _, k := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		v, err := fnote.NewVerifier(k)
		if err != nil {
			t.Fatalf("verifier key %.40s...: %v", k, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		t.Fatal("no verifier key is given: set SARAI_LOG_VKEY")
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serve(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/log/")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func earlier(t *testing.T) target {
	return target{dir: "testdata/log", url: serve(t, http.FileServer(http.Dir("testdata"))), verifiers: verifiers(t, string(read(t, "testdata/vkeys"))), receipt: read(t, "testdata/receipt.tlog-proof")}
}

func live(t *testing.T) target {
	t.Helper()
	base, dir := os.Getenv("SARAI_URL"), os.Getenv("SARAI_LOG_DIR")
	var x target
	switch {
	case base != "":
		u, err := url.Parse(strings.TrimSuffix(base, "/") + "/log/")
		if err != nil {
			t.Fatal(err)
		}
		x.url = u
	case dir != "":
		x.dir, x.url = dir, serve(t, http.StripPrefix("/log/", http.FileServer(http.Dir(dir))))
	default:
		t.Skip("neither SARAI_URL nor SARAI_LOG_DIR is set: no running log is checked")
	}
	x.verifiers = verifiers(t, os.Getenv("SARAI_LOG_VKEY"))
	if f := os.Getenv("SARAI_RECEIPT"); f != "" {
		x.receipt = read(t, f)
	}
	return x
}

// each runs a check on the earlier log and on the one of the settings.
func each(t *testing.T, check func(t *testing.T, x target)) {
	t.Run("earlier", func(t *testing.T) { check(t, earlier(t)) })
	t.Run("live", func(t *testing.T) { check(t, live(t)) })
}

// lines collects klog's output, where fsck says that it has succeeded.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var errNotFinished = errors.New("fsck did not finish in time")

// check runs fsck with a time limit: version 1.0.4 hangs after a bad tile. It
// counts as passed only if fsck returned without an error AND said so.
func check(t *testing.T, x target, limit time.Duration) error {
	t.Helper()
	var said lines
	klog.LogToStderr(false)
	klog.SetOutput(&said)
	f, err := client.NewHTTPFetcher(x.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := x.verifiers[0]
	run := fsck.New(v.Name(), v, f, hashes, fsck.Opts{N: 2})
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run.Check(ctx) }()
	select {
	case err = <-done:
	case <-time.After(limit):
		err = errNotFinished
	}
	klog.Flush()
	if err != nil {
		return err
	}
	if !strings.Contains(said.String(), "Successfully fsck'd log with size") {
		return errors.New("fsck ended without its line of success")
	}
	return nil
}

func hashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range b.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

func TestTesseraFsckAcceptsTheLog(t *testing.T) {
	each(t, func(t *testing.T, x target) {
		if err := check(t, x, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

// altering serves x's log with one byte of the resource at path changed.
func altering(t *testing.T, x target, path string) target {
	y := x
	y.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := http.Get(x.url.JoinPath(strings.TrimPrefix(r.URL.Path, "/log/")).String()) //nolint:noctx // a test
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		if r.URL.Path == "/log/"+path && res.StatusCode == http.StatusOK {
			at := len(b) / 2
			if path == "checkpoint" { // in the signed text: readers must ignore signatures they have no key for
				at = 30
			}
			b[at] ^= 1
		}
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(b)
	}))
	return y
}

func TestTesseraFsckCatchesOneAlteredByte(t *testing.T) {
	x := earlier(t)
	for _, path := range []string{"checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"} {
		t.Run(path, func(t *testing.T) {
			err := check(t, altering(t, x, path), 3*time.Second)
			if err == nil {
				t.Fatal("fsck accepted an altered log")
			}
			t.Logf("caught: %.120s", err)
		})
	}
	t.Run("live", func(t *testing.T) {
		x := live(t)
		path := "tile/0/000"
		if cp := checkpoint(t, x, x.verifiers[0]); cp.Size < 256 {
			path += fmt.Sprintf(".p/%d", cp.Size)
		}
		if err := check(t, altering(t, x, path), 30*time.Second); err == nil {
			t.Fatal("fsck accepted an altered log")
		}
	})
}

func checkpoint(t *testing.T, x target, v note.Verifier) *flog.Checkpoint {
	t.Helper()
	f, err := client.NewHTTPFetcher(x.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cp, _, _, err := flog.ParseCheckpoint(raw, x.verifiers[0].Name(), v)
	if err != nil {
		t.Fatalf("checkpoint by key %08x: %v", v.KeyHash(), err)
	}
	return cp
}

func TestFormatsAcceptsEverySignature(t *testing.T) {
	each(t, func(t *testing.T, x target) {
		for _, v := range x.verifiers {
			checkpoint(t, x, v)
		}
	})
}

func TestMerkleProvesThatTheLogOnlyGrows(t *testing.T) {
	each(t, func(t *testing.T, x target) {
		f, err := client.NewHTTPFetcher(x.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		now := checkpoint(t, x, x.verifiers[0])
		b, err := client.NewProofBuilder(t.Context(), now.Size, f.ReadTile)
		if err != nil {
			t.Fatal(err)
		}
		consistent := func(size uint64, root []byte) {
			t.Helper()
			p, err := b.ConsistencyProof(t.Context(), size, now.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, size, now.Size, p, root, now.Hash); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(x.dir, "testdata") {
			then, _, _, err := flog.ParseCheckpoint(read(t, "testdata/checkpoint.earlier"), x.verifiers[0].Name(), x.verifiers[0])
			if err != nil {
				t.Fatal(err)
			}
			consistent(then.Size, then.Hash)
			return
		}
		// Of a running log: wait a moment for it to move on.
		for range 20 {
			time.Sleep(250 * time.Millisecond)
			next := checkpoint(t, x, x.verifiers[0])
			if next.Size > now.Size {
				then := now
				now = next
				if b, err = client.NewProofBuilder(t.Context(), now.Size, f.ReadTile); err != nil {
					t.Fatal(err)
				}
				consistent(then.Size, then.Hash)
				return
			}
		}
		t.Log("the log did not grow meanwhile")
	})
}

// leaf computes an entry from a receipt's extra data as the log's documentation
// says, with nothing of ours.
func leaf(extra []byte) ([]byte, error) {
	first, record, ok := bytes.Cut(extra, []byte("\n"))
	opening64, found := bytes.CutPrefix(first, []byte("opening "))
	if !ok || !found {
		return nil, errors.New("no opening in the extra data")
	}
	opening, err := base64.StdEncoding.DecodeString(string(opening64))
	if err != nil {
		return nil, err
	}
	var event struct{ Type string }
	if err := json.Unmarshal(record, &event); err != nil {
		return nil, err
	}
	room, _, _ := strings.Cut(event.Type, ".")
	h := hmac.New(sha256.New, opening)
	h.Write(record)
	return fmt.Appendf(nil, "sarai-event/1 %s %s", room, base64.StdEncoding.EncodeToString(h.Sum(nil))), nil
}

func receipt(raw []byte, vs []note.Verifier) error {
	var p fproof.TLogProof
	if err := p.Unmarshal(raw); err != nil {
		return err
	}
	if !bytes.Equal(p.Marshal(), raw) {
		return errors.New("formats writes the same receipt differently")
	}
	data, err := leaf(p.ExtraData)
	if err != nil {
		return err
	}
	for _, v := range vs {
		cp, _, _, err := flog.ParseCheckpoint(p.Checkpoint, vs[0].Name(), v)
		if err != nil {
			return err
		}
		var path [][]byte
		for _, h := range p.Hashes {
			path = append(path, h[:])
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, cp.Size, rfc6962.DefaultHasher.HashLeaf(data), path, cp.Hash); err != nil {
			return err
		}
	}
	return nil
}

func TestMerkleAndFormatsAcceptAReceipt(t *testing.T) {
	each(t, func(t *testing.T, x target) {
		if x.receipt == nil {
			t.Skip("SARAI_RECEIPT is not set")
		}
		if err := receipt(x.receipt, x.verifiers); err != nil {
			t.Fatal(err)
		}
		bad := bytes.Replace(x.receipt, []byte("\nindex "), []byte("\nindex 1"), 1)
		if receipt(bad, x.verifiers) == nil {
			t.Fatal("accepted for another index")
		}
	})
}

func TestEveryFileOfADirectoryIsNamedAsTheSpecificationSays(t *testing.T) {
	x := earlier(t)
	f := client.FileFetcher{Root: x.dir}
	cp := checkpoint(t, x, x.verifiers[0])
	for i := range (cp.Size + 255) / 256 {
		width := uint8(0)
		if (i+1)*256 > cp.Size {
			width = uint8(cp.Size % 256)
		}
		if _, err := f.ReadTile(t.Context(), 0, i, width); err != nil {
			t.Error(err)
		}
		if _, err := f.ReadEntryBundle(t.Context(), i, width); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(x.dir, "checkpoint")); err != nil {
		t.Error(err)
	}
}
