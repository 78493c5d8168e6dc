package xsd

import "strings"

// wild opens the one element of a wildcard.
func (r *Reader) wild(t *Type, f *frame) int {
	if f.n > 0 {
		r.fail(int(r.child.start), Occurrence, "only one element may stand here")
		return -1
	}
	if t.AnyOf != "" && r.uriOf(r.name(&r.child)) != t.AnyOf {
		r.fail(int(r.child.start), Namespace, "the element must be in the namespace "+t.AnyOf)
		return -1
	}
	f.n = 1
	if !t.Skip && !r.laxAttributes() {
		return -1
	}
	return 0
}

func (r *Reader) uriOf(name string) string {
	prefix, _, found := strings.Cut(name, ":")
	if !found {
		prefix = ""
	}
	uri, _ := r.lookup(prefix)
	return uri
}

// laxAttributes: of an element no schema is known for, only the attributes that
// direct validation are looked at.
func (r *Reader) laxAttributes() bool {
	for _, a := range r.attrs {
		if a.uri == xsiURI && (a.local == "type" || a.local == "nil") {
			r.fail(a.at, Forbidden, "the attribute xsi:"+a.local+" is not accepted: take it out")
			return false
		}
	}
	return true
}

// Raw gives the child of a wildcard as it stands in the document, with the
// namespace declarations it needs to stand alone. A wildcard that is processed
// laxly still checks the message's own document element within it.
func (r *Reader) Raw() string {
	if r.over {
		return ""
	}
	c := r.child
	outer := append([]binding(nil), r.ns[:c.ns]...)
	own := append([]binding(nil), r.ns[c.ns:]...)
	lax := true
	if f := r.frames[len(r.frames)-1].field; f != nil && f.Complex != nil {
		lax = !f.Complex.Skip
	}
	r.outer, r.inherits = int(c.ns), false
	if !r.skip(lax) {
		return ""
	}
	raw := r.src[c.start:r.pos]
	head := int(c.end - c.start)
	var b []byte
	for _, n := range missingBindings(outer, own) {
		switch {
		case n.prefix == "" && r.inherits:
			b = append(b, ` xmlns="`...)
		case n.prefix != "" && strings.Contains(raw, n.prefix+":"):
			b = append(append(append(b, " xmlns:"...), n.prefix...), `="`...)
		default:
			continue
		}
		b = append(appendEscaped(b, n.uri, true), '"')
	}
	if len(b) == 0 {
		return raw
	}
	return raw[:head] + string(b) + raw[head:]
}

// missingBindings gives the bindings in force outside that the element does not
// make itself, innermost first, each prefix once. No default namespace is a
// binding too.
func missingBindings(outer, own []binding) []binding {
	var out []binding
	seen := map[string]bool{}
	for _, b := range own {
		seen[b.prefix] = true
	}
	for i := len(outer) - 1; i >= 0; i-- {
		if b := outer[i]; !seen[b.prefix] {
			seen[b.prefix] = true
			out = append(out, b)
		}
	}
	if !seen[""] {
		out = append(out, binding{})
	}
	return out
}

// inherit notes whether the element just opened has its namespace from outside
// the wildcard, by having no prefix.
func (r *Reader) inherit() {
	if strings.IndexByte(r.name(&r.child), ':') >= 0 {
		return
	}
	for i := len(r.ns) - 1; i >= r.outer; i-- {
		if r.ns[i].prefix == "" {
			return
		}
	}
	r.inherits = true
}

// skip reads the open child to its end without a content model.
func (r *Reader) skip(lax bool) bool {
	base := len(r.frames)
	if !r.plunge(lax) {
		return false
	}
	for len(r.frames) > base {
		f := &r.frames[len(r.frames)-1]
		s := r.src
		for r.pos < len(s) && class[s[r.pos]]&special == 0 {
			r.pos++
		}
		if r.pos >= len(s) {
			r.fail(r.pos, WellFormed, "the document ends before its elements are closed")
			return false
		}
		var ok bool
		switch c := s[r.pos]; {
		case c != '<':
			_, ok = r.odd(nil)
		case r.peek(1) == '/':
			if ok = r.endTag(r.name(&f.open)); ok {
				r.forget(int(f.ns))
				r.frames = r.frames[:len(r.frames)-1]
			}
		case r.peek(1) == '!' || r.peek(1) == '?':
			_, ok = r.markup(nil)
		default:
			if _, ok = r.startTag(); ok {
				if ok = !lax || r.laxAttributes(); ok {
					ok = r.plunge(lax)
				}
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// plunge goes into the element just opened within a wildcard.
func (r *Reader) plunge(lax bool) bool {
	r.inherit()
	c := &r.child
	e := &r.root.Element
	if lax && localName(r.name(c)) == e.Name && r.uriOf(r.name(c)) == r.root.Namespace {
		c.field = e
		if len(r.attrs) > 0 && !r.attributes() {
			return false
		}
		outer := r.outer // the document may have wildcards of its own
		r.walk(e.Complex)
		r.outer, r.inherits = outer, true
		return !r.over
	}
	if c.empty {
		r.forget(int(c.ns))
		return true
	}
	r.enter()
	return true
}
