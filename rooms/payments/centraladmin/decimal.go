package centraladmin

import (
	"errors"
	"strconv"
	"strings"

	"sarai/rooms/payments/fspiop"
)

// Decimal is an amount as its digits: "5000", "0.25". The APIs write it as a JSON
// number, some clients as a string; both are read, and a number is written. Values
// of accounts may be negative, amounts that are asked for may not.
type Decimal string

var errDecimal = errors.New("a number without exponent is wanted, at most 18 digits and 4 decimals, not below zero")

// UnmarshalJSON takes the digits out of a number or a string.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	if whole, fraction, pointed := strings.Cut(text, "."); pointed && fraction != "" {
		fraction = strings.TrimRight(fraction, "0")
		text = whole
		if fraction != "" {
			text += "." + fraction
		}
	}
	if !fspiop.IsAmount(text) {
		return errDecimal
	}
	*d = Decimal(text)
	return nil
}

// MarshalJSON writes a number; "" is 0.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("0"), nil
	}
	if !fspiop.IsAmount(strings.TrimPrefix(string(d), "-")) {
		return nil, errDecimal
	}
	return []byte(d), nil
}

// Units gives the amount in whole units of 10^-scale.
func (d Decimal) Units(scale int) (int64, error) { return fspiop.ParseAmount(string(d), scale) }

// DecimalOf writes whole units of 10^-scale.
func DecimalOf(n int64, scale int) Decimal { return Decimal(fspiop.FormatAmount(n, scale)) }

// Number names a window, a participant, an account. Some clients write it as a
// string.
type Number int64

var errNumber = errors.New("a whole number above zero is wanted")

// UnmarshalJSON takes the digits out of a number or a string.
func (n *Number) UnmarshalJSON(b []byte) error {
	text := strings.TrimSuffix(strings.TrimPrefix(string(b), `"`), `"`)
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 1 {
		return errNumber
	}
	*n = Number(v)
	return nil
}
