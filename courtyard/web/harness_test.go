package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/gate"
	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
)

// monday is when every test happens.
var monday = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

// inn is a small room that exercises what rooms use.
const innSchema = `
entity InnBed { owner: String };
action "inn.look", "inn.enter", "inn.token", "inn.watch" appliesTo { principal: [Anonymous, Citizen, Official, Client], resource: House };
action "inn.desk" appliesTo { principal: [Anonymous, Citizen, Official], resource: House };
action "inn.sleep" appliesTo { principal: [Anonymous, Citizen, Official], resource: InnBed };
`

const innPolicy = `
@id("inn.open") @reason("inn.open") @record("no")
permit (principal, action in [Action::"inn.look", Action::"inn.enter", Action::"inn.token"], resource);
@id("inn.guests") @reason("inn.guests")
permit (principal, action == Action::"inn.watch", resource) when { principal is Citizen || principal is Official };
@id("inn.keeper") @reason("inn.keeper")
permit (principal is Official, action == Action::"inn.desk", resource) when { principal.powers.contains("inn.keep") };
@id("inn.own-bed") @reason("inn.own-bed")
permit (principal is Citizen, action == Action::"inn.sleep", resource) when { resource.owner == principal.id };
`

var innTexts = fstest.MapFS{
	"en.yaml": {Data: []byte("inn.title: \"The inn\"\ninn.name.missing: \"Enter your name.\"\ninn.hello: \"Hello {name}, room {room}\"\ninn.beds.one: \"{n} bed\"\ninn.beds.other: \"{n} beds\"\ninn.open: \"Open to everybody.\"\ninn.guests: \"For guests.\"\ninn.keeper: \"Only the keeper of the inn.\"\ninn.own-bed: \"Only the guest whose bed it is.\"\ninn.full: \"The inn is full until {until}.\"\n")},
	"ur.yaml": {Data: []byte("inn.title: \"سرائے\"\ninn.name.missing: \"اپنا نام لکھیں۔\"\ninn.hello: \"{name} خوش آمدید، کمرہ {room}\"\ninn.beds.one: \"{n} بستر\"\ninn.beds.other: \"{n} بستر\"\ninn.open: \"سب کے لیے کھلا۔\"\ninn.guests: \"مہمانوں کے لیے۔\"\ninn.keeper: \"صرف سرائے کا نگران۔\"\ninn.own-bed: \"صرف وہ مہمان جس کا یہ بستر ہے۔\"\ninn.full: \"سرائے {until} تک بھری ہوئی ہے۔\"\n")},
}

type bed struct{ id, owner string }

func (b bed) GateResource() gate.Resource {
	return gate.Resource{Type: "InnBed", ID: b.id, Attrs: map[string]any{"owner": b.owner}}
}

type posts map[string]gate.Post

func (p posts) Post(id string) (gate.Post, bool) { x, ok := p[id]; return x, ok }

// court is a site with one room on one database.
type court struct {
	db      *store.DB
	site    *web.Site
	gate    *gate.Gate
	journal *journal.Journal
	clock   *clock.Manual
	server  *httptest.Server
	run     context.CancelFunc
}

func open(t testing.TB, db *store.DB, o web.Options, rooms ...func(c *court)) *court {
	t.Helper()
	c := &court{db: db, clock: clock.At(monday)}
	c.journal = journal.New(db, journal.Options{Poll: 10 * time.Millisecond})
	c.gate = gate.New(db, gate.Options{Clock: c.clock, Demo: o.Demo,
		Posts: posts{
			"inn.keeper": {ID: "inn.keeper", Office: "inn", Title: map[string]string{"en": "Keeper", "ur": "نگران"}, Powers: []string{"inn.keep"}},
			"inn.clerk":  {ID: "inn.clerk", Office: "inn", Title: map[string]string{"en": "Clerk", "ur": "محرر"}},
		},
		Names: func(_ context.Context, person string) map[string]string {
			return map[string]string{"en": "Guest " + person, "ur": "مہمان"}
		}})
	o.DB, o.Gate, o.Clock = db, c.gate, c.clock
	if o.Feed == nil {
		o.Feed = c.journal
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	c.site = web.New(o)
	c.gate.Room("inn", []byte(innPolicy), []byte(innSchema))
	c.site.Texts("inn", innTexts)
	c.inn()
	for _, r := range rooms {
		r(c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.gate.Seal(); err != nil {
		t.Fatal(err)
	}
	c.run = cancel
	done := make(chan struct{}, 2)
	go func() { _ = c.journal.Run(ctx); done <- struct{}{} }()
	go func() { _ = c.site.Run(ctx); done <- struct{}{} }()
	c.server = httptest.NewServer(c.site.Handler())
	t.Cleanup(func() {
		cancel()
		c.server.CloseClientConnections()
		c.server.Close()
		<-done
		<-done
	})
	return c
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	w.t.Log(string(p))
	return len(p), nil
}

func (c *court) inn() {
	page := func(c *web.Ctx) web.Page { return web.Page{Title: c.T("inn.title"), Kind: "question", Back: "/inn"} }
	web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn", Action: "inn.look", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Render(page(c), web.Text(c.T("inn.hello", "name", c.Query("name"), "room", "12")))
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/book", Action: "inn.enter", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Render(page(c), innForm(c.Context()))
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/book", Action: "inn.enter", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		f, err := c.Form(1 << 20)
		if err != nil {
			return err
		}
		name := f.Text("name", web.Required("inn.name.missing"))
		beds := f.Int("beds")
		f.Date("from")
		f.File("photo", 1<<20, "image/png")
		if err := f.Err(); err != nil {
			return c.Invalid(err, page(c), innForm(c.Context()))
		}
		c.Flash("good", "inn.hello", "name", name, "room", web.Number(beds))
		return c.Redirect("/inn")
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/desk", Action: "inn.desk", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Render(page(c), web.Text("desk"))
	}})
	web.Handle(c.site, web.Route[bed]{Pattern: "GET /inn/bed/{id}", Action: "inn.sleep",
		Load: func(r *http.Request) (bed, error) { return bed{id: r.PathValue("id"), owner: "p-ayesha"}, nil },
		Do:   func(c *web.Ctx, p gate.Permit[bed]) error { return c.Render(page(c), web.Text("bed "+p.Resource().id)) }})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/in/{who}", Action: "inn.enter", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		in := web.SignIn{Person: c.Path("who"), Kind: gate.Citizen, Method: "test", AAL: 1}
		if c.R.FormValue("official") != "" {
			in.Kind = gate.Official
		}
		if err := c.Site.SignIn(c, in); err != nil {
			return err
		}
		return c.Redirect("/inn")
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/visitor", Action: "inn.look", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		v, err := c.Visitor()
		if err != nil {
			return err
		}
		_, _ = io.WriteString(c.W, v)
		return nil
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/token", Action: "inn.token", Protocol: true, Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		_, _ = io.WriteString(c.W, c.Who.Actor())
		return nil
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/knock", Action: "inn.enter", Limit: web.Rate{N: 3, Per: time.Minute}, Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Redirect("/inn")
	}})
	web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/panic", Action: "inn.look", Do: func(*web.Ctx, gate.Permit[gate.House]) error {
		panic("the roof fell in")
	}})
}

// each runs a story on both engines.
func each(t *testing.T, story func(t *testing.T, c *court)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { story(t, open(t, db, web.Options{})) })
}

// guest is a browser with its own cookies.
type guest struct {
	t      testing.TB
	base   string
	client *http.Client
}

func (c *court) guest(t testing.TB) *guest {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &guest{t, c.server.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

func (g *guest) do(method, path string, body io.Reader, header ...string) answer {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.base+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer{res, string(data)}
}

func (g *guest) get(path string, header ...string) answer {
	g.t.Helper()
	return g.do(http.MethodGet, path, nil, header...)
}

func (g *guest) post(path string, form url.Values, header ...string) answer {
	g.t.Helper()
	return g.do(http.MethodPost, path, strings.NewReader(form.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, header...)...)
}

func (g *guest) signIn(who string) {
	g.t.Helper()
	if a := g.post("/inn/in/"+who, nil); a.StatusCode != http.StatusSeeOther {
		g.t.Fatalf("sign in: %d %s", a.StatusCode, a.body)
	}
}

func want(t testing.TB, a answer, status int, parts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d\n%.300s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	for _, p := range parts {
		if !strings.Contains(a.body, p) {
			t.Errorf("%s %s: no %q in\n%.3000s", a.Request.Method, a.Request.URL.Path, p, a.body)
		}
	}
}
