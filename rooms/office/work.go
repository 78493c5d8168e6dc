package office

import (
	"context"
	"fmt"
	"math/rand/v2"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Work lets one simulated official of a demo country do one thing with a file
// that waits: note and send it on, or decide it. It goes the way everybody
// goes, through the gate and with a signature, and leaves the files of
// applications alone: those wait for a person. It says whether anything was done.
func (r *Room) Work(ctx context.Context, random *rand.Rand) (bool, error) {
	if !r.demo {
		return false, fault.New(fault.Forbidden, "gate.demo-only")
	}
	var waiting []string
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		waiting, err = store.List(tx, store.Value[string], `select id from office_file where state = 'open' and application = '' order by held, id limit 100`)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("find work: %w", err)
	}
	random.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
	for _, id := range waiting[:min(len(waiting), 10)] {
		f, err := r.File(ctx, id)
		if err != nil {
			return false, err
		}
		held, err := r.gate.Holders(ctx, f.Holder)
		if err != nil {
			return false, err
		}
		if len(held) == 0 {
			continue // nobody is in charge of this post
		}
		who, err := r.gate.Principal(ctx, held[0].Person, gate.Official)
		if err != nil {
			return false, err
		}
		who.AAL = 2 // as if they had come with their passkey
		who, ok := who.As(f.Holder)
		if !ok {
			continue
		}
		done, err := r.workOn(ctx, who, f, random)
		if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Forbidden) {
			return false, err
		}
		if done {
			return true, nil
		}
	}
	return false, nil
}

func (r *Room) workOn(ctx context.Context, who gate.Principal, f File, random *rand.Rand) (bool, error) {
	if r.gate.Would(who, "office.file.decide", f) && f.Next() == "" {
		p, err := gate.Authorize(ctx, r.gate, who, "office.file.decide", f)
		if err != nil {
			return false, err
		}
		_, err = r.Decide(ctx, p, Approved, "")
		return err == nil, err
	}
	if r.gate.Would(who, "office.note.sign", f) && len(f.noters) < 2 {
		p, err := gate.Authorize(ctx, r.gate, who, "office.note.write", f)
		if err != nil {
			return false, err
		}
		if err := r.SaveDraft(ctx, p, 0, seedNotes[random.IntN(len(seedNotes))]); err != nil {
			return false, err
		}
		if p, err = gate.Authorize(ctx, r.gate, who, "office.note.sign", f); err != nil {
			return false, err
		}
		if _, err := r.Sign(ctx, p); err != nil {
			return false, err
		}
	}
	if f.Next() == "" {
		return false, nil
	}
	p, err := gate.Authorize(ctx, r.gate, who, "office.file.forward", f)
	if err != nil {
		return false, err
	}
	_, err = r.Forward(ctx, p, "")
	return err == nil, err
}
