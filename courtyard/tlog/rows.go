package tlog

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"sarai/courtyard/store"
)

// bulk collects rows for one insert statement.
type bulk struct{ args []any }

func (b *bulk) add(row ...any) { b.args = append(b.args, row...) }

func (b *bulk) insert(tx *store.Tx, into string, columns int, after string) error {
	if len(b.args) == 0 {
		return nil
	}
	var q strings.Builder
	q.WriteString(into)
	for i := range b.args {
		switch {
		case i%columns == 0 && i > 0:
			q.WriteString("), (")
		case i == 0:
			q.WriteString("(")
		default:
			q.WriteString(", ")
		}
		fmt.Fprintf(&q, "$%d", i+1)
	}
	q.WriteString(")" + after)
	_, err := tx.Exec(q.String(), b.args...)
	return err
}

// readSubjects gives the last entry of each subject in events that has one.
func readSubjects(tx *store.Tx, events []store.Event) (map[string]int64, error) {
	var args []any
	var marks []string
	seen := map[string]bool{}
	for _, e := range events {
		if !seen[e.Subject] {
			seen[e.Subject] = true
			args = append(args, e.Subject)
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
	}
	type row struct {
		subject string
		last    int64
	}
	list, err := store.List(tx, func(scan store.Scan) (row, error) {
		var r row
		return r, scan(&r.subject, &r.last)
	}, `select subject, last from tlog_subject where subject in (`+strings.Join(marks, ", ")+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read the subjects' last entries: %w", err)
	}
	out := make(map[string]int64, len(seen))
	for _, r := range list {
		out[r.subject] = r.last
	}
	return out, nil
}

func writeSubjects(tx *store.Tx, events []store.Event, last map[string]int64) error {
	var names []string
	for _, e := range events {
		names = append(names, e.Subject)
	}
	slices.Sort(names)
	var rows bulk
	for _, s := range slices.Compact(names) {
		rows.add(s, last[s])
	}
	return rows.insert(tx, `insert into tlog_subject (subject, last) values `, 2, ` on conflict (subject) do update set last = excluded.last`)
}

func unknowable() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}
