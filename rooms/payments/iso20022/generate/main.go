package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("xsd", filepath.Join(os.Getenv("SARAI_TEST_DATA"), "iso20022"), "folder of the schemas; default $SARAI_TEST_DATA/iso20022")
	out := flag.String("out", "rooms/payments/iso20022", "folder of the package iso20022")
	module := flag.String("import", "sarai/rooms/payments/iso20022", "import path of the package iso20022")
	flag.Parse()
	if err := run(*dir, *out, *module); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir, out, module string) error {
	m := newModel()
	for _, msg := range messages {
		if err := m.read(dir, msg); err != nil {
			return err
		}
	}
	files, err := m.write(module)
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(out, "component", "*_gen.go"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	for name, text := range files {
		file := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
