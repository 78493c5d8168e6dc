package payments

import (
	"context"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Ledger is the one way in which money moves; [Sequencer] is what stands behind
// it.
type Ledger interface {
	// Do decides the steps in order and gives a row for each. A refusal is a
	// row with a reason, not an error; an error means that nothing was written.
	Do(ctx context.Context, w Work) ([]ledger.Row, error)
}

// MaxSteps is the most steps one Work may have.
const MaxSteps = 4096

// Work is what is to be decided together, in one currency.
type Work struct {
	Currency string
	Actor    string // for the events
	Steps    []ledger.Step
	Notes    map[string]Note // by transfer: what goes with a reservation
	// Quiet leaves out the events of single transfers; the batch's own event is
	// enough for the public log and for a receipt. It also does not wait until
	// the tables that are made from the rows contain them. For rail and bulk.
	Quiet bool
	// Before runs before anything is decided and only reads and locks, After
	// when at least one step was new; both in the transaction that writes the
	// rows, and not for repeated requests. An error undoes the whole Work. Like
	// all of a transaction they may run more than once.
	Before func(tx *store.Tx) error
	After  func(tx *store.Tx, rows []ledger.Row) error
	// Writes gives what goes into other tables when at least one step was new, after
	// After. What all Works of a batch give for one table is written by one statement.
	Writes func(rows []ledger.Row) []Write
}

// Write is a new line of a table.
type Write struct {
	Into   string // the table and its columns: "payments_x (id, amount)"
	Values []any  // of all columns, see [store.Tx.Many] for their kinds; nil is a text that is null
}

// Note is what people want to know about a transfer; the rules do not.
type Note struct {
	Reference string // what people read out
	Purpose   string
	Fee       string // id of the fee or sale it pays
}
