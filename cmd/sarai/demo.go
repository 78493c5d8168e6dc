package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"sarai/house"
)

type demoCommand struct {
	where
	listen
	Seed    uint64 `help:"Another seed is another country." default:"1"`
	Live    bool   `help:"Let simulated people work, so that screens move."`
	Wallets int    `help:"Open so many wallets more, and write subsidy.csv, which pays them all, into the data folder." placeholder:"N"`
	Banks   bool   `help:"Start the country's connected banks and wallets, each in a process of its own, at the rail's real interface." default:"true" negatable:""`
	Country string `help:"Country pack: a code that is built in, or a folder." default:"pk"`
	Tenant  string `help:"File with what the GovStack interface of the demonstration knows: sources, voucher groups, merchants, vouchers." placeholder:"FILE" type:"existingfile"`
	Size    string `help:"small is for tests." enum:"small,full" default:"full" hidden:""`
}

// Run makes a fresh country in a folder that goes away at the end, unless one
// is named, and prints a one-click way in for every persona.
func (c demoCommand) Run(ctx context.Context, out io.Writer) error {
	cfg := house.Config{Data: c.Data, Database: c.Database, Country: c.Country}
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "sarai-demo-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		cfg.Data = dir
	} else if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return err
	}
	c.fill(&cfg)
	if c.Log == "text" {
		cfg.Log = "off" // the terminal is for the links; --log json shows everything
	}
	cfg.HubUnsigned = cfg.Hub != ""
	cfg.Demo = &house.Demo{Seed: c.Seed, Live: c.Live, Small: c.Size == "small", Wallets: c.Wallets, Tenant: c.Tenant}
	if c.Banks {
		cfg.Demo.Banks = os.Args[:1]
	}
	h, err := house.Open(ctx, cfg)
	if err != nil {
		return err
	}
	h.PrintWelcome(out)
	_, _ = fmt.Fprintln(out, "\nStop with Ctrl-C.")
	return h.Run(ctx)
}
