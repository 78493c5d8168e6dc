package envelope

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sarai/rooms/payments/xmldsig"
)

const (
	header   = `<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>B1</BizMsgIdr></AppHdr>`
	document = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.028.001.03"><X>جناب</X></Document>`
)

func party(t testing.TB) (*xmldsig.Signer, *xmldsig.Verifier) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "SONEPKKA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := xmldsig.NewSigner(key, cert, xmldsig.IssuerSerial)
	if err != nil {
		t.Fatal(err)
	}
	set, err := xmldsig.NewCertificates(cert)
	if err != nil {
		t.Fatal(err)
	}
	return signer, &xmldsig.Verifier{Certificate: set.Find}
}

func TestWhatIsSealedCanBeOpened(t *testing.T) {
	signer, verifier := party(t)
	raw, err := Seal([]byte("\uFEFF<?xml version=\"1.0\"?>\n"+header+"\n"), []byte(document), signer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(raw, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Header) != header || string(m.Document) != document || m.Name != "pacs.028.001.03" || m.HeaderName != "head.001.001.02" {
		t.Errorf("%+v", m)
	}
	if m.Signature.Certificate.Subject.CommonName != "SONEPKKA" {
		t.Errorf("signed by %s", m.Signature.Certificate.Subject)
	}
	u, err := Split(raw, 0)
	if err != nil || !u.Signed || string(u.BareHeader()) != header {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := Open(bytes.Replace(raw, []byte("B1"), []byte("B2"), 1), verifier); !errors.Is(err, xmldsig.ErrDigest) {
		t.Errorf("a changed message: %v", err)
	}
	plain, err := Join([]byte(header), []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(plain, verifier); !errors.Is(err, xmldsig.ErrUnsigned) {
		t.Errorf("an unsigned message: %v", err)
	}
	if u, err := Split(plain, 0); err != nil || u.Signed || string(u.Document) != document {
		t.Errorf("%+v, %v", u, err)
	}
}

// A part that is more than an element would bring something beside it into the
// envelope; the signer's reader finds that.
func TestPartsAreElements(t *testing.T) {
	signer, _ := party(t)
	for _, c := range [][2]string{
		{"", document}, {header, "text"}, {"<?xml version='1.0'", document}, {header + "<X/>", document}, {header, document + document},
		{header + "</Message><Message>", document}, {document, header}, {header, strings.TrimSuffix(document, ">")},
	} {
		if raw, err := Seal([]byte(c[0]), []byte(c[1]), signer); err == nil {
			t.Errorf("sealed %s", raw)
		}
	}
}

func TestBodies(t *testing.T) {
	ask := func(contentType, encoding, body string, length int64, limit int64) ([]byte, error) {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(strings.NewReader(body)))
		r.ContentLength = length
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
		return Body(httptest.NewRecorder(), r, limit)
	}
	long := strings.Repeat("x", 20_000)
	for _, c := range []struct {
		kind, encoding, body string
		length, limit        int64
		want                 error
	}{
		{MediaType, "", long, int64(len(long)), 0, nil},
		{"text/xml", "identity", long, -1, 0, nil},
		{`application/xml;charset="UTF-8"`, "", "", 0, 0, nil},
		{MediaType, "", long, 10, 0, nil}, // the announced length is a hint
		{"", "", "x", 1, 0, ErrMediaType},
		{"application/json", "", "x", 1, 0, ErrMediaType},
		{"application/xml; charset=utf-16", "", "x", 1, 0, ErrMediaType},
		{MediaType, "gzip", "x", 1, 0, ErrMediaType},
		{MediaType, "", long, int64(len(long)), 19_999, ErrTooLarge},
		{MediaType, "", long, -1, 19_999, ErrTooLarge},
		{MediaType, "", long, -1, 20_000, nil},
	} {
		got, err := ask(c.kind, c.encoding, c.body, c.length, c.limit)
		if !errors.Is(err, c.want) || err == nil && string(got) != c.body {
			t.Errorf("%+.60v: %d bytes, %v", c, len(got), err)
		}
	}
	answer := &http.Response{Header: http.Header{"Content-Type": {MediaType}}, Body: io.NopCloser(strings.NewReader("<a/>")), ContentLength: 4}
	if got, err := Answer(answer, 0); err != nil || string(got) != "<a/>" {
		t.Errorf("%q, %v", got, err)
	}
}

func BenchmarkSplit(b *testing.B) {
	raw, err := Join([]byte(header), []byte(strings.Replace(document, "<X>", strings.Repeat("<Y>12345678</Y>", 150)+"<X>", 1)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(raw, 0); err != nil {
			b.Fatal(err)
		}
	}
}
