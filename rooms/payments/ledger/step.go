package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Kind is what a step asks for and what a row records.
type Kind string

// The kinds.
const (
	Reserve Kind = "RESERVE"
	Commit  Kind = "COMMIT"
	Abort   Kind = "ABORT"
	Expire  Kind = "EXPIRE"
	Post    Kind = "POST"
)

// MaxAmount is the largest amount of one step in minor units: ten million
// million rupees. ISO 20022 allows 18 digits; this leaves room for sums.
const MaxAmount = 1_000_000_000_000_000

// Step is a request to the book. Party and Key make it idempotent: the same
// party using the same key again on the same day gets the first answer.
type Step struct {
	Kind     Kind
	Transfer string
	Party    string
	Key      string
	Debit    string // Reserve and Post: account ids
	Credit   string
	Amount   int64 // minor units
	Currency string
	Expires  time.Time // Reserve
	Reason   Reason    // Abort: why
	Memo     []byte    // whatever else belongs to the request; part of the payload's hash
}

// Payload is the hash of what the step asks for, without the transfer's id
// where that is given by us, and without its end.
func (s Step) Payload() [32]byte {
	h := newDigest("sarai payment step v1")
	h.text(string(s.Kind))
	if s.Kind == Commit || s.Kind == Abort || s.Kind == Expire {
		h.text(s.Transfer)
	}
	h.text(s.Debit)
	h.text(s.Credit)
	h.number(s.Amount)
	h.text(s.Currency)
	h.text(string(s.Reason))
	h.bytes(s.Memo)
	return h.sum()
}

// Entry is one line of a row: money moved on one account, minor units, signed.
type Entry struct {
	Book    string
	Account string
	Amount  int64
}

// Row is one line of the ledger of a currency. Rows are never changed.
type Row struct {
	Currency string
	Seq      int64
	Kind     Kind
	Transfer string
	Day      string // of the idempotency key, in the country's calendar
	Party    string
	Key      string
	Payload  [32]byte
	Reason   Reason // empty: accepted
	Debit    string
	Credit   string
	Amount   int64
	At       time.Time
	Entries  []Entry
	Hash     [32]byte
	Replayed bool // the answer to a repeated request; not a new row
}

// Accepted says whether the step was done.
func (r Row) Accepted() bool { return r.Reason == Accepted }

// Seal is the row's hash over the one before it and everything the row says.
func (r Row) Seal(before [32]byte) [32]byte {
	h := newDigest("sarai ledger row v1")
	h.bytes(before[:])
	h.text(r.Currency)
	h.number(r.Seq)
	for _, t := range []string{string(r.Kind), r.Transfer, r.Day, r.Party, r.Key} {
		h.text(t)
	}
	h.bytes(r.Payload[:])
	for _, t := range []string{string(r.Reason), r.Debit, r.Credit} {
		h.text(t)
	}
	h.number(r.Amount)
	h.number(r.At.UnixMicro())
	h.number(int64(len(r.Entries)))
	for _, e := range r.Entries {
		h.text(e.Book)
		h.text(e.Account)
		h.number(e.Amount)
	}
	return h.sum()
}

// digest hashes values with their lengths, so that no two lists of values have
// the same bytes.
type digest struct{ buf []byte }

func newDigest(domain string) *digest {
	d := &digest{buf: make([]byte, 0, 512)}
	d.text(domain)
	return d
}

func (d *digest) bytes(b []byte) {
	d.buf = binary.BigEndian.AppendUint32(d.buf, uint32(len(b))) //nolint:gosec // far below 4 GiB
	d.buf = append(d.buf, b...)
}

func (d *digest) text(s string) {
	d.buf = binary.BigEndian.AppendUint32(d.buf, uint32(len(s))) //nolint:gosec // far below 4 GiB
	d.buf = append(d.buf, s...)
}

func (d *digest) number(n int64) { d.buf = binary.BigEndian.AppendUint64(d.buf, uint64(n)) } //nolint:gosec // two's complement on purpose

func (d *digest) sum() [32]byte { return sha256.Sum256(d.buf) }
