package xsd

// Classes of octets, so that the common ones cost one look.
const (
	plain    = iota // stands in a text as it is
	special         // a text must stop and look: < & ] CR, controls, 0xEF
	nameBits = 0x10 // may follow in a name, ASCII
	nameHead = 0x20 // may begin a name, ASCII
)

var class = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		if b < 0x20 && b != '\t' && b != '\n' || b == '<' || b == '&' || b == ']' || b == 0xef {
			t[c] = special
		}
		head := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
		if head {
			t[c] |= nameHead | nameBits
		}
		if b >= '0' && b <= '9' || b == '-' || b == '.' {
			t[c] |= nameBits
		}
	}
	return t
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// isChar says whether XML 1.0 allows the character at all (production 2).
func isChar(c rune) bool {
	return c >= 0x20 && c <= 0xd7ff || c == '\t' || c == '\n' || c == '\r' || c >= 0xe000 && c <= 0xfffd || c >= 0x10000 && c <= 0x10ffff
}

// ncName gives the length of the name without colon at the beginning of s.
func ncName(s string) int {
	for i, c := range s {
		if c < 0x80 {
			if class[c]&nameBits == 0 || i == 0 && class[c]&nameHead == 0 {
				return i
			}
			continue
		}
		if i == 0 && !startSet.has(c) || !nameSet.has(c) {
			return i
		}
	}
	return len(s)
}
