package payments

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// A conversion (FSPIOP 2.0, fxTransfers) gives the payer's source currency to who
// converts; the converter then pays the transfer, which determines what becomes of
// both, in the target currency. The two currencies have a ledger each, so there is no
// one decision over both: the transfer's decision is the one that counts. It writes
// what is due in the source currency into the conversion, in its own transaction, and
// that is done afterwards, again until it is done. The source stays reserved until
// then, so it cannot fail.
type hubConversion struct {
	ID          string
	Hash        []byte
	Determining string // transferId
	Payer       string
	Converter   string
	Currency    string // of the source
	Amount      int64
	Target      string // currency
	Condition   string
	Expires     time.Time
	State       string
	Due         string
	Code        string
	Reason      string
	Fulfilment  string
	Answer      []byte
	Accept      string
	Completed   time.Time
	Created     time.Time
}

const (
	hubReceived = "RECEIVED"
	// conversionHolds is how long the ledger holds what is to be converted, and
	// conversionWaits how long the hub waits for a transfer that determines it.
	conversionHolds = 400 * 24 * time.Hour
	conversionWaits = 30 * 24 * time.Hour
)

func hubConversionID(id string) string { return "fspiop-fx-" + id }

func conversionPath(id string) string { return "/fxTransfers/" + url.PathEscape(id) }

const hubConversionColumns = "id, hash, determining, payer, converter, currency, amount, target, condition, expires, state, due, code, reason, fulfilment, answer, accept, completed, created"

func scanHubConversion(scan store.Scan) (*hubConversion, error) {
	var c hubConversion
	var expires, completed, created int64
	err := scan(&c.ID, &c.Hash, &c.Determining, &c.Payer, &c.Converter, &c.Currency, &c.Amount, &c.Target, &c.Condition, &expires, &c.State, &c.Due, &c.Code, &c.Reason, &c.Fulfilment, &c.Answer, &c.Accept, &completed, &created)
	c.Expires, c.Completed, c.Created = store.Time(expires), timeOf(completed), store.Time(created)
	return &c, err
}

func (h *Hub) conversionWhere(ctx context.Context, where, value string) (c *hubConversion, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		c, err = store.Get(tx, scanHubConversion, "select "+hubConversionColumns+" from payments_hub_conversion where "+where+" order by created desc limit 1", value)
		if fault.Is(err, fault.NotFound) {
			c, err = nil, nil
		}
		return err
	})
	return c, err
}

// conversionFor finds the conversion that pays for a transfer.
func (h *Hub) conversionFor(ctx context.Context, transfer string) (*hubConversion, error) {
	return h.conversionWhere(ctx, "determining = $1", transfer)
}

func (h *Hub) conversion(ctx context.Context, id string) (*hubConversion, error) {
	return h.conversionWhere(ctx, "id = $1", id)
}

func (c *hubConversion) version() fspiop.Version {
	if c.Accept == (fspiop.Version{Major: 2}).String() {
		return fspiop.Version{Major: 2}
	}
	return fspiop.Known
}

func (c *hubConversion) fault() *fspiop.Fault {
	return (&HubTransfer{Code: c.Code, Reason: c.Reason}).fault()
}

func (c *hubConversion) body() []byte {
	body := map[string]any{"conversionState": c.State}
	if c.Fulfilment != "" {
		body["fulfilment"] = c.Fulfilment
	}
	if !c.Completed.IsZero() {
		body["completedTimestamp"] = fspiop.FormatTime(c.Completed)
	}
	if c.Code != "" {
		body["extensionList"] = (&HubTransfer{Code: c.Code, Reason: c.Reason}).why()
	}
	return hubJSON(body)
}

// prepareConversion reserves the source amount and asks the converter.
func (h *Hub) prepareConversion(ctx context.Context, m *hubMessage) error {
	c, f, err := h.readConversion(ctx, m)
	if err != nil {
		return err
	}
	if f != nil {
		known, err := h.conversion(ctx, c.ID)
		if err != nil {
			return err
		}
		if known != nil {
			return h.conversionAgain(m, c, known)
		}
		return h.tellError(m, f)
	}
	forward := h.forward(m, c.Converter, "FX_TRANSFER_POST")
	ctx = context.WithoutCancel(ctx)
	var calls []*hubCall
	_, err = h.room.ledger.Do(ctx, Work{Currency: c.Currency, Actor: "client/" + hubBook(c.Payer), Quiet: true,
		Notes: map[string]Note{hubConversionID(c.ID): {Reference: hubConversionID(c.ID)}},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: hubConversionID(c.ID), Debit: clientsAccount(hubBook(c.Payer), c.Currency), Credit: clientsAccount(hubBook(c.Converter), c.Currency),
			Amount: c.Amount, Currency: c.Currency, Expires: h.room.clock.Now().Add(conversionHolds), Fresh: true}},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("insert into payments_hub_conversion ("+hubConversionColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '', '', '', $12, $13, 0, $14) on conflict (id) do nothing",
				c.ID, c.Hash, c.Determining, c.Payer, c.Converter, c.Currency, c.Amount, c.Target, c.Condition, store.Micros(c.Expires), hubReceived, []byte{}, c.Accept, store.Micros(tx.Now()))
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			calls = []*hubCall{forward}
			if !rows[0].Accepted() {
				f, err := h.refusal(tx, &HubTransfer{Debtor: c.Payer, Currency: c.Currency, Amount: c.Amount}, rows[0].Reason)
				if err != nil {
					return err
				}
				if err := closeConversion(tx, c.ID, hubAborted, "", f); err != nil {
					return err
				}
				call, err := h.own(c.Payer, http.MethodPut, "FX_TRANSFER_ERROR", "fxTransfers", conversionPath(c.ID)+"/error", c.version(), f.JSON())
				if err != nil {
					return err
				}
				calls = []*hubCall{call}
			}
			return nil
		},
		Writes: func(rows []ledger.Row) []Write { return outbox(calls, rows) }})
	if errors.Is(err, errHubKnown) {
		known, err := h.conversion(ctx, c.ID)
		if err != nil || known == nil {
			return err
		}
		return h.conversionAgain(m, c, known)
	}
	if err != nil {
		return err
	}
	m.after = append(m.after, calls...)
	return nil
}

// readConversion reads POST /fxTransfers and says what speaks against it.
func (h *Hub) readConversion(ctx context.Context, m *hubMessage) (*hubConversion, *fspiop.Fault, error) {
	hash := m.value.Digest()
	c := &hubConversion{ID: m.value.Str("commitRequestId"), Hash: hash[:], Determining: m.value.Str("determiningTransferId"), Payer: m.value.Str("initiatingFsp"), Converter: m.value.Str("counterPartyFsp"),
		Currency: m.value.Str("sourceAmount", "currency"), Target: m.value.Str("targetAmount", "currency"), Condition: m.value.Str("condition"), Accept: m.head.Callback().String()}
	if c.Expires, _ = fspiop.ParseTime(m.value.Str("expiration")); c.Expires.IsZero() {
		c.Expires = h.room.clock.Now().Add(time.Minute)
	}
	if !strings.EqualFold(c.Payer, m.from.Name) {
		return c, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source header should match initiatingFsp"), nil
	}
	c.Payer = m.from.Name
	converter, err := h.FSP(ctx, c.Converter)
	switch {
	case err != nil:
		return c, nil, err
	case converter == nil:
		return c, fspiop.Fail(fspiop.CodeValidation, "Participant "+c.Converter+" does not exist"), nil
	case converter == m.from:
		return c, fspiop.Fail(fspiop.CodeValidation, "initiatingFsp and counterPartyFsp should be different"), nil
	case c.Currency == c.Target:
		return c, fspiop.Fail(fspiop.CodeValidation, "fxTransfer sourceAmount and targetAmount currencies should be different"), nil
	}
	c.Converter = converter.Name
	for _, f := range []*fspiop.Fault{takesPart(m.from, c.Currency), takesPart(converter, c.Currency), takesPart(converter, c.Target)} {
		if f != nil {
			return c, f, nil
		}
	}
	amount, err := fspiop.ParseAmount(m.value.Str("sourceAmount", "amount"), h.hubScale(c.Currency))
	switch {
	case err != nil:
		return c, fspiop.Fail(fspiop.CodeValidation, err.Error()), nil
	case amount == 0 || amount > ledger.MaxAmount:
		return c, fspiop.Fail(fspiop.CodeValidation, "the amount is 0 or larger than any the hub clears"), nil
	case !h.room.clock.Now().Before(c.Expires):
		return c, fspiop.Fail(fspiop.CodeValidation, "Expiration date "+fspiop.FormatTime(c.Expires)+" is already in the past"), nil
	}
	c.Amount = amount
	return c, nil, nil
}

func (h *Hub) conversionAgain(m *hubMessage, c, known *hubConversion) error {
	switch {
	case string(c.Hash) != string(known.Hash):
		return h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case known.State == hubReceived:
		return nil
	case known.State == hubAborted:
		return h.tellError(m, known.fault())
	}
	return h.tell(m, conversionPath(known.ID), known.body())
}

// conversionState answers GET /fxTransfers/{ID} to the two it concerns.
func (h *Hub) conversionState(ctx context.Context, m *hubMessage) error {
	c, err := h.conversion(ctx, m.args[0])
	if err != nil {
		return err
	}
	if c == nil || c.Payer != m.from.Name && c.Converter != m.from.Name {
		return h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided commitRequest ID was not found on the server."))
	}
	return h.tell(m, conversionPath(c.ID), c.body())
}

// convertedBy finds the conversion that a converter answers; without one the sender
// has been told.
func (h *Hub) convertedBy(ctx context.Context, m *hubMessage) (*hubConversion, error) {
	c, err := h.conversion(ctx, m.args[0])
	if err != nil {
		return nil, err
	}
	switch {
	case c == nil:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided commitRequest ID was not found on the server."))
	case c.Converter != m.from.Name:
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source does not match counterPartyFsp of this conversion"))
	}
	hash := m.value.Digest()
	switch {
	case len(c.Answer) > 0 && string(c.Answer) != string(hash[:]):
		return nil, h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case len(c.Answer) == 0 && c.State == hubAborted:
		return nil, h.tellError(m, c.fault())
	case c.State != hubReceived:
		return nil, nil
	}
	return c, nil
}

// fulfilConversion takes the converter's answer. No money moves yet: the transfer
// determines it.
func (h *Hub) fulfilConversion(ctx context.Context, m *hubMessage) error {
	c, err := h.convertedBy(ctx, m)
	if err != nil || c == nil {
		return err
	}
	state, fulfilment, hash := m.value.Str("conversionState"), m.value.Str("fulfilment"), m.value.Digest()
	if state != hubReserved && state != hubCommitted {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if !fspiop.Fulfils(fulfilment, c.Condition) {
		f := fspiop.Fail(fspiop.CodeValidation, "invalid fulfilment")
		return h.giveUpConversion(ctx, c, hash[:], f, func() ([]*hubCall, error) { return h.tellConversionOver(c, f, state == hubReserved) })
	}
	calls := []*hubCall{h.forward(m, c.Payer, "FX_TRANSFER_PUT")}
	known := false
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_conversion set state = $2, fulfilment = $3, answer = $4 where id = $1 and state = $5 and expires > $6", c.ID, hubReserved, fulfilment, hash[:], hubReceived, store.Micros(tx.Now()))
		if known = n == 0; err != nil || known {
			return err
		}
		return h.post(tx, calls)
	})
	if err != nil || known {
		return err // its time is over; the sweep tells both
	}
	m.after = append(m.after, calls...)
	return nil
}

// rejectConversion takes the converter's refusal and tells the payer in its words.
func (h *Hub) rejectConversion(ctx context.Context, m *hubMessage) error {
	c, err := h.convertedBy(ctx, m)
	if err != nil || c == nil {
		return err
	}
	hash := m.value.Digest()
	f := &fspiop.Fault{Code: fspiop.Code(m.value.Str("errorInformation", "errorCode")), Detail: m.value.Str("errorInformation", "errorDescription")}
	return h.giveUpConversion(context.WithoutCancel(ctx), c, hash[:], f, func() ([]*hubCall, error) {
		return []*hubCall{h.forward(m, c.Payer, "FX_TRANSFER_ERROR")}, nil
	})
}

// giveUpConversion ends a conversion of which nothing comes; a nil answer leaves the
// converter's as it is.
func (h *Hub) giveUpConversion(ctx context.Context, c *hubConversion, answer []byte, f *fspiop.Fault, tell func() ([]*hubCall, error)) error {
	var calls []*hubCall
	_, err := h.room.ledger.Do(ctx, Work{Currency: c.Currency, Actor: "client/" + hubBook(c.Converter), Quiet: true,
		Steps: []ledger.Step{{Kind: ledger.Abort, Transfer: hubConversionID(c.ID), Reason: "MS03"}},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("update payments_hub_conversion set answer = coalesce($2, answer), state = $3 where id = $1 and state = $4", c.ID, answer, hubAborted, c.State)
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		},
		After: func(tx *store.Tx, _ []ledger.Row) (err error) {
			if calls, err = tell(); err != nil {
				return err
			}
			return closeConversion(tx, c.ID, hubAborted, "", f)
		},
		Writes: func(rows []ledger.Row) []Write { return outbox(calls, rows) }})
	switch {
	case errors.Is(err, errHubKnown):
		return nil
	case err != nil:
		return err
	}
	h.dispatch(calls)
	return nil
}

// tellConversionOver makes the messages to both about an end without money.
func (h *Hub) tellConversionOver(c *hubConversion, f *fspiop.Fault, patch bool) ([]*hubCall, error) {
	payer, err := h.own(c.Payer, http.MethodPut, "FX_TRANSFER_ERROR", "fxTransfers", conversionPath(c.ID)+"/error", c.version(), f.JSON())
	if err != nil {
		return nil, err
	}
	converter, err := h.tellConverter(c, f, patch)
	return []*hubCall{payer, converter}, err
}

// tellConverter tells the converter how a conversion ended: by a PATCH when it has
// agreed, else as an error. Without a fault it is committed.
func (h *Hub) tellConverter(c *hubConversion, f *fspiop.Fault, patch bool) (*hubCall, error) {
	if !patch {
		return h.own(c.Converter, http.MethodPut, "FX_TRANSFER_ERROR", "fxTransfers", conversionPath(c.ID)+"/error", c.version(), f.JSON())
	}
	body := map[string]any{"conversionState": hubCommitted, "completedTimestamp": fspiop.FormatTime(h.room.clock.Now())}
	if f != nil {
		body["conversionState"] = hubAborted
		body["extensionList"] = (&HubTransfer{Code: string(f.Code), Reason: f.Description()}).why()
	}
	return h.own(c.Converter, http.MethodPatch, "FX_TRANSFER_PUT", "fxTransfers", conversionPath(c.ID), c.version(), hubJSON(body))
}

// closeConversion notes how a conversion ended and what is due in its ledger.
func closeConversion(tx *store.Tx, id, state, due string, f *fspiop.Fault) error {
	code, reason := "", ""
	if f != nil {
		code, reason = string(f.Code), f.Description()
	}
	_, err := tx.Exec("update payments_hub_conversion set state = $2, due = $3, code = $4, reason = $5, completed = $6 where id = $1", id, state, due, code, reason, store.Micros(tx.Now()))
	return err
}

// Dues of a conversion in the ledger of its source currency.
const (
	dueCommit = "COMMIT"
	dueAbort  = "ABORT"
)

// commitConversion and endConversion note, in the transaction that decides a
// transfer, what becomes of the conversion that pays for it.
func (h *Hub) commitConversion(tx *store.Tx, t *HubTransfer) ([]*hubCall, error) {
	return h.determine(tx, t, hubCommitted, dueCommit, nil)
}

func (h *Hub) endConversion(tx *store.Tx, t *HubTransfer, f *fspiop.Fault) ([]*hubCall, error) {
	return h.determine(tx, t, hubAborted, dueAbort, f)
}

func (h *Hub) determine(tx *store.Tx, t *HubTransfer, state, due string, f *fspiop.Fault) ([]*hubCall, error) {
	if t.Conversion == "" {
		return nil, nil
	}
	c, err := store.Get(tx, scanHubConversion, "select "+hubConversionColumns+" from payments_hub_conversion where id = $1 for update", t.Conversion)
	if err != nil || c.State != hubReserved {
		return nil, err
	}
	if err := closeConversion(tx, c.ID, state, due, f); err != nil {
		return nil, err
	}
	call, err := h.tellConverter(c, f, true)
	return []*hubCall{call}, err
}

// settleConversion does what is due in the source currency. What fails here is done
// by the sweep.
func (h *Hub) settleConversion(ctx context.Context, id string) {
	if id == "" {
		return
	}
	if err := h.doDue(ctx, id); err != nil {
		h.room.log.WarnContext(ctx, "a conversion could not be settled yet", "error", err)
	}
}

func (h *Hub) doDue(ctx context.Context, id string) error {
	c, err := h.conversion(ctx, id)
	if err != nil || c == nil || c.Due == "" {
		return err
	}
	step := ledger.Step{Kind: ledger.Abort, Transfer: hubConversionID(id), Reason: "MS03"}
	if c.Due == dueCommit {
		step = ledger.Step{Kind: ledger.Commit, Transfer: hubConversionID(id)}
	}
	rows, err := h.room.ledger.Do(ctx, Work{Currency: c.Currency, Actor: "client/" + hubBook(c.Converter), Quiet: true, Steps: []ledger.Step{step},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("update payments_hub_conversion set due = '' where id = $1 and due = $2", id, c.Due)
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		}})
	switch {
	case errors.Is(err, errHubKnown):
		return nil
	case err == nil && c.Due == dueCommit && rows[0].Ended() != ledger.Committed:
		h.room.log.ErrorContext(ctx, "the source of a conversion that was paid could not be committed", "conversion", id, "reason", string(rows[0].Reason))
	}
	return err
}

// expireConversions ends what no converter answered in time and what no transfer
// came for, and does what is due.
func (h *Hub) expireConversions(ctx context.Context) error {
	var late []*hubConversion
	var due []string
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		var err error
		now := h.room.clock.Now()
		late, err = store.List(tx, scanHubConversion, "select "+hubConversionColumns+` from payments_hub_conversion c where state = $1 and expires <= $2
			or state = $3 and expires <= $4 and created <= $4 and not exists (select 1 from payments_hub_transfer t where t.id = c.determining and t.state = $3) limit 500`,
			hubReceived, store.Micros(now), hubReserved, store.Micros(now.Add(-conversionWaits)))
		if err != nil {
			return err
		}
		due, err = store.List(tx, store.Value[string], "select id from payments_hub_conversion where due in ($1, $2) limit 500", dueCommit, dueAbort)
		return err
	})
	if err != nil {
		return err
	}
	var wrong []error
	for _, c := range late {
		f := fspiop.Fail(fspiop.CodeTransferExpired, "")
		wrong = append(wrong, h.giveUpConversion(ctx, c, nil, f, func() ([]*hubCall, error) { return h.tellConversionOver(c, f, c.State == hubReserved) }))
	}
	for _, id := range due {
		wrong = append(wrong, h.doDue(ctx, id))
	}
	return errors.Join(wrong...)
}
