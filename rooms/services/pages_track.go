package services

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// track gathers where an application is, in the language of ctx.
func (r *Room) track(ctx context.Context, a *Application) (trackView, error) {
	d, err := r.definition(ctx, a.Definition)
	if err != nil {
		return trackView{}, err
	}
	var ms []movement
	if err := r.c.DB.View(ctx, func(tx *store.Tx) error {
		ms, err = movementsOf(tx, a.ID)
		return err
	}); err != nil {
		return trackView{}, err
	}
	lang := web.Lang(ctx).Code
	v := trackView{App: a, Name: d.Name.In(lang), Pay: payPath(a), Over: a.FeeOver(r.c.Clock.Now()), Days: int64(d.Time.Days), Law: r.cited(lang, d.law(d.Time.Law), d.Time.Source), Appeal: d.Appeal.In(lang)}
	if key := unchecked(d.AppealFrom); key != "" {
		v.Appeal += " (" + web.T(ctx, key) + ")"
	}
	if !a.Due.IsZero() {
		v.Provisional = r.c.Pack.Calendar.Provisional(a.Paid, a.Due)
	}
	v.Steps = append(v.Steps, web.Step{Title: web.T(ctx, "services.step.sent"), State: "done", At: a.Submitted})
	if a.FeeAmount > 0 {
		s := web.Step{Title: web.T(ctx, "services.step.pay", "amount", web.Money(ctx, a.FeeAmount, "")), State: "now"}
		if !a.Paid.IsZero() {
			s = web.Step{Title: web.T(ctx, "services.step.paid", "amount", web.Money(ctx, a.FeeAmount, "")), State: "done", At: a.Paid}
		}
		v.Steps = append(v.Steps, s)
	}
	ended := a.State == Approved || a.State == Refused || a.State == Issued
	last := -1 // the furthest step the file has reached
	for i, s := range d.Steps {
		if slices.ContainsFunc(ms, func(m movement) bool { return m.Post == s.Post }) {
			last = i
		}
	}
	for i, s := range d.Steps {
		post, _ := r.c.Pack.Post(s.Post)
		step := web.Step{Title: s.Name.In(lang), State: "later", Who: post.Title.In(lang)}
		for _, m := range ms {
			if m.Post == s.Post {
				step.At = m.At
			}
		}
		switch {
		case ended && (i <= last || i == len(d.Steps)-1):
			step.State = "done"
			if a.State == Refused && i == len(d.Steps)-1 {
				step.State = "bad"
			}
		case a.State == InOffice && s.Post == a.Post:
			step.State, step.Note = "now", web.T(ctx, "services.step.here")
		case i < last:
			step.State = "done"
		}
		v.Steps = append(v.Steps, step)
	}
	end := web.Step{Title: d.Output.Name.In(lang), State: "later"}
	switch a.State {
	case Issued:
		end.State = "done"
	case Approved:
		end.State, end.Note = "now", web.T(ctx, "services.step.making")
	case Refused:
		end.State, end.Title = "bad", web.T(ctx, "services.state.refused")
		end.At = a.Decided
	}
	v.Steps = append(v.Steps, end)
	return v, nil
}

// live lets an open tracking page follow the file.
func (r *Room) live() {
	r.c.Site.Topic(web.Topic{
		Name: "application", Action: "services.application.read", Types: []string{"services.application.*", DocumentIssued},
		Load: func(ctx context.Context, key string) (gate.Entity, error) { return r.applicationByID(ctx, key) },
		Match: func(e store.Event, key string) bool {
			if e.Subject == "services/application/"+key {
				return true
			}
			var in DocumentData
			return e.Type == DocumentIssued && e.Decode(&in) == nil && in.Application == key
		},
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			a, err := r.applicationByID(ctx, key)
			if err != nil {
				return nil, err
			}
			v, err := r.track(ctx, a)
			return []templ.Component{trackState(v)}, err
		},
	})
}

func (r *Room) applicationByID(ctx context.Context, id string) (a *Application, err error) {
	err = r.c.DB.View(ctx, func(tx *store.Tx) error {
		a, err = applicationByID(tx, id)
		return err
	})
	return a, err
}

func (r *Room) documentsPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	var ds []*Document
	from := c.Place()
	if err := r.c.DB.View(c.Context(), func(tx *store.Tx) (err error) {
		ds, err = documentsOf(tx, c.Who.ID, from, pageRows+1)
		return err
	}); err != nil {
		return err
	}
	ds, turn := web.Leaf(ds, pageRows, "/documents", nil, from, func(d *Document) web.Place { return web.Place{At: d.Issued, ID: d.ID} })
	var v []web.Card
	for _, d := range ds {
		tag := web.Tag{Status: "good", Text: c.T("services.valid")}
		if !d.Valid(c.Now()) {
			tag = web.Tag{Status: "bad", Text: c.T("services.expired")}
		}
		v = append(v, web.Card{Title: r.outputName(d.Service, c.Lang.Code), Href: "/documents/" + d.ID, Hint: c.T("services.document.issued", "date", c.Date(d.Issued)), Tag: &tag})
	}
	return c.Render(web.Page{Title: c.T("services.documents.title"), Back: "/"}, documentsBody(v, turn))
}

func (r *Room) outputName(service, lang string) string {
	if d, err := r.catalogue.current(service); err == nil {
		return d.Output.Name.In(lang)
	}
	return service
}

func (r *Room) documentPage(c *web.Ctx, p gate.Permit[*Document]) error {
	d := p.Resource()
	pr, err := r.proofOf(c.Context(), d)
	if err != nil {
		return err
	}
	lang := c.Lang.Code
	v := documentView{ID: d.ID, Name: pr.Name.In(lang), Number: d.Number, Office: pr.Office.In(lang), Issued: d.Issued, Until: d.ValidUntil, Offer: d.Offer, Verify: r.c.Base + "/verify/" + d.Token, Token: d.Token, Valid: d.Valid(c.Now())}
	return c.Render(web.Page{Title: v.Name, Back: "/documents"}, documentBody(v))
}

func (r *Room) documentFile(c *web.Ctx, p gate.Permit[*Document]) error {
	d := p.Resource()
	pdf, err := r.pdf(c.Context(), d)
	if err != nil {
		return err
	}
	return c.File(strings.ToLower(d.Number)+".pdf", "application/pdf", pdf, false)
}

// verifyPage asks for the code of a document.
func (r *Room) verifyPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if code := c.Query("code"); code != "" {
		return c.Redirect("/verify/" + canonicalRef(lastPart(code)))
	}
	return c.Render(web.Page{Title: c.T("services.verify.title"), Back: "/"}, verifyBody())
}

// lastPart lets people paste the whole address that was in a QR code.
func lastPart(code string) string {
	code = strings.TrimRight(code, "/")
	return code[strings.LastIndexByte(code, '/')+1:]
}

// proofPage tells anybody who holds a document's code whether it is good. It
// shows the holder's name, because a code on somebody else's paper must be
// noticed, and no number or address.
func (r *Room) proofPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	d, err := r.documentByToken(c.Context(), c.Path("token"))
	if err != nil {
		if unknownDocument(err) {
			v := proofView{Code: canonicalRef(c.Path("token"))}
			return c.Render(web.Page{Title: c.T("services.proof.not-valid"), Status: 404, Back: "/verify"}, proofBody(v))
		}
		return err
	}
	p, err := r.proofOf(c.Context(), d)
	if err != nil {
		return err
	}
	lang := c.Lang.Code
	v := proofView{Known: true, Valid: d.Valid(c.Now()), Code: d.Token, Name: p.Name.In(lang), Office: p.Office.In(lang), Post: p.Post.In(lang), Law: p.Law.In(lang), Number: d.Number, Issued: d.Issued, Until: d.ValidUntil, Digest: d.Digest, Checked: c.Now()}
	for _, row := range p.Rows {
		v.Rows = append(v.Rows, web.Answer{Label: row.Label.In(lang), Value: row.Value.In(lang)})
	}
	for _, h := range p.Hidden {
		v.Hidden = append(v.Hidden, h.In(lang))
	}
	if r.c.Log != nil {
		v.Key = r.c.Log.VerifierKey()
	}
	title := c.T("services.proof.valid")
	if !v.Valid {
		title = c.T("services.proof.not-valid")
	}
	return c.Render(web.Page{Title: title, Back: "/verify"}, proofBody(v))
}

func (r *Room) documentByToken(ctx context.Context, token string) (d *Document, err error) {
	err = r.c.DB.View(ctx, func(tx *store.Tx) error {
		d, err = documentByToken(tx, token)
		return err
	})
	return d, err
}

// receiptFile gives the log's proof that the document was issued.
func (r *Room) receiptFile(c *web.Ctx, _ gate.Permit[gate.House]) error {
	d, err := r.documentByToken(c.Context(), c.Path("token"))
	if err != nil {
		return err
	}
	receipt, err := r.wants.Log.Receipt(c.Context(), d.Event)
	if err != nil {
		return err
	}
	return c.File(strings.ToLower(d.Number)+".tlog-proof", "text/plain; charset=utf-8", receipt, false)
}

type trackView struct {
	App         *Application
	Name        string
	Steps       []web.Step
	Pay         string
	Over        bool
	Days        int64
	Law         string
	Provisional bool
	Appeal      string
}

type documentView struct {
	ID, Name, Number, Office, Offer, Verify, Token string
	Issued, Until                                  time.Time
	Valid                                          bool
}

type proofView struct {
	Known, Valid                                       bool
	Code, Name, Office, Post, Law, Number, Digest, Key string
	Issued, Until, Checked                             time.Time
	Rows                                               []web.Answer
	Hidden                                             []string
}

func unknownDocument(err error) bool { return fault.Is(err, fault.NotFound) }

func documentRows(ctx context.Context, v documentView) []web.Answer {
	return []web.Answer{
		{Label: web.T(ctx, "services.document.number"), Value: v.Number, Code: true},
		{Label: web.T(ctx, "services.proof.issuer"), Value: v.Office},
		{Label: web.T(ctx, "services.proof.issued"), Value: web.Date(ctx, v.Issued)},
		{Label: web.T(ctx, "services.proof.until"), Value: until(ctx, v.Until)},
	}
}

func until(ctx context.Context, t time.Time) string {
	if t.IsZero() {
		return web.T(ctx, "services.forever")
	}
	return web.Date(ctx, t)
}

func proofRows(ctx context.Context, v proofView) []web.Answer {
	return append(slices.Clone(v.Rows),
		web.Answer{Label: web.T(ctx, "services.document.number"), Value: v.Number, Code: true},
		web.Answer{Label: web.T(ctx, "services.proof.issuer"), Value: v.Office, Note: v.Post},
		web.Answer{Label: web.T(ctx, "services.proof.issued"), Value: web.DateTime(ctx, v.Issued)},
		web.Answer{Label: web.T(ctx, "services.proof.until"), Value: until(ctx, v.Until)},
		web.Answer{Label: web.T(ctx, "services.proof.law"), Value: v.Law},
		web.Answer{Label: web.T(ctx, "services.proof.checked"), Value: web.DateTime(ctx, v.Checked)},
	)
}

// proofCommand is what somebody types who does not want to trust this page.
func proofCommand(v proofView) string {
	key := v.Key
	if key == "" {
		key = "KEY"
	}
	return "sarai verify --key=" + key + " " + strings.ToLower(v.Number) + ".tlog-proof"
}
