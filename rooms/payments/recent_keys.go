package payments

import (
	"encoding/binary"
	"fmt"

	"sarai/courtyard/store"
)

// recentKeys says of a key that it was certainly not used in the last days, so that
// nearly no request needs a look into the table of keys; of another it says in
// which part of the ledger it may have been. It is a Bloom filter for each 1,048,576
// rows. One that is full is stored, so that whoever opens the ledger next reads the
// keys of the last part alone.
type recentKeys struct {
	slabs  []*slab // in order
	stored int64   // those before this number are
	wrote  int64   // the same, if the transaction in work commits
}

// slab is the filter of the rows that have one number when shifted by slabBits: at 16
// bits for each key and six probes one in two thousand of the others seems to be there.
type slab struct {
	number int64
	until  int64 // last day of its keys
	bits   [slabWords]uint64
}

const (
	slabBits  = 20
	slabWords = 1 << (slabBits + 4 - 6)
	slabMask  = slabWords*64 - 1
	probes    = 6
)

func slabOf(seq int64) int64 { return seq >> slabBits }

// keptDays is how many days before this one a slab stays in memory: one more than
// counts, for a clock that is set back.
const keptDays = 2

func (r *recentKeys) add(seq, day int64, k keyHash) {
	number := slabOf(seq)
	s := r.slab(number)
	if s == nil {
		for len(r.slabs) > 0 && r.slabs[0].until < day-keptDays {
			r.slabs = r.slabs[1:]
		}
		s = &slab{number: number}
		r.slabs = append(r.slabs, s)
	}
	s.until = max(s.until, day)
	for at := range k.bits() {
		s.bits[at>>6] |= 1 << (at & 63)
	}
}

// slab finds one, beginning with the newest.
func (r *recentKeys) slab(number int64) *slab {
	for i := len(r.slabs) - 1; i >= 0 && r.slabs[i].number >= number; i-- {
		if r.slabs[i].number == number {
			return r.slabs[i]
		}
	}
	return nil
}

func (k keyHash) bits() func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		a, b := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])|1
		for range probes {
			if !yield(a & slabMask) {
				return
			}
			a += b
		}
	}
}

func (s *slab) has(k keyHash) bool {
	for at := range k.bits() {
		if s.bits[at>>6]&(1<<(at&63)) == 0 {
			return false
		}
	}
	return true
}

// maybe gives the slabs that may have a key of that day or later.
func (r *recentKeys) maybe(since int64, k keyHash) (numbers []int64) {
	for _, s := range r.slabs {
		if s.until >= since && s.has(k) {
			numbers = append(numbers, s.number)
		}
	}
	return numbers
}

// load reads what is stored of these days and makes the rest from the table of keys.
func (r *recentKeys) load(tx *store.Tx, currency string, today int64) error {
	slabs, err := store.List(tx, func(scan store.Scan) (*slab, error) {
		s := &slab{}
		var bits []byte
		err := scan(&s.number, &s.until, &bits)
		if err == nil && len(bits) != slabWords*8 {
			err = fmt.Errorf("the filter of keys %d has %d bytes", s.number, len(bits))
		}
		for i := 0; i < len(bits); i += 8 {
			s.bits[i/8] = binary.LittleEndian.Uint64(bits[i:])
		}
		return s, err
	}, "select number, until, bits from payments_key_filter where currency = $1 and until >= $2 and bits is not null order by number", currency, today-1)
	if err != nil {
		return err
	}
	r.slabs = slabs
	where := ""
	var last *int64
	if last, err = store.Get(tx, store.Value[*int64], "select max(number) from payments_key_filter where currency = $1", currency); err != nil {
		return err
	}
	args := []any{currency}
	if last != nil {
		r.stored = *last + 1
		where, args = " and stretch >= $2", append(args, r.stored<<(slabBits-stretchBits))
	}
	first := true
	_, err = store.List(tx, func(scan store.Scan) (struct{}, error) {
		var seq int64
		var hash []byte
		err := scan(&seq, &hash)
		if err == nil && len(hash) != len(keyHash{}) {
			err = fmt.Errorf("the key of row %d has %d bytes", seq, len(hash))
		}
		if err != nil {
			return struct{}{}, err
		}
		if first && last == nil {
			r.stored = slabOf(seq)
		}
		first = false
		r.add(seq, today, keyHash(hash)) // of today at the latest
		return struct{}{}, nil
	}, "select seq, hash from payments_key where currency = $1"+where+" order by stretch, hash", args...)
	return err
}

// store writes the filters of parts that end before a row.
func (r *recentKeys) store(tx *store.Tx, currency string, seq, today int64) error {
	r.wrote = r.stored
	for _, s := range r.slabs {
		if s.number < r.stored || s.number >= slabOf(seq) {
			continue
		}
		bits := make([]byte, 0, slabWords*8)
		for _, w := range s.bits {
			bits = binary.LittleEndian.AppendUint64(bits, w)
		}
		if _, err := tx.Exec("insert into payments_key_filter (currency, number, until, bits) values ($1, $2, $3, $4) on conflict (currency, number) do nothing", currency, s.number, s.until, bits); err != nil {
			return fmt.Errorf("store the filter of keys: %w", err)
		}
		if _, err := tx.Exec("update payments_key_filter set bits = null where currency = $1 and until < $2 and bits is not null", currency, today-keptDays); err != nil {
			return fmt.Errorf("drop old filters of keys: %w", err)
		}
		r.wrote = s.number + 1
	}
	return nil
}

// kept says that the transaction of the last store committed.
func (r *recentKeys) kept() { r.stored = max(r.stored, r.wrote) }
