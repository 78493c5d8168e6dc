package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// table is what the catalogue says about a table.
type table struct {
	name    string
	columns []column // by name
	key     []string // primary key, in its order
	refers  []string // tables its rows refer to
}

type column struct {
	name string
	kind string // the engine's type, lower case
}

// passing are tables that belong to running processes, not to the nation: they
// are in no backup and no digest.
var passing = map[string]bool{"store_lease": true}

// tables lists the tables that hold data, so that a table comes after those it
// refers to.
func (tx *Tx) tables() ([]table, error) {
	query := `select t.name, p.name, lower(p.type), p.pk from pragma_table_list t join pragma_table_info(t.name) p
		where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite~_%' escape '~' and t.name not like 'goose~_%' escape '~' order by t.name, p.name`
	references := `select t.name, f."table" from pragma_table_list t join pragma_foreign_key_list(t.name) f where t.schema = 'main' and t.type = 'table'`
	if tx.Engine() == Postgres {
		query = `select c.relname::text, a.attname::text, format_type(a.atttypid, null), coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)
			from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
			left join pg_index i on i.indrelid = c.oid and i.indisprimary
			where n.nspname = current_schema() and c.relkind = 'r' and c.relname not like 'goose~_%' escape '~'
			order by c.relname::text collate "C", a.attname::text collate "C"`
		references = `select c.conrelid::regclass::text, c.confrelid::regclass::text from pg_constraint c join pg_namespace n on n.oid = c.connamespace
			where c.contype = 'f' and n.nspname = current_schema()`
	}
	type keyed struct {
		name string
		at   int
	}
	found := map[string]*table{}
	keys := map[string][]keyed{}
	rows, err := tx.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var c column
		var pk int
		if err := rows.Scan(&name, &c.name, &c.kind, &pk); err != nil {
			return nil, err
		}
		if passing[name] {
			continue
		}
		if found[name] == nil {
			found[name] = &table{name: name}
		}
		found[name].columns = append(found[name].columns, c)
		if pk > 0 {
			keys[name] = append(keys[name], keyed{c.name, pk})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for name, k := range keys {
		slices.SortFunc(k, func(a, b keyed) int { return a.at - b.at })
		for _, c := range k {
			found[name].key = append(found[name].key, c.name)
		}
	}
	refs, err := List(tx, func(scan Scan) ([2]string, error) {
		var r [2]string
		err := scan(&r[0], &r[1])
		return r, err
	}, references)
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		if t := found[r[0]]; t != nil && r[0] != r[1] && !slices.Contains(t.refers, r[1]) {
			t.refers = append(t.refers, r[1])
		}
	}
	return byReference(found)
}

// byReference orders tables by name, but after those they refer to.
func byReference(found map[string]*table) ([]table, error) {
	var names []string
	for n := range found {
		names = append(names, n)
	}
	slices.Sort(names)
	var list []table
	state := map[string]int{} // 1 in progress, 2 listed
	var visit func(name string) error
	visit = func(name string) error {
		switch {
		case found[name] == nil || state[name] == 2:
			return nil
		case state[name] == 1:
			return fmt.Errorf("store: the tables' references form a circle at %s", name)
		}
		state[name] = 1
		slices.Sort(found[name].refers)
		for _, r := range found[name].refers {
			if err := visit(r); err != nil {
				return err
			}
		}
		state[name] = 2
		list = append(list, *found[name])
		return nil
	}
	for _, n := range names {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (t table) names() []string {
	var list []string
	for _, c := range t.columns {
		list = append(list, c.name)
	}
	return list
}

func quoted(names []string) string {
	return `"` + strings.Join(names, `", "`) + `"`
}

// each calls fn with every row in canonical form: a JSON array of the columns
// in order of their names; whole numbers for numbers and truth, {"b": base64}
// for bytes. Rows come in the order of the primary key. It is the same on both
// engines, so it is what digests are made of and what a backup holds.
func (t table) each(tx *Tx, fn func(line []byte) error) error {
	order := t.key
	if len(order) == 0 {
		order = t.names()
	}
	var by []string
	for _, o := range order {
		by = append(by, `"`+o+`" nulls first`)
	}
	rows, err := tx.Query(`select ` + quoted(t.names()) + ` from "` + t.name + `" order by ` + strings.Join(by, ", "))
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]any, len(t.columns))
	dest := make([]any, len(t.columns))
	for i := range dest {
		dest[i] = &values[i]
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		for i, v := range values {
			values[i] = t.columns[i].canonical(v)
		}
		line.Reset()
		if err := enc.Encode(values); err != nil {
			return err
		}
		if err := fn(line.Bytes()); err != nil {
			return err
		}
	}
	return rows.Err()
}

type base64ed struct {
	B string `json:"b"`
}

func (c column) canonical(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
		return 0
	case []byte:
		if c.kind == "json" || c.kind == "jsonb" || c.kind == "text" {
			return string(v)
		}
		return base64ed{base64.StdEncoding.EncodeToString(v)}
	}
	return v
}

// value turns a canonical value into what this column takes.
func (c column) value(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return v.Float64()
		}
		if c.kind == "boolean" {
			return n != 0, nil
		}
		return n, nil
	case map[string]any:
		s, ok := v["b"].(string)
		if !ok {
			return nil, fmt.Errorf("column %s: neither text, number nor bytes", c.name)
		}
		return base64.StdEncoding.DecodeString(s)
	}
	return v, nil
}

// digest is SHA-256 over the columns' names and all rows in canonical form.
func (t table) digest(tx *Tx) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, strings.Join(t.names(), ","))
	if err := t.each(tx, func(line []byte) error { h.Write(line); return nil }); err != nil {
		return "", fmt.Errorf("store: table %s: %w", t.name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Digests gives a digest of each table's contents at one moment, in hex. They
// are equal for equal contents on either engine.
func Digests(ctx context.Context, db *DB) (map[string]string, error) {
	var d map[string]string
	err := db.View(ctx, func(tx *Tx) (err error) {
		d, err = digests(tx)
		return err
	})
	return d, err
}

func digests(tx *Tx) (map[string]string, error) {
	list, err := tx.tables()
	if err != nil {
		return nil, err
	}
	d := make(map[string]string, len(list))
	for _, t := range list {
		if d[t.name], err = t.digest(tx); err != nil {
			return nil, err
		}
	}
	return d, nil
}
