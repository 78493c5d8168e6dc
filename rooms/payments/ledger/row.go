package ledger

import "time"

// Row is one line of the ledger of a currency. Rows are never changed.
type Row struct {
	Currency   string
	Seq        int64
	Kind       Kind
	Transfer   string
	Party      string
	Key        string
	Payload    [32]byte // zero when there is no key
	Reason     Reason   // empty: accepted
	Why        Reason   // of what ends a transfer other than by a commit
	Debit      string
	Credit     string
	DebitBook  string // whose books the two accounts are in; "" when unknown
	CreditBook string
	Amount     int64
	Expires    time.Time // of a Reserve
	Setting    Setting   // of a Set
	Window     int64     // settlement window the row lies in
	Net        bool      // booked between position accounts; of a Cut: the window it begins is a net one
	Dues       []Due     // of a Cut: what each participant owes or is owed, in the order of their ids
	At         time.Time
	Replayed   bool // the answer to a repeated request; not a new row
}

// Accepted says whether the step was done.
func (r Row) Accepted() bool { return r.Reason == Accepted }

// Moved says whether the row moved money.
func (r Row) Moved() bool { return r.Accepted() && (r.Kind == Commit || r.Kind == Post) }

// Entry is one movement on one account: minor units, signed.
type Entry struct {
	Book    string
	Account string
	Amount  int64
}

// Due is what a participant is owed for a net window, or owes when it is below
// zero: minor units. The dues of a cut add up to zero.
type Due struct {
	Participant string
	Amount      int64
}

// Places gives the accounts of each participant by which the entries of a payment
// between two of them and of a cut are known.
type Places struct{ Settling, Owning, Netting, Owing map[string]string }

// NewPlaces knows no account yet.
func NewPlaces() Places {
	return Places{Settling: map[string]string{}, Owning: map[string]string{}, Netting: map[string]string{}, Owing: map[string]string{}}
}

// between gives the accounts in the rail's book over which a row is booked.
func (p Places) between(net bool) map[string]string {
	if net {
		return p.Netting
	}
	return p.Settling
}

// Entries is what a row moved, pair by pair; each book's entries add up to zero.
// A row that moved nothing has none.
func (r Row) Entries(p Places) []Entry {
	switch {
	case r.Kind == Cut && r.Accepted():
		out := make([]Entry, 0, 2*len(r.Dues))
		for _, d := range r.Dues {
			out = append(out, Entry{Rail, p.Netting[d.Participant], -d.Amount}, Entry{Rail, p.Owing[d.Participant], d.Amount})
		}
		return out
	case !r.Moved():
		return nil
	case r.DebitBook == r.CreditBook:
		return []Entry{{r.DebitBook, r.Debit, -r.Amount}, {r.CreditBook, r.Credit, r.Amount}}
	}
	ours := p.between(r.Net)
	return []Entry{
		{r.DebitBook, r.Debit, -r.Amount}, {r.DebitBook, p.Owning[r.DebitBook], r.Amount},
		{Rail, ours[r.DebitBook], -r.Amount}, {Rail, ours[r.CreditBook], r.Amount},
		{r.CreditBook, p.Owning[r.CreditBook], -r.Amount}, {r.CreditBook, r.Credit, r.Amount},
	}
}

// Made says whether the row made a transfer, though perhaps a refused one.
func (r Row) Made() bool { return r.Kind == Reserve && r.Reason != Duplicate }

// Ended says in which phase the row ended a reservation, and "" if it did not:
// what comes too late is a row too.
func (r Row) Ended() Phase {
	switch {
	case r.Kind == Expire:
		return Expired
	case r.Kind == Commit && r.Accepted():
		return Committed
	case r.Kind == Abort && (r.Accepted() || r.Reason == r.Why):
		return Aborted
	}
	return ""
}

// Delta is what a row changed of one account, minor units.
type Delta struct {
	Account string
	Balance int64
	Held    int64
}

// Deltas is what a row changed, reservations included. It follows from the row
// alone: balances can be made again from the rows by whoever has them.
func (r Row) Deltas(p Places) []Delta {
	entries := r.Entries(p)
	out := make([]Delta, len(entries), len(entries)+2)
	for i, e := range entries {
		out[i] = Delta{Account: e.Account, Balance: e.Amount}
	}
	var held int64
	switch {
	case r.Made() && r.Accepted():
		held = r.Amount
	case r.Ended() != "":
		held = -r.Amount
	default:
		return out
	}
	out = append(out, Delta{Account: r.Debit, Held: held})
	if r.DebitBook != r.CreditBook {
		out = append(out, Delta{Account: p.between(r.Net)[r.DebitBook], Held: held})
	}
	return out
}
