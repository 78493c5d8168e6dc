package cert

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Alert says that a rule was met by one source.
type Alert struct {
	ID       string    `json:"id"`
	Rule     string    `json:"rule"`
	Source   string    `json:"source"` // keyed hash, another one each day
	Severity Severity  `json:"severity"`
	State    string    `json:"state" enum:"raised,incident,dismissed"`
	Events   int64     `json:"events"`
	First    time.Time `json:"first"`
	Latest   time.Time `json:"latest"`
	Raised   time.Time `json:"raised"`
	Incident string    `json:"incident,omitempty"`
	Post     string    `json:"post,omitempty"`   // who took it up or dismissed it
	Reason   string    `json:"reason,omitempty"` // why it was dismissed

	announced int64
}

// States of an alert.
const (
	AlertRaised    = "raised"
	AlertIncident  = "incident"
	AlertDismissed = "dismissed"
)

// GateResource is what the policies see of an alert.
func (a Alert) GateResource() gate.Resource {
	return gate.Resource{Type: "CertAlert", ID: a.ID, Attrs: map[string]any{"state": a.State}}
}

func (a Alert) data() AlertData {
	return AlertData{Alert: a.ID, Rule: a.Rule, Severity: a.Severity, Events: a.Events}
}

const alertColumns = `id, rule, source, severity, state, events, announced, first, latest, raised, incident, post, reason`

func scanAlert(scan store.Scan) (a Alert, err error) {
	var first, latest, raised int64
	err = scan(&a.ID, &a.Rule, &a.Source, (*string)(&a.Severity), &a.State, &a.Events, &a.announced, &first, &latest, &raised, &a.Incident, &a.Post, &a.Reason)
	a.First, a.Latest, a.Raised = store.Time(first), store.Time(latest), store.Time(raised)
	return a, err
}

// Alert gives one alert.
func (r *Room) Alert(ctx context.Context, id string) (a Alert, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err = store.Get(tx, scanAlert, `select `+alertColumns+` from cert_alert where id = $1`, id)
		return err
	})
	return a, err
}

// Alerts gives alerts in a state ("" is all), the youngest first, after a place in
// that order when it is not zero.
func (r *Room) Alerts(ctx context.Context, state string, after web.Place, limit int) (list []Alert, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanAlert, `select `+alertColumns+` from cert_alert
			where ($1 = '' or state = $1) and (raised, id) < ($2, $3) order by raised desc, id desc limit $4`, state, before(after), after.ID, limit)
		return err
	})
	return list, err
}

// count is the handler of a rule's subscription. It runs once for each event, in
// order, in the transaction that moves the subscription's cursor.
func (r *Room) count(rule Rule) func(tx *store.Tx, e store.Event) error {
	return func(tx *store.Tx, e store.Event) error {
		source := field(e.Payload, rule.By)
		if source == "" {
			return nil // erased, or by nobody who can be told apart
		}
		at, from := store.Micros(e.At), store.Micros(e.At.Add(-rule.Window))
		if _, err := tx.Exec(`delete from cert_signal where rule = $1 and at <= $2`, rule.ID, from); err != nil {
			return err
		}
		if _, err := tx.Exec(`insert into cert_signal (event, rule, source, at) values ($1, $2, $3, $4)`, e.ID, rule.ID, source, at); err != nil {
			return err
		}
		// A burst goes on while its events are less than a window apart.
		running, err := store.List(tx, scanAlert, `update cert_alert set events = events + 1, latest = $3
			where id = (select id from cert_alert where rule = $1 and source = $2 and latest > $4 order by latest desc limit 1)
			returning `+alertColumns, rule.ID, source, at, from)
		if err != nil {
			return fmt.Errorf("continue a burst: %w", err)
		}
		if len(running) == 1 {
			return r.grow(tx, running[0])
		}
		type window struct{ n, first int64 }
		w, err := store.Get(tx, func(scan store.Scan) (w window, err error) { return w, scan(&w.n, &w.first) },
			`select count(*), min(at) from cert_signal where rule = $1 and source = $2`, rule.ID, source)
		if err != nil || w.n < rule.Threshold {
			return err
		}
		a := Alert{ID: r.newID(), Rule: rule.ID, Severity: rule.Severity, Events: w.n}
		_, err = tx.Exec(`insert into cert_alert (id, rule, source, severity, state, events, announced, first, latest, raised, incident, decided, post, reason)
			values ($1, $2, $3, $4, 'raised', $5, $5, $6, $7, $8, '', 0, '', '')`, a.ID, rule.ID, source, string(rule.Severity), w.n, w.first, at, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("raise an alert: %w", err)
		}
		tx.Emit(store.Event{Type: EventAlertRaised, Version: 1, Subject: "cert/alert/" + a.ID, Actor: "system/cert", Data: a.data()})
		return nil
	}
}

// grow tells of a burst that goes on, each time it has doubled: a flood of a
// million events is twenty lines in the journal.
func (r *Room) grow(tx *store.Tx, a Alert) error {
	if a.Events < 2*a.announced {
		return nil
	}
	if _, err := tx.Exec(`update cert_alert set announced = $1 where id = $2`, a.Events, a.ID); err != nil {
		return err
	}
	tx.Emit(store.Event{Type: EventAlertGrown, Version: 1, Subject: "cert/alert/" + a.ID, Actor: "system/cert", Data: a.data()})
	return nil
}

// field gives a text field of an event's data; "" if there is none.
func field(payload []byte, name string) string {
	var m map[string]json.RawMessage
	var s string
	if json.Unmarshal(payload, &m) != nil || json.Unmarshal(m[name], &s) != nil {
		return ""
	}
	return s
}

// Dismiss sets an alert aside as no incident, with the reason.
func (r *Room) Dismiss(ctx context.Context, p gate.Permit[Alert], reason string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		a, err := takeAlert(tx, p.Resource().ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`update cert_alert set state = 'dismissed', decided = $1, post = $2, reason = $3 where id = $4`,
			store.Micros(tx.Now()), p.Who().Actor(), reason, a.ID)
		if err != nil {
			return fmt.Errorf("dismiss alert: %w", err)
		}
		tx.Emit(store.Event{Type: EventAlertDismissed, Version: 1, Subject: "cert/alert/" + a.ID, Actor: p.Who().Actor(), Data: a.data()})
		return nil
	})
}

// takeAlert locks an alert that nobody has decided about yet.
func takeAlert(tx *store.Tx, id string) (Alert, error) {
	a, err := store.Get(tx, scanAlert, `select `+alertColumns+` from cert_alert where id = $1 for update`, id)
	if err == nil && a.State != AlertRaised {
		return a, fault.New(fault.Conflict, "cert.alert.taken")
	}
	return a, err
}
