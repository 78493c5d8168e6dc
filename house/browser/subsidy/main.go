package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	s := story{say: os.Stdout}
	flag.IntVar(&s.wallets, "wallets", 800_000, "how many wallets besides the demonstration's two thousand citizens")
	flag.StringVar(&s.program, "sarai", "bin/sarai", "the program")
	flag.StringVar(&s.database, "database", "", "an empty PostgreSQL database instead of SQLite")
	flag.StringVar(&s.out, "out", "out/subsidy", "folder for pictures and receipts")
	flag.IntVar(&s.kill, "kill", 40, "kill the program when this share of the lines is paid, in hundredths; 0: never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.tell(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "subsidy:", err)
		os.Exit(1)
	}
}

// tell runs the whole story and prints what it saw.
func (s *story) tell(ctx context.Context) error {
	if err := os.MkdirAll(s.out, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return err
	}
	data, err := os.MkdirTemp("", "sarai-subsidy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }()
	s.data = data
	defer s.stop()
	began := time.Now()
	if err := s.start(ctx); err != nil {
		return err
	}
	file, err := os.ReadFile(filepath.Join(data, "subsidy.csv"))
	if err != nil {
		return err
	}
	s.lap(began, "a country with %d wallets is made and open", s.wallets)
	if err := s.handIn(ctx, file); err != nil {
		return err
	}
	if err := s.pay(ctx); err != nil {
		return err
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	s.stop()
	return s.prove(ctx)
}
