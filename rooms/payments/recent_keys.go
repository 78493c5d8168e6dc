package payments

import (
	"encoding/binary"

	"sarai/courtyard/store"
)

// recentKeys says of a key that it was certainly not used yesterday, today or tomorrow,
// so that nearly no request needs a look into the table of keys. It is a Bloom
// filter a day. It is filled from the table, a part at each batch, and until it is full
// everything may have been used.
type recentKeys struct {
	days map[int64]*dayKeys
}

type dayKeys struct {
	slabs  []*slab
	full   bool    // contains all of the day's keys
	cursor keyHash // how far the table has been read
}

// slab is room for a million keys at 16 bits each: with six probes one in two
// thousand of the others seems to be there.
type slab struct {
	bits  [1 << 18]uint64
	count int
}

const (
	slabKeys = 1 << 20
	slabMask = 1<<24 - 1
	probes   = 6
)

// fillPart is how many keys are read from the table at a time.
const fillPart = 20_000

func (r *recentKeys) of(day int64) *dayKeys {
	if r.days == nil {
		r.days = map[int64]*dayKeys{}
	}
	d := r.days[day]
	if d == nil {
		d = &dayKeys{}
		r.days[day] = d
		for old := range r.days {
			if old < day-2 {
				delete(r.days, old)
			}
		}
	}
	return d
}

func (r *recentKeys) add(day int64, k keyHash) { r.of(day).add(k) }

func (d *dayKeys) add(k keyHash) {
	if n := len(d.slabs); n == 0 || d.slabs[n-1].count >= slabKeys {
		d.slabs = append(d.slabs, &slab{})
	}
	s := d.slabs[len(d.slabs)-1]
	s.count++
	a, b := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])|1
	for range probes {
		s.bits[a&slabMask>>6] |= 1 << (a & 63)
		a += b
	}
}

func (d *dayKeys) has(k keyHash) bool {
next:
	for _, s := range d.slabs {
		a, b := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])|1
		for range probes {
			if s.bits[a&slabMask>>6]&(1<<(a&63)) == 0 {
				continue next
			}
			a += b
		}
		return true
	}
	return false
}

// maybe says whether a key may have been used in these days.
func (r *recentKeys) maybe(today int64, k keyHash) bool {
	for _, day := range [...]int64{today, today - 1, today + 1} {
		if d := r.of(day); !d.full || d.has(k) {
			return true
		}
	}
	return false
}

// fill reads a part of what the table of keys has of these days.
func (r *recentKeys) fill(tx *store.Tx, today int64) error {
	for _, day := range [...]int64{today, today - 1, today + 1} {
		d := r.of(day)
		if d.full {
			continue
		}
		list, err := store.List(tx, store.Value[[]byte], "select hash from payments_key where day = $1 and hash > $2 order by hash limit $3", day, d.cursor[:], fillPart)
		if err != nil {
			return err
		}
		for _, h := range list {
			d.cursor = keyHash(h)
			d.add(d.cursor)
		}
		d.full = len(list) < fillPart
		return nil
	}
	return nil
}
