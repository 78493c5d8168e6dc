package sarai_test

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// saysOf names, for each room, the members of its events that are text in the
// program: ids, codes, numbers of files and hashes. Everything else in an event
// is a number, a time or yes and no. An event is copied into the log's store, to
// subscribers and to whoever reads the journal, for as long as those live: what
// people wrote, and who they are, stays in the rooms' tables, where it can be
// corrected and deleted. A name that is missing here is a question to be
// answered before it is added: can a person have written this?
var saysOf = map[string]string{
	"services": "application service office definition fee outcome post document number sha256",
	"payments": "transfer debit credit from to currency phase reason fee key payee account participant kind root head settled_by alias claim type donor claimer mark reporter counterpart outcome class program period state digest serial group fund original recall request dispute",
	"office":   "receipt diary office file application number service holder kind post charge digest key from to outcome grounds",
	// purpose and basis are a text's key, a service's name, a file's number or a
	// law: the program's words, which the person reads among the readings
	"identity": "source district outcome state access facts purpose basis method client reason consent scopes offer credential type suspension act ground",
	"cert":     "alert rule incident number severity outcome",
}

// plainKinds cannot hold words.
var plainKinds = map[string]bool{"bool": true, "int": true, "int64": true, "uint64": true, "time.Time": true}

// TestEventsCarryNoWords walks the event types of the rooms: each is a type of
// the room's events.go, and its text members are known codes.
func TestEventsCarryNoWords(t *testing.T) {
	emitted := 0
	for room, names := range saysOf {
		known := map[string]bool{}
		for _, n := range strings.Fields(names) {
			known[n] = true
		}
		types := map[string]*ast.StructType{}
		files := readAll(t, filepath.Join("rooms", room))
		for _, f := range files {
			if !strings.HasSuffix(f.file, "events.go") {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if s, ok := n.(*ast.TypeSpec); ok {
					if body, ok := s.Type.(*ast.StructType); ok && ast.IsExported(s.Name.Name) {
						types[s.Name.Name] = body
						for _, m := range body.Fields.List {
							checkMember(t, f, room, s.Name.Name, m, known)
						}
					}
				}
				return true
			})
		}
		if len(types) == 0 {
			t.Errorf("room %s has no event types in events.go", room)
		}
		for _, f := range files {
			if strings.HasSuffix(f.file, "_test.go") || f.pkg != "rooms/"+room {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || text(lit.Type) != "store.Event" {
					return true
				}
				emitted++
				for _, e := range lit.Elts {
					kv, ok := e.(*ast.KeyValueExpr)
					if !ok || text(kv.Key) != "Data" {
						continue
					}
					switch v := kv.Value.(type) {
					case *ast.CompositeLit:
						if types[text(v.Type)] == nil {
							t.Errorf("%s: an event's data is %s, which is not a type of events.go", where(f, v), text(v.Type))
						}
					case *ast.Ident, *ast.CallExpr: // a variable or a.data(): of a named type, the compiler knows which
					default:
						t.Errorf("%s: cannot see what this event says", where(f, v))
					}
				}
				return true
			})
		}
	}
	if emitted < 20 {
		t.Errorf("saw only %d events: the test does not see the rooms", emitted)
	}
}

func checkMember(t *testing.T, f source, room, owner string, m *ast.Field, known map[string]bool) {
	t.Helper()
	kind := text(m.Type)
	if plainKinds[kind] || m.Tag == nil {
		if m.Tag == nil {
			t.Errorf("%s: a member of %s has no name in JSON", where(f, m), owner)
		}
		return
	}
	name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(m.Tag.Value, "`")).Get("json"), ",")
	switch {
	case kind == "[]string" && known[name]:
	case strings.HasPrefix(kind, "[]"), strings.HasPrefix(kind, "map["), kind == "any":
		t.Errorf("%s: %s.%s is %s; an event of room %s holds ids, codes and numbers", where(f, m), owner, name, kind, room)
	case !known[name]:
		t.Errorf("%s: %s.%s may hold words; events of room %s carry ids, codes and hashes, and readers fetch the text through an interface", where(f, m), owner, name, room)
	}
}

func where(f source, n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.file, f.fset.Position(n.Pos()).Line)
}

// text writes a type's name as it stands in the source.
func text(e ast.Expr) string {
	switch v := e.(type) {
	case *ast.Ident:
		return v.Name
	case *ast.SelectorExpr:
		return text(v.X) + "." + v.Sel.Name
	case *ast.ArrayType:
		return "[]" + text(v.Elt)
	case *ast.MapType:
		return "map[" + text(v.Key) + "]" + text(v.Value)
	case *ast.StarExpr:
		return "*" + text(v.X)
	}
	return "?"
}
