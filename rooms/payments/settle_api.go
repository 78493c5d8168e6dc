package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

const settlementPath = "/api/payments/settlement"

// WindowView is a settlement window as the interface shows it.
type WindowView struct {
	Number   int64            `json:"number"`
	Currency string           `json:"currency"`
	Model    string           `json:"model" enum:"gross,net"`
	State    string           `json:"state" enum:"open,cut,unsettled,settled" doc:"cut: the report is being made"`
	First    int64            `json:"first_row" doc:"rows of the ledger"`
	Last     int64            `json:"last_row,omitempty"`
	Opened   time.Time        `json:"opened"`
	Closed   *time.Time       `json:"closed,omitempty"`
	Settled  *time.Time       `json:"settled,omitempty"`
	Payments int64            `json:"payments" doc:"between participants"`
	Gross    string           `json:"gross" example:"1250.00"`
	Lines    []PositionOfView `json:"participants,omitempty"`
}

// PositionOfView is one participant in a window.
type PositionOfView struct {
	Participant   string `json:"participant"`
	SentCount     int64  `json:"sent_count"`
	Sent          string `json:"sent"`
	ReceivedCount int64  `json:"received_count"`
	Received      string `json:"received"`
	Net           string `json:"net" doc:"received less sent" example:"-1250.00"`
	Due           string `json:"due" doc:"what is settled after the cut of a net window; above zero the participant receives"`
	Opening       string `json:"opening" doc:"of the settlement account"`
	Closing       string `json:"closing"`
	Missing       string `json:"missing,omitempty" doc:"what the settlement account lacked at the last try"`
}

// LiquidityView is where a participant stands now.
type LiquidityView struct {
	Participant string `json:"participant"`
	Window      int64  `json:"window"`
	Model       string `json:"model" enum:"gross,net"`
	Balance     string `json:"balance" doc:"of the settlement account"`
	Held        string `json:"held" doc:"promised to open reservations"`
	Cap         string `json:"cap" doc:"net debit cap"`
	Position    string `json:"position" doc:"received less sent in the open window"`
	Free        string `json:"free" doc:"what it may still send"`
	Used        int64  `json:"used" doc:"per cent"`
	Alert       int64  `json:"alert,omitempty" doc:"highest threshold it is above, per cent"`
	Owing       string `json:"owing" doc:"dues that are not settled"`
}

// FundView is a movement of prefund.
type FundView struct {
	ID          string     `json:"id"`
	Participant string     `json:"participant"`
	Direction   string     `json:"direction" enum:"in,out"`
	Amount      string     `json:"amount"`
	Reason      string     `json:"reason"`
	State       string     `json:"state" enum:"asked,done,refused"`
	Why         string     `json:"why,omitempty" doc:"ISO 20022 reason of the ledger"`
	Made        time.Time  `json:"made"`
	Decided     *time.Time `json:"decided,omitempty"`
}

// StateView is where settlement stands.
type StateView struct {
	Open         WindowView      `json:"open"`
	Participants []LiquidityView `json:"participants"`
	Windows      []WindowView    `json:"windows" doc:"the last ones that were cut, newest first"`
	Funds        []FundView      `json:"funds"`
}

type windowNumber struct {
	Number int64 `path:"number" minimum:"1"`
}

type seatWindow struct {
	Seat
	Number int64 `path:"number" minimum:"1"`
}

type fundNumber struct {
	ID string `path:"id" maxLength:"64"`
}

type askFund struct {
	Body struct {
		Participant string `json:"participant" maxLength:"40"`
		Direction   string `json:"direction" enum:"in,out"`
		Amount      string `json:"amount" example:"1250.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Reason      string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func model(net bool) string {
	if net {
		return ModelNet
	}
	return ModelGross
}

func (r *Room) viewWindow(w Window) WindowView {
	v := WindowView{Number: w.Number, Currency: w.Currency, Model: model(w.Net), State: "open", First: w.First, Last: w.Last, Opened: w.Opened, Closed: orNone(w.Closed), Gross: r.plain(0)}
	if w.Last > 0 {
		v.State = "cut"
	}
	return v
}

func (r *Room) viewSettlement(s Settlement) WindowView {
	v := r.viewWindow(s.Window)
	v.State, v.Settled, v.Payments, v.Gross = s.State, orNone(s.Settled), s.Payments, r.plain(s.Gross)
	for _, l := range s.Lines {
		p := PositionOfView{l.Participant, l.SentCount, r.plain(l.Sent), l.ReceivedCount, r.plain(l.Received), r.signedPlain(l.Net()), r.signedPlain(l.Due), r.signedPlain(l.Opening), r.signedPlain(l.Closing), ""}
		if l.Missing > 0 {
			p.Missing = r.plain(l.Missing)
		}
		v.Lines = append(v.Lines, p)
	}
	return v
}

func (r *Room) viewLiquidity(w Window, l Liquidity) LiquidityView {
	return LiquidityView{l.Participant, w.Number, model(w.Net), r.signedPlain(l.Balance), r.plain(l.Held), r.plain(l.Cap), r.signedPlain(l.Position), r.signedPlain(l.Free), l.Used(), l.Alert, r.signedPlain(l.Owing)}
}

func (r *Room) viewFund(f Fund) FundView {
	return FundView{f.ID, f.Participant, f.Direction, r.plain(f.Amount), f.Reason, f.State, string(f.Why), f.Made, orNone(f.Decided)}
}

// settleAPI registers what the operator and participants call.
func (r *Room) settleAPI(a *api.API) {
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: settlementPath, ID: "payments-settlement", Summary: "See where settlement stands", Action: "payments.settlement.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], _ *none) (*StateView, error) {
			v, err := r.settleView(ctx)
			if err != nil {
				return nil, err
			}
			out := &StateView{Open: r.viewWindow(v.Open), Participants: []LiquidityView{}, Windows: []WindowView{}, Funds: []FundView{}}
			for _, l := range v.Members {
				out.Participants = append(out.Participants, r.viewLiquidity(v.Open, l))
			}
			for _, s := range v.Windows {
				out.Windows = append(out.Windows, r.viewSettlement(s))
			}
			for _, f := range v.Funds {
				out.Funds = append(out.Funds, r.viewFund(f))
			}
			return out, nil
		})
	api.Handle(a, api.Operation[windowNumber, gate.House]{Method: "GET", Path: settlementPath + "/windows/{number}", ID: "payments-window", Summary: "Read the final report of a window", Action: "payments.settlement.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], in *windowNumber) (*WindowView, error) {
			return r.windowView(ctx, in.Number, "")
		})
	api.Handle(a, api.Operation[none, gate.House]{Method: "POST", Path: settlementPath + "/cut", ID: "payments-window-cut", Summary: "End the open window",
		Description: "Payments go on meanwhile: the window ends at a row of the ledger. Report and settlement follow by themselves. The same Idempotency-Key gives the window that it ended.",
		Action:      "payments.settlement.operate", Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], _ *none) (*WindowView, error) {
			number, err := r.CloseWindow(ctx, p.Who().Actor(), "operator/"+p.Who().ID, api.CommandKey(ctx).String())
			if err != nil {
				return nil, err
			}
			return r.windowView(ctx, number, "")
		})
	api.Handle(a, api.Operation[windowNumber, gate.House]{Method: "POST", Path: settlementPath + "/windows/{number}/settle", ID: "payments-window-settle", Summary: "Settle a window that lacked money",
		Description: "All dues move or none. A Conflict says that somebody still lacks money.", Action: "payments.settlement.operate", Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *windowNumber) (*WindowView, error) {
			if err := r.SettleWindow(ctx, p.Who().Actor(), in.Number); err != nil {
				return nil, err
			}
			return r.windowView(ctx, in.Number, "")
		})
	r.fundAPI(a)
	member := "/api/payments/participants/{participant}"
	api.Handle(a, api.Operation[Seat, Seat]{Method: "GET", Path: member + "/liquidity", ID: "payments-participant-liquidity", Summary: "See where your settlement account stands", Action: "payments.settlement.own",
		Load: func(_ context.Context, in *Seat) (Seat, error) { return *in, nil }},
		func(ctx context.Context, _ gate.Permit[Seat], in *Seat) (*LiquidityView, error) {
			w, l, err := r.liquidityOf(ctx, in.Participant)
			if err != nil {
				return nil, err
			}
			v := r.viewLiquidity(w, l)
			return &v, nil
		})
	api.Handle(a, api.Operation[seatWindow, Seat]{Method: "GET", Path: member + "/windows/{number}", ID: "payments-participant-window", Summary: "Read your part of a window's final report", Action: "payments.settlement.own",
		Load: func(_ context.Context, in *seatWindow) (Seat, error) { return in.Seat, nil }},
		func(ctx context.Context, _ gate.Permit[Seat], in *seatWindow) (*WindowView, error) {
			return r.windowView(ctx, in.Number, in.Participant)
		})
}

func (r *Room) fundAPI(a *api.API) {
	load := func(ctx context.Context, in *fundNumber) (Fund, error) { return r.fundOf(ctx, in.ID) }
	api.Handle(a, api.Operation[askFund, gate.House]{Method: "POST", Path: settlementPath + "/funds", ID: "payments-fund-ask", Summary: "Ask that prefund moves in or out",
		Description: "Another person approves it.", Action: "payments.settlement.operate", Idempotent: true, Status: 201},
		func(ctx context.Context, p gate.Permit[gate.House], in *askFund) (*FundView, error) {
			amount, err := r.minor(in.Body.Amount)
			if err != nil {
				return nil, fault.New(fault.Invalid, "payments.amount.range").At("body.amount", "payments.amount.range")
			}
			f, err := r.AskFund(ctx, p.Who(), api.CommandKey(ctx).String(), Fund{Participant: in.Body.Participant, Direction: in.Body.Direction, Amount: amount, Reason: in.Body.Reason})
			if err != nil {
				return nil, err
			}
			v := r.viewFund(f)
			return &v, nil
		})
	for _, d := range []struct {
		verb, summary string
		do            func(context.Context, gate.Principal, string) (Fund, error)
	}{{"approve", "Approve what another person asked", r.ApproveFund}, {"refuse", "Refuse it, or take your own back", r.RefuseFund}} {
		api.Handle(a, api.Operation[fundNumber, Fund]{Method: "POST", Path: settlementPath + "/funds/{id}/" + d.verb, ID: "payments-fund-" + d.verb, Summary: d.summary, Action: "payments.fund." + d.verb, Idempotent: true, Load: load},
			func(ctx context.Context, p gate.Permit[Fund], in *fundNumber) (*FundView, error) {
				f, err := d.do(ctx, p.Who(), in.ID)
				if err != nil {
					return nil, err
				}
				v := r.viewFund(f)
				return &v, nil
			})
	}
}

// windowView reads a window; of its lines only a participant's own when one is
// named.
func (r *Room) windowView(ctx context.Context, number int64, participant string) (*WindowView, error) {
	var v WindowView
	err := r.db.View(ctx, func(tx *store.Tx) error {
		w, err := getWindow(tx, r.pack.Currency.Code, number)
		if err != nil {
			return err
		}
		s, err := getSettlement(tx, w.Currency, number)
		if fault.Is(err, fault.NotFound) {
			v = r.viewWindow(w)
			return nil
		}
		v = r.viewSettlement(s)
		return err
	})
	if err != nil || participant == "" {
		return &v, err
	}
	v.Payments, v.Gross = 0, r.plain(0)
	own := []PositionOfView{}
	for _, l := range v.Lines {
		if l.Participant == participant {
			own = append(own, l)
			v.Payments = l.SentCount + l.ReceivedCount
		}
	}
	v.Lines = own
	return &v, nil
}
