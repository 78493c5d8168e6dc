package payments

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// RecallTime is how long the payee's participant has to answer a recall, and to
// return the money after it has agreed.
const RecallTime = 10 * 24 * time.Hour

// Recall is a payer's participant asking for money of a committed payment back. It
// is a request and moves nothing: the payee's participant answers, and what it
// agrees to give comes back as a return.
type Recall struct {
	ID        string
	Party     string // participant that asks
	Reference string // by that participant: its CxlId
	Original  string // the payment
	Keeper    string // participant that has the money
	Amount    int64  // minor units
	Reason    string // ISO 20022 ExternalCancellationReason1Code
	State     string
	Answer    string // ISO 20022 reason of a refusal
	Asked     time.Time
	Due       time.Time
	Handed    time.Time // when the keeper had it; zero before
	Answered  time.Time // zero while open
	Told      time.Time // when the asker had the answer; zero before

	payload, document []byte
}

// The states of a recall.
const (
	RecallOpen     = "open"
	RecallAccepted = "accepted" // the money is to come
	RecallReturned = "returned"
	RecallRefused  = "refused"
	RecallOver     = "over" // nobody answered in time, or what was agreed did not come
)

// Reasons of ISO 20022's external lists in the answers to a recall.
const (
	reasonNoReply  = "NOAS" // no answer from the customer
	reasonCustomer = "CUST" // the customer refuses
	reasonRecalled = "FOCR" // of a return: it follows a recall
)

// partyRecall has the keys of returns that answer a recall: the recall's id.
const partyRecall = "recall"

const recallColumns = "id, party, reference, payload, original, keeper, amount, reason, state, answer, asked, due, handed, answered, told, document"

func scanRecall(scan store.Scan) (*Recall, error) {
	var c Recall
	var asked, due, handed, answered, told int64
	err := scan(&c.ID, &c.Party, &c.Reference, &c.payload, &c.Original, &c.Keeper, &c.Amount, &c.Reason, &c.State, &c.Answer, &asked, &due, &handed, &answered, &told, &c.document)
	c.Asked, c.Due, c.Handed, c.Answered, c.Told = store.Time(asked), store.Time(due), timeOf(handed), timeOf(answered), timeOf(told)
	return &c, err
}

func recallWhere(tx *store.Tx, where string, args ...any) (*Recall, error) {
	c, err := store.Get(tx, scanRecall, "select "+recallColumns+" from payments_recall where "+where, args...)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "payments.recall.unknown").Because(err)
	}
	return c, err
}

// recallAsk is what a participant asks.
type recallAsk struct {
	party, reference, original, reason, actor string
	amount                                    int64 // 0: all that was not returned
	document                                  []byte
}

func (a recallAsk) payload() []byte {
	text, _ := json.Marshal([]any{a.original, a.amount, a.reason}) // texts and a number: cannot fail
	sum := sha256.Sum256(text)
	return sum[:]
}

// errRecalled says that the payment is being recalled already, by which request.
type errRecalled struct{ first *Recall }

func (e *errRecalled) Error() string { return "the payment is being recalled already" }

// recall writes down that a payment is recalled. The same request again gives the
// first one as it stands; another with the same reference is a Conflict. One that
// is open already is an errRecalled.
func (r *Room) recall(ctx context.Context, a recallAsk) (*Recall, error) {
	if !reasonForm.MatchString(a.reason) {
		return nil, fault.New(fault.Invalid, returnReason).At("reason", returnReason)
	}
	if err := r.sequencer.Settle(ctx, r.pack.Currency.Code); err != nil {
		return nil, err
	}
	id := r.newID()
	var out *Recall
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		old, err := recallWhere(tx, "party = $1 and reference = $2", a.party, a.reference)
		if err == nil {
			if string(old.payload) != string(a.payload()) {
				return fault.New(fault.Conflict, "payments.key.reused")
			}
			out = old
			return nil
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		// Whoever recalls this payment now waits here for whoever does so too.
		if _, err := store.Get(tx, store.Value[string], "select id from payments_transfer where id = $1 for update", a.original); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		t, err := returnable(tx, a.original)
		if err != nil {
			return err
		}
		if first, err := recallWhere(tx, "original = $1 and state in ('open', 'accepted')", a.original); err == nil {
			return &errRecalled{first}
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		left, err := remainder(tx, t)
		amount := a.amount
		switch {
		case err != nil:
			return err
		case left == 0:
			return fault.New(fault.Conflict, returnSpent)
		case amount > left:
			return fault.New(fault.Conflict, returnMore)
		case amount == 0:
			amount = left
		}
		out = &Recall{ID: id, Party: a.party, Reference: a.reference, Original: a.original, Keeper: t.CreditBook, Amount: amount, Reason: a.reason, State: RecallOpen, Asked: tx.Now(), Due: tx.Now().Add(RecallTime), payload: a.payload(), document: a.document}
		if _, err := tx.Exec("insert into payments_recall ("+recallColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11, 0, 0, 0, $12)",
			out.ID, out.Party, out.Reference, out.payload, out.Original, out.Keeper, out.Amount, out.Reason, out.State, store.Micros(out.Asked), store.Micros(out.Due), out.document); err != nil {
			return err
		}
		out.emit(tx, RecallAsked, a.actor)
		return out.wake(tx, tx.Now())
	})
	return out, err
}

// answerRecall notes what the keeper says: that the money will come, or why not.
// Saying the same again changes nothing; a recall that has ended stays as it is.
func (r *Room) answerRecall(ctx context.Context, actor, keeper, original string, accept bool, reason string) (out *Recall, err error) {
	if !accept && !reasonForm.MatchString(reason) {
		return nil, fault.New(fault.Invalid, returnReason).At("reason", returnReason)
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		out, err = recallWhere(tx, "original = $1 and keeper = $2 order by case when state in ('open', 'accepted') then 0 else 1 end, asked desc limit 1 for update", original, keeper)
		if err != nil || out.State != RecallOpen && (out.State != RecallAccepted || accept) {
			return err
		}
		if accept {
			return out.end(tx, actor, RecallAccepted, "")
		}
		if coming, err := out.coming(tx); err != nil || coming {
			return errOr(err, fault.New(fault.Conflict, "payments.recall.over"))
		}
		return out.end(tx, actor, RecallRefused, reason)
	})
	return out, err
}

// coming says that somebody has agreed to a recall of money that the house keeps, and
// that the money is on its way: what is not decided yet may not be refused.
func (c *Recall) coming(tx *store.Tx) (bool, error) {
	n, err := store.Get(tx, store.Value[int64], `select count(*) from payments_return r where r.party = $1 and r.key = $2
		and not exists (select 1 from payments_transfer t where t.id = r.id and t.phase in ('aborted', 'expired', 'refused'))`, partyRecall, c.ID)
	return n > 0, err
}

// end gives a recall another state.
func (c *Recall) end(tx *store.Tx, actor, state, reason string) error {
	c.State, c.Answer, c.Answered, c.Told = state, reason, tx.Now(), time.Time{}
	if _, err := tx.Exec("update payments_recall set state = $2, answer = $3, answered = $4, told = 0 where id = $1", c.ID, c.State, c.Answer, store.Micros(c.Answered)); err != nil {
		return err
	}
	c.emit(tx, RecallAnswered, actor)
	return c.wake(tx, tx.Now())
}

func (c *Recall) emit(tx *store.Tx, event, actor string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/recall/" + c.ID, Actor: actor,
		Data: RecallData{Recall: c.ID, Original: c.Original, From: c.Party, To: c.Keeper, Amount: c.Amount, Reason: c.Reason, State: c.State, Outcome: c.Answer}})
}

// wake lets the recall's next step be taken at a time.
func (c *Recall) wake(tx *store.Tx, at time.Time) error {
	return job.Put(tx, job.Job{Kind: jobRecall, Key: c.ID, At: at, Data: recallJob{c.ID}})
}

// recallMet ends the recall of a payment of which money went back.
func recallMet(tx *store.Tx, original, actor string) error {
	c, err := recallWhere(tx, "original = $1 and state in ('open', 'accepted')", original)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.end(tx, actor, RecallReturned, "")
}

// GiveBack answers a recall of money on an account that the house keeps, for its
// participant: when it agrees, the money goes back at once. If the payee has spent
// it, the recall is refused with AM04.
func (r *Room) GiveBack(ctx context.Context, actor, id string, accept bool, reason string) (c *Recall, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		c, err = recallWhere(tx, "id = $1", id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !accept {
		return r.answerRecall(ctx, actor, c.Keeper, c.Original, false, reason)
	}
	if c.State != RecallOpen {
		return c, nil
	}
	back, err := r.Return(ctx, Return{Original: c.Original, Party: partyRecall, Key: c.ID, Amount: c.Amount, Reason: reasonRecalled, Actor: actor,
		// Somebody else of the keeper's may refuse it at the same time, or its time run out.
		Before: func(tx *store.Tx) error {
			now, err := recallWhere(tx, "id = $1 for update", c.ID)
			if err == nil && now.State != RecallOpen {
				err = fault.New(fault.Conflict, "payments.recall.over")
			}
			return err
		}})
	switch {
	case err != nil:
		return nil, err
	case back.Phase == ledger.Refused || back.Phase == ledger.Aborted || back.Phase == ledger.Expired:
		return r.answerRecall(ctx, actor, c.Keeper, c.Original, false, string(back.Reason))
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		c, err = recallWhere(tx, "id = $1", id)
		return err
	})
	return c, err
}

// recalls lists recalls, newest first: all, or those a participant is a party of.
func recalls(tx *store.Tx, participant string, before int64, id string, limit int) ([]*Recall, error) {
	return store.List(tx, scanRecall, "select "+recallColumns+" from payments_recall where ($1 = '' or party = $1 or keeper = $1) and (asked, id) < ($2, $3) order by asked desc, id desc limit $4", participant, before, id, limit)
}

// recallFor recalls a payment from an account that the house keeps for a
// participant.
func (r *Room) recallFor(ctx context.Context, actor, participant, transfer, reference, reason string) (*Recall, error) {
	t, err := r.transfer(ctx, transfer)
	if err != nil {
		return nil, err
	}
	if t.DebitBook != participant || t.Payer == nil || t.Payer.Kind == KindParticipant {
		return nil, fault.New(fault.NotFound, "payments.transfer.unknown")
	}
	c, err := r.recall(ctx, recallAsk{party: participant, reference: reference, original: transfer, reason: reason, actor: actor})
	var before *errRecalled
	if errors.As(err, &before) {
		return nil, fault.New(fault.Conflict, "payments.recall.open").Because(err)
	}
	return c, err
}
