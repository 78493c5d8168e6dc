package payments

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
)

// participant shows one; nil is the hub.
func (h *Hub) participant(ctx context.Context, f *HubFSP) (centraladmin.Participant, error) {
	p := centraladmin.Participant{Name: h.name, Active: 1, Created: fspiop.FormatTime(h.started), Accounts: []centraladmin.Account{}}
	fsp := ""
	if f != nil {
		fsp = strings.ToLower(f.Name)
		p.Name, p.Active, p.Created = f.Name, bit(f.Active), fspiop.FormatTime(f.Created)
	}
	p.ID = hubAdminPath + "/participants/" + p.Name
	p.Links.Self = p.ID
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		list, err := hubAccountsOf(tx, fsp)
		p.Accounts = p.Accounts[:0]
		for _, a := range list {
			active := true
			if f != nil {
				c, ok := f.currency(a.currency)
				active = ok && c.Active
			}
			p.Accounts = append(p.Accounts, centraladmin.Account{ID: a.id, Type: a.kind, Currency: a.currency, Active: bit(active), CreatedDate: fspiop.FormatTime(store.Time(a.created)), CreatedBy: "unknown"})
		}
		return err
	})
	return p, err
}

func (h *Hub) listParticipants(ctx context.Context, _ *http.Request) (hubAnswer, error) {
	if err := h.number(ctx); err != nil {
		return hubAnswer{}, err
	}
	all, err := h.sorted(ctx)
	if err != nil {
		return hubAnswer{}, err
	}
	out := make([]centraladmin.Participant, 0, len(all)+1)
	for _, f := range append([]*HubFSP{nil}, all...) {
		p, err := h.participant(ctx, f)
		if err != nil {
			return hubAnswer{}, err
		}
		out = append(out, p)
	}
	return hubAnswer{http.StatusOK, out}, nil
}

// sorted lists the participants in the order in which they came.
func (h *Hub) sorted(ctx context.Context) ([]*HubFSP, error) {
	all, err := h.FSPs(ctx)
	list := make([]*HubFSP, 0, len(all))
	for _, f := range all {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *HubFSP) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list, err
}

func (h *Hub) showParticipant(ctx context.Context, r *http.Request) (hubAnswer, error) {
	_, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	p, err := h.participant(ctx, f)
	return hubAnswer{http.StatusOK, p}, err
}

// addParticipant takes a participant in, or gives it another currency. The hub's
// own accounts of the currency have to be there, and how it is settled to be known.
func (h *Hub) addParticipant(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.ParticipantPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	taken := &fspiop.Fault{Code: fspiop.CodeClient, Detail: "Participant currency has already been registered", Status: http.StatusBadRequest}
	if h.isHub(p.Name) {
		return hubAnswer{}, taken
	}
	var known, opened bool
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		own, err := hubAccountsOf(tx, "")
		if err != nil {
			return err
		}
		has := func(kind string) bool {
			return slices.ContainsFunc(own, func(a hubAccount) bool { return a.currency == p.Currency && a.kind == kind })
		}
		opened = has(centraladmin.Reconciliation) && has(centraladmin.Multilateral)
		_, known, err = modelOf(tx, p.Currency)
		return err
	})
	if err != nil {
		return hubAnswer{}, err
	}
	if !opened {
		return hubAnswer{}, fspiop.Fail(fspiop.CodeAddParty, "Hub reconciliation or multilateral settlement account for the specified currency does not exist")
	}
	if !known {
		return hubAnswer{}, &fspiop.Fault{Code: codeSettlement, Detail: "Unable to find a matching or default, Settlement Model", Status: http.StatusBadRequest}
	}
	if err := h.AddFSP(ctx, p.Name); err != nil && !fault.Is(err, fault.Conflict) {
		return hubAnswer{}, err
	}
	if err := h.AddCurrency(ctx, p.Name, p.Currency); err != nil {
		if fault.Is(err, fault.Conflict) {
			err = taken
		}
		return hubAnswer{}, err
	}
	if err := h.openHubAccounts(ctx, p.Currency); err != nil {
		return hubAnswer{}, err
	}
	if err := h.number(ctx); err != nil {
		return hubAnswer{}, err
	}
	f, err := h.FSP(ctx, p.Name)
	if err != nil {
		return hubAnswer{}, err
	}
	v, err := h.participant(ctx, f)
	return hubAnswer{http.StatusCreated, v}, err
}

func (h *Hub) activateParticipant(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.Active](r)
	if err != nil {
		return hubAnswer{}, err
	}
	_, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	if f == nil {
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "the hub itself stays active")
	}
	if err := h.SetActive(ctx, f.Name, *p.IsActive); err != nil {
		return hubAnswer{}, err
	}
	return h.showParticipant(ctx, r)
}

func (h *Hub) listEndpoints(ctx context.Context, r *http.Request) (hubAnswer, error) {
	_, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	out := []centraladmin.Endpoint{}
	var kinds []string
	if f != nil {
		for k := range f.Endpoints {
			kinds = append(kinds, k)
		}
	}
	slices.Sort(kinds)
	want := r.URL.Query().Get("type")
	for _, k := range kinds {
		if want == k {
			return hubAnswer{http.StatusOK, centraladmin.Endpoint{Type: k, Value: f.Endpoints[k]}}, nil
		}
		out = append(out, centraladmin.Endpoint{Type: k, Value: f.Endpoints[k]})
	}
	if want != "" {
		return hubAnswer{http.StatusOK, struct{}{}}, nil
	}
	return hubAnswer{http.StatusOK, out}, nil
}

// addEndpoint keeps where a participant takes messages, or mail. The hub sends no
// mail; its own addresses for it are taken and change nothing.
func (h *Hub) addEndpoint(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.Endpoint](r)
	if err != nil {
		return hubAnswer{}, err
	}
	_, f, err := h.named(ctx, r)
	if err != nil || f == nil {
		return hubAnswer{status: http.StatusCreated}, err
	}
	return hubAnswer{status: http.StatusCreated}, h.SetEndpoint(ctx, f.Name, p.Type, p.Value)
}
