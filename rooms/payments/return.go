package payments

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Return asks for money of a committed payment to go back to its payer, who got it
// from nobody else: a refund, a mistake, a fraud. It is a payment of its own the
// other way, so the first one stays final.
type Return struct {
	Original string // transfer whose money goes back
	Party    string // whose key it is, such as "shop/<account>"
	Key      string // idempotency: for ever, and not for two days only
	Amount   int64  // minor units; 0: all that was not returned before
	Reason   string // ISO 20022 ExternalReturnReason1Code, such as CUST, DUPL, MD06, FRAD
	Actor    string // for the events
	Note     Note   // reference and purpose as the two parties see them

	// Before and After run in the ledger's transaction, as those of [Work] do; After
	// only when the money has moved, with the id of the transfer that moved it.
	Before func(tx *store.Tx) error
	After  func(tx *store.Tx, transfer string) error

	id       string // of the transfer; "" makes one
	from     *peer  // the payee's participant, when it sent the return itself
	document []byte // its pacs.004
}

// Returned is a return as it was asked for and what became of it.
type Returned struct {
	*Transfer          // the payment back: committed, refused, aborted or still reserved
	Original    string // the payment whose money it was
	Why         string // ISO 20022 ExternalReturnReason1Code
	Left        int64  // what may still go back of the original, minor units
	wasRepeated bool
}

var reasonForm = regexp.MustCompile(`^[A-Z0-9]{4}$`)

// Faults of returns, by their keys.
const (
	returnMore    = "payments.return.more"    // Conflict: more than is left of the payment
	returnSpent   = "payments.return.spent"   // Conflict: all of it went back before
	returnOpen    = "payments.return.open"    // Conflict: the payment is not committed
	returnOfThat  = "payments.return.again"   // Conflict: it is a return itself, or not a payment
	returnReason  = "payments.return.reason"  // Invalid: no reason code
	returnUnfound = "payments.return.unknown" // NotFound
	returnSilent  = "payments.return.silent"  // Conflict: the payer's participant cannot be reached
)

// Return sends money of a committed payment back. It never exceeds the original
// less what was returned or is being returned, however many ask at once. The same
// key with the same request gives what became of the first one, with another a
// Conflict. A refusal by the book, such as a payee who has no money left (AM04), is
// an outcome: the transfer's phase is then "refused".
func (r *Room) Return(ctx context.Context, in Return) (*Returned, error) {
	if in.Party == "" || in.Key == "" || len(in.Key) > 200 {
		return nil, fault.New(fault.Invalid, "payments.key.missing").At("key", "payments.key.missing")
	}
	if !reasonForm.MatchString(in.Reason) {
		return nil, fault.New(fault.Invalid, returnReason).At("reason", returnReason)
	}
	if in.Amount != 0 {
		if err := checkAmount(in.Amount); err != nil {
			return nil, err
		}
	}
	if err := r.sequencer.Settle(ctx, r.pack.Currency.Code); err != nil { // what went back before is in the tables
		return nil, err
	}
	var original *Transfer
	var before *returnLine
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		if before, err = in.known(tx); err != nil || before != nil {
			return err
		}
		original, err = returnable(tx, in.Original)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case before != nil:
		return r.returned(ctx, before, true)
	}
	if in.id == "" {
		in.id = r.newID()
	}
	if in.Note.Reference == "" {
		in.Note.Reference = r.newReference()
	}
	via, rail, err := r.takesBack(ctx, original)
	if err != nil {
		return nil, err
	}
	amount := in.Amount
	if amount == 0 {
		if amount, err = r.remainder(ctx, original); err != nil {
			return nil, err
		}
		if amount == 0 {
			return nil, fault.New(fault.Conflict, returnSpent).At("amount", returnSpent)
		}
	}
	var again *returnLine
	errAgain := errors.New("asked before")
	// Whoever decides in this currency decides alone, so what is counted here holds
	// until the batch is durable.
	count := func(tx *store.Tx) (err error) {
		if again, err = in.known(tx); err != nil {
			return err
		}
		if again != nil {
			return errAgain
		}
		left, err := remainder(tx, original)
		switch {
		case err != nil:
			return err
		case left == 0:
			return fault.New(fault.Conflict, returnSpent).At("amount", returnSpent)
		case amount > left:
			return fault.New(fault.Conflict, returnMore).At("amount", returnMore)
		case in.Before != nil:
			return in.Before(tx)
		}
		return nil
	}
	w := Work{Currency: original.Currency, Actor: in.Actor, Notes: map[string]Note{in.id: in.Note}, Before: count, Quiet: via != nil && in.from != nil,
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: in.id, Debit: original.Credit, Credit: original.Debit, Amount: amount, Currency: original.Currency,
			Expires: r.clock.Now().Add(ReservationTime), Memo: []byte("return/" + in.Original + "/" + in.Reason)}},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if err := in.keep(tx, amount); err != nil || !rows[len(rows)-1].Moved() {
				return err
			}
			return in.moved(tx)
		}}
	if via == nil { // the payer's account is here: nobody else has to agree
		w.Steps = append(w.Steps, ledger.Step{Kind: ledger.Commit, Transfer: in.id})
	}
	rows, err := r.ledger.Do(ctx, w)
	switch {
	case errors.Is(err, errAgain):
		return r.returned(ctx, again, true)
	case err != nil:
		return nil, err
	}
	if via != nil && rows[0].Accepted() {
		// Nobody gives up because a connection broke: the money would stay reserved.
		if err := rail.handBack(context.WithoutCancel(ctx), via, in, original, amount); err != nil {
			return nil, err
		}
	}
	return r.returned(ctx, &returnLine{id: in.id, original: in.Original, reason: in.Reason}, false)
}

// takesBack finds the participant that has to take what goes back to its customer;
// none when the house keeps the payer's account.
func (r *Room) takesBack(ctx context.Context, original *Transfer) (*peer, *Rail, error) {
	switch {
	case original.Payer == nil:
		return nil, nil, fault.New(fault.Conflict, returnSilent)
	case original.Payer.Kind != KindParticipant:
		return nil, nil, nil
	}
	via, err := r.peers.participant(original.DebitBook)
	if err != nil {
		return nil, nil, err
	}
	if via == nil {
		return nil, nil, fault.New(fault.Conflict, returnSilent)
	}
	rail, err := r.OpenRail(ctx)
	return via, rail, err
}

// payload is what makes two requests the same.
func (in Return) payload() []byte {
	// Marshalling texts and a number cannot fail.
	text, _ := json.Marshal([]any{in.Original, in.Amount, in.Reason})
	sum := sha256.Sum256(text)
	return sum[:]
}

// returnLine is a line of payments_return.
type returnLine struct {
	id, original, reason string
	payload              []byte
}

// known finds the return that was asked for by this key: nil when there is none, a
// Conflict when it was another.
func (in Return) known(tx *store.Tx) (*returnLine, error) {
	l, err := store.Get(tx, func(scan store.Scan) (l returnLine, err error) {
		return l, scan(&l.id, &l.original, &l.reason, &l.payload)
	}, "select id, original, reason, payload from payments_return where party = $1 and key = $2", in.Party, in.Key)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case string(l.payload) != string(in.payload()):
		return nil, fault.New(fault.Conflict, "payments.key.reused")
	}
	return &l, nil
}

// keep writes that a return was asked for.
func (in Return) keep(tx *store.Tx, amount int64) error {
	_, err := tx.Exec("insert into payments_return (id, original, party, key, payload, amount, reason, made) values ($1, $2, $3, $4, $5, $6, $7, $8)",
		in.id, in.Original, in.Party, in.Key, in.payload(), amount, in.Reason, store.Micros(tx.Now()))
	return err
}

// moved says that the money went back.
func (in Return) moved(tx *store.Tx) error {
	if err := returnMoved(tx, in.id, in.Actor); err != nil || in.After == nil {
		return err
	}
	return in.After(tx, in.id)
}

func returnMoved(tx *store.Tx, id, actor string) error {
	d := ReturnData{Transfer: id}
	err := tx.QueryRow("select original, amount, reason from payments_return where id = $1", id).Scan(&d.Original, &d.Amount, &d.Reason)
	if err != nil {
		return fmt.Errorf("read the return: %w", err)
	}
	tx.Emit(store.Event{Type: ReturnMade, Version: 1, Subject: "payments/transfer/" + d.Original, Actor: actor, Data: d})
	return recallMet(tx, d.Original, actor)
}

// returnable reads a payment whose money may go back.
func returnable(tx *store.Tx, id string) (*Transfer, error) {
	t, err := getTransfer(tx, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, returnUnfound).Because(err)
	}
	if err != nil {
		return nil, err
	}
	n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_return where id = $1", id)
	switch {
	case err != nil:
		return nil, err
	case n > 0 || t.Kind != kindTransfer:
		return nil, fault.New(fault.Conflict, returnOfThat)
	case t.Phase != ledger.Committed:
		return nil, fault.New(fault.Conflict, returnOpen)
	}
	return t, nil
}

// remainder is what may still go back of a committed payment: its amount less all
// returns that came about or may yet. One whose end is not in the tables so far
// counts, so this is never too much.
func remainder(tx *store.Tx, original *Transfer) (int64, error) {
	gone, err := returnedSince(tx, original.ID, time.Time{})
	return original.Amount - gone, err
}

// returnedSince is the sum of the returns that were asked for since a moment, and came
// about or may yet.
func returnedSince(tx *store.Tx, original string, since time.Time) (int64, error) {
	return store.Get(tx, store.Value[int64], `select cast(coalesce(sum(r.amount), 0) as bigint) from payments_return r
		where r.original = $1 and r.made >= $2 and not exists (select 1 from payments_transfer t where t.id = r.id and t.phase in ('aborted', 'expired', 'refused'))`, original, microsOr(since))
}

func (r *Room) remainder(ctx context.Context, original *Transfer) (left int64, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		left, err = remainder(tx, original)
		return err
	})
	return left, err
}

// returned reads what became of a return.
func (r *Room) returned(ctx context.Context, l *returnLine, again bool) (*Returned, error) {
	out := &Returned{Original: l.original, Why: l.reason, wasRepeated: again}
	err := r.sequencer.Settle(ctx, r.pack.Currency.Code)
	if err != nil {
		return nil, err
	}
	if out.Transfer, err = r.transfer(ctx, l.id); err != nil {
		return nil, err
	}
	if out.Left, err = r.Returnable(ctx, l.original); err != nil {
		return nil, err
	}
	return out, nil
}

// Returnable is what may still go back of a payment, in minor units: 0 of one that
// is not committed, or is a return itself.
func (r *Room) Returnable(ctx context.Context, transfer string) (left int64, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		t, err := returnable(tx, transfer)
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		if err == nil {
			left, err = remainder(tx, t)
		}
		return err
	})
	return left, err
}

// returnsOf lists the returns of a payment that came about or may yet, oldest
// first.
func returnsOf(tx *store.Tx, original string) ([]*Transfer, error) {
	return store.List(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id in (select id from payments_return where original = $1) and phase in ('reserved', 'committed') order by seq", original)
}

// originalOf is the payment whose money a transfer gives back; "" when it is not a
// return.
func originalOf(tx *store.Tx, transfer string) (string, error) {
	list, err := store.List(tx, store.Value[string], "select original from payments_return where id = $1", transfer)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}
