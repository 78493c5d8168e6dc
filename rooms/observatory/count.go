package observatory

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// watched are all events that count.
var watched = []string{
	"identity.person.issued", "identity.register.opened", "office.file.opened", "office.file.moved", "office.case.decided", "services.application.submitted",
	"payments.transfer.reserved", "payments.transfer.committed", "payments.transfer.aborted", "payments.batch.sealed", "cert.incident.opened", "cert.incident.closed",
}

// count is the subscription: one event into rows, buckets and totals, in the
// transaction that moves the cursor.
func (r *Room) count(tx *store.Tx, e store.Event) error {
	if e.Payload == nil {
		return nil // erased since; what it stood for may no longer be counted
	}
	counted, err := r.counted(tx, e)
	if err != nil || !counted {
		return err
	}
	return r.moved(tx)
}

// counted says whether a figure has changed.
func (r *Room) counted(tx *store.Tx, e store.Event) (bool, error) {
	switch e.Type {
	case "identity.person.issued":
		var d personIssued
		if err := e.Decode(&d); err != nil {
			return false, err
		}
		return r.whole(tx, row{Indicator: "identities", Key: e.ID, At: e.At, Position: e.Position, Reference: entry(e), Place: d.District})
	case "identity.register.opened": // persons of an earlier register, taken over together
		var d registerOpened
		if err := e.Decode(&d); err != nil || d.Persons <= 0 {
			return false, err
		}
		fresh, err := insert(tx, row{Indicator: "identities", Key: e.ID, At: e.At, Position: e.Position, Reference: entry(e), Place: strconv.FormatInt(d.Persons, 10) + " ×"})
		if err != nil || !fresh {
			return false, err
		}
		return true, add(tx, "identities", e.At, d.Persons, 0, 0)
	case "office.file.opened":
		return r.opened(tx, e)
	case "office.file.moved":
		var d fileMoved
		if err := e.Decode(&d); err != nil {
			return false, err
		}
		key := d.File + "/" + strconv.FormatInt(d.Move, 10)
		return r.whole(tx, row{Indicator: "movements", Key: key, At: e.At, Position: e.Position, Reference: d.Number, Place: d.Office})
	case "office.case.decided":
		return r.decided(tx, e)
	case "services.application.submitted":
		return r.applied(tx, e)
	case "payments.transfer.reserved", "payments.transfer.committed", "payments.transfer.aborted":
		return r.transferred(tx, e)
	case "payments.batch.sealed":
		return r.sealed(tx, e)
	case "cert.incident.opened":
		var d incident
		if err := e.Decode(&d); err != nil {
			return false, err
		}
		return r.whole(tx, row{Indicator: "incidents", Key: d.Incident, At: e.At, Position: e.Position, Reference: d.Number, Place: d.Severity, Due: d.Due})
	case "cert.incident.closed":
		var d incident
		if err := e.Decode(&d); err != nil {
			return false, err
		}
		n, err := tx.Exec(`update observatory_row set ended = $2 where indicator = 'incidents' and key = $1 and ended is null`, d.Incident, store.Micros(e.At))
		if err != nil || n == 0 {
			return false, err
		}
		return true, add(tx, "incidents", e.At, 0, 1, 0)
	}
	return false, nil
}

// applied: one more application of a service, and how much of its form was
// filled in from registers.
func (r *Room) applied(tx *store.Tx, e store.Event) (bool, error) {
	var d submitted
	if err := e.Decode(&d); err != nil {
		return false, err
	}
	if _, err := tx.Exec(`insert into observatory_service (service, since, applications) values ($1, $2, 1)
		on conflict (service) do update set applications = observatory_service.applications + 1`, d.Service, store.Micros(e.At)); err != nil {
		return false, err
	}
	if d.Known+d.Asked <= 0 {
		return true, nil
	}
	fresh, err := insert(tx, row{Indicator: "once-only", Key: d.Application, At: e.At, Position: e.Position, Reference: entry(e), Place: d.Service, Value: d.Known * 100 / (d.Known + d.Asked)})
	if err != nil || !fresh {
		return true, err
	}
	return true, add(tx, "once-only", e.At, d.Known+d.Asked, d.Known, 0)
}

// whole is a thing that counts the moment it happens.
func (r *Room) whole(tx *store.Tx, x row) (bool, error) {
	fresh, err := insert(tx, x)
	if err != nil || !fresh {
		return false, err
	}
	good := int64(0)
	if x.Good != nil && *x.Good {
		good = 1
	}
	return true, add(tx, x.Indicator, x.At, 1, good, x.Value)
}

// opened: the file counts at once as begun electronically or on paper, and
// later, when it is decided, as in time or not.
func (r *Room) opened(tx *store.Tx, e store.Event) (bool, error) {
	var d fileOpened
	if err := e.Decode(&d); err != nil {
		return false, err
	}
	electronic := d.Application != ""
	counted, err := r.whole(tx, row{Indicator: "electronic-files", Key: d.File, At: e.At, Position: e.Position, Reference: d.Number, Place: d.Office, Good: &electronic})
	if err != nil || d.Due.IsZero() {
		return counted, err
	}
	_, err = insert(tx, row{Indicator: "in-time", Key: d.File, At: e.At, Position: e.Position, Reference: d.Number, Place: d.Office, Due: d.Due})
	return counted, err
}

func (r *Room) decided(tx *store.Tx, e store.Event) (bool, error) {
	var d caseDecided
	if err := e.Decode(&d); err != nil {
		return false, err
	}
	due, err := store.List(tx, store.Value[int64], `update observatory_row set ended = $2, took = $2 - at, good = (due >= $2)
		where indicator = 'in-time' and key = $1 and ended is null returning due`, d.File, store.Micros(e.At))
	if err != nil || len(due) == 0 {
		return false, err // without a time limit, or decided twice
	}
	good := int64(0)
	if due[0] >= store.Micros(e.At) {
		good = 1
	}
	return true, add(tx, "in-time", e.At, 1, good, 0)
}

// transferred: a payment counts when it is committed. How long it took the ledger
// says itself when it was decided at once: its two events bear the time of one
// transaction. Of others it is the time from reservation to commit.
func (r *Room) transferred(tx *store.Tx, e store.Event) (bool, error) {
	var d transfer
	if err := e.Decode(&d); err != nil {
		return false, err
	}
	if d.Currency != "" && d.Currency != r.pack.Currency.Code {
		return false, nil // sums are of one currency
	}
	begun := row{Indicator: "payments", Key: d.Transfer, At: e.At, Position: e.Position, Reference: entry(e), Place: d.From + " → " + d.To, Value: d.Amount}
	switch e.Type {
	case "payments.transfer.reserved":
		_, err := insert(tx, begun)
		return false, err
	case "payments.transfer.aborted":
		_, err := tx.Exec(`delete from observatory_row where indicator = 'payments' and key = $1 and ended is null`, d.Transfer)
		return false, err
	}
	if _, err := insert(tx, begun); err != nil { // posted without a reservation
		return false, err
	}
	took, err := store.List(tx, store.Value[int64], `update observatory_row set ended = $2, took = case when $5 > 0 then $5 else $2 - at end, position = $3, reference = $4
		where indicator = 'payments' and key = $1 and ended is null returning took`, d.Transfer, store.Micros(e.At), e.Position, entry(e), d.Took)
	if err != nil || len(took) == 0 {
		return false, err
	}
	for _, x := range []struct {
		indicator string
		value     int64
	}{{"payments", 0}, {"payments-value", d.Amount}, {"payments-time", took[0]}} {
		if err := add(tx, x.indicator, e.At, 1, 0, x.value); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sealed counts the payments of a ledger's batch that have no events of their own:
// those of the rail and of files. They are one line together.
func (r *Room) sealed(tx *store.Tx, e store.Event) (bool, error) {
	var d batch
	if err := e.Decode(&d); err != nil || d.Quiet == 0 || d.Currency != r.pack.Currency.Code {
		return false, err
	}
	fresh, err := insert(tx, row{Indicator: "payments", Key: fmt.Sprintf("batch/%s/%d", d.Currency, d.Number), At: e.At, Position: e.Position, Reference: entry(e), Place: fmt.Sprintf("× %d", d.Quiet), Value: d.QuietAmount})
	if err != nil || !fresh {
		return false, err
	}
	if _, err := tx.Exec(`update observatory_row set ended = $2 where indicator = 'payments' and key = $1`, fmt.Sprintf("batch/%s/%d", d.Currency, d.Number), store.Micros(e.At)); err != nil {
		return false, err
	}
	if err := add(tx, "payments", e.At, d.Quiet, 0, 0); err != nil {
		return false, err
	}
	return true, add(tx, "payments-value", e.At, d.Quiet, 0, d.QuietAmount)
}

// add counts into the minute's bucket and the total.
func add(tx *store.Tx, indicator string, at time.Time, n, good, value int64) error {
	if _, err := tx.Exec(`insert into observatory_bucket (indicator, minute, n, good, value) values ($1, $2, $3, $4, $5)
		on conflict (indicator, minute) do update set n = observatory_bucket.n + excluded.n, good = observatory_bucket.good + excluded.good, value = observatory_bucket.value + excluded.value`,
		indicator, minute(at), n, good, value); err != nil {
		return err
	}
	_, err := tx.Exec(`insert into observatory_total (indicator, n, good, value) values ($1, $2, $3, $4)
		on conflict (indicator) do update set n = observatory_total.n + excluded.n, good = observatory_total.good + excluded.good, value = observatory_total.value + excluded.value`,
		indicator, n, good, value)
	return err
}

func minute(t time.Time) int64 { return t.Unix() / 60 }

// entry names an event by its place in the public log.
func entry(e store.Event) string { return "#" + strconv.FormatInt(e.Position, 10) }

const (
	tellJob   = "observatory.tell"
	tellEvery = time.Second
)

// moved tells the screens, now or, when they were told within this second, at
// its end: a thousand payments in a second are one line in the log.
func (r *Room) moved(tx *store.Tx) error {
	now := tx.Now()
	n, err := tx.Exec(`insert into observatory_told (name, at) values ('figures', $1)
		on conflict (name) do update set at = excluded.at where observatory_told.at <= $2`, store.Micros(now), store.Micros(now.Add(-tellEvery)))
	if err != nil {
		return err
	}
	if n == 1 {
		tx.Emit(store.Event{Type: FiguresMoved, Version: 1, Subject: "observatory/figures", Actor: "system/observatory"})
		return nil
	}
	told, err := store.Get(tx, store.Value[int64], `select at from observatory_told where name = 'figures'`)
	if err != nil {
		return err
	}
	return job.Put(tx, job.Job{Kind: tellJob, Key: "figures", At: store.Time(told).Add(tellEvery)})
}

// tell is the job at the end of the second.
func (r *Room) tell(ctx context.Context, _ job.Job) (func(tx *store.Tx) error, error) {
	if _, err := gate.SystemPermit(ctx, r.gate, tellJob, "observatory.tell", gate.House{}); err != nil {
		return nil, err
	}
	return told, nil
}

func told(tx *store.Tx) error {
	if _, err := tx.Exec(`update observatory_told set at = $1 where name = 'figures'`, store.Micros(tx.Now())); err != nil {
		return err
	}
	tx.Emit(store.Event{Type: FiguresMoved, Version: 1, Subject: "observatory/figures", Actor: "system/observatory"})
	return nil
}
