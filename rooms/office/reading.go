package office

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Look is what the person a file is about is told when an official opens it or
// one of its papers.
type Look struct {
	Person  string // pseudonym
	Actor   string
	Purpose string // a text's key and the file's number; nobody's name
	Basis   string // a text's key
}

// looked tells the person a file is about who opens it, before anything is
// shown: once a post and day. Files about nobody, or about somebody the
// register does not know, tell nobody.
func (r *Room) looked(ctx context.Context, f File, who gate.Principal) error {
	if f.Applicant == "" || r.wants.People == nil || who.Acting.ID == "" {
		return nil
	}
	actor, day := who.Actor(), r.clock.Now().In(r.pack.Zone).Format(time.DateOnly)
	told := false
	err := r.db.View(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], `select count(*) from office_reading where file = $1 and actor = $2 and day = $3`, f.ID, actor, day)
		told = n > 0
		return err
	})
	if err != nil || told {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`insert into office_reading (file, actor, day) values ($1, $2, $3) on conflict (file, actor, day) do nothing`, f.ID, actor, day)
		if err != nil || n == 0 {
			return err
		}
		err = r.wants.People.Looked(tx, Look{Person: f.Applicant, Actor: actor, Purpose: "office.reading.purpose · " + f.Number, Basis: "office.reading.basis"})
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
}
