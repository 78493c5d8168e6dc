package payments

import (
	"fmt"
	"strings"

	"sarai/courtyard/store"
)

// A stretch is 65,536 rows of a currency's ledger. The transfers of an account are
// kept in order within a stretch, not over all of them, so that writing costs the
// same whatever is in the tables already; reading goes from stretch to stretch.
const stretchBits = 16 // as the indexes of payments_transfer have it

func stretchOf(seq int64) int64 { return seq >> stretchBits }

// mostStretches is how many are looked into at once.
const mostStretches = 64

// stretches are the numbers of some of them.
type stretches []any

// in is the condition that a transfer t was made in one of these, which are the
// statement's arguments from this one on. They are named one by one because only so
// both engines look for an account in each.
func (s stretches) in(argument int) string {
	var b strings.Builder
	b.WriteString("(t.seq >> 16) in (")
	for i := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", argument+i)
	}
	b.WriteByte(')')
	return b.String()
}

// last is the last row they can contain, the newest being named last.
func (s stretches) last() int64 { return (s[len(s)-1].(int64)+1)<<stretchBits - 1 }

// byStretch lets read look into the stretches with rows first to last, the newest or
// the oldest first, until it says that this is enough. There are more of them each
// time: who has not moved for long is found soon, too.
func byStretch(first, last int64, newest bool, read func(in stretches) (enough bool, err error)) error {
	low, high := stretchOf(first), stretchOf(last)
	for n := int64(1); low <= high; n = min(2*n, mostStretches) {
		in := make(stretches, n) // always 1, 2, 4 ...: few statements; the last is named again
		for i := range n {
			if newest {
				in[i] = max(high-i, low)
			} else {
				in[i] = min(low+i, high)
			}
		}
		if newest {
			high -= n
		} else {
			low += n
		}
		if enough, err := read(in); enough || err != nil {
			return err
		}
	}
	return nil
}

// listByStretch collects up to limit lines in the order in which they were made.
func listByStretch[T any](first, last int64, newest bool, limit int, read func(in stretches, limit int) ([]T, error)) (list []T, err error) {
	err = byStretch(first, last, newest, func(in stretches) (bool, error) {
		found, err := read(in, limit-len(list))
		list = append(list, found...)
		return len(list) >= limit, err
	})
	return list, err
}

// newestRow is the last row of any ledger that the tables contain.
func newestRow(tx *store.Tx) (int64, error) {
	return store.Get(tx, store.Value[int64], "select coalesce(max(b.first + b.count - 1), 0) from payments_batch b join payments_index i on i.currency = b.currency and i.number = b.number")
}
