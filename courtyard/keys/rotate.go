package keys

import (
	"context"
	"fmt"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

func (r *Ring) purpose(name string) (Purpose, error) {
	want, err := r.purposes()
	if err != nil {
		return Purpose{}, err
	}
	for _, p := range want {
		if p.Name == name {
			return p, nil
		}
	}
	return Purpose{}, fault.New(fault.NotFound, "keys.purpose.unknown").Because(fmt.Errorf("no purpose %q is declared", name))
}

func forbidPseudonym(name string) error {
	if stable(name) {
		return fault.New(fault.Conflict, "keys.pseudonym.fixed").Because(fmt.Errorf("purpose %s makes pseudonyms: a new key would give every person a new name", name))
	}
	return nil
}

// Prepare makes and publishes the key that the next Rotate will use, so that
// everybody who caches public keys has it in time. If there is one, it stays.
func (r *Ring) Prepare(ctx context.Context, purpose string) error {
	if err := forbidPseudonym(purpose); err != nil {
		return err
	}
	p, err := r.purpose(purpose)
	if err != nil {
		return err
	}
	fresh, err := r.make(ctx, p)
	if err != nil {
		return err
	}
	return r.change(ctx, func(tx *store.Tx, all []*Key) error {
		for _, k := range all {
			if k.Purpose == purpose && k.State == Next {
				return nil
			}
		}
		return r.insert(tx, all, fresh, Next)
	})
}

// Rotate makes the prepared key active, or a new one if none was prepared, and
// retires the one that was active. What the retired key signed or sealed stays
// good. Rotating the house CA leaves issued certificates as they are: they
// carry their own chain.
func (r *Ring) Rotate(ctx context.Context, purpose string) error {
	if err := forbidPseudonym(purpose); err != nil {
		return err
	}
	p, err := r.purpose(purpose)
	if err != nil {
		return err
	}
	snap, err := r.snapshot(ctx, true)
	if err != nil {
		return err
	}
	prepared := false
	for _, e := range snap.purposes[purpose] {
		prepared = prepared || (e.key.State == Next && e.key.Alg == p.Alg)
	}
	var fresh *made
	if !prepared {
		if fresh, err = r.make(ctx, p); err != nil {
			return err
		}
	}
	return r.change(ctx, func(tx *store.Tx, all []*Key) error {
		var next *Key
		for _, k := range all {
			if k.Purpose != purpose {
				continue
			}
			switch k.State {
			case Next:
				if k.Alg == p.Alg {
					next = k
				} else if err := setState(tx, k, Revoked); err != nil { // prepared for an algorithm nobody wants any more
					return err
				}
			case Active:
				if err := setState(tx, k, Retired); err != nil {
					return err
				}
			}
		}
		if next != nil {
			return setState(tx, next, Active)
		}
		if fresh == nil {
			return fault.New(fault.Conflict, "keys.rotated").Because(fmt.Errorf("another process rotated %s at the same time", purpose))
		}
		return r.insert(tx, all, fresh, Active)
	})
}

// Revoke withdraws trust from one key for ever: it signs, verifies and opens
// nothing more, and its certificate is on the next CRL. If it was active,
// rotate the purpose at once.
func (r *Ring) Revoke(ctx context.Context, id string) error {
	return r.change(ctx, func(tx *store.Tx, all []*Key) error {
		for _, k := range all {
			if k.ID == id {
				if k.State == Revoked {
					return nil
				}
				if err := forbidPseudonym(k.Purpose); err != nil {
					return err
				}
				return setState(tx, k, Revoked)
			}
		}
		return fault.New(fault.NotFound, "keys.key.unknown")
	})
}

// Reseal moves every key under a new master key in one transaction and goes on
// with it. Other processes must be restarted with the new key.
func (r *Ring) Reseal(ctx context.Context, to Master) error {
	if !to.set {
		return fmt.Errorf("keys: no new master key given")
	}
	from := r.opts.Master
	err := r.change(ctx, func(tx *store.Tx, _ []*Key) error {
		rows, err := readKeys(tx)
		if err != nil {
			return err
		}
		for _, e := range rows {
			c := materialContext(e.key.ID, e.key.Purpose, e.key.Alg)
			handle, err := from.open(e.sealed, c)
			if err != nil {
				return fmt.Errorf("key %s of %s cannot be opened by the %s", e.key.ID, e.key.Purpose, from)
			}
			if _, err := tx.Exec(`update keys_key set material = $1 where id = $2`, to.seal(handle, c), e.key.ID); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`update keys_ring set fingerprint = $1, proof = $2 where id = 'ring'`, to.Fingerprint(), to.seal(proofText, parts("sarai master key proof v1", "")))
		return err
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opts.Master, r.snap = to, nil
	return nil
}
