package services

import (
	"testing"

	"sarai/courtyard/country"
)

func pack(t testing.TB) *country.Pack {
	t.Helper()
	p, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheNationsServicesLoadAndPassTheirOwnTests(t *testing.T) {
	p := pack(t)
	ds, err := LoadAll(p.Services, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(ds) != 5 {
		t.Fatalf("%d services", len(ds))
	}
}
