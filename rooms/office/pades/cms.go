package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

var (
	oidData               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidSigningCertificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidTimeStampToken     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidSHA256             = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidRSASHA256          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidECDSASHA256        = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// The types of RFC 5652 sections 3 and 5.
type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content          contentInfo
	Certificates     asn1.RawValue `asn1:"optional,tag:0"`
	CRLs             asn1.RawValue `asn1:"optional,tag:1"`
	Signers          []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version            int
	Signer             issuerAndSerial
	DigestAlgorithm    pkix.AlgorithmIdentifier
	Signed             asn1.RawValue `asn1:"optional,tag:0"`
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
	Unsigned           asn1.RawValue `asn1:"optional,tag:1"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue // SET OF
}

// The types of RFC 5035 section 3; the hash is SHA-256, which DER leaves out.
type signingCertificateV2 struct{ Certs []essCertIDv2 }

type essCertIDv2 struct{ Hash []byte }

// buildCMS signs a SHA-256 digest of the content.
func buildCMS(ctx context.Context, digest []byte, s Signer, stamp TimeStamper) ([]byte, error) {
	leaf, err := x509.ParseCertificate(s.Certificates[0])
	if err != nil {
		return nil, fmt.Errorf("read the signer's certificate: %w", err)
	}
	if !publicEqual(leaf.PublicKey, s.Key.Public()) {
		return nil, errors.New("the certificate is not the signing key's")
	}
	certHash := sha256.Sum256(leaf.Raw)
	signed, err := attributes(
		attr{oidContentType, oidData},
		attr{oidMessageDigest, digest},
		attr{oidSigningCertificate, signingCertificateV2{[]essCertIDv2{{certHash[:]}}}},
	)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(retag(signed, asn1.TagSet, asn1.ClassUniversal))
	signature, err := s.Key.Sign(s.Random, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	si := signerInfo{
		Version: 1, Signer: issuerAndSerial{asn1.RawValue{FullBytes: leaf.RawIssuer}, leaf.SerialNumber},
		DigestAlgorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		Signed:          asn1.RawValue{FullBytes: retag(signed, 0, asn1.ClassContextSpecific)},
		Signature:       signature,
	}
	switch s.Key.Public().(type) {
	case *rsa.PublicKey:
		si.SignatureAlgorithm = pkix.AlgorithmIdentifier{Algorithm: oidRSASHA256, Parameters: asn1.NullRawValue}
	case *ecdsa.PublicKey:
		si.SignatureAlgorithm = pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256}
	default:
		return nil, fmt.Errorf("sign: no PAdES signature with a %T", s.Key.Public())
	}
	if stamp != nil {
		token, err := stamp(ctx, signature)
		if err != nil {
			return nil, fmt.Errorf("time-stamp: %w", err)
		}
		unsigned, err := attributes(attr{oidTimeStampToken, asn1.RawValue{FullBytes: token}})
		if err != nil {
			return nil, err
		}
		si.Unsigned = asn1.RawValue{FullBytes: retag(unsigned, 1, asn1.ClassContextSpecific)}
	}
	var chain []byte
	for _, c := range s.Certificates {
		chain = append(chain, c...)
	}
	inner, err := asn1.Marshal(signedData{
		Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{{Algorithm: oidSHA256}}, Content: contentInfo{Type: oidData},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: chain},
		Signers:      []signerInfo{si},
	})
	if err != nil {
		return nil, fmt.Errorf("encode signature: %w", err)
	}
	return asn1.Marshal(contentInfo{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}})
}

type attr struct {
	oid   asn1.ObjectIdentifier
	value any
}

// attributes encodes a SET OF Attribute, sorted as DER wants (X.690 section 11.6).
func attributes(all ...attr) ([]byte, error) {
	var each [][]byte
	for _, a := range all {
		v, err := asn1.Marshal(a.value)
		if err != nil {
			return nil, fmt.Errorf("encode attribute %s: %w", a.oid, err)
		}
		b, err := asn1.Marshal(attribute{a.oid, asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: v}})
		if err != nil {
			return nil, fmt.Errorf("encode attribute %s: %w", a.oid, err)
		}
		each = append(each, b)
	}
	slices.SortFunc(each, bytes.Compare)
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(each, nil)})
}

// retag gives the same bytes under another tag: attributes are signed as a SET
// and sent under [0] (RFC 5652 section 5.4).
func retag(der []byte, tag, class int) []byte {
	out := slices.Clone(der)
	out[0] = byte(class<<6 | 0x20 | tag) //nolint:gosec // small constants
	return out
}

func publicEqual(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
