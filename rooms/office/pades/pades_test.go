package pades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarai/rooms/office/pades"
	"sarai/rooms/office/pdf"
)

var now = time.Now().UTC().Truncate(time.Second)

// house is a CA with a document signer and a time-stamping authority under it.
type house struct {
	root   *x509.Certificate
	rootK  crypto.Signer
	signer pades.Signer
	tsa    pades.Authority
	pool   *x509.CertPool
}

func newHouse(t testing.TB, key crypto.Signer) *house {
	t.Helper()
	rootK, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	h := &house{rootK: rootK, pool: x509.NewCertPool()}
	der := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Sarai test authority", Country: []string{"PK"}},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, rootK.Public(), rootK)
	h.root, err = x509.ParseCertificate(der)
	check(t, err)
	h.pool.AddCert(h.root)
	leaf := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Deputy Commissioner, Islamabad", Country: []string{"PK"}},
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}, h.root, key.Public(), rootK)
	h.signer = pades.Signer{Key: key, Certificates: [][]byte{leaf, der}}
	tsaK, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	eku, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	check(t, err)
	tsaDER := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "Sarai test time-stamps", Country: []string{"PK"}},
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: eku}},
	}, h.root, tsaK.Public(), rootK)
	h.tsa = pades.Authority{
		Key: tsaK, Certificates: [][]byte{tsaDER, der}, Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 13762, 3},
		Now: func() time.Time { return now }, Serial: func() *big.Int { return big.NewInt(77) },
	}
	return h
}

func issue(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) []byte {
	t.Helper()
	c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.Add(24*time.Hour)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
	check(t, err)
	return der
}

func letter(t testing.TB) []byte {
	t.Helper()
	d := pdf.New(pdf.Info{Title: "An order", Language: "en", Created: now})
	p := d.Page(pdf.A4Width, pdf.A4Height)
	p.Text(d.Root().Child("H1", ""), "An order", 60, 100, 400, pdf.Style{Size: 20, Bold: true})
	p.Text(d.Root().Child("P", "ur"), "حکم نامہ", 60, 160, 400, pdf.Style{Size: 20, RTL: true})
	p.SignatureField(d.Root(), pdf.Signature{Name: "Deputy Commissioner", Reason: "An order", Location: "Islamabad", At: now}, 60, 200, 200, 50)
	b, err := d.Bytes()
	check(t, err)
	return b
}

func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048) // 3072 in the house; shorter here for the test's sake
	check(t, err)
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return map[string]crypto.Signer{"RSA": r, "P-256": e}
}

// TestSignedLettersHoldAndBreak tells what a verifier of ours says.
func TestSignedLettersHoldAndBreak(t *testing.T) {
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, key)
			plain := letter(t)
			signed, err := pades.Sign(t.Context(), plain, h.signer, h.tsa.Stamp)
			check(t, err)
			if len(signed) != len(plain) {
				t.Errorf("signing changed the length from %d to %d", len(plain), len(signed))
			}
			sig, err := pades.Verify(signed, h.pool, now)
			check(t, err)
			if sig.Certificate.Subject.CommonName != "Deputy Commissioner, Islamabad" || !sig.Stamped || !sig.Claimed.Equal(now) {
				t.Errorf("signature says %+v", sig)
			}
			// any byte outside the gap, any byte of the signature
			gap := bytes.Index(signed, []byte("/Contents <"))
			for _, at := range []int{20, 300, len(signed) - 40, gap - 60} {
				bad := bytes.Clone(signed)
				bad[at] ^= 1
				if _, err := pades.Verify(bad, h.pool, now); err == nil {
					t.Errorf("byte %d was changed and nobody noticed", at)
				}
			}
			bad := bytes.Clone(signed)
			bad[gap+11+2*700] ^= 1
			if _, err := pades.Verify(bad, h.pool, now); err == nil {
				t.Error("the signature was changed and nobody noticed")
			}
			for what, c := range map[string]struct {
				doc  []byte
				pool *x509.CertPool
				at   time.Time
				want error
			}{
				"unsigned":        {plain, h.pool, now, pades.ErrForm},
				"no signature":    {[]byte("%PDF-1.7"), h.pool, now, pades.ErrUnsigned},
				"stranger":        {signed, x509.NewCertPool(), now, pades.ErrUntrusted},
				"too late":        {signed, h.pool, now.Add(48 * time.Hour), pades.ErrUntrusted},
				"something added": {append(bytes.Clone(signed), "% more"...), h.pool, now, pades.ErrForm},
				"another text":    {bytes.Replace(signed, []byte("/Marked true"), []byte("/Marked fals"), 1), h.pool, now, pades.ErrChanged},
			} {
				if _, err := pades.Verify(c.doc, c.pool, c.at); !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", what, err, c.want)
				}
			}
		})
	}
}

func TestTheWrongKeyDoesNotSign(t *testing.T) {
	keys := signers(t)
	h := newHouse(t, keys["RSA"])
	s := h.signer
	s.Key = keys["P-256"]
	if _, err := pades.Sign(t.Context(), letter(t), s, nil); err == nil {
		t.Error("a key signed under another's certificate")
	}
	if _, err := pades.Sign(t.Context(), []byte("%PDF-1.7 no gap"), h.signer, nil); !errors.Is(err, pades.ErrNoGap) {
		t.Errorf("a document without a gap: %v", err)
	}
	broken := func(context.Context, []byte) ([]byte, error) { return nil, errors.New("clock stopped") }
	if _, err := pades.Sign(t.Context(), letter(t), h.signer, broken); err == nil {
		t.Error("signed without the time-stamp that was asked for")
	}
}

// TestOutsideVerifiersAgree asks poppler's pdfsig with an NSS store that
// trusts our CA, qpdf and openssl.
func TestOutsideVerifiersAgree(t *testing.T) {
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, key)
			dir := t.TempDir()
			signed, err := pades.Sign(t.Context(), letter(t), h.signer, h.tsa.Stamp)
			check(t, err)
			changed := bytes.Replace(signed, []byte("/Marked true"), []byte("/Marked True"), 1)
			good, bad, ca := filepath.Join(dir, "good.pdf"), filepath.Join(dir, "bad.pdf"), filepath.Join(dir, "ca.pem")
			check(t, os.WriteFile(good, signed, 0o600))
			check(t, os.WriteFile(bad, changed, 0o600))
			check(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.root.Raw}), 0o600))

			t.Run("pdfsig", func(t *testing.T) {
				tool(t, "pdfsig", "-v") // skips when absent
				nss := filepath.Join(dir, "nss")
				check(t, os.Mkdir(nss, 0o700))
				tool(t, "certutil", "-N", "-d", "sql:"+nss, "--empty-password")
				tool(t, "certutil", "-A", "-d", "sql:"+nss, "-n", "sarai", "-t", "CT,C,C", "-i", ca)
				out := tool(t, "pdfsig", "-nssdir", "sql:"+nss, good)
				for _, want := range []string{"Signature is Valid", "Certificate is Trusted", "ETSI.CAdES.detached", "Total document signed"} {
					if !strings.Contains(out, want) {
						t.Errorf("pdfsig does not say %q:\n%s", want, out)
					}
				}
				if out := tool(t, "pdfsig", "-nssdir", "sql:"+nss, bad); !strings.Contains(out, "Digest Mismatch") {
					t.Errorf("one byte was changed and pdfsig says:\n%s", out)
				}
			})
			t.Run("qpdf", func(t *testing.T) {
				if out := tool(t, "qpdf", "--check", good); !strings.Contains(out, "No syntax or stream encoding errors") {
					t.Error(out)
				}
			})
			t.Run("openssl", func(t *testing.T) {
				sig, err := pades.Verify(signed, h.pool, now)
				check(t, err)
				cms, content := filepath.Join(dir, "sig.der"), filepath.Join(dir, "content")
				check(t, os.WriteFile(cms, sig.CMS, 0o600))
				open := bytes.Index(signed, []byte("/Contents <")) + len("/Contents ")
				end := open + bytes.IndexByte(signed[open:], '>') + 1
				check(t, os.WriteFile(content, append(bytes.Clone(signed[:open]), signed[end:]...), 0o600))
				out := tool(t, "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", cms, "-content", content, "-CAfile", ca, "-purpose", "any", "-out", os.DevNull, "-cades")
				if !strings.Contains(out, "Verification successful") {
					t.Errorf("openssl cms: %s", out)
				}
			})
		})
	}
}

func FuzzVerify(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(f, err)
	h := newHouse(f, key)
	signed, err := pades.Sign(f.Context(), letter(f), h.signer, nil)
	check(f, err)
	at := bytes.Index(signed, []byte("/Type /Sig"))
	f.Add(signed[at:], 0)
	f.Add(signed, 100)
	f.Fuzz(func(t *testing.T, b []byte, _ int) {
		if sig, err := pades.Verify(b, h.pool, now); err == nil && !bytes.Equal(b, signed) && sig == nil {
			t.Error("no signature and no error")
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for name, key := range signers(b) {
		h := newHouse(b, key)
		doc := letter(b)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := pades.Sign(b.Context(), doc, h.signer, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: nothing was checked here", name)
	}
	out, _ := exec.Command(path, args...).CombinedOutput() // what it says is judged, not how it ends
	return string(out)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
