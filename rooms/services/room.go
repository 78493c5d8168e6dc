package services

import (
	"embed"
	"fmt"

	"sarai/courtyard"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed texts/*.yaml
var texts embed.FS

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

// Room is the one window. It is safe for concurrent use.
type Room struct {
	c         *courtyard.Courtyard
	wants     Wants
	catalogue *catalogue
}

// New reads the services of the pack and registers everything of this room.
// The error of a broken service names file, line and reason.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	cat, err := newCatalogue(c.Pack)
	if err != nil {
		return nil, fmt.Errorf("read the services of the pack:\n%w", err)
	}
	r := &Room{c: c, wants: w, catalogue: cat}
	c.DB.Register(store.Migrations{Room: "services", FS: migrations})
	c.Gate.Room("services", policy, schema)
	c.Site.Texts("services", texts)
	c.Keys.Declare(keys.Purpose{Name: sealPurpose, Alg: keys.A256GCM})
	c.Keys.Declare(keys.Purpose{Name: documentPurpose, Alg: keys.A256GCM})
	c.Journal.Subscribe(journal.Subscription{Name: "services.fee-paid", Types: []string{"payments.fee.paid"}, Handle: r.onFeePaid})
	c.Journal.Subscribe(journal.Subscription{Name: "services.file-moved", Types: []string{"office.file.moved"}, Handle: r.onFileMoved})
	c.Journal.Subscribe(journal.Subscription{Name: "services.case-decided", Types: []string{"office.case.decided"}, Handle: r.onCaseDecided})
	c.Jobs.Handle(job.Kind{Name: deliverJob, Action: "services.deliver", Do: r.deliver})
	c.Jobs.Handle(job.Kind{Name: issueJob, Action: "services.issue", Do: r.issue})
	r.pages()
	r.operations()
	return r, nil
}

// Services lists what can be applied for now.
func (r *Room) Services() []*Definition { return r.catalogue.now }
