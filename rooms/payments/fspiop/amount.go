package fspiop

import (
	"errors"
	"math"
	"strings"
)

// Errors of amounts. They say what to change.
var (
	ErrAmount   = errors.New("an amount is digits without leading zeros, and after a point 1 to 4 digits of which the last is not 0")
	ErrDecimals = errors.New("the amount has more decimals than the currency is kept in")
	ErrRange    = errors.New("the amount is larger than anything that can be kept")
)

// IsAmount tests the standard's form of an amount (API Definition 7.2.13):
// ^([0]|([1-9][0-9]{0,17}))([.][0-9]{0,3}[1-9])?$
func IsAmount(s string) bool {
	whole, fraction, pointed := strings.Cut(s, ".")
	if len(whole) == 0 || len(whole) > 18 || len(whole) > 1 && whole[0] == '0' || !allDigits(whole) {
		return false
	}
	return !pointed || len(fraction) >= 1 && len(fraction) <= 4 && allDigits(fraction) && fraction[len(fraction)-1] != '0'
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// ParseAmount reads an amount as whole units of 10^-scale.
func ParseAmount(s string, scale int) (int64, error) {
	if !IsAmount(s) {
		return 0, ErrAmount
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > scale {
		return 0, ErrDecimals
	}
	var n int64
	for _, part := range []string{whole, fraction, "0000"[:scale-len(fraction)]} {
		for i := range len(part) {
			d := int64(part[i] - '0')
			if n > (math.MaxInt64-d)/10 {
				return 0, ErrRange
			}
			n = n*10 + d
		}
	}
	return n, nil
}

// FormatAmount writes whole units of 10^-scale in the standard's form. Negative
// ones, which only positions can be, get a minus sign.
func FormatAmount(n int64, scale int) string {
	var room [24]byte
	at := len(room)
	negative := n < 0
	u := uint64(n)
	if negative {
		u = -u
	}
	trailing := true
	for i := 0; i < scale || u > 0 || i == scale; i++ {
		if i == scale {
			if at < len(room) {
				at--
				room[at] = '.'
			}
			trailing = false
		}
		d := byte(u % 10)
		u /= 10
		if trailing && d == 0 {
			continue
		}
		trailing = false
		at--
		room[at] = '0' + d
	}
	if negative {
		at--
		room[at] = '-'
	}
	return string(room[at:])
}
