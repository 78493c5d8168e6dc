package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/statuslist"
)

// given is a credential of an offer that was signed before.
type given struct {
	place
	holder          string
	status          int64
	issued, expires int64 // microseconds
}

// givenOf lists what an offer has given so far.
func givenOf(tx *store.Tx, offer string) ([]given, error) {
	return store.List(tx, func(scan store.Scan) (g given, err error) {
		var index int64
		err = scan(&g.credential, &g.list, &index, &g.holder, &g.status, &g.issued, &g.expires)
		g.index = int(index)
		return g, err
	}, `select id, list, idx, holder, status, issued, expires from identity_credential where offer = $1 order by id`, offer)
}

// sameHolders finds the places of a repeated request (OpenID4VCI section 8.2
// leaves them to the issuer): each key must have its credential already. What
// is signed then has the same place in the status list, so that revoking the
// one revokes the other, and nothing is alive that was not alive before.
func sameHolders(before []given, holders []string) ([]given, error) {
	out := make([]given, 0, len(holders))
	for _, h := range holders {
		i := slices.IndexFunc(before, func(g given) bool { return g.holder != "" && g.holder == h })
		switch {
		case i < 0:
			return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the offer was collected with another key: ask for a new offer"}
		case before[i].status != statuslist.Valid:
			return nil, &oid4vci.Error{Code: oid4vci.RequestDenied, Description: "the credential is revoked or suspended"}
		}
		out = append(out, before[i])
	}
	return out, nil
}

func sealedAs(offer string) []byte { return []byte("offer/" + offer) }

// sealClaims makes the form in which an offer's claims are kept once they are
// in a wallet.
func (r *Room) sealClaims(ctx context.Context, offer string, claims map[string]any) ([]byte, error) {
	plain, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	sealed, err := r.keys.Seal(ctx, purposeSeal, plain, sealedAs(offer))
	if err != nil {
		return nil, fmt.Errorf("seal an offer: %w", err)
	}
	return sealed, nil
}

// openClaims puts an offer's claims back into it.
func (r *Room) openClaims(ctx context.Context, o *heldOffer) error {
	if len(o.sealed) == 0 {
		return nil
	}
	plain, err := r.keys.Open(ctx, purposeSeal, o.sealed, sealedAs(o.ID))
	if err != nil {
		return fmt.Errorf("open an offer: %w", err)
	}
	return json.Unmarshal(plain, &o.Claims)
}

// againAllowed says whether a new offer can take the place of this one: it was
// collected, and what it said is still kept.
func (o heldOffer) againAllowed() bool {
	return o.State == offerCollected && (o.Type == TypePersonIdentification || len(o.sealed) > 0 || len(o.Claims) > 0)
}

// OfferAgain puts a credential before its person once more, for a wallet that
// was lost or never got it. The credentials of the earlier offer are revoked in
// the same update: there is never a second one alive.
func (r *Room) OfferAgain(ctx context.Context, p gate.Permit[heldOffer]) (string, error) {
	o := p.Resource()
	if err := r.openClaims(ctx, &o); err != nil {
		return "", err
	}
	if o.successor != "" {
		return o.successor, nil
	}
	if !o.againAllowed() {
		return "", fault.New(fault.Conflict, "identity.again.gone")
	}
	offer := ""
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		if err := mayUse(tx, o.Subject); err != nil {
			return err
		}
		now, err := store.Get(tx, scanOffer, `select `+offerColumns+` from identity_offer where id = $1 for update`, o.ID)
		if err != nil {
			return err
		}
		if now.successor != "" { // two windows: the second shows what the first began
			offer = now.successor
			return nil
		}
		if offer, err = r.Offer(tx, CredentialOffer{Key: "again/" + o.ID, Subject: o.Subject, Type: o.Type, Claims: o.Claims}); err != nil {
			return err
		}
		if _, err := tx.Exec(`update identity_offer set state = $2, successor = $3, claims = '{}', sealed = null, link = '', code = '' where id = $1`, o.ID, offerWithdrawn, offer); err != nil {
			return err
		}
		if _, err := tx.Exec(`update identity_grant set revoked = $2, reason = 'offered-again' where offer = $1 and revoked = 0`, o.ID, store.Micros(tx.Now())); err != nil {
			return err
		}
		held, err := store.List(tx, scanHeld, `select `+heldColumns+` from identity_credential where offer = $1 and status <> $2 order by id limit 1`, o.ID, statuslist.Invalid)
		if err != nil || len(held) == 0 {
			return err
		}
		return setStatus(tx, held[0], statuslist.Invalid, againReason, p.Who().Actor())
	})
	return offer, err
}

// againReason marks what was revoked because its holder took it again.
const againReason = "identity.again.reason"

// againPage asks before a credential is put into another wallet.
func (r *Room) againPage(c *web.Ctx, p gate.Permit[heldOffer]) error {
	o := p.Resource()
	if o.successor != "" {
		return c.Redirect("/credentials/offer/" + o.successor)
	}
	if !o.againAllowed() {
		return fault.New(fault.Conflict, "identity.again.gone")
	}
	return c.Render(web.Page{Title: c.T("identity.again.title"), Back: "/credentials", Kind: "question"}, againBody(o.ID, r.typeName(c.Context(), o.Type)))
}

func (r *Room) againAnswer(c *web.Ctx, p gate.Permit[heldOffer]) error {
	offer, err := r.OfferAgain(c.Context(), p)
	if err != nil {
		return err
	}
	return c.Redirect("/credentials/offer/" + offer)
}
