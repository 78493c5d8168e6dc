package country_test

import (
	"testing"

	"sarai/courtyard/country"
)

func pk(t testing.TB) *country.Pack {
	t.Helper()
	p, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPakistanLoads(t *testing.T) {
	p := pk(t)
	if len(p.Offices) != 40 || len(p.Banks) != 6 {
		t.Fatalf("%d offices, %d banks", len(p.Offices), len(p.Banks))
	}
}
