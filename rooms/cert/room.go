package cert

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

// power is what a post needs to see anything here.
const power = "cert.analyse"

// Wants is what the room wants from others.
type Wants struct {
	// Rules replaces rules.yaml when it is not nil.
	Rules []byte
}

// Room watches, alerts and keeps incidents.
type Room struct {
	db     *store.DB
	gate   *gate.Gate
	site   *web.Site
	pack   *country.Pack
	clock  clock.Clock
	newID  id.Source
	rules  *Rules
	prefix string // of incident numbers
}

// New furnishes the room: it registers and touches no database.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	text := rulesFile
	if w.Rules != nil {
		text = w.Rules
	}
	rules, err := ParseRules(text)
	if err != nil {
		return nil, err
	}
	r := &Room{db: c.DB, gate: c.Gate, site: c.Site, pack: c.Pack, clock: c.Clock, newID: c.NewID, rules: rules, prefix: "CERT"}
	// Incidents are numbered as the office of the analysts writes itself.
	for _, o := range c.Pack.Offices {
		for _, p := range o.Posts {
			if slices.Contains(p.Powers, power) {
				r.prefix = o.Short
			}
		}
	}
	c.DB.Register(store.Migrations{Room: "cert", FS: files})
	c.Gate.Room("cert", policy, schema)
	c.Site.Texts("cert", files)
	for _, rule := range rules.Rules {
		if key := "cert.rule." + rule.ID; !c.Site.Has(key) || !c.Site.Has(key+".lead") {
			return nil, fmt.Errorf("cert: rule %s needs the texts %s and %s.lead", rule.ID, key, key)
		}
		c.Journal.Subscribe(journal.Subscription{Name: "cert." + rule.ID, Types: []string{rule.Event}, Handle: r.count(rule)})
	}
	c.Jobs.Handle(job.Kind{Name: deadlineJob, Action: "cert.deadline.note", Do: r.late})
	c.Site.Menu(web.Entry{Title: "cert.menu", Hint: "cert.menu.hint", Href: "/cert", Group: "official", Order: 60, For: func(p gate.Principal) bool { return p.Has(power) }})
	r.pages()
	r.operations(c.API)
	return r, nil
}

// before is where a list that is sorted by time and id, the youngest first,
// begins.
func before(p web.Place) int64 {
	if p.Begin() {
		return 1 << 62
	}
	return store.Micros(p.At)
}

// postTitle names an actor "post/<id>" for readers, by language.
func (r *Room) postTitle(actor string) map[string]string {
	id, ok := strings.CutPrefix(actor, "post/")
	if p, found := r.pack.Post(id); ok && found {
		return p.Title
	}
	return nil
}
