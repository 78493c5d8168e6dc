package ledger

// Reason is a code of ISO 20022's external code list ExternalStatusReason1Code:
// why a step was refused. The empty reason means that it was accepted.
type Reason string

// The reasons the book gives.
const (
	Accepted          Reason = ""
	SettlementTimeout Reason = "AB03" // the reservation's time was over
	AlreadyAborted    Reason = "AB04" // the reservation was given back before
	NoSuchDebtor      Reason = "AC02"
	NoSuchCreditor    Reason = "AC03"
	DebtorClosed      Reason = "AC05"
	AccountBlocked    Reason = "AC06"
	CreditorClosed    Reason = "AC07"
	Forbidden         Reason = "AG01" // not between these two accounts
	ZeroAmount        Reason = "AM01"
	AmountTooLarge    Reason = "AM02"
	WrongCurrency     Reason = "AM03"
	NoFunds           Reason = "AM04"
	Duplicate         Reason = "AM05"
	InvalidAmount     Reason = "AM12"
	NoSettlementFunds Reason = "AM23" // the participant's prefund does not cover it
	CreditorBankAway  Reason = "CNOR"
	DebtorBankAway    Reason = "DNOR"
	InvalidDate       Reason = "DT01"
	NoSuchTransfer    Reason = "NOOR"
)

// Reasons are all codes the book can give, for texts and their test.
func Reasons() []Reason {
	return []Reason{SettlementTimeout, AlreadyAborted, NoSuchDebtor, NoSuchCreditor, DebtorClosed, AccountBlocked, CreditorClosed, Forbidden, ZeroAmount,
		AmountTooLarge, WrongCurrency, NoFunds, Duplicate, InvalidAmount, NoSettlementFunds, CreditorBankAway, DebtorBankAway, InvalidDate, NoSuchTransfer}
}
