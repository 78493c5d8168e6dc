package main

import (
	"fmt"
	"io"

	"sarai/house"
)

type countryCommand struct {
	Check countryCheck `cmd:"" help:"Say what is wrong with a country pack, with file, line and reason."`
}

type countryCheck struct {
	Pack string `arg:"" help:"A folder, or the code of a built-in pack." default:"pk"`
}

// Run loads the pack and its services as a start would.
func (c countryCheck) Run(out io.Writer) error {
	summary, err := house.CheckCountry(c.Pack)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, summary)
	return nil
}
