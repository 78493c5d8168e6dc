package house

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity"
)

// cast is the synthetic country and where its people are found.
type cast struct {
	*country.Demo
	subjects map[string]string // by citizen key
}

// subject gives a person's pseudonym in the house.
func (c *cast) subject(key string) string { return c.subjects[key] }

// demoMark is the file that says that a folder holds a synthetic country.
const demoMark = "demo.json"

// mark refuses to make a demonstration out of a real country, and marks the
// folder of a new one. It must be asked before anything is migrated.
func (c Config) mark(ctx context.Context, db *store.DB) error {
	file := filepath.Join(c.Data, demoMark)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	used := db.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(`select count(*) from journal_event`).Scan(new(int64)) })
	if used == nil {
		return fmt.Errorf("house: %s is no demonstration, and it is not made one: choose an empty folder and database", c.databaseName())
	}
	text, err := json.Marshal(c.Demo)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// populate makes the synthetic country. What is there already stays.
func (h *House) populate(ctx context.Context) error {
	size := country.DemoNation
	if h.cfg.Demo.Small {
		size = country.DemoVillage
	}
	h.people = &cast{Demo: h.court.Pack.Demo(h.cfg.Demo.Seed, size), subjects: map[string]string{}}
	return h.seed(ctx)
}

// seed lets each room make its part. Rooms leave alone what is there already.
func (h *House) seed(ctx context.Context) error {
	demo := h.people.Demo
	list := make([]identity.SeedPerson, 0, len(demo.Citizens))
	for _, c := range demo.Citizens {
		list = append(list, identity.SeedPerson{Number: c.Number, NameEn: c.Name.In("en"), NameUr: c.Name.In("ur"), FatherEn: c.Father.In("en"), FatherUr: c.Father.In("ur"),
			Birth: c.Birth.String(), Sex: c.Sex, District: c.District, AddressEn: c.Address.In("en"), AddressUr: c.Address.In("ur"), Phone: string(c.Phone), Source: "seed"})
	}
	subjects, err := h.rooms.identity.Seed(ctx, list)
	if err != nil {
		return err
	}
	for i, c := range demo.Citizens {
		h.people.subjects[c.Key] = subjects[i]
	}
	if err := h.appoint(ctx); err != nil {
		return err
	}
	return h.seedRooms(ctx)
}

// appoint gives every post its holder. A post that is held keeps who holds it.
func (h *House) appoint(ctx context.Context) error {
	since := h.court.Clock.Now().AddDate(-1, 0, 0)
	var open []country.DemoCharge
	for _, c := range h.people.Charges {
		holders, err := h.court.Gate.Holders(ctx, c.Post)
		if err != nil {
			return err
		}
		if len(holders) == 0 {
			open = append(open, c)
		}
	}
	return h.court.DB.Update(ctx, func(tx *store.Tx) error {
		for _, c := range open {
			if err := gate.Appoint(tx, gate.Charge{Post: c.Post, Person: h.people.subject(c.Holder), Kind: "permanent", From: since}); err != nil {
				return err
			}
		}
		return nil
	})
}

// demoRoutes lets anybody be anybody. They exist in a demonstration only.
func (h *House) demoRoutes() {
	h.court.Gate.Room("demo", demoPolicy, demoSchema)
	h.court.Site.Texts("demo", demoTexts)
	handle := func(pattern string, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(h.court.Site, web.Route[gate.House]{Pattern: pattern, Action: "demo.be", Do: do, Limit: web.Rate{N: 2000, Per: time.Minute}})
	}
	handle("GET /demo", func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Render(web.Page{Title: c.T("demo.title"), Back: "/"}, castPage(h.court.Pack.Personas, h.court.Pack))
	})
	handle("GET /demo/as/{persona}", func(c *web.Ctx, _ gate.Permit[gate.House]) error { return h.be(c, c.Path("persona")) })
	handle("POST /demo/phone", h.phone)
	h.bankRoutes(handle)
	handle("POST /demo/sign-in", func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		return h.be(c, f.Text("persona"))
	})
}

// be signs a visitor in as a persona and leads to where that persona works.
func (h *House) be(c *web.Ctx, persona string) error {
	p, ok := h.court.Pack.Persona(persona)
	if !ok {
		return fault.New(fault.NotFound, "demo.unknown")
	}
	in := web.SignIn{Person: h.people.subject(p.ID), Kind: gate.Citizen, Method: "demonstration", AAL: 2}
	if p.Post != "" {
		in.Kind, in.Post = gate.Official, p.Post
	}
	if err := h.rooms.identity.Demonstrated(c, in.Person); err != nil {
		return err
	}
	if err := h.court.Site.SignIn(c, in); err != nil {
		return err
	}
	return c.Redirect(deskOf(p))
}

// deskOf is the page a persona begins at.
func deskOf(p country.Persona) string {
	switch p.Post {
	case "":
		if p.Kind == "merchant" {
			return "/till"
		}
		return "/"
	case "nadra.isb.registration", "nadra.isb.adjudication":
		return "/identity/desk"
	case "pkcert.soc.analyst", "pkcert.head":
		return "/cert"
	case "pda.commission", "pda.chair":
		return "/observatory"
	case "sbp.rail", "sbp.payments":
		return "/pay/operate"
	case "bisp.payments", "bisp.accounts", "bisp.director":
		return "/bulk"
	case "agpr.treasury":
		return "/pay/treasury"
	case "moitt.secretary":
		return "/board/icta.dc"
	}
	return "/office"
}

// PrintWelcome writes the way in for every persona.
func (h *House) PrintWelcome(out io.Writer) {
	pack := h.court.Pack
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(out, format, a...) }
	say("\n  Sarai, the digital house of %s: a demonstration with %d people, none of whom exists\n\n", pack.Names.In("en"), len(h.people.Citizens))
	say("  %-12s %s\n\n", "Open", h.base)
	say("  Be somebody with one click:\n")
	list := append([]country.Persona{}, pack.Personas...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Post == "" && list[j].Post != "" })
	for _, p := range list {
		say("    %-46s %s: %s\n", h.base+"/demo/as/"+p.ID, p.Name.In("en"), p.Part.In("en"))
	}
	say("\n  Nobody yet?    %s/identity/apply\n  Check a proof  %s/verify\n  Components     %s/style\n  Interface      %s/api/docs\n", h.base, h.base, h.base, h.base)
	if h.banks != nil {
		say("  Banks          %s%s (%d processes)\n", h.base, banksPath, len(h.banks.list))
	}
	if key := h.court.Log.VerifierKey(); key != "" {
		say("  Log key        %s\n", key)
	}
}

// ServeHTTP makes a house usable as a handler in tests.
func (h *House) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.server.Handler.ServeHTTP(w, r) }
