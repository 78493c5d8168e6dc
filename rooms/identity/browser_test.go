package identity_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web/webtest"
	"sarai/rooms/identity"
)

// inABrowser opens a browser and a court with people in it for a minute and a
// half.
func inABrowser(t *testing.T) (context.Context, *webtest.Browser, *hall) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	ctx, stop := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(stop)
	browser, err := webtest.Start(ctx)
	if errors.Is(err, webtest.ErrNoBrowser) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(browser.Close)
	db, err := store.Open(ctx, store.Config{URL: storetest.SQLite(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h := &hall{t: t}
	h.Court = courttest.New(t, db, func(c *courtyard.Courtyard) (err error) {
		h.room, err = identity.New(c, identity.Wants{})
		if err == nil {
			c.Gate.SetNames(h.room.Names)
		}
		return err
	})
	subjects, err := h.room.Seed(ctx, people)
	if err != nil {
		t.Fatal(err)
	}
	h.ayesha, h.bilal, h.officer = subjects[0], subjects[1], subjects[2]
	return ctx, browser, h
}

// In a real browser, on a phone's screen: the activation code, the passkey
// button, and the way back in with Chromium's own virtual authenticator. Set
// SARAI_SHOTS to a folder to keep pictures of the pages on the way.
func TestAPasskeyInARealBrowser(t *testing.T) {
	_, browser, h := inABrowser(t)
	tab, err := browser.Tab(h.URL, webtest.View{Name: "phone", Width: 360, Height: 740, Lang: "ur"})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	err = chromedp.Do(tab.Ctx, chromedp.Func(func(ctx context.Context, at *chromedp.Target) error {
		if _, err := cdp.Call(ctx, at, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, at, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return err
	}))
	if err != nil {
		t.Fatalf("virtual authenticator: %v", err)
	}
	open := func(path string) {
		t.Helper()
		if err := tab.Go(h.URL + path); err != nil {
			t.Fatal(err)
		}
	}
	run := func(js string) {
		t.Helper()
		if _, err := webtest.Eval[bool](tab, js+"; true"); err != nil {
			t.Fatal(err)
		}
	}
	until := func(what, js string) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if ok, err := webtest.Eval[bool](tab, js); err == nil && ok {
				return
			}
		}
		at, _ := webtest.Eval[string](tab, `location.href + " " + document.querySelector("main").innerText.slice(0, 300)`)
		t.Fatalf("%s did not happen; at %s", what, at)
	}
	picture := func(name string) {
		t.Helper()
		if wide, err := tab.Overflow(); err != nil || wide > 0 {
			t.Errorf("%s is %d pixels wider than the phone", name, wide)
		}
		if folder := os.Getenv("SARAI_SHOTS"); folder != "" {
			if err := tab.Save(filepath.Join(folder, "identity-"+name+".png")); err != nil {
				t.Error(err)
			}
		}
	}
	press := `document.querySelector("[data-ask] button").click()`
	ready := `!!document.querySelector("[data-ask]") && !document.querySelector("[data-ask]").hidden`

	open("/identity/activate")
	picture("activate")
	run(`document.querySelector("[name=code]").value = "` + h.activation(h.ayesha) + `"; document.querySelector("main form").requestSubmit()`)
	until("the passkey page", `location.pathname === "/identity/passkey" && `+ready)
	picture("passkey-none")
	run(press)
	until("the passkey", `!!document.querySelector("table")`)
	picture("passkey")

	open("/credentials")
	picture("credentials")
	run(`document.querySelector("form[action='/credentials/offer']").requestSubmit()`)
	until("the offer", `!!document.querySelector("[data-offer]")`)
	picture("offer")

	open("/oidc/authorize?" + h.party().request(url.Values{"redirect_uri": {"http://localhost:3000/callback"}}).Encode())
	until("the consent", `location.pathname === "/oidc/consent"`)
	picture("consent")

	// out, and in again by the passkey alone
	open("/oidc/sign-out")
	picture("sign-out")
	run(`document.querySelector("form[action='/oidc/sign-out'] button").click()`)
	until("signing out", `location.pathname === "/"`)
	open("/sign-in?to=/identity/passkey")
	until("the door", `location.pathname === "/oidc/sign-in" && `+ready)
	picture("sign-in")
	run(press)
	until("signing in", `location.pathname === "/identity/passkey" && !!document.querySelector("table")`)
	if e := h.events(identity.EventSignInSucceeded); len(e) != 2 || !strings.Contains(string(e[1].Payload), `"passkey"`) {
		t.Errorf("events: %+v", e)
	}
}
