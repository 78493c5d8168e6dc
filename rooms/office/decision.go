package office

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Decide closes a case by an order: a signed para, the new state and the event,
// in one transaction. outcome is Approved or Refused; a refusal says why, in
// words the applicant is given.
func (r *Room) Decide(ctx context.Context, p gate.Permit[File], outcome, reason string) (Para, error) {
	who := p.Who()
	if outcome != Approved && outcome != Refused {
		return Para{}, fault.New(fault.Invalid, "office.decide.outcome").At("outcome", "office.decide.outcome")
	}
	reason = plain(reason)
	if outcome == Refused && reason == "" {
		return Para{}, fault.New(fault.Invalid, "office.decide.reason").At("reason", "office.decide.reason")
	}
	if len([]rune(reason)) > longest/4 {
		return Para{}, fault.New(fault.Invalid, "office.decide.long").At("reason", "office.decide.long")
	}
	if who.Acting.Charge == gate.LookAfter {
		// who looks after a post does its routine work and decides nothing
		return Para{}, fault.New(fault.Forbidden, "office.decide.look-after")
	}
	body := "Approved. منظور۔"
	if outcome == Refused {
		body = "Refused. نامنظور۔"
	}
	if reason != "" {
		body += " " + reason
	}
	for i := 1; ; i++ {
		para, err := r.decide(ctx, p, outcome, reason, body)
		if i == tries || !fault.Is(err, fault.Conflict) || fault.As(err).Key != "office.file.changed" {
			return para, err
		}
	}
}

func (r *Room) decide(ctx context.Context, p gate.Permit[File], outcome, reason, body string) (Para, error) {
	f, who := p.Resource(), p.Who()
	para, err := r.prepare(ctx, p, Order, body)
	if err != nil {
		return para, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if err := appendPara(tx, f, para, who.Actor()); err != nil {
			return err
		}
		n, err := tx.Exec(`update office_file set state = $3, outcome = $3, reason = $4, decided = $5, paras = $6
			where id = $1 and holder = $2 and state = 'open' and paras = $6 - 1`, f.ID, who.Acting.ID, outcome, reason, tx.Now(), para.N)
		if err != nil {
			return fmt.Errorf("decide: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "office.file.moved-on")
		}
		grounds := GroundsNone
		if reason != "" {
			grounds = GroundsStated
		}
		tx.Emit(store.Event{Type: EventDecided, Version: 1, Subject: f.EventSubject(), Actor: who.Actor(), Data: Decided{
			File: f.ID, Number: f.Number, Office: f.Office, Service: f.Service, Application: f.Application, Key: f.Application,
			Outcome: outcome, Grounds: grounds, Post: para.Post, Charge: para.Charge, Para: para.N, Digest: hex.EncodeToString(para.Digest),
		}})
		return nil
	})
	return para, err
}

// Reason is what the decision about an application gives as its reason, in the
// words of the order; "" when it gives none or there is no decision yet. It is
// for the applicant: the caller sees to it that nobody else gets it.
func (r *Room) Reason(tx *store.Tx, application string) (string, error) {
	f, err := byApplication(tx, application)
	return f.Reason, err
}

// Step is one post on the way of a file, as the citizen sees it: the post,
// never the person.
type Step struct {
	Post  string
	Title map[string]string
	State string // done, now, later
	At    time.Time
}

// Tracking is where an application's file is.
type Tracking struct {
	File, Number, Diary string
	Applicant           string
	State               string
	Steps               []Step
	Due                 time.Time
	Decided             time.Time
}

// Tracking tells where the file of an application is. The caller has seen to it
// that whoever asks may know.
func (r *Room) Tracking(ctx context.Context, application string) (t Tracking, err error) {
	var f File
	var moves []Movement
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if f, err = byApplication(tx, application); err != nil {
			return err
		}
		if t.Diary, err = store.Get(tx, store.Value[string], `select diary from office_receipt where file = $1`, f.ID); err != nil {
			return err
		}
		moves, err = movements(tx, f.ID)
		return err
	})
	if err != nil {
		return t, err
	}
	t.File, t.Number, t.Applicant, t.State, t.Due, t.Decided = f.ID, f.Number, f.Applicant, f.State, f.Due, f.Decided
	for _, m := range moves {
		t.Steps = append(t.Steps, Step{Post: m.To, Title: r.title(m.To), State: "done", At: m.At})
	}
	if f.State == Open {
		t.Steps[len(t.Steps)-1].State = "now"
		at := f
		for next := at.Next(); next != ""; next = at.Next() {
			t.Steps = append(t.Steps, Step{Post: next, Title: r.title(next), State: "later"})
			at.Holder = next
		}
	}
	return t, nil
}

// title is a post's title by language.
func (r *Room) title(post string) map[string]string {
	if p, ok := r.pack.Post(post); ok {
		return p.Title
	}
	return map[string]string{"en": post, "ur": post}
}
