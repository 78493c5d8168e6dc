package main

import (
	"context"
	"fmt"
	"io"

	"sarai/house"
)

type copydbCommand struct {
	From string `arg:"" help:"Where the country is: a postgres:// URL or sqlite:FILE."`
	To   string `arg:"" help:"Where it goes: an empty database, in the same form."`
}

// Run copies every table and compares digests and the log's root. Stop serving
// first: what is written during the copy stays behind.
func (c copydbCommand) Run(ctx context.Context, out io.Writer) error {
	report, err := house.CopyDB(ctx, c.From, c.To)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, report)
	return nil
}
