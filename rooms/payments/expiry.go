package payments

import (
	"context"
	"errors"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// actionExpire gives back the money of reservations whose time is over. That it
// is over is decided by the ledger: a commit that comes first in the order of
// rows wins, one that comes later loses, whenever this looks.
const actionExpire = "payments.reservation.expire"

// expiryPause is how often reservations are looked through.
const expiryPause = 500 * time.Millisecond

// Run gives back what is reserved too long, watches what participants may still
// use and audits the ledger, until ctx ends. Every process may run it: what one has done is nothing for the others.
func (r *Room) Run(ctx context.Context) error {
	tick := time.NewTicker(expiryPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.leave(ctx)
			return nil
		case <-tick.C:
		}
		if _, err := r.Expire(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.log.WarnContext(ctx, "reservations could not be given back", "error", err)
		}
		if err := r.WatchLiquidity(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.log.WarnContext(ctx, "the liquidity of participants could not be looked at", "error", err)
		}
		if _, err := r.auditor.Check(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.log.ErrorContext(ctx, "the ledger does not fit together", "error", err)
		}
	}
}

// leave lets the tables catch up with the ledger before the process ends, so that
// whoever reads the database next finds all of it there. Nothing is lost when it
// is cut off.
func (r *Room) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	if err := r.sequencer.Settle(ctx, r.pack.Currency.Code); err != nil {
		r.log.WarnContext(ctx, "the tables of the ledger are left behind; the next process makes up for them", "error", err)
	}
}

// leaving is how long the end of a process waits for the tables.
const leaving = 20 * time.Second

// Expire gives back the reservations whose time is over, and says how many.
func (r *Room) Expire(ctx context.Context) (n int, err error) {
	currency := r.pack.Currency.Code
	var due []string
	err = r.db.View(ctx, func(tx *store.Tx) error {
		due, err = store.List(tx, store.Value[string], "select id from payments_transfer where phase = 'reserved' and currency = $1 and expires <= $2 order by expires limit 1000", currency, store.Micros(r.clock.Now()))
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, actionExpire, actionExpire, gate.House{}); err != nil {
		return 0, err
	}
	steps := make([]ledger.Step, len(due))
	for i, id := range due {
		steps[i] = ledger.Step{Kind: ledger.Expire, Transfer: id}
	}
	rows, err := r.ledger.Do(ctx, Work{Currency: currency, Actor: "system/" + actionExpire, Steps: steps, After: func(tx *store.Tx, rows []ledger.Row) error {
		var over []any
		for _, row := range rows {
			if row.Ended() == ledger.Expired {
				over = append(over, row.Transfer)
			}
		}
		return unpaid(tx, over...)
	}})
	for _, row := range rows {
		if row.Ended() == ledger.Expired {
			n++
		}
	}
	return n, err
}
