package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"sarai/house"
)

type backupCommand struct {
	where
	File string `arg:"" help:"The file to write; it must not exist."`
}

// Run writes a backup. It may be made while the country is served.
func (c backupCommand) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	report, err := house.Backup(ctx, cfg, f)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(c.File)
		return err
	}
	_, _ = fmt.Fprintf(out, "%s\nKeep the master key apart from it: without the key the file cannot be read.\n", report)
	return nil
}

type restoreCommand struct {
	where
	File string `arg:"" help:"The backup file." type:"existingfile"`
}

// Run fills an empty database and compares it with what was backed up.
func (c restoreCommand) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	report, err := house.Restore(ctx, cfg, f)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, report)
	return nil
}
