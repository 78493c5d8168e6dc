package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
)

// Signer signs with one key. It may be used by several goroutines.
type Signer struct {
	key       crypto.Signer
	algorithm Algorithm
	keyID     string
	keyInfo   []byte // as written
	keyDigest string // of its canonical form
	before    []byte // canonical SignedInfo up to the header's digest
	between   []byte // from there to the document's
	after     []byte
}

// NewSigner makes a signer of a key and its certificate, whose public key must be
// the key's. KeyInfo names the certificate in the given form; the algorithm is
// the usual one for the key, RSA with PKCS #1 v1.5 for RSA keys.
func NewSigner(key crypto.Signer, cert *x509.Certificate, form Form) (*Signer, error) {
	a, err := usual(key.Public())
	if err != nil {
		return nil, err
	}
	return NewSignerWith(a, key, cert, form)
}

// NewSignerWith is [NewSigner] with another algorithm.
func NewSignerWith(a Algorithm, key crypto.Signer, cert *x509.Certificate, form Form) (*Signer, error) {
	if err := a.fits(key.Public()); err != nil {
		return nil, err
	}
	if pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(cert.PublicKey) {
		return nil, fail(ErrCertificate, "the certificate of %q is of another key", cert.Subject)
	}
	hash := sha256.Sum256(cert.Raw)
	s := &Signer{key: key, algorithm: a, keyID: "key-" + hex.EncodeToString(hash[:8])}
	canonical, err := writeKeyInfo(cert, form, s.keyID)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(canonical)
	s.keyDigest = base64.StdEncoding.EncodeToString(digest[:])
	s.keyInfo = bytes.Replace(canonical, []byte(declareDS), nil, 1)
	s.before = []byte(infoStart + `<ds:SignatureMethod Algorithm="` + string(a) + `"></ds:SignatureMethod>` +
		`<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="` + algEnveloped + `"></ds:Transform>` + referenceRest)
	s.between = []byte(referenceEnd +
		`<ds:Reference URI="#` + s.keyID + `"><ds:Transforms>` + referenceRest + s.keyDigest + referenceEnd +
		`<ds:Reference><ds:Transforms>` + referenceRest)
	s.after = []byte(referenceEnd + `</ds:SignedInfo>`)
	return s, nil
}

const (
	declareDS     = ` xmlns:ds="` + nsDS + `"`
	infoStart     = `<ds:SignedInfo` + declareDS + `><ds:CanonicalizationMethod Algorithm="` + algExclusive + `"></ds:CanonicalizationMethod>`
	referenceRest = `<ds:Transform Algorithm="` + algExclusive + `"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="` + algSHA256 + `"></ds:DigestMethod><ds:DigestValue>`
	referenceEnd  = `</ds:DigestValue></ds:Reference>`
)

// Sign signs an ISO 20022 message and gives it with a Sgntr in its AppHdr,
// otherwise byte for byte as it was. The message must have the form that
// [Verifier.Verify] accepts, without a Sgntr.
func (s *Signer) Sign(raw []byte) ([]byte, error) {
	m := take(raw, toSign)
	defer m.release()
	if err := m.s.run(); err != nil {
		return nil, err
	}
	if m.s.hasID(s.keyID) {
		return nil, structure("the message has the Id %q already", s.keyID)
	}
	// the scratch for SignedInfo is that of a signature read
	info := append(m.parts.sink.out[:0], s.before...)
	info = appendDigest(info, m.body.out[:m.headerEnd])
	info = append(info, s.between...)
	info = appendDigest(info, m.body.out[m.headerEnd:m.documentEnd])
	info = append(info, s.after...)
	m.parts.sink.out = info
	value, err := s.algorithm.make(s.key, info)
	if err != nil {
		return nil, err
	}
	raw = m.s.in[:m.s.end] // what was read, whatever became of the caller's bytes
	prefix := raw[m.header.name.from : m.header.name.from+m.header.prefix]
	out := make([]byte, 0, len(raw)+len(info)+len(s.keyInfo)+base64.StdEncoding.EncodedLen(len(value))+200)
	out = append(out, raw[:m.place]...)
	out = appendTag(out, "<", prefix)
	out = s.appendSignature(out, info, value)
	out = appendTag(out, "</", prefix)
	return append(out, raw[m.place:]...), nil
}

func appendTag(out []byte, open string, prefix []byte) []byte {
	out = append(out, open...)
	if len(prefix) > 0 {
		out = append(append(out, prefix...), ':')
	}
	return append(out, "Sgntr>"...)
}

func appendDigest(out, canonical []byte) []byte {
	d := sha256.Sum256(canonical)
	return base64.StdEncoding.AppendEncode(out, d[:])
}

// appendSignature appends the Signature element. Namespaces are declared on it
// once, so SignedInfo, which is canonical by itself, is written without its own
// declaration.
func (s *Signer) appendSignature(out, info, value []byte) []byte {
	out = append(out, `<ds:Signature`+declareDS+`>`...)
	out = append(out, `<ds:SignedInfo`...)
	out = append(out, info[len(`<ds:SignedInfo`+declareDS):]...)
	out = append(out, `<ds:SignatureValue>`...)
	out = base64.StdEncoding.AppendEncode(out, value)
	out = append(out, `</ds:SignatureValue>`...)
	out = append(out, s.keyInfo...)
	return append(out, `</ds:Signature>`...)
}
