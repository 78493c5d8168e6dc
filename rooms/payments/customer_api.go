package payments

import (
	"context"
	"math"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// The interface of persons and merchants, and of their programs: what the pages
// under /wallet do. Amounts are decimal strings; whoever writes sends an
// Idempotency-Key, and the same key with the same request gets the same answer.

type payNow struct {
	Body struct {
		From    string `json:"from" doc:"IBAN of the payer's account" maxLength:"34"`
		To      string `json:"to,omitempty" doc:"IBAN of the payee's account; costs you a token of the directory, which comes back with the payment" maxLength:"34"`
		Lookup  string `json:"lookup,omitempty" doc:"in its place, the answer of a lookup or of a code that was read" maxLength:"64"`
		Amount  string `json:"amount" doc:"major units with a point" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Purpose string `json:"purpose,omitempty" maxLength:"140"`
	}
}

// MovementView is one movement on an account as its holder sees it.
type MovementView struct {
	At       time.Time `json:"at"`
	Amount   string    `json:"amount" doc:"with a minus sign when it went out" example:"-1250.00"`
	Currency string    `json:"currency"`
	Name     string    `json:"name" doc:"of the other party; masked for persons who were paid"`
	Bank     string    `json:"participant_name,omitempty" doc:"of the other party, when it was paid at a connected participant"`
	Purpose  string    `json:"purpose,omitempty"`
	Transfer string    `json:"transfer,omitempty" doc:"the payment, with its receipt below /api/payments/transfers/{id}/receipt"`
}

type listMovements struct {
	api.Paging
	IBAN string `query:"account" required:"true" maxLength:"34" doc:"IBAN of the account"`
}

// ReceiptView is a payment's receipt.
type ReceiptView struct {
	Transfer string `json:"transfer"`
	Proof    string `json:"proof" doc:"a C2SP tlog-proof of the event of the payment or of its batch; sarai verify checks it offline"`
}

// LimitsView is what a person may pay.
type LimitsView struct {
	Payment   string     `json:"payment,omitempty" doc:"at once; left out when there is no limit"`
	Day       string     `json:"day,omitempty"`
	Count     int64      `json:"count,omitempty" doc:"payments in a day"`
	Spent     string     `json:"spent" doc:"today"`
	Payments  int64      `json:"payments" doc:"today"`
	CalmUntil *time.Time `json:"cool_off_until,omitempty" doc:"one of your numbers changed lately: the day's limit is lower until then"`
	RaisedAt  *time.Time `json:"raised_at,omitempty" doc:"when limits that you raised count"`
}

type setLimits struct {
	Body struct {
		Payment string `json:"payment,omitempty" doc:"left out: the country's limit" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Day     string `json:"day,omitempty" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Count   int64  `json:"count,omitempty" minimum:"0" maximum:"10000"`
	}
}

// typedAmount reads an amount of the interface, which is above zero.
func (r *Room) typedAmount(text, at string) (int64, error) {
	n, err := r.minor(text)
	if err != nil || n == 0 {
		return 0, fault.New(fault.Invalid, "payments.amount.range").At(at, "payments.amount.range")
	}
	return n, nil
}

func (r *Room) customerAPI(a *api.API) {
	byID := func(ctx context.Context, in *transferID) (Transfer, error) {
		t, err := r.transfer(ctx, in.ID)
		if err != nil {
			return Transfer{}, err
		}
		return *t, nil
	}
	api.Handle(a, api.Operation[payNow, Account]{Method: "POST", Path: "/api/payments/payments", ID: "payments-pay", Summary: "Pay at once",
		Description: "Reserves and commits in one decision. To an account at a connected participant the payment goes as a pacs.008, and that participant is asked before the money moves. A refusal by the book is a payment in phase refused with its reason; what is above your limits is a conflict.",
		Action:      "payments.account.pay", Idempotent: true, Status: 201,
		Load: func(ctx context.Context, in *payNow) (Account, error) { return r.numbered(ctx, in.Body.From) }},
		func(ctx context.Context, p gate.Permit[Account], in *payNow) (*TransferView, error) {
			amount, err := r.typedAmount(in.Body.Amount, "body.amount")
			if err != nil {
				return nil, err
			}
			search := &createTransfer{}
			search.Body.From, search.Body.To, search.Body.Lookup = in.Body.From, in.Body.To, in.Body.Lookup
			to, lookup, err := r.payeeOf(ctx, p, search)
			if err != nil {
				return nil, err
			}
			from, actor := p.Resource(), p.Who().Actor()
			if to.ID == from.ID {
				return nil, fault.New(fault.Invalid, "payments.to.self").At("body.to", "payments.to.self")
			}
			credit, iban := creditOf(&to)
			t, err := r.Pay(ctx, actor, Instant{Party: "api/" + p.Who().ID, Key: api.CommandKey(ctx).String(), Debit: from.ID, Credit: credit, Amount: amount, Currency: from.Currency, Note: Note{Purpose: in.Body.Purpose}, IBAN: iban, To: &to,
				Held: func(tx *store.Tx, transfer string) error {
					if err := useLookup(tx, lookup, actor, to.ID, transfer); err != nil {
						return err
					}
					return received(tx, transfer, amount)
				},
				Undone: func(tx *store.Tx, transfer string) error { return unreceived(tx, transfer, amount) },
				After:  r.giveBack})
			if err != nil {
				return nil, err
			}
			return r.view(p.Who(), t), nil
		})
	api.Handle(a, api.Operation[listMovements, Account]{Method: "GET", Path: "/api/payments/payments", ID: "payments-movements", Summary: "List the movements on an account", Description: "Newest first.", Action: "payments.account.read",
		Load: func(ctx context.Context, in *listMovements) (Account, error) { return r.numbered(ctx, in.IBAN) }},
		func(ctx context.Context, p gate.Permit[Account], in *listMovements) (*api.List[MovementView], error) {
			before := int64(math.MaxInt64)
			if _, err := in.After(&before); err != nil {
				return nil, err
			}
			account := p.Resource()
			var lines []Line
			err := r.db.View(ctx, func(tx *store.Tx) (err error) {
				if lines, err = history(tx, account.ID, before, in.Fetch()); err != nil {
					return err
				}
				return tellLines(tx, lines)
			})
			if err != nil {
				return nil, err
			}
			page := api.NewList(in.Paging, lines, func(l Line) []any { return []any{l.Seq} })
			out := &api.List[MovementView]{Items: []MovementView{}, Next: page.Next}
			for _, l := range page.Items {
				out.Items = append(out.Items, MovementView{At: l.At, Amount: r.signedPlain(l.Amount), Currency: account.Currency, Name: l.Name("en"), Bank: l.BankEn, Purpose: l.Purpose, Transfer: l.Transfer})
			}
			return out, nil
		})
	api.Handle(a, api.Operation[transferID, Transfer]{Method: "GET", Path: "/api/payments/transfers/{id}/receipt", ID: "payments-receipt", Summary: "Get the receipt of a payment", Action: "payments.transfer.read", Load: byID},
		func(ctx context.Context, p gate.Permit[Transfer], _ *transferID) (*ReceiptView, error) {
			t := p.Resource()
			if r.wants.Log == nil || t.Phase != ledger.Committed || !mayHaveReceipt(&t, p.Who().ID) {
				return nil, fault.New(fault.NotFound, "payments.receipt.none")
			}
			proof, err := r.Receipt(ctx, &t)
			if err != nil {
				return nil, err
			}
			return &ReceiptView{t.ID, string(proof)}, nil
		})
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: "/api/payments/limits", ID: "payments-limits", Summary: "Read what you may pay", Action: "payments.limit.set"},
		func(ctx context.Context, p gate.Permit[gate.House], _ *none) (*LimitsView, error) {
			return r.viewLimits(ctx, p.Who().ID)
		})
	api.Handle(a, api.Operation[setLimits, gate.House]{Method: "PUT", Path: "/api/payments/limits", ID: "payments-limits-set", Summary: "Set lower limits of your own", Description: "What is lower counts at once, what is higher after a day.", Action: "payments.limit.set", Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *setLimits) (*LimitsView, error) {
			want := Limits{Count: in.Body.Count}
			for _, x := range []struct {
				field, text string
				to          *int64
			}{{"payment", in.Body.Payment, &want.Payment}, {"day", in.Body.Day, &want.Day}} {
				if x.text == "" {
					continue
				}
				n, err := r.typedAmount(x.text, "body."+x.field)
				if err != nil {
					return nil, err
				}
				*x.to = n
			}
			if err := r.setLimits(ctx, p.Who().Actor(), p.Who().ID, want); err != nil {
				return nil, err
			}
			return r.viewLimits(ctx, p.Who().ID)
		})
	r.requestAPI(a)
	r.disputeAPI(a, byID)
}

func (r *Room) viewLimits(ctx context.Context, person string) (*LimitsView, error) {
	s, err := r.SpendingOf(ctx, person)
	if err != nil {
		return nil, err
	}
	v := &LimitsView{Count: s.Count, Spent: r.plain(s.Spent), Payments: s.Payments}
	if s.Payment > 0 {
		v.Payment = r.plain(s.Payment)
	}
	if s.Day > 0 {
		v.Day = r.plain(s.Day)
	}
	if !s.CalmUntil.IsZero() {
		v.CalmUntil = &s.CalmUntil
	}
	if r.clock.Now().Before(s.Own.From) {
		v.RaisedAt = &s.Own.From
	}
	return v, nil
}

// numbered finds an account by its number; the gate says whose it has to be.
func (r *Room) numbered(ctx context.Context, iban string) (Account, error) {
	parsed, err := r.pack.IBAN.Parse(iban)
	if err != nil {
		return Account{}, err
	}
	found, err := r.account(ctx, func(tx *store.Tx) (*Account, error) { return accountByIBAN(tx, string(parsed)) })
	if err != nil {
		return Account{}, err
	}
	return *found, nil
}
