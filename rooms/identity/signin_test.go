package identity_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/identity"
)

// activation gives a code for a person, as adjudication does.
func (h *hall) activation(subject string) (code string) {
	h.t.Helper()
	err := h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		code, err = h.room.Activation(tx, subject)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// enrol takes a new person from the code to a passkey, in a browser of their own.
func (h *hall) enrol(subject string) (*http.Client, *phone) {
	h.t.Helper()
	b, f := h.Browser(), h.newPhone()
	code := h.activation(subject)
	pg := h.follow(b, h.post(b, "/identity/activate", url.Values{"code": {" " + strings.ToLower(strings.ReplaceAll(code, "-", " ")) + " "}}))
	h.status(pg, http.StatusOK)
	if done := h.follow(b, f.register(h, b, pg)); !strings.Contains(done.body, "On one device only") {
		h.t.Fatalf("no passkey on the page: %.400s", done.body)
	}
	return b, f
}

// Whoever keeps the code of an application for ever (a clerk, a thief of old
// letters) gets no way around the passkey with it.
func TestNoCodeLeadsAroundAPasskey(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		first := h.activation(h.ayesha)
		h.activation(h.ayesha)
		if pg := h.post(h.Browser(), "/identity/activate", url.Values{"code": {first}}); pg.StatusCode != http.StatusUnprocessableEntity {
			t.Error("a code that was replaced still lets in:", pg.Status)
		}
		h.enrol(h.ayesha)
		err := h.DB.Update(context.Background(), func(tx *store.Tx) error {
			_, err := h.room.Activation(tx, h.ayesha)
			return err
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("a code beside the passkey: %v", err)
		}
	})
}

func TestFromTheCodeToThePasskeyToTheWindow(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		if e := h.events(identity.EventPasskeyRegistered); len(e) != 1 || strings.Contains(string(e[0].Payload), "Ayesha") {
			t.Errorf("the event: %+v", e)
		}

		// another day, another browser: the page to the window leads through the provider
		h.Clock.Advance(24 * time.Hour)
		b := h.Browser()
		door := h.follow(b, h.get(b, "/sign-in?to=/identity/passkey"))
		h.status(door, http.StatusOK)
		if !strings.Contains(door.body, "/identity/activate") {
			t.Error("no way in without JavaScript")
		}
		in := h.follow(b, f.signIn(h, b, door))
		h.status(in, http.StatusOK)
		if in.Request.URL.Path != "/identity/passkey" || !strings.Contains(in.body, "Ayesha Khan") {
			t.Errorf("landed on %s", in.Request.URL)
		}
		ok := h.events(identity.EventSignInSucceeded)
		if len(ok) != 2 || !strings.Contains(string(ok[1].Payload), `"passkey"`) {
			t.Errorf("events: %+v", ok)
		}

		// signing out of the window ends the provider's session too
		h.status(h.post(b, "/sign-out", nil), http.StatusSeeOther)
		for range 100 {
			p := h.party()
			if pg := p.authorize(b, nil); strings.Contains(pg.body, "data-passkey") {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Error("still signed in at the provider")
	})
}

func TestACodeIsWorthNothingOnceThereIsAPasskey(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		code := h.activation(h.ayesha)
		h.enrol(h.ayesha)
		b := h.Browser()
		pg := h.post(b, "/identity/activate", url.Values{"code": {code}})
		if pg.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(pg.body, "This code is not right") {
			t.Errorf("%d", pg.StatusCode)
		}
		old := h.activation(h.bilal)
		h.Clock.Advance(15 * 24 * time.Hour)
		h.status(h.post(b, "/identity/activate", url.Values{"code": {old}}), http.StatusUnprocessableEntity)
	})
}

func TestAnotherPhoneIsNotLetIn(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, good := h.enrol(h.ayesha)
		_, other := h.enrol(h.bilal)
		stranger := h.newPhone()
		stranger.auth.Options.UserHandle = good.auth.Options.UserHandle
		wrongKey := *good
		wrongKey.cred.Key = stranger.cred.Key
		elsewhere := *good
		elsewhere.rp.Origin = "https://evil.example"
		swapped := *other
		swapped.auth.Options.UserHandle = good.auth.Options.UserHandle
		unverified := *good
		unverified.auth.Options.UserNotVerified = true
		for story, f := range map[string]*phone{"an unknown passkey": stranger, "another key": &wrongKey, "another site": &elsewhere, "another's handle": &swapped, "nobody verified": &unverified} {
			b := h.Browser()
			pg := f.signIn(h, b, h.follow(b, h.get(b, "/sign-in")))
			if pg.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(pg.body, "That did not work") {
				t.Errorf("%s: %d %.200s", story, pg.StatusCode, pg.body)
			}
		}
		failed := h.events(identity.EventSignInFailed)
		if len(failed) != 5 {
			t.Fatalf("%d failures in the journal", len(failed))
		}
		for _, e := range failed {
			if strings.Contains(string(e.Payload), "127.0.0.1") || !strings.Contains(string(e.Payload), `"refused"`) || e.Actor != "anonymous" {
				t.Errorf("%s %s", e.Actor, e.Payload)
			}
		}

		// an answer is good for one challenge, in the browser it was given to
		b := h.Browser()
		door := h.follow(b, h.get(b, "/sign-in"))
		form, options := door.form(t)
		o, _ := virtualwebauthn.ParseAssertionOptions(options)
		form.Set("credential", virtualwebauthn.CreateAssertionResponse(good.rp, good.auth, good.cred, *o))
		h.status(h.post(h.Browser(), "/oidc/sign-in", form), http.StatusGone)
		h.status(h.post(b, "/oidc/sign-in", form), http.StatusSeeOther)
		if h.post(b, "/oidc/sign-in", form).StatusCode == http.StatusSeeOther {
			t.Error("an answer was taken twice")
		}
	})
}

func TestABurstOfFailuresIsHeldOffAndReported(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.Browser()
		codes := map[int]int{}
		for range 25 {
			codes[h.post(b, "/identity/activate", url.Values{"code": {"AAAA-AAAA-AAAA"}}).StatusCode]++
		}
		if codes[http.StatusUnprocessableEntity] != 20 || codes[http.StatusTooManyRequests] != 5 {
			t.Errorf("%v", codes)
		}
		failed := h.events(identity.EventSignInFailed)
		if len(failed) != 25 || failed[0].Subject != failed[24].Subject {
			t.Errorf("%d events; one source must have one name", len(failed))
		}
		good := h.activation(h.ayesha)
		h.status(h.post(b, "/identity/activate", url.Values{"code": {good}}), http.StatusTooManyRequests)
		h.Clock.Advance(time.Hour)
		h.status(h.post(b, "/identity/activate", url.Values{"code": {good}}), http.StatusSeeOther)
	})
}

func TestASyncedPasskeyMayFlipItsFlag(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		f.auth.Options.BackupEligible, f.auth.Options.BackupState = true, true
		b := h.Browser()
		in := h.follow(b, f.signIn(h, b, h.follow(b, h.get(b, "/sign-in?to=/identity/passkey"))))
		if !strings.Contains(in.body, "Copied between your devices") {
			t.Errorf("locked out or not noticed: %d %s", in.StatusCode, in.Request.URL)
		}
		keys, err := h.room.Passkeys(context.Background(), h.ayesha)
		if err != nil || len(keys) != 1 || !keys[0].Eligible || !keys[0].Backed {
			t.Errorf("%+v %v", keys, err)
		}
	})
}

func TestTheWayBackIsAPathOfTheHouse(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		for to, want := range map[string]string{"/pay/7": "/pay/7", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/", "": "/"} {
			res := h.status(h.get(b, "/sign-in?to="+url.QueryEscape(to)), http.StatusSeeOther)
			if got := res.Header.Get("Location"); got != want {
				t.Errorf("%q leads to %q", to, got)
			}
		}
	})
}

// answered is a sign-in page's form with the phone's answer in it, not yet sent.
func (f *phone) answered(h *hall, p page) url.Values {
	h.t.Helper()
	form, options := p.form(h.t)
	o, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		h.t.Fatalf("assertion options: %v in %.300s", err, p.body)
	}
	form.Set("credential", virtualwebauthn.CreateAssertionResponse(f.rp, f.auth, f.cred, *o))
	return form
}

// An answer that was overheard is sent many times at once, and lets in once.
func TestAnAnswerSentManyTimesAtOnceLetsInOnce(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		b := h.Browser()
		form := f.answered(h, h.follow(b, h.get(b, "/sign-in")))
		var in atomic.Int64
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if h.post(b, "/oidc/sign-in", form).StatusCode == http.StatusSeeOther {
					in.Add(1)
				}
			})
		}
		wait.Wait()
		if in.Load() != 1 {
			t.Errorf("let in %d times", in.Load())
		}
	})
}

// Of two copies of one authenticator, only the first is let in: the counter of
// the second does not rise, even when both answer at the same moment, each its
// own challenge.
func TestACopiedAuthenticatorIsNotLetInBesideTheFirst(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		for _, counter := range []uint32{7, 8} {
			f.cred.Counter = counter
			first, second := h.Browser(), h.Browser()
			forms := map[*http.Client]url.Values{}
			for _, b := range []*http.Client{first, second} {
				forms[b] = f.answered(h, h.follow(b, h.get(b, "/sign-in")))
			}
			var in atomic.Int64
			var wait sync.WaitGroup
			for b, form := range forms {
				wait.Go(func() {
					if h.post(b, "/oidc/sign-in", form).StatusCode == http.StatusSeeOther {
						in.Add(1)
					}
				})
			}
			wait.Wait()
			if in.Load() != 1 {
				t.Errorf("counter %d let in %d times", counter, in.Load())
			}
		}
		f.cred.Counter = 3
		b := h.Browser()
		h.status(f.signIn(h, b, h.follow(b, h.get(b, "/sign-in"))), http.StatusUnprocessableEntity)
		f.cred.Counter = 9
		h.status(f.signIn(h, b, h.follow(b, h.get(b, "/sign-in"))), http.StatusSeeOther)
	})
}
