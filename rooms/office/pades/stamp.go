package pades

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/digitorus/timestamp"
)

// Authority is a time-stamping authority of our own (RFC 3161 with the
// ESSCertIDv2 of RFC 5816).
type Authority struct {
	Key          crypto.Signer
	Certificates [][]byte // DER: the time-stamping certificate, then its chain
	Policy       asn1.ObjectIdentifier
	Now          func() time.Time
	Serial       func() *big.Int
}

// Stamp gives a time-stamp token over data; it is a TimeStamper.
func (a Authority) Stamp(_ context.Context, data []byte) ([]byte, error) {
	if len(a.Certificates) == 0 {
		return nil, errors.New("a time-stamping authority has a certificate")
	}
	chain := make([]*x509.Certificate, len(a.Certificates))
	for i, der := range a.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read time-stamping certificate: %w", err)
		}
		chain[i] = c
	}
	sum := sha256.Sum256(data)
	t := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: a.Now(), Accuracy: time.Second,
		SerialNumber: a.Serial(), Policy: a.Policy, AddTSACertificate: true, Certificates: chain[1:],
	}
	answer, err := t.CreateResponseWithOpts(chain[0], a.Key, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make time-stamp: %w", err)
	}
	parsed, err := timestamp.ParseResponse(answer)
	if err != nil {
		return nil, fmt.Errorf("read our own time-stamp: %w", err)
	}
	return parsed.RawToken, nil
}
