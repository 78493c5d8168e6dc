package payments

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// rowNote is what goes with a row for people. It is not part of the row's hash;
// the payload's hash covers what the payer said.
type rowNote struct {
	Note
	event string // a commit's own event
}

func newSecret() (s [32]byte) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}

const batchColumns = "currency, number, first, at, secret, root, before, head, body, notes"

func insertBatch(tx *store.Tx, b *ledger.Batch, event string, notes map[int]rowNote) error {
	_, err := tx.Exec("insert into payments_batch ("+batchColumns+", count, event) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		b.Currency, b.Number, b.First, store.Micros(b.At), b.Secret[:], b.Root[:], b.Before[:], b.Head[:], b.Body, appendNotes(nil, len(b.Rows), notes), int64(len(b.Rows)), event)
	if err != nil {
		return fmt.Errorf("write batch %d of %s: %w", b.Number, b.Currency, err)
	}
	return nil
}

func scanBatch(scan store.Scan) (*sealed, error) {
	b := &ledger.Batch{}
	var at int64
	var secret, root, before, head, notes []byte
	if err := scan(&b.Currency, &b.Number, &b.First, &at, &secret, &root, &before, &head, &b.Body, &notes); err != nil {
		return nil, err
	}
	b.At = store.Time(at)
	for _, c := range []struct {
		to   *[32]byte
		from []byte
	}{{&b.Secret, secret}, {&b.Root, root}, {&b.Before, before}, {&b.Head, head}} {
		if len(c.from) != 32 {
			return nil, fmt.Errorf("batch %d of %s is damaged: a hash has %d bytes", b.Number, b.Currency, len(c.from))
		}
		*c.to = [32]byte(c.from)
	}
	if err := b.Open(); err != nil {
		return nil, err
	}
	read, err := readNotes(notes)
	return &sealed{Batch: b, notes: read}, err
}

// batches reads whole batches after a number and proves their roots and heads.
func batches(tx *store.Tx, currency string, after int64, limit int) ([]*sealed, error) {
	return store.List(tx, scanBatch, "select "+batchColumns+" from payments_batch where currency = $1 and number > $2 order by number limit $3", currency, after, limit)
}

// batchesWithin reads whole batches after a number, of about so many rows.
func batchesWithin(tx *store.Tx, currency string, after, rows int64) ([]*sealed, error) {
	return store.List(tx, scanBatch, "select "+batchColumns+` from payments_batch where currency = $1 and number > $2
		and first <= coalesce((select first + count from payments_batch where currency = $1 and number = $2), 1) + $3 order by number limit 1024`, currency, after, rows)
}

// batchOf reads the batch that contains a row.
func batchOf(tx *store.Tx, currency string, seq int64) (*sealed, error) {
	b, err := store.Get(tx, scanBatch, "select "+batchColumns+" from payments_batch where currency = $1 and first <= $2 order by first desc limit 1", currency, seq)
	if err == nil && seq > b.Last() {
		return nil, fmt.Errorf("row %d of %s is in no batch", seq, currency)
	}
	return b, err
}

var errNotes = errors.New("the notes of a batch are damaged")

// appendNotes writes the notes of n rows in their order.
func appendNotes(b []byte, n int, notes map[int]rowNote) []byte {
	if len(notes) == 0 {
		return []byte{}
	}
	for i := range n {
		note, ok := notes[i]
		if !ok {
			continue
		}
		b = binary.AppendUvarint(b, uint64(i)) //nolint:gosec // not negative
		for _, t := range [...]string{note.Reference, note.Purpose, note.Fee, note.event} {
			b = binary.AppendUvarint(b, uint64(len(t)))
			b = append(b, t...)
		}
	}
	return b
}

func readNotes(b []byte) (map[int]rowNote, error) {
	notes := map[int]rowNote{}
	for len(b) > 0 {
		i, size := binary.Uvarint(b)
		if size <= 0 || i > MaxSteps {
			return nil, errNotes
		}
		b = b[size:]
		var note rowNote
		for _, t := range []*string{&note.Reference, &note.Purpose, &note.Fee, &note.event} {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return nil, errNotes
			}
			*t = string(b[size : size+int(n)]) //nolint:gosec // bounded above
			b = b[size+int(n):]                //nolint:gosec // bounded above
		}
		notes[int(i)] = note //nolint:gosec // bounded above
	}
	return notes, nil
}
