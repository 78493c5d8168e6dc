package xmldsig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"sarai/rooms/payments/xmldsig"
)

// A bank signs a message, the rail checks it and reads what was proven.
func Example() {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "SONEPKKA"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	cert, _ := x509.ParseCertificate(der)

	bank, _ := xmldsig.NewSigner(key, cert, xmldsig.IssuerSerial)
	message, err := bank.Sign([]byte(`<Message>
<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>1</BizMsgIdr></AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><Amt Ccy='PKR'>1250.00</Amt></Document>
</Message>`))
	if err != nil {
		fmt.Println(err)
		return
	}

	trusted, _ := xmldsig.NewCertificates(cert)
	rail := &xmldsig.Verifier{Certificate: trusted.Find}
	v, err := rail.Verify(message)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.DocumentName(), "of", v.Certificate.Subject)
	fmt.Printf("%s\n%s\n", v.BareHeader(), v.Document)

	_, err = rail.Verify([]byte(strings.Replace(string(message), "1250.00", "9250.00", 1)))
	fmt.Println(errors.Is(err, xmldsig.ErrDigest), err)
	// Output:
	// pacs.008.001.08 of CN=SONEPKKA
	// <AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>1</BizMsgIdr></AppHdr>
	// <Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><Amt Ccy="PKR">1250.00</Amt></Document>
	// true xmldsig: digest: the Document was changed: its digest is not the signed one
}
