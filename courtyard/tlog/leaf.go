package tlog

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sarai/courtyard/store"
)

const leafPrefix = "sarai-event/1"

// record is what an entry commits to. The fields are in the order in which the
// JSON has them: by name.
type record struct {
	Actor    string          `json:"actor"`
	At       int64           `json:"at"` // microseconds since 1970 UTC
	Data     json.RawMessage `json:"data"`
	ID       string          `json:"id"`
	Position int64           `json:"position"`
	Previous int64           `json:"previous"` // index of the subject's entry before this one; -1 if none
	Subject  string          `json:"subject"`
	Type     string          `json:"type"`
	Version  int             `json:"version"`
}

// Record gives the bytes an entry commits to: the event as one line of JSON
// without spaces, keys sorted at every level, numbers as they were written, so
// that it is the same whichever engine stored the payload. previous is the
// index of the subject's entry before this one, -1 if there is none.
func Record(e store.Event, previous int64) ([]byte, error) {
	data, err := canonical(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("payload of event %s: %w", e.ID, err)
	}
	return encode(record{Actor: e.Actor, At: store.Micros(e.At), Data: data, ID: e.ID, Position: e.Position,
		Previous: previous, Subject: e.Subject, Type: e.Type, Version: e.Version})
}

func canonical(payload []byte) ([]byte, error) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return []byte("null"), nil
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one JSON value")
	}
	return encode(v) // maps are written with sorted keys
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parseRecord reads what Record made; anything Record would write differently
// is refused.
func parseRecord(b []byte) (e store.Event, previous int64, err error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return e, 0, fmt.Errorf("record: %w", err)
	}
	e = store.Event{ID: r.ID, Type: r.Type, Version: r.Version, Subject: r.Subject, Actor: r.Actor, Position: r.Position,
		At: store.Time(r.At), Payload: r.Data}
	again, err := Record(e, r.Previous)
	if err != nil {
		return e, 0, err
	}
	if !bytes.Equal(again, b) {
		return e, 0, errors.New("record is not in its canonical form")
	}
	return e, r.Previous, nil
}

// Leaf gives the entry of a record: what is published and hashed.
func Leaf(eventType string, opening, record []byte) ([]byte, error) {
	if len(opening) != sha256.Size {
		return nil, fmt.Errorf("an opening has 32 bytes, not %d", len(opening))
	}
	room, _, _ := strings.Cut(eventType, ".")
	if room == "" || strings.ContainsAny(room, " \n") {
		return nil, fmt.Errorf("event type %q does not begin with a room", eventType)
	}
	h := hmac.New(sha256.New, opening)
	h.Write(record)
	return fmt.Appendf(nil, "%s %s %s", leafPrefix, room, base64.StdEncoding.EncodeToString(h.Sum(nil))), nil
}
