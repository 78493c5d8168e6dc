package payments

import (
	"embed"
	"fmt"
	"log/slog"
	"sync"
	"time"

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

//go:embed code.js
var codeScript []byte

// Room is the payments room. It is safe for concurrent use.
type Room struct {
	db           *store.DB
	sequencer    *Sequencer
	auditor      *Auditor
	log          *slog.Logger
	ledger       Ledger
	gate         *gate.Gate
	keys         *keys.Ring
	pack         *country.Pack
	clock        clock.Clock
	newID        id.Source
	newReference func() string
	site         *web.Site
	demo         bool
	wants        Wants
	peers        *peers // connected participants

	railMu sync.Mutex
	rail   *Rail // once it is open
}

// New registers the room's tables, policies, texts, keys, jobs, pages and
// interface. It touches no database; call Open once the house has migrated.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	if c.Pack.Currency.Code == "" {
		return nil, fmt.Errorf("payments: the country pack has no currency")
	}
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	sequencer := NewSequencer(c.DB, c.Pack.Zone, log)
	if c.Clock != nil {
		sequencer.clock = c.Clock
	}
	r := &Room{
		auditor: NewAuditor(c.DB, c.Pack.Currency.Code).standing(), log: log,
		db: c.DB, sequencer: sequencer, ledger: sequencer, gate: c.Gate, keys: c.Keys, pack: c.Pack, clock: c.Clock, newID: c.NewID, site: c.Site, demo: c.Demo, wants: w,
		newReference: func() string { return id.Reference(12) },
	}
	r.peers = &peers{room: r}
	if r.wants.Log == nil && c.Log != nil {
		r.wants.Log = c.Log
	}
	c.DB.Register(store.Migrations{Room: "payments", FS: migrations})
	c.Gate.Room("payments", policy, schema)
	c.Site.Texts("payments", texts)
	c.Site.Script("code", codeScript)
	c.Keys.Declare(keys.Purpose{Name: purposeAlias, Alg: keys.HS256})
	c.Keys.Declare(keys.Purpose{Name: purposeQR, Alg: keys.EdDSA})
	c.Keys.Declare(keys.Purpose{Name: purposeRailTLS, Alg: keys.ES256, Subject: "CN=Payment rail"})
	c.Keys.Declare(keys.Purpose{Name: purposeRailSign, Alg: keys.ES256, Subject: "CN=Payment rail messages"})
	c.Keys.Declare(keys.Purpose{Name: purposeHubSign, Alg: keys.ES256})
	c.Gate.Require(actionSend, "payments.Rail")
	c.Gate.Require(actionHub, "payments.Hub")
	c.Gate.Require(actionHubRead, "payments.Hub")
	c.Gate.Require(actionHubOperate, "payments.Hub")
	c.Gate.Require(actionExpire, "payments.Room.Expire")
	c.Jobs.Handle(job.Kind{Name: jobClaim, Action: jobClaim, Do: r.claimDue})
	c.Jobs.Handle(job.Kind{Name: jobDispute, Action: jobDispute, Do: r.disputeDue})
	c.Jobs.Handle(job.Kind{Name: jobRequest, Action: jobRequest, Do: r.requestDue})
	c.Jobs.Handle(job.Kind{Name: jobRecall, Action: jobRecall, Do: r.recallStep})
	c.Jobs.Handle(job.Kind{Name: jobAsk, Action: jobAsk, Do: r.tellAsk})
	c.Jobs.Handle(job.Kind{Name: jobAskOut, Action: jobAskOut, Do: r.sendAsk})
	c.Jobs.Handle(job.Kind{Name: jobFlow, Action: jobFlow, Do: r.flowDue, Timeout: 10 * time.Minute})
	r.settlement(c)
	r.pages(c.Site)
	r.bulks(c)
	r.treasuryPages(c.Site)
	r.treasuryAPI(c.API)
	r.api(c.API)
	r.recallAPI(c.API)
	r.recallPages(c.Site)
	r.directoryAPI(c.API)
	return r, nil
}
