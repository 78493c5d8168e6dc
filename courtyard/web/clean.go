package web

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// complaint is why a text cannot be taken.
type complaint struct {
	key  string
	args []string
}

// bidiControls are invisible characters that change the order in which text
// is shown (Unicode UAX 9): with them a name can be made to read as another.
var bidiControls = map[rune]string{
	'\u061c': "ARABIC LETTER MARK", '\u200e': "LEFT-TO-RIGHT MARK", '\u200f': "RIGHT-TO-LEFT MARK",
	'\u202a': "LEFT-TO-RIGHT EMBEDDING", '\u202b': "RIGHT-TO-LEFT EMBEDDING", '\u202c': "POP DIRECTIONAL FORMATTING",
	'\u202d': "LEFT-TO-RIGHT OVERRIDE", '\u202e': "RIGHT-TO-LEFT OVERRIDE",
	'\u2066': "LEFT-TO-RIGHT ISOLATE", '\u2067': "RIGHT-TO-LEFT ISOLATE", '\u2068': "FIRST STRONG ISOLATE", '\u2069': "POP DIRECTIONAL ISOLATE",
}

// cleaned brings text into the one form it is kept in: NFC, trimmed, one kind
// of line end. The two marks that keyboards add by themselves at the edges
// (LRM, RLM) are dropped there; any control that reorders text and any control
// character inside is refused by name. Zero-width joiners stay: Urdu is
// written with them.
func cleaned(s string, lines bool) (string, *complaint) {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200e' || r == '\u200f' || r == '\ufeff'
	})
	s = norm.NFC.String(s)
	place := 0
	for _, r := range s {
		place++
		if name, ok := bidiControls[r]; ok {
			return stripped(s), &complaint{"web.form.bidi", []string{"name", name, "code", fmt.Sprintf("U+%04X", r), "place", fmt.Sprint(place)}}
		}
		if r == '\n' && lines || r == '\t' && lines {
			continue
		}
		if r == '\n' {
			return stripped(s), &complaint{"web.form.lines", nil}
		}
		if unicode.IsControl(r) || r == '\ufffd' || unicode.Is(unicode.Co, r) || r >= 0xfff9 && r <= 0xfffb {
			return stripped(s), &complaint{"web.form.control", []string{"code", fmt.Sprintf("U+%04X", r), "place", fmt.Sprint(place)}}
		}
	}
	return s, nil
}

// stripped is what the field shows again: the text without what was refused.
func stripped(s string) string {
	return strings.Map(func(r rune) rune {
		if _, bidi := bidiControls[r]; bidi || unicode.IsControl(r) && r != '\n' || r == '\ufffd' {
			return -1
		}
		return r
	}, s)
}

// westernDigits writes Arabic-Indic (U+0660) and Urdu (U+06F0) digits as 0-9.
func westernDigits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, s)
}

// codeOf is a number or code without what people put between its groups.
func codeOf(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r) && r != '\u202e' && r != '\u202d':
			return -1
		case r == '‐' || r == '‑' || r == '‒' || r == '–' || r == '—' || r == '−':
			return '-'
		case r == '٬' || r == '،':
			return ','
		}
		return r
	}, westernDigits(s))
}
