package services

import (
	"strings"

	"sarai/courtyard/country/strict"
)

// Text is a sentence by language.
type Text = strict.Text

// Definition is one service as its YAML file says it. It never changes after
// loading; its Hash pins it: an application keeps the definition it began with.
type Definition struct {
	strict.Pos
	Hash string `yaml:"-"` // SHA-256 (hex) of the file
	Body []byte `yaml:"-"` // the file

	ID         string   `yaml:"id"`
	Agency     string   `yaml:"agency"` // office id
	Name       Text     `yaml:"name"`
	Summary    Text     `yaml:"summary"` // two sentences
	LifeEvents []string `yaml:"life_events"`
	Words      Text     `yaml:"words"` // other words people search it by
	Laws       []Law    `yaml:"laws"`
	Fee        Fee      `yaml:"fee"`
	Time       Time     `yaml:"time_limit"`
	Needs      []Text   `yaml:"needs"` // what to have at hand, besides known facts
	Facts      []Field  `yaml:"facts"` // what the register knows already
	Pages      []Page   `yaml:"pages"` // what is asked, one question a page
	Rules      []Check  `yaml:"eligibility"`
	Steps      []Step   `yaml:"steps"` // the posts the file passes, the last one decides
	Output     Output   `yaml:"output"`
	Appeal     Text     `yaml:"appeal"`
	AppealFrom Source   `yaml:"appeal_source"` // of the times and offices named in it
	Tests      []Test   `yaml:"tests"`
}

// Law is a source other parts of the definition refer to. The section is written
// as people of each language write it: "section 17".
type Law struct {
	strict.Pos
	ID      string `yaml:"id"`
	Name    Text   `yaml:"name"`
	Section Text   `yaml:"section"`
	Source  Source `yaml:"source"`
}

// What a citation, a fee or a time limit was compared with. Nothing in a pack
// passes for law until somebody has held it against the gazette, and the reader
// is told.
const (
	CheckedNever   = "never"   // written from memory
	CheckedCopy    = "copy"    // with a published copy, not with the gazette
	CheckedGazette = "gazette" // with the gazette, which Where names
)

// Source says what a citation, a fee or a time limit rests on.
type Source struct {
	strict.Pos
	Checked string `yaml:"checked"`
	Where   string `yaml:"where,optional"` // what it was compared with, or what is known
}

// Fee is what the service costs, in minor units; 0 is free.
type Fee struct {
	strict.Pos
	Amount  int64  `yaml:"amount"`
	Account string `yaml:"account,optional"` // fee account of the pack
	Law     string `yaml:"law"`
	Source  Source `yaml:"source"` // of the amount
}

// Time is how long the office may take, in working days of the nation.
type Time struct {
	strict.Pos
	Days   int    `yaml:"working_days"`
	Law    string `yaml:"law"`
	Source Source `yaml:"source"` // of the number of days
}

// Field is one thing to know: a fact of the register or an answer.
type Field struct {
	strict.Pos
	ID       string   `yaml:"id"`
	Type     string   `yaml:"type"` // see fieldTypes
	Label    Text     `yaml:"label"`
	Hint     Text     `yaml:"hint,optional"`
	Purpose  Text     `yaml:"purpose,optional"`  // of a fact: why it is needed
	Optional bool     `yaml:"optional,optional"` // may be left empty
	Known    string   `yaml:"known,optional"`    // of an answer: the fact it is filled in from
	Min      string   `yaml:"min,optional"`      // number, money: least value; date: earliest, or "today"
	Max      string   `yaml:"max,optional"`      // likewise; text: most characters
	Options  []Option `yaml:"options,optional"`  // of a choice
}

// Option is one answer of a choice.
type Option struct {
	strict.Pos
	ID    string `yaml:"id"`
	Label Text   `yaml:"label"`
}

// Page is one question.
type Page struct {
	strict.Pos
	ID       string  `yaml:"id"`
	Question Text    `yaml:"question"`
	Hint     Text    `yaml:"hint,optional"`
	When     string  `yaml:"when,optional"` // CEL; the page is asked if it holds
	Fields   []Field `yaml:"fields"`

	when *Rule
}

// Check is one rule of eligibility with its sentences and its law.
type Check struct {
	strict.Pos
	ID   string `yaml:"id"`
	Rule string `yaml:"rule"` // CEL
	Name Text   `yaml:"name"` // the condition: "You are 18 or older"
	No   Text   `yaml:"no"`   // what to tell and advise who does not meet it
	Law  string `yaml:"law"`

	rule *Rule
}

// Step is one post on the way.
type Step struct {
	strict.Pos
	Post string `yaml:"post"`
	Name Text   `yaml:"name"` // what happens there, for the applicant
}

// Output is what a person has in the end.
type Output struct {
	strict.Pos
	Name       Text              `yaml:"name"`
	Title      Text              `yaml:"title"` // heading of the certificate
	Body       Text              `yaml:"body"`  // with {facts.x} and {answers.y}
	Rows       []string          `yaml:"rows"`  // facts.x and answers.y listed on it
	Public     []string          `yaml:"public"`
	ValidYears int               `yaml:"valid_years"` // 0: for ever
	Credential string            `yaml:"credential"`  // type in the wallet
	Claims     map[string]string `yaml:"claims"`      // claim: facts.x, answers.y
}

// Test is a case the definition must decide rightly before it is loaded.
type Test struct {
	strict.Pos
	Name     string         `yaml:"name"`
	Today    string         `yaml:"today"`
	Facts    map[string]any `yaml:"facts"`
	Answers  map[string]any `yaml:"answers"`
	Eligible string         `yaml:"eligible"`         // yes, no or unknown
	Fails    []string       `yaml:"fails,optional"`   // ids of the rules that say no
	Asks     []string       `yaml:"asks,optional"`    // ids of the pages asked, if given exactly these
	Refuses  []string       `yaml:"refuses,optional"` // ids of the fields whose answer is not accepted
}

// LifeEvents are the occasions services are found by.
var LifeEvents = []string{"birth", "study", "work", "home", "family", "travel", "business", "illness", "death"}

// field gives the fact or answer a reference like "facts.name" names.
func (d *Definition) field(ref string) (Field, bool) {
	kind, id, _ := strings.Cut(ref, ".")
	switch kind {
	case "facts":
		return d.fact(id)
	case "answers":
		for _, p := range d.Pages {
			for _, f := range p.Fields {
				if f.ID == id {
					return f, true
				}
			}
		}
	}
	return Field{}, false
}

func (d *Definition) fact(id string) (Field, bool) {
	for _, f := range d.Facts {
		if f.ID == id {
			return f, true
		}
	}
	return Field{}, false
}

func (d *Definition) law(id string) Law {
	for _, l := range d.Laws {
		if l.ID == id {
			return l
		}
	}
	return Law{}
}

// FactNames lists the facts in order, as the register is asked for them.
func (d *Definition) FactNames() []string {
	out := make([]string, len(d.Facts))
	for i, f := range d.Facts {
		out[i] = f.ID
	}
	return out
}

// Route lists the posts the file passes; the last one decides.
func (d *Definition) Route() []string {
	out := make([]string, len(d.Steps))
	for i, s := range d.Steps {
		out[i] = s.Post
	}
	return out
}
