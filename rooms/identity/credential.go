package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/sdjwt"
)

const (
	purposeCredential = "identity.credential"
	purposeNonce      = "identity.nonce"

	nonceLife = 5 * time.Minute
	decoys    = 3
)

// nonce answers the nonce endpoint (OpenID4VCI section 7). A nonce carries its
// end and our keyed hash, so that making one costs no row; it is spent in the
// database when it is used.
func (r *Room) nonce(c *web.Ctx, _ gate.Permit[gate.House]) error {
	n, err := r.newNonce(c.Context())
	if err != nil {
		return err
	}
	return answerJSON(c.W, http.StatusOK, oid4vci.NonceResponse{Nonce: n})
}

func (r *Room) newNonce(ctx context.Context) (string, error) {
	b := make([]byte, 24, 56)
	binary.BigEndian.PutUint64(b, uint64(r.clock.Now().Add(nonceLife).Unix())) //nolint:gosec // the clock is after 1970
	_, _ = rand.Read(b[8:24])
	mac, err := r.keys.MAC(ctx, purposeNonce, b)
	if err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, mac...)), nil
}

func (r *Room) checkNonce(ctx context.Context, nonce string) (bool, error) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 56 {
		return false, nil //nolint:nilerr // not one of ours
	}
	if int64(binary.BigEndian.Uint64(b)) <= r.clock.Now().Unix() { //nolint:gosec // compared, not computed with
		return false, nil
	}
	return r.keys.CheckMAC(ctx, purposeNonce, b[24:], b[:24])
}

// issue is the credential endpoint (OpenID4VCI section 8).
func (r *Room) issue(c *web.Ctx, _ gate.Permit[gate.House]) error {
	ctx := c.Context()
	g, scheme, e := r.bearer(ctx, c.R)
	if e != nil {
		return r.refuseToken(c.W, c.R, scheme, e)
	}
	if g.Offer == "" {
		return r.refuseToken(c.W, c.R, scheme, oauthFail("insufficient_scope", "the token does not open this"))
	}
	issued, err := r.issueFor(ctx, g, c)
	var refused *oid4vci.Error
	switch {
	case errors.As(err, &refused):
		return answerJSON(c.W, http.StatusBadRequest, refused)
	case err != nil:
		r.logger.ErrorContext(ctx, "identity: credential endpoint failed", "error", err.Error())
		return answerJSON(c.W, http.StatusInternalServerError, &oid4vci.Error{Code: "server_error", Description: "we could not do this now; the offer still holds"})
	}
	return answerJSON(c.W, http.StatusOK, oid4vci.Response{Credentials: issued})
}

func (r *Room) issueFor(ctx context.Context, g authGrant, c *web.Ctx) ([]oid4vci.Issued, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.W, c.R.Body, 256<<10))
	if err != nil {
		return nil, &oid4vci.Error{Code: oid4vci.InvalidRequest, Description: "the request is too long"}
	}
	req, err := oid4vci.ParseRequest(body, batchSize)
	if err != nil {
		return nil, err
	}
	o, err := r.loadOffer(ctx, g.Offer)
	if err != nil {
		return nil, err
	}
	t := r.types[req.Configuration]
	switch {
	case req.Identifier != "":
		return nil, &oid4vci.Error{Code: oid4vci.UnknownIdentifier, Description: "no credential identifiers were given out"}
	case t == nil:
		return nil, &oid4vci.Error{Code: oid4vci.UnknownConfiguration, Description: "there is no such credential"}
	case t.ID != o.Type:
		return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the offer was for another credential"}
	case o.State == offerWithdrawn || (o.State == offerCollected && r.clock.Now().Sub(o.Collected) > tokenLife):
		return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the offer is closed"}
	}
	if err := r.openClaims(ctx, &o); err != nil {
		return nil, err
	}
	holders, nonces, err := r.proofs(ctx, req.Proofs[oid4vci.ProofJWT])
	if err != nil {
		return nil, err
	}
	return r.sign(ctx, o, t, holders, nonces)
}

// proofs checks every proof of a request: each another key, all with a nonce
// of ours. Several proofs may share a nonce (section 8.2).
func (r *Room) proofs(ctx context.Context, list []string) (holders []*jose.JSONWebKey, nonces []string, err error) {
	check := oid4vci.ProofCheck{Issuer: r.base, Algs: proofAlgs, Now: r.clock.Now()}
	seen := map[string]bool{}
	for _, p := range list {
		key, nonce, err := check.Prove(p)
		if err != nil {
			return nil, nil, err
		}
		print, err := jwt.Thumbprint(key)
		if err != nil || seen["key "+print] {
			return nil, nil, &oid4vci.Error{Code: oid4vci.InvalidProof, Description: "each credential of a batch needs a key of its own"}
		}
		seen["key "+print] = true
		holders = append(holders, key)
		if seen["nonce "+nonce] {
			continue
		}
		seen["nonce "+nonce] = true
		ok, err := r.checkNonce(ctx, nonce)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			return nil, nil, &oid4vci.Error{Code: oid4vci.InvalidNonce, Description: "the nonce is not ours or has run out: fetch a new one"}
		}
		nonces = append(nonces, nonce)
	}
	return holders, nonces, nil
}

// sign records the credentials and then signs them. A wallet that was cut off
// between the two, or before the answer reached it, asks again while its token
// lives, with the same keys, and gets the same credentials signed anew. Other
// keys get nothing: an offer fills one wallet.
func (r *Room) sign(ctx context.Context, o heldOffer, t *CredentialType, holders []*jose.JSONWebKey, nonces []string) ([]oid4vci.Issued, error) {
	claims, err := r.claimsFor(ctx, o, t)
	if err != nil {
		return nil, err
	}
	prints := make([]string, len(holders))
	for i, h := range holders {
		if prints[i], err = jwt.Thumbprint(h); err != nil {
			return nil, err
		}
	}
	sealed, err := r.sealClaims(ctx, o.ID, o.Claims)
	if err != nil {
		return nil, err
	}
	life := t.Life
	if life == 0 {
		life = 365 * 24 * time.Hour
	}
	var list []given
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		list, err = r.book(tx, o, prints, nonces, sealed, life)
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := r.keys.Signer(ctx, purposeCredential)
	if err != nil {
		return nil, err
	}
	s, err := r.signer(ctx, purposeCredential)
	if err != nil {
		return nil, err
	}
	if len(key.Certificates) > 1 {
		s.Certificates = key.Certificates[:1] // never the anchor itself: HAIP section 6.1.1
	}
	out := make([]oid4vci.Issued, 0, len(holders))
	for i, h := range holders {
		// Times are rounded, so that two verifiers cannot join credentials of one
		// batch by the second they were made in.
		d := sdjwt.Draft{
			Issuer: r.base, Type: r.vct(t.ID), IssuedAt: store.Time(list[i].issued).Truncate(time.Hour), Expires: store.Time(list[i].expires), Holder: h, Decoys: decoys,
			Status: &sdjwt.Status{Index: list[i].index, URI: r.listURI(list[i].list)},
			Open:   map[string]any{}, Hidden: map[string]any{},
		}
		for name, v := range claims {
			if t.open(name) {
				d.Open[name] = v
			} else {
				d.Hidden[name] = v
			}
		}
		signed, err := sdjwt.Issue(s, d)
		if err != nil {
			return nil, fmt.Errorf("issue a credential: %w", err)
		}
		out = append(out, oid4vci.Issued{Credential: signed})
	}
	return out, nil
}

// book takes places in the status list for an offer's credentials, or finds
// those it has already. The offer's row is held, so that of two requests at the
// same moment the second finds what the first took.
func (r *Room) book(tx *store.Tx, o heldOffer, holders, nonces []string, sealed []byte, life time.Duration) ([]given, error) {
	for _, n := range nonces {
		fresh, err := spend(tx, "nonce", n, nonceLife+time.Minute)
		if err != nil {
			return nil, err
		}
		if !fresh {
			return nil, &oid4vci.Error{Code: oid4vci.InvalidNonce, Description: "the nonce was used before: fetch a new one"}
		}
	}
	usable, err := canUse(tx, o.Subject)
	if err != nil {
		return nil, err
	}
	if !usable {
		return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the person's identity cannot be used at the moment"}
	}
	state, err := store.Get(tx, store.Value[string], `select state from identity_offer where id = $1 for update`, o.ID)
	if err != nil {
		return nil, err
	}
	if state == offerWithdrawn {
		return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the offer is closed"}
	}
	before, err := givenOf(tx, o.ID)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 {
		return sameHolders(before, holders)
	}
	places, err := takePlaces(tx, len(holders))
	if err != nil {
		return nil, err
	}
	now := store.Micros(tx.Now())
	expires := store.Micros(tx.Now().Truncate(time.Hour).Add(life).Truncate(24 * time.Hour))
	list := make([]given, len(places))
	for i, p := range places {
		p.credential = r.newID()
		list[i] = given{place: p, holder: holders[i], issued: now, expires: expires}
		_, err := tx.Exec(`insert into identity_credential (id, offer, subject, type, list, idx, issued, expires, status, changed, reason, holder)
			values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $7, '', $9)`, p.credential, o.ID, o.Subject, o.Type, p.list, p.index, now, expires, holders[i])
		if err != nil {
			return nil, fmt.Errorf("record a credential: %w", err)
		}
		tx.Emit(store.Event{Type: EventCredentialIssued, Subject: "identity/credential/" + p.credential, Actor: "citizen/" + o.Subject,
			Data: Credentialed{Offer: o.ID, Credential: p.credential, Type: o.Type, Batch: len(places)}})
	}
	_, err = tx.Exec(`update identity_offer set state = $2, collected = $3, claims = '{}', sealed = $5 where id = $1 and state = $4`, o.ID, offerCollected, now, offerOpen, sealed)
	return list, err
}

// claimsFor gives what a credential says. An identity is read from the
// register at the moment it goes into the wallet, and that reading is on the
// person's record like any other.
func (r *Room) claimsFor(ctx context.Context, o heldOffer, t *CredentialType) (map[string]any, error) {
	claims := map[string]any{"issuing_country": strings.ToUpper(r.pack.Code), "issuing_authority": r.authority()}
	if t.ID != TypePersonIdentification {
		for name, v := range o.Claims {
			claims[name] = deeper(v)
		}
		return claims, nil
	}
	facts, err := r.Facts(ctx, FactAsk{
		Subject: o.Subject, Names: []string{FactName, FactFather, FactBirth, FactAdult, FactSex, FactNumber, FactAddress, FactDistrict, FactPhoto},
		Purpose: "identity.purpose.wallet", Basis: "identity.basis.request", Actor: "citizen/" + o.Subject,
	})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the person is not in the register"}
	}
	if err != nil {
		return nil, err
	}
	put := func(claim, fact string) {
		if f, ok := facts[fact]; ok {
			claims[claim] = f.Value
			if f.ValueUr != f.Value {
				claims[claim+"_ur"] = f.ValueUr
			}
		}
	}
	put("name", FactName)
	put("father_name", FactFather)
	put("birthdate", FactBirth)
	put("sex", FactSex)
	put("personal_administrative_number", FactNumber)
	put("portrait", FactPhoto)
	claims["age_over_18"] = facts[FactAdult].Value == "yes"
	if a, ok := facts[FactAddress]; ok {
		address := sdjwt.Object{"formatted": a.Value, "formatted_ur": a.ValueUr}
		if d, ok := facts[FactDistrict]; ok {
			address["locality"] = d.Value
		}
		claims["address"] = address
	}
	return claims, nil
}

// deeper lets a holder withhold parts of nested objects too.
func deeper(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := sdjwt.Object{}
	for name, inner := range m {
		out[name] = deeper(inner)
	}
	return out
}

func (r *Room) authority() string {
	if o, ok := r.pack.Office("nadra.isb"); ok && r.pack.Code == "pk" {
		return o.Name.In("en")
	}
	return r.pack.Names.In("en")
}

// Held is a credential that was issued, as its holder and officials see it.
type Held struct {
	ID      string
	Offer   string
	Subject string
	Type    string
	Issued  time.Time
	Expires time.Time
	Status  int // Token Status List section 7.1
	Changed time.Time
	Reason  string
}

const heldColumns = `id, offer, subject, type, issued, expires, status, changed, reason`

func scanHeld(scan store.Scan) (h Held, err error) {
	var issued, expires, status, changed int64
	err = scan(&h.ID, &h.Offer, &h.Subject, &h.Type, &issued, &expires, &status, &changed, &h.Reason)
	h.Issued, h.Expires, h.Changed, h.Status = store.Time(issued), store.Time(expires), store.Time(changed), int(status)
	return h, err
}

// Credentials lists what a person's wallets were given, latest first.
func (r *Room) Credentials(ctx context.Context, subject string) (list []Held, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanHeld, `select `+heldColumns+` from identity_credential where subject = $1 order by issued desc, id desc limit 200`, subject)
		return err
	})
	return list, err
}
