package payments

import (
	"context"
	"net/http"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
)

// codeSettlement is the standard's generic error about settlement.
const codeSettlement fspiop.Code = "6000"

func scanModel(scan store.Scan) (m centraladmin.Model, err error) {
	var currency string
	err = scan(&m.ID, &m.Name, &m.Active, &m.Granularity, &m.Interchange, &m.Delay, &currency, &m.Liquidity, &m.LedgerType, &m.Reset)
	// Behind the slash stands what else than payments a model is for.
	if currency, _, _ = strings.Cut(currency, "/"); currency != "" {
		m.Currency = &currency
	}
	return m, err
}

const modelColumns = "id, name, active, granularity, interchange, delay, currency, liquidity, ledger_type, resets"

// modelOf is the model by which a currency is settled; false when there is none.
// Fees between participants have models, but no payments of their own here.
func modelOf(tx *store.Tx, currency string) (centraladmin.Model, bool, error) {
	m, err := store.Get(tx, scanModel, "select "+modelColumns+" from payments_hub_model where active = $1 and ledger_type = 'POSITION' and currency in ($2, '') order by currency desc limit 1", true, currency)
	if fault.Is(err, fault.NotFound) {
		return m, false, nil
	}
	return m, err == nil, err
}

// netCurrency says whether windows of a currency are net ones.
func (h *Hub) netCurrency(ctx context.Context, currency string) (net bool, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		m, ok, err := modelOf(tx, currency)
		net = !ok || m.Granularity == "NET"
		return err
	})
	return net, err
}

func (h *Hub) listModels(ctx context.Context, _ *http.Request) (hubAnswer, error) {
	list := []centraladmin.Model{}
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		found, err := store.List(tx, scanModel, "select "+modelColumns+" from payments_hub_model order by id")
		list = append(list[:0], found...)
		return err
	})
	return hubAnswer{http.StatusOK, list}, err
}

func (h *Hub) model(ctx context.Context, name string) (m centraladmin.Model, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		m, err = store.Get(tx, scanModel, "select "+modelColumns+" from payments_hub_model where name = $1", name)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		err = notFound("there is no such settlement model")
	}
	return m, err
}

func (h *Hub) showModel(ctx context.Context, r *http.Request) (hubAnswer, error) {
	m, err := h.model(ctx, r.PathValue("name"))
	return hubAnswer{http.StatusOK, m}, err
}

// addModel keeps a model. It decides how the windows begin that are opened after it.
func (h *Hub) addModel(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.ModelPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		// Fees have a model beside that of payments, in the same currency.
		kind := p.Currency
		if p.LedgerType != centraladmin.Position {
			kind = p.Currency + "/" + p.LedgerType
		}
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_model where name = $1 or currency = $2", p.Name, kind)
		if err != nil {
			return err
		}
		if n > 0 {
			return &fspiop.Fault{Code: fspiop.CodeClient, Detail: "Settlement Model already exists", Status: http.StatusBadRequest}
		}
		id, err := nextNumber(tx, "model")
		if err != nil {
			return err
		}
		_, err = tx.Exec("insert into payments_hub_model (name, id, currency, granularity, interchange, delay, ledger_type, settle_type, liquidity, resets, active, created) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
			p.Name, id, kind, p.Granularity, p.Interchange, p.Delay, p.LedgerType, p.SettleOnType, *p.Liquidity, *p.Reset, true, store.Micros(tx.Now()))
		return err
	})
	return hubAnswer{status: http.StatusCreated}, err
}

func (h *Hub) activateModel(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.Active](r)
	if err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_model set active = $2 where name = $1", r.PathValue("name"), *p.IsActive)
		if err == nil && n == 0 {
			err = notFound("there is no such settlement model")
		}
		return err
	})
	if err != nil {
		return hubAnswer{}, err
	}
	return h.showModel(ctx, r)
}
