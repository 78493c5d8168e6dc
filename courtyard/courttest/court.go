package courttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
)

// Court is a running courtyard with the rooms a test asked for.
type Court struct {
	*courtyard.Courtyard
	URL   string // the server's address, without a trailing slash
	Clock *clock.Manual
	t     testing.TB
}

// moulds holds the tables of courts by the function that furnishes them.
var moulds sync.Map

// Each runs test on every engine with a courtyard of its own, in which rooms
// registers what is to be tested. A function that furnishes several courts
// registers the same migrations for each: the second court begins with a copy
// of the tables of the first.
func Each(t *testing.T, rooms func(c *courtyard.Courtyard) error, test func(t *testing.T, court *Court)) {
	t.Helper()
	kept, _ := moulds.LoadOrStore(reflect.ValueOf(rooms).Pointer(), &storetest.Mould{})
	mould := kept.(*storetest.Mould)
	mould.EachURL(t, func(t *testing.T, address string) {
		manual := clock.At(time.Now())
		db, err := store.Open(context.Background(), store.Config{URL: address, Clock: manual, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		court := begin(t, db, manual, rooms)
		mould.Learn(db)
		test(t, court)
	})
}

// New opens a courtyard on db, lets rooms register, makes it ready, runs its
// background and serves it. The clock stands still until the test moves it;
// set SARAI_TEST_LOG to see the log. The times of transactions and events are
// those of db's own clock.
func New(t testing.TB, db *store.DB, rooms func(c *courtyard.Courtyard) error) *Court {
	t.Helper()
	return begin(t, db, clock.At(time.Now()), rooms)
}

func begin(t testing.TB, db *store.DB, manual *clock.Manual, rooms func(c *courtyard.Courtyard) error) *Court {
	t.Helper()
	court, server, err := prepare(t, db, manual, rooms)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- court.Run(ctx) }()
	server.Config.Handler = court.Handler()
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		stop()
		if err := <-done; err != nil {
			t.Errorf("background: %v", err)
		}
		server.Close()
	})
	return court
}

// Ready opens a courtyard as New does but neither runs nor serves it, and gives
// the error that would have stopped the start.
func Ready(t testing.TB, db *store.DB, rooms func(c *courtyard.Courtyard) error) error {
	t.Helper()
	_, server, err := prepare(t, db, clock.At(time.Now()), rooms)
	if server != nil {
		_ = server.Listener.Close()
	}
	return err
}

func logger() *slog.Logger {
	if os.Getenv("SARAI_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

func prepare(t testing.TB, db *store.DB, manual *clock.Manual, rooms func(c *courtyard.Courtyard) error) (*Court, *httptest.Server, error) {
	t.Helper()
	pack, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	master, err := keys.ParseMaster(hex.EncodeToString(secret[:]))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	base := "http://localhost:" + port // a name, not an address: browsers keep no passkeys for addresses
	c, err := courtyard.Open(courtyard.Options{DB: db, Pack: pack, Master: master, Base: base, Demo: true, Version: "test", Provider: keystest.Provider(),
		Clock: manual, Logger: logger(), Pace: -1, Poll: 20 * time.Millisecond})
	if err != nil {
		return nil, server, err
	}
	court := &Court{Courtyard: c, URL: base, Clock: manual, t: t}
	court.signInRoute()
	if rooms != nil {
		if err := rooms(c); err != nil {
			return nil, server, err
		}
	}
	return court, server, c.Ready(context.Background())
}

// signInRoute lets a test be anybody. It exists in no other program.
func (c *Court) signInRoute() {
	c.Gate.Room("courttest", []byte(`@id("courttest.be") @reason("gate.refused") @record("no") permit (principal, action == Action::"courttest.be", resource);`),
		[]byte(`action "courttest.be" appliesTo { principal: [Anonymous, Citizen, Official, Client, System], resource: House };`))
	web.Handle(c.Site, web.Route[gate.House]{Pattern: "POST /courttest/be", Action: "courttest.be", Do: func(x *web.Ctx, _ gate.Permit[gate.House]) error {
		q := x.R.URL.Query()
		if err := c.Site.SignIn(x, web.SignIn{Person: q.Get("person"), Kind: gate.ParseKind(q.Get("kind")), Post: q.Get("post"), Method: "test", AAL: 2}); err != nil {
			return err
		}
		x.W.WriteHeader(http.StatusNoContent)
		return nil
	}})
}

// Browser is an HTTP client with cookies that does not follow redirects.
func (c *Court) Browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// AsCitizen is a browser signed in as a person.
func (c *Court) AsCitizen(person string) *http.Client {
	return c.be("person=" + url.QueryEscape(person) + "&kind=citizen")
}

// AsOfficial is a browser signed in as a person who holds the post; the charge
// is given if need be.
func (c *Court) AsOfficial(person, post string) *http.Client {
	c.t.Helper()
	c.Appoint(person, post)
	return c.be("person=" + url.QueryEscape(person) + "&kind=official&post=" + url.QueryEscape(post))
}

// Appoint gives a person a post from a year ago on, without end.
func (c *Court) Appoint(person, post string) {
	c.t.Helper()
	err := c.DB.Update(context.Background(), func(tx *store.Tx) error {
		return gate.Appoint(tx, gate.Charge{Post: post, Person: person, Kind: "permanent", From: c.Clock.Now().AddDate(-1, 0, 0)})
	})
	if err != nil && !c.holds(person, post) {
		c.t.Fatal(err)
	}
}

func (c *Court) holds(person, post string) bool {
	charges, err := c.Gate.Holders(context.Background(), post)
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.ContainsFunc(charges, func(h gate.Charge) bool { return h.Person == person })
}

// Principal is who a person is to the gate, acting in a post if one is named.
func (c *Court) Principal(person string, kind gate.Kind, post string) gate.Principal {
	c.t.Helper()
	p, err := c.Gate.Principal(context.Background(), person, kind)
	if err != nil {
		c.t.Fatal(err)
	}
	if post != "" {
		var ok bool
		if p, ok = p.As(post); !ok {
			c.t.Fatalf("%s does not hold %s", person, post)
		}
	}
	p.AAL = 2
	return p
}

func (c *Court) be(query string) *http.Client {
	c.t.Helper()
	b := c.Browser()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.URL+"/courttest/be?"+query, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := b.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusNoContent {
		body, _ := io.ReadAll(res.Body)
		c.t.Fatalf("sign in: %s %s", res.Status, body)
	}
	return b
}
