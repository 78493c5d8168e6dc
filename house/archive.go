package house

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"sarai/courtyard"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/tlog"
)

// Report says what a backup, restore or copy has proven.
type Report struct {
	What    string
	Digests map[string]string // by table
	Size    int64             // entries in the log
	Root    tlog.Hash
}

// String is the report in a few lines.
func (r Report) String() string {
	return fmt.Sprintf("%s: %d tables; the log has %d entries, root %s", r.What, len(r.Digests), r.Size, r.Root)
}

// Backup writes the whole country to w. The country may be served meanwhile.
func Backup(ctx context.Context, cfg Config, w io.Writer) (Report, error) {
	return withStore(ctx, cfg, func(c *courtyard.Courtyard) (Report, error) {
		if err := store.Backup(ctx, c.DB, w); err != nil {
			return Report{}, err
		}
		return reportOn(ctx, "Written", c)
	})
}

// Restore fills an empty database from r and says what it then holds.
func Restore(ctx context.Context, cfg Config, r io.Reader) (Report, error) {
	return withStore(ctx, cfg, func(c *courtyard.Courtyard) (Report, error) {
		if err := store.Restore(ctx, c.DB, r); err != nil {
			return Report{}, err
		}
		return reportOn(ctx, "Restored", c)
	})
}

// CopyDB copies a country from one database to another, empty one, and fails
// unless table digests and the log's root are equal.
func CopyDB(ctx context.Context, from, to string) (Report, error) {
	return withStore(ctx, Config{Database: from}, func(a *courtyard.Courtyard) (Report, error) {
		return withStore(ctx, Config{Database: to}, func(b *courtyard.Courtyard) (Report, error) {
			if err := store.Copy(ctx, a.DB, b.DB); err != nil {
				return Report{}, err
			}
			before, err := reportOn(ctx, "Copied", a)
			if err != nil {
				return before, err
			}
			after, err := reportOn(ctx, "Copied", b)
			if err != nil {
				return after, err
			}
			return after, same(before, after)
		})
	})
}

// same says what differs between two reports.
func same(a, b Report) error {
	var off []string
	for table, digest := range a.Digests {
		if b.Digests[table] != digest {
			off = append(off, table)
		}
	}
	sort.Strings(off)
	if len(off) > 0 {
		return fmt.Errorf("house: these tables differ after the copy: %s", strings.Join(off, ", "))
	}
	if a.Size != b.Size || a.Root != b.Root {
		return fmt.Errorf("house: the log's root differs after the copy: %d %s, then %d %s", a.Size, a.Root, b.Size, b.Root)
	}
	return nil
}

// withStore opens the database with all rooms registered, so that its tables
// are known.
func withStore(ctx context.Context, cfg Config, do func(*courtyard.Courtyard) (Report, error)) (Report, error) {
	db, err := store.Open(ctx, cfg.OpenStore())
	if err != nil {
		return Report{}, err
	}
	report, err := func() (Report, error) {
		c, err := unopened(db)
		if err != nil {
			return Report{}, err
		}
		if _, err := furnish(c); err != nil {
			return Report{}, err
		}
		return do(c)
	}()
	return report, errors.Join(err, db.Close())
}

// unopened is a courtyard that is only good for knowing which tables there
// are: its master key opens nothing.
func unopened(db *store.DB) (*courtyard.Courtyard, error) {
	pack, err := Config{}.Pack()
	if err != nil {
		return nil, err
	}
	none, err := keys.ParseMaster(strings.Repeat("00", 32))
	if err != nil {
		return nil, err
	}
	return courtyard.Open(courtyard.Options{DB: db, Pack: pack, Master: none, Base: "http://localhost"})
}

func reportOn(ctx context.Context, what string, c *courtyard.Courtyard) (Report, error) {
	digests, err := store.Digests(ctx, c.DB)
	if err != nil {
		return Report{}, err
	}
	size, root, err := c.Log.Root(ctx)
	return Report{What: what, Digests: digests, Size: size, Root: root}, err
}
