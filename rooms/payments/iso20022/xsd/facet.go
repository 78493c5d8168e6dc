package xsd

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// check holds a value against the type. It gives the value as the type's
// whitespace facet makes it, and the rule that is broken, if one is.
func (t *Simple) check(value string) (string, Rule) {
	if t.Base != String {
		return t.checkOther(value)
	}
	if t.Pattern != nil && !t.Pattern.Match(value) {
		return value, Pattern
	}
	if t.Enum != nil {
		for _, one := range t.Enum {
			if one == value {
				return value, ""
			}
		}
		return value, Enumeration
	}
	if rule := t.length(value); rule != "" {
		return value, rule
	}
	return value, ""
}

// safe says that a valid value never has a character to escape: numbers, times,
// codes, and patterns of letters, digits and a few marks.
func (t *Simple) safe() bool {
	return t.Base != String || t.Enum != nil || t.Pattern != nil && t.Pattern.Err() == nil && t.Pattern.dfa.safe
}

// length counts characters, and only when counting octets does not decide.
func (t *Simple) length(value string) Rule {
	if t.MinLen > 0 && (len(value) < t.MinLen || len(value) < 4*t.MinLen && utf8.RuneCountInString(value) < t.MinLen) {
		return MinLength
	}
	if t.MaxLen > 0 && len(value) > t.MaxLen && utf8.RuneCountInString(value) > t.MaxLen {
		return MaxLength
	}
	return ""
}

func (t *Simple) checkOther(value string) (string, Rule) {
	value = collapse(value)
	switch t.Base {
	case DecimalBase:
		d, ok := parseDecimal(value)
		switch {
		case !ok:
			return value, Lexical
		case t.Pattern != nil && !t.Pattern.Match(value):
			return value, Pattern
		case t.Positive && d.negative:
			return value, MinInclusive
		case t.Total > 0 && d.digits() > t.Total:
			return value, TotalDigits
		case t.Fraction >= 0 && len(d.fraction) > t.Fraction:
			return value, FractionDigs
		}
	case BooleanBase:
		if !isBoolean(value) {
			return value, Lexical
		}
	case Base64Base:
		n, ok := base64Octets(value)
		switch {
		case !ok:
			return value, Lexical
		case n < t.MinLen:
			return value, MinLength
		case t.MaxLen > 0 && n > t.MaxLen:
			return value, MaxLength
		}
	default:
		if _, ok := parseMoment(t.Base, value); !ok {
			return value, Lexical
		}
	}
	return value, ""
}

var lexicalAdvice = map[Base]string{
	DecimalBase:    "write digits with at most one point, like 1250.75",
	BooleanBase:    "write true or false",
	DateBase:       "write a day that exists, like 2026-11-21",
	DateTimeBase:   "write a time that exists, like 2026-11-21T10:30:00+05:00",
	TimeBase:       "write a time, like 10:30:00",
	GYearBase:      "write a year, like 2026",
	GYearMonthBase: "write a year and a month, like 2026-11",
	Base64Base:     "write base64 with its padding",
}

// advice says what to change so that the rule is kept.
func (t *Simple) advice(rule Rule) string {
	switch rule {
	case Pattern:
		return "write a value of the form " + t.Pattern.Source
	case Enumeration:
		if len(t.Enum) > 24 {
			return "write one of the codes of " + t.Name
		}
		return "write one of " + strings.Join(t.Enum, ", ")
	case MinLength:
		return "write at least " + count(t.MinLen, "character")
	case MaxLength:
		return "write at most " + count(t.MaxLen, "character")
	case TotalDigits:
		return "write at most " + count(t.Total, "digit")
	case FractionDigs:
		return "write at most " + count(t.Fraction, "digit") + " after the point"
	case MinInclusive:
		return "write a number that is not negative"
	default:
		return lexicalAdvice[t.Base]
	}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
