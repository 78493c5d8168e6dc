package country

import (
	"strings"
	"unicode"

	"sarai/courtyard/fault"
)

// IBANRules are the country's entry in the IBAN registry (ISO 13616).
type IBANRules struct {
	Country    string `yaml:"country"`
	Length     int    `yaml:"length"`
	BankLength int    `yaml:"bank_length"` // letters after the check digits
	Example    string `yaml:"example"`
}

// IBAN is an account number in electronic form: no spaces, capital letters.
type IBAN string

// String writes the IBAN in groups of four, as on paper.
func (i IBAN) String() string {
	var b strings.Builder
	for k, c := range string(i) {
		if k > 0 && k%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Parse reads an IBAN as people write it and checks it. Its faults:
//
//	country.iban.empty
//	country.iban.character {character} {place}
//	country.iban.country {country} {wanted}
//	country.iban.length {characters} {wanted}
//	country.iban.bank       the bank code is not letters
//	country.iban.check      the check digits do not fit (ISO 7064, MOD 97-10)
func (r *IBANRules) Parse(s string) (IBAN, error) {
	var b strings.Builder
	place := 0
	for _, c := range s {
		place++
		if place > 64 {
			return "", fault.New(fault.Invalid, "country.iban.length", "characters", "64", "wanted", itoa(r.Length))
		}
		if d, ok := digit(c); ok {
			b.WriteByte('0' + d)
			continue
		}
		switch {
		case c >= 'A' && c <= 'Z':
			b.WriteRune(c)
		case c >= 'a' && c <= 'z':
			b.WriteRune(unicode.ToUpper(c))
		case filler(c):
		default:
			return "", fault.New(fault.Invalid, "country.iban.character", "character", shown(c), "place", itoa(place))
		}
	}
	i := b.String()
	switch {
	case i == "":
		return "", fault.New(fault.Invalid, "country.iban.empty")
	case len(i) < 4 || i[:2] != r.Country:
		return "", fault.New(fault.Invalid, "country.iban.country", "country", i[:min(2, len(i))], "wanted", r.Country)
	case len(i) != r.Length:
		return "", fault.New(fault.Invalid, "country.iban.length", "characters", itoa(len(i)), "wanted", itoa(r.Length))
	case strings.ContainsAny(i[4:4+r.BankLength], "0123456789"):
		return "", fault.New(fault.Invalid, "country.iban.bank")
	case strings.ContainsFunc(i[2:4], func(c rune) bool { return c < '0' || c > '9' }) || mod97(i[4:]+i[:4]) != 1:
		return "", fault.New(fault.Invalid, "country.iban.check")
	}
	return IBAN(i), nil
}

// Check is Parse for those who only want to know whether it is right.
func (r *IBANRules) Check(s string) error { _, err := r.Parse(s); return err }

// Make puts the check digits before a bank code and an account number, which
// is filled up with zeros at its start.
func (r *IBANRules) Make(bank, account string) (IBAN, error) {
	rest := r.Length - 4 - r.BankLength
	if len(bank) != r.BankLength || len(account) > rest {
		return "", fault.New(fault.Invalid, "country.iban.length", "characters", itoa(4+len(bank)+len(account)), "wanted", itoa(r.Length))
	}
	bban := bank + strings.Repeat("0", rest-len(account)) + account
	check := 98 - mod97(bban+r.Country+"00")
	return r.Parse(r.Country + string([]byte{'0' + byte(check/10), '0' + byte(check%10)}) + bban)
}

// Bank gives the bank code of an IBAN of this country.
func (r *IBANRules) Bank(i IBAN) string {
	if len(i) < 4+r.BankLength {
		return ""
	}
	return string(i[4 : 4+r.BankLength])
}

// mod97 reads letters as 10 to 35 and gives the remainder by 97.
func mod97(s string) int {
	m := 0
	for _, c := range []byte(s) {
		if c >= 'A' {
			m = (m*100 + int(c-'A') + 10) % 97
		} else {
			m = (m*10 + int(c-'0')) % 97
		}
	}
	return m
}
