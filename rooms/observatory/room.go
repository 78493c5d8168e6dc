package observatory

import (
	"embed"
	"sync"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

//go:embed migrations/*.sql texts/*.yaml
var files embed.FS

// power is what a post needs to see rows and inner figures.
const power = "observatory.read"

// Wants is what the room wants from others: nothing. It listens to events.
type Wants struct {
	// Indicators replaces indicators.yaml when it is not nil.
	Indicators []byte
}

// Room counts and shows. It is safe for concurrent use.
type Room struct {
	db         *store.DB
	gate       *gate.Gate
	pack       *country.Pack
	clock      clock.Clock
	indicators []Indicator
	services   []service

	mu    sync.Mutex
	noted bool // the catalogue was noted in this process
}

// New furnishes the room: it registers and touches no database.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	text := indicatorsFile
	if w.Indicators != nil {
		text = w.Indicators
	}
	indicators, err := ParseIndicators(text)
	if err != nil {
		return nil, err
	}
	services, err := readServices(c.Pack.Services)
	if err != nil {
		return nil, err
	}
	r := &Room{db: c.DB, gate: c.Gate, pack: c.Pack, clock: c.Clock, indicators: indicators, services: services}
	c.DB.Register(store.Migrations{Room: "observatory", FS: files})
	c.Gate.Room("observatory", policy, schema)
	c.Site.Texts("observatory", files)
	c.Journal.Subscribe(journal.Subscription{Name: "observatory.count", Types: watched, Handle: r.count})
	c.Jobs.Handle(job.Kind{Name: tellJob, Action: "observatory.tell", Do: r.tell})
	c.Site.Menu(web.Entry{Title: "observatory.menu", Hint: "observatory.menu.hint", Href: "/observatory", Group: "public", Order: 80})
	c.Site.Menu(web.Entry{Title: "observatory.menu", Hint: "observatory.menu.hint.commission", Href: "/observatory", Group: "official", Order: 80,
		For: func(p gate.Principal) bool { return p.Has(power) }})
	r.pages(c.Site)
	r.operations(c.API)
	return r, nil
}
