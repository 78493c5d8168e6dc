package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A backup is one gzip file of lines, the same from either engine:
//
//	{"sarai":"backup","form":1,"engine":"sqlite","at":"2026-11-21T09:00:00Z","versions":{"office":3}}
//	{"table":"office_file","columns":["id","number"]}
//	["0193...","12"]
//	{"end":true,"digests":{"office_file":"9f86..."}}
//
// Rows are in canonical form (table.each). A file that was cut short has no
// last line and is refused; so is one whose digests do not agree.
type headLine struct {
	Sarai    string           `json:"sarai"`
	Form     int              `json:"form"`
	Engine   Engine           `json:"engine"`
	At       time.Time        `json:"at"`
	Versions map[string]int64 `json:"versions"`
}

type tableLine struct {
	Table   string            `json:"table,omitempty"`
	Columns []string          `json:"columns,omitempty"`
	End     bool              `json:"end,omitempty"`
	Digests map[string]string `json:"digests,omitempty"`
}

// Backup writes one moment of the database to w, while others go on working.
// The file holds everything the database holds, in clear: keep it like the
// database. (Key material in it is sealed by the master key.)
func Backup(ctx context.Context, db *DB, w io.Writer) error {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := backup(ctx, db, zip); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return zip.Close()
}

func backup(ctx context.Context, db *DB, w io.Writer) error {
	return db.View(ctx, func(tx *Tx) error {
		versions, err := tx.versions()
		if err != nil {
			return err
		}
		list, err := tx.tables()
		if err != nil {
			return err
		}
		out := json.NewEncoder(w)
		if err := out.Encode(headLine{"backup", 1, db.engine, tx.Now(), versions}); err != nil {
			return err
		}
		sums := map[string]string{}
		for _, t := range list {
			if err := out.Encode(tableLine{Table: t.name, Columns: t.names()}); err != nil {
				return err
			}
			h := sha256.New()
			fmt.Fprintln(h, strings.Join(t.names(), ","))
			if err := t.each(tx, func(line []byte) error {
				h.Write(line)
				_, err := w.Write(line)
				return err
			}); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			sums[t.name] = hex.EncodeToString(h.Sum(nil))
		}
		return out.Encode(tableLine{End: true, Digests: sums})
	})
}

// versions gives the migration version of each room in the database.
func (tx *Tx) versions() (map[string]int64, error) {
	query := `select name from sqlite_schema where type = 'table' and name like 'goose~_%' escape '~'`
	if tx.Engine() == Postgres {
		query = `select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = current_schema() and c.relkind = 'r' and relname like 'goose~_%' escape '~' and relname <> 'goose_turn'`
	}
	names, err := List(tx, Value[string], query)
	if err != nil {
		return nil, err
	}
	versions := map[string]int64{}
	for _, n := range names {
		v, err := Get(tx, Value[int64], `select coalesce(max(version_id), 0) from `+n)
		if err != nil {
			return nil, err
		}
		versions[strings.TrimPrefix(n, "goose_")] = v
	}
	return versions, nil
}

// Restore fills a new database from a backup: it makes the tables as they were
// when the backup was taken, fills them in one transaction, compares every
// digest, and then migrates to today's tables. A database in which something
// has happened is refused; so is a backup of a newer program. Register all rooms
// first.
func Restore(ctx context.Context, db *DB, r io.Reader) error {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("store: restore: this is no backup: %w", err)
	}
	if err := restore(ctx, db, zip); err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	return db.Migrate(ctx)
}

// Copy moves everything from one database to another, new one, of either
// engine, and proves it by equal digests.
func Copy(ctx context.Context, from, to *DB) error {
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := backup(ctx, from, w)
		sent <- errors.Join(err, w.CloseWithError(err))
	}()
	err := restore(ctx, to, r)
	_ = r.CloseWithError(errors.New("store: the copy was broken off"))
	if err = errors.Join(err, <-sent); err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	return to.Migrate(ctx)
}

func restore(ctx context.Context, db *DB, r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("this is no backup: %w", err)
	}
	var head headLine
	if err := json.Unmarshal(line, &head); err != nil || head.Sarai != "backup" {
		return errors.New("this is no backup")
	}
	if head.Form != 1 {
		return fmt.Errorf("the backup has form %d and this program reads form 1", head.Form)
	}
	if err := db.migrateTo(ctx, head.Versions); err != nil {
		return err
	}
	ran := false
	return db.Update(ctx, func(tx *Tx) error {
		if ran {
			return errors.New("the server asked for a retry; begin again")
		}
		ran = true
		return fill(tx, in)
	})
}

func fill(tx *Tx, in *bufio.Reader) error {
	list, err := tx.tables()
	if err != nil {
		return err
	}
	byName := map[string]table{}
	for _, t := range list {
		byName[t.name] = t
	}
	if n, err := Get(tx, Value[int64], `select (select count(*) from journal_event) + (select count(*) from journal_outbox)`); err != nil || n > 0 {
		return errors.Join(err, errors.New("the database is not new: something has happened in it"))
	}
	for _, t := range slices.Backward(list) { // rows that migrations put there
		if _, err := tx.Exec(`delete from "` + t.name + `"`); err != nil {
			return err
		}
	}
	var sums, want map[string]string
	sums = map[string]string{}
	var f *filler
	var h hash.Hash
	end := func() error {
		if f == nil {
			return nil
		}
		sums[f.table.name] = hex.EncodeToString(h.Sum(nil))
		return f.flush(tx)
	}
	for want == nil {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the backup is cut short: %w", err)
		}
		if line[0] == '[' && f != nil {
			h.Write(line)
			if err := f.add(tx, line); err != nil {
				return err
			}
			continue
		}
		if err := end(); err != nil {
			return err
		}
		var l tableLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("a line of the backup is damaged: %w", err)
		}
		if l.End {
			want = l.Digests
			break
		}
		t, ok := byName[l.Table]
		if !ok || !slices.Equal(t.names(), l.Columns) {
			return fmt.Errorf("the backup's table %q is not one of ours", l.Table)
		}
		f, h = &filler{table: t}, sha256.New()
		fmt.Fprintln(h, strings.Join(t.names(), ","))
	}
	if !maps.Equal(sums, want) {
		return errors.New("the backup's digests do not agree with its rows: the file is damaged")
	}
	have, err := digests(tx)
	if err != nil {
		return err
	}
	if !maps.Equal(have, want) {
		for name := range have {
			if have[name] != want[name] {
				return fmt.Errorf("table %s has another digest after filling", name)
			}
		}
		return errors.New("the backup has tables that the database has not")
	}
	return nil
}

// filler inserts rows of one table, many at a time.
type filler struct {
	table table
	args  []any
	rows  int
}

func (f *filler) add(tx *Tx, line []byte) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var row []any
	if err := dec.Decode(&row); err != nil || len(row) != len(f.table.columns) {
		return fmt.Errorf("a row of %s is damaged: %w", f.table.name, err)
	}
	for i, v := range row {
		v, err := f.table.columns[i].value(v)
		if err != nil {
			return fmt.Errorf("a row of %s is damaged: %w", f.table.name, err)
		}
		f.args = append(f.args, v)
	}
	if f.rows++; (f.rows+1)*len(f.table.columns) > 2000 || f.rows == 200 {
		return f.flush(tx)
	}
	return nil
}

func (f *filler) flush(tx *Tx) error {
	if f.rows == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, `insert into "%s" (%s) values `, f.table.name, quoted(f.table.names()))
	for n := range f.rows * len(f.table.columns) {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%len(f.table.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", n+1)
	}
	b.WriteString(")")
	_, err := tx.Exec(b.String(), f.args...)
	f.args, f.rows = f.args[:0], 0
	if err != nil {
		return fmt.Errorf("table %s: %w", f.table.name, err)
	}
	return nil
}
