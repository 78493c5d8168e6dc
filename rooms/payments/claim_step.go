package payments

import (
	"context"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// answer takes a step in a claim. Like all that changes the directory it locks
// the alias first, then the claim, then the sets of content ids.
func (r *Room) answer(ctx context.Context, actor, id string, s step) (out *Claim, err error) {
	before, err := r.claim(ctx, id)
	if err != nil {
		return nil, err
	}
	k := before.key // which alias a claim is about never changes
	if err := r.complete(ctx, &k); err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		out, err = r.answerIn(tx, actor, id, k, s)
		return err
	})
	return out, err
}

func (r *Room) answerIn(tx *store.Tx, actor, id string, k aliasKey, s step) (*Claim, error) {
	a, err := aliasByKey(tx, k, " for update")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err != nil {
		a = nil
	}
	c, err := getClaim(tx, id, " for update")
	if err != nil {
		return nil, err
	}
	was := c.State
	moved, err := c.apply(s, tx.Now())
	if err != nil || !moved {
		return c, err
	}
	k.tail = c.key.tail
	switch c.State {
	case claimConfirmed:
		if a != nil {
			err = removeAlias(tx, a)
		}
	case claimRefused, claimCancelled:
		if a != nil && was != claimConfirmed {
			_, err = tx.Exec("update payments_alias set state = $2 where id = $1", a.ID, aliasActive)
		}
	case claimCompleted:
		err = c.settle(tx, k)
	}
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec("update payments_claim set state = $2, reason = $3, by_side = $4, changed = $5 where id = $1", c.ID, c.State, c.Reason, c.By, store.Micros(c.Changed)); err != nil {
		return nil, err
	}
	c.emit(tx, claimEvents[c.State], actor, k.id)
	return c, c.wake(tx)
}

// settle writes the claimer's entry. What changed hands cools off.
func (c *Claim) settle(tx *store.Tx, k aliasKey) error {
	to, err := accountFor(tx, c.ClaimerAccount, c.Claimer)
	if err != nil {
		return err
	}
	now := tx.Now()
	a := &Alias{ID: k.id, Kind: k.kind, Account: to.ID, Participant: to.Book, Holder: c.Claimer, HolderKind: holderKind(to), State: aliasActive, Tail: k.tail, Since: now, Placed: now, mac: k.mac}
	if c.Type == ClaimPortability {
		a.Since = c.Owned
	}
	a.CID = contentID(k.request, a, to)
	if err := recallCalm(tx, a); err != nil {
		return err
	}
	if err := insert(tx, "payments_alias ("+aliasColumns+")", [][]any{a.values()}); err != nil {
		return err
	}
	if c.Type == ClaimOwnership {
		if err := startCalm(tx, a, calmClaim); err != nil {
			return err
		}
	}
	return contentAdded(tx, a)
}

// claimDue takes the rail's steps in one claim.
func (r *Room) claimDue(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d claimJob
	if err := j.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobClaim, jobClaim, gate.House{}); err != nil {
		return nil, err
	}
	c, err := r.claim(ctx, d.Claim)
	if err != nil {
		return nil, err
	}
	k := c.key
	if err := r.complete(ctx, &k); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		c, err := getClaim(tx, d.Claim, "")
		if err != nil {
			return err
		}
		s, due := c.overdue(tx.Now())
		if !due {
			return c.wake(tx) // the queue's clock is ahead, or somebody was faster
		}
		_, err = r.answerIn(tx, "system/"+jobClaim, c.ID, k, s)
		if fault.Is(err, fault.Conflict) { // somebody was faster
			return nil
		}
		return err
	}, nil
}
