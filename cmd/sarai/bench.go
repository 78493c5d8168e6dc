package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"sarai/house"
)

type benchCommand struct {
	Database string        `help:"PostgreSQL instead of an embedded database in a temporary folder." placeholder:"URL"`
	For      time.Duration `help:"How long each measurement lasts." default:"2s"`
}

// Run measures durable writes on this machine.
func (c benchCommand) Run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "sarai-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	_, _ = fmt.Fprintln(out, "writers   durable writes/s")
	for _, writers := range []int{1, 64, 512} {
		rate, err := house.MeasureWrites(ctx, house.Config{Data: dir, Database: c.Database}, writers, c.For)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%7d   %10.0f\n", writers, rate)
	}
	return nil
}
