package iso20022

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"sarai/rooms/payments/iso20022/xsd"
)

// The currencies of ISO 4217 by the number of digits of their minor unit.
var exponents = func() map[string]int {
	m := map[string]int{}
	for n, codes := range []string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK " +
			"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD " +
			"LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR " +
			"SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
		4: "CLF UYW",
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = n
		}
	}
	return m
}()

// The reasons why an amount cannot be made into minor units or back.
var (
	ErrCurrency = errors.New("iso20022: not a currency of ISO 4217 with a minor unit")
	ErrAmount   = errors.New("iso20022: an amount is written in digits 0 to 9 with at most one point, without sign or exponent")
	ErrFraction = errors.New("iso20022: the amount has more digits after the point than the currency")
	ErrRange    = errors.New("iso20022: the amount does not fit into 64 bits of minor units")
)

// Exponent gives the number of digits of a currency's minor unit, by ISO 4217.
func Exponent(currency string) (digits int, ok bool) {
	digits, ok = exponents[currency]
	return digits, ok
}

// Minor gives an amount in minor units: 1250.75 PKR is 125075. Zeros beyond the
// currency's minor unit are allowed, other digits are an error. XML Schema would
// allow a sign; an amount has none here, its direction stands elsewhere.
func Minor(value xsd.Decimal, currency string) (int64, error) {
	digits, ok := exponents[currency]
	if !ok {
		return 0, ErrCurrency
	}
	whole, fraction, pointed := strings.Cut(string(value), ".")
	if whole == "" && fraction == "" {
		return 0, ErrAmount
	}
	var n int64
	add := func(c byte) error {
		if c < '0' || c > '9' {
			return ErrAmount
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return ErrRange
		}
		n = n*10 + d
		return nil
	}
	for i := 0; i < len(whole); i++ {
		if err := add(whole[i]); err != nil {
			return 0, err
		}
	}
	for i := 0; i < max(digits, len(fraction)); i++ {
		c := byte('0')
		if pointed && i < len(fraction) {
			c = fraction[i]
		}
		if i >= digits {
			if c != '0' {
				if c < '0' || c > '9' {
					return 0, ErrAmount
				}
				return 0, ErrFraction
			}
			continue
		}
		if err := add(c); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Amount writes minor units as ISO 20022 wants them, with all the digits of the
// currency's minor unit: 125075 PKR is 1250.75. More than 18 digits and negative
// amounts are errors.
func Amount(minor int64, currency string) (xsd.Decimal, error) {
	digits, ok := exponents[currency]
	switch {
	case !ok:
		return "", ErrCurrency
	case minor < 0 || minor >= 1_000_000_000_000_000_000:
		return "", ErrRange
	}
	var b [24]byte
	s := strconv.AppendInt(b[:0], minor, 10)
	if digits == 0 {
		return xsd.Decimal(s), nil
	}
	for len(s) <= digits {
		s = append(s, 0)
		copy(s[1:], s)
		s[0] = '0'
	}
	s = append(s, 0)
	copy(s[len(s)-digits:], s[len(s)-1-digits:])
	s[len(s)-1-digits] = '.'
	return xsd.Decimal(s), nil
}
