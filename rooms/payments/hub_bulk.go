package payments

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// States of a bulk transfer (API Definition 7.5.4), in their order.
const (
	bulkReceived   = hubReceived
	bulkAccepted   = "ACCEPTED"
	bulkProcessing = "PROCESSING"
	bulkCompleted  = "COMPLETED"
	bulkRejected   = "REJECTED"
)

// hubBulkMost is the largest bulk transfer in bytes: a thousand transfers whose ILP
// packets have some 3,000 characters.
const hubBulkMost = 4 << 20

// hubBulk is a bulk transfer: single transfers of one payer's participant to one
// payee's, asked for and answered together (API Definition 6.10). Its transfers may be
// in several currencies, which have a ledger each, so no one decision moves them all.
// What is decided is written into the bulk first, and then done in each ledger, again
// until it is done: reserving, then committing or giving back. What cannot be reserved
// is no part of what the payee is asked for, and the payer hears of it at the end.
type hubBulk struct {
	ID        string
	Hash      []byte
	Payer     string
	Payee     string
	Expires   time.Time
	State     string
	Outcome   string // state in which it will end
	Code      string // when it came to nothing as a whole
	Reason    string
	Request   []byte // until the payee has it
	Answer    []byte // hash of the payee's answer
	Accept    string
	Changed   time.Time
	Completed time.Time // zero while open
	Created   time.Time
	Items     []*bulkItem
}

// bulkItem is a transfer of a bulk. Between the payee's answer and the ledger's
// decision it is reserved and has a fulfilment, to be committed, or a code, to be given
// back.
type bulkItem struct {
	HubTransfer
	Sent bool // the payee was asked for it
}

const hubBulkColumns = "id, hash, payer, payee, expires, state, outcome, code, reason, request, answer, accept, changed, completed, created"

func scanHubBulk(scan store.Scan) (*hubBulk, error) {
	var b hubBulk
	var expires, changed, completed, created int64
	err := scan(&b.ID, &b.Hash, &b.Payer, &b.Payee, &expires, &b.State, &b.Outcome, &b.Code, &b.Reason, &b.Request, &b.Answer, &b.Accept, &changed, &completed, &created)
	b.Expires, b.Changed, b.Completed, b.Created = store.Time(expires), store.Time(changed), timeOf(completed), store.Time(created)
	return &b, err
}

func scanBulkItem(scan store.Scan) (*bulkItem, error) {
	var sent int64
	t, err := scanHubTransfer(func(dest ...any) error { return scan(append(dest, &sent)...) })
	if err != nil {
		return nil, err
	}
	return &bulkItem{*t, sent != 0}, nil
}

// bulk reads a bulk transfer with its transfers in their order; nil when there is none.
func (h *Hub) bulk(ctx context.Context, id string) (b *hubBulk, err error) {
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		b, err = store.Get(tx, scanHubBulk, "select "+hubBulkColumns+" from payments_hub_bulk where id = $1", id)
		if fault.Is(err, fault.NotFound) {
			b = nil
			return nil
		}
		if err != nil {
			return err
		}
		b.Items, err = store.List(tx, scanBulkItem, "select "+hubTransferColumns+", sent from payments_hub_transfer where bulk = $1 order by place", id)
		return err
	})
	return b, err
}

func bulkPath(id string) string { return "/bulkTransfers/" + url.PathEscape(id) }

// version is that of the hub's messages about it.
func (b *hubBulk) version() fspiop.Version { return (&HubTransfer{Accept: b.Accept}).version() }

// over says that nothing changes any more.
func (b *hubBulk) over() bool { return b.State == bulkCompleted || b.State == bulkRejected }

// errBulkItem refuses a bulk transfer for one of its transfers.
var errBulkItem = errors.New("a transfer with this id exists")

// prepareBulk takes a bulk transfer, reserves what can be reserved and asks the payee's
// participant for it. What is refused, the payer hears by a callback.
func (h *Hub) prepareBulk(ctx context.Context, m *hubMessage) error {
	b, f, err := h.readBulk(ctx, m)
	if err != nil {
		return err
	}
	// Nobody gives up because a connection broke: the money would stay reserved.
	ctx = context.WithoutCancel(ctx)
	if f == nil {
		err = h.room.db.Update(ctx, func(tx *store.Tx) error { return h.takeBulk(tx, b) })
		switch {
		case errors.Is(err, errBulkItem):
			f = fspiop.Fail(fspiop.CodeModified, "a transferId is that of an earlier transfer")
		case err != nil && !errors.Is(err, errHubKnown):
			return err
		}
	}
	if f != nil || err != nil {
		// What is repeated when its time is over is still a repetition.
		known, err := h.bulk(ctx, b.ID)
		switch {
		case err != nil:
			return err
		case known != nil:
			return h.bulkAgain(m, b, known)
		case f == nil:
			return nil // somebody is writing it at this moment: its end will tell
		}
		return h.tellError(m, f)
	}
	h.goOn(ctx, m, b.ID)
	return nil
}

// takeBulk writes a bulk transfer and its transfers.
func (h *Hub) takeBulk(tx *store.Tx, b *hubBulk) error {
	now := store.Micros(tx.Now())
	n, err := tx.Exec("insert into payments_hub_bulk ("+hubBulkColumns+") values ($1, $2, $3, $4, $5, $6, '', '', '', $7, $8, $9, $10, 0, $10) on conflict (id) do nothing",
		b.ID, b.Hash, b.Payer, b.Payee, store.Micros(b.Expires), bulkReceived, b.Request, []byte{}, b.Accept, now)
	if err == nil && n == 0 {
		err = errHubKnown
	}
	if err != nil {
		return err
	}
	lines := make([][]any, len(b.Items))
	for i, t := range b.Items {
		completed := int64(0)
		if t.State == hubAborted {
			completed = now
		}
		lines[i] = []any{t.ID, t.Hash, t.Payer, t.Payee, t.Debtor, "", t.Currency, t.Amount, t.Condition, store.Micros(t.Expires), t.State, t.Code, t.Reason, "", []byte{}, t.Accept, completed, now, b.ID, int64(i)}
	}
	err = insert(tx, "payments_hub_transfer ("+hubTransferColumns+", place)", lines)
	if store.IsUnique(err) {
		return errBulkItem
	}
	return err
}

// readBulk reads POST /bulkTransfers and says what speaks against it as a whole; what
// speaks against one of its transfers is noted there.
func (h *Hub) readBulk(ctx context.Context, m *hubMessage) (*hubBulk, *fspiop.Fault, error) {
	hash := m.value.Digest()
	b := &hubBulk{ID: m.value.Str("bulkTransferId"), Hash: hash[:], Payer: m.value.Str("payerFsp"), Payee: m.value.Str("payeeFsp"), Request: m.body, Accept: m.head.Callback().String()}
	b.Expires, _ = fspiop.ParseTime(m.value.Str("expiration"))
	if !strings.EqualFold(b.Payer, m.from.Name) {
		return b, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Source header should match Payer FSP"), nil
	}
	b.Payer = m.from.Name
	if !m.from.Active {
		return b, fspiop.Fail(fspiop.CodePayerFSP, "Participant "+b.Payer+" is inactive"), nil
	}
	var payee *HubFSP
	for _, name := range slices.Compact([]string{m.head.Destination, b.Payee}) {
		if name == "" || strings.EqualFold(name, h.name) {
			continue
		}
		var err error
		payee, err = h.FSP(ctx, name)
		switch {
		case err != nil:
			return b, nil, err
		case payee == nil:
			return b, fspiop.Fail(fspiop.CodePayeeFSP, "Participant "+name+" not found"), nil
		case !payee.Active:
			return b, fspiop.Fail(fspiop.CodePayeeFSP, "Participant "+name+" is inactive"), nil
		}
	}
	switch {
	case payee == nil || payee == m.from || !strings.EqualFold(payee.Name, b.Payee):
		return b, fspiop.Fail(fspiop.CodeValidation, "Payer FSP and Payee FSP should be different participants of the hub"), nil
	case m.head.Destination != "" && !strings.EqualFold(m.head.Destination, payee.Name) && !strings.EqualFold(m.head.Destination, h.name):
		return b, fspiop.Fail(fspiop.CodeValidation, "FSPIOP-Destination header should match Payee FSP"), nil
	case !h.room.clock.Now().Before(b.Expires):
		return b, fspiop.Fail(fspiop.CodeValidation, "Expiration date "+fspiop.FormatTime(b.Expires)+" is already in the past"), nil
	}
	b.Payee = payee.Name
	seen := map[string]bool{}
	for i := range m.value.Get("individualTransfers").Items {
		t := h.readBulkItem(&m.value.Get("individualTransfers").Items[i], b, m.from, payee)
		if seen[t.ID] {
			return b, fspiop.Fail(fspiop.CodeValidation, "a transferId occurs twice"), nil
		}
		seen[t.ID] = true
		b.Items = append(b.Items, t)
	}
	return b, nil, nil
}

// readBulkItem reads one transfer of a bulk and says what speaks against it.
func (h *Hub) readBulkItem(v *fspiop.Value, b *hubBulk, payer, payee *HubFSP) *bulkItem {
	hash := v.Digest()
	t := &bulkItem{HubTransfer: HubTransfer{ID: v.Str("transferId"), Hash: hash[:], Payer: b.Payer, Payee: b.Payee, Debtor: b.Payer, Currency: v.Str("transferAmount", "currency"),
		Condition: v.Str("condition"), Expires: b.Expires, State: hubReceived, Accept: b.Accept, Bulk: b.ID}}
	refuse := func(detail string) {
		f := fspiop.Fail(fspiop.CodeValidation, detail)
		t.State, t.Code, t.Reason = hubAborted, string(f.Code), f.Description()
	}
	for _, one := range []*HubFSP{payee, payer} {
		if c, ok := one.currency(t.Currency); !ok {
			refuse("Participant " + one.Name + " " + t.Currency + " account not found")
		} else if !c.Active {
			refuse("Participant " + one.Name + " " + t.Currency + " account is inactive")
		}
	}
	if t.State == hubAborted {
		return t
	}
	amount, err := fspiop.ParseAmount(v.Str("transferAmount", "amount"), h.hubScale(t.Currency))
	switch {
	case err != nil:
		refuse(err.Error())
	case amount == 0 || amount > ledger.MaxAmount:
		refuse("the amount is 0 or larger than any the hub clears")
	default:
		t.Amount = amount
	}
	return t
}

// bulkAgain answers a bulk transfer whose id is known: what became of it, when the same
// was asked; else that the request was modified. One that is still open is answered when
// it ends.
func (h *Hub) bulkAgain(m *hubMessage, b, known *hubBulk) error {
	switch {
	case string(b.Hash) != string(known.Hash):
		return h.tellError(m, fspiop.Fail(fspiop.CodeModified, ""))
	case !known.over():
		return nil
	case known.Code != "":
		return h.tell(m, bulkPath(known.ID)+"/error", known.failure())
	}
	return h.tell(m, bulkPath(known.ID), known.body(false))
}

// bulkState answers GET /bulkTransfers/{ID} to the two participants, and to nobody else.
// The payee's hears of the transfers it was asked for.
func (h *Hub) bulkState(ctx context.Context, m *hubMessage) error {
	b, err := h.bulk(ctx, m.args[0])
	switch {
	case err != nil:
		return err
	case b == nil:
		return h.tellError(m, fspiop.Fail(fspiop.CodeTransferID, "Provided Bulk Transfer ID was not found on the server."))
	case b.Payer != m.from.Name && b.Payee != m.from.Name:
		return h.tellError(m, fspiop.Fail(fspiop.CodeClient, ""))
	}
	return h.tell(m, bulkPath(b.ID), b.body(b.Payee == m.from.Name))
}

// bulkResult is IndividualTransferResult (API Definition 7.4.6).
type bulkResult struct {
	TransferID       string                   `json:"transferId"`
	Fulfilment       string                   `json:"fulfilment,omitempty"`
	ErrorInformation *fspiop.ErrorInformation `json:"errorInformation,omitempty"`
}

// body is that of PUT /bulkTransfers/{ID}, of all transfers or of those the payee was
// asked for. Before the end there are no results.
func (b *hubBulk) body(sent bool) []byte {
	out := map[string]any{"bulkTransferState": b.State}
	if b.over() {
		results := []bulkResult{}
		for _, t := range b.Items {
			if sent && !t.Sent {
				continue
			}
			r := bulkResult{TransferID: t.ID, Fulfilment: t.Fulfilment}
			if t.State != hubCommitted {
				r.Fulfilment, r.ErrorInformation = "", &fspiop.ErrorInformation{ErrorCode: t.Code, ErrorDescription: t.Reason}
			}
			results = append(results, r)
		}
		out["completedTimestamp"], out["individualTransferResults"] = fspiop.FormatTime(b.Completed), results
	}
	return hubJSON(out)
}

// failure is the body of PUT /bulkTransfers/{ID}/error.
func (b *hubBulk) failure() []byte {
	return hubJSON(map[string]any{"errorInformation": fspiop.ErrorInformation{ErrorCode: b.Code, ErrorDescription: b.Reason}})
}

// wanted is the request as the payee's participant gets it: with the transfers that are
// reserved.
func (b *hubBulk) wanted() ([]byte, error) {
	var request map[string]json.RawMessage
	var items []json.RawMessage
	if err := json.Unmarshal(b.Request, &request); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(request["individualTransfers"], &items); err != nil {
		return nil, err
	}
	kept := []json.RawMessage{}
	for i, t := range b.Items {
		if t.State == hubReserved {
			kept = append(kept, items[i])
		}
	}
	request["individualTransfers"] = hubJSON(kept)
	return hubJSON(request), nil
}
