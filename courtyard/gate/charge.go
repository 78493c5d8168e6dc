package gate

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

// How a post is held (Establishment Code of Pakistan, chapter on additional
// and current charge).
const (
	Permanent  = "permanent"  // the post's own holder, at most one at a time
	Additional = "additional" // beside one's own post
	LookAfter  = "look-after" // routine work only, until somebody is appointed
)

// Charge is that a person holds a post for a time.
type Charge struct {
	ID     string
	Post   string
	Person string // pseudonym
	Kind   string
	From   time.Time // zero: from the moment of the appointment
	To     time.Time // zero: open; the first moment at which it is over
	By     string    // the actor who gave it, "post/..." or "system/..."
}

// ChargeChanged is the data of gate.charge.given and gate.charge.ended,
// version 1. The person is a pseudonym.
type ChargeChanged struct {
	Charge string    `json:"charge"`
	Post   string    `json:"post"`
	Person string    `json:"person"`
	Kind   string    `json:"kind"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"`
}

const chargeColumns = `id, post, person, kind, held_from, held_to, given_by`

// Appoint puts a person in charge of a post. Two permanent holders at one
// time, or the same person twice, is a Conflict.
func Appoint(tx *store.Tx, c Charge) error {
	if c.Post == "" || c.Person == "" {
		return fault.New(fault.Invalid, "gate.charge.incomplete")
	}
	if c.Kind != Permanent && c.Kind != Additional && c.Kind != LookAfter {
		return fault.New(fault.Invalid, "gate.charge.kind").At("kind", "gate.charge.kind")
	}
	if c.From.IsZero() {
		c.From = tx.Now()
	}
	if !c.To.IsZero() && !c.To.After(c.From) {
		return fault.New(fault.Invalid, "gate.charge.ends-before").At("to", "gate.charge.ends-before")
	}
	others, err := store.List(tx, scanCharge, `select `+chargeColumns+` from gate_charge
		where post = $1 and (held_to is null or held_to > $2) order by id for update`, c.Post, store.Micros(c.From))
	if err != nil {
		return err
	}
	for _, o := range others {
		if !c.To.IsZero() && !o.From.Before(c.To) {
			continue // begins after ours is over
		}
		if o.Person == c.Person || o.Kind == Permanent && c.Kind == Permanent {
			return fault.New(fault.Conflict, "gate.charge.held", "post", c.Post)
		}
	}
	if c.ID == "" {
		c.ID = id.New()
	}
	if c.By == "" {
		c.By = "system/gate"
	}
	_, err = tx.Exec(`insert into gate_charge (`+chargeColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		c.ID, c.Post, c.Person, c.Kind, store.Micros(c.From), microsOrNil(c.To), c.By)
	if err != nil {
		return err
	}
	tx.Emit(c.event("gate.charge.given", c.By))
	return nil
}

// Relieve ends a charge at a moment; zero is now. It is a Conflict when the
// person does not hold the post then.
func Relieve(tx *store.Tx, post, person string, at time.Time, by string) error {
	if at.IsZero() {
		at = tx.Now()
	}
	c, err := store.Get(tx, scanCharge, `update gate_charge set held_to = $3
		where post = $1 and person = $2 and held_from <= $3 and (held_to is null or held_to > $3)
		returning `+chargeColumns, post, person, store.Micros(at))
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "gate.charge.not-held", "post", post).Because(err)
	}
	if err != nil {
		return err
	}
	tx.Emit(c.event("gate.charge.ended", by))
	return nil
}

// Charges are the charges of a person that hold at a moment, oldest first.
func Charges(tx *store.Tx, person string, at time.Time) ([]Charge, error) {
	return store.List(tx, scanCharge, `select `+chargeColumns+` from gate_charge
		where person = $1 and held_from <= $2 and (held_to is null or held_to > $2) order by held_from, id`, person, store.Micros(at))
}

// Holders are the charges of a post that hold now, oldest first.
func (g *Gate) Holders(ctx context.Context, post string) (out []Charge, err error) {
	at := store.Micros(g.clock.Now())
	err = g.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.List(tx, scanCharge, `select `+chargeColumns+` from gate_charge
			where post = $1 and held_from <= $2 and (held_to is null or held_to > $2) order by held_from, id`, post, at)
		return err
	})
	return out, err
}

// Charges are the charges of a person that hold now, oldest first.
func (g *Gate) Charges(ctx context.Context, person string) (out []Charge, err error) {
	at := g.clock.Now()
	err = g.db.View(ctx, func(tx *store.Tx) error {
		out, err = Charges(tx, person, at)
		return err
	})
	return out, err
}

// Principal loads what a person is now: charges with their posts, memberships
// and name. An Official acts in the oldest charge until another post is chosen
// with Principal.As; an Official without a charge is a Citizen.
func (g *Gate) Principal(ctx context.Context, person string, kind Kind) (Principal, error) {
	if person == "" || kind == Anonymous {
		return Principal{}, nil
	}
	p := Principal{Kind: kind, ID: person}
	g.mu.Lock()
	posts, names := g.posts, g.names
	g.mu.Unlock()
	at := g.clock.Now()
	var charges []Charge
	err := g.db.View(ctx, func(tx *store.Tx) (err error) {
		if charges, err = Charges(tx, person, at); err != nil {
			return err
		}
		p.Organisations, err = memberships(tx, "person", person, at)
		return err
	})
	if err != nil {
		return Principal{}, fmt.Errorf("load principal: %w", err)
	}
	for _, c := range charges {
		post := Post{ID: c.Post}
		if posts != nil {
			if known, ok := posts.Post(c.Post); ok {
				post = known
			}
		}
		post.ID, post.Charge, post.Until = c.Post, c.Kind, c.To
		p.Posts = append(p.Posts, post)
	}
	if kind == Official {
		if len(p.Posts) == 0 {
			p.Kind = Citizen
		} else {
			p.Acting = p.Posts[0]
		}
	}
	if names != nil {
		p.Name = names(ctx, person)
	}
	return p, nil
}

func (c Charge) event(kind, actor string) store.Event {
	return store.Event{Type: kind, Version: 1, Subject: "gate/post/" + c.Post, Actor: actor, Data: ChargeChanged{
		Charge: c.ID, Post: c.Post, Person: c.Person, Kind: c.Kind, From: c.From.UTC(), To: c.To.UTC(),
	}}
}

func scanCharge(scan store.Scan) (c Charge, err error) {
	var from int64
	var to *int64
	if err = scan(&c.ID, &c.Post, &c.Person, &c.Kind, &from, &to, &c.By); err != nil {
		return c, err
	}
	c.From, c.To = store.Time(from), timeOrZero(to)
	return c, nil
}

func microsOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return store.Micros(t)
}

func timeOrZero(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return store.Time(*micros)
}
