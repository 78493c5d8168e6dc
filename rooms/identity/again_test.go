package identity_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/rooms/identity"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/sdjwt"
	"sarai/rooms/identity/wallet"
)

// cut is a connection that breaks after the house has answered: the request
// arrives, the answer does not. It does so n times at the credential endpoint.
type cut struct{ n int }

func (c *cut) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && req.URL.Path == "/credentials/issue" && res.StatusCode == http.StatusOK && c.n > 0 {
		c.n--
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return nil, errors.New("the tunnel took the answer")
	}
	return res, err
}

// A wallet in a tunnel: the house issued, the answer was lost, the wallet asks
// again and holds what it was promised, and no second credential is alive.
func TestAWalletThatWasCutOffCollectsAgain(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		w := h.wallet()
		w.Client = &http.Client{Transport: &cut{n: 2}}
		for _, kind := range []string{identity.TypePersonIdentification, identity.TypeDomicileCertificate} {
			offer := h.offer(identity.CredentialOffer{Key: "tunnel/" + kind, Subject: h.ayesha, Type: kind, Claims: map[string]any{"district": "Islamabad"}})
			got, err := w.Collect(ctx, h.link(offer), "", 2)
			if err != nil {
				t.Fatal(err)
			}
			if kind == identity.TypeDomicileCertificate && got[0].Verified.Claims["district"] != "Islamabad" {
				t.Errorf("what it said was lost: %v", got[0].Verified.Claims)
			}
			w.Client = &http.Client{Transport: &cut{n: 2}}
		}
		held, err := h.room.Credentials(ctx, h.ayesha)
		if err != nil || len(held) != 4 || len(h.events(identity.EventCredentialIssued)) != 4 {
			t.Errorf("%d credentials on record, %d events, want 4: %v", len(held), len(h.events(identity.EventCredentialIssued)), err)
		}
	})
}

// token redeems a link as a wallet does.
func (h *hall) token(link string) string {
	h.t.Helper()
	_, address, err := oid4vci.ParseLink(link)
	if err != nil {
		h.t.Fatal(err)
	}
	o, err := oid4vci.ParseOffer([]byte(h.get(http.DefaultClient, address).body))
	if err != nil {
		h.t.Fatal(err)
	}
	form := url.Values{"grant_type": {oid4vci.GrantPreAuthorized}, "pre-authorized_code": {o.Grants.PreAuthorized.Code}}
	return h.status(h.post(http.DefaultClient, "/oidc/token", form), http.StatusOK).json(h.t)["access_token"].(string)
}

// request asks for credentials bound to keys, with a new nonce.
func (h *hall) request(token, kind string, keys ...jwt.Signer) page {
	h.t.Helper()
	nonce := h.status(h.post(http.DefaultClient, "/credentials/nonce", nil), http.StatusOK).json(h.t)["c_nonce"].(string)
	var proofs []string
	for _, k := range keys {
		p, err := oid4vci.Proof(k, h.URL, nonce, h.Clock.Now())
		if err != nil {
			h.t.Fatal(err)
		}
		proofs = append(proofs, p)
	}
	req, err := http.NewRequest(http.MethodPost, h.URL+"/credentials/issue", strings.NewReader(`{"credential_configuration_id":"`+kind+`","proofs":{"jwt":["`+strings.Join(proofs, `","`)+`"]}}`))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(res)
}

// places are the status list entries of an answer, by holder key.
func (h *hall) places(p page) map[string]int {
	h.t.Helper()
	h.status(p, http.StatusOK)
	out := map[string]int{}
	for _, c := range p.json(h.t)["credentials"].([]any) {
		parsed, err := sdjwt.Parse(c.(map[string]any)["credential"].(string))
		if err != nil {
			h.t.Fatal(err)
		}
		var claims struct {
			Confirm struct {
				Key struct {
					X string `json:"x"`
				} `json:"jwk"`
			} `json:"cnf"`
			Status struct {
				List sdjwt.Status `json:"status_list"`
			} `json:"status"`
		}
		if err := parsed.Issuer.Claims(&claims); err != nil {
			h.t.Fatal(err)
		}
		out[claims.Confirm.Key.X] = claims.Status.List.Index
	}
	return out
}

// One offer fills one wallet: its keys get their credentials again, with the
// same entries in the status list, and no other key gets any, however often and
// in how many requests it asks.
func TestOneOfferFillsOneWallet(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		const kind = identity.TypeDomicileCertificate
		token := h.token(h.link(h.offer(identity.CredentialOffer{Key: "one", Subject: h.ayesha, Type: kind, Claims: map[string]any{"district": "Islamabad"}})))
		a, b, c := newKey(t), newKey(t), newKey(t)
		// the answer is dropped on the way; only the house knows what it gave
		first := h.places(h.request(token, kind, a, b))
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				again := h.places(h.request(token, kind, b, a))
				for key, index := range first {
					if again[key] != index {
						t.Errorf("another entry in the status list: %v, before %v", again, first)
					}
				}
			})
		}
		wait.Wait()
		if one := h.places(h.request(token, kind, b)); len(one) != 1 {
			t.Errorf("one of the two: %v", one)
		}
		for story, keys := range map[string][]jwt.Signer{"another key": {c}, "another key beside a known one": {a, c}, "more keys": {a, b, c}} {
			if res := h.request(token, kind, keys...); res.StatusCode != http.StatusBadRequest || res.json(t)["error"] != oid4vci.RequestDenied {
				t.Errorf("%s: %d %s", story, res.StatusCode, res.body)
			}
		}
		held, err := h.room.Credentials(context.Background(), h.ayesha)
		if err != nil || len(held) != 2 {
			t.Errorf("%d credentials for two keys: %v", len(held), err)
		}
		// a revoked one is not handed out again
		official := h.AsOfficial(h.officer, "nadra.isb.registration")
		h.status(h.post(official, "/identity/revoke/"+held[0].ID, url.Values{"status": {"1"}, "reason": {"Phone lost"}}), http.StatusSeeOther)
		if res := h.request(token, kind, a); res.StatusCode != http.StatusBadRequest {
			t.Errorf("a revoked credential came again: %d", res.StatusCode)
		}
		h.Clock.Advance(11 * time.Minute)
		if res := h.request(token, kind, a); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the token outlived its ten minutes: %d", res.StatusCode)
		}
	})
}

// Two requests with different keys at the same moment: one wallet wins.
func TestTwoWalletsRaceForOneOffer(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		const kind = identity.TypePersonIdentification
		token := h.token(h.link(h.offer(identity.CredentialOffer{Key: "race", Subject: h.ayesha, Type: kind})))
		codes := make(chan int, 4)
		var wait sync.WaitGroup
		for range cap(codes) {
			key := newKey(t)
			wait.Go(func() { codes <- h.request(token, kind, key).StatusCode })
		}
		wait.Wait()
		close(codes)
		won := 0
		for code := range codes {
			if code == http.StatusOK {
				won++
			}
		}
		if held, _ := h.room.Credentials(context.Background(), h.ayesha); won != 1 || len(held) != 1 {
			t.Errorf("%d wallets won, %d credentials on record", won, len(held))
		}
	})
}

// A new phone: the citizen makes a new offer of what she has, the wallet of the
// old phone holds nothing valid any more, and its token opens nothing.
func TestANewPhoneTakesThePlaceOfTheOld(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		const kind = identity.TypeDomicileCertificate
		offer := h.offer(identity.CredentialOffer{Key: "services/9", Subject: h.ayesha, Type: kind, Claims: map[string]any{"district": "Islamabad", "district_ur": "اسلام آباد"}})
		old := h.wallet()
		got, err := old.Collect(ctx, h.link(offer), "", 2)
		if err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(3 * 24 * time.Hour)
		if err := h.DB.Update(ctx, identity.Sweep); err != nil {
			t.Fatal(err)
		}
		b := h.AsCitizen(h.ayesha)
		if pg := h.get(b, "/credentials"); !strings.Contains(pg.body, "/credentials/again/"+offer) {
			t.Errorf("not on the page: %.300s", pg.body)
		}
		h.status(h.get(h.AsCitizen(h.bilal), "/credentials/again/"+offer), http.StatusForbidden)
		h.status(h.post(h.AsCitizen(h.bilal), "/credentials/again/"+offer, nil), http.StatusForbidden)
		h.status(h.get(b, "/credentials/again/"+offer), http.StatusOK)
		if err := old.Verify(ctx, &got[0]); err != nil {
			t.Fatalf("looking at the question revoked it: %v", err)
		}
		var wait sync.WaitGroup
		to := make(chan string, 3) // three windows, one new offer
		for range cap(to) {
			wait.Go(func() { to <- h.post(b, "/credentials/again/"+offer, nil).Header.Get("Location") })
		}
		wait.Wait()
		close(to)
		at := <-to
		for other := range to {
			if other != at || other == "" {
				t.Errorf("two new offers: %q and %q", at, other)
			}
		}
		pg := h.status(h.follow(b, h.get(b, "/credentials/offer/"+offer)), http.StatusOK) // the old address leads to the new offer
		m := deepLink.FindStringSubmatch(pg.body)
		if pg.Request.URL.Path != at || m == nil {
			t.Fatalf("the old address leads to %s", pg.Request.URL)
		}
		for i := range got {
			if err := old.Verify(ctx, &got[i]); !errors.Is(err, wallet.ErrStatus) {
				t.Errorf("the old phone's is still alive: %v", err)
			}
		}
		fresh, err := h.wallet().Collect(ctx, unescaped(m[1]), "", 1)
		if err != nil || fresh[0].Verified.Claims["district_ur"] != "اسلام آباد" {
			t.Fatalf("%v", err)
		}
		if e := h.events(identity.EventCredentialRevoked); len(e) != 1 || e[0].Actor != "citizen/"+h.ayesha {
			t.Errorf("%+v", e)
		}
		if pg := h.get(b, "/credentials"); !strings.Contains(pg.body, "Put into a wallet again by its holder") {
			t.Error("her page does not say why the earlier one is revoked")
		}
		// the old offer is over, for its link and for its token
		if again := h.post(b, "/credentials/again/"+offer, nil).Header.Get("Location"); again != at {
			t.Errorf("the old offer leads to %q", again)
		}
	})
}

// The lost phone's token opens nothing from the moment of the new offer on.
func TestTheLostPhonesTokenOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		const kind = identity.TypePersonIdentification
		offer := h.offer(identity.CredentialOffer{Key: "lost", Subject: h.ayesha, Type: kind})
		token, key := h.token(h.link(offer)), newKey(t)
		h.places(h.request(token, kind, key))
		h.status(h.post(h.AsCitizen(h.ayesha), "/credentials/again/"+offer, nil), http.StatusSeeOther)
		if res := h.request(token, kind, key); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	})
}
