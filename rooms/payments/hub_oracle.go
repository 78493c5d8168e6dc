package payments

import (
	"context"
	"net/http"
	"strconv"

	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
)

// Oracles are kept as they are registered. The hub's own directory of parties
// answers for all kinds; nothing is ever sent to an oracle's address.

func scanOracle(scan store.Scan) (o centraladmin.Oracle, err error) {
	var id int64
	err = scan(&id, &o.IDType, &o.Currency, &o.Endpoint.Value, &o.Default)
	o.ID, o.Endpoint.Type = strconv.FormatInt(id, 10), "URL"
	return o, err
}

func (h *Hub) listOracles(ctx context.Context, r *http.Request) (hubAnswer, error) {
	list := []centraladmin.Oracle{}
	kind, currency := r.URL.Query().Get("type"), r.URL.Query().Get("currency")
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		found, err := store.List(tx, scanOracle, "select id, kind, currency, url, standard from payments_hub_oracle where (kind = $1 or $1 = '') and (currency = $2 or $2 = '') order by id", kind, currency)
		list = append(list[:0], found...)
		return err
	})
	return hubAnswer{http.StatusOK, list}, err
}

func (h *Hub) addOracle(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.OraclePost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_oracle where kind = $1 and currency = $2", p.IDType, p.Currency)
		if err != nil {
			return err
		}
		if n > 0 {
			return &fspiop.Fault{Code: fspiop.CodeServer, Detail: "an oracle for this kind and currency is registered already", Status: http.StatusInternalServerError}
		}
		id, err := nextNumber(tx, "oracle")
		if err != nil {
			return err
		}
		_, err = tx.Exec("insert into payments_hub_oracle (id, kind, currency, url, standard, created) values ($1, $2, $3, $4, $5, $6)", id, p.IDType, p.Currency, p.Endpoint.Value, p.Default, store.Micros(tx.Now()))
		return err
	})
	return hubAnswer{status: http.StatusCreated}, err
}

func (h *Hub) changeOracle(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, err := pathNumber(r, "id")
	if err != nil {
		return hubAnswer{}, err
	}
	p, err := adminBody[centraladmin.OraclePost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_oracle where kind = $1 and currency = $2 and id <> $3", p.IDType, p.Currency, id)
		if err == nil && n > 0 {
			err = fspiop.Fail(fspiop.CodeValidation, "an oracle for this kind and currency is registered already")
		}
		if err != nil {
			return err
		}
		return found(tx.Exec("update payments_hub_oracle set kind = $2, currency = $3, url = $4, standard = $5 where id = $1", id, p.IDType, p.Currency, p.Endpoint.Value, p.Default))
	})
	return hubAnswer{status: http.StatusNoContent}, err
}

func (h *Hub) dropOracle(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, err := pathNumber(r, "id")
	if err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		return found(tx.Exec("delete from payments_hub_oracle where id = $1", id))
	})
	return hubAnswer{status: http.StatusNoContent}, err
}

func found(n int64, err error) error {
	if err == nil && n == 0 {
		err = notFound("there is no such oracle")
	}
	return err
}
