package payments

import (
	"context"
	"errors"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/iso20022/camt056"
	"sarai/rooms/payments/wire"
)

// jobRecall takes the next step in a recall: hand it to the keeper, tell the asker,
// end it when its time is over.
const jobRecall = "payments.recall.step"

// recallPause is how long it waits before it tries again to reach a participant.
const recallPause = 30 * time.Second

type recallJob struct {
	Recall string `json:"recall"`
}

func (r *Room) recallStep(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d recallJob
	if err := j.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobRecall, jobRecall, gate.House{}); err != nil {
		return nil, err
	}
	var c *Recall
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = recallWhere(tx, "id = $1", d.Recall)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := r.clock.Now()
	waits := c.State == RecallOpen || c.State == RecallAccepted
	if waits && !now.Before(c.Due) {
		return func(tx *store.Tx) error {
			c, err := recallWhere(tx, "id = $1 for update", d.Recall)
			if err != nil || c.State != RecallOpen && c.State != RecallAccepted {
				return err
			}
			switch coming, err := c.coming(tx); {
			case err != nil:
				return err
			case coming:
				return c.wake(tx, now.Add(recallPause))
			}
			return c.end(tx, "system/"+jobRecall, RecallOver, reasonNoReply)
		}, nil
	}
	next := c.Due.UnixMicro()
	var wrote string // what says that a message arrived
	switch {
	case c.State == RecallOpen && c.Handed.IsZero():
		wrote = "handed = $2 where id = $1"
		err = r.handRecall(ctx, c)
	case c.State != RecallOpen && c.Told.IsZero():
		// What was told is this state; another one may have come while it was on its way.
		wrote = "told = $2 where id = $1 and state = '" + c.State + "'"
		err = r.tellRecall(ctx, c)
	}
	if err != nil {
		r.log.WarnContext(ctx, "a participant could not be told of a recall", "recall", c.ID, "error", err)
		wrote, next = "", now.Add(recallPause).UnixMicro()
		if waits {
			next = min(next, c.Due.UnixMicro())
		}
	}
	return func(tx *store.Tx) error {
		if wrote != "" {
			if _, err := tx.Exec("update payments_recall set "+wrote, c.ID, store.Micros(now)); err != nil {
				return err
			}
		}
		after, err := recallWhere(tx, "id = $1", c.ID)
		switch {
		case err != nil:
			return err
		case after.State != c.State: // it has been woken by whoever changed it
			return after.wake(tx, tx.Now())
		case !waits && !after.Told.IsZero():
			return nil // it has ended, and the asker knows
		}
		return after.wake(tx, store.Time(next))
	}, nil
}

// handRecall forwards the camt.056 to the keeper. One whose accounts the house keeps
// answers at the interface.
func (r *Room) handRecall(ctx context.Context, c *Recall) error {
	via, rail, err := r.reach(ctx, c.Keeper)
	if err != nil || via == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rail.answer)
	defer cancel()
	var reply *wire.Message
	if len(c.document) > 0 {
		reply, err = rail.party.Forward(ctx, via.wire, r.newID(), c.document, camt056.ID)
	} else {
		var d iso20022.Message
		if d, err = rail.recallOf(ctx, c); err == nil {
			reply, err = rail.party.Send(ctx, via.wire, r.newID(), d)
		}
	}
	rail.heard(via.ID, err == nil)
	if errors.Is(err, wire.ErrRejected) {
		r.log.WarnContext(ctx, "a participant did not take a recall", "participant", via.ID, "error", err)
		return nil // it will be over in its time
	}
	if err != nil || reply == nil {
		return err
	}
	if d, ok := reply.Body.(*camt029.Document); ok { // it answers at once
		_, err = rail.resolve(ctx, via, d)
	}
	return err
}

// tellRecall tells the asker how its recall stands.
func (r *Room) tellRecall(ctx context.Context, c *Recall) error {
	via, rail, err := r.reach(ctx, c.Party)
	if err != nil || via == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rail.answer)
	defer cancel()
	_, err = rail.party.Send(ctx, via.wire, r.newID(), rail.resolution(c))
	rail.heard(via.ID, err == nil)
	if errors.Is(err, wire.ErrRejected) {
		r.log.WarnContext(ctx, "a participant did not take the answer to a recall", "participant", via.ID, "error", err)
		return nil
	}
	return err
}

// reach gives the line to a participant; none when the house keeps its accounts.
func (r *Room) reach(ctx context.Context, participant string) (*peer, *Rail, error) {
	p, err := r.Participant(ctx, participant)
	if err != nil || !p.Connected {
		return nil, nil, err
	}
	via, err := r.peers.participant(participant)
	if err == nil && via == nil {
		err = errNoBank
	}
	if err != nil {
		return nil, nil, err
	}
	rail, err := r.OpenRail(ctx)
	return via, rail, err
}
