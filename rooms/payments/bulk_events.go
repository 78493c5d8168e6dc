package payments

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// The events of a file of payments, all version 1, with [BulkData].
const (
	BulkUploadedEvent   = "payments.bulk.uploaded"
	BulkValidatedEvent  = "payments.bulk.validated"
	BulkCheckedEvent    = "payments.bulk.checked"
	BulkReleasedEvent   = "payments.bulk.released"
	BulkProgressedEvent = "payments.bulk.progressed" // a few times a second at most
	BulkFinishedEvent   = "payments.bulk.finished"
	BulkRejectedEvent   = "payments.bulk.rejected"
	BulkCancelledEvent  = "payments.bulk.cancelled"
)

// BulkData is what the events of a file say. Sums are minor units.
type BulkData struct {
	Bulk        int64  `json:"bulk"`
	Program     string `json:"program"`
	Period      string `json:"period"`
	State       string `json:"state"`
	Currency    string `json:"currency"`
	Lines       int64  `json:"lines"`
	Total       int64  `json:"total"`
	Good        int64  `json:"good"`
	GoodTotal   int64  `json:"good_total"`
	Paid        int64  `json:"paid"`
	PaidTotal   int64  `json:"paid_total"`
	Failed      int64  `json:"failed"`
	FailedTotal int64  `json:"failed_total"`
	Digest      string `json:"digest"` // SHA-256 of the file, hexadecimal
}

// VoucherData is what a voucher's events say.
type VoucherData struct {
	Serial   string `json:"serial"`
	Group    string `json:"group"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	State    string `json:"state"`
	Transfer string `json:"transfer,omitempty"`
}

func bulkSubject(no int64) string { return fmt.Sprintf("payments/bulk/%d", no) }

func emitBulk(tx *store.Tx, b *Bulk, event, actor string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: bulkSubject(b.No), Actor: actor, Data: BulkData{Bulk: b.No, Program: b.Program, Period: b.Period, State: string(b.State), Currency: b.Currency,
		Lines: b.Lines, Total: b.Total, Good: b.Good, GoodTotal: b.GoodTotal, Paid: b.Paid, PaidTotal: b.PaidTotal, Failed: b.Failed, FailedTotal: b.FailedTotal, Digest: fmt.Sprintf("%x", b.Digest)}})
}

// The jobs of a file; each knows its file's number.
const (
	jobBulkForget   = "payments.bulk.forget"
	jobBulkValidate = "payments.bulk.validate"
	jobBulkPay      = "payments.bulk.pay"

	// bulkReadingTime is how long lines may come in before the file is taken
	// for abandoned.
	bulkReadingTime = time.Hour
	// bulkTurn is how long a job works before it puts itself on the queue again,
	// so that no attempt is long and all files have their turn.
	bulkTurn = 20 * time.Second
	// bulkPace is the time between two events that tell of progress.
	bulkPace = 250 * time.Millisecond
)

type bulkJob struct {
	Bulk int64 `json:"bulk"`
}

//go:embed texts/bulk/*.yaml
var bulkTexts embed.FS

// bulks registers what belongs to files of payments, to vouchers and to the
// GovStack interface.
func (r *Room) bulks(c *courtyard.Courtyard) {
	texts, err := fs.Sub(bulkTexts, "texts/bulk")
	if err != nil {
		panic(err) // the folder is in the program
	}
	c.Site.Texts("payments.bulk", texts)
	r.bulkPages(c.Site)
	c.Keys.Declare(keys.Purpose{Name: purposeVoucher, Alg: keys.HS256})
	r.bulkAPI(c.API)
	r.govRoutes(c.Site, c.API)
	q := c.Jobs
	q.Handle(job.Kind{Name: jobVoucher, Action: jobVoucher, Do: r.expireVoucher})
	q.Handle(job.Kind{Name: jobBulkForget, Action: jobBulkForget, Do: r.forget, Timeout: 10 * time.Minute})
	q.Handle(job.Kind{Name: jobBulkValidate, Action: jobBulkValidate, Do: r.validate, Timeout: 2 * time.Minute, Attempts: 1000})
	q.Handle(job.Kind{Name: jobBulkPay, Action: jobBulkPay, Do: r.payBulk, Timeout: 2 * time.Minute, Attempts: 1000})
}

// bulkOf reads whose job it is and asks the gate.
func (r *Room) bulkOf(ctx context.Context, j job.Job, name string) (int64, error) {
	var b bulkJob
	if err := j.Decode(&b); err != nil {
		return 0, job.Stop(err)
	}
	_, err := gate.SystemPermit(ctx, r.gate, name, name, gate.House{})
	return b.Bulk, err
}
