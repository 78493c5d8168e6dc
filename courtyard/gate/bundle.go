package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	schemaast "github.com/cedar-policy/cedar-go/x/exp/schema/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// national is the name under which the gate's own policies stand.
const national = "national"

// situation is the shared context type's name in gate.cedarschema.
const situation = "Situation"

// policy is one compiled policy with what the record and the refusal need.
type policy struct {
	id      string
	reason  string
	record  bool
	permit  bool
	room    string
	actions []string // actions it names; empty means all
	kinds   []Kind   // kinds of principal it can apply to; empty means all
	cedar   *cedar.Policy
}

// selection is the policies that can matter to one action and kind.
type selection []*policy

// All lets Cedar walk a selection in file order.
func (s selection) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range s {
			if !yield(cedar.PolicyID(p.id), p.cedar) {
				return
			}
		}
	}
}

// bundle is everything the gate decides by. It never changes.
type bundle struct {
	hash      string
	sources   []byte // JSON: name -> text
	byID      map[string]*policy
	byAction  map[string]*[len(kindNames)]selection
	declared  map[string]bool // actions that apply to something
	permitted map[string]bool // actions with at least one permit that names them
	actions   map[string]cedar.Entity
	resources map[string][]cedar.EntityType // what each action applies to
	kinds     map[string][]cedar.EntityType // who may ask for it at all
	validator *validate.Validator
}

func (b *bundle) reasonKeys() []string {
	var keys []string
	for _, p := range b.byID {
		keys = append(keys, p.reason)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// compile merges the schemas, checks every policy strictly and indexes them.
func compile(rooms []room) (*bundle, error) {
	rooms = slices.Clone(rooms)
	slices.SortStableFunc(rooms, func(a, b room) int { return strings.Compare(a.name, b.name) })
	merged, err := merge(rooms)
	if err != nil {
		return nil, err
	}
	res, err := schema.NewSchemaFromAST(merged).Resolve()
	if err != nil {
		return nil, fmt.Errorf("gate: the rooms' schemas do not fit together: %w", err)
	}
	b := &bundle{
		byID:      map[string]*policy{},
		byAction:  map[string]*[len(kindNames)]selection{},
		declared:  map[string]bool{},
		permitted: map[string]bool{},
		actions:   map[string]cedar.Entity{},
		resources: map[string][]cedar.EntityType{},
		kinds:     map[string][]cedar.EntityType{},
		validator: validate.New(res, validate.WithStrict()),
	}
	var errs []error
	if err := checkContexts(res); err != nil {
		errs = append(errs, err)
	}
	for uid, a := range res.Actions {
		e := a.Entity
		e.Parents = cedar.NewEntityUIDSet(ancestors(res, uid)...)
		b.actions[string(uid.ID)] = e
		if a.AppliesTo != nil {
			b.declared[string(uid.ID)] = true
			b.resources[string(uid.ID)], b.kinds[string(uid.ID)] = a.AppliesTo.Resources, a.AppliesTo.Principals
			b.byAction[string(uid.ID)] = new([len(kindNames)]selection)
		}
	}
	all := append([]room{{name: national, policy: nationalPolicy}}, rooms...)
	for _, r := range all {
		errs = append(errs, b.add(r, res)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b.seal(rooms)
	return b, nil
}

// merge puts the rooms' schemas and the shared one together.
func merge(rooms []room) (*schemaast.Schema, error) {
	var shared schema.Schema
	shared.SetFilename("courtyard/gate/gate.cedarschema")
	if err := shared.UnmarshalCedar(sharedSchema); err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	out := shared.AST()
	if out.Actions == nil {
		out.Actions = schemaast.Actions{}
	}
	names := map[string]bool{national: true}
	var errs []error
	for _, r := range rooms {
		if names[r.name] || r.name == "" {
			errs = append(errs, fmt.Errorf("gate: two rooms are called %q", r.name))
			continue
		}
		names[r.name] = true
		var s schema.Schema
		s.SetFilename(r.schemaFile())
		if err := s.UnmarshalCedar(r.schema); err != nil {
			errs = append(errs, fmt.Errorf("gate: %s: %w", r.schemaFile(), err))
			continue
		}
		errs = append(errs, into(out, s.AST(), r)...)
	}
	return out, errors.Join(errs...)
}

func (r room) schemaFile() string { return "rooms/" + r.name + "/policy.cedarschema" }

func (r room) policyFile() string {
	if r.name == national {
		return "courtyard/gate/national.cedar"
	}
	return "rooms/" + r.name + "/policy.cedar"
}

func into(out, in *schemaast.Schema, r room) (errs []error) {
	complain := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("gate: "+r.schemaFile()+": "+format, args...))
	}
	if len(in.Namespaces) > 0 {
		complain("namespaces are not used here: begin the types' names with the room's")
	}
	for name, e := range in.Entities {
		if _, ok := out.Entities[name]; ok {
			complain("entity type %s is declared already", name)
			continue
		}
		out.Entities[name] = e
	}
	for name, e := range in.Enums {
		if _, ok := out.Enums[name]; ok {
			complain("entity type %s is declared already", name)
			continue
		}
		if out.Enums == nil {
			out.Enums = schemaast.Enums{}
		}
		out.Enums[name] = e
	}
	for name, c := range in.CommonTypes {
		if _, ok := out.CommonTypes[name]; ok {
			complain("type %s is declared already", name)
			continue
		}
		out.CommonTypes[name] = c
	}
	for name, a := range in.Actions {
		if !strings.HasPrefix(string(name), r.name+".") {
			complain("action %q does not begin with %q", name, r.name+".")
			continue
		}
		if a.AppliesTo != nil && a.AppliesTo.Context == nil {
			applies := *a.AppliesTo
			applies.Context = schemaast.Type(situation)
			a.AppliesTo = &applies
		}
		out.Actions[name] = a
	}
	return errs
}

// checkContexts makes sure that every action has the one context the gate gives.
func checkContexts(res *resolved.Schema) error {
	want := resolved.RecordType{
		"now":    {Type: resolved.LongType{}},
		"acting": {Type: resolved.StringType{}},
		"demo":   {Type: resolved.BoolType{}},
	}
	var errs []error
	for uid, a := range res.Actions {
		if a.AppliesTo == nil {
			continue
		}
		got := resolved.RecordType{}
		for name, attr := range a.AppliesTo.Context {
			attr.Annotations = nil
			got[name] = attr
		}
		if !reflect.DeepEqual(got, want) {
			errs = append(errs, fmt.Errorf("gate: action %q: the context is the gate's: leave it out or write context: %s", uid.ID, situation))
		}
	}
	return errors.Join(errs...)
}

// ancestors are all groups an action is in, near and far.
func ancestors(res *resolved.Schema, uid cedar.EntityUID) (out []cedar.EntityUID) {
	seen := map[cedar.EntityUID]bool{}
	var walk func(cedar.EntityUID)
	walk = func(u cedar.EntityUID) {
		for p := range res.Actions[u].Entity.Parents.All() {
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
				walk(p)
			}
		}
	}
	walk(uid)
	return out
}

// add reads, checks and indexes one file of policies.
func (b *bundle) add(r room, res *resolved.Schema) (errs []error) {
	list, err := cedar.NewPolicyListFromBytes(r.policyFile(), r.policy)
	if err != nil {
		return []error{fmt.Errorf("gate: %s: %w", r.policyFile(), err)}
	}
	for _, c := range list {
		p, err := b.read(r, c, res)
		if err != nil {
			errs = append(errs, fmt.Errorf("gate: %s:%d: %w", r.policyFile(), c.Position().Line, err))
			continue
		}
		b.byID[p.id] = p
		b.index(p)
	}
	return errs
}

// read turns one parsed policy into ours, or says what is wrong with it.
func (b *bundle) read(r room, c *cedar.Policy, res *resolved.Schema) (*policy, error) {
	notes := c.Annotations()
	p := &policy{
		id: string(notes["id"]), reason: string(notes["reason"]), record: notes["record"] != "no",
		permit: c.Effect() == cedar.Permit, room: r.name, cedar: c,
	}
	switch {
	case !strings.HasPrefix(p.id, r.name+"."):
		return nil, fmt.Errorf("a policy needs @id(%q)", r.name+".something")
	case b.byID[p.id] != nil:
		return nil, fmt.Errorf("two policies have the id %q", p.id)
	case p.reason == "":
		return nil, fmt.Errorf("policy %s needs @reason with a message key", p.id)
	case r.name == national && p.permit:
		return nil, fmt.Errorf("policy %s: the national file holds prohibitions only", p.id)
	case !p.permit && !p.record:
		return nil, fmt.Errorf("policy %s: a refusal is always recorded", p.id)
	}
	for key := range notes {
		if key != "id" && key != "reason" && key != "record" {
			return nil, fmt.Errorf("policy %s: annotation @%s means nothing here", p.id, key)
		}
	}
	tree := (*ast.Policy)(c.AST())
	named, err := scopeActions(tree.Action)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", p.id, err)
	}
	if r.name != national {
		if len(named) == 0 {
			return nil, fmt.Errorf("policy %s: name the actions: a room's policy is not for all of them", p.id)
		}
		for _, a := range named {
			if !strings.HasPrefix(a, r.name+".") {
				return nil, fmt.Errorf("policy %s: action %q is not one of room %s", p.id, a, r.name)
			}
		}
	}
	for _, a := range named {
		p.actions = append(p.actions, members(res, a)...)
	}
	if len(named) > 0 && len(p.actions) == 0 && r.name == national {
		// a national group without members yet: nothing to check it against,
		// nothing it could forbid
		p.actions = []string{named[0]}
		return p, nil
	}
	if err := b.validator.Policy("", tree); err != nil {
		return nil, fmt.Errorf("policy %s: %s", p.id, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	p.kinds = scopeKinds(tree.Principal)
	return p, nil
}

// scopeActions are the actions and groups a policy's head names; none for all.
func scopeActions(scope ast.IsActionScopeNode) ([]string, error) {
	var uids []cedar.EntityUID
	switch s := scope.(type) {
	case ast.ScopeTypeAll:
		return nil, nil
	case ast.ScopeTypeEq:
		uids = append(uids, s.Entity)
	case ast.ScopeTypeIn:
		uids = append(uids, s.Entity)
	case ast.ScopeTypeInSet:
		uids = append(uids, s.Entities...)
	}
	if len(uids) == 0 {
		return nil, errors.New("an empty list of actions")
	}
	names := make([]string, len(uids))
	for i, u := range uids {
		names[i] = string(u.ID)
	}
	return names, nil
}

// members are the actions that apply to something among name and, if it is a
// group, everything in it.
func members(res *resolved.Schema, name string) (out []string) {
	group := cedar.NewEntityUID("Action", cedar.String(name))
	for uid, a := range res.Actions {
		if a.AppliesTo != nil && (uid == group || slices.Contains(ancestors(res, uid), group)) {
			out = append(out, string(uid.ID))
		}
	}
	return out
}

// scopeKinds are the kinds of principal a policy's head admits; none for all.
func scopeKinds(scope ast.IsPrincipalScopeNode) []Kind {
	var t cedar.EntityType
	switch s := scope.(type) {
	case ast.ScopeTypeIs:
		t = s.Type
	case ast.ScopeTypeEq:
		t = s.Entity.Type
	}
	for k, name := range entityTypes {
		if name == t {
			return []Kind{Kind(k)} //nolint:gosec // five kinds
		}
	}
	return nil
}

func (b *bundle) index(p *policy) {
	actions := p.actions
	if len(actions) == 0 {
		for a := range b.byAction {
			actions = append(actions, a)
		}
	}
	for _, a := range slices.Compact(slices.Sorted(slices.Values(actions))) {
		at := b.byAction[a]
		if at == nil {
			continue
		}
		if p.permit {
			b.permitted[a] = true
		}
		for k := range at {
			// a policy was checked only for the principals its action applies to
			if !slices.Contains(b.kinds[a], Kind(k).entityType()) { //nolint:gosec // five kinds
				continue
			}
			if len(p.kinds) == 0 || slices.Contains(p.kinds, Kind(k)) { //nolint:gosec // five kinds
				at[k] = append(at[k], p)
			}
		}
	}
}

// seal fixes the bundle's text and hash.
func (b *bundle) seal(rooms []room) {
	sources := map[string]string{
		"courtyard/gate/gate.cedarschema": string(sharedSchema),
		"courtyard/gate/national.cedar":   string(nationalPolicy),
	}
	for _, r := range rooms {
		sources[r.schemaFile()], sources[r.policyFile()] = string(r.schema), string(r.policy)
	}
	b.sources, _ = json.Marshal(sources) // strings only; keys come sorted
	sum := sha256.Sum256(b.sources)
	b.hash = hex.EncodeToString(sum[:])
}
