package cert

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

const deadlineJob = "cert.deadline"

type deadline struct {
	Incident string `json:"incident"`
}

// due gives when the report on what became known at t has to be sent.
func (r *Room) due(t time.Time) time.Time {
	if d, ok := r.pack.Duty(r.rules.Report.Duty); ok {
		return r.pack.Due(d, t)
	}
	return t.Add(time.Duration(r.rules.Report.Hours) * time.Hour)
}

// law names the rule that sets the clock, by language.
func (r *Room) law() map[string]string {
	if d, ok := r.pack.Duty(r.rules.Report.Duty); ok {
		return d.Law
	}
	return r.rules.Report.Law
}

// late is the job at an incident's deadline: it writes down, once and for all to
// see, that no report was sent in time.
func (r *Room) late(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d deadline
	if err := j.Decode(&d); err != nil {
		return nil, job.Stop(err)
	}
	if _, err := gate.SystemPermit(ctx, r.gate, deadlineJob, "cert.deadline.note", gate.House{}); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		list, err := store.List(tx, scanIncident, `update cert_incident set overdue = $1
			where id = $2 and state = 'open' and reported = 0 and overdue = 0 returning `+incidentColumns, store.Micros(tx.Now()), d.Incident)
		if err != nil {
			return fmt.Errorf("note a missed deadline: %w", err)
		}
		for _, i := range list {
			if err := write(tx, i.ID, EntryOverdue, "", ""); err != nil {
				return err
			}
			r.emit(tx, EventIncidentOverdue, "system/cert", i.data())
		}
		return nil
	}, nil
}
