package govstack

import (
	"encoding/json"
	"strings"
)

// Status codes of the voucher calls, beside those of HTTP.
const (
	InvalidAmount     = 452
	InvalidCurrency   = 453
	InvalidGroup      = 454
	InvalidSerial     = 456
	AlreadyUsed       = 458
	Expired           = 459
	NoSuchBlock       = 460 // the building block is not known
	InvalidNumber     = 461
	NoFunds           = 462 // the funding account does not cover it
	MerchantRefused   = 463 // the merchant cannot be credited
	CannotCancel      = 463 // of cancellation: serial number or building block are wrong
	AlreadyCancelled  = 464
	maxVoucherText    = 100
	maxVoucherComment = 200
)

// Statuses of a voucher as the standard spells them.
const (
	StatusPreActivated = "Pre-Activated"
	StatusActivated    = "Activated"
	StatusSuspended    = "Suspended"
	StatusBlocked      = "Blocked"
	StatusPurged       = "Purged"
)

// Refusal is an answer with a status of its own.
type Refusal struct {
	Status  int
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Text is a value that comes as a JSON string or number and is read as text.
type Text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = Text(n)
	return nil
}

// Flag is a truth value that comes as such or as a JSON string.
type Flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Flag) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`, "null":
		*f = false
	default:
		return &Failure{"override", "is neither true nor false"}
	}
	return nil
}

// Preactivation asks for a voucher.
type Preactivation struct {
	Amount   Text   `json:"voucher_amount"`
	Currency string `json:"voucher_currency"`
	Group    string `json:"voucher_group"`
	Block    string `json:"Gov_Stack_BB"`
	Comment  string `json:"voucher_comment"`
}

// Preactivated is the voucher. Its number is told here and never again.
type Preactivated struct {
	Number  string `json:"voucher_number"`
	Serial  string `json:"voucher_serial_number"`
	Expires string `json:"expiry_date_time"` // RFC 3339
}

// Activation asks for a voucher to become usable.
type Activation struct {
	Serial Text   `json:"voucher_serial_number"`
	Block  string `json:"Gov_Stack_BB"`
}

// Result is the answer of activation and redemption.
type Result struct {
	Status string `json:"result_status"`
}

// Message is the answer of a cancellation and of every refusal.
type Message struct {
	Message string `json:"message"`
}

// Redemption pays a merchant with a voucher.
type Redemption struct {
	Number   Text   `json:"voucher_number"`
	Block    string `json:"Gov_Stack_BB"`
	Merchant string `json:"merchant_name"`
	Details  string `json:"merchant_bank_details"`
	Group    string `json:"merchant_voucher_group"`
	Override Flag   `json:"override"`
}

// Cancellation takes a voucher back.
type Cancellation struct {
	Serial Text   `json:"voucherserialnumber"`
	Block  string `json:"Gov_Stack_BB"`
}

// Status is where a voucher stands.
type Status struct {
	Status string `json:"voucher_status"`
	Amount string `json:"voucher_amount"`
}

func malformed(what string) *Refusal { return &Refusal{400, what} }

// texts refuses values no voucher message has.
func texts(values ...string) error {
	for _, v := range values {
		if len(v) > maxVoucherText || !plain(v) {
			return malformed("a value is too long or no text")
		}
	}
	return nil
}

// ParsePreactivation reads the message. decimals are those of the currency.
func ParsePreactivation(data []byte, decimals int) (m Preactivation, minor int64, err error) {
	if err := decode(data, &m); err != nil {
		return m, 0, malformed(err.Error())
	}
	if m == (Preactivation{}) {
		return m, 0, malformed("the message is empty")
	}
	if err := texts(string(m.Amount), m.Currency, m.Group, m.Block); err != nil {
		return m, 0, err
	}
	if len(m.Comment) > maxVoucherComment {
		return m, 0, malformed("voucher_comment is too long")
	}
	if minor, err = Minor("voucher_amount", string(m.Amount), decimals); err != nil {
		return m, 0, &Refusal{InvalidAmount, err.Error()}
	}
	if len(m.Currency) != 3 || strings.Trim(m.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return m, 0, &Refusal{InvalidCurrency, "voucher_currency is no currency of ISO 4217"}
	}
	if m.Group == "" {
		return m, 0, &Refusal{InvalidGroup, "voucher_group is missing"}
	}
	return m, minor, nil
}

// ParseActivation reads the message.
func ParseActivation(data []byte) (m Activation, err error) {
	if err := decode(data, &m); err != nil {
		return m, malformed(err.Error())
	}
	if m.Serial == "" || m.Block == "" {
		return m, malformed("voucher_serial_number and Gov_Stack_BB have to be there")
	}
	return m, texts(string(m.Serial), m.Block)
}

// ParseRedemption reads the message.
func ParseRedemption(data []byte) (m Redemption, err error) {
	if err := decode(data, &m); err != nil {
		return m, malformed(err.Error())
	}
	if m.Number == "" || m.Block == "" || m.Merchant == "" || m.Details == "" {
		return m, malformed("voucher_number, Gov_Stack_BB, merchant_name and merchant_bank_details have to be there")
	}
	return m, texts(string(m.Number), m.Block, m.Merchant, m.Details, m.Group)
}

// ParseCancellation reads the message; path is the serial number of the
// address, which has to be the same.
func ParseCancellation(data []byte, path string) (m Cancellation, err error) {
	if err := decode(data, &m); err != nil {
		return m, malformed(err.Error())
	}
	if m.Serial == "" || m.Block == "" {
		return m, malformed("voucherserialnumber and Gov_Stack_BB have to be there")
	}
	if string(m.Serial) != path {
		return m, malformed("voucherserialnumber is not the one of the address")
	}
	return m, texts(string(m.Serial), m.Block)
}

// CheckSerial refuses what cannot be a serial number at all.
func CheckSerial(serial string) error {
	if serial == "" || len(serial) > 25 || strings.ContainsFunc(serial, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-'
	}) {
		return malformed("the serial number has characters that none has")
	}
	return nil
}
