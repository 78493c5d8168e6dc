package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"sarai/house"
)

type keysCommand struct {
	List   keysList   `cmd:"" help:"List the keys; never their material." default:"1"`
	Rotate keysRotate `cmd:"" help:"Give a purpose a new key; what the old one made stays valid."`
	Reseal keysReseal `cmd:"" help:"Seal all keys under another master key."`
}

type keysList struct{ where }

// Run lists the keys by purpose.
func (c keysList) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	list, err := house.Keys(ctx, cfg)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PURPOSE\tVERSION\tALGORITHM\tSTATE\tMADE\tKEY")
	for _, k := range list {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", k.Purpose, k.Version, k.Alg, k.State, k.Created.Format(time.DateOnly), k.ID)
	}
	return w.Flush()
}

type keysRotate struct {
	where
	Purpose string `arg:"" help:"As in the list: identity.credential, tlog.checkpoint ..."`
}

// Run rotates one purpose. A running house uses the new key within a second.
func (c keysRotate) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := house.RotateKey(ctx, cfg, c.Purpose); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%s has a new key.\n", c.Purpose)
	return nil
}

type keysReseal struct {
	where
	To string `arg:"" help:"File of the new master key; it is made if it does not exist." type:"path"`
}

// Run seals all keys anew. Stop serving first.
func (c keysReseal) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := house.ResealKeys(ctx, cfg, c.To); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "All keys are sealed under %s. Put it where the old one was: %s\n", c.To, cfg.Data+string(os.PathSeparator)+"master.key")
	return nil
}
