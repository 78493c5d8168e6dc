package store

import (
	"strings"
	"testing"
)

func TestOneTextForTwoEngines(t *testing.T) {
	for in, want := range map[string]string{
		`select a from b where c = $1 and d = $12`:              `select a from b where c = ?1 and d = ?12`,
		`values ($1, $2), ($3, '$9')`:                           `values (?, ?), (?, '$9')`,
		`values ($1, $2), ($1, $3)`:                             `values (?1, ?2), (?1, ?3)`,
		`values ($2, $1)`:                                       `values (?2, ?1)`,
		`select '$1 for update', "$2" from b -- $3 for update`:  `select '$1 for update', "$2" from b -- $3 for update`,
		`select /* $1 */ 'it''s $2' || $3`:                      `select /* $1 */ 'it''s $2' || ?3`,
		`select a from b where c = $1 FOR UPDATE`:               `select a from b where c = ?`,
		"select a from b limit $1 for update\n\tskip locked":    `select a from b limit ?`,
		`select a from b for update of b nowait`:                `select a from b`,
		`x in (select a from b for update skip locked) and c`:   `x in (select a from b ) and c`,
		`select forms from b for share`:                         `select forms from b`,
		`insert into a values ($1) on conflict do update set b`: `insert into a values (?) on conflict do update set b`,
		`select substring(a from 2 for 3) from b`:               `select substring(a from 2 for 3) from b`,
	} {
		if got := toSQLite(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestWritesNeedNotBeUndoneAlone(t *testing.T) {
	var words translations
	for in, want := range map[string]string{
		`insert into a values ($1)`:         `insert or fail into a values (?)`,
		` Update a set b = $1 where c = $2`: ` Update or fail a set b = ? where c = ?`,
		`with v(a) as (select update_at, 'update' from (select 1) update_x) update b set a = v.a from v`: `with v(a) as (select update_at, 'update' from (select 1) update_x) update or fail b set a = v.a from v`,
		`delete from a where b = $1`:          `delete from a where b = ?`,
		`with v as (select 1) delete from a`:  `with v as (select 1) delete from a`,
		`insert or ignore into a values ($1)`: `insert or ignore into a values (?)`,
		`savepoint one`:                       `savepoint one`,
	} {
		if got := words.write(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestTypesAreSpelledForEachEngine(t *testing.T) {
	const script = `create table a_b (id {id} primary key, text text default 'text bigint {id}', n bigint, ok boolean, c text check (c <> ''), d {bytes}, e {json}) {strict};
create index x on a_b (cast(n as text)); -- bigint text`
	lite := `create table a_b (id text primary key, text text default 'text bigint {id}', n integer, ok integer, c text check (c <> ''), d blob, e text) strict;
create index x on a_b (cast(n as text)); -- bigint text`
	pg := `create table a_b (id text collate "C" primary key, text text collate "C" default 'text bigint {id}', n bigint, ok boolean, c text collate "C" check (c <> ''), d bytea, e json) ;
create index x on a_b (cast(n as text)); -- bigint text`
	if got := toDDL(SQLite, script); got != lite {
		t.Error(got)
	}
	if got := toDDL(Postgres, script); got != pg {
		t.Error(got)
	}
}

func FuzzToSQLite(f *testing.F) {
	f.Add(`select $1 from a where b = '$2' for update skip locked -- $3`)
	f.Add(`'`)
	f.Add("/* $1")
	f.Fuzz(func(t *testing.T, query string) {
		once := toSQLite(query)
		if len(once) > len(query) {
			t.Errorf("%q grew to %q", query, once)
		}
		if !strings.ContainsAny(query, "$'\"/-fF") && once != strings.TrimRight(query, " \t\n") {
			t.Errorf("%q became %q", query, once)
		}
		_ = toDDL(SQLite, query)
		_ = toDDL(Postgres, query)
	})
}
