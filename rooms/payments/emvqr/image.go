package emvqr

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the white border in modules that ISO/IEC 18004 asks for.
const quiet = 4

// PNG draws the payload with the given number of pixels a module (4 to 16).
func PNG(payload string, scale int) ([]byte, error) {
	code, err := qr.Encode(payload, qr.M)
	if err != nil {
		return nil, fmt.Errorf("emvqr: draw: %w", err)
	}
	code.Scale = min(max(scale, 4), 16)
	return code.PNG(), nil
}

// SVG draws the payload as one path, dark on white whatever the page's colours
// are (scanners want dark on light). title is read by screen readers; it is
// escaped here.
func SVG(payload, title string) (string, error) {
	code, err := qr.Encode(payload, qr.M)
	if err != nil {
		return "", fmt.Errorf("emvqr: draw: %w", err)
	}
	size := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges"><title>%s</title><path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="`,
		size, size, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(title), size, size)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := x
			for run < code.Size && code.Black(run, y) {
				run++
			}
			if run > x {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run-x, run-x)
				x = run
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
