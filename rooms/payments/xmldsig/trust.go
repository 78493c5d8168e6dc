package xmldsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"time"
)

// Trusted is a certificate that the caller trusts to sign, with what is compared
// at each message worked out beforehand. Make it once with [Trust]; it may be
// used by several goroutines.
type Trusted struct {
	cert            *x509.Certificate
	issuer, subject string // as Go writes them
	normalIssuer    string
	normalSubject   string
	serial          string
}

// Trust says that signatures of the certificate's key are to be accepted while
// the certificate is valid. The caller has checked its chain, its revocation and
// whose it is; this package does none of that. A certificate whose key usage
// allows neither digitalSignature nor contentCommitment is refused, as is a key
// that no algorithm of this package uses.
func Trust(cert *x509.Certificate) (*Trusted, error) {
	if cert.KeyUsage != 0 && cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return nil, fail(ErrCertificate, "the key usage of the certificate of %q does not allow signatures", cert.Subject)
	}
	a, err := usual(cert.PublicKey)
	if err == nil {
		err = a.fits(cert.PublicKey)
	}
	if err != nil {
		return nil, err
	}
	t := &Trusted{cert: cert, issuer: cert.Issuer.String(), subject: cert.Subject.String(), serial: cert.SerialNumber.String()}
	t.normalIssuer, t.normalSubject = normalName(t.issuer), normalName(t.subject)
	return t, nil
}

// Certificate gives the certificate; it must not be changed.
func (t *Trusted) Certificate() *x509.Certificate { return t.cert }

// valid says whether the certificate may be used at a time.
func (t *Trusted) valid(now time.Time) error {
	switch {
	case now.Before(t.cert.NotBefore):
		return fail(ErrCertificate, "the certificate of %q is not valid before %s", t.subject, t.cert.NotBefore.UTC().Format(time.RFC3339))
	case now.After(t.cert.NotAfter):
		return fail(ErrCertificate, "the certificate of %q was valid until %s", t.subject, t.cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// named says where a KeyInfo names another certificate than this one.
func (t *Trusted) named(k *KeyInfo) error {
	switch {
	case k.Certificate != nil && !bytes.Equal(k.Certificate, t.cert.Raw):
		return fail(ErrCertificate, "KeyInfo holds another certificate than the trusted one of %q", t.subject)
	case k.Serial != "" && k.Serial != t.serial:
		return fail(ErrCertificate, "KeyInfo names serial number %s, the trusted certificate has %s", k.Serial, t.serial)
	case k.Serial != "" && k.Issuer != t.issuer && normalName(k.Issuer) != t.normalIssuer:
		return fail(ErrCertificate, "KeyInfo names the issuer %q, the trusted certificate was issued by %q", k.Issuer, t.issuer)
	case k.SKI != nil && !bytes.Equal(k.SKI, t.cert.SubjectKeyId):
		return fail(ErrCertificate, "KeyInfo names key identifier %x, the trusted certificate has %x", k.SKI, t.cert.SubjectKeyId)
	case k.Subject != "" && k.Subject != t.subject && normalName(k.Subject) != t.normalSubject:
		return fail(ErrCertificate, "KeyInfo names the subject %q, the trusted certificate is of %q", k.Subject, t.subject)
	}
	return nil
}

// Certificates is a fixed set of trusted certificates, found by whatever KeyInfo
// names. It may be used by several goroutines.
type Certificates struct {
	byHash   map[[sha256.Size]byte]*Trusted
	bySKI    map[string]*Trusted
	bySerial map[string][]*Trusted
	bySubj   map[string][]*Trusted
}

// NewCertificates makes a set. Of two certificates with one key identifier none
// is found by it.
func NewCertificates(certs ...*x509.Certificate) (*Certificates, error) {
	c := &Certificates{map[[sha256.Size]byte]*Trusted{}, map[string]*Trusted{}, map[string][]*Trusted{}, map[string][]*Trusted{}}
	for _, cert := range certs {
		t, err := Trust(cert)
		if err != nil {
			return nil, err
		}
		hash := sha256.Sum256(cert.Raw)
		if c.byHash[hash] != nil {
			continue
		}
		c.byHash[hash] = t
		if id := string(cert.SubjectKeyId); id != "" {
			if _, taken := c.bySKI[id]; taken {
				t = nil
			}
			c.bySKI[id] = t
			t = c.byHash[hash]
		}
		c.bySerial[t.serial] = append(c.bySerial[t.serial], t)
		c.bySubj[t.normalSubject] = append(c.bySubj[t.normalSubject], t)
	}
	return c, nil
}

// Find gives the one certificate of the set that a KeyInfo names; it can be a
// [Verifier]'s Certificate.
func (c *Certificates) Find(k *KeyInfo) (*Trusted, error) {
	var among []*Trusted
	switch {
	case k.Certificate != nil:
		if t := c.byHash[sha256.Sum256(k.Certificate)]; t != nil {
			return t, nil
		}
	case k.SKI != nil:
		if t := c.bySKI[string(k.SKI)]; t != nil {
			return t, nil
		}
	case k.Serial != "":
		among = c.bySerial[k.Serial]
	case k.Subject != "":
		among = c.bySubj[normalName(k.Subject)]
	default: // no KeyInfo: there is nothing to choose by
		if len(c.byHash) == 1 {
			for _, t := range c.byHash {
				return t, nil
			}
		}
	}
	var found *Trusted
	for _, t := range among {
		if t.named(k) == nil {
			if found != nil {
				return nil, fail(ErrCertificate, "KeyInfo names more than one of the trusted certificates")
			}
			found = t
		}
	}
	if found == nil {
		return nil, fail(ErrCertificate, "KeyInfo names none of the trusted certificates")
	}
	return found, nil
}
