package payments

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/govstack"
)

// govPage is the most payments of a batch in one answer.
const govPage = 500

// loadGovHeader finds for whom somebody speaks who sends no body: the tenant or
// the institution the standard's headers name.
func (r *Room) loadGovHeader(q *http.Request) (c govCall, err error) {
	for _, name := range []string{"X-Registering-Institution-ID", "Platform-TenantId", "X-Platform-TenantId", "PayerFI-Id", "X-PayerFI-Id"} {
		if id := q.Header.Get(name); id != "" {
			err = r.db.View(q.Context(), func(tx *store.Tx) (err error) {
				c.Source, err = getSource(tx, id)
				return err
			})
			return c, err
		}
	}
	return c, nil
}

// govBatch finds the file a source's batch became.
func (r *Room) govBatch(c *web.Ctx, source *GovSource) (b *Bulk, request string, err error) {
	if source == nil {
		return nil, "", &govstack.Refusal{Status: http.StatusBadRequest, Message: "Platform-TenantId names no registered source"}
	}
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		var no int64
		err := tx.QueryRow("select bulk, request from payments_batch_call where source = $1 and batch = $2 and kind = 'payment'", source.ID, c.Query("batchId")).Scan(&no, &request)
		if errors.Is(err, sql.ErrNoRows) {
			return &govstack.Refusal{Status: http.StatusNotFound, Message: "there is no such batch"}
		}
		if err != nil {
			return err
		}
		b, err = getBulk(tx, no, false)
		return err
	})
	return b, request, err
}

func (r *Room) govBatchStatus(c *web.Ctx, p gate.Permit[govCall]) error {
	b, request, err := r.govBatch(c, p.Resource().Source)
	if err != nil {
		return err
	}
	money := func(minor int64) json.Number { return json.Number(govstack.Plain(minor, r.pack.Currency.Decimals)) }
	failed, failedSum := b.Failed, b.FailedTotal
	if b.Looked == b.Lines {
		failed, failedSum = failed+b.Bad(), failedSum+b.Total-b.GoodTotal
	}
	if b.State == BulkRejected || b.State == BulkCancelled {
		failed, failedSum = b.Lines, b.Total
	}
	return govJSON(c.W, http.StatusOK, govstack.BatchStatus{RequestID: request, BatchID: b.Name, Total: b.Lines, Ongoing: b.Lines - b.Paid - failed, Failed: failed, Completed: b.Paid,
		TotalAmount: money(b.Total), CompletedAmount: money(b.PaidTotal), OngoingAmount: money(b.Total - b.PaidTotal - failedSum), FailedAmount: money(failedSum),
		ResultFile: GovStackPath + "/batch/detail?batchId=" + b.Name, Generated: c.Now().UTC().Format(time.RFC3339), Note: string(b.State)})
}

func (r *Room) govBatchDetail(c *web.Ctx, p gate.Permit[govCall]) error {
	b, _, err := r.govBatch(c, p.Resource().Source)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(c.Query("pageSize"), 10, 64)
	if err != nil || size <= 0 || size > govPage {
		size = govPage
	}
	page, err := strconv.ParseInt(c.Query("pageNo"), 10, 64)
	if err != nil || page < 0 || page > bulkLines {
		page = 0
	}
	// Lines are numbered without gaps, so a page is found without counting.
	lines, err := r.linesOf(c.Context(), b.No, min(page*size, bulkLines-1), int(size), "")
	if err != nil {
		return err
	}
	out := make([]govstack.BatchDetail, 0, len(lines))
	for _, l := range lines {
		d := govstack.BatchDetail{TransactionID: l.Reference, Status: "IN_PROGRESS", Amount: json.Number(govstack.Plain(l.Amount, r.pack.Currency.Decimals)), Currency: b.Currency, BatchID: b.Name}
		if !b.Released.IsZero() {
			d.StartedAt = b.Released.UTC().Format(time.RFC3339Nano)
		}
		switch l.State {
		case "paid":
			d.Status, d.CompletedAt = "COMPLETED", l.At.UTC().Format(time.RFC3339Nano)
		case "bad", "failed":
			d.Status, d.StatusDetail = "FAILED", l.Reason+" "+c.Site.Say("en", whyKey(l.Reason))
		}
		out = append(out, d)
	}
	return govJSON(c.W, http.StatusOK, out)
}

// govBill tells a payer's institution what a bill asks for. The standard lets
// the details come by a call back to an address the asker names; here they are
// in the answer, so that nobody can make us call addresses.
func (r *Room) govBill(c *web.Ctx, p gate.Permit[govCall]) error {
	a := govstack.BillAnswer{ResponseCode: govstack.Refused, RequestID: c.R.Header.Get("X-CorrelationID")}
	if p.Resource().Source == nil {
		a.Reason = "PayerFI-Id names no registered institution"
		return govJSON(c.W, http.StatusBadRequest, a)
	}
	f, err := r.govFee(c, c.Path("bill"))
	if fault.Is(err, fault.NotFound) {
		a.Reason = "there is no such bill"
		return govJSON(c.W, http.StatusBadRequest, a)
	}
	if err != nil {
		return err
	}
	d := &govstack.BillDetails{BillerID: f.Payee, Due: f.Expires.Unix(), OnDue: f.Amount, Currency: f.Currency, Status: "UNPAID"}
	if f.Holder != nil {
		d.BillerName = f.Holder.Payee("en")
	}
	switch {
	case f.Phase == feePaid:
		d.Status = "PAID"
	case f.Phase == feeCancelled:
		d.Status = "CANCELLED"
	case !c.Now().Before(f.Expires):
		d.Status = "EXPIRED"
	}
	a.ResponseCode, a.Reason, a.Details = govstack.Done, "found", d
	return govJSON(c.W, http.StatusAccepted, a)
}

func (r *Room) govFee(c *web.Ctx, reference string) (f *Fee, err error) {
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		f, err = feeByReference(tx, reference)
		return err
	})
	return f, err
}

// govBillPaid is an institution's word that a bill was paid. The ledger knows
// better: it is confirmed when that payment paid that bill.
func (r *Room) govBillPaid(c *web.Ctx, p gate.Permit[govCall]) error {
	m, err := govstack.ParseBillPayment(p.Resource().Body)
	a := govstack.BillAnswer{ResponseCode: govstack.Refused, RequestID: m.RequestID}
	if err != nil {
		a.Reason = err.Error()
		return govJSON(c.W, http.StatusBadRequest, a)
	}
	f, err := r.govFee(c, m.BillID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	paid := err == nil && f.Phase == feePaid
	if paid && f.Transfer != m.Reference {
		t, err := r.transfer(c.Context(), f.Transfer)
		if err != nil {
			return err
		}
		paid = t.Reference == m.Reference
	}
	if !paid {
		a.Reason = "the rail knows no such payment of this bill"
		return govJSON(c.W, http.StatusBadRequest, a)
	}
	a.ResponseCode, a.Reason = govstack.Done, "paid"
	return govJSON(c.W, http.StatusAccepted, a)
}
