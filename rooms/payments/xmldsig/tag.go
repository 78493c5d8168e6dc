package xmldsig

import (
	"bytes"
	"unicode/utf8"
)

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

var uriXML = []byte(nsXML)

// startTag reads the start tag (or the empty-element tag) at pos.
func (s *scanner) startTag() error {
	in, start := s.in, s.pos
	if n := len(s.elems); n > 0 && n < maxDepth && s.elems[n-1].prefix == 0 && class[in[start+1]]&nameStart != 0 {
		i := start + 2
		for class[in[i]]&nameMore != 0 {
			i++
		}
		if in[i] == '>' && i-start <= maxName {
			return s.simpleTag(i)
		}
	}
	i, colon, err := s.name(start + 1)
	if err != nil {
		return err
	}
	e := element{start: start, name: span{start + 1, i}, scope: len(s.scope)}
	if colon >= 0 {
		e.prefix = colon - start - 1
	}
	s.attrs, s.mark = s.attrs[:0], len(s.scope)
	exact := true // the tag as written is its canonical form, namespaces aside
	empty := false
	for {
		if in[i] == '>' {
			i++
			break
		}
		space := class[in[i]]&blank != 0
		if space {
			exact = exact && in[i] == ' '
			i++
			for class[in[i]]&blank != 0 {
				exact = false
				i++
			}
		}
		switch c := in[i]; {
		case c == '>':
			exact = false
			continue
		case c == '/':
			if in[i+1] != '>' {
				return s.wrong(i, `"/" in a tag`)
			}
			i, empty = i+2, true
		case i >= s.end:
			return s.wrong(start, "the message ends within a tag")
		case !space:
			return s.wrong(i, "a tag that is not well-formed")
		default:
			var same bool
			if i, same, err = s.attribute(i); err != nil {
				return err
			}
			exact = exact && same
			continue
		}
		break
	}
	s.pos = i
	if len(s.elems) >= maxDepth {
		return s.wrong(start, "elements nested more than %d deep", maxDepth)
	}

	// an element in the same namespace as its parent, with no declarations of
	// its own, is what messages consist of: nothing to look up and to write
	var parent *element
	if n := len(s.elems); n > 0 {
		parent = &s.elems[n-1]
	}
	like := parent != nil && e.scope == len(s.scope) && e.prefix == parent.prefix &&
		(e.prefix == 0 || string(in[start+1:start+1+e.prefix]) == string(in[parent.name.from:parent.name.from+e.prefix]))
	if like {
		e.uri = parent.uri
	} else {
		prefix := in[start+1 : start+1+e.prefix]
		uri, ok := s.lookup(prefix)
		if !ok {
			return s.wrong(start, "prefix %.60q is not declared", prefix)
		}
		if string(prefix) == "xmlns" {
			return s.wrong(start, "an element with the prefix xmlns")
		}
		e.uri = uri
	}
	if len(s.attrs) > 0 {
		sorted, err := s.resolveAttributes()
		if err != nil {
			return err
		}
		exact = exact && sorted
	}
	s.elems = append(s.elems, e)
	top := &s.elems[len(s.elems)-1]
	if err := s.watch.open(s, top); err != nil {
		return err
	}
	if k := s.sink; k != nil {
		top.sink, top.shown = k, len(k.shown)
		same := like && parent.sink == k && len(k.inclusive) == 0 && exact && !s.prefixedAttributes()
		if !same || empty {
			s.writeTag(k, top, empty)
		}
	}
	if empty {
		return s.close(start, s.pos)
	}
	return nil
}

// simpleTag is startTag for what most of a message consists of: a tag without
// prefix and attributes in an element without prefix, whose namespace it has. It
// ends at i and is canonical as it stands.
func (s *scanner) simpleTag(i int) error {
	start, n := s.pos, len(s.elems)
	if n == cap(s.elems) {
		s.elems = append(s.elems, element{})
	} else {
		s.elems = s.elems[:n+1]
	}
	parent, e := &s.elems[n-1], &s.elems[n]
	e.start, e.name, e.prefix, e.uri = start, span{start + 1, i}, 0, parent.uri
	e.scope, e.shown, e.sink, e.blank = len(s.scope), 0, nil, false
	s.pos, s.attrs = i+1, s.attrs[:0]
	if err := s.watch.open(s, e); err != nil {
		return err
	}
	if k := s.sink; k != nil {
		e.sink, e.shown = k, len(k.shown)
		if parent.sink != k {
			s.writeTag(k, e, false)
		}
	}
	return nil
}

// endTag reads the end tag at pos.
func (s *scanner) endTag() error {
	in, start := s.in, s.pos
	e := &s.elems[len(s.elems)-1]
	n := e.name.to - e.name.from
	i := start + 2 + n
	if i > s.end || !bytes.Equal(in[start+2:i], in[e.name.from:e.name.to]) || class[in[i]]&(nameStart|nameMore|nameWide) != 0 || in[i] == ':' {
		return s.wrong(start, "an end tag that does not match <%.60s>", in[e.name.from:e.name.to])
	}
	name := i
	for class[in[i]]&blank != 0 {
		i++
	}
	if in[i] != '>' {
		return s.wrong(start, "the end tag of <%.60s> is not well-formed", in[e.name.from:e.name.to])
	}
	s.pos = i + 1
	if err := s.watch.closing(s, e, start); err != nil {
		return err
	}
	if k := e.sink; k != nil && i > name {
		k.flush(in, name)
		k.from = i
	}
	return s.closed(s.pos)
}

func (s *scanner) close(start, end int) error {
	if err := s.watch.closing(s, &s.elems[len(s.elems)-1], start); err != nil {
		return err
	}
	return s.closed(end)
}

func (s *scanner) closed(end int) error {
	e := &s.elems[len(s.elems)-1]
	if e.sink != nil {
		e.sink.shown = e.sink.shown[:e.shown]
	}
	s.scope = s.scope[:e.scope]
	err := s.watch.closed(s, e, end)
	s.elems = s.elems[:len(s.elems)-1]
	return err
}

// attribute reads one attribute at i. exact says that it is written as
// canonical form writes it; declarations never count as that, for they may have
// to stand elsewhere.
func (s *scanner) attribute(i int) (after int, exact bool, err error) {
	in, begin := s.in, i
	i, colon, err := s.name(i)
	if err != nil {
		return 0, false, err
	}
	a := attribute{start: begin, name: span{begin, i}}
	exact = true
	for class[in[i]]&blank != 0 {
		exact = false
		i++
	}
	if in[i] != '=' {
		return 0, false, s.wrong(begin, "attribute %.60s has no value", in[a.name.from:a.name.to])
	}
	i++
	for class[in[i]]&blank != 0 {
		exact = false
		i++
	}
	quote := in[i]
	if quote != '"' && quote != '\'' {
		return 0, false, s.wrong(begin, "the value of attribute %.60s is not in quotes", in[a.name.from:a.name.to])
	}
	exact = exact && quote == '"'
	i++
	first, plain := i, true
	for {
		for class[in[i]]&stopValue == 0 {
			i++
		}
		c := in[i]
		if c == quote {
			break
		}
		switch {
		case c == '"':
			exact = false // in single quotes: must be escaped
		case c == '\'':
		case c == '&', c == '\t', c == '\n', c == '\r':
			plain = false
		case c == '<':
			return 0, false, s.wrong(i, `"<" in the value of attribute %.60s`, in[a.name.from:a.name.to])
		case c == 0xEF:
			if noChar(in[i:]) {
				return 0, false, s.wrong(i, "U+FFFE or U+FFFF is not a character of XML")
			}
		case i >= s.end:
			return 0, false, s.wrong(begin, "the message ends within attribute %.60s", in[a.name.from:a.name.to])
		default:
			return 0, false, s.wrong(i, "control character %U", c)
		}
		i++
	}
	a.value = in[first:i:i]
	if !plain {
		exact = false
		if a.value, err = s.normalise(first, i); err != nil {
			return 0, false, err
		}
	}
	if colon >= 0 {
		a.prefix = colon - begin
	}
	switch {
	case colon < 0 && string(in[begin:a.name.to]) == "xmlns":
		return i + 1, false, s.declare(nil, a.value, begin)
	case a.prefix == 5 && string(in[begin:colon]) == "xmlns":
		return i + 1, false, s.declare(in[colon+1:a.name.to], a.value, begin)
	}
	if len(s.attrs) >= maxAttributes {
		return 0, false, s.wrong(begin, "more than %d attributes", maxAttributes)
	}
	s.attrs = append(s.attrs, a)
	return i + 1, exact, nil
}

// normalise gives the value of an attribute: references replaced, white space
// made spaces (XML 1.0, 3.3.3, for attributes without a declared type).
func (s *scanner) normalise(i, to int) ([]byte, error) {
	out := make([]byte, 0, to-i)
	for i < to {
		switch c := s.in[i]; c {
		case '&':
			r, n, err := s.reference(i)
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
			i += n
		case '\r':
			if i+1 == to || s.in[i+1] != '\n' {
				out = append(out, ' ')
			}
			i++
		case '\t', '\n':
			out = append(out, ' ')
			i++
		default:
			out = append(out, c)
			i++
		}
	}
	return out, nil
}

// declare keeps a namespace declaration of the tag being read (Namespaces in XML
// 1.0, section 3).
func (s *scanner) declare(prefix, uri []byte, at int) error {
	switch {
	case string(prefix) == "xmlns":
		return s.wrong(at, "the prefix xmlns may not be declared")
	case string(uri) == nsXMLNS:
		return s.wrong(at, "the namespace of xmlns may not be declared")
	case (string(prefix) == "xml") != (string(uri) == nsXML):
		return s.wrong(at, "the prefix xml and its namespace belong together")
	case len(prefix) > 0 && len(uri) == 0:
		return s.wrong(at, "prefix %.60q is undeclared, which XML 1.0 does not know", prefix)
	case len(uri) > 0 && !absolute(uri):
		return s.wrong(at, "namespace name %.60q is not an absolute URI of RFC 3986", uri)
	case len(s.scope) >= maxBindings:
		return s.wrong(at, "more than %d namespace declarations in force", maxBindings)
	}
	for i := s.mark; i < len(s.scope); i++ {
		if string(s.scope[i].prefix) == string(prefix) {
			return s.wrong(at, "prefix %.60q is declared twice in one tag", prefix)
		}
	}
	s.scope = append(s.scope, binding{prefix, uri})
	return nil
}

// absolute says that a namespace name is an absolute URI of RFC 3986, as far as
// its characters go. Canonical form does not exist for relative ones (Canonical
// XML 1.0, section 1.3), and readers differ on what else they take.
func absolute(uri []byte) bool {
	colon := bytes.IndexByte(uri, ':')
	if colon <= 0 || class[uri[0]]&nameStart == 0 || uri[0] == '_' {
		return false
	}
	for i, c := range uri {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+':
		case i < colon:
			return false
		case c == '%':
			if i+2 >= len(uri) || hexDigit(uri[i+1]) < 0 || hexDigit(uri[i+2]) < 0 {
				return false
			}
		case bytes.IndexByte([]byte("_~:/?#@!$&'()*,;="), c) < 0:
			return false
		}
	}
	return true
}

// lookup gives the namespace name of a prefix. The default namespace is always
// there, empty when nothing declares it.
func (s *scanner) lookup(prefix []byte) ([]byte, bool) {
	for i := len(s.scope) - 1; i >= 0; i-- {
		if b := &s.scope[i]; string(b.prefix) == string(prefix) {
			return b.uri, true
		}
	}
	if len(prefix) == 0 {
		return nil, true
	}
	if string(prefix) == "xml" {
		return uriXML, true
	}
	return nil, string(prefix) == "xmlns"
}

func (s *scanner) prefixedAttributes() bool {
	for i := range s.attrs {
		if s.attrs[i].prefix > 0 {
			return true
		}
	}
	return false
}

// resolveAttributes finds the namespaces of the attributes, sorts them by
// namespace name and local name, refuses doubles and keeps Ids. It says whether
// they already stood in that order.
func (s *scanner) resolveAttributes() (sorted bool, err error) {
	in := s.in
	for i := range s.attrs {
		a := &s.attrs[i]
		local := in[a.name.from:a.name.to]
		if a.prefix > 0 {
			uri, ok := s.lookup(local[:a.prefix])
			if !ok {
				return false, s.wrong(a.start, "prefix %.60q is not declared", local[:a.prefix])
			}
			a.uri = uri
			local = local[a.prefix+1:]
		}
		if s.unique && len(local) == 2 && local[0]|0x20 == 'i' && local[1]|0x20 == 'd' {
			if err := s.addID(a.value, a.start); err != nil {
				return false, err
			}
		}
	}
	sorted = true
	for i := 1; i < len(s.attrs); i++ {
		for j := i; j > 0; j-- {
			c := s.compare(&s.attrs[j-1], &s.attrs[j])
			if c == 0 {
				a := s.attrs[j]
				return false, s.wrong(a.start, "attribute %.60s stands twice", in[a.name.from:a.name.to])
			}
			if c < 0 {
				break
			}
			s.attrs[j-1], s.attrs[j] = s.attrs[j], s.attrs[j-1]
			sorted = false
		}
	}
	return sorted, nil
}

func (s *scanner) compare(a, b *attribute) int {
	if c := bytes.Compare(a.uri, b.uri); c != 0 {
		return c
	}
	return bytes.Compare(s.attrLocal(a), s.attrLocal(b))
}

func (s *scanner) attrLocal(a *attribute) []byte {
	if a.prefix > 0 {
		return s.in[a.name.from+a.prefix+1 : a.name.to]
	}
	return s.in[a.name.from:a.name.to]
}
