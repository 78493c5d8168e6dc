package tlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// readPin gives the checkpoint kept outside the database; nil if there is none yet.
func readPin(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// writePin replaces the file, surviving a power cut as either the old or the new one.
func writePin(path string, signed []byte) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".checkpoint-*")
	if err != nil {
		return fmt.Errorf("write checkpoint file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(signed)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write checkpoint file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write checkpoint file: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write checkpoint file: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
