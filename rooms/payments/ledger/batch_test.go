package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sarai/rooms/payments/ledger"
)

// batch is n payments, reserved and committed.
func batch(n int) *ledger.Batch {
	s := town()
	s.Accounts["ayesha"].Balance, s.Accounts["settle-a"].Balance = 1e12, 1e12
	b := &ledger.Batch{Currency: "PKR", Number: 1, First: 1, At: noon, Secret: [32]byte{1, 2, 3}}
	s.Begin()
	for i := range n {
		id := fmt.Sprintf("0192f%027d", i)
		b.Rows = append(b.Rows, s.Apply(reserve(id, "ayesha", "bakery", int64(i+1)), noon))
		if i%2 == 0 {
			b.Rows = append(b.Rows, s.Apply(ledger.Step{Kind: ledger.Commit, Transfer: id}, noon.Add(time.Millisecond)))
		}
	}
	b.Seal()
	return b
}

func TestABatchReadsBackAsItWasWritten(t *testing.T) {
	b := batch(20)
	b.Rows = append(b.Rows, ledger.Row{Currency: "PKR", Seq: b.Last() + 1, Kind: ledger.Set, Debit: "settle-a", DebitBook: ledger.Rail, Window: 1, At: noon, Setting: ledger.Setting{Floor: -5, Blocked: true}},
		ledger.Row{Currency: "PKR", Seq: b.Last() + 2, Kind: ledger.Cut, Window: 1, At: noon})
	b.Seal()
	again := &ledger.Batch{Currency: b.Currency, Number: b.Number, First: b.First, At: b.At, Before: b.Before, Secret: b.Secret, Root: b.Root, Head: b.Head, Body: b.Body}
	if err := again.Open(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Rows, b.Rows) {
		t.Fatalf("%+v\n%+v", again.Rows[0], b.Rows[0])
	}
}

func TestAnyChangedByteIsFound(t *testing.T) {
	b := batch(3)
	for i := range b.Body {
		bent := &ledger.Batch{Currency: b.Currency, Number: b.Number, First: b.First, At: b.At, Secret: b.Secret, Root: b.Root, Head: b.Head, Body: bytes.Clone(b.Body)}
		bent.Body[i] ^= 1
		if bent.Open() == nil {
			t.Fatalf("byte %d was changed and nobody noticed", i)
		}
	}
	moved := &ledger.Batch{Currency: b.Currency, Number: b.Number, First: b.First, At: b.At.Add(time.Microsecond), Secret: b.Secret, Root: b.Root, Head: b.Head, Body: b.Body}
	if err := moved.Open(); err == nil || !strings.Contains(err.Error(), "head") {
		t.Fatal(err)
	}
}

// TestTheTreeIsTheOneOfRFC6962 holds roots and proofs against another maker's.
func TestTheTreeIsTheOneOfRFC6962(t *testing.T) {
	for n := 1; n <= 40; n++ {
		b := batch(n)
		var hashes []tlog.Hash
		read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(at))
			for i, k := range at {
				out[i] = hashes[k]
			}
			return out, nil
		})
		size := int64(len(b.Rows))
		proofs := make([]ledger.Proof, size)
		for i := range size {
			p, err := b.Prove(b.First + i)
			if err != nil {
				t.Fatal(err)
			}
			proofs[i] = p
			data := append(p.Blind[:], p.Row...)
			if got, want := tlog.RecordHash(data), sha256.Sum256(append([]byte{0}, data...)); got != want {
				t.Fatal("the leaf is another")
			}
			more, err := tlog.StoredHashes(i, data, read)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, more...)
		}
		root, err := tlog.TreeHash(size, read)
		if err != nil || root != b.Root {
			t.Fatalf("%d rows: root %x, want %x %v", size, b.Root, root, err)
		}
		for i, p := range proofs {
			theirs, err := tlog.ProveRecord(size, int64(i), read)
			if err != nil {
				t.Fatal(err)
			}
			if len(theirs) != len(p.Path) {
				t.Fatalf("row %d of %d: %d hashes, want %d", i, size, len(p.Path), len(theirs))
			}
			for k := range theirs {
				if theirs[k] != p.Path[k] {
					t.Fatalf("row %d of %d: hash %d is another", i, size, k)
				}
			}
			got, row, err := p.Root()
			if err != nil || got != b.Root || row.Seq != b.Rows[i].Seq {
				t.Fatalf("row %d of %d: %v", i, size, err)
			}
			p.Index = (p.Index + 1) % p.Size
			if got, _, err := p.Root(); err == nil && got == b.Root && size > 1 {
				t.Fatal("a proof holds in another place")
			}
		}
	}
}

func FuzzReadRow(f *testing.F) {
	b := batch(2)
	f.Add(b.Body)
	f.Fuzz(func(t *testing.T, in []byte) {
		row, rest, err := ledger.ReadRow(in)
		if err != nil {
			return
		}
		if again := row.Append(nil); !bytes.Equal(again, in[:len(in)-len(rest)]) {
			t.Fatalf("a row has two forms:\n%x\n%x", in[:len(in)-len(rest)], again)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	one := batch(700)
	for b.Loop() {
		one.Seal()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(one.Rows)), "ns/row")
}
