package api

import (
	_ "embed"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

var docsPage = template.Must(template.New("docs").Parse(docsHTML))

// docs is the OpenAPI document as the page shows it.
type docs struct {
	Lang, Dir string
	T         func(key string) string
	Title     string
	About     string
	Version   string
	Groups    []docsGroup
	Problems  []docsProblem
}

type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description, Action string
	Parameters                                     []docsField
	Body                                           []docsField
	Answer                                         []docsField
	Status                                         string
}

type docsField struct {
	Name, Type, Doc, In string
	Required            bool
}

type docsProblem struct {
	Kind, Title, Doc string
	Status           int
}

func (a *API) docs(lang string) docs {
	doc := a.huma.OpenAPI()
	d := docs{
		Lang: lang, Dir: "ltr", Title: doc.Info.Title, About: doc.Info.Description, Version: doc.Info.Version,
		T: func(key string) string { return a.text(lang, key, nil) },
	}
	if lang == "ur" || lang == "ar" || lang == "fa" {
		d.Dir = "rtl"
	}
	groups := map[string][]docsOperation{}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], describeForReading(doc, method, path, op))
			}
		}
	}
	for name, ops := range groups {
		slices.SortFunc(ops, func(x, y docsOperation) int { return strings.Compare(x.Path+x.Method, y.Path+y.Method) })
		d.Groups = append(d.Groups, docsGroup{name, ops})
	}
	slices.SortFunc(d.Groups, func(x, y docsGroup) int { return strings.Compare(x.Name, y.Name) })
	for _, k := range kinds {
		d.Problems = append(d.Problems, docsProblem{k.String(), d.T("api.problem." + k.String()), d.T("api.problem." + k.String() + ".doc"), k.Status()})
	}
	return d
}

func describeForReading(doc *huma.OpenAPI, method, path string, op *huma.Operation) docsOperation {
	o := docsOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description}
	o.Action, _ = op.Extensions["x-sarai-action"].(string)
	for _, p := range op.Parameters {
		o.Parameters = append(o.Parameters, docsField{Name: p.Name, In: p.In, Required: p.Required, Doc: firstOf(p.Description, p.Schema), Type: typeName(p.Schema)})
	}
	if op.RequestBody != nil {
		o.Body = fields(doc, content(op.RequestBody.Content), "", 0)
	}
	for status, r := range op.Responses {
		if strings.HasPrefix(status, "2") {
			o.Status = status
			o.Answer = fields(doc, content(r.Content), "", 0)
		}
	}
	return o
}

func content(media map[string]*huma.MediaType) *huma.Schema {
	for _, m := range media {
		return m.Schema
	}
	return nil
}

// fields flattens a schema: items[].amount.
func fields(doc *huma.OpenAPI, s *huma.Schema, prefix string, depth int) (out []docsField) {
	s = resolve(doc, s)
	if s == nil || depth > 5 {
		return nil
	}
	if s.Items != nil {
		return fields(doc, s.Items, prefix+"[]", depth+1)
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := s.Properties[name]
		full := strings.TrimPrefix(prefix+"."+name, ".")
		r := resolve(doc, p)
		doctext := p.Description
		if doctext == "" && r != nil {
			doctext = r.Description
		}
		out = append(out, docsField{Name: full, Type: typeName(r), Doc: doctext, Required: slices.Contains(s.Required, name)})
		out = append(out, fields(doc, p, full, depth+1)...)
	}
	return out
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	name := s.Type
	if s.Format != "" {
		name += " (" + s.Format + ")"
	}
	return name
}

func firstOf(text string, s *huma.Schema) string {
	if text == "" && s != nil {
		return s.Description
	}
	return text
}
