package ledger

// Effects is what a batch changed, summed up: to keep a state up to date that
// has only some of the accounts, and to write balances down.
type Effects struct {
	Deltas   map[string]Delta   // by account
	Settings map[string]Setting // by account, the last one
	Window   int64              // the window after the batch
	Net      bool               // whether it is a net one
}

// NewEffects is nothing changed in a window.
func NewEffects(window int64) *Effects {
	return &Effects{Deltas: map[string]Delta{}, Settings: map[string]Setting{}, Window: window}
}

// Add adds a row.
func (e *Effects) Add(r Row, p Places) {
	for _, d := range r.Deltas(p) {
		sum := e.Deltas[d.Account]
		e.Deltas[d.Account] = Delta{d.Account, sum.Balance + d.Balance, sum.Held + d.Held}
	}
	switch {
	case r.Kind == Set && r.Accepted():
		e.Settings[r.Debit] = r.Setting
	case r.Kind == Cut && r.Accepted():
		e.Window, e.Net = r.Window+1, r.Net
	}
}

// To does to an account what the effects say.
func (e *Effects) To(a *Account) {
	d := e.Deltas[a.ID]
	a.Balance += d.Balance
	a.Held += d.Held
	if set, ok := e.Settings[a.ID]; ok {
		a.Floor, a.Blocked, a.Closed = set.Floor, set.Blocked, set.Closed
	}
}

// Follow does to the state what a batch did that somebody else has decided. It
// gives the batch's effects: an account that comes into memory later and was
// read as it was before this batch still needs them.
func (s *State) Follow(b *Batch) *Effects {
	e, places := NewEffects(s.Window), s.Places()
	e.Net = s.Net
	for _, r := range b.Rows {
		e.Add(r, places)
		switch {
		case r.Made():
			phase := Reserved
			if !r.Accepted() {
				phase = Refused
			}
			s.Transfers[r.Transfer] = &Transfer{ID: r.Transfer, Debit: r.Debit, Credit: r.Credit, Amount: r.Amount, Currency: r.Currency, Phase: phase, Reason: r.Reason, Expires: r.Expires, Net: r.Net, Touched: b.Number}
		case r.Ended() != "":
			if t := s.Transfers[r.Transfer]; t != nil {
				t.Phase, t.Reason, t.Touched = r.Ended(), r.Why, b.Number
			}
		}
	}
	for id := range e.Deltas {
		if a := s.Accounts[id]; a != nil {
			e.To(a)
			a.Touched = b.Number
		}
	}
	for id := range e.Settings {
		if a := s.Accounts[id]; a != nil && a.Touched < b.Number {
			e.To(a)
			a.Touched = b.Number
		}
	}
	s.Seq, s.Batch, s.Head, s.Window, s.Net = b.Last(), b.Number, b.Head, e.Window, e.Net
	s.seqBefore, s.winBefore, s.netBefore = s.Seq, s.Window, s.Net
	return e
}
