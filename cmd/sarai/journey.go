package main

import (
	"context"
	"fmt"
	"io"

	"sarai/house/journey"
)

type journeyCommand struct {
	Server string `help:"The server to walk through, with a demonstration; http://localhost:8080 unless given." placeholder:"URL" default:"http://localhost:8080"`
	Lang   string `help:"Language of the pages read." enum:"en,ur" default:"en"`
	Keep   string `help:"Folder for the receipts, the certificate and the credentials." placeholder:"DIR" type:"path"`
}

// Run walks the nine steps and stops at the first that does not hold.
func (c journeyCommand) Run(ctx context.Context, out io.Writer) error {
	w, err := journey.New(journey.Options{Server: c.Server, Lang: c.Lang, Keep: c.Keep})
	if err != nil {
		return err
	}
	for _, step := range w.Steps() {
		_, _ = fmt.Fprintf(out, "%d. %-10s ", step.Number, step.Name)
		proof, err := step.Walk(ctx)
		if err != nil {
			_, _ = fmt.Fprintln(out, "does not hold")
			return fmt.Errorf("step %d, %s: %w", step.Number, step.Name, err)
		}
		for i, line := range proof {
			if i > 0 {
				_, _ = fmt.Fprintf(out, "%14s", "")
			}
			_, _ = fmt.Fprintln(out, line)
		}
	}
	_, _ = fmt.Fprintln(out, "\nThe whole journey holds.")
	return nil
}
