package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/telemetry"
)

// Route is a page or an endpoint: what is asked for, what the gate is asked
// about, and what happens once the gate has said yes.
type Route[R gate.Entity] struct {
	Pattern string // as http.ServeMux has it: "GET /office/file/{id}"
	Action  string // the gate's action; a route without one stops the start
	// Load reads the resource with the attributes the policies want. nil is
	// allowed for gate.House.
	Load func(r *http.Request) (R, error)
	Do   func(c *Ctx, p gate.Permit[R]) error
	// Limit is how often one visitor may come; the zero value is DefaultLimit
	// for requests that change something and no limit for others.
	Limit Rate
	// Protocol marks token endpoints, metadata and the like: no session, no
	// origin check, CORS for every origin without credentials, and errors as
	// Fail writes them.
	Protocol bool
	// Fail writes errors of a Protocol route; nil writes problem+json (RFC 9457).
	Fail func(c *Ctx, err error)
	// Principal finds who asks on a Protocol route, from a bearer token or
	// client authentication; nil is nobody.
	Principal func(r *http.Request) (gate.Principal, error)
}

// Handle adds a route to the site.
func Handle[R gate.Entity](s *Site, rt Route[R]) {
	where := "route " + rt.Pattern
	s.gate.Require(rt.Action, where)
	if rt.Do == nil {
		panic("web: " + where + " does nothing")
	}
	if rt.Load == nil {
		if _, ok := any(*new(R)).(gate.House); !ok {
			panic("web: " + where + " has no loader for its resource")
		}
		rt.Load = func(*http.Request) (r R, err error) { return r, nil }
	}
	method, path, ok := strings.Cut(rt.Pattern, " ")
	if !ok {
		panic("web: " + where + " names no method")
	}
	if rt.Limit == (Rate{}) && !safe(method) {
		rt.Limit = DefaultLimit
	}
	if rt.Protocol {
		s.protocol.Handle(rt.Pattern, http.NotFoundHandler()) // only asked whether a pattern matches
		if !s.options[path] {
			s.options[path] = true
			s.mux.HandleFunc("OPTIONS "+path, preflight)
			s.protocol.HandleFunc("OPTIONS "+path, preflight)
		}
	}
	s.mux.HandleFunc(rt.Pattern, func(w http.ResponseWriter, r *http.Request) {
		c := ctxOf(w, r)
		if err := c.arrived(serve(c, rt)); err != nil {
			if rt.Protocol {
				fail := rt.Fail
				if fail == nil || errors.Is(err, errSlow) {
					fail = problem
				}
				s.log(c, err)
				fail(c, err)
				return
			}
			s.fail(c, err)
		}
	})
}

// refusals is how many refusals of visitors who are not signed in are taken
// down for one address.
var refusals = Rate{N: 300, Per: time.Minute}

func serve[R gate.Entity](c *Ctx, rt Route[R]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the panic value itself
				panic(p)
			}
			c.Site.logger.LogAttrs(c.Context(), slog.LevelError, "a page panicked", slog.String("route", rt.Pattern), slog.String("stack", string(debug.Stack())))
			err = fault.New(fault.Internal, "web.fault.internal").Because(errors.New("panic"))
		}
	}()
	if rt.Protocol {
		h := c.W.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, Retry-After")
		if rt.Principal != nil {
			if c.Who, err = rt.Principal(c.R); err != nil {
				return err
			}
			c.enter()
		}
	}
	if err := c.Limit(rt.Pattern, rt.Limit); err != nil {
		return err
	}
	resource, err := rt.Load(c.R)
	if err != nil {
		return err
	}
	// each refusal is written down; one who is nobody must not fill the book
	if c.Who.Kind == gate.Anonymous && !c.Site.gate.Would(c.Who, rt.Action, resource) {
		if err := c.Limit("refused", refusals); err != nil {
			return err
		}
	}
	permit, err := gate.Authorize(c.Context(), c.Site.gate, c.Who, rt.Action, resource)
	if err != nil {
		return err
	}
	return rt.Do(c, permit)
}

// Handler is the whole site: headers, language, origin check, session, routes.
func (s *Site) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.secureHeaders(w.Header())
		c := &Ctx{W: w, R: r, Site: s, Lang: s.negotiate(r), live: s.hub.seen()}
		c.receive()
		_, isProtocol := s.protocol.Handler(r)
		if isProtocol != "" {
			telemetry.Route(r.Context(), isProtocol)
			c.enter()
			s.mux.ServeHTTP(w, c.R)
			return
		}
		if s.choose(c) { // ?lang= and ?theme=
			return
		}
		if err := s.origin.Check(r); err != nil {
			c.enter()
			s.fail(c, fault.New(fault.Forbidden, "web.origin").Because(err))
			return
		}
		if strings.HasPrefix(r.URL.Path, "/static/") {
			telemetry.Route(r.Context(), "/static/")
			s.assets.ServeHTTP(w, r)
			return
		}
		if err := s.resume(c); err != nil {
			c.enter()
			s.fail(c, err)
			return
		}
		c.enter()
		_, pattern := s.mux.Handler(c.R)
		if pattern == "" {
			s.notFound(c)
			return
		}
		telemetry.Route(r.Context(), pattern)
		s.mux.ServeHTTP(w, c.R)
	})
}

// Mount puts a handler of another part (the log, the interface, metrics) under
// a pattern. It gets the session's principal by gate.From and answers for
// itself: no gate is asked and no origin is checked here.
func (s *Site) Mount(pattern string, h http.Handler) {
	s.protocol.Handle(pattern, http.NotFoundHandler())
	s.mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := ctxOf(w, r)
		if err := s.resume(c); err != nil {
			s.log(c, err) // whoever it was is nobody now; the handler says what that means
		}
		c.enter()
		h.ServeHTTP(w, c.R)
	}))
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// preflight answers CORS preflights of protocol routes (Fetch standard).
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, Idempotency-Key")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

type ctxKey struct{}

func ctxOf(w http.ResponseWriter, r *http.Request) *Ctx {
	c, _ := r.Context().Value(ctxKey{}).(*Ctx)
	if c == nil {
		panic("web: a route was called outside its site")
	}
	c.W, c.R = w, r // ServeMux has set the path values on this request
	return c
}

// enter puts the principal, the language and the context itself into the
// request's context, where loaders and components find them.
func (c *Ctx) enter() {
	ctx := gate.With(c.R.Context(), c.Who)
	c.view = &view{site: c.Site, lang: c.Lang, who: c.Who, ctx: c}
	ctx = context.WithValue(ctx, viewKey{}, c.view)
	ctx = context.WithValue(ctx, ctxKey{}, c)
	c.R = c.R.WithContext(ctx)
}
