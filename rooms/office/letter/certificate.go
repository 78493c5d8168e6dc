package letter

import (
	"fmt"
	"math"
	"time"

	"sarai/rooms/office/pdf"
)

// Text is a text by language: "en" and "ur".
type Text = map[string]string

// Row is one fact of a certificate. A value that is the same in both languages
// (a number, a date) may be given in English only.
type Row struct{ Label, Value Text }

// Certificate is what is printed.
type Certificate struct {
	Country   Text   // "Islamic Republic of Pakistan"
	Office    Text   // who issues it
	Title     Text   // "Certificate of Domicile"
	Number    string // as it is filed
	Statement Text   // what is certified
	Rows      []Row
	Law       Text   // under what power
	Remark    Text   // what it is not good for, how long it is good
	Photo     []byte // PNG or JPEG of the person; may be empty
	Post      Text   // who signs: the post
	Charge    Text   // how the post is held: "permanent charge"
	IssuedOn  Text   // the date as each language writes it
	Issued    time.Time
	VerifyURL string
	Source    []byte // JSON the certificate was made from; attached
	Demo      Text   // printed across the foot when the nation is a synthetic one
	Labels    Labels
}

// Labels are the fixed words of the sheet.
type Labels struct {
	Number, Issued, Sealed, Scan, Verify Text
}

var (
	ink   = pdf.Color{R: 0x14, G: 0x21, B: 0x1F}
	muted = pdf.Color{R: 0x53, G: 0x60, B: 0x5C}
	act   = pdf.Color{R: 0x0B, G: 0x5C, B: 0x56}
	rule  = pdf.Color{R: 0xD9, G: 0xC8, B: 0xA5}
	pale  = pdf.Color{R: 0xE6, G: 0xD9, B: 0xBE}
	paper = pdf.Color{R: 0xFB, G: 0xF8, B: 0xF1}
)

const (
	margin = 22 * pdf.MM
	left   = margin
	right  = pdf.A4Width - margin
	width  = right - left
	middle = pdf.A4Width / 2
)

// Render prints the certificate on one A4 sheet, with the gap for its
// signature (package pades).
func (c Certificate) Render() ([]byte, error) {
	d := pdf.New(pdf.Info{
		Title: c.Title["en"] + " " + c.Number, Author: c.Office["en"], Subject: c.Statement["en"], Creator: "Sarai office",
		Language: "en", Created: c.Issued,
	})
	p := d.Page(pdf.A4Width, pdf.A4Height)
	en, ur := d.Root().Child("Sect", "en"), d.Root().Child("Sect", "ur")
	frame(p)
	y := c.heading(p, en, ur)
	y, err := c.statement(p, en, ur, y)
	if err != nil {
		return nil, fmt.Errorf("photograph: %w", err)
	}
	y = c.facts(p, d.Root().Child("Table", ""), y)
	c.foot(p, en, ur, y)
	if len(c.Source) > 0 {
		d.Attach("source.json", "application/json", "What this certificate says, for machines", "Source", c.Source)
	}
	return d.Bytes()
}

// frame draws the paper, the lattice bands and the border.
func frame(p *pdf.Page) {
	p.Rect(0, 0, p.Width, p.Height, paper)
	const edge, band = 9 * pdf.MM, 7 * pdf.MM
	lattice(p, edge, edge, p.Width-2*edge, band)
	lattice(p, edge, p.Height-edge-band, p.Width-2*edge, band)
	p.Frame(edge, edge, p.Width-2*edge, p.Height-2*edge, 0.9, act)
	p.Frame(edge+2.6, edge+2.6, p.Width-2*edge-5.2, p.Height-2*edge-5.2, 0.35, rule)
	p.Rule(edge, edge+band, p.Width-edge, edge+band, 0.35, rule)
	p.Rule(edge, p.Height-edge-band, p.Width-edge, p.Height-edge-band, 0.35, rule)
}

// lattice fills a band with outlined stars whose points touch and the crosses
// between them: the pattern of star and cross.
func lattice(p *pdf.Page, x, y, w, h float64) {
	n := math.Round(w / h)
	step := w / n
	var paths [][]float64
	for i := range int(n) {
		cx, cy := x+step*(float64(i)+0.5), y+h/2
		paths = append(paths, pdf.StarPath(cx, cy, step/2))
	}
	p.Polygon(0.5, pale, paths...)
	paths = paths[:0]
	for i := range int(n) {
		paths = append(paths, pdf.StarPath(x+step*(float64(i)+0.5), y+h/2, step/5))
	}
	p.Polygon(0, pale, paths...)
}

func (c Certificate) heading(p *pdf.Page, en, ur *pdf.Element) float64 {
	const top = 25 * pdf.MM
	p.Polygon(0, act, pdf.StarPath(middle, top+21, 21), pdf.StarPath(middle, top+21, 13.5))
	p.Polygon(0, act, pdf.StarPath(middle, top+21, 8))

	half := width/2 - 34
	p.Text(en.Child("P", ""), c.Country["en"], left, top+13, half, pdf.Style{Size: 11.5, Bold: true, Color: act})
	p.Text(en.Child("P", ""), c.Office["en"], left, top+29, half, pdf.Style{Size: 9.5, Color: ink, Leading: 13})
	p.Text(ur.Child("P", ""), c.Country["ur"], right-half, top+13, half, pdf.Style{Size: 13, Color: act, RTL: true})
	p.Text(ur.Child("P", ""), c.Office["ur"], right-half, top+36, half, pdf.Style{Size: 9.5, Color: ink, RTL: true, Leading: 21})

	y := top + 98
	p.Text(ur.Child("H1", ""), c.Title["ur"], left, y, width, pdf.Style{Size: 27, Color: ink, RTL: true, Align: pdf.Center})
	y += 42
	p.Text(en.Child("H1", ""), c.Title["en"], left, y, width, pdf.Style{Size: 23, Bold: true, Color: ink, Align: pdf.Center})
	y += 16
	p.Polygon(0, act, pdf.StarPath(middle, y, 4))
	p.Rule(middle-80, y, middle-10, y, 0.6, rule)
	p.Rule(middle+10, y, middle+80, y, 0.6, rule)
	return y + 28
}

func (c Certificate) statement(p *pdf.Page, en, ur *pdf.Element, y float64) (float64, error) {
	box, least := width, 0.0
	if len(c.Photo) > 0 {
		const pw, ph = 27 * pdf.MM, 34 * pdf.MM
		px, py := right-pw, y-14
		p.Begin(nil)
		p.Rect(px-3, py-3, pw+6, ph+6, pdf.Color{R: 0xff, G: 0xff, B: 0xff})
		p.Frame(px-3, py-3, pw+6, ph+6, 0.6, rule)
		if err := p.Image(en.Figure("Photograph of the person", ""), c.Photo, px, py, pw, ph); err != nil {
			return 0, err
		}
		box, least = width-pw-18, py+ph+14
	}
	y = p.Text(en.Child("P", ""), c.Statement["en"], left, y, box, pdf.Style{Size: 11, Color: ink, Leading: 16.5})
	y = p.Text(ur.Child("P", ""), c.Statement["ur"], left, y+12, box, pdf.Style{Size: 12.5, Color: ink, RTL: true, Leading: 29})
	return max(y+2, least), nil
}

// facts prints the rows: the English label and value from the left, the Urdu
// ones from the right.
func (c Certificate) facts(p *pdf.Page, table *pdf.Element, y float64) float64 {
	// rows share the room between here and the law and the seal at the foot
	const below = 19*pdf.MM + 124 + 84
	least := min(max((pdf.A4Height-below-y)/float64(max(len(c.Rows), 1)), 19), 28)
	const label = 88.0
	half := width / 2
	value := half - label - 8
	p.Begin(nil)
	p.Rule(left, y, right, y, 0.9, act)
	for _, r := range c.Rows {
		row := table.Child("TR", "")
		bold := pdf.Style{Size: 10.5, Bold: true, Color: ink, Leading: 13}
		urdu := pdf.Style{Size: 11.5, Color: ink, RTL: true, Leading: 21}
		room := value
		if r.Value["ur"] == "" {
			room = width - 2*label
		}
		if p.Measure(r.Value["en"], bold) > room { // a long value stands in two quiet lines
			bold.Size, bold.Bold, bold.Leading = 9.5, false, 12.5
		}
		enLines, urLines := len(p.Lines(r.Value["en"], room, bold)), len(p.Lines(r.Value["ur"], value, urdu))
		height := max(least, 6+13*float64(enLines), 2+21*float64(urLines))
		base := y + height/2 + 3.5
		p.Text(row.Child("TH", "en"), r.Label["en"], left, base, label, pdf.Style{Size: 9, Color: muted})
		p.Text(row.Child("TD", "en"), r.Value["en"], left+label, base-bold.Leading/2*float64(enLines-1), room, bold)
		if r.Value["ur"] != "" {
			p.Text(row.Child("TD", "ur"), r.Value["ur"], left+half+8, base-urdu.Leading/2*float64(urLines-1), value, urdu)
		}
		p.Text(row.Child("TH", "ur"), r.Label["ur"], right-label, base, label, pdf.Style{Size: 9.5, Color: muted, RTL: true})
		y += height
		p.Rule(left, y, right, y, 0.35, rule)
	}
	return y
}

func (c Certificate) foot(p *pdf.Page, en, ur *pdf.Element, y float64) {
	y += 18
	small := pdf.Style{Size: 8.5, Color: muted, Leading: 12}
	smallUr := pdf.Style{Size: 8.5, Color: muted, RTL: true, Leading: 18}
	half := width/2 - 10
	a := p.Text(en.Child("P", ""), join(c.Law["en"], c.Remark["en"]), left, y, half, small)
	b := p.Text(ur.Child("P", ""), join(c.Law["ur"], c.Remark["ur"]), left+width/2+10, y, half, smallUr)
	y = max(a, b)

	// the seal block keeps its place at the foot, whatever stands above
	const block = 108.0
	top := max(y+4, pdf.A4Height-19*pdf.MM-block-16)
	const code = 84.0
	p.Begin(nil)
	p.Rect(left, top, code+16, code+16, pdf.Color{R: 0xff, G: 0xff, B: 0xff})
	p.Frame(left, top, code+16, code+16, 0.6, rule)
	p.QR(en.Figure(c.Labels.Scan["en"]+" "+c.VerifyURL, ""), c.VerifyURL, left+8, top+8, code, ink)
	x := left + code + 26
	w := 118.0
	p.Text(en.Child("P", ""), c.Labels.Scan["en"], x, top+12, w, pdf.Style{Size: 8.5, Bold: true, Color: ink, Leading: 11.5})
	p.Text(ur.Child("P", ""), c.Labels.Scan["ur"], x, top+52, w, pdf.Style{Size: 8, Color: ink, RTL: true, Leading: 17})
	p.Text(en.Child("P", ""), c.Labels.Number["en"]+" "+c.Number, x, top+97, w, pdf.Style{Size: 7.5, Color: muted})

	// the signature block: post and charge
	sx := left + code + 26 + w + 14
	sw := right - sx
	p.Begin(nil)
	p.Rect(sx, top, sw, code+16, pdf.Color{R: 0xff, G: 0xff, B: 0xff})
	p.Frame(sx, top, sw, code+16, 0.9, act)
	p.Polygon(0, act, pdf.StarPath(sx+16, top+17, 8))
	p.Text(en.Child("P", ""), c.Post["en"], sx+30, top+20, sw-38, pdf.Style{Size: 10.5, Bold: true, Color: ink})
	p.Text(ur.Child("P", ""), c.Post["ur"], sx+8, top+44, sw-16, pdf.Style{Size: 11, Color: ink, RTL: true})
	p.Text(en.Child("P", ""), c.Charge["en"], sx+10, top+64, sw/2-10, pdf.Style{Size: 7.5, Color: muted})
	p.Text(ur.Child("P", ""), c.Charge["ur"], sx+sw/2, top+64, sw/2-10, pdf.Style{Size: 7.5, Color: muted, RTL: true})
	p.Text(en.Child("P", ""), c.Labels.Issued["en"]+" "+c.IssuedOn["en"], sx+10, top+77, sw/2-10, pdf.Style{Size: 7.5, Color: muted})
	p.Text(ur.Child("P", ""), c.Labels.Issued["ur"]+" "+c.IssuedOn["ur"], sx+sw/2, top+82, sw/2-10, pdf.Style{Size: 7.5, Color: muted, RTL: true})
	p.Text(en.Child("P", ""), c.Labels.Sealed["en"], sx+10, top+90, sw-20, pdf.Style{Size: 7.5, Color: muted})
	p.SignatureField(en, pdf.Signature{
		Name: fmt.Sprintf("%s, %s", c.Post["en"], c.Office["en"]), Reason: c.Title["en"] + " " + c.Number, Location: c.Office["en"], At: c.Issued,
	}, sx, top, sw, code+16)
	if c.Demo["en"] != "" {
		p.Text(en.Child("P", ""), c.Demo["en"]+"  "+c.Demo["ur"], left, pdf.A4Height-17.3*pdf.MM, width, pdf.Style{Size: 7, Color: muted, Align: pdf.Center, Arabic: pdf.Naskh})
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}
