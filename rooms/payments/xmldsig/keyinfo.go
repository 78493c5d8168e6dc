package xmldsig

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"strings"
)

// KeyInfo is what a message says about the key that signed it. It is a claim of
// the sender: it serves to find a certificate that is trusted for other reasons,
// never as one.
type KeyInfo struct {
	Certificate []byte // DER from X509Certificate, or nil
	Issuer      string // from X509IssuerSerial, as written, or ""
	Serial      string // from X509IssuerSerial, decimal without leading zeros, or ""
	SKI         []byte // subject key identifier from X509SKI, or nil
	Subject     string // from X509SubjectName, as written, or ""
}

// Form is how a signer names its certificate in KeyInfo.
type Form int

// The forms of X509Data that are written; all are read.
const (
	IssuerSerial Form = iota // issuer's name and serial number, as Pix does: short, and unique
	SubjectKeyID             // as Mastercard's reference library does
	Certificate              // the certificate itself
)

// writeKeyInfo gives the canonical form of the KeyInfo for a certificate.
func writeKeyInfo(cert *x509.Certificate, form Form, id string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(`<ds:KeyInfo xmlns:ds="` + nsDS + `"`)
	if id != "" {
		b.WriteString(` Id="` + id + `"`)
	}
	b.WriteString(`><ds:X509Data>`)
	switch form {
	case IssuerSerial:
		b.WriteString(`<ds:X509IssuerSerial><ds:X509IssuerName>`)
		b.Write(appendEscapedText(nil, []byte(cert.Issuer.String())))
		b.WriteString(`</ds:X509IssuerName><ds:X509SerialNumber>` + cert.SerialNumber.String() + `</ds:X509SerialNumber></ds:X509IssuerSerial>`)
	case SubjectKeyID:
		if len(cert.SubjectKeyId) == 0 {
			return nil, fail(ErrCertificate, "the certificate has no subject key identifier")
		}
		b.WriteString(`<ds:X509SKI>` + base64.StdEncoding.EncodeToString(cert.SubjectKeyId) + `</ds:X509SKI>`)
	case Certificate:
		b.WriteString(`<ds:X509Certificate>` + base64.StdEncoding.EncodeToString(cert.Raw) + `</ds:X509Certificate>`)
	default:
		return nil, fail(ErrCertificate, "there is no form %d of KeyInfo", form)
	}
	b.WriteString(`</ds:X509Data></ds:KeyInfo>`)
	return []byte(b.String()), nil
}

// parseKeyInfo reads the canonical form of a KeyInfo (XML Signature 1.1, 4.5).
// Everything but X509Data is refused: bare keys prove nothing, and references to
// keys elsewhere would make this program fetch them.
func parseKeyInfo(canonical []byte) (k KeyInfo, id []byte, err error) {
	c := cursor{b: canonical}
	id = c.enter("KeyInfo")
	c.open("X509Data")
	c.bare()
	for c.err == nil {
		switch {
		case c.at("X509Certificate"):
			c.once(k.Certificate != nil, "X509Certificate")
			k.Certificate = c.base64("X509Certificate")
		case c.at("X509IssuerSerial"):
			c.once(k.Serial != "", "X509IssuerSerial")
			c.open("X509IssuerSerial")
			c.bare()
			k.Issuer = c.words("X509IssuerName")
			k.Serial = c.number("X509SerialNumber")
			c.end("X509IssuerSerial")
		case c.at("X509SKI"):
			c.once(k.SKI != nil, "X509SKI")
			k.SKI = c.base64("X509SKI")
		case c.at("X509SubjectName"):
			c.once(k.Subject != "", "X509SubjectName")
			k.Subject = c.words("X509SubjectName")
		default:
			c.end("X509Data")
			c.end("KeyInfo")
			if c.err == nil && len(c.b) > 0 {
				c.fail("%.40q follows its end", c.b)
			}
			if c.err == nil && k.Certificate == nil && k.Serial == "" && k.SKI == nil && k.Subject == "" {
				c.fail("X509Data names no certificate")
			}
			return k, id, c.err
		}
	}
	return k, id, c.err
}

func (c *cursor) once(again bool, what string) {
	if again {
		c.fail("a second %s; one certificate signs", what)
	}
}

func (c *cursor) base64(local string) []byte {
	c.open(local)
	c.bare()
	text := c.text(local)
	out, ok := decode64(make([]byte, 0, len(text)), text)
	if !ok || len(out) == 0 {
		c.fail("%s is not base64", local)
	}
	return out
}

var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&#xD;", "\r")

func (c *cursor) words(local string) string {
	c.open(local)
	c.bare()
	text := bytes.TrimSpace(c.text(local))
	if bytes.IndexByte(text, '&') >= 0 {
		return strings.TrimSpace(unescape.Replace(string(text)))
	}
	return string(text)
}

// number reads a whole number (an xs:integer) as digits.
func (c *cursor) number(local string) string {
	text := c.words(local)
	digits := strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
	if digits == "" && strings.HasSuffix(text, "0") {
		digits = "0"
	}
	if digits == "" || len(digits) > 60 || strings.Trim(digits, "0123456789") != "" {
		c.fail("%s %.60q is not a number", local, text)
	}
	return digits
}
