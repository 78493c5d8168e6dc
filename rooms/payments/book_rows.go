package payments

import (
	"fmt"
	"slices"
	"strings"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// answers finds the rows that answered the steps' keys before, today or
// yesterday.
func answers(tx *store.Tx, steps []ledger.Step, days ...string) (map[[2]string]ledger.Row, error) {
	known := map[[2]string]ledger.Row{}
	var keys [][2]string
	for _, s := range steps {
		if s.Key != "" {
			keys = append(keys, [2]string{s.Party, s.Key})
		}
	}
	for part := range sized(keys) {
		args := []any{days[0], days[1]}
		var values strings.Builder
		for i, k := range part {
			if i > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "($%d, $%d)", 2*i+3, 2*i+4)
			args = append(args, k[0], k[1])
		}
		// Without "request <> ''" the partial index cannot be used.
		found, err := store.List(tx, scanRow, "with k(party, request) as (values "+values.String()+") select r."+strings.ReplaceAll(rowColumns, ", ", ", r.")+
			" from k cross join payments_row r where r.day in ($1, $2) and r.party = k.party and r.request = k.request and r.request <> ''", args...)
		if err != nil {
			return nil, fmt.Errorf("look for keys: %w", err)
		}
		for _, row := range found {
			k := [2]string{row.Party, row.Key}
			if old, ok := known[k]; !ok || row.Day < old.Day {
				known[k] = row
			}
		}
	}
	return known, nil
}

const rowColumns = "currency, seq, kind, transfer, day, party, request, payload, reason, debit, credit, amount, at, hash"

func scanRow(scan store.Scan) (r ledger.Row, err error) {
	var payload, hash []byte
	var at int64
	err = scan(&r.Currency, &r.Seq, &r.Kind, &r.Transfer, &r.Day, &r.Party, &r.Key, &payload, &r.Reason, &r.Debit, &r.Credit, &r.Amount, &at, &hash)
	if err == nil && len(payload) == 32 && len(hash) == 32 {
		r.Payload, r.Hash, r.At = [32]byte(payload), [32]byte(hash), store.Time(at)
	}
	return r, err
}

// load reads what the steps touch: transfers, their accounts, and the
// settlement and own accounts of the participants.
func load(tx *store.Tx, s *ledger.State, steps []ledger.Step) error {
	var transfers, accounts []string
	for _, step := range steps {
		transfers = append(transfers, step.Transfer)
		accounts = append(accounts, step.Debit, step.Credit)
	}
	for part := range sized(unique(transfers)) {
		list, args := places(part)
		found, err := store.List(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id in ("+list+")", args...)
		if err != nil {
			return fmt.Errorf("load transfers: %w", err)
		}
		for _, t := range found {
			s.Transfers[t.ID] = &ledger.Transfer{ID: t.ID, Debit: t.Debit, Credit: t.Credit, Amount: t.Amount, Currency: t.Currency, Phase: t.Phase, Reason: t.Reason, Expires: t.Expires}
			accounts = append(accounts, t.Debit, t.Credit)
		}
	}
	read := func(sql string, args ...any) error {
		found, err := store.List(tx, scanAccount, sql, args...)
		if err != nil {
			return fmt.Errorf("load accounts: %w", err)
		}
		for _, a := range found {
			if s.Accounts[a.ID] == nil {
				s.Put(&a.Account)
			}
		}
		return nil
	}
	// A few dozen rows at most: as many as there are participants, twice.
	if err := read("select "+accountColumns+" from payments_account where role in ('settlement', 'own') and currency = $1 order by id for update", s.Currency); err != nil {
		return err
	}
	for part := range sized(unique(accounts)) {
		list, args := places(part)
		if err := read("select "+accountColumns+" from payments_account where id in ("+list+") order by id for update", args...); err != nil {
			return err
		}
	}
	away, err := store.List(tx, store.Value[string], "select id from payments_participant where suspended = $1", true)
	if err != nil {
		return fmt.Errorf("load participants: %w", err)
	}
	for _, id := range away {
		s.Away[id] = true
	}
	return nil
}

// save writes the batch: rows, entries, balances, transfers and the book's head.
func (d *deciding) save() error {
	if d.state.Seq == d.first {
		return nil
	}
	s := d.state
	var rows, entries [][]any
	accounts, transfers := map[string]bool{}, map[string]bool{}
	for _, r := range d.rows {
		rows = append(rows, []any{r.Currency, r.Seq, string(r.Kind), r.Transfer, r.Day, r.Party, r.Key, r.Payload[:], string(r.Reason), r.Debit, r.Credit, r.Amount, store.Micros(r.At), r.Hash[:]})
		for line, e := range r.Entries {
			entries = append(entries, []any{r.Currency, r.Seq, int64(line), e.Book, e.Account, e.Amount})
			accounts[e.Account] = true
		}
		t := s.Transfers[r.Transfer]
		if t == nil || r.Kind == ledger.Post {
			continue
		}
		transfers[t.ID] = true
		if p, q := s.Accounts[t.Debit], s.Accounts[t.Credit]; p != nil && q != nil {
			accounts[p.ID] = true
			if id := s.Settling[p.Book]; id != "" && p.Book != q.Book {
				accounts[id] = true
			}
		}
	}
	if err := insert(d.tx, "payments_row ("+rowColumns+")", rows); err != nil {
		return err
	}
	if err := insert(d.tx, "payments_entry (currency, seq, line, book, account, amount)", entries); err != nil {
		return err
	}
	if err := d.saveBalances(sorted(accounts)); err != nil {
		return err
	}
	if err := d.saveTransfers(sorted(transfers)); err != nil {
		return err
	}
	if _, err := d.tx.Exec("update payments_book set seq = $2, head = $3 where currency = $1", s.Currency, s.Seq, s.Head[:]); err != nil {
		return fmt.Errorf("move the book of %s: %w", s.Currency, err)
	}
	return nil
}

func (d *deciding) saveBalances(ids []string) error {
	for part := range sized(ids) {
		var values strings.Builder
		var args []any
		for i, id := range part {
			if i > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "($%d, cast($%d as bigint), cast($%d as bigint))", 3*i+1, 3*i+2, 3*i+3)
			args = append(args, id, d.state.Accounts[id].Balance, d.state.Accounts[id].Held)
		}
		_, err := d.tx.Exec("with v(id, balance, held) as (values "+values.String()+") update payments_account set balance = v.balance, held = v.held from v where payments_account.id = v.id", args...)
		if err != nil {
			return fmt.Errorf("write balances: %w", err)
		}
	}
	return nil
}

// saveTransfers writes where each transfer stands now, sets the timer of those
// that stay reserved and clears it for those that ended.
func (d *deciding) saveTransfers(ids []string) error {
	var fresh [][]any
	now := store.Micros(d.tx.Now())
	for _, id := range ids {
		t := d.state.Transfers[id]
		finished := now
		if t.Phase == ledger.Reserved {
			finished = 0
		}
		note, made := d.made[id]
		if made {
			if note.Reference == "" {
				note.Reference = id
			}
			fresh = append(fresh, []any{id, note.Reference, t.Currency, t.Debit, t.Credit, t.Amount, string(t.Phase), string(t.Reason), store.Micros(t.Expires), now, finished, note.Purpose, note.Fee, d.events[id]})
			if t.Phase == ledger.Reserved {
				if err := d.book.timers.Set(d.tx, id, t.Currency, t.Expires); err != nil {
					return err
				}
			}
			continue
		}
		// The phase in the condition leaves what was final before as it is.
		n, err := d.tx.Exec("update payments_transfer set phase = $2, reason = $3, finished = $4, event = $5 where id = $1 and phase = 'reserved'", id, string(t.Phase), string(t.Reason), finished, d.events[id])
		if err != nil {
			return fmt.Errorf("write transfer: %w", err)
		}
		if n > 0 && finished > 0 {
			if err := d.book.timers.Clear(d.tx, id); err != nil {
				return err
			}
		}
	}
	return insert(d.tx, "payments_transfer ("+transferColumns+")", fresh)
}

// insert writes many lines with few statements.
func insert(tx *store.Tx, into string, values [][]any) error {
	for part := range sized(values) {
		var sql strings.Builder
		sql.WriteString("insert into " + into + " values ")
		args := make([]any, 0, len(part)*len(part[0]))
		for i, line := range part {
			if i > 0 {
				sql.WriteString(", ")
			}
			sql.WriteByte('(')
			for j := range line {
				if j > 0 {
					sql.WriteString(", ")
				}
				fmt.Fprintf(&sql, "$%d", len(args)+j+1)
			}
			sql.WriteByte(')')
			args = append(args, line...)
		}
		if _, err := tx.Exec(sql.String(), args...); err != nil {
			return fmt.Errorf("write into %s: %w", strings.Fields(into)[0], err)
		}
	}
	return nil
}

// sized cuts a list into parts of 256, 64, 16, 4 or 1, so that there are five
// texts of each statement to prepare and not one for each length.
func sized[T any](list []T) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			n := 1
			for _, size := range []int{256, 64, 16, 4} {
				if len(list) >= size {
					n = size
					break
				}
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// places gives "$1, $2 ..." for the values.
func places(values []string) (string, []any) {
	list := make([]string, len(values))
	args := make([]any, len(values))
	for i, v := range values {
		list[i], args[i] = fmt.Sprintf("$%d", i+1), v
	}
	return strings.Join(list, ", "), args
}

// unique sorts and drops repetitions and the empty string.
func unique(values []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(values)))
	if len(out) > 0 && out[0] == "" {
		out = out[1:]
	}
	return out
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for id := range set {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
