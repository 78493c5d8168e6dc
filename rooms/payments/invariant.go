package payments

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Check is one promise of the ledger, held against the rows.
type Check struct {
	Name  string // text key "payments.check.<name>"
	Broke int64  // lines that break it; 0 is green
}

// Invariants checks the promises with sums over the whole ledger, in one
// reading transaction.
func Invariants(tx *store.Tx, currency string, now time.Time) ([]Check, error) {
	var out []Check
	for _, c := range []struct{ name, sql string }{
		{"currency-zero", "select count(*) from (select sum(balance) as total from payments_account where currency = $1) s where total <> 0"},
		{"books-zero", "select count(*) from (select book, sum(balance) as total from payments_account where currency = $1 group by book) s where total <> 0"},
		{"rows-zero", "select count(*) from (select seq, book, sum(amount) as total from payments_entry where currency = $1 group by seq, book) s where total <> 0"},
		{"balances-are-entries", `select count(*) from payments_account a left join (select account, sum(amount) as total from payments_entry where currency = $1 group by account) e on e.account = a.id
			where a.currency = $1 and a.balance <> coalesce(e.total, 0)`},
		{"held-is-reserved", `select count(*) from payments_account a left join (select debit, sum(amount) as total from payments_transfer where currency = $1 and phase = 'reserved' group by debit) t on t.debit = a.id
			where a.currency = $1 and a.role = 'customer' and a.held <> coalesce(t.total, 0)`},
		{"floor", "select count(*) from payments_account where currency = $1 and bottomless = false and balance - held < floor"},
		{"fees-once", `select (select count(*) from (select fee, count(*) as n from payments_transfer where currency = $1 and fee <> '' and phase = 'committed' group by fee) s where n > 1)
			+ (select count(*) from (select cause, count(*) as n from payments_fee where currency = $1 and cause <> '' and phase = 'paid' group by cause) c where n > 1)`},
	} {
		var n int64
		if err := tx.QueryRow(c.sql, currency).Scan(&n); err != nil {
			return nil, fmt.Errorf("check %s: %w", c.name, err)
		}
		out = append(out, Check{c.name, n})
	}
	// The expiry job has a minute before it counts as not done.
	var late int64
	if err := tx.QueryRow("select count(*) from payments_transfer where currency = $1 and phase = 'reserved' and expires < $2", currency, store.Micros(now.Add(-time.Minute))).Scan(&late); err != nil {
		return nil, fmt.Errorf("check deadlines: %w", err)
	}
	return append(out, Check{"deadlines", late}), nil
}

// VerifyChain walks all rows of a currency and makes their hashes again. It
// gives the number of rows, or the first row that does not fit.
func (b *Book) VerifyChain(ctx context.Context, currency string) (rows int64, err error) {
	err = b.db.View(ctx, func(tx *store.Tx) error {
		rows, err = verifyChain(tx, currency)
		return err
	})
	return rows, err
}

func verifyChain(tx *store.Tx, currency string) (int64, error) {
	const page = 2000
	var head [32]byte
	var seq int64
	for {
		part, err := store.List(tx, scanRow, "select "+rowColumns+" from payments_row where currency = $1 and seq > $2 order by seq limit $3", currency, seq, page)
		if err != nil {
			return seq, err
		}
		if len(part) == 0 {
			break
		}
		entries := map[int64][]ledger.Entry{}
		_, err = store.List(tx, func(scan store.Scan) (e ledger.Entry, err error) {
			var of int64
			err = scan(&of, &e.Book, &e.Account, &e.Amount)
			entries[of] = append(entries[of], e)
			return e, err
		}, "select seq, book, account, amount from payments_entry where currency = $1 and seq > $2 and seq <= $3 order by seq, line", currency, seq, part[len(part)-1].Seq)
		if err != nil {
			return seq, err
		}
		for _, row := range part {
			row.Entries = entries[row.Seq]
			if row.Seq != seq+1 || row.Seal(head) != row.Hash {
				return seq, fmt.Errorf("the chain of %s breaks at row %d", currency, row.Seq)
			}
			seq, head = row.Seq, row.Hash
		}
	}
	var last int64
	var stored []byte
	if err := tx.QueryRow("select seq, head from payments_book where currency = $1", currency).Scan(&last, &stored); err != nil {
		return seq, err
	}
	if last != seq || string(stored) != string(head[:]) {
		return seq, fmt.Errorf("the book of %s ends at row %d, its rows at %d", currency, last, seq)
	}
	return seq, nil
}
