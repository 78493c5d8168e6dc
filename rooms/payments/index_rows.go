package payments

import (
	"bytes"
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
	if err := x.writeKeys(); err != nil {
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
	balances, helds := make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		balances[i], helds[i] = x.effects.Deltas[id].Balance, x.effects.Deltas[id].Held
	}
	var there int
	for part := range sized(ids) {
		list, args := places(part)
		var n int
		if err := x.tx.QueryRow("select count(*) from payments_balance where id in ("+list+")", args...).Scan(&n); err != nil {
			return fmt.Errorf("read balances: %w", err)
		}
		there += n
	}
	if there != len(ids) {
		return fmt.Errorf("%d of %d accounts exist", there, len(ids))
	}
	// As all lines are there, this only changes them; an update that reads the values
	// as a table costs SQLite half as much again.
	_, err := x.tx.Many(`insert into payments_balance (id, balance, held) {lines}
		on conflict (id) do update set balance = payments_balance.balance + excluded.balance, held = payments_balance.held + excluded.held`, ids, balances, helds)
	if err != nil {
		return fmt.Errorf("write balances: %w", err)
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
	if _, err := x.tx.Many("insert into payments_transfer ("+transferColumns+") {lines}", transferLines(x.made)...); err != nil {
		return fmt.Errorf("write transfers: %w", err)
	}
	n := len(x.ended)
	id, phase, reason, event := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	done, finished, place := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, t := range x.ended {
		id[i], phase[i], reason[i], event[i] = t.ID, string(t.Phase), string(t.Reason), t.Event
		done[i], finished[i], place[i] = t.Done, store.Micros(t.Finished), t.Window
	}
	_, err := x.tx.Many("with v(id, phase, reason, done, finished, place, event) as ({lines}) update payments_transfer set phase = v.phase, reason = v.reason, done = v.done, finished = v.finished, place = v.place, event = v.event from v where payments_transfer.id = v.id",
		id, phase, reason, done, finished, place, event)
	if err != nil {
		return fmt.Errorf("write ends of transfers: %w", err)
	}
	return nil
}

func (x *indexing) writeKeys() error {
	slices.SortFunc(x.keys, func(a, b keyLine) int { // in the order of the table, which is quicker
		return cmp.Or(cmp.Compare(stretchOf(a.seq), stretchOf(b.seq)), bytes.Compare(a.hash[:], b.hash[:]))
	})
	n := len(x.keys)
	currency, stretch, hash, seq := make([]string, n), make([]int64, n), make([][]byte, n), make([]int64, n)
	for i := range x.keys {
		k := &x.keys[i]
		currency[i], stretch[i], hash[i], seq[i] = x.currency, stretchOf(k.seq), k.hash[:], k.seq
	}
	if _, err := x.tx.Many("insert into payments_key (currency, stretch, hash, seq) {lines} on conflict (currency, stretch, hash) do nothing", currency, stretch, hash, seq); err != nil {
		return fmt.Errorf("write keys: %w", err)
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
	if len(values) == 0 {
		return nil
	}
	columns := make([]any, len(values[0]))
	for j := range columns {
		var err error
		if columns[j], err = column(values, j); err != nil {
			return fmt.Errorf("write into %s: %w", strings.Fields(into)[0], err)
		}
	}
	if _, err := tx.Many("insert into "+into+" {lines}"+and, columns...); err != nil {
		return fmt.Errorf("write into %s: %w", strings.Fields(into)[0], err)
	}
	return nil
}

// column turns what stands at one place of all lines into a list. Text may be
// null.
func column(lines [][]any, j int) (any, error) {
	i := 0
	for i < len(lines)-1 && lines[i][j] == nil {
		i++
	}
	switch lines[i][j].(type) {
	case int64:
		return same[int64](lines, j)
	case bool:
		return same[bool](lines, j)
	case []byte:
		return same[[]byte](lines, j)
	}
	texts := make([]*string, len(lines))
	for i, line := range lines {
		switch v := line[j].(type) {
		case nil:
		case string:
			texts[i] = &v
		default:
			return nil, fmt.Errorf("column %d holds text and a %T", j+1, v)
		}
	}
	return texts, nil
}

func same[T any](lines [][]any, j int) ([]T, error) {
	c := make([]T, len(lines))
	for i, line := range lines {
		v, ok := line[j].(T)
		if !ok {
			return nil, fmt.Errorf("column %d holds a %T and a %T", j+1, c[0], line[j])
		}
		c[i] = v
	}
	return c, nil
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
