package telemetry

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What stands in place of what was there.
const (
	hidden         = "[hidden]"
	nationalNumber = "[national-number]"
	iban           = "[iban]"
	phone          = "[phone]"
	email          = "[email]"
	credential     = "[credential]"
)

// span is a stretch of runes to replace.
type span struct {
	from, to int
	with     string
}

var (
	emailForm  = regexp.MustCompile(`[^\s@<>"'(),;:=\[\]{}]+@[^\s@<>"'(),;:=\[\]{}]+\.[\pL\pN-]{2,}`)
	schemeForm = regexp.MustCompile(`(?i)\b(?:(?:bearer|basic|dpop)\s+|token\s*[:=]\s*)([a-z0-9._~+/=-]{8,})`)
	jwtForm    = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}[A-Za-z0-9_~.-]*`)
	tokenForm  = regexp.MustCompile(`(?:^|[^A-Za-z0-9_-])([A-Za-z0-9_-]{43})(?:[^A-Za-z0-9_-]|$)`)
	ibanForm   = regexp.MustCompile(`(?i)[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30}`)
	pkIBANForm = regexp.MustCompile(`(?i)pk[0-9]{2}[ -]?[a-z]{4}(?:[ -]?[0-9]){16}`)
)

// Scrub gives text without what looks like personal data or a secret.
func Scrub(text string) string {
	if !suspicious(text) {
		return text
	}
	plain, back := normalise(text)
	var spans []span
	add := func(at []int, with string) { spans = append(spans, span{at[0], at[1], with}) }
	lower := strings.ToLower(plain) // for quick looks only: it may differ in length
	for _, m := range schemeForm.FindAllStringSubmatchIndex(plain, limit(strings.Contains(lower, "bearer") || strings.Contains(lower, "basic") || strings.Contains(lower, "dpop") || strings.Contains(lower, "token"))) {
		if strings.ContainsAny(plain[m[2]:m[3]], "0123456789=ABCDEFGHIJKLMNOPQRSTUVWXYZ") { // else it is a word: "basic authentication"
			add(m[2:4], credential)
		}
	}
	for _, m := range jwtForm.FindAllStringIndex(plain, limit(strings.Contains(plain, "eyJ"))) {
		add(m, credential)
	}
	for at := 0; ; {
		m := tokenForm.FindStringSubmatchIndex(plain[at:])
		if m == nil {
			break
		}
		if randomLooking(plain[at+m[2] : at+m[3]]) {
			add([]int{at + m[2], at + m[3]}, credential)
		}
		at += m[3]
	}
	for _, m := range emailForm.FindAllStringIndex(plain, limit(strings.Contains(plain, "@"))) {
		add(m, email)
	}
	for _, m := range pkIBANForm.FindAllStringIndex(plain, limit(strings.Contains(lower, "pk"))) {
		add(m, iban)
	}
	for _, m := range ibanForm.FindAllStringIndex(plain, -1) {
		if n := ibanLength(plain[m[0]:m[1]]); n > 0 {
			add([]int{m[0], m[0] + n}, iban)
		}
	}
	spans = append(spans, numbers(plain)...)
	return replace(text, back, spans)
}

// limit is how many matches to look for: none when a quick look found no reason.
func limit(look bool) int {
	if look {
		return -1
	}
	return 0
}

// suspicious is a cheap first look: most lines hold nothing of the sort.
func suspicious(text string) bool {
	digits := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '@' || c >= utf8.RuneSelf:
			return true
		case c >= '0' && c <= '9':
			if digits++; digits >= 8 {
				return true
			}
		}
	}
	if len(text) >= 43 {
		return true
	}
	lower := strings.ToLower(text)
	return strings.Contains(lower, "eyj") || strings.Contains(lower, "bearer") || strings.Contains(lower, "basic") ||
		strings.Contains(lower, "dpop") || strings.Contains(lower, "token")
}

// normalise writes digits of any script and dashes of any kind as ASCII and
// leaves invisible characters out. back gives, for each byte of the result, the
// byte of text it came from, with len(text) at the end.
func normalise(text string) (plain string, back []int) {
	var b strings.Builder
	for i, r := range text {
		var size int
		switch {
		case invisible(r):
			continue
		case r < utf8.RuneSelf:
			size, _ = b.WriteRune(r)
		case unicode.Is(unicode.Nd, r):
			size, _ = b.WriteRune('0' + digit(r))
		case unicode.Is(unicode.Pd, r) || r == '\u2212':
			size, _ = b.WriteRune('-')
		case unicode.IsSpace(r):
			size, _ = b.WriteRune(' ')
		case r == utf8.RuneError:
			size, _ = b.WriteRune('?')
		default:
			size, _ = b.WriteRune(r)
		}
		for range size {
			back = append(back, i)
		}
	}
	return b.String(), append(back, len(text))
}

// digit is the value of a decimal digit of any script: Unicode keeps each
// script's ten together, beginning with zero.
func digit(r rune) rune {
	n := rune(0)
	for n < 9 && unicode.Is(unicode.Nd, r-n-1) {
		n++
	}
	// neighbouring blocks of digits (mathematical ones) run into each other
	if r >= 0x1d7ce && r <= 0x1d7ff {
		return (r - 0x1d7ce) % 10
	}
	return n
}

// invisible are characters that stand between others without being seen:
// joiners, direction marks, soft hyphens, control characters but white space.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// numbers finds national numbers and telephone numbers: digits in groups with
// one dash, space or bracket between them.
func numbers(plain string) (out []span) {
	type group struct{ from, to int }
	for i := 0; i < len(plain); {
		if !isDigit(plain[i]) {
			i++
			continue
		}
		start := i
		var groups []group
		for i < len(plain) && isDigit(plain[i]) {
			g := group{from: i}
			for i < len(plain) && isDigit(plain[i]) {
				i++
			}
			g.to = i
			groups = append(groups, g)
			gap := i
			for gap < len(plain) && gap-i < 3 && strings.IndexByte(" -()", plain[gap]) >= 0 {
				gap++
			}
			if gap < len(plain) && gap > i && isDigit(plain[gap]) {
				i = gap
			}
		}
		taken := make([]bool, len(groups))
		// thirteen digits in one or several neighbouring groups
		for a := range groups {
			sum := 0
			for b := a; b < len(groups) && sum < 13; b++ {
				sum += groups[b].to - groups[b].from
				if sum == 13 && !slices.Contains(taken[a:b+1], true) {
					out = append(out, span{groups[a].from, groups[b].to, nationalNumber})
					for n := a; n <= b; n++ {
						taken[n] = true
					}
				}
			}
		}
		if slices.Contains(taken, true) {
			continue
		}
		from := start
		for from > 0 && (plain[from-1] == '+' || plain[from-1] == '(') {
			from--
		}
		digits := 0
		for _, g := range groups {
			digits += g.to - g.from
		}
		end := groups[len(groups)-1].to
		if isPhone(plain[from:end], digits) {
			out = append(out, span{from, end, phone})
		}
	}
	return out
}

// isPhone takes international numbers (E.164, + or 00), Pakistani ones with
// 92 or 0 in front, and leaves figures, dates and addresses alone.
func isPhone(s string, digits int) bool {
	bare := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	switch {
	case strings.HasPrefix(s, "+") || strings.HasPrefix(s, "(+"):
		return digits >= 8 && digits <= 15
	case strings.HasPrefix(bare, "00"):
		return digits >= 10 && digits <= 17
	case strings.HasPrefix(bare, "0"):
		return digits == 10 || digits == 11
	case strings.HasPrefix(bare, "92"):
		return digits == 11 || digits == 12
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// ibanLength is how many bytes of s make an IBAN with right check digits
// (ISO 13616, ISO 7064 MOD 97-10), the longest that does; 0 for none.
func ibanLength(s string) int {
	var kept []byte
	length := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' || s[i] == '-' {
			continue
		}
		kept = append(kept, s[i])
		if len(kept) >= 15 && len(kept) <= 34 && mod97(kept) == 1 && (i+1 == len(s) || !isAlnum(s[i+1])) {
			length = i + 1
		}
	}
	return length
}

func isAlnum(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func mod97(s []byte) int64 {
	var b strings.Builder
	for _, c := range slices.Concat(s[4:], s[:4]) {
		switch {
		case isDigit(c):
			b.WriteByte(c)
		default:
			n := int(c|0x20) - 'a' + 10
			b.WriteByte(byte('0' + n/10)) //nolint:gosec // 1 to 3
			b.WriteByte(byte('0' + n%10)) //nolint:gosec // 0 to 9
		}
	}
	n, ok := new(big.Int).SetString(b.String(), 10)
	if !ok {
		return -1
	}
	return n.Mod(n, big.NewInt(97)).Int64()
}

// randomLooking tells our 43-character tokens from words with hyphens.
func randomLooking(s string) bool {
	var upper, lower, digit bool
	for i := 0; i < len(s); i++ {
		upper = upper || s[i] >= 'A' && s[i] <= 'Z'
		lower = lower || s[i] >= 'a' && s[i] <= 'z'
		digit = digit || isDigit(s[i])
	}
	return upper && lower && digit
}

// replace puts the marks into text; overlapping spans become the first's mark.
func replace(text string, back []int, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	slices.SortStableFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		s := spans[i]
		for i++; i < len(spans) && spans[i].from < s.to; i++ {
			s.to = max(s.to, spans[i].to)
		}
		b.WriteString(text[at:back[s.from]])
		b.WriteString(s.with)
		at = back[s.to]
	}
	b.WriteString(text[at:])
	return b.String()
}
