package payments

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// Types of claims (DICT: PORTABILITY and OWNERSHIP).
const (
	ClaimPortability = "portability" // the same person, at another participant
	ClaimOwnership   = "ownership"   // another person says that the mobile number is theirs now
)

// States of a claim.
const (
	claimOpen      = "open"      // the donor's participant has not said that it knows
	claimWaiting   = "waiting"   // for the donor
	claimConfirmed = "confirmed" // the donor's entry is gone, the claimer's is not there yet
	claimRefused   = "refused"
	claimCancelled = "cancelled"
	claimCompleted = "completed"
)

// Who takes a step.
const (
	sideClaimer = "claimer"
	sideDonor   = "donor"
	sideRail    = "rail" // the clock
)

// Reasons of a step.
const (
	reasonUser    = "user-requested"
	reasonClosure = "account-closure"
	reasonFraud   = "fraud"
	reasonDefault = "default-operation"
)

// Steps.
const (
	stepAcknowledge = "acknowledge"
	stepConfirm     = "confirm"
	stepRefuse      = "refuse"
	stepCancel      = "cancel"
	stepComplete    = "complete"
)

// ClaimTerms are the deadlines of a claim, from its opening.
type ClaimTerms struct {
	Receipt    time.Duration // the donor's participant has acknowledged, or is taken to have
	Resolution time.Duration // the donor has answered, or the rail does
	Completion time.Duration // the claimer has completed it, or it is over
}

// Terms are the deadlines of all claims: those of DICT, with a day for the
// receipt.
var Terms = ClaimTerms{Receipt: day, Resolution: 7 * day, Completion: 14 * day}

// Claim is the wish that an alias lead to another participant's account, or to
// another person's.
type Claim struct {
	ID                 string
	Type               string
	State              string
	Reason             string // of the last step
	By                 string // side that took it
	Claimer            string // person
	ClaimerParticipant string
	ClaimerAccount     string
	Donor              string
	DonorParticipant   string
	DonorAccount       string
	Owned              time.Time
	Opened             time.Time
	Changed            time.Time
	ReceiptEnd         time.Time
	ResolutionEnd      time.Time
	CompletionEnd      time.Time
	key                aliasKey
}

// GateResource tells the gate who the parties are.
func (c Claim) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsClaim", ID: c.ID, Attrs: map[string]any{"claimer": c.Claimer, "donor": c.Donor, "claimer_seat": c.ClaimerParticipant + "#participant", "donor_seat": c.DonorParticipant + "#participant"}}
}

// Open says whether the claim has not ended.
func (c Claim) Open() bool {
	return c.State == claimOpen || c.State == claimWaiting || c.State == claimConfirmed
}

// due is when the rail takes the next step; zero when the claim has ended.
func (c Claim) due() time.Time {
	switch c.State {
	case claimOpen:
		return c.ReceiptEnd
	case claimWaiting:
		return c.ResolutionEnd
	case claimConfirmed:
		return c.CompletionEnd
	}
	return time.Time{}
}

// clear says whether the donor gave the alias up himself, so that the claimer
// has nothing more to prove.
func (c Claim) clear() bool { return c.Type == ClaimPortability || c.Reason == reasonUser }

// step is what somebody does in a claim.
type step struct {
	What   string
	Side   string
	Reason string
	Proven bool // who takes it has just shown that the mobile number is theirs
}

// apply takes a step, or says why it cannot be taken. A step that was taken
// already changes nothing and is no error: moved is false.
//
// The rules are DICT's, with one difference. There the donor of an ownership
// claim can do nothing but agree or let the time pass; here a donor who shows by
// a new one-time code that the number is still theirs refuses the claim.
func (c *Claim) apply(s step, now time.Time) (moved bool, err error) {
	invalid := fault.New(fault.Conflict, "payments.claim.operation")
	wrong := fault.New(fault.Invalid, "payments.claim.reason").At("reason", "payments.claim.reason")
	early := fault.New(fault.Conflict, "payments.claim.early")
	to := map[string]string{stepAcknowledge: claimWaiting, stepConfirm: claimConfirmed, stepRefuse: claimRefused, stepCancel: claimCancelled, stepComplete: claimCompleted}[s.What]
	if c.State == to && c.By == s.Side && (s.Reason == "" || c.Reason == s.Reason) {
		return false, nil
	}
	pending := c.State == claimOpen || c.State == claimWaiting
	switch s.What {
	case stepAcknowledge:
		if c.State != claimOpen || s.Side == sideClaimer {
			return false, invalid
		}
	case stepConfirm:
		switch {
		case !pending || s.Side == sideClaimer:
			return false, invalid
		case s.Reason == reasonUser && s.Side == sideDonor, s.Reason == reasonClosure && s.Side == sideDonor && c.Type == ClaimPortability:
		case s.Reason == reasonDefault && c.Type == ClaimOwnership:
			if now.Before(c.ResolutionEnd) {
				return false, early
			}
		default:
			return false, wrong
		}
	case stepRefuse:
		switch {
		case !pending || s.Side != sideDonor:
			return false, invalid
		case s.Reason == reasonFraud:
		case s.Reason == reasonUser && (c.Type == ClaimPortability || s.Proven):
		default:
			return false, wrong
		}
	case stepCancel:
		switch {
		case !c.Open():
			return false, invalid
		case s.Side == sideClaimer && (s.Reason == reasonUser || s.Reason == reasonClosure || s.Reason == reasonFraud):
		case s.Side == sideDonor && s.Reason == reasonFraud && c.State == claimConfirmed:
		case s.Side == sideRail && s.Reason == reasonDefault && (c.Type == ClaimPortability && pending || c.State == claimConfirmed):
			if now.Before(c.due()) || pending && now.Before(c.ResolutionEnd) {
				return false, early
			}
		default:
			return false, wrong
		}
	case stepComplete:
		switch {
		case c.State != claimConfirmed || s.Side != sideClaimer || !now.Before(c.CompletionEnd):
			return false, invalid
		case !c.clear() && !s.Proven:
			return false, fault.New(fault.Conflict, "payments.claim.unproven")
		}
		s.Reason = c.Reason // it stays known how the donor gave it up
	default:
		return false, invalid
	}
	c.State, c.By, c.Changed = to, s.Side, now
	if s.What != stepAcknowledge {
		c.Reason = s.Reason
	}
	return true, nil
}

// overdue is what the rail does when a deadline has passed; false when none has.
func (c *Claim) overdue(now time.Time) (step, bool) {
	due := c.due()
	if due.IsZero() || now.Before(due) {
		return step{}, false
	}
	switch {
	case c.State == claimOpen:
		return step{What: stepAcknowledge, Side: sideRail}, true
	case c.State == claimWaiting && c.Type == ClaimOwnership:
		return step{What: stepConfirm, Side: sideRail, Reason: reasonDefault}, true
	}
	return step{What: stepCancel, Side: sideRail, Reason: reasonDefault}, true
}

const claimColumns = "id, type, kind, mac, tail, state, reason, by_side, claimer, claimer_participant, claimer_account, donor, donor_participant, donor_account, owned, opened, changed, receipt_end, resolution_end, completion_end"

func scanClaim(scan store.Scan) (*Claim, error) {
	var c Claim
	var t [6]int64
	err := scan(&c.ID, &c.Type, &c.key.kind, &c.key.mac, &c.key.tail, &c.State, &c.Reason, &c.By, &c.Claimer, &c.ClaimerParticipant, &c.ClaimerAccount, &c.Donor, &c.DonorParticipant, &c.DonorAccount,
		&t[0], &t[1], &t[2], &t[3], &t[4], &t[5])
	for i, to := range []*time.Time{&c.Owned, &c.Opened, &c.Changed, &c.ReceiptEnd, &c.ResolutionEnd, &c.CompletionEnd} {
		*to = store.Time(t[i])
	}
	return &c, err
}

func (c *Claim) values() []any {
	return []any{c.ID, c.Type, c.key.kind, c.key.mac, c.key.tail, c.State, c.Reason, c.By, c.Claimer, c.ClaimerParticipant, c.ClaimerAccount, c.Donor, c.DonorParticipant, c.DonorAccount,
		store.Micros(c.Owned), store.Micros(c.Opened), store.Micros(c.Changed), store.Micros(c.ReceiptEnd), store.Micros(c.ResolutionEnd), store.Micros(c.CompletionEnd)}
}

func getClaim(tx *store.Tx, id, lock string) (*Claim, error) {
	c, err := store.Get(tx, scanClaim, "select "+claimColumns+" from payments_claim where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.claim.unknown").Because(err)
	}
	return c, err
}

// openClaim is the claim about an alias that has not ended; nil when there is
// none.
func openClaim(tx *store.Tx, k aliasKey) (*Claim, error) {
	list, err := store.List(tx, scanClaim, "select "+claimColumns+" from payments_claim where kind = $1 and mac = $2 and state in ('open', 'waiting', 'confirmed')", k.kind, k.mac)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// claimsOf lists the claims of a person on either side, open ones first.
func claimsOf(tx *store.Tx, person string, since time.Time) ([]*Claim, error) {
	return store.List(tx, scanClaim, "select "+claimColumns+` from payments_claim where (claimer = $1 or donor = $1) and (state in ('open', 'waiting', 'confirmed') or changed > $2)
		order by case when state in ('open', 'waiting', 'confirmed') then 0 else 1 end, changed desc, id limit 20`, person, store.Micros(since))
}

func (r *Room) claim(ctx context.Context, id string) (c *Claim, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		c, err = getClaim(tx, id, "")
		return err
	})
	return c, err
}

// openNewClaim opens a claim of a person, whose possession of the alias is
// proven, for one of their accounts. kind is "" to let it follow from who has
// the alias now.
func (r *Room) openNewClaim(ctx context.Context, actor, claimer string, k aliasKey, account, kind string) (out *Claim, err error) {
	id := r.newID()
	donor, same, err := r.sameAsHolder(ctx, k, claimer)
	if err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		to, err := accountFor(tx, account, claimer)
		if err != nil {
			return err
		}
		a, err := aliasByKey(tx, k, " for update")
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "payments.claim.no-alias").Because(err)
		}
		if err != nil {
			return err
		}
		natural := ClaimOwnership
		if a.Holder == claimer || same && a.Holder == donor {
			natural = ClaimPortability
		}
		now := tx.Now()
		switch {
		case kind != "" && kind != natural:
			return fault.New(fault.Conflict, "payments.claim.type-wrong").At("type", "payments.claim.type-wrong")
		case natural == ClaimOwnership && a.Kind != AliasMobile:
			return fault.New(fault.Conflict, "payments.claim.type-wrong").At("type", "payments.claim.type-wrong")
		case natural == ClaimPortability && a.Participant == to.Book:
			return fault.New(fault.Conflict, "payments.claim.needless")
		case a.State == aliasClaimed:
			return fault.New(fault.Conflict, "payments.alias.claimed")
		case a.calm(now):
			return fault.New(fault.Conflict, "payments.claim.calm")
		}
		c := &Claim{ID: id, Type: natural, State: claimOpen, By: sideClaimer, key: aliasKey{kind: a.Kind, mac: a.mac, tail: a.Tail},
			Claimer: claimer, ClaimerParticipant: to.Book, ClaimerAccount: to.ID, Donor: a.Holder, DonorParticipant: a.Participant, DonorAccount: a.Account, Owned: a.Since,
			Opened: now, Changed: now, ReceiptEnd: now.Add(Terms.Receipt), ResolutionEnd: now.Add(Terms.Resolution), CompletionEnd: now.Add(Terms.Completion)}
		if err := insert(tx, "payments_claim ("+claimColumns+")", [][]any{c.values()}); err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_alias set state = $2 where id = $1", a.ID, aliasClaimed); err != nil {
			return err
		}
		out = c
		c.emit(tx, ClaimOpened, actor, a.ID)
		return c.wake(tx)
	})
	return out, err
}

var claimEvents = map[string]string{claimWaiting: ClaimAcknowledged, claimConfirmed: ClaimConfirmed, claimRefused: ClaimRefused, claimCancelled: ClaimCancelled, claimCompleted: ClaimCompleted}

func (c *Claim) emit(tx *store.Tx, event, actor, alias string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/claim/" + c.ID, Actor: actor,
		Data: ClaimData{Claim: c.ID, Type: c.Type, Kind: c.key.kind, Alias: alias, Donor: c.DonorParticipant, Claimer: c.ClaimerParticipant, Reason: c.Reason}})
}

// jobClaim takes the rail's steps when a claim's deadlines pass.
const jobClaim = "payments.claim.due"

type claimJob struct {
	Claim string `json:"claim"`
}

// wake sets the claim's timer to its next deadline, or takes it back.
func (c *Claim) wake(tx *store.Tx) error {
	if due := c.due(); !due.IsZero() {
		return job.Put(tx, job.Job{Kind: jobClaim, Key: c.ID, At: due, Data: claimJob{c.ID}})
	}
	return job.Cancel(tx, jobClaim, c.ID)
}
