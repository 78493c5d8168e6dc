package services

import (
	"context"
	"errors"
	"strings"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// ServiceSummary is a service in the catalogue.
type ServiceSummary struct {
	ID      string            `json:"id" doc:"Identifier, as in addresses"`
	Name    map[string]string `json:"name" doc:"Name by language"`
	Summary map[string]string `json:"summary" doc:"What it is, by language"`
	Office  string            `json:"office" doc:"Office that decides"`
	Fee     int64             `json:"fee" doc:"Fee in minor units; 0 is free"`
	Days    int               `json:"working_days" doc:"Time limit in working days"`
	Events  []string          `json:"life_events" doc:"Occasions it is found by"`
}

// ServiceDetail is everything the definition says.
type ServiceDetail struct {
	ServiceSummary
	Definition string             `json:"definition" doc:"SHA-256 of the definition file; an application keeps the one it began with"`
	Facts      []ServiceField     `json:"facts" doc:"What the register is asked for, with the person's consent"`
	Questions  []ServiceQuestion  `json:"questions" doc:"What the person is asked"`
	Rules      []ServiceCondition `json:"eligibility"`
	Route      []string           `json:"route" doc:"Posts the file passes; the last one decides"`
	Credential string             `json:"credential" doc:"Type of the credential issued"`
}

// ServiceField is one thing to know.
type ServiceField struct {
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	Label    map[string]string `json:"label"`
	Optional bool              `json:"optional"`
	Options  []string          `json:"options,omitempty"`
}

// ServiceQuestion is one page.
type ServiceQuestion struct {
	ID       string            `json:"id"`
	Question map[string]string `json:"question"`
	When     string            `json:"when,omitempty" doc:"CEL condition; asked if it holds"`
	Fields   []ServiceField    `json:"fields"`
}

// ServiceCondition is one rule of eligibility.
type ServiceCondition struct {
	ID   string            `json:"id"`
	Rule string            `json:"rule" doc:"CEL"`
	Name map[string]string `json:"name"`
	Law  string            `json:"law"`
	// LawChecked is the state of the citation.
	LawChecked string `json:"law_checked" enum:"never,copy,gazette" doc:"what the citation was compared with"`
}

// ServiceList is the catalogue.
type ServiceList struct {
	Services []ServiceSummary `json:"services"`
}

// ApplicationStatus is where an application is.
type ApplicationStatus struct {
	Reference  string     `json:"reference"`
	Service    string     `json:"service"`
	State      string     `json:"state" enum:"draft,submitted,paid,office,approved,refused,issued"`
	Definition string     `json:"definition"`
	Fee        string     `json:"fee,omitempty" doc:"Fee to pay, at /pay/{fee}"`
	Amount     int64      `json:"amount,omitempty" doc:"Of the fee, minor units"`
	Diary      string     `json:"diary,omitempty"`
	Post       string     `json:"post,omitempty" doc:"Who has it now"`
	Due        *time.Time `json:"due,omitempty" doc:"When the office must have decided"`
	Reason     string     `json:"reason,omitempty"`
	Document   string     `json:"document,omitempty"`
	Next       string     `json:"next,omitempty" doc:"Of a draft: the question to answer, consent, or submit"`
}

// ApplicationList are a person's applications.
type ApplicationList struct {
	Applications []ApplicationStatus `json:"applications"`
}

type (
	noInput      struct{}
	serviceInput struct {
		Service string `path:"service" maxLength:"40"`
	}
	startInput struct {
		Body struct {
			Service string `json:"service" maxLength:"40"`
			Consent bool   `json:"consent" doc:"The register may be read for this application"`
		}
	}
	refInput struct {
		Ref string `path:"ref" maxLength:"40"`
	}
	answersInput struct {
		Ref  string `path:"ref" maxLength:"40"`
		Body struct {
			Answers map[string]string `json:"answers" doc:"By field; questions in their order. Files are uploaded on the pages."`
		}
	}
)

// operations registers the JSON interface.
func (r *Room) operations() {
	a := r.c.API
	api.Handle(a, api.Operation[noInput, gate.House]{Method: "GET", Path: "/api/services", ID: "services-list", Summary: "List the services", Action: "services.browse"},
		func(context.Context, gate.Permit[gate.House], *noInput) (*ServiceList, error) {
			out := &ServiceList{}
			for _, d := range r.catalogue.now {
				out.Services = append(out.Services, summaryOf(d))
			}
			return out, nil
		})
	api.Handle(a, api.Operation[serviceInput, gate.House]{Method: "GET", Path: "/api/services/{service}", ID: "services-read", Summary: "Read a service", Action: "services.browse"},
		func(_ context.Context, _ gate.Permit[gate.House], in *serviceInput) (*ServiceDetail, error) {
			d, err := r.catalogue.current(in.Service)
			if err != nil {
				return nil, err
			}
			return detailOf(d), nil
		})
	api.Handle(a, api.Operation[noInput, gate.House]{Method: "GET", Path: "/api/applications", ID: "applications-list", Summary: "List your applications", Action: "services.mine"},
		func(ctx context.Context, p gate.Permit[gate.House], _ *noInput) (*ApplicationList, error) {
			out := &ApplicationList{Applications: []ApplicationStatus{}}
			return out, r.c.DB.View(ctx, func(tx *store.Tx) error {
				as, err := applicationsOf(tx, p.Who().ID, web.Place{}, 200)
				for _, a := range as {
					out.Applications = append(out.Applications, statusOf(a))
				}
				return err
			})
		})
	api.Handle(a, api.Operation[startInput, gate.House]{Method: "POST", Path: "/api/applications", ID: "applications-start", Summary: "Begin an application", Action: "services.apply", Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *startInput) (*ApplicationStatus, error) {
			d, err := r.catalogue.current(in.Body.Service)
			if err != nil {
				return nil, err
			}
			app, err := r.start(ctx, p, d)
			if err != nil {
				return nil, err
			}
			edit, err := gate.Authorize(ctx, r.c.Gate, p.Who(), "services.application.edit", app)
			if err != nil {
				return nil, err
			}
			if d, err = r.definition(ctx, app.Definition); err != nil {
				return nil, err
			}
			if err := r.consent(ctx, edit, d, in.Body.Consent); err != nil {
				return nil, err
			}
			return r.statusWithNext(ctx, app.ID)
		})
	load := func(ctx context.Context, ref string) (app *Application, err error) {
		err = r.c.DB.View(ctx, func(tx *store.Tx) error {
			app, err = applicationByRef(tx, ref)
			return err
		})
		return app, err
	}
	api.Handle(a, api.Operation[refInput, *Application]{Method: "GET", Path: "/api/applications/{ref}", ID: "applications-read", Summary: "See where an application is", Action: "services.application.read",
		Load: func(ctx context.Context, in *refInput) (*Application, error) { return load(ctx, in.Ref) }},
		func(ctx context.Context, p gate.Permit[*Application], _ *refInput) (*ApplicationStatus, error) {
			return r.statusWithNext(ctx, p.Resource().ID)
		})
	api.Handle(a, api.Operation[answersInput, *Application]{Method: "PUT", Path: "/api/applications/{ref}/answers", ID: "applications-answer", Summary: "Answer questions of a draft", Action: "services.application.edit",
		Load: func(ctx context.Context, in *answersInput) (*Application, error) { return load(ctx, in.Ref) }},
		func(ctx context.Context, p gate.Permit[*Application], in *answersInput) (*ApplicationStatus, error) {
			if err := r.answerAll(ctx, p.Resource(), in.Body.Answers); err != nil {
				return nil, err
			}
			return r.statusWithNext(ctx, p.Resource().ID)
		})
	api.Handle(a, api.Operation[refInput, *Application]{Method: "POST", Path: "/api/applications/{ref}/submit", ID: "applications-submit", Summary: "Send an application", Action: "services.application.submit", Idempotent: true,
		Load: func(ctx context.Context, in *refInput) (*Application, error) { return load(ctx, in.Ref) }},
		func(ctx context.Context, p gate.Permit[*Application], _ *refInput) (*ApplicationStatus, error) {
			d, err := r.definition(ctx, p.Resource().Definition)
			if err != nil {
				return nil, err
			}
			app, err := r.submit(ctx, p, d)
			var open errIncomplete
			if errors.As(err, &open) {
				return nil, fault.New(fault.Invalid, "services.incomplete").At(open.question, "services.answer.empty")
			}
			if err != nil {
				return nil, err
			}
			s := statusOf(app)
			return &s, nil
		})
}

// answerAll takes answers in the order of the questions, for one answer may
// bring up or take away another question.
func (r *Room) answerAll(ctx context.Context, a *Application, answers map[string]string) error {
	d, err := r.definition(ctx, a.Definition)
	if err != nil {
		return err
	}
	for name := range answers {
		if _, isAnswer := d.field("answers." + name); !isAnswer {
			if _, isFact := d.field("facts." + name); !isFact {
				return fault.New(fault.Invalid, "services.answers").At(short(name), "services.answer.unknown")
			}
		}
	}
	done := map[string]bool{}
	for {
		c, err := r.open(ctx, a)
		if err != nil {
			return err
		}
		qs, err := r.questions(ctx, d, c, r.today())
		if err != nil {
			return err
		}
		var q question
		for _, other := range qs {
			all := !done[other.ID]
			for _, f := range other.Fields {
				_, given := answers[f.ID]
				all = all && (given || f.Optional)
			}
			if all {
				q = other
				break
			}
		}
		if q.ID == "" {
			return nil
		}
		done[q.ID] = true
		if err := r.answer(ctx, a, d, q, func(f Field) string { return answers[f.ID] }, func(Field) *upload { return nil }); err != nil {
			return err
		}
		if a, err = r.applicationByID(ctx, a.ID); err != nil {
			return err
		}
	}
}

func short(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "")
	}
	return s
}

func (r *Room) statusWithNext(ctx context.Context, id string) (*ApplicationStatus, error) {
	a, err := r.applicationByID(ctx, id)
	if err != nil {
		return nil, err
	}
	s := statusOf(a)
	if a.State != Draft {
		return &s, nil
	}
	if a.Consent == "" {
		s.Next = "consent"
		return &s, nil
	}
	d, err := r.definition(ctx, a.Definition)
	if err != nil {
		return nil, err
	}
	c, err := r.open(ctx, a)
	if err != nil {
		return nil, err
	}
	qs, err := r.questions(ctx, d, c, r.today())
	if err != nil {
		return nil, err
	}
	if s.Next = next(qs, c, ""); s.Next == "" {
		s.Next = "submit"
	}
	return &s, nil
}

func statusOf(a *Application) ApplicationStatus {
	s := ApplicationStatus{Reference: a.Ref, Service: a.Service, State: a.State, Definition: a.Definition, Fee: a.Fee, Amount: a.FeeAmount, Diary: a.Diary, Post: a.Post, Reason: a.Reason, Document: a.Document}
	if !a.Due.IsZero() {
		s.Due = &a.Due
	}
	return s
}

func summaryOf(d *Definition) ServiceSummary {
	return ServiceSummary{ID: d.ID, Name: d.Name, Summary: d.Summary, Office: d.Agency, Fee: d.Fee.Amount, Days: d.Time.Days, Events: d.LifeEvents}
}

func detailOf(d *Definition) *ServiceDetail {
	out := &ServiceDetail{ServiceSummary: summaryOf(d), Definition: d.Hash, Route: d.Route(), Credential: d.Output.Credential}
	for _, f := range d.Facts {
		out.Facts = append(out.Facts, fieldOf(f))
	}
	for _, p := range d.Pages {
		q := ServiceQuestion{ID: p.ID, Question: p.Question, When: p.When}
		for _, f := range p.Fields {
			q.Fields = append(q.Fields, fieldOf(f))
		}
		out.Questions = append(out.Questions, q)
	}
	for _, c := range d.Rules {
		law := d.law(c.Law)
		out.Rules = append(out.Rules, ServiceCondition{ID: c.ID, Rule: c.Rule, Name: c.Name, Law: lawText(law, "en"), LawChecked: law.Source.Checked})
	}
	return out
}

func fieldOf(f Field) ServiceField {
	out := ServiceField{ID: f.ID, Type: f.Type, Label: f.Label, Optional: f.Optional}
	for _, o := range f.Options {
		out.Options = append(out.Options, o.ID)
	}
	return out
}
