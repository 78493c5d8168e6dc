package house

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
	"sarai/house/journey"
)

// TestACountryMovesHouse backs a country up while it is served, restores it,
// copies it to PostgreSQL and back, and opens what comes out: the same tables,
// the same log, and an old receipt is still good.
func TestACountryMovesHouse(t *testing.T) {
	silence(t)
	ctx, old := context.Background(), t.TempDir()
	addr := freePort(t) // the log is named after the public address, which stays
	var file bytes.Buffer
	var receipt []byte
	var vkey string
	var document string

	// The house stands only inside this function, so that it can be stopped.
	if !t.Run("serve and back up", func(t *testing.T) {
		h := openHouse(t, Config{Data: old, Addr: addr})
		keep := t.TempDir()
		w := goWalk(t, journey.Options{Server: h.Base(), Keep: keep})
		document = w.Facts().Token
		var err error
		if receipt, err = os.ReadFile(filepath.Join(keep, "receipt-1.tlog-proof")); err != nil {
			t.Fatal(err)
		}
		vkey = h.court.Log.VerifierKey()
		if _, err := Backup(ctx, Config{Data: old}, &file); err != nil {
			t.Fatal(err)
		}
		t.Logf("a backup of %d kB was written while the country was served", file.Len()/1000)
	}) {
		return
	}

	before := report(t, Config{Data: old})
	restored := t.TempDir()
	if _, err := Restore(ctx, Config{Data: restored}, bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	after := report(t, Config{Data: restored})
	if after.Size == 0 || after.Size > before.Size {
		t.Errorf("the restored log has %d entries, the served one %d", after.Size, before.Size)
	}
	if _, err := Restore(ctx, Config{Data: restored}, bytes.NewReader(file.Bytes())); err == nil {
		t.Error("a country was restored over another one")
	}
	half := bytes.NewReader(file.Bytes()[:file.Len()/2])
	if _, err := Restore(ctx, Config{Data: t.TempDir()}, half); err == nil {
		t.Error("half a backup was taken for a whole one")
	}

	server, back := storetest.Postgres(t), t.TempDir()
	there, err := CopyDB(ctx, "sqlite:"+filepath.Join(restored, "sarai.db"), server)
	if err != nil {
		t.Fatal(err)
	}
	home, err := CopyDB(ctx, server, "sqlite:"+filepath.Join(back, "sarai.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Report{there, home} {
		if err := same(after, r); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s; there and back the same", home)

	// The key comes by another way than the data. So does the mark that all of
	// this is a demonstration.
	for _, name := range []string{"master.key", demoMark} {
		text, err := os.ReadFile(filepath.Join(old, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(back, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := openHouse(t, Config{Data: back, Addr: addr})
	if k := h.court.Log.VerifierKey(); k != vkey {
		t.Errorf("the log signs as %s, not as %s", k, vkey)
	}
	proof, err := tlog.Verify(receipt, h.court.Log.VerifierKey())
	if err != nil {
		t.Fatalf("the old receipt does not hold: %v", err)
	}
	if _, size, err := tlog.Check(ctx, h.Base()+"/log", vkey, proof.Checkpoint); err != nil {
		t.Errorf("the moved log does not contain what the receipt was made from: %v", err)
	} else {
		t.Logf("the old receipt holds, and the moved log of %d entries contains it", size)
	}
	open(t, journey.NewBrowser(h.Base(), "en"), "/verify/"+document, http.StatusOK)
	ledgerHolds(t, h)
	noGaps(t, h)
	goWalk(t, journey.Options{Server: h.Base(), Lang: "ur"}) // life goes on
}

// report digests a country that nobody serves.
func report(t *testing.T, cfg Config) Report {
	t.Helper()
	r, err := withStore(t.Context(), cfg, func(c *courtyard.Courtyard) (Report, error) { return reportOn(t.Context(), "Read", c) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}
