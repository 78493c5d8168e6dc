package journey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/descope/virtualwebauthn"
)

// authenticator is the lock of the citizen's telephone, in software.
type authenticator struct {
	rp  virtualwebauthn.RelyingParty
	dev virtualwebauthn.Authenticator
	key virtualwebauthn.Credential
}

func newAuthenticator(server string) *authenticator {
	u, _ := url.Parse(server)
	return &authenticator{
		rp:  virtualwebauthn.RelyingParty{ID: u.Hostname(), Name: "Sarai", Origin: u.Scheme + "://" + u.Host},
		dev: virtualwebauthn.NewAuthenticator(), key: virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, wholeKey()),
	}
}

// wholeKey makes a P-256 key whose coordinates fill all their 32 bytes. The
// authenticator writes them without leading zeros, which RFC 9053 forbids: one
// key in 128 would be refused.
func wholeKey() []byte {
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // the system's random source does not fail
		}
		point, err := key.PublicKey.Bytes() // 4, X, Y
		if err != nil || point[1] == 0 || point[33] == 0 {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err == nil {
			return der
		}
	}
}

// answer puts what the authenticator says into a page's passkey form.
func (a *authenticator) answer(f *Form) error {
	options := `{"publicKey":` + f.Attr("data-passkey") + `}`
	if f.Attr("data-kind") == "create" {
		o, err := virtualwebauthn.ParseAttestationOptions(options)
		if err != nil {
			return fmt.Errorf("read the page's passkey options: %w", err)
		}
		var user struct {
			User struct {
				ID string `json:"id"`
			} `json:"user"`
		}
		if err := json.Unmarshal([]byte(f.Attr("data-passkey")), &user); err != nil {
			return err
		}
		if a.dev.Options.UserHandle, err = base64.RawURLEncoding.DecodeString(user.User.ID); err != nil {
			return fmt.Errorf("read the user handle: %w", err)
		}
		f.Set("credential", virtualwebauthn.CreateAttestationResponse(a.rp, a.dev, a.key, *o))
		a.dev.AddCredential(a.key)
		return nil
	}
	o, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		return fmt.Errorf("read the page's passkey options: %w", err)
	}
	f.Set("credential", virtualwebauthn.CreateAssertionResponse(a.rp, a.dev, a.key, *o))
	return nil
}
