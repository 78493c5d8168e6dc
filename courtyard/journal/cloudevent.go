package journal

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"sarai/courtyard/store"
)

// Cloud is an event as the world outside gets it: CloudEvents 1.0 in its JSON
// format. The extension attribute "sequence" is the CloudEvents sequence
// extension (comparable as text), "actor" and "dataversion" are ours.
type Cloud struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time"` // RFC 3339
	DataContentType string          `json:"datacontenttype,omitempty"`
	DataVersion     string          `json:"dataversion"`
	Actor           string          `json:"actor,omitempty"`
	Sequence        string          `json:"sequence,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// CloudEvent renders an event; source is the house's base URL. source and id
// together are unique (CloudEvents 1.0, section "id").
func CloudEvent(e store.Event, source string) Cloud {
	c := Cloud{SpecVersion: "1.0", ID: e.ID, Source: source, Type: e.Type, Subject: e.Subject, Time: e.At.UTC().Format(time.RFC3339Nano),
		DataVersion: strconv.Itoa(e.Version), Actor: e.Actor, Data: e.Payload}
	if e.Payload != nil {
		c.DataContentType = "application/json"
	}
	if e.Position > 0 {
		c.Sequence = fmt.Sprintf("%020d", e.Position)
	}
	return c
}
