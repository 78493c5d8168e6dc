package payments

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// States of funds on their way, in the standard's words (API Definition 7.5.13).
const (
	fundReserved  = "RESERVED"
	fundCommitted = "COMMITTED"
	fundAborted   = "ABORTED"
)

// hubFund is money that came in at the settlement bank or goes out there.
type hubFund struct {
	id, fsp, currency string
	amount            int64
	direction, state  string
	changed           int64
}

func scanHubFund(scan store.Scan) (f hubFund, err error) {
	err = scan(&f.id, &f.fsp, &f.currency, &f.amount, &f.direction, &f.state, &f.changed)
	return f, err
}

func hubFundByID(tx *store.Tx, id string) (hubFund, bool, error) {
	f, err := store.Get(tx, scanHubFund, "select id, fsp, currency, amount, direction, state, changed from payments_hub_fund where id = $1", strings.ToLower(id))
	if fault.Is(err, fault.NotFound) {
		return f, false, nil
	}
	return f, err == nil, err
}

// fundState answers a participant's GET /transfers/{ID} about its own funds.
func (h *Hub) fundState(ctx context.Context, id, fsp string) (state string, changed time.Time, ok bool, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		var f hubFund
		f, ok, err = hubFundByID(tx, id)
		ok = ok && f.fsp == strings.ToLower(fsp)
		state, changed = f.state, store.Time(f.changed)
		return err
	})
	return state, changed, ok, err
}

// errFundTwice ends a Work that was done before.
var errFundTwice = errors.New("payments: these funds were recorded before")

func isTwice(err error) bool { return errors.Is(err, errFundTwice) }

// fundRefusal says why the ledger did not move funds.
func fundRefusal(why ledger.Reason) error {
	if why == ledger.NoFunds {
		return fspiop.Fail(fspiop.CodePayerLiquidity, "the settlement account does not have these funds to spare")
	}
	return fspiop.Fail(fspiop.CodeValidation, "the ledger refused it: "+string(why))
}

// recordFund books funds that came in, or reserves those that shall go out. The
// transfer's id makes it once for ever.
func (h *Hub) recordFund(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.FundPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	a, f, err := h.account(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	switch {
	case f == nil || a.kind != centraladmin.Settlement:
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "Account is not SETTLEMENT type")
	case a.currency != p.Amount.Currency:
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "The account does not match participant or currency specified")
	}
	if c, _ := f.currency(a.currency); !c.Active || !f.Active {
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "Account is currently set inactive")
	}
	amount, err := p.Amount.Amount.Units(h.hubScale(a.currency))
	if err != nil || amount == 0 || amount > ledger.MaxAmount {
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "amount.amount: above zero is wanted, with no more decimals than the currency is kept in")
	}
	fund := hubFund{id: strings.ToLower(p.TransferID), fsp: a.fsp, currency: a.currency, amount: amount, direction: "in", state: fundCommitted}
	if p.Action == centraladmin.FundsOutReserve {
		fund.direction, fund.state = "out", fundReserved
	}
	return hubAnswer{status: http.StatusAccepted}, h.moveIn(ctx, fund, p)
}

// moveIn writes the fund and its row of the ledger in one transaction.
func (h *Hub) moveIn(ctx context.Context, fund hubFund, p centraladmin.FundPost) error {
	if err := h.openHubAccounts(ctx, fund.currency); err != nil {
		return err
	}
	settlement := settlementAccount(hubBook(fund.fsp), fund.currency)
	move := ledger.Step{Kind: ledger.Post, Party: "hub", Key: "fund/" + fund.id, Debit: issuingAccount(fund.currency), Credit: settlement, Amount: fund.amount, Currency: fund.currency, Memo: []byte(fund.direction + p.Reason)}
	steps := []ledger.Step{move}
	if fund.direction == "out" {
		move.Debit, move.Credit = settlement, payoutAccount(fund.currency)
		// The lower floor stands before the money is gone.
		lower, err := h.lower(ctx, fund)
		if err != nil {
			return err
		}
		steps = append(lower, move)
	}
	_, err := h.room.ledger.Do(ctx, Work{Currency: fund.currency, Actor: gate.From(ctx).Actor(), Steps: steps,
		Before: func(tx *store.Tx) error {
			before, ok, err := hubFundByID(tx, fund.id)
			if err != nil || !ok {
				return err
			}
			if before.fsp != fund.fsp || before.amount != fund.amount || before.currency != fund.currency || before.direction != fund.direction {
				return fspiop.Fail(fspiop.CodeModified, "the transferId is that of other funds")
			}
			return errFundTwice
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			row := rows[len(rows)-1]
			if !row.Accepted() {
				return fundRefusal(row.Reason)
			}
			_, err := tx.Exec("insert into payments_hub_fund (id, fsp, currency, amount, direction, state, reference, reason, made, changed) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
				fund.id, fund.fsp, fund.currency, fund.amount, fund.direction, fund.state, p.ExternalReference, p.Reason, store.Micros(tx.Now()))
			return err
		}})
	if fault.Is(err, fault.Conflict) {
		err = fspiop.Fail(fspiop.CodeModified, "the transferId is that of other funds")
	}
	if err != nil && !isTwice(err) {
		return err
	}
	return h.refloor(ctx, fund.currency, fund.fsp)
}

// lower gives the floor that a participant has when these funds are gone. Funds that
// its position needs cannot go.
func (h *Hub) lower(ctx context.Context, fund hubFund) (steps []ledger.Step, err error) {
	if err := h.caught(ctx, fund.currency); err != nil {
		return nil, err
	}
	net, err := h.netCurrency(ctx, fund.currency)
	if err != nil {
		return nil, err
	}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		steps = nil
		if _, there, err := hubFundByID(tx, fund.id); err != nil || there || !net {
			return err
		}
		s, err := standingOf(tx, hubBook(fund.fsp), fund.currency)
		if err != nil {
			return err
		}
		if s.settled-fund.amount < max(0, s.position+s.held) {
			return fundRefusal(ledger.NoFunds)
		}
		a, err := getAccount(tx, settlementAccount(hubBook(fund.fsp), fund.currency))
		if err != nil {
			return err
		}
		floor, err := floorOf(tx, fund.fsp, fund.currency, a.Balance-fund.amount)
		if err == nil && floor != a.Floor {
			steps = append(steps, floorStep(fund.fsp, fund.currency, a, floor))
		}
		return err
	})
	return steps, err
}

// finishFund tells that the settlement bank has paid, or will not.
func (h *Hub) finishFund(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.FundPut](r)
	if err != nil {
		return hubAnswer{}, err
	}
	a, f, err := h.account(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	var fund hubFund
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		var ok bool
		fund, ok, err = hubFundByID(tx, r.PathValue("transfer"))
		if err == nil && (!ok || f == nil || fund.fsp != a.fsp || fund.currency != a.currency || fund.direction != "out") {
			err = &fspiop.Fault{Code: fspiop.CodeTransferID, Detail: "no funds of this account go out by this transferId", Status: http.StatusNotFound}
		}
		return err
	})
	if err != nil {
		return hubAnswer{}, err
	}
	state, step := fundCommitted, ledger.Step{Kind: ledger.Post, Party: "hub", Key: "fund-end/" + fund.id, Debit: payoutAccount(fund.currency), Credit: issuingAccount(fund.currency), Amount: fund.amount, Currency: fund.currency}
	if p.Action == centraladmin.FundsOutAbort {
		state, step.Credit = fundAborted, settlementAccount(hubBook(fund.fsp), fund.currency)
	}
	_, err = h.room.ledger.Do(ctx, Work{Currency: fund.currency, Actor: gate.From(ctx).Actor(), Steps: []ledger.Step{step},
		Before: func(tx *store.Tx) error {
			now, err := store.Get(tx, store.Value[string], "select state from payments_hub_fund where id = $1 for update", fund.id)
			switch {
			case err != nil:
				return err
			case now == state:
				return errFundTwice
			case now != fundReserved:
				return fspiop.Fail(fspiop.CodeValidation, "the funds are "+now+" already")
			}
			return nil
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if !rows[0].Accepted() {
				return fundRefusal(rows[0].Reason)
			}
			_, err := tx.Exec("update payments_hub_fund set state = $2, reason = $3, changed = $4 where id = $1", fund.id, state, p.Reason, store.Micros(tx.Now()))
			return err
		}})
	if fault.Is(err, fault.Conflict) {
		err = fspiop.Fail(fspiop.CodeValidation, "the funds have been ended otherwise already")
	}
	if err != nil && !isTwice(err) {
		return hubAnswer{}, err
	}
	return hubAnswer{status: http.StatusAccepted}, h.refloor(ctx, fund.currency, fund.fsp)
}
