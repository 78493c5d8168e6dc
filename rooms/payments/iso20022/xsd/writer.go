package xsd

import (
	"strings"
	"sync"
	"unicode/utf8"
)

type written struct {
	field *Field
	last  *Field // the child written last
	n     int    // how many of it
	kinds int    // how many different children
}

// Writer writes one document in the form of Canonical XML 1.0: no declaration,
// no white space between elements, no empty-element tags, the message's
// namespace as the default. It checks content model and facets on the way.
type Writer struct {
	buf    []byte
	frames []written
	errs   Errors
	root   *Root
	limits Limits
}

var writers = sync.Pool{New: func() any { return new(Writer) }}

// Append writes the document element to the end of dst. If the document is not
// valid the error is an [Errors] and dst is given back as it was.
func Append(dst []byte, root *Root, node Node) ([]byte, error) {
	w := writers.Get().(*Writer)
	w.buf, w.root, w.limits = dst, root, Limits{}.filled()
	e := &root.Element
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, e.Name...)
	w.buf = append(w.buf, ` xmlns="`...)
	w.buf = append(w.buf, root.Namespace...)
	w.buf = append(w.buf, `">`...)
	w.frames = append(w.frames, written{field: e})
	node.WriteFields(w)
	w.Leave(e)
	out, errs := w.buf, w.errs
	clear(w.frames[:cap(w.frames)])
	*w = Writer{frames: w.frames[:0]}
	writers.Put(w)
	if len(errs) > 0 {
		return dst, errs
	}
	return out, nil
}

var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// Valid says what is wrong with the document, or nil.
func Valid(root *Root, node Node) error {
	b := scratch.Get().(*[]byte)
	out, err := Append((*b)[:0], root, node)
	if cap(out) <= 1<<20 {
		*b = out[:0]
		scratch.Put(b)
	}
	return err
}

// Declaration is what Marshal puts before the document element.
const Declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Marshal writes a document of its own, with the XML declaration.
func Marshal(root *Root, node Node) ([]byte, error) {
	b := scratch.Get().(*[]byte)
	out, err := Append(append((*b)[:0], Declaration...), root, node)
	var doc []byte
	if err == nil {
		doc = append(make([]byte, 0, len(out)), out...)
	}
	if cap(out) <= 1<<20 {
		*b = out[:0]
		scratch.Put(b)
	}
	return doc, err
}

func (w *Writer) count(f *Field) {
	top := &w.frames[len(w.frames)-1]
	if top.last != f {
		top.last, top.n = f, 0
		top.kinds++
	}
	top.n++
}

func (w *Writer) start(f *Field) {
	w.count(f)
	w.buf = append(append(w.buf, '<'), f.Name...)
}

func (w *Writer) stop(f *Field) {
	w.buf = append(append(append(w.buf, '<', '/'), f.Name...), '>')
}

// Enter opens an element that has children.
func (w *Writer) Enter(f *Field) {
	w.count(f)
	w.buf = append(append(append(w.buf, '<'), f.Name...), '>')
	w.frames = append(w.frames, written{field: f})
}

// Leave closes it.
func (w *Writer) Leave(f *Field) {
	top := &w.frames[len(w.frames)-1]
	if t := f.Complex; t.Kind == Alternatives && top.kinds != 1 {
		var names []string
		empty := top.kinds == 0
		for i := range t.Fields {
			names = append(names, t.Fields[i].Name)
			if t.Fields[i].Min == 0 && empty {
				names = nil
				break
			}
		}
		if names != nil {
			w.fail(nil, Choice, "exactly one must be set of "+orList(names))
		}
	}
	w.frames = w.frames[:len(w.frames)-1]
	w.stop(f)
}

// Child writes an element with children.
func (w *Writer) Child(f *Field, node Node) {
	w.Enter(f)
	node.WriteFields(w)
	w.Leave(f)
}

// Text writes a required value.
func (w *Writer) Text(f *Field, value string) {
	w.count(f)
	w.buf = append(append(append(w.buf, '<'), f.Name...), '>')
	w.value(f, f.Simple, value)
	w.buf = append(append(append(w.buf, '<', '/'), f.Name...), '>')
}

func (w *Writer) value(f *Field, t *Simple, value string) {
	checked, rule := t.check(value)
	if rule != "" && value == "" {
		w.fail(f, Missing, "a value must be set")
	} else if rule != "" {
		w.fail(f, rule, t.advice(rule))
	}
	if rule == "" && t.safe() {
		w.buf = append(w.buf, checked...)
	} else {
		w.escape(f, checked, false)
	}
}

// Opt writes a value unless it is empty.
func (w *Writer) Opt(f *Field, value string) {
	if value != "" {
		w.Text(f, value)
	}
}

// Ptr writes a value, which may be empty, if it is there.
func (w *Writer) Ptr(f *Field, value *string) {
	if value != nil {
		w.Text(f, *value)
	}
}

// Bool writes a required boolean.
func (w *Writer) Bool(f *Field, value bool) {
	if value {
		w.Text(f, "true")
	} else {
		w.Text(f, "false")
	}
}

// OptBool writes a boolean if it is there.
func (w *Writer) OptBool(f *Field, value *bool) {
	if value != nil {
		w.Bool(f, *value)
	}
}

// Times checks how often a repeated element stands; the values follow.
func (w *Writer) Times(f *Field, n int) {
	top := w.frames[len(w.frames)-1].field.Complex
	if n < f.Min && (top.Kind != Alternatives || n > 0) {
		w.fail(f, Missing, "write at least "+itoa(f.Min))
	}
	if f.Max >= 0 && n > f.Max {
		w.fail(f, Occurrence, "write at most "+itoa(f.Max))
	}
}

// List writes repeated values.
func List[S ~string](w *Writer, f *Field, values []S) {
	w.Times(f, len(values))
	for _, v := range values {
		w.Text(f, string(v))
	}
}

// Content writes a value with attributes, in the order of the type.
func (w *Writer) Content(f *Field, value string, attrs ...string) {
	w.start(f)
	t := f.Complex
	for i, v := range attrs {
		a := &t.Attrs[i]
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, a.Name...)
		w.buf = append(w.buf, '=', '"')
		v, rule := a.Type.check(v)
		if rule != "" {
			w.fail(f, rule, "attribute "+a.Name+": "+a.Type.advice(rule))
		}
		w.escape(f, v, true)
		w.buf = append(w.buf, '"')
	}
	w.buf = append(w.buf, '>')
	w.value(f, t.Value, value)
	w.stop(f)
}

// Raw writes the one element of a wildcard after checking it.
func (w *Writer) Raw(xml string) {
	t := w.frames[len(w.frames)-1].field.Complex
	r := readers.Get().(*Reader)
	r.root, r.limits, r.src, r.home = w.root, w.limits, xml, true
	r.ns = append(r.ns, binding{"", w.root.Namespace})
	for i := range w.frames {
		r.frames = append(r.frames, frame{open: open{field: w.frames[i].field, ns: 1}})
	}
	if !utf8.ValidString(xml) || xml == "" || xml[0] != '<' {
		r.fail(0, WellFormed, "write one element in UTF-8")
	} else if r.gap() && r.peek(1) != '/' {
		if _, ok := r.startTag(); ok && r.wild(t, &r.frames[len(r.frames)-1]) == 0 {
			r.Raw()
		}
		if !r.over && r.pos != len(xml) {
			r.fail(r.pos, Occurrence, "only one element may stand here")
		}
	} else {
		r.fail(0, WellFormed, "write one element in UTF-8")
	}
	for _, e := range r.errs {
		w.fail(nil, e.Rule, e.Advice)
	}
	r.release()
	w.buf = append(w.buf, xml...)
}

func (w *Writer) fail(f *Field, rule Rule, advice string) {
	if len(w.errs) >= w.limits.Errors {
		return
	}
	var path strings.Builder
	for i := range w.frames {
		path.WriteString("/" + w.frames[i].field.Name)
		if i > 0 && w.frames[i].field.Max != 1 {
			path.WriteString("[" + itoa(w.frames[i-1].n) + "]")
		}
	}
	if f != nil {
		path.WriteString("/" + f.Name)
		if top := &w.frames[len(w.frames)-1]; f.Max != 1 && top.last == f {
			path.WriteString("[" + itoa(top.n) + "]")
		}
	}
	w.errs = append(w.errs, &Error{Path: path.String(), Rule: rule, Advice: advice})
}

// clean are the octets that stand in a text and in an attribute as they are and
// are a whole character.
var clean = func() (t [256]bool) {
	for c := ' '; c < 0x80; c++ {
		t[c] = !strings.ContainsRune("&<>\"", c)
	}
	return t
}()

func (w *Writer) escape(f *Field, s string, attr bool) {
	i := 0
	for i < len(s) && clean[s[i]] {
		i++
	}
	w.buf = append(w.buf, s[:i]...)
	if i < len(s) {
		w.careful(f, s[i:], attr)
	}
}

func (w *Writer) careful(f *Field, s string, attr bool) {
	switch {
	case !utf8.ValidString(s):
		w.fail(f, WellFormed, "write UTF-8")
	case strings.ContainsFunc(s, func(c rune) bool { return !isChar(c) }):
		w.fail(f, WellFormed, "take out the character that XML does not allow")
	default:
		w.buf = appendEscaped(w.buf, s, attr)
	}
}

// appendEscaped escapes as Canonical XML does.
func appendEscaped(b []byte, s string, attr bool) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; clean[c] || c >= 0x80 {
			continue
		}
		ref := ""
		switch s[i] {
		case '&':
			ref = "&amp;"
		case '<':
			ref = "&lt;"
		case '>':
			if !attr {
				ref = "&gt;"
			}
		case '"':
			if attr {
				ref = "&quot;"
			}
		case '\r':
			ref = "&#xD;"
		case '\n':
			if attr {
				ref = "&#xA;"
			}
		case '\t':
			if attr {
				ref = "&#x9;"
			}
		}
		if ref != "" {
			b = append(b, s[start:i]...)
			b = append(b, ref...)
			start = i + 1
		}
	}
	return append(b, s[start:]...)
}
