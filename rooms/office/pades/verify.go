package pades

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Signature is a signature that holds: the document is what was signed and
// the signer's chain ends at a trusted root.
type Signature struct {
	Certificate *x509.Certificate // the signer's
	Claimed     time.Time         // entry M: what the signer says
	Stamped     bool              // a time-stamp token is there (it is not judged here)
	CMS         []byte
}

// The ways in which a document fails.
var (
	ErrUnsigned  = errors.New("the document is not signed")
	ErrChanged   = errors.New("the document is not what was signed")
	ErrForm      = errors.New("the signature is not a PAdES baseline signature")
	ErrSigner    = errors.New("the signature is not by the key of its certificate")
	ErrUntrusted = errors.New("the signer's certificate is not trusted")
)

var (
	rangePattern = regexp.MustCompile(`/ByteRange \[0 (\d{1,10}) (\d{1,10}) (\d{1,10})\]`)
	datePattern  = regexp.MustCompile(`/M \(D:(\d{14})Z\)`)
)

// Verify checks a document as Sign makes it: one signature over all of the
// file. Documents by other programs may be sound and still be refused. at is
// the moment at which the certificates must be good.
func Verify(document []byte, roots *x509.CertPool, at time.Time) (*Signature, error) {
	all := rangePattern.FindAllSubmatchIndex(document, 2)
	if len(all) == 0 {
		return nil, ErrUnsigned
	}
	if len(all) > 1 {
		return nil, fmt.Errorf("%w: more than one signature", ErrForm)
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(document[all[0][2+2*i]:all[0][3+2*i]])) // at most ten digits
	}
	open, end, rest := n[0], n[1], n[2]
	if open <= all[0][1] || open >= end || end+rest != len(document) || rest < 0 || end-open < 4 ||
		document[open] != '<' || document[end-1] != '>' || !bytes.HasSuffix(document[:open], []byte("/Contents ")) {
		return nil, fmt.Errorf("%w: the byte range does not leave out the signature and nothing else", ErrForm)
	}
	if !bytes.Contains(document[:open], []byte("/SubFilter /ETSI.CAdES.detached")) {
		return nil, fmt.Errorf("%w: other SubFilter", ErrForm)
	}
	padded := make([]byte, hex.DecodedLen(end-open-2))
	if _, err := hex.Decode(padded, document[open+1:end-1]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	var outer contentInfo
	tail, err := asn1.Unmarshal(padded, &outer)
	if err != nil || !outer.Type.Equal(oidSignedData) || len(bytes.Trim(tail, "\x00")) != 0 {
		return nil, fmt.Errorf("%w: no SignedData in the gap", ErrForm)
	}
	h := sha256.New()
	h.Write(document[:open])
	h.Write(document[end:])
	sig, err := checkCMS(outer.Content.Bytes, h.Sum(nil), roots, at)
	if err != nil {
		return nil, err
	}
	sig.CMS = padded[:len(padded)-len(tail)]
	if m := datePattern.FindSubmatch(document[end:]); m != nil {
		sig.Claimed, _ = time.Parse("20060102150405", string(m[1])) // fourteen digits; an odd date stays zero
	}
	return sig, nil
}

func checkCMS(der, digest []byte, roots *x509.CertPool, at time.Time) (*Signature, error) {
	var sd signedData
	if _, err := asn1.Unmarshal(der, &sd); err != nil || len(sd.Signers) != 1 {
		return nil, fmt.Errorf("%w: SignedData with one signer expected", ErrForm)
	}
	si := sd.Signers[0]
	certs, err := x509.ParseCertificates(sd.Certificates.Bytes)
	if err != nil || len(certs) == 0 {
		return nil, fmt.Errorf("%w: no certificates", ErrForm)
	}
	var leaf *x509.Certificate
	others := x509.NewCertPool()
	for _, c := range certs {
		if c.SerialNumber.Cmp(si.Signer.Serial) == 0 && bytes.Equal(c.RawIssuer, si.Signer.Issuer.FullBytes) {
			leaf = c
		} else {
			others.AddCert(c)
		}
	}
	if leaf == nil {
		return nil, fmt.Errorf("%w: the signer's certificate is missing", ErrForm)
	}
	signed, err := readAttributes(si.Signed)
	if err != nil {
		return nil, err
	}
	if _, has := signed[oidSigningTime.String()]; has {
		return nil, fmt.Errorf("%w: it has a signing-time attribute", ErrForm)
	}
	var named []byte
	if _, err := asn1.Unmarshal(signed[oidMessageDigest.String()], &named); err != nil {
		return nil, fmt.Errorf("%w: no message digest", ErrForm)
	}
	if !bytes.Equal(named, digest) {
		return nil, ErrChanged
	}
	if hash := sha256.Sum256(leaf.Raw); !bytes.Equal(namedCertificate(signed[oidSigningCertificate.String()]), hash[:]) {
		return nil, fmt.Errorf("%w: signing-certificate-v2 does not name the certificate", ErrForm)
	}
	algorithm := map[string]x509.SignatureAlgorithm{
		oidRSASHA256.String(): x509.SHA256WithRSA, oidECDSASHA256.String(): x509.ECDSAWithSHA256,
	}[si.SignatureAlgorithm.Algorithm.String()]
	if err := leaf.CheckSignature(algorithm, retag(si.Signed.FullBytes, asn1.TagSet, asn1.ClassUniversal), si.Signature); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	out := &Signature{Certificate: leaf}
	if unsigned, err := readAttributes(si.Unsigned); err == nil {
		_, out.Stamped = unsigned[oidTimeStampToken.String()]
	}
	return out, nil
}

// namedCertificate gives the hash in the first ESSCertIDv2, which may stand
// after the algorithm it was made with.
func namedCertificate(der []byte) []byte {
	var ess struct{ Certs []asn1.RawValue }
	if _, err := asn1.Unmarshal(der, &ess); err != nil || len(ess.Certs) == 0 {
		return nil
	}
	for rest := ess.Certs[0].Bytes; len(rest) > 0; {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return nil
		}
		if v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString {
			return v.Bytes
		}
	}
	return nil
}

// readAttributes gives the first value of each attribute.
func readAttributes(set asn1.RawValue) (map[string][]byte, error) {
	out := map[string][]byte{}
	for rest := set.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
		out[a.Type.String()] = a.Values.Bytes
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no attributes", ErrForm)
	}
	return out, nil
}
