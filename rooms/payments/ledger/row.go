package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Row is one line of the ledger of a currency. Rows are never changed.
type Row struct {
	Currency   string
	Seq        int64
	Kind       Kind
	Transfer   string
	Party      string
	Key        string
	Payload    [32]byte // zero when there is no key
	Reason     Reason   // empty: accepted
	Why        Reason   // of what ends a transfer other than by a commit
	Debit      string
	Credit     string
	DebitBook  string // whose books the two accounts are in; "" when unknown
	CreditBook string
	Amount     int64
	Expires    time.Time // of a Reserve
	Setting    Setting   // of a Set
	Window     int64     // settlement window the row lies in
	At         time.Time
	Replayed   bool // the answer to a repeated request; not a new row
}

// Accepted says whether the step was done.
func (r Row) Accepted() bool { return r.Reason == Accepted }

// Moved says whether the row moved money.
func (r Row) Moved() bool { return r.Accepted() && (r.Kind == Commit || r.Kind == Post) }

// Entry is one movement on one account: minor units, signed.
type Entry struct {
	Book    string
	Account string
	Amount  int64
}

// Places gives the settlement and own account of each participant, by which the
// entries of a payment between two of them are known.
type Places struct{ Settling, Owning map[string]string }

// Entries is what a row moved, pair by pair; each book's entries add up to zero.
// A row that moved nothing has none.
func (r Row) Entries(p Places) []Entry {
	switch {
	case !r.Moved():
		return nil
	case r.DebitBook == r.CreditBook:
		return []Entry{{r.DebitBook, r.Debit, -r.Amount}, {r.CreditBook, r.Credit, r.Amount}}
	}
	return []Entry{
		{r.DebitBook, r.Debit, -r.Amount}, {r.DebitBook, p.Owning[r.DebitBook], r.Amount},
		{Rail, p.Settling[r.DebitBook], -r.Amount}, {Rail, p.Settling[r.CreditBook], r.Amount},
		{r.CreditBook, p.Owning[r.CreditBook], -r.Amount}, {r.CreditBook, r.Credit, r.Amount},
	}
}

// Made says whether the row made a transfer, though perhaps a refused one.
func (r Row) Made() bool { return r.Kind == Reserve && r.Reason != Duplicate }

// Ended says in which phase the row ended a reservation, and "" if it did not:
// what comes too late is a row too.
func (r Row) Ended() Phase {
	switch {
	case r.Kind == Expire:
		return Expired
	case r.Kind == Commit && r.Accepted():
		return Committed
	case r.Kind == Abort && (r.Accepted() || r.Reason == r.Why):
		return Aborted
	}
	return ""
}

// Delta is what a row changed of one account, minor units.
type Delta struct {
	Account string
	Balance int64
	Held    int64
}

// Deltas is what a row changed, reservations included. It follows from the row
// alone: balances can be made again from the rows by whoever has them.
func (r Row) Deltas(p Places) []Delta {
	entries := r.Entries(p)
	out := make([]Delta, len(entries), len(entries)+2)
	for i, e := range entries {
		out[i] = Delta{Account: e.Account, Balance: e.Amount}
	}
	held := int64(0)
	switch {
	case r.Made() && r.Accepted():
		held = r.Amount
	case r.Ended() != "":
		held = -r.Amount
	default:
		return out
	}
	out = append(out, Delta{Account: r.Debit, Held: held})
	if r.DebitBook != r.CreditBook {
		out = append(out, Delta{Account: p.Settling[r.DebitBook], Held: held})
	}
	return out
}

// rowForm is the version of the form below, the first byte of every row.
const rowForm = 1

var kinds = []Kind{Reserve, Commit, Abort, Expire, Post, Set, Cut}

func (s Setting) flags() int64 {
	n := int64(0)
	if s.Blocked {
		n |= 1
	}
	if s.Closed {
		n |= 2
	}
	return n
}

// Append writes the row in its one form, in which it is hashed, kept and shown
// in a receipt: a byte for the form, one for the kind, then numbers as varints
// and texts with their length before them. The currency and what says that it is
// a repetition are not in it.
func (r *Row) Append(b []byte) []byte {
	kind := 0
	for i, k := range kinds {
		if k == r.Kind {
			kind = i
		}
	}
	b = append(b, rowForm, byte(kind))
	b = binary.AppendUvarint(b, uint64(r.Seq)) //nolint:gosec // from 1
	b = binary.AppendVarint(b, r.At.UnixMicro())
	b = binary.AppendUvarint(b, uint64(r.Window)) //nolint:gosec // from 1
	b = appendText(b, r.Transfer)
	b = appendText(b, r.Party)
	b = appendText(b, r.Key)
	if r.Key != "" {
		b = append(b, r.Payload[:]...)
	}
	for _, t := range [...]string{string(r.Reason), string(r.Why), r.Debit, r.Credit, r.DebitBook, r.CreditBook} {
		b = appendText(b, t)
	}
	b = binary.AppendVarint(b, r.Amount)
	switch r.Kind {
	case Reserve:
		b = binary.AppendVarint(b, r.Expires.UnixMicro())
	case Set:
		b = binary.AppendVarint(b, r.Setting.Floor)
		b = binary.AppendVarint(b, r.Setting.flags())
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

var errRow = errors.New("not a row of the ledger")

// ReadRow reads the row that b begins with and gives what follows it.
func ReadRow(b []byte) (Row, []byte, error) {
	var r Row
	if len(b) < 2 || b[0] != rowForm || int(b[1]) >= len(kinds) {
		return r, nil, fmt.Errorf("%w: its form or kind is unknown", errRow)
	}
	r.Kind = kinds[b[1]]
	d := reading{b: b[2:]}
	r.Seq, r.At, r.Window = d.count(), time.UnixMicro(d.number()).UTC(), d.count()
	r.Transfer, r.Party, r.Key = d.text(), d.text(), d.text()
	if r.Key != "" {
		copy(r.Payload[:], d.take(32))
	}
	r.Reason, r.Why, r.Debit, r.Credit, r.DebitBook, r.CreditBook = Reason(d.text()), Reason(d.text()), d.text(), d.text(), d.text(), d.text()
	r.Amount = d.number()
	switch r.Kind {
	case Reserve:
		r.Expires = time.UnixMicro(d.number()).UTC()
	case Set:
		r.Setting.Floor = d.number()
		flags := d.number()
		r.Setting.Blocked, r.Setting.Closed = flags&1 != 0, flags&2 != 0
		d.bad = d.bad || flags != r.Setting.flags()
	}
	if d.bad {
		return r, nil, fmt.Errorf("%w: it is cut short or bent", errRow)
	}
	return r, d.b, nil
}

// reading takes values off bytes; bad is set at the first that is not there.
type reading struct {
	b   []byte
	bad bool
}

func (d *reading) number() int64 {
	n, size := binary.Varint(d.b)
	d.skip(size)
	return n
}

func (d *reading) count() int64 {
	n, size := binary.Uvarint(d.b)
	d.skip(size)
	if n >= 1<<62 {
		d.bad = true
	}
	return int64(n) //nolint:gosec // looked at above
}

func (d *reading) skip(size int) {
	// A number in more bytes than it needs would give one row two forms.
	if size <= 0 || (size > 1 && d.b[size-1] == 0) {
		d.bad, d.b = true, nil
		return
	}
	d.b = d.b[size:]
}

func (d *reading) text() string { return string(d.take(d.count())) }

func (d *reading) take(n int64) []byte {
	if d.bad || n < 0 || n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	t := d.b[:n]
	d.b = d.b[n:]
	return t
}
