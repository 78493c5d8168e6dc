package house

import (
	"fmt"
	"os"
	"path/filepath"

	"sarai/rooms/services"
)

// CheckCountry loads a pack and its services as a start would and says what is
// in it. The error names file, line and reason of everything that is wrong.
func CheckCountry(pack string) (string, error) {
	p, err := Config{Country: pack}.Pack()
	if err != nil {
		return "", err
	}
	defs, err := services.LoadAll(p.Services, p)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s holds: %d offices, %d banks and wallets, %d services, %d sectors, %d personas.",
		p.Names.In("en"), len(p.Offices), len(p.Banks), len(defs), len(p.Sectors), len(p.Personas)), nil
}

// CheckService loads one service file and runs the tests in it.
func CheckService(file, pack string) (string, error) {
	p, err := Config{Country: pack}.Pack()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	d, err := services.Load(filepath.Base(file), text, p)
	if err != nil {
		return "", err
	}
	questions := 0
	for _, page := range d.Pages {
		questions += len(page.Fields)
	}
	return fmt.Sprintf("%s holds: %d questions, %d rules, %d tests passed.", d.ID, questions, len(d.Rules), len(d.Tests)), nil
}
