package payments

import (
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

type Room struct {
	db           *store.DB
	ledger       Ledger
	book         *Book
	gate         *gate.Gate
	keys         *keys.Ring
	pack         *country.Pack
	clock        clock.Clock
	newID        id.Source
	newReference func() string
}
