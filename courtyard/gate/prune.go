package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Keep is how long decisions stay on record. A negative time keeps them for
// ever.
type Keep struct {
	// Ordinary is for what people read and did, and what they were refused:
	// 400 days when zero, so that a year can be audited after its end.
	Ordinary time.Duration
	// About is for decisions about somebody (group national.decide): 10 years
	// when zero, for they can be contested long afterwards.
	About time.Duration
}

const day = 24 * time.Hour

func (k Keep) withDefaults() Keep {
	if k.Ordinary == 0 {
		k.Ordinary = 400 * day
	}
	if k.About == 0 {
		k.About = 3653 * day
	}
	return k
}

// pruneAtOnce is how many rows go in one update: others write in between.
const pruneAtOnce = 500

// Prune throws away decisions that were kept long enough. Everything ordinary
// up to after has been looked at before; the zero time begins anew. It gives
// the time to begin at when it is asked again, and how many decisions went.
//
// What a person is shown about who looked at his data is another record, which
// the room that holds the data keeps.
func (g *Gate) Prune(ctx context.Context, after time.Time) (through time.Time, gone int64, err error) {
	b := g.bundle.Load()
	if b == nil {
		return after, 0, fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("gate: prune before it was sealed"))
	}
	now, through := g.clock.Now(), after
	if g.keep.About > 0 {
		if gone, err = g.drop(ctx, `at < $1`, store.Micros(now.Add(-g.keep.About))); err != nil {
			return after, gone, err
		}
	}
	if g.keep.Ordinary > 0 {
		until := now.Add(-g.keep.Ordinary)
		where, args := `at < $1 and at >= $2`, []any{store.Micros(until), max(store.Micros(after), 0)}
		if about := b.about(); len(about) > 0 {
			marks := make([]string, len(about))
			for i, a := range about {
				args = append(args, a)
				marks[i] = fmt.Sprintf("$%d", len(args))
			}
			where += ` and action not in (` + strings.Join(marks, ", ") + `)`
		}
		n, err := g.drop(ctx, where, args...)
		if gone += n; err != nil {
			return after, gone, err
		}
		through = until
	}
	return through, gone, nil
}

// drop deletes decisions in batches, oldest first.
func (g *Gate) drop(ctx context.Context, where string, args ...any) (gone int64, err error) {
	sql := fmt.Sprintf(`delete from gate_decision where id in (select id from gate_decision where %s order by at, id limit %d)`, where, pruneAtOnce)
	for {
		var n int64
		err := g.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(sql, args...)
			return err
		})
		if gone += n; err != nil {
			return gone, fmt.Errorf("prune decisions: %w", err)
		}
		if n < pruneAtOnce {
			return gone, nil
		}
	}
}

// about are the actions that decide about somebody.
func (b *bundle) about() (out []string) {
	for name := range b.declared {
		for parent := range b.actions[name].Parents.All() {
			if string(parent.ID) == "national.decide" {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}
