package api

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/text/language"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Texts are the interface's own sentences, en.yaml and ur.yaml.//
//
//go:embed texts/*.yaml
var Texts embed.FS

// DefaultBody is the most bytes a request body may have unless the operation
// says otherwise.
const DefaultBody = 1 << 20

// Options are what the interface needs. Nil values get defaults.
type Options struct {
	Title   string
	Version string
	Base    string // public base URL without trailing slash
	Clock   clock.Clock
	NewID   id.Source
	Logger  *slog.Logger
	// Sealer seals the answers that are kept for a day under SealPurpose; needed
	// by operations that are Idempotent.
	Sealer Sealer
	// Sending is how long a body may take to arrive: 30 s when zero, and four
	// times as long where an operation takes more than DefaultBody.
	Sending time.Duration
	// Languages that texts exist in, best first; en and ur when empty.
	Languages []string
}

// API is the house's JSON interface.
type API struct {
	// Authenticator tells who calls. It gives a fault Unauthenticated for a
	// credential that does not hold, and the anonymous principal when there is
	// none. Set by house before the first request.
	Authenticator func(*http.Request) (gate.Principal, error)
	// Translate gives the text of a key; the key itself when it has none.
	// Set by house before the first request.
	Translate func(lang, key string, args map[string]string) string
	// Limit counts a call that changes something or comes from nobody in
	// particular; its fault Limit refuses one too many. Nil does not limit.
	Limit func(*http.Request) error

	gate   *gate.Gate
	db     *store.DB
	clock  clock.Clock
	newID  id.Source
	logger *slog.Logger
	base   string
	sends  time.Duration
	sealer Sealer

	huma    huma.API
	mux     *http.ServeMux
	origin  *http.CrossOriginProtection
	match   language.Matcher
	langs   []string
	actions map[string]string // operation id -> action

	document sync.Once
	openapi  []byte
	etag     string
}

// New makes an interface without operations and registers its table.
func New(db *store.DB, g *gate.Gate, o Options) *API {
	a := &API{
		gate: g, db: db, clock: o.Clock, newID: o.NewID, logger: o.Logger, sealer: o.Sealer, base: strings.TrimSuffix(o.Base, "/"),
		mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), langs: o.Languages, actions: map[string]string{},
		Authenticator: func(*http.Request) (gate.Principal, error) { return gate.Principal{}, nil },
		Translate:     func(_, key string, _ map[string]string) string { return key },
	}
	if a.clock == nil {
		a.clock = clock.System
	}
	if a.sends = o.Sending; a.sends <= 0 {
		a.sends = 30 * time.Second
	}
	if a.newID == nil {
		a.newID = id.New
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if len(a.langs) == 0 {
		a.langs = []string{"en", "ur"}
	}
	var tags []language.Tag
	for _, l := range a.langs {
		tags = append(tags, language.Make(l))
	}
	a.match = language.NewMatcher(tags)
	if db != nil {
		db.Register(store.Migrations{Room: "api", FS: migrations})
	}
	a.huma = humago.New(a.mux, configure(o, a.base))
	a.mux.HandleFunc("GET /api/openapi.json", a.serveDocument)
	a.mux.HandleFunc("GET /api/docs", a.serveDocs)
	a.mux.HandleFunc("GET /api/docs.css", serveStyle)
	return a
}

// contextKey carries the call through huma, which knows only contexts.
type contextKey struct{}

// call is what we know about one request.
type call struct {
	api   *API
	lang  string
	trace string // the problem's instance, also in the log
	key   Key
	out   huma.Context // to set headers of the answer
}

func of(ctx context.Context) *call {
	c, _ := ctx.Value(contextKey{}).(*call)
	return c
}

// ServeHTTP answers everything under /api/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, lang: a.language(r), trace: "urn:uuid:" + a.newID()}
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, c))
	watched := &watch{ResponseWriter: w}
	w = watched
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Add("Vary", "Accept-Language")
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the panic value itself
				panic(p)
			}
			err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			if watched.begun { // too late for another answer; the log has it
				_ = a.problem(r.Context(), err)
				panic(http.ErrAbortHandler)
			}
			a.fail(w, r, err)
		}
	}()
	_, pattern := a.mux.Handler(r)
	if pattern == "" {
		a.nowhere(w, r)
		return
	}
	telemetry.Route(r.Context(), pattern)
	// a browser sends the session's cookie along with requests made by other
	// sites; a bearer token it sends only when told to
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); !strings.EqualFold(scheme, "Bearer") {
		if err := a.origin.Check(r); err != nil {
			a.fail(w, r, fault.New(fault.Forbidden, "api.cross-origin").Because(err))
			return
		}
	}
	who, err := a.Authenticator(r)
	if err != nil {
		a.fail(w, r, fault.As(err))
		return
	}
	if a.Limit != nil && (!who.SignedIn() || r.Method != http.MethodGet && r.Method != http.MethodHead) {
		if err := a.Limit(r); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	a.mux.ServeHTTP(w, r.WithContext(gate.With(r.Context(), who)))
}

// watch knows whether an answer has begun.
type watch struct {
	http.ResponseWriter
	begun bool
}

func (w *watch) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *watch) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (w *watch) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nowhere answers paths and methods nobody registered.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := a.mux.Handler(probe); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		a.fail(w, r, fault.New(fault.NotFound, "api.no-such-path"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	p := a.problem(r.Context(), fault.New(fault.Invalid, "api.no-such-method", "method", r.Method))
	p.Status = http.StatusMethodNotAllowed
	p.write(w)
}

// language picks the reader's language.
func (a *API) language(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return a.langs[0]
	}
	_, i, confidence := a.match.Match(tags...)
	if confidence == language.No || i >= len(a.langs) {
		return a.langs[0]
	}
	return a.langs[i]
}

func (a *API) text(lang, key string, args map[string]string) string {
	return a.Translate(lang, key, args)
}

// Actions are the gate's actions by operation id.
func (a *API) Actions() map[string]string { return a.actions }

// Operations are the ids of all operations, sorted.
func (a *API) Operations() []string {
	var out []string
	for id := range a.actions {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
