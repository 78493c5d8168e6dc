package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is stamped by the build: -ldflags "-X main.version=v1.2.3".
var version = ""

// program is the command line; the order is the order of the help.
type program struct {
	Demo        demoCommand        `cmd:"" help:"Show a fresh synthetic country on http://localhost:8080."`
	Serve       serveCommand       `cmd:"" help:"Serve a lasting country."`
	Journey     journeyCommand     `cmd:"" help:"Walk one citizen's journey against a running server and print each proof."`
	Verify      verifyCommand      `cmd:"" help:"Check a receipt from the public log, offline."`
	Backup      backupCommand      `cmd:"" help:"Write the whole country to one file while it is running."`
	Restore     restoreCommand     `cmd:"" help:"Fill an empty database from a backup file."`
	Copydb      copydbCommand      `cmd:"" help:"Move a country between SQLite and PostgreSQL and prove that nothing changed."`
	Keys        keysCommand        `cmd:"" help:"List and rotate signing and sealing keys."`
	Country     countryCommand     `cmd:"" help:"Check a country pack."`
	Service     serviceCommand     `cmd:"" help:"Check a service definition."`
	Participant participantCommand `cmd:"" help:"Be a bank or wallet at the payment rail, over the real interfaces."`
	Bench       benchCommand       `cmd:"" help:"Measure this machine: durable writes, one by one and together."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

type versionCommand struct{}

// Run prints the version and the toolchain.
func (versionCommand) Run(out io.Writer) error {
	info, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintf(out, "sarai %s (%s)\n", stamped(), info.GoVersion)
	return err
}

func stamped() string {
	if version != "" {
		return version
	}
	return "dev"
}

func main() {
	processors()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 || args[0] == "help" {
		args = append(args[min(len(args), 1):], "--help")
	}
	exit := -1
	var cli program
	parser, err := kong.New(&cli,
		kong.Name("sarai"),
		kong.Description("Sarai, the digital house of a nation: identity, services, payments, office, cert and the dashboard over them, in one program.\n\nStart with: sarai demo"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.DefaultEnvars("SARAI"),
		kong.Writers(out, errs),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(out, (*io.Writer)(nil)),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errs, "sarai:", err)
		return 2
	}
	call, err := parser.Parse(args)
	if exit >= 0 { // the help was asked for
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "sarai: %v\nsee: sarai help\n", err)
		return 2
	}
	if err := call.Run(); err != nil && !errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(errs, "sarai:", err)
		return 1
	}
	return 0
}
