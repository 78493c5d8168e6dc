package ledger

import "time"

// Apply decides one step at the given time, changes the state and gives the
// row to be written. A row with Seq 0 is not written: an expiry that is not due,
// or one that came after the transfer was final.
//
// The caller has looked for the key before: Apply knows nothing of repetition.
func (s *State) Apply(step Step, now time.Time) Row {
	row := Row{Currency: s.Currency, Kind: step.Kind, Transfer: step.Transfer, Party: step.Party, Key: step.Key, Window: s.Window,
		Debit: step.Debit, Credit: step.Credit, Amount: step.Amount, At: now.UTC().Truncate(time.Microsecond)}
	if step.Key != "" {
		row.Payload = step.Payload()
	}
	switch step.Kind {
	case Reserve:
		row.Expires = step.Expires.UTC().Truncate(time.Microsecond)
		row.Reason = s.reserve(step, &row, now)
	case Post:
		row.Reason = s.post(step)
	case Set:
		row.Amount, row.Credit, row.Setting = 0, "", step.Setting
		row.Reason = s.set(step)
	case Cut:
		row.Debit, row.Credit, row.Amount = "", "", 0
		s.cut(step, &row)
	default:
		if !s.finish(step, &row, now) {
			return row
		}
	}
	row.DebitBook, row.CreditBook = s.bookOf(row.Debit), s.bookOf(row.Credit)
	s.Seq++
	row.Seq = s.Seq
	return row
}

func (s *State) bookOf(account string) string {
	if a := s.Accounts[account]; a != nil {
		return a.Book
	}
	return ""
}

func (s *State) reserve(step Step, row *Row, now time.Time) Reason {
	if _, known := s.Transfers[step.Transfer]; known {
		return Duplicate
	}
	t := &Transfer{ID: step.Transfer, Debit: step.Debit, Credit: step.Credit, Amount: step.Amount, Currency: step.Currency, Expires: row.Expires, Phase: Refused}
	s.putTransfer(t)
	t.Reason = s.mayReserve(step, now)
	if t.Reason != Accepted {
		return t.Reason
	}
	t.Net = s.Net && s.Accounts[t.Debit].Book != s.Accounts[t.Credit].Book
	row.Net = t.Net
	s.hold(t, step.Amount)
	t.Phase = Reserved
	return Accepted
}

// hold adds to what is held on the payer's account and on the payer's bank's.
// When it adds, mayReserve has shown that held stays within the balance.
func (s *State) hold(t *Transfer, amount int64) {
	payer, payee := s.Accounts[t.Debit], s.Accounts[t.Credit]
	s.touch(payer)
	payer.Held += amount
	if payer.Book != payee.Book {
		ours := s.between(t.Net)[payer.Book]
		s.touch(ours)
		ours.Held += amount
	}
}

func (s *State) mayReserve(step Step, now time.Time) Reason {
	if r := s.amount(step); r != Accepted {
		return r
	}
	if !now.Before(step.Expires) {
		return InvalidDate
	}
	payer, payee := s.Accounts[step.Debit], s.Accounts[step.Credit]
	switch {
	case payer == nil:
		return NoSuchDebtor
	case payee == nil:
		return NoSuchCreditor
	case payer.Role != Customer || payee.Role != Customer || payer == payee:
		return Forbidden
	case payer.Currency != s.Currency || payee.Currency != s.Currency:
		return WrongCurrency
	case payer.Closed:
		return DebtorClosed
	case payee.Closed:
		return CreditorClosed
	case payer.Blocked || payee.Blocked:
		return AccountBlocked
	}
	// A suspended participant: nothing new to or from it. What is reserved
	// already may still be committed or given back.
	ours, theirs := s.Settling[payer.Book], s.Settling[payee.Book]
	switch {
	case ours != nil && ours.Blocked:
		return DebtorBankAway
	case theirs != nil && theirs.Blocked:
		return CreditorBankAway
	}
	if free, ok := payer.Available(); !ok || free < step.Amount {
		return NoFunds
	}
	if payer.Book == payee.Book {
		return Accepted
	}
	switch {
	case ours == nil || s.Owning[payer.Book] == nil || s.between(s.Net)[payer.Book] == nil:
		return DebtorBankAway
	case theirs == nil || s.Owning[payee.Book] == nil || s.between(s.Net)[payee.Book] == nil:
		return CreditorBankAway
	}
	if free, ok := s.mayOwe(payer.Book); !ok || free < step.Amount {
		return NoSettlementFunds
	}
	return Accepted
}

func (s *State) amount(step Step) Reason {
	switch {
	case step.Amount == 0:
		return ZeroAmount
	case step.Amount < 0:
		return InvalidAmount
	case step.Amount > MaxAmount:
		return AmountTooLarge
	case step.Currency != s.Currency:
		return WrongCurrency
	}
	return Accepted
}

// finish handles COMMIT, ABORT and EXPIRE; false means that no row is written.
func (s *State) finish(step Step, row *Row, now time.Time) bool {
	t := s.Transfers[step.Transfer]
	if t == nil {
		row.Reason = NoSuchTransfer
		return false // nothing to hang a row on
	}
	row.Debit, row.Credit, row.Amount, row.Net = t.Debit, t.Credit, t.Amount, t.Net
	if step.Kind != Commit {
		row.Why = step.Reason
	}
	late := !now.Before(t.Expires)
	switch {
	case t.Phase == Reserved && step.Kind == Expire && !late:
		row.Reason = InvalidDate
		return false
	case t.Phase == Reserved && step.Kind == Abort:
		s.release(t, Aborted, step.Reason)
		return true
	case t.Phase == Reserved && (late || step.Kind == Expire):
		// The deadline is kept by the book itself: a late commit loses even
		// if no job has looked at the reservation yet.
		s.release(t, Expired, SettlementTimeout)
		row.Why = SettlementTimeout
		if step.Kind != Expire {
			row.Kind, row.Reason = Expire, SettlementTimeout
		}
		return true
	case t.Phase == Reserved:
		if reason := s.move(t); reason != Accepted {
			s.release(t, Aborted, reason)
			row.Kind, row.Reason, row.Why = Abort, reason, reason
		}
		return true
	case step.Kind == Expire:
		return false // it was final before; the job came too late, which is no event
	case t.Phase == Committed:
		row.Reason = Duplicate
	case t.Phase == Expired:
		row.Reason = SettlementTimeout
	case t.Phase == Aborted:
		row.Reason = AlreadyAborted
	default:
		row.Reason = NoSuchTransfer
		return false // a refused reservation: there is nothing to finish
	}
	return true
}

// release gives the held money back and ends the transfer.
func (s *State) release(t *Transfer, phase Phase, reason Reason) {
	s.hold(t, -t.Amount)
	s.touchTransfer(t)
	t.Phase, t.Reason = phase, reason
}

// move commits a reserved transfer.
func (s *State) move(t *Transfer) Reason {
	payer, payee := s.Accounts[t.Debit], s.Accounts[t.Credit]
	if payer.Book == payee.Book {
		if !s.shift(t.Amount, payer, payee) {
			return AmountTooLarge
		}
	} else {
		ours, theirs := s.between(t.Net)[payer.Book], s.between(t.Net)[payee.Book]
		if !s.shift(t.Amount, payer, s.Owning[payer.Book], ours, theirs, s.Owning[payee.Book], payee) {
			return AmountTooLarge
		}
		ours.Held -= t.Amount
	}
	payer.Held -= t.Amount
	s.touchTransfer(t)
	t.Phase, t.Reason = Committed, Accepted
	return Accepted
}

// shift moves an amount in each pair of accounts, from the first to the second;
// all or, when a sum would not fit, none.
func (s *State) shift(amount int64, pairs ...*Account) bool {
	for i, a := range pairs {
		if i%2 == 0 {
			if _, ok := sub(a.Balance, amount); !ok {
				return false
			}
		} else if _, ok := add(a.Balance, amount); !ok {
			return false
		}
	}
	for i, a := range pairs {
		s.touch(a)
		if i%2 == 0 {
			a.Balance -= amount
		} else {
			a.Balance += amount
		}
	}
	return true
}

// post moves money at once between two accounts of one book.
func (s *State) post(step Step) Reason {
	if r := s.amount(step); r != Accepted {
		return r
	}
	from, to := s.Accounts[step.Debit], s.Accounts[step.Credit]
	switch {
	case from == nil:
		return NoSuchDebtor
	case to == nil:
		return NoSuchCreditor
	case from == to || from.Book != to.Book || !mayPost(from, to):
		return Forbidden
	case from.Currency != s.Currency || to.Currency != s.Currency:
		return WrongCurrency
	case from.Closed:
		return DebtorClosed
	case to.Closed:
		return CreditorClosed
	}
	if free, ok := mayLeave(from); !ok || free < step.Amount {
		return NoFunds
	}
	if !s.shift(step.Amount, from, to) {
		return AmountTooLarge
	}
	return Accepted
}

// set gives an account its floor and flags. Reservations that are open stay: a
// lower cap only stops new ones.
func (s *State) set(step Step) Reason {
	a := s.Accounts[step.Debit]
	switch {
	case a == nil:
		return NoSuchDebtor
	case step.Setting.Floor > MaxAmount || step.Setting.Floor < -MaxAmount:
		return AmountTooLarge
	case step.Setting.Closed && (a.Balance != 0 || a.Held != 0):
		return Forbidden // money would be shut in
	}
	s.touch(a)
	a.Floor, a.Blocked, a.Closed = step.Setting.Floor, step.Setting.Blocked, step.Setting.Closed
	return Accepted
}
