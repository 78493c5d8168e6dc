package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/statuslist"
)

// What can be proposed about an identity.
const (
	actSuspend   = "suspend"
	actReinstate = "reinstate"
)

// States of a proposal.
const (
	suspensionProposed  = "proposed"
	suspensionConfirmed = "confirmed"
	suspensionDeclined  = "declined"
)

// grounds are the legal reasons of each act. Their words and laws are the texts
// identity.ground.<ground> and identity.ground.<ground>.law.
var grounds = map[string][]string{
	actSuspend:   {"entitled", "double", "tampered", "forged", "stolen", "court"},
	actReinstate: {"appeal", "unfounded", "settled", "court"},
}

// objectionTime is how long a person may appeal (National Database and
// Registration Authority Ordinance 2000 section 18(3)).
const objectionTime = 30 * 24 * time.Hour

// Suspension is a proposal to suspend an identity or to give it back.
type Suspension struct {
	ID, Subject, Act, Ground, Note, State string
	Proposer, ProposerPost                string
	Proposed                              time.Time
	Decider, DeciderPost                  string
	Decided                               time.Time
}

const suspensionColumns = `id, subject, act, ground, note, state, proposer, proposer_post, proposed, decider, decider_post, decided`

func scanSuspension(scan store.Scan) (s Suspension, err error) {
	var proposed, decided int64
	err = scan(&s.ID, &s.Subject, &s.Act, &s.Ground, &s.Note, &s.State, &s.Proposer, &s.ProposerPost, &proposed, &s.Decider, &s.DeciderPost, &decided)
	s.Proposed = store.Time(proposed)
	if decided > 0 {
		s.Decided = store.Time(decided)
	}
	return s, err
}

// Standing is whether a person's identity may be used, and how that came about.
type Standing struct {
	Subject string
	State   string // active, suspended, ended
	Acts    []Suspension
}

// open is the proposal that waits for its decision.
func (s Standing) open() Suspension {
	for _, a := range s.Acts {
		if a.State == suspensionProposed {
			return a
		}
	}
	return Suspension{}
}

// cause is the confirmed act by which the identity is suspended now.
func (s Standing) cause() Suspension {
	for _, a := range s.Acts { // latest first
		if s.State == stateSuspended && a.State == suspensionConfirmed && a.Act == actSuspend {
			return a
		}
	}
	return Suspension{}
}

// GateResource gives IdentityStanding: whose it is, so that nobody decides about
// their own, and who proposed what waits, so that another decides.
func (s Standing) GateResource() gate.Resource {
	o := s.open()
	return gate.Resource{Type: "IdentityStanding", ID: s.Subject, Attrs: map[string]any{"subject": s.Subject, "state": s.State, "open": o.Act, "proposer": o.Proposer}}
}

// Standing tells how a person's identity stands; its acts come latest first.
func (r *Room) Standing(ctx context.Context, subject string) (s Standing, err error) {
	s.Subject = subject
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if s.State, err = stateOf(tx, subject, false); err != nil {
			return err
		}
		s.Acts, err = store.List(tx, scanSuspension, `select `+suspensionColumns+` from identity_suspension where subject = $1 order by proposed desc, id desc limit 50`, subject)
		return err
	})
	return s, err
}

// MayUse refuses a person whose identity is suspended: the house asks before it
// signs somebody in on another way than by this room.
func (r *Room) MayUse(ctx context.Context, subject string) error {
	s, err := r.Standing(ctx, subject)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err == nil && s.State == stateSuspended:
		return fault.New(fault.Forbidden, "identity.person.suspended")
	}
	return err
}

// proposals lists what waits for a second official, longest waiting first.
func (r *Room) proposals(ctx context.Context) (list []Suspension, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanSuspension, `select `+suspensionColumns+` from identity_suspension where state = $1 order by proposed, id limit 200`, suspensionProposed)
		return err
	})
	return list, err
}

// actFor is the act that a state leaves open.
func actFor(state string) string {
	return map[string]string{stateActive: actSuspend, stateSuspended: actReinstate}[state]
}

// Propose is the first half of suspending an identity or giving it back. It
// changes nothing for the person yet.
func (r *Room) Propose(ctx context.Context, p gate.Permit[Standing], ground, note string) (string, error) {
	subject, who := p.Resource().Subject, p.Who()
	if note == "" {
		return "", fault.New(fault.Invalid, "identity.standing.note.missing").At("note", "identity.standing.note.missing")
	}
	proposal := r.newID()
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		state, err := stateOf(tx, subject, true)
		if err != nil {
			return err
		}
		act := actFor(state)
		if act == "" {
			return fault.New(fault.Gone, "identity.person.ended")
		}
		if !slices.Contains(grounds[act], ground) {
			return fault.New(fault.Invalid, "identity.standing.ground.missing").At("ground", "identity.standing.ground.missing")
		}
		n, err := tx.Exec(`insert into identity_suspension (id, subject, act, ground, note, state, proposer, proposer_post, proposed, decider, decider_post, decided)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0) on conflict do nothing`, proposal, subject, act, ground, note, suspensionProposed, who.ID, who.Acting.ID, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("propose a suspension: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "identity.standing.waiting")
		}
		tx.Emit(store.Event{Type: EventSuspensionProposed, Subject: "identity/person/" + subject, Actor: who.Actor(), Data: StandingChanged{Suspension: proposal, Act: act, Ground: ground}})
		return nil
	})
	return proposal, err
}

// Decide is the second half, by another official: what was proposed takes
// effect in this very update, or is declined. Suspending ends every session and
// takes back every token of the person, and their credentials read suspended.
func (r *Room) Decide(ctx context.Context, p gate.Permit[Standing], confirm bool) (Suspension, error) {
	subject, who := p.Resource().Subject, p.Who()
	var s Suspension
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		// the person's row before all else: what signs in holds it too
		state, err := stateOf(tx, subject, true)
		if err != nil {
			return err
		}
		s, err = store.Get(tx, scanSuspension, `select `+suspensionColumns+` from identity_suspension where subject = $1 and state = $2 for update`, subject, suspensionProposed)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "identity.standing.nothing")
		}
		if err != nil {
			return err
		}
		if s.Proposer == who.ID { // the gate saw an earlier state of it
			return fault.New(fault.Forbidden, "identity.standing.twice")
		}
		s.State = suspensionDeclined
		if confirm {
			s.State = suspensionConfirmed
		}
		if _, err := tx.Exec(`update identity_suspension set state = $2, decider = $3, decider_post = $4, decided = $5 where id = $1`, s.ID, s.State, who.ID, who.Acting.ID, store.Micros(tx.Now())); err != nil {
			return fmt.Errorf("decide about a suspension: %w", err)
		}
		data := StandingChanged{Suspension: s.ID, Act: s.Act, Ground: s.Ground}
		event := EventSuspensionDeclined
		if confirm {
			if s.Act != actFor(state) {
				return fault.New(fault.Conflict, "identity.standing.nothing")
			}
			event = EventPersonSuspended
			if s.Act == actReinstate {
				event = EventPersonReinstated
			}
			if data.Credentials, err = r.enact(tx, s); err != nil {
				return err
			}
		}
		tx.Emit(store.Event{Type: event, Subject: "identity/person/" + subject, Actor: who.Actor(), Data: data})
		return nil
	})
	return s, err
}

// enact makes a confirmed act true and gives how many credentials it touched.
func (r *Room) enact(tx *store.Tx, s Suspension) (int64, error) {
	if s.Act == actReinstate {
		if err := setState(tx, s.Subject, stateActive); err != nil {
			return 0, err
		}
		// only what a suspension of the person had put aside: a credential that was
		// suspended or revoked for a reason of its own stays so
		return shiftCredentials(tx, s.Subject, statuslist.Suspended, statuslist.Valid, suspensionReason, "")
	}
	if err := setState(tx, s.Subject, stateSuspended); err != nil {
		return 0, err
	}
	if err := r.endAll(tx, s.Subject, "suspended"); err != nil {
		return 0, err
	}
	if err := web.EndSessions(tx, s.Subject); err != nil {
		return 0, err
	}
	return shiftCredentials(tx, s.Subject, statuslist.Valid, statuslist.Suspended, "", suspensionReason)
}

// suspensionReason marks a credential that is suspended because its person is;
// it is a text, for the person reads it.
const suspensionReason = "identity.standing.reason"

// shiftCredentials moves a person's credentials from one status to another, if
// the reason they have is the one given; an empty one is any.
func shiftCredentials(tx *store.Tx, subject string, from, to int, had, reason string) (int64, error) {
	now := store.Micros(tx.Now())
	where := ` from identity_credential where subject = $1 and status = $2 and ($3 = '' or reason = $3)`
	lists, err := store.List(tx, store.Value[int64], `select distinct list`+where+` order by list`, subject, from, had)
	if err != nil {
		return 0, err
	}
	if err := touchLists(tx, lists, now); err != nil {
		return 0, err
	}
	n, err := tx.Exec(`update identity_credential set status = $4, changed = $5, reason = $6 where subject = $1 and status = $2 and ($3 = '' or reason = $3)`, subject, from, had, to, now, reason)
	if err != nil {
		return 0, fmt.Errorf("set the status of a person's credentials: %w", err)
	}
	return n, nil
}
