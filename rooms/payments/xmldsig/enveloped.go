package xmldsig

import (
	"crypto/x509"
	"encoding/base64"
	"sync"
)

// enveloped is the watcher of a document with one plain enveloped signature.
type enveloped struct {
	s     scanner
	body  sink
	parts signatureParts
	info  signedInfo

	signing   bool
	target    string // Id of the element that is signed; "" is the root
	inclusive []string

	rootID  string
	depth   int  // of the target while it is open
	reached bool // the target was found
	cut     bool // the Signature lay in it
	place   int  // where a new Signature goes
}

var envelopeds = sync.Pool{New: func() any { return new(enveloped) }}

func takeEnveloped(raw []byte, signing bool) *enveloped {
	d := envelopeds.Get().(*enveloped)
	d.signing, d.target, d.inclusive = signing, "", nil
	d.s.reset(raw, d)
	d.s.unique, d.s.comments = true, false
	d.parts.clear()
	d.forget()
	return d
}

func (d *enveloped) release() {
	if cap(d.s.in)+cap(d.body.out) <= maxKept {
		envelopeds.Put(d)
	}
}

func (d *enveloped) forget() {
	d.body.clear()
	d.rootID, d.depth, d.reached, d.cut, d.place = "", 0, false, false, 0
}

func (d *enveloped) again() error {
	d.s.rewind(d)
	d.parts.rewind()
	d.forget()
	return d.s.run()
}

// ownID gives the Id of the element being read.
func (s *scanner) ownID() string {
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.prefix > 0 && string(a.uri) != nsXML {
			continue
		}
		switch string(s.attrLocal(a)) {
		case "Id", "ID", "id":
			return string(a.value)
		}
	}
	return ""
}

func (d *enveloped) open(s *scanner, e *element) error {
	if d.parts.depth > 0 {
		return d.parts.open(s, e)
	}
	root := len(s.elems) == 1
	if s.is(e, nsDS, "Signature") {
		switch {
		case d.signing:
			return structure("byte %d: the document already has a Signature", e.start)
		case root:
			return structure("the document is a Signature, which is of no form accepted here")
		}
		if err := d.parts.enter(s, e); err != nil {
			return err
		}
		if d.cut = d.depth > 0; d.cut {
			s.pause(e.start)
		}
		return nil
	}
	var id string
	if len(s.attrs) > 0 {
		id = s.ownID()
	}
	if root {
		d.rootID = id
	}
	if root && d.target == "" || d.target != "" && id == d.target && !d.reached {
		d.reached, d.depth = true, len(s.elems)
		d.body.shown, d.body.inclusive = d.body.shown[:0], d.inclusive
		s.begin(&d.body, e)
	}
	return nil
}

func (d *enveloped) closing(s *scanner, _ *element, start int) error {
	if d.signing && len(s.elems) == 1 {
		if s.in[start+1] != '/' {
			return structure("the root element is empty: there is no place for a Signature")
		}
		d.place = start
	}
	return nil
}

func (d *enveloped) closed(s *scanner, _ *element, end int) error {
	if d.parts.depth > 0 {
		if d.parts.closed(s, end) && d.depth > 0 {
			s.resume(&d.body, end)
		}
		return nil
	}
	if d.depth > 0 && len(s.elems) == d.depth {
		s.pause(end)
		d.depth = 0
	}
	if len(s.elems) == 1 && !d.signing {
		switch {
		case !d.parts.found:
			return fail(ErrUnsigned, "the document has no Signature")
		case d.parts.stage <= partValue: // KeyInfo may be absent (XML Signature 1.1, 4.5)
			return structure("the Signature has no %s", partNames[d.parts.stage])
		}
	}
	return nil
}

// Enveloped is what a plain enveloped signature proves.
type Enveloped struct {
	// Content is the signed element in exclusive canonical form, without the
	// Signature in it: the octets whose digest was signed.
	Content     []byte
	Certificate *x509.Certificate
	Algorithm   Algorithm
}

// SignEnveloped signs a whole document with one reference, URI="" or, when the
// root element has an Id, "#" and that Id; the Signature becomes the last child
// of the root element.
func (s *Signer) SignEnveloped(raw []byte) ([]byte, error) {
	d := takeEnveloped(raw, true)
	defer d.release()
	if err := d.s.run(); err != nil {
		return nil, err
	}
	if d.s.hasID(s.keyID) {
		return nil, structure("the document has the Id %q already", s.keyID)
	}
	uri := ""
	if d.rootID != "" {
		if !plainID(d.rootID) {
			return nil, structure("the Id %.60q of the root element cannot be referred to", d.rootID)
		}
		uri = "#" + d.rootID
	}
	info := append(d.parts.sink.out[:0], infoStart+`<ds:SignatureMethod Algorithm="`...)
	info = append(append(info, s.algorithm...), `"></ds:SignatureMethod><ds:Reference URI="`...)
	info = append(append(info, uri...), `"><ds:Transforms><ds:Transform Algorithm="`+algEnveloped+`"></ds:Transform>`+referenceRest...)
	info = appendDigest(info, d.body.out)
	info = append(info, referenceEnd+`</ds:SignedInfo>`...)
	d.parts.sink.out = info
	value, err := s.algorithm.make(s.key, info)
	if err != nil {
		return nil, err
	}
	raw = d.s.in[:d.s.end]
	out := make([]byte, 0, len(raw)+len(info)+len(s.keyInfo)+base64.StdEncoding.EncodedLen(len(value))+200)
	out = append(out, raw[:d.place]...)
	out = s.appendSignature(out, info, value)
	return append(out, raw[d.place:]...), nil
}

// plainID says that an Id can stand after "#" as it is.
func plainID(id string) bool {
	for i := range len(id) {
		if c := id[i]; class[c]&nameMore == 0 {
			return false
		}
	}
	return id != ""
}

// VerifyEnveloped checks a document with one enveloped signature that has one
// reference: to the whole document (URI="") or to an element by its Id, in which
// the Signature must lie. Only the content it gives is proven; of a document of
// which a part is signed, the rest is not.
func (v *Verifier) VerifyEnveloped(raw []byte) (*Enveloped, error) {
	if err := size(raw, v.MaxBytes); err != nil {
		return nil, err
	}
	d := takeEnveloped(raw, false)
	defer d.release()
	scratch := d.body.out
	d.body.out = make([]byte, 0, len(raw)+len(raw)/8)
	defer func() { d.body.out = scratch }()
	if err := d.s.run(); err != nil {
		return nil, err
	}
	r, err := d.reference()
	if err != nil {
		return nil, err
	}
	if target := targetOf(r, d.rootID); target != "" || len(r.inclusive)+len(d.info.inclusive) > 0 {
		d.target, d.inclusive = target, prefixes(r.inclusive)
		d.parts.inclusive = [3][]string{partInfo: prefixes(d.info.inclusive)}
		if err := d.again(); err != nil {
			return nil, err
		}
		if r, err = d.reference(); err != nil {
			return nil, err
		}
	}
	switch {
	case !d.reached:
		return nil, structure("%s leads to no element", r)
	case !d.cut:
		return nil, structure("the Signature does not lie in the element of %s", r)
	}
	if err := r.holds(d.body.out, "the content"); err != nil {
		return nil, err
	}
	t, value, err := v.claim(&d.parts, &d.info)
	if err != nil {
		return nil, err
	}
	if err := d.info.method.check(t.cert.PublicKey, d.parts.part(partInfo), value); err != nil {
		return nil, err
	}
	return &Enveloped{Content: d.body.out, Certificate: t.cert, Algorithm: d.info.method}, nil
}

// reference reads SignedInfo, which must have one reference of the right form.
func (d *enveloped) reference() (*reference, error) {
	if err := d.info.parse(d.parts.part(partInfo)); err != nil {
		return nil, err
	}
	r := &d.info.references[0]
	switch {
	case d.info.count != 1:
		return nil, structure("SignedInfo has %d references; a plain signature has one", d.info.count)
	case r.uri == nil:
		return nil, structure("a reference without URI")
	case len(r.uri) > 0 && r.uri[0] != '#':
		return nil, structure("%s leads out of the document", r)
	case len(r.uri) > 0 && !plainID(string(r.uri[1:])):
		return nil, structure("%s is not the Id of an element", r)
	case !r.enveloped:
		return nil, fail(ErrAlgorithm, "%s lacks the enveloped-signature transform", r)
	}
	return r, nil
}

// targetOf gives the Id of the element a reference leads to, "" for the root.
func targetOf(r *reference, rootID string) string {
	if len(r.uri) == 0 || string(r.uri[1:]) == rootID {
		return ""
	}
	return string(r.uri[1:])
}
