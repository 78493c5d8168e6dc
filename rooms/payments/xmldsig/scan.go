package xmldsig

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Limits on the shape of a message; its size is limited by the caller.
const (
	maxDepth      = 100  // elements within one another
	maxAttributes = 100  // on one element
	maxBindings   = 100  // namespace declarations in force at one place
	maxName       = 1000 // bytes of a name
	maxIds        = 5000 // Id attributes in a message
)

// span is a part of the input.
type span struct{ from, to int }

// binding is one namespace declaration. An empty prefix is the default
// namespace, an empty uri its undeclaration.
type binding struct{ prefix, uri []byte }

// element is an open element.
type element struct {
	start  int    // of its "<"
	name   span   // as written
	prefix int    // length of the prefix, without the colon
	uri    []byte // namespace name
	scope  int    // declarations in force outside it
	shown  int    // declarations its sink had written before it
	sink   *sink  // where it was written to, or nil
	blank  bool   // only white space may stand directly in it
}

func (s *scanner) local(e *element) []byte {
	if e.prefix > 0 {
		return s.in[e.name.from+e.prefix+1 : e.name.to]
	}
	return s.in[e.name.from:e.name.to]
}

func (s *scanner) is(e *element, uri, local string) bool {
	return string(s.local(e)) == local && string(e.uri) == uri
}

// attribute is one that is not a namespace declaration.
type attribute struct {
	start  int // of its name
	name   span
	prefix int
	uri    []byte
	value  []byte // normalised, not escaped
}

// watcher is told of elements. open comes before the tag goes into a sink, so it
// may begin or pause one; closing comes before the end tag does; closed after.
// An empty element is told in the same way.
type watcher interface {
	open(s *scanner, e *element) error
	closing(s *scanner, e *element, start int) error
	closed(s *scanner, e *element, end int) error
}

// scanner reads one XML document from front to back in a single pass, checks
// that it is well-formed and namespace-well-formed, and writes the canonical
// form of what lies under a sink.
type scanner struct {
	in       []byte // the document and one zero byte, at which every loop stops
	end      int    // length of the document
	pos      int
	elems    []element
	scope    []binding // declarations in force
	mark     int       // how many of them stand outside the tag being read
	attrs    []attribute
	ids      [][]byte
	idSet    map[string]bool // in the place of ids when there are many
	show     []binding
	sink     *sink
	watch    watcher
	unique   bool // refuse an Id that stands twice
	comments bool // keep comments (only for proofs against other programs)
}

func (s *scanner) wrong(at int, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrMalformed, at, fmt.Sprintf(format, args...))
}

// reset makes the scanner ready for a document, of which it takes a copy: what
// the caller does to its bytes meanwhile cannot come between check and use.
func (s *scanner) reset(doc []byte, w watcher) {
	s.in = append(append(s.in[:0], doc...), 0)
	s.rewind(w)
}

// rewind makes it ready to read the same document again.
func (s *scanner) rewind(w watcher) {
	s.end = len(s.in) - 1
	s.pos = 0
	s.elems, s.scope, s.attrs, s.ids, s.show = s.elems[:0], s.scope[:0], s.attrs[:0], s.ids[:0], s.show[:0]
	s.idSet, s.sink, s.watch = nil, nil, w
}

// run reads the whole document.
func (s *scanner) run() error {
	doc := s.in[:s.end]
	if !utf8.Valid(doc) {
		if len(doc) >= 2 && (doc[0] == 0xFE && doc[1] == 0xFF || doc[0] == 0xFF && doc[1] == 0xFE) {
			return s.wrong(0, "UTF-16; only UTF-8 is read")
		}
		return s.wrong(firstInvalid(doc), "not UTF-8")
	}
	if bytes.HasPrefix(doc, []byte("\xEF\xBB\xBF")) {
		s.pos = 3
	}
	if bytes.HasPrefix(doc[s.pos:], []byte("<?xml")) && class[s.in[s.pos+5]]&blank != 0 {
		if err := s.declaration(); err != nil {
			return err
		}
	}
	if err := s.outside(); err != nil {
		return err
	}
	if s.pos >= s.end {
		return s.wrong(s.end, "no element")
	}
	if err := s.startTag(); err != nil {
		return err
	}
	if err := s.content(); err != nil {
		return err
	}
	if err := s.outside(); err != nil {
		return err
	}
	if s.pos < s.end {
		return s.wrong(s.pos, "something follows the root element")
	}
	return nil
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// content reads what lies in the root element, to its end tag.
func (s *scanner) content() error {
	for len(s.elems) > 0 {
		if err := s.text(); err != nil {
			return err
		}
		var err error
		switch s.in[s.pos+1] {
		case '/':
			err = s.endTag()
		case '!':
			err = s.marked()
		case '?':
			err = s.wrong(s.pos, "a processing instruction; messages may hold none")
		default:
			err = s.startTag()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outside reads white space and comments before or behind the root element.
func (s *scanner) outside() error {
	for {
		for class[s.in[s.pos]]&blank != 0 {
			s.pos++
		}
		if s.sink != nil {
			s.sink.from = s.pos
		}
		if s.pos >= s.end {
			return nil
		}
		if s.in[s.pos] != '<' {
			return s.wrong(s.pos, "text outside of the root element")
		}
		switch s.in[s.pos+1] {
		case '!':
			if err := s.marked(); err != nil {
				return err
			}
		case '?':
			return s.wrong(s.pos, "a processing instruction; messages may hold none")
		default:
			return nil
		}
	}
}

// declaration reads the XML declaration: version 1.0, encoding UTF-8 if one is
// named.
func (s *scanner) declaration() error {
	begin := s.pos
	to := bytes.Index(s.in[s.pos:s.end], []byte("?>"))
	if to < 0 {
		return s.wrong(s.pos, "the XML declaration does not end")
	}
	rest := s.in[s.pos+5 : s.pos+to]
	s.pos += to + 2
	allowed := []string{"version", "encoding", "standalone"}
	for {
		trimmed := bytes.TrimLeft(rest, " \t\r\n")
		if len(trimmed) == 0 {
			break
		}
		name, more, ok := bytes.Cut(trimmed, []byte("="))
		name = bytes.TrimRight(name, " \t\r\n")
		more = bytes.TrimLeft(more, " \t\r\n")
		if !ok || len(trimmed) == len(rest) || len(more) == 0 || more[0] != '"' && more[0] != '\'' {
			return s.wrong(begin, "the XML declaration is not well-formed")
		}
		quote := bytes.IndexByte(more[1:], more[0])
		for len(allowed) > 0 && allowed[0] != string(name) {
			if allowed[0] == "version" {
				return s.wrong(begin, "the XML declaration does not begin with the version")
			}
			allowed = allowed[1:]
		}
		if quote < 0 || len(allowed) == 0 {
			return s.wrong(begin, "the XML declaration is not well-formed")
		}
		allowed = allowed[1:]
		value := more[1 : 1+quote]
		rest = more[quote+2:]
		switch {
		case string(name) == "version" && string(value) != "1.0":
			return s.wrong(begin, "XML version %.20q; only 1.0 is read", value)
		case string(name) == "encoding" && !bytes.EqualFold(value, []byte("UTF-8")):
			return s.wrong(begin, "encoding %.20q; only UTF-8 is read", value)
		case string(name) == "standalone" && string(value) != "yes" && string(value) != "no":
			return s.wrong(begin, "standalone is neither yes nor no")
		}
	}
	if len(allowed) == 3 {
		return s.wrong(begin, "the XML declaration names no version")
	}
	return nil
}

// addID keeps an Id attribute and refuses one that stood before.
func (s *scanner) addID(value []byte, at int) error {
	if len(value) == 0 {
		return s.wrong(at, "an empty Id")
	}
	if s.idSet != nil {
		if s.idSet[string(value)] {
			return structure("byte %d: Id %.60q stands twice", at, value)
		}
		if len(s.idSet) >= maxIds {
			return s.wrong(at, "more than %d Ids", maxIds)
		}
		s.idSet[string(value)] = true
		return nil
	}
	for _, id := range s.ids {
		if bytes.Equal(id, value) {
			return structure("byte %d: Id %.60q stands twice", at, value)
		}
	}
	s.ids = append(s.ids, value)
	if len(s.ids) > 32 {
		s.idSet = make(map[string]bool, 128)
		for _, id := range s.ids {
			s.idSet[string(id)] = true
		}
	}
	return nil
}

func (s *scanner) hasID(id string) bool {
	if s.idSet != nil {
		return s.idSet[id]
	}
	for _, have := range s.ids {
		if string(have) == id {
			return true
		}
	}
	return false
}
