package xmldsig

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheWireFormStays: Ed25519 has no chance in it, so what is signed today is
// what was signed when testdata/signed.xml was written.
func TestTheWireFormStays(t *testing.T) {
	want := must(os.ReadFile("testdata/signed.xml"))
	got := must(must(NewSigner(steady().key, steady().cert, Certificate)).Sign([]byte(unsigned)))
	if !bytes.Equal(got, want) {
		t.Errorf("signing gives other bytes than testdata/signed.xml:\n%s", got)
	}
	if v, err := verifier(t, steady().cert).Verify(want); err != nil || v.Algorithm != Ed25519 {
		t.Errorf("testdata/signed.xml does not verify any more: %v", err)
	}
}

// TestWhatOthersSignedVerifies reads messages that other programs signed once, so
// that something of them is held against where they are not installed.
func TestWhatOthersSignedVerifies(t *testing.T) {
	block, _ := pem.Decode(must(os.ReadFile("testdata/others/certificate.pem")))
	v := verifier(t, must(x509.ParseCertificate(block.Bytes)))
	files := must(filepath.Glob("testdata/others/*.xml"))
	if len(files) != 3 {
		t.Fatalf("files %q", files)
	}
	for _, file := range files {
		raw := must(os.ReadFile(file))
		var err error
		if strings.HasSuffix(file, ".enveloped.xml") {
			_, err = v.VerifyEnveloped(raw)
		} else {
			_, err = v.Verify(raw)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
