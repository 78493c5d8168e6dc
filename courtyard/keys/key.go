package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Key is one version of a purpose's key. It implements crypto.Signer and
// crypto.MessageSigner. A key that came from Public or List signs nothing.
type Key struct {
	ID           string // also its JOSE kid
	Purpose      string
	Version      int64 // 1, 2, 3 ... within the purpose
	Alg          Alg
	State        State
	Created      time.Time
	Changed      time.Time // when it got its state
	Certificates [][]byte  // DER: leaf, then the house CA; nil without a Subject

	public crypto.PublicKey
	signer crypto.Signer // nil when this copy may not sign
}

var (
	_ crypto.Signer        = (*Key)(nil)
	_ crypto.MessageSigner = (*Key)(nil)
)

// Public is *ecdsa.PublicKey, ed25519.PublicKey, *rsa.PublicKey or
// *mldsa.PublicKey; nil for secrets.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs as crypto.Signer says: digest is the SHA-256 of the message for
// ES256 and RS256, the message itself for EdDSA and ML-DSA-44. ECDSA signatures
// are ASN.1 (for X.509 and CMS); see JOSE for the other form. Without random they
// are those of RFC 6979, made of key and digest alone.
func (k *Key) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.signer == nil {
		return nil, fmt.Errorf("key %s of %s may not sign (%s)", k.ID, k.Purpose, k.State)
	}
	switch k.Alg {
	case ES256, RS256:
		if opts == nil || opts.HashFunc() != crypto.SHA256 {
			return nil, fmt.Errorf("an %s key signs SHA-256 digests only", k.Alg)
		}
		if _, pss := opts.(*rsa.PSSOptions); pss {
			return nil, errors.New("an RS256 key does not make PSS signatures")
		}
		if len(digest) != sha256.Size {
			return nil, fmt.Errorf("a SHA-256 digest has 32 bytes, not %d", len(digest))
		}
	case EdDSA:
		if opts != nil && opts.HashFunc() != 0 {
			return nil, errors.New("an EdDSA key signs messages, not digests")
		}
		opts = crypto.Hash(0)
	}
	if random == nil && k.Alg != ES256 {
		random = rand.Reader
	}
	return k.signer.Sign(random, digest, opts)
}

// SignMessage signs a whole message, hashing it as the algorithm wants.
func (k *Key) SignMessage(random io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	switch k.Alg {
	case ES256, RS256:
		d := sha256.Sum256(message)
		return k.Sign(random, d[:], crypto.SHA256)
	}
	return k.Sign(random, message, crypto.Hash(0))
}

// JOSE signs a whole message in the form of JWS and COSE: as SignMessage, but
// ECDSA as r and s of 32 bytes each (RFC 7518 section 3.4).
func (k *Key) JOSE(message []byte) ([]byte, error) {
	sig, err := k.SignMessage(nil, message, nil)
	if err != nil || k.Alg != ES256 {
		return sig, err
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &rs); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("signature of key %s is no ASN.1 pair: %w", k.ID, err)
	}
	size := (k.public.(*ecdsa.PublicKey).Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*size)
	rs.R.FillBytes(out[:size])
	rs.S.FillBytes(out[size:])
	return out, nil
}
