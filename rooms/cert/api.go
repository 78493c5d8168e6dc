package cert

import (
	"context"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// listAlerts and listIncidents ask for a page.
type listAlerts struct {
	api.Paging
	State string `query:"state" enum:"raised,incident,dismissed" doc:"Only alerts in this state."`
}

type listIncidents struct {
	api.Paging
	State string `query:"state" enum:"open,closed" doc:"Only incidents in this state."`
}

// place reads a cursor made of microseconds and id.
func place(p api.Paging) (web.Place, error) {
	var at int64
	var id string
	first, err := p.After(&at, &id)
	if first || err != nil {
		return web.Place{}, err
	}
	return web.Place{At: store.Time(at), ID: id}, nil
}

func (r *Room) operations(a *api.API) {
	api.Handle(a, api.Operation[listAlerts, gate.House]{
		Method: "GET", Path: "/api/cert/alerts", ID: "cert-alerts", Tags: []string{"cert"}, Action: "cert.desk.read",
		Summary: "List alerts, the youngest first",
	}, func(ctx context.Context, _ gate.Permit[gate.House], in *listAlerts) (*api.List[Alert], error) {
		after, err := place(in.Paging)
		if err != nil {
			return nil, err
		}
		list, err := r.Alerts(ctx, in.State, after, in.Fetch())
		if err != nil {
			return nil, err
		}
		return api.NewList(in.Paging, list, func(a Alert) []any { return []any{store.Micros(a.Raised), a.ID} }), nil
	})
	api.Handle(a, api.Operation[listIncidents, gate.House]{
		Method: "GET", Path: "/api/cert/incidents", ID: "cert-incidents", Tags: []string{"cert"}, Action: "cert.desk.read",
		Summary: "List incidents, the youngest first",
	}, func(ctx context.Context, _ gate.Permit[gate.House], in *listIncidents) (*api.List[Incident], error) {
		after, err := place(in.Paging)
		if err != nil {
			return nil, err
		}
		list, err := r.Incidents(ctx, in.State, after, in.Fetch())
		if err != nil {
			return nil, err
		}
		return api.NewList(in.Paging, list, func(i Incident) []any { return []any{store.Micros(i.Opened), i.ID} }), nil
	})
}
