package xmldsig

import (
	"bytes"
	"sync"
)

const (
	nsISO    = "urn:iso:std:iso:20022:tech:xsd:"
	nsHeader = nsISO + "head.001.001."
)

// message is the watcher of an ISO 20022 message: an envelope that holds an
// AppHdr and a Document and nothing else. It sends the canonical form of both to
// body, one behind the other, and that of the signature's parts to parts.
type message struct {
	s     scanner
	body  sink
	parts signatureParts
	info  signedInfo

	aim aim

	inclusive   [2][]string // prefixes of the header and the document, when read again
	header      element     // the open AppHdr
	headerEnd   int         // end of the header in body
	documentEnd int         // end of the document in body, 0 as long as there is none
	seal        span        // the Sgntr element in the text of body
	sealed      bool        // there is a Sgntr
	place       int         // where in the message a new Sgntr goes
}

// aim is what a message is read for.
type aim int

const (
	toVerify aim = iota
	toSign       // look for the place of a new Sgntr instead of a Signature
	toPeek       // with or without one
)

var messages = sync.Pool{New: func() any { return new(message) }}

// take gives a message to read with.
func take(raw []byte, aim aim) *message {
	m := messages.Get().(*message)
	m.aim = aim
	m.s.reset(raw, m)
	m.s.unique, m.s.comments = true, false
	m.inclusive = [2][]string{}
	m.parts.clear()
	m.forget()
	return m
}

// maxKept is how large a buffer may be to stay in a pool: one file with a million
// payments shall not hold its memory for ever.
const maxKept = 1 << 20

func (m *message) release() {
	if cap(m.s.in)+cap(m.body.out) <= maxKept {
		messages.Put(m)
	}
}

func (m *message) forget() {
	m.body.clear()
	m.headerEnd, m.documentEnd, m.place = 0, 0, 0
	m.seal, m.sealed, m.header = span{}, false, element{}
}

// again reads the message once more, now that the prefixes are known.
func (m *message) again() error {
	m.s.rewind(m)
	m.parts.rewind()
	m.forget()
	return m.s.run()
}

func (m *message) open(s *scanner, e *element) error {
	depth := len(s.elems)
	local := s.local(e)
	if m.parts.depth > 0 {
		return m.parts.open(s, e)
	}
	switch depth {
	case 1:
		e.blank = true
		if len(s.attrs) > 0 {
			return structure("byte %d: attribute %.60s on the envelope, which no reference covers", e.start, s.in[s.attrs[0].name.from:s.attrs[0].name.to])
		}
		return nil
	case 2:
		return m.child(s, e, local)
	case 3:
		if m.documentEnd == 0 && m.headerEnd == 0 && string(e.uri) == string(m.header.uri) {
			switch string(local) {
			case "Sgntr":
				return m.openSeal(s, e)
			case "Rltd":
				if m.place == 0 {
					m.insert(s, e.start)
				}
			}
		}
	case 4:
		if s.elems[2].blank && m.seal.to == 0 && m.headerEnd == 0 {
			if string(local) != "Signature" || string(e.uri) != nsDS {
				return structure("byte %d: <%.60s> in Sgntr, where only a Signature may stand", e.start, s.in[e.name.from:e.name.to])
			}
			if err := m.parts.enter(s, e); err != nil {
				return err
			}
			s.pause(e.start)
			return nil
		}
	}
	// a reader that looks for elements by name anywhere must not find others
	// than those that are verified
	switch string(local) {
	case "Signature":
		if string(e.uri) == nsDS {
			return structure("byte %d: a Signature outside of the header's Sgntr", e.start)
		}
	case "AppHdr", "Document":
		if bytes.HasPrefix(e.uri, []byte(nsISO)) {
			return structure("byte %d: <%.60s> at another place than directly in the envelope", e.start, s.in[e.name.from:e.name.to])
		}
	}
	return nil
}

// child is called at the children of the envelope.
func (m *message) child(s *scanner, e *element, local []byte) error {
	isHeader := string(local) == "AppHdr" && bytes.HasPrefix(e.uri, []byte(nsHeader))
	isDocument := string(local) == "Document" && bytes.HasPrefix(e.uri, []byte(nsISO))
	m.body.shown = m.body.shown[:0]
	switch {
	case isHeader && m.headerEnd > 0:
		return structure("byte %d: a second AppHdr", e.start)
	case isHeader:
		m.header = *e
		m.body.inclusive = m.inclusive[0]
	case isDocument && m.headerEnd == 0:
		return structure("byte %d: the Document comes before the AppHdr", e.start)
	case isDocument && m.documentEnd > 0:
		return structure("byte %d: a second Document", e.start)
	case isDocument:
		m.body.inclusive = m.inclusive[1]
	default:
		return structure("byte %d: <%.60s> {%.100s} in the envelope, where only AppHdr and Document of ISO 20022 may stand", e.start, s.in[e.name.from:e.name.to], e.uri)
	}
	s.begin(&m.body, e)
	return nil
}

// openSeal is called at the header's Sgntr.
func (m *message) openSeal(s *scanner, e *element) error {
	switch {
	case m.aim == toSign:
		return structure("byte %d: the message already has a Sgntr", e.start)
	case m.sealed:
		return structure("byte %d: a second Sgntr", e.start)
	case len(s.attrs) > 0:
		return structure("byte %d: an attribute on Sgntr", e.start)
	}
	m.body.flush(s.in, e.start)
	m.sealed, m.seal.from, e.blank = true, len(m.body.out), true
	return nil
}

// insert notes where the new Sgntr goes and puts it, empty, into the canonical
// form: that is what the enveloped-signature transform leaves of it.
func (m *message) insert(s *scanner, at int) {
	if m.aim != toSign {
		return
	}
	k := &m.body
	k.flush(s.in, at)
	m.place, m.seal.from = at, len(k.out)
	prefix := s.in[m.header.name.from : m.header.name.from+m.header.prefix]
	k.out = appendTag(appendTag(k.out, "<", prefix), "</", prefix)
	m.seal.to = len(k.out)
}

func (m *message) closing(s *scanner, _ *element, start int) error {
	if len(s.elems) != 2 || m.headerEnd > 0 || m.place > 0 || m.aim != toSign {
		return nil
	}
	if s.in[start+1] != '/' {
		return structure("byte %d: the AppHdr is empty", start)
	}
	m.insert(s, start)
	return nil
}

func (m *message) closed(s *scanner, e *element, end int) error {
	depth := len(s.elems)
	if m.parts.depth > 0 {
		if m.parts.closed(s, end) {
			s.resume(&m.body, end)
		}
		return nil
	}
	switch {
	case depth == 3 && m.sealed && m.seal.to == 0:
		m.body.flush(s.in, end)
		m.seal.to = len(m.body.out)
		if !m.parts.found {
			return structure("byte %d: Sgntr without a Signature", end)
		}
	case depth == 2:
		s.pause(end)
		if m.headerEnd == 0 {
			m.headerEnd = len(m.body.out)
		} else {
			m.documentEnd = len(m.body.out)
		}
	case depth == 1:
		switch {
		case m.headerEnd == 0:
			return structure("the message has no AppHdr")
		case m.documentEnd == 0:
			return structure("the message has no Document")
		case m.aim == toVerify && !m.sealed:
			return fail(ErrUnsigned, "the AppHdr has no Sgntr")
		case m.sealed && m.parts.stage < len(partNames):
			return structure("the Signature has no %s", partNames[m.parts.stage])
		}
	}
	return nil
}
