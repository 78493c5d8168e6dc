package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/oid4vci"
)

// CredentialOffer is what another part of the house wants put into a person's
// wallet.
type CredentialOffer struct {
	Key     string         // the asker's own key: the same key is the same offer
	Subject string         // whose wallet
	Type    string         // a registered CredentialType
	Claims  map[string]any // hidden unless the type says open; not used for PersonIdentification, whose claims come from the register
	TxCode  string         // digits the wallet must be given on another way; empty for none
}

// States of an offer.
const (
	offerOpen      = "open"
	offerCollected = "collected"
	offerWithdrawn = "withdrawn"
)

const (
	linkLife    = 10 * time.Minute
	txCodeTries = 5
	maxClaims   = 128 << 10
)

// heldOffer is a row of identity_offer. As a resource of the gate it belongs
// to its subject.
type heldOffer struct {
	ID, Key, Subject, Type string
	Claims                 map[string]any
	Pin                    string
	Tries                  int64
	LinkUntil              time.Time
	State                  string
	Created, Collected     time.Time

	sealed    []byte // the claims, once it is collected
	successor string // the offer that took its place
}

// GateResource gives IdentityOffer with its owner.
func (o heldOffer) GateResource() gate.Resource {
	return gate.Resource{Type: "IdentityOffer", ID: o.ID, Attrs: map[string]any{"owner": o.Subject, "state": o.State}}
}

const offerColumns = `id, key, subject, type, claims, pin, tries, link_until, state, created, collected, sealed, successor`

func scanOffer(scan store.Scan) (o heldOffer, err error) {
	var claims string
	var until, created, collected int64
	if err := scan(&o.ID, &o.Key, &o.Subject, &o.Type, &claims, &o.Pin, &o.Tries, &until, &o.State, &created, &collected, &o.sealed, &o.successor); err != nil {
		return o, err
	}
	o.LinkUntil, o.Created, o.Collected = store.Time(until), store.Time(created), store.Time(collected)
	return o, json.Unmarshal([]byte(claims), &o.Claims)
}

// Offer puts a credential before a person. It touches no keys, so it may run
// in the asker's own update; asking again with the same key gives the same
// offer.
func (r *Room) Offer(tx *store.Tx, in CredentialOffer) (string, error) {
	t := r.types[in.Type]
	if t == nil {
		return "", fault.New(fault.Internal, "identity.credential.type").Because(fmt.Errorf("offer of unknown type %q", in.Type))
	}
	if in.Key == "" || in.Subject == "" {
		return "", fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("offer without key or subject"))
	}
	claims, err := json.Marshal(in.Claims)
	if err != nil || len(claims) > maxClaims {
		return "", fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("offer with unusable claims: %w", err))
	}
	if in.Claims == nil {
		claims = []byte("{}")
	}
	offer := r.newID()
	pin := ""
	if in.TxCode != "" {
		pin = hashed(offer + "\n" + in.TxCode)
	}
	n, err := tx.Exec(`insert into identity_offer (id, key, subject, type, claims, pin, tries, link, code, link_until, state, created, collected)
		values ($1, $2, $3, $4, $5, $6, 0, '', '', 0, $7, $8, 0) on conflict (key) do nothing`,
		offer, in.Key, in.Subject, in.Type, string(claims), pin, offerOpen, store.Micros(tx.Now()))
	if err != nil {
		return "", fmt.Errorf("keep an offer: %w", err)
	}
	if n == 0 {
		return store.Get(tx, store.Value[string], `select id from identity_offer where key = $1`, in.Key)
	}
	tx.Emit(store.Event{Type: EventCredentialOffered, Subject: "identity/offer/" + offer, Actor: "system/identity", Data: Credentialed{Offer: offer, Type: in.Type}})
	return offer, nil
}

// loadOffer reads an offer by its id.
func (r *Room) loadOffer(ctx context.Context, offer string) (o heldOffer, err error) {
	if !uuidLike(offer) {
		return o, notFound("identity.offer.unknown")
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		o, err = store.Get(tx, scanOffer, `select `+offerColumns+` from identity_offer where id = $1`, offer)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return o, notFound("identity.offer.unknown")
	}
	return o, err
}

// Offers lists what is or was put before a person, latest first.
func (r *Room) Offers(ctx context.Context, subject string) (list []heldOffer, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanOffer, `select `+offerColumns+` from identity_offer where subject = $1 order by created desc, id desc limit 100`, subject)
		return err
	})
	return list, err
}

// OfferURI makes the deep link a wallet is opened with. Each call makes a new
// link, good for ten minutes, and ends the one before: a photographed QR code
// is soon worth nothing. An offer that was collected is a Conflict.
func (r *Room) OfferURI(ctx context.Context, offer string) (string, error) {
	link := id.Token()
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`update identity_offer set link = $2, code = $3, link_until = $4 where id = $1 and state = $5`,
			offer, hashed(link), hashed(preAuthorized(link)), store.Micros(tx.Now().Add(linkLife)), offerOpen)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "identity.offer.closed")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return oid4vci.ByReference(r.base + "/credentials/offers/" + link), nil
}

// preAuthorized derives the code from the link's token, so that neither has to
// be stored. Who has one has the other: both stand for the right to collect.
func preAuthorized(link string) string { return hashed("pre-authorized code\n" + link) }

// offerDocument gives a wallet the offer behind a link (OpenID4VCI section 4.1.3).
func (r *Room) offerDocument(c *web.Ctx, _ gate.Permit[gate.House]) error {
	link := c.Path("link")
	var o heldOffer
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		o, err = store.Get(tx, scanOffer, `select `+offerColumns+` from identity_offer where link = $1 and link_until > $2 and state = $3`, hashed(link), store.Micros(tx.Now()), offerOpen)
		return err
	})
	if err != nil || len(link) != 43 {
		return notFound("identity.offer.unknown")
	}
	grant := &oid4vci.PreAuthorized{Code: preAuthorized(link)}
	if o.Pin != "" {
		grant.TxCode = &oid4vci.TxCode{Mode: "numeric", Length: 6, Description: "The six digits you were given with the offer"}
	}
	return answerJSON(c.W, http.StatusOK, oid4vci.Offer{Issuer: r.base, Configurations: []string{o.Type}, Grants: oid4vci.Grants{PreAuthorized: grant}})
}

// tokenForOffer redeems a pre-authorized code (OpenID4VCI section 6).
func (r *Room) tokenForOffer(c *web.Ctx, key string) error {
	form := c.R.PostForm
	code, pin := form.Get("pre-authorized_code"), form.Get("tx_code")
	if code == "" {
		return r.fail(c.W, c.R, oauthFail("invalid_request", "pre-authorized_code is missing"))
	}
	bad := oauthFail("invalid_grant", "the pre-authorized code does not hold or has run out")
	var outcome *oauthError
	var token string
	err := r.db.Update(c.Context(), func(tx *store.Tx) error {
		outcome, token = nil, ""
		o, err := store.Get(tx, scanOffer, `select `+offerColumns+` from identity_offer where code = $1 for update`, hashed(code))
		if fault.Is(err, fault.NotFound) || (err == nil && (o.State != offerOpen || !o.LinkUntil.After(tx.Now()))) {
			outcome = bad
			return nil
		}
		if err != nil {
			return err
		}
		usable, err := canUse(tx, o.Subject)
		if err != nil {
			return err
		}
		switch {
		case !usable:
			outcome = oauthFail("invalid_grant", "the person's identity cannot be used at the moment")
		case o.Pin == "" && pin != "":
			outcome = oauthFail("invalid_request", "no transaction code was asked for")
		case o.Pin != "" && pin == "":
			outcome = oauthFail("invalid_request", "tx_code is missing")
		case o.Pin != "" && hashed(o.ID+"\n"+pin) != o.Pin:
			outcome = oauthFail("invalid_grant", "the transaction code is wrong")
			if o.Tries+1 >= txCodeTries { // guessed at: the link ends
				_, err = tx.Exec(`update identity_offer set tries = 0, link = '', code = '', link_until = 0 where id = $1`, o.ID)
			} else {
				_, err = tx.Exec(`update identity_offer set tries = tries + 1 where id = $1`, o.ID)
			}
			return err
		}
		if outcome == nil {
			token, err = r.spendOffer(tx, o, key)
		}
		return err
	})
	if err != nil {
		return r.fail(c.W, c.R, oauthInternal(err))
	}
	if outcome != nil {
		return r.fail(c.W, c.R, outcome)
	}
	return answerJSON(c.W, http.StatusOK, oid4vci.TokenResponse{AccessToken: token, TokenType: tokenType(key), ExpiresIn: int64(tokenLife / time.Second)})
}

// spendOffer gives a wallet its token and ends the code: a second wallet with
// the same picture gets nothing.
func (r *Room) spendOffer(tx *store.Tx, o heldOffer, key string) (string, error) {
	if _, err := tx.Exec(`update identity_offer set link = '', code = '', link_until = 0, tries = 0 where id = $1`, o.ID); err != nil {
		return "", err
	}
	g := authGrant{ID: r.newID(), Subject: o.Subject, Client: "wallet", Offer: o.ID, Scopes: []string{o.Type}, Request: grantRequest{DPoPKey: key}}
	if err := insertGrant(tx, g); err != nil {
		return "", err
	}
	return newToken(tx, g.ID, key)
}

func notFound(key string) error { return fault.New(fault.NotFound, key) }

// uuidLike spares the database ids that cannot be there; PostgreSQL would
// refuse them with an error of its own.
func uuidLike(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(strings.ToLower(s), "0123456789abcdef-") == ""
}
