package xmldsig

// Unverified is what a message says, proven by nothing.
type Unverified struct {
	// Header and Document are in exclusive canonical form, as in [Verified].
	Header, Document []byte
	// Signed says that there is a Signature; whether it is right is not known.
	Signed bool

	seal span
}

// BareHeader gives the AppHdr without its Sgntr, if it has one.
func (u *Unverified) BareHeader() []byte {
	if !u.Signed {
		return u.Header
	}
	return without(u.Header, u.seal)
}

// HeaderName gives the header's message name, such as "head.001.001.02".
func (u *Unverified) HeaderName() string { return messageName(u.Header) }

// DocumentName gives the document's message name, such as "pacs.008.001.08".
func (u *Unverified) DocumentName() string { return messageName(u.Document) }

// Peek takes a message apart without looking at its signature, if it has one: for
// messages that are not to be signed, for sorting and for reporting. The message
// must have the form that [Verifier.Verify] accepts; maxBytes limits its size, 0
// means [DefaultMaxBytes].
func Peek(raw []byte, maxBytes int) (*Unverified, error) {
	if err := size(raw, maxBytes); err != nil {
		return nil, err
	}
	m := take(raw, toPeek)
	defer m.release()
	scratch := m.body.out
	m.body.out = make([]byte, 0, len(raw)+len(raw)/8)
	defer func() { m.body.out = scratch }()
	if err := m.s.run(); err != nil {
		return nil, err
	}
	header, document := m.canonical()
	return &Unverified{Header: header, Document: document, Signed: m.parts.found, seal: m.seal}, nil
}
