package payments

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// answered finds the transfer that a payee's participant answers; without one the
// sender has been told.
func (h *Hub) answered(ctx context.Context, m *hubMessage) (*HubTransfer, error) {
	t, err := h.open.take(m.args[0]), error(nil)
	if t == nil {
		t, err = h.hubTransfer(ctx, m.args[0])
	}
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided Transfer ID was not found on the server."))
	case t.Bulk != "":
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "the transfer is part of a bulk transfer and is answered with it"))
	case t.Payee != m.from.Name:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source does not match Payee FSP of this transfer"))
	}
	return t, nil
}

// fulfil takes the payee's participant's answer: with the fulfilment of the
// condition the money moves.
func (h *Hub) fulfil(ctx context.Context, m *hubMessage) error {
	t, err := h.answered(ctx, m)
	if err != nil || t == nil {
		return err
	}
	state, fulfilment := m.value.Str("transferState"), m.value.Str("fulfilment")
	if state != hubCommitted && (state != hubReserved || m.head.Content == fspiop.Version{Major: 1}) {
		// A refusal comes to /error; other states are no answer, and RESERVED is none
		// in version 1.0.
		return nil
	}
	if at, ok := fspiop.ParseTime(m.value.Str("completedTimestamp")); ok && at.After(h.room.clock.Now().Add(clockSkew)) {
		return fspiop.Fail(fspiop.CodeValidation, "completedTimestamp is later than now")
	}
	hash := m.value.Digest()
	if len(t.Answer) > 0 || t.State != hubReserved {
		return h.answeredBefore(m, t, hash)
	}
	ctx = context.WithoutCancel(ctx)
	switch {
	case m.head.Destination != "" && !strings.EqualFold(m.head.Destination, t.Payer) && !strings.EqualFold(m.head.Destination, h.name):
		return h.abort(ctx, m, t, hash, fspiop.Fail(fspiop.CodeValidation, "fspiop-destination is not the payer's participant"))
	case fulfilment == "":
		return h.abort(ctx, m, t, hash, fspiop.Fail(fspiop.CodeValidation, "fulfilment is required"))
	case !fspiop.Fulfils(fulfilment, t.Condition):
		return h.abort(ctx, m, t, hash, fspiop.Fail(fspiop.CodeValidation, "invalid fulfilment"))
	}
	return h.commit(ctx, m, t, hash, state == hubReserved)
}

// clockSkew is how much a participant's clock may be ahead of ours.
const clockSkew = 5 * time.Second

// answeredBefore takes an answer that comes again, or too late.
func (h *Hub) answeredBefore(m *hubMessage, t *HubTransfer, hash [32]byte) error {
	switch {
	case len(t.Answer) > 0 && string(t.Answer) != string(hash[:]):
		return h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case t.State == hubAborted && len(t.Answer) == 0:
		return h.tellError(m, t.fault())
	case t.State == hubCommitted:
		return h.tell(m, transferPath(t.ID), t.state())
	}
	return nil
}

// commit moves the money and tells both: the payer by the payee's own message, the
// payee, when it only reserved, by a PATCH.
func (h *Hub) commit(ctx context.Context, m *hubMessage, t *HubTransfer, hash [32]byte, patch bool) error {
	fulfilment, now := m.value.Str("fulfilment"), h.room.clock.Now()
	// Signed before the transaction, which holds up everybody.
	done, err := h.tellCommitted(m, t, now, patch)
	if err != nil {
		return err
	}
	var calls []*hubCall
	_, err = h.room.ledger.Do(ctx, Work{Currency: t.Currency, Actor: "client/" + hubBook(t.Payee), Quiet: true,
		Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: hubTransferID(t.ID)}},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("update payments_hub_transfer set state = $2, fulfilment = $3, answer = $4, completed = $5 where id = $1 and state = $6", t.ID, hubCommitted, fulfilment, hash[:], store.Micros(now), hubReserved)
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) (err error) {
			if rows[0].Ended() != ledger.Committed {
				// The ledger's time was over before the answer came.
				calls, err = h.over(tx, t, fspiop.Fail(fspiop.CodeTransferExpired, ""), patch)
				return err
			}
			converter, err := h.commitConversion(tx, t)
			calls = append(slices.Clone(done), converter...)
			return err
		},
		Writes: func(rows []ledger.Row) []Write { return outbox(calls, rows) }})
	switch {
	case errors.Is(err, errHubKnown):
		if t, err = h.answered(ctx, m); err != nil || t == nil {
			return err
		}
		return h.answeredBefore(m, t, hash)
	case err != nil:
		return err
	}
	h.settleConversion(ctx, t.Conversion)
	m.after = append(m.after, calls...)
	return nil
}

// tellCommitted makes the messages to both participants.
func (h *Hub) tellCommitted(m *hubMessage, t *HubTransfer, at time.Time, patch bool) ([]*hubCall, error) {
	if !patch {
		return []*hubCall{h.forward(m, t.Payer, "TRANSFER_PUT")}, nil
	}
	// The payee said RESERVED, the payer wants to hear COMMITTED. Where messages are
	// signed these are the hub's words with its name and signature, because the payee's
	// does not fit them; else they go on under the payee's name, as hubs in use do it.
	done := *t
	done.State, done.Fulfilment, done.Completed = hubCommitted, m.value.Str("fulfilment"), at
	payer, err := h.own(t.Payer, http.MethodPut, "TRANSFER_PUT", "transfers", transferPath(t.ID), t.version(), done.state())
	if err != nil {
		return nil, err
	}
	if m.from.key.Zero() {
		words := payer.body
		payer = h.forward(m, t.Payer, "TRANSFER_PUT")
		payer.body = words
		delete(payer.head, "Fspiop-Signature")
	}
	body := hubJSON(map[string]any{"completedTimestamp": fspiop.FormatTime(at), "transferState": hubCommitted})
	payee, err := h.own(t.Payee, http.MethodPatch, "TRANSFER_PUT", "transfers", transferPath(t.ID), m.head.Content, body)
	return []*hubCall{payer, payee}, err
}

// over ends a transfer without money and makes the messages to both participants.
// The payee hears it as a PATCH when it only reserved.
func (h *Hub) over(tx *store.Tx, t *HubTransfer, f *fspiop.Fault, patch bool) ([]*hubCall, error) {
	if err := h.end(tx, t.ID, f); err != nil {
		return nil, err
	}
	payer, err := h.own(t.Payer, http.MethodPut, "TRANSFER_ERROR", "transfers", transferPath(t.ID)+"/error", t.version(), f.JSON())
	if err != nil {
		return nil, err
	}
	var payee *hubCall
	if patch {
		done := *t
		done.Code, done.Reason = string(f.Code), f.Description()
		body := hubJSON(map[string]any{"completedTimestamp": fspiop.FormatTime(tx.Now()), "transferState": hubAborted, "extensionList": done.why()})
		payee, err = h.own(t.Payee, http.MethodPatch, "TRANSFER_PUT", "transfers", transferPath(t.ID), t.version(), body)
	} else {
		payee, err = h.own(t.Payee, http.MethodPut, "TRANSFER_ERROR", "transfers", transferPath(t.ID)+"/error", t.version(), f.JSON())
	}
	if err != nil {
		return nil, err
	}
	converter, err := h.endConversion(tx, t, f)
	return append(converter, payer, payee), err
}

// abort gives the money back because the answer was none that moves it.
func (h *Hub) abort(ctx context.Context, m *hubMessage, t *HubTransfer, hash [32]byte, f *fspiop.Fault) error {
	patch := m.value.Str("transferState") == hubReserved
	return h.giveUp(ctx, m, t, hash, f, func(tx *store.Tx) ([]*hubCall, error) { return h.over(tx, t, f, patch) })
}

// reject takes the payee's participant's refusal and tells the payer in its words.
func (h *Hub) reject(ctx context.Context, m *hubMessage) error {
	t, err := h.answered(ctx, m)
	if err != nil || t == nil {
		return err
	}
	hash := m.value.Digest()
	if len(t.Answer) > 0 || t.State != hubReserved {
		return h.answeredBefore(m, t, hash)
	}
	f := &fspiop.Fault{Code: fspiop.Code(m.value.Str("errorInformation", "errorCode"))}
	words := m.value.Str("errorInformation", "errorDescription")
	return h.giveUp(context.WithoutCancel(ctx), m, t, hash, f, func(tx *store.Tx) ([]*hubCall, error) {
		_, err := tx.Exec("update payments_hub_transfer set state = $2, code = $3, reason = $4, completed = $5 where id = $1", t.ID, hubAborted, string(f.Code), words, store.Micros(tx.Now()))
		if err != nil {
			return nil, err
		}
		converter, err := h.endConversion(tx, t, &fspiop.Fault{Code: f.Code, Detail: words})
		return append(converter, h.forward(m, t.Payer, "TRANSFER_ERROR")), err
	})
}

// giveUp ends the reservation and writes what tell says in the same transaction.
func (h *Hub) giveUp(ctx context.Context, m *hubMessage, t *HubTransfer, hash [32]byte, f *fspiop.Fault, tell func(tx *store.Tx) ([]*hubCall, error)) error {
	var calls []*hubCall
	_, err := h.room.ledger.Do(ctx, Work{Currency: t.Currency, Actor: "client/" + hubBook(t.Payee), Quiet: true,
		Steps: []ledger.Step{{Kind: ledger.Abort, Transfer: hubTransferID(t.ID), Reason: "MS03"}},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("update payments_hub_transfer set answer = $2, state = $3 where id = $1 and state = $4", t.ID, hash[:], hubAborted, hubReserved)
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		},
		After: func(tx *store.Tx, _ []ledger.Row) (err error) {
			calls, err = tell(tx)
			return err
		},
		Writes: func(rows []ledger.Row) []Write { return outbox(calls, rows) }})
	switch {
	case errors.Is(err, errHubKnown):
		if t, err = h.answered(ctx, m); err != nil || t == nil {
			return err
		}
		return h.answeredBefore(m, t, hash)
	case err != nil:
		return err
	}
	h.settleConversion(ctx, t.Conversion)
	m.after = append(m.after, calls...)
	return nil
}

// expire gives back reservations whose time is over, by events of the ledger, and
// tells both participants. That it is over the ledger decides: a commit that comes
// first in the order of rows wins.
func (h *Hub) expire(ctx context.Context) error {
	var due []*HubTransfer
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		var err error
		due, err = store.List(tx, scanHubTransfer, "select "+hubTransferColumns+" from payments_hub_transfer where state = $1 and expires <= $2 and bulk = '' order by expires limit 500", hubReserved, store.Micros(h.room.clock.Now()))
		return err
	})
	if err != nil {
		return err
	}
	var wrong []error
	for _, t := range due {
		wrong = append(wrong, h.expireOne(ctx, t))
	}
	wrong = append(wrong, h.expireConversions(ctx), h.goOnWithBulks(ctx))
	return errors.Join(wrong...)
}

func (h *Hub) expireOne(ctx context.Context, t *HubTransfer) error {
	var calls []*hubCall
	_, err := h.room.ledger.Do(ctx, Work{Currency: t.Currency, Actor: "system/" + actionExpire, Quiet: true,
		Steps: []ledger.Step{{Kind: ledger.Expire, Transfer: hubTransferID(t.ID)}},
		Before: func(tx *store.Tx) error {
			// The row's lock comes before the decision; whoever was first has changed it.
			n, err := tx.Exec("update payments_hub_transfer set state = state where id = $1 and state = $2 and expires <= $3", t.ID, hubReserved, store.Micros(tx.Now()))
			if err == nil && n == 0 {
				err = errHubKnown
			}
			if err != nil {
				return err
			}
			if calls, err = h.over(tx, t, fspiop.Fail(fspiop.CodeTransferExpired, ""), false); err != nil {
				return err
			}
			return h.post(tx, calls)
		}})
	if errors.Is(err, errHubKnown) {
		return nil
	}
	if err == nil {
		h.settleConversion(ctx, t.Conversion)
		h.dispatch(calls)
	}
	return err
}
