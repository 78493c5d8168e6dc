package services

import (
	"net/http"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// pages registers the pages of the window.
func (r *Room) pages() {
	s := r.c.Site
	house := func(pattern, action string, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(s, web.Route[gate.House]{Pattern: pattern, Action: action, Do: do})
	}
	mine := func(pattern, action string, do func(*web.Ctx, gate.Permit[*Application]) error) {
		web.Handle(s, web.Route[*Application]{Pattern: pattern, Action: action, Load: r.loadApplication, Do: do})
	}
	document := func(pattern string, do func(*web.Ctx, gate.Permit[*Document]) error) {
		web.Handle(s, web.Route[*Document]{Pattern: pattern, Action: "services.document.read", Load: r.loadDocument, Do: do})
	}
	house("GET /{$}", "services.browse", r.homePage)
	house("GET /services", "services.browse", r.listPage)
	house("GET /services/{service}", "services.browse", r.servicePage)
	house("GET /services/{service}/start", "services.apply", r.startPage)
	house("POST /services/{service}/start", "services.apply", r.startForm)
	house("GET /applications", "services.mine", r.applicationsPage)
	mine("GET /applications/{ref}", "services.application.read", r.applicationPage)
	mine("GET /applications/{ref}/consent", "services.application.edit", r.consentPage)
	mine("POST /applications/{ref}/consent", "services.application.edit", r.consentForm)
	mine("GET /applications/{ref}/q/{question}", "services.application.edit", r.questionPage)
	mine("POST /applications/{ref}/q/{question}", "services.application.edit", r.questionForm)
	mine("GET /applications/{ref}/check", "services.application.edit", r.checkPage)
	mine("POST /applications/{ref}/submit", "services.application.submit", r.submitForm)
	mine("GET /applications/{ref}/sent", "services.application.read", r.sentPage)
	mine("POST /applications/{ref}/fee", "services.application.submit", r.feeForm)
	mine("POST /applications/{ref}/withdraw", "services.application.withdraw", r.withdrawForm)
	house("GET /documents", "services.mine", r.documentsPage)
	document("GET /documents/{document}", r.documentPage)
	document("GET /documents/{document}/pdf", r.documentFile)
	house("GET /notices", "services.mine", r.noticesPage)
	guess := web.Rate{N: 30, Per: time.Minute} // a code cannot be found by trying
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /verify", Action: "services.verify", Do: r.verifyPage, Limit: guess})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /verify/{token}", Action: "services.verify", Do: r.proofPage, Limit: guess})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /verify/{token}/receipt", Action: "services.verify", Do: r.receiptFile, Limit: guess})
	r.live()
	s.Menu(web.Entry{Title: "services.menu.services", Hint: "services.menu.services.hint", Href: "/services", Group: "public", Order: 10})
	s.Menu(web.Entry{Title: "services.menu.verify", Hint: "services.menu.verify.hint", Href: "/verify", Group: "public", Order: 20})
	signedIn := func(p gate.Principal) bool { return p.SignedIn() }
	s.Menu(web.Entry{Title: "services.menu.applications", Hint: "services.menu.applications.hint", Href: "/applications", Group: "citizen", Order: 10, For: signedIn})
	s.Menu(web.Entry{Title: "services.menu.documents", Hint: "services.menu.documents.hint", Href: "/documents", Group: "citizen", Order: 20, For: signedIn})
	s.Menu(web.Entry{Title: "services.menu.notices", Hint: "services.menu.notices.hint", Href: "/notices", Group: "citizen", Order: 60, For: signedIn})
}

func (r *Room) loadApplication(q *http.Request) (a *Application, err error) {
	err = r.c.DB.View(q.Context(), func(tx *store.Tx) error {
		a, err = applicationByRef(tx, q.PathValue("ref"))
		return err
	})
	return a, err
}

func (r *Room) loadDocument(q *http.Request) (d *Document, err error) {
	err = r.c.DB.View(q.Context(), func(tx *store.Tx) error {
		d, err = documentByID(tx, q.PathValue("document"))
		return err
	})
	return d, err
}

// card shows a service in a list.
func card(c *web.Ctx, d *Definition) web.Card {
	hint := c.T("services.free")
	if d.Fee.Amount > 0 {
		hint = c.Money(d.Fee.Amount, "")
	}
	return web.Card{Title: d.Name.In(c.Lang.Code), Href: "/services/" + d.ID, Hint: c.T("services.card", "fee", hint, "time", c.N("services.days", int64(d.Time.Days)))}
}

func cards(c *web.Ctx, ds []*Definition) []web.Card {
	out := make([]web.Card, len(ds))
	for i, d := range ds {
		out[i] = card(c, d)
	}
	return out
}

// events lists the life events that have services.
func (r *Room) events(c *web.Ctx) []web.Card {
	var out []web.Card
	for _, e := range LifeEvents {
		if ds := r.catalogue.byEvent(e); len(ds) > 0 {
			out = append(out, web.Card{Title: c.T("services.event." + e), Hint: c.N("services.count", int64(len(ds))), Href: "/services?event=" + e})
		}
	}
	return out
}

// homePage is the public front, or what waits for the person who is signed in.
func (r *Room) homePage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if !c.Who.SignedIn() {
		v := frontView{Services: cards(c, r.catalogue.now), Unsure: unsure(c, r.catalogue.now), Events: r.events(c), More: entries(c, "public")}
		return c.Render(web.Page{Title: c.T("services.front.title")}, frontBody(v))
	}
	v := homeView{Events: r.events(c), Greeting: c.T("services.home.peace"), More: entries(c, "citizen")}
	if name := web.Of(c.Context(), c.Who.Name); name != "" {
		v.Greeting = c.T("services.home.greeting", "name", name)
	}
	if c.Who.Kind == gate.Official {
		v.Office = entries(c, "official")
	}
	err := r.c.DB.View(c.Context(), func(tx *store.Tx) error {
		as, err := applicationsOf(tx, c.Who.ID, web.Place{}, 20)
		if err != nil {
			return err
		}
		for _, a := range as {
			if t, ok := r.task(c, a); ok {
				v.Tasks = append(v.Tasks, t)
			} else if a.Open() && len(v.Running) < 5 {
				v.Running = append(v.Running, r.applicationTask(c, a))
			}
		}
		v.Unseen, err = unseen(tx, c.Who.ID)
		return err
	})
	if err != nil {
		return err
	}
	more, err := c.Waiting()
	if err != nil {
		return err
	}
	v.Tasks = append(v.Tasks, more...)
	return c.Render(web.Page{Title: c.T("services.home.title")}, homeBody(v))
}

func entries(c *web.Ctx, group string) []web.Card {
	var out []web.Card
	for _, e := range web.Entries(c.Context(), group) {
		hint := ""
		if e.Hint != "" {
			hint = c.T(e.Hint)
		}
		out = append(out, web.Card{Title: c.T(e.Title), Hint: hint, Href: e.Href})
	}
	return out
}

// task gives what an application wants of its owner, if anything.
func (r *Room) task(c *web.Ctx, a *Application) (web.Task, bool) {
	name := r.catalogue.name(a.Service).In(c.Lang.Code)
	t := web.Task{Title: name, Href: "/applications/" + a.Ref}
	switch {
	case a.State == Draft:
		t.Hint, t.Tag = c.T("services.task.draft", "date", c.Date(a.Updated)), &web.Tag{Status: "plain", Text: c.T("services.state.draft")}
	case a.State == Submitted:
		t.Hint, t.Tag, t.Due = c.T("services.task.pay", "amount", c.Money(a.FeeAmount, "")), &web.Tag{Status: "wait", Text: c.T("services.state.submitted")}, a.FeeExpires
	case a.State == Issued && c.Now().Sub(a.Updated) < 30*24*time.Hour:
		t.Hint, t.Tag, t.Href = c.T("services.task.issued"), &web.Tag{Status: "good", Text: c.T("services.state.issued")}, "/documents/"+a.Document
	case a.State == Refused && c.Now().Sub(a.Decided) < 30*24*time.Hour:
		t.Hint, t.Tag, t.Due = c.T("services.task.refused"), &web.Tag{Status: "bad", Text: c.T("services.state.refused")}, a.Decided.Add(30*24*time.Hour)
	default:
		return t, false
	}
	return t, true
}

func stateTag(c *web.Ctx, state string) *web.Tag {
	status := map[string]string{Draft: "plain", Submitted: "wait", Paid: "info", InOffice: "info", Approved: "good", Refused: "bad", Issued: "good"}[state]
	return &web.Tag{Status: status, Text: c.T("services.state." + state)}
}

func (r *Room) applicationTask(c *web.Ctx, a *Application) web.Task {
	t := web.Task{Title: r.catalogue.name(a.Service).In(c.Lang.Code), Hint: c.T("services.ref", "ref", a.Ref), Href: "/applications/" + a.Ref, Tag: stateTag(c, a.State)}
	if a.Open() && !a.Due.IsZero() {
		t.Due = a.Due
	}
	return t
}

// listPage is the catalogue: everything, or what fits a search or a life event.
func (r *Room) listPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	v := listView{Query: c.Query("q"), Events: r.events(c)}
	ds := r.catalogue.now
	if event := c.Query("event"); slices.Contains(LifeEvents, event) {
		v.Event, ds = c.T("services.event."+event), r.catalogue.byEvent(event)
	} else if v.Query != "" {
		ds = r.catalogue.find(v.Query)
	}
	v.Services, v.Unsure = cards(c, ds), unsure(c, ds)
	return c.Render(web.Page{Title: c.T("services.list.title"), Trail: []web.Crumb{}, Back: "/"}, listBody(v))
}

// servicePage says what a service is, who can get it, what it costs, how long
// it takes and what is needed.
func (r *Room) servicePage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	d, err := r.catalogue.current(c.Path("service"))
	if err != nil {
		return err
	}
	lang := c.Lang.Code
	office, _ := r.c.Pack.Office(d.Agency)
	v := serviceView{ID: d.ID, Name: d.Name.In(lang), Summary: d.Summary.In(lang), Office: office.Name.In(lang), Free: d.Fee.Amount == 0, Fee: d.Fee.Amount, Days: int64(d.Time.Days), SignedIn: c.Who.SignedIn(), Output: d.Output.Name.In(lang)}
	for _, check := range d.Rules {
		law := d.law(check.Law)
		v.Rules = append(v.Rules, ruleView{Name: check.Name.In(lang), Law: r.cited(lang, law)})
	}
	v.FeeLaw, v.TimeLaw = r.cited(lang, d.law(d.Fee.Law), d.Fee.Source), r.cited(lang, d.law(d.Time.Law), d.Time.Source)
	v.Sources = r.sources(c, d)
	for _, f := range d.Facts {
		v.Known = append(v.Known, f.Label.In(lang))
	}
	for _, n := range d.Needs {
		v.Needs = append(v.Needs, n.In(lang))
	}
	for _, s := range d.Steps {
		post, _ := r.c.Pack.Post(s.Post)
		v.Steps = append(v.Steps, web.Step{Title: s.Name.In(lang), State: "later", Who: post.Title.In(lang)})
	}
	if err := r.c.DB.View(c.Context(), func(tx *store.Tx) error {
		if v.Lately, v.Cases, err = r.lately(tx, d.ID); err != nil || !c.Who.SignedIn() {
			return err
		}
		as, err := applicationsOf(tx, c.Who.ID, web.Place{}, 50)
		for _, a := range as {
			if a.Service == d.ID && a.State == Draft {
				v.Draft = a.Ref
			}
		}
		return err
	}); err != nil {
		return err
	}
	return c.Render(web.Page{Title: v.Name, Back: "/services"}, serviceBody(v))
}

// lawText names a law and the place in it, without saying whether anybody has
// looked it up.
func lawText(l Law, lang string) string {
	comma := ", "
	if lang == "ur" {
		comma = "، "
	}
	return l.Name.In(lang) + comma + l.Section.In(lang)
}

// cited names a law for a reader, and says so where it, or what is said to stand
// in it, was not held against the gazette.
func (r *Room) cited(lang string, l Law, more ...Source) string {
	key := unchecked(append(more, l.Source)...)
	if key == "" {
		return lawText(l, lang)
	}
	return lawText(l, lang) + " (" + r.c.Site.Say(lang, key) + ")"
}

// unchecked gives the text that says how far sources were checked: that of the
// least checked one, "" when all were held against the gazette.
func unchecked(all ...Source) string {
	key := ""
	for _, s := range all {
		switch s.Checked {
		case CheckedNever:
			return "services.cited.never"
		case CheckedCopy:
			key = "services.cited.copy"
		}
	}
	return key
}

// sources lists what the service's page says about the laws it names, for whoever
// wants to look them up.
func (r *Room) sources(c *web.Ctx, d *Definition) (out []sourceView) {
	lang := c.Lang.Code
	add := func(what string, s Source) {
		out = append(out, sourceView{What: what, State: c.T("services.cited." + s.Checked), Where: s.Where})
	}
	for _, l := range d.Laws {
		add(lawText(l, lang), l.Source)
	}
	if d.Fee.Amount > 0 {
		add(c.T("services.service.cost"), d.Fee.Source)
	}
	add(c.T("services.service.time"), d.Time.Source)
	return out
}

// unsure says below a list whether fees and times in it were not checked.
func unsure(c *web.Ctx, ds []*Definition) string {
	for _, d := range ds {
		if unchecked(d.Fee.Source, d.Time.Source) != "" {
			return c.T("services.cited.list")
		}
	}
	return ""
}

// lately gives the working days that half of the last decided applications took
// at most, and how many they are.
func (r *Room) lately(tx *store.Tx, service string) (days int64, cases int64, err error) {
	since := tx.Now().AddDate(0, -3, 0)
	took, err := store.List(tx, func(scan store.Scan) (int, error) {
		var paid, decided int64
		err := scan(&paid, &decided)
		return r.c.Pack.Calendar.DaysBetween(store.Time(paid), store.Time(decided)), err
	}, "select paid, decided from services_application where service = $1 and decided > $2 order by decided desc limit 200", service, store.Micros(since))
	if err != nil || len(took) == 0 {
		return 0, 0, err
	}
	slices.Sort(took)
	return int64(took[len(took)/2]), int64(len(took)), nil
}

// startPage is where sign-in leads back to.
func (r *Room) startPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	d, err := r.catalogue.current(c.Path("service"))
	if err != nil {
		return err
	}
	return c.Redirect("/services/" + d.ID)
}

func (r *Room) startForm(c *web.Ctx, p gate.Permit[gate.House]) error {
	d, err := r.catalogue.current(c.Path("service"))
	if err != nil {
		return err
	}
	a, err := r.start(c.Context(), p, d)
	if err != nil {
		return err
	}
	return c.Redirect("/applications/" + a.Ref)
}

func (r *Room) applicationsPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	var as []*Application
	from := c.Place()
	if err := r.c.DB.View(c.Context(), func(tx *store.Tx) (err error) {
		as, err = applicationsOf(tx, c.Who.ID, from, pageRows+1)
		return err
	}); err != nil {
		return err
	}
	var v applicationsView
	as, v.Turn = web.Leaf(as, pageRows, "/applications", nil, from, func(a *Application) web.Place { return web.Place{At: a.Updated, ID: a.ID} })
	for _, a := range as {
		v.Applications = append(v.Applications, r.applicationTask(c, a))
	}
	return c.Render(web.Page{Title: c.T("services.applications.title"), Back: "/"}, applicationsBody(v))
}

func (r *Room) noticesPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	var notices []Notice
	from := c.Place()
	if err := r.c.DB.Update(c.Context(), func(tx *store.Tx) (err error) {
		if notices, err = noticesOf(tx, c.Who.ID, from, pageRows+1); err != nil {
			return err
		}
		return markSeen(tx, c.Who.ID)
	}); err != nil {
		return err
	}
	notices, turn := web.Leaf(notices, pageRows, "/notices", nil, from, func(n Notice) web.Place { return web.Place{At: n.At, ID: n.ID} })
	var items []web.Moment
	for _, n := range notices {
		status := ""
		switch n.What {
		case "approved", "issued":
			status = "good"
		case "refused":
			status = "bad"
		}
		if !n.Seen && status == "" {
			status = "wait"
		}
		items = append(items, web.Moment{At: n.At, Title: c.T("services.notice."+n.What, "service", r.catalogue.name(n.Service).In(c.Lang.Code)), Status: status,
			Body: web.A("/applications/"+n.Ref, c.T("services.notice.open"))})
	}
	return c.Render(web.Page{Title: c.T("services.notices.title"), Back: "/"}, noticesBody(items, turn))
}

// invalid says whether an error is about what the person wrote.
func invalid(err error) bool { return fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) }
