package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/identity/jwt"
)

// dpopWindow is how far iat of a proof may lie from our time.
const dpopWindow = 2 * time.Minute

var dpopAlgs = []string{jwt.ES256, jwt.EdDSA}

// dpop checks the DPoP proof of a request (RFC 9449 section 4.3) and gives the
// thumbprint of its key; empty when there is no proof. At a resource, token is
// the access token the proof must be made for.
func (r *Room) dpop(ctx context.Context, req *http.Request, token string) (thumbprint string, e *oauthError) {
	proofs := req.Header.Values("DPoP")
	if len(proofs) == 0 {
		return "", nil
	}
	no := func(why string) (string, *oauthError) { return "", oauthFail("invalid_dpop_proof", why) }
	if len(proofs) > 1 {
		return no("more than one proof")
	}
	t, err := jwt.Parse(proofs[0])
	if err != nil || t.Header.JWK == nil {
		return no("the proof is not a token that carries its key")
	}
	if err := t.Check(t.Header.JWK, []string{"dpop+jwt"}, dpopAlgs); err != nil {
		return no("the proof's type, algorithm or signature does not hold")
	}
	var claims struct {
		Method   string `json:"htm"`
		URI      string `json:"htu"`
		IssuedAt int64  `json:"iat"`
		ID       string `json:"jti"`
		Hash     string `json:"ath"`
	}
	if err := t.Claims(&claims); err != nil {
		return no("the proof's claims cannot be read")
	}
	at, now := time.Unix(claims.IssuedAt, 0), r.clock.Now()
	switch {
	case claims.Method != req.Method:
		return no("the proof is for another method")
	case !sameTarget(claims.URI, r.base+req.URL.EscapedPath()):
		return no("the proof is for another address")
	case at.Before(now.Add(-dpopWindow)) || at.After(now.Add(dpopWindow)):
		return no("the proof was not made just now")
	case claims.ID == "" || len(claims.ID) > 256:
		return no("the proof has no jti")
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		if claims.Hash != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return no("the proof is for another access token")
		}
	}
	thumbprint, err = jwt.Thumbprint(t.Header.JWK)
	if err != nil {
		return no("the proof's key cannot be used")
	}
	fresh := false
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		fresh, err = spend(tx, "dpop/"+thumbprint, claims.ID, 2*dpopWindow+time.Minute)
		return err
	})
	if err != nil {
		return "", oauthInternal(err)
	}
	if !fresh {
		return no("the proof was used before")
	}
	return thumbprint, nil
}

// sameTarget compares htu with our address without query and fragment.
func sameTarget(htu, ours string) bool {
	u, err := url.Parse(htu)
	if err != nil || u.User != nil {
		return false
	}
	o, err := url.Parse(ours)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Scheme, o.Scheme) && strings.EqualFold(u.Host, o.Host) && u.EscapedPath() == o.EscapedPath()
}
