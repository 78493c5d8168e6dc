package identity_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sarai/courtyard/fault"
	"sarai/rooms/identity"
	"sarai/rooms/identity/wallet"
)

// suspension is the proposal of a first official.
func suspension(ground string) url.Values {
	return url.Values{"ground": {ground}, "note": {"Her brother signs in with her telephone."}}
}

var confirm = url.Values{"answer": {"yes"}}

// officials are two people of registration who can decide about others.
func (h *hall) officials() (first, second *http.Client) {
	return h.AsOfficial(h.officer, "nadra.isb.registration"), h.AsOfficial(h.bilal, "nadra.isb.adjudication")
}

// suspend takes both steps.
func (h *hall) suspend(subject string, first, second *http.Client) {
	h.t.Helper()
	at := "/identity/standing/" + subject
	h.status(h.post(first, at, suspension("stolen")), http.StatusSeeOther)
	h.status(h.post(second, at+"/decision", confirm), http.StatusSeeOther)
}

// Two officials suspend an identity: everything that was open closes at once,
// the person learns why and how to object, and two officials give it back.
func TestTwoOfficialsSuspendAnIdentityAndGiveItBack(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		b, f := h.enrol(h.ayesha)
		nadia, omar := h.officials()
		at := "/identity/standing/" + h.ayesha

		// what is open before: a session, an access token, a code, two cards, and one
		// that was suspended for a reason of its own
		p, q := h.party(), h.party()
		token := h.status(p.token(p.agree(b, p.authorize(b, nil)).Get("code"), nil), http.StatusOK).json(t)["access_token"].(string)
		code := q.answer(q.authorize(b, nil)).Get("code")
		w := h.wallet()
		card, err := w.Collect(ctx, h.link(h.offer(identity.CredentialOffer{Key: "card", Subject: h.ayesha, Type: identity.TypePersonIdentification})), "", 2)
		if err != nil {
			t.Fatal(err)
		}
		apart, err := w.Collect(ctx, h.link(h.offer(identity.CredentialOffer{Key: "apart", Subject: h.ayesha, Type: identity.TypeDomicileCertificate})), "", 1)
		if err != nil {
			t.Fatal(err)
		}
		held, _ := h.room.Credentials(ctx, h.ayesha)
		h.status(h.post(nadia, "/identity/revoke/"+held[0].ID, url.Values{"status": {"2"}, "reason": {"Wrong district"}}), http.StatusSeeOther)
		waiting := h.link(h.offer(identity.CredentialOffer{Key: "waiting", Subject: h.ayesha, Type: identity.TypeDomicileCertificate}))

		// the first official finds her by the number, which stands in no address
		found := h.status(h.post(nadia, "/identity/standing", url.Values{"number": {"۶۱۱۰۱-۱۲۳۴۵۶۷-۲"}}), http.StatusSeeOther)
		if found.Header.Get("Location") != at {
			t.Errorf("found at %s", found.Header.Get("Location"))
		}
		h.status(h.post(nadia, "/identity/standing", url.Values{"number": {"6110177777771"}}), http.StatusUnprocessableEntity)
		if pg := h.status(h.get(nadia, at), http.StatusOK); !strings.Contains(pg.body, "Ayesha Khan") || strings.Contains(pg.body, "1234567") || strings.Contains(pg.body, "Your name") {
			t.Errorf("the page about her: %.300s", pg.body)
		}
		for story, bad := range map[string]url.Values{"no ground": {"note": {"x"}}, "no note": {"ground": {"stolen"}}, "a ground of the other act": {"ground": {"appeal"}, "note": {"x"}}} {
			if res := h.post(nadia, at, bad); res.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", story, res.StatusCode)
			}
		}
		h.status(h.post(nadia, at+"/decision", confirm), http.StatusForbidden) // nothing is proposed
		h.status(h.post(nadia, at, suspension("stolen")), http.StatusSeeOther)

		// one is not enough, and the same one twice is one
		h.status(h.post(nadia, at+"/decision", confirm), http.StatusForbidden)
		h.status(h.post(omar, at, suspension("court")), http.StatusForbidden) // one proposal at a time
		h.status(h.get(b, "/identity/passkey"), http.StatusOK)
		if res := h.userinfo(token); res.StatusCode != http.StatusOK {
			t.Errorf("a proposal alone took the token: %d", res.StatusCode)
		}
		h.status(h.post(omar, at+"/decision", nil), http.StatusUnprocessableEntity)
		h.status(h.post(omar, at+"/decision", confirm), http.StatusSeeOther)

		// everything is closed, at once
		h.status(h.get(b, "/identity/passkey"), http.StatusUnauthorized)
		if res := h.userinfo(token); res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("the access token: %d", res.StatusCode)
		}
		if res := q.token(code, nil); res.json(t)["error"] != "invalid_grant" {
			t.Errorf("the code: %s", res.body)
		}
		for i := range card {
			if err := w.Verify(ctx, &card[i]); !errors.Is(err, wallet.ErrStatus) || !strings.Contains(err.Error(), "status 2") {
				t.Errorf("her card reads %v, want suspended", err)
			}
		}
		if _, err := w.Collect(ctx, waiting, "", 1); err == nil {
			t.Error("a waiting offer was collected")
		}
		h.status(h.post(nadia, "/identity/revoke/"+held[0].ID, url.Values{"status": {"0"}, "reason": {"Right after all"}}), http.StatusUnprocessableEntity)
		if err := h.room.MayUse(ctx, h.ayesha); !fault.Is(err, fault.Forbidden) {
			t.Errorf("another way in: %v", err)
		}

		// she proves who she is and reads why she is not let in, in her language
		for lang, says := range map[string][]string{
			"en": {"Your identity is suspended", "Somebody else uses this identity", "Prevention of Electronic Crimes Act 2016", "Her brother signs in", "Ministry of Interior", "Registration"},
			"ur": {"آپ کی شناخت معطل ہے", "کوئی اور شخص یہ شناخت", "دفعہ 16", "وزارتِ داخلہ"},
		} {
			out := h.Browser()
			out.Transport = speaks(lang)
			pg := h.status(f.signIn(h, out, h.follow(out, h.get(out, "/sign-in"))), http.StatusForbidden)
			for _, s := range says {
				if !strings.Contains(pg.body, s) {
					t.Errorf("the page in %s does not say %q", lang, s)
				}
			}
			h.status(h.get(out, "/identity/passkey"), http.StatusUnauthorized)
		}

		// two officials give it back: what the suspension took comes back, and what
		// was put aside for a reason of its own does not
		h.status(h.post(omar, at, url.Values{"ground": {"settled"}, "note": {"She has a new telephone."}}), http.StatusSeeOther)
		h.status(h.post(omar, at+"/decision", confirm), http.StatusForbidden)
		h.status(h.post(nadia, at+"/decision", confirm), http.StatusSeeOther)
		for i := range card {
			if err := w.Verify(ctx, &card[i]); err != nil {
				t.Errorf("her card after it: %v", err)
			}
		}
		if err := w.Verify(ctx, &apart[0]); !errors.Is(err, wallet.ErrStatus) {
			t.Errorf("the one suspended by itself: %v", err)
		}
		in := h.follow(b, f.signIn(h, b, h.follow(b, h.get(b, "/sign-in?to=/identity/passkey"))))
		if in.StatusCode != http.StatusOK || in.Request.URL.Path != "/identity/passkey" {
			t.Errorf("not let in again: %d %s", in.StatusCode, in.Request.URL)
		}
		if res := h.userinfo(token); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("an old token came back to life: %d", res.StatusCode)
		}

		// all of it is in the journal, by posts, without a word of the note
		for _, want := range []struct{ event, actor string }{
			{identity.EventSuspensionProposed, "post/nadra.isb.registration"}, {identity.EventPersonSuspended, "post/nadra.isb.adjudication"}, {identity.EventPersonReinstated, "post/nadra.isb.registration"},
		} {
			e := h.events(want.event)
			if len(e) == 0 || e[0].Actor != want.actor || strings.Contains(string(e[0].Payload), "brother") {
				t.Errorf("%s: %+v", want.event, e)
			}
		}
		seen, _ := h.room.Accesses(ctx, h.ayesha)
		if len(seen) == 0 || seen[len(seen)-1].Actor == "" {
			t.Errorf("the officials' looks are not on her record: %+v", seen)
		}
	})
}

// userinfo asks with a bearer token.
func (h *hall) userinfo(token string) page {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.URL+"/oidc/userinfo", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(res)
}

// speaks is a browser's transport that asks for a language.
type speaks string

func (l speaks) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Language", string(l))
	return http.DefaultTransport.RoundTrip(req)
}

// Nobody suspends alone, about themselves, or without the power; what is
// declined changes nothing.
func TestWhoMaySuspend(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		nadia, omar := h.officials()
		at := "/identity/standing/" + h.ayesha
		for story, b := range map[string]*http.Client{"a citizen": h.AsCitizen(h.ayesha), "another office": h.AsOfficial("p-rashid", "icta.dc.diary")} {
			for _, path := range []string{"/identity/standing", at} {
				if res := h.get(b, path); res.StatusCode != http.StatusForbidden {
					t.Errorf("%s at %s: %d", story, path, res.StatusCode)
				}
			}
			if res := h.post(b, at, suspension("stolen")); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s proposed: %d", story, res.StatusCode)
			}
		}
		h.status(h.post(nadia, "/identity/standing/"+h.officer, suspension("stolen")), http.StatusForbidden) // herself
		h.status(h.post(omar, "/identity/standing/"+h.officer, suspension("stolen")), http.StatusSeeOther)
		h.status(h.post(nadia, "/identity/standing/"+h.officer+"/decision", confirm), http.StatusForbidden)
		h.status(h.get(nadia, "/identity/standing/pffffffffffffffffffffffff"), http.StatusNotFound)

		h.status(h.post(nadia, at, suspension("double")), http.StatusSeeOther)
		if pg := h.get(omar, "/identity/standing"); !strings.Contains(pg.body, h.ayesha) {
			t.Error("the proposal is not on the list")
		}
		h.status(h.post(omar, at+"/decision", url.Values{"answer": {"no"}}), http.StatusSeeOther)
		if s, err := h.room.Standing(context.Background(), h.ayesha); err != nil || s.State != "active" {
			t.Errorf("declined, and %s %v", s.State, err)
		}
		if e := h.events(identity.EventSuspensionDeclined); len(e) != 1 {
			t.Errorf("%d events", len(e))
		}
		h.status(h.post(omar, at+"/decision", confirm), http.StatusForbidden) // it is over
	})
}

// Somebody who has only the activation code reads the page as well.
func TestACodeOfASuspendedPersonLetsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		code := h.activation(h.ayesha)
		nadia, omar := h.officials()
		h.suspend(h.ayesha, nadia, omar)
		b := h.Browser()
		if pg := h.status(h.post(b, "/identity/activate", url.Values{"code": {code}}), http.StatusForbidden); !strings.Contains(pg.body, "Your identity is suspended") {
			t.Errorf("%.300s", pg.body)
		}
		h.status(h.get(b, "/identity/passkey"), http.StatusUnauthorized)
	})
}

// While the second official confirms, the person signs in from several
// browsers: when all is done, none of them is signed in, here or elsewhere.
func TestNoSignInSlipsThroughASuspension(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		_, f := h.enrol(h.ayesha)
		nadia, omar := h.officials()
		at := "/identity/standing/" + h.ayesha
		h.status(h.post(nadia, at, suspension("stolen")), http.StatusSeeOther)
		type try struct {
			b    *http.Client
			form url.Values
		}
		var tries []try
		for range 4 {
			b := h.Browser()
			tries = append(tries, try{b, f.answered(h, h.follow(b, h.get(b, "/sign-in")))})
		}
		var wait sync.WaitGroup
		for _, x := range tries {
			wait.Go(func() { h.follow(x.b, h.post(x.b, "/oidc/sign-in", x.form)) })
		}
		wait.Go(func() { h.status(h.post(omar, at+"/decision", confirm), http.StatusSeeOther) })
		wait.Wait()
		for i, x := range tries {
			if res := h.get(x.b, "/identity/passkey"); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("browser %d is signed in: %d", i, res.StatusCode)
			}
			if res := h.follow(x.b, h.get(x.b, "/oidc/authorize?"+h.party().request(url.Values{"prompt": {"none"}}).Encode())); !strings.Contains(res.Header.Get("Location"), "error=login_required") {
				t.Errorf("browser %d has a session at the provider: %s", i, res.Header.Get("Location"))
			}
		}
	})
}
