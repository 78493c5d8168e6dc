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
	Floor    int64 // lowest balance less held; means nothing when Bottomless
	// Bottomless accounts may go below zero without end: issuing and own.
	Bottomless bool
	Blocked    bool
	Closed     bool
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
}

// State is the part of the ledger of one currency that the next steps touch.
// Apply changes it; the caller writes what changed.
type State struct {
	Currency  string
	Seq       int64    // number of the last row
	Head      [32]byte // hash of the last row
	Accounts  map[string]*Account
	Transfers map[string]*Transfer
	// Settling and Owning give a participant's settlement and own account.
	Settling map[string]string
	Owning   map[string]string
	// Away are participants that are suspended: nothing new to or from them.
	// What is reserved already may still be committed or given back.
	Away map[string]bool
}

// New is an empty state, for tests and for loading.
func New(currency string) *State {
	return &State{Currency: currency, Accounts: map[string]*Account{}, Transfers: map[string]*Transfer{}, Settling: map[string]string{}, Owning: map[string]string{}, Away: map[string]bool{}}
}

// Put adds an account and notes what it is to its participant.
func (s *State) Put(a *Account) {
	s.Accounts[a.ID] = a
	switch a.Role {
	case Settlement:
		s.Settling[a.Holder] = a.ID
	case Own:
		s.Owning[a.Book] = a.ID
	}
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
