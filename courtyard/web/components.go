package web

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/a-h/templ"
)

// Components that take children are functions: @web.Notice("good", title) { … }.
// All others are structs whose fields are named where they are used:
// @web.Field{Name: "name", Label: web.T(ctx, "identity.apply.name")}. Texts are
// given ready, in the reader's language. A form field takes its value and its
// message from the form the visitor sent, else Value. /style shows them all.

// Field is one line of input.
type Field struct {
	Name, Label, Hint string
	Value             string // shown when no form was sent
	// Kind is "" (text), "numeric" (codes and numbers in either set of digits),
	// "money", "tel", "email", "search" or "password".
	Kind         string
	Autocomplete string // an HTML autofill token: "name", "tel", "street-address"
	Width        int    // about how many characters are expected; 0 fills the line
	Prefix       string // stands before the field: "Rs"
	Optional     bool   // adds "(optional)" to the label
	Heading      bool   // the label is the page's heading: question pages
}

// TextArea is input of several lines.
type TextArea struct {
	Name, Label, Hint, Value string
	Rows                     int // 5 when zero
	Most                     int // characters; shown with a count when given
	Optional, Heading        bool
}

// Option is one possible answer.
type Option struct {
	Value, Label, Hint string
}

// Radios asks for one of a few answers.
type Radios struct {
	Name, Legend, Hint, Value string
	Options                   []Option
	Heading                   bool // the legend is the page's heading
	Inline                    bool // beside each other: two short answers
}

// Checkboxes asks for any of a few answers. One option with the value "yes"
// is what Form.Ticked reads.
type Checkboxes struct {
	Name, Legend, Hint string
	Values             []string
	Options            []Option
	Heading            bool
}

// Select asks for one of many answers.
type Select struct {
	Name, Label, Hint, Value string
	Options                  []Option
	Empty                    string // text of a first, empty option; none when ""
	Optional, Heading        bool
}

// DateField asks for a day in three fields: name-day, name-month, name-year.
type DateField struct {
	Name, Legend, Hint string
	Value              time.Time
	Heading            bool
	Birth              bool // a date of birth: the browser may fill it in
}

// FileField asks for a file. The form needs FormTo(action, true).
type FileField struct {
	Name, Label, Hint string
	Accept            string // "image/jpeg,image/png"
	Most              int64  // bytes; said in the hint and checked on the device and here
	Heading           bool
}

// Button sends the form it stands in, or leads to Href.
type Button struct {
	Text  string // a verb
	Href  string // a link that looks like a button
	Kind  string // "" the one thing to do, "start" large, "quiet" beside it, "bad" cannot be undone
	Name  string // with Value: which of several buttons was pressed
	Value string
	Key   string // keyboard shortcut, one character; listed by ?
}

// ErrorSummary lists what is wrong with the form, each message leading to its
// field, and takes the focus. The page's frame shows it by itself, above the
// body; rooms do not need it.
type ErrorSummary struct{}

// Summary is a list of answers to check.
type Summary struct {
	Rows []Answer
}

// Answer is one row of a Summary.
type Answer struct {
	Label  string
	Value  string          // or
	Body   templ.Component // something that is not text
	Note   string          // where it is known from: "From your identity record, 21 November 2026"
	Change string          // address of the question page; no link when empty
	Code   bool            // a number or code: always left to right
}

// Steps is the way of an application as a vertical line.
type Steps struct{ Steps []Step }

// Step is one stage. State is "done", "now", "later" or "bad".
type Step struct {
	Title string
	State string
	Who   string // the post that has it, never the person
	At    time.Time
	Note  string
	Body  templ.Component
}

// Tag is a status: a word and a shape. Status is "good", "wait", "bad", "info"
// or "plain".
type Tag struct{ Status, Text string }

// Table shows rows. On a phone each row becomes a card with its column titles.
type Table struct {
	Caption string
	Hidden  bool // the caption is for screen readers only
	Columns []Column
	Rows    []Row
	Empty   string // shown instead of no rows; under the caption, unless that is hidden
}

// Column is the head of a table column.
type Column struct {
	Title   string
	Numeric bool // figures: at the end side, tabular
}

// Row is one row of a table.
type Row struct {
	ID     string // element id, for live fragments
	Status string // "bad", "wait" or "good" marks the row's edge; say it in a cell too
	Cells  []templ.Component
}

// Amount is money.
type Amount struct {
	Minor    int64
	Currency string // "" is the country's own
	Large    bool   // pay pages
}

// Back is the link to where the visitor came from. Page.Back draws it.
type Back struct{ Href string }

// Counter is a figure of a live board, with its last minutes as a line.
type Counter struct {
	ID      string // element id; needed when it is replaced live
	Label   string
	Value   string
	Hint    string // what it is measured against: "target 80"
	Href    string // the rows behind the number
	Status  string // "", "good", "wait", "bad"
	History []int64
}

// Timeline is what happened, newest where the caller puts it.
type Timeline struct {
	ID    string
	Items []Moment
}

// Moment is one entry of a Timeline.
type Moment struct {
	ID     string
	At     time.Time
	Title  string
	Who    string
	Status string
	Body   templ.Component
}

// Clock is a legal deadline: from when, until when, and what is left of it.
type Clock struct {
	Title  string
	Law    string // the rule that sets it: "CERT Rules 2023, rule 12"
	From   time.Time
	Due    time.Time
	Done   time.Time // when it was met; zero while it runs
	Paused bool
}

// Bar is a share of a whole: workload of an office, votes.
type Bar struct {
	Label  string
	Value  int64
	Of     int64
	Text   string // the figure as read; "12 of 40" when empty
	Status string
}

// Line is a figure over time as a drawing, with a title, a description and a
// table that says the same.
type Line struct {
	ID     string // unique on the page
	Title  string
	Desc   string // what the drawing shows, in a sentence
	Unit   string // title of the value column
	Points []Point
	Target int64 // 0: none
}

// Point is one value of a Line.
type Point struct {
	Label string
	Value int64
}

// QR is a code to be read by a camera, drawn as SVG.
type QR struct {
	Text  string // what the code holds
	Title string // what it is, for those who do not see it
}

// Star is the mark: the eight-pointed star. Size is "", "small" or "large".
type Star struct{ Size string }

// Cards are links as cards: services, rooms.
type Cards struct{ Cards []Card }

// Card is one of Cards.
type Card struct {
	Title, Hint, Href string
	Tag               *Tag
}

// Tasks are things that wait, with dates: first on every home page.
type Tasks struct {
	Tasks []Task
	Empty string
}

// Task is one thing to do.
type Task struct {
	Title, Hint, Href string
	Due               time.Time // zero: none
	Tag               *Tag
}

// DeskList is the start side of a desk: what waits, sorted by the time left.
type DeskList struct {
	Title string
	Items []DeskItem
	Empty string
}

// DeskItem is one thing on a desk.
type DeskItem struct {
	ID      string // element id, for live fragments
	Title   string
	Ref     string // its number
	Href    string
	Due     time.Time
	Tag     *Tag
	Current bool
}

// Script loads a script a room registered with Site.Script.
type Script struct{ Name string }

func (x Field) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x TextArea) Render(ctx context.Context, w io.Writer) error     { return x.view().Render(ctx, w) }
func (x Radios) Render(ctx context.Context, w io.Writer) error       { return x.view().Render(ctx, w) }
func (x Checkboxes) Render(ctx context.Context, w io.Writer) error   { return x.view().Render(ctx, w) }
func (x Select) Render(ctx context.Context, w io.Writer) error       { return x.view().Render(ctx, w) }
func (x DateField) Render(ctx context.Context, w io.Writer) error    { return x.view().Render(ctx, w) }
func (x FileField) Render(ctx context.Context, w io.Writer) error    { return x.view().Render(ctx, w) }
func (x Button) Render(ctx context.Context, w io.Writer) error       { return x.view().Render(ctx, w) }
func (x ErrorSummary) Render(ctx context.Context, w io.Writer) error { return x.view().Render(ctx, w) }
func (x Summary) Render(ctx context.Context, w io.Writer) error      { return x.view().Render(ctx, w) }
func (x Steps) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x Tag) Render(ctx context.Context, w io.Writer) error          { return x.view().Render(ctx, w) }
func (x Table) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x Amount) Render(ctx context.Context, w io.Writer) error       { return x.view().Render(ctx, w) }
func (x Back) Render(ctx context.Context, w io.Writer) error         { return x.view().Render(ctx, w) }
func (x Counter) Render(ctx context.Context, w io.Writer) error      { return x.view().Render(ctx, w) }
func (x Timeline) Render(ctx context.Context, w io.Writer) error     { return x.view().Render(ctx, w) }
func (x Clock) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x Bar) Render(ctx context.Context, w io.Writer) error          { return x.view().Render(ctx, w) }
func (x Line) Render(ctx context.Context, w io.Writer) error         { return x.view().Render(ctx, w) }
func (x QR) Render(ctx context.Context, w io.Writer) error           { return x.view().Render(ctx, w) }
func (x Star) Render(ctx context.Context, w io.Writer) error         { return x.view().Render(ctx, w) }
func (x Cards) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x Tasks) Render(ctx context.Context, w io.Writer) error        { return x.view().Render(ctx, w) }
func (x DeskList) Render(ctx context.Context, w io.Writer) error     { return x.view().Render(ctx, w) }
func (x Script) Render(ctx context.Context, w io.Writer) error       { return x.view().Render(ctx, w) }

// formOf is the form the visitor sent, nil when the page is drawn fresh.
func formOf(ctx context.Context) *Form { return viewOf(ctx).form }

// valueOf is what a field shows: what was sent, else what is known. A field that was
// not sent at all belongs to another form of the same page, and keeps what is known.
func valueOf(ctx context.Context, name, known string) string {
	if f := formOf(ctx); f != nil {
		if _, sent := f.values[name]; sent {
			return f.values.Get(name)
		}
	}
	return known
}

func problemOf(ctx context.Context, name string) string {
	if f := formOf(ctx); f != nil {
		return f.Problem(name)
	}
	return ""
}

func anyProblem(ctx context.Context, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return problemOf(ctx, name) != "" })
}

// describedBy lists the ids of what explains a field.
func describedBy(ctx context.Context, name, hint string) string {
	out := ""
	if hint != "" {
		out = name + "-hint"
	}
	if problemOf(ctx, name) != "" {
		if out != "" {
			out += " "
		}
		out += name + "-error"
	}
	return out
}

// emptyTitle is what stands above the words of a table without rows.
func (x Table) emptyTitle() string {
	if x.Hidden {
		return ""
	}
	return x.Caption
}
