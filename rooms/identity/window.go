package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/jwt"
)

// windowSignIn is the window's own state between /sign-in and its callback.
type windowSignIn struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	To       string `json:"to"`
	Flow     string `json:"flow"`
}

// signIn begins the window's sign-in: GET /sign-in. The window is an ordinary
// client of the provider, with state, nonce, PKCE and all checks; only the
// token request stays inside the process.
func (r *Room) signIn(c *web.Ctx, _ gate.Permit[gate.House]) error {
	to := web.Local(c.R.URL.Query().Get("to"), "/")
	if c.Who.SignedIn() && c.R.URL.Query().Get("again") == "" {
		return c.Redirect(to)
	}
	client := r.clients[WindowClient]
	w := windowSignIn{Nonce: id.Token(), Verifier: id.Token(), To: to, Flow: hashed(r.flow(c))}
	var state string
	err := r.db.Update(c.Context(), func(tx *store.Tx) (err error) {
		state, err = putPending(tx, pendingWindow, w, 30*time.Minute)
		return err
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(w.Verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {client.ID}, "redirect_uri": {client.RedirectURIs[0]}, "scope": {"openid"}, "state": {state},
		"nonce": {w.Nonce}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	if c.R.URL.Query().Get("again") != "" {
		q.Set("prompt", "login")
	}
	return c.Redirect("/oidc/authorize?" + q.Encode())
}

// signedIn ends the window's sign-in: GET /sign-in/callback.
func (r *Room) signedIn(c *web.Ctx, _ gate.Permit[gate.House]) error {
	ctx, q := c.Context(), c.R.URL.Query()
	var w windowSignIn
	err := r.db.Update(ctx, func(tx *store.Tx) error { return takePending(tx, pendingWindow, q.Get("state"), &w) })
	if err != nil {
		return err
	}
	if !r.sameFlow(c, w.Flow) || q.Get("iss") != r.base {
		return fault.New(fault.Gone, "identity.pending.gone")
	}
	if q.Get("error") != "" {
		c.Flash("plain", "identity.signin.stopped")
		return c.Redirect("/")
	}
	client := r.clients[WindowClient]
	g, token, e := r.redeem(ctx, client, q.Get("code"), client.RedirectURIs[0], w.Verifier, "")
	if e != nil {
		return fault.New(fault.Gone, "identity.pending.gone").Because(e)
	}
	signed, err := r.idToken(ctx, client, g, token)
	if err != nil {
		return err
	}
	claims, err := r.verifyOwn(c, client, signed, w.Nonce)
	if err != nil {
		return fault.New(fault.Unauthenticated, "identity.token.refused").Because(err)
	}
	if g.Request.Method == methodWindow && c.Who.SignedIn() && c.Who.ID == claims.Subject {
		return c.Redirect(w.To) // the window itself vouched: nothing new was learnt
	}
	kind := gate.Citizen
	who, err := r.gate.Principal(ctx, claims.Subject, gate.Official)
	if err != nil {
		return err
	}
	if len(who.Posts) > 0 {
		kind = gate.Official
	}
	if err := r.site.SignIn(c, web.SignIn{Person: claims.Subject, Kind: kind, Method: "oidc", AAL: g.Request.AAL}); err != nil {
		return err
	}
	if err := r.linkHouse(c, g.Request.Session); err != nil {
		return err
	}
	if out, err := r.suspendedMeanwhile(c, claims.Subject); out || err != nil {
		return err
	}
	return c.Redirect(w.To)
}

// verifyOwn checks an ID token as OpenID Connect Core section 3.1.3.7 says.
func (r *Room) verifyOwn(c *web.Ctx, client *Client, signed, nonce string) (claims idClaims, err error) {
	_, err = jwt.Verify(signed, []string{"jwt"}, []string{jwt.RS256, jwt.ES256}, func(h jwt.Header) (any, error) {
		return r.ownKey(c.Context(), h.KeyID, purposeRS256, purposeES256)
	}, &claims)
	switch {
	case err != nil:
		return claims, err
	case claims.Issuer != r.base || claims.Audience != client.ID || claims.Subject == "":
		return claims, fmt.Errorf("id token of another issuer or for another client")
	case claims.Nonce != nonce:
		return claims, fmt.Errorf("id token with another nonce")
	}
	return claims, jwt.In(c.Now(), 0, claims.Expires, clockSkew)
}

// signOut is RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0) and
// the window's own way out.
func (r *Room) signOut(c *web.Ctx, _ gate.Permit[gate.House]) error {
	q := c.R.URL.Query()
	if c.R.Method == "POST" {
		f, err := c.Form()
		if err != nil {
			return err
		}
		q = f.Values()
	}
	to, client, sure, err := r.signOutAsked(c, q)
	if err != nil {
		return err
	}
	s, err := r.session(c)
	if err != nil {
		return err
	}
	if s != nil && !sure && q.Get("answer") != "yes" {
		v := signOutView{Client: client, Values: map[string]string{}}
		for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} {
			if q.Get(name) != "" {
				v.Values[name] = q.Get(name)
			}
		}
		page := web.Page{Title: c.T("identity.signout.title"), Kind: "question"}
		if to != "" {
			page.FormAction = []string{originOf(to)}
		}
		return c.Render(page, signOutBody(v))
	}
	if err := r.end(c); err != nil {
		return err
	}
	if err := r.site.SignOut(c); err != nil {
		return err
	}
	if to == "" {
		c.Flash("good", "identity.signout.done")
		to = "/"
	}
	return c.Redirect(to)
}

// signOutAsked reads a logout request: where to go afterwards, who asks, and
// whether an ID token of ours proves that the asker knows this person.
func (r *Room) signOutAsked(c *web.Ctx, q url.Values) (to, client string, sure bool, err error) {
	clientID := q.Get("client_id")
	var hint idClaims
	if h := q.Get("id_token_hint"); h != "" {
		_, err := jwt.Verify(h, []string{"jwt"}, []string{jwt.RS256, jwt.ES256}, func(h jwt.Header) (any, error) {
			return r.ownKey(c.Context(), h.KeyID, purposeRS256, purposeES256)
		}, &hint) // an expired one will do: section 2
		if err != nil || hint.Issuer != r.base || (clientID != "" && clientID != hint.Audience) {
			return "", "", false, fault.New(fault.Invalid, "identity.signout.hint")
		}
		clientID = hint.Audience
	}
	known := r.clients[clientID]
	if known != nil {
		client = web.Of(c.Context(), known.Name)
	}
	if u := q.Get("post_logout_redirect_uri"); u != "" {
		if known == nil || !contains(known.PostLogoutURIs, u) {
			return "", "", false, fault.New(fault.Invalid, "identity.signout.redirect")
		}
		to = answerURL(u, url.Values{"state": {q.Get("state")}})
	}
	if hint.Subject != "" && known != nil {
		s, err := r.session(c)
		if err != nil {
			return "", "", false, err
		}
		if s != nil {
			sub, err := r.sub(c.Context(), known, s.Subject)
			if err != nil {
				return "", "", false, err
			}
			sure = sub == hint.Subject
		}
	}
	return to, client, sure, nil
}

type signOutView struct {
	Client string
	Values map[string]string
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
