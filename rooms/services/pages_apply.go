package services

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// applicationPage takes a draft up where it was left, and shows where a sent
// application is.
func (r *Room) applicationPage(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	if a.State == Draft {
		to, err := r.resume(c, a, "")
		if err != nil {
			return err
		}
		return c.Redirect(to)
	}
	v, err := r.track(c.Context(), a)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: v.Name, Back: "/applications", Live: "application?key=" + a.ID}, trackBody(v))
}

// resume gives the page a draft goes on with after one of its questions.
func (r *Room) resume(c *web.Ctx, a *Application, after string) (string, error) {
	base := "/applications/" + a.Ref
	if a.Consent == "" {
		return base + "/consent", nil
	}
	d, err := r.definition(c.Context(), a.Definition)
	if err != nil {
		return "", err
	}
	content, err := r.open(c.Context(), a)
	if err != nil {
		return "", err
	}
	qs, err := r.questions(c.Context(), d, content, r.today())
	if err != nil {
		return "", err
	}
	if q := next(qs, content, after); q != "" {
		return base + "/q/" + q, nil
	}
	return base + "/check", nil
}

func (r *Room) consentPage(c *web.Ctx, p gate.Permit[*Application]) error {
	page, v, err := r.consentView(c, p.Resource())
	if err != nil {
		return err
	}
	return c.Render(page, consentBody(v))
}

func (r *Room) consentView(c *web.Ctx, a *Application) (web.Page, consentView, error) {
	d, err := r.definition(c.Context(), a.Definition)
	if err != nil {
		return web.Page{}, consentView{}, err
	}
	lang := c.Lang.Code
	office, _ := r.c.Pack.Office(d.Agency)
	v := consentView{Ref: a.Ref, Service: d.Name.In(lang), Office: office.Name.In(lang), Law: r.cited(lang, d.law(d.Rules[0].Law)), Given: a.Consent}
	for _, f := range d.Facts {
		v.Facts = append(v.Facts, web.Answer{Label: f.Label.In(lang), Value: f.Purpose.In(lang)})
	}
	return web.Page{Title: c.T("services.consent.title"), Back: "/services/" + d.ID, Kind: "question"}, v, nil
}

func (r *Room) consentForm(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	answer := f.Choice("consent", "services.consent.choose", "yes", "no")
	if err := f.Err(); err != nil {
		page, v, e := r.consentView(c, a)
		if e != nil {
			return e
		}
		return c.Invalid(err, page, consentBody(v))
	}
	d, err := r.definition(c.Context(), a.Definition)
	if err != nil {
		return err
	}
	if err := r.consent(c.Context(), p, d, answer == "yes"); err != nil {
		return err
	}
	return c.Redirect("/applications/" + a.Ref)
}

// questionView gathers what a question page shows.
func (r *Room) question(c *web.Ctx, a *Application) (*Definition, content, question, []question, error) {
	d, err := r.definition(c.Context(), a.Definition)
	if err != nil {
		return nil, content{}, question{}, nil, err
	}
	held, err := r.open(c.Context(), a)
	if err != nil {
		return nil, content{}, question{}, nil, err
	}
	qs, err := r.questions(c.Context(), d, held, r.today())
	if err != nil {
		return nil, content{}, question{}, nil, err
	}
	for _, q := range qs {
		if q.ID == c.Path("question") {
			return d, held, q, qs, nil
		}
	}
	return d, held, question{}, qs, nil
}

func (r *Room) questionPage(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	_, held, q, qs, err := r.question(c, a)
	if err != nil {
		return err
	}
	if q.ID == "" || a.Consent == "" { // a question that is not asked any more
		return c.Redirect("/applications/" + a.Ref)
	}
	page, v := r.questionView(c, a, held, q, qs)
	return c.Render(page, questionBody(v))
}

func (r *Room) questionView(c *web.Ctx, a *Application, held content, q question, qs []question) (web.Page, questionView) {
	lang := c.Lang.Code
	v := questionView{Action: "/applications/" + a.Ref + "/q/" + q.ID, Title: q.Title.In(lang), Hint: q.Hint.In(lang), One: len(q.Fields) == 1, Checking: c.R.URL.Query().Has("check")}
	if v.Checking {
		v.Action += "?check"
	}
	back := "/applications/" + a.Ref + "/consent"
	for i, other := range qs {
		if other.ID == q.ID {
			v.Place, v.Of = int64(i+1), int64(len(qs))
			if i > 0 {
				back = "/applications/" + a.Ref + "/q/" + qs[i-1].ID
			}
		}
	}
	if v.Checking {
		back = "/applications/" + a.Ref + "/check"
	}
	for _, f := range q.Fields {
		value := held.Answers[f.ID]
		note := ""
		if q.Kind == "facts" {
			value = held.Facts[f.ID].Value
		} else if h, known := held.Facts[f.Known]; f.Known != "" && known && value == "" {
			value = h.Value
			note = c.T("services.known", "source", r.source(lang, h), "date", c.Date(h.At))
			if h.Source == stated {
				note = ""
			}
		}
		v.Fields = append(v.Fields, r.fieldView(c, f, value, note, v))
		v.Files = v.Files || f.Type == "file"
	}
	return web.Page{Title: v.Title, Back: back, Kind: "question"}, v
}

func (r *Room) fieldView(c *web.Ctx, f Field, value, note string, q questionView) fieldView {
	lang := c.Lang.Code
	v := fieldView{Field: f, Label: f.Label.In(lang), Hint: f.Hint.In(lang), Value: value, Heading: q.One}
	if q.One {
		v.Label, v.Hint = q.Title, q.Hint
	}
	if note != "" {
		v.Hint = strings.TrimSpace(note + " " + v.Hint)
	}
	switch f.Type {
	case "choice":
		for _, o := range f.Options {
			v.Options = append(v.Options, web.Option{Value: o.ID, Label: o.Label.In(lang)})
		}
	case "yesno":
		v.Options = []web.Option{{Value: "yes", Label: c.T("services.yes")}, {Value: "no", Label: c.T("services.no")}}
	case "district":
		for _, d := range r.c.Pack.Districts {
			v.Options = append(v.Options, web.Option{Value: d.ID, Label: d.Name.In(lang)})
		}
	case "date":
		if d, err := country.ParseDate(value); err == nil {
			v.Date = d.In(r.c.Pack.Zone)
		}
	case "phone":
		if value != "" {
			v.Value = r.c.Pack.Phone.Format(country.Phone(value))
		}
	case "money":
		if value != "" {
			v.Value = strings.TrimSuffix(f.show(r.c.Pack, value, lang, nil, nil), ".00")
			v.Value = strings.TrimLeft(v.Value, r.c.Pack.Currency.Prefix.In(lang)+"\u00a0")
		}
	case "file":
		if value != "" {
			v.Hint = strings.TrimSpace(c.T("services.file.have") + " " + v.Hint)
		}
	}
	return v
}

func (r *Room) questionForm(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	d, held, q, qs, err := r.question(c, a)
	if err != nil {
		return err
	}
	if q.ID == "" || a.Consent == "" {
		return c.Redirect("/applications/" + a.Ref)
	}
	form, err := c.Form(paperBytes)
	if err == nil {
		err = r.take(c, form, a, d, q)
	}
	if err != nil {
		if !invalid(err) {
			return err
		}
		page, v := r.questionView(c, a, held, q, qs)
		return c.Invalid(err, page, questionBody(v))
	}
	if c.R.URL.Query().Has("check") {
		return c.Redirect("/applications/" + a.Ref + "/check")
	}
	var fresh *Application
	if fresh, err = r.loadApplication(c.R); err != nil {
		return err
	}
	to, err := r.resume(c, fresh, q.ID)
	if err != nil {
		return err
	}
	return c.Redirect(to)
}

// take reads the fields of a question and keeps the answers. What the form
// itself finds (a mark that reorders text, a file too large) comes first.
func (r *Room) take(c *web.Ctx, form *web.Form, a *Application, d *Definition, q question) error {
	texts, files := map[string]string{}, map[string]*upload{}
	for _, f := range q.Fields {
		if f.Type != "file" {
			texts[f.ID] = written(form, f)
		} else if up := form.File(f.ID, paperBytes, "image/jpeg", "image/png", "application/pdf"); up != nil {
			files[f.ID] = &upload{Name: up.Name, Type: up.Type, Body: up.Body}
		}
	}
	if err := form.Err(); err != nil {
		return err
	}
	return r.answer(c.Context(), a, d, q, func(f Field) string { return texts[f.ID] }, func(f Field) *upload { return files[f.ID] })
}

// written gives what was typed into a field; the three parts of a date come
// as one.
func written(form *web.Form, f Field) string {
	switch f.Type {
	case "longtext":
		return form.Prose(f.ID)
	case "date":
		part := func(of string) string { return strings.TrimSpace(form.Values().Get(f.ID + "-" + of)) }
		all := part("year") + "-" + part("month") + "-" + part("day")
		if all == "--" {
			return form.Text(f.ID) // one field: a client without our page
		}
		return all
	}
	return form.Text(f.ID)
}

// checkPage shows everything before it is sent, and whether and why the person
// can have the service.
func (r *Room) checkPage(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	to, err := r.resume(c, a, "")
	if err != nil {
		return err
	}
	if !strings.HasSuffix(to, "/check") {
		return c.Redirect(to)
	}
	page, v, err := r.checkView(c, a)
	if err != nil {
		return err
	}
	return c.Render(page, checkBody(v))
}

// sameNote takes the note that all answers share from them, to be said once.
func sameNote(rows []web.Answer) string {
	if len(rows) < 2 || slices.ContainsFunc(rows, func(a web.Answer) bool { return a.Note != rows[0].Note }) {
		return ""
	}
	note := rows[0].Note
	for i := range rows {
		rows[i].Note = ""
	}
	return note
}

func (r *Room) checkView(c *web.Ctx, a *Application) (web.Page, checkView, error) {
	lang := c.Lang.Code
	page := web.Page{Title: c.T("services.check.title"), Back: "/applications/" + a.Ref + "/consent"}
	d, err := r.definition(c.Context(), a.Definition)
	if err != nil {
		return page, checkView{}, err
	}
	held, err := r.open(c.Context(), a)
	if err != nil {
		return page, checkView{}, err
	}
	qs, err := r.questions(c.Context(), d, held, r.today())
	if err != nil {
		return page, checkView{}, err
	}
	v := checkView{Ref: a.Ref, Service: d.Name.In(lang), Fee: d.Fee.Amount, Days: int64(d.Time.Days), Unsure: unsure(c, []*Definition{d})}
	for _, f := range d.Facts {
		h := held.Facts[f.ID]
		row := web.Answer{Label: f.Label.In(lang), Value: r.shown(c, d, held, "facts."+f.ID), Code: f.code()}
		if h.Source == stated {
			row.Note, row.Change = c.T("services.stated"), "/applications/"+a.Ref+"/q/fact-"+url.PathEscape(f.ID)+"?check"
		} else {
			row.Note = c.T("services.known", "source", r.source(lang, h), "date", c.Date(h.At))
		}
		v.Facts = append(v.Facts, row)
	}
	v.Known = sameNote(v.Facts)
	for _, q := range qs {
		if q.Kind == "facts" {
			continue
		}
		for _, f := range q.Fields {
			v.Answers = append(v.Answers, web.Answer{Label: f.Label.In(lang), Value: r.shown(c, d, held, "answers."+f.ID), Code: f.code(), Change: "/applications/" + a.Ref + "/q/" + q.ID + "?check"})
		}
	}
	verdict, findings, err := d.Eligible(c.Context(), held.values(), r.today())
	if err != nil {
		return page, checkView{}, err
	}
	v.Eligible = verdict == Yes
	for _, f := range findings {
		fv := findingView{Name: f.Check.Name.In(lang), Law: r.cited(lang, f.Law), Verdict: string(f.Verdict), No: f.Check.No.In(lang)}
		for _, ref := range f.Uses {
			field, _ := d.field(ref)
			source := c.T("services.stated")
			if id, isFact := strings.CutPrefix(ref, "facts."); isFact && held.Facts[id].Source != stated {
				source = r.source(lang, held.Facts[id])
			}
			fv.Used = append(fv.Used, usedView{Label: field.Label.In(lang), Value: r.shown(c, d, held, ref), Source: source})
		}
		v.Findings = append(v.Findings, fv)
	}
	return page, v, nil
}

// shown writes a known value in the page's language.
func (r *Room) shown(c *web.Ctx, d *Definition, held content, ref string) string {
	return r.plain(d, held, ref, c.Lang.Code)
}

func (r *Room) submitForm(c *web.Ctx, p gate.Permit[*Application]) error {
	d, err := r.definition(c.Context(), p.Resource().Definition)
	if err != nil {
		return err
	}
	a, err := r.submit(c.Context(), p, d)
	var open errIncomplete
	switch {
	case errors.As(err, &open):
		return c.Redirect("/applications/" + p.Resource().Ref + "/q/" + open.question)
	case err != nil && invalid(err):
		page, v, e := r.checkView(c, p.Resource())
		if e != nil {
			return e
		}
		return c.Invalid(err, page, checkBody(v))
	case err != nil:
		return err
	}
	if a.State == Submitted && a.Fee != "" {
		return c.Redirect(payPath(a))
	}
	return c.Redirect("/applications/" + a.Ref + "/sent")
}

// payPath is the payments room's page for the fee; it leads back here.
func payPath(a *Application) string {
	return "/pay/" + url.PathEscape(a.Fee) + "?back=" + url.QueryEscape("/applications/"+a.Ref)
}

func (r *Room) feeForm(c *web.Ctx, p gate.Permit[*Application]) error {
	d, err := r.definition(c.Context(), p.Resource().Definition)
	if err != nil {
		return err
	}
	a, err := r.askAgain(c.Context(), p.Resource(), d)
	if err != nil {
		return err
	}
	if a.State == Submitted {
		return c.Redirect(payPath(a))
	}
	return c.Redirect("/applications/" + a.Ref)
}

func (r *Room) sentPage(c *web.Ctx, p gate.Permit[*Application]) error {
	a := p.Resource()
	if a.State == Draft {
		return c.Redirect("/applications/" + a.Ref)
	}
	v, err := r.track(c.Context(), a)
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("services.sent.title")}, sentBody(v))
}

func (r *Room) withdrawForm(c *web.Ctx, p gate.Permit[*Application]) error {
	if err := r.withdraw(c.Context(), p.Resource()); err != nil {
		return err
	}
	c.Flash("good", "services.withdrawn")
	return c.Redirect("/applications")
}
