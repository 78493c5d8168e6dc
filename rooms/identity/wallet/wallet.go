package wallet

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/sdjwt"
	"sarai/rooms/identity/statuslist"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1 << 20

// skew is how far the issuer's clock may be from ours.
const skew = time.Minute

// ErrStatus says that a credential is revoked or suspended.
var ErrStatus = errors.New("wallet: the credential is not valid at the moment")

// Wallet collects and keeps credentials. The zero value with a Client works.
type Wallet struct {
	Client *http.Client     // nil is http.DefaultClient
	Now    func() time.Time // nil is the machine's clock
	Held   []Credential
}

// Credential is one in the wallet, with the key it is bound to.
type Credential struct {
	Configuration string
	Raw           string // as the issuer gave it, with all disclosures
	Key           jwt.Signer
	Verified      *sdjwt.Credential
	About         *oid4vci.About // how the issuer wants it shown; may be nil
	issuer        string
}

// Collect follows an offer's deep link and takes n credentials of its first
// configuration, each bound to a new key. txCode is empty unless the offer
// asks for one.
func (w *Wallet) Collect(ctx context.Context, link, txCode string, n int) ([]Credential, error) {
	offer, address, err := oid4vci.ParseLink(link)
	if err != nil {
		return nil, err
	}
	if offer == nil {
		body, err := w.get(ctx, address, "application/json")
		if err != nil {
			return nil, fmt.Errorf("fetch the offer: %w", err)
		}
		if offer, err = oid4vci.ParseOffer(body); err != nil {
			return nil, err
		}
	}
	if offer.Grants.PreAuthorized == nil {
		return nil, errors.New("wallet: the offer has no pre-authorized code")
	}
	meta, token, err := w.discover(ctx, offer.Issuer)
	if err != nil {
		return nil, err
	}
	id := offer.Configurations[0]
	conf, ok := meta.Configurations[id]
	if !ok || conf.Format != oid4vci.Format {
		return nil, fmt.Errorf("wallet: the issuer does not describe %q as %s", id, oid4vci.Format)
	}
	access, err := w.redeem(ctx, token, offer.Grants.PreAuthorized.Code, txCode)
	if err != nil {
		return nil, err
	}
	return w.request(ctx, meta, id, conf, access, n)
}

// discover reads the issuer's metadata and its authorization server's token endpoint.
func (w *Wallet) discover(ctx context.Context, issuer string) (*oid4vci.Metadata, string, error) {
	urls, err := oid4vci.MetadataURLs(issuer)
	if err != nil {
		return nil, "", err
	}
	body, err := w.first(ctx, urls)
	if err != nil {
		return nil, "", fmt.Errorf("fetch the issuer's metadata: %w", err)
	}
	meta, err := oid4vci.ParseMetadata(body, issuer)
	if err != nil {
		return nil, "", err
	}
	server := issuer
	if len(meta.AuthorizationServers) > 0 {
		server = meta.AuthorizationServers[0]
	}
	if urls, err = oid4vci.ServerURLs(server); err != nil {
		return nil, "", err
	}
	if body, err = w.first(ctx, urls); err != nil {
		return nil, "", fmt.Errorf("fetch the authorization server's metadata: %w", err)
	}
	var as struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(body, &as); err != nil || as.Issuer != server || as.Token == "" {
		return nil, "", errors.New("wallet: the authorization server's metadata is another's")
	}
	return meta, as.Token, nil
}

func (w *Wallet) redeem(ctx context.Context, endpoint, code, txCode string) (string, error) {
	form := url.Values{"grant_type": {oid4vci.GrantPreAuthorized}, "pre-authorized_code": {code}}
	if txCode != "" {
		form.Set("tx_code", txCode)
	}
	var answer oid4vci.TokenResponse
	if err := w.post(ctx, endpoint, "", "application/x-www-form-urlencoded", []byte(form.Encode()), &answer); err != nil {
		return "", fmt.Errorf("redeem the code: %w", err)
	}
	if answer.AccessToken == "" || !strings.EqualFold(answer.TokenType, "Bearer") {
		return "", errors.New("wallet: no bearer token in the answer")
	}
	return answer.AccessToken, nil
}

// tries is how often a request is made whose answer did not arrive.
const tries = 3

func (w *Wallet) request(ctx context.Context, meta *oid4vci.Metadata, id string, conf oid4vci.Configuration, access string, n int) ([]Credential, error) {
	keys := make([]jwt.Signer, max(n, 1))
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[i] = jwt.Signer{Key: k, Alg: jwt.ES256}
	}
	var answer oid4vci.Response
	for try := 1; ; try++ {
		err := w.ask(ctx, meta, id, access, keys, &answer)
		var refused *Refused
		switch {
		case err == nil:
		case try < tries && ctx.Err() == nil && !errors.As(err, &refused):
			continue // cut off: the issuer knows the keys again, and the token still lives
		default:
			return nil, err
		}
		break
	}
	if len(answer.Credentials) == 0 || len(answer.Credentials) > len(keys) {
		return nil, fmt.Errorf("wallet: asked for %d credentials, got %d", len(keys), len(answer.Credentials))
	}
	var out []Credential
	for i, issued := range answer.Credentials {
		c := Credential{Configuration: id, Raw: issued.Credential, Key: keys[i], About: conf.About, issuer: meta.Issuer}
		if err := w.Verify(ctx, &c); err != nil {
			return nil, err
		}
		if c.Verified.Type != conf.CredentialType {
			return nil, errors.New("wallet: the credential is of another type than was offered")
		}
		out = append(out, c)
	}
	w.Held = append(w.Held, out...)
	return out, nil
}

// ask makes one credential request: the keys stay, nonce and proofs are new.
func (w *Wallet) ask(ctx context.Context, meta *oid4vci.Metadata, id, access string, keys []jwt.Signer, answer *oid4vci.Response) error {
	var nonce oid4vci.NonceResponse
	if meta.NonceEndpoint != "" {
		if err := w.post(ctx, meta.NonceEndpoint, "", "", nil, &nonce); err != nil {
			return fmt.Errorf("fetch a nonce: %w", err)
		}
	}
	req := oid4vci.Request{Configuration: id, Proofs: map[string][]string{}}
	for _, k := range keys {
		proof, err := oid4vci.Proof(k, meta.Issuer, nonce.Nonce, w.now())
		if err != nil {
			return err
		}
		req.Proofs[oid4vci.ProofJWT] = append(req.Proofs[oid4vci.ProofJWT], proof)
	}
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if err := w.post(ctx, meta.CredentialEndpoint, access, "application/json", body, answer); err != nil {
		return fmt.Errorf("request the credentials: %w", err)
	}
	return nil
}

// Verify proves a credential again: signature, time, that it is bound to our
// key, and its status. A revoked or suspended one is ErrStatus.
func (w *Wallet) Verify(ctx context.Context, c *Credential) error {
	keys, err := w.issuerKeys(ctx, c.issuer)
	if err != nil {
		return err
	}
	find := func(h jwt.Header) (any, error) {
		for i := range keys.Keys {
			if keys.Keys[i].KeyID == h.KeyID {
				return &keys.Keys[i], nil
			}
		}
		return nil, errors.New("wallet: the issuer does not publish this key")
	}
	v := sdjwt.Verifier{Algs: []string{jwt.ES256, jwt.EdDSA}, Now: w.now(), Skew: skew, Key: func(h jwt.Header, issuer string) (any, error) {
		if issuer != c.issuer {
			return nil, errors.New("wallet: issued by somebody else")
		}
		return find(h)
	}}
	got, err := v.Verify(c.Raw)
	if err != nil {
		return err
	}
	ours, err1 := jwt.Thumbprint(c.Key.Key.Public())
	theirs, err2 := "", error(nil)
	if got.Holder != nil {
		theirs, err2 = jwt.Thumbprint(got.Holder)
	}
	if err := errors.Join(err1, err2); err != nil || ours != theirs {
		return errors.New("wallet: the credential is bound to another key")
	}
	c.Verified = got
	if got.Status == nil {
		return nil
	}
	token, err := w.get(ctx, got.Status.URI, "application/"+statuslist.Type)
	if err != nil {
		return fmt.Errorf("fetch the status list: %w", err)
	}
	list, _, err := statuslist.Verify(string(token), got.Status.URI, []string{jwt.ES256, jwt.EdDSA}, find, w.now(), skew)
	if err != nil {
		return err
	}
	status, err := list.Get(got.Status.Index)
	if err != nil {
		return err
	}
	if status != statuslist.Valid {
		return fmt.Errorf("%w: status %d", ErrStatus, status)
	}
	return nil
}

func (w *Wallet) issuerKeys(ctx context.Context, issuer string) (jose.JSONWebKeySet, error) {
	var m struct {
		Issuer string             `json:"issuer"`
		Keys   jose.JSONWebKeySet `json:"jwks"`
	}
	body, err := w.get(ctx, issuer+"/.well-known/jwt-vc-issuer", "application/json")
	if err != nil {
		return m.Keys, fmt.Errorf("fetch the issuer's keys: %w", err)
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Issuer != issuer {
		return m.Keys, errors.New("wallet: the keys are another issuer's")
	}
	return m.Keys, nil
}

// Present shows the named claims of a credential to one verifier.
func (w *Wallet) Present(c Credential, audience, nonce string, claims ...string) (string, error) {
	return sdjwt.Present(c.Raw, sdjwt.Presentation{Show: sdjwt.Names(claims...), Audience: audience, Nonce: nonce, At: w.now(), Key: c.Key})
}

func (w *Wallet) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

func (w *Wallet) first(ctx context.Context, urls []string) (body []byte, err error) {
	for _, u := range urls {
		if body, err = w.get(ctx, u, "application/json"); err == nil {
			return body, nil
		}
	}
	return nil, err
}

func (w *Wallet) get(ctx context.Context, address, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	return w.do(req)
}

func (w *Wallet) post(ctx context.Context, address, access, contentType string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if access != "" {
		req.Header.Set("Authorization", "Bearer "+access)
	}
	answer, err := w.do(req)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

func (w *Wallet) do(req *http.Request) ([]byte, error) {
	client := w.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() // read to the end or given up
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("answer of %s is longer than %d bytes", req.URL.Path, maxAnswer)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		var e oid4vci.Error
		if json.Unmarshal(body, &e) == nil && e.Code != "" {
			return nil, &Refused{Status: res.StatusCode, Err: e}
		}
		return nil, &Refused{Status: res.StatusCode}
	}
	return body, nil
}

// Refused is an error answer of the issuer.
type Refused struct {
	Status int
	Err    oid4vci.Error
}

// Error gives status and code.
func (r *Refused) Error() string {
	return fmt.Sprintf("wallet: refused with %d %s: %s", r.Status, r.Err.Code, r.Err.Description)
}
