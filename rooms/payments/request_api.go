package payments

import (
	"context"
	"slices"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// RequestView is a request to pay as one of its sides sees it.
type RequestView struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	State     string    `json:"state" enum:"asked,paid,refused,expired,withdrawn"`
	Urgency   string    `json:"urgency" enum:"now,later"`
	Asker     string    `json:"asker" doc:"who asks, in full"`
	AskerUrdu string    `json:"asker_ur,omitempty"`
	Payer     string    `json:"payer" doc:"who is asked; masked for persons, unless you are asked"`
	Bank      string    `json:"participant" doc:"of the account that receives"`
	Amount    string    `json:"amount" example:"1250.00"`
	Currency  string    `json:"currency"`
	Purpose   string    `json:"purpose"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Reason    string    `json:"reason,omitempty" doc:"ISO 20022 ExternalStatusReason1Code of a refusal"`
	Words     string    `json:"words,omitempty"`
	Transfer  string    `json:"transfer,omitempty" doc:"that paid it"`
	Agreed    int64     `json:"agreed_reports,omitempty" doc:"reports of fraud about who asks on which both participants agreed"`
}

func (r *Room) viewRequest(who gate.Principal, q *Request) *RequestView {
	v := &RequestView{ID: q.ID, Reference: q.Reference, State: q.stage(r.clock.Now()), Urgency: q.Urgency, Asker: q.To.Name("en"), AskerUrdu: q.To.NameUr, Payer: q.From.Payee("en"), Bank: q.To.Book,
		Amount: r.plain(q.Amount), Currency: q.Currency, Purpose: q.Purpose, Made: q.Made, Expires: q.Expires, Reason: string(q.Reason), Words: q.Words, Transfer: q.Transfer}
	if q.Payer == who.ID {
		v.Payer, v.Agreed = q.From.Name("en"), q.Agreed
	}
	return v
}

type createRequest struct {
	Body struct {
		Account string    `json:"account" doc:"IBAN of your account that is to receive" maxLength:"34"`
		Of      string    `json:"of,omitempty" doc:"mobile number, national number or account number of the payer; costs you a token of the directory" maxLength:"64"`
		Lookup  string    `json:"lookup,omitempty" doc:"in its place, the answer of a lookup" maxLength:"64"`
		Amount  string    `json:"amount" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Purpose string    `json:"purpose" minLength:"1" maxLength:"140" doc:"the payer reads it"`
		Urgency string    `json:"urgency" enum:"now,later" doc:"now: within minutes; later: until expires"`
		Expires time.Time `json:"expires,omitempty" doc:"for later"`
		Number  string    `json:"end_to_end,omitempty" doc:"your own number of it" maxLength:"35"`
	}
}

type requestID struct {
	ID string `path:"id" maxLength:"64"`
}

type listRequests struct {
	Side string `query:"side" enum:"payer,asker" default:"payer" doc:"those you are asked, or those you asked"`
}

type payRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		From string `json:"from" doc:"IBAN of your account" maxLength:"34"`
	}
}

type refuseRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Reason string `json:"reason" enum:"CUST,AM09,BE05,FRAD" doc:"ISO 20022 ExternalStatusReason1Code: not wanted, wrong amount, unknown asker, fraud"`
		Words  string `json:"words,omitempty" maxLength:"140"`
	}
}

func (r *Room) requestAPI(a *api.API) {
	load := func(ctx context.Context, id string) (Request, error) {
		q, err := r.ARequest(ctx, id)
		if err == nil && q.State == requestDraft {
			err = fault.New(fault.NotFound, "payments.request.unknown")
		}
		if err != nil {
			return Request{}, err
		}
		return *q, nil
	}
	byID := func(ctx context.Context, in *requestID) (Request, error) { return load(ctx, in.ID) }
	shown := func(who gate.Principal, q *Request, err error) (*RequestView, error) {
		if err != nil {
			return nil, err
		}
		return r.viewRequest(who, q), nil
	}
	api.Handle(a, api.Operation[createRequest, Account]{Method: "POST", Path: "/api/payments/requests", ID: "payments-request", Summary: "Ask somebody to pay", Action: "payments.account.pay", Idempotent: true, Status: 201,
		Description: "The payer sees your name, and pays once or refuses. Nothing moves until then.",
		Load:        func(ctx context.Context, in *createRequest) (Account, error) { return r.numbered(ctx, in.Body.Account) }},
		func(ctx context.Context, p gate.Permit[Account], in *createRequest) (*RequestView, error) {
			amount, err := r.typedAmount(in.Body.Amount, "body.amount")
			if err != nil {
				return nil, err
			}
			credit := p.Resource()
			ask := RequestToPay{Party: "api/" + p.Who().ID, Key: api.CommandKey(ctx).String(), Origin: originAPI, EndToEnd: in.Body.Number, Credit: credit.ID, Amount: amount, Purpose: in.Body.Purpose, Urgency: in.Body.Urgency, Expires: in.Body.Expires, Lookup: in.Body.Lookup}
			if ask.Lookup != "" {
				payer, err := r.lookupFor(ctx, ask.Lookup, p.Who().Actor())
				if err != nil {
					return nil, err
				}
				ask.Debit = payer.ID
			} else {
				by := asker(p.Who(), &credit)
				k, err := r.typed(ctx, in.Body.Of)
				if err != nil {
					return nil, err
				}
				found, left, err := r.lookUp(ctx, by, k)
				if tellLimit(ctx, by.Policy, left, err); err != nil {
					return nil, err
				}
				ask.Debit, ask.Lookup = found.Account.ID, found.ID
			}
			q, err := r.Request(ctx, p.Who().Actor(), ask)
			return shown(p.Who(), q, err)
		})
	api.Handle(a, api.Operation[listRequests, gate.House]{Method: "GET", Path: "/api/payments/requests", ID: "payments-requests", Summary: "List your requests to pay", Description: "Those that wait first, then the last ones.", Action: "payments.wallet.see"},
		func(ctx context.Context, p gate.Permit[gate.House], in *listRequests) (*[]RequestView, error) {
			side := "payer"
			if in.Side == "asker" {
				side = "asker"
			}
			out := []RequestView{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := requestsOf(tx, side, p.Who().ID, 100)
				for q := range slices.Values(list) {
					out = append(out, *r.viewRequest(p.Who(), q))
				}
				return err
			})
			return &out, err
		})
	api.Handle(a, api.Operation[requestID, Request]{Method: "GET", Path: "/api/payments/requests/{id}", ID: "payments-request-read", Summary: "Read a request to pay", Action: "payments.request.see", Load: byID},
		func(_ context.Context, p gate.Permit[Request], _ *requestID) (*RequestView, error) {
			q := p.Resource()
			return r.viewRequest(p.Who(), &q), nil
		})
	api.Handle(a, api.Operation[payRequest, Request]{Method: "POST", Path: "/api/payments/requests/{id}/pay", ID: "payments-request-pay", Summary: "Pay a request", Action: "payments.request.answer", Idempotent: true,
		Load: func(ctx context.Context, in *payRequest) (Request, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Request], in *payRequest) (*TransferView, error) {
			q := p.Resource()
			from, err := r.numbered(ctx, in.Body.From)
			if err != nil {
				return nil, err
			}
			t, err := r.PayRequest(ctx, p.Who().Actor(), &q, &from, "api/"+p.Who().ID, api.CommandKey(ctx).String())
			if err != nil {
				return nil, err
			}
			return r.view(p.Who(), t), nil
		})
	api.Handle(a, api.Operation[refuseRequest, Request]{Method: "POST", Path: "/api/payments/requests/{id}/refuse", ID: "payments-request-refuse", Summary: "Refuse a request", Action: "payments.request.answer", Idempotent: true,
		Load: func(ctx context.Context, in *refuseRequest) (Request, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Request], in *refuseRequest) (*RequestView, error) {
			q, err := r.Refuse(ctx, p.Who().Actor(), in.ID, ledger.Reason(in.Body.Reason), in.Body.Words)
			return shown(p.Who(), q, err)
		})
	api.Handle(a, api.Operation[requestID, Request]{Method: "POST", Path: "/api/payments/requests/{id}/withdraw", ID: "payments-request-withdraw", Summary: "Take a request back", Action: "payments.request.follow", Idempotent: true, Load: byID},
		func(ctx context.Context, p gate.Permit[Request], in *requestID) (*RequestView, error) {
			q, err := r.Withdraw(ctx, p.Who().Actor(), in.ID)
			return shown(p.Who(), q, err)
		})
}
