package xsd

import "strings"

const (
	xmlURI   = "http://www.w3.org/XML/1998/namespace"
	xmlnsURI = "http://www.w3.org/2000/xmlns/"
	xsiURI   = "http://www.w3.org/2001/XMLSchema-instance"
)

type binding struct{ prefix, uri string }

type attr struct {
	prefix, local, uri, value string
	at                        int
}

// startTag reads the tag at r.pos into r.child and r.attrs. foreign says that
// the element is not in the message's namespace.
func (r *Reader) startTag() (foreign, ok bool) {
	s, start := r.src, r.pos
	r.attrs = r.attrs[:0]
	r.child = open{start: int32(start), ns: int32(len(r.ns))}
	if len(r.frames) > r.limits.Depth {
		r.fail(start, Limit, "elements are nested too deep")
		return false, false
	}
	i := start + 1
	for i < len(s) && class[s[i]]&nameBits != 0 {
		i++
	}
	if i < len(s) && s[i] == '>' && class[s[start+1]]&nameHead != 0 {
		r.child.end = int32(i)
		r.pos = i + 1
		return !r.home, true
	}
	r.pos++
	prefix, local, ok := r.qname()
	if !ok {
		return false, false
	}
	r.child.end = int32(r.pos)
	if !r.readAttributes() {
		return false, false
	}
	if prefix == "" {
		return !r.home, r.bound(start, local, prefix)
	}
	uri, found := r.lookup(prefix)
	if !found {
		r.fail(start, Namespace, "the prefix of the element is not declared")
		return false, false
	}
	return uri != r.root.Namespace, r.bound(start, local, prefix)
}

// bound refuses the prefix xmlns, which no element may have.
func (r *Reader) bound(at int, local, prefix string) bool {
	if prefix == "xmlns" || local == "" {
		r.fail(at, Namespace, "an element may not have this name")
		return false
	}
	return true
}

// qname reads a name with at most one colon.
func (r *Reader) qname() (prefix, local string, ok bool) {
	start := r.pos
	n := ncName(r.src[r.pos:])
	if n == 0 {
		if r.peek(0) == ':' {
			r.fail(start, Namespace, "a name may not begin with a colon")
		} else {
			r.fail(start, WellFormed, "a name must stand here; write &lt; for a less-than sign in a text")
		}
		return "", "", false
	}
	local = r.src[r.pos : r.pos+n]
	r.pos += n
	if r.peek(0) != ':' {
		return "", local, true
	}
	prefix = local
	r.pos++
	n = ncName(r.src[r.pos:])
	local = r.src[r.pos : r.pos+n]
	r.pos += n
	if n == 0 || r.peek(0) == ':' {
		r.fail(start, Namespace, "a name may have one colon, between a prefix and a name")
		return "", "", false
	}
	return prefix, local, true
}

func (r *Reader) peek(n int) byte {
	if r.pos+n < len(r.src) {
		return r.src[r.pos+n]
	}
	return 0
}

func (r *Reader) space() bool {
	start := r.pos
	for r.pos < len(r.src) && isSpace(r.src[r.pos]) {
		r.pos++
	}
	return r.pos > start
}

// readAttributes reads up to the end of the start tag.
func (r *Reader) readAttributes() bool {
	for n := 0; ; n++ {
		spaced := r.space()
		switch r.peek(0) {
		case '>':
			r.pos++
			return r.resolve()
		case '/':
			if r.peek(1) != '>' {
				r.fail(r.pos, WellFormed, "a slash in a tag must be followed by >")
				return false
			}
			r.pos += 2
			r.child.empty = true
			return r.resolve()
		case 0:
			r.fail(r.pos, WellFormed, "the document ends within a tag")
			return false
		}
		if !spaced {
			r.fail(r.pos, WellFormed, "write a space before the attribute, or > after the name")
			return false
		}
		if n >= r.limits.Attributes {
			r.fail(r.pos, Limit, "the element has too many attributes")
			return false
		}
		if !r.attribute() {
			return false
		}
	}
}

func (r *Reader) attribute() bool {
	at := r.pos
	prefix, local, ok := r.qname()
	if !ok {
		return false
	}
	r.space()
	if r.peek(0) != '=' {
		r.fail(r.pos, WellFormed, "an attribute needs = and a value")
		return false
	}
	r.pos++
	r.space()
	value, ok := r.attrValue()
	if !ok {
		return false
	}
	for i := range r.attrs {
		if r.attrs[i].local == local && r.attrs[i].prefix == prefix {
			r.fail(at, WellFormed, "an attribute may stand once")
			return false
		}
	}
	r.attrs = append(r.attrs, attr{prefix, local, "", value, at})
	if prefix == "xmlns" || prefix == "" && local == "xmlns" {
		return r.declare(at, prefix, local, value)
	}
	return true
}

// declare binds a prefix, by the rules of Namespaces in XML 1.0.
func (r *Reader) declare(at int, prefix, local, uri string) bool {
	if prefix == "" {
		local = ""
	}
	switch {
	case local == "xml" && uri == xmlURI:
		return true
	case local == "xml" || local == "xmlns" || uri == xmlURI || uri == xmlnsURI:
		r.fail(at, Namespace, "the names xml and xmlns and their namespaces are not for use")
		return false
	case local != "" && uri == "":
		r.fail(at, Namespace, "a prefix must stand for a namespace")
		return false
	}
	if len(r.ns) >= 4*r.limits.Attributes { // each name is looked up among them
		r.fail(at, Limit, "too many namespaces are declared")
		return false
	}
	r.ns = append(r.ns, binding{local, uri})
	if local == "" {
		r.home = uri == r.root.Namespace
	}
	return true
}

func (r *Reader) lookup(prefix string) (uri string, ok bool) {
	for i := len(r.ns) - 1; i >= 0; i-- {
		if r.ns[i].prefix == prefix {
			return r.ns[i].uri, true
		}
	}
	return xmlURI, prefix == "xml"
}

// forget drops the bindings that an element made.
func (r *Reader) forget(n int) {
	if len(r.ns) == n {
		return
	}
	r.ns = r.ns[:n]
	uri, _ := r.lookup("")
	r.home = uri == r.root.Namespace
}

// resolve drops the namespace declarations from r.attrs, gives the others their
// namespaces and refuses two of the same expanded name.
func (r *Reader) resolve() bool {
	kept := r.attrs[:0]
	for _, a := range r.attrs {
		if a.prefix == "xmlns" || a.prefix == "" && a.local == "xmlns" {
			continue
		}
		if a.prefix != "" {
			var ok bool
			if a.uri, ok = r.lookup(a.prefix); !ok {
				r.fail(a.at, Namespace, "the prefix of the attribute is not declared")
				return false
			}
			for _, b := range kept {
				if b.local == a.local && b.uri == a.uri {
					r.fail(a.at, Namespace, "an attribute may stand once")
					return false
				}
			}
		}
		kept = append(kept, a)
	}
	r.attrs = kept
	return true
}

// attrValue reads a quoted value: references are replaced, white space becomes
// spaces (XML 1.0, 3.3.3).
func (r *Reader) attrValue() (string, bool) {
	quote := r.peek(0)
	if quote != '"' && quote != '\'' {
		r.fail(r.pos, WellFormed, "the value of an attribute stands in quotes")
		return "", false
	}
	r.pos++
	start := r.pos
	n := strings.IndexByte(r.src[start:], quote)
	if n < 0 {
		r.fail(start-1, WellFormed, "the value of an attribute is not closed")
		return "", false
	}
	raw := r.src[start : start+n]
	simple := true
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; c < ' ' || c == '<' || c == '&' || c == 0xef {
			simple = false
			break
		}
	}
	if simple {
		r.pos += n + 1
		return raw, true
	}
	var b []byte
	for r.pos < start+n {
		switch c := r.src[r.pos]; {
		case c == '<':
			r.fail(r.pos, WellFormed, "write &lt; for a less-than sign in an attribute")
			return "", false
		case c == '&':
			var ok bool
			if b, ok = r.reference(b); !ok {
				return "", false
			}
		case c == '\r' && r.peek(1) == '\n':
			r.pos++
		case isSpace(c):
			b = append(b, ' ')
			r.pos++
		case !r.charAt():
			return "", false
		default:
			b = append(b, c)
			r.pos++
		}
	}
	r.pos++
	return string(b), true
}

// endTag reads the end tag of the element with that name.
func (r *Reader) endTag(name string) bool {
	at := r.pos
	r.pos += 2
	if !strings.HasPrefix(r.src[r.pos:], name) {
		r.fail(at, WellFormed, "the end tag does not match the start tag")
		return false
	}
	r.pos += len(name)
	r.space()
	if r.peek(0) != '>' {
		r.fail(at, WellFormed, "the end tag does not match the start tag, or is not closed")
		return false
	}
	r.pos++
	return true
}

// attributes holds r.attrs against the child's type.
func (r *Reader) attributes() bool {
	r.values = r.values[:0]
	var wanted []Attribute
	if t := r.child.field.Complex; t != nil && t.Kind == Content {
		wanted = t.Attrs
	}
	found := 0
	for i := range wanted {
		r.values = append(r.values, "")
		for _, a := range r.attrs {
			if a.uri == "" && a.prefix == "" && a.local == wanted[i].Name {
				value, rule := wanted[i].Type.check(a.value)
				if rule != "" {
					r.facet(a.at, rule, "attribute "+a.local+": "+wanted[i].Type.advice(rule))
				}
				r.values[i] = value
				found++
			}
		}
		if found <= i {
			r.fail(int(r.child.start), Missing, "write the attribute "+wanted[i].Name)
			return false
		}
	}
	for _, a := range r.attrs {
		switch {
		case a.uri == xsiURI && (a.local == "schemaLocation" || a.local == "noNamespaceSchemaLocation"):
			found++
		case a.uri == xsiURI && (a.local == "type" || a.local == "nil"):
			r.fail(a.at, Forbidden, "the attribute xsi:"+a.local+" is not accepted: take it out")
			return false
		}
	}
	if found != len(r.attrs) {
		r.fail(int(r.child.start), Unexpected, "the element has an attribute that its type does not know: take it out")
		return false
	}
	return true
}
