package identity

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// AuthRequest is an authorisation request that was found good (OpenID Connect
// Core section 3.1.2.1, RFC 7636).
type AuthRequest struct {
	Client    string   `json:"client"`
	Redirect  string   `json:"redirect"`
	Scopes    []string `json:"scopes"`
	State     string   `json:"state,omitempty"`
	Nonce     string   `json:"nonce,omitempty"`
	Challenge string   `json:"challenge"` // S256
	Prompt    []string `json:"prompt,omitempty"`
	MaxAge    int64    `json:"max_age"` // seconds; -1 when not asked for
	DPoPKey   string   `json:"dpop_jkt,omitempty"`
}

// authorizing is an AuthRequest while the person answers it.
type authorizing struct {
	Request AuthRequest `json:"request"`
	Began   int64       `json:"began"` // microseconds
	Flow    string      `json:"flow"`  // hash of the browser's flow cookie: the answer must come from where the question went
}

// authorizeError is an answer to the client by redirect (RFC 6749 section 4.1.2.1).
type authorizeError struct {
	redirect, state string
	code, why       string
}

func (e *authorizeError) Error() string { return e.code + ": " + e.why }

const (
	flowCookie    = "sarai_flow"
	authorizeLife = 15 * time.Minute
	pushedLife    = 60 * time.Second // RFC 9126 section 2.2: short
	codeLife      = 60 * time.Second
	pushedPrefix  = "urn:ietf:params:oauth:request_uri:"
)

// readAuthRequest judges the parameters of a request. A fault is shown to the
// person, because it is not known where to send it; an *authorizeError goes
// back to the client.
func (r *Room) readAuthRequest(q url.Values, dpopKey string) (*AuthRequest, error) {
	for name, v := range q {
		if len(v) > 1 {
			return nil, fault.New(fault.Invalid, "identity.authorize.twice", "name", safeName(name))
		}
	}
	c := r.clients[q.Get("client_id")]
	if c == nil {
		return nil, fault.New(fault.Invalid, "identity.authorize.client")
	}
	a := &AuthRequest{Client: c.ID, Redirect: q.Get("redirect_uri"), State: q.Get("state"), Nonce: q.Get("nonce"), Challenge: q.Get("code_challenge"), MaxAge: -1, DPoPKey: q.Get("dpop_jkt")}
	if !slices.Contains(c.RedirectURIs, a.Redirect) { // letter by letter: RFC 9700 section 2.1
		return nil, fault.New(fault.Invalid, "identity.authorize.redirect")
	}
	no := func(code, why string) (*AuthRequest, error) {
		return nil, &authorizeError{redirect: a.Redirect, state: a.State, code: code, why: why}
	}
	if len(a.State) > 1024 || len(a.Nonce) > 512 {
		a.State = ""
		return no("invalid_request", "state or nonce is too long")
	}
	if q.Get("request") != "" {
		return no("request_not_supported", "request objects are not read here")
	}
	if q.Get("response_type") != "code" {
		return no("unsupported_response_type", "only the code flow is offered")
	}
	if m := q.Get("response_mode"); m != "" && m != "query" {
		return no("invalid_request", "only response_mode query is offered")
	}
	if a.Challenge == "" {
		return no("invalid_request", "PKCE is required: code_challenge is missing")
	}
	if q.Get("code_challenge_method") != "S256" {
		return no("invalid_request", "PKCE is required with S256")
	}
	if b, err := base64.RawURLEncoding.DecodeString(a.Challenge); err != nil || len(b) != 32 {
		return no("invalid_request", "code_challenge is not an S256 challenge")
	}
	for s := range strings.FieldsSeq(q.Get("scope")) {
		if !slices.Contains(c.Scopes, s) {
			return no("invalid_scope", "a scope is not open to this client")
		}
		if !slices.Contains(a.Scopes, s) {
			a.Scopes = append(a.Scopes, s)
		}
	}
	if !slices.Contains(a.Scopes, "openid") {
		return no("invalid_scope", "scope openid is required")
	}
	a.Prompt = strings.Fields(q.Get("prompt"))
	for _, p := range a.Prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, p) {
			return no("invalid_request", "prompt is unknown")
		}
	}
	if slices.Contains(a.Prompt, "none") && len(a.Prompt) > 1 {
		return no("invalid_request", "prompt none stands alone")
	}
	if s := q.Get("max_age"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return no("invalid_request", "max_age is no number of seconds")
		}
		a.MaxAge = n
	}
	if dpopKey != "" {
		if a.DPoPKey != "" && a.DPoPKey != dpopKey {
			return no("invalid_request", "dpop_jkt is not the key of the proof")
		}
		a.DPoPKey = dpopKey
	}
	return a, nil
}

func safeName(s string) string {
	for _, c := range s {
		if (c < 'a' || c > 'z') && c != '_' {
			return "?"
		}
	}
	return s
}

// authorize begins an authorisation: GET /oidc/authorize.
func (r *Room) authorize(c *web.Ctx, _ gate.Permit[gate.House]) error {
	q := c.R.URL.Query()
	if len(c.R.URL.RawQuery) > 8<<10 {
		return fault.New(fault.TooLarge, "identity.authorize.long")
	}
	var a *AuthRequest
	var err error
	if uri := q.Get("request_uri"); uri != "" {
		a, err = r.takePushed(c.Context(), uri, q.Get("client_id"))
	} else if a, err = r.readAuthRequest(q, ""); err == nil && r.clients[a.Client].PAR {
		err = &authorizeError{redirect: a.Redirect, state: a.State, code: "invalid_request", why: "this client must push its requests"}
	}
	if err != nil {
		return r.authorizeFailed(c, err)
	}
	flow := r.flow(c)
	var token string
	err = r.db.Update(c.Context(), func(tx *store.Tx) (err error) {
		token, err = putPending(tx, pendingAuthorize, authorizing{Request: *a, Began: store.Micros(tx.Now()), Flow: hashed(flow)}, authorizeLife)
		return err
	})
	if err != nil {
		return err
	}
	return r.proceed(c, token)
}

// authorizePost takes a request sent as a form (OpenID Connect Core section
// 3.1.2.1). The post may come from any site, so nothing is done with it but to
// keep it and to ask the browser to come again.
func (r *Room) authorizePost(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if e := formOf(c.W, c.R); e != nil {
		return r.fail(c.W, c.R, e)
	}
	q := c.R.PostForm
	a, err := r.readAuthRequest(q, "")
	if err == nil && r.clients[a.Client].PAR {
		err = &authorizeError{redirect: a.Redirect, state: a.State, code: "invalid_request", why: "this client must push its requests"}
	}
	if err != nil {
		return r.authorizeFailed(c, err)
	}
	uri, err := r.push(c.Context(), *a)
	if err != nil {
		return err
	}
	return c.Redirect("/oidc/authorize?" + url.Values{"client_id": {a.Client}, "request_uri": {uri}}.Encode())
}

// push keeps a request for pushedLife and gives its request_uri.
func (r *Room) push(ctx context.Context, a AuthRequest) (uri string, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		token, err := putPending(tx, pendingPushed, a, pushedLife)
		uri = pushedPrefix + token
		return err
	})
	return uri, err
}

func (r *Room) takePushed(ctx context.Context, uri, client string) (*AuthRequest, error) {
	token, ok := strings.CutPrefix(uri, pushedPrefix)
	if !ok {
		return nil, fault.New(fault.Invalid, "identity.authorize.request-uri")
	}
	a := &AuthRequest{}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		*a = AuthRequest{}
		if err := getPending(tx, pendingPushed, token, a, true); err != nil {
			return err
		}
		if a.Client != client {
			return fault.New(fault.Invalid, "identity.authorize.client")
		}
		return takePending(tx, pendingPushed, token, a)
	})
	if fault.Is(err, fault.Gone) {
		return nil, fault.New(fault.Gone, "identity.authorize.request-uri")
	}
	return a, err
}

// pushed is the pushed authorization request endpoint (RFC 9126).
func (r *Room) pushed(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if e := formOf(c.W, c.R); e != nil {
		return r.fail(c.W, c.R, e)
	}
	ctx := c.Context()
	client, e := r.proved(ctx, c.R)
	if e != nil {
		return r.fail(c.W, c.R, e)
	}
	if client == nil {
		return r.fail(c.W, c.R, oauthFail("invalid_client", "the client did not say who it is"))
	}
	key, e := r.dpop(ctx, c.R, "")
	if e != nil {
		return r.fail(c.W, c.R, e)
	}
	q := url.Values{}
	for name, v := range c.R.PostForm {
		if name != "client_assertion" && name != "client_assertion_type" && name != "client_secret" {
			q[name] = v
		}
	}
	if q.Get("request_uri") != "" {
		return r.fail(c.W, c.R, oauthFail("invalid_request", "a pushed request cannot point at another"))
	}
	q.Set("client_id", client.ID)
	a, err := r.readAuthRequest(q, key)
	if err != nil {
		var code, why = "invalid_request", "the request is not one this client may make"
		if ae, ok := err.(*authorizeError); ok { //nolint:errorlint // made here, never wrapped
			code, why = ae.code, ae.why
		}
		return r.fail(c.W, c.R, oauthFail(code, why))
	}
	uri, err := r.push(ctx, *a)
	if err != nil {
		return r.fail(c.W, c.R, oauthInternal(err))
	}
	return answerJSON(c.W, http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int64(pushedLife / time.Second)})
}

// proceed looks at a pending authorisation and sends the person to the next
// step: sign-in, consent, or back to the client with a code.
func (r *Room) proceed(c *web.Ctx, token string) error {
	ctx := c.Context()
	var w authorizing
	if err := r.db.View(ctx, func(tx *store.Tx) error { return getPending(tx, pendingAuthorize, token, &w, false) }); err != nil {
		return err
	}
	if !r.sameFlow(c, w.Flow) {
		return fault.New(fault.Gone, "identity.pending.gone")
	}
	s, err := r.session(c)
	if err != nil {
		return err
	}
	a := w.Request
	client := r.clients[a.Client]
	if client == nil {
		return fault.New(fault.Invalid, "identity.authorize.client")
	}
	silent := slices.Contains(a.Prompt, "none")
	if needsSignIn(s, a, store.Time(w.Began), c.Now()) {
		if silent {
			return r.authorizeFailed(c, &authorizeError{redirect: a.Redirect, state: a.State, code: "login_required", why: "nobody is signed in recently enough"})
		}
		return c.Redirect("/oidc/sign-in?i=" + url.QueryEscape(token))
	}
	consent, err := r.consentFor(ctx, s.Subject, client, a.Scopes)
	if err != nil {
		return err
	}
	if client.Consent && (consent.ID == "" || (slices.Contains(a.Prompt, "consent") && store.Micros(consent.Given) < w.Began)) {
		if silent {
			return r.authorizeFailed(c, &authorizeError{redirect: a.Redirect, state: a.State, code: "consent_required", why: "the person has not agreed to this yet"})
		}
		return c.Redirect("/oidc/consent?i=" + url.QueryEscape(token))
	}
	var code string
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		if err := takePending(tx, pendingAuthorize, token, &w); err != nil {
			return err
		}
		if err := mayUse(tx, s.Subject); err != nil {
			return err
		}
		if err := holds(tx, consent.ID); err != nil {
			return err
		}
		code, err = r.grantCode(tx, s, a, consent.ID)
		return err
	})
	if fault.Is(err, fault.Forbidden) {
		return r.showSuspended(c, s.Subject)
	}
	if err != nil {
		return err
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Redirect(answerURL(a.Redirect, url.Values{"code": {code}, "state": {a.State}, "iss": {r.base}}))
}

// needsSignIn says whether the person has to sign in (again). A sign-in that
// happened after the request began satisfies prompt=login.
func needsSignIn(s *opSession, a AuthRequest, began, now time.Time) bool {
	if s == nil {
		return true
	}
	if (slices.Contains(a.Prompt, "login") || slices.Contains(a.Prompt, "select_account")) && s.SignedIn.Before(began) {
		return true
	}
	// a sign-in made for this very request is fresh enough even for max_age=0
	return a.MaxAge >= 0 && s.SignedIn.Before(began) && now.Sub(s.SignedIn) > time.Duration(a.MaxAge)*time.Second
}

// authorizeFailed sends an error to the client, or shows it to the person.
func (r *Room) authorizeFailed(c *web.Ctx, err error) error {
	e, ok := err.(*authorizeError) //nolint:errorlint // made here, never wrapped
	if !ok {
		return err
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Redirect(answerURL(e.redirect, url.Values{"error": {e.code}, "error_description": {e.why}, "state": {e.state}, "iss": {r.base}}))
}

// answerURL adds an answer to a registered redirect address, keeping its own query.
func answerURL(redirect string, answer url.Values) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return redirect // registered addresses parse: Client.check
	}
	q := u.Query()
	for name, v := range answer {
		if v[0] != "" {
			q.Set(name, v[0])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (r *Room) resumed(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return r.proceed(c, c.R.URL.Query().Get("i"))
}
