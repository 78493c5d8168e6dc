package office

import "context"

// Wants is what this room needs from others; house gives it.
type Wants struct {
	// People names the person a file is about, for the official who works on
	// it. Nil shows no names.
	People People
}

// People is the register of persons.
type People interface {
	Name(ctx context.Context, subject string) (en, ur string, err error)
}
