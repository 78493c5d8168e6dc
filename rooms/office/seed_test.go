package office_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/office"
	"sarai/rooms/office/pades"
)

// TestADemoCountry: what the demo starts with, and what it issues.
func TestADemoCountry(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		t.Run("a seeded nation", func(t *testing.T) { h.t = t; aSeededNation(t, h) })
		t.Run("work lies on a desk on whatever day it begins", func(t *testing.T) { h.t = t; workLiesOnADesk(t, h) })
		t.Run("simulated officials work", func(t *testing.T) { h.t = t; officialsWork(t, h) })
		t.Run("a certificate is signed by the house", func(t *testing.T) { h.t = t; aCertificate(t, h) })
	})
}

// aSeededNation: hundreds of files on their way, each sound, twice the same.
func aSeededNation(t *testing.T, h *house) {
	ctx := context.Background()
	start := time.Now()
	h.ok(h.room.Seed(ctx, office.Seed{Seed: 7}))
	took := time.Since(start)
	h.ok(h.room.Seed(ctx, office.Seed{Seed: 7}))
	var files, open, moves, paras int
	var ids []string
	h.ok(h.DB.View(ctx, func(tx *store.Tx) error {
		if err := tx.QueryRow(`select count(*), count(*) filter (where state = 'open'), sum(moves), sum(paras) from office_file`).Scan(&files, &open, &moves, &paras); err != nil {
			return err
		}
		var err error
		ids, err = store.List(tx, store.Value[string], `select id from office_file order by id limit 40`)
		return err
	}))
	t.Logf("%d files, %d open, %d movements, %d paras in %v", files, open, moves, paras, took)
	if files != 400 || open < 150 || open > 380 || moves < 600 || paras < 200 {
		t.Error("that is not a nation at work")
	}
	for _, id := range ids {
		if found, err := h.room.Verify(ctx, id); err != nil || len(found) > 0 {
			t.Errorf("file %s: %v %v", id, found, err)
		}
	}
	b, err := h.room.Board(ctx, "all")
	h.ok(err)
	if b.Open != int64(open) || len(b.Moves) != 12 || len(b.Loads) == 0 {
		t.Errorf("board: %+v", b)
	}
}

// workLiesOnADesk: a country that is made at any hour of any day, holidays and the
// nights between them included, has a file with a note on the desk of the one who
// goes on with it.
func workLiesOnADesk(t *testing.T, h *house) {
	ctx := context.Background()
	before := h.Clock.Now()
	defer h.Clock.Set(before)
	for day := range 60 {
		at := time.Date(2026, 11, 1+6*day, 0, 0, 0, 0, h.Pack.Zone).Add(time.Duration(day%4)*6*time.Hour + 10*time.Minute)
		h.Clock.Set(at)
		h.ok(h.DB.Update(ctx, func(tx *store.Tx) error {
			for _, table := range []string{"office_para", "office_movement", "office_receipt", "office_file"} {
				if _, err := tx.Exec("delete from " + table); err != nil {
					return err
				}
			}
			_, err := tx.Exec("delete from store_once where scope = 'office.seed'")
			return err
		}))
		h.ok(h.room.Seed(ctx, office.Seed{Seed: 7, Files: 20}))
		n := 0
		h.ok(h.DB.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow("select count(*) from office_file where office = 'icta.dc' and state = 'open' and holder = 'icta.dc.ac' and paras > 0").Scan(&n)
		}))
		if n == 0 {
			t.Errorf("%v: no file with a note lies on the desk", at)
		}
	}
}

// officialsWork: in a live demo files move by themselves, soundly.
func officialsWork(t *testing.T, h *house) {
	ctx := context.Background()
	h.Appoint("tariq", "icta.commissioner")
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's dice
	done := 0
	for range 10 {
		ok, err := h.room.Work(ctx, random)
		h.ok(err)
		if ok {
			done++
		}
	}
	if done == 0 {
		t.Error("nobody did anything")
	}
	t.Logf("%d of 10 did something", done)
	var ids []string
	h.ok(h.DB.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = store.List(tx, store.Value[string], `select distinct file from office_movement where at >= $1`, h.Clock.Now().Add(-time.Hour))
		return err
	}))
	for _, id := range ids {
		if found, err := h.room.Verify(ctx, id); err != nil || len(found) > 0 {
			t.Errorf("file %s: %v %v", id, found, err)
		}
	}
}

// aCertificate: print, sign by the ring's key, verify.
func aCertificate(t *testing.T, h *house) {
	ctx := context.Background()
	both := func(en, ur string) map[string]string { return map[string]string{"en": en, "ur": ur} }
	doc, err := h.room.Certificate(ctx, office.CertificateText{
		Number: "DC-ICT/DOM/2026/00042", Title: both("Certificate of Domicile", "سندِ ڈومیسائل"),
		Statement: both("This is to certify that the person named below is domiciled in Islamabad.", "تصدیق کی جاتی ہے کہ ذیل میں نامزد شخص اسلام آباد کا ڈومیسائل رکھتا ہے۔"),
		Rows:      []office.CertificateRow{{Label: both("Name", "نام"), Value: both("Ayesha Siddiqui", "عائشہ صدیقی")}},
		Law:       both("Pakistan Citizenship Act, 1951, s. 17", "قانونِ شہریتِ پاکستان ۱۹۵۱ء"), Post: dc, VerifyURL: h.URL + "/verify/7K3MQ2ZD",
		Source: []byte(`{"type":"DomicileCertificate"}`),
	})
	h.ok(err)
	ca, err := h.Keys.Authority(ctx)
	h.ok(err)
	root, err := x509.ParseCertificate(ca)
	h.ok(err)
	pool := x509.NewCertPool()
	pool.AddCert(root)
	sig, err := pades.Verify(doc, pool, h.Clock.Now())
	h.ok(err)
	if !sig.Stamped || !strings.Contains(sig.Certificate.Subject.String(), "Documents of the offices") {
		t.Errorf("signed by %s, stamped %v", sig.Certificate.Subject, sig.Stamped)
	}
	if _, err := h.room.Certificate(ctx, office.CertificateText{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty certificate: %v", err)
	}
	pdfsig, err1 := exec.LookPath("pdfsig")
	certutil, err2 := exec.LookPath("certutil")
	if err1 != nil || err2 != nil {
		t.Skip("pdfsig or certutil is not installed: poppler was not asked")
	}
	dir := t.TempDir()
	h.ok(os.WriteFile(filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}), 0o600))
	h.ok(os.WriteFile(filepath.Join(dir, "c.pdf"), doc, 0o600))
	if keep := os.Getenv("SARAI_KEEP_PDF"); keep != "" {
		h.ok(os.WriteFile(keep, doc, 0o600))
	}
	for _, args := range [][]string{{"-N", "--empty-password"}, {"-A", "-n", "sarai", "-t", "CT,C,C", "-i", filepath.Join(dir, "ca.pem")}} {
		if out, err := exec.Command(certutil, append(args, "-d", "sql:"+dir)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %s", out)
		}
	}
	out, _ := exec.Command(pdfsig, "-nssdir", "sql:"+dir, filepath.Join(dir, "c.pdf")).CombinedOutput()
	if !bytes.Contains(out, []byte("Signature is Valid")) || !bytes.Contains(out, []byte("Certificate is Trusted")) {
		t.Errorf("pdfsig: %s", out)
	}
}
