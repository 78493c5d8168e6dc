package payments

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Models of settlement.
const (
	ModelGross = "gross" // each payment moves prefund at once
	ModelNet   = "net"   // payments move positions; the window's dues move prefund
)

// Jobs of settlement, which are their own actions.
const (
	jobCut    = "payments.window.cut"    // ends a window at a time of day
	jobReport = "payments.window.report" // reports and settles windows that were cut
)

// Scheme is how a currency is settled: data.
type Scheme struct {
	Currency string
	Model    string   // of windows that begin from now on
	Cuts     []string // times of day in the country's zone, "16:00"
	Days     string   // "all" or "working", by the country's calendar
	Alerts   []int64  // per cent, rising
}

// Window is a settlement window: the rows First to Last.
type Window struct {
	Currency string
	Number   int64
	First    int64
	Last     int64 // the row that cut it, 0 while it is open
	Opened   time.Time
	Closed   time.Time
	Net      bool
}

func scanWindow(scan store.Scan) (w Window, err error) {
	var opened, closed int64
	err = scan(&w.Currency, &w.Number, &w.First, &w.Last, &opened, &closed, &w.Net)
	w.Opened, w.Closed = store.Time(opened), store.Time(closed)
	return w, err
}

const windowColumns = "currency, number, first, last, opened, closed, net"

func getWindow(tx *store.Tx, currency string, number int64) (Window, error) {
	w, err := store.Get(tx, scanWindow, "select "+windowColumns+" from payments_window where currency = $1 and number = $2", currency, number)
	if fault.Is(err, fault.NotFound) {
		return w, fault.New(fault.NotFound, "payments.settlement.unknown").Because(err)
	}
	return w, err
}

func openWindow(tx *store.Tx, currency string) (Window, error) {
	w, err := store.Get(tx, scanWindow, "select "+windowColumns+" from payments_window where currency = $1 and last = 0", currency)
	if fault.Is(err, fault.NotFound) { // nothing was written yet
		return Window{Currency: currency, Number: 1, First: 1}, nil
	}
	return w, err
}

func (s Scheme) check() error {
	wrong := func(field string) error {
		return fault.New(fault.Invalid, "payments.settlement.scheme."+field).At(field, "payments.settlement.scheme."+field)
	}
	if s.Model != ModelGross && s.Model != ModelNet {
		return wrong("model")
	}
	if s.Days != "all" && s.Days != "working" {
		return wrong("days")
	}
	if len(s.Cuts) > 48 {
		return wrong("cuts")
	}
	for _, at := range s.Cuts {
		if _, err := time.Parse("15:04", at); err != nil {
			return wrong("cuts")
		}
	}
	for _, a := range s.Alerts {
		if a < 1 || a > 100 {
			return wrong("alerts")
		}
	}
	return nil
}

// next is the first time after t at which the scheme ends a window; zero when it
// never does. A time that the day does not have, when clocks go forward, is the
// moment after.
func (s Scheme) next(t time.Time, calendar *country.Calendar) time.Time {
	if len(s.Cuts) == 0 {
		return time.Time{}
	}
	day := country.DateOf(t, calendar.Zone)
	// No calendar is free for longer than this.
	for range 60 {
		if s.Days == "all" || calendar.IsWorkingDay(day) {
			for _, at := range s.Cuts {
				clock, err := time.Parse("15:04", at)
				if err != nil {
					continue
				}
				cut := time.Date(day.Year, day.Month, day.Day, clock.Hour(), clock.Minute(), 0, 0, calendar.Zone)
				if cut.After(t) {
					return cut
				}
			}
		}
		day = country.DateOf(time.Date(day.Year, day.Month, day.Day+1, 12, 0, 0, 0, calendar.Zone), calendar.Zone)
	}
	return time.Time{}
}

func scanScheme(scan store.Scan) (s Scheme, err error) {
	var cuts, alerts string
	err = scan(&s.Currency, &s.Model, &cuts, &s.Days, &alerts)
	s.Cuts = strings.Fields(cuts)
	for _, a := range strings.Fields(alerts) {
		n, e := strconv.ParseInt(a, 10, 64)
		if e != nil {
			return s, e
		}
		s.Alerts = append(s.Alerts, n)
	}
	return s, err
}

func getScheme(tx *store.Tx, currency string) (Scheme, error) {
	s, err := store.Get(tx, scanScheme, "select currency, model, cuts, days, alerts from payments_scheme where currency = $1", currency)
	if fault.Is(err, fault.NotFound) {
		return Scheme{Currency: currency, Model: ModelGross, Days: "all"}, nil
	}
	return s, err
}

func putScheme(tx *store.Tx, s Scheme) error {
	slices.Sort(s.Cuts)
	slices.Sort(s.Alerts)
	alerts := make([]string, len(s.Alerts))
	for i, a := range s.Alerts {
		alerts[i] = strconv.FormatInt(a, 10)
	}
	_, err := tx.Exec(`insert into payments_scheme (currency, model, cuts, days, alerts) values ($1, $2, $3, $4, $5)
		on conflict (currency) do update set model = excluded.model, cuts = excluded.cuts, days = excluded.days, alerts = excluded.alerts`,
		s.Currency, s.Model, strings.Join(slices.Compact(s.Cuts), " "), s.Days, strings.Join(slices.Compact(alerts), " "))
	return err
}

// openScheme takes the country's scheme when the currency has none yet, and sees
// to it that the next cut is on the queue.
func (r *Room) openScheme(ctx context.Context) error {
	p := r.pack.Rail.Settlement
	s := Scheme{Currency: r.pack.Currency.Code, Model: p.Model, Cuts: slices.Clone(p.Cuts), Days: p.Days}
	if s.Model == "" {
		s.Model = ModelGross
	}
	if s.Days == "" {
		s.Days = "all"
	}
	for _, a := range p.Alerts {
		s.Alerts = append(s.Alerts, int64(a))
	}
	if err := s.check(); err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_scheme where currency = $1", s.Currency)
		if err != nil || n > 0 {
			return err
		}
		if err := putScheme(tx, s); err != nil {
			return err
		}
		return r.planCut(tx, s, tx.Now())
	})
}

// planCut puts the next cut after a time on the queue.
func (r *Room) planCut(tx *store.Tx, s Scheme, after time.Time) error {
	at := s.next(after, r.pack.Calendar)
	if at.IsZero() {
		return job.Cancel(tx, jobCut, s.Currency)
	}
	return job.Put(tx, job.Job{Kind: jobCut, Key: s.Currency, At: at, Data: at})
}

// SetScheme changes how a currency is settled: the model from the next cut on,
// the times and thresholds at once.
func (r *Room) SetScheme(ctx context.Context, actor string, s Scheme) error {
	s.Currency = r.pack.Currency.Code
	if err := s.check(); err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if err := putScheme(tx, s); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: SchemeChanged, Version: 1, Subject: "payments/scheme/" + s.Currency, Actor: actor, Data: SchemeData{Currency: s.Currency, Net: s.Model == ModelNet, Cuts: int64(len(s.Cuts))}})
		return r.planCut(tx, s, tx.Now())
	})
}

// CloseWindow ends the open window at the next row of the ledger, while payments
// run, and gives its number. The same key again gives the window that it ended.
// The report and the settlement follow by themselves.
func (r *Room) CloseWindow(ctx context.Context, actor, party, key string) (int64, error) {
	currency := r.pack.Currency.Code
	var s Scheme
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		s, err = getScheme(tx, currency)
		return err
	})
	if err != nil {
		return 0, err
	}
	rows, err := r.ledger.Do(ctx, Work{Currency: currency, Actor: actor, Steps: []ledger.Step{{Kind: ledger.Cut, Party: party, Key: key, Currency: currency, Net: s.Model == ModelNet}},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			cut := rows[0]
			if !cut.Accepted() {
				return fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("the ledger refused the cut: %s", cut.Reason))
			}
			moved := int64(0)
			for _, d := range cut.Dues {
				moved += max(d.Amount, 0)
			}
			tx.Emit(store.Event{Type: WindowCut, Version: 1, Subject: windowSubject(currency, cut.Window), Actor: actor, Data: WindowData{Currency: currency, Window: cut.Window, Last: cut.Seq, Net: moved > 0, Moved: moved}})
			return job.Put(tx, job.Job{Kind: jobReport, Key: currency, At: tx.Now(), Data: currency})
		}})
	if err != nil {
		return 0, err
	}
	return rows[0].Window, nil
}

func windowSubject(currency string, number int64) string {
	return fmt.Sprintf("payments/window/%s-%d", currency, number)
}

// cutDue ends a window by the clock and plans the next time. A house that was
// down at the time ends it when it is up again.
func (r *Room) cutDue(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	if _, err := gate.SystemPermit(ctx, r.gate, jobCut, jobCut, gate.House{}); err != nil {
		return nil, err
	}
	var at time.Time
	if err := j.Decode(&at); err != nil {
		return nil, job.Stop(err)
	}
	if _, err := r.CloseWindow(ctx, "system/"+jobCut, "schedule", at.UTC().Format(time.RFC3339)); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		s, err := getScheme(tx, r.pack.Currency.Code)
		if err != nil {
			return err
		}
		after := tx.Now()
		if after.Before(at) {
			after = at
		}
		return r.planCut(tx, s, after)
	}, nil
}

// reportDue reports the windows that were cut and settles what is due.
func (r *Room) reportDue(ctx context.Context, _ job.Job) (func(tx *store.Tx) error, error) {
	if _, err := gate.SystemPermit(ctx, r.gate, jobReport, jobReport, gate.House{}); err != nil {
		return nil, err
	}
	if err := r.ReportWindows(ctx, "system/"+jobReport); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error { return job.Put(tx, job.Job{Kind: jobFlow, Key: jobFlow}) }, nil
}
