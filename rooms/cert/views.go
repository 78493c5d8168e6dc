package cert

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/web"
)

func wait(n int) string {
	if n > 0 {
		return "wait"
	}
	return ""
}

func bad(n int) string {
	if n > 0 {
		return "bad"
	}
	return "good"
}

func (d desk) alerts(ctx context.Context, list []Alert, empty string) web.Table {
	t := web.Table{Caption: web.T(ctx, "cert.alerts"), Hidden: true, Empty: empty, Columns: []web.Column{
		{Title: web.T(ctx, "cert.column.what")}, {Title: web.T(ctx, "cert.column.severity")}, {Title: web.T(ctx, "cert.column.events"), Numeric: true},
		{Title: web.T(ctx, "cert.column.source")}, {Title: web.T(ctx, "cert.column.raised")}, {Title: web.T(ctx, "cert.column.state")},
	}}
	for _, a := range list {
		status := ""
		if a.State == AlertRaised {
			status = severityStatus(a.Severity)
		}
		t.Rows = append(t.Rows, web.Row{ID: "alert-" + a.ID, Status: status, Cells: []templ.Component{
			web.A("/cert/alert/"+a.ID, web.T(ctx, "cert.rule."+a.Rule)), severity(a.Severity), figure(a.Events),
			web.Code(short(a.Source)), web.When(a.Raised), web.Text(web.T(ctx, "cert.alert.state."+a.State)),
		}})
	}
	return t
}

func (d desk) incidents(ctx context.Context, list []Incident, empty string) web.Table {
	t := web.Table{Caption: web.T(ctx, "cert.incidents"), Hidden: true, Empty: empty, Columns: []web.Column{
		{Title: web.T(ctx, "cert.column.number")}, {Title: web.T(ctx, "cert.column.title")}, {Title: web.T(ctx, "cert.column.severity")},
		{Title: web.T(ctx, "cert.column.opened")}, {Title: web.T(ctx, "cert.column.report")},
	}}
	for _, i := range list {
		last, status := left(i, d.Now), severityStatus(i.Severity)
		if i.State == IncidentClosed {
			last, status = web.Text(web.T(ctx, "cert.outcome."+string(i.Outcome))), ""
		}
		t.Rows = append(t.Rows, web.Row{ID: "incident-" + i.ID, Status: status, Cells: []templ.Component{
			web.A("/cert/incident/"+i.ID, i.Number), web.Bdi(i.Title), severity(i.Severity), web.When(i.Opened), last,
		}})
	}
	return t
}

func (a Alert) rows(ctx context.Context, r *Room) []web.Answer {
	rows := []web.Answer{
		{Label: web.T(ctx, "cert.column.severity"), Body: severity(a.Severity)},
		{Label: web.T(ctx, "cert.column.events"), Value: web.Number(a.Events), Note: r.limit(ctx, a.Rule)},
		{Label: web.T(ctx, "cert.alert.first"), Value: web.DateTime(ctx, a.First)},
		{Label: web.T(ctx, "cert.alert.latest"), Value: web.DateTime(ctx, a.Latest)},
		{Label: web.T(ctx, "cert.column.source"), Value: short(a.Source), Code: true, Note: web.T(ctx, "cert.alert.source.note")},
		{Label: web.T(ctx, "cert.column.state"), Value: web.T(ctx, "cert.alert.state."+a.State)},
	}
	if who := r.postTitle(a.Post); who != nil {
		rows = append(rows, web.Answer{Label: web.T(ctx, "cert.alert.by"), Value: web.Of(ctx, who)})
	}
	return rows
}

// limit says in words how often is too often.
func (r *Room) limit(ctx context.Context, id string) string {
	for _, rule := range r.rules.Rules {
		if rule.ID == id {
			return web.T(ctx, "cert.alert.limit", "n", web.Number(rule.Threshold), "window", web.Lasting(ctx, rule.Window))
		}
	}
	return ""
}

// stopped is when the clock of the law stopped: at the report, or when the
// incident was closed as harmless, which needs none.
func (v incidentView) stopped() time.Time {
	switch {
	case v.Reported != nil:
		return *v.Reported
	case v.Closed != nil:
		return *v.Closed
	}
	return time.Time{}
}

func (v incidentView) rows(ctx context.Context) []web.Answer {
	state := web.T(ctx, "cert.incident.state."+v.State)
	if v.State == IncidentClosed {
		state = web.T(ctx, "cert.outcome."+string(v.Outcome))
	}
	return []web.Answer{
		{Label: web.T(ctx, "cert.column.severity"), Body: severity(v.Severity)},
		{Label: web.T(ctx, "cert.column.state"), Value: state},
		{Label: web.T(ctx, "cert.incident.alert"), Body: web.A("/cert/alert/"+v.Alert, web.T(ctx, "cert.rule."+v.Signal.Rule)),
			Note: web.N(ctx, "cert.incident.events", v.Signal.Events)},
		{Label: web.T(ctx, "cert.alert.by"), Value: web.Of(ctx, v.room.postTitle(v.Post))},
		v.room.basis(ctx),
	}
}

// basis says which law sets the clock, and how sure the pack is of it.
func (r *Room) basis(ctx context.Context) web.Answer {
	a := web.Answer{Label: web.T(ctx, "cert.incident.basis"), Value: web.Of(ctx, r.law())}
	if d, ok := r.pack.Duty(r.rules.Report.Duty); ok {
		a.Value, a.Note = d.Section, web.Of(ctx, d.Note)
	}
	return a
}

// moments are the timeline, the youngest first, ending in the alert.
func (v incidentView) moments(ctx context.Context) []web.Moment {
	var out []web.Moment
	for n := len(v.Entries) - 1; n >= 0; n-- {
		e := v.Entries[n]
		m := web.Moment{At: e.At, Title: web.T(ctx, "cert.entry."+e.Kind), Status: entryStatus(e.Kind)}
		if who := v.room.postTitle(e.Post); who != nil {
			m.Who = web.Of(ctx, who)
		}
		if strings.TrimSpace(e.Body) != "" {
			m.Body = entryBody(e.Body)
		}
		out = append(out, m)
	}
	return append(out, web.Moment{At: v.Signal.Raised, Title: web.T(ctx, "cert.entry.raised"), Status: "wait"})
}

func entryStatus(kind string) string {
	switch kind {
	case EntryOverdue:
		return "bad"
	case EntryReported, EntryClosed:
		return "good"
	}
	return ""
}

func severityOptions(ctx context.Context) []web.Option {
	var out []web.Option
	for _, s := range severities {
		out = append(out, web.Option{Value: string(s), Label: web.T(ctx, "cert.severity."+string(s)), Hint: web.T(ctx, "cert.severity."+string(s)+".hint")})
	}
	return out
}

func outcomeOptions(ctx context.Context) []web.Option {
	var out []web.Option
	for _, o := range outcomes {
		out = append(out, web.Option{Value: string(o), Label: web.T(ctx, "cert.outcome."+string(o))})
	}
	return out
}
