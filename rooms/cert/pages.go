package cert

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

const (
	titleMost = 120  // characters of an incident's title
	noteMost  = 4000 // of a note
	deskRows  = 25   // rows of each list on the desk, and of a page of the lists
	earlier   = 10   // of each list of what is over
)

func (r *Room) pages() {
	alert := func(q *http.Request) (Alert, error) { return r.Alert(q.Context(), q.PathValue("id")) }
	incident := func(q *http.Request) (Incident, error) { return r.Incident(q.Context(), q.PathValue("id")) }
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /cert", Action: "cert.desk.read", Do: r.deskPage})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /cert/alerts", Action: "cert.desk.read", Do: r.alertsPage})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /cert/incidents", Action: "cert.desk.read", Do: r.incidentsPage})
	web.Handle(r.site, web.Route[Alert]{Pattern: "GET /cert/alert/{id}", Action: "cert.alert.read", Load: alert, Do: r.alertPage})
	web.Handle(r.site, web.Route[Alert]{Pattern: "POST /cert/alert/{id}/incident", Action: "cert.alert.decide", Load: alert, Do: r.openForm})
	web.Handle(r.site, web.Route[Alert]{Pattern: "POST /cert/alert/{id}/dismiss", Action: "cert.alert.decide", Load: alert, Do: r.dismissForm})
	web.Handle(r.site, web.Route[Incident]{Pattern: "GET /cert/incident/{id}", Action: "cert.incident.read", Load: incident, Do: r.incidentPage})
	for _, form := range []string{"note", "report", "close"} {
		web.Handle(r.site, web.Route[Incident]{Pattern: "POST /cert/incident/{id}/" + form, Action: "cert.incident.write", Load: incident,
			Do: func(c *web.Ctx, p gate.Permit[Incident]) error { return r.incidentForm(c, p, form) }})
	}
	r.site.Topic(web.Topic{Name: "cert", Action: "cert.desk.read", Types: []string{"cert.*"},
		Render: func(ctx context.Context, _ string, _ []store.Event) ([]templ.Component, error) {
			d, err := r.desk(ctx)
			return []templ.Component{deskView(d)}, err
		}})
	r.site.Topic(web.Topic{Name: "cert-incident", Action: "cert.incident.read", Types: []string{"cert.incident.*"},
		Load:  func(ctx context.Context, key string) (gate.Entity, error) { return r.Incident(ctx, key) },
		Match: func(e store.Event, key string) bool { return e.Subject == "cert/incident/"+key },
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			v, err := r.incidentView(ctx, key)
			return []templ.Component{progress(v)}, err
		}})
}

// desk is what the analysts' desk shows.
type desk struct {
	Raised, Decided        []Alert
	Open, Closed           []Incident
	Alerts, Incidents, Due int // open ones; Due of them past their deadline
	Now                    time.Time
	room                   *Room
}

func (r *Room) desk(ctx context.Context) (d desk, err error) {
	d.room, d.Now = r, r.clock.Now()
	if d.Raised, err = r.Alerts(ctx, AlertRaised, web.Place{}, deskRows); err != nil {
		return d, err
	}
	all, err := r.Alerts(ctx, "", web.Place{}, 2*deskRows)
	if err != nil {
		return d, err
	}
	for _, a := range all {
		if a.State != AlertRaised && len(d.Decided) < earlier {
			d.Decided = append(d.Decided, a)
		}
	}
	if d.Open, err = r.Incidents(ctx, IncidentOpen, web.Place{}, deskRows); err != nil {
		return d, err
	}
	if d.Closed, err = r.Incidents(ctx, IncidentClosed, web.Place{}, earlier); err != nil {
		return d, err
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if d.Alerts, err = store.Get(tx, store.Value[int], `select count(*) from cert_alert where state = 'raised'`); err != nil {
			return err
		}
		if d.Incidents, err = store.Get(tx, store.Value[int], `select count(*) from cert_incident where state = 'open'`); err != nil {
			return err
		}
		d.Due, err = store.Get(tx, store.Value[int], `select count(*) from cert_incident where state = 'open' and reported = 0 and due < $1`, store.Micros(d.Now))
		return err
	})
	return d, err
}

func (r *Room) deskPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	d, err := r.desk(c.Context())
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("cert.title"), Wide: true, Live: "cert"}, deskPage(d))
}

// listView is one page of all alerts or all incidents.
type listView struct {
	Title string
	Table web.Table
	web.Turn
}

func (r *Room) alertsPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	from := c.Place()
	list, err := r.Alerts(c.Context(), "", from, deskRows+1)
	if err != nil {
		return err
	}
	list, turn := web.Leaf(list, deskRows, "/cert/alerts", nil, from, func(x Alert) web.Place { return web.Place{At: x.Raised, ID: x.ID} })
	d := desk{room: r, Now: c.Now()}
	v := listView{Title: c.T("cert.alerts.all"), Table: d.alerts(c.Context(), list, c.T("cert.decided.empty")), Turn: turn}
	return c.Render(web.Page{Title: v.Title, Wide: true, Trail: trail(c)}, listPage(v))
}

func (r *Room) incidentsPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	from := c.Place()
	list, err := r.Incidents(c.Context(), "", from, deskRows+1)
	if err != nil {
		return err
	}
	list, turn := web.Leaf(list, deskRows, "/cert/incidents", nil, from, func(x Incident) web.Place { return web.Place{At: x.Opened, ID: x.ID} })
	d := desk{room: r, Now: c.Now()}
	v := listView{Title: c.T("cert.incidents.all"), Table: d.incidents(c.Context(), list, c.T("cert.closed.empty")), Turn: turn}
	return c.Render(web.Page{Title: v.Title, Wide: true, Trail: trail(c)}, listPage(v))
}

func trail(c *web.Ctx) []web.Crumb { return []web.Crumb{{Title: c.T("cert.title"), Href: "/cert"}} }

func (r *Room) alertFrame(c *web.Ctx, a Alert) (web.Page, templ.Component) {
	return web.Page{Title: c.T("cert.rule." + a.Rule), Trail: trail(c)}, alertPage(r, a, r.gate.Would(c.Who, "cert.alert.decide", a))
}

func (r *Room) alertPage(c *web.Ctx, p gate.Permit[Alert]) error {
	return c.Render(r.alertFrame(c, p.Resource()))
}

func (r *Room) openForm(c *web.Ctx, p gate.Permit[Alert]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	title := f.Text("title", web.Required("cert.incident.title.missing"), web.Longest(titleMost))
	severity := Severity(f.Choice("severity", "cert.incident.severity.missing", names(severities)...))
	var i Incident
	if err = f.Err(); err == nil {
		i, err = r.Open(c.Context(), p, title, severity)
	}
	if taken(err) {
		// Sent twice, or a colleague was faster: the incident is there.
		if a, again := r.Alert(c.Context(), p.Resource().ID); again == nil && a.Incident != "" {
			c.Flash("wait", "cert.alert.taken")
			return c.Redirect("/cert/incident/" + a.Incident)
		}
	}
	if err != nil {
		page, body := r.alertFrame(c, p.Resource())
		return c.Invalid(err, page, body)
	}
	c.Flash("good", "cert.incident.opened", "number", i.Number)
	return c.Redirect("/cert/incident/" + i.ID)
}

func taken(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Key == "cert.alert.taken"
}

func (r *Room) dismissForm(c *web.Ctx, p gate.Permit[Alert]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	reason := f.Prose("reason", web.Required("cert.alert.reason.missing"), web.Longest(noteMost))
	if err = f.Err(); err == nil {
		err = r.Dismiss(c.Context(), p, reason)
	}
	if err != nil {
		page, body := r.alertFrame(c, p.Resource())
		return c.Invalid(err, page, body)
	}
	c.Flash("good", "cert.alert.dismissed")
	return c.Redirect("/cert")
}

// incidentView is what an incident's page shows.
type incidentView struct {
	Incident
	Signal  Alert
	Entries []Entry
	May     bool // the reader may write
	room    *Room
}

func (r *Room) incidentView(ctx context.Context, id string) (v incidentView, err error) {
	v.room = r
	if v.Incident, err = r.Incident(ctx, id); err != nil {
		return v, err
	}
	if v.Signal, err = r.Alert(ctx, v.Alert); err != nil {
		return v, err
	}
	v.Entries, err = r.Entries(ctx, id)
	return v, err
}

func (r *Room) incidentFrame(c *web.Ctx, id string) (web.Page, templ.Component, error) {
	v, err := r.incidentView(c.Context(), id)
	if err != nil {
		return web.Page{}, nil, err
	}
	v.May = r.gate.Would(c.Who, "cert.incident.write", v.Incident)
	return web.Page{Title: v.Number + " " + v.Title, Trail: trail(c), Live: "cert-incident?key=" + id}, incidentPage(v), nil
}

func (r *Room) incidentPage(c *web.Ctx, p gate.Permit[Incident]) error {
	page, body, err := r.incidentFrame(c, p.Resource().ID)
	if err != nil {
		return err
	}
	return c.Render(page, body)
}

// incidentForm takes a note, a report or a closing.
func (r *Room) incidentForm(c *web.Ctx, p gate.Permit[Incident], form string) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	// Each form has a field of its own name, so that a message stands beside it.
	body := f.Prose(form, web.Required("cert.incident."+form+".missing"), web.Longest(noteMost))
	var outcome Outcome
	if form == "close" {
		outcome = Outcome(f.Choice("outcome", "cert.incident.outcome.missing", names(outcomes)...))
	}
	if err = f.Err(); err == nil {
		switch form {
		case "note":
			err = r.Note(c.Context(), p, body)
		case "report":
			err = r.Report(c.Context(), p, body)
		case "close":
			err = r.Close(c.Context(), p, outcome, body)
		}
	}
	id := p.Resource().ID
	if err != nil {
		page, view, broken := r.incidentFrame(c, id)
		if broken != nil {
			return broken
		}
		return c.Invalid(err, page, view)
	}
	c.Flash("good", "cert.incident."+form+".done")
	return c.Redirect("/cert/incident/" + id)
}

func names[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}

// short is the part of a source's name that people compare by eye.
func short(source string) string { return strings.ToUpper(source[:min(len(source), 8)]) }

func severityStatus(s Severity) string {
	switch s {
	case Critical, High:
		return "bad"
	case Medium:
		return "wait"
	}
	return "plain"
}
