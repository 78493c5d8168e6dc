package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
)

// log tells the operator about an error: defects loudly, refusals quietly, and
// never what the visitor typed.
func (s *Site) log(c *Ctx, err error) {
	level := slog.LevelDebug
	switch fault.KindOf(err) {
	case fault.Internal:
		level = slog.LevelError
	case fault.Unavailable:
		level = slog.LevelWarn
	}
	if level >= slog.LevelWarn && c.R.Context().Err() != nil {
		level = slog.LevelDebug // the visitor went away
	}
	s.logger.LogAttrs(c.R.Context(), level, "request failed", slog.String("method", c.R.Method), slog.String("route", c.R.Pattern), slog.String("error", err.Error()))
}

// fail answers an error with a page in the visitor's language.
func (s *Site) fail(c *Ctx, err error) {
	s.log(c, err)
	f := fault.As(err)
	if f.Kind == fault.Unauthenticated && s.SignInPath != "" && c.R.Method == http.MethodGet {
		to := c.R.URL.EscapedPath()
		if c.R.URL.RawQuery != "" {
			to += "?" + c.R.URL.RawQuery
		}
		_ = c.Redirect(s.SignInPath + "?to=" + url.QueryEscape(to))
		return
	}
	c.view.form = nil // an error page shows no form's errors
	p := failure{Status: statusOf(err), Kind: f.Kind, SignIn: s.SignInPath}
	name := f.Kind.String()
	if p.Status == http.StatusRequestTimeout {
		name = "slow"
	}
	p.Title = c.T("web.fault." + name + ".title")
	p.Next = c.T("web.fault." + name + ".next")
	if f.Key != "" && f.Key != "gate.refused" && s.texts.has(f.Key) && f.Kind != fault.Internal {
		p.Said = s.texts.text(c.Lang, f.Key, flat(f.Args))
	} else {
		p.Said = c.T("web.fault." + name)
	}
	for _, key := range gate.Reasons(err) {
		if s.texts.has(key) {
			p.Reasons = append(p.Reasons, c.T(key))
		}
	}
	p.Decision = f.Args["decision"]
	_ = c.renderFailure(p)
}

func (s *Site) notFound(c *Ctx) {
	// a path that exists for another method says so (RFC 9110 section 15.5.6)
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		r := *c.R
		r.Method = m
		if _, pattern := s.mux.Handler(&r); pattern != "" && m != c.R.Method {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		c.W.Header().Set("Allow", strings.Join(allowed, ", "))
		if c.R.Method == http.MethodPost || c.R.Method == http.MethodGet {
			p := failure{Status: http.StatusMethodNotAllowed, Kind: fault.NotFound, Title: c.T("web.fault.method.title"), Said: c.T("web.fault.method"), Next: c.T("web.fault.method.next")}
			_ = c.renderFailure(p)
			return
		}
	}
	s.fail(c, fault.New(fault.NotFound, "web.fault.not-found"))
}

// failure is what an error page says: what happened, that nothing was lost,
// what to do.
type failure struct {
	Status   int
	Kind     fault.Kind
	Title    string
	Said     string
	Next     string
	Reasons  []string // why the gate refused
	Decision string   // the decision's record, to quote in a complaint
	SignIn   string
}

func (c *Ctx) renderFailure(p failure) error {
	h := c.W.Header()
	h.Set("Cache-Control", "no-store")
	err := c.Render(Page{Title: p.Title, Status: p.Status, Kind: "failure"}, failurePage(p))
	if err != nil { // even the error page cannot be drawn: say the least there is to say
		http.Error(c.W, http.StatusText(p.Status), p.Status)
	}
	return err
}

// problem answers an error of a protocol route with a problem document (RFC 9457).
func problem(c *Ctx, err error) {
	f, status := fault.As(err), statusOf(err)
	doc := map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": f.Key,
	}
	if f.Key != "" && c.Site.texts.has(f.Key) && f.Kind != fault.Internal {
		doc["detail"] = c.Site.texts.text(c.Site.langs[0], f.Key, flat(f.Args))
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	c.W.WriteHeader(status)
	_ = json.NewEncoder(c.W).Encode(doc)
}
