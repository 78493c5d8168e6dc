package services

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
)

// fieldTypes are the kinds of things that can be known or asked.
var fieldTypes = []string{"text", "longtext", "date", "number", "money", "choice", "yesno", "phone", "national_number", "iban", "district", "file"}

// Longest texts people may write, in characters.
const (
	textChars     = 200
	longtextChars = 2000
)

// parse turns what a person wrote into the field's canonical text. The fault's
// single field message is about name; its sentence says which rule and what to do.
func (f Field) parse(pack *country.Pack, raw, name string, today country.Date) (string, error) {
	bad := func(key string, args ...string) error {
		return fault.New(fault.Invalid, "services.answers").At(name, key, args...)
	}
	raw = clean(raw, f.Type == "longtext")
	if raw == "" {
		if f.Optional {
			return "", nil
		}
		switch f.Type {
		case "choice", "yesno", "district":
			return "", bad("services.answer.choose")
		case "date":
			return "", bad("services.answer.date.empty")
		case "file":
			return "", bad("services.answer.file.empty")
		}
		return "", bad("services.answer.empty")
	}
	country := func(s string, err error) (string, error) {
		if e := (*fault.Error)(nil); errors.As(err, &e) {
			e = fault.New(fault.Invalid, "services.answers")
			inner := fault.As(err)
			e.Fields = []fault.Field{{Name: name, Key: inner.Key, Args: inner.Args}}
			return "", e
		}
		return s, err
	}
	switch f.Type {
	case "text", "longtext":
		most := textChars
		if f.Type == "longtext" {
			most = longtextChars
		}
		if n, err := strconv.Atoi(f.Max); err == nil {
			most = n
		}
		if n := utf8.RuneCountInString(raw); n > most {
			return "", bad("services.answer.long", "characters", strconv.Itoa(n), "most", strconv.Itoa(most))
		}
		if at := strings.IndexAny(raw, "<>"); at >= 0 {
			return "", bad("services.answer.character", "character", raw[at:at+1])
		}
		return raw, nil
	case "choice":
		if !slices.ContainsFunc(f.Options, func(o Option) bool { return o.ID == raw }) {
			return "", bad("services.answer.choose")
		}
		return raw, nil
	case "yesno":
		if raw != "yes" && raw != "no" {
			return "", bad("services.answer.choose")
		}
		return raw, nil
	case "district":
		if _, ok := pack.District(raw); !ok {
			return "", bad("services.answer.choose")
		}
		return raw, nil
	case "date":
		return f.parseDate(raw, bad, today)
	case "number":
		return f.parseNumber(raw, bad, pack)
	case "money":
		n, err := pack.Currency.Parse(raw)
		if err != nil {
			return country("", err)
		}
		return f.inRange(n, bad, func(m int64) string { return pack.Currency.Digits(m) })
	case "phone":
		p, _, err := pack.Phone.Parse(raw)
		return country(string(p), err)
	case "national_number":
		n, err := pack.NationalNumber.Parse(raw)
		return country(n.Digits, err)
	case "iban":
		i, err := pack.IBAN.Parse(raw)
		return country(string(i), err)
	}
	return "", bad("services.answer.empty")
}

type badAnswer func(key string, args ...string) error

func (f Field) parseDate(raw string, bad badAnswer, today country.Date) (string, error) {
	parts := strings.FieldsFunc(country.WesternDigits(raw), func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) != 3 {
		return "", bad("services.answer.date.parts")
	}
	if len(parts[0]) != 4 && len(parts[2]) == 4 { // day, month, year as people say it
		parts[0], parts[2] = parts[2], parts[0]
	}
	y, _ := strconv.Atoi(parts[0])
	m, _ := strconv.Atoi(parts[1])
	d, _ := strconv.Atoi(parts[2])
	if m < 1 || m > 12 {
		return "", bad("services.answer.date.month", "month", parts[1])
	}
	if y < 1850 || y > 2200 {
		return "", bad("services.answer.date.year", "year", parts[0])
	}
	date := country.Date{Year: y, Month: time.Month(m), Day: d}
	if country.DateOf(date.In(time.UTC), time.UTC) != date {
		return "", bad("services.answer.date.day", "day", parts[2], "month", parts[1])
	}
	if limit, ok := dateLimit(f.Min, today); ok && date.Before(limit) {
		return "", bad("services.answer.date.early", "date", limit.String())
	}
	if limit, ok := dateLimit(f.Max, today); ok && limit.Before(date) {
		return "", bad("services.answer.date.late", "date", limit.String())
	}
	return date.String(), nil
}

func dateLimit(s string, today country.Date) (country.Date, bool) {
	if s == "" {
		return country.Date{}, false
	}
	if s == "today" {
		return today, true
	}
	d, err := country.ParseDate(s)
	return d, err == nil
}

func (f Field) parseNumber(raw string, bad badAnswer, pack *country.Pack) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if r == ',' || r == '٬' || r == '،' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, country.WesternDigits(raw))
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return "", bad("services.answer.number")
	}
	return f.inRange(n, bad, func(m int64) string { return strconv.FormatInt(m, 10) })
}

func (f Field) inRange(n int64, bad badAnswer, show func(int64) string) (string, error) {
	if least, err := strconv.ParseInt(f.Min, 10, 64); err == nil && n < least {
		return "", bad("services.answer.small", "least", show(least))
	}
	if most, err := strconv.ParseInt(f.Max, 10, 64); err == nil && n > most {
		return "", bad("services.answer.large", "most", show(most))
	}
	return strconv.FormatInt(n, 10), nil
}

// clean takes away what nobody meant to write: control and direction marks
// that can turn a line round on an official's screen, and doubled spaces.
func clean(s string, lines bool) string {
	if len(s) > 64<<10 {
		s = s[:64<<10]
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case lines && r == '\n':
			b.WriteByte('\n')
			space = false
			continue
		case r == '\u200c' || r == '\u200d': // joiners are part of Urdu spelling
		case unicode.IsSpace(r):
			space = true
			continue
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r):
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// show writes a canonical value as a person reads it. Dates are left to date,
// which knows the page's language.
func (f Field) show(pack *country.Pack, value, lang string, date func(time.Time) string, words func(key string) string) string {
	switch f.Type {
	case "choice":
		for _, o := range f.Options {
			if o.ID == value {
				return o.Label.In(lang)
			}
		}
	case "yesno":
		return words("services." + value)
	case "district":
		if d, ok := pack.District(value); ok {
			return d.Name.In(lang)
		}
	case "date":
		if d, err := country.ParseDate(value); err == nil {
			return date(d.In(pack.Zone))
		}
	case "money":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return pack.Currency.Format(lang, n)
		}
	case "phone":
		return pack.Phone.Format(country.Phone(value))
	case "national_number":
		if n, err := pack.NationalNumber.Parse(value); err == nil {
			return n.String()
		}
	case "iban":
		return country.IBAN(value).String()
	case "file":
		if value != "" {
			return words("services.answer.file.given")
		}
	}
	return value
}

// code says whether values of the field are written left to right in Latin
// figures in every language.
func (f Field) code() bool {
	return slices.Contains([]string{"phone", "national_number", "iban", "number", "money"}, f.Type)
}
