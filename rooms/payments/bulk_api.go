package payments

import (
	"context"
	"strconv"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// BulkView is a file of payments as the interface shows it. Counts are the
// group status of ISO 20022 pain.002, said in words.
type BulkView struct {
	No       int64        `json:"no"`
	Program  string       `json:"program"`
	Period   string       `json:"period"`
	State    string       `json:"state" enum:"uploaded,validating,validated,checked,released,paying,done,rejected,cancelled"`
	Status   string       `json:"group_status" enum:"RCVD,ACTC,ACCP,ACSP,ACSC,PART,RJCT,CANC" doc:"ISO 20022 ExternalPaymentGroupStatus1Code"`
	Currency string       `json:"currency"`
	Lines    int64        `json:"lines"`
	Total    string       `json:"total" example:"1250.00"`
	Good     int64        `json:"good" doc:"lines that can be paid"`
	Away     int64        `json:"away" doc:"good lines that pay accounts at connected banks and wallets"`
	Bad      int64        `json:"bad" doc:"lines found wanting before anything was paid"`
	Paid     int64        `json:"paid"`
	PaidSum  string       `json:"paid_total"`
	Failed   int64        `json:"failed" doc:"lines the ledger refused"`
	Reasons  []ReasonView `json:"reasons"`
	Digest   string       `json:"sha256"`
	Uploaded time.Time    `json:"uploaded"`
	Released *time.Time   `json:"released,omitempty"`
	Finished *time.Time   `json:"finished,omitempty"`
}

// ReasonView is how many lines were not paid for one reason.
type ReasonView struct {
	Reason string `json:"reason" doc:"ISO 20022 ExternalStatusReason1Code"`
	Lines  int64  `json:"lines"`
	Total  string `json:"total"`
}

// LineView is the status of one payment, as pain.002 reports it.
type LineView struct {
	Line      int64      `json:"line"`
	Reference string     `json:"reference,omitempty" doc:"the program's own (EndToEndId)"`
	Amount    string     `json:"amount"`
	Status    string     `json:"status" enum:"PDNG,ACTC,ACSC,RJCT" doc:"ISO 20022 ExternalPaymentTransactionStatus1Code"`
	Reason    string     `json:"reason,omitempty"`
	Transfer  string     `json:"transfer,omitempty"`
	Credited  *time.Time `json:"credited,omitempty"`
}

type bulkID struct {
	No int64 `path:"no" minimum:"1" maximum:"500000000000"`
}

type bulkLinesOf struct {
	No    int64 `path:"no" minimum:"1" maximum:"500000000000"`
	After int64 `query:"after" minimum:"0" doc:"number of the last line you have"`
	Limit int   `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
	Rest  bool  `query:"rest" doc:"only lines that were not paid"`
}

// LinesView is a page of lines.
type LinesView struct {
	Lines []LineView `json:"lines"`
	Next  int64      `json:"next,omitempty" doc:"ask with after=next for the lines behind; 0 at the end"`
}

// groupStatus is the state as ISO 20022 has it.
func (b *Bulk) groupStatus() string {
	switch b.State {
	case BulkUploaded, BulkValidating:
		return "RCVD"
	case BulkValidated:
		return "ACTC" // technically valid
	case BulkChecked:
		return "ACCP"
	case BulkReleased, BulkPaying:
		return "ACSP"
	case BulkRejected:
		return "RJCT"
	case BulkCancelled:
		return "CANC"
	}
	switch b.Paid {
	case b.Lines:
		return "ACSC"
	case 0:
		return "RJCT"
	}
	return "PART"
}

var lineStatus = map[string]string{"read": "PDNG", "good": "ACTC", "bad": "RJCT", "paid": "ACSC", "failed": "RJCT"}

func orNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (r *Room) bulkAPI(a *api.API) {
	load := func(ctx context.Context, in *bulkID) (Bulk, error) {
		return r.bulkByKey(ctx, strconv.FormatInt(in.No, 10))
	}
	api.Handle(a, api.Operation[bulkID, Bulk]{Method: "GET", Path: "/api/payments/bulk/{no}", ID: "payments-bulk", Summary: "Read the state of a file of payments", Action: "payments.bulk.see", Load: load},
		func(ctx context.Context, p gate.Permit[Bulk], _ *bulkID) (*BulkView, error) {
			b := p.Resource()
			v := &BulkView{No: b.No, Program: b.Program, Period: b.Period, State: string(b.State), Status: b.groupStatus(), Currency: b.Currency, Lines: b.Lines, Total: r.plain(b.Total), Good: b.Good, Away: b.Away, Bad: b.Bad(),
				Paid: b.Paid, PaidSum: r.plain(b.PaidTotal), Failed: b.Failed, Digest: hexText(b.Digest), Uploaded: b.Uploaded, Released: orNone(b.Released), Finished: orNone(b.Finished), Reasons: []ReasonView{}}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := bulkReasons(tx, b.No)
				v.Reasons = v.Reasons[:0]
				for _, x := range list {
					v.Reasons = append(v.Reasons, ReasonView{x.Reason, x.Lines, r.plain(x.Total)})
				}
				return err
			})
			return v, err
		})
	api.Handle(a, api.Operation[bulkLinesOf, Bulk]{Method: "GET", Path: "/api/payments/bulk/{no}/lines", ID: "payments-bulk-lines", Summary: "Read the status of each payment of a file", Action: "payments.bulk.see",
		Load: func(ctx context.Context, in *bulkLinesOf) (Bulk, error) { return load(ctx, &bulkID{in.No}) }},
		func(ctx context.Context, p gate.Permit[Bulk], in *bulkLinesOf) (*LinesView, error) {
			condition := ""
			if in.Rest {
				condition = " and state in (2, 4)"
			}
			list, err := r.linesOf(ctx, p.Resource().No, min(in.After, bulkLines-1), in.Limit, condition)
			if err != nil {
				return nil, err
			}
			out := &LinesView{Lines: make([]LineView, 0, len(list))}
			for _, l := range list {
				v := LineView{Line: l.Line, Reference: l.Reference, Amount: r.plain(l.Amount), Status: lineStatus[l.State], Reason: l.Reason, Transfer: l.Transfer}
				if l.State == "paid" {
					v.Credited = orNone(l.At)
				}
				out.Lines = append(out.Lines, v)
			}
			if len(list) == in.Limit {
				out.Next = list[len(list)-1].Line
			}
			return out, nil
		})
}
