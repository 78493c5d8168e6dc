package identity

import (
	"context"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// FactAsk asks for facts about a person. All of it is written down before
// anything is given.
type FactAsk struct {
	Subject string
	Names   []string // see the Fact constants
	Purpose string   // what it is for, in words the person will read
	Basis   string   // the law, or "consent/<consent id>"
	Actor   string   // gate.Principal.Actor()
}

// Facts gives facts about a person and records that it did: an access the
// person can see, and the event identity.person.read. A fact the register does
// not know (no phone, no photograph) is left out of the answer.
func (r *Room) Facts(ctx context.Context, ask FactAsk) (map[string]Fact, error) {
	var p *Person
	var a Access
	err := r.db.Update(ctx, func(tx *store.Tx) (err error) {
		if p, err = person(tx, ask.Subject); err != nil {
			return err
		}
		if p.row.state == stateEnded {
			return fault.New(fault.Gone, "identity.person.ended")
		}
		a, err = recordAccess(tx, r.newID, ask)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.open(ctx, p, a); err != nil {
		return nil, err
	}
	out := make(map[string]Fact, len(ask.Names))
	for _, name := range ask.Names {
		f, err := p.fact(a, name, a.At)
		if err != nil {
			return nil, err
		}
		if f.Value != "" {
			out[name] = f
		}
	}
	return out, nil
}
