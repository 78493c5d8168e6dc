package payments

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// OrderTime is how long somebody may think about a payment before confirming it.
const OrderTime = 15 * time.Minute

// Order is a payment that its payer is about to confirm. Its id is the
// idempotency key: pressing the button twice pays once.
type Order struct {
	ID       string
	Subject  string
	Debit    string
	Credit   string
	Amount   int64 // 0: the payer says
	Currency string
	Purpose  string
	Fee      string
	Checked  bool
	Created  time.Time
	Expires  time.Time
	Transfer string   // "" until it was confirmed
	IBAN     string   // of the payee, at a connected participant
	Outside  *Account // who that is, as far as the payer was told; nil for accounts of the house
	Payer    *Account
	Payee    *Account
	Warn     Warning // what the directory knows about the payee
}

// GateResource tells the gate whose order it is.
func (o Order) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsOrder", ID: o.ID, Attrs: map[string]any{"subject": o.Subject}}
}

const orderColumns = "id, subject, debit, credit, amount, currency, purpose, fee, checked, created, expires, transfer, payee_iban"

func scanOrder(scan store.Scan) (*Order, error) {
	var o Order
	var created, expires int64
	err := scan(&o.ID, &o.Subject, &o.Debit, &o.Credit, &o.Amount, &o.Currency, &o.Purpose, &o.Fee, &o.Checked, &created, &expires, &o.Transfer, &o.IBAN)
	o.Created, o.Expires = store.Time(created), store.Time(expires)
	return &o, err
}

func getOrder(tx *store.Tx, id string) (*Order, error) {
	o, err := store.Get(tx, scanOrder, "select "+orderColumns+" from payments_order where id = $1", id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.order.unknown").Because(err)
	}
	if err != nil {
		return nil, err
	}
	if o.Payer, err = getAccount(tx, o.Debit); err != nil {
		return nil, err
	}
	if o.Payee, err = getAccount(tx, o.Credit); err == nil && o.IBAN != "" {
		o.Payee.IBAN = o.IBAN
		if o.Outside, err = told(tx, o.ID, o.Payee); o.Outside == nil {
			o.Outside = o.Payee
		}
	}
	if err == nil && o.Transfer == "" {
		o.Warn, err = warning(tx, o)
	}
	return o, err
}

// payee is who is paid, as the payer is shown.
func (o *Order) payee() *Account {
	if o.Outside != nil {
		return o.Outside
	}
	return o.Payee
}

func (r *Room) order(ctx context.Context, id string) (o *Order, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		o, err = getOrder(tx, id)
		return err
	})
	return o, err
}

// prepare writes an order for what was read from a code.
func (r *Room) prepare(ctx context.Context, actor, subject string, from *Account, in *Intent) (string, error) {
	if in.Payee.ID == from.ID {
		return "", fault.New(fault.Invalid, "payments.to.self").At("to", "payments.to.self")
	}
	id, fee := r.newID(), ""
	credit, iban := creditOf(in.Payee)
	if in.Fee != nil {
		fee = in.Fee.ID
	}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		if err := useLookup(tx, in.Lookup, actor, in.Payee.ID, id); err != nil {
			return err
		}
		_, err := tx.Exec("insert into payments_order ("+orderColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12)",
			id, subject, from.ID, credit, in.Amount, from.Currency, in.Purpose, fee, in.Checked, store.Micros(tx.Now()), store.Micros(tx.Now().Add(OrderTime)), iban)
		if err != nil || iban == "" {
			return err
		}
		return tell(tx, id, in.Payee)
	})
	return id, err
}

// confirm pays an order. amount is what the payer said, used only when the code
// left it open. A refusal by the book is in the transfer, not an error.
func (r *Room) confirm(ctx context.Context, actor string, o *Order, amount int64) (*Transfer, error) {
	switch {
	case o.Transfer != "":
		return r.transfer(ctx, o.Transfer)
	case !r.clock.Now().Before(o.Expires):
		return nil, fault.New(fault.Gone, "payments.order.expired")
	}
	if o.Amount > 0 {
		amount = o.Amount
	}
	if err := checkAmount(amount); err != nil {
		return nil, err
	}
	return r.Pay(ctx, actor, Instant{
		Party: "wallet/" + o.Subject, Key: o.ID, Debit: o.Debit, Credit: o.Credit, Amount: amount, Currency: o.Currency, IBAN: o.IBAN, To: o.Outside,
		Note: Note{Purpose: o.Purpose, Fee: o.Fee},
		Before: func(tx *store.Tx) error {
			if err := allowCalm(tx, o.ID, amount); err != nil {
				return err
			}
			return holdFee(tx, o.Fee, o.Credit, amount)
		},
		Held:   func(tx *store.Tx, _ string) error { return received(tx, o.ID, amount) },
		Undone: func(tx *store.Tx, _ string) error { return unreceived(tx, o.ID, amount) },
		After: func(tx *store.Tx, transfer string) error {
			if err := settleFee(tx, o.Fee, transfer, actor); err != nil {
				return err
			}
			if err := r.giveBack(tx, o.ID); err != nil {
				return err
			}
			_, err := tx.Exec("update payments_order set transfer = $2 where id = $1", o.ID, transfer)
			return err
		},
	})
}

// checkAmount says in words what the book would refuse with a code.
func checkAmount(amount int64) error {
	if amount <= 0 || amount > ledger.MaxAmount {
		return fault.New(fault.Invalid, "payments.amount.range").At("amount", "payments.amount.range")
	}
	return nil
}
