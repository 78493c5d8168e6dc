package services_test

import (
	"fmt"
	"io/fs"
	"strings"

	"sarai/courtyard/country"
	"sarai/rooms/services"
)

// A service is one file. What is wrong with it is said with file and line, and
// a file that fails one of its own tests is not loaded.
func ExampleLoad() {
	pack, err := country.Builtin("pk")
	if err != nil {
		panic(err)
	}
	file, _ := fs.ReadFile(pack.Services, "domicile.yaml")
	d, err := services.Load("services/domicile.yaml", file, pack)
	if err != nil {
		panic(err)
	}
	fmt.Println(d.Name["en"], "asks the register for", strings.Join(d.FactNames(), ", "))

	slip := strings.Replace(string(file), "facts.district == 'islamabad'", "facts.distrikt == 'islamabad'", 1)
	_, err = services.Load("services/domicile.yaml", []byte(slip), pack)
	fmt.Println(err)
	// Output:
	// Domicile certificate asks the register for name, father_name, national_number, birth_date, district, address, phone
	// services/domicile.yaml:106: rule "district": undeclared reference to 'facts.distrikt' (did you mean 'facts.district'?) (column 6)
}
