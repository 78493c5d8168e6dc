package govstack

import "encoding/json"

// BatchStatus tells how far a batch is, with the fields of the standard's status
// update. Sums are major units with a point, written from their digits.
type BatchStatus struct {
	RequestID       string      `json:"requestId"`
	BatchID         string      `json:"batchId"`
	Total           int64       `json:"TotalTransactions"`
	Ongoing         int64       `json:"ongoing"`
	Failed          int64       `json:"failed"`
	Completed       int64       `json:"completed"`
	TotalAmount     json.Number `json:"totalAmount"`
	CompletedAmount json.Number `json:"completed_amount"`
	OngoingAmount   json.Number `json:"ongoing_amount"`
	FailedAmount    json.Number `json:"failed_amount"`
	ResultFile      string      `json:"result_file"`
	Generated       string      `json:"resultGeneratedAt"` // RFC 3339
	Note            string      `json:"note"`
}

// BatchDetail is one payment of a batch.
type BatchDetail struct {
	TransactionID string      `json:"transactionId"`
	StartedAt     string      `json:"startedAt,omitempty"`
	CompletedAt   string      `json:"completedAt,omitempty"`
	Status        string      `json:"status"` // IN_PROGRESS, COMPLETED, FAILED
	StatusDetail  string      `json:"statusDetail,omitempty"`
	Amount        json.Number `json:"amount"`
	Currency      string      `json:"currency"`
	BatchID       string      `json:"batchId"`
}

// BillAnswer is the answer of the bill calls; details come with an inquiry.
type BillAnswer struct {
	ResponseCode string       `json:"responseCode"`
	Reason       string       `json:"reason"` // at most 200 characters
	RequestID    string       `json:"requestId"`
	Details      *BillDetails `json:"billDetails,omitempty"`
}

// BillDetails says what is asked for. The standard has whole numbers as amounts:
// they are minor units of Currency.
type BillDetails struct {
	BillerID   string `json:"billerId"`
	BillerName string `json:"billerName"`
	Status     string `json:"billStatus"` // UNPAID, PAID, EXPIRED, CANCELLED
	Due        int64  `json:"dueDate"`    // seconds since 1970
	OnDue      int64  `json:"amountonDueDate"`
	AfterDue   int64  `json:"amountAfterDueDate"` // 0: it cannot be paid then
	Currency   string `json:"currency"`
}

// BillPayment tells a biller that a bill was paid.
type BillPayment struct {
	RequestID string `json:"requestId"`
	Inquiry   string `json:"billInquiryRequestId"`
	BillID    string `json:"billId"`
	Reference string `json:"paymentReferenceID"`
}

// ParseBillPayment reads the message.
func ParseBillPayment(data []byte) (m BillPayment, err error) {
	if err := decode(data, &m); err != nil {
		return m, err
	}
	for _, f := range []struct{ name, value string }{{"requestId", m.RequestID}, {"billId", m.BillID}, {"paymentReferenceID", m.Reference}} {
		if f.value == "" {
			return m, &Failure{f.name, "is missing"}
		}
		if err := atMost(f.name, f.value, 64); err != nil {
			return m, err
		}
	}
	return m, nil
}
