package country

import (
	"strings"

	"sarai/courtyard/fault"
)

// NationalNumberRules say how the national number is written. Pakistan's CNIC
// is five, seven and one digits: 61101-1234567-1. The first digit is the
// province or territory of registration; the last is odd for men and even for
// women. The number has no check digit, so a mistyped digit inside it can only
// be found by asking the register.
type NationalNumberRules struct {
	Name       Text   `yaml:"name"`
	Short      string `yaml:"short"`
	Groups     []int  `yaml:"groups"`      // digits in each group
	Separator  string `yaml:"separator"`   // between groups
	FirstDigit string `yaml:"first_digit"` // digits it may begin with
	SexByLast  bool   `yaml:"sex_by_last"` // last digit: odd male, even female
	Demo       string `yaml:"demo"`        // digits 2 and 3 of every synthetic number, so that none is a real person's
	Example    string `yaml:"example"`
}

// Number is a national number in its canonical form, digits only.
type Number struct {
	Digits string
	rules  *NationalNumberRules
}

// String writes the number in groups: "61101-1234567-1".
func (n Number) String() string {
	if n.rules == nil {
		return n.Digits
	}
	var b strings.Builder
	at := 0
	for i, g := range n.rules.Groups {
		if i > 0 {
			b.WriteString(n.rules.Separator)
		}
		b.WriteString(n.Digits[at : at+g])
		at += g
	}
	return b.String()
}

// Sex gives "male" or "female" as the last digit says, or "".
func (n Number) Sex() string {
	if n.rules == nil || !n.rules.SexByLast || n.Digits == "" {
		return ""
	}
	if (n.Digits[len(n.Digits)-1]-'0')%2 == 1 {
		return "male"
	}
	return "female"
}

// FirstDigit gives the digit of the province or territory.
func (n Number) FirstDigit() int { return int(n.Digits[0] - '0') }

// Masked shows the last four digits only: for screens of officials who need to
// recognise a number, not to read it.
func (n Number) Masked() string {
	s := []byte(n.String())
	for i := range s {
		if s[i] >= '0' && s[i] <= '9' && i < len(s)-5 {
			s[i] = '*'
		}
	}
	return string(s)
}

// Length is the number of digits.
func (r *NationalNumberRules) Length() int {
	sum := 0
	for _, g := range r.Groups {
		sum += g
	}
	return sum
}

// Parse reads a number as people write it: with or without dashes and spaces,
// in Western, Arabic or Urdu digits. Each mistake has its own key:
//
//	country.number.empty                nothing was written
//	country.number.character {character} {place}  something that is no digit
//	country.number.length {digits} {wanted}
//	country.number.province {digit}     no province has this first digit
func (r *NationalNumberRules) Parse(s string) (Number, error) {
	digits, err := digitsOf(s, "country.number", r.Length()+20)
	if err != nil {
		return Number{}, err
	}
	switch {
	case digits == "":
		return Number{}, fault.New(fault.Invalid, "country.number.empty")
	case len(digits) != r.Length():
		return Number{}, fault.New(fault.Invalid, "country.number.length", "digits", itoa(len(digits)), "wanted", itoa(r.Length()))
	case !strings.Contains(r.FirstDigit, digits[:1]):
		return Number{}, fault.New(fault.Invalid, "country.number.province", "digit", digits[:1], "wanted", r.FirstDigit)
	}
	return Number{Digits: digits, rules: r}, nil
}

// ParseFor reads the number of a person whose sex is known, and adds
// country.number.sex when the last digit says otherwise.
func (r *NationalNumberRules) ParseFor(s, sex string) (Number, error) {
	n, err := r.Parse(s)
	if err != nil {
		return n, err
	}
	if got := n.Sex(); got != "" && sex != "" && got != sex {
		return Number{}, fault.New(fault.Invalid, "country.number.sex", "digit", n.Digits[len(n.Digits)-1:])
	}
	return n, nil
}
