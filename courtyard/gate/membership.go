package gate

import (
	"context"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

// Membership is that a person has a role in an organisation for a time.
type Membership struct {
	ID           string
	Organisation string
	Person       string // pseudonym
	Role         string
	From         time.Time // zero: from the moment of joining
	To           time.Time // zero: open
	By           string    // the actor who gave it
}

// MembershipChanged is the data of gate.membership.given and
// gate.membership.ended, version 1. The person is a pseudonym.
type MembershipChanged struct {
	Membership   string    `json:"membership"`
	Organisation string    `json:"organisation"`
	Person       string    `json:"person"`
	Role         string    `json:"role"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to,omitzero"`
}

const membershipColumns = `id, organisation, person, role, held_from, held_to, given_by`

// Join gives a person a role in an organisation. The same role twice at one
// time is a Conflict.
func Join(tx *store.Tx, m Membership) error {
	// "org#role" is how policies see it, so neither part may hold the sign
	if m.Organisation == "" || m.Person == "" || m.Role == "" || strings.Contains(m.Organisation+m.Role, "#") {
		return fault.New(fault.Invalid, "gate.membership.incomplete")
	}
	if m.From.IsZero() {
		m.From = tx.Now()
	}
	if !m.To.IsZero() && !m.To.After(m.From) {
		return fault.New(fault.Invalid, "gate.charge.ends-before").At("to", "gate.charge.ends-before")
	}
	held, err := store.List(tx, scanMembership, `select `+membershipColumns+` from gate_membership
		where person = $1 and organisation = $2 and role = $3 and (held_to is null or held_to > $4) order by id for update`,
		m.Person, m.Organisation, m.Role, store.Micros(m.From))
	if err != nil {
		return err
	}
	for _, o := range held {
		if m.To.IsZero() || o.From.Before(m.To) {
			return fault.New(fault.Conflict, "gate.membership.held", "organisation", m.Organisation)
		}
	}
	if m.ID == "" {
		m.ID = id.New()
	}
	if m.By == "" {
		m.By = "system/gate"
	}
	_, err = tx.Exec(`insert into gate_membership (`+membershipColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		m.ID, m.Organisation, m.Person, m.Role, store.Micros(m.From), microsOrNil(m.To), m.By)
	if err != nil {
		return err
	}
	tx.Emit(m.event("gate.membership.given", m.By))
	return nil
}

// Leave ends a role at a moment; zero is now.
func Leave(tx *store.Tx, organisation, person, role string, at time.Time, by string) error {
	if at.IsZero() {
		at = tx.Now()
	}
	m, err := store.Get(tx, scanMembership, `update gate_membership set held_to = $4
		where organisation = $1 and person = $2 and role = $3 and held_from <= $4 and (held_to is null or held_to > $4)
		returning `+membershipColumns, organisation, person, role, store.Micros(at))
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "gate.membership.not-held", "organisation", organisation).Because(err)
	}
	if err != nil {
		return err
	}
	tx.Emit(m.event("gate.membership.ended", by))
	return nil
}

// Members are the memberships of an organisation that hold now.
func (g *Gate) Members(ctx context.Context, organisation string) (out []Membership, err error) {
	at := g.clock.Now()
	err = g.db.View(ctx, func(tx *store.Tx) error {
		out, err = memberships(tx, "organisation", organisation, at)
		return err
	})
	return out, err
}

// Memberships are the memberships of a person that hold now.
func (g *Gate) Memberships(ctx context.Context, person string) (out []Membership, err error) {
	at := g.clock.Now()
	err = g.db.View(ctx, func(tx *store.Tx) error {
		out, err = memberships(tx, "person", person, at)
		return err
	})
	return out, err
}

func memberships(tx *store.Tx, column, value string, at time.Time) ([]Membership, error) {
	return store.List(tx, scanMembership, `select `+membershipColumns+` from gate_membership
		where `+column+` = $1 and held_from <= $2 and (held_to is null or held_to > $2) order by held_from, id`, value, store.Micros(at))
}

func (m Membership) event(kind, actor string) store.Event {
	return store.Event{Type: kind, Version: 1, Subject: "gate/organisation/" + m.Organisation, Actor: actor, Data: MembershipChanged{
		Membership: m.ID, Organisation: m.Organisation, Person: m.Person, Role: m.Role, From: m.From.UTC(), To: m.To.UTC(),
	}}
}

func scanMembership(scan store.Scan) (m Membership, err error) {
	var from int64
	var to *int64
	if err = scan(&m.ID, &m.Organisation, &m.Person, &m.Role, &from, &to, &m.By); err != nil {
		return m, err
	}
	m.From, m.To = store.Time(from), timeOrZero(to)
	return m, nil
}
