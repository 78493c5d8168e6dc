package office

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Kinds of movement.
const (
	MoveOpen     = "open"
	MoveForward  = "forward"
	MoveReturn   = "return" // back to a post it has been with
	MovePullBack = "pull-back"
)

// Movement is one step of a file's way.
type Movement struct {
	File   string
	N      int64
	Office string
	Kind   string
	From   string
	To     string
	Charge string // in which the sender held the post
	At     time.Time
}

const movementColumns = `file, n, office, kind, from_post, to_post, charge, at`

func scanMovement(scan store.Scan) (m Movement, err error) {
	var at int64
	err = scan(&m.File, &m.N, &m.Office, &m.Kind, &m.From, &m.To, &m.Charge, &at)
	m.At = store.Time(at)
	return m, err
}

func movements(tx *store.Tx, file string) ([]Movement, error) {
	return store.List(tx, scanMovement, `select `+movementColumns+` from office_movement where file = $1 order by n`, file)
}

func insertMovement(tx *store.Tx, m Movement) error {
	_, err := tx.Exec(`insert into office_movement (`+movementColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8)`, m.File, m.N, m.Office, m.Kind, m.From, m.To, m.Charge, m.At)
	if err != nil {
		return fmt.Errorf("record movement: %w", err)
	}
	return nil
}

// Forward sends the file to another post: to the route's next one when to is
// "". A post it has been with makes it a return. The holder is compared and set
// in one step: of two people who send a file at once, one is told that it has
// moved on.
func (r *Room) Forward(ctx context.Context, p gate.Permit[File], to string) (Movement, error) {
	f, who := p.Resource(), p.Who()
	if to == "" {
		to = f.Next()
	}
	post, ok := r.pack.Post(to)
	switch {
	case to == "":
		return Movement{}, fault.New(fault.Invalid, "office.move.where").At("to", "office.move.where")
	case !ok || !handles(post.Powers):
		return Movement{}, fault.New(fault.Invalid, "office.move.no-post").At("to", "office.move.no-post")
	case to == who.Acting.ID:
		return Movement{}, fault.New(fault.Invalid, "office.move.same").At("to", "office.move.same")
	}
	kind := MoveForward
	if slices.Contains(f.trail, to) {
		kind = MoveReturn
	}
	m := Movement{File: f.ID, Office: f.Office, Kind: kind, From: who.Acting.ID, To: to, Charge: who.Acting.Charge}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		// a draft that was written and not signed would be lost from sight
		d, err := draft(tx, f.ID, m.From)
		if err != nil {
			return err
		}
		if d.Body != "" {
			return fault.New(fault.Conflict, "office.move.draft")
		}
		return move(tx, f, &m, who.Actor(), false)
	})
	return m, err
}

// PullBack takes a file back that the recipient has not opened.
func (r *Room) PullBack(ctx context.Context, p gate.Permit[File]) (Movement, error) {
	f, who := p.Resource(), p.Who()
	m := Movement{File: f.ID, Office: f.Office, Kind: MovePullBack, From: f.Holder, To: who.Acting.ID, Charge: who.Acting.Charge}
	err := r.db.Update(ctx, func(tx *store.Tx) error { return move(tx, f, &m, who.Actor(), true) })
	return m, err
}

// move is the one place where a file changes hands.
func move(tx *store.Tx, f File, m *Movement, actor string, unseen bool) error {
	query := `update office_file set holder = $3, sender = $4, seen = 0, held = $5, moves = moves + 1
		where id = $1 and holder = $2 and state = 'open'`
	sender := m.From
	if unseen {
		query += ` and seen = 0`
		sender = "" // it is as if it had not been sent
	}
	n, err := store.Get(tx, store.Value[int64], query+` returning moves`, f.ID, m.From, m.To, sender, tx.Now())
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "office.file.moved-on").Because(err)
	}
	if err != nil {
		return fmt.Errorf("move file: %w", err)
	}
	m.N, m.At = n, tx.Now()
	if err := insertMovement(tx, *m); err != nil {
		return err
	}
	tx.Emit(store.Event{Type: EventMoved, Version: 1, Subject: f.EventSubject(), Actor: actor, Data: Moved{
		File: f.ID, Number: f.Number, Office: f.Office, Application: f.Application, Move: m.N, Kind: m.Kind, From: m.From, To: m.To,
	}})
	return nil
}

// see marks that the holder has opened the file, which ends pull-back.
func (r *Room) see(ctx context.Context, f File, post string) error {
	if f.Holder != post || !f.Seen.IsZero() || f.State != Open {
		return nil
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`update office_file set seen = $3 where id = $1 and holder = $2 and seen = 0`, f.ID, post, tx.Now())
		return err
	})
}

func handles(powers []string) bool {
	for _, p := range powers {
		if p == "office.diary" || p == "office.note" || p == "office.decide" {
			return true
		}
	}
	return false
}
