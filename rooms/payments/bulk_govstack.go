package payments

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/govstack"
)

// GovSource is a building block, or an organisation behind one, that may call
// the GovStack interface.
type GovSource struct {
	ID, Seat, Program string
	Active            bool
}

// getSource finds a source that may call; nil when there is none.
func getSource(tx *store.Tx, id string) (*GovSource, error) {
	s, err := store.Get(tx, func(scan store.Scan) (*GovSource, error) {
		var s GovSource
		return &s, scan(&s.ID, &s.Seat, &s.Program, &s.Active)
	}, "select id, seat, program, active from payments_source where id = $1", id)
	if fault.Is(err, fault.NotFound) || err == nil && !s.Active {
		return nil, nil
	}
	return s, err
}

// govCall is a call of the GovStack interface with its body, read before the
// gate is asked: the body says for whom the caller speaks.
type govCall struct {
	Body   []byte
	Source *GovSource // nil: nobody we know
}

// GateResource tells the gate for whom the caller speaks.
func (c govCall) GateResource() gate.Resource {
	seat := mediator // of an unknown source only a mediator hears so
	if c.Source != nil {
		seat = c.Source.Seat
	}
	return gate.Resource{Type: "PaymentsSource", ID: "source", Attrs: map[string]any{"seat": seat}}
}

// govBody is the largest message, bytes.
const govBody = 32 << 20

// loadGov reads the message and who sends it.
func (r *Room) loadGov(q *http.Request) (c govCall, err error) {
	if c.Body, err = io.ReadAll(io.LimitReader(q.Body, govBody+1)); err != nil {
		return c, err
	}
	if len(c.Body) > govBody {
		return c, fault.New(fault.TooLarge, "web.form.too-large")
	}
	var who struct {
		SourceBBID string
		Block      string `json:"Gov_Stack_BB"`
	}
	_ = json.Unmarshal(c.Body, &who) // what cannot be read is answered by the call itself
	id := who.SourceBBID
	if id == "" {
		id = who.Block
	}
	if id == "" {
		head, err := r.loadGovHeader(q)
		c.Source = head.Source
		return c, err
	}
	err = r.db.View(q.Context(), func(tx *store.Tx) (err error) {
		c.Source, err = getSource(tx, id)
		return err
	})
	return c, err
}

// register writes beneficiaries into the account mapper; update wants them to
// be there.
func (r *Room) govRegister(ctx context.Context, c govCall, update bool) (govstack.Answer, error) {
	m, err := govstack.ParseRegister(c.Body)
	if err == nil && c.Source == nil {
		err = &govstack.Failure{Field: "SourceBBID", Problem: "is not registered"}
	}
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		for _, b := range m.Beneficiaries {
			var source, address, modality string
			err := tx.QueryRow("select source, address, modality from payments_beneficiary where functional = $1 for update", b.PayeeFunctionalID).Scan(&source, &address, &modality)
			switch {
			case err == nil && source != c.Source.ID && update:
				return &govstack.Failure{Field: "PayeeFunctionalID", Problem: "is registered by another source"}
			case err != nil && update && errors.Is(err, sql.ErrNoRows):
				return &govstack.Failure{Field: "PayeeFunctionalID", Problem: "is not registered"}
			case err != nil && !errors.Is(err, sql.ErrNoRows):
				return err
			case err == nil && source != c.Source.ID:
				return &govstack.Failure{Field: "PayeeFunctionalID", Problem: "is registered by another source"}
			}
			// What a message leaves out stays as it is.
			if b.FinancialAddress != "" {
				address = b.FinancialAddress
			}
			if b.PaymentModality != "" {
				modality = b.PaymentModality
			}
			if _, err := tx.Exec(`insert into payments_beneficiary (functional, source, modality, address, registered, changed) values ($1, $2, $3, $4, $5, $5)
				on conflict (functional) do update set modality = excluded.modality, address = excluded.address, changed = excluded.changed`, b.PayeeFunctionalID, c.Source.ID, modality, address, store.Micros(tx.Now())); err != nil {
				return err
			}
		}
		return nil
	})
	return govAnswer(m.RequestID, err), err
}

// govAnswer is the standard's answer. A failure names the field.
func govAnswer(request string, err error) govstack.Answer {
	a := govstack.Answer{ResponseCode: govstack.Done, ResponseDescription: "accepted", RequestID: request}
	var f *govstack.Failure
	switch {
	case err == nil:
	case errors.As(err, &f):
		a.ResponseCode, a.ResponseDescription = govstack.Refused, f.Error()
	default:
		a.ResponseCode, a.ResponseDescription = govstack.Refused, "the batch was not accepted"
	}
	return a
}

// addresses maps functional ids to addresses, as far as they are known.
func (r *Room) addresses(ctx context.Context, ids []string) (map[string]string, error) {
	out := make(map[string]string, len(ids))
	err := r.db.View(ctx, func(tx *store.Tx) error {
		for part := range sized(ids) {
			list, args := places(part)
			rows, err := store.List(tx, func(scan store.Scan) (p [2]string, err error) { return p, scan(&p[0], &p[1]) }, "select functional, address from payments_beneficiary where functional in ("+list+")", args...)
			if err != nil {
				return err
			}
			for _, p := range rows {
				out[p[0]] = p[1]
			}
		}
		return nil
	})
	return out, err
}

// govValidate says of each instruction whether it could be paid, without paying
// anything; the outcome is kept for the inquiry that follows.
func (r *Room) govValidate(ctx context.Context, c govCall) (govstack.Answer, error) {
	m, err := govstack.ParseBatch(c.Body, true)
	if err == nil && c.Source == nil {
		err = &govstack.Failure{Field: "SourceBBID", Problem: "is not registered"}
	}
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	src, err := r.govSource(ctx, m)
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	failed := []govstack.FailedAccount{}
	for i := range src.list {
		reason, err := r.govReason(ctx, &src.list[i])
		if err != nil {
			return govAnswer(m.RequestID, err), err
		}
		if reason != "" {
			failed = append(failed, govstack.FailedAccount{InstructionID: src.list[i].Reference, FailureReason: reason})
		}
	}
	text, err := json.Marshal(failed)
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	digest := sha256.Sum256(c.Body)
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into payments_batch_call (source, batch, kind, request, digest, bulk, failed, at) values ($1, $2, 'validation', $3, $4, 0, $5, $6)
			on conflict (source, batch, kind) do update set request = excluded.request, digest = excluded.digest, failed = excluded.failed, at = excluded.at`, c.Source.ID, m.BatchID, m.RequestID, digest[:], string(text), store.Micros(tx.Now()))
		return err
	})
	return govAnswer(m.RequestID, err), err
}

// govReason is why an instruction could not be paid now, or "".
func (r *Room) govReason(ctx context.Context, in *Instruction) (string, error) {
	if in.Currency != r.pack.Currency.Code {
		return "AM03 the currency is not the program's", nil
	}
	w, err := r.lineOf(ctx, *in)
	if err != nil {
		return "", err
	}
	reason := ""
	err = r.db.View(ctx, func(tx *store.Tx) error {
		where, arg := "iban = $1", any(w.iban)
		if w.kind != "" {
			where, arg = "id = (select account from payments_alias where kind = '"+w.kind+"' and mac = $1)", w.mac
		}
		a, err := store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where "+where, arg)
		switch {
		case fault.Is(err, fault.NotFound):
			reason = "AC03 there is no such account"
			return nil
		case err == nil && a.Closed:
			reason = "AC07 the account is closed"
		case err == nil && a.Blocked:
			reason = "AC06 the account is blocked"
		}
		return err
	})
	return reason, err
}

// govInquire tells what a validation found.
func (r *Room) govInquire(ctx context.Context, c govCall) (any, error) {
	m, err := govstack.ParseInquiry(c.Body)
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	out := govstack.Validation{RequestID: m.RequestID, SourceBatchID: m.SourceBatchID}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		var text string
		err := tx.QueryRow("select failed from payments_batch_call where batch = $1 and kind = 'validation' and request = $2", m.SourceBatchID, m.RequestID).Scan(&text)
		if err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
		if err := json.Unmarshal([]byte(text), &out.FailedAccounts); err != nil {
			return err
		}
		n := len(out.FailedAccounts)
		out.NumberFailedCases = &n
		return nil
	})
	return out, err
}

// govInstructions is a [Source] of a batch's credits.
type govInstructions struct {
	list []Instruction
	at   int
}

// Next implements [Source].
func (g *govInstructions) Next() (Instruction, error) {
	if g.at == len(g.list) {
		return Instruction{}, io.EOF
	}
	g.at++
	return g.list[g.at-1], nil
}

// govSource maps the batch's functional ids to addresses. An id nobody
// registered gets its verdict with the other lines.
func (r *Room) govSource(ctx context.Context, m govstack.Batch) (*govInstructions, error) {
	ids := make([]string, len(m.CreditInstructions))
	for i, x := range m.CreditInstructions {
		ids[i] = x.PayeeFunctionalID
	}
	known, err := r.addresses(ctx, unique(ids))
	if err != nil {
		return nil, err
	}
	g := &govInstructions{}
	for i, x := range m.CreditInstructions {
		minor, err := govstack.Minor("Amount", string(x.Amount), 2)
		if err != nil {
			return nil, err
		}
		in := Instruction{Line: int64(i + 1), Reference: x.InstructionID, Amount: minor, Currency: x.Currency}
		switch address := known[x.PayeeFunctionalID]; {
		case address == "":
			in.IBAN = noNumber
		case r.pack.IBAN.Check(address) == nil || address[0] >= 'A':
			in.IBAN = address
		default:
			in.Mobile = address
		}
		g.list = append(g.list, in)
	}
	return g, nil
}

// govPay takes a batch as a file of the source's program. Officials of the
// program's office check and release it like any other.
func (r *Room) govPay(ctx context.Context, who gate.Principal, c govCall) (govstack.Answer, error) {
	m, err := govstack.ParseBatch(c.Body, false)
	if err == nil && c.Source == nil {
		err = &govstack.Failure{Field: "SourceBBID", Problem: "is not registered"}
	}
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	digest := sha256.Sum256(c.Body)
	before, err := r.govBefore(ctx, c.Source.ID, m.BatchID)
	switch {
	case err != nil:
		return govAnswer(m.RequestID, err), err
	case before != nil && string(before) == string(digest[:]):
		return govAnswer(m.RequestID, nil), nil // the same message again
	case before != nil:
		err := &govstack.Failure{Field: "BatchID", Problem: "was used for another batch"}
		return govAnswer(m.RequestID, err), err
	}
	src, err := r.govSource(ctx, m)
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	who.ID = "source/" + c.Source.ID
	no, err := r.TakeBulk(ctx, BulkIntake{Program: c.Source.Program, Period: r.clock.Now().In(r.pack.Zone).Format("2006-01"), Source: "govstack", Name: m.BatchID,
		Digest: func() [32]byte { return digest }, Lines: -1, Maker: who}, src)
	if f := fault.As(err); f != nil && f.Key == "payments.bulk.again" {
		// It was taken and the answer was lost before it was written down.
		no, err = strconv.ParseInt(f.Args["no"], 10, 64)
	}
	if err != nil {
		return govAnswer(m.RequestID, err), err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("insert into payments_batch_call (source, batch, kind, request, digest, bulk, failed, at) values ($1, $2, 'payment', $3, $4, $5, '[]', $6)", c.Source.ID, m.BatchID, m.RequestID, digest[:], no, store.Micros(tx.Now()))
		return err
	})
	return govAnswer(m.RequestID, err), err
}

// govBefore is the digest of a batch that was handed over before, or nil.
func (r *Room) govBefore(ctx context.Context, source, batch string) (digest []byte, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow("select digest from payments_batch_call where source = $1 and batch = $2 and kind = 'payment'", source, batch).Scan(&digest)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return digest, err
}
