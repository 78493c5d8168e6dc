package payments

import (
	"context"
	"net/http"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// hubLimit is a participant's net debit cap.
type hubLimit struct {
	fsp, currency string
	value, alarm  int64
}

func scanLimit(scan store.Scan) (l hubLimit, err error) {
	err = scan(&l.fsp, &l.currency, &l.value, &l.alarm)
	return l, err
}

// limitsOf lists limits; fsp or currency "" is any.
func limitsOf(tx *store.Tx, fsp, currency string) ([]hubLimit, error) {
	return store.List(tx, scanLimit, "select fsp, currency, value, alarm from payments_hub_limit where (fsp = $1 or $1 = '') and (currency = $2 or $2 = '') order by fsp, currency", fsp, currency)
}

func (h *Hub) limitView(l hubLimit) centraladmin.LimitOf {
	value, alarm := centraladmin.DecimalOf(l.value, h.hubScale(l.currency)), centraladmin.DecimalOf(l.alarm, 0)
	return centraladmin.LimitOf{Currency: l.currency, Limit: centraladmin.Limit{Type: centraladmin.NetDebitCap, Value: &value, Alarm: &alarm}}
}

func (h *Hub) showLimits(ctx context.Context, r *http.Request) (hubAnswer, error) {
	fsp, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	out := []centraladmin.LimitOf{}
	if f == nil {
		return hubAnswer{http.StatusOK, out}, nil
	}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		list, err := limitsOf(tx, fsp, r.URL.Query().Get("currency"))
		out = out[:0]
		for _, l := range list {
			out = append(out, h.limitView(l))
		}
		return err
	})
	return hubAnswer{http.StatusOK, out}, err
}

func (h *Hub) listLimits(ctx context.Context, r *http.Request) (hubAnswer, error) {
	all, err := h.FSPs(ctx)
	if err != nil {
		return hubAnswer{}, err
	}
	out := []centraladmin.LimitOf{}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		list, err := limitsOf(tx, "", r.URL.Query().Get("currency"))
		out = out[:0]
		for _, l := range list {
			if f := all[l.fsp]; f != nil {
				v := h.limitView(l)
				v.Name = f.Name
				out = append(out, v)
			}
		}
		return err
	})
	return hubAnswer{http.StatusOK, out}, err
}

// beginLimit gives a participant its first net debit cap in a currency.
func (h *Hub) beginLimit(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.InitialPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	return hubAnswer{status: http.StatusCreated}, h.setLimit(ctx, r, p.Currency, p.Limit, true)
}

// changeLimit gives another one. A lower cap stops new payments only.
func (h *Hub) changeLimit(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.LimitPut](r)
	if err != nil {
		return hubAnswer{}, err
	}
	if p.Limit.Alarm == nil {
		alarm := centraladmin.Decimal("10")
		p.Limit.Alarm = &alarm
	}
	return hubAnswer{http.StatusOK, centraladmin.LimitOf{Currency: p.Currency, Limit: p.Limit}}, h.setLimit(ctx, r, p.Currency, p.Limit, false)
}

func (h *Hub) setLimit(ctx context.Context, r *http.Request, currency string, l centraladmin.Limit, begin bool) error {
	fsp, f, err := h.named(ctx, r)
	if err != nil {
		return err
	}
	if f == nil {
		return fspiop.Fail(fspiop.CodeValidation, "the hub has no limits")
	}
	if _, ok := f.currency(currency); !ok {
		return notFound("the participant has no accounts in this currency")
	}
	value, err := l.Value.Units(h.hubScale(currency))
	if err != nil || value > ledger.MaxAmount {
		return fspiop.Fail(fspiop.CodeValidation, "limit.value: it is too large, or has more decimals than the currency is kept in")
	}
	alarm := int64(10)
	if l.Alarm != nil {
		alarm, _ = l.Alarm.Units(0)
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		sql := "insert into payments_hub_limit (fsp, currency, value, alarm, changed) values ($1, $2, $3, $4, $5) on conflict (fsp, currency) do "
		if begin {
			sql += "nothing"
		} else {
			sql += "update set value = excluded.value, alarm = excluded.alarm, changed = excluded.changed"
		}
		n, err := tx.Exec(sql, fsp, currency, value, alarm, store.Micros(tx.Now()))
		if err == nil && n == 0 {
			err = &fspiop.Fault{Code: fspiop.CodeServer, Detail: "Participant Limit or Initial Position already set", Status: http.StatusInternalServerError}
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.refloor(ctx, currency, fsp)
}

// floorOf is the floor of a participant's settlement account: what its position may
// come to is the smaller of its net debit cap and its funds. What it owes for windows
// that are not settled counts too; in the ledger it stands apart from the position.
func floorOf(tx *store.Tx, fsp, currency string, settled int64) (int64, error) {
	limits, err := limitsOf(tx, fsp, currency)
	if err != nil {
		return 0, err
	}
	owing, err := store.List(tx, store.Value[int64], "select balance from payments_balance where id = $1", obligationAccount(hubBook(fsp), currency))
	if err != nil {
		return 0, err
	}
	var may int64
	if len(limits) > 0 {
		may = max(0, min(limits[0].value, settled))
	}
	for _, o := range owing {
		may += o
	}
	return -may, nil
}

// refloor gives the settlement accounts of participants their floors, until they
// are what follows from the tables: others may move funds at the same time.
func (h *Hub) refloor(ctx context.Context, currency string, fsps ...string) error {
	net, err := h.netCurrency(ctx, currency)
	if err != nil {
		return err
	}
	for range 8 {
		if err := h.caught(ctx, currency); err != nil {
			return err
		}
		var steps []ledger.Step
		err := h.room.db.View(ctx, func(tx *store.Tx) error {
			steps = nil
			for _, fsp := range fsps {
				a, err := getAccount(tx, settlementAccount(hubBook(fsp), currency))
				if err != nil {
					return err
				}
				var floor int64 // what is settled gross has to be there
				if net {
					if floor, err = floorOf(tx, fsp, currency, a.Balance); err != nil {
						return err
					}
				}
				if floor != a.Floor {
					steps = append(steps, floorStep(fsp, currency, a, floor))
				}
			}
			return nil
		})
		if err != nil || len(steps) == 0 {
			return err
		}
		if _, err := h.room.ledger.Do(ctx, Work{Currency: currency, Actor: gate.From(ctx).Actor(), Steps: steps}); err != nil {
			return err
		}
	}
	return nil
}

func floorStep(fsp, currency string, a *Account, floor int64) ledger.Step {
	return ledger.Step{Kind: ledger.Set, Party: "hub", Debit: settlementAccount(hubBook(fsp), currency), Currency: currency, Setting: ledger.Setting{Floor: floor, Blocked: a.Blocked, Closed: a.Closed}}
}

func (h *Hub) showPositions(ctx context.Context, r *http.Request) (hubAnswer, error) {
	_, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	out := []centraladmin.PositionOf{}
	if f == nil {
		return hubAnswer{http.StatusOK, out}, nil
	}
	var currencies []string
	for _, c := range f.Currencies {
		currencies = append(currencies, c.Currency)
	}
	if err := h.caught(ctx, currencies...); err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		out = out[:0]
		for _, c := range f.Currencies {
			s, err := standingOf(tx, hubBook(f.Name), c.Currency)
			if err != nil {
				return err
			}
			out = append(out, centraladmin.PositionOf{Currency: c.Currency, Value: centraladmin.DecimalOf(s.position+s.held, h.hubScale(c.Currency)), ChangedDate: fspiop.FormatTime(tx.Now())})
		}
		return nil
	})
	if want := r.URL.Query().Get("currency"); want != "" && err == nil {
		for _, p := range out {
			if p.Currency == want {
				return hubAnswer{http.StatusOK, p}, nil
			}
		}
		return hubAnswer{http.StatusOK, struct{}{}}, nil
	}
	return hubAnswer{http.StatusOK, out}, err
}
