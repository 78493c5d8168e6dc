package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// DisputeView is a dispute as one of its sides sees it.
type DisputeView struct {
	ID        string     `json:"id"`
	Reference string     `json:"reference"`
	Transfer  string     `json:"transfer" doc:"the payment"`
	State     string     `json:"state" enum:"open,contested,unanswered,refunded,rejected,withdrawn"`
	Reason    string     `json:"reason"`
	Amount    string     `json:"amount" doc:"asked back"`
	Currency  string     `json:"currency"`
	Words     string     `json:"words" doc:"of the payer"`
	Answer    string     `json:"answer,omitempty" doc:"of the payee"`
	Decision  string     `json:"decision,omitempty" doc:"of the operator"`
	Opened    time.Time  `json:"opened"`
	AnswerBy  time.Time  `json:"answer_by"`
	DecideBy  *time.Time `json:"decide_by,omitempty"`
	Refund    string     `json:"refund,omitempty" doc:"the payment that gave the money back"`
}

func (r *Room) viewDispute(d *Dispute) *DisputeView {
	v := &DisputeView{ID: d.ID, Reference: d.Reference, Transfer: d.Transfer, State: d.State, Reason: d.Reason, Amount: r.plain(d.Amount), Currency: d.Currency, Words: d.Words, Answer: d.AnswerWords, Decision: d.DecisionWords,
		Opened: d.Opened, AnswerBy: d.AnswerEnd, Refund: d.Refund}
	if !d.DecideEnd.IsZero() {
		v.DecideBy = &d.DecideEnd
	}
	return v
}

// RefundView is money that went back.
type RefundView struct {
	TransferView
	Original string `json:"original" doc:"the payment whose money it was"`
	Left     string `json:"left" doc:"what may still go back of it"`
}

type makeRefund struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Amount string `json:"amount" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Reason string `json:"reason" enum:"CUST,DUPL,AM09,FRAD" doc:"ISO 20022 ExternalReturnReason1Code"`
	}
}

type makeDispute struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Amount string `json:"amount" doc:"what you want back" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Reason string `json:"reason" enum:"missing,faulty,twice,amount,scam,stranger"`
		Words  string `json:"words" minLength:"1" maxLength:"1000" doc:"the payee and the operator read it"`
	}
}

type disputeID struct {
	ID string `path:"id" maxLength:"64"`
}

type listDisputes struct {
	Side string `query:"side" enum:"payer,payee" default:"payer" doc:"about payments you made, or to you"`
}

type contestDispute struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Words string `json:"words" minLength:"1" maxLength:"1000" doc:"the payer and the operator read it"`
	}
}

func (r *Room) disputeAPI(a *api.API, transfer func(ctx context.Context, in *transferID) (Transfer, error)) {
	load := func(ctx context.Context, id string) (Dispute, error) {
		d, err := r.ADispute(ctx, id)
		if err != nil {
			return Dispute{}, err
		}
		return *d, nil
	}
	byID := func(ctx context.Context, in *disputeID) (Dispute, error) { return load(ctx, in.ID) }
	shown := func(d *Dispute, err error) (*DisputeView, error) {
		if err != nil {
			return nil, err
		}
		return r.viewDispute(d), nil
	}
	api.Handle(a, api.Operation[makeRefund, Transfer]{Method: "POST", Path: "/api/payments/transfers/{id}/refunds", ID: "payments-refund", Summary: "Pay money of a payment back", Action: "payments.transfer.refund", Idempotent: true, Status: 201,
		Description: "All that is left or a part; together never more than was paid. A refusal by the book is a payment in phase refused with its reason.",
		Load:        func(ctx context.Context, in *makeRefund) (Transfer, error) { return transfer(ctx, &transferID{in.ID}) }},
		func(ctx context.Context, p gate.Permit[Transfer], in *makeRefund) (*RefundView, error) {
			amount, err := r.typedAmount(in.Body.Amount, "body.amount")
			if err != nil {
				return nil, err
			}
			t := p.Resource()
			back, err := r.Refund(ctx, p.Who().Actor(), &t, amount, in.Body.Reason, "api/"+p.Who().ID, api.CommandKey(ctx).String())
			if err != nil {
				return nil, err
			}
			return &RefundView{*r.view(p.Who(), back.Transfer), back.Original, r.plain(back.Left)}, nil
		})
	api.Handle(a, api.Operation[makeDispute, Transfer]{Method: "POST", Path: "/api/payments/transfers/{id}/disputes", ID: "payments-dispute", Summary: "Dispute a payment you made", Action: "payments.dispute.open", Idempotent: true, Status: 201,
		Load: func(ctx context.Context, in *makeDispute) (Transfer, error) { return transfer(ctx, &transferID{in.ID}) }},
		func(ctx context.Context, p gate.Permit[Transfer], in *makeDispute) (*DisputeView, error) {
			amount, err := r.typedAmount(in.Body.Amount, "body.amount")
			if err != nil {
				return nil, err
			}
			t := p.Resource()
			return shown(r.OpenDispute(ctx, p.Who().Actor(), &t, amount, in.Body.Reason, in.Body.Words))
		})
	api.Handle(a, api.Operation[listDisputes, gate.House]{Method: "GET", Path: "/api/payments/disputes", ID: "payments-disputes", Summary: "List your disputes", Action: "payments.wallet.see"},
		func(ctx context.Context, p gate.Permit[gate.House], in *listDisputes) (*[]DisputeView, error) {
			side := "payer"
			if in.Side == "payee" {
				side = "payee"
			}
			out := []DisputeView{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := disputesOf(tx, side, p.Who().ID, 100)
				for _, d := range list {
					out = append(out, *r.viewDispute(d))
				}
				return err
			})
			return &out, err
		})
	api.Handle(a, api.Operation[disputeID, Dispute]{Method: "GET", Path: "/api/payments/disputes/{id}", ID: "payments-dispute-read", Summary: "Read a dispute", Action: "payments.dispute.see", Load: byID},
		func(_ context.Context, p gate.Permit[Dispute], _ *disputeID) (*DisputeView, error) {
			d := p.Resource()
			return r.viewDispute(&d), nil
		})
	api.Handle(a, api.Operation[contestDispute, Dispute]{Method: "POST", Path: "/api/payments/disputes/{id}/contest", ID: "payments-dispute-contest", Summary: "Say no to a dispute", Description: "The operator of the rail decides then.", Action: "payments.dispute.answer", Idempotent: true,
		Load: func(ctx context.Context, in *contestDispute) (Dispute, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Dispute], in *contestDispute) (*DisputeView, error) {
			return shown(r.Contest(ctx, p.Who().Actor(), in.ID, in.Body.Words))
		})
	api.Handle(a, api.Operation[disputeID, Dispute]{Method: "POST", Path: "/api/payments/disputes/{id}/accept", ID: "payments-dispute-accept", Summary: "Pay back what is disputed", Description: "When the account lacks the money the dispute goes on as it was.", Action: "payments.dispute.answer", Idempotent: true, Load: byID},
		func(ctx context.Context, p gate.Permit[Dispute], in *disputeID) (*DisputeView, error) {
			d := p.Resource()
			if _, err := r.Concede(ctx, p.Who().Actor(), &d, "", "", api.CommandKey(ctx).String()); err != nil {
				return nil, err
			}
			return shown(r.ADispute(ctx, in.ID))
		})
	api.Handle(a, api.Operation[disputeID, Dispute]{Method: "POST", Path: "/api/payments/disputes/{id}/withdraw", ID: "payments-dispute-withdraw", Summary: "Take a dispute back", Action: "payments.dispute.withdraw", Idempotent: true, Load: byID},
		func(ctx context.Context, p gate.Permit[Dispute], in *disputeID) (*DisputeView, error) {
			return shown(r.WithdrawDispute(ctx, p.Who().Actor(), in.ID))
		})
}
