package office

import "time"

// Names of this room's events; all are version 1.
const (
	EventDiarised          = "office.receipt.diarised"
	EventOpened            = "office.file.opened"
	EventNoteSigned        = "office.note.signed"
	EventAlterationRefused = "office.note.alteration-refused"
	EventMoved             = "office.file.moved"
	EventDecided           = "office.case.decided"
)

// Diarised is the data of office.receipt.diarised.
type Diarised struct {
	Receipt     string `json:"receipt"`
	Diary       string `json:"diary"`
	Office      string `json:"office"`
	File        string `json:"file"`
	Application string `json:"application,omitempty"`
}

// Opened is the data of office.file.opened.
type Opened struct {
	File        string    `json:"file"`
	Number      string    `json:"number"`
	Office      string    `json:"office"`
	Service     string    `json:"service,omitempty"`
	Application string    `json:"application,omitempty"`
	Holder      string    `json:"holder"`
	Due         time.Time `json:"due"`
}

// NoteSigned is the data of office.note.signed. Digest is hexadecimal.
type NoteSigned struct {
	File   string `json:"file"`
	Number string `json:"number"`
	Office string `json:"office"`
	Para   int64  `json:"para"`
	Kind   string `json:"kind"`
	Post   string `json:"post"`
	Charge string `json:"charge"`
	Digest string `json:"digest"`
	Key    string `json:"key"`
}

// AlterationRefused is the data of office.note.alteration-refused: somebody
// tried to change a signed para.
type AlterationRefused struct {
	File   string `json:"file"`
	Number string `json:"number"`
	Office string `json:"office"`
	Para   int64  `json:"para"`
	Post   string `json:"post"`
}

// Moved is the data of office.file.moved. From and To are posts.
type Moved struct {
	File        string `json:"file"`
	Number      string `json:"number"`
	Office      string `json:"office"`
	Application string `json:"application,omitempty"`
	Move        int64  `json:"move"`
	Kind        string `json:"kind"`
	From        string `json:"from"`
	To          string `json:"to"`
}

// Grounds of a decision: whether the order says more than its outcome. The
// words themselves are in the signed order, never in an event: an event is kept
// and copied for as long as the log lives.
const (
	GroundsNone   = "none"
	GroundsStated = "stated" // in the order; [Room.Reason] gives them
)

// Decided is the data of office.case.decided. Outcome is approved or refused.
type Decided struct {
	File        string `json:"file"`
	Number      string `json:"number"`
	Office      string `json:"office"`
	Service     string `json:"service,omitempty"`
	Application string `json:"application,omitempty"`
	Key         string `json:"key,omitempty"` // of the intake: the same as Application
	Outcome     string `json:"outcome"`
	Grounds     string `json:"grounds"` // a code
	Post        string `json:"post"`
	Charge      string `json:"charge"`
	Para        int64  `json:"para"`   // the order
	Digest      string `json:"digest"` // of the order, as office.note.signed has it
}
