package web

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// Instant is a moment in time.
type Instant = time.Time

// The star {8/2}: two squares turned by 45 degrees, its points on a circle of
// 12 around (12, 12); the heart is the same at a third of the size.
const (
	starPath  = "M12 0l3.515 3.515h4.97v4.97L24 12l-3.515 3.515v4.97h-4.97L12 24l-3.515-3.515h-4.97v-4.97L0 12l3.515-3.515v-4.97h4.97z"
	starHeart = "M12 7.2l1.406 1.406h1.988v1.988L16.8 12l-1.406 1.406v1.988h-1.988L12 16.8l-1.406-1.406H8.606v-1.988L7.2 12l1.406-1.406V8.606h1.988z"
)

func (x Tag) status() string {
	switch x.Status {
	case "good", "wait", "bad", "info":
		return x.Status
	}
	return "plain"
}

func (s Step) state() string {
	switch s.State {
	case "done", "now", "bad":
		return s.State
	}
	return "later"
}

func (x Table) numeric(i int) bool { return i < len(x.Columns) && x.Columns[i].Numeric }

func (x Table) title(i int) string {
	if i < len(x.Columns) {
		return x.Columns[i].Title
	}
	return ""
}

// urgency is the status of a deadline: bad when it has passed, wait in its
// last two days.
func urgency(ctx context.Context, due time.Time) string {
	switch d := due.Sub(Now(ctx)); {
	case d < 0:
		return "bad"
	case d < 48*time.Hour:
		return "wait"
	}
	return ""
}

// whole says that a code is short enough for one line of a screen of 320
// pixels. Browsers break at hyphens, and half a reference is none.
func whole(code string) bool { return utf8.RuneCountInString(code) <= 24 }

// codes finds references among words: parts joined by hyphens or slashes, with
// a figure in one of them.
var codes = regexp.MustCompile(`[A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)+`)

// phrase is text whose references stay whole and run from left to right.
func phrase(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		at := 0
		for _, m := range codes.FindAllStringIndex(text, -1) {
			code := text[m[0]:m[1]]
			if !whole(code) || !strings.ContainsAny(code, "0123456789") {
				continue
			}
			b.WriteString(templ.EscapeString(text[at:m[0]]) + `<bdi dir="ltr" class="whole">` + code + `</bdi>`)
			at = m[1]
		}
		b.WriteString(templ.EscapeString(text[at:]))
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// code encodes at level M: a fifth of a printed code may be lost.
func (x QR) code() *qr.Code {
	c, err := qr.Encode(x.Text, qr.M)
	if err != nil { // longer than a code can hold
		c, err = qr.Encode(x.Text, qr.L)
		if err != nil {
			return &qr.Code{}
		}
	}
	return c
}

// quiet is the white border a code needs (ISO/IEC 18004 section 9.1), in modules.
const quiet = 4

func (x QR) box() string {
	n := x.code().Size + 2*quiet
	return fmt.Sprintf("0 0 %d %d", n, n)
}

func (x QR) path() string {
	c := x.code()
	var b strings.Builder
	for y := range c.Size {
		for i := 0; i < c.Size; i++ {
			if !c.Black(i, y) {
				continue
			}
			n := 1
			for i+n < c.Size && c.Black(i+n, y) {
				n++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", i+quiet, y+quiet, n, n)
			i += n
		}
	}
	return b.String()
}

func scriptPath(ctx context.Context, name string) string {
	v := viewOf(ctx)
	if v.site == nil {
		return ""
	}
	if !strings.HasSuffix(name, ".js") {
		name += ".js"
	}
	return v.site.Asset(name)
}
