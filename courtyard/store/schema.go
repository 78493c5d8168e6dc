package store

import (
	"context"
	"strings"
)

// Schema describes the tables as the database has them, to be read by people
// and compared with a file in a test.
func Schema(ctx context.Context, db *DB) (string, error) {
	var b strings.Builder
	err := db.View(ctx, func(tx *Tx) error {
		b.Reset()
		if tx.Engine() == Postgres {
			return postgresSchema(tx, &b)
		}
		list, err := List(tx, Value[string], `select sql from sqlite_schema where sql is not null and name not like 'sqlite~_%' escape '~'
			and tbl_name not like 'goose~_%' escape '~' order by tbl_name, type desc, name`)
		for _, s := range list {
			b.WriteString(strings.TrimSpace(s) + ";\n\n")
		}
		return err
	})
	return b.String(), err
}

func postgresSchema(tx *Tx, b *strings.Builder) error {
	tables, err := List(tx, Value[string], `select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = current_schema() and c.relkind = 'r' and c.relname not like 'goose~_%' escape '~' order by c.relname::text collate "C"`)
	if err != nil {
		return err
	}
	for _, t := range tables {
		columns, err := List(tx, Value[string], `select '    ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
				|| case when co.collname = 'C' then ' collate "C"' else '' end || case when a.attnotnull then ' not null' else '' end
				|| coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
			from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum left join pg_collation co on co.oid = a.attcollation
			where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`, t)
		if err != nil {
			return err
		}
		constraints, err := List(tx, Value[string], `select '    constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
			from pg_constraint where conrelid = $1::text::regclass and contype in ('p', 'u', 'f', 'c') order by contype = 'p' desc, conname::text collate "C"`, t)
		if err != nil {
			return err
		}
		indexes, err := List(tx, Value[string], `select pg_get_indexdef(i.indexrelid) from pg_index i where i.indrelid = $1::text::regclass
			and not exists (select 1 from pg_constraint where conindid = i.indexrelid) order by i.indexrelid::regclass::text collate "C"`, t)
		if err != nil {
			return err
		}
		b.WriteString("CREATE TABLE " + t + " (\n" + strings.Join(append(columns, constraints...), ",\n") + "\n);\n\n")
		for _, i := range indexes {
			b.WriteString(i + ";\n\n")
		}
	}
	return nil
}
