package country

import (
	"strings"

	"sarai/courtyard/fault"
)

// PhoneRules are the country's numbering plan (ITU-T E.164) as far as we need it.
type PhoneRules struct {
	CountryCode string      `yaml:"country_code"` // "92"
	Trunk       string      `yaml:"trunk"`        // "0", dialled inside the country
	Exit        string      `yaml:"exit"`         // "00", dialled to leave a country
	Kinds       []PhoneKind `yaml:"kinds"`
	Demo        string      `yaml:"demo"` // national prefix of every synthetic number; no operator has it
	Example     string      `yaml:"example"`
}

// PhoneKind is one range of national numbers.
type PhoneKind struct {
	Name     string   `yaml:"name"`     // "mobile" or "fixed"
	Prefixes []string `yaml:"prefixes"` // of the national number, without trunk
	Length   int      `yaml:"length"`   // digits of the national number
	Group    []int    `yaml:"group"`    // how it is written
}

// Phone is a telephone number in E.164 form: "+923991234567".
type Phone string

// Parse reads a number as people dial it: 0300 1234567, +92 300 1234567,
// 0092-300-1234567, ۰۳۰۰۱۲۳۴۵۶۷. It gives the number and its kind. Its faults:
//
//	country.phone.empty
//	country.phone.character {character} {place}
//	country.phone.country {wanted}      a number of another country
//	country.phone.kind                  no range begins like this
//	country.phone.length {digits} {wanted}
func (r *PhoneRules) Parse(s string) (Phone, string, error) {
	body := strings.TrimLeftFunc(s, filler)
	plus := strings.HasPrefix(body, "+")
	if plus {
		body = body[1:]
	}
	d, err := digitsOf(body, "country.phone", 40)
	if err != nil {
		return "", "", err
	}
	switch {
	case d == "":
		return "", "", fault.New(fault.Invalid, "country.phone.empty")
	case !plus && strings.HasPrefix(d, r.Exit):
		d, plus = d[len(r.Exit):], true
	}
	if plus {
		if !strings.HasPrefix(d, r.CountryCode) {
			return "", "", fault.New(fault.Invalid, "country.phone.country", "wanted", "+"+r.CountryCode)
		}
		d = strings.TrimPrefix(d[len(r.CountryCode):], r.Trunk) // people write +92 (0)300
	} else if strings.HasPrefix(d, r.CountryCode) && len(d) > len(r.CountryCode)+8 {
		d = d[len(r.CountryCode):]
	} else {
		d = strings.TrimPrefix(d, r.Trunk)
	}
	for _, k := range r.Kinds {
		for _, p := range k.Prefixes {
			if strings.HasPrefix(d, p) {
				if len(d) != k.Length {
					return "", "", fault.New(fault.Invalid, "country.phone.length", "digits", itoa(len(d)), "wanted", itoa(k.Length))
				}
				return Phone("+" + r.CountryCode + d), k.Name, nil
			}
		}
	}
	return "", "", fault.New(fault.Invalid, "country.phone.kind")
}

// Format writes a number as people of the country do: "0300 1234567".
func (r *PhoneRules) Format(p Phone) string {
	d, ok := strings.CutPrefix(string(p), "+"+r.CountryCode)
	if !ok {
		return string(p)
	}
	for _, k := range r.Kinds {
		for _, pre := range k.Prefixes {
			if !strings.HasPrefix(d, pre) || len(d) != k.Length {
				continue
			}
			var b strings.Builder
			b.WriteString(r.Trunk)
			for i, g := range k.Group {
				if i > 0 {
					b.WriteByte(' ')
				}
				n := min(g, len(d))
				b.WriteString(d[:n])
				d = d[n:]
			}
			return b.String() + d
		}
	}
	return string(p)
}
