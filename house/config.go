package house

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Config is everything an operator decides. Only Data is needed.
type Config struct {
	Data     string // folder of the embedded database, the master key and the log's pin
	Database string // PostgreSQL URL; empty for the embedded database in Data
	Country  string // code of a built-in pack, or a folder; "pk" when empty
	Addr     string // "localhost:8080"; port 0 takes a free one
	Base     string // public address; what Addr says when empty
	Log      string // "text", "json" or "off"
	LogOut   io.Writer
	Trace    string // OTLP/HTTP address; no traces when empty
	Version  string
	Contact  string   // where to report a weakness: an address for /.well-known/security.txt
	Proxies  []string // addresses or networks of reverse proxies that are believed about X-Forwarded-For
	Demo     *Demo    // a synthetic country; nil for a real one

	// GovStack is the address of a second listener on which the payments building
	// block answers at GovStack's own paths, without a prefix. Whoever reaches it
	// is taken for the information mediator, so it belongs on the operator's own
	// line to it. None when empty.
	GovStack string

	// Rail is the address of the listener for participants of the payment rail, who
	// speak ISO 20022 with certificates on both sides. None when empty.
	Rail string

	// Hub is the address of the listener for participants that speak FSPIOP, and for
	// the operator of their hub. None when empty. HubUnsigned takes messages of
	// participants without keys; it goes with a loopback address only.
	Hub         string
	HubUnsigned bool

	Screens web.Screens // how many live screens may be open
	Keep    gate.Keep   // how long the gate's decisions stay on record

	Clock clock.Clock
	Pace  float64 // multiplies every rate limit; 0 is 1, negative lifts them (tests)

	provider keys.Provider // who makes and holds keys, keys.Software when nil (tests)
}

// Demo says what synthetic country is made.
type Demo struct {
	Seed  uint64
	Small bool // a village, for tests
	Live  bool // simulated people work
	// Wallets is how many wallets there are besides those of the citizens; the
	// file that pays all of them a subsidy is written beside the database.
	Wallets int
	// Banks is by what this program is called, and arguments to begin with, when it is
	// started as a connected bank: the pack's connected banks are then processes of
	// their own. None are when it is empty.
	Banks []string `json:"-"`
	// Tenant is a file of what the GovStack interface knows: see payments.Tenant.
	Tenant string
}

func (c Config) databaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "sarai.db")
}

// OpenStore opens the database that the configuration names.
func (c Config) OpenStore() store.Config { return store.Config{URL: c.databaseURL(), Clock: c.Clock} }

// Master reads the master key: SARAI_MASTER_KEY if it is set, else the file
// master.key in Data, made at the first start.
func (c Config) Master(create bool) (keys.Master, error) {
	if s := os.Getenv("SARAI_MASTER_KEY"); s != "" {
		return keys.ParseMaster(s)
	}
	if c.Data == "" {
		return keys.Master{}, errors.New("house: no folder for the master key")
	}
	return keys.MasterFile(filepath.Join(c.Data, "master.key"), create)
}

// Pack loads the country pack.
func (c Config) Pack() (*country.Pack, error) {
	name := c.Country
	if name == "" {
		name = "pk"
	}
	if strings.ContainsAny(name, `/\.`) {
		p, err := country.Load(os.DirFS(name))
		if err != nil {
			return nil, fmt.Errorf("country pack %s:\n%w", name, err)
		}
		return p, nil
	}
	return country.Builtin(name)
}

// listen opens the port and says at which address people reach the house.
func (c Config) listen(ctx context.Context) (net.Listener, string, error) {
	addr := c.Addr
	if addr == "" {
		addr = "localhost:8080"
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", fmt.Errorf("house: %w (is another one running? choose another with --addr)", err)
	}
	if c.Base != "" {
		return l, strings.TrimRight(c.Base, "/"), nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost" // passkeys need a name, not a number
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return l, "http://" + net.JoinHostPort(host, port), nil
}

// databaseName names the database in messages, without its password.
func (c Config) databaseName() string {
	if u, err := url.Parse(c.Database); c.Database != "" && err == nil {
		return u.Redacted()
	}
	return c.Data
}
