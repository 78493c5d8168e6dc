package services

import (
	"time"

	"sarai/courtyard/web"
)

// What the pages show: plain values, already in the reader's language.

type frontView struct {
	Services, Events, More []web.Card
	Unsure                 string
}

type homeView struct {
	Greeting             string
	Tasks, Running       []web.Task
	Events, More, Office []web.Card
	Unseen               int64
}

type listView struct {
	Query, Event     string
	Unsure           string
	Services, Events []web.Card
}

type ruleView struct{ Name, Law string }

type sourceView struct{ What, State, Where string }

type serviceView struct {
	ID, Name, Summary, Office, Output, Draft string
	Free, SignedIn                           bool
	Fee, Days, Lately, Cases                 int64
	FeeLaw, TimeLaw                          string
	Rules                                    []ruleView
	Known, Needs                             []string
	Steps                                    []web.Step
	Sources                                  []sourceView
}

type applicationsView struct {
	Applications []web.Task
	Turn         web.Turn
}

type consentView struct {
	Ref, Service, Office, Law, Given string
	Facts                            []web.Answer
}

type questionView struct {
	Action, Title, Hint string
	One, Files          bool
	Checking            bool
	Place, Of           int64
	Fields              []fieldView
}

type fieldView struct {
	Field   Field
	Label   string
	Hint    string
	Value   string
	Date    time.Time
	Options []web.Option
	Heading bool
}

type usedView struct{ Label, Value, Source string }

type findingView struct {
	Name, Law, Verdict, No string
	Used                   []usedView
}

type checkView struct {
	Ref, Service   string
	Known          string // where all facts are from, when it is the same for all
	Facts, Answers []web.Answer
	Findings       []findingView
	Eligible       bool
	Fee, Days      int64
	Unsure         string
}

// status is the shape that goes with a verdict.
func (f findingView) status() string {
	return map[string]string{"yes": "good", "no": "bad"}[f.Verdict]
}
