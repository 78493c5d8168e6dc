package browser

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// applyPrefix is where the questions of the application for an identity are.
const applyPrefix = "/identity/apply/step/"

// identity: a newcomer applies, two officials decide.
func (w *Walk) identity() {
	me := w.person("newcomer")
	me.Open("/")
	me.Look("front")
	me.Open("/demo")
	me.Look("demo")
	me.apply(w.who)
	for i, official := range []string{"nadia", "omar"} {
		o := w.as(official)
		if i == 0 {
			o.Look("identity-desk")
		}
		o.Press(`a[data-reference="` + w.reference + `"]`)
		if i == 0 {
			o.Look("identity-dossier")
		}
		o.Send(o.path(), map[string]string{"outcome": "approved"})
		if i == 0 {
			o.Look("identity-dossier-decided")
		}
		w.bye(official)
	}
	me.Open("/identity/apply/status")
	if state := me.attr("[data-state]", "data-state"); w.err == nil && state != "issued" {
		w.fail(fmt.Errorf("the identity is %q, not issued", state))
	}
	me.Look("apply-issued")
}

// apply answers every question of the application and sends it.
func (p *Person) apply(who newcomer) {
	w := p.walk
	folder, err := os.MkdirTemp("", "sarai-photo-")
	if err != nil {
		w.fail(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	photo, err := who.photograph(folder)
	if err != nil {
		w.fail(err)
		return
	}
	answers := who.answers(photo)
	p.Open("/identity/apply")
	p.Look("apply")
	p.Send("/identity/apply", nil)
	for range 20 {
		at := p.path()
		step, asking := strings.CutPrefix(at, applyPrefix)
		if w.err != nil || !asking {
			break
		}
		p.Look("apply-" + step)
		switch step {
		case "name", "sex", "photo": // one of each kind sent empty
			p.Send(at, nil)
			p.Look("apply-" + step + "-empty")
		case "number":
			p.Send(at, map[string]string{"number": "12345-1234567-1x"})
			p.Look("apply-number-wrong")
			p.Open("/identity/apply/saved")
			p.Look("apply-saved")
			p.Open("/identity/apply/resume")
			p.Look("apply-resume")
			p.Open(at)
		}
		p.Send(at, answers)
	}
	p.Look("apply-check")
	p.Send("/identity/apply/check", nil)
	if at := p.path(); w.err == nil && at != "/identity/apply/status" {
		w.fail(fmt.Errorf("the application leads to %s", at))
		return
	}
	p.Look("apply-sent")
	w.reference = p.attr("[data-reference]", "data-reference")
}

// card: set up sign-in with a passkey, then take the card.
func (w *Walk) card() {
	me := w.person("newcomer")
	w.fail(me.authenticator(nil))
	me.Send("/identity/apply/activate", nil)
	me.Look("activate")
	me.Send("/identity/activate", nil)
	me.until("the passkey page", `location.pathname == "/identity/passkey" && !document.querySelector("[data-ask]").hidden`)
	me.Look("passkey-none")
	me.Press(`[data-ask] button`)
	me.until("the passkey", `document.querySelector("main table")`)
	me.Look("passkey")
	me.Open("/credentials")
	me.Look("credentials")
	me.Press(`main :is(a[href^="/credentials/offer/"], form[action="/credentials/offer"] button)`)
	me.until("the offer", `document.querySelector("[data-offer]")`)
	me.Look("credential-offer")
}

// signIn: out, and in again by the passkey alone.
func (w *Walk) signIn() {
	me := w.person("newcomer")
	me.Press(`form[action="/sign-out"] button`)
	me.Open("/identity/activate")
	me.Look("activate-code")
	me.Open("/sign-in")
	me.until("the door", `location.pathname == "/oidc/sign-in" && !document.querySelector("[data-ask]").hidden`)
	me.Look("sign-in")
	me.Press(`[data-ask] button`)
	me.until("signing in", `!location.pathname.startsWith("/oidc/") && document.querySelector('form[action="/sign-out"]')`)
	me.Open("/")
	me.Look("home")
}

// authenticator plugs a virtual one into the person's browser, which holds the
// credential given, or nothing yet.
func (p *Person) authenticator(held *passkey) error {
	if p.walk.err != nil {
		return p.walk.err
	}
	return chromedp.Do(p.tab.Ctx, chromedp.Func(func(ctx context.Context, at *chromedp.Target) error {
		if _, err := cdp.Call(ctx, at, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		a, err := cdp.Call(ctx, at, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		if err != nil || held == nil {
			return err
		}
		_, err = cdp.Call(ctx, at, addPasskey, addPasskeyParams{Authenticator: string(a.AuthenticatorID), Credential: *held})
		return err
	}))
}

// passkey is a credential as the virtual authenticator takes it. The library's
// own type also sends fields of drafts that browsers refuse.
type passkey struct {
	ID         []byte `json:"credentialId"`
	Resident   bool   `json:"isResidentCredential"`
	RP         string `json:"rpId"`
	PrivateKey []byte `json:"privateKey"` // PKCS #8
	User       []byte `json:"userHandle"`
	Count      int    `json:"signCount"`
}

type addPasskeyParams struct {
	Authenticator string  `json:"authenticatorId"`
	Credential    passkey `json:"credential"`
}

var addPasskey = cdp.Command[addPasskeyParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

// stolen is a passkey that nobody registered.
func stolen() (*passkey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	return &passkey{ID: id, Resident: true, RP: "localhost", PrivateKey: der, User: []byte("nobody"), Count: 1}, nil
}
