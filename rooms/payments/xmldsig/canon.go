package xmldsig

import (
	"bytes"
	"slices"
	"sync"
)

// sink collects the canonical form of one subtree. Most of a message already
// stands in canonical form, so what is pending is only remembered as an offset,
// and copied when something has to be written differently.
type sink struct {
	out       []byte
	from      int       // input from here on is canonical and not yet copied
	shown     []binding // declarations written and in force
	inclusive []string  // prefixes handled as in inclusive canonicalisation; "" is the default namespace
	opened    bool      // the apex was begun
	closed    bool      // the apex was ended
}

func (k *sink) clear() {
	k.out, k.shown, k.inclusive, k.opened, k.closed = k.out[:0], k.shown[:0], nil, false, false
}

func (k *sink) flush(in []byte, to int) {
	if to > k.from {
		k.out = append(k.out, in[k.from:to]...)
	}
	k.from = to
}

func (k *sink) visible(prefix []byte) []byte {
	for i := len(k.shown) - 1; i >= 0; i-- {
		if string(k.shown[i].prefix) == string(prefix) {
			return k.shown[i].uri
		}
	}
	return nil
}

// begin makes k the place where the subtree of e goes.
func (s *scanner) begin(k *sink, e *element) {
	k.from = e.start
	s.sink = k
}

// pause keeps what follows at from out of the sink, which it gives back.
func (s *scanner) pause(from int) *sink {
	k := s.sink
	k.flush(s.in, from)
	s.sink = nil
	return k
}

// resume goes on with a paused sink.
func (s *scanner) resume(k *sink, from int) {
	k.from = from
	s.sink = k
}

// writeTag writes a start tag in canonical form (Exclusive XML Canonicalization
// 1.0, section 3): the declarations that the element's own name and its
// attributes' names use and that are not in force in the output, sorted by
// prefix, then the attributes.
func (s *scanner) writeTag(k *sink, e *element, empty bool) {
	k.opened = true
	s.show = s.show[:0]
	s.need(k, s.in[e.name.from:e.name.from+e.prefix], e.uri)
	for i := range s.attrs {
		if a := &s.attrs[i]; a.prefix > 0 {
			s.need(k, s.in[a.name.from:a.name.from+a.prefix], a.uri)
		}
	}
	for _, p := range k.inclusive {
		if uri, ok := s.lookup([]byte(p)); ok {
			s.need(k, []byte(p), uri)
		}
	}
	if len(s.show) > 1 {
		slices.SortFunc(s.show, func(a, b binding) int { return bytes.Compare(a.prefix, b.prefix) })
	}
	k.flush(s.in, e.start)
	out := append(k.out, '<')
	name := s.in[e.name.from:e.name.to]
	out = append(out, name...)
	for _, b := range s.show {
		out = append(out, " xmlns"...)
		if len(b.prefix) > 0 {
			out = append(out, ':')
			out = append(out, b.prefix...)
		}
		out = append(out, `="`...)
		out = appendValue(out, b.uri)
		out = append(out, '"')
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		out = append(out, ' ')
		out = append(out, s.in[a.name.from:a.name.to]...)
		out = append(out, `="`...)
		out = appendValue(out, a.value)
		out = append(out, '"')
	}
	out = append(out, '>')
	if empty {
		out = append(out, "</"...)
		out = append(out, name...)
		out = append(out, '>')
	}
	k.out = out
	k.from = s.pos
	k.shown = append(k.shown, s.show...)
}

// need puts a declaration on the list of those to write, unless the output
// already says the same or it is the one of xml, which is never written.
func (s *scanner) need(k *sink, prefix, uri []byte) {
	if bytes.Equal(k.visible(prefix), uri) || string(prefix) == "xml" {
		return
	}
	for i := range s.show {
		if bytes.Equal(s.show[i].prefix, prefix) {
			return
		}
	}
	s.show = append(s.show, binding{prefix, uri})
}

// appendValue appends an attribute value in canonical form (Canonical XML 1.0,
// 2.3).
func appendValue(out, value []byte) []byte {
	for _, c := range value {
		switch c {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '"':
			out = append(out, "&quot;"...)
		case '\t':
			out = append(out, "&#x9;"...)
		case '\n':
			out = append(out, "&#xA;"...)
		case '\r':
			out = append(out, "&#xD;"...)
		default:
			out = append(out, c)
		}
	}
	return out
}

// whole is the watcher that sends the entire document to one sink.
type whole struct{ sink *sink }

func (w whole) open(s *scanner, e *element) error {
	if len(s.elems) == 1 {
		s.begin(w.sink, e)
	}
	return nil
}

func (w whole) closing(*scanner, *element, int) error { return nil }

func (w whole) closed(s *scanner, _ *element, end int) error {
	if len(s.elems) == 1 {
		w.sink.flush(s.in, end)
		w.sink.closed = true
	}
	return nil
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// Canonicalize appends the exclusive canonical form, without comments, of an XML
// document to dst (Exclusive XML Canonicalization 1.0). The prefixes named are
// its InclusiveNamespaces PrefixList, where "#default" is the default namespace.
//
// Documents with a document type declaration, other entities than the
// predefined ones, processing instructions or an encoding other than UTF-8 are
// refused with an error that wraps [ErrMalformed], as is everything that is not
// well-formed.
func Canonicalize(dst, document []byte, inclusive ...string) ([]byte, error) {
	return canonicalize(dst, document, inclusive, false)
}

func canonicalize(dst, document []byte, inclusive []string, comments bool) ([]byte, error) {
	s := scanners.Get().(*scanner)
	defer func() {
		if cap(s.in) <= maxKept {
			scanners.Put(s)
		}
	}()
	k := &sink{out: dst, inclusive: prefixList(inclusive)}
	s.reset(document, whole{k})
	s.unique, s.comments = false, comments
	if comments {
		s.sink = k // comments before the root element belong to it
	}
	if err := s.run(); err != nil {
		return dst, err
	}
	return k.out, nil
}

func prefixList(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, p := range list {
		if p == "#default" {
			p = ""
		}
		out = append(out, p)
	}
	return out
}
