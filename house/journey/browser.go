package journey

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Browser is a person's browser without JavaScript: it keeps cookies, follows
// redirects, fills in the forms it finds on pages and submits them.
type Browser struct {
	Base   string // the server, "http://localhost:8080"
	Lang   string // sent as Accept-Language
	client *http.Client
}

// Page is what came back: status, address and the parsed document.
type Page struct {
	Status int
	URL    *url.URL
	Header http.Header
	Body   []byte
	doc    *html.Node
}

// Form is one form of a page with the values it would be sent with.
type Form struct {
	Action, Method string
	multipart      bool
	values         url.Values
	files          map[string]file
	options        map[string][]string // the values a choice offers
	submits        [][2]string         // named submit buttons
	fields         []string            // visible fields in order
	attrs          map[string]string
}

type file struct {
	name, mediaType string
	body            []byte
}

// NewBrowser opens a browser with an empty cookie jar.
func NewBrowser(base, lang string) *Browser {
	jar, _ := cookiejar.New(nil)
	return &Browser{
		Base: strings.TrimRight(base, "/"), Lang: lang,
		client: &http.Client{Jar: jar, Timeout: 30 * time.Second},
	}
}

// Client is the HTTP client with this browser's cookies.
func (b *Browser) Client() *http.Client { return b.client }

// Get opens an address, absolute or from the server's root.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.absolute(address), nil)
	if err != nil {
		return nil, err
	}
	return b.do(req)
}

// Submit sends a form as a browser would, pressing the named button if given
// as "name=value".
func (b *Browser) Submit(ctx context.Context, p *Page, f *Form, button ...string) (*Page, error) {
	values := url.Values{}
	for k, v := range f.values {
		values[k] = v
	}
	if len(button) > 0 {
		k, v, _ := strings.Cut(button[0], "=")
		values.Set(k, v)
	}
	target, err := p.URL.Parse(f.Action)
	if err != nil {
		return nil, fmt.Errorf("form action: %w", err)
	}
	if f.Method == http.MethodGet {
		target.RawQuery = values.Encode()
		return b.Get(ctx, target.String())
	}
	body, mediaType, err := f.encode(values)
	if err != nil {
		return nil, err
	}
	return b.Post(ctx, target.String(), mediaType, body)
}

// Post sends a body with the headers a browser adds to a form on the same site.
func (b *Browser) Post(ctx context.Context, address, mediaType string, body []byte) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.absolute(address), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Origin", b.Base)
	return b.do(req)
}

// PostForm sends values as a form.
func (b *Browser) PostForm(ctx context.Context, address string, values url.Values) (*Page, error) {
	return b.Post(ctx, address, "application/x-www-form-urlencoded", []byte(values.Encode()))
}

func (b *Browser) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.Base + address
	}
	return address
}

func (b *Browser) do(req *http.Request) (*Page, error) {
	if b.Lang != "" {
		req.Header.Set("Accept-Language", b.Lang)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.5")
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", req.URL.Path, err)
	}
	p := &Page{Status: res.StatusCode, URL: res.Request.URL, Header: res.Header, Body: body}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		if p.doc, err = html.Parse(bytes.NewReader(body)); err != nil {
			return nil, fmt.Errorf("parse %s: %w", req.URL.Path, err)
		}
	}
	return p, nil
}

func (f *Form) encode(values url.Values) ([]byte, string, error) {
	if !f.multipart {
		return []byte(values.Encode()), "application/x-www-form-urlencoded", nil
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for k, vs := range values {
		for _, v := range vs {
			if err := w.WriteField(k, v); err != nil {
				return nil, "", err
			}
		}
	}
	for k, up := range f.files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, k, up.name))
		h.Set("Content-Type", up.mediaType)
		part, err := w.CreatePart(h)
		if err != nil {
			return nil, "", err
		}
		if _, err = part.Write(up.body); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return buf.Bytes(), w.FormDataContentType(), nil
}

// Set gives a field a value; a field the form does not have is an error of the
// caller and makes the submission miss, so it is reported by Missing.
func (f *Form) Set(name string, values ...string) *Form {
	f.values[name] = values
	return f
}

// Attach puts a file into a file field.
func (f *Form) Attach(name, filename, mediaType string, body []byte) *Form {
	f.files[name] = file{filename, mediaType, body}
	return f
}

// Has says whether the form shows a field of that name.
func (f *Form) Has(name string) bool {
	for _, n := range f.fields {
		if n == name {
			return true
		}
	}
	return false
}

// Fields are the names of the visible fields in the order of the page.
func (f *Form) Fields() []string { return f.fields }

// Value is what a field would be sent with.
func (f *Form) Value(name string) string { return f.values.Get(name) }

// Options are the values a choice (radios, checkboxes, select) offers.
func (f *Form) Options(name string) []string { return f.options[name] }

// Attr is an attribute of the form element, "data-passkey".
func (f *Form) Attr(name string) string { return f.attrs[name] }

// Buttons are the named submit buttons as "name=value".
func (f *Form) Buttons() []string {
	var out []string
	for _, s := range f.submits {
		out = append(out, s[0]+"="+s[1])
	}
	return out
}

// Forms are the forms of the page, in order.
func (p *Page) Forms() []*Form {
	var out []*Form
	walk(p.doc, func(n *html.Node) bool {
		if n.Data == "form" {
			out = append(out, readForm(n))
			return false
		}
		return true
	})
	return out
}

// Form is the first form whose action contains part; nil if there is none.
func (p *Page) Form(part string) *Form {
	for _, f := range p.Forms() {
		if f.Method == http.MethodPost && strings.Contains(f.Action, part) {
			return f
		}
	}
	return nil
}

// FormWith is the first form that has a field of that name.
func (p *Page) FormWith(field string) *Form {
	for _, f := range p.Forms() {
		if f.Has(field) {
			return f
		}
	}
	return nil
}

// Links are the addresses of the page's links that contain part.
func (p *Page) Links(part string) []string {
	var out []string
	walk(p.doc, func(n *html.Node) bool {
		if n.Data == "a" && strings.Contains(attr(n, "href"), part) {
			if u, err := p.URL.Parse(attr(n, "href")); err == nil {
				out = append(out, u.String())
			}
		}
		return true
	})
	return out
}

// Link is the first of Links, or nothing.
func (p *Page) Link(part string) string {
	if l := p.Links(part); len(l) > 0 {
		return l[0]
	}
	return ""
}

// Data is the value of the first attribute of that name anywhere on the page,
// for pages that offer machine-readable values in data- attributes.
func (p *Page) Data(name string) string {
	var out string
	walk(p.doc, func(n *html.Node) bool {
		if out == "" {
			out = attr(n, name)
		}
		return out == ""
	})
	return out
}

// DataWhere is an attribute of the element that carries both it and another
// attribute with the given value.
func (p *Page) DataWhere(name, other, value string) string {
	var out string
	walk(p.doc, func(n *html.Node) bool {
		if out == "" && attr(n, other) == value {
			out = attr(n, name)
		}
		return out == ""
	})
	return out
}

// IDs are the id attributes that begin with prefix.
func (p *Page) IDs(prefix string) []string {
	var out []string
	walk(p.doc, func(n *html.Node) bool {
		if v := attr(n, "id"); strings.HasPrefix(v, prefix) {
			out = append(out, strings.TrimPrefix(v, prefix))
		}
		return true
	})
	return out
}

// Text is the page's words without markup, for reading what a person reads.
func (p *Page) Text() string {
	if p.doc == nil {
		return string(p.Body)
	}
	var b strings.Builder
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "svg") {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	visit(p.doc)
	return strings.Join(strings.Fields(b.String()), " ")
}

// TextOf is the text of all elements whose id begins with prefix.
func (p *Page) TextOf(prefix string) string {
	var b strings.Builder
	walk(p.doc, func(n *html.Node) bool {
		if !strings.HasPrefix(attr(n, "id"), prefix) {
			return true
		}
		b.WriteString((&Page{doc: n}).Text())
		b.WriteByte('\n')
		return false
	})
	return b.String()
}

// Heading is the page's first heading.
func (p *Page) Heading() string {
	var out string
	walk(p.doc, func(n *html.Node) bool {
		if n.Data == "h1" && out == "" {
			out = strings.Join(strings.Fields((&Page{doc: n}).Text()), " ")
		}
		return out == ""
	})
	return out
}

func readForm(n *html.Node) *Form {
	f := &Form{
		Action: attr(n, "action"), Method: strings.ToUpper(attr(n, "method")),
		multipart: attr(n, "enctype") == "multipart/form-data",
		values:    url.Values{}, files: map[string]file{}, options: map[string][]string{}, attrs: map[string]string{},
	}
	for _, a := range n.Attr {
		f.attrs[a.Key] = a.Val
	}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	walk(n, func(c *html.Node) bool {
		name := attr(c, "name")
		switch c.Data {
		case "input":
			f.input(c, name)
		case "textarea":
			f.field(name)
			f.values.Set(name, (&Page{doc: c}).Text())
		case "select":
			f.field(name)
			walk(c, func(o *html.Node) bool {
				if o.Data == "option" {
					f.options[name] = append(f.options[name], attr(o, "value"))
					if has(o, "selected") || f.values.Get(name) == "" {
						f.values.Set(name, attr(o, "value"))
					}
				}
				return true
			})
		case "button":
			if name != "" {
				f.submits = append(f.submits, [2]string{name, attr(c, "value")})
			}
		}
		return true
	})
	return f
}

func (f *Form) input(c *html.Node, name string) {
	value := attr(c, "value")
	switch attr(c, "type") {
	case "hidden":
		f.values.Add(name, value)
	case "submit", "button", "reset", "image":
		if name != "" {
			f.submits = append(f.submits, [2]string{name, value})
		}
	case "radio", "checkbox":
		f.field(name)
		f.options[name] = append(f.options[name], value)
		if has(c, "checked") {
			f.values.Add(name, value)
		}
	case "file":
		f.field(name)
	default:
		f.field(name)
		f.values.Set(name, value)
	}
}

func (f *Form) field(name string) {
	if name != "" && !f.Has(name) {
		f.fields = append(f.fields, name)
	}
}

// walk visits elements in document order; visit returns whether to go inside.
func walk(n *html.Node, visit func(*html.Node) bool) {
	if n == nil {
		return
	}
	if n.Type == html.ElementNode && !visit(n) {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// FormTo is the first posting form whose action is exactly path.
func (p *Page) FormTo(path string) *Form {
	for _, f := range p.Forms() {
		if f.Method == http.MethodPost && f.Action == path {
			return f
		}
	}
	return nil
}
