package observatory

import (
	"context"
	"time"

	"sarai/courtyard/store"
)

// row is one thing behind a figure.
type row struct {
	Indicator string
	Key       string
	At        time.Time
	Position  int64     // in the journal and the log
	Reference string    // public-safe
	Place     string    // office, district, participants or severity
	Value     int64     // minor units, of payments; percent, of applications
	Due       time.Time // zero: no time limit
	Ended     time.Time // zero: still open
	Took      time.Duration
	Good      *bool // nil: not decided, or nothing to decide
}

const rowColumns = `indicator, key, at, position, reference, place, value, due, ended, took, good`

// insert adds a row; false when it is there already.
func insert(tx *store.Tx, x row) (bool, error) {
	n, err := tx.Exec(`insert into observatory_row (indicator, key, at, position, reference, place, value, due, good)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (indicator, key) do nothing`,
		x.Indicator, x.Key, store.Micros(x.At), x.Position, x.Reference, x.Place, x.Value, microsOrNil(x.Due), boolOrNil(x.Good))
	return n == 1, err
}

// rowPlace is where a page of rows begins: below this one.
type rowPlace struct {
	At  time.Time
	Key string
}

// rows of an indicator, newest first. Payments are shown when they are
// committed, incidents while they are open.
func (r *Room) rows(ctx context.Context, i Indicator, after rowPlace, limit int) (out []row, err error) {
	at := int64(1) << 62
	if !after.At.IsZero() {
		at = store.Micros(after.At)
	}
	state := ""
	switch i.Rows {
	case "payments":
		state = " and ended is not null"
	case "incidents":
		state = " and ended is null"
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.List(tx, scanRow, `select `+rowColumns+` from observatory_row
			where indicator = $1`+state+` and (at < $2 or at = $2 and key < $3) order by at desc, key desc limit $4`, i.Rows, at, after.Key, limit)
		return err
	})
	return out, err
}

func scanRow(scan store.Scan) (x row, err error) {
	var at int64
	var due, ended, took *int64
	if err = scan(&x.Indicator, &x.Key, &at, &x.Position, &x.Reference, &x.Place, &x.Value, &due, &ended, &took, &x.Good); err != nil {
		return x, err
	}
	x.At, x.Due, x.Ended = store.Time(at), timeOrZero(due), timeOrZero(ended)
	if took != nil {
		x.Took = time.Duration(*took) * time.Microsecond
	}
	return x, nil
}

func microsOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return store.Micros(t)
}

func boolOrNil(b *bool) any {
	if b == nil {
		return nil
	}
	return *b
}

func timeOrZero(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return store.Time(*micros)
}
