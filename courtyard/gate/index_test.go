package gate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"pgregory.net/rapid"
)

// house reads the policies of every room there is.
func house(t *testing.T) (rooms []room) {
	t.Helper()
	for _, pattern := range []string{"../../rooms/*/policy.cedar", "../*/policy.cedar"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			policy, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file + "schema")
			if err != nil {
				t.Fatal(err)
			}
			rooms = append(rooms, room{filepath.Base(filepath.Dir(file)), policy, text})
		}
	}
	if len(rooms) == 0 {
		t.Skip("no room has policies yet")
	}
	return rooms
}

// The index leaves policies out. For any question, about any action of any
// room, the answer must be the one that walking all policies gives, where the
// schema lets the question be asked at all.
func TestTheIndexChangesNoAnswer(t *testing.T) {
	rooms := house(t)
	b, err := compile(rooms)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := merge(rooms)
	if err != nil {
		t.Fatal(err)
	}
	res, err := schema.NewSchemaFromAST(merged).Resolve()
	if err != nil {
		t.Fatal(err)
	}
	all := make(selection, 0, len(b.byID))
	for _, p := range b.byID {
		all = append(all, p)
	}
	var actions []string
	for a := range b.declared {
		actions = append(actions, a)
	}
	slices.Sort(actions)
	words := wordsOf(rooms)
	allowed := 0
	ask := func(t *rapid.T) {
		action := rapid.SampledFrom(actions).Draw(t, "action")
		kind := Kind(rapid.IntRange(0, 4).Draw(t, "kind")) //nolint:gosec // small
		word := rapid.SampledFrom(words)
		about := rapid.SampledFrom(b.resources[action]).Draw(t, "type")
		principal := cedar.Entity{UID: cedar.NewEntityUID(kind.entityType(), cedar.String(word.Draw(t, "person"))),
			Attributes: record(t, res.Entities[kind.entityType()].Shape, word)}
		resource := cedar.Entity{UID: cedar.NewEntityUID(about, cedar.String(word.Draw(t, "resource"))), Attributes: record(t, res.Entities[about].Shape, word)}
		act := b.actions[action]
		req := cedar.Request{Principal: principal.UID, Action: act.UID, Resource: resource.UID, Context: record(t, res.Actions[act.UID].AppliesTo.Context, word)}
		entities := cedar.EntityMap{principal.UID: principal, resource.UID: resource, act.UID: act}
		got, why := cedar.Authorize(b.byAction[action][kind], entities, req)
		if !slices.Contains(b.kinds[action], kind.entityType()) {
			if got == cedar.Allow {
				t.Fatalf("%s was allowed to a kind of asker it is not for", action)
			}
			return
		}
		want, whole := cedar.Authorize(all, entities, req)
		if got != want || len(why.Errors) != len(whole.Errors) || len(why.Reasons) != len(whole.Reasons) {
			t.Fatalf("%s: the index says %v %v, all policies say %v %v", action, got, why, want, whole)
		}
		if len(why.Errors) > 0 {
			t.Fatalf("%s: a policy fails on a question that fits the schema: %v", action, why.Errors)
		}
		if got == cedar.Allow {
			allowed++
		}
	}
	// Few random questions are allowed, and a short run asks few: it goes on
	// until one is, so that the test says something.
	for round := 0; round < 100 && (round == 0 || allowed == 0); round++ {
		rapid.Check(t, ask)
	}
	if allowed == 0 {
		t.Error("no question was ever allowed: the test asks the wrong ones")
	}
}

// wordsOf are the strings the policies compare with, so that questions hit.
func wordsOf(rooms []room) []string {
	words := []string{"", "p1", "p2", "icta.dc"}
	for _, r := range rooms {
		for i, part := range strings.Split(string(r.policy), `"`) {
			if i%2 == 1 && len(part) < 30 && !slices.Contains(words, part) && !strings.HasPrefix(part, r.name+".reason") {
				words = append(words, part)
			}
		}
	}
	return words
}

// record draws values for a shape of the schema.
func record(t *rapid.T, shape resolved.RecordType, word *rapid.Generator[string]) cedar.Record {
	m := cedar.RecordMap{}
	var names []string
	for name := range shape {
		names = append(names, string(name))
	}
	slices.Sort(names)
	for _, name := range names {
		attr := shape[cedar.String(name)]
		if attr.Optional && rapid.Bool().Draw(t, "without "+name) {
			continue
		}
		switch kind := attr.Type.(type) {
		case resolved.StringType:
			m[cedar.String(name)] = cedar.String(word.Draw(t, name))
		case resolved.BoolType:
			m[cedar.String(name)] = cedar.Boolean(rapid.Bool().Draw(t, name))
		case resolved.LongType:
			m[cedar.String(name)] = cedar.Long(rapid.Int64Range(0, 4).Draw(t, name))
		case resolved.SetType:
			var set []cedar.Value
			for _, w := range rapid.SliceOfN(word, 0, 6).Draw(t, name) {
				set = append(set, cedar.String(w))
			}
			m[cedar.String(name)] = cedar.NewSet(set...)
		default:
			t.Fatalf("attribute %s has a type the gate cannot give: %T", name, kind)
		}
	}
	return cedar.NewRecord(m)
}
