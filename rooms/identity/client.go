package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/courtyard/country"
	"sarai/courtyard/store"
	"sarai/rooms/identity/jwt"
)

// Ways a client proves itself at the token endpoint (OpenID Connect Core section 9).
const (
	AuthNone       = "none"
	AuthBasic      = "client_secret_basic"
	AuthPrivateKey = "private_key_jwt"
)

// WindowClient is the client id of the house's own window.
const WindowClient = "window"

// Client is a relying party: somebody who asks who a person is.
type Client struct {
	ID             string
	Name           map[string]string // by language
	Purpose        map[string]string // why it asks for facts, by language
	Auth           string
	SecretHash     string // base64url SHA-256 of a random secret of at least 128 bits
	JWKS           *jose.JSONWebKeySet
	RedirectURIs   []string // compared exactly
	PostLogoutURIs []string
	Scopes         []string
	Sector         string // pairwise subjects are equal within a sector
	IDTokenAlg     string // RS256 (the default) or ES256
	DPoP           bool   // only sender-constrained tokens
	PAR            bool   // only pushed requests
	Consent        bool   // the person is asked before facts are given
	House          bool   // part of the house: its pseudonym of a person is the house's own
}

// SecretHash is what is kept of a client secret.
func SecretHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func packClient(c country.Client) Client {
	out := Client{
		ID: c.ID, Name: c.Name, Auth: AuthNone, RedirectURIs: c.RedirectURIs, PostLogoutURIs: c.PostLogoutURIs,
		Scopes: c.Scopes, Sector: c.Sector, IDTokenAlg: jwt.RS256, Consent: c.Consent,
	}
	if !c.Public {
		out.Auth = AuthPrivateKey
	}
	return out
}

// check says what is wrong with a registration, for the start of the house.
func (c *Client) check(base string) error {
	bad := func(why string) error { return fmt.Errorf("identity: client %s: %s", c.ID, why) }
	if c.ID == "" || len(c.Name) == 0 || len(c.RedirectURIs) == 0 {
		return bad("needs an id, names and redirect addresses")
	}
	for _, u := range append(slices.Clone(c.RedirectURIs), c.PostLogoutURIs...) {
		p, err := url.Parse(u)
		if err != nil || p.Scheme == "" || p.Fragment != "" || strings.Contains(u, "*") {
			return bad("a redirect address must be one exact address without fragment")
		}
		host := p.Hostname()
		if p.Scheme == "http" && host != "localhost" && host != "127.0.0.1" && host != "::1" && !strings.HasPrefix(u, base+"/") {
			return bad("plain http only for this machine (RFC 8252 section 7.3)")
		}
	}
	switch c.Auth {
	case AuthNone:
	case AuthBasic:
		if c.SecretHash == "" {
			return bad("has no secret")
		}
	case AuthPrivateKey:
		if c.JWKS == nil || len(c.JWKS.Keys) == 0 {
			return bad("has no keys")
		}
	default:
		return bad("unknown way of proving itself")
	}
	switch c.IDTokenAlg {
	case "":
		c.IDTokenAlg = jwt.RS256
	case jwt.RS256, jwt.ES256:
	default:
		return bad("ID tokens are signed with RS256 or ES256")
	}
	if c.Sector == "" {
		c.Sector = c.ID
	}
	// a client's sector is never a room's of the house, whatever it is called
	c.Sector = "client/" + strings.TrimPrefix(c.Sector, "client/")
	for _, s := range c.Scopes {
		if s != "openid" && scopeFacts[s] == nil {
			return bad("unknown scope " + s)
		}
	}
	return nil
}

// proved finds the client of a request at a back-channel endpoint and checks
// that it is who it says (RFC 6749 section 2.3, RFC 7523).
func (r *Room) proved(ctx context.Context, req *http.Request) (*Client, *oauthError) {
	form := req.PostForm
	basicID, basicSecret, basic := req.BasicAuth()
	assertion := form.Get("client_assertion")
	given := form.Get("client_id")
	ways := 0
	for _, used := range []bool{basic, assertion != "", form.Get("client_secret") != ""} {
		if used {
			ways++
		}
	}
	if ways > 1 {
		return nil, oauthFail("invalid_request", "more than one way of proving the client")
	}
	switch {
	case basic:
		var err1, err2 error
		basicID, err1 = url.QueryUnescape(basicID) // RFC 6749 section 2.3.1: form-encoded inside Basic
		basicSecret, err2 = url.QueryUnescape(basicSecret)
		c := r.clients[basicID]
		if err1 != nil || err2 != nil || c == nil || c.Auth != AuthBasic ||
			subtle.ConstantTimeCompare([]byte(SecretHash(basicSecret)), []byte(c.SecretHash)) != 1 || (given != "" && given != basicID) {
			return nil, oauthFail("invalid_client", "the client is not who it says")
		}
		return c, nil
	case assertion != "":
		return r.asserted(ctx, form.Get("client_assertion_type"), assertion, given)
	case given == "":
		return nil, nil // nobody in particular; the caller decides whether that will do
	}
	c := r.clients[given]
	if c == nil || c.Auth != AuthNone || ways > 0 {
		return nil, oauthFail("invalid_client", "the client is not who it says")
	}
	return c, nil
}

// asserted checks a private_key_jwt. The audience must be our issuer as a
// single text and nothing else (FAPI 2.0 section 5.3.2.1).
func (r *Room) asserted(ctx context.Context, kind, assertion, given string) (*Client, *oauthError) {
	no := oauthFail("invalid_client", "the client assertion does not hold")
	if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return nil, no
	}
	t, err := jwt.Parse(assertion)
	if err != nil {
		return nil, no
	}
	var claims struct {
		Issuer   string          `json:"iss"`
		Subject  string          `json:"sub"`
		Audience json.RawMessage `json:"aud"`
		Expires  int64           `json:"exp"`
		NotYet   int64           `json:"nbf"`
		ID       string          `json:"jti"`
	}
	if err := t.Claims(&claims); err != nil {
		return nil, no
	}
	c := r.clients[claims.Issuer]
	var audience string
	if c == nil || c.Auth != AuthPrivateKey || claims.Subject != c.ID || (given != "" && given != c.ID) ||
		json.Unmarshal(claims.Audience, &audience) != nil || audience != r.base {
		return nil, no
	}
	now := r.clock.Now()
	if claims.Expires == 0 || claims.ID == "" || len(claims.ID) > 256 || time.Unix(claims.Expires, 0).After(now.Add(time.Hour)) ||
		jwt.In(now, claims.NotYet, claims.Expires, clockSkew) != nil {
		return nil, no
	}
	held := false
	for i := range c.JWKS.Keys {
		k := &c.JWKS.Keys[i]
		if t.Header.KeyID != "" && k.KeyID != t.Header.KeyID {
			continue
		}
		if t.Check(k, []string{"", "jwt"}, []string{jwt.ES256, jwt.EdDSA, jwt.PS256, jwt.RS256}) == nil {
			held = true
			break
		}
	}
	if !held {
		return nil, no
	}
	fresh := false
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		fresh, err = spend(tx, "assertion/"+c.ID, claims.ID, 2*time.Hour)
		return err
	})
	if err != nil {
		return nil, oauthInternal(err)
	}
	if !fresh {
		return nil, oauthFail("invalid_client", "the client assertion was used before")
	}
	return c, nil
}

const clockSkew = 30 * time.Second

// scopeFacts are the facts behind each scope. profile has no date of birth: it
// is asked for by itself or not at all.
var scopeFacts = map[string][]string{
	"profile":         {FactName},
	"father":          {FactFather},
	"birthdate":       {FactBirth},
	"adult":           {FactAdult},
	"sex":             {FactSex},
	"national_number": {FactNumber},
	"address":         {FactAddress, FactDistrict},
	"phone":           {FactPhone},
}

// factsOf lists the facts behind scopes, in the order of FactNames.
func factsOf(scopes []string) []string {
	var out []string
	for _, f := range FactNames {
		for _, s := range scopes {
			if slices.Contains(scopeFacts[s], f) {
				out = append(out, f)
				break
			}
		}
	}
	return out
}
