package pdf

import (
	"strings"
	"unicode"

	"github.com/go-text/typesetting/harfbuzz"
	"github.com/go-text/typesetting/language"
	"golang.org/x/text/unicode/bidi"
)

// Glyph is a shaped glyph in font units, in the order it is drawn from left to
// right.
type Glyph struct {
	ID               int
	Cluster          int // index of the first character it stands for
	XAdvance         int
	XOffset, YOffset int
}

// run is a piece of text in one font, direction and, when drawn, one string.
type run struct {
	font   *parsedFont
	text   []rune
	rtl    bool
	level  int
	glyphs []Glyph
	width  float64 // em
}

// Shape gives the glyphs of a text that is all of one direction and of one
// font, as HarfBuzz would.
func Shape(f Face, text string, rtl bool) ([]Glyph, error) {
	all, err := fonts()
	if err != nil {
		return nil, err
	}
	return all[f].shape([]rune(text), rtl), nil
}

func (p *parsedFont) shape(text []rune, rtl bool) []Glyph {
	engine := p.engines.Get().(*harfbuzz.Font) //nolint:forcetypeassert // our own pool
	defer p.engines.Put(engine)
	b := harfbuzz.NewBuffer()
	b.AddRunes(text, 0, len(text))
	b.Props = harfbuzz.SegmentProperties{Direction: harfbuzz.LeftToRight, Script: language.Latin, Language: language.NewLanguage("en")}
	if p.face == Nastaliq || p.face == Naskh {
		b.Props.Script, b.Props.Language = language.Arabic, language.NewLanguage("ur")
	}
	if rtl {
		b.Props.Direction = harfbuzz.RightToLeft
	}
	b.Shape(engine, nil)
	out := make([]Glyph, len(b.Info))
	for i, g := range b.Info {
		at := b.Pos[i]
		out[i] = Glyph{ID: int(g.Glyph), Cluster: g.Cluster, XAdvance: int(at.XAdvance), XOffset: int(at.XOffset), YOffset: int(at.YOffset)}
	}
	return out
}

// fontsOf is the pair of fonts a style sets its two scripts in.
type fontsOf struct{ latin, arabic *parsedFont }

// choose gives the font for a character. Characters of both worlds stay in the
// font of their neighbour.
func (f fontsOf) choose(r rune, now *parsedFont) *parsedFont {
	switch {
	case unicode.Is(unicode.Arabic, r) || r == 0x060C || r == 0x061B || r == 0x061F:
		if f.arabic.has(r) || f.arabic.face == Naskh {
			return f.arabic
		}
		// letters of Sindhi and Pashto that the Nastaliq font does not draw
		if naskh := loaded[Naskh]; naskh.has(r) {
			return naskh
		}
		return f.arabic
	case r >= '0' && r <= '9' || unicode.Is(unicode.Latin, r):
		return f.latin
	case now != nil && (now.has(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r)):
		return now
	case f.latin.has(r):
		return f.latin
	case f.arabic.has(r):
		return f.arabic
	}
	return f.latin
}

// visual cuts one line into runs by direction and font and shapes them. The
// first result is in the order of reading, the second in the order from left to
// right. Explicit embeddings deeper than one level are set as one level.
func (f fontsOf) visual(line string, rtl bool) (logical, ordered []*run) {
	text := []rune(line)
	if len(text) == 0 {
		return nil, nil
	}
	levels := bidiLevels(line, rtl)
	var now *parsedFont
	if rtl {
		now = f.arabic
	}
	start := 0
	for i := 0; i <= len(text); i++ {
		var next *parsedFont
		if i < len(text) {
			next = f.choose(text[i], now)
		}
		if i == len(text) || i > 0 && (levels[i] != levels[i-1] || next != now) {
			if i > start {
				logical = append(logical, &run{font: now, text: text[start:i], level: levels[start], rtl: levels[start]%2 == 1})
			}
			start = i
		}
		now = next
	}
	for _, r := range logical {
		r.glyphs = r.font.shape(r.text, r.rtl)
		for _, g := range r.glyphs {
			r.width += float64(g.XAdvance) / r.font.upem
		}
	}
	return logical, reorder(logical)
}

// reorder is rule L2 of UAX 9 over runs.
func reorder(runs []*run) []*run {
	out := append([]*run(nil), runs...)
	top := 0
	for _, r := range out {
		top = max(top, r.level)
	}
	for level := top; level > 0; level-- {
		for i := 0; i < len(out); i++ {
			j := i
			for j < len(out) && out[j].level >= level {
				j++
			}
			for a, b := i, j-1; a < b; a, b = a+1, b-1 {
				out[a], out[b] = out[b], out[a]
			}
			if j > i {
				i = j
			}
		}
	}
	return out
}

// bidiLevels gives the embedding level of each character: 0 and 2 in a
// left-to-right line, 1 and 2 in a right-to-left one. x/text tells the
// direction of each run and not its level, so that numbers inside right-to-left
// text of a left-to-right line (level 2) are found by their class.
func bidiLevels(line string, rtl bool) []int {
	mark, def := "\u200e", bidi.LeftToRight
	if rtl {
		mark, def = "\u200f", bidi.RightToLeft
	}
	var p bidi.Paragraph
	// the mark fixes the base direction, which x/text would otherwise guess
	_, err := p.SetString(mark+strings.Map(oneLine, line), bidi.DefaultDirection(def))
	n := len([]rune(line))
	levels := make([]int, n+1)
	base := 0
	if rtl {
		base = 1
	}
	var order bidi.Ordering
	if err == nil {
		order, err = p.Order()
	}
	if err != nil { // an unmatched control: the base direction for all
		for i := range levels {
			levels[i] = base
		}
		return levels[1:]
	}
	for i := range order.NumRuns() {
		r := order.Run(i)
		from, to := r.Pos()
		for at := from; at <= to && at <= n; at++ {
			switch {
			case r.Direction() == bidi.RightToLeft:
				levels[at] = 1
			case rtl:
				levels[at] = 2
			}
		}
	}
	if !rtl {
		numbersInside([]rune(mark+line), levels)
	}
	return levels[1:]
}

func oneLine(r rune) rune {
	if p, _ := bidi.LookupRune(r); p.Class() == bidi.B {
		return ' '
	}
	return r
}

// numbersInside raises numbers that touch right-to-left text to level 2.
func numbersInside(text []rune, levels []int) {
	class := func(i int) bidi.Class { p, _ := bidi.LookupRune(text[i]); return p.Class() }
	number := func(i int) bool { return class(i) == bidi.EN || class(i) == bidi.AN }
	for i := 1; i < len(text); i++ {
		if levels[i] != 0 || levels[i-1] != 1 || !number(i) {
			continue
		}
		for j := i; j < len(text) && levels[j] == 0; j++ {
			inside := class(j) == bidi.CS || class(j) == bidi.ES
			if !number(j) && (!inside || j+1 >= len(text) || !number(j+1)) {
				break
			}
			levels[j] = 2
		}
	}
	for i := len(text) - 2; i > 0; i-- {
		if levels[i] == 0 && levels[i+1] != 0 && class(i) == bidi.AN {
			levels[i] = 2
		}
	}
}
