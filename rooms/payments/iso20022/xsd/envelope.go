package xsd

// Child is an element directly under a document's element.
type Child struct {
	Namespace, Name string
	XML             string // the element as XML that can stand alone
	Start, End      int    // where it stands in the document, in octets
}

// Children reads a document of any schema, such as an envelope around a header
// and a message, and gives the children of its element. It is as strict about
// XML as [Parse] and knows nothing of content; text between the children is an
// error.
func Children(doc []byte, limits Limits) (outer Child, children []Child, err error) {
	err = parse(doc, &Root{}, limits, (*Reader).open, func(r *Reader) {
		mark := len(doc) - len(r.src) // a byte order mark was taken off
		c := r.child
		outer = Child{Namespace: r.uriOf(r.name(&c)), Name: localName(r.name(&c)), Start: int(c.start) + mark}
		r.enter()
		for !c.empty {
			if !r.gap() {
				return
			}
			if r.peek(1) == '/' {
				if !r.endTag(r.name(&c)) {
					return
				}
				break
			}
			start := r.pos
			if _, ok := r.startTag(); !ok || !r.laxAttributes() {
				return
			}
			child := Child{Namespace: r.uriOf(r.name(&r.child)), Name: localName(r.name(&r.child)), Start: start + mark}
			child.XML = r.Raw()
			child.End = r.pos + mark
			children = append(children, child)
		}
		outer.End = r.pos + mark
		outer.XML = r.src[c.start:r.pos]
		r.frames = r.frames[:0]
	})
	if err != nil {
		return Child{}, nil, err
	}
	return outer, children, nil
}
