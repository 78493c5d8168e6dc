package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"sarai/courtyard/store"
)

// authority is the purpose of the house CA's own key.
const authority = "house.ca"

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 2 * 365 * 24 * time.Hour
	// renewBefore is how long before its end Ensure issues a certificate anew.
	renewBefore = 60 * 24 * time.Hour
	// backdate covers clocks of verifiers that are a little behind ours.
	backdate = 10 * time.Minute
)

// documentSigning is id-kp-documentSigning (RFC 9336).
var documentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}

var attributes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "SERIALNUMBER": {2, 5, 4, 5}, "C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8},
	"O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "TITLE": {2, 5, 4, 12}, "ORGANIZATIONIDENTIFIER": {2, 5, 4, 97},
}

// parseSubject reads "CN=...,O=...,C=PK" (RFC 4514 with backslash escapes; one
// attribute per RDN). Without an equals sign the whole text is the common name.
func parseSubject(s string) (pkix.Name, error) {
	if !strings.Contains(s, "=") {
		s = "CN=" + strings.ReplaceAll(s, ",", `\,`)
	}
	var n pkix.Name
	var fields []string
	var b strings.Builder
	escaped := false
	for _, c := range s {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == ',':
			fields = append(fields, b.String())
			b.Reset()
		default:
			b.WriteRune(c)
		}
	}
	if escaped {
		return n, errors.New("ends with a backslash")
	}
	fields = append(fields, b.String())
	for _, f := range fields {
		name, value, ok := strings.Cut(f, "=")
		name, value = strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(value)
		oid, known := attributes[name]
		if !ok || !known || value == "" {
			return n, fmt.Errorf("%q is no attribute of the form CN=NAME", f)
		}
		if name == "CN" {
			n.CommonName = value
		}
		n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: oid, Value: value})
	}
	if n.CommonName == "" {
		return n, errors.New("has no common name (CN)")
	}
	return n, nil
}

// certificate begins a certificate that is valid from now.
func (r *Ring) certificate(subject string, life time.Duration, use x509.KeyUsage) (*x509.Certificate, error) {
	name, err := parseSubject(subject)
	if err != nil {
		return nil, err
	}
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	n.Add(n, big.NewInt(1)) // never zero
	now := r.opts.Clock.Now()
	return &x509.Certificate{SerialNumber: n, Subject: name, NotBefore: now.Add(-backdate), NotAfter: now.Add(life), KeyUsage: use, BasicConstraintsValid: true}, nil
}

// selfSign issues the house CA's own certificate.
func (r *Ring) selfSign(s crypto.Signer) ([][]byte, error) {
	t, err := r.certificate(r.opts.Authority, authorityLife, x509.KeyUsageCertSign|x509.KeyUsageCRLSign)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.MaxPathLenZero = true, true
	der, err := x509.CreateCertificate(rand.Reader, t, t, s.Public(), s)
	if err != nil {
		return nil, fmt.Errorf("issue the house CA's certificate: %w", err)
	}
	return [][]byte{der}, nil
}

// certify issues a certificate for pub: leaf, then CA.
func (r *Ring) certify(ctx context.Context, p Purpose, pub crypto.PublicKey) ([][]byte, error) {
	ca, err := r.Signer(ctx, authority)
	if err != nil {
		return nil, err
	}
	parent, err := x509.ParseCertificate(ca.Certificates[0])
	if err != nil {
		return nil, fmt.Errorf("read the house CA's certificate: %w", err)
	}
	t, err := r.certificate(p.Subject, certificateLife, x509.KeyUsageDigitalSignature)
	if err != nil {
		return nil, err
	}
	if t.NotBefore.Before(parent.NotBefore) {
		t.NotBefore = parent.NotBefore
	}
	if t.NotAfter.After(parent.NotAfter) {
		t.NotAfter = parent.NotAfter
	}
	switch p.Use {
	case Documents, "":
		t.KeyUsage |= x509.KeyUsageContentCommitment
		// PDF readers built on NSS ask for emailProtection, newer ones for documentSigning.
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{documentSigning}
	case Credential:
	case TimeStamps:
		t.KeyUsage |= x509.KeyUsageContentCommitment
		// RFC 3161 section 2.3: this one usage alone, and critical, which
		// x509 does not do by itself.
		eku, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		if err != nil {
			return nil, err
		}
		t.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: eku}}
	default:
		return nil, fmt.Errorf("no such certificate use: %q", p.Use)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, ca)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return [][]byte{der, ca.Certificates[0]}, nil
}

// ensureCertificate issues the active key's certificate if it is missing, says
// something else than the declaration, or ends soon.
func (r *Ring) ensureCertificate(ctx context.Context, p Purpose, e *entry) error {
	if p.Subject == "" || p.Name == authority {
		return nil
	}
	good, err := r.fits(p, e.key.Certificates)
	if err != nil || good {
		return err
	}
	chain, err := r.certify(ctx, p, e.key.public)
	if err != nil {
		return err
	}
	text, err := json.Marshal(chain)
	if err != nil {
		return err
	}
	return r.change(ctx, func(tx *store.Tx, _ []*Key) error {
		_, err := tx.Exec(`update keys_key set chain = $1 where id = $2`, string(text), e.key.ID)
		return err
	})
}

func (r *Ring) fits(p Purpose, chain [][]byte) (bool, error) {
	if len(chain) == 0 {
		return false, nil
	}
	cert, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return false, fmt.Errorf("read stored certificate: %w", err)
	}
	name, err := parseSubject(p.Subject)
	if err != nil {
		return false, err
	}
	want, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		return false, err
	}
	return bytes.Equal(want, cert.RawSubject) && r.opts.Clock.Now().Add(renewBefore).Before(cert.NotAfter), nil
}

// Authority gives the house CA's certificate (DER): what a verifier must trust
// to accept the house's certificates. It fails if no purpose has a Subject.
func (r *Ring) Authority(ctx context.Context) ([]byte, error) {
	ca, err := r.Signer(ctx, authority)
	if err != nil {
		return nil, err
	}
	return ca.Certificates[0], nil
}

// CRL gives the house CA's list of revoked certificates (DER, RFC 5280 section
// 5), good for a week. number must grow from list to list: seconds of Unix time do.
func (r *Ring) CRL(ctx context.Context) ([]byte, error) {
	ca, err := r.Signer(ctx, authority)
	if err != nil {
		return nil, err
	}
	parent, err := x509.ParseCertificate(ca.Certificates[0])
	if err != nil {
		return nil, fmt.Errorf("read the house CA's certificate: %w", err)
	}
	all, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	now := r.opts.Clock.Now()
	t := &x509.RevocationList{Number: big.NewInt(now.Unix()), ThisUpdate: now, NextUpdate: now.Add(7 * 24 * time.Hour)}
	for _, k := range all {
		if k.State != Revoked || k.Purpose == authority || len(k.Certificates) == 0 {
			continue
		}
		leaf, err := x509.ParseCertificate(k.Certificates[0])
		if err != nil {
			return nil, fmt.Errorf("read certificate of key %s: %w", k.ID, err)
		}
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: leaf.SerialNumber, RevocationTime: k.Changed})
	}
	return x509.CreateRevocationList(rand.Reader, t, parent, ca)
}
