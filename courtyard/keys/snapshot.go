package keys

import (
	"context"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/store"
)

// snapshot is the ring as it was at one version of the database. It is never
// changed after it is made.
type snapshot struct {
	version  int64
	purposes map[string][]*entry // oldest version first
	ids      map[string]*entry
}

// entry is one stored key, opened when first used.
type entry struct {
	key      Key
	provider string
	sealed   []byte
	opened   *opened
}

// opened is shared by the entries of one key in successive snapshots.
type opened struct {
	once   sync.Once
	signer crypto.Signer
	secret Secret
	err    error
}

func (s *snapshot) active(purpose string) *entry {
	for _, e := range s.purposes[purpose] {
		if e.key.State == Active {
			return e
		}
	}
	return nil
}

// snapshot gives the ring's state, at most Options.Fresh old; force looks now.
// It compares one number first, so a look costs one small query.
func (r *Ring) snapshot(ctx context.Context, force bool) (*snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Wall time, not the injected clock: this is about another process's
	// writes, and a test clock that stands still must not hide them.
	if r.snap != nil && !force && time.Since(r.looked) < r.opts.Fresh {
		return r.snap, nil
	}
	old := r.snap
	var next *snapshot
	err := r.db.View(ctx, func(tx *store.Tx) error {
		var v int64
		if err := tx.QueryRow(`select version from keys_ring where id = 'ring'`).Scan(&v); err != nil {
			return fmt.Errorf("keys: read the ring's version (has Ensure run?): %w", err)
		}
		if old != nil && old.version == v {
			next = old
			return nil
		}
		rows, err := readKeys(tx)
		if err != nil {
			return err
		}
		next = &snapshot{version: v, purposes: map[string][]*entry{}, ids: map[string]*entry{}}
		for _, e := range rows {
			e.opened = &opened{}
			if old != nil {
				if same := old.ids[e.key.ID]; same != nil {
					e.opened = same.opened
				}
			}
			next.purposes[e.key.Purpose] = append(next.purposes[e.key.Purpose], e)
			next.ids[e.key.ID] = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.snap, r.looked = next, time.Now()
	return next, nil
}

// find gives the key with this id, looking again in the database if it is not
// known: another process may just have rotated. nil means there is none.
func (r *Ring) find(ctx context.Context, id string) (*entry, error) {
	snap, err := r.snapshot(ctx, false)
	if err != nil {
		return nil, err
	}
	if e := snap.ids[id]; e != nil {
		return e, nil
	}
	if snap, err = r.snapshot(ctx, true); err != nil {
		return nil, err
	}
	return snap.ids[id], nil
}

func readKeys(tx *store.Tx) ([]*entry, error) {
	return store.List(tx, func(scan store.Scan) (*entry, error) {
		var e entry
		var alg, state, chain string
		var public []byte
		var created, changed int64
		if err := scan(&e.key.ID, &e.key.Purpose, &e.key.Version, &alg, &state, &e.provider, &e.sealed, &public, &chain, &created, &changed); err != nil {
			return nil, err
		}
		e.key.Alg, e.key.State = Alg(alg), State(state)
		e.key.Created, e.key.Changed = store.Time(created), store.Time(changed)
		if err := json.Unmarshal([]byte(chain), &e.key.Certificates); err != nil {
			return nil, fmt.Errorf("certificates of key %s: %w", e.key.ID, err)
		}
		var err error
		if e.key.public, err = parsePublic(e.key.Alg, public); err != nil {
			return nil, fmt.Errorf("public part of key %s: %w", e.key.ID, err)
		}
		return &e, nil
	}, `select id, purpose, version, alg, state, provider, material, public, chain, created, changed from keys_key order by purpose, version`)
}

func (r *Ring) open(e *entry) *opened {
	o := e.opened
	o.once.Do(func() {
		if name := r.opts.Provider.Name(); e.provider != name {
			o.err = fmt.Errorf("key %s of %s is held by provider %q, this house runs with %q", e.key.ID, e.key.Purpose, e.provider, name)
			return
		}
		handle, err := r.opts.Master.open(e.sealed, materialContext(e.key.ID, e.key.Purpose, e.key.Alg))
		if err != nil {
			o.err = fmt.Errorf("key %s of %s cannot be opened by the %s: altered, or sealed by another master key", e.key.ID, e.key.Purpose, r.opts.Master)
			return
		}
		if e.key.Alg.Signs() {
			o.signer, o.err = r.opts.Provider.Signer(e.key.Alg, handle)
		} else {
			o.secret, o.err = r.opts.Provider.Secret(e.key.Alg, handle)
		}
	})
	return o
}

func (r *Ring) signer(e *entry) (crypto.Signer, error) {
	o := r.open(e)
	if o.err == nil && o.signer == nil {
		return nil, fmt.Errorf("key %s of %s is %s and signs nothing", e.key.ID, e.key.Purpose, e.key.Alg)
	}
	return o.signer, o.err
}

func (r *Ring) secret(e *entry) (Secret, error) {
	o := r.open(e)
	if o.err == nil && o.secret == nil {
		return nil, fmt.Errorf("key %s of %s is %s and no secret", e.key.ID, e.key.Purpose, e.key.Alg)
	}
	return o.secret, o.err
}

var proofText = []byte("the master key of this house")

// checkMaster proves that the master key is the one this database was begun
// with, and begins the ring if it is new.
func (r *Ring) checkMaster(ctx context.Context) error {
	m := r.opts.Master
	context := parts("sarai master key proof v1", "")
	first := m.seal(proofText, context)
	var fingerprint string
	var proof []byte
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into keys_ring (id, version, fingerprint, proof) values ('ring', 1, $1, $2) on conflict (id) do nothing`, m.Fingerprint(), first)
		if err != nil {
			return err
		}
		return tx.QueryRow(`select fingerprint, proof from keys_ring where id = 'ring'`).Scan(&fingerprint, &proof)
	})
	if err != nil {
		return fmt.Errorf("keys: begin the ring: %w", err)
	}
	if got, err := m.open(proof, context); err != nil || string(got) != string(proofText) {
		return fmt.Errorf("keys: wrong master key: this database was sealed under master key %s, but %s holds %s; put the database's own master key back (no backup of the database holds it) and start again",
			safe(fingerprint), m.Where, m.Fingerprint())
	}
	return nil
}

// safe keeps a damaged row from writing into the terminal.
func safe(s string) string {
	if _, err := hex.DecodeString(s); err != nil || len(s) > 64 {
		return "(unreadable)"
	}
	return strings.ToLower(s)
}
