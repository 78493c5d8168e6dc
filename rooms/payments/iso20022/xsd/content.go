package xsd

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func itoa(n int) string { return strconv.Itoa(n) }

// gap skips what may stand between elements, to the next tag.
func (r *Reader) gap() bool {
	s := r.src
	for {
		for r.pos < len(s) && isSpace(s[r.pos]) {
			r.pos++
		}
		if r.pos+1 >= len(s) {
			r.fail(r.pos, WellFormed, "the document ends before its elements are closed")
			return false
		}
		switch {
		case s[r.pos] == '&':
			at := r.pos
			b, ok := r.reference(nil)
			if !ok {
				return false
			}
			if !isSpace(b[0]) {
				r.fail(at, Unexpected, "no text may stand between elements")
				return false
			}
			continue
		case s[r.pos] != '<':
			if r.charAt() {
				r.fail(r.pos, Unexpected, "no text may stand between elements")
			}
			return false
		case s[r.pos+1] == '?' || s[r.pos+1] == '!':
			if strings.HasPrefix(s[r.pos:], "<![CDATA[") { // even an empty one counts as text
				r.fail(r.pos, Unexpected, "no text may stand between elements")
				return false
			}
			if _, ok := r.markup(nil); !ok {
				return false
			}
			continue
		}
		return true
	}
}

// content reads a text with references, CDATA sections and comments to its end
// tag.
func (r *Reader) content() (string, bool) {
	var b []byte
	s := r.src
	for r.pos < len(s) {
		start := r.pos
		for r.pos < len(s) && class[s[r.pos]]&special == 0 {
			r.pos++
		}
		b = append(b, s[start:r.pos]...)
		if r.pos >= len(s) {
			break
		}
		var ok bool
		switch c := s[r.pos]; {
		case c == '<' && r.peek(1) == '/':
			if !r.endTag(r.name(&r.child)) {
				return "", false
			}
			return string(b), true
		case c == '<' && (r.peek(1) == '!' || r.peek(1) == '?'):
			b, ok = r.markup(b)
		case c == '<':
			r.fail(r.pos, Unexpected, "no element may stand within this text")
			return "", false
		default:
			b, ok = r.odd(b)
		}
		if !ok {
			return "", false
		}
	}
	r.fail(r.pos, WellFormed, "the document ends before its elements are closed")
	return "", false
}

// odd reads the one special character at r.pos that is not a tag's.
func (r *Reader) odd(b []byte) ([]byte, bool) {
	switch c := r.src[r.pos]; {
	case c == '&':
		return r.reference(b)
	case c == '\r':
		if r.peek(1) != '\n' {
			b = append(b, '\n')
		}
		r.pos++
		return b, true
	case c == ']' && strings.HasPrefix(r.src[r.pos:], "]]>"):
		r.fail(r.pos, WellFormed, "write ]]&gt; in a text")
		return b, false
	case !r.charAt():
		return b, false
	default:
		r.pos++
		return append(b, c), true
	}
}

// charAt refuses a character that XML does not allow. The text is known to be
// UTF-8.
func (r *Reader) charAt() bool {
	c, _ := utf8.DecodeRuneInString(r.src[r.pos:])
	if c != utf8.RuneError && !isChar(c) {
		r.fail(r.pos, WellFormed, "a character that XML does not allow")
		return false
	}
	return true
}

// markup reads a comment or a CDATA section, whose text it appends to b.
func (r *Reader) markup(b []byte) ([]byte, bool) {
	at, rest := r.pos, r.src[r.pos:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		n := strings.Index(rest[4:], "--")
		if n < 0 || !strings.HasPrefix(rest[4+n:], "-->") {
			r.fail(at, WellFormed, "a comment ends with --> and holds no --")
			return b, false
		}
		if !r.chars(rest[4:4+n], at) {
			return b, false
		}
		r.pos += 4 + n + 3
	case strings.HasPrefix(rest, "<![CDATA["):
		n := strings.Index(rest, "]]>")
		if n < 0 {
			r.fail(at, WellFormed, "a CDATA section is not closed")
			return b, false
		}
		text := rest[9:n]
		if !r.chars(text, at) {
			return b, false
		}
		if strings.IndexByte(text, '\r') >= 0 {
			text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
		}
		b = append(b, text...)
		r.pos += n + 3
	case strings.HasPrefix(rest, "<?"):
		r.fail(at, Forbidden, "processing instructions are not accepted: take it out")
		return b, false
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		r.fail(at, Forbidden, "document type declarations are not accepted: take it out")
		return b, false
	default:
		r.fail(at, WellFormed, "after <! only a comment or a CDATA section may follow")
		return b, false
	}
	return b, true
}

func (r *Reader) chars(s string, at int) bool {
	for _, c := range s {
		if !isChar(c) {
			r.fail(at, WellFormed, "a character that XML does not allow")
			return false
		}
	}
	return true
}

var predefined = map[string]byte{"lt": '<', "gt": '>', "amp": '&', "apos": '\'', "quot": '"'}

// reference reads a character reference or one of the five predefined entities.
func (r *Reader) reference(b []byte) ([]byte, bool) {
	at := r.pos
	rest := r.src[r.pos:]
	end := strings.IndexByte(rest[:min(len(rest), 64)], ';')
	if end < 2 {
		r.fail(at, WellFormed, "write &amp; for an ampersand")
		return b, false
	}
	name := rest[1:end]
	r.pos += end + 1
	if name[0] != '#' {
		c, ok := predefined[name]
		if !ok {
			rule, advice := WellFormed, "write &amp; for an ampersand"
			if ncName(name) == len(name) {
				rule, advice = Forbidden, "entities are not accepted; write the character itself"
			}
			r.fail(at, rule, advice)
			return b, false
		}
		return append(b, c), true
	}
	base, digits := 10, name[1:]
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || digits[0] == '+' || !isChar(rune(n)) || n > utf8.MaxRune {
		r.fail(at, WellFormed, "a reference to a character that XML does not allow")
		return b, false
	}
	return utf8.AppendRune(b, rune(n)), true
}
