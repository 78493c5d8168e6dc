package pdf_test

import (
	"bytes"
	"fmt"
	"time"

	"sarai/rooms/office/pdf"
)

// A page with a heading in both languages. The same calls give the same bytes.
func Example() {
	d := pdf.New(pdf.Info{Title: "Notice", Language: "en", Created: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)})
	p := d.Page(pdf.A4Width, pdf.A4Height)
	en, ur := d.Root().Child("H1", "en"), d.Root().Child("H1", "ur")
	y := p.Text(en, "Notice", 60, 100, 400, pdf.Style{Size: 24, Bold: true})
	p.Text(ur, "اطلاع نامہ", 60, y+40, 400, pdf.Style{Size: 24, RTL: true})
	doc, err := d.Bytes()
	fmt.Println(bytes.HasPrefix(doc, []byte("%PDF-1.7")), len(doc) < 40_000, err)
	// Output: true true <nil>
}
