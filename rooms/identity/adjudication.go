package identity

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Outcomes of an adjudication.
const (
	outcomeApproved = "approved"
	outcomeRefused  = "refused"
)

// agreement is how many different officials must decide alike.
const agreement = 2

// Adjudication is what one official decided about an application.
type Adjudication struct {
	Official, Post  string
	Outcome, Reason string
	At              time.Time
}

func adjudications(tx *store.Tx, application string) ([]Adjudication, error) {
	return store.List(tx, func(scan store.Scan) (a Adjudication, err error) {
		var at int64
		err = scan(&a.Official, &a.Post, &a.Outcome, &a.Reason, &at)
		a.At = store.Time(at)
		return a, err
	}, `select official, post, outcome, reason, at from identity_adjudication where application = $1 order by at, official`, application)
}

// Waiting is a line of the adjudicators' list. It names nobody.
type Waiting struct {
	ID, Reference, District string
	Submitted               time.Time
	Highest                 int64 // strongest likeness, 0 to 100
	Decided                 int64 // officials who have decided
	Mine                    bool  // whether the asker is one of them
}

// waiting lists applications that need a decision, longest waiting first.
func (r *Room) waiting(ctx context.Context, p gate.Permit[gate.House]) (list []Waiting, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, func(scan store.Scan) (w Waiting, err error) {
			var at, mine int64
			err = scan(&w.ID, &w.Reference, &w.District, &at, &w.Highest, &w.Decided, &mine)
			w.Submitted, w.Mine = store.Time(at), mine > 0
			return w, err
		}, `select a.id, a.reference, a.district, a.submitted,
				coalesce((select max(l.score) from identity_likeness l where l.application = a.id), 0),
				(select count(*) from identity_adjudication d where d.application = a.id),
				(select count(*) from identity_adjudication d where d.application = a.id and d.official = $1)
			from identity_application a where a.state = 'submitted' order by a.submitted, a.id limit 200`, p.Who().ID)
		return err
	})
	return list, err
}

// Dossier is everything two people need to decide with.
type Dossier struct {
	*Enrolment
	Photo      []byte
	Likenesses []Resembled
}

// Resembled is somebody the applicant resembles, with the facts that show it.
type Resembled struct {
	Likeness
	Facts     map[string]Fact // of a person
	Reference string          // of another application
}

var dossierFacts = []string{FactName, FactFather, FactBirth, FactSex, FactDistrict, FactPhoto}

// dossier opens an application for an official. The reading is written down,
// for the applicant and for every person shown beside him.
func (r *Room) dossier(ctx context.Context, p gate.Permit[*Enrolment]) (*Dossier, error) {
	e := p.Resource()
	d := &Dossier{Enrolment: e}
	var found []Likeness
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := recordAccess(tx, r.newID, FactAsk{Subject: applicant(e.ID), Names: FactNames, Purpose: "identity.purpose.adjudication", Basis: "identity.basis.registration", Actor: p.Who().Actor()})
		if err != nil {
			return err
		}
		found, err = likenessesOf(tx, e.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.Photo, err = r.photograph(ctx, e); err != nil {
		return nil, err
	}
	for _, l := range found {
		s := Resembled{Likeness: l}
		if l.Kind == likePerson {
			s.Facts, err = r.Facts(ctx, FactAsk{Subject: l.Other, Names: dossierFacts, Purpose: "identity.purpose.duplicate", Basis: "identity.basis.registration", Actor: p.Who().Actor()})
		} else {
			err = r.db.View(ctx, func(tx *store.Tx) (err error) {
				s.Reference, err = store.Get(tx, store.Value[string], `select reference from identity_application where id = $1`, l.Other)
				return err
			})
		}
		if err != nil {
			return nil, fmt.Errorf("show a likeness: %w", err)
		}
		d.Likenesses = append(d.Likenesses, s)
	}
	return d, nil
}

// applicant is how accesses call somebody who has no pseudonym yet. When the
// identity is issued those accesses become the person's own.
func applicant(application string) string { return "application/" + application }

// decide records one official's decision. When two have approved, the person is
// registered and the card offered; when two have refused, it ends.
func (r *Room) decide(ctx context.Context, p gate.Permit[*Enrolment], outcome, reason string) (state string, err error) {
	e, who := p.Resource(), p.Who()
	if outcome != outcomeApproved && outcome != outcomeRefused {
		return "", fault.New(fault.Invalid, "identity.desk.outcome.missing").At("outcome", "identity.desk.outcome.missing")
	}
	if outcome == outcomeRefused && reason == "" {
		return "", fault.New(fault.Invalid, "identity.desk.reason.missing").At("reason", "identity.desk.reason.missing")
	}
	photo, err := r.photograph(ctx, e)
	if err != nil {
		return "", err
	}
	a := e.Answers
	prepared, err := r.Prepare(ctx, NewPerson{Number: a.Number, NameEn: a.NameEn, NameUr: a.NameUr, FatherEn: a.FatherEn, FatherUr: a.FatherUr,
		Birth: a.Birth, Sex: a.Sex, District: a.District, AddressEn: a.AddressEn, AddressUr: a.AddressUr, Phone: a.Phone,
		Photo: photo, PhotoType: "image/jpeg", Source: "enrolment"})
	if err != nil {
		return "", err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		state, err = store.Get(tx, store.Value[string], `select state from identity_application where id = $1 for update`, e.ID)
		if err != nil {
			return err
		}
		if state != applicationSubmitted {
			return fault.New(fault.Conflict, "identity.desk.decided")
		}
		n, err := tx.Exec(`insert into identity_adjudication (application, official, post, outcome, reason, at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
			e.ID, who.ID, who.Acting.ID, outcome, reason, store.Micros(tx.Now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "identity.desk.twice")
		}
		alike, err := store.Get(tx, store.Value[int64], `select count(*) from identity_adjudication where application = $1 and outcome = $2`, e.ID, outcome)
		if err != nil {
			return err
		}
		if alike >= agreement {
			if state, err = r.conclude(tx, e, outcome, prepared, who.Actor()); err != nil {
				return err
			}
		}
		tx.Emit(store.Event{Type: EventApplicationAdjudicated, Subject: "identity/application/" + e.ID, Actor: who.Actor(),
			Data: ApplicationAdjudicated{Outcome: outcome, State: state}})
		return nil
	})
	return state, err
}

// conclude ends an application in the update that holds the last decision.
func (r *Room) conclude(tx *store.Tx, e *Enrolment, outcome string, prepared Prepared, actor string) (string, error) {
	state, subject := applicationRefused, ""
	if outcome == outcomeApproved {
		state, subject = applicationIssued, prepared.Subject
		if err := r.Register(tx, prepared, actor); err != nil {
			return "", err
		}
		if _, err := tx.Exec(`update identity_access set subject = $1 where subject = $2`, subject, applicant(e.ID)); err != nil {
			return "", err
		}
		if _, err := r.Offer(tx, CredentialOffer{Key: "identity/" + subject, Subject: subject, Type: TypePersonIdentification}); err != nil {
			return "", err
		}
	}
	_, err := tx.Exec(`update identity_application set state = $1, subject = $2, changed = $3 where id = $4`, state, subject, store.Micros(tx.Now()), e.ID)
	return state, err
}
