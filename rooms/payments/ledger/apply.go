package ledger

import "time"

// Apply decides one step at the given time, changes the state and gives the
// row to be written. A row with Seq 0 is not written: an expiry that is not due,
// or one that came after the transfer was final.
//
// The caller has looked for the key before: Apply knows nothing of repetition.
func (s *State) Apply(step Step, day string, now time.Time) Row {
	row := Row{Currency: s.Currency, Kind: step.Kind, Transfer: step.Transfer, Day: day, Party: step.Party, Key: step.Key, Payload: step.Payload(),
		Debit: step.Debit, Credit: step.Credit, Amount: step.Amount, At: now.UTC().Truncate(time.Microsecond)}
	switch step.Kind {
	case Reserve:
		row.Reason = s.reserve(step, now)
	case Post:
		row.Entries, row.Reason = s.post(step)
	default:
		if !s.finish(step, &row, now) {
			return row
		}
	}
	s.Seq++
	row.Seq = s.Seq
	row.Hash = row.Seal(s.Head)
	s.Head = row.Hash
	return row
}

func (s *State) reserve(step Step, now time.Time) Reason {
	if _, known := s.Transfers[step.Transfer]; known {
		return Duplicate
	}
	t := &Transfer{ID: step.Transfer, Debit: step.Debit, Credit: step.Credit, Amount: step.Amount, Currency: step.Currency, Expires: step.Expires, Phase: Refused}
	s.Transfers[step.Transfer] = t
	t.Reason = s.mayReserve(step, now)
	if t.Reason != Accepted {
		return t.Reason
	}
	payer, payee := s.Accounts[step.Debit], s.Accounts[step.Credit]
	// mayReserve has shown that neither sum leaves int64: held ≤ balance − floor
	payer.Held += step.Amount
	if payer.Book != payee.Book {
		s.Accounts[s.Settling[payer.Book]].Held += step.Amount
	}
	t.Phase = Reserved
	return Accepted
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
	case s.Away[payer.Book]:
		return DebtorBankAway
	case s.Away[payee.Book]:
		return CreditorBankAway
	}
	if free, ok := payer.Available(); !ok || free < step.Amount {
		return NoFunds
	}
	if payer.Book == payee.Book {
		return Accepted
	}
	ours, theirs := s.Accounts[s.Settling[payer.Book]], s.Accounts[s.Settling[payee.Book]]
	switch {
	case ours == nil || s.Accounts[s.Owning[payer.Book]] == nil:
		return DebtorBankAway
	case theirs == nil || s.Accounts[s.Owning[payee.Book]] == nil:
		return CreditorBankAway
	}
	if free, ok := ours.Available(); !ok || free < step.Amount {
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
	row.Debit, row.Credit, row.Amount = t.Debit, t.Credit, t.Amount
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
		if step.Kind != Expire {
			row.Kind, row.Reason = Expire, SettlementTimeout
		}
		return true
	case t.Phase == Reserved:
		entries, reason := s.move(t)
		if reason != Accepted {
			s.release(t, Aborted, reason)
			row.Kind, row.Reason = Abort, reason
			return true
		}
		row.Entries = entries
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
	payer := s.Accounts[t.Debit]
	payer.Held -= t.Amount
	if payee := s.Accounts[t.Credit]; payer.Book != payee.Book {
		s.Accounts[s.Settling[payer.Book]].Held -= t.Amount
	}
	t.Phase, t.Reason = phase, reason
}

// move commits a reserved transfer: it makes the entries and books them.
func (s *State) move(t *Transfer) ([]Entry, Reason) {
	payer, payee := s.Accounts[t.Debit], s.Accounts[t.Credit]
	entries := []Entry{{payer.Book, payer.ID, -t.Amount}, {payee.Book, payee.ID, t.Amount}}
	if payer.Book != payee.Book {
		entries = []Entry{
			{payer.Book, payer.ID, -t.Amount}, {payer.Book, s.Owning[payer.Book], t.Amount},
			{Rail, s.Settling[payer.Book], -t.Amount}, {Rail, s.Settling[payee.Book], t.Amount},
			{payee.Book, s.Owning[payee.Book], -t.Amount}, {payee.Book, payee.ID, t.Amount},
		}
	}
	if !s.fits(entries) {
		return nil, AmountTooLarge
	}
	payer.Held -= t.Amount
	if payer.Book != payee.Book {
		s.Accounts[s.Settling[payer.Book]].Held -= t.Amount
	}
	s.book(entries)
	t.Phase, t.Reason = Committed, Accepted
	return entries, Accepted
}

// post moves money at once between two accounts of one book.
func (s *State) post(step Step) ([]Entry, Reason) {
	if r := s.amount(step); r != Accepted {
		return nil, r
	}
	from, to := s.Accounts[step.Debit], s.Accounts[step.Credit]
	switch {
	case from == nil:
		return nil, NoSuchDebtor
	case to == nil:
		return nil, NoSuchCreditor
	case from == to || from.Book != to.Book:
		return nil, Forbidden
	case from.Currency != s.Currency || to.Currency != s.Currency:
		return nil, WrongCurrency
	case from.Closed:
		return nil, DebtorClosed
	case to.Closed:
		return nil, CreditorClosed
	}
	if !from.Bottomless {
		if free, ok := from.Available(); !ok || free < step.Amount {
			return nil, NoFunds
		}
	}
	entries := []Entry{{from.Book, from.ID, -step.Amount}, {to.Book, to.ID, step.Amount}}
	if !s.fits(entries) {
		return nil, AmountTooLarge
	}
	s.book(entries)
	return entries, Accepted
}

// fits says whether all new balances can be held; each entry is of another
// account.
func (s *State) fits(entries []Entry) bool {
	for _, e := range entries {
		if _, ok := add(s.Accounts[e.Account].Balance, e.Amount); !ok {
			return false
		}
	}
	return true
}

func (s *State) book(entries []Entry) {
	for _, e := range entries {
		s.Accounts[e.Account].Balance += e.Amount
	}
}
