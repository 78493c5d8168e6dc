package pdf

import (
	"bytes"
	"embed"
	"fmt"
	"sync"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/harfbuzz"
)

// Face is one of the faces this package can set text in.
type Face uint8

// The faces. Latin text is always set in a serif; text in the Arabic script in
// Nastaliq, the hand Urdu is read in, or in Naskh where lines must be close.
const (
	Serif     Face = iota // Noto Serif Regular
	SerifBold             // Noto Serif Bold
	Nastaliq              // Noto Nastaliq Urdu Regular
	Naskh                 // Noto Naskh Arabic Regular
	faces
)

//go:embed fonts/*.ttf
var fontFiles embed.FS

var faceFiles = [faces]string{
	"NotoSerif-Regular", "NotoSerif-Bold", "NotoNastaliqUrdu-Regular", "NotoNaskhArabic-Regular",
}

// FontFile gives the TrueType file of a face as it is kept in this package.
func FontFile(f Face) ([]byte, error) { return fontFiles.ReadFile("fonts/" + faceFiles[f] + ".ttf") }

// parsedFont is a face read once for the whole process. The tables are safe to
// share; shaping engines are not, so they come from a pool.
type parsedFont struct {
	face    Face
	name    string
	sfnt    *sfnt
	upem    float64
	ascent  float64 // in em
	descent float64 // in em, positive downward
	tables  *font.Font
	engines sync.Pool
}

var (
	loadOnce sync.Once
	loaded   [faces]*parsedFont
	loadErr  error
)

func fonts() ([faces]*parsedFont, error) {
	loadOnce.Do(func() {
		for f := Face(0); f < faces; f++ {
			data, err := FontFile(f)
			if err != nil {
				loadErr = err
				return
			}
			if loaded[f], err = parseFont(f, faceFiles[f], data); err != nil {
				loadErr = fmt.Errorf("read font %s: %w", faceFiles[f], err)
				return
			}
		}
	})
	return loaded, loadErr
}

func parseFont(f Face, name string, data []byte) (*parsedFont, error) {
	s, err := parseSfnt(data)
	if err != nil {
		return nil, err
	}
	face, err := font.ParseTTF(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	p := &parsedFont{
		face: f, name: name, sfnt: s, tables: face.Font, upem: float64(s.upem),
		ascent: float64(s.ascent) / float64(s.upem), descent: -float64(s.descent) / float64(s.upem),
	}
	p.engines.New = func() any { return harfbuzz.NewFont(font.NewFace(p.tables)) }
	return p, nil
}

// has says whether the font draws a character.
func (p *parsedFont) has(r rune) bool {
	_, ok := p.tables.NominalGlyph(r)
	return ok
}
