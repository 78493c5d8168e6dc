package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sarai/house"
)

// where says which database a command works on.
type where struct {
	Data     string `help:"Folder for the embedded database, the master key and the last checkpoint." placeholder:"DIR" type:"path"`
	Database string `help:"PostgreSQL instead of the embedded database." placeholder:"URL"`
}

func (w where) config() (house.Config, error) {
	if w.Data == "" {
		return house.Config{}, fmt.Errorf("name the country's folder with --data DIR (or SARAI_DATA); it holds the master key")
	}
	return house.Config{Data: w.Data, Database: w.Database}, nil
}

// listen says how a server is reached and how it logs.
type listen struct {
	Addr     string `help:"Address to listen on; localhost:8080 unless given." placeholder:"HOST:PORT" default:"localhost:8080"`
	Base     string `help:"The public address people see, when it differs from the one listened on." placeholder:"URL"`
	Log      string `help:"Log as text or json, or not at all." enum:"text,json,off" default:"text"`
	Contact  string `help:"Where to report a weakness; served at /.well-known/security.txt." placeholder:"MAIL"`
	GovStack string `name:"govstack" help:"A second address on which GovStack's payments building block answers at the standard's own paths. Whoever reaches it speaks for all registered building blocks: bind it to the line to your information mediator." placeholder:"HOST:PORT"`
	Rail     string `help:"Address on which connected banks and wallets send ISO 20022 messages, with certificates on both sides." placeholder:"HOST:PORT"`
	Hub      string `help:"Address on which the Mojaloop hub answers: FSPIOP for participants, and its operator's interfaces below /admin, /settlement and /als-admin." placeholder:"HOST:PORT"`
	Trace    string `help:"Send OpenTelemetry traces by OTLP/HTTP to this address." placeholder:"URL"`
}

type serveCommand struct {
	where
	listen
	HubUnsigned   bool     `name:"hub-unsigned" help:"Take messages at the hub from participants that have registered no key for signatures. Only on a loopback address, for tests."`
	Country       string   `help:"Country pack: a code that is built in, or a folder." default:"pk"`
	Proxy         []string `help:"Address or network of the reverse proxy in front, which is believed about where requests come from (X-Forwarded-For)." placeholder:"ADDRESS"`
	Screens       int      `help:"Most live screens that this process keeps open." default:"10000"`
	KeepDecisions int      `help:"Days for which the gate's decisions stay on record, 400 unless given; decisions about somebody stay for ten years." placeholder:"DAYS" default:"400"`
}

// Run serves until the process is asked to stop.
func (c serveCommand) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Clean(c.Data), 0o700); err != nil {
		return err
	}
	c.fill(&cfg)
	cfg.Country, cfg.Proxies, cfg.HubUnsigned = c.Country, c.Proxy, c.HubUnsigned
	cfg.Screens.All, cfg.Keep.Ordinary = c.Screens, time.Duration(c.KeepDecisions)*24*time.Hour
	h, err := house.Open(ctx, cfg)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "Sarai %s serves %s at %s\n", stamped(), cfg.Country, h.Base())
	if h.Rail() != "" {
		_, _ = fmt.Fprintf(out, "The payment rail takes messages at %s\n", h.Rail())
	}
	if h.Hub() != "" {
		_, _ = fmt.Fprintf(out, "The hub takes FSPIOP messages at %s\n", h.Hub())
	}
	return h.Run(ctx)
}

func (l listen) fill(cfg *house.Config) {
	cfg.Addr, cfg.Base, cfg.Log, cfg.Trace, cfg.Version, cfg.Contact = l.Addr, l.Base, l.Log, l.Trace, stamped(), l.Contact
	cfg.GovStack, cfg.Rail, cfg.Hub = l.GovStack, l.Rail, l.Hub
}
