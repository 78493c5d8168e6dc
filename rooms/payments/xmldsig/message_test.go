package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

const unsigned = `<?xml version="1.0" encoding="UTF-8"?>
<Message xmlns="urn:sarai:payments:message:1">
<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02">
  <Fr><FIId><FinInstnId><BICFI>SONEPKKA</BICFI></FinInstnId></FIId></Fr>
  <To><FIId><FinInstnId><BICFI>RAASPKKA</BICFI></FinInstnId></FIId></To>
  <BizMsgIdr>SONEPKKA20261121000000000001</BizMsgIdr>
  <MsgDefIdr>pacs.008.001.08</MsgDefIdr>
  <BizSvc>sarai.instant.01</BizSvc>
  <CreDt>2026-11-21T12:30:00.123+05:00</CreDt>
</AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08">
  <FIToFICstmrCdtTrf>
    <GrpHdr>
      <MsgId>SONEPKKA20261121000000000001</MsgId>
      <CreDtTm>2026-11-21T12:30:00.120+05:00</CreDtTm>
      <NbOfTxs>1</NbOfTxs>
      <TtlIntrBkSttlmAmt Ccy="PKR">1250.00</TtlIntrBkSttlmAmt>
      <IntrBkSttlmDt>2026-11-21</IntrBkSttlmDt>
      <SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Prtry>RAAST</Prtry></ClrSys></SttlmInf>
      <InstgAgt><FinInstnId><BICFI>SONEPKKA</BICFI></FinInstnId></InstgAgt>
      <InstdAgt><FinInstnId><BICFI>MEZNPKKA</BICFI></FinInstnId></InstdAgt>
    </GrpHdr>
    <CdtTrfTxInf>
      <PmtId>
        <InstrId>20261121123000000001</InstrId>
        <EndToEndId>INV-2026-000417</EndToEndId>
        <TxId>SONEPKKA2026112112300000000001</TxId>
        <UETR>8a562c67-ca16-48ba-b074-65581be6f001</UETR>
      </PmtId>
      <PmtTpInf><SvcLvl><Prtry>INST</Prtry></SvcLvl><LclInstrm><Prtry>P2P</Prtry></LclInstrm><CtgyPurp><Cd>OTHR</Cd></CtgyPurp></PmtTpInf>
      <IntrBkSttlmAmt Ccy="PKR">1250.00</IntrBkSttlmAmt>
      <AccptncDtTm>2026-11-21T12:30:00.100+05:00</AccptncDtTm>
      <ChrgBr>SLEV</ChrgBr>
      <Dbtr><Nm>Ayesha Khan &amp; Sons</Nm><PstlAdr><TwnNm>Islamabad</TwnNm><Ctry>PK</Ctry></PstlAdr></Dbtr>
      <DbtrAcct><Id><IBAN>PK36SONE0000001123456702</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><BICFI>SONEPKKA</BICFI></FinInstnId></DbtrAgt>
      <CdtrAgt><FinInstnId><BICFI>MEZNPKKA</BICFI></FinInstnId></CdtrAgt>
      <Cdtr><Nm>بلال اسٹور</Nm><PstlAdr><TwnNm>Lahore</TwnNm><Ctry>PK</Ctry></PstlAdr></Cdtr>
      <CdtrAcct><Id><IBAN>PK24MEZN0000009876543210</IBAN></Id></CdtrAcct>
      <Purp><Cd>GDDS</Cd></Purp>
      <RmtInf><Ustrd>Invoice 417, school books</Ustrd></RmtInf>
    </CdtTrfTxInf>
  </FIToFICstmrCdtTrf>
</Document>
</Message>
`

// identity is a key with its certificate, made once a run for each algorithm.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
}

var (
	begins = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends   = time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newIdentity(key crypto.Signer, name string, serial int64) identity {
	pub := must(x509.MarshalPKIXPublicKey(key.Public()))
	ski := sha1.Sum(pub)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Sarai, Ltd."}, Country: []string{"PK"}},
		NotBefore:    begins, NotAfter: ends, KeyUsage: x509.KeyUsageDigitalSignature, SubjectKeyId: ski[:],
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return identity{key, must(x509.ParseCertificate(der))}
}

var (
	p256 = sync.OnceValue(func() identity {
		return newIdentity(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "SONEPKKA", 1001)
	})
	p384 = sync.OnceValue(func() identity {
		return newIdentity(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), "MEZNPKKA", 1002)
	})
	rsa2048 = sync.OnceValue(func() identity {
		return newIdentity(must(rsa.GenerateKey(rand.Reader, 2048)), "HABBPKKA", 1003)
	})
	edwards = sync.OnceValue(func() identity {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return newIdentity(must(key, err), "UNILPKKA", 1004)
	})
	other = sync.OnceValue(func() identity {
		return newIdentity(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "STRANGER", 1005)
	})
)

func everyAlgorithm() map[Algorithm]identity {
	return map[Algorithm]identity{
		ECDSAP256SHA256: p256(), ECDSAP384SHA384: p384(), RSASHA256: rsa2048(), RSASHA384: rsa2048(), RSASHA512: rsa2048(),
		RSAPSSSHA256: rsa2048(), Ed25519: edwards(),
	}
}

func verifier(t testing.TB, certs ...*x509.Certificate) *Verifier {
	t.Helper()
	set, err := NewCertificates(certs...)
	if err != nil {
		t.Fatal(err)
	}
	return &Verifier{Certificate: set.Find, Now: func() time.Time { return noon }}
}

func signed(t testing.TB, message string) []byte {
	t.Helper()
	s, err := NewSigner(p256().key, p256().cert, IssuerSerial)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Sign([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignedMessagesVerify(t *testing.T) {
	for a, id := range everyAlgorithm() {
		for _, form := range []Form{IssuerSerial, SubjectKeyID, Certificate} {
			s, err := NewSignerWith(a, id.key, id.cert, form)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Sign([]byte(unsigned))
			if err != nil {
				t.Fatal(err)
			}
			v, err := verifier(t, id.cert, other().cert).Verify(out)
			if err != nil {
				t.Errorf("%s, form %d: %v\n%s", a, form, err, out)
				continue
			}
			if v.Algorithm != a || !v.Certificate.Equal(id.cert) {
				t.Errorf("%s: verified as %s of %s", a, v.Algorithm, v.Certificate.Subject)
			}
		}
	}
}

func TestVerifiedBytesAreHeaderAndDocument(t *testing.T) {
	out := signed(t, unsigned)
	v, err := verifier(t, p256().cert).Verify(out)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(from, to string) []byte {
		i, j := bytes.Index([]byte(unsigned), []byte(from)), bytes.Index([]byte(unsigned), []byte(to))
		return []byte(unsigned)[i : j+len(to)]
	}
	if want := cut("<AppHdr", "</AppHdr>"); !bytes.Equal(v.BareHeader(), want) {
		t.Errorf("header %s", v.BareHeader())
	}
	if want := bytes.Replace(cut("<AppHdr", "</AppHdr>"), []byte("</AppHdr>"), []byte("<Sgntr></Sgntr></AppHdr>"), 1); !bytes.Equal(v.Header, want) {
		t.Errorf("header with Sgntr %s", v.Header)
	}
	if want := cut("<Document", "</Document>"); !bytes.Equal(v.Document, want) {
		t.Errorf("document %s", v.Document)
	}
	if v.HeaderName() != "head.001.001.02" || v.DocumentName() != "pacs.008.001.08" {
		t.Errorf("names %q, %q", v.HeaderName(), v.DocumentName())
	}
	// the message is as it was but for the Sgntr
	i, j := bytes.Index(out, []byte("<Sgntr>")), bytes.Index(out, []byte("</Sgntr>"))
	if rest := string(out[:i]) + string(out[j+len("</Sgntr>"):]); rest != unsigned {
		t.Errorf("signing changed the message to %s", rest)
	}
}

func TestPeeking(t *testing.T) {
	v := must(verifier(t, p256().cert).Verify(signed(t, unsigned)))
	for _, raw := range []string{unsigned, string(signed(t, unsigned)), swap(t, string(signed(t, unsigned)), "1250.00", "1250.01")} {
		u, err := Peek([]byte(raw), 0)
		if err != nil {
			t.Fatal(err)
		}
		if u.Signed != strings.Contains(raw, "Sgntr") || !bytes.Equal(u.BareHeader(), v.BareHeader()) || u.DocumentName() != "pacs.008.001.08" || u.HeaderName() != "head.001.001.02" {
			t.Errorf("%+v", u)
		}
		if bytes.Equal(u.Document, v.Document) == strings.Contains(raw, "1250.01") {
			t.Errorf("document %s", u.Document)
		}
	}
	for _, raw := range []string{"", "<a/>", strings.ReplaceAll(unsigned, "Document", "Documents"), swap(t, unsigned, "</AppHdr>", "<Sgntr></Sgntr></AppHdr>")} {
		if _, err := Peek([]byte(raw), 0); err == nil {
			t.Errorf("read %s", raw)
		}
	}
	if _, err := Peek([]byte(unsigned), 100); !errors.Is(err, ErrMalformed) {
		t.Errorf("too large: %v", err)
	}
}

// steady is the same in every process, so that a fuzzer's workers agree.
var steady = sync.OnceValue(func() identity {
	return newIdentity(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), "STEADY", 1)
})

// FuzzVerify changes a signed message without having the key: whatever still
// verifies must give the bytes that were signed.
func FuzzVerify(f *testing.F) {
	s := must(NewSigner(steady().key, steady().cert, SubjectKeyID))
	good := must(s.Sign([]byte(unsigned)))
	v := verifier(f, steady().cert)
	want := must(v.Verify(good))
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("Ayesha"), []byte("Aye<!-- -->sha"), 1))
	f.Add(bytes.Replace(good, []byte("<GrpHdr>"), []byte("<GrpHdr Id='x'>"), 1))
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(must(s.Sign([]byte(forms["prefixed"]))))
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := v.Verify(message)
		if err != nil {
			return
		}
		if bytes.Contains(message, []byte("urn:x:env")) {
			return // the other signed one
		}
		if !bytes.Equal(got.Document, want.Document) || !bytes.Equal(got.Header, want.Header) {
			t.Fatalf("verified although changed:\n%s\n%s", got.Header, got.Document)
		}
	})
}

// FuzzSignatureParts reads SignedInfo and KeyInfo of any content: those are
// read before a signature was checked.
func FuzzSignatureParts(f *testing.F) {
	good := string(must(must(NewSigner(p256().key, p256().cert, IssuerSerial)).Sign([]byte(unsigned))))
	for _, part := range []string{"SignedInfo", "KeyInfo"} {
		f.Add([]byte(swap(f, between(good, "<ds:"+part, "</ds:"+part+">"), "<ds:"+part, "<ds:"+part+declareDS)))
	}
	f.Add(must(writeKeyInfo(p256().cert, Certificate, "x")))
	f.Add([]byte(`<SignedInfo xmlns="` + nsDS + `"><CanonicalizationMethod Algorithm="` + algExclusive + `"><a:InclusiveNamespaces xmlns:a="` + algExclusive + `" PrefixList="x y"></a:InclusiveNamespaces></CanonicalizationMethod></SignedInfo>`))
	f.Fuzz(func(t *testing.T, part []byte) {
		canonical, err := Canonicalize(nil, part)
		if err != nil {
			return
		}
		var info signedInfo
		if err := info.parse(canonical); err == nil && info.method == "" {
			t.Errorf("no method in %s", canonical)
		}
		if key, _, err := parseKeyInfo(canonical); err == nil && key.Certificate == nil && key.Serial == "" && key.SKI == nil && key.Subject == "" {
			t.Errorf("nothing named in %s", canonical)
		}
		c := cursor{b: canonical}
		c.enter("SignatureValue")
		c.text("SignatureValue")
		normalName(string(part))
	})
}
