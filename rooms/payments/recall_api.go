package payments

import (
	"context"
	"math"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// RecallView is a recall as the interface shows it.
type RecallView struct {
	ID       string     `json:"id"`
	Transfer string     `json:"transfer" doc:"the payment that is asked back"`
	Asker    string     `json:"asker" doc:"participant"`
	Keeper   string     `json:"keeper" doc:"participant that has the money"`
	Amount   string     `json:"amount" example:"1250.00"`
	Reason   string     `json:"reason" doc:"ISO 20022 ExternalCancellationReason1Code"`
	State    string     `json:"state" enum:"open,accepted,returned,refused,over"`
	Answer   string     `json:"answer,omitempty" doc:"ISO 20022 reason of a refusal"`
	Asked    time.Time  `json:"asked"`
	Due      time.Time  `json:"due"`
	Answered *time.Time `json:"answered,omitempty"`
}

func (r *Room) viewRecall(c *Recall) RecallView {
	v := RecallView{ID: c.ID, Transfer: c.Original, Asker: c.Party, Keeper: c.Keeper, Amount: r.plain(c.Amount), Reason: c.Reason, State: c.State, Answer: c.Answer, Asked: c.Asked, Due: c.Due}
	if !c.Answered.IsZero() {
		v.Answered = &c.Answered
	}
	return v
}

// GateResource tells the gate whose recall it is.
func (c Recall) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsRecall", ID: c.ID, Attrs: map[string]any{"asker_seat": c.Party + "#participant", "keeper_seat": c.Keeper + "#participant"}}
}

type askRecall struct {
	Seat
	Body struct {
		Transfer  string `json:"transfer" maxLength:"64" doc:"id of a payment that a customer of the participant made"`
		Reference string `json:"reference" minLength:"1" maxLength:"35" pattern:"^[A-Za-z0-9-]+$" doc:"by the participant, once"`
		Reason    string `json:"reason" pattern:"^[A-Z0-9]{4}$" doc:"ISO 20022 ExternalCancellationReason1Code: DUPL, FRAD, CUST, AM09, TECH"`
	}
}

type listRecalls struct {
	api.Paging
}

type seatRecalls struct {
	Seat
	api.Paging
}

type answerRecallIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Accept bool   `json:"accept" doc:"give the money back now"`
		Reason string `json:"reason,omitempty" pattern:"^[A-Z0-9]{4}$" doc:"of a refusal: ISO 20022, such as CUST, AC04, LEGL"`
	}
}

func (r *Room) recallAPI(a *api.API) {
	list := func(ctx context.Context, participant string, p api.Paging) (*api.List[RecallView], error) {
		asked, id := int64(math.MaxInt64), ""
		if _, err := p.After(&asked, &id); err != nil {
			return nil, err
		}
		var found []*Recall
		err := r.db.View(ctx, func(tx *store.Tx) (err error) {
			found, err = recalls(tx, participant, asked, id, p.Fetch())
			return err
		})
		if err != nil {
			return nil, err
		}
		page := api.NewList(p, found, func(c *Recall) []any { return []any{store.Micros(c.Asked), c.ID} })
		out := &api.List[RecallView]{Items: []RecallView{}, Next: page.Next}
		for _, c := range page.Items {
			out.Items = append(out.Items, r.viewRecall(c))
		}
		return out, nil
	}
	api.Handle(a, api.Operation[listRecalls, gate.House]{Method: "GET", Path: "/api/payments/recalls", ID: "payments-recalls", Summary: "List recalls of payments", Action: "payments.recall.watch"},
		func(ctx context.Context, _ gate.Permit[gate.House], in *listRecalls) (*api.List[RecallView], error) {
			return list(ctx, "", in.Paging)
		})
	api.Handle(a, api.Operation[seatRecalls, Seat]{Method: "GET", Path: "/api/payments/participants/{participant}/recalls", ID: "payments-participant-recalls", Summary: "List the recalls a participant is a party of", Action: "payments.recall.own",
		Load: func(_ context.Context, in *seatRecalls) (Seat, error) { return in.Seat, nil }},
		func(ctx context.Context, _ gate.Permit[Seat], in *seatRecalls) (*api.List[RecallView], error) {
			return list(ctx, in.Participant, in.Paging)
		})
	api.Handle(a, api.Operation[askRecall, Seat]{Method: "POST", Path: "/api/payments/participants/{participant}/recalls", ID: "payments-recall", Summary: "Ask for money of a payment back", Action: "payments.recall.own", Idempotent: true, Status: 201,
		Description: "For payments from accounts that the house keeps for the participant; others are recalled by camt.056. Nothing moves until the payee's participant agrees.",
		Load:        func(_ context.Context, in *askRecall) (Seat, error) { return in.Seat, nil }},
		func(ctx context.Context, p gate.Permit[Seat], in *askRecall) (*RecallView, error) {
			c, err := r.recallFor(ctx, p.Who().Actor(), in.Participant, in.Body.Transfer, in.Body.Reference, in.Body.Reason)
			if err != nil {
				return nil, err
			}
			v := r.viewRecall(c)
			return &v, nil
		})
	api.Handle(a, api.Operation[answerRecallIn, Recall]{Method: "POST", Path: "/api/payments/recalls/{id}/answer", ID: "payments-recall-answer", Summary: "Answer a recall", Action: "payments.recall.answer", Idempotent: true,
		Description: "For accounts that the house keeps for the participant. Agreeing gives the money back at once; if the payee no longer has it, the recall is refused with AM04.",
		Load: func(ctx context.Context, in *answerRecallIn) (c Recall, err error) {
			err = r.db.View(ctx, func(tx *store.Tx) error {
				found, err := recallWhere(tx, "id = $1", in.ID)
				if err == nil {
					c = *found
				}
				return err
			})
			return c, err
		}},
		func(ctx context.Context, p gate.Permit[Recall], in *answerRecallIn) (*RecallView, error) {
			c, err := r.GiveBack(ctx, p.Who().Actor(), in.ID, in.Body.Accept, in.Body.Reason)
			if err != nil {
				return nil, err
			}
			v := r.viewRecall(c)
			return &v, nil
		})
}
