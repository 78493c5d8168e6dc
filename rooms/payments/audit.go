package payments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Auditor goes through all batches of a currency from the first one on, by
// itself: it proves each root and the chain of heads, adds up what the rows moved
// and compares the sums with the balances in the tables. It remembers how far it
// came, so that looking again costs only what is new.
type Auditor struct {
	db       *store.DB
	currency string

	mu     sync.Mutex
	rows   int64
	batch  int64
	head   [32]byte
	window int64
	sums   map[string]ledger.Delta // by account
	moved  map[string]bool         // accounts whose sums changed since they were compared
	whole  bool                    // all accounts have been compared once
	limit  int64                   // a ledger with more rows is not read from its first row; 0: any is
	broken error                   // the first thing that did not fit; it stays
}

// NewAuditor begins at the first row.
func NewAuditor(db *store.DB, currency string) *Auditor {
	return &Auditor{db: db, currency: currency, window: 1, sums: map[string]ledger.Delta{}, moved: map[string]bool{}}
}

// standing makes an auditor for a process that has just started: a ledger of more
// than a million rows it takes as it is and goes on from there. The whole of it
// is proven by one that begins at the first row.
func (a *Auditor) standing() *Auditor {
	a.limit = 1_000_000
	return a
}

// auditPart is how many batches are read in one transaction.
const auditPart = 64

// Check goes on to where the tables are and gives the number of rows that have been
// proven. An error is the first thing that does not fit, or that the database
// could not be read.
func (a *Auditor) Check(ctx context.Context) (rows int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for done := false; !done && a.broken == nil; {
		if err := ctx.Err(); err != nil {
			return a.rows, err
		}
		err := a.db.View(ctx, func(tx *store.Tx) error {
			var err error
			done, err = a.part(tx)
			return err
		})
		if err != nil {
			return a.rows, err
		}
	}
	return a.rows, a.broken
}

// part proves the next batches; after the last of those the tables contain, it
// compares the balances.
func (a *Auditor) part(tx *store.Tx) (done bool, err error) {
	indexed, err := store.Get(tx, store.Value[int64], "select number from payments_index where currency = $1", a.currency)
	if err != nil {
		return false, err
	}
	if a.limit > 0 && a.batch == 0 && indexed > 0 {
		if err := a.skip(tx, indexed); err != nil {
			return false, err
		}
	}
	if a.batch == indexed && a.whole {
		return true, nil
	}
	places, err := readPlaces(tx, a.currency)
	if err != nil {
		return false, err
	}
	// What does not fit is a finding, not a failure of the reading: so batches
	// are read raw here and proven one by one.
	list, err := store.List(tx, func(scan store.Scan) (*sealed, error) {
		b, damage := scanBatch(scan)
		if a.broken == nil {
			a.broken = damage
		}
		return b, nil
	}, "select "+batchColumns+" from payments_batch where currency = $1 and number > $2 and number <= $3 order by number limit $4", a.currency, a.batch, indexed, auditPart)
	if err != nil || a.broken != nil {
		return true, err
	}
	for _, b := range list {
		if a.broken = a.take(b, places); a.broken != nil {
			return true, nil //nolint:nilerr // the damage is remembered; nothing failed in reading
		}
	}
	if a.batch < indexed {
		if len(list) == 0 {
			a.broken = fmt.Errorf("batch %d of %s is missing", a.batch+1, a.currency)
		}
		return false, nil
	}
	a.broken, err = a.compare(tx)
	return true, err
}

func (a *Auditor) take(b *sealed, places ledger.Places) error {
	if b.Number != a.batch+1 || b.Before != a.head || b.First != a.rows+1 {
		return fmt.Errorf("batch %d of %s does not follow batch %d", b.Number, a.currency, a.batch)
	}
	for _, r := range b.Rows {
		if r.Window != a.window {
			return fmt.Errorf("row %d of %s is in window %d and not in %d", r.Seq, a.currency, r.Window, a.window)
		}
		if r.Kind == ledger.Cut && r.Accepted() {
			a.window++
		}
		total := map[string]int64{}
		for _, e := range r.Entries(places) {
			total[e.Book] += e.Amount
		}
		for book, sum := range total {
			if sum != 0 {
				return fmt.Errorf("row %d of %s does not balance in book %s", r.Seq, a.currency, book)
			}
		}
		for _, d := range r.Deltas(places) {
			s := a.sums[d.Account]
			a.moved[d.Account] = true
			a.sums[d.Account] = ledger.Delta{Account: d.Account, Balance: s.Balance + d.Balance, Held: s.Held + d.Held}
		}
	}
	a.batch, a.head, a.rows = b.Number, b.Head, b.Last()
	return nil
}

// skip takes a long ledger as the tables have it.
func (a *Auditor) skip(tx *store.Tx, indexed int64) error {
	last, err := store.Get(tx, scanBatch, "select "+batchColumns+" from payments_batch where currency = $1 and number = $2", a.currency, indexed)
	if err != nil || last.Last() < a.limit {
		return err
	}
	if a.window, err = store.Get(tx, store.Value[int64], "select number from payments_window where currency = $1 and last = 0", a.currency); err != nil {
		return err
	}
	_, err = store.List(tx, func(scan store.Scan) (struct{}, error) {
		var d ledger.Delta
		err := scan(&d.Account, &d.Balance, &d.Held)
		a.sums[d.Account] = d
		return struct{}{}, err
	}, "select id, balance, held from "+accountTable+" where currency = $1", a.currency)
	a.batch, a.head, a.rows, a.whole = last.Number, last.Head, last.Last(), true
	return err
}

// compare holds the sums against the tables; a.batch is where both are. The first
// time all accounts, later those that moved.
func (a *Auditor) compare(tx *store.Tx) (finding, err error) {
	there := map[string]bool{}
	look := func(scan store.Scan) (struct{}, error) {
		var id string
		var balance, held int64
		err := scan(&id, &balance, &held)
		there[id] = true
		if s := a.sums[id]; finding == nil && (s.Balance != balance || s.Held != held) {
			finding = fmt.Errorf("account %s has %d held %d, its rows say %d held %d", id, balance, held, s.Balance, s.Held)
		}
		return struct{}{}, err
	}
	if !a.whole {
		for id := range a.sums {
			a.moved[id] = true
		}
		_, err = store.List(tx, look, "select id, balance, held from "+accountTable+" where currency = $1", a.currency)
	} else {
		for part := range sized(slices.Sorted(maps.Keys(a.moved))) {
			list, args := places(part)
			if _, err = store.List(tx, look, "select id, balance, held from payments_balance where id in ("+list+")", args...); err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	for id := range a.moved {
		if finding == nil && !there[id] {
			finding = fmt.Errorf("account %s has rows and no balance", id)
		}
	}
	a.whole = true
	clear(a.moved)
	return finding, nil
}

// readPlaces reads the accounts of all participants by which entries are known.
func readPlaces(tx *store.Tx, currency string) (ledger.Places, error) {
	p := ledger.NewPlaces()
	_, err := store.List(tx, func(scan store.Scan) (struct{}, error) {
		var id, book, holder, role string
		err := scan(&id, &book, &holder, &role)
		switch ledger.Role(role) {
		case ledger.Settlement:
			p.Settling[holder] = id
		case ledger.Position:
			p.Netting[holder] = id
		case ledger.Obligation:
			p.Owing[holder] = id
		default:
			p.Owning[book] = id
		}
		return struct{}{}, err
	}, "select id, book, holder, role from payments_account where role in ('settlement', 'own', 'position', 'obligation') and role <> 'customer' and currency = $1", currency)
	return p, err
}
