package cert

import (
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed rules.yaml
var rulesFile []byte

//go:embed migrations/*.sql texts/*.yaml
var files embed.FS

// Rule says what is counted and how often is too often.
type Rule struct {
	ID        string        `yaml:"id"`
	Event     string        `yaml:"event"`     // exact type
	By        string        `yaml:"by"`        // field of the event's data that names the source
	Threshold int64         `yaml:"threshold"` // events within Window that raise an alert
	Window    time.Duration `yaml:"window"`
	Severity  Severity      `yaml:"severity"`
}

// Rules are the contents of rules.yaml.
type Rules struct {
	Rules  []Rule `yaml:"rules"`
	Report struct {
		Duty  string            `yaml:"duty"`
		Hours int               `yaml:"hours"`
		Law   map[string]string `yaml:"law"` // by language
	} `yaml:"report"`
}

// Severity of an alert or incident.
type Severity string

// Severities, worst last.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

var severities = []Severity{Low, Medium, High, Critical}

var (
	ruleName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	eventName = regexp.MustCompile(`^[a-z]+(\.[a-z]+){2}$`)
)

// ParseRules reads a rules file; every rule is checked.
func ParseRules(b []byte) (*Rules, error) {
	var r Rules
	if err := yaml.UnmarshalWithOptions(b, &r, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	seen := map[string]bool{}
	for _, x := range r.Rules {
		switch {
		case !ruleName.MatchString(x.ID) || seen[x.ID]:
			return nil, fmt.Errorf("rules: id %q is no name, or used twice", x.ID)
		case !eventName.MatchString(x.Event):
			return nil, fmt.Errorf("rules: %s: event %q is no event type", x.ID, x.Event)
		case x.By == "":
			return nil, fmt.Errorf("rules: %s: by is missing", x.ID)
		case x.Threshold < 2:
			return nil, fmt.Errorf("rules: %s: threshold must be 2 or more", x.ID)
		case x.Window < time.Second || x.Window > 24*time.Hour:
			return nil, fmt.Errorf("rules: %s: window must be between 1s and 24h", x.ID)
		case !slices.Contains(severities, x.Severity):
			return nil, fmt.Errorf("rules: %s: severity must be one of %v", x.ID, severities)
		}
		seen[x.ID] = true
	}
	if r.Report.Duty == "" || r.Report.Hours < 1 || r.Report.Law["en"] == "" {
		return nil, errors.New("rules: report needs duty, hours and law")
	}
	return &r, nil
}
