package pdf

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Align places lines between two edges. Start and End follow the direction of
// the text.
type Align uint8

// The alignments.
const (
	Start Align = iota
	Center
	End
)

// Style says how text is set.
type Style struct {
	Size    float64 // points
	Bold    bool    // of the Latin face
	Arabic  Face    // Nastaliq or Naskh; zero is Nastaliq
	Leading float64 // distance of base lines in points; zero: as the script needs
	Color   Color
	Align   Align
	RTL     bool // base direction of the paragraph
}

func (d *Document) pair(st Style) fontsOf {
	f := fontsOf{latin: d.fonts[Serif], arabic: d.fonts[Nastaliq]}
	if st.Bold {
		f.latin = d.fonts[SerifBold]
	}
	if st.Arabic == Naskh {
		f.arabic = d.fonts[Naskh]
	}
	return f
}

func (st Style) leading() float64 {
	switch {
	case st.Leading > 0:
		return st.Leading
	case st.RTL && st.Arabic != Naskh:
		return 2.15 * st.Size // Nastaliq falls from word to word
	case st.RTL:
		return 1.7 * st.Size
	}
	return 1.4 * st.Size
}

// Width gives the width of one line in points.
func (d *Document) Width(line string, st Style) float64 {
	if d.err != nil {
		return 0
	}
	logical, _ := d.pair(st).visual(line, st.RTL)
	w := 0.0
	for _, r := range logical {
		w += r.width
	}
	return w * st.Size
}

// Measure gives the width of one line in points.
func (p *Page) Measure(line string, st Style) float64 { return p.doc.Width(line, st) }

// Lines breaks text as Document.Lines does.
func (p *Page) Lines(s string, width float64, st Style) []string { return p.doc.Lines(s, width, st) }

// Lines breaks text at spaces so that no line is wider than width unless one
// word is.
func (d *Document) Lines(s string, width float64, st Style) []string {
	var out []string
	space := d.Width(" ", st)
	for _, para := range strings.Split(strings.Map(printable, s), "\n") {
		// words are measured one by one, which is near enough to see where a
		// line may end; the line itself is then measured whole
		line, sum := "", 0.0
		for _, w := range strings.Fields(para) {
			wide := d.Width(w, st)
			if line != "" && (sum+space+wide > width*1.1 || sum+space+wide > width*0.9 && d.Width(line+" "+w, st) > width) {
				out = append(out, line)
				line, sum = "", 0
			}
			if line == "" {
				line, sum = w, wide
			} else {
				line, sum = line+" "+w, sum+space+wide
			}
		}
		out = append(out, line)
	}
	return out
}

// printable drops controls and overrides of direction: a name must not be able
// to turn the sentence it stands in.
func printable(r rune) rune {
	if r != '\n' && r != '\t' && unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r == 0xFEFF {
		return -1
	}
	return r
}

// Text sets a paragraph with its first base line at y and gives the base line
// that would follow its last.
func (p *Page) Text(e *Element, s string, x, y, width float64, st Style) float64 {
	if p.doc.err != nil {
		return y
	}
	p.Begin(e)
	for _, line := range p.doc.Lines(s, width, st) {
		p.line(line, x, y, width, st)
		y += st.leading()
	}
	p.endTag()
	return y
}

func (p *Page) line(line string, x, y, width float64, st Style) {
	logical, ordered := p.doc.pair(st).visual(line, st.RTL)
	total := 0.0
	for _, r := range ordered {
		total += r.width * st.Size
	}
	switch {
	case st.Align == Center:
		x += (width - total) / 2
	case (st.Align == End) != st.RTL:
		x += width - total
	}
	at := make(map[*run]float64, len(ordered))
	for _, r := range ordered {
		at[r] = x
		x += r.width * st.Size
	}
	p.draw("q " + st.Color.operands() + " rg\n")
	for _, r := range logical { // in the order of reading
		p.run(r, at[r], p.Height-y, st.Size)
	}
	p.draw("Q\n")
}

// run draws a run word by word, each with the text it stands for.
func (p *Page) run(r *run, x, y, size float64) {
	scale := size / r.font.upem
	pens := make([]float64, len(r.glyphs))
	for i, g := range r.glyphs {
		pens[i] = x
		x += float64(g.XAdvance) * scale
	}
	use := p.doc.use(r.font)
	use.learn(r)
	for _, w := range words(r) {
		var b strings.Builder
		if w.text != "" {
			fmt.Fprintf(&b, "/Span <</ActualText %s>> BDC\n", text(w.text))
		}
		fmt.Fprintf(&b, "BT /F%d %s Tf\n", r.font.face, num(size))
		rise, cursor, open := 0.0, 0.0, false
		for _, i := range w.glyphs {
			g := r.glyphs[i]
			gx, gy := pens[i]+float64(g.XOffset)*scale, y+float64(g.YOffset)*scale
			if !open || gy != rise {
				if open {
					b.WriteString("] TJ\n")
				}
				fmt.Fprintf(&b, "1 0 0 1 %s Tm [", nums(gx, gy))
				rise, cursor, open = gy, gx, true
			}
			if shift := (cursor - gx) * 1000 / size; shift > 0.5 || shift < -0.5 {
				b.WriteString(num(shift) + " ")
			}
			// the final numbers of glyphs are known when all text is set
			fmt.Fprintf(&b, "<%s>", use.code(g.ID))
			cursor = gx + float64(r.font.sfnt.advance(g.ID))*scale
		}
		if open {
			b.WriteString("] TJ\n")
		}
		b.WriteString("ET\n")
		if w.text != "" {
			b.WriteString("EMC\n")
		}
		p.draw(b.String())
	}
}

// word is a stretch of a run between spaces with the glyphs that draw it.
type word struct {
	text   string
	glyphs []int // indexes into run.glyphs, from left to right
}

func words(r *run) []word {
	if !r.rtl && r.font.face != Nastaliq && r.font.face != Naskh {
		// Latin extracts well by its own characters
		all := make([]int, len(r.glyphs))
		for i := range all {
			all[i] = i
		}
		return []word{{glyphs: all}}
	}
	var out []word
	starts := []int{}
	for i, c := range r.text {
		if i == 0 || (c == ' ') != (r.text[i-1] == ' ') {
			starts = append(starts, i)
		}
	}
	for n, s := range starts {
		end := len(r.text)
		if n+1 < len(starts) {
			end = starts[n+1]
		}
		w := word{text: string(r.text[s:end])}
		for i, g := range r.glyphs {
			if g.Cluster >= s && g.Cluster < end {
				w.glyphs = append(w.glyphs, i)
			}
		}
		out = append(out, w)
	}
	return out
}

// usage is what a document uses of a font.
type usage struct {
	font    *parsedFont
	glyphs  map[int]int    // glyph of the source: number in the subset
	order   []int          // glyphs of the source by number in the subset
	unicode map[int]string // what a glyph stands for
}

func (d *Document) use(f *parsedFont) *usage {
	if d.used[f.face] == nil {
		d.used[f.face] = &usage{font: f, glyphs: map[int]int{0: 0}, order: []int{0}, unicode: map[int]string{}}
	}
	return d.used[f.face]
}

// code gives the four hexadecimal digits of a glyph: numbers are given in the
// order of first use, so that the content need not be written twice.
func (u *usage) code(gid int) string {
	n, ok := u.glyphs[gid]
	if !ok {
		n = len(u.order)
		u.glyphs[gid] = n
		u.order = append(u.order, gid)
	}
	return fmt.Sprintf("%04X", n)
}

// learn remembers what each glyph stands for, from clusters. A glyph that
// stands for different things in different places has the ActualText of its word.
func (u *usage) learn(r *run) {
	ends := []int{len(r.text)}
	for _, g := range r.glyphs {
		ends = append(ends, g.Cluster)
	}
	sort.Ints(ends)
	seen := map[int]bool{}
	for i := range r.glyphs {
		g := r.glyphs[i]
		if r.rtl {
			g = r.glyphs[len(r.glyphs)-1-i]
		}
		next := ends[sort.SearchInts(ends, g.Cluster+1)]
		s := string(r.text[g.Cluster:next])
		if seen[g.Cluster] {
			s = "\u200b" // a mark of a cluster whose text stands at its first glyph
		}
		seen[g.Cluster] = true
		if old, known := u.unicode[g.ID]; !known || old == "\u200b" {
			u.unicode[g.ID] = s
		}
	}
}

func utf16Hex(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String()
}
