package payments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sarai/courtyard/store"
)

// window is a settlement window that a row cut.
type window struct {
	number, last, at int64
	net              bool // the one that begins then
}

// write puts into the tables what the batches said, in few statements.
func (x *indexing) write() error {
	if err := x.writeBalances(); err != nil {
		return err
	}
	if err := x.writeTransfers(); err != nil {
		return err
	}
	slices.SortFunc(x.keys, func(a, b []any) int { // in the order of the table, which is quicker
		return cmp.Or(cmp.Compare(a[0].(int64), b[0].(int64)), slices.Compare(a[1].([]byte), b[1].([]byte)))
	})
	if err := insertAnd(x.tx, "payments_key (day, hash, currency, seq)", x.keys, " on conflict (day, hash) do nothing"); err != nil {
		return err
	}
	if err := x.writePositions(); err != nil {
		return err
	}
	return x.writeWindows()
}

func (x *indexing) writeBalances() error {
	ids := make([]string, 0, len(x.effects.Deltas))
	for id, d := range x.effects.Deltas {
		if d.Balance != 0 || d.Held != 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // everybody locks accounts in this order
	for part := range sized(ids) {
		var values strings.Builder
		args := make([]any, 0, 3*len(part))
		for i, id := range part {
			if i > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "($%d, cast($%d as bigint), cast($%d as bigint))", 3*i+1, 3*i+2, 3*i+3)
			args = append(args, id, x.effects.Deltas[id].Balance, x.effects.Deltas[id].Held)
		}
		n, err := x.tx.Exec("with v(id, balance, held) as (values "+values.String()+") update payments_account set balance = payments_account.balance + v.balance, held = payments_account.held + v.held from v where payments_account.id = v.id", args...)
		if err != nil {
			return fmt.Errorf("write balances: %w", err)
		}
		if n != int64(len(part)) {
			return fmt.Errorf("%d of %d accounts exist", n, len(part))
		}
	}
	for id, set := range x.effects.Settings {
		if _, err := x.tx.Exec("update payments_account set floor = $2, blocked = $3, closed = $4 where id = $1", id, set.Floor, set.Blocked, set.Closed); err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
		for bank, settling := range x.places.Settling {
			if settling != id {
				continue
			}
			if _, err := x.tx.Exec("update payments_participant set suspended = $2 where id = $1", bank, set.Blocked); err != nil {
				return fmt.Errorf("write suspension: %w", err)
			}
		}
	}
	return nil
}

func (x *indexing) writeTransfers() error {
	values := make([][]any, len(x.made))
	for i, t := range x.made {
		values[i] = t.values()
	}
	if err := insert(x.tx, "payments_transfer ("+transferColumns+")", values); err != nil {
		return err
	}
	for part := range sized(x.ended) {
		var list strings.Builder
		args := make([]any, 0, 7*len(part))
		for i, t := range part {
			if i > 0 {
				list.WriteString(", ")
			}
			k := 7 * i
			fmt.Fprintf(&list, "($%d, $%d, $%d, cast($%d as bigint), cast($%d as bigint), cast($%d as bigint), $%d)", k+1, k+2, k+3, k+4, k+5, k+6, k+7)
			args = append(args, t.ID, string(t.Phase), string(t.Reason), t.Done, store.Micros(t.Finished), t.Window, t.Event)
		}
		_, err := x.tx.Exec("with v(id, phase, reason, done, finished, place, event) as (values "+list.String()+") update payments_transfer set phase = v.phase, reason = v.reason, done = v.done, finished = v.finished, place = v.place, event = v.event from v where payments_transfer.id = v.id", args...)
		if err != nil {
			return fmt.Errorf("write ends of transfers: %w", err)
		}
	}
	return nil
}

func (x *indexing) writePositions() error {
	list := make([]*position, 0, len(x.positions))
	for _, p := range x.positions {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *position) int {
		return cmp.Or(cmp.Compare(a.window, b.window), strings.Compare(a.participant, b.participant))
	})
	values := make([][]any, len(list))
	for i, p := range list {
		values[i] = []any{x.currency, p.window, p.participant, p.sentCount, p.sent, p.receivedCount, p.receive, p.due}
	}
	return insertAnd(x.tx, "payments_position (currency, place, participant, sent_count, sent, received_count, received, due)", values,
		` on conflict (currency, place, participant) do update set sent_count = payments_position.sent_count + excluded.sent_count, sent = payments_position.sent + excluded.sent,
			received_count = payments_position.received_count + excluded.received_count, received = payments_position.received + excluded.received,
			due = payments_position.due + excluded.due`)
}

func (x *indexing) writeWindows() error {
	if x.began == 0 {
		if _, err := x.tx.Exec("insert into payments_window (currency, number, first, last, opened, closed) values ($1, 1, 1, 0, $2, 0)", x.currency, store.Micros(x.tx.Now())); err != nil {
			return err
		}
	}
	for _, w := range x.windows {
		if _, err := x.tx.Exec("update payments_window set last = $3, closed = $4 where currency = $1 and number = $2", x.currency, w.number, w.last, w.at); err != nil {
			return err
		}
		if _, err := x.tx.Exec("insert into payments_window (currency, number, first, last, opened, closed, net) values ($1, $2, $3, 0, $4, 0, $5)", x.currency, w.number+1, w.last+1, w.at, w.net); err != nil {
			return err
		}
	}
	return nil
}

// insert writes many lines with few statements.
func insert(tx *store.Tx, into string, values [][]any) error { return insertAnd(tx, into, values, "") }

func insertAnd(tx *store.Tx, into string, values [][]any, and string) error {
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
		sql.WriteString(and)
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

func sortedNumbers(set map[int64]bool) []int64 {
	out := make([]int64, 0, len(set))
	for n := range set {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
