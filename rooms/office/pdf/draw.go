package pdf

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // photographs
	_ "image/png"  // drawings
	"math"
	"strings"

	"rsc.io/qr"
)

// Rect fills a rectangle.
func (p *Page) Rect(x, y, w, h float64, c Color) {
	p.draw(fmt.Sprintf("q %s rg %s re f Q\n", c.operands(), nums(x, p.Height-y-h, w, h)))
}

// Frame draws the outline of a rectangle.
func (p *Page) Frame(x, y, w, h, thick float64, c Color) {
	p.draw(fmt.Sprintf("q %s RG %s w %s re S Q\n", c.operands(), num(thick), nums(x, p.Height-y-h, w, h)))
}

// Rule draws a straight line.
func (p *Page) Rule(x1, y1, x2, y2, thick float64, c Color) {
	p.draw(fmt.Sprintf("q %s RG %s w %s m %s l S Q\n", c.operands(), num(thick), nums(x1, p.Height-y1), nums(x2, p.Height-y2)))
}

// Polygon fills, or with thick > 0 outlines, closed paths; each is x, y, x, y ...
// Overlapping paths leave holes (even-odd) when filled.
func (p *Page) Polygon(thick float64, c Color, paths ...[]float64) {
	var b strings.Builder
	if thick > 0 {
		fmt.Fprintf(&b, "q %s RG %s w 0 j\n", c.operands(), num(thick))
	} else {
		fmt.Fprintf(&b, "q %s rg\n", c.operands())
	}
	for _, path := range paths {
		for i := 0; i+1 < len(path); i += 2 {
			op := "l"
			if i == 0 {
				op = "m"
			}
			fmt.Fprintf(&b, "%s %s\n", nums(path[i], p.Height-path[i+1]), op)
		}
		b.WriteString("h\n")
	}
	if thick > 0 {
		b.WriteString("S Q\n")
	} else {
		b.WriteString("f* Q\n")
	}
	p.draw(b.String())
}

// StarPath is the eight-pointed star, two squares turned by 45 degrees, of
// outer radius r round a point.
func StarPath(x, y, r float64) []float64 {
	// where the sides of the two squares cross
	inner := r * math.Cos(math.Pi/4) / math.Cos(math.Pi/8)
	var path []float64
	for i := range 16 {
		radius := r
		if i%2 == 1 {
			radius = inner
		}
		a := math.Pi/2 + float64(i)*math.Pi/8
		path = append(path, x+radius*math.Cos(a), y-radius*math.Sin(a))
	}
	return path
}

// QR draws a QR code (ISO/IEC 18004) of level M in vectors, side points wide
// without its quiet zone of four modules, which the caller leaves free.
func (p *Page) QR(e *Element, content string, x, y, side float64, c Color) {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		p.doc.fail(fmt.Errorf("make QR code: %w", err))
		return
	}
	m := side / float64(code.Size)
	var b strings.Builder
	fmt.Fprintf(&b, "q %s rg\n", c.operands())
	for row := range code.Size {
		for col := 0; col < code.Size; col++ {
			if !code.Black(col, row) {
				continue
			}
			n := 1
			for code.Black(col+n, row) {
				n++
			}
			fmt.Fprintf(&b, "%s re\n", nums(x+float64(col)*m, p.Height-y-float64(row+1)*m, float64(n)*m, m))
			col += n
		}
	}
	b.WriteString("f Q\n")
	p.Begin(e)
	p.draw(b.String())
	p.endTag()
}

// Image draws a PNG or JPEG into a box, keeping its proportions and centred.
func (p *Page) Image(e *Element, data []byte, x, y, w, h float64) error {
	conf, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	const most = 25_000_000 // pixels; a larger picture is a mistake or an attack
	if conf.Width <= 0 || conf.Height <= 0 || conf.Width*conf.Height > most {
		return fmt.Errorf("read picture: %d x %d pixels are too many", conf.Width, conf.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read %s: %w", kind, err)
	}
	bounds := img.Bounds()
	rgb := make([]byte, 0, 3*bounds.Dx()*bounds.Dy())
	for py := bounds.Min.Y; py < bounds.Max.Y; py++ {
		for px := bounds.Min.X; px < bounds.Max.X; px++ {
			r, g, b, a := img.At(px, py).RGBA()
			white := 0xffff - a // premultiplied: what shines through is paper
			rgb = append(rgb, byte((r+white)>>8), byte((g+white)>>8), byte((b+white)>>8))
		}
	}
	d := p.doc
	n := len(d.images)
	d.images = append(d.images, d.file.stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8",
		bounds.Dx(), bounds.Dy()), rgb, true))
	scale := min(w/float64(bounds.Dx()), h/float64(bounds.Dy()))
	dw, dh := scale*float64(bounds.Dx()), scale*float64(bounds.Dy())
	p.Begin(e)
	p.draw(fmt.Sprintf("q %s 0 0 %s %s cm /I%d Do Q\n", num(dw), num(dh), nums(x+(w-dw)/2, p.Height-y-(h+dh)/2), n))
	p.endTag()
	return nil
}
