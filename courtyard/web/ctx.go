package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
)

// Ctx is one request on its way through a handler.
type Ctx struct {
	W    http.ResponseWriter
	R    *http.Request
	Site *Site
	Who  gate.Principal
	Lang Language

	view    *view
	session *session // nil when there is none
	body    *sending // nil when there is none
	live    int64    // the journal's position before anything was read
}

// Page is the frame around a body.
type Page struct {
	Title string // of the window and, but for boards, the heading the body itself shows
	Back  string // where the back link leads; no link when empty
	// Trail is the way from the home page, without the page itself.
	Trail []Crumb
	// Kind is one of the page kinds: "question", "desk", "board" or empty.
	Kind string
	Wide bool // tables and desks may use the whole width
	// Live is the topic whose fragments replace parts of this page, "board" or
	// "board?key=icta.dc".
	Live string
	// FormAction are outside origins a form of this page may lead to
	// (redirects of sign-in at another site), for the page's CSP.
	FormAction []string
	Status     int // 200 when zero
}

// Crumb is one step of a page's trail.
type Crumb struct{ Title, Href string }

// Context is the request's context with everything components need.
func (c *Ctx) Context() context.Context { return c.R.Context() }

// T gives a text in the visitor's language.
func (c *Ctx) T(key string, args ...string) string { return T(c.Context(), key, args...) }

// N gives the counted text for n.
func (c *Ctx) N(key string, n int64, args ...string) string { return N(c.Context(), key, n, args...) }

// Date, DateTime and Money write as the country does, in the visitor's language.
func (c *Ctx) Date(t time.Time) string { return Date(c.Context(), t) }

// DateTime writes day and time in the country's zone.
func (c *Ctx) DateTime(t time.Time) string { return DateTime(c.Context(), t) }

// Money writes minor units of a currency.
func (c *Ctx) Money(minor int64, currency string) string { return Money(c.Context(), minor, currency) }

// Now is the time of the house's clock.
func (c *Ctx) Now() time.Time { return c.Site.clock.Now() }

// Path gives a wildcard of the route's pattern.
func (c *Ctx) Path(name string) string { return c.R.PathValue(name) }

// Query gives a parameter of the address, cleaned like a form field.
func (c *Ctx) Query(name string) string {
	s, _ := cleaned(c.R.URL.Query().Get(name), false)
	return s
}

// Redirect sends the browser to a page with 303 See Other, so that reloading
// does nothing twice. Only addresses of this site and outside addresses the
// caller has checked itself belong here: see Local.
func (c *Ctx) Redirect(to string) error {
	http.Redirect(c.W, c.R, to, http.StatusSeeOther)
	return nil
}

// Local gives a path of this site that came from outside, or fallback when it
// leads elsewhere.
func Local(path, fallback string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return fallback
	}
	return path
}

// Flash leaves a message for the next page this visitor sees: kind is "good",
// "bad", "wait" or "plain", key and args make the text.
func (c *Ctx) Flash(kind, key string, args ...string) {
	c.Site.setFlash(c, append([]string{kind, key}, args...))
}

// Render writes a page.
func (c *Ctx) Render(p Page, body templ.Component) error {
	status := p.Status
	if status == 0 {
		status = http.StatusOK
	}
	title := p.Title
	if f := c.view.form; f != nil && f.Failed() {
		title = c.T("web.error.prefix", "title", title)
	}
	d := frame{Page: p, c: c, title: title, flash: c.Site.takeFlash(c)}
	buf := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // only buffers are put there
	defer func() { buf.Reset(); buffers.Put(buf) }()
	if err := shell(d, body).Render(c.Context(), buf); err != nil {
		return fault.New(fault.Internal, "web.fault.internal").Because(err)
	}
	h := c.W.Header()
	h.Set("Content-Security-Policy", contentPolicy(p.FormAction))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", c.Lang.Code)
	h.Add("Vary", "Cookie, Accept-Language")
	if h.Get("Cache-Control") == "" {
		if c.session != nil {
			h.Set("Cache-Control", "no-store")
		} else {
			h.Set("Cache-Control", "private, no-cache")
		}
	}
	write(c.W, c.R, status, buf.Bytes())
	return nil
}

// Invalid shows a form again with the messages of a fault beside its fields
// and in the summary, with status 422. An error that is no fault about the
// request is given back to be answered as what it is.
func (c *Ctx) Invalid(err error, p Page, body templ.Component) error {
	f := fault.As(err)
	if f == nil {
		f = fault.New(fault.Invalid, "web.form.wrong")
	}
	switch f.Kind {
	case fault.Invalid, fault.Conflict, fault.Gone, fault.TooLarge:
	default:
		return err
	}
	form := c.view.form
	if form == nil {
		form = &Form{c: c, values: url.Values{}}
		c.view.form = form
	}
	form.Add(f)
	p.Status = http.StatusUnprocessableEntity
	if f.Kind == fault.TooLarge {
		p.Status = http.StatusRequestEntityTooLarge
	}
	return c.Render(p, body)
}

// File answers with a document, to be shown in the browser when inline, else
// to be saved under name.
func (c *Ctx) File(name, mediaType string, body []byte, inline bool) error {
	h := c.W.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	h.Set("Content-Disposition", disposition+"; filename*=UTF-8''"+url.PathEscape(name))
	_, err := c.W.Write(body)
	if err != nil {
		return nil //nolint:nilerr // the reader went away; there is nobody to tell
	}
	return nil
}

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	zippers = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }}
)

// write sends a page, compressed if the browser takes it. Pages hold no
// secrets an attacker could guess at by their compressed length.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r) || len(body) < 700 {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := zippers.Get().(*gzip.Writer) //nolint:forcetypeassert // only writers are put there
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
	zippers.Put(z)
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && !strings.HasPrefix(strings.ReplaceAll(q, " ", ""), "q=0") {
			return true
		}
	}
	return false
}
