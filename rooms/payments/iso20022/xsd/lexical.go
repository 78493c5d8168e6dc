package xsd

import (
	"strings"
)

// collapse applies the whitespace facet "collapse" of part 2, 4.3.6.
func collapse(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' && (c != ' ' || i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c <= ' ' && isSpace(byte(c)) }), " ")
}

// decimal is what the facets of a decimal look at.
type decimal struct {
	negative        bool
	whole, fraction string // without leading or trailing zeros
}

// maxDigits is how many digits of a decimal are read at most: part 2, 4.3.11
// lets a processor set a limit of 18 or more.
const maxDigits = 24

func parseDecimal(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	dot := -1
	for i := 0; i < len(s); i++ {
		if s[i] == '.' && dot < 0 {
			dot = i
		} else if s[i] < '0' || s[i] > '9' {
			return d, false
		}
	}
	if dot < 0 {
		d.whole = s
	} else {
		d.whole, d.fraction = s[:dot], s[dot+1:]
	}
	if d.whole == "" && d.fraction == "" {
		return d, false
	}
	for d.whole != "" && d.whole[0] == '0' {
		d.whole = d.whole[1:]
	}
	if len(d.whole)+len(d.fraction) > maxDigits {
		return d, false
	}
	for d.fraction != "" && d.fraction[len(d.fraction)-1] == '0' {
		d.fraction = d.fraction[:len(d.fraction)-1]
	}
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

// digits counts as the facet totalDigits does: 0.05 has two.
func (d decimal) digits() int {
	n := len(d.whole) + len(d.fraction)
	if n == 0 {
		return 1
	}
	return n
}

func isBoolean(s string) bool { return s == "true" || s == "false" || s == "1" || s == "0" }

// base64Octets gives the number of octets the text stands for.
func base64Octets(s string) (n int, ok bool) {
	digits, pad := 0, 0
	last := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		var v int
		switch {
		case c >= 'A' && c <= 'Z':
			v = int(c - 'A')
		case c >= 'a' && c <= 'z':
			v = int(c-'a') + 26
		case c >= '0' && c <= '9':
			v = int(c-'0') + 52
		case c == '+':
			v = 62
		case c == '/':
			v = 63
		case c == '=':
			pad++
			continue
		case isSpace(c):
			continue
		default:
			return 0, false
		}
		if pad > 0 {
			return 0, false
		}
		digits++
		last = v
	}
	switch pad {
	case 0:
		return digits / 4 * 3, digits%4 == 0
	case 1:
		return digits/4*3 + 2, digits%4 == 3 && last&3 == 0
	case 2:
		return digits/4*3 + 1, digits%4 == 2 && last&15 == 0
	}
	return 0, false
}

// lexer walks over a date or time; after a mistake it gives zeros.
type lexer struct {
	s   string
	bad bool
}

func (l *lexer) lit(c byte) {
	if l.s == "" || l.s[0] != c {
		l.bad = true
		return
	}
	l.s = l.s[1:]
}

func (l *lexer) two() int {
	if len(l.s) < 2 || !isDigit(l.s[0]) || !isDigit(l.s[1]) {
		l.bad = true
		return 0
	}
	n := int(l.s[0]-'0')*10 + int(l.s[1]-'0')
	l.s = l.s[2:]
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// year gives the year modulo 400 too, which is all that leap years need.
func (l *lexer) year() (year int64, inCycle int) {
	negative := strings.HasPrefix(l.s, "-")
	if negative {
		l.s = l.s[1:]
	}
	n := 0
	for n < len(l.s) && isDigit(l.s[n]) {
		n++
	}
	if n < 4 || n > 4 && l.s[0] == '0' || n > 18 {
		l.bad = true
		return 0, 0
	}
	for _, c := range []byte(l.s[:n]) {
		year = year*10 + int64(c-'0')
	}
	if year == 0 {
		l.bad = true
	}
	l.s = l.s[n:]
	inCycle = int(year % 400)
	if negative {
		year = -year
	}
	return year, inCycle
}

func (l *lexer) month() int {
	m := l.two()
	if m < 1 || m > 12 {
		l.bad = true
		return 1
	}
	return m
}

var daysIn = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func (l *lexer) day(month, inCycle int) int {
	d := l.two()
	last := daysIn[month-1]
	if month == 2 && inCycle%4 == 0 && (inCycle%100 != 0 || inCycle == 0) {
		last = 29
	}
	if d < 1 || d > last {
		l.bad = true
	}
	return d
}

// clock reads hh:mm:ss with a fraction of any length; nanoseconds are cut off.
func (l *lexer) clock() (h, m, s, nano int) {
	h = l.two()
	l.lit(':')
	m = l.two()
	l.lit(':')
	s = l.two()
	rest := false // a fraction that is not zero
	if strings.HasPrefix(l.s, ".") {
		l.s = l.s[1:]
		n, unit := 0, 100_000_000
		for n < len(l.s) && isDigit(l.s[n]) {
			nano += int(l.s[n]-'0') * unit
			rest = rest || l.s[n] != '0'
			unit /= 10
			n++
		}
		l.bad = l.bad || n == 0
		l.s = l.s[n:]
	}
	end := h == 24 && m == 0 && s == 0 && !rest
	if (h > 23 && !end) || m > 59 || s > 59 {
		l.bad = true
	}
	return h, m, s, nano
}

// zone reads an optional time zone to the end; minutes east of Greenwich.
func (l *lexer) zone() (minutes int, has bool) {
	switch l.s {
	case "":
		return 0, false
	case "Z":
		l.s = ""
		return 0, true
	}
	sign := 1
	if l.s[0] == '-' {
		sign = -1
	} else if l.s[0] != '+' {
		l.bad = true
		return 0, false
	}
	l.s = l.s[1:]
	h := l.two()
	l.lit(':')
	m := l.two()
	if l.s != "" || m > 59 || h*60+m > 14*60 {
		l.bad = true
	}
	return sign * (h*60 + m), true
}

// moment is a date or time taken apart.
type moment struct {
	year         int64
	month, day   int
	h, m, s      int
	nano, offset int
	zoned        bool
}

func parseMoment(base Base, s string) (t moment, ok bool) {
	l := lexer{s: s}
	t.month, t.day = 1, 1
	if base != TimeBase {
		var cycle int
		t.year, cycle = l.year()
		if base != GYearBase {
			l.lit('-')
			t.month = l.month()
		}
		if base == DateBase || base == DateTimeBase {
			l.lit('-')
			t.day = l.day(t.month, cycle)
		}
		if base == DateTimeBase {
			l.lit('T')
		}
	}
	if base == DateTimeBase || base == TimeBase {
		t.h, t.m, t.s, t.nano = l.clock()
	}
	t.offset, t.zoned = l.zone()
	return t, !l.bad
}
