package payments

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
)

// hubSettlement is what participants owe each other for closed windows, on its way
// to be paid at the settlement bank.
type hubSettlement struct {
	id      int64
	model   string
	state   string
	reason  string
	created int64
	changed int64
}

const hubSettlementColumns = "id, model, state, reason, created, changed"

func scanHubSettlement(scan store.Scan) (s hubSettlement, err error) {
	err = scan(&s.id, &s.model, &s.state, &s.reason, &s.created, &s.changed)
	return s, err
}

// hubSettlementLine is one participant's account in a settlement.
type hubSettlementLine struct {
	settlement, account, participant int64
	fsp, currency                    string
	net                              int64 // above zero: it owes
	state, reason, reference         string
	moved                            bool
}

func hubSettlementLines(tx *store.Tx, id int64, lock string) ([]hubSettlementLine, error) {
	return store.List(tx, func(scan store.Scan) (l hubSettlementLine, err error) {
		err = scan(&l.settlement, &l.account, &l.participant, &l.fsp, &l.currency, &l.net, &l.state, &l.reason, &l.reference, &l.moved)
		return l, err
	}, "select a.settlement, a.account, coalesce((select n.id from payments_hub_number n where n.fsp = a.fsp), 0), a.fsp, a.currency, a.net, a.state, a.reason, a.reference, a.moved from payments_hub_settlement_account a where a.settlement = $1 order by a.account"+lock, id)
}

func hubSettlementByID(tx *store.Tx, id int64, lock string) (hubSettlement, error) {
	s, err := store.Get(tx, scanHubSettlement, "select "+hubSettlementColumns+" from payments_hub_settlement where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		err = fspiop.Fail(fspiop.CodeValidation, "Settlement not found")
	}
	return s, err
}

// settlementView shows a settlement; keep chooses among its accounts.
func (h *Hub) settlementView(tx *store.Tx, id int64, keep func(hubSettlementLine) bool) (centraladmin.SettlementOf, error) {
	out := centraladmin.SettlementOf{Windows: []centraladmin.WindowOf{}, Participants: []centraladmin.SettlementPartyState{}}
	s, err := hubSettlementByID(tx, id, "")
	if err != nil {
		return out, err
	}
	out.ID, out.Model, out.State, out.Reason = s.id, s.model, s.state, s.reason
	out.CreatedDate, out.ChangedDate = fspiop.FormatTime(store.Time(s.created)), fspiop.FormatTime(store.Time(s.changed))
	windows, err := store.List(tx, scanHubWindow, "select "+hubWindowColumns+" from payments_hub_window w where exists (select 1 from payments_hub_window_part p where p.hub_window = w.id and p.settlement = $1) order by id", id)
	if err != nil {
		return out, err
	}
	for _, w := range windows {
		v := w.view()
		out.Windows = append(out.Windows, centraladmin.WindowOf{ID: v.ID, State: v.State, Reason: v.Reason, CreatedDate: v.CreatedDate, ChangedDate: v.ChangedDate})
	}
	lines, err := hubSettlementLines(tx, id, "")
	for _, l := range lines {
		if keep != nil && !keep(l) {
			continue
		}
		at := slices.IndexFunc(out.Participants, func(p centraladmin.SettlementPartyState) bool { return p.ID == l.participant })
		if at < 0 {
			at = len(out.Participants)
			out.Participants = append(out.Participants, centraladmin.SettlementPartyState{ID: l.participant})
		}
		out.Participants[at].Accounts = append(out.Participants[at].Accounts, centraladmin.SettlementAccountState{ID: l.account, State: l.state, Reason: l.reason, Reference: l.reference,
			Net: centraladmin.Money{Amount: centraladmin.DecimalOf(l.net, h.hubScale(l.currency)), Currency: l.currency}})
	}
	return out, err
}

func (h *Hub) showSettlement(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, pid, aid, err := settlementPlace(r)
	if err != nil {
		return hubAnswer{}, err
	}
	var out centraladmin.SettlementOf
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		out, err = h.settlementView(tx, id, func(l hubSettlementLine) bool {
			return (pid == 0 || l.participant == pid) && (aid == 0 || l.account == aid)
		})
		return err
	})
	if err == nil && pid > 0 && len(out.Participants) == 0 {
		err = fspiop.Fail(fspiop.CodeValidation, "Participant or account not in settlement")
	}
	return hubAnswer{http.StatusOK, out}, err
}

// settlementPlace reads the path: a settlement, perhaps a participant's part of it,
// perhaps one account.
func settlementPlace(r *http.Request) (id, pid, aid int64, err error) {
	if id, err = pathNumber(r, "id"); err != nil {
		return 0, 0, 0, err
	}
	if r.PathValue("pid") != "" {
		if pid, err = pathNumber(r, "pid"); err != nil {
			return 0, 0, 0, err
		}
	}
	if r.PathValue("aid") != "" {
		aid, err = pathNumber(r, "aid")
	}
	return id, pid, aid, err
}

func (h *Hub) listSettlements(ctx context.Context, r *http.Request) (hubAnswer, error) {
	from, to, err := period(r)
	if err != nil {
		return hubAnswer{}, err
	}
	var numbers [3]int64
	for i, name := range []string{"settlementWindowId", "participantId", "accountId"} {
		if numbers[i], err = asked(r, name); err != nil {
			return hubAnswer{}, err
		}
	}
	q := r.URL.Query()
	out := []centraladmin.SettlementOf{}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		list, err := store.List(tx, store.Value[int64], `select s.id from payments_hub_settlement s where s.created >= $1 and s.created <= $2 and (s.state = $3 or $3 = '')
			and ($4 = 0 or exists (select 1 from payments_hub_window_part p where p.settlement = s.id and p.hub_window = $4))
			and ($5 = 0 or exists (select 1 from payments_hub_settlement_account a join payments_hub_number n on n.fsp = a.fsp where a.settlement = s.id and n.id = $5))
			and ($6 = 0 or exists (select 1 from payments_hub_settlement_account a where a.settlement = s.id and a.account = $6))
			and ($7 = '' or exists (select 1 from payments_hub_settlement_account a where a.settlement = s.id and a.currency = $7)) order by s.id desc limit 500`,
			from, to, q.Get("state"), numbers[0], numbers[1], numbers[2], q.Get("currency"))
		out = out[:0]
		for _, id := range list {
			v, err := h.settlementView(tx, id, nil)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return err
	})
	return hubAnswer{http.StatusOK, out}, err
}

// addSettlement gathers what is owed for closed windows in the currencies of a
// model. A part of a window is in one settlement at most that was not aborted.
func (h *Hub) addSettlement(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.SettlementPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	var ids []int64
	for _, w := range p.Windows {
		ids = append(ids, int64(w.ID))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var out centraladmin.SettlementOf
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		m, err := store.Get(tx, scanModel, "select "+modelColumns+" from payments_hub_model where name = $1", p.Model)
		if fault.Is(err, fault.NotFound) || err == nil && (!m.Active || m.LedgerType != centraladmin.Position || m.Granularity != "NET") {
			return fspiop.Fail(fspiop.CodeValidation, "Settlement model not found, or nothing is settled by it after a window")
		}
		if err != nil {
			return err
		}
		id, err := nextNumber(tx, "settlement")
		if err != nil {
			return err
		}
		now := store.Micros(tx.Now())
		if _, err := tx.Exec("insert into payments_hub_settlement (id, model, state, reason, created, changed) values ($1, $2, $3, $4, $5, $5)", id, m.Name, centraladmin.Pending, p.Reason, now); err != nil {
			return err
		}
		net, err := h.gather(tx, m, id, ids)
		if err != nil {
			return err
		}
		for _, k := range sortedDues(net) {
			account, err := store.Get(tx, store.Value[int64], "select id from payments_hub_account where fsp = $1 and currency = $2 and kind = $3", k.fsp, k.currency, centraladmin.Position)
			if err != nil {
				return err
			}
			if _, err := tx.Exec("insert into payments_hub_settlement_account (settlement, account, fsp, currency, net, state, reason, reference, moved, changed) values ($1, $2, $3, $4, $5, $6, $7, '', $8, $9)",
				id, account, k.fsp, k.currency, net[k], centraladmin.Pending, p.Reason, false, now); err != nil {
				return err
			}
		}
		out, err = h.settlementView(tx, id, nil)
		return err
	})
	return hubAnswer{http.StatusOK, out}, err
}

// dueKey names what one participant owes in one currency.
type dueKey struct{ fsp, currency string }

func sortedDues(m map[dueKey]int64) []dueKey {
	keys := make([]dueKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b dueKey) int { return strings.Compare(a.currency+"/"+a.fsp, b.currency+"/"+b.fsp) })
	return keys
}

// gather takes the parts of windows that the model settles, and adds up what each
// participant that paid or was paid in them owes.
func (h *Hub) gather(tx *store.Tx, m centraladmin.Model, id int64, windows []int64) (map[dueKey]int64, error) {
	net := map[dueKey]int64{}
	for _, w := range windows {
		if _, err := hubWindowByID(tx, w); err != nil {
			return nil, err
		}
		// The window's line is the lock.
		if _, err := tx.Exec("update payments_hub_window set changed = changed where id = $1", w); err != nil {
			return nil, err
		}
		parts, err := store.List(tx, func(scan store.Scan) (e ending, err error) {
			err = scan(&e.currency, &e.place)
			return e, err
		}, "select currency, place from payments_hub_window_part where hub_window = $1 and settlement = 0 order by currency", w)
		if err != nil {
			return nil, err
		}
		taken := 0
		for _, e := range parts {
			own, ok, err := modelOf(tx, e.currency)
			if err != nil {
				return nil, err
			}
			if !ok || own.Name != m.Name {
				continue
			}
			taken++
			if err := h.gatherPart(tx, net, id, w, e); err != nil {
				return nil, err
			}
		}
		if taken == 0 {
			return nil, fspiop.Fail(fspiop.CodeValidation, fmt.Sprintf("Inapplicable windows %d: open, empty for this model, or settled already", w))
		}
		if _, err := tx.Exec("update payments_hub_window set state = $2, changed = $3 where id = $1", w, centraladmin.Pending, store.Micros(tx.Now())); err != nil {
			return nil, err
		}
	}
	return net, nil
}

func (h *Hub) gatherPart(tx *store.Tx, net map[dueKey]int64, id, window int64, e ending) error {
	type due struct {
		book   string
		amount int64
	}
	list, err := store.List(tx, func(scan store.Scan) (d due, err error) {
		err = scan(&d.book, &d.amount)
		return d, err
	}, `select participant, 0 from payments_position where currency = $1 and place = $2
		union all select book, amount from payments_hub_due where hub_window = $3 and currency = $1`, e.currency, e.place, window)
	if err != nil {
		return err
	}
	for _, d := range list {
		net[dueKey{strings.TrimPrefix(d.book, "fsp-"), e.currency}] -= d.amount
	}
	_, err = tx.Exec("update payments_hub_window_part set settlement = $3, state = $4 where hub_window = $1 and currency = $2", window, e.currency, id, centraladmin.Pending)
	return err
}
