package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// TransferView is a transfer as the interface shows it. Amounts are decimal
// strings: JSON numbers are floats in many readers.
type TransferView struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference"`
	Phase       string    `json:"phase" enum:"reserved,committed,aborted,expired,refused"`
	Reason      string    `json:"reason,omitempty" doc:"ISO 20022 ExternalStatusReason1Code of a refusal or an end"`
	Amount      string    `json:"amount" example:"1250.00"`
	Currency    string    `json:"currency" example:"PKR"`
	Payee       string    `json:"payee" doc:"name of the payee, masked for persons; the participant's, when it is a connected one that has not told the payee's"`
	Participant string    `json:"participant,omitempty" doc:"of the payee"`
	Expires     time.Time `json:"expires" doc:"end of the reservation"`
	Event       string    `json:"event,omitempty" doc:"event of the commit, for the receipt"`
}

// view shows a transfer. A participant that reserves by account number is not
// told the name before the payment is made: names come from lookups.
func (r *Room) view(who gate.Principal, t *Transfer) *TransferView {
	v := &TransferView{ID: t.ID, Reference: t.Reference, Phase: string(t.Phase), Reason: string(t.Reason), Amount: r.plain(t.Amount), Currency: t.Currency, Expires: t.Expires, Event: t.Event}
	if t.Payee != nil && (who.Kind != gate.Client || t.Phase == ledger.Committed) {
		v.Payee, v.Participant = t.payee().Payee("en"), t.Payee.Book
	}
	return v
}

type createTransfer struct {
	Body struct {
		From    string `json:"from" doc:"IBAN of the payer's account" maxLength:"34"`
		To      string `json:"to,omitempty" doc:"IBAN of the payee's account; costs you a token of the directory, which comes back with the commit. An account at a connected participant is paid at once, not reserved for: payments-pay" maxLength:"34"`
		Lookup  string `json:"lookup,omitempty" doc:"in its place, the answer of a lookup" maxLength:"64"`
		Amount  string `json:"amount" doc:"major units with a point" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Purpose string `json:"purpose,omitempty" maxLength:"140"`
		Seconds int    `json:"seconds,omitempty" doc:"how long the reservation holds; 20 when left out" minimum:"1" maximum:"300"`
	}
}

type transferID struct {
	ID string `path:"id" maxLength:"64"`
}

type readCode struct {
	Body struct {
		Code string `json:"code" doc:"the text of a QR code, an IBAN or a mobile number" maxLength:"2048"`
	}
}

// IntentView is what a code asks for.
type IntentView struct {
	Payee       string `json:"payee" doc:"the payee's name from our books; masked for persons"`
	PayeeUrdu   string `json:"payee_ur,omitempty"`
	Participant string `json:"participant"`
	Confirmed   bool   `json:"confirmed" doc:"false: payee is the name of a connected participant, which has not told the directory whose account it is"`
	Amount      string `json:"amount,omitempty" doc:"left out when the payer says how much"`
	Currency    string `json:"currency"`
	Purpose     string `json:"purpose,omitempty"`
	Fee         string `json:"fee,omitempty"`
	Signed      bool   `json:"signed" doc:"the code bears the rail's signature and it holds"`
	Lookup      string `json:"lookup,omitempty" doc:"give it with the payment that follows, and the token it cost comes back"`
}

type payFee struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		From string `json:"from" doc:"IBAN of the payer's account" maxLength:"34"`
	}
}

// AccountView is an account as its holder sees it.
type AccountView struct {
	IBAN        string `json:"iban"`
	Participant string `json:"participant"`
	Kind        string `json:"kind"`
	Balance     string `json:"balance"`
	Available   string `json:"available"`
	Currency    string `json:"currency"`
}

type none struct{}

// api registers the JSON interface.
func (r *Room) api(a *api.API) {
	r.participantAPI(a)
	r.customerAPI(a)
	byIBAN := func(ctx context.Context, iban string) (Account, error) {
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
	byID := func(ctx context.Context, in *transferID) (Transfer, error) {
		t, err := r.transfer(ctx, in.ID)
		if err != nil {
			return Transfer{}, err
		}
		return *t, nil
	}
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: "/api/payments/accounts", ID: "payments-accounts", Summary: "List your accounts", Action: "payments.wallet.see"},
		func(ctx context.Context, p gate.Permit[gate.House], _ *none) (*[]AccountView, error) {
			out := []AccountView{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := accountsOf(tx, p.Who().ID)
				for _, a := range list {
					free, _ := a.Available()
					out = append(out, AccountView{a.IBAN, a.Book, a.Kind, r.plain(a.Balance), r.plain(free), a.Currency})
				}
				return err
			})
			return &out, err
		})
	api.Handle(a, api.Operation[createTransfer, Account]{Method: "POST", Path: "/api/payments/transfers", ID: "payments-transfer-reserve", Summary: "Reserve a payment",
		Description: "Holds the amount. Commit it before the reservation ends, or the money goes back. A refusal is a transfer in phase refused with its reason; the same Idempotency-Key gives the same answer.",
		Action:      "payments.account.pay", Idempotent: true, Status: 201,
		Load: func(ctx context.Context, in *createTransfer) (Account, error) { return byIBAN(ctx, in.Body.From) }},
		func(ctx context.Context, p gate.Permit[Account], in *createTransfer) (*TransferView, error) {
			to, lookup, err := r.payeeOf(ctx, p, in)
			if err == nil && to.away() {
				err = fault.New(fault.Invalid, "payments.outward.at-once").At("body.to", "payments.outward.at-once")
			}
			if err != nil {
				return nil, err
			}
			amount, err := r.minor(in.Body.Amount)
			if err != nil {
				return nil, fault.New(fault.Invalid, "payments.amount.range").At("body.amount", "payments.amount.range")
			}
			seconds := time.Duration(in.Body.Seconds) * time.Second
			if seconds == 0 {
				seconds = ReservationTime
			}
			t, err := r.reserve(ctx, p, to, lookup, amount, in.Body.Purpose, seconds)
			if err != nil {
				return nil, err
			}
			return r.view(p.Who(), t), nil
		})
	for _, f := range []struct {
		kind ledger.Kind
		verb string
	}{{ledger.Commit, "commit"}, {ledger.Abort, "abort"}} {
		api.Handle(a, api.Operation[transferID, Transfer]{Method: "POST", Path: "/api/payments/transfers/{id}/" + f.verb, ID: "payments-transfer-" + f.verb,
			Summary: map[string]string{"commit": "Commit a reserved payment", "abort": "Give a reservation back"}[f.verb], Action: "payments.transfer.finish", Idempotent: true, Load: byID},
			func(ctx context.Context, p gate.Permit[Transfer], in *transferID) (*TransferView, error) {
				_, err := r.ledger.Do(ctx, Work{Currency: p.Resource().Currency, Actor: p.Who().Actor(),
					Steps: []ledger.Step{{Kind: f.kind, Transfer: in.ID, Party: "api/" + p.Who().ID, Key: api.CommandKey(ctx).String()}},
					After: func(tx *store.Tx, rows []ledger.Row) error {
						if rows[0].Ended() != "" && rows[0].Ended() != ledger.Committed {
							return unpaid(tx, in.ID)
						}
						if f.kind != ledger.Commit || !rows[0].Accepted() {
							return nil
						}
						return r.giveBack(tx, in.ID)
					}})
				if err != nil {
					return nil, err
				}
				t, err := r.transfer(ctx, in.ID)
				if err != nil {
					return nil, err
				}
				return r.view(p.Who(), t), nil
			})
	}
	api.Handle(a, api.Operation[transferID, Transfer]{Method: "GET", Path: "/api/payments/transfers/{id}", ID: "payments-transfer", Summary: "Read a payment", Action: "payments.transfer.read", Load: byID},
		func(_ context.Context, p gate.Permit[Transfer], _ *transferID) (*TransferView, error) {
			t := p.Resource()
			return r.view(p.Who(), &t), nil
		})
	api.Handle(a, api.Operation[readCode, gate.House]{Method: "POST", Path: "/api/payments/codes/read", ID: "payments-code-read", Summary: "Read a QR code, an IBAN or a mobile number", Action: "payments.code.read"},
		func(ctx context.Context, p gate.Permit[gate.House], in *readCode) (*IntentView, error) {
			// the directory is no telephone book: no more answers than on the page
			if err := web.Limit(ctx, "payments.code.read", readings); err != nil {
				return nil, err
			}
			i, err := r.Read(ctx, asker(p.Who(), nil), in.Body.Code)
			if err != nil {
				return nil, err
			}
			v := &IntentView{Payee: i.Payee.Payee("en"), PayeeUrdu: i.Payee.Payee("ur"), Participant: i.Payee.Book, Confirmed: i.Payee.Kind != KindParticipant, Currency: i.Payee.Currency, Purpose: i.Purpose, Signed: i.Checked, Lookup: i.Lookup}
			if i.Amount > 0 {
				v.Amount = r.plain(i.Amount)
			}
			if i.Fee != nil {
				v.Fee = i.Fee.ID
			}
			return v, nil
		})
	api.Handle(a, api.Operation[payFee, Account]{Method: "POST", Path: "/api/payments/fees/{id}/pay", ID: "payments-fee-pay", Summary: "Pay a fee at once", Action: "payments.account.pay", Idempotent: true,
		Load: func(ctx context.Context, in *payFee) (Account, error) { return byIBAN(ctx, in.Body.From) }},
		func(ctx context.Context, p gate.Permit[Account], in *payFee) (*TransferView, error) {
			f, err := r.fee(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			from := p.Resource()
			t, err := r.PayFee(ctx, p.Who(), &from, f, "api/"+p.Who().ID, api.CommandKey(ctx).String())
			if err != nil {
				return nil, err
			}
			return r.view(p.Who(), t), nil
		})
}

// payeeOf finds the payee of a reservation: by a lookup, or by account number.
// Whoever asks by account number as a person pays for the name like everybody.
func (r *Room) payeeOf(ctx context.Context, p gate.Permit[Account], in *createTransfer) (to Account, lookup string, err error) {
	from := p.Resource()
	var found *Account
	switch {
	case in.Body.Lookup != "":
		lookup = in.Body.Lookup
		found, err = r.lookupFor(ctx, lookup, p.Who().Actor())
	case p.Who().Kind == gate.Client:
		var iban country.IBAN
		if iban, err = r.pack.IBAN.Parse(in.Body.To); err == nil {
			found, err = r.account(ctx, func(tx *store.Tx) (*Account, error) { return payeeByIBAN(tx, string(iban), r.pack.Currency.Code) })
		}
	default:
		var iban country.IBAN
		if iban, err = r.pack.IBAN.Parse(in.Body.To); err != nil {
			return to, "", err
		}
		by := asker(p.Who(), &from)
		answer, left, failed := r.lookUp(ctx, by, aliasKey{kind: aliasIBAN, iban: string(iban)})
		if tellLimit(ctx, by.Policy, left, failed); failed != nil {
			return to, "", failed
		}
		found, lookup = answer.Account, answer.ID
	}
	if err != nil {
		return to, "", err
	}
	return *found, lookup, nil
}

// reserve holds an amount for a later commit.
func (r *Room) reserve(ctx context.Context, p gate.Permit[Account], to Account, lookup string, amount int64, purpose string, hold time.Duration) (*Transfer, error) {
	from, id := p.Resource(), r.newID()
	rows, err := r.ledger.Do(ctx, Work{Currency: from.Currency, Actor: p.Who().Actor(), Notes: map[string]Note{id: {Reference: r.newReference(), Purpose: purpose}},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: id, Party: "api/" + p.Who().ID, Key: api.CommandKey(ctx).String(), Debit: from.ID, Credit: to.ID, Amount: amount, Currency: from.Currency,
			Expires: r.clock.Now().Add(hold), Memo: []byte(purpose)}},
		Before: func(tx *store.Tx) error { return r.mayPay(tx, from.ID, to.ID, amount) },
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if !rows[0].Accepted() {
				return nil
			}
			if err := useLookup(tx, lookup, p.Who().Actor(), to.ID, id); err != nil {
				return err
			}
			if err := r.paid(tx, id, from.ID, to.ID, amount); err != nil {
				return err
			}
			return received(tx, id, amount)
		}})
	if err != nil {
		return nil, err
	}
	return r.transfer(ctx, rows[0].Transfer)
}
