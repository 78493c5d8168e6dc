package observatory

import (
	_ "embed"
	"fmt"

	"github.com/goccy/go-yaml"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
)

//go:embed indicators.yaml
var indicatorsFile []byte

// Kind is how a figure is made; see indicators.yaml.
type Kind string

// The kinds.
const (
	Catalogue Kind = "catalogue"
	Count     Kind = "count"
	Value     Kind = "value"
	Share     Kind = "share"
	Open      Kind = "open"
	Median    Kind = "median"
)

// Indicator is one figure of the nation.
type Indicator struct {
	ID     string   `yaml:"id"`
	Kind   Kind     `yaml:"kind"`
	Target int64    `yaml:"target"` // 0: none
	Better string   `yaml:"better"` // "up" or "down"; empty when more is only more
	Public bool     `yaml:"public"`
	Rows   string   `yaml:"rows"`   // indicator whose rows are behind the figure
	Events []string `yaml:"events"` // it is counted from, for the definition
}

// GateResource lets the gate decide about an indicator.
func (i Indicator) GateResource() gate.Resource {
	return gate.Resource{Type: "ObservatoryIndicator", ID: i.ID, Attrs: map[string]any{"public": i.Public}}
}

// board is one of the two live screens: key "public" or "commission".
type board struct{ public bool }

// GateResource lets the gate decide about a live screen.
func (b board) GateResource() gate.Resource {
	id := "commission"
	if b.public {
		id = "public"
	}
	return gate.Resource{Type: "ObservatoryBoard", ID: id, Attrs: map[string]any{"public": b.public}}
}

// ParseIndicators reads the file of indicators and checks it.
func ParseIndicators(text []byte) ([]Indicator, error) {
	var list []Indicator
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("observatory: indicators.yaml: %w", err)
	}
	seen := map[string]bool{}
	for i := range list {
		x := &list[i]
		switch {
		case x.ID == "" || seen[x.ID]:
			return nil, fmt.Errorf("observatory: indicators.yaml: indicator %d has no id of its own", i+1)
		case x.Kind != Catalogue && x.Kind != Count && x.Kind != Value && x.Kind != Share && x.Kind != Open && x.Kind != Median:
			return nil, fmt.Errorf("observatory: indicators.yaml: %s: unknown kind %q", x.ID, x.Kind)
		case x.Better != "" && x.Better != "up" && x.Better != "down":
			return nil, fmt.Errorf("observatory: indicators.yaml: %s: better is up or down", x.ID)
		case x.Target < 0 || x.Target > 0 && x.Better == "":
			return nil, fmt.Errorf("observatory: indicators.yaml: %s: a target needs better: up or down", x.ID)
		case len(x.Events) == 0:
			return nil, fmt.Errorf("observatory: indicators.yaml: %s: name the events it is counted from", x.ID)
		}
		if x.Rows == "" {
			x.Rows = x.ID
		}
		seen[x.ID] = true
	}
	for _, x := range list {
		if !seen[x.Rows] {
			return nil, fmt.Errorf("observatory: indicators.yaml: %s: rows of %q, which is no indicator", x.ID, x.Rows)
		}
	}
	return list, nil
}

// status holds a figure against the target: "good", "wait", or "" without one.
func (i Indicator) status(figure int64, known bool) string {
	switch {
	case !known || i.Better == "":
		return ""
	case i.Better == "down" && figure <= i.Target, i.Better == "up" && figure >= i.Target:
		return "good"
	}
	return "wait"
}

// Indicator gives the indicator with an id.
func (r *Room) Indicator(id string) (Indicator, error) {
	for _, i := range r.indicators {
		if i.ID == id {
			return i, nil
		}
	}
	return Indicator{}, fault.New(fault.NotFound, "observatory.no-indicator")
}
