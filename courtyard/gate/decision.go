package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Decision is the gate's answer on record.
type Decision struct {
	ID           string
	At           time.Time
	Actor        string // "post/icta.dc.dc", see Principal.Actor
	Person       string // the pseudonym of the person who acted, also behind a post
	Kind         Kind
	Action       string
	ResourceType string
	ResourceID   string
	Allowed      bool
	Policies     []string // ids of the policies that settled it
	Reasons      []string // message keys
	Errors       []string // what failed while deciding; then it is a refusal
	Bundle       string   // hash of all policies, see gate_bundle
}

const decisionColumns = `id, at, actor, person, kind, action, resource_type, resource_id, allowed, policies, reasons, errors, bundle`

func insertDecisions(tx *store.Tx, all []Decision) error {
	n := len(all)
	at, allowed := make([]int64, n), make([]bool, n)
	var texts [11][]string
	for i := range texts {
		texts[i] = make([]string, n)
	}
	for i := range all {
		d := &all[i]
		at[i], allowed[i] = store.Micros(d.At), d.Allowed
		for j, t := range [...]string{d.ID, d.Actor, d.Person, d.Kind.String(), d.Action, d.ResourceType, d.ResourceID, list(d.Policies), list(d.Reasons), list(d.Errors), d.Bundle} {
			texts[j][i] = t
		}
	}
	_, err := tx.Many(`insert into gate_decision (`+decisionColumns+`) {lines}`,
		texts[0], at, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], allowed, texts[7], texts[8], texts[9], texts[10])
	return err
}

// Decision reads one record.
func (g *Gate) Decision(ctx context.Context, id string) (d Decision, err error) {
	err = g.db.View(ctx, func(tx *store.Tx) error {
		d, err = store.Get(tx, scanDecision, `select `+decisionColumns+` from gate_decision where id = $1`, id)
		return err
	})
	return d, err
}

// Asked says which decisions to read. Empty fields do not narrow.
type Asked struct {
	Actor, Person            string
	ResourceType, ResourceID string
	Action                   string
	Refused                  bool   // refusals only
	Before                   string // id of the last one read, for the next page
	Limit                    int    // at most 200; 50 when zero
}

// Decisions reads records, newest first.
func (g *Gate) Decisions(ctx context.Context, q Asked) (out []Decision, err error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	where, args := []string{"1 = 1"}, []any{}
	narrow := func(column, op, value string) {
		if value != "" {
			args = append(args, value)
			where = append(where, fmt.Sprintf("%s %s $%d", column, op, len(args)))
		}
	}
	narrow("actor", "=", q.Actor)
	narrow("person", "=", q.Person)
	narrow("resource_type", "=", q.ResourceType)
	narrow("resource_id", "=", q.ResourceID)
	narrow("action", "=", q.Action)
	if q.Before != "" {
		args = append(args, q.Before)
		where = append(where, fmt.Sprintf("(at, id) < (select d.at, d.id from gate_decision d where d.id = $%d)", len(args)))
	}
	if q.Refused {
		where = append(where, "not allowed")
	}
	args = append(args, min(q.Limit, 200))
	sql := fmt.Sprintf(`select %s from gate_decision where %s order by at desc, id desc limit $%d`, decisionColumns, strings.Join(where, " and "), len(args))
	err = g.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.List(tx, scanDecision, sql, args...)
		return err
	})
	return out, err
}

func scanDecision(scan store.Scan) (d Decision, err error) {
	var at int64
	var kind, policies, reasons, errs string
	err = scan(&d.ID, &at, &d.Actor, &d.Person, &kind, &d.Action, &d.ResourceType, &d.ResourceID, &d.Allowed, &policies, &reasons, &errs, &d.Bundle)
	if err != nil {
		return d, err
	}
	d.At, d.Kind = store.Time(at), ParseKind(kind)
	for _, l := range []struct {
		text string
		into *[]string
	}{{policies, &d.Policies}, {reasons, &d.Reasons}, {errs, &d.Errors}} {
		if err := json.Unmarshal([]byte(l.text), l.into); err != nil {
			return d, fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("decision %s: %w", d.ID, err))
		}
	}
	return d, nil
}

func list(s []string) string {
	if len(s) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(s) // strings only
	return string(b)
}
