package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed texts
var ownTexts embed.FS

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

// Options are what a site is made of. DB, Gate and Feed are needed to serve;
// the rest has defaults.
type Options struct {
	DB      *store.DB
	Gate    *gate.Gate
	Feed    Feed // the journal; without it live topics stand still
	Clock   clock.Clock
	NewID   id.Source
	Logger  *slog.Logger
	Base    string // public base URL without a trailing slash; https decides about __Host- cookies and HSTS
	Demo    bool   // marked on every page
	Formats Formats
	// Languages the pages are written in, the first being the default; English
	// and Urdu when empty.
	Languages []Language
	// Names of the house as it stands beside the star, by language code.
	Names map[string]string
	// Idle and Lasts end a session: so long without a request, and so long
	// after it began. 30 minutes and 12 hours when zero (NIST SP 800-63B, AAL2).
	Idle, Lasts time.Duration
	// Pace multiplies every rate limit; 0 is 1, a negative number lifts them
	// all (tests and benchmarks).
	Pace    float64
	Screens Screens // how many live screens may be open
	Sending Sending // how long a body may take to arrive
	// Client gives the address a request came from; RemoteAddr when nil. Behind
	// a proxy it has to read the proxy's header.
	Client func(*http.Request) string
}

// Site is all pages of a house. Register everything first, then serve Handler
// and keep Run going; it is safe for concurrent use after that.
type Site struct {
	// Banner is shown on top of every page; nil gives the demonstration's
	// banner in demo mode and nothing else.
	Banner func(ctx context.Context) templ.Component
	// SignInPath is the page an anonymous visitor is sent to when a page needs
	// somebody: it gets the way back in ?to=. Empty shows the 401 page.
	SignInPath string
	// Footer adds links below every page.
	Footer []Link

	o        Options
	db       *store.DB
	gate     *gate.Gate
	clock    clock.Clock
	logger   *slog.Logger
	langs    []Language
	mux      *http.ServeMux
	origin   *http.CrossOriginProtection
	protocol *http.ServeMux // patterns of protocol routes: no sessions, no origin check
	texts    *texts
	assets   *assets
	limits   *limiter
	hub      *hub
	cookie   string
	secure   bool

	mu      sync.Mutex
	entries []Entry
	waits   []func(*Ctx) ([]Task, error)
	scripts []string // names, in the order they were registered
	options map[string]bool
}

// Link is a text key and where it leads.
type Link struct{ Text, Href string }

// New makes a site and registers its tables, texts and policies.
func New(o Options) *Site {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.NewID == nil {
		o.NewID = id.New
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Languages) == 0 {
		o.Languages = []Language{English, Urdu}
	}
	if o.Idle == 0 {
		o.Idle = 30 * time.Minute
	}
	if o.Lasts == 0 {
		o.Lasts = 12 * time.Hour
	}
	if o.Client == nil {
		o.Client = remoteHost
	}
	o.Formats, o.Screens, o.Sending = o.Formats.withDefaults(), o.Screens.withDefaults(), o.Sending.withDefaults()
	s := &Site{
		o: o, db: o.DB, gate: o.Gate, clock: o.Clock, logger: o.Logger, langs: o.Languages,
		mux: http.NewServeMux(), protocol: http.NewServeMux(), origin: http.NewCrossOriginProtection(),
		texts: newTexts(o.Languages), assets: newAssets(), limits: newLimiter(o.Clock, o.Pace), options: map[string]bool{},
		secure: strings.HasPrefix(o.Base, "https:"),
	}
	s.cookie = "sarai"
	if s.secure {
		s.cookie = "__Host-sarai"
	}
	s.hub = newHub(s)
	if o.DB != nil {
		o.DB.Register(store.Migrations{Room: "web", FS: migrations})
	}
	s.Texts("web", ownTexts)
	s.Texts("gate", gate.Texts)
	s.Texts("country", country.Texts)
	for _, leaf := range []string{"fault", "store"} { // parts that know of no pages
		if sub, err := fs.Sub(ownTexts, "texts/"+leaf); err == nil {
			s.Texts(leaf, sub)
		}
	}
	if o.Gate != nil {
		o.Gate.Room("web", policy, schema)
		s.ownRoutes()
	}
	return s
}

// Texts adds a room's message files: one <language>.yaml per language at the
// root of fs, or in its folder texts. A room's second call changes nothing.
func (s *Site) Texts(room string, files fs.FS) {
	if sub, err := fs.Sub(files, "texts"); err == nil {
		if _, err := fs.Stat(sub, s.langs[0].Code+".yaml"); err == nil {
			files = sub
		}
	}
	s.texts.add(room, files)
}

// CheckTexts reports every missing text, every text whose placeholders or
// plural forms differ between languages, and every menu entry and refusal
// reason without a text. The house calls it at start, a test calls it sooner.
func (s *Site) CheckTexts() error {
	errs := s.texts.check()
	s.mu.Lock()
	entries := s.entries
	s.mu.Unlock()
	for _, e := range entries {
		for _, key := range []string{e.Title, e.Hint} {
			if key != "" && !s.texts.has(key) {
				errs = append(errs, fmt.Errorf("menu entry %s: no text %q", e.Href, key))
			}
		}
	}
	if s.gate != nil {
		for _, key := range s.gate.ReasonKeys() {
			if !s.texts.has(key) {
				errs = append(errs, fmt.Errorf("policy reason: no text %q", key))
			}
		}
	}
	return errors.Join(errs...)
}

// Run keeps the live screens fed and sweeps ended sessions until ctx ends.
func (s *Site) Run(ctx context.Context) error {
	go s.sweep(ctx)
	return s.hub.run(ctx)
}

// Languages are those the site is written in, the default first.
func (s *Site) Languages() []Language { return s.langs }

// Demo says whether the house runs as a demonstration.
func (s *Site) Demo() bool { return s.o.Demo }

// Base is the public base URL without a trailing slash.
func (s *Site) Base() string { return s.o.Base }

// remoteHost is the address at the other end of the connection.
func remoteHost(r *http.Request) string {
	host, _, err := splitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
