package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// ClaimView is a claim as its parties see it. Neither learns who the other
// person is.
type ClaimView struct {
	ID            string    `json:"id"`
	Type          string    `json:"type" enum:"portability,ownership"`
	Kind          string    `json:"kind" enum:"mobile,number"`
	Entry         string    `json:"entry" doc:"id of the entry it is about"`
	State         string    `json:"state" enum:"open,waiting,confirmed,refused,cancelled,completed"`
	Reason        string    `json:"reason,omitempty" enum:"user-requested,account-closure,fraud,default-operation"`
	By            string    `json:"by" enum:"claimer,donor,rail" doc:"who took the last step"`
	Claimer       string    `json:"claimer" doc:"participant"`
	Donor         string    `json:"donor" doc:"participant"`
	IBAN          string    `json:"iban,omitempty" doc:"your own customer's account in it"`
	Opened        time.Time `json:"opened"`
	Changed       time.Time `json:"changed"`
	ReceiptEnd    time.Time `json:"receipt_end" doc:"by then the donor acknowledges, or is taken to have"`
	ResolutionEnd time.Time `json:"resolution_end" doc:"by then the donor answers; else an ownership claim is confirmed and a portability claim cancelled"`
	CompletionEnd time.Time `json:"completion_end" doc:"by then the claimer completes; else it is cancelled"`
}

type createClaim struct {
	Seat
	Body struct {
		NewEntry
		Type string `json:"type" enum:"portability,ownership"`
	}
}

type listClaims struct {
	Seat
	api.Paging
	Side  string `query:"side" enum:"claimer,donor"`
	State string `query:"state" enum:"open,waiting,confirmed,refused,cancelled,completed"`
}

type claimID struct {
	ID string `path:"id" maxLength:"64"`
}

type stepClaim struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Reason     string `json:"reason,omitempty" enum:"user-requested,account-closure,fraud,default-operation"`
		Possession bool   `json:"possession,omitempty" doc:"your customer has shown just now that they have the mobile number"`
	}
}

// viewClaim shows a claim to one of its participants, or to nobody in particular.
func (r *Room) viewClaim(ctx context.Context, c *Claim, participant string) (*ClaimView, error) {
	k := c.key
	if err := r.complete(ctx, &k); err != nil {
		return nil, err
	}
	v := &ClaimView{ID: c.ID, Type: c.Type, Kind: c.key.kind, Entry: k.id, State: c.State, Reason: c.Reason, By: c.By, Claimer: c.ClaimerParticipant, Donor: c.DonorParticipant,
		Opened: c.Opened, Changed: c.Changed, ReceiptEnd: c.ReceiptEnd, ResolutionEnd: c.ResolutionEnd, CompletionEnd: c.CompletionEnd}
	own := map[string]string{c.DonorParticipant: c.DonorAccount}
	own[c.ClaimerParticipant] = c.ClaimerAccount
	if own[participant] == "" {
		return v, nil
	}
	a, err := r.account(ctx, func(tx *store.Tx) (*Account, error) { return listedAccount(tx, own[participant], "") })
	if err == nil {
		v.IBAN = a.IBAN
	}
	return v, err
}

// sideOf says for which side a program or a person acts in a claim. Who stands
// on both sides acts for the one a step belongs to.
func sideOf(who gate.Principal, c Claim, what string) string {
	donor, claimer := who.ID == c.Donor, who.ID == c.Claimer
	for _, m := range who.Organisations {
		donor = donor || m.Role == "participant" && m.Organisation == c.DonorParticipant
		claimer = claimer || m.Role == "participant" && m.Organisation == c.ClaimerParticipant
	}
	switch {
	case donor && claimer && (what == stepCancel || what == stepComplete), claimer && !donor:
		return sideClaimer
	}
	return sideDonor
}

// partOf is the participant of a side.
func (c Claim) partOf(side string) string {
	if side == sideClaimer {
		return c.ClaimerParticipant
	}
	return c.DonorParticipant
}

func (r *Room) claimAPI(a *api.API) {
	forMember(r, a, api.Operation[createClaim, Seat]{Method: "POST", Path: "/claims", ID: "directory-claim-create", Summary: "Claim a number for a customer", Idempotent: true, Status: 201}, policyClaimsWrite,
		func(ctx context.Context, p gate.Permit[Seat], in *createClaim) (*ClaimView, error) {
			to, err := r.customer(ctx, in.Participant, in.Body.IBAN)
			if err != nil {
				return nil, err
			}
			k, err := r.newKey(ctx, in.Body.NewEntry, to)
			if err != nil {
				return nil, err
			}
			c, err := r.openNewClaim(ctx, p.Who().Actor(), to.Holder, k, to.ID, in.Body.Type)
			if err != nil {
				return nil, r.probed(ctx, in.Participant, err)
			}
			return r.viewClaim(ctx, c, in.Participant)
		})
	forMember(r, a, api.Operation[listClaims, Seat]{Method: "GET", Path: "/claims", ID: "directory-claims", Summary: "List the claims a participant is a party of", Description: "By the time of the last change, oldest first: keep the cursor and ask again for what is new."}, policyClaimsList,
		func(ctx context.Context, _ gate.Permit[Seat], in *listClaims) (*api.List[ClaimView], error) {
			changed, id := int64(0), ""
			if _, err := in.After(&changed, &id); err != nil {
				return nil, err
			}
			var list []*Claim
			err := r.db.View(ctx, func(tx *store.Tx) (err error) {
				list, err = store.List(tx, scanClaim, "select "+claimColumns+` from payments_claim where (claimer_participant = $1 and $2 <> 'donor' or donor_participant = $1 and $2 <> 'claimer')
					and ($3 = '' or state = $3) and (changed > $4 or changed = $4 and id > $5) order by changed, id limit $6`, in.Participant, in.Side, in.State, changed, id, in.Fetch())
				return err
			})
			if err != nil {
				return nil, err
			}
			page := api.NewList(in.Paging, list, func(c *Claim) []any { return []any{store.Micros(c.Changed), c.ID} })
			out := &api.List[ClaimView]{Items: []ClaimView{}, Next: page.Next}
			for _, c := range page.Items {
				v, err := r.viewClaim(ctx, c, in.Participant)
				if err != nil {
					return nil, err
				}
				out.Items = append(out.Items, *v)
			}
			return out, nil
		})
	load := func(ctx context.Context, id string) (Claim, error) {
		c, err := r.claim(ctx, id)
		if err != nil {
			return Claim{}, err
		}
		return *c, nil
	}
	api.Handle(a, api.Operation[claimID, Claim]{Method: "GET", Path: directoryPath + "/claims/{id}", ID: "directory-claim", Summary: "Read a claim", Action: "payments.claim.read",
		Load: func(ctx context.Context, in *claimID) (Claim, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Claim], _ *claimID) (*ClaimView, error) {
			c := p.Resource()
			part := c.partOf(sideOf(p.Who(), c, stepCancel))
			if p.Who().Kind == gate.Client {
				if err := r.charge(ctx, policyClaimsRead, "participant/"+part); err != nil {
					return nil, err
				}
			}
			return r.viewClaim(ctx, &c, part)
		})
	for _, s := range []struct{ what, action, summary string }{
		{stepAcknowledge, "payments.claim.answer", "Say that the donor knows of the claim"},
		{stepConfirm, "payments.claim.answer", "Give the number up"},
		{stepRefuse, "payments.claim.answer", "Keep the number"},
		{stepCancel, "payments.claim.cancel", "Take the claim back"},
		{stepComplete, "payments.claim.pursue", "Link the claimed number"},
	} {
		api.Handle(a, api.Operation[stepClaim, Claim]{Method: "POST", Path: directoryPath + "/claims/{id}/" + s.what, ID: "directory-claim-" + s.what, Summary: s.summary, Action: s.action, Idempotent: true,
			Load: func(ctx context.Context, in *stepClaim) (Claim, error) { return load(ctx, in.ID) }},
			func(ctx context.Context, p gate.Permit[Claim], in *stepClaim) (*ClaimView, error) {
				before := p.Resource()
				side := sideOf(p.Who(), before, s.what)
				program := p.Who().Kind == gate.Client
				if program {
					if err := r.charge(ctx, policyClaimsWrite, "participant/"+before.partOf(side)); err != nil {
						return nil, err
					}
				}
				if in.Body.Reason == "" && (s.what == stepConfirm || s.what == stepRefuse || s.what == stepCancel) {
					return nil, fault.New(fault.Invalid, "payments.claim.reason").At("reason", "payments.claim.reason")
				}
				// a person shows possession by a one-time code on the page, not by saying so
				c, err := r.answer(ctx, p.Who().Actor(), in.ID, step{What: s.what, Side: side, Reason: in.Body.Reason, Proven: program && in.Body.Possession})
				if err != nil {
					return nil, err
				}
				return r.viewClaim(ctx, c, c.partOf(side))
			})
	}
}
