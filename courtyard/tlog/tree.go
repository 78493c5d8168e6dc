package tlog

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree.
type Hash = tlog.Hash

// node is a new hash of a tile above level 0.
type node struct {
	level, idx int64 // tile level, index within it
	hash       Hash
}

// frontier is the compact form of a growing tree: the roots of its perfect
// subtrees, largest (leftmost) first.
type frontier struct {
	size  int64
	roots []Hash
}

func parseFrontier(size int64, b []byte) (*frontier, error) {
	n := bits.OnesCount64(uint64(size)) //nolint:gosec // sizes are not negative
	if size < 0 || len(b) != n*tlog.HashSize {
		return nil, fmt.Errorf("frontier of a tree of %d leaves has %d bytes", size, len(b))
	}
	f := &frontier{size: size, roots: make([]Hash, n)}
	for i := range f.roots {
		copy(f.roots[i][:], b[i*tlog.HashSize:])
	}
	return f, nil
}

func (f *frontier) bytes() []byte {
	b := make([]byte, 0, len(f.roots)*tlog.HashSize)
	for _, h := range f.roots {
		b = append(b, h[:]...)
	}
	return b
}

// add appends a leaf hash and gives the tile hashes it completes.
func (f *frontier) add(h Hash) []node {
	var done []node
	level := int64(0)
	for i := f.size; i&1 == 1; i >>= 1 {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
		level++
		if level%tileHeight == 0 {
			done = append(done, node{level: level / tileHeight, idx: f.size >> level, hash: h})
		}
	}
	f.roots = append(f.roots, h)
	f.size++
	return done
}

// root is the RFC 6962 tree hash.
func (f *frontier) root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	h := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return h
}
