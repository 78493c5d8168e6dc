package store_test

import (
	"fmt"
	"testing"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Many lines go in, are changed and come back the same on both engines, whatever
// their number does to the lengths of the lists.
func TestManyLinesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const n = 256 + 64 + 16 + 4 + 1 + 2
		ids, names, balances, open, seals := make([]string, n), make([]string, n), make([]int64, n), make([]bool, n), make([][]byte, n)
		for i := range n {
			ids[i], names[i], balances[i], open[i] = fmt.Sprintf("a-%03d", i), "نام {lines} $1", int64(i), i%2 == 0
			if i%3 == 0 {
				seals[i] = []byte{0, byte(i)}
			}
		}
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if rows, err := tx.Many("insert into bank_account (id, name, balance) {lines}", []string{}, []string{}, []int64{}); rows != 0 || err != nil {
				t.Errorf("no lines: %d %v", rows, err)
			}
			rows, err := tx.Many("insert into bank_account (id, name, balance, open, seal) {lines} on conflict (id) do nothing", ids, names, balances, open, seals)
			if err != nil || rows != n {
				t.Errorf("%d rows, %v", rows, err)
			}
			rows, err = tx.Many("insert into bank_account (id, name, balance) {lines} on conflict (id) do nothing", append(ids[:1:1], "b"), names[:2], balances[:2])
			if err != nil || rows != 1 {
				t.Errorf("with one that is there: %d rows, %v", rows, err)
			}
			rows, err = tx.Many("with v(id, more) as ({lines}) update bank_account set balance = bank_account.balance + v.more from v where bank_account.id = v.id", ids, balances)
			if err != nil || rows != n {
				t.Errorf("%d changed, %v", rows, err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		type line struct {
			id      string
			balance int64
			open    bool
			seal    []byte
		}
		var got []line
		err = db.View(t.Context(), func(tx *store.Tx) (err error) {
			got, err = store.List(tx, func(scan store.Scan) (l line, err error) { return l, scan(&l.id, &l.balance, &l.open, &l.seal) }, "select id, balance, open, seal from bank_account where id like 'a-%' order by id")
			return err
		})
		if err != nil || len(got) != n {
			t.Fatal(len(got), err)
		}
		for i, l := range got {
			if l.id != ids[i] || l.balance != 2*int64(i) || l.open != open[i] || string(l.seal) != string(seals[i]) {
				t.Fatalf("line %d: %+v", i, l)
			}
		}
		for what, columns := range map[string][]any{"of two lengths": {ids, balances[:3], names}, "of another type": {ids, []int{1}, names}, "with a NUL": {[]string{"x\x00"}, []string{"n"}, []int64{1}}} {
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Many("insert into bank_account (id, name, balance) {lines}", columns...)
				return err
			}); err == nil {
				t.Errorf("columns %s are taken", what)
			}
		}
	})
}

// A statement that fails in the middle of its lines takes the whole update with
// it, even when nobody looks at its error.
func TestAFailedStatementUndoesItsUpdate(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		for what, fail := range map[string]func(tx *store.Tx){
			"an insert": func(tx *store.Tx) {
				_, _ = tx.Exec("insert into bank_account (id, name, balance) values ($1, $2, $3), ($4, $2, $3), ($5, $2, $6)", "x1", "x", int64(1), "x2", "x3", int64(-1))
			},
			"an update": func(tx *store.Tx) {
				_, _ = tx.Exec("with v(id, b) as (values ('seed', 3), ('before', -1)) update bank_account set balance = v.b from v where v.id = bank_account.id")
			},
		} {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec("insert into bank_account (id, name, balance) values ('before', '', 1)"); err != nil {
					return err
				}
				fail(tx)
				return nil
			})
			if err == nil || fault.Is(err, fault.NotFound) {
				t.Errorf("after %s that failed: %v", what, err)
			}
			var n, seed int64
			if err := db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow("select count(*), max(balance) from bank_account").Scan(&n, &seed)
			}); err != nil || n != 1 || seed != 7 {
				t.Errorf("after %s that failed: %d accounts, %d, %v", what, n, seed, err)
			}
		}
	})
}
