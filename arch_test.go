// Package sarai_test holds the laws of the house. They read the source with
// go/parser, so they need no build and take a few milliseconds.
package sarai_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "sarai"

// mayImport says, for the parts of the courtyard, which other parts each may
// use. A part that is not named here is a leaf and may use leaves only.
var mayImport = map[string][]string{
	"store":   {},
	"keys":    {"store"},
	"journal": {"store"},
	"job":     {"store"},
	"tlog":    {"journal", "keys", "store"},
	"gate":    {"journal", "store"},
	"web":     {"gate", "journal", "store"},
	"api":     {"gate", "store", "web"},
	// the bundle that rooms are given, and its test builder, see everything
	"": {"*"}, "courttest": {"*"},
}

var leaves = map[string]bool{"fault": true, "clock": true, "id": true, "telemetry": true, "country": true}

// longFiles are hand-written files that may pass the limit, each with its reason.
var longFiles = map[string]string{}

const lineLimit = 500

var bannedNames = regexp.MustCompile(`^(util|utils|common|helper|helpers|misc|types|models)$`)

type source struct {
	file string // slash path from the root
	pkg  string // directory
	ast  *ast.File
	fset *token.FileSet
	text string
}

// TestTheLaws reads every Go file once and holds it against each law.
func TestTheLaws(t *testing.T) {
	files := readAll(t, ".")
	if len(files) < 10 {
		t.Fatalf("read only %d files: the test does not see the house", len(files))
	}
	for _, law := range []struct {
		name  string
		check func([]source) []string
	}{
		{"imports go down, never up and never sideways", imports},
		{"a room touches only its own tables", tables},
		{"every package says what it is for in doc.go", docs},
		{"hand-written files stay readable", lengths},
		{"packages are named after concepts", packageNames},
		{"nothing asks the machine for the time or for its environment behind our back", ambient},
	} {
		t.Run(law.name, func(t *testing.T) {
			for _, broken := range law.check(files) {
				t.Error(broken)
			}
		})
	}
}

// TestTheImportLawBites plants violations and expects each to be named.
func TestTheImportLawBites(t *testing.T) {
	for _, c := range []struct{ file, imports, want string }{
		{"rooms/office/file.go", "sarai/rooms/payments", "a room never imports a room"},
		{"rooms/office/file.go", "sarai/rooms/payments/emvqr", "a room never imports a room"},
		{"rooms/office/file.go", "sarai/house", "imports go down only"},
		{"courtyard/store/db.go", "sarai/courtyard/journal", "store may not use journal"},
		{"courtyard/journal/journal.go", "sarai/courtyard/gate", "journal may not use gate"},
		{"courtyard/fault/fault.go", "sarai/courtyard/store", "fault may not use store"},
		{"courtyard/web/site.go", "sarai/rooms/office", "imports go down only"},
		{"house/house.go", "sarai/cmd/sarai", "imports go down only"},
		{"rooms/office/pdf/writer.go", "sarai/courtyard/store", "knows nothing of the house"},
		{"rooms/office/file.go", "sarai/rooms/office/pdf", ""},
		{"rooms/office/file.go", "sarai/courtyard/store", ""},
		{"courtyard/tlog/log.go", "sarai/courtyard/keys", ""},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, c.file, "package x\nimport _ \""+c.imports+"\"\n", parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(imports([]source{{file: c.file, pkg: path.Dir(c.file), ast: f, fset: fset}}), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s importing %s: got %q, want %q", c.file, c.imports, got, c.want)
		}
	}
}

func readAll(t *testing.T, root string) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			n := d.Name()
			// conformance and tools are modules of their own, outside the house
			if p != root && (strings.HasPrefix(n, ".") || n == "node_modules" || n == "testdata" || p == "conformance" || p == "tools" || n == "out") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, filepath.ToSlash(p), text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(p), path.Dir(filepath.ToSlash(p)), f, fset, string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func imports(files []source) (broken []string) {
	for _, f := range files {
		test := strings.HasSuffix(f.file, "_test.go")
		for _, spec := range f.ast.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if !strings.HasPrefix(target, module+"/") {
				continue
			}
			if why := lawBroken(f.pkg, strings.TrimPrefix(target, module+"/"), test); why != "" {
				pos := f.fset.Position(spec.Pos())
				broken = append(broken, fmt.Sprintf("%s:%d: %s imports %s: %s", f.file, pos.Line, f.pkg, strings.TrimPrefix(target, module+"/"), why))
			}
		}
	}
	return broken
}

// lawBroken gives the reason why from may not import to, or nothing.
func lawBroken(from, to string, test bool) string {
	height := map[string]int{"cmd": 4, "house": 3, "rooms": 2, "courtyard": 1, "countries": 0}
	fw, fr := split(from)
	tw, tr := split(to)
	fh, known := height[fw]
	if !known {
		return "" // the root package: laws and examples
	}
	if height[tw] > fh {
		return "imports go down only: cmd -> house -> rooms -> courtyard"
	}
	switch {
	case fw == "rooms" && tw == "rooms" && first(fr) != first(tr):
		return "a room never imports a room: use a wanted interface, a subscription or a link"
	case fw == "rooms" && strings.Contains(fr, "/") && !test && (tw != "rooms" && to != "courtyard/fault"):
		return "a protocol package inside a room knows nothing of the house"
	case fw == "courtyard" && tw == "courtyard" && !test:
		a, b := first(fr), first(tr)
		if a == b || strings.HasSuffix(fr, "test") || leaves[b] && !leaves[a] || a == "country" && b == "fault" {
			return ""
		}
		for _, ok := range mayImport[a] {
			if ok == b || ok == "*" {
				return ""
			}
		}
		return fmt.Sprintf("in the courtyard %s may not use %s", a, b)
	}
	return ""
}

func split(p string) (wing, rest string) {
	wing, rest, _ = strings.Cut(p, "/")
	return wing, rest
}

func first(p string) string {
	a, _, _ := strings.Cut(p, "/")
	return a
}

var tableWord = regexp.MustCompile(`(?i)\b(?:from|join|into|update|table(?: if not exists)?|references)\s+([a-z]+)_[a-z_]+`)

// tables looks at string literals that are SQL and at migrations.
func tables(files []source) (broken []string) {
	parts := map[string]bool{}
	for _, f := range files {
		if w, r := split(f.pkg); w == "rooms" || w == "courtyard" {
			parts[first(r)] = true
		}
	}
	check := func(owner, where, sql string) {
		for _, m := range tableWord.FindAllStringSubmatch(sql, -1) {
			prefix := strings.ToLower(m[1])
			if owner == "store" && prefix == "journal" || strings.HasSuffix(m[0], "clock_timestamp") {
				continue // an event is written in the transaction of the change, so the store writes it; PostgreSQL's function is no table
			}
			if parts[prefix] && prefix != owner {
				broken = append(broken, fmt.Sprintf("%s: %s touches a table of %s: %q", where, owner, prefix, m[0]))
			}
		}
	}
	sqlVerb := regexp.MustCompile(`(?i)\b(select|insert|update|delete)\b`)
	for _, f := range files {
		w, r := split(f.pkg)
		if (w != "rooms" && w != "courtyard") || strings.HasSuffix(f.file, "_test.go") || strings.HasSuffix(f.file, "_templ.go") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if ok && lit.Kind == token.STRING && sqlVerb.MatchString(lit.Value) {
				check(first(r), fmt.Sprintf("%s:%d", f.file, f.fset.Position(lit.Pos()).Line), lit.Value)
			}
			return true
		})
	}
	for _, wing := range []string{"rooms", "courtyard"} {
		found, _ := filepath.Glob(wing + "/*/migrations/*.sql")
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				broken = append(broken, err.Error())
				continue
			}
			check(strings.Split(filepath.ToSlash(file), "/")[1], file, string(text))
		}
	}
	return broken
}

func docs(files []source) (broken []string) {
	has, seen := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		if strings.HasSuffix(f.file, "_test.go") || f.pkg == "." {
			continue
		}
		seen[f.pkg] = true
		if path.Base(f.file) == "doc.go" && f.ast.Doc != nil && len(f.ast.Doc.Text()) > 80 {
			has[f.pkg] = true
		}
	}
	for pkg := range seen {
		if !has[pkg] {
			broken = append(broken, pkg+": no doc.go that says what the package is for")
		}
	}
	return broken
}

func lengths(files []source) (broken []string) {
	for _, f := range files {
		if strings.HasSuffix(f.file, "_templ.go") || strings.HasSuffix(f.file, "_gen.go") || strings.HasSuffix(f.file, "_test.go") {
			continue
		}
		n := strings.Count(f.text, "\n")
		if n > lineLimit && longFiles[f.file] == "" {
			broken = append(broken, fmt.Sprintf("%s has %d lines (limit %d): does it hold one concept? else state the reason in longFiles", f.file, n, lineLimit))
		}
	}
	return broken
}

func packageNames(files []source) (broken []string) {
	seen := map[string]bool{}
	for _, f := range files {
		if !seen[f.pkg] && bannedNames.MatchString(path.Base(f.pkg)) {
			seen[f.pkg] = true
			broken = append(broken, f.pkg+": name the package after the concept it holds")
		}
	}
	return broken
}

// ambient: rooms take the time from their clock or their transaction, and
// their settings from what house gives them.
func ambient(files []source) (broken []string) {
	for _, f := range files {
		w, r := split(f.pkg)
		if w != "rooms" || strings.Contains(r, "/") || strings.HasSuffix(f.file, "_test.go") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch x.Name + "." + sel.Sel.Name {
			case "time.Now", "os.Getenv", "os.LookupEnv":
				broken = append(broken, fmt.Sprintf("%s:%d: %s.%s: take it from the clock, the transaction or what house gives", f.file, f.fset.Position(n.Pos()).Line, x.Name, sel.Sel.Name))
			}
			return true
		})
	}
	return broken
}
