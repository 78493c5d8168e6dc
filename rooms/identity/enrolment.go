package identity

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// enrolment registers the way from an application to an identity: the
// applicant's pages, which need no account, and the adjudicators' desk.
func (r *Room) enrolment() {
	house := func(pattern, action string, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(r.site, web.Route[gate.House]{Pattern: pattern, Action: action, Do: do})
	}
	house("GET /identity/apply", "identity.application.apply", r.applyStart)
	house("POST /identity/apply", "identity.application.apply", r.applyBegin)
	house("GET /identity/apply/resume", "identity.application.apply", r.resumePage)
	house("POST /identity/apply/resume", "identity.application.apply", r.resumeApplication)
	house("GET /identity/apply/saved", "identity.application.apply", r.applySaved)
	house("GET /identity/apply/check", "identity.application.apply", r.applyCheck)
	house("POST /identity/apply/check", "identity.application.apply", r.applySubmit)
	house("GET /identity/apply/status", "identity.application.apply", r.applyStatus)
	house("POST /identity/apply/activate", "identity.application.apply", r.applyActivate)
	house("GET /identity/apply/step/{step}", "identity.application.apply", r.applyQuestion)
	house("POST /identity/apply/step/{step}", "identity.application.apply", r.applyAnswer)

	house("GET /identity/desk", "identity.application.list", r.deskList)
	load := func(req *http.Request) (*Enrolment, error) { return r.forDesk(req.Context(), req.PathValue("id")) }
	web.Handle(r.site, web.Route[*Enrolment]{Pattern: "GET /identity/desk/{id}", Action: "identity.application.view", Load: load, Do: r.deskDossier})
	web.Handle(r.site, web.Route[*Enrolment]{Pattern: "POST /identity/desk/{id}", Action: "identity.application.decide", Load: load, Do: r.deskDecide})

	house("GET /identity/accesses", "identity.access.view", r.accessesPage)

	r.site.Menu(web.Entry{Title: "identity.apply.title", Hint: "identity.apply.menu", Href: "/identity/apply", Group: "public", Order: 10})
	r.site.Menu(web.Entry{Title: "identity.accesses.title", Hint: "identity.accesses.menu", Href: "/identity/accesses", Group: "citizen", Order: 60})
	r.site.Menu(web.Entry{Title: "identity.desk.title", Hint: "identity.desk.menu", Href: "/identity/desk", Group: "official", Order: 10,
		For: func(p gate.Principal) bool { return p.Has("identity.register") || p.Has("identity.adjudicate") }})
}

// forDesk loads an application for an official. Whose case it is follows from
// the number, even before there is an identity: nobody decides about himself.
func (r *Room) forDesk(ctx context.Context, id string) (*Enrolment, error) {
	e, err := r.enrolmentByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.State == applicationDraft {
		return nil, fault.New(fault.NotFound, "identity.apply.none")
	}
	e.whose, err = r.subject(ctx, e.Answers.Number)
	return e, err
}

// mine is the application open in this browser.
func (r *Room) mine(c *web.Ctx) (*Enrolment, error) {
	visitor, err := c.Visitor()
	if err != nil {
		return nil, err
	}
	return r.enrolmentOf(c.Context(), visitor)
}

func (r *Room) applyStart(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return c.Render(web.Page{Title: c.T("identity.apply.title"), Back: "/"}, applyStartPage())
}

func (r *Room) applyBegin(c *web.Ctx, _ gate.Permit[gate.House]) error {
	visitor, err := c.Visitor()
	if err != nil {
		return err
	}
	e, err := r.enrolmentOf(c.Context(), visitor)
	if fault.Is(err, fault.NotFound) || err == nil && e.State != applicationDraft {
		e, err = r.openDraft(c.Context(), visitor)
	}
	if err != nil {
		return err
	}
	return c.Redirect(next(e))
}

// next is where an application goes on.
func next(e *Enrolment) string {
	if e.State != applicationDraft {
		return "/identity/apply/status"
	}
	if step := e.Answers.missing(); step != "" {
		return "/identity/apply/step/" + step
	}
	return "/identity/apply/check"
}

func (r *Room) applySaved(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, err := r.mine(c)
	if err != nil {
		return c.Redirect("/identity/apply")
	}
	code, err := r.resumeCode(c.Context(), e.ID)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("identity.apply.saved.title"), Back: next(e)}, applySavedPage(e.Reference, code, next(e)))
}

func (r *Room) resumePage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return c.Render(web.Page{Title: c.T("identity.apply.resume.title"), Back: "/identity/apply"}, resumeForm())
}

func (r *Room) resumeApplication(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	reference := tidyReference(f.Code("reference", web.Required("identity.apply.resume.reference.missing")))
	code := tidyReference(f.Code("code", web.Required("identity.apply.resume.code.missing")))
	err = f.Err()
	if err == nil {
		var visitor string
		if visitor, err = c.Visitor(); err == nil {
			err = r.reopen(c.Context(), visitor, reference, code)
		}
	}
	if err != nil {
		return c.Invalid(err, web.Page{Title: c.T("identity.apply.resume.title"), Back: "/identity/apply"}, resumeForm())
	}
	e, err := r.mine(c)
	if err != nil {
		return err
	}
	return c.Redirect(next(e))
}

// tidyReference reads a reference as people copy it: any case, with or without
// its dashes, O for 0 and I or L for 1.
func tidyReference(s string) string {
	s = strings.NewReplacer("-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	var b strings.Builder
	for i, ch := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(ch)
	}
	return b.String()
}

func (r *Room) applyQuestion(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, step, err := r.question(c)
	if err != nil || e == nil {
		return err
	}
	return c.Render(r.questionPage(c, step), r.questionBody(c, e, step))
}

// question gives the draft and the step asked for; no draft means that the
// browser has been sent to the right page already.
func (r *Room) question(c *web.Ctx) (*Enrolment, string, error) {
	step := c.Path("step")
	e, err := r.mine(c)
	if fault.Is(err, fault.NotFound) {
		return nil, "", c.Redirect("/identity/apply")
	}
	if err != nil {
		return nil, "", err
	}
	if e.State != applicationDraft {
		return nil, "", c.Redirect(next(e))
	}
	for _, s := range enrolmentSteps {
		if s == step {
			return e, step, nil
		}
	}
	return nil, "", fault.New(fault.NotFound, "web.fault.not-found")
}

func (r *Room) questionPage(c *web.Ctx, step string) web.Page {
	back := "/identity/apply"
	for i, s := range enrolmentSteps {
		if s == step && i > 0 {
			back = "/identity/apply/step/" + enrolmentSteps[i-1]
		}
	}
	return web.Page{Title: c.T("identity.apply." + step + ".title"), Back: back, Kind: "question"}
}

func (r *Room) questionBody(c *web.Ctx, e *Enrolment, step string) questionView {
	v := questionView{step: step, a: e.Answers, example: r.pack.NationalNumber.Example, short: r.pack.NationalNumber.Short}
	for _, d := range r.pack.Districts {
		v.districts = append(v.districts, web.Option{Value: d.ID, Label: d.Name.In(c.Lang.Code)})
	}
	return v
}

func (r *Room) applyAnswer(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, step, err := r.question(c)
	if err != nil || e == nil {
		return err
	}
	f, err := c.Form(portraitMost)
	if err != nil {
		return err
	}
	photo := r.read(f, step, &e.Answers, c.Now())
	err = f.Err()
	if err == nil {
		err = r.keep(c.Context(), e, photo)
	}
	if err != nil {
		return c.Invalid(err, r.questionPage(c, step), r.questionBody(c, e, step))
	}
	return c.Redirect(next(e))
}

func (r *Room) applyCheck(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, err := r.mine(c)
	if fault.Is(err, fault.NotFound) {
		return c.Redirect("/identity/apply")
	}
	if err != nil {
		return err
	}
	if to := next(e); to != "/identity/apply/check" {
		return c.Redirect(to)
	}
	return r.showCheck(c, e, nil)
}

func (r *Room) showCheck(c *web.Ctx, e *Enrolment, wrong error) error {
	photo, err := r.photograph(c.Context(), e)
	if err != nil {
		return err
	}
	p := web.Page{Title: c.T("identity.apply.check.title"), Back: "/identity/apply/step/photo"}
	body := applyCheckPage(r.answersOf(c, e, "/identity/apply/step/"), photo)
	if wrong != nil {
		return c.Invalid(wrong, p, body)
	}
	return c.Render(p, body)
}

// answersOf writes answers down as a person reads them.
func (r *Room) answersOf(c *web.Ctx, e *Enrolment, change string) []web.Answer {
	a := e.Answers
	link := func(step string) string {
		if change == "" {
			return ""
		}
		return change + step
	}
	district, _ := r.pack.District(a.District)
	number, _ := r.pack.NationalNumber.Parse(a.Number)
	birth, _ := time.Parse(time.DateOnly, a.Birth)
	return []web.Answer{
		{Label: c.T("identity.apply.name_en"), Value: a.NameEn, Change: link("name")},
		{Label: c.T("identity.apply.name_ur"), Value: a.NameUr, Change: link("name")},
		{Label: c.T("identity.apply.father_en"), Value: a.FatherEn, Change: link("father")},
		{Label: c.T("identity.apply.father_ur"), Value: a.FatherUr, Change: link("father")},
		{Label: c.T("identity.apply.birth.label"), Value: web.Date(c.Context(), birth), Change: link("birth")},
		{Label: c.T("identity.apply.sex.label"), Value: sexName(c.Context(), a.Sex), Change: link("sex")},
		{Label: r.pack.NationalNumber.Name.In(c.Lang.Code), Value: number.String(), Code: true, Change: link("number")},
		{Label: c.T("identity.apply.district.label"), Value: district.Name.In(c.Lang.Code), Change: link("district")},
		{Label: c.T("identity.apply.address.label"), Value: strings.TrimSpace(a.AddressEn + "\n" + a.AddressUr), Change: link("address")},
		{Label: c.T("identity.apply.phone.label"), Value: a.Phone, Code: true, Change: link("phone")},
	}
}

func (r *Room) applySubmit(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, err := r.mine(c)
	if err != nil {
		return err
	}
	if err := r.submit(c.Context(), e); err != nil {
		return r.showCheck(c, e, err)
	}
	return c.Redirect("/identity/apply/status")
}

func (r *Room) applyStatus(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, err := r.mine(c)
	if fault.Is(err, fault.NotFound) {
		return c.Redirect("/identity/apply/resume")
	}
	if err != nil {
		return err
	}
	if e.State == applicationDraft {
		return c.Redirect(next(e))
	}
	code, err := r.resumeCode(c.Context(), e.ID)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("identity.apply.status.title")}, applyStatusPage(e, code, r.applySteps(c, e)))
}

func (r *Room) applySteps(c *web.Ctx, e *Enrolment) web.Steps {
	sent := web.Step{Title: c.T("identity.apply.step.sent"), State: "done", At: e.Submitted}
	first := web.Step{Title: c.T("identity.apply.step.first"), State: "now", Who: c.T("identity.apply.step.registration")}
	second := web.Step{Title: c.T("identity.apply.step.second"), State: "later", Who: c.T("identity.apply.step.adjudication")}
	issued := web.Step{Title: c.T("identity.apply.step.issued"), State: "later"}
	if len(e.Decisions) > 0 {
		first.State, first.At, second.State = "done", e.Decisions[0].At, "now"
	}
	switch e.State {
	case applicationIssued:
		second.State, issued.State = "done", "done"
		second.At = e.Decisions[len(e.Decisions)-1].At
		issued.At = e.Changed
	case applicationRefused:
		second.State, second.At = "done", e.Decisions[len(e.Decisions)-1].At
		issued = web.Step{Title: c.T("identity.apply.step.refused"), State: "bad", At: e.Changed, Note: e.Decisions[len(e.Decisions)-1].Reason}
	}
	return web.Steps{Steps: []web.Step{sent, first, second, issued}}
}

// applyActivate hands a new person on to the first sign-in with a fresh code.
func (r *Room) applyActivate(c *web.Ctx, _ gate.Permit[gate.House]) error {
	e, err := r.mine(c)
	if err != nil {
		return err
	}
	if e.State != applicationIssued {
		return fault.New(fault.Conflict, "identity.apply.not-issued")
	}
	var code string
	err = r.db.Update(c.Context(), func(tx *store.Tx) (err error) {
		code, err = r.Activation(tx, e.Subject)
		return err
	})
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("identity.apply.activate.title"), Back: "/identity/apply/status"}, applyActivatePage(code))
}

func (r *Room) deskList(c *web.Ctx, p gate.Permit[gate.House]) error {
	list, err := r.waiting(c.Context(), p)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("identity.desk.title"), Back: "/", Wide: true}, deskListPage(r, list))
}

func (r *Room) deskDossier(c *web.Ctx, p gate.Permit[*Enrolment]) error {
	d, err := r.dossier(c.Context(), p)
	if err != nil {
		return err
	}
	return c.Render(r.dossierPage(c, d), dossierBody(r, d, r.answersOf(c, d.Enrolment, ""), r.deciding(c, d)))
}

// deciding says whether this official may still decide.
func (r *Room) deciding(c *web.Ctx, d *Dossier) bool {
	return d.State == applicationSubmitted && r.gate.Would(c.Who, "identity.application.decide", d.Enrolment)
}

func (r *Room) dossierPage(c *web.Ctx, d *Dossier) web.Page {
	return web.Page{Title: c.T("identity.desk.application", "reference", d.Reference), Back: "/identity/desk", Wide: true}
}

func (r *Room) deskDecide(c *web.Ctx, p gate.Permit[*Enrolment]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	outcome := f.Choice("outcome", "identity.desk.outcome.missing", outcomeApproved, outcomeRefused)
	reason := f.Prose("reason", web.Longest(1000))
	err = f.Err()
	if err == nil {
		_, err = r.decide(c.Context(), p, outcome, reason)
	}
	if fault.Is(err, fault.Invalid) {
		view, verr := gate.Authorize(c.Context(), r.gate, c.Who, "identity.application.view", p.Resource())
		if verr != nil {
			return verr
		}
		d, derr := r.dossier(c.Context(), view)
		if derr != nil {
			return derr
		}
		return c.Invalid(err, r.dossierPage(c, d), dossierBody(r, d, r.answersOf(c, d.Enrolment, ""), true))
	}
	if err != nil {
		return err
	}
	c.Flash("good", "identity.desk.recorded", "reference", p.Resource().Reference)
	return c.Redirect("/identity/desk")
}

func (r *Room) accessesPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	list, err := r.Accesses(c.Context(), c.Who.ID)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("identity.accesses.title"), Back: "/"}, accessesBody(r, list))
}
