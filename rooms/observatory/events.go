package observatory

import "time"

// FiguresMoved tells screens that figures have changed since it was last said.
// Version 1, without data.
const FiguresMoved = "observatory.figures.moved"

// What we read of other rooms' events; see their events.go.
type (
	personIssued struct {
		Source   string `json:"source"`
		District string `json:"district"`
	}
	registerOpened struct {
		Persons int64 `json:"persons"`
	}
	fileOpened struct {
		File        string    `json:"file"`
		Number      string    `json:"number"`
		Office      string    `json:"office"`
		Application string    `json:"application"`
		Due         time.Time `json:"due"`
	}
	fileMoved struct {
		File   string `json:"file"`
		Number string `json:"number"`
		Office string `json:"office"`
		To     string `json:"to"`
		Move   int64  `json:"move"`
	}
	caseDecided struct {
		File   string `json:"file"`
		Number string `json:"number"`
		Office string `json:"office"`
	}
	submitted struct {
		Application string `json:"application"`
		Service     string `json:"service"`
		Known       int64  `json:"known"` // fields filled in from registers
		Asked       int64  `json:"asked"` // fields the person had to answer
	}
	batch struct {
		Currency    string `json:"currency"`
		Number      int64  `json:"number"`
		Quiet       int64  `json:"quiet"`
		QuietAmount int64  `json:"quiet_amount"`
	}
	transfer struct {
		Transfer string `json:"transfer"`
		From     string `json:"from"`
		To       string `json:"to"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
		Took     int64  `json:"took_us"` // of a payment decided at once
	}
	incident struct {
		Incident string    `json:"incident"`
		Number   string    `json:"number"`
		Severity string    `json:"severity"`
		Due      time.Time `json:"due"`
	}
)
