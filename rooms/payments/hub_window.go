package payments

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// A hub's settlement window is one of each of its currencies that are settled net;
// each of them ends by a CUT row of its own book. The country's own currency is not
// among them: its windows are the rail's.

// hubWindow is a settlement window of the hub.
type hubWindow struct {
	id      int64
	state   string
	reason  string
	created int64
	changed int64
}

const hubWindowColumns = "id, state, reason, created, changed"

func scanHubWindow(scan store.Scan) (w hubWindow, err error) {
	err = scan(&w.id, &w.state, &w.reason, &w.created, &w.changed)
	return w, err
}

func (w hubWindow) view() centraladmin.Window {
	return centraladmin.Window{ID: w.id, Reason: w.reason, State: w.state, CreatedDate: fspiop.FormatTime(store.Time(w.created)), ChangedDate: fspiop.FormatTime(store.Time(w.changed))}
}

// openWindow gives the hub's open window, and opens one when there is none.
func (h *Hub) openWindow(ctx context.Context) (w hubWindow, err error) {
	get := func(tx *store.Tx) (hubWindow, error) {
		return store.Get(tx, scanHubWindow, "select "+hubWindowColumns+" from payments_hub_window where state = $1", centraladmin.Open)
	}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		w, err = get(tx)
		return err
	})
	if !fault.Is(err, fault.NotFound) {
		return w, err
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		if err := newHubWindow(tx); err != nil {
			return err
		}
		w, err = get(tx)
		return err
	})
	return w, err
}

// newHubWindow opens a window unless one is open.
func newHubWindow(tx *store.Tx) error {
	// The counter's line is the lock.
	id, err := nextNumber(tx, "window")
	if err != nil {
		return err
	}
	_, err = tx.Exec("insert into payments_hub_window (id, state, reason, created, changed) select $1, $2, '', $3, $3 where not exists (select 1 from payments_hub_window where state = $2)", id, centraladmin.Open, store.Micros(tx.Now()))
	return err
}

func hubWindowByID(tx *store.Tx, id int64) (hubWindow, error) {
	w, err := store.Get(tx, scanHubWindow, "select "+hubWindowColumns+" from payments_hub_window where id = $1", id)
	if fault.Is(err, fault.NotFound) {
		err = fspiop.Fail(fspiop.CodeValidation, fmt.Sprintf("settlementWindowId: %d not found", id))
	}
	return w, err
}

func (h *Hub) showWindow(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, err := pathNumber(r, "id")
	if err != nil {
		return hubAnswer{}, err
	}
	var w hubWindow
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		w, err = hubWindowByID(tx, id)
		return err
	})
	return hubAnswer{http.StatusOK, w.view()}, err
}

// period reads fromDateTime and toDateTime, as microseconds.
func period(r *http.Request) (from, to int64, err error) {
	to = 1 << 62
	for name, into := range map[string]*int64{"fromDateTime": &from, "toDateTime": &to} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, 0, fspiop.Fail(fspiop.CodeSyntax, name+": a time like 2026-01-31T09:00:00Z is wanted")
		}
		*into = store.Micros(at)
	}
	return from, to, nil
}

// asked reads a whole number of the query; 0 when it is not there.
func asked(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fspiop.Fail(fspiop.CodeSyntax, name+": a whole number is wanted")
	}
	return n, nil
}

func (h *Hub) listWindows(ctx context.Context, r *http.Request) (hubAnswer, error) {
	if _, err := h.openWindow(ctx); err != nil {
		return hubAnswer{}, err
	}
	from, to, err := period(r)
	if err != nil {
		return hubAnswer{}, err
	}
	participant, err := asked(r, "participantId")
	if err != nil {
		return hubAnswer{}, err
	}
	q := r.URL.Query()
	out := []centraladmin.Window{}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		sql, args := "select "+hubWindowColumns+" from payments_hub_window w where created >= $1 and created <= $2 and (state = $3 or $3 = '')", []any{from, to, q.Get("state")}
		if c := q.Get("currency"); c != "" {
			args = append(args, c)
			sql += " and exists (select 1 from payments_hub_window_part p where p.hub_window = w.id and p.currency = $4)"
		}
		if participant > 0 {
			args = append(args, participant)
			sql += fmt.Sprintf(" and exists (select 1 from payments_hub_due d join payments_hub_number n on 'fsp-' || n.fsp = d.book where d.hub_window = w.id and n.id = $%d)", len(args))
		}
		list, err := store.List(tx, scanHubWindow, sql+" order by id desc", args...)
		out = out[:0]
		for _, w := range list {
			out = append(out, w.view())
		}
		return err
	})
	return hubAnswer{http.StatusOK, out}, err
}

// ending is a currency's part of a window that is about to end.
type ending struct {
	currency string
	place    int64
}

// parts finds the currencies that are settled net and in which something was paid in
// the ledger's open window.
func (h *Hub) parts(ctx context.Context) ([]ending, error) {
	var all []string
	err := h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		all, err = hubBooks(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []ending
	for _, currency := range all {
		net, err := h.netCurrency(ctx, currency)
		if err != nil {
			return nil, err
		}
		if !net || currency == h.room.pack.Currency.Code {
			continue
		}
		if err := h.caught(ctx, currency); err != nil {
			return nil, err
		}
		err = h.room.db.View(ctx, func(tx *store.Tx) error {
			w, err := openWindow(tx, currency)
			if err != nil {
				return err
			}
			n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_position where currency = $1 and place = $2", currency, w.Number)
			if err == nil && n > 0 {
				out = append(out, ending{currency, w.Number})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// closeHubWindow ends the open window while payments run, each currency at the next
// row of its book, and opens the next. Whoever asks again after a break goes on
// where it broke.
func (h *Hub) closeHubWindow(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, err := pathNumber(r, "id")
	if err != nil {
		return hubAnswer{}, err
	}
	p, err := adminBody[centraladmin.WindowPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	open, err := h.openWindow(ctx)
	if err != nil {
		return hubAnswer{}, err
	}
	if open.id != id {
		err := h.room.db.View(ctx, func(tx *store.Tx) error {
			_, err := hubWindowByID(tx, id)
			return err
		})
		return hubAnswer{}, errOr(err, fspiop.Fail(fspiop.CodeValidation, fmt.Sprintf("Window %d is not open", id)))
	}
	list, err := h.parts(ctx)
	if err != nil {
		return hubAnswer{}, err
	}
	touched := map[string][]string{}
	for _, e := range list {
		if touched[e.currency], err = h.cut(ctx, id, e); err != nil {
			return hubAnswer{}, err
		}
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_window_part where hub_window = $1", id)
		if err == nil && n == 0 {
			err = fspiop.Fail(fspiop.CodeValidation, fmt.Sprintf("Window %d is empty", id))
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_hub_window set state = $2, reason = $3, changed = $4 where id = $1 and state = $5", id, centraladmin.Closed, p.Reason, store.Micros(tx.Now()), centraladmin.Open); err != nil {
			return err
		}
		return newHubWindow(tx)
	})
	if err != nil {
		return hubAnswer{}, err
	}
	for currency, fsps := range touched {
		if err := h.refloor(ctx, currency, fsps...); err != nil {
			return hubAnswer{}, err
		}
	}
	w, err := h.openWindow(ctx)
	return hubAnswer{http.StatusOK, w.view()}, err
}

// cut ends a currency's window and keeps its dues; it gives the participants that
// have some. A part that was cut before is left as it is.
func (h *Hub) cut(ctx context.Context, window int64, e ending) ([]string, error) {
	fsps := func(tx *store.Tx) ([]string, error) {
		return store.List(tx, store.Value[string], "select book from payments_hub_due where hub_window = $1 and currency = $2 and amount <> 0 order by book", window, e.currency)
	}
	net, err := h.netCurrency(ctx, e.currency)
	if err != nil {
		return nil, err
	}
	_, err = h.room.ledger.Do(ctx, Work{Currency: e.currency, Actor: gate.From(ctx).Actor(),
		Steps: []ledger.Step{{Kind: ledger.Cut, Party: "hub", Key: fmt.Sprintf("window/%d", window), Currency: e.currency, Net: net}},
		Before: func(tx *store.Tx) error {
			n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_window_part where hub_window = $1 and currency = $2", window, e.currency)
			if err == nil && n > 0 {
				err = errFundTwice
			}
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			row := rows[0]
			if !row.Accepted() {
				return fmt.Errorf("the ledger refused the cut of %s: %s", e.currency, row.Reason)
			}
			if _, err := tx.Exec("insert into payments_hub_window_part (hub_window, currency, place, settlement, state) values ($1, $2, $3, 0, $4)", window, e.currency, row.Window, centraladmin.Closed); err != nil {
				return err
			}
			for _, d := range row.Dues {
				if _, err := tx.Exec("insert into payments_hub_due (hub_window, currency, book, amount) values ($1, $2, $3, $4)", window, e.currency, d.Participant, d.Amount); err != nil {
					return err
				}
			}
			return nil
		}})
	if err != nil && !isTwice(err) {
		return nil, err
	}
	var books []string
	err = h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		books, err = fsps(tx)
		return err
	})
	for i, b := range books {
		books[i] = strings.TrimPrefix(b, "fsp-")
	}
	return slices.Compact(books), err
}
