package web

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
)

// frame is what the shell knows of a page.
type frame struct {
	Page
	c     *Ctx
	title string
	flash []string
}

func (d frame) house(ctx context.Context) string {
	if n := Of(ctx, d.c.Site.o.Names); n != "" {
		return n
	}
	return T(ctx, "web.house")
}

// here is the address of the page with one parameter more, for the switches of
// language and of light.
func (d frame) here(name, value string) string {
	q := d.c.R.URL.Query()
	q.Set(name, value)
	return d.path() + "?" + q.Encode()
}

func (d frame) path() string {
	// a path that begins with two slashes would lead to another site
	return "/" + strings.TrimLeft((&url.URL{Path: d.c.R.URL.Path}).EscapedPath(), "/")
}

func (d frame) others() []Language {
	var out []Language
	for _, l := range d.c.Site.langs {
		if l.Code != d.c.Lang.Code {
			out = append(out, l)
		}
	}
	return out
}

func (d frame) themes() []string { return []string{"auto", "light", "dark"} }

func (d frame) themed(name string) bool {
	t := d.c.theme()
	return t == name || t == "" && name == "auto"
}

func (d frame) current(href string) bool {
	p := d.c.R.URL.Path
	return p == href || href != "/" && strings.HasPrefix(p, href+"/")
}

// scheme tells the browser in which light its own parts are to be drawn.
func (d frame) scheme() string {
	if t := d.c.theme(); t != "" {
		return t
	}
	return "light dark"
}

// banner is what stands above every page: the house's own, or in
// demonstrations a word that this is one.
func (d frame) banner(ctx context.Context) templ.Component {
	s := d.c.Site
	switch {
	case s.Banner != nil:
		if b := s.Banner(ctx); b != nil {
			return b
		}
	case s.o.Demo:
		return demoBanner()
	}
	return templ.NopComponent
}

// Code is the status as people quote it.
func (p failure) Code() string { return strconv.Itoa(p.Status) }

func (p failure) offerSignIn(ctx context.Context) bool {
	return p.SignIn != "" && !Who(ctx).SignedIn() && (p.Kind == fault.Unauthenticated || p.Kind == fault.Forbidden)
}
