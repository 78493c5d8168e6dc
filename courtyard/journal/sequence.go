package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sarai/courtyard/store"
)

// sequence moves committed events from the outbox to their places in the
// journal. On SQLite the writer has done so already and the outbox is empty,
// unless the database was copied from PostgreSQL.
func (j *Journal) sequence(ctx context.Context) {
	var committed <-chan struct{}
	if j.db.Engine() != store.SQLite {
		wake := j.db.Listen(store.TopicEvents)
		defer wake.Stop()
		committed = wake.C
	}
	tick := time.NewTicker(j.poll)
	defer tick.Stop()
	for {
		n, err := j.Sequence(ctx)
		if err != nil && ctx.Err() == nil {
			j.log.WarnContext(ctx, "events not sequenced", "error", err)
		}
		if n == j.batch && err == nil {
			continue
		}
		select {
		case <-committed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

var errNothing = errors.New("nothing to sequence")

// Sequence gives positions to one batch of committed events and says how many.
// The row lock on journal_head lets one process do it at a time; every event it
// can see was committed before, and everything before it in the same
// transaction can be seen as well, so no position is ever given out of turn.
func (j *Journal) Sequence(ctx context.Context) (int, error) {
	var waiting bool
	err := j.db.View(ctx, func(tx *store.Tx) (err error) {
		waiting, err = store.Get(tx, store.Value[bool], `select exists (select 1 from journal_outbox)`)
		return err
	})
	if err != nil || !waiting {
		return 0, err
	}
	n := 0
	err = j.db.Update(ctx, func(tx *store.Tx) error {
		head, err := store.Get(tx, store.Value[int64], `select position from journal_head where name = 'head' for update`)
		if err != nil {
			return err
		}
		moved, err := tx.Exec(`insert into journal_event (`+columns+`)
			select $1 + row_number() over (order by emitted, ord, id), id, type, version, subject, actor, at, payload, opening
			from journal_outbox order by emitted, ord, id limit $2`, head, j.batch)
		if err != nil {
			return err
		}
		if moved == 0 {
			return errNothing
		}
		if _, err := tx.Exec(`delete from journal_outbox where id in (select id from journal_event where position > $1)`, head); err != nil {
			return err
		}
		n = int(moved)
		tx.Wake(store.TopicEvents)
		_, err = tx.Exec(`update journal_head set position = $1 where name = 'head'`, head+moved)
		return err
	})
	if errors.Is(err, errNothing) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("journal: sequence: %w", err)
	}
	j.stats.sequenced.Add(int64(n))
	return n, nil
}
