package xmldsig

import (
	"bytes"
	"crypto/x509"
	"strings"
	"time"
)

// DefaultMaxBytes is the size of a message when a [Verifier] names none.
const DefaultMaxBytes = 1 << 20

// Verifier checks signatures. Its fields are set once; it may be used by several
// goroutines.
type Verifier struct {
	// Certificate finds the trusted certificate that a message's KeyInfo names.
	// It must come from what the caller trusts; what KeyInfo holds is a claim. An
	// error it gives is wrapped as it is when it does not wrap [ErrCertificate].
	Certificate func(*KeyInfo) (*Trusted, error)
	// Algorithms are the accepted signature algorithms; nil means all of this
	// package.
	Algorithms []Algorithm
	// Now is the time at which certificates must be valid; nil means time.Now.
	Now func() time.Time
	// MaxBytes limits a message's size; 0 means [DefaultMaxBytes].
	MaxBytes int
}

// Verified is what a signature proves. Its bytes are the very octets whose
// digests were signed, in exclusive canonical form: nothing else of the message
// may be believed, and nothing else is given.
type Verified struct {
	// Header is the AppHdr. The Signature in it was left out (that is what the
	// enveloped-signature transform does), so its Sgntr is empty.
	Header []byte
	// Document is the Document.
	Document []byte
	// Certificate is the trusted certificate whose key signed.
	Certificate *x509.Certificate
	// Algorithm is what it signed with.
	Algorithm Algorithm

	seal span
}

// BareHeader gives the AppHdr without its empty Sgntr, which no schema allows to
// be empty.
func (v *Verified) BareHeader() []byte { return without(v.Header, v.seal) }

func without(b []byte, cut span) []byte {
	out := make([]byte, 0, len(b)-cut.to+cut.from)
	return append(append(out, b[:cut.from]...), b[cut.to:]...)
}

// HeaderName gives the header's message name, such as "head.001.001.02".
func (v *Verified) HeaderName() string { return messageName(v.Header) }

// DocumentName gives the document's message name, such as "pacs.008.001.08".
func (v *Verified) DocumentName() string { return messageName(v.Document) }

// messageName reads the last part of the namespace of a canonical element, whose
// first tag is the one that declares it.
func messageName(canonical []byte) string {
	tag, _, _ := bytes.Cut(canonical, []byte(">"))
	name, _, _ := bytes.Cut(tag[1:], []byte(" "))
	declaration := []byte(` xmlns="`)
	if prefix, _, ok := bytes.Cut(name, []byte(":")); ok {
		declaration = append(append([]byte(" xmlns:"), prefix...), `="`...)
	}
	_, rest, _ := bytes.Cut(tag, declaration)
	uri, _, _ := bytes.Cut(rest, []byte(`"`))
	return strings.TrimPrefix(string(uri), nsISO)
}

// Verify checks the signature of an ISO 20022 message (see the package's text for
// its form). On an error nothing of the message may be used; the error wraps one
// of this package's and says what was wrong.
func (v *Verifier) Verify(raw []byte) (*Verified, error) {
	if err := size(raw, v.MaxBytes); err != nil {
		return nil, err
	}
	m := take(raw, toVerify)
	defer m.release()
	if err := m.s.run(); err != nil {
		return nil, err
	}
	if err := m.digests(); err != nil {
		return nil, err
	}
	t, value, err := v.claim(&m.parts, &m.info)
	if err != nil {
		return nil, err
	}
	if err := m.info.method.check(t.cert.PublicKey, m.parts.part(partInfo), value); err != nil {
		return nil, err
	}
	// The caller keeps these bytes, and m goes back to its pool.
	kept := bytes.Clone(m.body.out[:m.documentEnd])
	return &Verified{Header: kept[:m.headerEnd:m.headerEnd], Document: kept[m.headerEnd:m.documentEnd:m.documentEnd], Certificate: t.cert, Algorithm: m.info.method, seal: m.seal}, nil
}

// canonical gives the canonical form of the header and of the document.
func (m *message) canonical() (header, document []byte) {
	return m.body.out[:m.headerEnd:m.headerEnd], m.body.out[m.headerEnd:m.documentEnd:m.documentEnd]
}

// digests holds header, document and KeyInfo against SignedInfo.
func (m *message) digests() error {
	refs, err := m.references()
	if err != nil {
		return err
	}
	header, document := m.canonical()
	if err := refs[0].holds(header, "the AppHdr"); err != nil {
		return err
	}
	if err := refs[1].holds(document, "the Document"); err != nil {
		return err
	}
	return refs[2].holds(m.parts.part(partKey), "the KeyInfo")
}

func size(raw []byte, limit int) error {
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	if len(raw) > limit {
		return fail(ErrMalformed, "%d bytes; at most %d are read", len(raw), limit)
	}
	return nil
}

// references reads SignedInfo and finds in it the references to header, document
// and KeyInfo, of which each must be there once. When the signer used prefix
// lists, the message is read again with them.
func (m *message) references() (refs [3]*reference, err error) {
	if err := m.info.parse(m.parts.part(partInfo)); err != nil {
		return refs, err
	}
	if refs, err = m.sort(); err != nil {
		return refs, err
	}
	if len(m.info.inclusive)+len(refs[0].inclusive)+len(refs[1].inclusive)+len(refs[2].inclusive) == 0 {
		return refs, nil
	}
	m.inclusive = [2][]string{prefixes(refs[0].inclusive), prefixes(refs[1].inclusive)}
	m.parts.inclusive = [3][]string{partInfo: prefixes(m.info.inclusive), partKey: prefixes(refs[2].inclusive)}
	if err := m.again(); err != nil {
		return refs, err
	}
	if err := m.info.parse(m.parts.part(partInfo)); err != nil {
		return refs, err
	}
	return m.sort()
}

func (m *message) sort() (refs [3]*reference, err error) {
	c := cursor{b: m.parts.part(partKey)}
	id := c.enter("KeyInfo")
	if c.err != nil {
		return refs, c.err
	}
	for i := range m.info.references[:m.info.count] {
		r := &m.info.references[i]
		which := 0
		switch {
		case r.uri == nil:
			which = 1
		case len(r.uri) > 0:
			if r.uri[0] != '#' {
				return refs, structure("%s leads out of the message", r)
			}
			if len(id) == 0 || string(r.uri[1:]) != string(id) {
				return refs, structure("%s does not lead to the KeyInfo", r)
			}
			which = 2
		}
		if refs[which] != nil {
			return refs, structure("%s stands twice", r)
		}
		if r.enveloped != (which == 0) {
			return refs, fail(ErrAlgorithm, "%s: the enveloped-signature transform belongs to the header's reference and to no other", r)
		}
		refs[which] = r
	}
	for i, what := range [3]string{`the header (URI="")`, "the document (no URI)", "the KeyInfo"} {
		if refs[i] == nil {
			return refs, structure("no reference to %s is signed", what)
		}
	}
	return refs, nil
}

// claim finds the certificate that is said to have signed, and the signature
// value.
func (v *Verifier) claim(p *signatureParts, info *signedInfo) (t *Trusted, value []byte, err error) {
	if !v.accepts(info.method) {
		return nil, nil, fail(ErrAlgorithm, "signature method %s is not accepted here", info.method)
	}
	if v.Certificate == nil {
		return nil, nil, fail(ErrCertificate, "the verifier has nothing to find certificates with")
	}
	var key KeyInfo
	if canonical := p.part(partKey); canonical != nil {
		if key, _, err = parseKeyInfo(canonical); err != nil {
			return nil, nil, err
		}
	}
	t, err = v.Certificate(&key)
	if err != nil {
		return nil, nil, certificateError(err)
	}
	if t == nil {
		return nil, nil, fail(ErrCertificate, "no trusted certificate was found")
	}
	if err := t.named(&key); err != nil {
		return nil, nil, err
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if err := t.valid(now()); err != nil {
		return nil, nil, err
	}
	c := cursor{b: p.part(partValue)}
	c.enter("SignatureValue")
	text := c.text("SignatureValue")
	if c.err != nil {
		return nil, nil, c.err
	}
	value, ok := decode64(info.scratch[:0], text)
	if !ok {
		return nil, nil, fail(ErrSignature, "the signature value is not base64")
	}
	return t, value, nil
}

func (v *Verifier) accepts(a Algorithm) bool {
	if v.Algorithms == nil {
		return true
	}
	for _, b := range v.Algorithms {
		if a == b {
			return true
		}
	}
	return false
}
