package country

import (
	"math"
	"strconv"
	"strings"

	"sarai/courtyard/fault"
)

// Currency is the country's money. Amounts are int64 minor units everywhere.
type Currency struct {
	Code     string `yaml:"code"`     // ISO 4217
	Numeric  string `yaml:"numeric"`  // ISO 4217 numeric, as in QR codes
	Decimals int    `yaml:"decimals"` // minor units: 2 means hundredths
	Name     Text   `yaml:"name"`
	Prefix   Text   `yaml:"prefix"` // what stands before the amount: "Rs"
}

func (c Currency) unit() int64 {
	u := int64(1)
	for range c.Decimals {
		u *= 10
	}
	return u
}

// Format writes minor units as people read them: "Rs 1,250.00".
func (c Currency) Format(lang string, minor int64) string {
	prefix := c.Prefix.In(lang)
	if prefix != "" {
		prefix += "\u00a0" // the amount never stands alone on the next line
	}
	return prefix + c.Digits(minor)
}

// Digits writes minor units without the prefix: "1,250.00".
func (c Currency) Digits(minor int64) string {
	sign, u := "", uint64(minor) //nolint:gosec // the sign is taken off first
	if minor < 0 {
		sign, u = "−", uint64(-minor) //nolint:gosec // also right for the smallest int64
	}
	unit := uint64(c.unit()) //nolint:gosec // a power of ten
	whole := strconv.FormatUint(u/unit, 10)
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if c.Decimals > 0 {
		part := strconv.FormatUint(u%unit, 10)
		b.WriteString("." + strings.Repeat("0", c.Decimals-len(part)) + part)
	}
	return b.String()
}

// Parse reads an amount as people write it ("1,250", "Rs 1250.5", "۱۲۵۰") into
// minor units. Its faults:
//
//	country.money.empty
//	country.money.character {character} {place}
//	country.money.decimals {wanted}  more digits after the point than there are minor units
//	country.money.large
func (c Currency) Parse(s string) (int64, error) {
	body := strings.TrimSpace(s)
	for _, p := range c.Prefix {
		body = strings.TrimSpace(strings.TrimPrefix(body, p))
	}
	body = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(body, c.Code), "."))
	var minor int64
	decimals, place, digits := -1, 0, 0
	for _, r := range body {
		place++
		switch d, ok := digit(r); {
		case ok:
			if decimals >= 0 {
				decimals++
			}
			if decimals > c.Decimals {
				return 0, fault.New(fault.Invalid, "country.money.decimals", "wanted", itoa(c.Decimals))
			}
			if minor > (math.MaxInt64-9)/10 {
				return 0, fault.New(fault.Invalid, "country.money.large")
			}
			minor = minor*10 + int64(d)
			digits++
		case (r == '.' || r == '٫') && decimals < 0:
			decimals = 0
		case (r == ',' || r == '٬' || r == '،' || r == '_' || r == ' ' || r == '\u00a0') && decimals < 0:
		case r == '/' && strings.HasSuffix(body, "/-") && strings.Count(body, "/") == 1:
			decimals = max(decimals, 0) // "1250/-" is how amounts end on paper here
		case r == '-' && strings.HasSuffix(body, "/-") && decimals >= 0:
		default:
			return 0, fault.New(fault.Invalid, "country.money.character", "character", shown(r), "place", itoa(place))
		}
	}
	if digits == 0 {
		return 0, fault.New(fault.Invalid, "country.money.empty")
	}
	for range c.Decimals - max(decimals, 0) {
		if minor > math.MaxInt64/10 {
			return 0, fault.New(fault.Invalid, "country.money.large")
		}
		minor *= 10
	}
	return minor, nil
}

// Money formats an amount in the given currency; one that is not the country's
// own is written with its code.
func (p *Pack) Money(lang string, minor int64, currency string) string {
	if currency == "" || currency == p.Currency.Code {
		return p.Currency.Format(lang, minor)
	}
	return currency + "\u00a0" + p.Currency.Digits(minor)
}
