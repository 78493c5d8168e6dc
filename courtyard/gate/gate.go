package gate

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"sarai/courtyard/clock"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

//go:embed national.cedar
var nationalPolicy []byte

//go:embed gate.cedarschema
var sharedSchema []byte

//go:embed migrations/*.sql
var migrations embed.FS

// Texts are the gate's own sentences, en.yaml and ur.yaml.//
//
//go:embed texts/*.yaml
var Texts embed.FS

// Posts tells what a post is: its office, titles and powers. The country pack
// gives it.
type Posts interface {
	Post(id string) (Post, bool)
}

// Options are what the gate needs besides the database. Nil values get the
// machine's own clock and ids; without Posts no post gives any power.
type Options struct {
	Posts  Posts
	Names  func(ctx context.Context, person string) map[string]string // for screens; may be nil
	Clock  clock.Clock
	NewID  id.Source
	Demo   bool
	Keep   Keep
	Logger *slog.Logger
}

// Gate is the one gate of a house. It is safe for concurrent use once sealed.
type Gate struct {
	db     *store.DB
	clock  clock.Clock
	newID  id.Source
	demo   bool
	keep   Keep
	logger *slog.Logger

	mu       sync.Mutex
	posts    Posts
	names    func(ctx context.Context, person string) map[string]string
	rooms    []room
	required []requirement

	bundle   atomic.Pointer[bundle]
	written  atomic.Bool // the bundle's text is in gate_bundle
	recorder recorder
}

type room struct {
	name           string
	policy, schema []byte
}

type requirement struct{ action, where string }

// New makes a gate and registers its tables with the store.
func New(db *store.DB, o Options) *Gate {
	g := &Gate{db: db, clock: o.Clock, newID: o.NewID, demo: o.Demo, keep: o.Keep.withDefaults(), posts: o.Posts, names: o.Names, logger: o.Logger}
	if g.clock == nil {
		g.clock = clock.System
	}
	if g.newID == nil {
		g.newID = id.New
	}
	if g.logger == nil {
		g.logger = slog.New(slog.DiscardHandler)
	}
	if db != nil {
		db.Register(store.Migrations{Room: "gate", FS: migrations})
	}
	return g
}

// SetPosts gives the source of posts after New; before Seal.
func (g *Gate) SetPosts(p Posts) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.posts = p
}

// SetNames gives the source of display names after New; before Seal.
func (g *Gate) SetNames(names func(ctx context.Context, person string) map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = names
}

// Room adds a room's policies and schema. Nothing is read before Seal.
func (g *Gate) Room(name string, policy, schema []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bundle.Load() != nil {
		panic("gate: room " + name + " comes after the gate was sealed")
	}
	g.rooms = append(g.rooms, room{name: name, policy: policy, schema: schema})
}

// Require says that a route or job needs an action; where names it for the
// person who reads the error, "GET /office/file/{id}".
func (g *Gate) Require(action, where string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bundle.Load() != nil {
		panic("gate: " + where + " asks for " + action + " after the gate was sealed")
	}
	g.required = append(g.required, requirement{action, where})
}

// Seal reads and checks all policies. After it, nothing can be added and
// Authorize answers. Every fault found is in the error, one a line.
func (g *Gate) Seal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bundle.Load() != nil {
		return errors.New("gate: sealed already")
	}
	b, err := compile(g.rooms)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range g.required {
		switch {
		case r.action == "":
			errs = append(errs, fmt.Errorf("gate: %s names no action", r.where))
		case !b.declared[r.action]:
			errs = append(errs, fmt.Errorf("gate: %s needs action %q, which no schema declares", r.where, r.action))
		case !b.permitted[r.action]:
			errs = append(errs, fmt.Errorf("gate: %s needs action %q, which no policy permits to anybody", r.where, r.action))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	g.bundle.Store(b)
	return nil
}

// Bundle is the SHA-256 of all policies and schemas in hex; empty before Seal.
func (g *Gate) Bundle() string {
	if b := g.bundle.Load(); b != nil {
		return b.hash
	}
	return ""
}

// ReasonKeys are the message keys of all policies, so that a test can hold
// them against the texts.
func (g *Gate) ReasonKeys() []string {
	if b := g.bundle.Load(); b != nil {
		return b.reasonKeys()
	}
	return nil
}
