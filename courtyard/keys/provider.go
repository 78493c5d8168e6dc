package keys

import (
	"crypto"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"filippo.io/mldsa"
)

// Provider makes keys and lets them be used. What it gives as a handle is
// sealed and stored by the ring: key bytes for Software, an object's label for
// a hardware module.
type Provider interface {
	// Name is stored with each key, so that a ring knows who holds it.
	Name() string
	// Generate makes a key and gives its handle.
	Generate(alg Alg) (handle []byte, err error)
	// Signer opens a signing key.
	Signer(alg Alg, handle []byte) (crypto.Signer, error)
	// Secret opens a MAC or sealing key.
	Secret(alg Alg, handle []byte) (Secret, error)
}

// Secret is a symmetric key one can use and cannot read.
type Secret interface {
	// MAC is HMAC-SHA-256 over message; only HS256.
	MAC(message []byte) ([]byte, error)
	// AEAD is AES-256-GCM; only A256GCM.
	AEAD() (cipher.AEAD, error)
}

// Software is the provider whose keys live in this process's memory while in
// use. Handles are PKCS #8, or 32 bytes for secrets and ML-DSA seeds.
type Software struct{}

// Name is "software".
func (Software) Name() string { return "software" }

// Generate makes a key from crypto/rand. An RS256 key takes up to a second.
func (Software) Generate(alg Alg) ([]byte, error) {
	switch alg {
	case ES256:
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make ES256 key: %w", err)
		}
		return x509.MarshalPKCS8PrivateKey(k)
	case EdDSA:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make EdDSA key: %w", err)
		}
		return x509.MarshalPKCS8PrivateKey(k)
	case RS256:
		k, err := rsa.GenerateKey(rand.Reader, 3072)
		if err != nil {
			return nil, fmt.Errorf("make RS256 key: %w", err)
		}
		return x509.MarshalPKCS8PrivateKey(k)
	case MLDSA44:
		k, err := mldsa.GenerateKey(mldsa.MLDSA44())
		if err != nil {
			return nil, fmt.Errorf("make ML-DSA-44 key: %w", err)
		}
		return k.Bytes(), nil
	case HS256, A256GCM:
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		return b, nil
	}
	return nil, fmt.Errorf("no such key algorithm: %q", alg)
}

// Signer opens a handle made by Generate.
func (Software) Signer(alg Alg, handle []byte) (crypto.Signer, error) {
	if alg == MLDSA44 {
		return mldsa.NewPrivateKey(mldsa.MLDSA44(), handle)
	}
	k, err := x509.ParsePKCS8PrivateKey(handle)
	if err != nil {
		return nil, fmt.Errorf("read %s key: %w", alg, err)
	}
	switch s := k.(type) {
	case *ecdsa.PrivateKey:
		if alg == ES256 && s.Curve == elliptic.P256() {
			return s, nil
		}
	case ed25519.PrivateKey:
		if alg == EdDSA {
			return s, nil
		}
	case *rsa.PrivateKey:
		if alg == RS256 && s.N.BitLen() >= 3072 {
			return s, nil
		}
	}
	return nil, fmt.Errorf("the stored key is not of algorithm %s", alg)
}

// Secret opens a handle made by Generate.
func (Software) Secret(alg Alg, handle []byte) (Secret, error) {
	if len(handle) != 32 {
		return nil, fmt.Errorf("%s secret has %d bytes instead of 32", alg, len(handle))
	}
	return softSecret{alg: alg, key: handle}, nil
}
