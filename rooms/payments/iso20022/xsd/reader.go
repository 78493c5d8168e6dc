package xsd

import (
	"math"
	"strings"
	"sync"
	"unicode/utf8"
)

// Node is a generated type: it knows its schema, where each child's value goes
// and how to write itself.
type Node interface {
	Schema() *Type
	// ReadField reads the child with that index, which the reader just opened.
	ReadField(r *Reader, i int)
	// WriteFields writes the children in order.
	WriteFields(w *Writer)
}

// open is an element whose start tag was read. Its name is kept as a place in
// the document: fewer pointers, less work for the garbage collector.
type open struct {
	field *Field // nil within a wildcard
	start int32  // where its tag begins
	end   int32  // where its name ends
	ns    int32  // namespace bindings before it
	empty bool   // <a/>
}

type frame struct {
	open
	at, n int32 // the last child's index and how many of it so far
}

// name gives the element's name as written, with its prefix.
func (r *Reader) name(o *open) string { return r.src[o.start+1 : o.end] }

// Reader reads one document. Generated code asks it for the next child and then
// for the child's value; after an error it gives -1 and empty values, so that
// the code needs no checks of its own.
type Reader struct {
	src      string
	pos      int
	limits   Limits
	root     *Root
	frames   []frame
	child    open
	values   []string // the child's attributes in the order of its type
	attrs    []attr
	ns       []binding
	outer    int  // bindings outside the wildcard being read
	inherits bool // an element of it has its namespace from outside
	home     bool // a name without prefix is in the message's namespace
	errs     Errors
	over     bool
	feed     *feed // more of the document, when it comes as a stream
}

var readers = sync.Pool{New: func() any { return new(Reader) }}

// release forgets the document and puts the reader back.
func (r *Reader) release() {
	clear(r.frames[:cap(r.frames)])
	clear(r.attrs[:cap(r.attrs)])
	clear(r.ns[:cap(r.ns)])
	clear(r.values[:cap(r.values)])
	*r = Reader{frames: r.frames[:0], attrs: r.attrs[:0], ns: r.ns[:0], values: r.values[:0]}
	readers.Put(r)
}

// Parse reads a whole document into node, which must be empty. The error is an
// [Errors].
func Parse(doc []byte, root *Root, node Node, limits Limits) error {
	return parse(doc, root, limits, (*Reader).begin, func(r *Reader) { r.Into(root.Element.Complex, node) })
}

// Check holds a document against the schema and builds nothing.
func Check(doc []byte, root *Root, limits Limits) error {
	return parse(doc, root, limits, (*Reader).begin, func(r *Reader) { r.walk(root.Element.Complex) })
}

func parse(doc []byte, root *Root, limits Limits, begin func(*Reader) bool, into func(*Reader)) error {
	r := readers.Get().(*Reader)
	r.root, r.limits = root, limits.filled()
	size := limits.Size
	if size <= 0 {
		size = 16 << 20
	}
	if int64(len(doc)) > min(size, math.MaxInt32) {
		r.fail(0, Limit, "the document is too large")
	} else {
		r.src = string(doc)
		if begin(r) {
			into(r)
			r.end()
		}
	}
	errs := r.errs
	r.release()
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// Into reads the children of the element just opened.
func (r *Reader) Into(t *Type, node Node) {
	r.enter()
	for i := r.Next(t); i >= 0; i = r.Next(t) {
		node.ReadField(r, i)
	}
}

func (r *Reader) enter() { r.frames = append(r.frames, frame{open: r.child}) }

// walk is Into without a node.
func (r *Reader) walk(t *Type) {
	r.enter()
	for i := r.Next(t); i >= 0; i = r.Next(t) {
		switch f := r.child.field; {
		case f == nil:
			r.Raw()
		case f.Simple != nil || f.Complex.Kind == Content:
			r.Text()
		default:
			r.walk(f.Complex)
		}
	}
}

// Next opens the next child of the element that is being read and gives its
// index in t, or -1 at the end of the element and after an error.
func (r *Reader) Next(t *Type) int {
	if r.over {
		return -1
	}
	f := &r.frames[len(r.frames)-1]
	if f.empty {
		return r.leave(t, f)
	}
	if r.feed != nil && !r.fill(t) || !r.gap() {
		return -1
	}
	if r.src[r.pos+1] == '/' {
		if !r.endTag(r.name(&f.open)) {
			return -1
		}
		return r.leave(t, f)
	}
	if i := r.usual(t, f); i >= 0 {
		return i
	}
	foreign, ok := r.startTag()
	if !ok {
		return -1
	}
	if t.Kind == Wildcard {
		return r.wild(t, f)
	}
	i := -1
	if local := localName(r.name(&r.child)); !foreign {
		i = r.match(t, f, local)
	} else {
		r.unexpected(t, f, local, Namespace)
	}
	if i < 0 {
		return -1
	}
	r.child.field = &t.Fields[i]
	if len(r.attrs) > 0 || t.Fields[i].Complex != nil && t.Fields[i].Complex.Kind == Content {
		if !r.attributes() {
			return -1
		}
	}
	return i
}

// usual opens the child when its tag is one that may come now, has no prefix and
// no attributes and needs none: then its name need not be read, only compared.
// It gives -1 for all else and has done nothing.
func (r *Reader) usual(t *Type, f *frame) int {
	if !r.home || t.Kind == Alternatives && f.n > 0 || len(r.frames) > r.limits.Depth {
		return -1
	}
	s, start := r.src, r.pos+1
	at, n := int(f.at), int(f.n)
	for i := at; i < len(t.Fields); i++ {
		fd := &t.Fields[i]
		if e := start + len(fd.Name); e < len(s) && s[e] == '>' && s[start:e] == fd.Name {
			if fd.Complex != nil && fd.Complex.Kind == Content {
				return -1
			}
			if i != at {
				n = 0
			}
			if fd.Max > 0 && n >= fd.Max {
				return -1
			}
			f.at, f.n = int32(i), int32(n)+1
			r.child = open{field: fd, start: int32(r.pos), end: int32(e), ns: int32(len(r.ns))}
			r.pos = e + 1
			return i
		}
		if t.Kind == Sequence && fd.Min > 0 && (i != at || n < fd.Min) {
			break
		}
	}
	return -1
}

// match finds the child in the content model.
func (r *Reader) match(t *Type, f *frame, local string) int {
	if t.Kind == Alternatives && f.n > 0 {
		if fd := &t.Fields[f.at]; fd.Name == local && (fd.Max < 0 || int(f.n) < fd.Max) {
			f.n++
			return int(f.at)
		}
		if t.Fields[f.at].Name == local {
			return r.tooMany(f)
		}
		r.fail(int(r.child.start), Choice, "only one of the alternatives may stand here: keep "+t.Fields[f.at].Name+" or replace it")
		return -1
	}
	at, n := int(f.at), int(f.n)
	for i := at; i < len(t.Fields); i++ {
		fd := &t.Fields[i]
		if fd.Name == local {
			if i != at {
				f.at, f.n = int32(i), 0
				n = 0
			}
			if fd.Max > 0 && n >= fd.Max {
				return r.tooMany(f)
			}
			f.n++
			return i
		}
		if t.Kind == Sequence && fd.Min > 0 && (i != at || n < fd.Min) {
			break
		}
	}
	r.unexpected(t, f, local, Unexpected)
	return -1
}

func (r *Reader) tooMany(f *frame) int {
	r.fail(int(r.child.start), Occurrence, "the element stands too often: keep "+count(int(f.n), "of them at most"))
	return -1
}

// unexpected says which elements could have stood here.
func (r *Reader) unexpected(t *Type, f *frame, local string, rule Rule) {
	var could []string
	if t.Kind == Alternatives {
		for _, fd := range t.Fields {
			could = append(could, fd.Name)
		}
	} else {
		for i := int(f.at); i < len(t.Fields); i++ {
			fd := &t.Fields[i]
			n := 0
			if i == int(f.at) {
				n = int(f.n)
			}
			if fd.Max < 0 || n < fd.Max {
				could = append(could, fd.Name)
			}
			if n < fd.Min {
				break
			}
		}
	}
	later := t.Index(local) > int(f.at)
	advice := "no element may stand here"
	if len(could) > 0 {
		advice = "write " + orList(could) + " here"
	}
	switch {
	case rule == Namespace:
		advice = "the element must be in the namespace " + r.root.Namespace
	case t.Kind == Sequence && later && len(could) > 0:
		rule = Missing
		advice = "write " + could[len(could)-1] + " before " + local
	}
	r.fail(int(r.child.start), rule, advice)
}

// leave ends the element that is being read.
func (r *Reader) leave(t *Type, f *frame) int {
	switch t.Kind {
	case Sequence:
		for i := int(f.at); i < len(t.Fields); i++ {
			if fd := &t.Fields[i]; fd.Min > 0 && (i != int(f.at) || int(f.n) < fd.Min) {
				r.fail(int(f.start), Missing, "the element must have "+fd.Name)
				return -1
			}
		}
	case Alternatives:
		if f.n == 0 {
			var names []string
			for _, fd := range t.Fields {
				if fd.Min == 0 {
					names = nil
					break
				}
				names = append(names, fd.Name)
			}
			if names != nil {
				r.fail(int(f.start), Choice, "the element must have "+orList(names))
				return -1
			}
		}
	case Wildcard:
		if f.n == 0 {
			r.fail(int(f.start), Missing, "the element must hold one element")
			return -1
		}
	case Content: // read by Text
	}
	r.forget(int(f.ns))
	r.frames = r.frames[:len(r.frames)-1]
	return -1
}

// Attr gives the value of the child's attribute with that index in its type.
func (r *Reader) Attr(i int) string {
	if r.over || i >= len(r.values) {
		return ""
	}
	return r.values[i]
}

// Text gives the child's value, checked against its type's facets.
func (r *Reader) Text() string {
	if r.over {
		return ""
	}
	c := &r.child
	value := ""
	at := r.pos
	if !c.empty {
		s, i := r.src, r.pos
		name := r.name(c)
		for i < len(s) && class[s[i]]&special == 0 {
			i++
		}
		if e := i + 2 + len(name); e < len(s) && s[i] == '<' && s[i+1] == '/' && s[i+2:e] == name && s[e] == '>' {
			value = s[r.pos:i]
			r.pos = e + 1
		} else {
			var ok bool
			if value, ok = r.content(); !ok {
				return ""
			}
		}
	}
	t := c.field.Simple
	if t == nil {
		t = c.field.Complex.Value
	}
	value, rule := t.check(value)
	if rule != "" {
		r.facet(at, rule, t.advice(rule))
	}
	r.forget(int(c.ns))
	return value
}

// Bool reads a boolean.
func (r *Reader) Bool() bool {
	v := r.Text()
	return v == "true" || v == "1"
}

// orList joins names as a person would.
func orList(names []string) string {
	if len(names) > 12 {
		names = append(names[:11:11], "another of its elements")
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func localName(name string) string {
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// fail notes an error of structure at the element being read and ends the
// reading.
func (r *Reader) fail(at int, rule Rule, advice string) {
	if !r.over {
		r.note(at, rule, advice, "")
		r.over = true
	}
}

// facet notes an error of the child's value; the reading goes on.
func (r *Reader) facet(at int, rule Rule, advice string) {
	if !r.over {
		r.note(at, rule, advice, r.step(len(r.frames), r.child.field))
		r.over = len(r.errs) >= r.limits.Errors
	}
}

func (r *Reader) note(at int, rule Rule, advice, child string) {
	var path strings.Builder
	for i := range r.frames {
		if f := r.frames[i].field; f != nil || i == 0 || r.frames[i-1].field != nil { // of a wildcard's depths one step is enough
			path.WriteString(r.step(i, f))
		}
	}
	path.WriteString(child)
	before := r.src[:min(at, len(r.src))]
	line, column := 1, 0
	if r.feed != nil {
		line, column = 1+r.feed.line, r.feed.column
		before = before[min(r.feed.kept, len(before)):]
	}
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		line += strings.Count(before, "\n")
		column = 0
		before = before[i+1:]
	}
	r.errs = append(r.errs, &Error{line, column + utf8.RuneCountInString(before) + 1, path.String(), rule, advice})
}

// step is the part of a path for the element at that depth.
func (r *Reader) step(depth int, f *Field) string {
	switch {
	case f == nil:
		return "/*"
	case depth == 0 || f.Max == 1:
		return "/" + f.Name
	}
	return "/" + f.Name + "[" + itoa(int(r.frames[depth-1].n)) + "]"
}
