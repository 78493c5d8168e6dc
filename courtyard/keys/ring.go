package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/mldsa"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of a ring. Only Master must be given.
type Options struct {
	Master       Master
	Provider     Provider      // who makes and holds new keys; nil is Software
	Clock        clock.Clock   // nil is the machine's clock
	NewID        id.Source     // nil is id.New
	Authority    string        // X.509 subject of the house CA; empty is "CN=Sarai House CA,O=Sarai"
	AuthorityAlg Alg           // ES256 (the default) or RS256
	Fresh        time.Duration // how long another process's rotation may stay unseen; 0 is 1 s
}

// Ring holds the house's keys. It is safe for concurrent use; several rings, in
// several processes, may share a database.
type Ring struct {
	db   *store.DB
	opts Options

	mu       sync.Mutex // guards what follows
	declared map[string]Purpose
	snap     *snapshot
	looked   time.Time
}

// New makes a ring over db and registers its migrations. It reads nothing yet:
// Declare the purposes, migrate, then Ensure.
func New(db *store.DB, opts Options) (*Ring, error) {
	if !opts.Master.set {
		return nil, errors.New("keys: no master key given")
	}
	if opts.Provider == nil {
		opts.Provider = Software{}
	}
	if opts.Clock == nil {
		opts.Clock = clock.System
	}
	if opts.NewID == nil {
		opts.NewID = id.New
	}
	if opts.Authority == "" {
		opts.Authority = "CN=Sarai House CA,O=Sarai"
	}
	if opts.AuthorityAlg == "" {
		opts.AuthorityAlg = ES256
	}
	if opts.AuthorityAlg != ES256 && opts.AuthorityAlg != RS256 {
		return nil, fmt.Errorf("keys: the house CA is ES256 or RS256, not %s", opts.AuthorityAlg)
	}
	if opts.Fresh <= 0 {
		opts.Fresh = time.Second
	}
	if _, err := parseSubject(opts.Authority); err != nil {
		return nil, fmt.Errorf("keys: subject of the house CA: %w", err)
	}
	db.Register(store.Migrations{Room: "keys", FS: migrations})
	return &Ring{db: db, opts: opts, declared: map[string]Purpose{}}, nil
}

// Declare says that a purpose is needed. Call it before Ensure. A second
// declaration of the same purpose must say the same; a contradiction stops
// Ensure.
func (r *Ring) Declare(p Purpose) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Use == "" {
		p.Use = Documents
	}
	if old, ok := r.declared[p.Name]; ok && old != p {
		p.Alg = "" // reported by Ensure, which can return an error
	}
	r.declared[p.Name] = p
}

func (r *Ring) purposes() ([]Purpose, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Purpose
	certified := false
	for _, p := range r.declared {
		switch {
		case p.Alg == "":
			return nil, fmt.Errorf("keys: purpose %s is declared twice, differently", p.Name)
		case p.Name == "" || !p.Alg.Known():
			return nil, fmt.Errorf("keys: purpose %q wants unknown algorithm %q", p.Name, p.Alg)
		case stable(p.Name) && p.Alg != HS256:
			return nil, fmt.Errorf("keys: purpose %s makes pseudonyms and must be HS256", p.Name)
		case p.Subject != "" && !p.Alg.certifiable():
			return nil, fmt.Errorf("keys: purpose %s: no X.509 certificate can be issued for %s", p.Name, p.Alg)
		}
		if p.Subject != "" {
			certified = true
			if _, err := parseSubject(p.Subject); err != nil {
				return nil, fmt.Errorf("keys: subject of purpose %s: %w", p.Name, err)
			}
		}
		out = append(out, p)
	}
	if certified {
		out = append(out, Purpose{Name: authority, Alg: r.opts.AuthorityAlg})
	}
	// The CA first, because the others' certificates come from it.
	slices.SortFunc(out, func(a, b Purpose) int {
		if (a.Name == authority) != (b.Name == authority) {
			if a.Name == authority {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, nil
}

// Ensure checks the master key against the database and makes an active key for
// every declared purpose that has none. Several processes may do it at once.
// A wrong master key is an error that says so: do not start then.
func (r *Ring) Ensure(ctx context.Context) error {
	if err := r.checkMaster(ctx); err != nil {
		return err
	}
	want, err := r.purposes()
	if err != nil {
		return err
	}
	rest := 0
	if len(want) > 0 && want[0].Name == authority {
		rest = 1 // the others' certificates come from it
	}
	if err := r.ensure(ctx, want[:rest]); err != nil {
		return err
	}
	return r.ensure(ctx, want[rest:])
}

// ensure makes what the purposes miss and stores it in one transaction.
func (r *Ring) ensure(ctx context.Context, want []Purpose) error {
	snap, err := r.snapshot(ctx, true)
	if err != nil {
		return err
	}
	var fresh []*made
	for _, p := range want {
		if e := snap.active(p.Name); e != nil {
			if e.key.Alg != p.Alg {
				return fmt.Errorf("keys: purpose %s: declared as %s but the active key is %s: rotate it with the declaration in place", p.Name, p.Alg, e.key.Alg)
			}
			continue
		}
		m, err := r.make(ctx, p) // outside the transaction: an RSA key takes its time
		if err != nil {
			return fmt.Errorf("keys: purpose %s: %w", p.Name, err)
		}
		fresh = append(fresh, m)
	}
	if len(fresh) > 0 {
		if err := r.begin(ctx, fresh); err != nil {
			return err
		}
		if snap, err = r.snapshot(ctx, true); err != nil {
			return err
		}
	}
	for _, p := range want {
		e := snap.active(p.Name)
		switch {
		case e == nil:
			err = errors.New("no active key after making one")
		case e.key.Alg != p.Alg:
			err = fmt.Errorf("declared as %s but another process has just made it %s", p.Alg, e.key.Alg)
		default:
			err = r.ensureCertificate(ctx, p, e)
		}
		if err != nil {
			return fmt.Errorf("keys: purpose %s: %w", p.Name, err)
		}
	}
	return nil
}

// begin stores the first keys of purposes. Those that another process has given
// a key meanwhile are thrown away.
func (r *Ring) begin(ctx context.Context, fresh []*made) error {
	return r.change(ctx, func(tx *store.Tx, all []*Key) error {
		for _, m := range fresh {
			if slices.ContainsFunc(all, func(k *Key) bool { return k.Purpose == m.key.Purpose && k.State == Active }) {
				continue
			}
			if err := r.insert(tx, all, m, Active); err != nil {
				return err
			}
		}
		return nil
	})
}

// made is a new key that is not stored yet.
type made struct {
	key      Key
	material []byte // sealed
	public   []byte
	signer   crypto.Signer
}

// make generates a key and its certificate, touching no row.
func (r *Ring) make(ctx context.Context, p Purpose) (*made, error) {
	handle, err := r.opts.Provider.Generate(p.Alg)
	if err != nil {
		return nil, err
	}
	m := &made{key: Key{ID: r.opts.NewID(), Purpose: p.Name, Alg: p.Alg, Created: r.opts.Clock.Now()}}
	if p.Alg.Signs() {
		if m.signer, err = r.opts.Provider.Signer(p.Alg, handle); err != nil {
			return nil, err
		}
		m.key.public = m.signer.Public()
		if m.public, err = marshalPublic(m.key.public); err != nil {
			return nil, err
		}
	}
	m.material = r.opts.Master.seal(handle, materialContext(m.key.ID, p.Name, p.Alg))
	switch {
	case p.Name == authority:
		m.key.Certificates, err = r.selfSign(m.signer)
	case p.Subject != "":
		m.key.Certificates, err = r.certify(ctx, p, m.key.public)
	}
	return m, err
}

// materialContext binds a sealed key to its row, so that rows cannot be swapped.
func materialContext(id, purpose string, alg Alg) []byte {
	return parts("sarai key material v1", purpose, []byte(id), []byte(alg))
}

func marshalPublic(pub crypto.PublicKey) ([]byte, error) {
	if p, ok := pub.(*mldsa.PublicKey); ok {
		return p.Bytes(), nil
	}
	return x509.MarshalPKIXPublicKey(pub)
}

func parsePublic(alg Alg, b []byte) (crypto.PublicKey, error) {
	switch {
	case !alg.Signs():
		return nil, nil
	case alg == MLDSA44:
		return mldsa.NewPublicKey(mldsa.MLDSA44(), b)
	}
	return x509.ParsePKIXPublicKey(b)
}

// change runs fn with all keys while no other process can change any, and then
// raises the ring's version so that every cache looks again.
func (r *Ring) change(ctx context.Context, fn func(tx *store.Tx, all []*Key) error) error {
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		var v int64
		if err := tx.QueryRow(`select version from keys_ring where id = 'ring' for update`).Scan(&v); err != nil {
			return fmt.Errorf("lock the key ring: %w", err)
		}
		rows, err := readKeys(tx)
		if err != nil {
			return err
		}
		all := make([]*Key, len(rows))
		for i := range rows {
			all[i] = &rows[i].key
		}
		if err := fn(tx, all); err != nil {
			return err
		}
		_, err = tx.Exec(`update keys_ring set version = version + 1 where id = 'ring'`)
		return err
	})
	if err != nil {
		return err
	}
	_, err = r.snapshot(ctx, true)
	return err
}

func (r *Ring) insert(tx *store.Tx, all []*Key, m *made, state State) error {
	version := int64(1)
	for _, k := range all {
		if k.Purpose == m.key.Purpose && k.Version >= version {
			version = k.Version + 1
		}
	}
	chain, err := json.Marshal(m.key.Certificates) // []byte becomes base64
	if err != nil {
		return err
	}
	public := m.public
	if public == nil {
		public = []byte{}
	}
	_, err = tx.Exec(`insert into keys_key (id, purpose, version, alg, state, provider, material, public, chain, created, changed)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		m.key.ID, m.key.Purpose, version, string(m.key.Alg), string(state), r.opts.Provider.Name(), m.material, public, string(chain),
		store.Micros(m.key.Created), store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("store key of %s: %w", m.key.Purpose, err)
	}
	emit(tx, "keys.key.made", m.key.ID, m.key.Purpose, m.key.Alg)
	if state == Active {
		emit(tx, "keys.key.activated", m.key.ID, m.key.Purpose, m.key.Alg)
	}
	return nil
}

func emit(tx *store.Tx, what, id, purpose string, alg Alg) {
	tx.Emit(store.Event{Type: what, Version: 1, Subject: "keys/key/" + id, Actor: "system/keys",
		Data: map[string]string{"purpose": purpose, "alg": string(alg)}})
}

func setState(tx *store.Tx, k *Key, s State) error {
	_, err := tx.Exec(`update keys_key set state = $1, changed = $2 where id = $3`, string(s), store.Micros(tx.Now()), k.ID)
	if err != nil {
		return fmt.Errorf("set key %s of %s to %s: %w", k.ID, k.Purpose, s, err)
	}
	what := map[State]string{Active: "keys.key.activated", Retired: "keys.key.retired", Revoked: "keys.key.revoked"}[s]
	emit(tx, what, k.ID, k.Purpose, k.Alg)
	return nil
}

// Signer gives the purpose's active signing key.
func (r *Ring) Signer(ctx context.Context, purpose string) (*Key, error) {
	e, err := r.active(ctx, purpose)
	if err != nil {
		return nil, err
	}
	s, err := r.signer(e)
	if err != nil {
		return nil, err
	}
	k := e.key
	k.signer = s
	return &k, nil
}

// Public gives the purpose's keys that others should know: the active one
// first, then next, then retired ones with the youngest first. They sign nothing.
func (r *Ring) Public(ctx context.Context, purpose string) ([]*Key, error) {
	snap, err := r.snapshot(ctx, false)
	if err != nil {
		return nil, err
	}
	var out []*Key
	for _, s := range []State{Active, Next, Retired} {
		for _, e := range slices.Backward(snap.purposes[purpose]) {
			if e.key.State == s {
				k := e.key
				out = append(out, &k)
			}
		}
	}
	if len(out) == 0 {
		return nil, r.missing(purpose)
	}
	return out, nil
}

// List gives every key of every purpose and state, for the operator.
func (r *Ring) List(ctx context.Context) ([]*Key, error) {
	snap, err := r.snapshot(ctx, true)
	if err != nil {
		return nil, err
	}
	var out []*Key
	for _, list := range snap.purposes {
		for _, e := range list {
			k := e.key
			out = append(out, &k)
		}
	}
	slices.SortFunc(out, func(a, b *Key) int {
		if c := strings.Compare(a.Purpose, b.Purpose); c != 0 {
			return c
		}
		return int(a.Version - b.Version)
	})
	return out, nil
}

// active gives the purpose's active key.
func (r *Ring) active(ctx context.Context, purpose string) (*entry, error) {
	snap, err := r.snapshot(ctx, false)
	if err != nil {
		return nil, err
	}
	if e := snap.active(purpose); e != nil {
		return e, nil
	}
	return nil, r.missing(purpose)
}

func (r *Ring) missing(purpose string) error {
	return fault.New(fault.Internal, "keys.missing").Because(fmt.Errorf("no active key for purpose %s: is it declared, and has Ensure run?", purpose))
}
