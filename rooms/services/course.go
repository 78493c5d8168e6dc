package services

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// The room's jobs, and the purposes of its keys.
const (
	deliverJob      = "services.deliver"
	issueJob        = "services.issue"
	sealPurpose     = "services.application"
	documentPurpose = "services.document"
)

type jobData struct {
	Application string `json:"application"`
}

// onFeePaid takes up an application whose fee has arrived. The delivery itself
// is a job: the papers are sealed, and seals are not opened in transactions.
func (r *Room) onFeePaid(tx *store.Tx, e store.Event) error {
	var in feePaid
	if err := e.Decode(&in); err != nil {
		return err
	}
	a, err := store.Get(tx, scanApplication, "select "+applicationColumns+" from services_application where fee = $1 for update", in.Fee)
	if fault.Is(err, fault.NotFound) {
		// paid in its last moment, while it was asked for anew: it counts
		asked, _, _ := strings.Cut(in.Key, "/")
		a, err = lockApplication(tx, asked)
	}
	if fault.Is(err, fault.NotFound) {
		return nil // a fee of another room
	}
	if err != nil || a.State != Submitted {
		return err
	}
	d, err := r.definitionIn(tx, a.Definition)
	if err != nil {
		return err
	}
	if err := r.accept(tx, a, d, "system/services"); err != nil {
		return err
	}
	return notify(tx, a, "paid")
}

// deliver is the job that hands a paid application to its office.
func (r *Room) deliver(ctx context.Context, j job.Job) (func(*store.Tx) error, error) {
	var in jobData
	if err := j.Decode(&in); err != nil {
		return nil, err
	}
	var a *Application
	var papers []paper
	if err := r.c.DB.View(ctx, func(tx *store.Tx) (err error) {
		if a, err = applicationByID(tx, in.Application); err != nil {
			return err
		}
		papers, err = papersOf(tx, a.ID)
		return err
	}); err != nil {
		return nil, err
	}
	if a.State != Paid {
		return nil, nil // delivered already
	}
	d, err := r.definition(ctx, a.Definition)
	if err != nil {
		return nil, err
	}
	c, err := r.open(ctx, a)
	if err != nil {
		return nil, err
	}
	intake := Intake{
		Key: "services/" + a.ID, Office: d.Agency, Service: d.ID, Application: a.ID, Applicant: a.Owner, Route: d.Route(), Due: a.Due,
		Subject: r.subjectLine(d, c, a),
		Papers:  []Paper{{Title: Text{"en": "Application " + a.Ref, "ur": "درخواست " + a.Ref}, MediaType: "text/plain; charset=utf-8", Body: r.summary(ctx, d, c, a)}},
	}
	for _, p := range papers {
		f, asked := d.field("answers." + p.Field)
		if c.Answers[p.Field] != p.ID || !asked {
			continue // evidence for a question that was answered otherwise in the end
		}
		body, err := r.c.Keys.Open(ctx, sealPurpose, p.Body, []byte(p.ID))
		if err != nil {
			return nil, fmt.Errorf("open a paper: %w", err)
		}
		intake.Papers = append(intake.Papers, Paper{Title: f.Label, MediaType: p.MediaType, Body: body})
	}
	return func(tx *store.Tx) error {
		now, err := lockApplication(tx, a.ID)
		if err != nil || now.State != Paid {
			return err
		}
		file, diary, err := r.wants.Office.Receive(tx, intake)
		if err != nil {
			return fmt.Errorf("hand over to the office: %w", err)
		}
		if _, err := tx.Exec("update services_application set state = 'office', file = $2, diary = $3, post = $4, updated = $5 where id = $1",
			a.ID, file, diary, d.Steps[0].Post, store.Micros(tx.Now())); err != nil {
			return fmt.Errorf("note the file: %w", err)
		}
		if err := moved(tx, a.ID, 0, d.Steps[0].Post); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: ApplicationReceived, Version: 1, Subject: a.subject(), Actor: "system/services.deliver",
			Data: ApplicationData{Application: a.ID, Service: a.Service, Office: d.Agency, Definition: a.Definition, Post: d.Steps[0].Post}})
		return notify(tx, a, "received")
	}, nil
}

// subjectLine is what the office's list shows: the service and the name.
func (r *Room) subjectLine(d *Definition, c content, a *Application) Text {
	t := Text{}
	for _, l := range r.c.Pack.Languages {
		t[l.Code] = d.Name.In(l.Code) + ": " + a.Ref
		if _, ok := d.fact("name"); ok {
			t[l.Code] = d.Name.In(l.Code) + ": " + r.plain(d, c, "facts.name", l.Code)
		}
	}
	return t
}

// summary is the application as the office reads it: everything that is known,
// where it comes from, and what the rules say.
func (r *Room) summary(ctx context.Context, d *Definition, c content, a *Application) []byte {
	var b strings.Builder
	for i, l := range r.c.Pack.Languages {
		if i > 0 {
			b.WriteString("\n\n")
		}
		say := func(key string, args ...string) string { return r.c.Site.Say(l.Code, key, args...) }
		fmt.Fprintf(&b, "%s\n%s\n", d.Name.In(l.Code), say("services.summary.reference", "ref", a.Ref))
		for _, f := range d.Facts {
			h := c.Facts[f.ID]
			source := say("services.summary.stated")
			if h.Source != stated {
				source = say("services.summary.source", "source", r.source(l.Code, h), "date", r.date(l.Code, h.At))
			}
			fmt.Fprintf(&b, "%s: %s (%s)\n", f.Label.In(l.Code), r.plain(d, c, "facts."+f.ID, l.Code), source)
		}
		for _, p := range d.Pages {
			for _, f := range p.Fields {
				if _, ok := c.Answers[f.ID]; ok {
					fmt.Fprintf(&b, "%s: %s\n", f.Label.In(l.Code), r.plain(d, c, "answers."+f.ID, l.Code))
				}
			}
		}
		_, findings, err := d.Eligible(ctx, c.values(), r.today())
		if err != nil {
			continue // the rules were applied before; the office sees the answers
		}
		for _, f := range findings {
			fmt.Fprintf(&b, "%s: %s (%s)\n", f.Check.Name.In(l.Code), say("services."+string(f.Verdict)), r.cited(l.Code, f.Law))
		}
	}
	return []byte(b.String())
}

// onFileMoved follows the file: the person sees which post has it.
func (r *Room) onFileMoved(tx *store.Tx, e store.Event) error {
	var in fileMoved
	if err := e.Decode(&in); err != nil {
		return err
	}
	if in.Application == "" || in.To == "" {
		return nil
	}
	a, err := store.Get(tx, scanApplication, "update services_application set post = $2, updated = $3 where id = $1 and state = 'office' returning "+applicationColumns, in.Application, in.To, store.Micros(tx.Now()))
	if fault.Is(err, fault.NotFound) {
		return nil // a file of other business
	}
	if err != nil {
		return err
	}
	office := ""
	if p, ok := r.c.Pack.Post(in.To); ok {
		office = p.Office
	}
	tx.Emit(store.Event{Type: ApplicationMoved, Version: 1, Subject: a.subject(), Actor: e.Actor,
		Data: ApplicationData{Application: a.ID, Service: a.Service, Office: office, Definition: a.Definition, Post: in.To}})
	return moved(tx, in.Application, e.Position, in.To)
}

func moved(tx *store.Tx, application string, position int64, post string) error {
	_, err := tx.Exec("insert into services_movement (application, position, post, at) values ($1, $2, $3, $4) on conflict (application, position) do nothing",
		application, position, post, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("note the movement: %w", err)
	}
	return nil
}

// movement is one arrival of the file at a post.
type movement struct {
	Post string
	At   time.Time
}

func movementsOf(tx *store.Tx, application string) ([]movement, error) {
	return store.List(tx, func(scan store.Scan) (movement, error) {
		var m movement
		var at int64
		err := scan(&m.Post, &at)
		m.At = store.Time(at)
		return m, err
	}, "select post, at from services_movement where application = $1 order by position", application)
}

// onCaseDecided takes the office's word: approved makes the document, refused
// tells the person why and where to appeal.
func (r *Room) onCaseDecided(tx *store.Tx, e store.Event) error {
	var in caseDecided
	if err := e.Decode(&in); err != nil {
		return err
	}
	if in.Application == "" {
		return nil
	}
	a, err := lockApplication(tx, in.Application)
	if fault.Is(err, fault.NotFound) {
		return nil // a file of other business
	}
	if err != nil || a.State != InOffice {
		return err
	}
	d, err := r.definitionIn(tx, a.Definition)
	if err != nil {
		return err
	}
	state := Refused
	if in.Outcome == Approved {
		state = Approved
	}
	if in.Post == "" {
		in.Post = a.Post
	}
	reason := ""
	if in.Grounds == "stated" {
		if reason, err = r.wants.Office.Reason(tx, a.ID); err != nil {
			return fmt.Errorf("ask the office for its reason: %w", err)
		}
	}
	if _, err := tx.Exec("update services_application set state = $2, decided = $3, reason = $4, post = $5, updated = $3 where id = $1", a.ID, state, store.Micros(tx.Now()), reason, in.Post); err != nil {
		return fmt.Errorf("note the decision: %w", err)
	}
	tx.Emit(store.Event{Type: ApplicationDecided, Version: 1, Subject: a.subject(), Actor: e.Actor,
		Data: ApplicationData{Application: a.ID, Service: a.Service, Office: d.Agency, Definition: a.Definition, Outcome: state}})
	if err := notify(tx, a, state); err != nil {
		return err
	}
	if state == Refused {
		return nil
	}
	return job.Put(tx, job.Job{Kind: issueJob, Key: a.ID, Data: jobData{Application: a.ID}})
}
