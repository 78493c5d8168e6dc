package services

// The events of this room, all version 1. Subjects are
// "services/application/<id>" and "services/document/<id>"; no payload holds
// anything about the person.
const (
	ApplicationStarted   = "services.application.started"
	ApplicationSubmitted = "services.application.submitted"
	ApplicationPaid      = "services.application.paid"
	ApplicationReceived  = "services.application.received" // by the office, as a file
	ApplicationMoved     = "services.application.moved"    // the file has reached another post
	ApplicationDecided   = "services.application.decided"
	DocumentIssued       = "services.document.issued"
)

// ApplicationData is what every services.application event says.
type ApplicationData struct {
	Application string `json:"application"`
	Service     string `json:"service"`
	Office      string `json:"office"`
	Definition  string `json:"definition"`        // content hash of the service's file
	Fee         string `json:"fee,omitempty"`     // from submitted on, when there is one
	Outcome     string `json:"outcome,omitempty"` // of decided: approved or refused
	Post        string `json:"post,omitempty"`    // of received and moved: who has it now
	// Known and Asked count the fields that a register filled in and those the
	// person had to answer: the once-only rate (of submitted).
	Known int `json:"known,omitempty"`
	Asked int `json:"asked,omitempty"`
}

// DocumentData is what issued says. Digest lets anybody who holds the PDF prove
// with a receipt that this very file was issued.
type DocumentData struct {
	Document    string `json:"document"`
	Application string `json:"application"`
	Service     string `json:"service"`
	Office      string `json:"office"`
	Post        string `json:"post"`
	Number      string `json:"number"`
	Digest      string `json:"sha256"` // of the PDF, hexadecimal
}

// What we read of other rooms' events.
type (
	feePaid struct {
		Fee string `json:"fee"`
		Key string `json:"key"` // ours: the application, with a slash and the round after the first
	}
	fileMoved struct {
		Application string `json:"application"`
		To          string `json:"to"`
	}
	caseDecided struct {
		Application string `json:"application"`
		Outcome     string `json:"outcome"`
		Grounds     string `json:"grounds"` // "stated": the office has a reason in words
		Post        string `json:"post"`
	}
)
