package payments

import "context"

// Wants is what this room needs from others; house connects it. Each may be
// nil: then names are those the participant gave, and receipts are not offered.
type Wants struct {
	Payer    Names
	Log      Receipts
	Messages Messages // nil: no one-time codes, except in a demonstration, which shows them
	Numbers  Numbers  // nil: no alias by national number
}

// Names gives a person's name as their identity has it, for the account they
// open. The person sees the reading, with its purpose: a text's key and the
// participant's name.
type Names interface {
	Name(ctx context.Context, subject, purpose string) (en, ur string, err error)
}

// Messages sends a text to a mobile number, which is in E.164 form.
type Messages interface {
	Send(ctx context.Context, to, text string) error
}

// Numbers gives a person's national number, digits only, as their identity has
// it. The person sees the reading, with its purpose: a text's key.
type Numbers interface {
	Number(ctx context.Context, subject, purpose string) (digits string, err error)
}

// Receipts proves that an event is in the public log.
type Receipts interface {
	Receipt(ctx context.Context, event string) ([]byte, error)
}
