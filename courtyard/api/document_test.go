package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"sarai/courtyard/store"
)

// The OpenAPI document is read the way a client generator reads it: every
// reference resolves, every path parameter is declared, every schema is a JSON
// Schema (2020-12) that the answers themselves satisfy.
func TestTheDocumentHoldsTogether(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		got := b.call(t, "GET", "/api/openapi.json", "")
		if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %v", got.status, got.header)
		}
		if again := b.call(t, "GET", "/api/openapi.json", "", "If-None-Match", got.header.Get("ETag")); again.status != 304 {
			t.Fatalf("the unchanged document came again: %d", again.status)
		}
		var doc map[string]any
		if err := json.Unmarshal(got.body, &doc); err != nil {
			t.Fatal(err)
		}
		if doc["openapi"] != "3.1.0" || at(doc, "info", "title") != "Sarai" || at(doc, "info", "version") != "1.2" {
			t.Fatalf("head: %v %v", doc["openapi"], doc["info"])
		}
		for _, ref := range regexp.MustCompile(`"\$ref":"#/([^"]+)"`).FindAllStringSubmatch(string(got.body), -1) {
			if at(doc, strings.Split(ref[1], "/")...) == nil {
				t.Errorf("%s leads nowhere", ref[1])
			}
		}
		ids := map[string]bool{}
		paths, _ := doc["paths"].(map[string]any)
		for path, item := range paths {
			for method, o := range item.(map[string]any) {
				op, _ := o.(map[string]any)
				id, _ := op["operationId"].(string)
				if id == "" || ids[id] || op["summary"] == "" || op["x-sarai-action"] == nil {
					t.Errorf("%s %s: operation %q is not described", method, path, id)
				}
				ids[id] = true
				declared := map[string]bool{}
				params, _ := op["parameters"].([]any)
				for _, p := range params {
					p := p.(map[string]any)
					if p["in"] == "path" {
						declared[p["name"].(string)] = p["required"] == true
					}
				}
				for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
					if !declared[m[1]] {
						t.Errorf("%s: parameter %s is not declared", path, m[1])
					}
				}
				responses, _ := op["responses"].(map[string]any)
				if at(responses, "default", "content", "application/problem+json", "schema") == nil {
					t.Errorf("%s %s: failures are not described", method, path)
				}
				for scheme := range flatten(op["security"]) {
					if at(doc, "components", "securitySchemes", scheme) == nil {
						t.Errorf("%s %s: security scheme %s is not declared", method, path, scheme)
					}
				}
			}
		}
		if len(ids) != 3 {
			t.Fatalf("operations: %v", ids)
		}
		pay := at(doc, "paths", "/api/bank/accounts/{id}/payments", "post")
		text, _ := json.Marshal(pay)
		for _, want := range []string{`"Idempotency-Key"`, `"201"`, `"Idempotency-Replayed"`, `"requestBody"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the payment says nothing of %s", want)
			}
		}

		// the schemas are real: answers are held against them
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft2020)
		root, err := jsonschema.UnmarshalJSON(strings.NewReader(string(got.body)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://sarai.example/openapi.json", root); err != nil {
			t.Fatal(err)
		}
		schemas, _ := at(doc, "components", "schemas").(map[string]any)
		for name := range schemas {
			if _, err := compiler.Compile("https://sarai.example/openapi.json#/components/schemas/" + name); err != nil {
				t.Errorf("schema %s: %v", name, err)
			}
		}
		hold := func(name string, body []byte) error {
			s, err := compiler.Compile("https://sarai.example/openapi.json#/components/schemas/" + name)
			if err != nil {
				return err
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
			if err != nil {
				return err
			}
			return s.Validate(v)
		}
		if err := hold("Problem", b.call(t, "GET", "/api/bank/rates?limit=0", "").body); err != nil {
			t.Errorf("a problem is not what the document says: %v", err)
		}
		list := at(doc, "paths", "/api/bank/rates", "get", "responses", "200", "content", "application/json", "schema", "$ref")
		name, _ := list.(string)
		if err := hold(strings.TrimPrefix(name, "#/components/schemas/"), b.call(t, "GET", "/api/bank/rates", "").body); err != nil {
			t.Errorf("a list is not what the document says: %v", err)
		}
	})
}

func TestTheDocsAreReadableWithoutScripts(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		for _, lang := range []string{"en", "ur"} {
			got := b.call(t, "GET", "/api/docs", "", "Accept-Language", lang)
			if got.status != 200 || !strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Fatalf("%d %v", got.status, got.header)
			}
			page := string(got.body)
			for _, want := range []string{"/api/bank/accounts/{id}", "bank.pay", "lines[].text", `id="conflict"`, b.texts[lang]["api.docs.title"], `lang="` + lang + `"`} {
				if !strings.Contains(page, want) {
					t.Errorf("%s: nothing of %s", lang, want)
				}
			}
			if strings.Contains(page, "api.docs.") || strings.Contains(page, "api.problem.") {
				t.Errorf("%s: a text is missing", lang)
			}
			tree, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			for n := range tree.Descendants() {
				if n.Data == "script" || n.Data == "style" {
					t.Errorf("the page holds a <%s>", n.Data)
				}
				for _, a := range n.Attr {
					if a.Key == "style" || (a.Key == "href" || a.Key == "src") && strings.Contains(a.Val, "//") {
						t.Errorf("the page needs %s=%q", a.Key, a.Val)
					}
				}
			}
		}
		if css := b.call(t, "GET", "/api/docs.css", ""); css.status != 200 || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
			t.Fatalf("%d", css.status)
		}
	})
}

func TestEveryTextExistsInBothLanguages(t *testing.T) {
	en, ur := texts(t, "en"), texts(t, "ur")
	holes := regexp.MustCompile(`\{\w+\}`)
	for key, text := range en {
		other, ok := ur[key]
		if !ok || other == "" {
			t.Errorf("%s has no Urdu text", key)
			continue
		}
		a, b := holes.FindAllString(text, -1), holes.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: placeholders %v and %v", key, a, b)
		}
	}
	if len(en) != len(ur) {
		t.Errorf("%d English texts, %d Urdu ones", len(en), len(ur))
	}
}

func at(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func flatten(v any) map[string]bool {
	out := map[string]bool{}
	list, _ := v.([]any)
	for _, l := range list {
		for name := range l.(map[string]any) {
			out[name] = true
		}
	}
	return out
}
