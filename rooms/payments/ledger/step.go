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
	Set     Kind = "SET" // floor and flags of an account
	Cut     Kind = "CUT" // end of a settlement window: the next row is in the next one
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
	// Fresh says that the caller has just made the transfer's id with a good
	// source, so that nobody needs to look whether it exists. Reserve only.
	Fresh bool
	// Net says that the window which begins with a Cut is a net one. It is not part
	// of the payload: whoever repeats a cut gets the one that was made.
	Net bool
	// Setting is what Set gives to the account Debit; Amount is not used.
	Setting Setting
}

// Setting is what an operator may change of an account. A participant's
// settlement account that is blocked means that the participant is suspended.
type Setting struct {
	Floor   int64 // minor units; minus the net debit cap of a settlement account
	Blocked bool
	Closed  bool
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
	if s.Kind == Set {
		h.number(s.Setting.Floor)
		h.number(s.Setting.flags())
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
