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

// States of a transfer at the hub, as callbacks call them.
const (
	hubReserved  = "RESERVED"
	hubCommitted = "COMMITTED"
	hubAborted   = "ABORTED"
)

// HubTransfer is a transfer between two participants of the hub.
type HubTransfer struct {
	ID         string
	Hash       []byte
	Payer      string
	Payee      string
	Debtor     string // whose position pays: Payer, or who converts for it
	Conversion string // "" when the payer pays in this currency itself
	Currency   string
	Amount     int64 // units of the book: see hubScale
	Condition  string
	Expires    time.Time
	State      string
	Code       string // FSPIOP error code when no money moved
	Reason     string
	Fulfilment string
	Answer     []byte // hash of the payee's answer
	Accept     string
	Completed  time.Time // zero while open
	Created    time.Time
	Bulk       string // the bulk transfer it is part of, or ""
}

const hubTransferColumns = "id, hash, payer, payee, debtor, conversion, currency, amount, condition, expires, state, code, reason, fulfilment, answer, accept, completed, created, bulk"

func scanHubTransfer(scan store.Scan) (*HubTransfer, error) {
	var t HubTransfer
	var expires, completed, created int64
	err := scan(&t.ID, &t.Hash, &t.Payer, &t.Payee, &t.Debtor, &t.Conversion, &t.Currency, &t.Amount, &t.Condition, &expires, &t.State, &t.Code, &t.Reason, &t.Fulfilment, &t.Answer, &t.Accept, &completed, &created, &t.Bulk)
	t.Expires, t.Completed, t.Created = store.Time(expires), timeOf(completed), store.Time(created)
	return &t, err
}

// fault is the error with which a transfer ended.
func (t *HubTransfer) fault() *fspiop.Fault {
	code := fspiop.Code(t.Code)
	return &fspiop.Fault{Code: code, Detail: strings.TrimPrefix(strings.TrimPrefix(t.Reason, code.Name()), " - ")}
}

// version is that of callbacks to the payer.
func (t *HubTransfer) version() fspiop.Version {
	for _, v := range fspiop.Versions {
		if v.String() == t.Accept {
			return v
		}
	}
	return fspiop.Known
}

// errHubKnown refuses a Work whose transfer has gone on before.
var errHubKnown = errors.New("the hub knows this already")

// prepare reserves a transfer and passes it on to the payee's participant. The
// answer is given when both are durable; what is refused, the payer hears by a
// callback.
func (h *Hub) prepare(ctx context.Context, m *hubMessage) error {
	t, f, err := h.readTransfer(ctx, m)
	if err != nil {
		return err
	}
	if f != nil {
		// What is repeated when its time is over is still a repetition.
		known, err := h.hubTransfer(ctx, t.ID)
		if err != nil {
			return err
		}
		if known != nil {
			return h.again(m, t, known)
		}
		return h.tellError(m, f)
	}
	forward := h.forward(m, t.Payee, "TRANSFER_POST")
	// Nobody gives up because a connection broke: the money would stay reserved.
	ctx = context.WithoutCancel(ctx)
	var calls []*hubCall
	payer, payee := hubBook(t.Debtor), hubBook(t.Payee)
	rows, err := h.room.ledger.Do(ctx, Work{Currency: t.Currency, Actor: "client/" + hubBook(t.Payer), Quiet: true,
		Notes: map[string]Note{hubTransferID(t.ID): {Reference: hubTransferID(t.ID)}},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: hubTransferID(t.ID), Debit: clientsAccount(payer, t.Currency), Credit: clientsAccount(payee, t.Currency), Amount: t.Amount,
			Currency: t.Currency, Expires: t.Expires, Fresh: true}},
		Before: func(tx *store.Tx) error {
			n, err := tx.Exec("insert into payments_hub_transfer ("+hubTransferColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '', '', $12, $13, 0, $14, '') on conflict (id) do nothing",
				t.ID, t.Hash, t.Payer, t.Payee, t.Debtor, t.Conversion, t.Currency, t.Amount, t.Condition, store.Micros(t.Expires), hubReserved, []byte{}, t.Accept, store.Micros(tx.Now()))
			if err == nil && n == 0 {
				err = errHubKnown
			}
			return err
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			calls = []*hubCall{forward}
			if rows[0].Accepted() {
				return nil
			}
			f, err := h.refusal(tx, t, rows[0].Reason)
			if err != nil {
				return err
			}
			if err := h.end(tx, t.ID, f); err != nil {
				return err
			}
			call, err := h.own(t.Payer, http.MethodPut, "TRANSFER_ERROR", "transfers", transferPath(t.ID)+"/error", t.version(), f.JSON())
			if err != nil {
				return err
			}
			converter, err := h.endConversion(tx, t, f)
			calls = append(converter, call)
			return err
		},
		Writes: func(rows []ledger.Row) []Write { return outbox(calls, rows) }})
	if errors.Is(err, errHubKnown) {
		known, err := h.hubTransfer(ctx, t.ID)
		if err != nil || known == nil {
			return err
		}
		return h.again(m, t, known)
	}
	if err != nil {
		return err
	}
	if rows[0].Accepted() {
		t.State = hubReserved
		h.open.put(t)
	}
	h.settleConversion(ctx, t.Conversion)
	m.after = append(m.after, calls...)
	return nil
}

func transferPath(id string) string { return "/transfers/" + url.PathEscape(id) }

// end notes that no money moves; a nil answer leaves the payee's answer as it is.
func (h *Hub) end(tx *store.Tx, id string, f *fspiop.Fault) error {
	_, err := tx.Exec("update payments_hub_transfer set state = $2, code = $3, reason = $4, fulfilment = '', completed = $5 where id = $1",
		id, hubAborted, string(f.Code), f.Description(), store.Micros(tx.Now()))
	return err
}

// readTransfer reads POST /transfers and says what speaks against it.
func (h *Hub) readTransfer(ctx context.Context, m *hubMessage) (*HubTransfer, *fspiop.Fault, error) {
	hash := m.value.Digest()
	t := &HubTransfer{ID: m.value.Str("transferId"), Hash: hash[:], Payer: m.value.Str("payerFsp"), Payee: m.value.Str("payeeFsp"), Currency: m.value.Str("amount", "currency"),
		Condition: m.value.Str("condition"), Accept: m.head.Callback().String()}
	t.Expires, _ = fspiop.ParseTime(m.value.Str("expiration"))
	if !strings.EqualFold(t.Payer, m.from.Name) {
		return t, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source header should match Payer"), nil
	}
	t.Payer = m.from.Name
	payee, err := h.FSP(ctx, t.Payee)
	if err != nil {
		return t, nil, err
	}
	if payee == nil {
		return t, fspiop.Fail(fspiop.CodeValidation, "Participant "+t.Payee+" does not exist"), nil
	}
	t.Payee = payee.Name
	if payee == m.from {
		return t, fspiop.Fail(fspiop.CodeValidation, "Payer FSP and Payee FSP should be different, unless on-us tranfers are allowed by the Scheme"), nil
	}
	debtor := m.from
	converted, err := h.conversionFor(ctx, t.ID)
	if err != nil {
		return t, nil, err
	}
	t.Debtor = t.Payer
	if converted != nil && converted.Payer == t.Payer && converted.Target == t.Currency {
		if converted.State != hubReserved {
			return t, fspiop.Fail(fspiop.CodeValidation, "the conversion for this transfer is not reserved"), nil
		}
		if debtor, err = h.FSP(ctx, converted.Converter); err != nil || debtor == nil {
			return t, nil, errOr(err, errors.New("a converter is no participant any more"))
		}
		t.Debtor, t.Conversion = debtor.Name, converted.ID
	}
	for _, one := range []*HubFSP{debtor, payee} {
		if f := takesPart(one, t.Currency); f != nil {
			return t, f, nil
		}
	}
	amount, err := fspiop.ParseAmount(m.value.Str("amount", "amount"), h.hubScale(t.Currency))
	switch {
	case err != nil:
		return t, fspiop.Fail(fspiop.CodeValidation, err.Error()), nil
	case amount == 0 || amount > ledger.MaxAmount:
		return t, fspiop.Fail(fspiop.CodeValidation, "the amount is 0 or larger than any the hub clears"), nil
	case !h.room.clock.Now().Before(t.Expires):
		return t, fspiop.Fail(fspiop.CodeValidation, "Expiration date "+fspiop.FormatTime(t.Expires)+" is already in the past"), nil
	}
	t.Amount = amount
	return t, nil, nil
}

// takesPart says why a participant cannot pay or be paid in a currency; nil when it
// can.
func takesPart(f *HubFSP, currency string) *fspiop.Fault {
	c, ok := f.currency(currency)
	switch {
	case !f.Active:
		return fspiop.Fail(fspiop.CodeValidation, "Participant "+f.Name+" is inactive")
	case !ok:
		return fspiop.Fail(fspiop.CodeValidation, "Participant "+f.Name+" "+currency+" account does not exist")
	case !c.Active:
		return fspiop.Fail(fspiop.CodeValidation, "Participant "+f.Name+" "+currency+" account is inactive")
	}
	return nil
}

// refusal says with a code of the standard why the ledger did not reserve.
func (h *Hub) refusal(tx *store.Tx, t *HubTransfer, reason ledger.Reason) (*fspiop.Fault, error) {
	switch reason {
	case ledger.NoSettlementFunds, ledger.NoFunds:
		// Either the prefund does not cover it, or the net debit cap is lower.
		payer := hubBook(t.Debtor)
		balance, err := store.Get(tx, store.Value[int64], "select balance from payments_balance where id = $1", settlementAccount(payer, t.Currency))
		if err != nil {
			return nil, err
		}
		position, err := store.Get(tx, store.Value[int64], "select held - balance from payments_balance where id = $1", positionAccount(payer, t.Currency))
		if err != nil {
			return nil, err
		}
		if position > balance-t.Amount {
			return fspiop.Fail(fspiop.CodePayerLiquidity, ""), nil
		}
		return fspiop.Fail(fspiop.CodePayerLimit, ""), nil
	case ledger.DebtorBankAway, ledger.CreditorBankAway, ledger.AccountBlocked, ledger.DebtorClosed, ledger.CreditorClosed:
		return fspiop.Fail(fspiop.CodeValidation, "Participant is inactive"), nil
	case ledger.InvalidDate, ledger.SettlementTimeout:
		return fspiop.Fail(fspiop.CodeTransferExpired, ""), nil
	}
	return fspiop.Fail(fspiop.CodeValidation, "the ledger refused it: "+string(reason)), nil
}

// hubTransfer reads a transfer; nil when there is none.
func (h *Hub) hubTransfer(ctx context.Context, id string) (t *HubTransfer, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		t, err = store.Get(tx, scanHubTransfer, "select "+hubTransferColumns+" from payments_hub_transfer where id = $1", id)
		if fault.Is(err, fault.NotFound) {
			t, err = nil, nil
		}
		return err
	})
	return t, err
}

// again answers a transfer whose id is known: what became of it, when the same was
// asked; else that the request was modified. One that is still open is answered when
// it ends.
func (h *Hub) again(m *hubMessage, t, known *HubTransfer) error {
	switch {
	case string(t.Hash) != string(known.Hash):
		return h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case known.State == hubReserved:
		return nil
	case known.State == hubAborted:
		return h.tellError(m, known.fault())
	}
	return h.tell(m, transferPath(known.ID), known.state())
}

// state is the body of PUT /transfers/{ID}.
func (t *HubTransfer) state() []byte {
	body := map[string]any{"transferState": t.State}
	if t.Fulfilment != "" {
		body["fulfilment"] = t.Fulfilment
	}
	if !t.Completed.IsZero() {
		body["completedTimestamp"] = fspiop.FormatTime(t.Completed)
	}
	if t.Code != "" {
		body["extensionList"] = t.why()
	}
	return hubJSON(body)
}

// why tells in an extension with which error a transfer ended.
func (t *HubTransfer) why() fspiop.ExtensionList {
	text := t.Code + ": " + t.Reason
	return fspiop.ExtensionList{Extension: []fspiop.Extension{{Key: "cause", Value: text[:min(len(text), 128)]}}}
}

// transferState answers GET /transfers/{ID} to the two participants, and to nobody
// else.
func (h *Hub) transferState(ctx context.Context, m *hubMessage) error {
	t, err := h.hubTransfer(ctx, m.args[0])
	if err != nil {
		return err
	}
	if t == nil {
		// Its own funds in and out have the same kind of id.
		state, changed, ok, err := h.fundState(ctx, m.args[0], m.from.Name)
		if err != nil {
			return err
		}
		if ok {
			out := map[string]any{"transferState": state}
			if state != fundReserved {
				out["completedTimestamp"] = fspiop.FormatTime(changed)
			}
			return h.tell(m, transferPath(m.args[0]), hubJSON(out))
		}
	}
	if t != nil && t.Payer != m.from.Name && t.Payee != m.from.Name {
		return h.tellError(m, fspiop.Fail(fspiop.CodeClient, ""))
	}
	if t == nil {
		return h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided Transfer ID was not found on the server."))
	}
	return h.tell(m, transferPath(t.ID), t.state())
}
