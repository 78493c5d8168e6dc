package journey

import (
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
		dev: virtualwebauthn.NewAuthenticator(), key: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
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
