package pdf

import (
	"fmt"
	"strings"
	"time"
)

// Signature describes the signature to come, as its dictionary says it
// (ISO 32000-1 table 252).
type Signature struct {
	Name, Reason, Location string
	At                     time.Time // entry M; PAdES has no signing time elsewhere
	Space                  int       // bytes kept for the signature; zero: 16 KiB
}

type signatureField struct {
	widget  ref
	element *Element
}

// signatureSpace is room for a signature by RSA-3072, a chain of two
// certificates and a time-stamp with its own chain.
const signatureSpace = 16 << 10

// SignatureField adds the document's one signature: a field over the given box
// of the page and a dictionary whose ByteRange and Contents are gaps of zeros.
// What the box shows is drawn by the caller as usual.
func (p *Page) SignatureField(parent *Element, s Signature, x, y, w, h float64) {
	d := p.doc
	if d.signature != nil {
		d.fail(fmt.Errorf("a document has one signature field"))
		return
	}
	if s.Space <= 0 {
		s.Space = signatureSpace
	}
	value := d.file.add(fmt.Sprintf("<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 0000000000 0000000000 0000000000] /Contents <%s> /M %s /Name %s /Reason %s /Location %s >>",
		strings.Repeat("00", s.Space), date(s.At), text(s.Name), text(s.Reason), text(s.Location)))
	look := d.file.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 %s] /Resources << >>", nums(w, h)), nil, false)
	field := &signatureField{element: parent.Child("Form", "")}
	field.element.alt = s.Reason
	// flags: print and locked; the field is on the page, so StructParent is its own
	field.widget = d.file.reserve()
	field.element.kids = append(field.element.kids, kid{page: p, annot: field.widget})
	p.annotations = append(p.annotations, field.widget)
	d.signature = field
	d.late = append(d.late, func() {
		d.file.set(field.widget, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /TU %s /V %s /F 132 /P %s /Rect [%s] /AP << /N %s >> /StructParent %d >>",
			text(s.Reason), value, p.ref, nums(x, p.Height-y-h, x+w, p.Height-y), look, len(d.pages)))
	})
}
