package pdf

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"
)

// resources writes the fonts used and gives the resource dictionary all pages
// share.
func (d *Document) resources() string {
	var fonts, images []string
	for face, u := range d.used {
		if u == nil {
			continue
		}
		r, err := u.embed(&d.file)
		if err != nil {
			d.fail(fmt.Errorf("embed font %s: %w", u.font.name, err))
			return ""
		}
		fonts = append(fonts, fmt.Sprintf("/F%d %s", face, r))
	}
	for i, r := range d.images {
		images = append(images, fmt.Sprintf("/I%d %s", i, r))
	}
	return "<< /Font << " + strings.Join(fonts, " ") + " >> /XObject << " + strings.Join(images, " ") + " >> >>"
}

// embed writes a Type 0 font with its one CIDFontType2 descendant (ISO 32000-1
// section 9.7) in the numbering of the subset.
func (u *usage) embed(f *file) (ref, error) {
	s := u.font.sfnt
	gids, err := s.closure(u.order)
	if err != nil {
		return 0, err
	}
	data, err := s.subset(gids)
	if err != nil {
		return 0, err
	}
	// the six letters before a subset's name differ with its glyphs
	sum := sha256.Sum256(data)
	tag := make([]byte, 6)
	for i := range tag {
		tag[i] = 'A' + sum[i]%26
	}
	name := string(tag) + "+" + u.font.name
	em := func(v float64) string { return num(v * 1000 / u.font.upem) }
	program := f.stream(fmt.Sprintf("/Length1 %d", len(data)), data, true)
	flags := 4 // symbolic: no encoding of its own
	if u.font.face == Serif || u.font.face == SerifBold {
		flags |= 2
	}
	descriptor := f.add(fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags %d /FontBBox [%s %s %s %s] /ItalicAngle 0 /Ascent %s /Descent %s /CapHeight %s /StemV %d /FontFile2 %s >>",
		name, flags, em(float64(s.bbox[0])), em(float64(s.bbox[1])), em(float64(s.bbox[2])), em(float64(s.bbox[3])),
		em(float64(s.ascent)), em(float64(s.descent)), em(float64(s.capHeight)), map[bool]int{false: 80, true: 140}[u.font.face == SerifBold], program))
	widths := make([]string, len(gids))
	for i, g := range gids {
		widths[i] = em(float64(s.advance(g)))
	}
	descendant := f.add(fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %s /DW 1000 /W [0 [%s]] /CIDToGIDMap /Identity >>",
		name, descriptor, strings.Join(widths, " ")))
	return f.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%s] /ToUnicode %s >>",
		name, descendant, f.stream("", u.toUnicode(), true))), nil
}

// toUnicode writes the map from glyphs to text (section 9.10.3).
func (u *usage) toUnicode() []byte {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	type pair struct {
		code int
		text string
	}
	var all []pair
	for gid, n := range u.glyphs {
		if s := u.unicode[gid]; s != "" {
			all = append(all, pair{n, s})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].code < all[j].code })
	for len(all) > 0 {
		n := min(100, len(all)) // a section holds at most a hundred
		fmt.Fprintf(&b, "%d beginbfchar\n", n)
		for _, p := range all[:n] {
			fmt.Fprintf(&b, "<%04X> <%s>\n", p.code, utf16Hex(p.text))
		}
		b.WriteString("endbfchar\n")
		all = all[n:]
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return []byte(b.String())
}
