package main

import (
	"fmt"
	"io"

	"sarai/house"
)

type serviceCommand struct {
	Check serviceCheck `cmd:"" help:"Say what is wrong with a service definition and run its own tests."`
}

type serviceCheck struct {
	File    string `arg:"" help:"The YAML file." type:"existingfile"`
	Country string `help:"The pack it belongs to." default:"pk"`
}

// Run loads one service as a start would.
func (c serviceCheck) Run(out io.Writer) error {
	summary, err := house.CheckService(c.File, c.Country)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, summary)
	return nil
}
