package cert

import "time"

// Events of this room, version 1. Their data holds no free text.
const (
	EventAlertRaised      = "cert.alert.raised"
	EventAlertGrown       = "cert.alert.grown" // the burst has doubled since the last of these
	EventAlertDismissed   = "cert.alert.dismissed"
	EventIncidentOpened   = "cert.incident.opened"
	EventIncidentNoted    = "cert.incident.noted"
	EventIncidentReported = "cert.incident.reported"
	EventIncidentOverdue  = "cert.incident.overdue"
	EventIncidentClosed   = "cert.incident.closed"
)

// AlertData is the data of cert.alert events; the subject is "cert/alert/<id>".
type AlertData struct {
	Alert    string   `json:"alert"`
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Events   int64    `json:"events"`
}

// IncidentData is the data of cert.incident events; the subject is
// "cert/incident/<id>".
type IncidentData struct {
	Incident string    `json:"incident"`
	Number   string    `json:"number"`
	Alert    string    `json:"alert"`
	Severity Severity  `json:"severity"`
	Due      time.Time `json:"due"`
	Late     bool      `json:"late,omitempty"`    // of a report: sent after the deadline
	Outcome  Outcome   `json:"outcome,omitempty"` // of a closing
}
