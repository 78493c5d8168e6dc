package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
)

const (
	tokenLife   = 10 * time.Minute
	idTokenLife = 10 * time.Minute

	purposeRS256 = "identity.oidc.rs256"
	purposeES256 = "identity.oidc.es256"
)

// authGrant is one authorisation: what a client may do for a person.
type authGrant struct {
	ID      string
	Subject string
	Client  string
	Scopes  []string
	Request grantRequest
	Offer   string
	Created time.Time
	Revoked time.Time
}

// grantRequest is what the token answer needs of the request and the sign-in.
type grantRequest struct {
	Redirect  string `json:"redirect,omitempty"`
	Challenge string `json:"challenge,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	DPoPKey   string `json:"dpop_jkt,omitempty"`
	AuthTime  int64  `json:"auth_time,omitempty"` // Unix seconds
	Method    string `json:"amr,omitempty"`
	AAL       int    `json:"aal,omitempty"`
	Session   string `json:"sid,omitempty"`
	Consent   string `json:"consent,omitempty"`
}

const grantColumns = `id, subject, client, scopes, request, offer, created, revoked`

func scanGrant(scan store.Scan) (g authGrant, err error) {
	var scopes, request string
	var created, revoked int64
	if err := scan(&g.ID, &g.Subject, &g.Client, &scopes, &request, &g.Offer, &created, &revoked); err != nil {
		return g, err
	}
	g.Created, g.Revoked = store.Time(created), store.Time(revoked)
	return g, errors.Join(json.Unmarshal([]byte(scopes), &g.Scopes), json.Unmarshal([]byte(request), &g.Request))
}

func insertGrant(tx *store.Tx, g authGrant) error {
	scopes, err1 := json.Marshal(g.Scopes)
	request, err2 := json.Marshal(g.Request)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, err := tx.Exec(`insert into identity_grant (id, subject, client, scopes, request, offer, created, revoked, reason) values ($1, $2, $3, $4, $5, $6, $7, 0, '')`,
		g.ID, g.Subject, g.Client, string(scopes), string(request), g.Offer, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("record a grant: %w", err)
	}
	return nil
}

// grantCode records the authorisation and makes its code, which lives a minute.
func (r *Room) grantCode(tx *store.Tx, s *opSession, a AuthRequest, consent string) (string, error) {
	g := authGrant{ID: r.newID(), Subject: s.Subject, Client: a.Client, Scopes: a.Scopes, Request: grantRequest{
		Redirect: a.Redirect, Challenge: a.Challenge, Nonce: a.Nonce, DPoPKey: a.DPoPKey,
		AuthTime: s.SignedIn.Unix(), Method: s.Method, AAL: s.AAL, Session: s.ID, Consent: consent,
	}}
	if err := insertGrant(tx, g); err != nil {
		return "", err
	}
	code := id.Token()
	_, err := tx.Exec(`insert into identity_code (id, grant_id, expires, used) values ($1, $2, $3, 0)`, hashed(code), g.ID, store.Micros(tx.Now().Add(codeLife)))
	if err != nil {
		return "", fmt.Errorf("keep a code: %w", err)
	}
	return code, nil
}

// revokeGrant takes back an authorisation and says why.
func revokeGrant(tx *store.Tx, g authGrant, reason string) error {
	n, err := tx.Exec(`update identity_grant set revoked = $2, reason = $3 where id = $1 and revoked = 0`, g.ID, store.Micros(tx.Now()), reason)
	if err == nil && n == 1 {
		tx.Emit(store.Event{Type: EventGrantRevoked, Subject: "identity/person/" + g.Subject, Actor: "client/" + g.Client, Data: Revoked{Client: g.Client, Reason: reason}})
	}
	return err
}

// errReused marks a code that came a second time: the update that finds out
// must commit, because it takes the tokens back.
var errReused = oauthFail("invalid_grant", "the code was used before; everything it gave has been taken back")

// redeem turns a code into its grant, once (RFC 6749 section 4.1.2, RFC 9700
// section 4.5). verifier is the PKCE secret, key the thumbprint of the DPoP key.
func (r *Room) redeem(ctx context.Context, client *Client, code, redirect, verifier, key string) (g authGrant, token string, e *oauthError) {
	bad := oauthFail("invalid_grant", "the code does not hold")
	if len(verifier) < 43 || len(verifier) > 128 {
		return g, "", oauthFail("invalid_grant", "code_verifier is missing or of the wrong length")
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	var outcome *oauthError
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		outcome = nil
		row, err := store.Get(tx, func(scan store.Scan) (c struct {
			grant         string
			expires, used int64
		}, err error) {
			return c, scan(&c.grant, &c.expires, &c.used)
		}, `select grant_id, expires, used from identity_code where id = $1 for update`, hashed(code))
		if fault.Is(err, fault.NotFound) {
			outcome = bad
			return nil
		}
		if err != nil {
			return err
		}
		if g, err = store.Get(tx, scanGrant, `select `+grantColumns+` from identity_grant where id = $1 for update`, row.grant); err != nil {
			return err
		}
		if g.Client != client.ID {
			outcome = bad // whoever holds somebody else's code learns nothing, and ends nothing
			return nil
		}
		if row.used != 0 {
			outcome = errReused
			return revokeGrant(tx, g, "code-reused")
		}
		if _, err := tx.Exec(`update identity_code set used = $2 where id = $1`, hashed(code), store.Micros(tx.Now())); err != nil {
			return err
		}
		switch {
		case row.expires <= store.Micros(tx.Now()) || !g.Revoked.IsZero():
			outcome = bad
		case g.Request.Redirect != redirect:
			outcome = oauthFail("invalid_grant", "redirect_uri is not the one the code was sent to")
		case subtle.ConstantTimeCompare([]byte(challenge), []byte(g.Request.Challenge)) != 1:
			outcome = oauthFail("invalid_grant", "code_verifier does not fit the challenge")
		case g.Request.DPoPKey != "" && g.Request.DPoPKey != key:
			outcome = oauthFail("invalid_dpop_proof", "the code is bound to another key")
		}
		if outcome == nil {
			token, err = newToken(tx, g.ID, key)
		}
		return err
	})
	if err != nil {
		return g, "", oauthInternal(err)
	}
	return g, token, outcome
}

// newToken makes an access token. It says nothing by itself: what it opens is
// in the grant, and taking the grant back ends it at once.
func newToken(tx *store.Tx, grant, key string) (string, error) {
	token := id.Token()
	_, err := tx.Exec(`insert into identity_token (id, grant_id, key, created, expires) values ($1, $2, $3, $4, $5)`,
		hashed(token), grant, key, store.Micros(tx.Now()), store.Micros(tx.Now().Add(tokenLife)))
	if err != nil {
		return "", fmt.Errorf("keep a token: %w", err)
	}
	return token, nil
}

// token is the token endpoint (RFC 6749 section 3.2, OpenID4VCI section 6).
func (r *Room) token(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if c.R.URL.RawQuery != "" {
		return r.fail(c.W, c.R, oauthFail("invalid_request", "parameters belong in the body"))
	}
	if e := formOf(c.W, c.R); e != nil {
		return r.fail(c.W, c.R, e)
	}
	ctx, form := c.Context(), c.R.PostForm
	client, e := r.proved(ctx, c.R)
	// a wallet with a pre-authorized code need not say who it is; one that tries has to succeed
	nameless := form.Get("grant_type") == oid4vci.GrantPreAuthorized && client == nil && form.Get("client_assertion") == "" && c.R.Header.Get("Authorization") == ""
	if e != nil && !nameless {
		return r.fail(c.W, c.R, e)
	}
	key, e := r.dpop(ctx, c.R, "")
	if e != nil {
		return r.fail(c.W, c.R, e)
	}
	if client != nil && client.DPoP && key == "" {
		return r.fail(c.W, c.R, oauthFail("invalid_dpop_proof", "this client must bind its tokens to a key"))
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return r.tokenForCode(c, client, key)
	case oid4vci.GrantPreAuthorized:
		return r.tokenForOffer(c, key)
	case "":
		return r.fail(c.W, c.R, oauthFail("invalid_request", "grant_type is missing"))
	}
	return r.fail(c.W, c.R, oauthFail("unsupported_grant_type", "this grant type is not offered"))
}

func (r *Room) tokenForCode(c *web.Ctx, client *Client, key string) error {
	if client == nil {
		return r.fail(c.W, c.R, oauthFail("invalid_client", "the client did not say who it is"))
	}
	form := c.R.PostForm
	g, token, e := r.redeem(c.Context(), client, form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"), key)
	if e != nil {
		return r.fail(c.W, c.R, e)
	}
	idToken, err := r.idToken(c.Context(), client, g, token)
	if err != nil {
		return r.fail(c.W, c.R, oauthInternal(err))
	}
	return answerJSON(c.W, http.StatusOK, map[string]any{
		"access_token": token, "token_type": tokenType(key), "expires_in": int64(tokenLife / time.Second),
		"scope": strings.Join(g.Scopes, " "), "id_token": idToken,
	})
}

func tokenType(key string) string {
	if key != "" {
		return "DPoP"
	}
	return "Bearer"
}

// idClaims are those of an ID token (OpenID Connect Core section 2).
type idClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Hash     string   `json:"at_hash,omitempty"`
	Session  string   `json:"sid,omitempty"`
}

func (r *Room) idToken(ctx context.Context, client *Client, g authGrant, token string) (string, error) {
	sub, err := r.sub(ctx, client, g.Subject)
	if err != nil {
		return "", err
	}
	purpose := purposeRS256
	if client.IDTokenAlg == jwt.ES256 {
		purpose = purposeES256
	}
	s, err := r.signer(ctx, purpose)
	if err != nil {
		return "", err
	}
	half := sha256.Sum256([]byte(token))
	// one sid for a session at one client, and another at the next: it must not join them
	sid := hashed("sid\n" + client.Sector + "\n" + g.Request.Session)[:22]
	now := r.clock.Now()
	claims := idClaims{
		Issuer: r.base, Subject: sub, Audience: client.ID, IssuedAt: now.Unix(), Expires: now.Add(idTokenLife).Unix(), AuthTime: g.Request.AuthTime,
		Nonce: g.Request.Nonce, ACR: fmt.Sprintf("aal%d", g.Request.AAL), Hash: base64.RawURLEncoding.EncodeToString(half[:16]), Session: sid,
	}
	if g.Request.Method == methodPasskey || g.Request.Method == methodActivation {
		claims.AMR = []string{g.Request.Method}
	}
	return s.Sign("JWT", claims)
}

// sub is the person's name at a client: pairwise by sector. The house's own
// window lies in the house's sector, whose pseudonym is the subject itself.
func (r *Room) sub(ctx context.Context, client *Client, subject string) (string, error) {
	if client.House {
		return subject, nil
	}
	return r.Pseudonym(ctx, subject, client.Sector)
}

func (r *Room) signer(ctx context.Context, purpose string) (jwt.Signer, error) {
	k, err := r.keys.Signer(ctx, purpose)
	if err != nil {
		return jwt.Signer{}, fmt.Errorf("signing key %s: %w", purpose, err)
	}
	return jwt.Signer{Key: k, Alg: string(k.Alg), KeyID: k.ID}, nil
}

// bearer finds the grant behind the access token of a request and checks its
// proof of possession. scheme is what the caller used, for the refusal.
func (r *Room) bearer(ctx context.Context, req *http.Request) (g authGrant, scheme string, e *oauthError) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		scheme = "Bearer"
	case strings.EqualFold(scheme, "DPoP"):
		scheme = "DPoP"
	case token == "" && req.Method == http.MethodPost && req.PostForm.Get("access_token") != "":
		scheme, token = "Bearer", req.PostForm.Get("access_token")
	default:
		return g, "Bearer", &oauthError{Description: "an access token is needed"}
	}
	g, key, e := r.tokenGrant(ctx, token)
	if e != nil {
		return g, scheme, e
	}
	if key == "" {
		if scheme == "DPoP" {
			return g, scheme, oauthFail("invalid_token", "the token is not bound to a key")
		}
		return g, scheme, nil
	}
	if scheme != "DPoP" { // never downgrade a bound token to a bearer token
		return g, "DPoP", oauthFail("invalid_token", "the token is bound to a key and needs a proof")
	}
	proved, e := r.dpop(ctx, req, token)
	if e != nil {
		return g, scheme, e
	}
	if proved == "" || subtle.ConstantTimeCompare([]byte(proved), []byte(key)) != 1 {
		return g, scheme, oauthFail("invalid_token", "the proof is by another key")
	}
	return g, scheme, nil
}

func (r *Room) tokenGrant(ctx context.Context, token string) (g authGrant, key string, e *oauthError) {
	err := r.db.View(ctx, func(tx *store.Tx) error {
		row, err := store.Get(tx, func(scan store.Scan) (v [2]string, err error) { return v, scan(&v[0], &v[1]) },
			`select grant_id, key from identity_token where id = $1 and expires > $2`, hashed(token), store.Micros(tx.Now()))
		if err != nil {
			return err
		}
		key = row[1]
		g, err = store.Get(tx, scanGrant, `select `+grantColumns+` from identity_grant where id = $1`, row[0])
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid):
		return g, "", oauthFail("invalid_token", "the token is unknown or has run out")
	case err != nil:
		return g, "", oauthInternal(err)
	case !g.Revoked.IsZero():
		return g, "", oauthFail("invalid_token", "the token was taken back")
	}
	return g, key, nil
}

// VerifyBearer tells who an access token stands for, for the JSON interface.
// Only tokens of the house's own clients open it; a token bound to a key needs
// its proof and is refused here.
func (r *Room) VerifyBearer(ctx context.Context, token string) (gate.Principal, error) {
	g, key, e := r.tokenGrant(ctx, token)
	if e != nil {
		return gate.Principal{}, fault.New(fault.Unauthenticated, "identity.token.refused").Because(e)
	}
	client := r.clients[g.Client]
	if key != "" || client == nil || !client.House {
		return gate.Principal{}, fault.New(fault.Unauthenticated, "identity.token.refused")
	}
	who, err := r.gate.Principal(ctx, g.Subject, gate.Citizen)
	if err != nil {
		return gate.Principal{}, err
	}
	who.AAL, who.SignedInAt = g.Request.AAL, time.Unix(g.Request.AuthTime, 0)
	return who, nil
}
