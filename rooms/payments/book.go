package payments

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Ledger is the one way in which money moves. [Book] does it with a
// transaction a request; a sequencer that decides many requests in memory and
// writes them together can stand in its place.
type Ledger interface {
	// Do decides the steps in order and gives a row for each. A refusal is a
	// row with a reason, not an error; an error means that nothing was written.
	Do(ctx context.Context, w Work) ([]ledger.Row, error)
}

// Work is what is to be decided together, in one currency.
type Work struct {
	Currency string
	Actor    string // for the events
	Steps    []ledger.Step
	Notes    map[string]Note // by transfer: what goes with a reservation
	// Before runs before anything is decided, After when at least one step was
	// new, both in the transaction that writes the rows and not for repeated
	// requests. An error undoes everything.
	Before func(tx *store.Tx) error
	After  func(tx *store.Tx, rows []ledger.Row) error
}

// Note is what people want to know about a transfer; the rules do not.
type Note struct {
	Reference string // what people read out
	Purpose   string
	Fee       string // id of the fee or sale it pays
}

// Book is the ledger in the database, one transaction a Work. The row of the
// currency in payments_book is locked first, so Works of a currency follow each
// other and no other lock order matters.
type Book struct {
	db     *store.DB
	zone   *time.Location
	timers Timers
}

// Timers wake somebody at the end of a reservation. The deadline holds without
// them: they only see to it that held money is given back soon after.
type Timers struct {
	Set   func(tx *store.Tx, transfer, currency string, at time.Time) error
	Clear func(tx *store.Tx, transfer string) error
}

// NewBook gives the ledger of a database. Days of idempotency keys are those
// of the zone.
func NewBook(db *store.DB, zone *time.Location, timers Timers) *Book {
	if timers.Set == nil {
		timers.Set = func(*store.Tx, string, string, time.Time) error { return nil }
	}
	if timers.Clear == nil {
		timers.Clear = func(*store.Tx, string) error { return nil }
	}
	return &Book{db, zone, timers}
}

// Do decides and writes.
func (b *Book) Do(ctx context.Context, w Work) (rows []ledger.Row, err error) {
	err = b.db.Update(ctx, func(tx *store.Tx) error {
		rows, err = b.do(tx, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (b *Book) do(tx *store.Tx, w Work) ([]ledger.Row, error) {
	s := ledger.New(w.Currency)
	var head []byte
	err := tx.QueryRow("select seq, head from payments_book where currency = $1 for update", w.Currency).Scan(&s.Seq, &head)
	if err != nil {
		return nil, fmt.Errorf("open the book of %s: %w", w.Currency, err)
	}
	s.Head = [32]byte(head)
	now := tx.Now()
	day := now.In(b.zone).Format(time.DateOnly)
	yesterday := now.In(b.zone).AddDate(0, 0, -1).Format(time.DateOnly)

	rows := make([]ledger.Row, len(w.Steps))
	fresh := make([]int, 0, len(w.Steps))
	answered := map[string]ledger.Row{} // by the transfer's id in the request
	for i, step := range w.Steps {
		// A step without a key goes with the one before it about the same
		// transfer: if that one is a repetition, so is this one.
		if before, ok := answered[step.Transfer]; ok && step.Key == "" && step.Transfer != "" {
			rows[i] = before
			continue
		}
		// Yesterday counts too: a repetition just after midnight is one.
		before, found, err := repeated(tx, step, day, yesterday)
		if err != nil {
			return nil, err
		}
		if found {
			rows[i], answered[step.Transfer] = before, before
		} else {
			fresh = append(fresh, i)
		}
	}
	if len(fresh) == 0 {
		return rows, nil
	}
	if w.Before != nil {
		if err := w.Before(tx); err != nil {
			return nil, err
		}
	}
	if err := load(tx, s, w.Steps); err != nil {
		return nil, err
	}
	first := s.Seq
	var written []ledger.Row
	for _, i := range fresh {
		rows[i] = s.Apply(w.Steps[i], day, now)
		if rows[i].Seq > 0 {
			written = append(written, rows[i])
		}
	}
	if s.Seq == first {
		return rows, nil
	}
	if err := b.save(tx, s, written, w); err != nil {
		return nil, err
	}
	if w.After != nil {
		if err := w.After(tx, rows); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// repeated looks for the answer to the same party's same key. The same key with
// another payload is a conflict: one of the two requests is a mistake.
func repeated(tx *store.Tx, step ledger.Step, days ...string) (ledger.Row, bool, error) {
	if step.Key == "" {
		return ledger.Row{}, false, nil
	}
	row, err := store.Get(tx, scanRow, "select "+rowColumns+" from payments_row where day in ($1, $2) and party = $3 and request = $4 order by seq limit 1", days[0], days[1], step.Party, step.Key)
	if fault.Is(err, fault.NotFound) {
		return ledger.Row{}, false, nil
	}
	if err != nil {
		return ledger.Row{}, false, fmt.Errorf("look for the key: %w", err)
	}
	if row.Payload != step.Payload() {
		return ledger.Row{}, false, fault.New(fault.Conflict, "payments.key.reused")
	}
	row.Replayed = true
	return row, true, nil
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

// chunk is how many lines one statement writes; SQLite takes 32,766 values.
const chunk = 500

// load reads what the steps touch: transfers, their accounts, and the
// settlement and own accounts of the participants.
func load(tx *store.Tx, s *ledger.State, steps []ledger.Step) error {
	var transfers, accounts []string
	for _, step := range steps {
		if step.Transfer != "" {
			transfers = append(transfers, step.Transfer)
		}
		accounts = append(accounts, step.Debit, step.Credit)
	}
	for part := range slices.Chunk(unique(transfers), chunk) {
		list, args := places(part, 0)
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
	for part := range slices.Chunk(unique(accounts), chunk) {
		list, args := places(part, 0)
		if err := read("select "+accountColumns+" from payments_account where id in ("+list+") order by id for update", args...); err != nil {
			return err
		}
	}
	away, err := store.List(tx, func(scan store.Scan) (id string, err error) { return id, scan(&id) }, "select id from payments_participant where suspended = $1", true)
	if err != nil {
		return fmt.Errorf("load participants: %w", err)
	}
	for _, id := range away {
		s.Away[id] = true
	}
	return nil
}

// save writes rows, entries, balances and transfers, and moves the book's head.
func (b *Book) save(tx *store.Tx, s *ledger.State, rows []ledger.Row, w Work) error {
	var rowValues, entryValues [][]any
	touched := map[string]bool{}
	for _, r := range rows {
		rowValues = append(rowValues, []any{r.Currency, r.Seq, string(r.Kind), r.Transfer, r.Day, r.Party, r.Key, r.Payload[:], string(r.Reason), r.Debit, r.Credit, r.Amount, store.Micros(r.At), r.Hash[:]})
		for line, e := range r.Entries {
			entryValues = append(entryValues, []any{r.Currency, r.Seq, int64(line), e.Book, e.Account, e.Amount})
			touched[e.Account] = true
		}
		if t := s.Transfers[r.Transfer]; t != nil && r.Kind != ledger.Post {
			if p, q := s.Accounts[t.Debit], s.Accounts[t.Credit]; p != nil && q != nil {
				touched[p.ID] = true
				if id := s.Settling[p.Book]; id != "" && p.Book != q.Book {
					touched[id] = true
				}
			}
		}
	}
	if err := insert(tx, "payments_row ("+rowColumns+")", rowValues); err != nil {
		return err
	}
	if err := insert(tx, "payments_entry (currency, seq, line, book, account, amount)", entryValues); err != nil {
		return err
	}
	if err := saveBalances(tx, s, touched); err != nil {
		return err
	}
	if err := b.saveTransfers(tx, s, rows, w); err != nil {
		return err
	}
	_, err := tx.Exec("update payments_book set seq = $2, head = $3 where currency = $1", s.Currency, s.Seq, s.Head[:])
	if err != nil {
		return fmt.Errorf("move the book of %s: %w", s.Currency, err)
	}
	return nil
}

func saveBalances(tx *store.Tx, s *ledger.State, touched map[string]bool) error {
	ids := make([]string, 0, len(touched))
	for id := range touched {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, chunk) {
		var values strings.Builder
		var args []any
		for i, id := range part {
			if i > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "($%d, cast($%d as bigint), cast($%d as bigint))", 3*i+1, 3*i+2, 3*i+3)
			args = append(args, id, s.Accounts[id].Balance, s.Accounts[id].Held)
		}
		_, err := tx.Exec("with v(id, balance, held) as (values "+values.String()+") update payments_account set balance = v.balance, held = v.held from v where payments_account.id = v.id", args...)
		if err != nil {
			return fmt.Errorf("write balances: %w", err)
		}
	}
	return nil
}

// saveTransfers writes each transfer's phase, says what happened, and sets the
// clock of those that stay reserved.
func (b *Book) saveTransfers(tx *store.Tx, s *ledger.State, rows []ledger.Row, w Work) error {
	made := map[string]bool{}
	for _, r := range rows {
		t := s.Transfers[r.Transfer]
		if t == nil || r.Kind == ledger.Post || r.Reason == ledger.Duplicate || r.Reason == ledger.AlreadyAborted || r.Reason == ledger.SettlementTimeout && r.Kind != ledger.Expire {
			continue // nothing changed about the transfer
		}
		event := ""
		switch {
		case r.Kind == ledger.Reserve && t.Phase == ledger.Reserved:
			emitTransfer(tx, s, t, w.Actor, TransferReserved)
			if err := b.timers.Set(tx, t.ID, t.Currency, t.Expires); err != nil {
				return err
			}
		case r.Kind == ledger.Reserve && t.Phase == ledger.Committed:
			emitTransfer(tx, s, t, w.Actor, TransferReserved)
		case r.Kind == ledger.Commit:
			event = emitTransfer(tx, s, t, w.Actor, TransferCommitted)
		case r.Kind == ledger.Abort || r.Kind == ledger.Expire:
			emitTransfer(tx, s, t, w.Actor, TransferAborted)
		}
		finished := int64(0)
		if t.Phase != ledger.Reserved {
			finished = store.Micros(tx.Now())
		}
		var err error
		if r.Kind == ledger.Reserve {
			note := w.Notes[t.ID]
			if note.Reference == "" {
				note.Reference = t.ID
			}
			made[t.ID] = true
			_, err = tx.Exec(`insert into payments_transfer (id, reference, currency, debit, credit, amount, phase, reason, expires, reserved, finished, purpose, fee, event)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '')`,
				t.ID, note.Reference, t.Currency, t.Debit, t.Credit, t.Amount, string(t.Phase), string(t.Reason), store.Micros(t.Expires), store.Micros(tx.Now()), finished, note.Purpose, note.Fee)
		} else {
			_, err = tx.Exec("update payments_transfer set phase = $2, reason = $3, finished = $4, event = $5 where id = $1", t.ID, string(t.Phase), string(t.Reason), finished, event)
			if err == nil && !made[t.ID] {
				err = b.timers.Clear(tx, t.ID)
			}
		}
		if err != nil {
			return fmt.Errorf("write transfer: %w", err)
		}
	}
	return nil
}

// insert writes many lines with few statements.
func insert(tx *store.Tx, into string, values [][]any) error {
	for part := range slices.Chunk(values, chunk) {
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

// places gives "$1, $2 ..." for the values, counting from after+1.
func places(values []string, after int) (string, []any) {
	list := make([]string, len(values))
	args := make([]any, len(values))
	for i, v := range values {
		list[i], args[i] = fmt.Sprintf("$%d", after+i+1), v
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
