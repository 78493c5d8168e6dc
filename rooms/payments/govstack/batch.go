package govstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Codes of an [Answer].
const (
	Done    = "00"
	Refused = "01"
)

// Answer is what the G2P calls answer at once.
type Answer struct {
	ResponseCode        string
	ResponseDescription string // at most 200 characters
	RequestID           string
}

// Beneficiary is one entry of the account mapper.
type Beneficiary struct {
	PayeeFunctionalID string
	PaymentModality   string // "00" to "07": bank, mobile wallet, voucher ...; may be left out
	FinancialAddress  string // may be left out
}

// Register is the message that registers or updates beneficiaries.
type Register struct {
	RequestID     string
	SourceBBID    string
	Beneficiaries []Beneficiary
}

// Instruction is one credit of a batch.
type Instruction struct {
	InstructionID     string
	PayeeFunctionalID string
	Amount            json.Number
	Currency          string
	Narration         string
}

// Batch is the message of prepayment validation and of bulk payment.
type Batch struct {
	RequestID          string
	SourceBBID         string
	BatchID            string
	CreditInstructions []Instruction
}

// Inquiry asks what came of a prepayment validation.
type Inquiry struct {
	RequestID     string
	SourceBatchID string `json:"Source_BatchID"`
}

// Validation answers an [Inquiry].
type Validation struct {
	RequestID         string
	SourceBatchID     string          `json:"Source_BatchID"`
	NumberFailedCases *int            `json:",omitempty"` // left out when nothing is known of the batch
	FailedAccounts    []FailedAccount `json:",omitempty"`
}

// FailedAccount says why an instruction could not be paid.
type FailedAccount struct {
	InstructionID string
	FailureReason string
}

// Failure says which field of a message is wrong. Field is the standard's name.
type Failure struct{ Field, Problem string }

// Error implements error.
func (f *Failure) Error() string { return f.Field + ": " + f.Problem }

// MaxInstructions is the most instructions of one batch in one message.
const MaxInstructions = 100_000

// decode reads one JSON value. Unknown fields are let pass, as the standard's
// messages grow; anything after the value is refused.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return &Failure{kind.Field[strings.LastIndexByte(kind.Field, '.')+1:], "is of another type"}
		}
		var known *Failure
		if errors.As(err, &known) {
			return known
		}
		return &Failure{"body", "is not the JSON that this call takes"}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Failure{"body", "has something after the message"}
	}
	return nil
}

// exactly checks a field of a fixed length in characters.
func exactly(field, v string, n int) error {
	switch {
	case v == "":
		return &Failure{field, "is missing"}
	case utf8.RuneCountInString(v) != n || !plain(v):
		return &Failure{field, fmt.Sprintf("has to have %d characters", n)}
	}
	return nil
}

func atMost(field, v string, n int) error {
	if utf8.RuneCountInString(v) > n || !plain(v) {
		return &Failure{field, fmt.Sprintf("has more than %d characters", n)}
	}
	return nil
}

// plain refuses control characters.
func plain(v string) bool {
	return utf8.ValidString(v) && !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// ParseRegister reads a registration or an update. The message is given back
// as far as it could be read, so that its RequestID can be echoed.
func ParseRegister(data []byte) (m Register, err error) {
	if err := decode(data, &m); err != nil {
		return m, err
	}
	if err := errors.Join(exactly("RequestID", m.RequestID, 12)); err != nil {
		return m, err
	}
	if err := exactly("SourceBBID", m.SourceBBID, 12); err != nil {
		return m, err
	}
	if len(m.Beneficiaries) == 0 || len(m.Beneficiaries) > MaxInstructions {
		return m, &Failure{"Beneficiaries", "names nobody, or too many"}
	}
	for _, b := range m.Beneficiaries {
		if err := exactly("PayeeFunctionalID", b.PayeeFunctionalID, 20); err != nil {
			return m, err
		}
		if b.PaymentModality != "" {
			if n, err := strconv.Atoi(b.PaymentModality); err != nil || len(b.PaymentModality) != 2 || n < 0 || n > 7 {
				return m, &Failure{"PaymentModality", "is none of 00 to 07"}
			}
		}
		if err := atMost("FinancialAddress", b.FinancialAddress, 30); err != nil {
			return m, err
		}
	}
	return m, nil
}

// ParseBatch reads a batch. narrated says that each instruction has to have a
// Narration, as prepayment validation wants.
func ParseBatch(data []byte, narrated bool) (m Batch, err error) {
	if err := decode(data, &m); err != nil {
		return m, err
	}
	for _, f := range []struct{ name, value string }{{"RequestID", m.RequestID}, {"SourceBBID", m.SourceBBID}, {"BatchID", m.BatchID}} {
		if err := exactly(f.name, f.value, 12); err != nil {
			return m, err
		}
	}
	if len(m.CreditInstructions) == 0 || len(m.CreditInstructions) > MaxInstructions {
		return m, &Failure{"CreditInstructions", "has no instruction, or too many"}
	}
	seen := make(map[string]bool, len(m.CreditInstructions))
	for _, i := range m.CreditInstructions {
		if err := i.check(narrated); err != nil {
			return m, err
		}
		if seen[i.InstructionID] {
			return m, &Failure{"InstructionID", "is there twice"}
		}
		seen[i.InstructionID] = true
	}
	return m, nil
}

func (i Instruction) check(narrated bool) error {
	if err := exactly("InstructionID", i.InstructionID, 16); err != nil {
		return err
	}
	if err := exactly("PayeeFunctionalID", i.PayeeFunctionalID, 20); err != nil {
		return err
	}
	if err := exactly("Currency", i.Currency, 3); err != nil {
		return err
	}
	if narrated && i.Narration == "" {
		return &Failure{"Narration", "is missing"}
	}
	if err := atMost("Narration", i.Narration, 50); err != nil {
		return err
	}
	_, err := Minor("Amount", string(i.Amount), 2)
	return err
}

// ParseInquiry reads the question for a validation's outcome.
func ParseInquiry(data []byte) (m Inquiry, err error) {
	if err := decode(data, &m); err != nil {
		return m, err
	}
	if err := exactly("RequestID", m.RequestID, 12); err != nil {
		return m, err
	}
	return m, exactly("Source_BatchID", m.SourceBatchID, 12)
}

// Minor reads a positive decimal amount into minor units: digits, at most one
// point, no sign, no exponent.
func Minor(field, text string, decimals int) (int64, error) {
	if text == "" {
		return 0, &Failure{field, "is missing"}
	}
	whole, part, point := strings.Cut(text, ".")
	wrong := &Failure{field, "is not a positive amount with at most " + strconv.Itoa(decimals) + " decimals"}
	if whole == "" || len(whole) > 13 || point && part == "" || len(part) > decimals || strings.Trim(whole+part, "0123456789") != "" {
		return 0, wrong
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil || n == 0 {
		return 0, wrong
	}
	return n, nil
}

// Plain writes minor units as the messages have amounts.
func Plain(minor int64, decimals int) string {
	s := strconv.FormatInt(minor, 10)
	for len(s) <= decimals {
		s = "0" + s
	}
	if decimals == 0 {
		return s
	}
	return s[:len(s)-decimals] + "." + s[len(s)-decimals:]
}
