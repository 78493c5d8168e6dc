package office

import (
	"embed"
	"log/slog"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed texts/*.yaml
var texts embed.FS

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

// Purposes of the room's keys.
const (
	purposeNote     = "office.note"       // signs paras
	purposeDocument = "office.document"   // signs what is issued
	purposeStamp    = "office.time-stamp" // says when
	purposePaper    = "office.paper"      // seals the correspondence side
)

// Room is the office room. It is safe for concurrent use.
type Room struct {
	db     *store.DB
	gate   *gate.Gate
	keys   *keys.Ring
	site   *web.Site
	pack   *country.Pack
	clock  clock.Clock
	newID  id.Source
	demo   bool
	logger *slog.Logger
	wants  Wants
	base   string
}

// New registers the room's tables, policies, texts, keys, jobs, pages and
// interface. It touches no database.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	r := &Room{
		db: c.DB, gate: c.Gate, keys: c.Keys, site: c.Site, pack: c.Pack, clock: c.Clock, newID: c.NewID,
		demo: c.Demo, logger: c.Logger, wants: w, base: c.Base,
	}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	c.DB.Register(store.Migrations{Room: "office", FS: migrations})
	c.Gate.Room("office", policy, schema)
	c.Site.Texts("office", texts)
	country := c.Pack.Names["en"]
	c.Keys.Declare(keys.Purpose{Name: purposeNote, Alg: keys.ES256})
	c.Keys.Declare(keys.Purpose{Name: purposeDocument, Alg: keys.RS256, Subject: "CN=Documents of the offices,O=" + country, Use: keys.Documents})
	c.Keys.Declare(keys.Purpose{Name: purposeStamp, Alg: keys.ES256, Subject: "CN=Time-stamps of the offices,O=" + country, Use: keys.TimeStamps})
	c.Keys.Declare(keys.Purpose{Name: purposePaper, Alg: keys.A256GCM})
	c.Jobs.Handle(job.Kind{Name: jobSeal, Action: jobSeal, Do: r.seal})
	r.pages()
	r.boards()
	r.api(c.API)
	return r, nil
}
