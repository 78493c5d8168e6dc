package fspiop

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is what a JSON value is.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

var kinds = [...]string{"null", "boolean", "number", "string", "array", "object"}

// String gives the kind as JSON Schema calls it.
func (k Kind) String() string { return kinds[k] }

// Value is a JSON value as it was read. A number stays the text it was: nothing
// here makes a float of it.
type Value struct {
	Kind    Kind
	Text    string // of a string, number or boolean
	Members []Member
	Items   []Value
}

// Member is one name of an object with its value.
type Member struct {
	Name  string
	Value Value
}

// Get finds a member.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// At follows names through objects; nil when one is missing.
func (v *Value) At(names ...string) *Value {
	for _, n := range names {
		v = v.Get(n)
	}
	return v
}

// Str is the text of a string at a path of names, "" when there is none.
func (v *Value) Str(names ...string) string {
	if x := v.At(names...); x != nil && x.Kind == String {
		return x.Text
	}
	return ""
}

const (
	maxDepth   = 32
	maxMembers = 256
)

// Parse reads a JSON text (RFC 8259). It refuses what two readers could understand
// differently: names that occur twice in an object, invalid UTF-8, lone
// surrogates; and what is nested deeper than any message.
func Parse(data []byte) (*Value, *Fault) {
	p := parser{data: data}
	p.space()
	v := p.value(0)
	p.space()
	if p.wrong == "" && p.at != len(data) {
		p.fail("there is more after the end of the JSON text")
	}
	if p.wrong != "" {
		return nil, Fail(CodeSyntax, p.wrong+" at byte "+strconv.Itoa(p.where))
	}
	return &v, nil
}

type parser struct {
	data  []byte
	at    int
	wrong string
	where int
}

func (p *parser) fail(why string) {
	if p.wrong == "" {
		p.wrong, p.where = why, p.at
	}
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next takes one byte if it is c.
func (p *parser) next(c byte) bool {
	if p.at < len(p.data) && p.data[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) word(w string, v Value) Value {
	if len(p.data)-p.at < len(w) || string(p.data[p.at:p.at+len(w)]) != w {
		p.fail("this is no JSON value")
		return Value{}
	}
	p.at += len(w)
	return v
}

func (p *parser) value(depth int) Value {
	if depth > maxDepth {
		p.fail("the JSON text is nested too deeply")
		return Value{}
	}
	if p.at >= len(p.data) {
		p.fail("the JSON text ends too early")
		return Value{}
	}
	switch c := p.data[p.at]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return Value{Kind: String, Text: p.text()}
	case c == 't':
		return p.word("true", Value{Kind: Bool, Text: "true"})
	case c == 'f':
		return p.word("false", Value{Kind: Bool, Text: "false"})
	case c == 'n':
		return p.word("null", Value{})
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	p.fail("this is no JSON value")
	return Value{}
}

func (p *parser) object(depth int) Value {
	v := Value{Kind: Object}
	p.at++
	p.space()
	if p.next('}') {
		return v
	}
	v.Members = make([]Member, 0, 8)
	for p.wrong == "" {
		p.space()
		if p.at >= len(p.data) || p.data[p.at] != '"' {
			p.fail("a name in quotes is wanted")
			break
		}
		name := p.text()
		if v.Get(name) != nil {
			p.fail("a name occurs twice in one object")
			break
		}
		p.space()
		if !p.next(':') {
			p.fail("a colon is wanted")
			break
		}
		p.space()
		v.Members = append(v.Members, Member{name, p.value(depth + 1)})
		if len(v.Members) > maxMembers {
			p.fail("an object has too many members")
			break
		}
		p.space()
		if p.next('}') {
			break
		}
		if !p.next(',') {
			p.fail("a comma or } is wanted")
		}
	}
	return v
}

func (p *parser) array(depth int) Value {
	v := Value{Kind: Array}
	p.at++
	p.space()
	if p.next(']') {
		return v
	}
	for p.wrong == "" {
		p.space()
		v.Items = append(v.Items, p.value(depth+1))
		p.space()
		if p.next(']') {
			break
		}
		if !p.next(',') {
			p.fail("a comma or ] is wanted")
		}
	}
	return v
}

func (p *parser) digits() bool {
	from := p.at
	for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
		p.at++
	}
	return p.at > from
}

func (p *parser) number() Value {
	from := p.at
	p.next('-')
	if !p.next('0') && !p.digits() {
		p.fail("this is no number")
	}
	if p.next('.') && !p.digits() {
		p.fail("digits are wanted after the point")
	}
	if p.at < len(p.data) && (p.data[p.at] == 'e' || p.data[p.at] == 'E') {
		p.at++
		if !p.next('+') {
			p.next('-')
		}
		if !p.digits() {
			p.fail("digits are wanted in the exponent")
		}
	}
	return Value{Kind: Number, Text: string(p.data[from:p.at])}
}

// text reads a string. Most have no escapes and are one piece of the input.
func (p *parser) text() string {
	p.at++
	from := p.at
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			s := string(p.data[from:p.at])
			p.at++
			return s
		case c == '\\':
			return p.escaped(from)
		case c < ' ':
			p.fail("a control character in a string")
			return ""
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, n := utf8.DecodeRune(p.data[p.at:])
			if r == utf8.RuneError && n == 1 {
				p.fail("this is not UTF-8")
				return ""
			}
			p.at += n
		}
	}
	p.fail("a string does not end")
	return ""
}

func (p *parser) escaped(from int) string {
	out := append([]byte{}, p.data[from:p.at]...)
	for p.at < len(p.data) {
		c := p.data[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out)
		case c < ' ':
			p.fail("a control character in a string")
			return ""
		case c == '\\':
			var ok bool
			if out, ok = p.escape(out); !ok {
				return ""
			}
		default:
			r, n := utf8.DecodeRune(p.data[p.at:])
			if r == utf8.RuneError && n == 1 {
				p.fail("this is not UTF-8")
				return ""
			}
			out = append(out, p.data[p.at:p.at+n]...)
			p.at += n
		}
	}
	p.fail("a string does not end")
	return ""
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape(out []byte) ([]byte, bool) {
	p.at++
	if p.at >= len(p.data) {
		p.fail("a string does not end")
		return out, false
	}
	c := p.data[p.at]
	if plain, ok := escapes[c]; ok {
		p.at++
		return append(out, plain), true
	}
	if c != 'u' {
		p.fail("an unknown escape in a string")
		return out, false
	}
	r, ok := p.hex()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		if p.at+1 < len(p.data) && p.data[p.at] == '\\' && p.data[p.at+1] == 'u' {
			p.at++
			low, ok = p.hex()
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			ok = false
		}
	}
	if !ok {
		p.fail("a \\u escape is no character")
		return out, false
	}
	return utf8.AppendRune(out, r), true
}

// hex reads the four digits after \u; p.at is on the u.
func (p *parser) hex() (rune, bool) {
	p.at++
	if p.at+4 > len(p.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.data[p.at:p.at+4]), 16, 32)
	if err != nil {
		return 0, false
	}
	p.at += 4
	return rune(n), true
}

// Digest is a hash of what a value says: the same for the same members in another
// order or with other spaces between them.
func (v *Value) Digest() [32]byte {
	return sha256.Sum256(v.canonical(make([]byte, 0, 1024)))
}

func (v *Value) canonical(b []byte) []byte {
	b = append(b, '0'+byte(v.Kind))
	text := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // a message is far below 4 GiB
		b = append(b, s...)
	}
	switch v.Kind {
	case Object:
		order := make([]int, len(v.Members))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(v.Members[i].Name, v.Members[j].Name) })
		b = binary.BigEndian.AppendUint32(b, uint32(len(order))) //nolint:gosec // as above
		for _, i := range order {
			text(v.Members[i].Name)
			b = v.Members[i].Value.canonical(b)
		}
	case Array:
		b = binary.BigEndian.AppendUint32(b, uint32(len(v.Items))) //nolint:gosec // as above
		for i := range v.Items {
			b = v.Items[i].canonical(b)
		}
	default:
		text(v.Text)
	}
	return b
}
