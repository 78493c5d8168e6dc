package services

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// feeTime is how long a fee can be paid before it must be asked for anew.
const feeTime = 14 * 24 * time.Hour

// stated is the source of what the person said about himself.
const stated = "you"

// start begins an application, or takes up the draft the person left: one
// draft per service, so that nobody fills in the same form twice.
func (r *Room) start(ctx context.Context, p gate.Permit[gate.House], d *Definition) (*Application, error) {
	var a *Application
	err := r.c.DB.Update(ctx, func(tx *store.Tx) error {
		var err error
		a, err = store.Get(tx, scanApplication, "select "+applicationColumns+" from services_application where owner = $1 and service = $2 and state = 'draft'", p.Who().ID, d.ID)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return err
		}
		a = &Application{ID: tx.NewID(), Ref: id.Reference(12), Service: d.ID, Definition: d.Hash, Owner: p.Who().ID, State: Draft, Version: 1, Content: []byte{}, Created: tx.Now(), Updated: tx.Now()}
		if err := a.insert(tx, d); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: ApplicationStarted, Version: 1, Subject: a.subject(), Actor: p.Who().Actor(), Data: ApplicationData{Application: a.ID, Service: d.ID, Office: d.Agency, Definition: d.Hash}})
		return nil
	})
	if store.IsUnique(err) { // the same person in another window, a moment ago
		return nil, fault.New(fault.Conflict, "services.application.changed").Because(err)
	}
	return a, err
}

// consent reads the facts from the register, with the person's yes, or notes
// the no: then the person is asked for them.
func (r *Room) consent(ctx context.Context, p gate.Permit[*Application], d *Definition, yes bool) error {
	a := p.Resource()
	c, err := r.open(ctx, a)
	if err != nil {
		return err
	}
	if !yes {
		c.Facts = map[string]held{}
		a.Consent = "no"
		return r.save(ctx, a, c)
	}
	law := d.law(d.Rules[0].Law)
	facts, err := r.wants.People.Facts(ctx, FactAsk{
		Subject: a.Owner, Names: d.FactNames(), Purpose: web.Both(d.Name.In("en"), d.Name.In("ur")),
		Basis: web.Both(r.cited("en", law), r.cited("ur", law)), Actor: p.Who().Actor(),
	})
	if err != nil {
		return fmt.Errorf("read the register: %w", err)
	}
	today := r.today()
	c.Facts = map[string]held{}
	for _, f := range d.Facts {
		fact, ok := facts[f.ID]
		if !ok {
			continue // the person will be asked
		}
		if f.Type == "district" {
			fact.Value = districtID(r.c.Pack, fact.Value)
		}
		value, err := f.parse(r.c.Pack, fact.Value, f.ID, today)
		if err != nil || value == "" {
			continue // what the register cannot say rightly, the person can
		}
		c.Facts[f.ID] = held{Value: value, ValueUr: fact.ValueUr, Source: fact.Source, At: fact.At}
	}
	a.Consent = "yes"
	return r.save(ctx, a, c)
}

// districtID finds the pack's id for a district given by id or by name.
func districtID(pack *country.Pack, s string) string {
	for _, d := range pack.Districts {
		for _, name := range d.Name {
			if strings.EqualFold(name, s) {
				return d.ID
			}
		}
	}
	return s
}

// question is one page to be asked: of the definition, or about a fact the
// register did not give.
type question struct {
	ID     string
	Title  Text
	Hint   Text
	Kind   string // "facts" or "answers"
	Fields []Field
}

// questions lists what the person has to be asked, given what is known.
func (r *Room) questions(ctx context.Context, d *Definition, c content, today country.Date) ([]question, error) {
	var out []question
	for _, f := range d.Facts {
		if h, known := c.Facts[f.ID]; known && h.Source != stated {
			continue
		}
		out = append(out, question{ID: "fact-" + f.ID, Title: f.Label, Hint: f.Purpose, Kind: "facts", Fields: []Field{f}})
	}
	v, err := d.current(ctx, c.values(), today)
	if err != nil {
		return nil, err
	}
	pages, err := d.asked(ctx, v, today)
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		out = append(out, question{ID: p.ID, Title: p.Question, Hint: p.Hint, Kind: "answers", Fields: p.Fields})
	}
	return out, nil
}

// answered says whether every field of a question has its value.
func (q question) answered(c content) bool {
	for _, f := range q.Fields {
		var ok bool
		if q.Kind == "facts" {
			_, ok = c.Facts[f.ID]
		} else {
			_, ok = c.Answers[f.ID]
		}
		if !ok {
			return false
		}
	}
	return true
}

// next gives the first question after the one called after that has no answer
// yet, from the beginning if there is none after; "" when all are answered.
func next(qs []question, c content, after string) string {
	from := 0
	for i, q := range qs {
		if q.ID == after {
			from = i + 1
		}
	}
	for i := range qs {
		if q := qs[(from+i)%len(qs)]; !q.answered(c) {
			return q.ID
		}
	}
	return ""
}

// upload is a file as it arrived.
type upload struct {
	Name, Type string
	Body       []byte
}

// answer takes the answers of one page. raw gives what was written in a field,
// file what was uploaded.
func (r *Room) answer(ctx context.Context, a *Application, d *Definition, q question, raw func(Field) string, file func(Field) *upload) error {
	c, err := r.open(ctx, a)
	if err != nil {
		return err
	}
	today := r.today()
	wrong := fault.New(fault.Invalid, "services.answers")
	var papers []paper
	for _, f := range q.Fields {
		var value string
		if f.Type == "file" {
			up := file(f)
			switch {
			case up != nil:
				p, err := r.takePaper(ctx, a, f.ID, up.Name, up.Type, up.Body)
				if err != nil {
					if e := fault.As(err); e.Kind == fault.Invalid {
						wrong.Fields = append(wrong.Fields, e.Fields...)
						continue
					}
					return err
				}
				papers, value = append(papers, p), p.ID
			case c.Answers[f.ID] != "":
				value = c.Answers[f.ID] // kept from before
			case !f.Optional:
				wrong = wrong.At(f.ID, "services.answer.file.empty")
				continue
			}
		} else {
			v, err := f.parse(r.c.Pack, raw(f), f.ID, today)
			if err != nil {
				if e := fault.As(err); e.Kind == fault.Invalid {
					wrong.Fields = append(wrong.Fields, e.Fields...)
					continue
				}
				return err
			}
			value = v
		}
		if q.Kind == "facts" {
			c.Facts[f.ID] = held{Value: value, Source: stated, At: r.c.Clock.Now()}
		} else {
			c.Answers[f.ID] = value
		}
	}
	if err := wrong.OrNil(); err != nil {
		return err
	}
	v, err := d.current(ctx, c.values(), today)
	if err != nil {
		return err
	}
	for name := range c.Answers {
		if _, still := v["answers."+name]; !still {
			delete(c.Answers, name)
		}
	}
	return r.save(ctx, a, c, papers...)
}

// today is the day in the nation.
func (r *Room) today() country.Date { return country.DateOf(r.c.Clock.Now(), r.c.Pack.Zone) }

// errIncomplete names the question that is still open.
type errIncomplete struct{ question string }

func (e errIncomplete) Error() string { return "question " + e.question + " has no answer" }

// submit sends the application: its row, its event and its fee are one
// transaction. Sending it again does nothing and gives the same application.
func (r *Room) submit(ctx context.Context, p gate.Permit[*Application], d *Definition) (*Application, error) {
	a := p.Resource()
	if a.State != Draft {
		return a, nil
	}
	c, err := r.open(ctx, a)
	if err != nil {
		return nil, err
	}
	today := r.today()
	qs, err := r.questions(ctx, d, c, today)
	if err != nil {
		return nil, err
	}
	if open := next(qs, c, ""); open != "" {
		return nil, errIncomplete{open}
	}
	verdict, findings, err := d.Eligible(ctx, c.values(), today)
	if err != nil {
		return nil, err
	}
	if verdict != Yes {
		e := fault.New(fault.Invalid, "services.not-eligible")
		for _, f := range findings {
			if f.Verdict != Yes {
				return nil, e.Because(errors.New("rule " + f.Check.ID))
			}
		}
		return nil, e
	}
	known, asked := 0, 0
	for _, f := range c.Facts {
		if f.Source != stated {
			known++
		} else {
			asked++
		}
	}
	asked += len(c.Answers)
	purpose := feePurpose(d, a)
	var out *Application
	err = r.c.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := lockApplication(tx, a.ID)
		if err != nil {
			return err
		}
		if now.State != Draft {
			out = now
			return nil
		}
		if now.Version != a.Version {
			return fault.New(fault.Conflict, "services.application.changed")
		}
		now.State, now.Submitted, now.Updated = Submitted, tx.Now(), tx.Now()
		if err := r.ask(tx, now, d, purpose); err != nil {
			return err
		}
		if _, err := tx.Exec("update services_application set state = $2, submitted = $3, updated = $3, fee = $4, fee_amount = $5, fee_expires = $6 where id = $1",
			now.ID, now.State, store.Micros(tx.Now()), now.Fee, now.FeeAmount, micros(now.FeeExpires)); err != nil {
			return fmt.Errorf("note the submission: %w", err)
		}
		tx.Emit(store.Event{Type: ApplicationSubmitted, Version: 1, Subject: now.subject(), Actor: p.Who().Actor(),
			Data: ApplicationData{Application: now.ID, Service: d.ID, Office: d.Agency, Definition: d.Hash, Fee: now.Fee, Known: known, Asked: asked}})
		if err := notify(tx, now, "submitted"); err != nil {
			return err
		}
		if now.FeeAmount == 0 {
			if err := r.accept(tx, now, d, p.Who().Actor()); err != nil {
				return err
			}
		}
		out = now
		return nil
	})
	return out, err
}

// feePurpose is what the payer reads, in whichever language.
func feePurpose(d *Definition, a *Application) string {
	return web.Both(d.Name.In("en"), d.Name.In("ur")) + " · " + a.Ref
}

// ask asks for the fee, if there is one.
func (r *Room) ask(tx *store.Tx, a *Application, d *Definition, purpose string) error {
	if d.Fee.Amount == 0 {
		return nil
	}
	account, _ := r.c.Pack.FeeAccount(d.Fee.Account) // checked when the service was loaded
	a.FeeAmount, a.FeeExpires = d.Fee.Amount, tx.Now().Add(feeTime)
	key := a.ID
	if a.FeeRound > 0 {
		key = fmt.Sprintf("%s/%d", a.ID, a.FeeRound)
	}
	fee, err := r.wants.Fees.Ask(tx, FeeRequest{Key: key, Cause: "services/application/" + a.ID, Subject: a.Owner, Payee: account.Post, Amount: a.FeeAmount, Currency: r.c.Pack.Currency.Code, Purpose: purpose, Expires: a.FeeExpires, Page: "/applications/" + a.Ref})
	if err != nil {
		return fmt.Errorf("ask for the fee: %w", err)
	}
	a.Fee = fee
	return nil
}

// askAgain asks anew for a fee that was not paid in time. If it was, in its
// last moment, the fee is the paid one, and the event of the payment is on its
// way to us.
func (r *Room) askAgain(ctx context.Context, a *Application, d *Definition) (*Application, error) {
	var out *Application
	err := r.c.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := lockApplication(tx, a.ID)
		if err != nil {
			return err
		}
		out = now
		if !now.FeeOver(tx.Now()) {
			return nil
		}
		now.FeeRound++
		if err := r.ask(tx, now, d, feePurpose(d, now)); err != nil {
			return err
		}
		_, err = tx.Exec("update services_application set fee = $2, fee_expires = $3, fee_round = $4, updated = $5 where id = $1",
			now.ID, now.Fee, micros(now.FeeExpires), now.FeeRound, store.Micros(tx.Now()))
		return err
	})
	return out, err
}

// accept moves a paid or free application on its way to the office. The clock
// of the office's time limit starts here.
func (r *Room) accept(tx *store.Tx, a *Application, d *Definition, actor string) error {
	a.State, a.Paid = Paid, tx.Now()
	a.Due = r.c.Pack.Calendar.AddDays(tx.Now(), d.Time.Days)
	if _, err := tx.Exec("update services_application set state = $2, paid = $3, due = $4, updated = $3 where id = $1", a.ID, a.State, store.Micros(a.Paid), micros(a.Due)); err != nil {
		return fmt.Errorf("note the payment: %w", err)
	}
	tx.Emit(store.Event{Type: ApplicationPaid, Version: 1, Subject: a.subject(), Actor: actor,
		Data: ApplicationData{Application: a.ID, Service: a.Service, Office: d.Agency, Definition: a.Definition, Fee: a.Fee}})
	return job.Put(tx, job.Job{Kind: deliverJob, Key: a.ID, Data: jobData{Application: a.ID}})
}

// withdraw throws a draft away with everything in it. The draft's row is locked
// first, as [Room.save] does: an upload that is being kept is waited for and goes
// too, one that comes later finds no draft.
func (r *Room) withdraw(ctx context.Context, a *Application) error {
	return r.c.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := lockApplication(tx, a.ID)
		if err != nil {
			return err
		}
		if now.State != Draft {
			return fault.New(fault.Conflict, "services.application.sent")
		}
		if _, err := tx.Exec("delete from services_paper where application = $1", a.ID); err != nil {
			return fmt.Errorf("delete the papers: %w", err)
		}
		if _, err := tx.Exec("delete from services_application where id = $1", a.ID); err != nil {
			return fmt.Errorf("delete the draft: %w", err)
		}
		return nil
	})
}
