package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	cedar "github.com/cedar-policy/cedar-go"

	"sarai/courtyard/fault"
)

// Permit is proof that the gate allowed one principal one action on one
// resource. Only Authorize makes permits; the methods of a zero one panic, so
// that a handler cannot run on a permit somebody made up.
type Permit[R Entity] struct{ p *permitted[R] }

type permitted[R Entity] struct {
	who      Principal
	action   string
	resource R
	decision string
}

// Who is the principal that was allowed.
func (p Permit[R]) Who() Principal { return p.proof().who }

// Resource is what the action is about, as its loader gave it.
func (p Permit[R]) Resource() R { return p.proof().resource }

// Action is what was allowed.
func (p Permit[R]) Action() string { return p.proof().action }

// DecisionID names the record in gate_decision; empty when it was a read of
// public data that is not recorded.
func (p Permit[R]) DecisionID() string { return p.proof().decision }

// Valid says whether the permit came from the gate.
func (p Permit[R]) Valid() bool { return p.p != nil }

func (p Permit[R]) proof() *permitted[R] {
	if p.p == nil {
		panic("gate: a permit the gate did not give")
	}
	return p.p
}

// Authorize asks the gate. A refusal is a fault: Unauthenticated when nobody is
// signed in, else Forbidden, with key "gate.refused" and in its Args the
// message keys of the reasons (see Reasons). Do not call it inside
// store.Update: the decision is written in an update of its own.
func Authorize[R Entity](ctx context.Context, g *Gate, who Principal, action string, r R) (Permit[R], error) {
	id, err := g.decide(ctx, who, action, r.GateResource())
	if err != nil {
		return Permit[R]{}, err
	}
	return Permit[R]{&permitted[R]{who: who, action: action, resource: r, decision: id}}, nil
}

// SystemPermit asks the gate for a job of the house.
func SystemPermit[R Entity](ctx context.Context, g *Gate, job, action string, r R) (Permit[R], error) {
	return Authorize(ctx, g, Principal{Kind: System, ID: job}, action, r)
}

// Would says what the gate would answer, without recording it, so that a page
// shows only buttons that work. It gives no permit.
func (g *Gate) Would(who Principal, action string, r Entity) bool {
	d, err := g.evaluate(who, action, r.GateResource())
	return err == nil && d.Allowed
}

// Reasons are the message keys that explain a refusal, most telling first;
// none for other errors.
func Reasons(err error) []string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Args["reasons"] == "" {
		return nil
	}
	return strings.Split(f.Args["reasons"], ",")
}

// decide evaluates, records and answers.
func (g *Gate) decide(ctx context.Context, who Principal, action string, r Resource) (id string, err error) {
	d, err := g.evaluate(who, action, r)
	if err != nil {
		return "", err
	}
	if d.recorded {
		d.ID = g.newID()
		if err := g.write(ctx, d.Decision); err != nil {
			return "", fault.New(fault.Unavailable, "gate.no-record").Because(fmt.Errorf("record the decision: %w", err))
		}
		id = d.ID
	}
	if len(d.Errors) > 0 {
		g.logger.LogAttrs(ctx, slog.LevelError, "a policy failed: refused", slog.String("action", action),
			slog.String("resource", r.Type), slog.Any("errors", d.Errors), slog.String("decision", d.ID))
	}
	if d.Allowed {
		return id, nil
	}
	kind := fault.Forbidden
	if who.Kind == Anonymous {
		kind = fault.Unauthenticated
	}
	reasons := d.Reasons
	if len(reasons) == 0 {
		reasons = []string{"gate.no-permit"}
	}
	return "", fault.New(kind, "gate.refused", "action", action, "decision", id,
		"reason", reasons[0], "reasons", strings.Join(reasons, ","))
}

// verdict is a decision before it is written.
type verdict struct {
	Decision
	recorded bool
}

// evaluate takes the decision. Its error is a defect of the program (unsealed
// gate, unknown action), never a refusal.
func (g *Gate) evaluate(who Principal, action string, r Resource) (verdict, error) {
	b := g.bundle.Load()
	if b == nil {
		return verdict{}, fault.New(fault.Internal, "fault.internal").Because(errors.New("gate: asked before it was sealed"))
	}
	byKind, ok := b.byAction[action]
	if !ok {
		return verdict{}, fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("gate: asked for action %q, which no schema declares", action))
	}
	now := g.clock.Now()
	v := verdict{recorded: true, Decision: Decision{
		At: now, Actor: who.Actor(), Person: who.ID, Kind: who.Kind, Action: action,
		ResourceType: r.Type, ResourceID: r.ID, Bundle: b.hash,
	}}
	if who.Kind == Anonymous {
		v.Person = ""
	}
	policies := byKind[min(int(who.Kind), len(byKind)-1)]
	req, entities, err := b.request(who, action, r, now, g.demo)
	if err != nil {
		v.Errors = []string{err.Error()}
		v.Reasons = []string{"gate.policy-failed"}
		return v, nil //nolint:nilerr // the error is in the verdict: what cannot be asked is refused, on record
	}
	answer, why := cedar.Authorize(policies, entities, req)
	for _, e := range why.Errors {
		v.Errors = append(v.Errors, string(e.PolicyID)+": "+e.Message)
	}
	for _, reason := range why.Reasons {
		v.Policies = append(v.Policies, string(reason.PolicyID))
	}
	switch {
	case len(v.Errors) > 0:
		// Cedar skips a policy that fails; a forbid that was skipped would let
		// pass what it should stop
		v.Reasons = []string{"gate.policy-failed"}
	case answer == cedar.Allow:
		v.Allowed = true
		v.Reasons = b.reasons(v.Policies)
		v.recorded = who.Kind != Anonymous || !b.unrecorded(v.Policies)
	case len(v.Policies) > 0:
		v.Reasons = b.reasons(v.Policies)
	default:
		v.Reasons = whoMay(policies, b.byAction[action])
	}
	return v, nil
}

// request puts the question in Cedar's words and holds it against the schema.
func (b *bundle) request(who Principal, action string, r Resource, now time.Time, demo bool) (cedar.Request, cedar.EntityMap, error) {
	principal := who.entity(now)
	resource, err := r.entity()
	if err != nil {
		return cedar.Request{}, nil, err
	}
	act := b.actions[action]
	req := cedar.Request{
		Principal: principal.UID, Action: act.UID, Resource: resource.UID,
		Context: cedar.NewRecord(cedar.RecordMap{
			"now": cedar.Long(now.UnixMicro()), "acting": cedar.String(who.acting().ID), "demo": cedar.Boolean(demo),
		}),
	}
	if !slices.Contains(b.resources[action], resource.UID.Type) {
		return req, nil, fmt.Errorf("action %q does not apply to a %s", action, r.Type)
	}
	if err := b.validator.Entity(resource); err != nil {
		return req, nil, fmt.Errorf("resource %s does not fit the schema: %w", r.Type, err)
	}
	return req, cedar.EntityMap{principal.UID: principal, act.UID: act, resource.UID: resource}, nil
}

func (b *bundle) reasons(policies []string) (keys []string) {
	for _, id := range policies {
		if key := b.byID[id].reason; !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// unrecorded says whether all of the permits that settled a matter leave it
// off the record.
func (b *bundle) unrecorded(policies []string) bool {
	for _, id := range policies {
		if b.byID[id].record {
			return false
		}
	}
	return true
}

// whoMay explains a refusal that no forbid caused: who would have been
// allowed, first as far as the asker's kind goes, else at all.
func whoMay(near selection, all *[len(kindNames)]selection) (keys []string) {
	add := func(s selection) {
		for _, p := range s {
			if p.permit && !slices.Contains(keys, p.reason) {
				keys = append(keys, p.reason)
			}
		}
	}
	add(near)
	if len(keys) == 0 {
		for _, s := range all {
			add(s)
		}
	}
	return keys
}
