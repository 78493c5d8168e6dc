package pdf

import (
	"fmt"
	"strings"
	"time"
)

// Info describes a document. Title and Language are required by PDF/UA.
type Info struct {
	Title, Author, Subject, Creator string
	Language                        string // BCP 47, of the document as a whole
	Created                         time.Time
}

// Document is being written. It is for one goroutine.
type Document struct {
	info        Info
	file        file
	pages       []*Page
	used        [faces]*usage
	fonts       [faces]*parsedFont
	tree        ref
	root        *Element
	attachments []attachment
	images      []ref
	signature   *signatureField
	late        []func() // objects that need to know how many pages there are
	err         error
}

// Page is a sheet. Measures are points from its top left corner.
type Page struct {
	doc           *Document
	ref           ref
	Width, Height float64
	content       strings.Builder
	tagged        []*Element // by marked-content id
	current       *Element
	annotations   []ref
}

// A4 is ISO 216 A4 in points.
const (
	A4Width  = 595.276
	A4Height = 841.89
)

// MM is a millimetre in points.
const MM = 72 / 25.4

// Color is an sRGB colour.
type Color struct{ R, G, B uint8 }

func (c Color) operands() string {
	return nums(float64(c.R)/255, float64(c.G)/255, float64(c.B)/255)
}

// New begins a document.
func New(info Info) *Document {
	d := &Document{info: info}
	d.fonts, d.err = fonts()
	d.tree = d.file.reserve()
	d.root = &Element{doc: d, tag: "Document", lang: info.Language, ref: d.file.reserve()}
	return d
}

// Page adds a sheet of the given size in points.
func (d *Document) Page(width, height float64) *Page {
	p := &Page{doc: d, ref: d.file.reserve(), Width: width, Height: height}
	d.pages = append(d.pages, p)
	return p
}

// Root is the document element of the structure tree.
func (d *Document) Root() *Element { return d.root }

func (d *Document) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Bytes finishes the document. It can be called once.
func (d *Document) Bytes() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	resources := d.resources()
	if d.err != nil {
		return nil, d.err
	}
	pages := d.file.reserve()
	kids := make([]string, len(d.pages))
	for i, p := range d.pages {
		p.endTag()
		content := d.file.stream("", []byte(p.content.String()), true)
		annots := ""
		if len(p.annotations) > 0 {
			annots = " /Annots [" + refs(p.annotations) + "]"
		}
		d.file.set(p.ref, fmt.Sprintf("<< /Type /Page /Parent %s /MediaBox [0 0 %s] /Contents %s /Resources %s /StructParents %d /Tabs /S%s >>",
			pages, nums(p.Width, p.Height), content, resources, i, annots))
		kids[i] = p.ref.String()
	}
	d.file.set(pages, fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids)))
	for _, write := range d.late {
		write()
	}
	d.writeTree()

	extra := ""
	if names, files := d.writeAttachments(); names != "" {
		extra += " /Names << /EmbeddedFiles << /Names [" + names + "] >> >> /AF [" + files + "]"
	}
	if d.signature != nil {
		extra += fmt.Sprintf(" /AcroForm << /Fields [%s] /SigFlags 3 >>", d.signature.widget)
	}
	profile := d.file.stream("/N 3", srgbProfile(), true)
	intent := d.file.add(fmt.Sprintf("<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB IEC61966-2.1) /DestOutputProfile %s >>", profile))
	meta := d.file.stream("/Type /Metadata /Subtype /XML", d.info.xmp(), false)
	root := d.file.add(fmt.Sprintf("<< /Type /Catalog /Pages %s /Metadata %s /Lang %s /MarkInfo << /Marked true >> /StructTreeRoot %s /ViewerPreferences << /DisplayDocTitle true >> /OutputIntents [%s]%s >>",
		pages, meta, text(d.info.Language), d.tree, intent, extra))
	info := d.file.add(fmt.Sprintf("<< /Title %s /Author %s /Subject %s /Creator %s /Producer %s /CreationDate %s /ModDate %s >>",
		text(d.info.Title), text(d.info.Author), text(d.info.Subject), text(d.info.Creator), text(producer), date(d.info.Created), date(d.info.Created)))
	return d.file.bytes(root, info), nil
}

func refs(all []ref) string {
	s := make([]string, len(all))
	for i, r := range all {
		s[i] = r.String()
	}
	return strings.Join(s, " ")
}
