package tlog

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// reference is x/mod's own storage of a tree.
type reference []Hash

func (r reference) ReadHashes(idx []int64) ([]Hash, error) {
	out := make([]Hash, len(idx))
	for i, x := range idx {
		out[i] = r[x]
	}
	return out, nil
}

func grow(n int64) (reference, *frontier, map[[2]int64]Hash, []Hash) {
	var ref reference
	f := &frontier{}
	nodes := map[[2]int64]Hash{}
	var leaves []Hash
	for i := range n {
		h := tlog.RecordHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
		hs, err := tlog.StoredHashesForRecordHash(i, h, ref)
		if err != nil {
			panic(err)
		}
		ref = append(ref, hs...)
		leaves = append(leaves, h)
		for _, d := range f.add(h) {
			nodes[[2]int64{d.level, d.idx}] = d.hash
		}
	}
	return ref, f, nodes, leaves
}

func TestTheTreeIsTheOneOfXMod(t *testing.T) {
	const most = 70_000
	ref, _, nodes, leaves := grow(most)
	f := &frontier{}
	for i, h := range leaves {
		f.add(h)
		if i < 600 || i%4999 == 0 || i > most-3 {
			want, err := tlog.TreeHash(int64(i+1), ref)
			if err != nil {
				t.Fatal(err)
			}
			if f.root() != want {
				t.Fatalf("root of %d leaves differs", i+1)
			}
			again, err := parseFrontier(f.size, f.bytes())
			if err != nil || again.root() != want {
				t.Fatalf("stored frontier of %d leaves differs: %v", i+1, err)
			}
		}
	}
	if (&frontier{}).root() != sha256.Sum256(nil) {
		t.Fatal("the empty tree has another root")
	}
	// From our tiles x/mod makes the same proofs.
	reader := func(size int64) tiles {
		return func(w tile) ([]byte, error) {
			if !w.within(size) {
				t.Fatalf("x/mod asks for tile %s that a tree of %d does not have", w.path(), size)
			}
			var out []byte
			for i := w.n * tileWidth; i < w.n*tileWidth+int64(w.width); i++ {
				h := Hash{}
				if w.level == 0 {
					h = leaves[i]
				} else {
					h = nodes[[2]int64{int64(w.level), i}]
				}
				out = append(out, h[:]...)
			}
			return out, nil
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, most).Draw(t, "size")
		index := rapid.Int64Range(0, size-1).Draw(t, "index")
		old := rapid.Int64Range(1, size).Draw(t, "old")
		root, _ := tlog.TreeHash(size, ref)
		before, _ := tlog.TreeHash(old, ref)
		r := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader(size))
		p, err := tlog.ProveRecord(size, index, r)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := tlog.ProveRecord(size, index, ref)
		if len(p) != len(want) || tlog.CheckRecord(p, size, root, index, leaves[index]) != nil {
			t.Fatalf("inclusion proof of %d in %d", index, size)
		}
		for i := range p {
			if p[i] != want[i] {
				t.Fatal("another inclusion proof than x/mod's own")
			}
		}
		tp, err := tlog.ProveTree(size, old, r)
		if err != nil || tlog.CheckTree(tp, size, root, old, before) != nil {
			t.Fatalf("consistency proof of %d in %d: %v", old, size, err)
		}
	})
}

func TestTilePathsHaveOneForm(t *testing.T) {
	for path, want := range map[string]tile{
		"0/000":                    {0, 0, 256},
		"0/x001/x234/067":          {0, 1234067, 256},
		"63/x001/000.p/255":        {63, 1000, 255},
		"entries/000.p/1":          {entries, 0, 1},
		"entries/x999/999":         {entries, 999999, 256},
		"2/x001/x000/000":          {2, 1000000, 256},
		"1/x123/x456/x789/012.p/9": {1, 123456789012, 9},
	} {
		got, err := parseTile(path)
		if err != nil || got != want || got.path() != path {
			t.Errorf("%s: %+v %v", path, got, err)
		}
	}
	for _, path := range []string{"", "0", "0/", "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "+1/000", "0/x000/001", "0/001/000", "0/x01/000", "0/x001", "0/X001/000",
		"0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p", "0/000.p/1/", "0/000/", "/0/000", "data/000", "entries/", "0/x001/x000/x000/x000/x000/x000/000", "0/٠٠٠", "8/0/000", "0/000.p/1.p/1"} {
		if got, err := parseTile(path); err == nil {
			t.Errorf("%q was read as %+v", path, got)
		}
	}
}

func TestATileExistsExactlyWhenTheTreeHasItsHashes(t *testing.T) {
	// The example of C2SP tlog-tiles: 70,000 entries.
	for path, want := range map[string]bool{
		"0/272": true, "0/273": false, "0/273.p/112": true, "0/273.p/113": false, "1/000": true, "1/001.p/17": true, "1/001": false, "1/001.p/18": false,
		"2/000.p/1": true, "2/000.p/2": false, "3/000.p/1": false, "63/000.p/1": false, "entries/273.p/112": true, "entries/273": false, "entries/274.p/1": false, "0/x999/x999/x999/x999/x999/999": false,
	} {
		tl, err := parseTile(path)
		if err != nil {
			t.Fatal(path, err)
		}
		if tl.within(70_000) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"0/000", "0/x001/234.p/5", "entries/000.p/1", "63/x999/x999/x999/x999/x999/999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := parseTile(s); err == nil {
			if got.path() != s {
				t.Fatalf("%q reads as %q", s, got.path())
			}
			if got.within(0) {
				t.Fatalf("%q lies within an empty tree", s)
			}
		}
	})
}
