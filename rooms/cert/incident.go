package cert

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Incident is an alert that an analyst has taken up.
type Incident struct {
	ID       string     `json:"id"`
	Number   string     `json:"number"` // "PKCERT-2026-0007"
	Alert    string     `json:"alert"`
	Title    string     `json:"title"`
	Severity Severity   `json:"severity"`
	State    string     `json:"state" enum:"open,closed"`
	Outcome  Outcome    `json:"outcome,omitempty"`
	Post     string     `json:"post"` // the actor that opened it
	Began    time.Time  `json:"began"`
	Opened   time.Time  `json:"opened"`
	Due      time.Time  `json:"due"`
	Reported *time.Time `json:"reported,omitempty"`
	Overdue  bool       `json:"overdue"`
	Closed   *time.Time `json:"closed,omitempty"`
}

// States of an incident.
const (
	IncidentOpen   = "open"
	IncidentClosed = "closed"
)

// Outcome says what an incident turned out to be.
type Outcome string

// Outcomes.
const (
	Contained Outcome = "contained" // an attack, and it was stopped
	Harmless  Outcome = "harmless"  // no attack: a test, a broken program, a forgotten key
	Handed    Outcome = "handed"    // given to another body, which has confirmed it
)

var outcomes = []Outcome{Contained, Harmless, Handed}

// GateResource is what the policies see of an incident.
func (i Incident) GateResource() gate.Resource {
	return gate.Resource{Type: "CertIncident", ID: i.ID, Attrs: map[string]any{"state": i.State}}
}

func (i Incident) data() IncidentData {
	return IncidentData{Incident: i.ID, Number: i.Number, Alert: i.Alert, Severity: i.Severity, Due: i.Due, Outcome: i.Outcome}
}

// Entry is one line of an incident's timeline.
type Entry struct {
	N    int64     `json:"n"`
	Kind string    `json:"kind" enum:"opened,note,reported,overdue,closed"`
	Post string    `json:"post,omitempty"` // the actor; empty for the house itself
	Body string    `json:"body,omitempty"`
	At   time.Time `json:"at"`
}

// Kinds of entries.
const (
	EntryOpened   = "opened"
	EntryNote     = "note"
	EntryReported = "reported"
	EntryOverdue  = "overdue"
	EntryClosed   = "closed"
)

const incidentColumns = `id, number, alert, title, severity, state, outcome, post, began, opened, due, reported, overdue, closed`

func scanIncident(scan store.Scan) (i Incident, err error) {
	var began, opened, due, reported, overdue, closed int64
	err = scan(&i.ID, &i.Number, &i.Alert, &i.Title, (*string)(&i.Severity), &i.State, (*string)(&i.Outcome), &i.Post, &began, &opened, &due, &reported, &overdue, &closed)
	i.Began, i.Opened, i.Due = store.Time(began), store.Time(opened), store.Time(due)
	if reported != 0 {
		t := store.Time(reported)
		i.Reported = &t
	}
	if closed != 0 {
		t := store.Time(closed)
		i.Closed = &t
	}
	i.Overdue = overdue != 0
	return i, err
}

// Incident gives one incident.
func (r *Room) Incident(ctx context.Context, id string) (i Incident, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		i, err = store.Get(tx, scanIncident, `select `+incidentColumns+` from cert_incident where id = $1`, id)
		return err
	})
	return i, err
}

// Incidents gives incidents in a state ("" is all), the youngest first, after a place in
// that order when it is not zero.
func (r *Room) Incidents(ctx context.Context, state string, after web.Place, limit int) (list []Incident, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanIncident, `select `+incidentColumns+` from cert_incident
			where ($1 = '' or state = $1) and (opened, id) < ($2, $3) order by opened desc, id desc limit $4`, state, before(after), after.ID, limit)
		return err
	})
	return list, err
}

// Entries gives an incident's timeline, the oldest first.
func (r *Room) Entries(ctx context.Context, incident string) (list []Entry, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, func(scan store.Scan) (e Entry, err error) {
			var at int64
			err = scan(&e.N, &e.Kind, &e.Post, &e.Body, &at)
			e.At = store.Time(at)
			return e, err
		}, `select n, kind, post, body, at from cert_entry where incident = $1 order by n`, incident)
		return err
	})
	return list, err
}

// Open takes an alert up as an incident and starts the clock of the law, from
// the moment the alert was raised.
func (r *Room) Open(ctx context.Context, p gate.Permit[Alert], title string, severity Severity) (i Incident, err error) {
	id := r.newID()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		a, err := takeAlert(tx, p.Resource().ID)
		if err != nil {
			return err
		}
		year := tx.Now().In(r.pack.Zone).Year()
		n, err := store.Get(tx, store.Value[int64], `insert into cert_number (year, last) values ($1, 1)
			on conflict (year) do update set last = cert_number.last + 1 returning last`, year)
		if err != nil {
			return fmt.Errorf("number an incident: %w", err)
		}
		i = Incident{ID: id, Number: fmt.Sprintf("%s-%d-%04d", r.prefix, year, n), Alert: a.ID, Title: title, Severity: severity, State: IncidentOpen,
			Post: p.Who().Actor(), Began: a.Raised, Opened: tx.Now(), Due: r.due(a.Raised)}
		_, err = tx.Exec(`insert into cert_incident (id, number, alert, title, severity, state, outcome, post, began, opened, due, reported, overdue, closed)
			values ($1, $2, $3, $4, $5, 'open', '', $6, $7, $8, $9, 0, 0, 0)`,
			i.ID, i.Number, i.Alert, i.Title, string(i.Severity), i.Post, store.Micros(i.Began), store.Micros(i.Opened), store.Micros(i.Due))
		if err != nil {
			return fmt.Errorf("open incident: %w", err)
		}
		_, err = tx.Exec(`update cert_alert set state = 'incident', incident = $1, decided = $2, post = $3 where id = $4`, i.ID, store.Micros(tx.Now()), i.Post, a.ID)
		if err != nil {
			return fmt.Errorf("take alert up: %w", err)
		}
		if err := write(tx, i.ID, EntryOpened, i.Post, ""); err != nil {
			return err
		}
		r.emit(tx, EventIncidentOpened, i.Post, i.data())
		return job.Put(tx, job.Job{Kind: deadlineJob, Key: i.ID, At: i.Due, Data: deadline{Incident: i.ID}})
	})
	return i, err
}

// Note adds what an analyst found to the timeline.
func (r *Room) Note(ctx context.Context, p gate.Permit[Incident], body string) error {
	return r.change(ctx, p, func(tx *store.Tx, i Incident) error {
		if err := write(tx, i.ID, EntryNote, p.Who().Actor(), body); err != nil {
			return err
		}
		r.emit(tx, EventIncidentNoted, p.Who().Actor(), i.data())
		return nil
	})
}

// Report writes down that the report the law asks for was sent, and how: the
// register's number, or to whom. It is sent once.
func (r *Room) Report(ctx context.Context, p gate.Permit[Incident], body string) error {
	return r.change(ctx, p, func(tx *store.Tx, i Incident) error {
		if i.Reported != nil {
			return fault.New(fault.Conflict, "cert.incident.reported-already")
		}
		if _, err := tx.Exec(`update cert_incident set reported = $1 where id = $2`, store.Micros(tx.Now()), i.ID); err != nil {
			return fmt.Errorf("report incident: %w", err)
		}
		if err := write(tx, i.ID, EntryReported, p.Who().Actor(), body); err != nil {
			return err
		}
		d := i.data()
		d.Late = tx.Now().After(i.Due)
		r.emit(tx, EventIncidentReported, p.Who().Actor(), d)
		return job.Cancel(tx, deadlineJob, i.ID)
	})
}

// Close ends an incident. What had to be reported must have been, unless it
// turned out to be harmless.
func (r *Room) Close(ctx context.Context, p gate.Permit[Incident], outcome Outcome, body string) error {
	return r.change(ctx, p, func(tx *store.Tx, i Incident) error {
		if i.Reported == nil && outcome != Harmless {
			return fault.New(fault.Invalid, "cert.incident.unreported").At("outcome", "cert.incident.unreported")
		}
		if _, err := tx.Exec(`update cert_incident set state = 'closed', outcome = $1, closed = $2 where id = $3`, string(outcome), store.Micros(tx.Now()), i.ID); err != nil {
			return fmt.Errorf("close incident: %w", err)
		}
		if err := write(tx, i.ID, EntryClosed, p.Who().Actor(), body); err != nil {
			return err
		}
		i.Outcome = outcome
		r.emit(tx, EventIncidentClosed, p.Who().Actor(), i.data())
		return job.Cancel(tx, deadlineJob, i.ID)
	})
}

// change runs fn on an open incident under its row's lock.
func (r *Room) change(ctx context.Context, p gate.Permit[Incident], fn func(tx *store.Tx, i Incident) error) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		i, err := store.Get(tx, scanIncident, `select `+incidentColumns+` from cert_incident where id = $1 for update`, p.Resource().ID)
		if err != nil {
			return err
		}
		if i.State != IncidentOpen {
			return fault.New(fault.Conflict, "cert.incident.over")
		}
		return fn(tx, i)
	})
}

// write adds an entry; the incident's row must be locked or new.
func write(tx *store.Tx, incident, kind, post, body string) error {
	_, err := tx.Exec(`insert into cert_entry (incident, n, kind, post, body, at)
		select $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5 from cert_entry where incident = $1`, incident, kind, post, body, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return nil
}

func (r *Room) emit(tx *store.Tx, what, actor string, d IncidentData) {
	tx.Emit(store.Event{Type: what, Version: 1, Subject: "cert/incident/" + d.Incident, Actor: actor, Data: d})
}
