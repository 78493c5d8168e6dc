package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sarai/courtyard/fault"
)

// configure is huma without what we do ourselves: no documents, pages or links
// of its own, JSON only.
func configure(o Options, base string) huma.Config {
	if o.Title == "" {
		o.Title = "Sarai"
	}
	if o.Version == "" {
		o.Version = "1"
	}
	server := base
	if server == "" {
		server = "/"
	}
	jsonFormat := huma.Format{
		Marshal: func(w io.Writer, v any) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			return e.Encode(v)
		},
		Unmarshal: json.Unmarshal,
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: o.Title, Version: o.Version,
				Description: "The JSON interface of the house. Every failed call is answered with a problem document (RFC 9457) in the language you ask for.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: server}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer":  {Type: "http", Scheme: "bearer", Description: "An access token of the house's OpenID provider."},
					"session": {Type: "apiKey", In: "cookie", Name: "__Host-sarai", Description: "The session of a signed-in browser."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// schemaName puts the room before a type's name, for two rooms may both have a
// File.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	// a generic type's arguments are in its name: List[sarai/rooms/office.File]
	for _, path := range []string{t.PkgPath(), t.Name()} {
		if _, rest, ok := strings.Cut(path, "sarai/rooms/"); ok {
			room := rest[:strings.IndexFunc(rest+"/", func(r rune) bool { return r < 'a' || r > 'z' })]
			prefix := strings.ToUpper(room[:1]) + room[1:]
			if !strings.HasPrefix(name, prefix) {
				return prefix + name
			}
			return name
		}
	}
	return name
}

// Document is the OpenAPI 3.1 document. Operations registered after the first
// call are not in it.
func (a *API) Document() []byte {
	a.document.Do(func() {
		a.localise()
		text, err := json.Marshal(a.huma.OpenAPI())
		if err != nil {
			panic("api: the OpenAPI document cannot be written: " + err.Error())
		}
		sum := sha256.Sum256(text)
		a.openapi, a.etag = text, `"`+hex.EncodeToString(sum[:8])+`"`
	})
	return a.openapi
}

// localise finishes the document: the languages answers come in, and what the
// replay of a command looks like.
func (a *API) localise() {
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				if p.Name != "Idempotency-Key" {
					continue
				}
				for status, r := range op.Responses {
					if strings.HasPrefix(status, "2") {
						if r.Headers == nil {
							r.Headers = map[string]*huma.Param{}
						}
						r.Headers["Idempotency-Replayed"] = &huma.Header{
							Description: "true when this is the answer the same command had before.",
							Schema:      &huma.Schema{Type: huma.TypeString},
						}
					}
				}
			}
		}
	}
}

func (a *API) serveDocument(w http.ResponseWriter, r *http.Request) {
	text := a.Document()
	h := w.Header()
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Access-Control-Allow-Origin", "*") // public, and tools read it from elsewhere
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

//go:embed docs.css
var style []byte

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(style)
}

func (a *API) serveDocs(w http.ResponseWriter, r *http.Request) {
	a.Document()
	var b bytes.Buffer
	if err := docsPage.Execute(&b, a.docs(of(r.Context()).lang)); err != nil {
		a.fail(w, r, fmt.Errorf("api: docs: %w", err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "public, max-age=60")
	_, _ = w.Write(b.Bytes())
}

// kinds are the sorts of problem in the order the page explains them.
var kinds = []fault.Kind{
	fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Conflict,
	fault.Gone, fault.TooLarge, fault.Limit, fault.Unavailable, fault.Internal,
}
