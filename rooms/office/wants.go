package office

import (
	"context"

	"sarai/courtyard/store"
)

// Wants is what this room needs from others; house gives it.
type Wants struct {
	// People names the person a file is about, for the official who works on
	// it. Nil shows no names.
	People People
}

// People is the register of persons.
type People interface {
	Name(ctx context.Context, subject string) (en, ur string, err error)
	// Looked tells a person who opened a file about them, in the transaction
	// that keeps the reading. Somebody unknown is a fault NotFound.
	Looked(tx *store.Tx, l Look) error
}
