package country

import (
	"strconv"
	"strings"
	"unicode"

	"sarai/courtyard/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

// digit gives the value of a digit in the scripts our people type: Western,
// Arabic-Indic (U+0660) and Extended Arabic-Indic as in Urdu (U+06F0).
func digit(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), true
	case r >= '٠' && r <= '٩':
		return byte(r - '٠'), true
	case r >= '۰' && r <= '۹':
		return byte(r - '۰'), true
	}
	return 0, false
}

// filler says whether r is something people put between digits, or an
// invisible mark that keyboards and copied text put there.
func filler(r rune) bool {
	switch r {
	case '-', '‐', '‑', '‒', '–', '—', '−', '.', '۔', '/', '(', ')', '_', 'ـ':
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

// digitsOf gives the digits of s; anything but digits and fillers is a fault
// with key + ".character" that names the character and where it stands.
func digitsOf(s, key string, limit int) (string, error) {
	var b strings.Builder
	place := 0
	for _, r := range s {
		place++
		if place > limit {
			return "", fault.New(fault.Invalid, key+".long", "most", itoa(limit))
		}
		if d, ok := digit(r); ok {
			b.WriteByte('0' + d)
			continue
		}
		if !filler(r) {
			return "", fault.New(fault.Invalid, key+".character", "character", shown(r), "place", itoa(place))
		}
	}
	return b.String(), nil
}

// shown gives a character as it can be put into a message.
func shown(r rune) string {
	if unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) {
		return string(r)
	}
	return "U+" + strings.ToUpper(strconv.FormatInt(int64(r), 16))
}

// WesternDigits writes every digit of s in Western form and leaves the rest.
func WesternDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if d, ok := digit(r); ok {
			return rune('0' + d)
		}
		return r
	}, s)
}
