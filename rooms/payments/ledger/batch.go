package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// Batch is what became durable at once: rows in their order, under one Merkle
// root, chained to the batch before. Head covers everything; the public log
// holds a commitment to it.
type Batch struct {
	Currency string
	Number   int64 // from 1, without gaps
	First    int64 // number of the first row
	Rows     []Row
	At       time.Time
	Before   [32]byte // head of the batch before
	Secret   [32]byte // blinds the rows' leaves: whoever has a receipt learns nothing of the neighbours'
	Root     [32]byte
	Head     [32]byte
	Body     []byte // the rows in their form, one after the other

	ends []int // where each row ends in Body
}

// Seal writes the rows' bytes and makes root and head.
func (b *Batch) Seal() {
	if cap(b.Body) == 0 {
		b.Body = make([]byte, 0, 256*len(b.Rows))
	}
	b.Body, b.ends = b.Body[:0], make([]int, len(b.Rows))
	for i := range b.Rows {
		b.Body = b.Rows[i].Append(b.Body)
		b.ends[i] = len(b.Body)
	}
	b.Root = treeRoot(b.leaves())
	b.Head = b.head()
}

// Open reads the rows back from Body and compares root and head with what they
// should be: an error says what does not fit.
func (b *Batch) Open() error {
	b.Rows, b.ends = b.Rows[:0], b.ends[:0]
	for rest := b.Body; len(rest) > 0; {
		row, after, err := ReadRow(rest)
		if err != nil {
			return fmt.Errorf("batch %d of %s, row %d: %w", b.Number, b.Currency, b.First+int64(len(b.Rows)), err)
		}
		if want := b.First + int64(len(b.Rows)); row.Seq != want {
			return fmt.Errorf("batch %d of %s: row %d stands where %d should", b.Number, b.Currency, row.Seq, want)
		}
		row.Currency = b.Currency
		b.Rows, b.ends, rest = append(b.Rows, row), append(b.ends, len(b.Body)-len(after)), after
	}
	if treeRoot(b.leaves()) != b.Root {
		return fmt.Errorf("batch %d of %s: a row was changed: the root does not fit", b.Number, b.Currency)
	}
	if b.head() != b.Head {
		return fmt.Errorf("batch %d of %s: the head does not fit", b.Number, b.Currency)
	}
	return nil
}

// Last is the number of the last row; First − 1 when there is none.
func (b *Batch) Last() int64 { return b.First + int64(len(b.Rows)) - 1 }

func (b *Batch) head() [32]byte {
	return BatchHead(b.Before, b.Currency, b.Number, b.First, int64(len(b.Rows)), b.At, b.Root)
}

// BatchHead is the hash that chains a batch to the one before.
func BatchHead(before [32]byte, currency string, number, first, rows int64, at time.Time, root [32]byte) [32]byte {
	h := newDigest("sarai ledger batch v1")
	h.bytes(before[:])
	h.text(currency)
	h.number(number)
	h.number(first)
	h.number(rows)
	h.number(at.UnixMicro())
	h.bytes(root[:])
	return h.sum()
}

func (b *Batch) row(i int) []byte {
	if i == 0 {
		return b.Body[:b.ends[0]]
	}
	return b.Body[b.ends[i-1]:b.ends[i]]
}

func (b *Batch) leaves() [][32]byte {
	out := make([][32]byte, len(b.ends))
	var buf []byte
	for i := range out {
		blind := b.blind(b.First + int64(i))
		buf = append(append(append(buf[:0], 0), blind[:]...), b.row(i)...)
		out[i] = sha256.Sum256(buf)
	}
	return out
}

// blind is the random part of a row's leaf.
func (b *Batch) blind(seq int64) [16]byte {
	var in [40]byte
	copy(in[:], b.Secret[:])
	binary.BigEndian.PutUint64(in[32:], uint64(seq)) //nolint:gosec // from 1
	sum := sha256.Sum256(in[:])
	return [16]byte(sum[:16])
}

func node(a, b [32]byte) [32]byte {
	var in [65]byte
	in[0] = 1
	copy(in[1:], a[:])
	copy(in[33:], b[:])
	return sha256.Sum256(in[:])
}

// treeRoot is the Merkle tree hash of RFC 6962, section 2.1. It uses its
// argument as room for its work.
func treeRoot(level [][32]byte) [32]byte {
	if len(level) == 0 {
		return sha256.Sum256(nil)
	}
	for len(level) > 1 {
		n := len(level)
		for i := 0; i+1 < n; i += 2 {
			level[i/2] = node(level[i], level[i+1])
		}
		if n%2 == 1 {
			level[n/2] = level[n-1] // goes up as it is, which is what splitting at powers of two means
		}
		level = level[:(n+1)/2]
	}
	return level[0]
}

// Proof shows that a row is in a batch, to somebody who knows the batch's root.
type Proof struct {
	Row   []byte // in its form
	Blind [16]byte
	Index int64 // from 0
	Size  int64 // rows of the batch
	Path  [][32]byte
}

// Prove makes the proof for the row with a number.
func (b *Batch) Prove(seq int64) (Proof, error) {
	i := seq - b.First
	if i < 0 || i >= int64(len(b.ends)) {
		return Proof{}, fmt.Errorf("row %d is not in batch %d", seq, b.Number)
	}
	p := Proof{Row: b.row(int(i)), Blind: b.blind(seq), Index: i, Size: int64(len(b.ends))}
	level := b.leaves()
	for at := i; len(level) > 1; at /= 2 {
		if sibling := at ^ 1; sibling < int64(len(level)) {
			p.Path = append(p.Path, level[sibling])
		}
		up := make([][32]byte, 0, (len(level)+1)/2)
		for k := 0; k+1 < len(level); k += 2 {
			up = append(up, node(level[k], level[k+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		level = up
	}
	return p, nil
}

// Root is the root the proof leads to, and the row; RFC 9162, section 2.1.3.2.
func (p Proof) Root() ([32]byte, Row, error) {
	row, rest, err := ReadRow(p.Row)
	if err != nil || len(rest) > 0 {
		return [32]byte{}, row, errors.Join(err, errors.New("the proof's row is not one row"))
	}
	if p.Index < 0 || p.Index >= p.Size || len(p.Path) > bits.UintSize {
		return [32]byte{}, row, errors.New("the proof's place is not in its batch")
	}
	hash := sha256.Sum256(append(append([]byte{0}, p.Blind[:]...), p.Row...))
	at, last := p.Index, p.Size-1
	for _, sibling := range p.Path {
		if last == 0 {
			return [32]byte{}, row, errors.New("the proof's path is too long")
		}
		if at%2 == 1 || at == last {
			hash = node(sibling, hash)
			for at%2 == 0 && at != 0 {
				at, last = at/2, last/2
			}
		} else {
			hash = node(hash, sibling)
		}
		at, last = at/2, last/2
	}
	if last != 0 {
		return [32]byte{}, row, errors.New("the proof's path is too short")
	}
	return hash, row, nil
}
