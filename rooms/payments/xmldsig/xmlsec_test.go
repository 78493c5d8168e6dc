package xmldsig

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// files writes a key and its certificate where other programs can read them.
func (id identity) files(t testing.TB) (key, cert string) {
	t.Helper()
	dir := t.TempDir()
	key, cert = filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(id.key))}))
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.cert.Raw}))
	return key, cert
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// documents are what plain signatures are made on here.
var documents = map[string]string{
	"simple":       `<invoice><no>417</no><sum Ccy="PKR">1250.00</sum></invoice>`,
	"nasty":        "<?xml version=\"1.0\"?>\r\n<!-- before --><p:a xmlns:p=\"urn:p\" xmlns=\"urn:d\"   b='1' a=\"2&#10;\"><c/><![CDATA[<&>]]>\r\n<!-- in -->&#13;<d xmlns=\"\"><p:e p:z=\"1\" y=\"2\"/></d>نام</p:a><!-- after -->",
	"iso":          unsigned,
	"prefix taken": `<a xmlns:ds="urn:something-else"><ds:b>x</ds:b></a>`,
}

// what xmlsec1 1.2.37 knows; it has neither RSA-PSS nor Ed25519.
var xmlsecAlgorithms = []Algorithm{ECDSAP256SHA256, ECDSAP384SHA384, RSASHA256, RSASHA384, RSASHA512}

func TestXmlsecVerifiesOurs(t *testing.T) {
	xmlsec := tool(t, "xmlsec1")
	for _, a := range xmlsecAlgorithms {
		id := everyAlgorithm()[a]
		_, cert := id.files(t)
		keyInfos := []Form{Certificate}
		if a == ECDSAP256SHA256 {
			keyInfos = append(keyInfos, SubjectKeyID, IssuerSerial)
		}
		for _, form := range keyInfos {
			for name, doc := range documents {
				if a != ECDSAP256SHA256 && name != "nasty" {
					continue // each document with one algorithm, each algorithm with one document
				}
				s := must(NewSignerWith(a, id.key, id.cert, form))
				out, err := s.SignEnveloped([]byte(doc))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := verifier(t, id.cert).VerifyEnveloped(out); err != nil {
					t.Errorf("%s %s: our own: %v", a, name, err)
				}
				file := filepath.Join(t.TempDir(), "doc.xml")
				write(t, file, out)
				text, err := exec.Command(xmlsec, "--verify", "--trusted-pem", cert, "--pubkey-cert-pem", cert, "--verification-time", "2026-11-21 12:00:00", file).CombinedOutput()
				if err != nil || !bytes.Contains(text, []byte("OK")) {
					t.Errorf("%s, form %d, %s: %v\n%s\n%s", a, form, name, err, text, out)
				}
				// and it does not say so of anything: one changed letter is found
				changed := bytes.Replace(out, []byte("1250.00"), []byte("9250.00"), 1)
				changed = bytes.Replace(changed, []byte("نام"), []byte("نان"), 1)
				changed = bytes.Replace(changed, []byte("<ds:b>x"), []byte("<ds:b>y"), 1)
				write(t, file, changed)
				if exec.Command(xmlsec, "--verify", "--trusted-pem", cert, "--pubkey-cert-pem", cert, file).Run() == nil {
					t.Errorf("%s %s: xmlsec1 accepts a changed document", a, name)
				}
			}
		}
	}
}

func xmlsecTemplate(a Algorithm, uri, c14nExtra, keyInfo string) string {
	return `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
  <ds:SignedInfo>
    <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
    <ds:SignatureMethod Algorithm="` + string(a) + `"/>
    <ds:Reference URI="` + uri + `">
      <ds:Transforms>
        <ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
        <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">` + c14nExtra + `</ds:Transform>
      </ds:Transforms>
      <ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
      <ds:DigestValue></ds:DigestValue>
    </ds:Reference>
  </ds:SignedInfo>
  <ds:SignatureValue/>
  ` + keyInfo + `
</ds:Signature>`
}

func TestWeVerifyXmlsec(t *testing.T) {
	xmlsec := tool(t, "xmlsec1")
	const x509data = `<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>`
	prefixes := `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="#default q none"/>`
	for _, a := range xmlsecAlgorithms {
		id := everyAlgorithm()[a]
		key, cert := id.files(t)
		for name, c := range map[string]struct{ doc, want string }{
			"whole":         {`<a x='1'  b="2"><c/>` + xmlsecTemplate(a, "", "", x509data) + `<!-- x --> </a>`, `<a b="2" x="1"><c></c> </a>`},
			"no KeyInfo":    {`<a>` + xmlsecTemplate(a, "", "", "") + `</a>`, `<a></a>`},
			"by Id of root": {`<a Id="r-1">` + xmlsecTemplate(a, "#r-1", "", x509data) + `</a>`, `<a Id="r-1"></a>`},
			"by Id below":   {`<p:x xmlns:p="urn:p" xmlns="urn:d"><other/><a Id="r-1"><p:b/>` + xmlsecTemplate(a, "#r-1", "", x509data) + `</a></p:x>`, `<a xmlns="urn:d" Id="r-1"><p:b xmlns:p="urn:p"></p:b></a>`},
			"prefix list":   {`<p:x xmlns:p="urn:p" xmlns:q="urn:q" xmlns="urn:d"><a Id="r-1"><p:b xmlns=""/>` + xmlsecTemplate(a, "#r-1", prefixes, x509data) + `</a></p:x>`, `<a xmlns="urn:d" xmlns:q="urn:q" Id="r-1"><p:b xmlns="" xmlns:p="urn:p"></p:b></a>`},
		} {
			if a != ECDSAP256SHA256 && name != "prefix list" {
				continue
			}
			file := filepath.Join(t.TempDir(), "template.xml")
			write(t, file, []byte(c.doc))
			cmd := exec.Command(xmlsec, "--sign", "--privkey-pem", key+","+cert, "--id-attr:Id", "a", "--id-attr:Id", "urn:d:a", file)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s %s: %v %s", a, name, err, stderr.String())
			}
			v, err := verifier(t, id.cert).VerifyEnveloped(out)
			if err != nil {
				t.Errorf("%s %s: %v\n%s", a, name, err, out)
				continue
			}
			// between the template's tags white space stays where the Signature was taken out
			if string(v.Content) != c.want || v.Algorithm != a {
				t.Errorf("%s %s: content %s, want %s", a, name, v.Content, c.want)
			}
			if _, err := verifier(t, id.cert).VerifyEnveloped(bytes.Replace(out, []byte("<a "), []byte("<a z='1' "), 1)); err == nil && strings.Contains(c.doc, "<a ") {
				t.Errorf("%s %s: changed and accepted", a, name)
			}
		}
	}
}
