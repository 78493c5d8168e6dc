package payments

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// memory is what a process remembers of a currency's ledger. The tables made
// from the batches lag behind a little; what they miss is in the tail. So an
// account that is not in memory is its line in the table, and upon it the effects
// of the batches in the tail that the table had not seen.
type memory struct {
	state   *ledger.State
	zone    *time.Location
	indexed int64  // what the tables contained when we last looked: the tail begins after it
	tail    []tail // in order
	keys    map[keyHash]ledger.Row
	recent  *recentKeys
	guests  []string        // transfers that were final when they were read: looked at once
	banks   map[string]bool // books whose settlement and own accounts have been looked for
}

// tail is a batch the tables may not contain yet.
type tail struct {
	number    int64
	effects   *ledger.Effects // of another process's batch; nil: we wrote it, and all it touched is in memory
	keys      []keyHash
	transfers []string
}

// keyHash names a request: who asks, and their key.
type keyHash [16]byte

func hashKey(party, key string) keyHash {
	var room [160]byte
	b := binary.AppendUvarint(room[:0], uint64(len(party)))
	b = append(append(b, party...), key...)
	sum := sha256.Sum256(b)
	return keyHash(sum[:16])
}

// preloaded is up to how many accounts are all read at once when the ledger is
// opened; of more, those that are needed are read when they are.
const preloaded = 200_000

// maxRemembered is how many accounts stay in memory; a table read brings the
// others back.
const maxRemembered = 1_000_000

// load reads the ledger as the tables have it, and the batches they miss. It
// locks the currency's lease, so that nothing moves meanwhile.
func load(tx *store.Tx, currency string, zone *time.Location) (*memory, error) {
	m := &memory{state: ledger.New(currency), zone: zone, keys: map[keyHash]ledger.Row{}, recent: &recentKeys{}, banks: map[string]bool{}}
	var number, seq int64
	if err := tx.QueryRow("select number, seq from payments_book where currency = $1 for update", currency).Scan(&number, &seq); err != nil {
		return nil, err
	}
	if number == 0 && seq > 0 {
		return nil, fmt.Errorf("its %d rows were written by a program that kept no batches: begin a new database", seq)
	}
	indexed, err := store.Get(tx, store.Value[int64], "select number from payments_index where currency = $1 for update", currency)
	if err != nil {
		return nil, err
	}
	m.indexed = indexed
	if indexed > 0 {
		last, err := store.Get(tx, scanBatch, "select "+batchColumns+" from payments_batch where currency = $1 and number = $2", currency, indexed)
		if err != nil {
			return nil, fmt.Errorf("batch %d: %w", indexed, err)
		}
		m.state.Seq, m.state.Batch, m.state.Head = last.Last(), last.Number, last.Head
		if err = tx.QueryRow("select number, net from payments_window where currency = $1 and last = 0", currency).Scan(&m.state.Window, &m.state.Net); err != nil {
			return nil, fmt.Errorf("the open window: %w", err)
		}
	}
	open, err := store.List(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where currency = $1 and phase = 'reserved'", currency)
	if err != nil {
		return nil, fmt.Errorf("open reservations: %w", err)
	}
	for _, t := range open {
		m.put(t)
	}
	var all int64
	if err := tx.QueryRow("select count(*) from payments_account").Scan(&all); err != nil {
		return nil, err
	}
	which := "role <> 'customer' and currency = $1"
	if all <= preloaded {
		which = "currency = $1"
	}
	accounts, err := store.List(tx, scanStand, "select "+standColumns+" from "+accountTable+" where "+which, currency)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	for _, a := range accounts {
		m.state.Put(a)
	}
	if err := m.recent.load(tx, currency, m.day(tx.Now())); err != nil {
		return nil, fmt.Errorf("recent keys: %w", err)
	}
	return m, m.follow(tx, number)
}

// followRows is about how many rows are read at once when others' batches are followed.
const followRows = 16_000

// follow reads the batches up to a number that others wrote.
func (m *memory) follow(tx *store.Tx, number int64) error {
	for m.state.Batch < number {
		missing, err := batchesWithin(tx, m.state.Currency, m.state.Batch, followRows)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return fmt.Errorf("batches of %s from %d to %d are missing", m.state.Currency, m.state.Batch+1, number)
		}
		for _, b := range missing {
			if b.Number != m.state.Batch+1 || b.Before != m.state.Head || b.First != m.state.Seq+1 {
				return fmt.Errorf("batch %d of %s does not follow batch %d", b.Number, m.state.Currency, m.state.Batch)
			}
			for _, r := range b.Rows {
				if err := m.meet(tx, r.DebitBook, r.CreditBook); err != nil {
					return err
				}
			}
			m.remember(b.Batch, m.state.Follow(b.Batch))
		}
	}
	return nil
}

// keep takes over what a durable batch changed and gives its number, or the last
// one's when there was nothing to write.
func (m *memory) keep(d *deciding) int64 {
	m.recent.kept()
	if d.batch == nil {
		m.state.Undo()
		return m.state.Batch
	}
	m.state.Keep(d.batch.Head)
	m.remember(d.batch, nil)
	return m.state.Batch
}

func (m *memory) remember(b *ledger.Batch, e *ledger.Effects) {
	t := tail{number: b.Number, effects: e}
	for _, r := range b.Rows {
		if r.Key != "" {
			k := hashKey(r.Party, r.Key)
			m.keys[k] = r
			m.recent.add(r.Seq, m.day(r.At), k)
			t.keys = append(t.keys, k)
		}
		if r.Made() || r.Ended() != "" {
			t.transfers = append(t.transfers, r.Transfer)
		}
	}
	m.tail = append(m.tail, t)
}

func (m *memory) day(at time.Time) int64 {
	y, month, d := at.In(m.zone).Date()
	return time.Date(y, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// forget drops what the tables contain by now.
func (m *memory) forget(indexed int64) {
	for _, id := range m.guests {
		delete(m.state.Transfers, id)
	}
	m.guests = m.guests[:0]
	n := 0
	for ; n < len(m.tail) && m.tail[n].number <= indexed; n++ {
		t := m.tail[n]
		for _, k := range t.keys {
			delete(m.keys, k)
		}
		for _, id := range t.transfers {
			if x := m.state.Transfers[id]; x != nil && x.Phase != ledger.Reserved && x.Touched <= indexed {
				delete(m.state.Transfers, id)
			}
		}
	}
	if n == 0 {
		return
	}
	m.tail = m.tail[n:]
	m.indexed = indexed
	if len(m.state.Accounts) > maxRemembered {
		for id, a := range m.state.Accounts {
			if a.Role == ledger.Customer && a.Touched <= indexed {
				delete(m.state.Accounts, id)
			}
		}
	}
}

func (m *memory) put(t *Transfer) {
	x := t.Transfer
	m.state.Transfers[x.ID] = &x
}

// fetch brings what the steps touch into memory.
func (m *memory) fetch(tx *store.Tx, steps []ledger.Step) error {
	var transfers, accounts []string
	seen := map[string]bool{}
	want := func(id string) {
		if id != "" && m.state.Accounts[id] == nil && !seen[id] {
			seen[id] = true
			accounts = append(accounts, id)
		}
	}
	for i := range steps {
		s := &steps[i]
		want(s.Debit)
		want(s.Credit)
		if s.Transfer == "" || (s.Kind == ledger.Reserve && s.Fresh) {
			continue
		}
		if t := m.state.Transfers[s.Transfer]; t == nil {
			transfers = append(transfers, s.Transfer)
		} else {
			want(t.Debit)
			want(t.Credit)
		}
	}
	for part := range sized(unique(transfers)) {
		list, args := places(part)
		found, err := store.List(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id in ("+list+")", args...)
		if err != nil {
			return fmt.Errorf("load transfers: %w", err)
		}
		for _, t := range found {
			m.put(t)
			if t.Phase != ledger.Reserved {
				m.guests = append(m.guests, t.ID)
			}
			want(t.Debit)
			want(t.Credit)
		}
	}
	if err := m.fetchAccounts(tx, accounts); err != nil {
		return err
	}
	for _, id := range accounts {
		if a := m.state.Accounts[id]; a != nil {
			if err := m.meet(tx, a.Book); err != nil {
				return err
			}
		}
	}
	return nil
}

// standColumns are what the ledger needs of an account.
const standColumns = "id, book, role, holder, currency, balance, held, floor, bottomless, blocked, closed"

func scanStand(scan store.Scan) (*ledger.Account, error) {
	a := &ledger.Account{}
	return a, scan(&a.ID, &a.Book, &a.Role, &a.Holder, &a.Currency, &a.Balance, &a.Held, &a.Floor, &a.Bottomless, &a.Blocked, &a.Closed)
}

func (m *memory) fetchAccounts(tx *store.Tx, ids []string) error {
	for part := range sized(ids) {
		list, args := places(part)
		args = append(args, m.state.Currency)
		type stand struct {
			*ledger.Account
			as int64
		}
		// One statement sees one moment: the balance and how far the table was.
		found, err := store.List(tx, func(scan store.Scan) (s stand, err error) {
			s.Account, err = scanStand(func(dest ...any) error { return scan(append(dest, &s.as)...) })
			return s, err
		}, fmt.Sprintf("select %s, (select number from payments_index where currency = $%d) from %s where id in (%s)", standColumns, len(args), accountTable, list), args...)
		if err != nil {
			return fmt.Errorf("load accounts: %w", err)
		}
		for _, s := range found {
			m.learn(s.Account, s.as)
		}
	}
	return nil
}

// learn takes an account as the tables had it after a batch.
func (m *memory) learn(a *ledger.Account, as int64) {
	for _, t := range m.tail {
		if t.number <= as || t.effects == nil {
			continue
		}
		t.effects.To(a)
		if _, touched := t.effects.Deltas[a.ID]; touched {
			a.Touched = t.number
		}
		if _, touched := t.effects.Settings[a.ID]; touched {
			a.Touched = t.number
		}
	}
	m.state.Put(a)
}

// meet brings the accounts of the participants with these books into memory.
func (m *memory) meet(tx *store.Tx, books ...string) error {
	for _, book := range books {
		if book == "" || book == ledger.Rail || m.banks[book] {
			continue
		}
		if m.state.Settling[book] == nil || m.state.Owning[book] == nil {
			ids, err := store.List(tx, store.Value[string], "select id from payments_account where currency = $1 and role <> 'customer' and ((role in ('settlement', 'position', 'obligation') and holder = $2) or (role = 'own' and book = $2))", m.state.Currency, book)
			if err != nil {
				return fmt.Errorf("accounts of %s: %w", book, err)
			}
			var missing []string
			for _, id := range ids {
				if m.state.Accounts[id] == nil {
					missing = append(missing, id)
				}
			}
			if err := m.fetchAccounts(tx, missing); err != nil {
				return err
			}
		}
		m.banks[book] = m.state.Settling[book] != nil && m.state.Owning[book] != nil
	}
	return nil
}

// answers finds the rows that answered the steps' keys before, today or
// yesterday: a repetition just after midnight is one. Tomorrow counts too, for a
// clock that was set back.
func (m *memory) answers(tx *store.Tx, steps []ledger.Step) (map[keyHash]ledger.Row, error) {
	known := map[keyHash]ledger.Row{}
	today := m.day(tx.Now())
	if err := m.recent.store(tx, m.state.Currency, m.state.Seq, today); err != nil {
		return nil, err
	}
	ask := map[int64][]keyHash{} // by the part of the ledger that may have them
	names := map[keyHash]*ledger.Step{}
	for i := range steps {
		s := &steps[i]
		if s.Key == "" {
			continue
		}
		k := hashKey(s.Party, s.Key)
		if row, ok := m.keys[k]; ok && m.day(row.At) >= today-1 {
			known[k] = row
			continue
		}
		if _, twice := names[k]; twice {
			continue
		}
		for _, number := range m.recent.maybe(today-1, k) {
			names[k] = s
			ask[number] = append(ask[number], k)
		}
	}
	found := map[int64]bool{}
	for number, keys := range ask {
		for part := range sized(keys) {
			args := []any{m.state.Currency}
			for i := range int64(1) << (slabBits - stretchBits) {
				args = append(args, number<<(slabBits-stretchBits)+i)
			}
			stretches, hashes := "", ""
			for i := range args[1:] {
				stretches += fmt.Sprintf(", $%d", i+2)
			}
			for _, k := range part {
				args = append(args, k[:])
				hashes += fmt.Sprintf(", $%d", len(args))
			}
			seqs, err := store.List(tx, store.Value[int64], "select seq from payments_key where currency = $1 and stretch in ("+stretches[2:]+") and hash in ("+hashes[2:]+")", args...)
			if err != nil {
				return nil, fmt.Errorf("look for keys: %w", err)
			}
			for _, seq := range seqs {
				found[seq] = true
			}
		}
	}
	var b *sealed
	for _, seq := range sortedNumbers(found) {
		if b == nil || seq > b.Last() {
			var err error
			if b, err = batchOf(tx, m.state.Currency, seq); err != nil {
				if fault.Is(err, fault.NotFound) {
					err = fmt.Errorf("row %d is in no batch", seq)
				}
				return nil, err
			}
		}
		row := b.Rows[seq-b.First]
		k := hashKey(row.Party, row.Key)
		if s := names[k]; s == nil || s.Party != row.Party || s.Key != row.Key || m.day(row.At) < today-1 {
			continue // other texts with the same hash, or of long ago
		}
		if old, ok := known[k]; !ok || row.Seq < old.Seq {
			known[k] = row
		}
	}
	return known, nil
}
