package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Access is the record of one reading: who looked at which facts about whom,
// when, for what and on what legal basis. The person sees every one of them.
//
// An Access that came from recordAccess is also the key to those facts; one
// that was read back from the table, or made up, opens nothing.
type Access struct {
	ID      string
	Subject string
	At      time.Time
	Actor   string
	Purpose string
	Basis   string
	Facts   []string

	recorded bool
}

// opens says whether the access was recorded in this process for this person
// and names the fact.
func (a Access) opens(subject, fact string) bool {
	return a.recorded && a.Subject == subject && slices.Contains(a.Facts, fact)
}

// recordAccess writes a reading down and says so in the journal. It is the only
// maker of accesses that open something; a refused update opens nothing,
// because its caller never sees the value.
func recordAccess(tx *store.Tx, newID func() string, ask FactAsk) (Access, error) {
	if ask.Purpose == "" || ask.Basis == "" || ask.Actor == "" || len(ask.Names) == 0 {
		return Access{}, fault.New(fault.Invalid, "identity.access.incomplete").Because(fmt.Errorf("a reading needs facts, purpose, basis and actor"))
	}
	for _, n := range ask.Names {
		if !slices.Contains(FactNames, n) {
			return Access{}, fault.New(fault.Invalid, "identity.fact.unknown", "fact", n)
		}
	}
	return writeAccess(tx, Access{ID: newID(), Subject: ask.Subject, At: tx.Now(), Actor: ask.Actor, Purpose: ask.Purpose, Basis: ask.Basis, Facts: ask.Names, recorded: true})
}

func writeAccess(tx *store.Tx, a Access) (Access, error) {
	names, err := json.Marshal(a.Facts)
	if err != nil {
		return Access{}, err
	}
	if _, err := tx.Exec(`insert into identity_access (id, subject, at, actor, purpose, basis, facts) values ($1, $2, $3, $4, $5, $6, $7)`,
		a.ID, a.Subject, store.Micros(a.At), a.Actor, a.Purpose, a.Basis, string(names)); err != nil {
		return Access{}, fmt.Errorf("record a reading: %w", err)
	}
	tx.Emit(store.Event{Type: EventPersonRead, Subject: "identity/person/" + a.Subject, Actor: a.Actor,
		Data: Read{Access: a.ID, Facts: a.Facts, Purpose: a.Purpose, Basis: a.Basis}})
	return a, nil
}

// Papers is what a Look names for the papers another room keeps about a person.
const Papers = "papers"

// Look says that somebody reads papers about a person which another room keeps:
// an official who opens a file. It opens nothing here.
type Look struct {
	Subject string
	Actor   string // gate.Principal.Actor()
	Purpose string // what it is for, in words the person will read; no personal data
	Basis   string
}

// Looked writes a Look down in the transaction in which the other room lets the
// papers be read, so that the person sees it among the readings of their data.
// Empty fields are a fault Invalid "identity.access.incomplete"; somebody the
// register does not know is NotFound.
func (r *Room) Looked(tx *store.Tx, l Look) error {
	if l.Subject == "" || l.Actor == "" || l.Purpose == "" || l.Basis == "" {
		return fault.New(fault.Invalid, "identity.access.incomplete").Because(fmt.Errorf("a reading needs a person, purpose, basis and actor"))
	}
	if _, err := person(tx, l.Subject); err != nil {
		return err
	}
	_, err := writeAccess(tx, Access{ID: r.newID(), Subject: l.Subject, At: tx.Now(), Actor: l.Actor, Purpose: l.Purpose, Basis: l.Basis, Facts: []string{FactName, Papers}})
	return err
}

// Accesses gives the readings of a person's data, latest first, at most 500.
func (r *Room) Accesses(ctx context.Context, subject string) ([]Access, error) {
	var list []Access
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = store.List(tx, func(scan store.Scan) (a Access, err error) {
			var at int64
			var names string
			if err := scan(&a.ID, &a.Subject, &at, &a.Actor, &a.Purpose, &a.Basis, &names); err != nil {
				return a, err
			}
			a.At = store.Time(at)
			return a, json.Unmarshal([]byte(names), &a.Facts)
		}, `select id, subject, at, actor, purpose, basis, facts from identity_access where subject = $1 order by at desc, id desc limit 500`, subject)
		return err
	})
	return list, err
}
