package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
)

// FlowView is what moved on an account for one cause.
type FlowView struct {
	Side       string `json:"side" enum:"in,out"`
	Cause      string `json:"cause" enum:"fee,support,return,fund,payment"`
	What       string `json:"what,omitempty" doc:"the service, or the programme and period, in both languages"`
	TodayCount int64  `json:"today_count"`
	Today      string `json:"today" example:"1250.00"`
	MonthCount int64  `json:"month_count"`
	Month      string `json:"month"`
}

// TreasuryAccountView is an account of the government.
type TreasuryAccountView struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	IBAN      string     `json:"iban"`
	Kind      string     `json:"kind" enum:"government,program"`
	Office    string     `json:"office"`
	Head      string     `json:"head,omitempty" doc:"of account, in the government's chart"`
	Balance   string     `json:"balance"`
	Held      string     `json:"held" doc:"promised to open reservations"`
	Agrees    bool       `json:"agrees" doc:"all movements make up the balance"`
	FeesPaid  string     `json:"fees_paid,omitempty" doc:"fees of this month that the services have as paid"`
	FeesAgree *bool      `json:"fees_agree,omitempty" doc:"they are what arrived"`
	Flows     []FlowView `json:"flows"`
}

// WaitingView is a file of payments that is not paid yet.
type WaitingView struct {
	No      int64  `json:"no"`
	Program string `json:"program"`
	Office  string `json:"office"`
	Period  string `json:"period"`
	State   string `json:"state"`
	Lines   int64  `json:"lines"`
	Needs   string `json:"needs"`
	Free    string `json:"free" doc:"what the programme's account can spend now"`
}

// RestView is a file of this month that left people unpaid.
type RestView struct {
	No      int64        `json:"no"`
	Program string       `json:"program"`
	Period  string       `json:"period"`
	Reasons []ReasonView `json:"reasons"`
}

// TreasuryView is where the government's money stands.
type TreasuryView struct {
	At       time.Time             `json:"at"`
	Currency string                `json:"currency"`
	Balance  string                `json:"balance" doc:"of all accounts"`
	Accounts []TreasuryAccountView `json:"accounts"`
	Waiting  []WaitingView         `json:"waiting"`
	Rests    []RestView            `json:"rests"`
}

func (r *Room) treasuryAPI(a *api.API) {
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: "/api/payments/treasury", ID: "payments-treasury", Summary: "See the government's accounts, what moved and what waits",
		Description: "Days and months are the country's.", Action: "payments.treasury.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], _ *none) (*TreasuryView, error) {
			t, err := r.Treasury(ctx)
			if err != nil {
				return nil, err
			}
			v := &TreasuryView{At: t.At, Currency: t.Currency, Balance: r.signedPlain(t.Money()), Accounts: []TreasuryAccountView{}, Waiting: []WaitingView{}, Rests: []RestView{}}
			for _, x := range t.Accounts {
				v.Accounts = append(v.Accounts, r.viewTreasuryAccount(x))
			}
			for _, b := range t.Waiting {
				v.Waiting = append(v.Waiting, WaitingView{b.No, b.Program, b.Office, b.Period, string(b.State), b.Lines, r.plain(b.wanted()), r.plain(t.Free(b.Account))})
			}
			for _, b := range t.Rests {
				rest := RestView{b.No, b.Program, b.Period, []ReasonView{}}
				for _, x := range b.Reasons {
					rest.Reasons = append(rest.Reasons, ReasonView{x.Reason, x.Lines, r.plain(x.Total)})
				}
				v.Rests = append(v.Rests, rest)
			}
			return v, nil
		})
}

func (r *Room) viewTreasuryAccount(a TreasuryAccount) TreasuryAccountView {
	v := TreasuryAccountView{ID: a.ID, Name: a.NameEn, IBAN: a.IBAN, Kind: a.Kind, Office: a.Office, Head: a.Head, Balance: r.signedPlain(a.Balance), Held: r.plain(a.Held), Agrees: a.Agrees(), Flows: []FlowView{}}
	if a.Kind == KindGovernment {
		agree := a.FeesAgree()
		v.FeesPaid, v.FeesAgree = r.plain(a.Fees.Total), &agree
	}
	for _, f := range a.Flows {
		v.Flows = append(v.Flows, FlowView{f.Side, f.Cause, f.What, f.Today.Count, r.plain(f.Today.Total), f.Month.Count, r.plain(f.Month.Total)})
	}
	return v
}
