package office

import (
	"context"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Register is an office's diary, as the gate is asked about it.
type Register struct{ Office string }

// GateResource gives OfficeRegister::"<office>".
func (g Register) GateResource() gate.Resource {
	return gate.Resource{Type: "OfficeRegister", ID: g.Office, Attrs: map[string]any{"office": g.Office}}
}

// Diarise takes in what came on paper or by mail: a receipt and a file on the
// clerk's own desk.
func (r *Room) Diarise(ctx context.Context, p gate.Permit[Register], key string, subject map[string]string, from string, papers []Paper) (file, diary string, err error) {
	if subject["en"] == "" && subject["ur"] == "" {
		return "", "", fault.New(fault.Invalid, "office.receipt.subject").At("subject", "office.receipt.subject")
	}
	if subject["en"] == "" {
		subject = map[string]string{"en": subject["ur"], "ur": subject["ur"]}
	}
	who := p.Who()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		file, diary, err = r.Receive(tx, Intake{
			Key: "diary/" + who.Acting.ID + "/" + key, Office: p.Resource().Office, Subject: subject, From: from, Papers: papers,
			Route: []string{who.Acting.ID}, Actor: who.Actor(),
		})
		return err
	})
	return file, diary, err
}

// Case is a file with everything an official sees of it.
type Case struct {
	File
	Paras     []Para
	Moves     []Movement
	Papers    []Sheet
	Draft     Draft
	Name      map[string]string // of the person it is about; empty when there is none
	Findings  []Finding
	MayNote   bool
	MayMove   bool
	MayPull   bool
	MayDecide bool
}

// Open gives a file to an official and marks it as opened if the official's
// post holds it.
func (r *Room) Open(ctx context.Context, p gate.Permit[File]) (c Case, err error) {
	who := p.Who()
	if err := r.looked(ctx, p.Resource(), who); err != nil {
		return c, err
	}
	if err := r.see(ctx, p.Resource(), who.Acting.ID); err != nil {
		return c, err
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if c.File, err = load(tx, p.Resource().ID); err != nil {
			return err
		}
		if c.Paras, err = paras(tx, c.ID); err != nil {
			return err
		}
		if c.Moves, err = movements(tx, c.ID); err != nil {
			return err
		}
		if c.Papers, err = sheets(tx, c.ID); err != nil {
			return err
		}
		c.Draft, err = draft(tx, c.ID, who.Acting.ID)
		return err
	})
	if err != nil {
		return c, err
	}
	public, err := r.keys.Public(ctx, purposeNote)
	if err != nil {
		return c, err
	}
	if c.Findings, err = check(c.File, c.Paras, c.Moves, public); err != nil {
		return c, err
	}
	if c.Applicant != "" && r.wants.People != nil {
		if en, ur, err := r.wants.People.Name(ctx, c.Applicant); err == nil {
			c.Name = map[string]string{"en": en, "ur": ur}
		}
	}
	c.MayNote = r.gate.Would(who, "office.note.sign", c.File)
	c.MayMove = r.gate.Would(who, "office.file.forward", c.File)
	c.MayPull = r.gate.Would(who, "office.file.pull-back", c.File)
	c.MayDecide = r.gate.Would(who, "office.file.decide", c.File)
	return c, nil
}

// Desk gives the files on the desk of the post acted in, the least time left
// first.
func (r *Room) Desk(ctx context.Context, p gate.Permit[gate.House]) (files []File, err error) {
	post := p.Who().Acting.ID
	err = r.db.View(ctx, func(tx *store.Tx) error {
		files, err = desk(tx, post, web.Place{}, 200)
		return err
	})
	return files, err
}

// File reads a file for the gate, by whose permit everything else is done.
func (r *Room) File(ctx context.Context, id string) (f File, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		f, err = load(tx, id)
		return err
	})
	return f, err
}
