package payments

import (
	"context"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

const (
	treasuryFiles = 50   // files of payments that wait, as a page lists them
	treasuryRests = 20   // files that left somebody unpaid
	treasuryOdd   = 20   // fees that do not agree with the money
	treasuryLines = 50   // movements on a page
	treasuryRead  = 5000 // movements read at once for a download
)

// TreasuryAccount is an account of the government with what moved on it.
type TreasuryAccount struct {
	*Account
	Office string // whose it is
	Head   string // of account, in the government's chart; fee accounts have one
	Flows  []Flow
	Moved  int64 // all that ever came in less all that went out, minor units
	// Of a fee account: fees of this month that the services have as paid.
	Fees    Sum
	FeesOdd []*Fee // those whose money is not on the account
}

// sum adds up one side, of the causes that are named or of all.
func (a TreasuryAccount) sum(side string, causes ...string) (today, month Sum) {
	for _, f := range a.Flows {
		if f.Side == side && (len(causes) == 0 || f.Cause == causes[0]) {
			today.add(f.Today)
			month.add(f.Month)
		}
	}
	return today, month
}

// Agrees says whether all movements make up the balance.
func (a TreasuryAccount) Agrees() bool { return a.Moved == a.Balance }

// FeesAgree says whether what the services have as paid this month is what arrived.
func (a TreasuryAccount) FeesAgree() bool {
	_, arrived := a.sum(FlowIn, CauseFee)
	return arrived == a.Fees
}

// BulkRest is a file that left people unpaid.
type BulkRest struct {
	*Bulk
	Reasons []BulkReason
}

// Treasury is what the government has, what moved and what waits.
type Treasury struct {
	At       time.Time
	Currency string
	Accounts []TreasuryAccount
	Waiting  []*Bulk // files before their release, or being paid; oldest first
	More     bool    // there are more of them
	Rests    []BulkRest
}

// Money is what all accounts hold, minor units.
func (t Treasury) Money() (total int64) {
	for _, a := range t.Accounts {
		total += a.Balance
	}
	return total
}

// Sum adds up one side of all accounts.
func (t Treasury) Sum(side string) (today, month Sum) {
	for _, a := range t.Accounts {
		d, m := a.sum(side)
		today.add(d)
		month.add(m)
	}
	return today, month
}

// Wanted is what the waiting files still take, minor units.
func (t Treasury) Wanted() (total int64) {
	for _, b := range t.Waiting {
		total += b.wanted()
	}
	return total
}

// Free is what an account can spend, minor units; 0 for an account that is none of
// the treasury's.
func (t Treasury) Free(account string) int64 {
	for _, a := range t.Accounts {
		if a.ID == account {
			return a.free()
		}
	}
	return 0
}

// wanted is what a file still takes: what its maker typed until the lines have been
// looked at, then what is good and not yet paid.
func (b Bulk) wanted() int64 {
	if b.State == BulkUploaded || b.State == BulkValidating {
		return b.Total
	}
	return b.GoodTotal - b.PaidTotal - b.FailedTotal
}

func feesAccount(id, currency string) string { return "fees-" + id + "-" + currency }

// treasuryAccounts are the ids of the government's accounts: of fees, then of
// programmes. They are few, and the country's pack names them.
func (r *Room) treasuryAccounts() (ids []string) {
	for _, f := range r.pack.FeeAccounts {
		ids = append(ids, feesAccount(f.ID, r.pack.Currency.Code))
	}
	for _, p := range r.pack.Programs {
		ids = append(ids, programAccount(p.ID, r.pack.Currency.Code))
	}
	return ids
}

// officeOf is the office of a post, or the office itself.
func (r *Room) officeOf(holder string) string {
	if p, ok := r.pack.Post(holder); ok {
		return p.Office
	}
	return holder
}

func (r *Room) officeName(id string) country.Text {
	if o, ok := r.pack.Office(id); ok {
		return o.Name
	}
	return country.Text{}
}

// Treasury reads where the government's money stands.
func (r *Room) Treasury(ctx context.Context) (t Treasury, err error) {
	t.Currency = r.pack.Currency.Code
	heads := map[string]string{}
	for _, f := range r.pack.FeeAccounts {
		heads[feesAccount(f.ID, t.Currency)] = f.Head
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		t.At, t.Accounts = tx.Now(), nil
		for _, id := range r.treasuryAccounts() {
			a, err := getAccount(tx, id)
			if fault.Is(err, fault.NotFound) {
				continue // the pack names it since today
			}
			if err != nil {
				return err
			}
			x := TreasuryAccount{Account: a, Office: r.officeOf(a.Holder), Head: heads[id]}
			if x.Flows, x.Moved, err = r.flowsOf(tx, id, t.At); err != nil {
				return err
			}
			if a.Kind == KindGovernment {
				if err := r.feesOf(tx, &x, store.Micros(r.monthOf(t.At))); err != nil {
					return err
				}
			}
			t.Accounts = append(t.Accounts, x)
		}
		if t.Waiting, err = store.List(tx, scanBulk, "select "+bulkColumnList+" from payments_bulk where state not in ('reading', 'done', 'rejected', 'cancelled') order by no limit $1", treasuryFiles+1); err != nil {
			return err
		}
		if t.More = len(t.Waiting) > treasuryFiles; t.More {
			t.Waiting = t.Waiting[:treasuryFiles]
		}
		t.Rests, err = bulkRests(tx, r.monthOf(t.At))
		return err
	})
	return t, err
}

// feesOf holds what the services have as paid since a time against the money. A fee
// is paid in the transaction that writes the batch, with one time, so no payment
// falls between two months; the tables, which the money is read from, follow later.
func (r *Room) feesOf(tx *store.Tx, a *TreasuryAccount, since int64) error {
	behind, err := tablesLackSince(tx, a.Currency)
	if err != nil {
		return err
	}
	const paid = `from payments_fee where account = $1 and paid >= $2 and paid > 0
		and (paid < $3 or exists (select 1 from payments_transfer t where t.id = payments_fee.transfer and t.phase = 'committed'))`
	err = tx.QueryRow("select count(*), cast(coalesce(sum(amount), 0) as bigint) "+paid, a.ID, since, behind).Scan(&a.Fees.Count, &a.Fees.Total)
	if err != nil || a.FeesAgree() {
		return err
	}
	a.FeesOdd, err = store.List(tx, scanFee, "select "+feeColumns+" "+paid+`
		and not exists (select 1 from payments_transfer t where t.id = payments_fee.transfer and t.phase = 'committed' and t.credit = payments_fee.account and t.amount = payments_fee.amount)
		order by paid limit $4`, a.ID, since, behind, treasuryOdd)
	return err
}

// bulkRests are the files paid since a time that left people unpaid, newest first.
func bulkRests(tx *store.Tx, since time.Time) (list []BulkRest, err error) {
	files, err := store.List(tx, scanBulk, "select "+bulkColumnList+" from payments_bulk where state = 'done' and paid < lines and finished >= $1 order by no desc limit $2", store.Micros(since), treasuryRests)
	for _, b := range files {
		x := BulkRest{Bulk: b}
		if x.Reasons, err = bulkReasons(tx, b.No); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, err
}

// treasuryAccount reads one of the government's accounts; NotFound for any other.
func (r *Room) treasuryAccount(tx *store.Tx, id string) (*Account, error) {
	for _, own := range r.treasuryAccounts() {
		if own == id {
			return getAccount(tx, id)
		}
	}
	return nil, fault.New(fault.NotFound, "payments.account.unknown")
}

// bothSides are movements of an account before a row of the ledger, newest first.
func bothSides(tx *store.Tx, account string, before int64, limit int) ([]movement, error) {
	in, err := movements(tx, account, FlowIn, 1, before-1, true, limit)
	if err != nil {
		return nil, err
	}
	out, err := movements(tx, account, FlowOut, 1, before-1, true, limit)
	if err != nil {
		return nil, err
	}
	list := make([]movement, 0, min(limit, len(in)+len(out)))
	for len(list) < limit && len(in)+len(out) > 0 {
		if len(out) == 0 || len(in) > 0 && in[0].Seq > out[0].Seq {
			list, in = append(list, in[0]), in[1:]
		} else {
			list, out = append(list, out[0]), out[1:]
		}
	}
	return list, nil
}

// rowsFrom is a row of the ledger before all that ended at or after a time: the
// beginning of the window that was open a day before.
func rowsFrom(tx *store.Tx, currency string, t time.Time) (int64, error) {
	return store.Get(tx, store.Value[int64], "select coalesce(max(first), 1) from payments_window where currency = $1 and opened <= $2", currency, store.Micros(t.Add(-24*time.Hour)))
}

// parseMonth reads "2026-11"; what is empty is the month of now.
func (r *Room) parseMonth(text string, now time.Time) (from, to time.Time, err error) {
	from = r.monthOf(now)
	if text = strings.TrimSpace(text); text != "" {
		if from, err = time.ParseInLocation("2006-01", text, r.pack.Zone); err != nil {
			return from, to, fault.New(fault.Invalid, "payments.treasury.month").Because(err)
		}
	}
	return from, from.AddDate(0, 1, 0), nil
}
