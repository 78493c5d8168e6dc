package payments

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Where a fee comes from.
const (
	originService = "service" // another room asked for it
	originTill    = "till"    // a merchant's sale
)

// Phases of a fee. That its time is over is told by the clock, not by a row.
const (
	feeAsked     = "asked"
	feePaid      = "paid"
	feeCancelled = "cancelled" // another fee of the same cause was paid
)

// FeeRequest is what another room asks to be paid.
type FeeRequest struct {
	Key      string    // the asker's own, once only: "<application>" or "<application>/1"
	Cause    string    // why: of all fees of one cause one is paid at most; "" stands alone
	Subject  string    // pseudonym of the person who is asked
	Payee    string    // office whose account is paid: "agpr.treasury"
	Amount   int64     // minor units
	Currency string    // ISO 4217
	Purpose  string    // one line the payer reads
	Expires  time.Time // after this it cannot be paid
	Page     string    // path of the asker's page on which the payer goes on; may be empty
}

// Fee is a sum that is asked for once: by a service, or by a merchant at a till.
type Fee struct {
	ID        string
	Origin    string
	Key       string
	Cause     string
	Reference string
	Subject   string
	Payee     string
	Account   string
	Amount    int64
	Currency  string
	Purpose   string
	Phase     string
	Asked     time.Time
	Expires   time.Time
	Transfer  string
	Paid      time.Time
	SettledBy string   // the fee that was paid in its stead
	Page      string   // where the payer goes on; may be empty
	Holder    *Account // the payee, when read with it
}

// GateResource tells the gate what is asked, and of whom.
func (f Fee) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsFee", ID: f.ID, Attrs: map[string]any{"payee": f.Payee, "origin": f.Origin, "asked_of": f.Subject}}
}

// Ask asks for a fee in the caller's transaction and gives its id; the page is
// /pay/{id}. The same key with the same request gives the same fee. When a fee
// of the same cause is paid already, nothing more is asked and its id is given.
func (r *Room) Ask(tx *store.Tx, q FeeRequest) (string, error) {
	a, err := governmentAccount(tx, q.Payee, q.Currency)
	if err != nil {
		return "", fmt.Errorf("account of %s: %w", q.Payee, err)
	}
	return r.ask(tx, originService, q, a, "system/payments")
}

func (r *Room) ask(tx *store.Tx, origin string, q FeeRequest, a *Account, actor string) (string, error) {
	if q.Amount <= 0 || q.Amount > ledger.MaxAmount {
		return "", fault.New(fault.Invalid, "payments.amount.range").At("amount", "payments.amount.range")
	}
	if !q.Expires.After(tx.Now()) || q.Key == "" {
		return "", fault.New(fault.Invalid, "payments.fee.no-time")
	}
	before, err := store.Get(tx, scanFee, "select "+feeColumns+" from payments_fee where origin = $1 and asked_key = $2", origin, q.Key)
	if err == nil {
		if before.Subject != q.Subject || before.Amount != q.Amount || before.Currency != q.Currency || before.Account != a.ID {
			return "", fault.New(fault.Conflict, "payments.key.reused")
		}
		return before.ID, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	siblings, err := lockCause(tx, q.Cause)
	if err != nil {
		return "", err
	}
	for _, f := range siblings {
		if f.Phase == feePaid {
			return f.ID, nil
		}
	}
	f := Fee{ID: r.newID(), Reference: r.newReference()}
	_, err = tx.Exec("insert into payments_fee ("+feeColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', 0, $14, '', $15)",
		f.ID, origin, q.Key, f.Reference, q.Subject, q.Payee, a.ID, q.Amount, q.Currency, q.Purpose, feeAsked, store.Micros(tx.Now()), store.Micros(q.Expires), q.Cause, q.Page)
	if err != nil {
		return "", fmt.Errorf("write the fee: %w", err)
	}
	event := FeeAsked
	if origin == originTill {
		event = SaleAsked
	}
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/fee/" + f.ID, Actor: actor,
		Data: FeeData{Fee: f.ID, Key: q.Key, Payee: q.Payee, Account: a.ID, Amount: q.Amount, Currency: q.Currency, Expires: q.Expires.UTC()}})
	return f.ID, nil
}

// next is where the payer of a service's fee goes on.
func (f *Fee) next() string {
	if f.Page != "" {
		return f.Page
	}
	return "/applications"
}

const feeColumns = "id, origin, asked_key, reference, subject, payee, account, amount, currency, purpose, phase, asked, expires, transfer, paid, cause, settled_by, page"

func scanFee(scan store.Scan) (*Fee, error) {
	var f Fee
	var asked, expires, paid int64
	err := scan(&f.ID, &f.Origin, &f.Key, &f.Reference, &f.Subject, &f.Payee, &f.Account, &f.Amount, &f.Currency, &f.Purpose, &f.Phase, &asked, &expires, &f.Transfer, &paid, &f.Cause, &f.SettledBy, &f.Page)
	f.Asked, f.Expires = store.Time(asked), store.Time(expires)
	if paid > 0 {
		f.Paid = store.Time(paid)
	}
	return &f, err
}

// getFee reads a fee with its payee.
func getFee(tx *store.Tx, id string) (*Fee, error) {
	f, err := store.Get(tx, scanFee, "select "+feeColumns+" from payments_fee where id = $1", id)
	return withHolder(tx, f, err)
}

func feeByReference(tx *store.Tx, reference string) (*Fee, error) {
	f, err := store.Get(tx, scanFee, "select "+feeColumns+" from payments_fee where reference = $1", reference)
	return withHolder(tx, f, err)
}

func withHolder(tx *store.Tx, f *Fee, err error) (*Fee, error) {
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.fee.unknown").Because(err)
	}
	if err != nil {
		return nil, err
	}
	f.Holder, err = getAccount(tx, f.Account)
	return f, err
}

// Payable says whether the fee can be paid at a time; the fault says why not in
// words for the payer.
func (f *Fee) Payable(at time.Time) error {
	switch {
	case f.Phase == feeCancelled:
		return fault.New(fault.Conflict, "payments.fee.settled", "reference", f.Reference)
	case f.Phase == feePaid:
		return fault.New(fault.Conflict, "payments.fee.already-paid", "reference", f.Reference)
	case !at.Before(f.Expires):
		return fault.New(fault.Gone, "payments.fee.expired", "reference", f.Reference)
	}
	return nil
}

// lockCause locks all fees of a cause, in the order of their ids. Whoever asks
// anew and whoever pays wait here for each other.
func lockCause(tx *store.Tx, cause string) ([]*Fee, error) {
	if cause == "" {
		return nil, nil
	}
	list, err := store.List(tx, scanFee, "select "+feeColumns+" from payments_fee where cause = $1 and cause <> '' order by id for update", cause)
	if err != nil {
		return nil, fmt.Errorf("lock the fees of a cause: %w", err)
	}
	return list, nil
}

// holdFee locks the fee in the transaction that pays it and makes sure that it can
// still be paid, by this sum to this account.
func holdFee(tx *store.Tx, id, account string, amount int64) error {
	if id == "" {
		return nil // a payment that pays no fee
	}
	cause, err := store.Get(tx, store.Value[string], "select cause from payments_fee where id = $1", id)
	if err != nil {
		return err
	}
	if _, err := lockCause(tx, cause); err != nil {
		return err
	}
	f, err := store.Get(tx, scanFee, "select "+feeColumns+" from payments_fee where id = $1 for update", id)
	if err != nil {
		return err
	}
	if err := f.Payable(tx.Now()); err != nil {
		return err
	}
	if f.Account != account || f.Amount != amount {
		return fault.New(fault.Invalid, "payments.fee.other-amount").At("amount", "payments.fee.other-amount")
	}
	return nil
}

// settleFee notes in the paying transaction that the fee is paid, and ends all
// other requests of its cause: their codes and links can no longer be paid.
func settleFee(tx *store.Tx, id, transfer, actor string) error {
	if id == "" {
		return nil
	}
	f, err := store.Get(tx, scanFee, "update payments_fee set phase = $2, transfer = $3, paid = $4 where id = $1 and phase = $5 returning "+feeColumns, id, feePaid, transfer, store.Micros(tx.Now()), feeAsked)
	if err != nil {
		return fmt.Errorf("note the payment of the fee: %w", err)
	}
	event := FeePaid
	if f.Origin == originTill {
		event = SalePaid
	}
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/fee/" + f.ID, Actor: actor,
		Data: PaidData{Fee: f.ID, Key: f.Key, Transfer: transfer, Account: f.Account, Amount: f.Amount, Currency: f.Currency}})
	if f.Cause == "" {
		return nil
	}
	others, err := store.List(tx, scanFee, "update payments_fee set phase = $3, settled_by = $2 where cause = $1 and cause <> '' and id <> $2 and phase = $4 returning "+feeColumns, f.Cause, f.ID, feeCancelled, feeAsked)
	if err != nil {
		return fmt.Errorf("end the other requests of the cause: %w", err)
	}
	for _, o := range others {
		tx.Emit(store.Event{Type: FeeCancelled, Version: 1, Subject: "payments/fee/" + o.ID, Actor: "system/payments", Data: CancelledData{Fee: o.ID, Key: o.Key, SettledBy: f.ID}})
	}
	return nil
}

// PayFee pays a fee at once from an account. The same party and key get the same
// transfer; a fee that is paid already is a conflict, one whose time is over is
// gone.
func (r *Room) PayFee(ctx context.Context, who gate.Principal, from *Account, f *Fee, party, key string) (*Transfer, error) {
	return r.Pay(ctx, who.Actor(), Instant{Party: party, Key: key, Debit: from.ID, Credit: f.Account, Amount: f.Amount, Currency: f.Currency,
		Note:   Note{Purpose: f.Purpose, Fee: f.ID},
		Before: func(tx *store.Tx) error { return holdFee(tx, f.ID, f.Account, f.Amount) },
		After:  func(tx *store.Tx, transfer string) error { return settleFee(tx, f.ID, transfer, who.Actor()) },
	})
}

// sales lists the last sales of a till's account, newest first.
func sales(tx *store.Tx, account string, limit int) ([]*Fee, error) {
	return store.List(tx, scanFee, "select "+feeColumns+" from payments_fee where account = $1 and origin = $2 order by asked desc, id desc limit $3", account, originTill, limit)
}

// fee reads a fee outside a transaction.
func (r *Room) fee(ctx context.Context, id string) (f *Fee, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		f, err = getFee(tx, id)
		return err
	})
	return f, err
}
