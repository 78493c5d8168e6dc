package ledger

import (
	"maps"
	"slices"
)

// between gives the accounts in the rail's book over which payments between two
// participants are booked: settlement accounts, or position accounts when they
// are settled net.
func (s *State) between(net bool) map[string]*Account {
	if net {
		return s.Netting
	}
	return s.Settling
}

// cut ends the window. What each participant sent and received net of each other
// in it leaves its position account for its obligation account, where it stays
// until it is settled; the dues stand in the row and add up to zero, because each
// payment changes two positions by the same amount.
//
// What is still reserved stays held on the position account and, when it is
// committed, belongs to the next window. If it was covered by what the participant
// had received before, the position is then below its floor until money comes in,
// and nothing new can be reserved.
func (s *State) cut(step Step, row *Row) {
	for _, bank := range slices.Sorted(maps.Keys(s.Netting)) {
		position, owing := s.Netting[bank], s.Owing[bank]
		if position.Balance == 0 {
			continue
		}
		if owing == nil {
			row.Reason, row.Dues = DebtorBankAway, nil
			return
		}
		if _, ok := add(owing.Balance, position.Balance); !ok {
			row.Reason, row.Dues = AmountTooLarge, nil
			return
		}
		row.Dues = append(row.Dues, Due{bank, position.Balance})
	}
	for _, d := range row.Dues {
		position, owing := s.Netting[d.Participant], s.Owing[d.Participant]
		s.touch(position)
		s.touch(owing)
		position.Balance -= d.Amount
		owing.Balance += d.Amount
	}
	row.Net = step.Net
	s.Window++
	s.Net = step.Net
}

// mayOwe is what a participant may still reserve for payments to others: in a
// gross window what its settlement account has, in a net one what its net debit
// cap leaves. The cap is the settlement account's floor in both.
func (s *State) mayOwe(bank string) (int64, bool) {
	if !s.Net {
		return s.Settling[bank].Available()
	}
	position := *s.Netting[bank]
	position.Floor = s.Settling[bank].Floor
	return position.Available()
}

// mayLeave is what can be posted from an account. What leaves a settlement account
// must be there: the net debit cap is for payments.
func mayLeave(from *Account) (int64, bool) {
	if from.Bottomless {
		return MaxAmount, true
	}
	a := *from
	if a.Role == Settlement {
		a.Floor = max(a.Floor, 0)
	}
	return a.Available()
}

// mayPost says whether money may be posted between two accounts of one book:
// positions move by payments and cuts only, and what is owed goes to or comes from
// the same participant's settlement account.
func mayPost(from, to *Account) bool {
	if from.Role == Position || to.Role == Position {
		return false
	}
	if from.Role == Obligation || to.Role == Obligation {
		return from.Holder == to.Holder && (from.Role == Settlement || to.Role == Settlement)
	}
	return true
}
