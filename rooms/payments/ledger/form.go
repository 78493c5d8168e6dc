package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Versions of the form below, the first byte of every row. The second is that of
// rows that net settlement changed, so that each row says by itself how it was
// booked; all others are written in the first.
const (
	rowForm    = 1
	rowFormNet = 2
)

func (r *Row) form() byte {
	if r.Net || len(r.Dues) > 0 {
		return rowFormNet
	}
	return rowForm
}

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
	b = append(b, r.form(), byte(kind))
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
	case Cut:
		if r.form() == rowFormNet {
			b = r.appendDues(b)
		}
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
	if len(b) < 2 || (b[0] != rowForm && b[0] != rowFormNet) || int(b[1]) >= len(kinds) {
		return r, nil, fmt.Errorf("%w: its form or kind is unknown", errRow)
	}
	r.Kind, r.Net = kinds[b[1]], b[0] == rowFormNet
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
	case Cut:
		if r.Net {
			d.dues(&r)
		}
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

// appendDues writes whether the next window is a net one, and the dues.
func (r *Row) appendDues(b []byte) []byte {
	net := uint64(0)
	if r.Net {
		net = 1
	}
	b = binary.AppendUvarint(b, net)
	b = binary.AppendUvarint(b, uint64(len(r.Dues)))
	for _, d := range r.Dues {
		b = appendText(b, d.Participant)
		b = binary.AppendVarint(b, d.Amount)
	}
	return b
}

func (d *reading) dues(r *Row) {
	net, n := d.count(), d.count()
	// A cut that says neither would have two forms.
	if net > 1 || (net == 0 && n == 0) || n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return
	}
	r.Net = net == 1
	for range n {
		r.Dues = append(r.Dues, Due{Participant: d.text(), Amount: d.number()})
	}
}
