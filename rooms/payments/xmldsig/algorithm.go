package xmldsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"fmt"
)

// Algorithm is a signature algorithm, named by its URI.
type Algorithm string

// The signature algorithms of this package. A curve goes with one hash only.
// Others, SHA-1 and keyed hashes (HMAC) among them, are refused.
const (
	ECDSAP256SHA256 Algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	ECDSAP384SHA384 Algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
	RSASHA256       Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" // PKCS #1 v1.5
	RSASHA384       Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512       Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	RSAPSSSHA256    Algorithm = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1" // RFC 9231, 2.3.10
	Ed25519         Algorithm = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"   // RFC 9231, 2.3.12
)

const (
	nsDS         = "http://www.w3.org/2000/09/xmldsig#"
	algExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped = nsDS + "enveloped-signature"
	algSHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"
	algSHA384    = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	algSHA512    = "http://www.w3.org/2001/04/xmlenc#sha512"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

// hash gives the hash of a signature algorithm; Ed25519 has none outside of it.
func (a Algorithm) hash() (h crypto.Hash, ok bool) {
	switch a {
	case ECDSAP256SHA256, RSASHA256, RSAPSSSHA256:
		return crypto.SHA256, true
	case ECDSAP384SHA384, RSASHA384:
		return crypto.SHA384, true
	case RSASHA512:
		return crypto.SHA512, true
	case Ed25519:
		return 0, true
	}
	return 0, false
}

var algorithms = [...]Algorithm{ECDSAP256SHA256, ECDSAP384SHA384, RSASHA256, RSASHA384, RSASHA512, RSAPSSSHA256, Ed25519}

func algorithmOf(uri []byte) (Algorithm, bool) {
	for _, a := range algorithms {
		if string(uri) == string(a) {
			return a, true
		}
	}
	return "", false
}

// coordinate is the length of r and of s in bytes, 0 when it is not ECDSA.
func (a Algorithm) coordinate() int {
	switch a {
	case ECDSAP256SHA256:
		return 32
	case ECDSAP384SHA384:
		return 48
	}
	return 0
}

func digestHash(uri []byte) (crypto.Hash, bool) {
	switch string(uri) {
	case algSHA256:
		return crypto.SHA256, true
	case algSHA384:
		return crypto.SHA384, true
	case algSHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

// fits says why a public key cannot be used with an algorithm.
func (a Algorithm) fits(pub crypto.PublicKey) error {
	switch a {
	case ECDSAP256SHA256, ECDSAP384SHA384:
		k, ok := pub.(*ecdsa.PublicKey)
		if !ok {
			return fail(ErrAlgorithm, "%s with a key of type %T", a, pub)
		}
		want := elliptic.P256()
		if a == ECDSAP384SHA384 {
			want = elliptic.P384()
		}
		if k.Curve != want {
			return fail(ErrAlgorithm, "%s goes with %s, the key is on %s", a, want.Params().Name, k.Curve.Params().Name)
		}
	case RSASHA256, RSASHA384, RSASHA512, RSAPSSSHA256:
		k, ok := pub.(*rsa.PublicKey)
		if !ok {
			return fail(ErrAlgorithm, "%s with a key of type %T", a, pub)
		}
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return fail(ErrAlgorithm, "an RSA key of %d bits; %d to %d are accepted", n, minRSABits, maxRSABits)
		}
	case Ed25519:
		if _, ok := pub.(ed25519.PublicKey); !ok {
			return fail(ErrAlgorithm, "%s with a key of type %T", a, pub)
		}
	default:
		return fail(ErrAlgorithm, "signature method %.100q is not accepted", string(a))
	}
	return nil
}

// usual gives the algorithm for a key when none is asked for.
func usual(pub crypto.PublicKey) (Algorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ECDSAP256SHA256, nil
		case elliptic.P384():
			return ECDSAP384SHA384, nil
		}
	case *rsa.PublicKey:
		return RSASHA256, nil
	case ed25519.PublicKey:
		return Ed25519, nil
	}
	return "", fail(ErrAlgorithm, "no algorithm for a key of type %T", pub)
}

// check holds a signature value against what was signed.
func (a Algorithm) check(pub crypto.PublicKey, signed, value []byte) error {
	if err := a.fits(pub); err != nil {
		return err
	}
	h, _ := a.hash()
	var buf [64]byte
	digest := sum(buf[:0], h, signed)
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		der, err := derFromRaw(value, a.coordinate())
		if err != nil {
			return err
		}
		if !ecdsa.VerifyASN1(k, digest, der) {
			return fail(ErrSignature, "the ECDSA value does not fit the certificate's key and SignedInfo")
		}
	case *rsa.PublicKey:
		if n := k.Size(); len(value) != n {
			return fail(ErrSignature, "an RSA value of %d bytes for a key of %d", len(value), n)
		}
		var err error
		if a == RSAPSSSHA256 {
			err = rsa.VerifyPSS(k, h, digest, value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			err = rsa.VerifyPKCS1v15(k, h, digest, value)
		}
		if err != nil {
			return fail(ErrSignature, "the RSA value does not fit the certificate's key and SignedInfo")
		}
	case ed25519.PublicKey:
		if len(value) != ed25519.SignatureSize || !ed25519.Verify(k, signed, value) {
			return fail(ErrSignature, "the Ed25519 value does not fit the certificate's key and SignedInfo")
		}
	}
	return nil
}

// make signs; the value is as XML Signature wants it.
func (a Algorithm) make(key crypto.Signer, signed []byte) ([]byte, error) {
	h, _ := a.hash()
	if a == Ed25519 {
		return key.Sign(nil, signed, crypto.Hash(0))
	}
	var buf [64]byte
	digest := sum(buf[:0], h, signed)
	var opts crypto.SignerOpts = h
	if a == RSAPSSSHA256 {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	random := rand.Reader
	if a.coordinate() > 0 {
		// As RFC 6979 says, from key and digest: no random number that could be a bad
		// one, and in less time.
		random = nil
	}
	value, err := key.Sign(random, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("xmldsig: sign: %w", err)
	}
	if n := a.coordinate(); n > 0 {
		return rawFromDER(value, n)
	}
	return value, nil
}

// derFromRaw makes the ASN.1 form, which Go's library reads, of the two numbers
// r and s, which XML Signature writes one after the other in n bytes each
// (XML Signature 1.1, 6.4.3).
func derFromRaw(raw []byte, n int) ([]byte, error) {
	if len(raw) != 2*n {
		if len(raw) > 2 && raw[0] == 0x30 && int(raw[1]) == len(raw)-2 {
			return nil, fail(ErrSignature, "the ECDSA value is in DER; XML Signature writes r and s in %d bytes each", n)
		}
		return nil, fail(ErrSignature, "an ECDSA value of %d bytes; r and s have %d each", len(raw), n)
	}
	out := make([]byte, 2, 2+2*(n+3))
	for _, v := range [][]byte{raw[:n], raw[n:]} {
		for len(v) > 0 && v[0] == 0 {
			v = v[1:]
		}
		if len(v) == 0 {
			return nil, fail(ErrSignature, "r or s of the ECDSA value is zero")
		}
		if v[0] >= 0x80 {
			out = append(out, 2, byte(len(v)+1), 0)
		} else {
			out = append(out, 2, byte(len(v)))
		}
		out = append(out, v...)
	}
	out[0], out[1] = 0x30, byte(len(out)-2) // n is at most 48: the length fits in seven bits
	return out, nil
}

// rawFromDER is the way back; der comes from our own signer.
func rawFromDER(der []byte, n int) ([]byte, error) {
	raw := make([]byte, 2*n)
	rest := der
	if len(rest) < 2 || rest[0] != 0x30 || int(rest[1]) != len(rest)-2 {
		return nil, fail(ErrSignature, "the signer gave no ECDSA value in DER")
	}
	rest = rest[2:]
	for i := range 2 {
		if len(rest) < 2 || rest[0] != 2 || len(rest) < 2+int(rest[1]) {
			return nil, fail(ErrSignature, "the signer gave no ECDSA value in DER")
		}
		v := rest[2 : 2+int(rest[1])]
		rest = rest[2+len(v):]
		for len(v) > 0 && v[0] == 0 {
			v = v[1:]
		}
		if len(v) > n {
			return nil, fail(ErrSignature, "the signer gave an ECDSA value of another curve")
		}
		copy(raw[(i+1)*n-len(v):], v)
	}
	return raw, nil
}
