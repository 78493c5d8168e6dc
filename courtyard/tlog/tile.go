package tlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/store"
)

// tileHeight makes tiles of 256 hashes, as C2SP tlog-tiles fixes it.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// entries is the pseudo level of entry bundles.
const entries = -1

// tile names a tile or, at level entries, a bundle.
type tile struct {
	level int   // 0 to 63, or entries
	n     int64 // index within the level
	width int   // 1 to 256
}

var errNoTile = errors.New("not a tile path")

// parseTile reads "<L>/<N>[.p/<W>]" or "entries/<N>[.p/<W>]", strictly.
func parseTile(path string) (tile, error) {
	level, rest, ok := strings.Cut(path, "/")
	if !ok {
		return tile{}, errNoTile
	}
	t := tile{width: tileWidth}
	if level == "entries" {
		t.level = entries
	} else {
		l, err := decimal(level, 63)
		if err != nil {
			return tile{}, errNoTile
		}
		t.level = int(l)
	}
	if n, w, partial := strings.Cut(rest, ".p/"); partial {
		width, err := decimal(w, tileWidth-1)
		if err != nil || width == 0 {
			return tile{}, errNoTile
		}
		t.width, rest = int(width), n
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 6 { // 18 digits fit an int64
		return tile{}, errNoTile
	}
	for i, p := range parts {
		if i < len(parts)-1 {
			if p, ok = strings.CutPrefix(p, "x"); !ok {
				return tile{}, errNoTile
			}
		}
		if len(p) != 3 || strings.Trim(p, "0123456789") != "" {
			return tile{}, errNoTile
		}
		d, _ := strconv.ParseInt(p, 10, 64)
		t.n = t.n*1000 + d
	}
	if t.path() != path { // leading groups of zeros have a shorter form
		return tile{}, errNoTile
	}
	return t, nil
}

func decimal(s string, most int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > most || strconv.FormatInt(n, 10) != s {
		return 0, errNoTile
	}
	return n, nil
}

// path is the tile's path below "tile/".
func (t tile) path() string {
	level := "entries"
	if t.level != entries {
		level = strconv.Itoa(t.level)
	}
	n := t.n
	p := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		p = fmt.Sprintf("x%03d/%s", n%1000, p)
	}
	if t.width < tileWidth {
		p += fmt.Sprintf(".p/%d", t.width)
	}
	return level + "/" + p
}

// within says whether a tree of this size has the tile.
func (t tile) within(size int64) bool {
	count := size // hashes at the tile's level
	if t.level > 0 {
		if t.level*tileHeight >= 63 {
			return false
		}
		count = size >> (t.level * tileHeight)
	}
	return t.n <= count/tileWidth && t.n*tileWidth+int64(t.width) <= count
}

// readTile gives the tile's hashes from the database.
func readTile(tx *store.Tx, t tile) ([]byte, error) {
	query, args := `select hash from tlog_leaf where idx >= $1 and idx < $2 order by idx`, []any{t.n * tileWidth, t.n*tileWidth + int64(t.width)}
	if t.level > 0 {
		query, args = `select hash from tlog_node where level = $3 and idx >= $1 and idx < $2 order by idx`, append(args, int64(t.level))
	}
	out := make([]byte, 0, t.width*tlog.HashSize)
	if err := each(tx, query, args, func(b []byte) { out = append(out, b...) }); err != nil {
		return nil, fmt.Errorf("read tile %s: %w", t.path(), err)
	}
	if len(out) != t.width*tlog.HashSize {
		return nil, fmt.Errorf("tile %s: the database has %d of %d hashes", t.path(), len(out)/tlog.HashSize, t.width)
	}
	return out, nil
}

// readBundle gives an entry bundle: entries with a two-byte length each.
func readBundle(tx *store.Tx, t tile) ([]byte, error) {
	var out []byte
	n := 0
	err := each(tx, `select data from tlog_leaf where idx >= $1 and idx < $2 order by idx`, []any{t.n * tileWidth, t.n*tileWidth + int64(t.width)}, func(b []byte) {
		out = binary.BigEndian.AppendUint16(out, uint16(len(b))) //nolint:gosec // entries are about 80 bytes
		out = append(out, b...)
		n++
	})
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", t.path(), err)
	}
	if n != t.width {
		return nil, fmt.Errorf("bundle %s: the database has %d of %d entries", t.path(), n, t.width)
	}
	return out, nil
}

func each(tx *store.Tx, query string, args []any, fn func([]byte)) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		fn(b)
	}
	return rows.Err()
}

// tiles reads tiles for x/mod, which checks each against the tree's root before
// it uses a hash of it.
type tiles func(t tile) ([]byte, error)

func (tiles) Height() int { return tileHeight }

func (read tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, w := range want {
		data, err := read(tile{level: w.L, n: w.N, width: w.W})
		if err != nil {
			return nil, err
		}
		if len(data) != w.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %s has %d bytes", w.Path(), len(data))
		}
		out[i] = data
	}
	return out, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes reads verified hashes of the tree of this size and root from the database.
func hashes(tx *store.Tx, size int64, root Hash) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles(func(t tile) ([]byte, error) { return readTile(tx, t) }))
}

// rootAt computes the root of the first size leaves as the database has them now.
func rootAt(tx *store.Tx, size int64, now int64, root Hash) (Hash, error) {
	switch size {
	case 0:
		return (&frontier{}).root(), nil
	case now:
		return root, nil
	}
	return tlog.TreeHash(size, hashes(tx, now, root))
}
