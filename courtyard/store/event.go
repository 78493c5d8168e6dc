package store

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Event is a fact, in the past tense. The first five fields are said by the
// room; the rest is set here.
type Event struct {
	Type    string // "office.file.moved": room, noun, verb
	Version int    // of the payload's form; 1 if 0
	Subject string // what it is about: "office/file/<id>"; never personal data
	Actor   string // gate.Principal.Actor(): "post/<id>", "citizen/<pseudonym>", "system/<job>"
	Data    any    // becomes the payload, as JSON

	ID       string          // UUIDv7
	Position int64           // place in the journal, from 1 without gaps; 0 while it has none
	At       time.Time       // when the transaction ran
	Payload  json.RawMessage // nil when it has been erased
	Opening  []byte          // 32 random bytes that open the log's commitment; nil when erased
}

// Decode reads the payload into v.
func (e Event) Decode(v any) error {
	if e.Payload == nil {
		return fmt.Errorf("store: event %s: payload is erased", e.ID)
	}
	if err := json.Unmarshal(e.Payload, v); err != nil {
		return fmt.Errorf("store: event %s %s: %w", e.ID, e.Type, err)
	}
	return nil
}

// TopicEvents is woken in this process when a commit carried events.
const TopicEvents = "store.events"

// Emit says that something happened, if the transaction commits, and gives the
// event's id. It is the only way to say so. Events of a transaction stay in the
// order they were emitted in; they are written when fn has returned, after
// every row it touched is locked, so an event that was caused by another one
// always comes after it.
func (tx *Tx) Emit(e Event) string {
	if tx.ro && tx.err == nil {
		tx.err = errors.New("store: an event was emitted while reading")
	}
	if e.Type == "" && tx.err == nil {
		tx.err = errors.New("store: an event without a type")
	}
	payload, err := json.Marshal(e.Data)
	if err != nil && tx.err == nil {
		tx.err = fmt.Errorf("store: event %s: %w", e.Type, err)
	}
	e.ID, e.At, e.Payload, e.Position = tx.db.newID(), tx.now, payload, 0
	if e.Version == 0 {
		e.Version = 1
	}
	e.Opening = make([]byte, 32)
	_, _ = rand.Read(e.Opening) // never fails
	tx.events = append(tx.events, e)
	return e.ID
}

const insertEvent = `insert into journal_event (position, id, type, version, subject, actor, at, payload, opening)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// The server's clock orders the outbox: it is one clock for all processes.
const insertOutbox = `insert into journal_outbox (id, emitted, ord, type, version, subject, actor, at, payload, opening)
values ($1, (extract(epoch from clock_timestamp()) * 1000000)::bigint, $2, $3, $4, $5, $6, $7, $8, $9)`

// finish writes what was emitted. head is the last position given when this
// engine gives positions at once (SQLite, whose writer is the only one), else
// nil, and the journal's sequencer gives them later.
func (tx *Tx) finish(head *int64) error {
	if tx.err != nil {
		return tx.err
	}
	for i, e := range tx.events {
		var err error
		if head != nil {
			_, err = tx.Exec(insertEvent, *head+1, e.ID, e.Type, e.Version, e.Subject, e.Actor, Micros(e.At), e.Payload, e.Opening)
			*head++
		} else {
			_, err = tx.Exec(insertOutbox, e.ID, i, e.Type, e.Version, e.Subject, e.Actor, Micros(e.At), e.Payload, e.Opening)
		}
		if err != nil {
			return fmt.Errorf("store: emit %s: %w", e.Type, err)
		}
	}
	if len(tx.events) > 0 {
		tx.Wake(TopicEvents)
	}
	return nil
}

// types are the events' types, for the log.
func (tx *Tx) types() []string {
	var list []string
	for _, e := range tx.events {
		if len(list) == 0 || list[len(list)-1] != e.Type {
			list = append(list, e.Type)
		}
	}
	return list
}
