package xmldsig

import "unicode/utf8"

// Classes of bytes, for the loops that look at every byte of a message. A byte
// of 0x80 and above belongs to a character of several bytes; that those bytes
// are UTF-8 was checked before.
const (
	nameStart = 1 << iota // may begin a name (Namespaces in XML 1.0, NCName), ASCII only
	nameMore              // may go on in a name, ASCII only
	nameWide              // begins or continues a character beyond ASCII
	blank                 // space, tab, line feed, carriage return
	stopText              // text must be looked at here
	stopValue             // an attribute value must be looked at here
	stopSkip              // a comment or CDATA section must be looked at here
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
			t[c] |= nameStart | nameMore
		case c >= '0' && c <= '9' || c == '-' || c == '.':
			t[c] |= nameMore
		case c >= 0x80:
			t[c] |= nameWide
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			t[c] |= blank
		}
		if c < ' ' {
			t[c] |= stopText | stopValue | stopSkip // the zero byte behind the message ends every loop
		}
	}
	t['\t'] &^= stopText | stopSkip
	t['\n'] &^= stopText | stopSkip
	for _, c := range "<&>]" {
		t[c] |= stopText
	}
	for _, c := range "<&\"'" {
		t[c] |= stopValue
	}
	for _, c := range "-]" {
		t[c] |= stopSkip
	}
	t[0xEF] |= stopText | stopValue | stopSkip // U+FFFE and U+FFFF are no characters
	return t
}()

// isChar is production [2] Char of XML 1.0.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// noChar says that the three bytes at b are U+FFFE or U+FFFF.
func noChar(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBF && b[2] >= 0xBE
}

// isWideStart and isWideMore are productions [4] and [4a] of XML 1.0 (fifth
// edition) beyond ASCII.
func isWideStart(r rune) bool {
	return r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7 ||
		r >= 0x370 && r <= 0x1FFF && r != 0x37E ||
		r == 0x200C || r == 0x200D || r >= 0x2070 && r <= 0x218F ||
		r >= 0x2C00 && r <= 0x2FEF || r >= 0x3001 && r <= 0xD7FF ||
		r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

func isWideMore(r rune) bool {
	return isWideStart(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// name reads a qualified name at i. It gives the offset behind it and that of
// its colon, or -1.
func (s *scanner) name(i int) (end, colon int, err error) {
	begin := i
	colon = -1
	if i, err = s.nameStart(i, begin); err != nil {
		return 0, 0, err
	}
	for {
		c := s.in[i]
		switch {
		case class[c]&nameMore != 0:
			i++
		case c == ':':
			if colon >= 0 {
				return 0, 0, s.wrong(begin, "a name with two colons")
			}
			colon = i
			if i, err = s.nameStart(i+1, begin); err != nil {
				return 0, 0, err
			}
		case class[c]&nameWide != 0:
			r, n := utf8.DecodeRune(s.in[i:])
			if !isWideMore(r) {
				return 0, 0, s.wrong(i, "%U cannot stand in a name", r)
			}
			i += n
		default:
			if i-begin > maxName {
				return 0, 0, s.wrong(begin, "a name of more than %d bytes", maxName)
			}
			return i, colon, nil
		}
	}
}

func (s *scanner) nameStart(i, begin int) (int, error) {
	c := s.in[i]
	if class[c]&nameStart != 0 {
		return i + 1, nil
	}
	if class[c]&nameWide != 0 {
		if r, n := utf8.DecodeRune(s.in[i:]); isWideStart(r) {
			return i + n, nil
		}
	}
	if i >= s.end {
		return 0, s.wrong(begin, "the message ends where a name is expected")
	}
	return 0, s.wrong(begin, "a name is expected here")
}
