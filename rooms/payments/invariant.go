package payments

import (
	"fmt"
	"time"

	"sarai/courtyard/store"
)

// Check is one promise of the ledger, held against the tables.
type Check struct {
	Name  string // text key "payments.check.<name>"
	Broke int64  // lines that break it; 0 is green
}

// carried is what the cuts of the open window's last ten minutes before it took
// from a position: reservations that it covered may still be open, or be committed
// since. No reservation lasts longer than five minutes.
const carried = `(select cast(coalesce(sum(p.due), 0) as bigint) from payments_position p join payments_window w on w.currency = p.currency and w.number = p.place
	where p.currency = a.currency and p.participant = a.holder and p.due > 0 and w.last > 0
	and w.closed >= (select max(o.opened) from payments_window o where o.currency = a.currency) - 600000000)`

// Invariants checks the promises with sums over the tables, in one reading
// transaction. What the rows themselves promise, an [Auditor] proves.
func Invariants(tx *store.Tx, currency string, now time.Time) ([]Check, error) {
	var out []Check
	for _, c := range []struct{ name, sql string }{
		{"currency-zero", "select count(*) from (select sum(balance) as total from " + accountTable + " where currency = $1) s where total <> 0"},
		{"books-zero", "select count(*) from (select book, sum(balance) as total from " + accountTable + " where currency = $1 group by book) s where total <> 0"},
		{"held-is-reserved", `select count(*) from payments_account a join payments_balance b on b.id = a.id left join (select debit, sum(amount) as total from payments_transfer where currency = $1 and phase = 'reserved' group by debit) t on t.debit = a.id
			where a.currency = $1 and a.role = 'customer' and b.held <> coalesce(t.total, 0)`},
		{"floor", "select count(*) from " + accountTable + " where currency = $1 and bottomless = false and balance - held < floor"},
		{"cap", `select count(*) from payments_account a join payments_balance b on b.id = a.id join payments_account s on s.role = 'settlement' and s.holder = a.holder and s.currency = a.currency
			where a.currency = $1 and a.role = 'position' and b.balance - b.held < s.floor - ` + carried},
		{"fees-once", `select (select count(*) from (select fee, count(*) as n from payments_transfer where currency = $1 and fee <> '' and phase = 'committed' group by fee) s where n > 1)
			+ (select count(*) from (select cause, count(*) as n from payments_fee where currency = $1 and cause <> '' and phase = 'paid' group by cause) c where n > 1)`},
	} {
		var n int64
		if err := tx.QueryRow(c.sql, currency).Scan(&n); err != nil {
			return nil, fmt.Errorf("check %s: %w", c.name, err)
		}
		out = append(out, Check{c.name, n})
	}
	// A reservation is given back within a second; after a minute it counts as
	// forgotten.
	var late int64
	if err := tx.QueryRow("select count(*) from payments_transfer where currency = $1 and phase = 'reserved' and expires < $2", currency, store.Micros(now.Add(-time.Minute))).Scan(&late); err != nil {
		return nil, fmt.Errorf("check deadlines: %w", err)
	}
	return append(out, Check{"deadlines", late}), nil
}
