package ledger

import "time"

// Rail is the book of the rail itself: settlement accounts and the issuing
// account. Every other book bears its participant's id.
const Rail = "rail"

// Role says what an account is for.
type Role string

// The roles.
const (
	Issuing    Role = "issuing"    // the central bank's side of the prefund, in the rail's book
	Settlement Role = "settlement" // a participant's prefund, in the rail's book
	Own        Role = "own"        // a participant's own side, in its book
	Customer   Role = "customer"   // a person's, a merchant's or an office's money at a participant
	Position   Role = "position"   // what a participant sent and received in a net window, in the rail's book
	Obligation Role = "obligation" // what it owes or is owed for net windows that were cut, in the rail's book
)

// Account is one account with its balance in minor units. Positive is owed to
// the holder.
type Account struct {
	ID       string
	Book     string // Rail or a participant's id
	Role     Role
	Holder   string // participant for settlement and own accounts, else subject or organisation
	Currency string
	Balance  int64
	Held     int64 // part of the balance promised to open reservations, never negative
	Floor    int64 // lowest balance less held, minus the net debit cap of a settlement account, also for its position; means nothing when Bottomless
	// Bottomless accounts may go below zero without end: issuing, own, obligation;
	// and position, which has its limit from the settlement account.
	Bottomless bool
	Blocked    bool
	Closed     bool

	// Touched is the last batch that changed it.
	Touched int64
	mark    int64 // of the batch at hand, when it was changed in it
}

// Available is what can be reserved: balance less held less floor.
func (a *Account) Available() (int64, bool) {
	n, ok := sub(a.Balance, a.Held)
	if !ok {
		return 0, false
	}
	return sub(n, a.Floor)
}

// Phase is where a transfer stands.
type Phase string

// The phases. Reserved is the only one that is not final.
const (
	Reserved  Phase = "reserved"
	Committed Phase = "committed"
	Aborted   Phase = "aborted"
	Expired   Phase = "expired"
	Refused   Phase = "refused"
)

// Transfer is one payment from a customer's account to another.
type Transfer struct {
	ID       string
	Debit    string // account
	Credit   string // account
	Amount   int64
	Currency string
	Phase    Phase
	Reason   Reason
	Expires  time.Time // end of the reservation
	Net      bool      // held on position accounts and not on settlement accounts

	// Touched is the last batch that changed it.
	Touched int64
	mark    int64
}

// State is the ledger of one currency as far as somebody has it in memory: the
// accounts and transfers the next steps touch must be there. Steps are decided
// in batches: Begin, Apply for each, then Keep when the batch is durable or Undo
// when it is not.
type State struct {
	Currency  string
	Seq       int64    // number of the last row
	Batch     int64    // number of the last batch
	Head      [32]byte // of the last batch
	Window    int64    // settlement window at hand, from 1
	Accounts  map[string]*Account
	Transfers map[string]*Transfer
	// Settling and Owning give a participant's settlement and own account.
	Settling map[string]*Account
	Owning   map[string]*Account
	// Netting and Owing give its position and its obligation account.
	Netting map[string]*Account
	Owing   map[string]*Account
	Net     bool // the window at hand is a net one

	mark      int64 // of the batch at hand
	undo      []undo
	seqBefore int64
	winBefore int64
	netBefore bool
}

// undo is an account or transfer as it was before the batch.
type undo struct {
	account  *Account
	transfer *Transfer
	before   Account
	was      Transfer
	fresh    bool // the transfer did not exist
}

// New is an empty state.
func New(currency string) *State {
	return &State{Currency: currency, Window: 1, Accounts: map[string]*Account{}, Transfers: map[string]*Transfer{}, Settling: map[string]*Account{}, Owning: map[string]*Account{},
		Netting: map[string]*Account{}, Owing: map[string]*Account{}}
}

// Put adds an account and notes what it is to its participant.
func (s *State) Put(a *Account) {
	s.Accounts[a.ID] = a
	switch a.Role {
	case Settlement:
		s.Settling[a.Holder] = a
	case Own:
		s.Owning[a.Book] = a
	case Position:
		s.Netting[a.Holder] = a
	case Obligation:
		s.Owing[a.Holder] = a
	}
}

// Places gives the accounts by which entries are known.
func (s *State) Places() Places {
	p := NewPlaces()
	for _, side := range []struct {
		to   map[string]string
		from map[string]*Account
	}{{p.Settling, s.Settling}, {p.Owning, s.Owning}, {p.Netting, s.Netting}, {p.Owing, s.Owing}} {
		for bank, a := range side.from {
			side.to[bank] = a.ID
		}
	}
	return p
}

// Begin starts a batch. What an earlier batch left undecided is undone.
func (s *State) Begin() {
	s.Undo()
	s.mark++
	s.seqBefore, s.winBefore, s.netBefore = s.Seq, s.Window, s.Net
}

// Undo puts everything back as it was at Begin.
func (s *State) Undo() {
	if s.mark == 0 {
		return
	}
	for i := len(s.undo) - 1; i >= 0; i-- {
		u := s.undo[i]
		switch {
		case u.fresh:
			delete(s.Transfers, u.transfer.ID)
		case u.transfer != nil:
			*u.transfer = u.was
		default:
			*u.account = u.before
		}
	}
	clear(s.undo)
	s.undo = s.undo[:0]
	s.Seq, s.Window, s.Net = s.seqBefore, s.winBefore, s.netBefore
}

// Keep ends a batch that is durable; its head is the new one.
func (s *State) Keep(head [32]byte) {
	clear(s.undo)
	s.undo = s.undo[:0]
	s.Batch, s.Head = s.Batch+1, head
	s.seqBefore, s.winBefore, s.netBefore = s.Seq, s.Window, s.Net
}

// Changed lists the accounts and transfers of the batch at hand.
func (s *State) Changed() (accounts []*Account, transfers []*Transfer) {
	for _, u := range s.undo {
		if u.transfer != nil {
			transfers = append(transfers, u.transfer)
		} else {
			accounts = append(accounts, u.account)
		}
	}
	return accounts, transfers
}

func (s *State) touch(a *Account) {
	if a.mark != s.mark {
		s.undo = append(s.undo, undo{account: a, before: *a})
		a.mark, a.Touched = s.mark, s.Batch+1
	}
}

func (s *State) touchTransfer(t *Transfer) {
	if t.mark != s.mark {
		s.undo = append(s.undo, undo{transfer: t, was: *t})
		t.mark, t.Touched = s.mark, s.Batch+1
	}
}

func (s *State) putTransfer(t *Transfer) {
	s.Transfers[t.ID] = t
	t.mark, t.Touched = s.mark, s.Batch+1
	s.undo = append(s.undo, undo{transfer: t, fresh: true})
}

// add and sub are checked: false means that the result does not fit into int64.
func add(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func sub(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}
