package journey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sarai/rooms/identity/wallet"
)

// identity is step 1: apply, leave, come back on another telephone, be decided
// on by two officials, set up sign-in.
func (w *Walk) identity(ctx context.Context) ([]string, error) {
	if err := w.apply(ctx); err != nil {
		return nil, err
	}
	for _, official := range []string{"nadia", "omar"} {
		if err := w.adjudicate(ctx, official); err != nil {
			return nil, fmt.Errorf("%s decides: %w", official, err)
		}
	}
	p, err := get(ctx, w.me, "/identity/apply/status")
	if err != nil {
		return nil, err
	}
	if state := p.Data("data-state"); state != "issued" {
		return nil, fmt.Errorf("the identity is %q, not issued: %s", state, said(p))
	}
	return []string{
		fmt.Sprintf("%s applied as %s, left, and came back on another telephone", w.who.nameEn, w.state.reference),
		"two different officials approved; the identity is issued",
	}, nil
}

func (w *Walk) apply(ctx context.Context) error {
	p, err := get(ctx, w.me, "/identity/apply/status")
	if err == nil && p.Data("data-state") != "" {
		w.state.reference = p.Data("data-reference")
		return nil // sent already
	}
	if w.state.back[0] != "" && !w.state.moved {
		// Cut off on the way to the other telephone: neither the old one nor the
		// new one may have the application, but the code brings it back.
		if err := w.moveToAnotherTelephone(ctx); err != nil {
			return err
		}
	}
	if p, err = get(ctx, w.me, "/identity/apply"); err != nil {
		return err
	}
	if p, err = submit(ctx, w.me, p, p.Form("/identity/apply")); err != nil {
		return err
	}
	for range 30 {
		at := p.URL.Path
		if strings.HasPrefix(at, "/identity/apply/step/") {
			if step := strings.TrimPrefix(at, "/identity/apply/step/"); step == "number" && !w.state.moved {
				if err := w.moveToAnotherTelephone(ctx); err != nil {
					return err
				}
				if p, err = get(ctx, w.me, at); err != nil {
					return err
				}
			}
			f := p.Form(at)
			w.answer(f, strings.TrimPrefix(at, "/identity/apply/step/"))
			if p, err = submit(ctx, w.me, p, f); err != nil {
				return err
			}
			continue
		}
		switch at {
		case "/identity/apply/check":
			if p, err = submit(ctx, w.me, p, p.Form("/identity/apply/check")); err != nil {
				return err
			}
		case "/identity/apply/status":
			w.state.reference = p.Data("data-reference")
			return nil
		default:
			return fmt.Errorf("the application leads to %s", at)
		}
	}
	return errors.New("the application does not end")
}

func (w *Walk) answer(f *Form, step string) {
	a := w.who
	switch step {
	case "name":
		f.Set("name_en", a.nameEn).Set("name_ur", a.nameUr)
	case "father":
		f.Set("father_en", a.fatherEn).Set("father_ur", a.fatherUr)
	case "birth":
		f.Set("birth-day", strconv.Itoa(a.day)).Set("birth-month", strconv.Itoa(a.month)).Set("birth-year", strconv.Itoa(a.year))
	case "sex":
		f.Set("sex", "female")
	case "number":
		f.Set("number", a.number)
	case "district":
		f.Set("district", "islamabad")
	case "address":
		f.Set("address_en", "House 12, Street 4, G-10/3, Islamabad").Set("address_ur", "مکان 12، گلی 4، جی ٹین تھری، اسلام آباد")
	case "phone":
		f.Set("phone", a.phone)
	case "photo":
		f.Attach("photo", "me.jpg", "image/jpeg", a.photo)
	}
}

// moveToAnotherTelephone leaves the application and resumes it in a browser
// that has never seen it.
func (w *Walk) moveToAnotherTelephone(ctx context.Context) error {
	if w.state.back[0] == "" {
		if err := w.writeDown(ctx); err != nil {
			return err
		}
	}
	other := NewBrowser(w.o.Server, w.o.Lang)
	p, err := get(ctx, other, "/identity/apply/resume")
	if err != nil {
		return err
	}
	if _, err = submit(ctx, other, p, p.Form("/identity/apply/resume").Set("reference", w.state.back[0]).Set("code", w.state.back[1])); err != nil {
		return err
	}
	w.me, w.state.moved = other, true
	return nil
}

// writeDown notes the reference and the code that open the application
// elsewhere.
func (w *Walk) writeDown(ctx context.Context) error {
	p, err := get(ctx, w.me, "/identity/apply/saved")
	if err != nil {
		return err
	}
	var codes []string
	for _, word := range strings.Fields(p.Text()) {
		if parts := strings.Split(word, "-"); len(parts) >= 2 && len(parts) <= 3 && len(parts[0]) == 4 && len(parts[1]) == 4 && strings.ToUpper(word) == word {
			codes = append(codes, word)
		}
	}
	if len(codes) < 2 {
		return fmt.Errorf("no reference and code to come back with: %s", said(p))
	}
	w.state.back = [2]string{codes[0], codes[1]}
	return nil
}

func (w *Walk) adjudicate(ctx context.Context, official string) error {
	b, err := w.as(ctx, official)
	if err != nil {
		return err
	}
	p, err := get(ctx, b, "/identity/desk")
	if err != nil {
		return err
	}
	link := p.DataWhere("href", "data-reference", w.state.reference)
	if link == "" {
		status, err := get(ctx, w.me, "/identity/apply/status")
		if err == nil && status.Data("data-state") == "issued" {
			return nil
		}
		return fmt.Errorf("application %s is not on the desk", w.state.reference)
	}
	if p, err = get(ctx, b, link); err != nil {
		return err
	}
	f := p.Form(link)
	if f == nil {
		return nil // this official has decided already
	}
	_, err = submit(ctx, b, p, f.Set("outcome", "approved"))
	return err
}

// card is step 2: set up sign-in, then take the identity card into a wallet.
func (w *Walk) card(ctx context.Context) ([]string, error) {
	if err := w.registerPasskey(ctx); err != nil {
		return nil, err
	}
	p, err := get(ctx, w.me, "/")
	if err != nil {
		return nil, err
	}
	if p.Link("/credentials/offer/") == "" && len(w.state.collecting) == 0 {
		return nil, fmt.Errorf("the home page does not say that a card waits: %s", said(p))
	}
	if p, err = get(ctx, w.me, "/credentials"); err != nil {
		return nil, err
	}
	if f := p.Form("/credentials/offer"); f != nil {
		if p, err = submit(ctx, w.me, p, f); err != nil {
			return nil, err
		}
	} else if link := p.Link("/credentials/offer/"); link != "" {
		if p, err = get(ctx, w.me, link); err != nil {
			return nil, err
		}
	}
	c, err := w.collect(ctx, p)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("the page offers nothing: %s", said(p))
	}
	return []string{
		fmt.Sprintf("the wallet holds %s as SD-JWT VC, bound to its own key; signature, holder and status list are right", c.Configuration),
	}, nil
}

// collect takes the credential a page offers, and proves it. It gives nothing
// when an earlier try was cut off after the house had issued it: an offer is
// good for one credential.
func (w *Walk) collect(ctx context.Context, p *Page) (*wallet.Credential, error) {
	link := p.Data("data-offer")
	if link == "" && w.state.collecting[p.URL.Path] {
		return nil, nil
	}
	if link == "" {
		return nil, fmt.Errorf("the page offers nothing: %s", said(p))
	}
	w.state.collecting[p.URL.Path] = true
	holder := wallet.Wallet{}
	got, err := holder.Collect(ctx, link, "", 1)
	if err != nil {
		return nil, fmt.Errorf("collect the credential: %w", err)
	}
	if err := holder.Verify(ctx, &got[0]); err != nil {
		return nil, fmt.Errorf("prove the credential: %w", err)
	}
	return &got[0], w.keep(got[0].Configuration+".sd-jwt", []byte(got[0].Raw))
}

func (w *Walk) registerPasskey(ctx context.Context) error {
	if w.state.passkey {
		return w.enter(ctx)
	}
	if len(w.key.dev.Credentials) > 0 {
		// The answer to the registration never came. Whoever can sign in with the
		// passkey has registered it; else another one is made.
		err := w.leave(ctx)
		if err == nil {
			err = w.enter(ctx)
		}
		if cut := new(url.Error); err == nil || errors.As(err, &cut) || errors.Is(err, io.ErrUnexpectedEOF) {
			w.state.passkey = err == nil
			return err
		}
		w.key = newAuthenticator(w.o.Server)
	}
	p, err := get(ctx, w.me, "/identity/apply/status")
	if err != nil {
		return err
	}
	if p.URL.Path == "/identity/apply/resume" {
		// Signing out gave the browser a new visitor: the code brings the application back.
		if err := w.moveToAnotherTelephone(ctx); err != nil {
			return err
		}
		if p, err = get(ctx, w.me, "/identity/apply/status"); err != nil {
			return err
		}
	}
	if p, err = submit(ctx, w.me, p, p.Form("/identity/apply/activate")); err != nil {
		return err
	}
	if p, err = submit(ctx, w.me, p, p.Form("/identity/activate")); err != nil {
		return err
	}
	if p.Form("/identity/passkey") == nil {
		if p, err = get(ctx, w.me, "/identity/passkey"); err != nil {
			return err
		}
	}
	f := p.Form("/identity/passkey")
	if f == nil {
		return fmt.Errorf("no passkey is asked for: %s", said(p))
	}
	if err := w.key.answer(f); err != nil {
		return err
	}
	if _, err = submit(ctx, w.me, p, f); err != nil {
		return err
	}
	w.state.passkey = true
	return w.enter(ctx)
}

// enter signs in at the window by the OpenID provider and the passkey, unless
// the citizen is in already.
func (w *Walk) enter(ctx context.Context) error {
	p, err := get(ctx, w.me, "/sign-in")
	if err != nil {
		return err
	}
	f := p.Form("/oidc/sign-in")
	if f == nil {
		return nil
	}
	if err := w.key.answer(f); err != nil {
		return err
	}
	p, err = submit(ctx, w.me, p, f)
	if err != nil {
		return err
	}
	if strings.HasPrefix(p.URL.Path, "/oidc/") {
		return fmt.Errorf("sign-in did not lead back: %s", said(p))
	}
	return nil
}

// leave signs out, if the citizen is in.
func (w *Walk) leave(ctx context.Context) error {
	p, err := get(ctx, w.me, "/")
	if err != nil {
		return err
	}
	if f := p.Form("/sign-out"); f != nil {
		_, err = submit(ctx, w.me, p, f)
	}
	return err
}

// signIn is step 3: sign out, and in again as a returning citizen.
func (w *Walk) signIn(ctx context.Context) ([]string, error) {
	p, err := get(ctx, w.me, "/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var provider struct {
		Issuer   string   `json:"issuer"`
		Subjects []string `json:"subject_types_supported"`
		PKCE     []string `json:"code_challenge_methods_supported"`
	}
	if err := json.NewDecoder(bytes.NewReader(p.Body)).Decode(&provider); err != nil {
		return nil, fmt.Errorf("read the provider's metadata: %w", err)
	}
	if strings.Join(provider.Subjects, " ") != "pairwise" || strings.Join(provider.PKCE, " ") != "S256" {
		return nil, fmt.Errorf("the provider offers subjects %v and PKCE %v", provider.Subjects, provider.PKCE)
	}
	if err := w.leave(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := w.enter(ctx); err != nil {
		return nil, err
	}
	took := time.Since(began)
	if p, err = get(ctx, w.me, "/"); err != nil {
		return nil, err
	}
	name := w.who.nameEn
	if w.o.Lang == "ur" {
		name = w.who.nameUr
	}
	if !strings.Contains(p.Text(), strings.Fields(name)[0]) {
		return nil, fmt.Errorf("the home page does not greet %s: %s", name, said(p))
	}
	return []string{fmt.Sprintf("signed in with a passkey at %s by code and PKCE (S256), pairwise subject, in %d ms", provider.Issuer, took.Milliseconds())}, nil
}
