package xmldsig

// signatureParts collects, while a message is read, the canonical form of the
// three children of its Signature. It is part of the watchers of both forms.
type signatureParts struct {
	sink  sink
	depth int // of the Signature; 0 before it and behind it
	found bool
	stage int // how many children were seen
	ends  [3]int
	// the prefixes to be handled as in inclusive canonicalisation, known when the
	// message is read again
	inclusive [3][]string
}

const (
	partInfo = iota
	partValue
	partKey
)

var partNames = [3]string{"SignedInfo", "SignatureValue", "KeyInfo"}

func (p *signatureParts) clear() {
	p.sink.clear()
	p.depth, p.found, p.stage, p.ends, p.inclusive = 0, false, 0, [3]int{}, [3][]string{}
}

// rewind forgets what was read but not what is to be done.
func (p *signatureParts) rewind() {
	p.sink.clear()
	p.depth, p.found, p.stage, p.ends = 0, false, 0, [3]int{}
}

func (p *signatureParts) part(i int) []byte {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	if i >= p.stage {
		return nil
	}
	return p.sink.out[from:p.ends[i]]
}

// enter is called at the Signature.
func (p *signatureParts) enter(s *scanner, e *element) error {
	if p.found {
		return structure("byte %d: a second Signature", e.start)
	}
	if err := onlyID(s, e); err != nil {
		return err
	}
	p.found, p.depth, e.blank = true, len(s.elems), true
	return nil
}

// open is called for every element within the Signature.
func (p *signatureParts) open(s *scanner, e *element) error {
	if s.is(e, nsDS, "Signature") {
		return structure("byte %d: a Signature within the Signature", e.start)
	}
	if len(s.elems) != p.depth+1 {
		return nil
	}
	if p.stage >= len(partNames) || !s.is(e, nsDS, partNames[p.stage]) {
		return structure("byte %d: <%.60s> in the Signature, where SignedInfo, SignatureValue and KeyInfo stand once each and in this order", e.start, s.in[e.name.from:e.name.to])
	}
	p.sink.shown = p.sink.shown[:0]
	p.sink.inclusive = p.inclusive[p.stage]
	s.begin(&p.sink, e)
	return nil
}

// closed is called at the end of every element within the Signature and of the
// Signature itself; done says that it was the latter.
func (p *signatureParts) closed(s *scanner, end int) (done bool) {
	switch len(s.elems) {
	case p.depth + 1:
		s.pause(end)
		p.ends[p.stage] = len(p.sink.out)
		p.stage++
	case p.depth:
		p.depth = 0
		return true
	}
	return false
}

// onlyID refuses attributes other than an Id.
func onlyID(s *scanner, e *element) error {
	for i := range s.attrs {
		a := &s.attrs[i]
		if name := s.in[a.name.from:a.name.to]; string(name) != "Id" {
			return structure("byte %d: attribute %.60s on <%.60s>", a.start, name, s.in[e.name.from:e.name.to])
		}
	}
	return nil
}

// cursor walks over the canonical form of an element of a signature. Canonical
// form is so regular that what does not match exactly can be refused: there are
// no comments, no empty tags, one kind of quotes. All elements must have the
// prefix of the first, and none may declare namespaces anew, so a prefix cannot
// change its meaning.
type cursor struct {
	b      []byte
	prefix []byte // with its colon
	what   string
	err    error
}

// enter reads the outermost start tag and gives its Id.
func (c *cursor) enter(local string) (id []byte) {
	c.what = local
	i := 1
	for i < len(c.b) && c.b[i] != ' ' && c.b[i] != '>' {
		i++
	}
	n := len(local)
	if i-n < 1 || string(c.b[i-n:i]) != local {
		c.fail("is not %s", local)
		return nil
	}
	c.prefix = c.b[1 : i-n]
	c.b = c.b[i:]
	for {
		name, value, ok := c.attribute()
		switch {
		case !ok:
			return id
		case string(name) == "Id":
			id = value
		case string(name) == "xmlns", len(name) > 6 && string(name[:6]) == "xmlns:":
		default:
			c.fail("attribute %.60s", name)
			return nil
		}
	}
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = structure("in %s: "+format, append([]any{c.what}, args...)...)
	}
}

// attribute reads the next attribute of a start tag, or its end.
func (c *cursor) attribute() (name, value []byte, ok bool) {
	if c.err != nil || len(c.b) == 0 {
		return nil, nil, false
	}
	if c.b[0] == '>' {
		c.b = c.b[1:]
		return nil, nil, false
	}
	b := c.b[1:]
	for i := range b {
		if b[i] != '=' {
			continue
		}
		if i+1 >= len(b) || b[i+1] != '"' {
			break
		}
		name, b = b[:i], b[i+2:]
		for j := range b {
			if b[j] == '"' {
				c.b = b[j+1:]
				return name, b[:j], true
			}
			if b[j] == '&' && string(name) != "PrefixList" {
				c.fail("a character that has to be escaped in attribute %.60s", name)
				return nil, nil, false
			}
		}
		break
	}
	c.fail("a tag that is not canonical")
	return nil, nil, false
}

func (c *cursor) space() {
	for len(c.b) > 0 && class[c.b[0]]&blank != 0 {
		c.b = c.b[1:]
	}
}

// at says whether the start tag of an element comes next.
func (c *cursor) at(local string) bool {
	if c.err != nil {
		return false
	}
	c.space()
	n := 1 + len(c.prefix)
	if len(c.b) <= n+len(local) || c.b[0] != '<' || string(c.b[1:n]) != string(c.prefix) || string(c.b[n:n+len(local)]) != local {
		return false
	}
	after := c.b[n+len(local)]
	return after == ' ' || after == '>'
}

// open reads the start tag of an element that must be there; its attributes
// follow.
func (c *cursor) open(local string) bool {
	if !c.at(local) {
		c.fail("%s is expected before %.40q", local, c.b)
		return false
	}
	c.b = c.b[1+len(c.prefix)+len(local):]
	return true
}

// bare reads the end of a start tag that may have no attributes.
func (c *cursor) bare() {
	if name, _, ok := c.attribute(); ok {
		c.fail("attribute %.60s", name)
	}
}

// end reads an end tag.
func (c *cursor) end(local string) {
	if c.err != nil {
		return
	}
	c.space()
	n := 2 + len(c.prefix)
	if len(c.b) <= n+len(local) || string(c.b[:2]) != "</" || string(c.b[n:n+len(local)]) != local || c.b[n+len(local)] != '>' {
		c.fail("the end of %s is expected before %.40q", local, c.b)
		return
	}
	c.b = c.b[n+len(local)+1:]
}

// text reads the text of an element, up to its end tag.
func (c *cursor) text(local string) []byte {
	if c.err != nil {
		return nil
	}
	for i := range c.b {
		if c.b[i] == '<' {
			t := c.b[:i]
			c.b = c.b[i:]
			c.end(local)
			return t
		}
	}
	c.fail("%s does not end", local)
	return nil
}
