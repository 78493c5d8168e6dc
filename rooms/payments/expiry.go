package payments

import (
	"context"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// jobExpire gives back the money of a reservation whose time is over. That it
// is over is decided by the book: a commit that comes first in the order of
// rows wins, one that comes later loses, whenever this job runs.
const jobExpire = "payments.reservation.expire"

type expiry struct {
	Transfer string `json:"transfer"`
	Currency string `json:"currency"`
}

func timers() Timers {
	return Timers{
		Set: func(tx *store.Tx, transfer, currency string, at time.Time) error {
			return job.Put(tx, job.Job{Kind: jobExpire, Key: transfer, At: at, Data: expiry{transfer, currency}})
		},
		Clear: func(tx *store.Tx, transfer string) error { return job.Cancel(tx, jobExpire, transfer) },
	}
}

func (r *Room) expire(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var e expiry
	if err := j.Decode(&e); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobExpire, jobExpire, gate.House{}); err != nil {
		return nil, err
	}
	rows, err := r.ledger.Do(ctx, Work{Currency: e.Currency, Actor: "system/" + jobExpire, Steps: []ledger.Step{{Kind: ledger.Expire, Transfer: e.Transfer}}})
	if err == nil && rows[0].Reason == ledger.InvalidDate {
		// The clock of the process that put the job is ahead of ours. The
		// book's time counts; look again in a moment.
		return func(tx *store.Tx) error { return timers().Set(tx, e.Transfer, e.Currency, tx.Now().Add(time.Second)) }, nil
	}
	return nil, err
}
