package country

import (
	"time"

	"sarai/courtyard/country/strict"
)

// Sector is a group of organisations the nation cannot do without.
type Sector struct {
	strict.Pos
	ID            string `yaml:"id"`
	Name          Text   `yaml:"name"`
	Regulator     string `yaml:"regulator"`     // office id
	Organisations int    `yaml:"organisations"` // how many synthetic ones the demo country has
	Forms         []Text `yaml:"forms"`         // how their names are made: "{place} Electric Supply"
}

// Duty is something the law tells somebody to do by a time.
type Duty struct {
	strict.Pos
	ID      string `yaml:"id"`
	Name    Text   `yaml:"name"`
	Law     Text   `yaml:"law"`     // the act or rules
	Section string `yaml:"section"` // where in it
	Hours   int    `yaml:"hours"`   // clock hours, also at night and on holidays; 0 if Days is used
	Days    int    `yaml:"days"`    // working days; 0 if Hours is used
	To      string `yaml:"to"`      // office id that must be told
	Note    Text   `yaml:"note"`    // how sure we are of the source
}

// Due gives when the duty that began at t must be done.
func (p *Pack) Due(d Duty, t time.Time) time.Time {
	if d.Hours > 0 {
		return t.Add(time.Duration(d.Hours) * time.Hour)
	}
	return p.Calendar.AddDays(t, d.Days)
}

type sectorsFile struct {
	strict.Pos
	Sectors []Sector `yaml:"sectors"`
	Duties  []Duty   `yaml:"duties"`
}

// Duty gives the legal duty with this id.
func (p *Pack) Duty(id string) (Duty, bool) {
	for _, d := range p.Duties {
		if d.ID == id {
			return d, true
		}
	}
	return Duty{}, false
}
