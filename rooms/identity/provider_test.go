package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/rooms/identity"
	"sarai/rooms/identity/jwt"
)

// party is an outside relying party that checks everything it is given.
type party struct {
	h               *hall
	client, back    string
	secret          string     // client_secret_basic
	key             jwt.Signer // private_key_jwt
	dpop            jwt.Signer
	state, nonce    string
	verifier, scope string
}

func (h *hall) party() *party {
	return &party{h: h, client: "outside-rp", back: "http://127.0.0.1:7701/callback", state: id.Token(), nonce: id.Token(), verifier: id.Token(), scope: "openid profile birthdate"}
}

func (p *party) request(change url.Values) url.Values {
	sum := sha256.Sum256([]byte(p.verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {p.client}, "redirect_uri": {p.back}, "scope": {p.scope}, "state": {p.state}, "nonce": {p.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for name, v := range change {
		if v[0] == "" {
			q.Del(name)
		} else {
			q[name] = v
		}
	}
	return q
}

func (p *party) authorize(b *http.Client, change url.Values) page {
	p.h.t.Helper()
	return p.h.follow(b, p.h.get(b, "/oidc/authorize?"+p.request(change).Encode()))
}

// agree answers the consent page at hand and gives what comes back to us.
func (p *party) agree(b *http.Client, pg page) url.Values {
	p.h.t.Helper()
	p.h.status(pg, http.StatusOK)
	form, _ := pg.form(p.h.t)
	form.Set("answer", "yes")
	return p.answer(p.h.post(b, "/oidc/consent", form))
}

func (p *party) answer(pg page) url.Values {
	p.h.t.Helper()
	p.h.status(pg, http.StatusSeeOther)
	to, err := pg.Location()
	if err != nil || !strings.HasPrefix(to.String(), p.back) {
		p.h.t.Fatalf("not back to us: %s %v", to, err)
	}
	q := to.Query()
	if q.Get("state") != p.state || q.Get("iss") != p.h.URL {
		p.h.t.Fatalf("state or iss: %s", to)
	}
	return q
}

func (p *party) token(code string, change url.Values) page {
	p.h.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {p.back}, "client_id": {p.client}, "code_verifier": {p.verifier}}
	if p.key.Key != nil {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", p.assertion(p.h.URL))
	}
	for name, v := range change {
		form[name] = v
	}
	req, _ := http.NewRequest(http.MethodPost, p.h.URL+"/oidc/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.secret != "" {
		req.SetBasicAuth(url.QueryEscape(p.client), url.QueryEscape(p.secret))
	}
	if p.dpop.Key != nil {
		req.Header.Set("DPoP", p.proof(http.MethodPost, "/oidc/token", ""))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return p.h.read(res)
}

func (p *party) assertion(audience any) string {
	now := p.h.Clock.Now()
	a, err := p.key.Sign("JWT", map[string]any{"iss": p.client, "sub": p.client, "aud": audience, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": id.Token()})
	if err != nil {
		p.h.t.Fatal(err)
	}
	return a
}

func (p *party) proof(method, path, token string) string {
	s := p.dpop
	s.JWK = &jose.JSONWebKey{Key: s.Key.Public()}
	claims := map[string]any{"htm": method, "htu": p.h.URL + path, "iat": p.h.Clock.Now().Unix(), "jti": id.Token()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	d, err := s.Sign("dpop+jwt", claims)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return d
}

func (p *party) userinfo(token, scheme, method string) page {
	p.h.t.Helper()
	req, _ := http.NewRequest(method, p.h.URL+"/oidc/userinfo", nil)
	req.Header.Set("Authorization", scheme+" "+token)
	if scheme == "DPoP" {
		req.Header.Set("DPoP", p.proof(method, "/oidc/userinfo", token))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return p.h.read(res)
}

// idToken checks the token's signature against the published keys.
func (p *party) idToken(signed, alg string) map[string]any {
	p.h.t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(p.h.get(http.DefaultClient, "/oidc/jwks").body), &set); err != nil {
		p.h.t.Fatal(err)
	}
	var claims map[string]any
	_, err := jwt.Verify(signed, []string{"jwt"}, []string{alg}, func(h jwt.Header) (any, error) { return &set.Key(h.KeyID)[0], nil }, &claims)
	if err != nil {
		p.h.t.Fatal(err)
	}
	if claims["iss"] != p.h.URL || claims["aud"] != p.client || claims["nonce"] != p.nonce {
		p.h.t.Fatalf("id token: %v", claims)
	}
	return claims
}

func TestAPersonSignsInElsewhereAndDecidesWhatToShow(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		consent := p.authorize(b, nil)
		for _, want := range []string{"Example University admissions", "Your name", "Your date of birth", "http://127.0.0.1:7701"} {
			if !strings.Contains(consent.body, want) {
				t.Errorf("the consent page does not say %q", want)
			}
		}
		if csp := consent.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:7701") {
			t.Errorf("the browser would not let the answer out: %s", csp)
		}
		back := p.agree(b, consent)
		tokens := h.status(p.token(back.Get("code"), nil), http.StatusOK).json(t)
		claims := p.idToken(tokens["id_token"].(string), jwt.RS256)
		sub := claims["sub"].(string)
		if sub == h.ayesha || claims["acr"] != "aal2" || claims["auth_time"] == nil {
			t.Errorf("id token: %v", claims)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			info := h.status(p.userinfo(tokens["access_token"].(string), "Bearer", method), http.StatusOK).json(t)
			if info["sub"] != sub || info["name"] != "Ayesha Khan" || info["name#ur"] != "عائشہ خان" || info["birthdate"] != "1996-03-23" || info["national_number"] != nil {
				t.Errorf("userinfo: %v", info)
			}
		}
		seen, _ := h.room.Accesses(context.Background(), h.ayesha)
		if len(seen) != 2 || seen[0].Actor != "client/outside-rp" || !strings.HasPrefix(seen[0].Basis, "consent/") || len(seen[0].Facts) != 2 {
			t.Errorf("her record: %+v", seen)
		}

		// the second time she is not asked again, and is called the same
		q := h.party()
		again := q.answer(q.authorize(b, nil))
		tokens2 := h.status(q.token(again.Get("code"), nil), http.StatusOK).json(t)
		if q.idToken(tokens2["id_token"].(string), jwt.RS256)["sub"] != sub {
			t.Error("another name the second time")
		}

		// she takes it back: the token ends at once, and next time she is asked
		consents, _ := h.room.Consents(context.Background(), h.ayesha)
		h.status(h.post(b, "/identity/consents", url.Values{"consent": {consents[0].ID}}), http.StatusSeeOther)
		if res := p.userinfo(tokens2["access_token"].(string), "Bearer", http.MethodGet); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a token outlived the consent: %d", res.StatusCode)
		}
		if pg := h.party().authorize(b, nil); pg.StatusCode != http.StatusOK || !strings.Contains(pg.body, "Share with") {
			t.Error("not asked again")
		}
	})
}

func TestSayingNoGoesBackAsNo(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		form, _ := p.authorize(b, nil).form(t)
		form.Set("answer", "no")
		if q := p.answer(h.post(b, "/oidc/consent", form)); q.Get("error") != "access_denied" || q.Get("code") != "" {
			t.Fatalf("%v", q)
		}
	})
}

func TestAStolenCodeEndsEverythingItGave(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		code := p.agree(b, p.authorize(b, nil)).Get("code")
		token := h.status(p.token(code, nil), http.StatusOK).json(t)["access_token"].(string)
		second := h.status(p.token(code, nil), http.StatusBadRequest).json(t)
		if second["error"] != "invalid_grant" {
			t.Errorf("the second time: %v", second)
		}
		if res := p.userinfo(token, "Bearer", http.MethodGet); res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("the first token still works: %d", res.StatusCode)
		}
		if e := h.events(identity.EventGrantRevoked); len(e) != 1 {
			t.Errorf("nothing in the journal: %v", e)
		}
	})
}

func TestTheTokenEndpointRefusesWhatDoesNotFit(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		p := h.party()
		code := p.agree(b, p.authorize(b, nil)).Get("code")
		fresh := func() (*party, string) {
			q := h.party()
			return q, q.answer(q.authorize(b, nil)).Get("code")
		}
		_ = code
		for story, c := range map[string]struct {
			change url.Values
			want   string
		}{
			"another redirect":     {url.Values{"redirect_uri": {"http://localhost:7701/callback"}}, "invalid_grant"},
			"another verifier":     {url.Values{"code_verifier": {id.Token()}}, "invalid_grant"},
			"no verifier":          {url.Values{"code_verifier": {""}}, "invalid_grant"},
			"another client":       {url.Values{"client_id": {"window"}}, "invalid_grant"},
			"an unknown client":    {url.Values{"client_id": {"nobody"}}, "invalid_client"},
			"an unknown code":      {url.Values{"code": {id.Token()}}, "invalid_grant"},
			"an unknown grant":     {url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
			"a parameter twice":    {url.Values{"code": {"a", "b"}}, "invalid_request"},
			"a secret out of thin": {url.Values{"client_secret": {"x"}}, "invalid_client"},
		} {
			q, code := fresh()
			if e := q.token(code, c.change).json(t); e["error"] != c.want || e["access_token"] != nil {
				t.Errorf("%s: %v, want %s", story, e, c.want)
			}
		}
		q, code := fresh()
		h.Clock.Advance(61 * time.Second)
		if e := q.token(code, nil).json(t); e["error"] != "invalid_grant" {
			t.Errorf("a code after its minute: %v", e)
		}
	})
}

func TestAWrongRequestIsAnsweredWhereItIsSafe(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		for story, c := range map[string]struct {
			change url.Values
			want   string // error at the client; empty: a page, because nobody may be redirected to
		}{
			"an unknown client":       {url.Values{"client_id": {"nobody"}}, ""},
			"a redirect not its own":  {url.Values{"redirect_uri": {"https://evil.example/"}}, ""},
			"a redirect a bit off":    {url.Values{"redirect_uri": {"http://127.0.0.1:7701/callback/"}}, ""},
			"a parameter twice":       {url.Values{"state": {"a", "b"}}, ""},
			"no PKCE":                 {url.Values{"code_challenge": {""}, "code_challenge_method": {""}}, "invalid_request"},
			"plain PKCE":              {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
			"implicit flow":           {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
			"no openid":               {url.Values{"scope": {"profile"}}, "invalid_scope"},
			"a scope not its own":     {url.Values{"scope": {"openid national_number"}}, "invalid_scope"},
			"a request object":        {url.Values{"request": {"e30.e30.e30"}}, "request_not_supported"},
			"prompt none with more":   {url.Values{"prompt": {"none login"}}, "invalid_request"},
			"a fragment answer":       {url.Values{"response_mode": {"fragment"}}, "invalid_request"},
			"prompt none, no consent": {url.Values{"prompt": {"none"}}, "consent_required"},
		} {
			p := h.party()
			pg := p.authorize(b, c.change)
			if c.want == "" {
				if pg.StatusCode != http.StatusUnprocessableEntity || pg.Header.Get("Location") != "" {
					t.Errorf("%s: %d %s", story, pg.StatusCode, pg.Header.Get("Location"))
				}
				continue
			}
			if q := p.answer(pg); q.Get("error") != c.want {
				t.Errorf("%s: %v, want %s", story, q, c.want)
			}
		}
		p := h.party()
		if q := p.answer(p.authorize(h.Browser(), url.Values{"prompt": {"none"}})); q.Get("error") != "login_required" {
			t.Errorf("prompt none and nobody signed in: %v", q)
		}
	})
}

func TestALinkIntoSomebodyElsesSignInIsWorthNothing(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		consent := p.authorize(b, nil)
		stranger := h.AsCitizen(h.bilal)
		h.status(h.get(stranger, consent.Request.URL.String()), http.StatusGone)
		form, _ := consent.form(t)
		form.Set("answer", "yes")
		h.status(h.post(stranger, "/oidc/consent", form), http.StatusGone)
	})
}

func TestPushedRequestsWorkOnce(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		pushed := h.status(h.post(http.DefaultClient, "/oidc/par", p.request(nil)), http.StatusCreated).json(t)
		uri := pushed["request_uri"].(string)
		first := "/oidc/authorize?" + url.Values{"client_id": {p.client}, "request_uri": {uri}}.Encode()
		other := "/oidc/authorize?" + url.Values{"client_id": {"window"}, "request_uri": {uri}}.Encode()
		h.status(h.get(b, other), http.StatusUnprocessableEntity)
		if q := p.agree(b, h.follow(b, h.get(b, first))); q.Get("code") == "" {
			t.Errorf("no code: %v", q)
		}
		h.status(h.get(b, first), http.StatusGone)
		if e := h.post(http.DefaultClient, "/oidc/par", p.request(url.Values{"redirect_uri": {"https://evil.example/"}})).json(t); e["error"] != "invalid_request" {
			t.Errorf("a wrong redirect was taken: %v", e)
		}
		// the same request as a form from another site
		req, _ := http.NewRequest(http.MethodPost, h.URL+"/oidc/authorize", strings.NewReader(p.request(nil).Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "http://127.0.0.1:7701")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		res, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if q := p.answer(h.follow(b, h.read(res))); q.Get("code") == "" {
			t.Errorf("posted: %v", q)
		}
	})
}

func TestConfidentialClientsProveThemselves(t *testing.T) {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	d, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	clients := []identity.Client{
		{ID: "tax", Name: map[string]string{"en": "Tax office"}, Auth: identity.AuthPrivateKey, JWKS: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), KeyID: "t1"}}},
			RedirectURIs: []string{"https://tax.example/cb"}, PostLogoutURIs: []string{"https://tax.example/bye"}, Scopes: []string{"openid", "profile"}, IDTokenAlg: jwt.ES256, DPoP: true, PAR: true},
		{ID: "bank", Name: map[string]string{"en": "Bank"}, Auth: identity.AuthBasic, SecretHash: identity.SecretHash("s/e+c:ret"), RedirectURIs: []string{"https://bank.example/cb"}, Scopes: []string{"openid"}},
	}
	eachWith(t, identity.Wants{Clients: clients}, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		p := h.party()
		p.client, p.back, p.scope = "tax", "https://tax.example/cb", "openid profile"
		p.key, p.dpop = jwt.Signer{Key: k, Alg: jwt.ES256, KeyID: "t1"}, jwt.Signer{Key: d, Alg: jwt.ES256}
		if q := p.answer(p.authorize(b, nil)); q.Get("error") != "invalid_request" {
			t.Errorf("a request that was not pushed: %v", q)
		}
		push := func() string {
			form := p.request(url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {p.assertion(h.URL)}})
			return h.status(h.post(http.DefaultClient, "/oidc/par", form), http.StatusCreated).json(t)["request_uri"].(string)
		}
		code := func() string {
			return p.answer(h.follow(b, h.get(b, "/oidc/authorize?"+url.Values{"client_id": {"tax"}, "request_uri": {push()}}.Encode()))).Get("code")
		}
		tokens := h.status(p.token(code(), nil), http.StatusOK).json(t)
		if tokens["token_type"] != "DPoP" {
			t.Fatalf("%v", tokens)
		}
		idToken := tokens["id_token"].(string)
		p.idToken(idToken, jwt.ES256)
		access := tokens["access_token"].(string)
		h.status(p.userinfo(access, "DPoP", http.MethodGet), http.StatusOK)
		if res := p.userinfo(access, "Bearer", http.MethodGet); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a bound token was taken as bearer: %d", res.StatusCode)
		}
		thief := *p
		thief.dpop = jwt.Signer{Key: k, Alg: jwt.ES256}
		if res := thief.userinfo(access, "DPoP", http.MethodGet); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("another key's proof was taken: %d", res.StatusCode)
		}
		// proofs and assertions work once
		proof := p.proof(http.MethodGet, "/oidc/userinfo", access)
		for i, want := range []int{http.StatusOK, http.StatusUnauthorized} {
			req, _ := http.NewRequest(http.MethodGet, h.URL+"/oidc/userinfo", nil)
			req.Header.Set("Authorization", "DPoP "+access)
			req.Header.Set("DPoP", proof)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if h.read(res).StatusCode != want {
				t.Errorf("use %d of a proof: %d", i+1, res.StatusCode)
			}
		}
		for story, audience := range map[string]any{"the token endpoint": h.URL + "/oidc/token", "a list": []string{h.URL}, "another server": "https://op.example"} {
			if e := p.token(id.Token(), url.Values{"client_assertion": {p.assertion(audience)}}).json(t); e["error"] != "invalid_client" {
				t.Errorf("an assertion for %s: %v", story, e)
			}
		}
		used := p.assertion(h.URL)
		_ = p.token(id.Token(), url.Values{"client_assertion": {used}})
		if e := p.token(id.Token(), url.Values{"client_assertion": {used}}).json(t); e["error"] != "invalid_client" {
			t.Errorf("an assertion twice: %v", e)
		}
		nobody := *p
		nobody.dpop = jwt.Signer{}
		if e := nobody.token(code(), nil).json(t); e["error"] != "invalid_dpop_proof" {
			t.Errorf("no proof although it must: %v", e)
		}

		// a secret in the header
		q := h.party()
		q.client, q.back, q.scope, q.secret = "bank", "https://bank.example/cb", "openid", "s/e+c:ret"
		h.status(q.token(q.answer(q.authorize(b, nil)).Get("code"), nil), http.StatusOK)
		q.secret = "wrong"
		res := q.token(q.answer(q.authorize(b, nil)).Get("code"), nil)
		if res.StatusCode != http.StatusUnauthorized || res.json(t)["error"] != "invalid_client" || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("a wrong secret: %d %s", res.StatusCode, res.body)
		}

		// the tax office signs her out, and gets her back where it registered
		out := h.get(b, "/oidc/sign-out?"+url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"https://tax.example/bye"}, "state": {"s"}}.Encode())
		if to := h.status(out, http.StatusSeeOther).Header.Get("Location"); to != "https://tax.example/bye?state=s" {
			t.Errorf("back to %s", to)
		}
		if pg := h.party().authorize(b, nil); !strings.Contains(pg.body, "passkey") {
			t.Error("still signed in")
		}
		h.status(h.get(b, "/oidc/sign-out?"+url.Values{"client_id": {"tax"}, "post_logout_redirect_uri": {"https://evil.example/"}}.Encode()), http.StatusUnprocessableEntity)
	})
}

func TestTwoRelyingPartiesFindNothingInCommon(t *testing.T) {
	second := identity.Client{ID: "clinic", Name: map[string]string{"en": "Clinic"}, Auth: identity.AuthNone, RedirectURIs: []string{"https://clinic.example/cb"}, Scopes: []string{"openid"}}
	eachWith(t, identity.Wants{Clients: []identity.Client{second}}, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		p, q := h.party(), h.party()
		p.scope = "openid"
		q.client, q.back, q.scope = "clinic", "https://clinic.example/cb", "openid"
		mine := h.status(p.token(p.agree(b, p.authorize(b, nil)).Get("code"), nil), 200).json(t)
		theirs := h.status(q.token(q.answer(q.authorize(b, nil)).Get("code"), nil), 200).json(t)
		a, c := p.idToken(mine["id_token"].(string), jwt.RS256), q.idToken(theirs["id_token"].(string), jwt.RS256)
		same := []string{"iss", "iat", "exp", "auth_time", "acr"} // the house, the moment and the level
		for name, v := range a {
			if !slices.Contains(same, name) && v == c[name] {
				t.Errorf("%s is equal at both: %v", name, v)
			}
		}
	})
}

func TestMaxAgeAndPromptAskAgain(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.AsCitizen(h.ayesha)
		p := h.party()
		p.scope = "openid"
		_ = p.agree(b, p.authorize(b, nil))
		h.Clock.Advance(2 * time.Minute)
		if pg := p.authorize(b, url.Values{"max_age": {"60"}}); !strings.Contains(pg.body, "data-passkey") {
			t.Error("a sign-in of two minutes ago satisfied max_age=60")
		}
		if pg := p.authorize(b, url.Values{"prompt": {"login"}}); !strings.Contains(pg.body, "data-passkey") {
			t.Error("prompt=login did not ask")
		}
		if q := p.answer(p.authorize(b, url.Values{"max_age": {"600"}})); q.Get("code") == "" {
			t.Error("max_age=600 asked")
		}
		if q := p.answer(p.authorize(b, url.Values{"max_age": {"60"}, "prompt": {"none"}})); q.Get("error") != "login_required" {
			t.Errorf("max_age with prompt=none: %v", q)
		}
	})
}

func TestKeysRotateUnderRunningRelyingParties(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b, p := h.AsCitizen(h.ayesha), h.party()
		old := h.status(p.token(p.agree(b, p.authorize(b, nil)).Get("code"), nil), 200).json(t)["id_token"].(string)
		if err := h.Keys.Rotate(context.Background(), "identity.oidc.rs256"); err != nil {
			t.Fatal(err)
		}
		p.idToken(old, jwt.RS256)
		h.Clock.Advance(2 * time.Second)
		q := h.party()
		fresh := h.status(q.token(q.answer(q.authorize(b, nil)).Get("code"), nil), 200).json(t)["id_token"].(string)
		q.idToken(fresh, jwt.RS256)
	})
}

func TestDiscoverySaysWhatIsTrue(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			m := h.status(h.get(http.DefaultClient, path), 200).json(t)
			if m["issuer"] != h.URL || m["authorization_response_iss_parameter_supported"] != true {
				t.Errorf("%s: %v", path, m)
			}
		}
		if n := len(h.events("gate.refused")); n != 0 {
			t.Error(n)
		}
	})
}

func TestTheSweepLeavesWhatIsAlive(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		b := h.Browser()
		h.follow(b, h.get(b, "/sign-in"))
		count := func() (n int64) {
			_ = h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
				n, err = store.Get(tx, store.Value[int64], `select count(*) from identity_pending`)
				return err
			})
			return n
		}
		if count() == 0 {
			t.Fatal("nothing pending")
		}
		h.Clock.Advance(3 * time.Hour)
		for range 400 {
			if count() == 0 {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatal("what ran out was not swept")
	})
}
