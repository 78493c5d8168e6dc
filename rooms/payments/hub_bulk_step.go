package payments

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// bulkAgainAfter is how long a bulk transfer may stand still before somebody else takes
// it up: whoever had it in hand may have died.
const bulkAgainAfter = 5 * time.Second

// fulfilBulk takes the payee's participant's answer. States before COMPLETED and
// REJECTED are news of its progress, which the hub keeps to itself.
func (h *Hub) fulfilBulk(ctx context.Context, m *hubMessage) error {
	state := m.value.Str("bulkTransferState")
	if state != bulkCompleted && state != bulkRejected {
		_, err := h.answeredBulk(ctx, m)
		return err
	}
	return h.answerBulk(ctx, m, func(b *hubBulk) {
		b.Outcome = state
		if at, ok := fspiop.ParseTime(m.value.Str("completedTimestamp")); ok && at.After(h.room.clock.Now().Add(clockSkew)) {
			b.fail(fspiop.CodeValidation, fspiop.Fail(fspiop.CodeValidation, "completedTimestamp is later than now").Description())
			return
		}
		results := map[string]*fspiop.Value{}
		if list := m.value.Get("individualTransferResults"); list != nil {
			for i := range list.Items {
				results[list.Items[i].Str("transferId")] = &list.Items[i]
			}
		}
		for _, t := range b.Items {
			t.settleAs(state, results[t.ID])
		}
	})
}

// settleAs notes what becomes of a reserved transfer by the payee's result, which may be
// missing.
func (t *bulkItem) settleAs(state string, result *fspiop.Value) {
	wrong := func(detail string) {
		f := fspiop.Fail(fspiop.CodeValidation, detail)
		t.Code, t.Reason = string(f.Code), f.Description()
	}
	fulfilment, code := result.Str("fulfilment"), result.Str("errorInformation", "errorCode")
	switch {
	case code != "":
		t.Code, t.Reason = code, result.Str("errorInformation", "errorDescription")
	case state == bulkRejected:
		t.Code, t.Reason = string(fspiop.CodePayeeRejected), fspiop.CodePayeeRejected.Name()
	case fulfilment == "":
		wrong("the payee's participant gave no fulfilment")
	case !fspiop.Fulfils(fulfilment, t.Condition):
		wrong("invalid fulfilment")
	default:
		t.Fulfilment = fulfilment
	}
}

// fail ends a bulk transfer as a whole: nothing of it is paid.
func (b *hubBulk) fail(code fspiop.Code, reason string) {
	b.Outcome, b.Code, b.Reason = bulkRejected, string(code), reason
	for _, t := range b.Items {
		t.Code, t.Reason = b.Code, b.Reason
	}
}

// rejectBulk takes the payee's participant's refusal of the whole.
func (h *Hub) rejectBulk(ctx context.Context, m *hubMessage) error {
	return h.answerBulk(ctx, m, func(b *hubBulk) {
		b.fail(fspiop.Code(m.value.Str("errorInformation", "errorCode")), m.value.Str("errorInformation", "errorDescription"))
	})
}

// answeredBulk finds the bulk transfer that a payee's participant answers; without one
// the sender has been told.
func (h *Hub) answeredBulk(ctx context.Context, m *hubMessage) (*hubBulk, error) {
	b, err := h.bulk(ctx, m.args[0])
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided Bulk Transfer ID was not found on the server."))
	case b.Payee != m.from.Name:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source does not match Payee FSP of this bulk transfer"))
	case b.State == bulkReceived:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "nobody was asked for this bulk transfer yet"))
	}
	return b, nil
}

// answerBulk writes down what the payee's participant said, as verdict notes it, and
// does it.
func (h *Hub) answerBulk(ctx context.Context, m *hubMessage, verdict func(b *hubBulk)) error {
	b, err := h.answeredBulk(ctx, m)
	if err != nil || b == nil {
		return err
	}
	hash := m.value.Digest()
	ctx = context.WithoutCancel(ctx)
	if b.State == bulkAccepted {
		b.Answer = hash[:]
		verdict(b)
		err = h.room.db.Update(ctx, func(tx *store.Tx) error { return h.processBulk(tx, b) })
		if err == nil {
			h.goOn(ctx, m, b.ID)
			return nil
		}
		if !errors.Is(err, errHubKnown) {
			return err
		}
		if b, err = h.bulk(ctx, b.ID); err != nil {
			return err
		}
	}
	switch {
	case len(b.Answer) > 0 && string(b.Answer) != string(hash[:]):
		return h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case b.over():
		return h.tell(m, bulkPath(b.ID), b.body(true))
	}
	return nil
}

// processBulk writes what is to become of a bulk transfer that the payee has; who comes
// second finds errHubKnown.
func (h *Hub) processBulk(tx *store.Tx, b *hubBulk) error {
	n, err := tx.Exec("update payments_hub_bulk set state = $2, outcome = $3, code = $4, reason = $5, answer = $6, changed = $7 where id = $1 and state = $8",
		b.ID, bulkProcessing, b.Outcome, b.Code, b.Reason, b.Answer, store.Micros(tx.Now()), bulkAccepted)
	if err == nil && n == 0 {
		err = errHubKnown
	}
	if err != nil {
		return err
	}
	for _, t := range b.Items {
		if t.State != hubReserved {
			continue
		}
		if _, err := tx.Exec("update payments_hub_transfer set fulfilment = $2, code = $3, reason = $4, answer = $5 where id = $1", t.ID, t.Fulfilment, t.Code, t.Reason, b.Answer); err != nil {
			return err
		}
	}
	return nil
}

// goOn carries a bulk transfer as far as it goes now. What fails is taken up again.
func (h *Hub) goOn(ctx context.Context, m *hubMessage, id string) {
	calls, err := h.advanceBulk(ctx, id)
	m.after = append(m.after, calls...)
	if err != nil {
		h.room.log.WarnContext(ctx, "a bulk transfer could not go on yet", "bulk", id, "error", err)
	}
}

// advanceBulk does what is written down and not done: reserves and asks the payee, or
// commits, gives back and tells both. Each step is done once, whoever else is at it.
func (h *Hub) advanceBulk(ctx context.Context, id string) ([]*hubCall, error) {
	var calls []*hubCall
	for range 8 { // two steps; more when somebody else is at it too
		b, err := h.bulk(ctx, id)
		if err != nil || b == nil {
			return calls, err
		}
		var more []*hubCall
		switch b.State {
		case bulkReceived:
			if err = h.inBooks(b, hubReceived, func(currency string, part []*bulkItem) error { return h.reservePart(ctx, b, currency, part) }); err == nil {
				more, err = h.askPayee(ctx, b)
			}
		case bulkProcessing:
			if err = h.inBooks(b, hubReserved, func(currency string, part []*bulkItem) error { return h.settlePart(ctx, b, currency, part) }); err == nil {
				more, err = h.finishBulk(ctx, b.ID)
			}
		default:
			return calls, nil
		}
		calls = append(calls, more...)
		if err != nil && !errors.Is(err, errHubKnown) {
			return calls, err
		}
	}
	return calls, nil
}

// inBooks does something with the transfers in a state, currency by currency.
func (h *Hub) inBooks(b *hubBulk, state string, do func(currency string, part []*bulkItem) error) error {
	parts := map[string][]*bulkItem{}
	for _, t := range b.Items {
		if t.State == state {
			parts[t.Currency] = append(parts[t.Currency], t)
		}
	}
	currencies := make([]string, 0, len(parts))
	for c := range parts {
		currencies = append(currencies, c)
	}
	slices.Sort(currencies)
	for _, c := range currencies {
		if err := do(c, parts[c]); err != nil {
			return err
		}
	}
	return nil
}

// reservePart reserves the transfers of one currency, or notes why not.
func (h *Hub) reservePart(ctx context.Context, b *hubBulk, currency string, part []*bulkItem) error {
	debit, credit := clientsAccount(hubBook(b.Payer), currency), clientsAccount(hubBook(b.Payee), currency)
	steps, notes := make([]ledger.Step, len(part)), map[string]Note{}
	for i, t := range part {
		id := hubTransferID(t.ID)
		steps[i] = ledger.Step{Kind: ledger.Reserve, Transfer: id, Debit: debit, Credit: credit, Amount: t.Amount, Currency: currency, Expires: t.Expires, Fresh: true}
		notes[id] = Note{Reference: id}
	}
	_, err := h.room.ledger.Do(ctx, Work{Currency: currency, Actor: "client/" + hubBook(b.Payer), Quiet: true, Steps: steps, Notes: notes,
		Before: func(tx *store.Tx) error { return movePart(tx, b.ID, currency, hubReceived, hubReserved, len(part)) },
		After: func(tx *store.Tx, rows []ledger.Row) error {
			for i, row := range rows {
				if row.Accepted() {
					continue
				}
				f, err := h.refusal(tx, &part[i].HubTransfer, row.Reason)
				if err == nil {
					err = h.end(tx, part[i].ID, f)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}})
	return err
}

// movePart moves the transfers of one currency from one state to another, all that are
// expected or, when somebody else was first, none.
func movePart(tx *store.Tx, bulk, currency, from, to string, expected int) error {
	n, err := tx.Exec("update payments_hub_transfer set state = $4 where bulk = $1 and currency = $2 and state = $3", bulk, currency, from, to)
	if err == nil && n != int64(expected) {
		err = errHubKnown
	}
	return err
}

// askPayee asks the payee's participant for what is reserved; when nothing is, the bulk
// transfer is over.
func (h *Hub) askPayee(ctx context.Context, b *hubBulk) ([]*hubCall, error) {
	b, err := h.bulk(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(b.Items, func(t *bulkItem) bool { return t.State == hubReserved }) {
		return nil, h.room.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update payments_hub_bulk set state = $2, outcome = $3, request = $4, changed = $5 where id = $1 and state = $6", b.ID, bulkProcessing, bulkCompleted, []byte{}, store.Micros(tx.Now()), bulkReceived)
			return err
		})
	}
	body, err := b.wanted()
	if err != nil {
		return nil, err
	}
	call, err := h.own(b.Payee, http.MethodPost, "BULK_TRANSFER_POST", "bulkTransfers", "/bulkTransfers", b.version(), body)
	if err != nil {
		return nil, err
	}
	call.head["Accept"] = call.head["Content-Type"]
	calls := []*hubCall{call}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_bulk set state = $2, request = $3, changed = $4 where id = $1 and state = $5", b.ID, bulkAccepted, []byte{}, store.Micros(tx.Now()), bulkReceived)
		if err == nil && n == 0 {
			err = errHubKnown
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_hub_transfer set sent = 1 where bulk = $1 and state = $2", b.ID, hubReserved); err != nil {
			return err
		}
		return h.post(tx, calls)
	})
	if err != nil {
		return nil, err
	}
	return calls, nil
}

// settlePart commits the fulfilled transfers of one currency and gives the others back.
func (h *Hub) settlePart(ctx context.Context, b *hubBulk, currency string, part []*bulkItem) error {
	late := !h.room.clock.Now().Before(b.Expires)
	steps := make([]ledger.Step, len(part))
	for i, t := range part {
		switch {
		case t.Code == "":
			steps[i] = ledger.Step{Kind: ledger.Commit, Transfer: hubTransferID(t.ID)}
		case late && fspiop.Code(t.Code) == fspiop.CodeTransferExpired:
			steps[i] = ledger.Step{Kind: ledger.Expire, Transfer: hubTransferID(t.ID)}
		default:
			steps[i] = ledger.Step{Kind: ledger.Abort, Transfer: hubTransferID(t.ID), Reason: "MS03"}
		}
	}
	_, err := h.room.ledger.Do(ctx, Work{Currency: currency, Actor: "client/" + hubBook(b.Payee), Quiet: true, Steps: steps,
		Before: func(tx *store.Tx) error {
			if err := movePart(tx, b.ID, currency, hubReserved, hubCommitted, len(part)); err != nil {
				return err
			}
			_, err := tx.Exec("update payments_hub_transfer set completed = $4, state = case when code = '' then state else $5 end where bulk = $1 and currency = $2 and state = $3", b.ID, currency, hubCommitted, store.Micros(tx.Now()), hubAborted)
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			for i, row := range rows {
				if steps[i].Kind != ledger.Commit || row.Ended() == ledger.Committed {
					continue
				}
				// The ledger's time was over before the answer came.
				if err := h.end(tx, part[i].ID, fspiop.Fail(fspiop.CodeTransferExpired, "")); err != nil {
					return err
				}
			}
			return nil
		}})
	return err
}

// finishBulk ends a bulk transfer whose transfers have all ended and tells both
// participants.
func (h *Hub) finishBulk(ctx context.Context, id string) ([]*hubCall, error) {
	b, err := h.bulk(ctx, id)
	if err != nil {
		return nil, err
	}
	b.State, b.Completed = b.Outcome, h.room.clock.Now()
	path, body, kind := bulkPath(b.ID), b.body(false), "BULK_TRANSFER_PUT"
	if b.Code != "" {
		path, body, kind = path+"/error", b.failure(), "BULK_TRANSFER_ERROR"
	}
	payer, err := h.own(b.Payer, http.MethodPut, kind, "bulkTransfers", path, b.version(), body)
	if err != nil {
		return nil, err
	}
	calls := []*hubCall{payer}
	if slices.ContainsFunc(b.Items, func(t *bulkItem) bool { return t.Sent }) {
		payee, err := h.own(b.Payee, http.MethodPut, "BULK_TRANSFER_PUT", "bulkTransfers", bulkPath(b.ID), b.version(), b.body(true))
		if err != nil {
			return nil, err
		}
		calls = append(calls, payee)
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_bulk set state = $2, completed = $3, changed = $3 where id = $1 and state = $4", b.ID, b.State, store.Micros(b.Completed), bulkProcessing)
		if err == nil && n == 0 {
			err = errHubKnown
		}
		if err != nil {
			return err
		}
		return h.post(tx, calls)
	})
	if err != nil {
		return nil, err
	}
	return calls, nil
}

// goOnWithBulks ends bulk transfers whose time is over, and takes up those that stand
// still.
func (h *Hub) goOnWithBulks(ctx context.Context) error {
	var late, still []string
	now := h.room.clock.Now()
	err := h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		late, err = store.List(tx, store.Value[string], "select id from payments_hub_bulk where state = $1 and expires <= $2 order by expires limit 100", bulkAccepted, store.Micros(now))
		if err != nil {
			return err
		}
		still, err = store.List(tx, store.Value[string], "select id from payments_hub_bulk where state in ($1, $2) and changed <= $3 limit 100", bulkReceived, bulkProcessing, store.Micros(now.Add(-bulkAgainAfter)))
		return err
	})
	if err != nil {
		return err
	}
	var wrong []error
	for _, id := range late {
		wrong = append(wrong, h.expireBulk(ctx, id))
	}
	for _, id := range slices.Concat(late, still) {
		calls, err := h.advanceBulk(ctx, id)
		h.dispatch(calls)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// expireBulk notes that the payee's participant has not answered in time.
func (h *Hub) expireBulk(ctx context.Context, id string) error {
	b, err := h.bulk(ctx, id)
	if err != nil || b == nil {
		return err
	}
	f := fspiop.Fail(fspiop.CodeTransferExpired, "")
	b.Outcome, b.Answer = bulkCompleted, []byte{}
	for _, t := range b.Items {
		t.Code, t.Reason = string(f.Code), f.Description()
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error { return h.processBulk(tx, b) })
	if errors.Is(err, errHubKnown) {
		return nil
	}
	return err
}
