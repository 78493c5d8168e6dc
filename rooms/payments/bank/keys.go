package bank

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sarai/rooms/payments/iso20022/xsd"
	"sarai/rooms/payments/xmldsig"
)

func dateTime(s string) xsd.DateTime { return xsd.DateTime(s) }

// Keys are what a participant shows and signs with.
type Keys struct {
	TLS    tls.Certificate
	Sign   *x509.Certificate
	Signer *xmldsig.Signer
}

// OpenKeys reads the two keys and certificates of a folder, and makes them at the
// first start: P-256, self-signed, because the rail believes certificates that it
// was handed and no authority.
func OpenKeys(dir, bic string, now time.Time) (*Keys, error) {
	k := &Keys{}
	for _, name := range []string{"tls", "sign"} {
		path := filepath.Join(dir, name+".pem")
		raw, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
		if errors.Is(err, os.ErrNotExist) {
			if raw, err = newKey(bic, name, now); err == nil {
				err = os.WriteFile(path, raw, 0o600)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("bank: keys: %w", err)
		}
		pair, err := tls.X509KeyPair(raw, raw)
		if err != nil {
			return nil, fmt.Errorf("bank: %s: %w", path, err)
		}
		if name == "tls" {
			k.TLS = pair
			continue
		}
		if k.Sign, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
		if k.Signer, err = xmldsig.NewSigner(pair.PrivateKey.(crypto.Signer), k.Sign, xmldsig.IssuerSerial); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// newKey makes a key with a certificate for two years, both as PEM.
func newKey(bic, what string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: bic, OrganizationalUnit: []string{what}}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// PEM writes a certificate as text.
func PEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Certificates reads all certificates of a PEM text.
func Certificates(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return out, nil
		}
		if text = rest; block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("bank: certificate: %w", err)
		}
		out = append(out, c)
	}
}

// IBAN makes the account number of a customer (ISO 13616): country, check digits,
// the bank's code of four and sixteen digits.
func IBAN(country, code string, number int64) string {
	account := fmt.Sprintf("%s%016d", code, number)
	n := new(big.Int)
	var digits strings.Builder
	for _, c := range account + country + "00" {
		if c >= 'A' && c <= 'Z' {
			fmt.Fprint(&digits, c-'A'+10)
		} else {
			digits.WriteRune(c)
		}
	}
	n.SetString(digits.String(), 10)
	check := 98 - new(big.Int).Mod(n, big.NewInt(97)).Int64() // ISO 7064, MOD 97-10
	return fmt.Sprintf("%s%02d%s", country, check, account)
}
