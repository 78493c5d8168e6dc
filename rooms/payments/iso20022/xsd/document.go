package xsd

import (
	"strings"
	"unicode/utf8"
)

// open reads up to the document element's start tag.
func (r *Reader) open() bool {
	if !r.encoding() {
		return false
	}
	if trimmed := strings.TrimPrefix(r.src, "\ufeff"); len(trimmed) < len(r.src) {
		r.src = trimmed
		if r.feed != nil {
			r.feed.checked -= len("\ufeff")
		}
	}
	if strings.HasPrefix(r.src, "<?xml") && len(r.src) > 5 && isSpace(r.src[5]) && !r.declaration() {
		return false
	}
	if !r.misc() {
		return false
	}
	if r.pos+1 >= len(r.src) {
		r.fail(r.pos, WellFormed, "the document has no element")
		return false
	}
	_, ok := r.startTag()
	return ok
}

// begin reads up to the document element's start tag, which it checks.
func (r *Reader) begin() bool {
	if !r.open() {
		return false
	}
	e := &r.root.Element
	if r.uriOf(r.name(&r.child)) != r.root.Namespace || localName(r.name(&r.child)) != e.Name {
		r.fail(int(r.child.start), Namespace, "the document must be the element "+e.Name+" in the namespace "+r.root.Namespace)
		return false
	}
	r.child.field = e
	return len(r.attrs) == 0 || r.attributes()
}

// end reads what follows the document element.
func (r *Reader) end() {
	if !r.over && r.misc() && r.pos < len(r.src) {
		r.fail(r.pos, WellFormed, "nothing may follow the document's element")
	}
}

// encoding refuses what is not UTF-8. In a stream the feed looks at what comes
// later.
func (r *Reader) encoding() bool {
	switch s := r.src; {
	case strings.HasPrefix(s, "\xfe\xff"), strings.HasPrefix(s, "\xff\xfe"), len(s) > 1 && (s[0] == 0 || s[1] == 0):
		r.fail(0, Forbidden, "the document must be in UTF-8")
		return false
	case r.feed == nil && !utf8.ValidString(s):
		r.fail(invalidAt(s), WellFormed, "the document must be in UTF-8")
		return false
	}
	return true
}

func invalidAt(s string) int {
	for i, c := range s {
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}

// misc skips white space and comments outside the document element.
func (r *Reader) misc() bool {
	for {
		r.space()
		if r.pos >= len(r.src) {
			return true
		}
		if r.src[r.pos] != '<' {
			r.fail(r.pos, WellFormed, "no text may stand outside the document's element")
			return false
		}
		if c := r.peek(1); c != '!' && c != '?' {
			return true
		}
		if strings.HasPrefix(r.src[r.pos:], "<![CDATA[") {
			r.fail(r.pos, WellFormed, "no text may stand outside the document's element")
			return false
		}
		if _, ok := r.markup(nil); !ok {
			return false
		}
	}
}

// declaration reads the XML declaration (production 23).
func (r *Reader) declaration() bool {
	r.pos = 5
	for n, name := range []string{"version", "encoding", "standalone"} {
		at := r.pos
		spaced := r.space()
		if !strings.HasPrefix(r.src[r.pos:], name) {
			r.pos = at
			if n == 0 {
				r.fail(at, WellFormed, "the XML declaration must name the version")
				return false
			}
			continue
		}
		if !spaced {
			r.fail(at, WellFormed, "write a space within the XML declaration")
			return false
		}
		r.pos += len(name)
		r.space()
		if r.peek(0) != '=' {
			r.fail(r.pos, WellFormed, "write = after the name in the XML declaration")
			return false
		}
		r.pos++
		r.space()
		quote := r.peek(0)
		end := -1
		if quote == '"' || quote == '\'' {
			end = strings.IndexByte(r.src[r.pos+1:], quote)
		}
		if end < 0 {
			r.fail(r.pos, WellFormed, "write the values of the XML declaration in quotes")
			return false
		}
		value := r.src[r.pos+1 : r.pos+1+end]
		r.pos += end + 2
		switch {
		case name == "version" && !isVersion(value):
			r.fail(at, Forbidden, "the version of XML must be 1.0")
			return false
		case name == "encoding" && !strings.EqualFold(value, "UTF-8") && !strings.EqualFold(value, "UTF8"):
			r.fail(at, Forbidden, "the document must be in UTF-8 and say so")
			return false
		case name == "standalone" && value != "yes" && value != "no":
			r.fail(at, WellFormed, "standalone is yes or no")
			return false
		}
	}
	r.space()
	if !strings.HasPrefix(r.src[r.pos:], "?>") {
		r.fail(r.pos, WellFormed, "the XML declaration ends with ?>")
		return false
	}
	r.pos += 2
	return true
}

// isVersion accepts 1.0 and, as the fifth edition wants, 1.x.
func isVersion(v string) bool {
	if len(v) < 3 || v[:2] != "1." {
		return false
	}
	for _, c := range []byte(v[2:]) {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// Peek gives the namespace and the name of a document's element, without looking
// further.
func Peek(doc []byte) (namespace, element string, err error) {
	r := readers.Get().(*Reader)
	r.root, r.limits = &Root{}, Limits{}.filled()
	r.src = string(doc[:min(len(doc), 64<<10)])
	if len(doc) > len(r.src) { // not cut within a character
		for len(r.src) > 0 && !utf8.RuneStart(doc[len(r.src)]) {
			r.src = r.src[:len(r.src)-1]
		}
	}
	if r.open() {
		namespace, element = r.uriOf(r.name(&r.child)), localName(r.name(&r.child))
	}
	errs := r.errs
	r.release()
	if len(errs) > 0 {
		return "", "", errs
	}
	return namespace, element, nil
}
