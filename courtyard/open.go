package courtyard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard/api"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/tlog"
	"sarai/courtyard/web"
)

// Options are what a courtyard is opened with. DB, Pack, Master and Base are
// needed; the rest has defaults.
type Options struct {
	DB       *store.DB
	Pack     *country.Pack
	Master   keys.Master
	Base     string // public base address, "https://sarai.gov.pk"
	Demo     bool
	Pin      string // file outside the database that remembers the log's last checkpoint
	Version  string
	Provider keys.Provider // who makes and holds keys; nil is keys.Software

	Clock  clock.Clock
	NewID  id.Source
	Logger *slog.Logger
	Pace   float64       // multiplies every rate limit of the pages; 0 is 1, negative lifts them
	Poll   time.Duration // how often to look for what other processes did; 0 is the parts' own default
	Client func(*http.Request) string

	Screens web.Screens // how many live screens may be open
	Sending web.Sending // how long the body of a request may take to arrive
	Keep    gate.Keep   // how long the gate's decisions stay on record
}

// Open opens a courtyard. Nothing is read from the database before Ready.
func Open(o Options) (*Courtyard, error) {
	if o.DB == nil || o.Pack == nil || o.Base == "" {
		return nil, errors.New("courtyard: a database, a country pack and a base address are needed")
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.NewID == nil {
		o.NewID = id.New
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	c := &Courtyard{DB: o.DB, Pack: o.Pack, Clock: o.Clock, NewID: o.NewID, Base: strings.TrimRight(o.Base, "/"), Demo: o.Demo, Logger: o.Logger, Client: o.Client}
	var err error
	if c.Keys, err = keys.New(o.DB, keys.Options{Master: o.Master, Provider: o.Provider, Clock: o.Clock, NewID: o.NewID,
		Authority: "CN=Sarai House CA,O=" + o.Pack.Names.In("en")}); err != nil {
		return nil, err
	}
	c.Journal = journal.New(o.DB, journal.Options{Logger: o.Logger, Poll: o.Poll})
	c.Jobs = job.New(o.DB, job.Options{Logger: o.Logger, Clock: o.Clock, Poll: o.Poll})
	_, host, _ := strings.Cut(c.Base, "://")
	if c.Log, err = tlog.New(o.DB, c.Journal, c.Keys, tlog.Options{Origin: host + "/log", Pin: o.Pin, Quantum: true, Clock: o.Clock, Logger: o.Logger}); err != nil {
		return nil, err
	}
	c.Gate = gate.New(o.DB, gate.Options{Posts: posts{o.Pack}, Clock: o.Clock, NewID: o.NewID, Demo: o.Demo, Keep: o.Keep, Logger: o.Logger})
	c.Site = web.New(web.Options{DB: o.DB, Gate: c.Gate, Feed: c.Journal, Clock: o.Clock, NewID: o.NewID, Logger: o.Logger,
		Base: c.Base, Demo: o.Demo, Pace: o.Pace, Client: o.Client, Screens: o.Screens, Sending: o.Sending, Names: o.Pack.Names, Languages: languages(o.Pack),
		Formats: web.Formats{Zone: o.Pack.Zone, ParseMoney: o.Pack.Currency.Parse,
			Money: func(lang string, minor int64, _ string) string { return o.Pack.Currency.Format(lang, minor) }}})
	c.Site.Texts("api", api.Texts)
	c.Site.Texts("keys", keys.Texts)
	c.Site.Texts("tlog", tlog.Texts)
	codes := make([]string, 0, len(o.Pack.Languages))
	for _, l := range o.Pack.Languages {
		codes = append(codes, l.Code)
	}
	c.API = api.New(o.DB, c.Gate, api.Options{Title: "Sarai: " + o.Pack.Names.In("en"), Version: o.Version, Base: c.Base,
		Clock: o.Clock, NewID: o.NewID, Logger: o.Logger, Languages: codes, Sending: o.Sending.Form, Sealer: c.Keys})
	c.Keys.Declare(keys.Purpose{Name: api.SealPurpose, Alg: keys.A256GCM})
	c.API.Authenticator = func(r *http.Request) (gate.Principal, error) { return gate.From(r.Context()), nil }
	c.API.Limit = func(r *http.Request) error { return web.Limit(r.Context(), "api", web.Rate{N: 1200, Per: time.Minute}) }
	c.API.Translate = func(lang, key string, args map[string]string) string {
		flat := make([]string, 0, 2*len(args))
		for k, v := range args {
			flat = append(flat, k, v)
		}
		return c.Site.Say(lang, key, flat...)
	}
	c.keepUp()
	return c, nil
}

// Ready migrates the database, makes missing keys and seals the gate. Every
// room must have registered what it brings; what is wrong with that is the
// error, and the program does not start.
func (c *Courtyard) Ready(ctx context.Context) error {
	for _, k := range c.Jobs.Kinds() {
		c.Gate.Require(k.Action, "job "+k.Name)
	}
	if err := errors.Join(c.Gate.Seal(), c.Site.CheckTexts()); err != nil {
		return fmt.Errorf("the house does not open:\n%w", err)
	}
	if err := c.DB.Migrate(ctx); err != nil {
		return err
	}
	if err := c.Keys.Ensure(ctx); err != nil {
		return err
	}
	if err := c.DB.Update(ctx, func(tx *store.Tx) error { return c.putUpkeep(tx, upkeep{}) }); err != nil {
		return err
	}
	c.Site.Mount("/log/", c.Log.Handler())
	c.Site.Mount("/api/", c.API)
	return nil
}

// Handler is every address of the house. Call it after Ready.
func (c *Courtyard) Handler() http.Handler { return c.Site.Handler() }

// Run does the work behind the pages (sequencing, subscriptions, jobs, the log,
// live screens) until ctx ends.
func (c *Courtyard) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{c.Journal.Run, c.Jobs.Run, c.Log.Run, c.Site.Run} {
		g.Go(func() error { return run(ctx) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func languages(p *country.Pack) []web.Language {
	var out []web.Language
	for _, l := range p.Languages {
		w := web.Language{Code: l.Code, Dir: l.Dir, Name: l.Name}
		if l.Script == "Aran" || l.Code == web.Urdu.Code {
			w.Font = web.Urdu.Font
		}
		out = append(out, w)
	}
	return out
}

// posts tells the gate what the pack knows of a post.
type posts struct{ pack *country.Pack }

// Post gives a post's office, titles and powers.
func (p posts) Post(id string) (gate.Post, bool) {
	post, ok := p.pack.Post(id)
	if !ok {
		return gate.Post{}, false
	}
	return gate.Post{ID: post.ID, Office: post.Office, Title: post.Title, Powers: post.Powers}, true
}
