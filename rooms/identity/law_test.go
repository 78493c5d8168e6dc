package identity_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// mayTouchPersons are the files with SQL on the register of persons, each with
// its reason. A reading anywhere else would leave no record.
var mayTouchPersons = map[string]string{
	"person.go":    "the one way in: facts come out against an access only",
	"duplicate.go": "compares inside the house and gives out scores; what the adjudicator then sees is read through Facts",
}

// TestNoWayAroundTheRecord reads the source: SQL on identity_person, and the
// fields behind a Person, are used in the files above and nowhere else.
func TestNoWayAroundTheRecord(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING && strings.Contains(n.Value, "identity_person") && mayTouchPersons[name] == "" {
					t.Errorf("%s: SQL on the register of persons outside person.go", fset.Position(n.Pos()))
				}
			case *ast.CompositeLit:
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Access" && len(n.Elts) > 0 && name != "access.go" {
					t.Errorf("%s: an access is made by recordAccess only", fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if (n.Sel.Name == "nameEn" || n.Sel.Name == "fatherEn" || n.Sel.Name == "addressEn" || n.Sel.Name == "sealed") && mayTouchPersons[name] == "" {
					if x, ok := n.X.(*ast.SelectorExpr); ok && x.Sel.Name == "row" {
						t.Errorf("%s: a person's field without an access", fset.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
}

// mayRunInUpdates are the functions of a transaction that do something slow all
// the same, each with its reason.
var mayRunInUpdates = map[string]string{
	"settle": "compares those who were entered since the survey, and nobody else",
}

// TestUpdatesAreShort reads the source: what takes processor time (comparing
// names, checking signatures, keys, pictures) stands outside of functions that
// get a transaction to write in. On SQLite such a function holds up every writer.
func TestUpdatesAreShort(t *testing.T) {
	t.Parallel()
	slow := func(c *ast.CallExpr) string {
		switch f := c.Fun.(type) {
		case *ast.Ident:
			if f.Name == "compare" || f.Name == "portrait" {
				return f.Name
			}
		case *ast.SelectorExpr:
			switch x := f.X.(type) {
			case *ast.SelectorExpr: // r.webauthn.ValidatePasskeyLogin, r.keys.Seal
				if x.Sel.Name == "webauthn" || x.Sel.Name == "keys" {
					return x.Sel.Name + "." + f.Sel.Name
				}
			case *ast.Ident:
				if x.Name == "sdjwt" || x.Name == "jwt" || f.Sel.Name == "add" && x.Name == "all" {
					return x.Name + "." + f.Sel.Name
				}
			}
		}
		return ""
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		inspect := func(name string, kind *ast.FuncType, body *ast.BlockStmt) {
			if !takesTransaction(kind) || mayRunInUpdates[name] != "" {
				return
			}
			looked++
			ast.Inspect(body, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok && slow(c) != "" {
					t.Errorf("%s: %s while a transaction is open", fset.Position(c.Pos()), slow(c))
				}
				return true
			})
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body != nil {
					inspect(n.Name.Name, n.Type, n.Body)
				}
			case *ast.FuncLit:
				inspect("", n.Type, n.Body)
			}
			return true
		})
	}
	if looked < 60 {
		t.Errorf("only %d functions with a transaction were looked at: the test has gone blind", looked)
	}
}

func takesTransaction(f *ast.FuncType) bool {
	for _, p := range f.Params.List {
		if star, ok := p.Type.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "Tx" {
				return true
			}
		}
	}
	return false
}
