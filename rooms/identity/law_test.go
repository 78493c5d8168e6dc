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
