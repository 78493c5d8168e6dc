package payments

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// What a one-time code proves the possession of a mobile number for.
const (
	proofLink     = "link"     // to make it lead to an account, or to claim it
	proofKeep     = "keep"     // to refuse a claim
	proofComplete = "complete" // to complete a claim the donor never answered
)

const (
	proofTime  = 10 * time.Minute
	proofTries = 5
	// A proof that holds serves for the step after it: asking for a claim.
	proofServes = 15 * time.Minute
)

// Proof is a one-time code on its way to a mobile number and back.
type Proof struct {
	ID      string
	Subject string
	Purpose string
	Tail    string
	Account string
	Claim   string
	Tries   int64
	Made    time.Time
	Expires time.Time
	Used    time.Time
	key     aliasKey
}

// GateResource tells the gate who typed the number.
func (p Proof) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsProof", ID: p.ID, Attrs: map[string]any{"subject": p.Subject}}
}

const proofColumns = "id, subject, purpose, kind, mac, tail, account, claim, tries, made, expires, used"

func scanProof(scan store.Scan) (*Proof, error) {
	var p Proof
	var made, expires, used int64
	err := scan(&p.ID, &p.Subject, &p.Purpose, &p.key.kind, &p.key.mac, &p.Tail, &p.Account, &p.Claim, &p.Tries, &made, &expires, &used)
	p.Made, p.Expires, p.Used, p.key.tail = store.Time(made), store.Time(expires), store.Time(used), p.Tail
	return &p, err
}

// mayProve says whether one-time codes can be sent: by the country's messages,
// or in a demonstration by showing them on the page.
func (r *Room) mayProve() bool { return r.demo || r.wants.Messages != nil }

// prove sends a one-time code to a mobile number and gives the proof's id.
// Asking costs a token of the person and one of the number.
func (r *Room) prove(ctx context.Context, subject, purpose, number, account, claim string, words func(code string) string) (string, error) {
	if !r.mayProve() {
		return "", fault.New(fault.Unavailable, "payments.alias.no-messages")
	}
	phone, what, err := r.pack.Phone.Parse(number)
	if err != nil || what != "mobile" {
		return "", fault.New(fault.Invalid, "payments.alias.no-mobile").At("mobile", "payments.alias.no-mobile").Because(err)
	}
	k, err := r.keyOf(ctx, AliasMobile, string(phone))
	if err != nil {
		return "", err
	}
	id := r.newID()
	code, err := r.proofCode(ctx, id)
	if err != nil {
		return "", err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if claim != "" {
			c, err := getClaim(tx, claim, "")
			if err != nil {
				return err
			}
			if c.key.kind != k.kind || subtle.ConstantTimeCompare(c.key.mac, k.mac) != 1 {
				return fault.New(fault.Invalid, "payments.claim.other-number").At("mobile", "payments.claim.other-number")
			}
		}
		person, ringing := &Bucket{Policy: policyMessages, Scope: "person/" + subject}, &Bucket{Policy: policyRinging, Scope: "alias/" + k.id}
		if err := lockBuckets(tx, person, ringing); err != nil {
			return err
		}
		for _, b := range []*Bucket{person, ringing} {
			if wait := b.wait(tx.Now()); wait > 0 {
				return fault.New(fault.Limit, "payments.alias.codes", "wait", lasting(ctx, wait))
			}
			b.spend(1)
		}
		if err := saveBuckets(tx, person, ringing); err != nil {
			return err
		}
		if _, err := tx.Exec("delete from payments_proof where expires < $1", store.Micros(tx.Now().Add(-day))); err != nil {
			return err
		}
		_, err := tx.Exec("insert into payments_proof ("+proofColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, 0)",
			id, subject, purpose, k.kind, k.mac, k.tail, account, claim, store.Micros(tx.Now()), store.Micros(tx.Now().Add(proofTime)))
		return err
	})
	if err != nil {
		return "", err
	}
	if r.wants.Messages == nil {
		return id, nil // a demonstration: the page shows the code
	}
	if err := r.wants.Messages.Send(ctx, string(phone), words(code)); err != nil {
		return "", fault.New(fault.Unavailable, "payments.alias.not-sent").Because(err)
	}
	return id, nil
}

// proofCode makes the six digits of a proof again from its id: they are stored
// nowhere.
func (r *Room) proofCode(ctx context.Context, id string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeAlias, []byte("code"), []byte(id))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(mac)%1_000_000), nil
}

// proven checks a code. Each wrong one counts, whatever comes of it; the right
// one ends the proof.
func (r *Room) proven(ctx context.Context, id, typed string) (*Proof, error) {
	code, err := r.proofCode(ctx, id)
	if err != nil {
		return nil, err
	}
	right := subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1
	var p *Proof
	var wrong error
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		wrong = nil
		if p, err = getProof(tx, id, " for update"); err != nil {
			return err
		}
		switch {
		case !p.Used.IsZero(), !tx.Now().Before(p.Expires), p.Tries >= proofTries:
			wrong = fault.New(fault.Gone, "payments.alias.code-over").At("code", "payments.alias.code-over")
			return nil
		case !right:
			wrong = fault.New(fault.Invalid, "payments.alias.code-wrong").At("code", "payments.alias.code-wrong", "left", fmt.Sprint(proofTries-p.Tries-1))
			_, err = tx.Exec("update payments_proof set tries = tries + 1 where id = $1", id)
			return err
		}
		p.Used = tx.Now()
		_, err = tx.Exec("update payments_proof set used = $2 where id = $1", id, store.Micros(p.Used))
		return err
	})
	if err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, wrong
	}
	return p, r.complete(ctx, &p.key)
}

// holds says that a proof was given a moment ago and may serve for a claim.
func (p *Proof) holds(now time.Time) bool {
	return !p.Used.IsZero() && now.Before(p.Used.Add(proofServes)) && p.Purpose == proofLink
}

func getProof(tx *store.Tx, id, lock string) (*Proof, error) {
	p, err := store.Get(tx, scanProof, "select "+proofColumns+" from payments_proof where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Gone, "payments.alias.code-over").Because(err)
	}
	return p, err
}

func (r *Room) proof(ctx context.Context, id string) (p *Proof, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		p, err = getProof(tx, id, "")
		return err
	})
	if err == nil {
		err = r.complete(ctx, &p.key)
	}
	return p, err
}

// linkNumber makes a person's national number lead to one of their accounts. The
// number comes from the identity record, for this and nothing else, and the
// person sees the reading. When it leads to their account at a connected participant a
// claim is opened, because that participant has a say; else there is none.
func (r *Room) linkNumber(ctx context.Context, actor, subject, account string) (*Claim, error) {
	if r.wants.Numbers == nil {
		return nil, fault.New(fault.Unavailable, "payments.alias.no-identity")
	}
	digits, err := r.wants.Numbers.Number(ctx, subject, "payments.alias.number.purpose")
	if err != nil {
		return nil, err
	}
	n, err := r.pack.NationalNumber.Parse(digits)
	if err != nil {
		return nil, fault.New(fault.Conflict, "payments.alias.no-number").Because(err)
	}
	k, err := r.keyOf(ctx, AliasNumber, n.Digits)
	if err != nil {
		return nil, err
	}
	if _, err = r.link(ctx, actor, subject, k, account, true); err != nil && fault.As(err).Key == keyOtherPerson {
		return r.openNewClaim(ctx, actor, subject, k, account, "")
	}
	return nil, err
}

// holdsNumber says whether a national number is the person's own, as their
// identity record has it.
func (r *Room) holdsNumber(ctx context.Context, subject, digits string) (bool, error) {
	if r.wants.Numbers == nil {
		return false, fault.New(fault.Unavailable, "payments.alias.no-identity")
	}
	have, err := r.wants.Numbers.Number(ctx, subject, "payments.alias.number.purpose")
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && subtle.ConstantTimeCompare([]byte(have), []byte(digits)) == 1, err
}
