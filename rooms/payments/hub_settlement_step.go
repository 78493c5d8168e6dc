package payments

import (
	"context"
	"fmt"
	"net/http"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// stepSettlement takes accounts of a settlement one state on, or aborts the whole.
// What cannot go on is said beside its account; the others go on all the same.
func (h *Hub) stepSettlement(ctx context.Context, r *http.Request) (hubAnswer, error) {
	id, pid, aid, err := settlementPlace(r)
	if err != nil {
		return hubAnswer{}, err
	}
	p, err := settlementSteps(r, pid, aid)
	if err != nil {
		return hubAnswer{}, err
	}
	if p.State == centraladmin.Aborted {
		if err := h.abortSettlement(ctx, id, p.Reason); err != nil {
			return hubAnswer{}, err
		}
		return h.showSettlement(ctx, r)
	}
	if err := h.room.db.View(ctx, func(tx *store.Tx) error {
		_, err := hubSettlementByID(tx, id, "")
		return err
	}); err != nil {
		return hubAnswer{}, err
	}
	refused := map[centraladmin.Number]*fspiop.ErrorInformation{}
	wanted := map[centraladmin.Number]bool{}
	for _, part := range p.Participants {
		for _, a := range part.Accounts {
			wanted[a.ID] = true
			why, err := h.stepAccount(ctx, id, int64(part.ID), a)
			if err != nil {
				return hubAnswer{}, err
			}
			if why != "" {
				info := fspiop.Fail(fspiop.CodeClient, why).Information()
				refused[a.ID] = &info
			}
		}
	}
	var out centraladmin.SettlementOf
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		out, err = h.settlementView(tx, id, func(l hubSettlementLine) bool { return wanted[centraladmin.Number(l.account)] })
		return err
	})
	for i := range out.Participants {
		for j := range out.Participants[i].Accounts {
			a := &out.Participants[i].Accounts[j]
			a.Refused = refused[centraladmin.Number(a.ID)]
			delete(refused, centraladmin.Number(a.ID))
		}
	}
	for _, part := range p.Participants { // accounts that the settlement does not have
		for _, a := range part.Accounts {
			if why := refused[a.ID]; why != nil {
				out.Participants = append(out.Participants, centraladmin.SettlementPartyState{ID: int64(part.ID), Accounts: []centraladmin.SettlementAccountState{{ID: int64(a.ID), State: a.State, Reason: a.Reason, Refused: why}}})
			}
		}
	}
	return hubAnswer{http.StatusOK, out}, err
}

// settlementSteps reads what is asked, in whichever of its three forms.
func settlementSteps(r *http.Request, pid, aid int64) (centraladmin.SettlementPut, error) {
	switch {
	case aid > 0:
		p, err := adminBody[centraladmin.StatePut](r)
		return centraladmin.SettlementPut{Participants: []centraladmin.ParticipantStep{{ID: centraladmin.Number(pid), Accounts: []centraladmin.AccountStep{{ID: centraladmin.Number(aid), State: p.State, Reason: p.Reason, Reference: p.Reference}}}}}, err
	case pid > 0:
		p, err := adminBody[centraladmin.AccountsPut](r)
		return centraladmin.SettlementPut{Participants: []centraladmin.ParticipantStep{{ID: centraladmin.Number(pid), Accounts: p.Accounts}}}, err
	}
	return adminBody[centraladmin.SettlementPut](r)
}

// stepAccount takes one account on; why says what stands against it.
//
// A creditor gets what it is owed when its transfer is reserved, a debtor has paid
// when its own is committed: at the settlement bank, so that the settlement account
// has the money for a moment only. In between it stands on the multilateral account,
// which is at zero again when all have paid.
func (h *Hub) stepAccount(ctx context.Context, id, participant int64, want centraladmin.AccountStep) (why string, err error) {
	var line hubSettlementLine
	check := func(tx *store.Tx, lock string) error {
		why = ""
		lines, err := hubSettlementLines(tx, id, lock)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.account != int64(want.ID) {
				continue
			}
			line = l
			switch {
			case l.participant != participant:
				why = "Participant and account mismatch"
			case want.State == centraladmin.Aborted || !centraladmin.After(want.State, l.state):
				why = "State change not allowed"
			}
			return nil
		}
		why = "Account not found"
		return nil
	}
	if err := h.room.db.View(ctx, func(tx *store.Tx) error { return check(tx, "") }); err != nil || why != "" {
		return why, err
	}
	keep := func(tx *store.Tx, moved bool) error {
		if err := check(tx, " for update"); err != nil || why != "" {
			return err
		}
		if _, err := tx.Exec("update payments_hub_settlement_account set state = $3, reason = $4, reference = case when $5 = '' then reference else $5 end, moved = $6, changed = $7 where settlement = $1 and account = $2",
			id, int64(want.ID), want.State, want.Reason, want.Reference, moved, store.Micros(tx.Now())); err != nil {
			return err
		}
		return h.round(tx, id)
	}
	creditor := want.State == centraladmin.Reserved && line.net < 0
	debtor := want.State == centraladmin.Committed && line.net > 0
	if line.moved || !creditor && !debtor {
		err := h.room.db.Update(ctx, func(tx *store.Tx) error { return keep(tx, line.moved) })
		return why, err
	}
	if err := h.openHubAccounts(ctx, line.currency); err != nil {
		return "", err
	}
	steps := settlementPosts(id, line, creditor)
	_, err = h.room.ledger.Do(ctx, Work{Currency: line.currency, Actor: gate.From(ctx).Actor(), Steps: steps,
		After: func(tx *store.Tx, rows []ledger.Row) error {
			for _, row := range rows {
				if !row.Accepted() {
					return fundRefusal(row.Reason)
				}
			}
			return keep(tx, true)
		}})
	if err == nil {
		err = h.refloor(ctx, line.currency, line.fsp)
	}
	return why, err
}

// settlementPosts are the two rows by which a due leaves, or comes back.
func settlementPosts(id int64, l hubSettlementLine, creditor bool) []ledger.Step {
	book := hubBook(l.fsp)
	amount := max(l.net, -l.net)
	at := []string{obligationAccount(book, l.currency), settlementAccount(book, l.currency), multilateralAccount(l.currency)}
	if !creditor {
		at[0], at[2] = at[2], at[0]
	}
	steps := make([]ledger.Step, 2)
	for i := range steps {
		steps[i] = ledger.Step{Kind: ledger.Post, Party: "hub", Key: fmt.Sprintf("settlement/%d/%d/%d/%s", id, l.account, i, l.state), Debit: at[i], Credit: at[i+1], Amount: amount, Currency: l.currency}
	}
	return steps
}

// round sets the settlement's state to what follows from its accounts, and that of
// its windows.
func (h *Hub) round(tx *store.Tx, id int64) error {
	lines, err := hubSettlementLines(tx, id, "")
	if err != nil {
		return err
	}
	states := make([]string, len(lines))
	for i, l := range lines {
		states[i] = l.state
	}
	overall := centraladmin.Overall(states)
	now := store.Micros(tx.Now())
	if _, err := tx.Exec("update payments_hub_settlement set state = $2, changed = $3 where id = $1", id, overall, now); err != nil || overall != centraladmin.Settled {
		return err
	}
	if _, err := tx.Exec("update payments_hub_window_part set state = $2 where settlement = $1", id, centraladmin.Settled); err != nil {
		return err
	}
	_, err = tx.Exec(`update payments_hub_window set state = $2, changed = $3 where id in (select hub_window from payments_hub_window_part where settlement = $1)
		and not exists (select 1 from payments_hub_window_part p where p.hub_window = payments_hub_window.id and p.state <> $2)`, id, centraladmin.Settled, now)
	return err
}

// abortSettlement undoes a settlement of which nothing is committed: what creditors
// have got they owe back, and its windows can be settled anew.
func (h *Hub) abortSettlement(ctx context.Context, id int64, reason string) error {
	var lines []hubSettlementLine
	var s hubSettlement
	err := h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		if s, err = hubSettlementByID(tx, id, ""); err != nil {
			return err
		}
		lines, err = hubSettlementLines(tx, id, "")
		return err
	})
	if err != nil || s.state == centraladmin.Aborted {
		return err
	}
	for _, l := range lines {
		if !centraladmin.After(centraladmin.Aborted, l.state) {
			return fspiop.Fail(fspiop.CodeValidation, "At least one settlement transfer is committed")
		}
	}
	end := func(tx *store.Tx, l hubSettlementLine) error {
		n, err := tx.Exec("update payments_hub_settlement_account set state = $3, reason = $4, moved = $5, changed = $6 where settlement = $1 and account = $2 and state in ($7, $8, $9)",
			id, l.account, centraladmin.Aborted, reason, false, store.Micros(tx.Now()), centraladmin.Pending, centraladmin.Recorded, centraladmin.Reserved)
		if err == nil && n == 0 && l.state != centraladmin.Aborted {
			err = fspiop.Fail(fspiop.CodeValidation, "At least one settlement transfer is committed")
		}
		if err != nil {
			return err
		}
		return h.round(tx, id)
	}
	for _, l := range lines {
		if !l.moved {
			if err := h.room.db.Update(ctx, func(tx *store.Tx) error { return end(tx, l) }); err != nil {
				return err
			}
			continue
		}
		// The way back.
		back := l
		back.state = centraladmin.Aborted
		steps := settlementPosts(id, back, false)
		if _, err := h.room.ledger.Do(ctx, Work{Currency: l.currency, Actor: gate.From(ctx).Actor(), Steps: steps, After: func(tx *store.Tx, rows []ledger.Row) error {
			for _, row := range rows {
				if !row.Accepted() {
					return fundRefusal(row.Reason)
				}
			}
			return end(tx, l)
		}}); err != nil {
			return err
		}
		if err := h.refloor(ctx, l.currency, l.fsp); err != nil {
			return err
		}
	}
	return h.room.db.Update(ctx, func(tx *store.Tx) error {
		now := store.Micros(tx.Now())
		if _, err := tx.Exec("update payments_hub_window set state = $2, changed = $3 where id in (select hub_window from payments_hub_window_part where settlement = $1)", id, centraladmin.Aborted, now); err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_hub_window_part set state = $2, settlement = 0 where settlement = $1", id, centraladmin.Aborted); err != nil {
			return err
		}
		_, err := tx.Exec("update payments_hub_settlement set state = $2, reason = $3, changed = $4 where id = $1", id, centraladmin.Aborted, reason, now)
		return err
	})
}
