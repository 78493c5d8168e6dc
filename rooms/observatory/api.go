package observatory

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// IndicatorView is an indicator as programs read it.
type IndicatorView struct {
	ID     string `json:"id"`
	Kind   string `json:"kind" enum:"catalogue,count,value,share,open,median" doc:"How figure is made: a number, a sum of minor units, percent, or microseconds."`
	Figure int64  `json:"figure" doc:"As kind says; 0 and known false while there is nothing to take a share or a median of."`
	Known  bool   `json:"known"`
	Target int64  `json:"target,omitempty"`
	Better string `json:"better,omitempty" enum:"up,down"`
	Public bool   `json:"public"`
	N      int64  `json:"counted" doc:"How many things the figure is made of."`
}

// HistoryView is an indicator with its past.
type HistoryView struct {
	IndicatorView
	History []PointView `json:"history" nullable:"false" doc:"At the end of each hour of the last two days, or of each of the last thirty days."`
}

// PointView is a figure at the end of a period.
type PointView struct {
	From    time.Time `json:"from"`
	Figure  int64     `json:"figure"`
	Counted int64     `json:"counted"`
	Good    int64     `json:"good"`
	Sum     int64     `json:"sum"`
}

// RowView is one thing behind a figure.
type RowView struct {
	Reference string     `json:"reference" doc:"A file's or incident's number, or the place in the log."`
	At        time.Time  `json:"at"`
	Place     string     `json:"place"`
	Value     int64      `json:"value,omitempty" doc:"Minor units."`
	Due       *time.Time `json:"due,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	TookUS    int64      `json:"took_us,omitempty" doc:"Microseconds."`
	Good      *bool      `json:"good,omitempty"`
	Position  int64      `json:"position" doc:"In the public log."`
	key       string
}

type oneIndicator struct {
	Indicator string `path:"indicator" maxLength:"40"`
}

type listRows struct {
	Indicator string `path:"indicator" maxLength:"40"`
	api.Paging
}

func view(f Figure) IndicatorView {
	return IndicatorView{ID: f.ID, Kind: string(f.Kind), Figure: f.Number, Known: f.Known, Target: f.Target, Better: f.Better, Public: f.Public, N: f.N}
}

func (r *Room) operations(a *api.API) {
	api.Handle(a, api.Operation[struct{}, gate.House]{
		Method: "GET", Path: "/api/observatory/indicators", ID: "observatory-indicators", Action: "observatory.see", Summary: "Read all indicators you may see",
	}, func(ctx context.Context, p gate.Permit[gate.House], _ *struct{}) (*api.List[IndicatorView], error) {
		figures, err := r.Figures(ctx, func(i Indicator) bool { return r.gate.Would(p.Who(), "observatory.read", i) })
		if err != nil {
			return nil, err
		}
		out := &api.List[IndicatorView]{Items: []IndicatorView{}}
		for _, f := range figures {
			out.Items = append(out.Items, view(f))
		}
		return out, nil
	})
	api.Handle(a, api.Operation[oneIndicator, Indicator]{
		Method: "GET", Path: "/api/observatory/indicators/{indicator}", ID: "observatory-indicator", Action: "observatory.read", Summary: "Read an indicator with its history",
		Load: func(_ context.Context, in *oneIndicator) (Indicator, error) { return r.Indicator(in.Indicator) },
	}, func(ctx context.Context, p gate.Permit[Indicator], _ *oneIndicator) (*HistoryView, error) {
		figures, err := r.Figures(ctx, func(i Indicator) bool { return i.ID == p.Resource().ID })
		if err != nil {
			return nil, err
		}
		points, err := r.History(ctx, p.Resource())
		if err != nil {
			return nil, err
		}
		out := &HistoryView{IndicatorView: view(figures[0]), History: []PointView{}}
		for _, x := range points {
			out.History = append(out.History, PointView{From: x.From.UTC(), Figure: x.Number, Counted: x.N, Good: x.Good, Sum: x.Sum})
		}
		return out, nil
	})
	api.Handle(a, api.Operation[listRows, Indicator]{
		Method: "GET", Path: "/api/observatory/indicators/{indicator}/rows", ID: "observatory-rows", Action: "observatory.rows", Summary: "List what is behind an indicator, the youngest first",
		Load: func(_ context.Context, in *listRows) (Indicator, error) { return r.Indicator(in.Indicator) },
	}, func(ctx context.Context, p gate.Permit[Indicator], in *listRows) (*api.List[RowView], error) {
		var at int64
		var after rowPlace
		if first, err := in.After(&at, &after.Key); err != nil {
			return nil, err
		} else if !first {
			after.At = store.Time(at)
		}
		list, err := r.rows(ctx, p.Resource(), after, in.Fetch())
		if err != nil {
			return nil, err
		}
		views := make([]RowView, len(list))
		for n, x := range list {
			views[n] = RowView{Reference: x.Reference, At: x.At, Place: x.Place, Value: x.Value, Due: timeOrNil(x.Due), Ended: timeOrNil(x.Ended),
				TookUS: x.Took.Microseconds(), Good: x.Good, Position: x.Position, key: x.Key}
		}
		return api.NewList(in.Paging, views, func(v RowView) []any { return []any{store.Micros(v.At), v.key} }), nil
	})
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
