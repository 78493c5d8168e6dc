package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// sfnt is a TrueType font file opened for subsetting (ISO/IEC 14496-22).
type sfnt struct {
	tables              map[string][]byte
	upem                uint16
	ascent, descent     int16
	bbox                [4]int16
	capHeight           int16
	glyphs, longMetrics int
	longLoca            bool
	glyf, loca, hmtx    []byte
}

var errFont = errors.New("no usable TrueType font")

func parseSfnt(b []byte) (*sfnt, error) {
	if len(b) < 12 || binary.BigEndian.Uint32(b) != 0x00010000 {
		return nil, errFont
	}
	s := &sfnt{tables: map[string][]byte{}}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < 12+16*n {
		return nil, errFont
	}
	for i := range n {
		e := b[12+16*i:]
		off, size := int64(binary.BigEndian.Uint32(e[8:])), int64(binary.BigEndian.Uint32(e[12:]))
		if off+size > int64(len(b)) {
			return nil, fmt.Errorf("%w: table %q ends outside the file", errFont, e[:4])
		}
		s.tables[string(e[:4])] = b[off : off+size]
	}
	head, hhea, maxp := s.tables["head"], s.tables["hhea"], s.tables["maxp"]
	if len(head) < 54 || len(hhea) < 36 || len(maxp) < 6 {
		return nil, fmt.Errorf("%w: head, hhea or maxp is missing", errFont)
	}
	i16 := func(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) } //nolint:gosec // two's complement on purpose
	s.upem = binary.BigEndian.Uint16(head[18:])
	for i := range s.bbox {
		s.bbox[i] = i16(head[36+2*i:])
	}
	s.longLoca = i16(head[50:]) == 1
	s.ascent, s.descent = i16(hhea[4:]), i16(hhea[6:])
	s.longMetrics = int(binary.BigEndian.Uint16(hhea[34:]))
	s.glyphs = int(binary.BigEndian.Uint16(maxp[4:]))
	s.capHeight = s.ascent
	if os2 := s.tables["OS/2"]; len(os2) >= 90 {
		s.capHeight = i16(os2[88:])
	}
	s.glyf, s.loca, s.hmtx = s.tables["glyf"], s.tables["loca"], s.tables["hmtx"]
	width := 2
	if s.longLoca {
		width = 4
	}
	if s.upem == 0 || s.longMetrics == 0 || len(s.loca) < (s.glyphs+1)*width || len(s.hmtx) < 4*s.longMetrics+2*(s.glyphs-s.longMetrics) {
		return nil, fmt.Errorf("%w: loca or hmtx is too short", errFont)
	}
	return s, nil
}

// advance is a glyph's width in font units.
func (s *sfnt) advance(gid int) int {
	if gid >= s.longMetrics {
		gid = s.longMetrics - 1
	}
	return int(binary.BigEndian.Uint16(s.hmtx[4*gid:]))
}

func (s *sfnt) bearing(gid int) []byte {
	if gid < s.longMetrics {
		return s.hmtx[4*gid+2 : 4*gid+4]
	}
	at := 4*s.longMetrics + 2*(gid-s.longMetrics)
	return s.hmtx[at : at+2]
}

func (s *sfnt) glyph(gid int) ([]byte, error) {
	if gid < 0 || gid >= s.glyphs {
		return nil, fmt.Errorf("%w: no glyph %d", errFont, gid)
	}
	var from, to int
	if s.longLoca {
		from, to = int(binary.BigEndian.Uint32(s.loca[4*gid:])), int(binary.BigEndian.Uint32(s.loca[4*gid+4:]))
	} else {
		from, to = 2*int(binary.BigEndian.Uint16(s.loca[2*gid:])), 2*int(binary.BigEndian.Uint16(s.loca[2*gid+2:]))
	}
	if from > to || to > len(s.glyf) {
		return nil, fmt.Errorf("%w: glyph %d lies outside glyf", errFont, gid)
	}
	return s.glyf[from:to], nil
}

// Composite glyph flags (glyf table).
const (
	argsAreWords  = 0x0001
	haveScale     = 0x0008
	moreParts     = 0x0020
	haveXYScale   = 0x0040
	have2By2      = 0x0080
	compositeHead = 10
)

// parts calls fn with the offset of each component's glyph index.
func parts(g []byte, fn func(at int) error) error {
	if len(g) < compositeHead || int16(binary.BigEndian.Uint16(g)) >= 0 { //nolint:gosec // sign bit
		return nil
	}
	for at := compositeHead; ; {
		if at+4 > len(g) {
			return fmt.Errorf("%w: composite glyph ends early", errFont)
		}
		flags := binary.BigEndian.Uint16(g[at:])
		if err := fn(at + 2); err != nil {
			return err
		}
		at += 6
		if flags&argsAreWords != 0 {
			at += 2
		}
		switch {
		case flags&haveScale != 0:
			at += 2
		case flags&haveXYScale != 0:
			at += 4
		case flags&have2By2 != 0:
			at += 8
		}
		if flags&moreParts == 0 {
			return nil
		}
	}
}

// closure adds to a list of glyphs the components of its composite glyphs.
func (s *sfnt) closure(gids []int) ([]int, error) {
	out := append([]int(nil), gids...)
	known := map[int]bool{}
	for _, g := range gids {
		known[g] = true
	}
	for i := 0; i < len(out); i++ {
		g, err := s.glyph(out[i])
		if err != nil {
			return nil, err
		}
		err = parts(g, func(at int) error {
			if part := int(binary.BigEndian.Uint16(g[at:])); !known[part] {
				known[part] = true
				out = append(out, part)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// subset writes a font with just these glyphs (closed, .notdef first), numbered 0, 1, 2 ... It has the tables ISO 32000-1 section 9.9 asks
// for in a CIDFontType2 and no others.
func (s *sfnt) subset(gids []int) ([]byte, error) {
	number := make(map[int]int, len(gids))
	for i, g := range gids {
		number[g] = i
	}
	var glyf, loca, hmtx []byte
	for _, gid := range gids {
		g, err := s.glyph(gid)
		if err != nil {
			return nil, err
		}
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))                                 //nolint:gosec // fonts are small
		hmtx = append(binary.BigEndian.AppendUint16(hmtx, uint16(s.advance(gid))), s.bearing(gid)...) //nolint:gosec // read as uint16
		start := len(glyf)
		glyf = append(glyf, g...)
		err = parts(g, func(at int) error {
			to := number[int(binary.BigEndian.Uint16(g[at:]))]
			binary.BigEndian.PutUint16(glyf[start+at:], uint16(to)) //nolint:gosec // fewer glyphs than the source
			return nil
		})
		if err != nil {
			return nil, err
		}
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf))) //nolint:gosec // fonts are small
	clone := func(t string) []byte { return append([]byte(nil), s.tables[t]...) }
	head, hhea, maxp := clone("head"), clone("hhea"), clone("maxp")
	binary.BigEndian.PutUint32(head[8:], 0)                  // checkSumAdjustment, set below
	binary.BigEndian.PutUint16(head[50:], 1)                 // long loca
	binary.BigEndian.PutUint16(hhea[34:], uint16(len(gids))) //nolint:gosec // fewer than the source
	binary.BigEndian.PutUint16(maxp[4:], uint16(len(gids)))  //nolint:gosec // fewer than the source
	out := map[string][]byte{"glyf": glyf, "loca": loca, "hmtx": hmtx, "head": head, "hhea": hhea, "maxp": maxp}
	for _, hinting := range []string{"cvt ", "fpgm", "prep"} {
		if t, ok := s.tables[hinting]; ok {
			out[hinting] = t
		}
	}
	return assemble(out), nil
}

// assemble writes tables in order of their tags with directory and checksums.
func assemble(tables map[string][]byte) []byte {
	tags := make([]string, 0, len(tables))
	for t := range tables {
		tags = append(tags, t)
	}
	sort.Strings(tags)
	n := len(tags)
	pow, log := 1, 0
	for pow*2 <= n {
		pow, log = pow*2, log+1
	}
	file := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, pow * 16, log, n*16 - pow*16} {
		file = binary.BigEndian.AppendUint16(file, uint16(v)) //nolint:gosec // at most a dozen tables
	}
	off := 12 + 16*n
	headAt := 0
	var body []byte
	for _, t := range tags {
		d := tables[t]
		if t == "head" {
			headAt = off + len(body)
		}
		file = append(file, t...)
		file = binary.BigEndian.AppendUint32(file, checksum(d))
		file = binary.BigEndian.AppendUint32(file, uint32(off+len(body))) //nolint:gosec // fonts are small
		file = binary.BigEndian.AppendUint32(file, uint32(len(d)))        //nolint:gosec // fonts are small
		body = append(body, d...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	file = append(file, body...)
	binary.BigEndian.PutUint32(file[headAt+8:], 0xB1B0AFBA-checksum(file))
	return file
}

func checksum(b []byte) (sum uint32) {
	for len(b) >= 4 {
		sum += binary.BigEndian.Uint32(b)
		b = b[4:]
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}
