package xmldsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"sync"
	"testing"
)

func TestNamesAreComparedWhateverTheirSpelling(t *testing.T) {
	for _, same := range [][]string{
		{"CN=SONEPKKA,O=Sarai\\, Ltd.,C=PK", "CN=SONEPKKA, O=\"Sarai, Ltd.\", C=PK", "cn = sonepkka , o=Sarai\\2C Ltd. ; c=pk", "2.5.4.3=SONEPKKA,OID.2.5.4.10=Sarai\\, Ltd.,2.5.4.6=PK", "CN=#0c08534f4e45504b4b41,O=Sarai\\, Ltd.,C=PK"},
		{"CN=a+OU=b", "OU=b + CN=a"},
		{"E=x@y.pk,CN=a", "1.2.840.113549.1.9.1=#16067840792e706b,CN=a", "emailAddress=x@y.pk,CN=a"},
		{`CN=a\+b\=c`, `CN="a+b=c"`},
		{"CN=جناب", `CN=\D8\AC\D9\86\D8\A7\D8\A8`},
	} {
		for _, other := range same[1:] {
			if normalName(same[0]) != normalName(other) {
				t.Errorf("%s and %s are one name: %s, %s", same[0], other, normalName(same[0]), normalName(other))
			}
		}
	}
	for _, c := range [][2]string{{"CN=a,O=b", "CN=a"}, {"CN=a,O=b", "O=b,CN=a"}, {`CN=a\,O\=b`, "CN=a,O=b"}, {"CN=a", "OU=a"}, {"CN=ab", "CN=a b"}} {
		if normalName(c[0]) == normalName(c[1]) {
			t.Errorf("%s and %s are two names", c[0], c[1])
		}
	}
}

func TestCertificatesAreFoundByWhatKeyInfoNames(t *testing.T) {
	a, b := p256().cert, p384().cert
	set := must(NewCertificates(a, b, a))
	for name, c := range map[string]struct {
		key  KeyInfo
		want *x509.Certificate
	}{
		"certificate":   {KeyInfo{Certificate: b.Raw}, b},
		"key id":        {KeyInfo{SKI: a.SubjectKeyId}, a},
		"serial":        {KeyInfo{Issuer: "c=pk, cn=nobody", Serial: "1001"}, nil},
		"serial right":  {KeyInfo{Issuer: `CN=SONEPKKA, O="Sarai, Ltd.", C=PK`, Serial: "1001"}, a},
		"subject":       {KeyInfo{Subject: b.Subject.String()}, b},
		"nothing named": {KeyInfo{}, nil},
		"unknown id":    {KeyInfo{SKI: []byte{1}}, nil},
	} {
		got, err := set.Find(&c.key)
		if c.want == nil {
			if !errors.Is(err, ErrCertificate) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got.Certificate() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := must(NewCertificates(a)).Find(&KeyInfo{}); err != nil || got.Certificate() != a {
		t.Errorf("the only one: %v", err)
	}
}

func TestSomeCertificatesAreNotTrusted(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "TLS"}, NotBefore: begins, NotAfter: ends, KeyUsage: x509.KeyUsageKeyAgreement}
	cert := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
	if _, err := Trust(cert); !errors.Is(err, ErrCertificate) {
		t.Errorf("key usage: %v", err)
	}
	p521 := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	if _, err := NewCertificates(newIdentity(p521, "X", 1).cert); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("curve: %v", err)
	}
}

// TestManyAtOnce shares a signer and a verifier between goroutines; what was
// verified must not change when the pools are used again.
func TestManyAtOnce(t *testing.T) {
	s := must(NewSigner(p256().key, p256().cert, SubjectKeyID))
	v := verifier(t, p256().cert)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var kept []*Verified
			doc := forms["plain"]
			if i%2 == 1 {
				doc = forms["prefixed"]
			}
			for range 20 {
				out, err := s.Sign([]byte(doc))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := v.Verify(out)
				if err != nil {
					t.Error(err)
					return
				}
				clear(out)
				kept = append(kept, got)
			}
			for _, k := range kept {
				if string(k.Document) != string(kept[0].Document) || string(k.Header) != string(kept[0].Header) {
					t.Error("verified bytes changed afterwards")
				}
			}
		})
	}
	wg.Wait()
}
