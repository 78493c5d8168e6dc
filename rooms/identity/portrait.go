package identity

import (
	"bytes"
	"image"
	"image/jpeg"
	_ "image/png" // phones send PNG screenshots as well

	"golang.org/x/image/draw"

	"sarai/courtyard/fault"
)

// Limits of a photograph as it is sent and as it is kept.
const (
	portraitMost   = 5 << 20 // bytes
	portraitPixels = 40 << 20
	portraitLeast  = 200 // pixels on the short side
	portraitWidth  = 480
	portraitHeight = 640
)

// decoding lets two photographs be read at a time: 40 million pixels take up to
// 320 MB, and the page is open to everybody.
var decoding = make(chan struct{}, 2)

// portrait makes a photograph fit to keep: read, cut to 3:4 around the middle,
// scaled and written anew as JPEG. Place, time and camera that phones write
// into the file are gone with it, and so is anything that was no picture.
func portrait(sent []byte) ([]byte, error) {
	cfg, kind, err := image.DecodeConfig(bytes.NewReader(sent))
	if err != nil || kind != "jpeg" && kind != "png" {
		return nil, fault.New(fault.Invalid, "identity.photo.unreadable").Because(err)
	}
	if cfg.Width*cfg.Height > portraitPixels {
		return nil, fault.New(fault.Invalid, "identity.photo.pixels")
	}
	if min(cfg.Width, cfg.Height) < portraitLeast {
		return nil, fault.New(fault.Invalid, "identity.photo.small", "least", "200")
	}
	decoding <- struct{}{}
	defer func() { <-decoding }()
	img, _, err := image.Decode(bytes.NewReader(sent))
	if err != nil {
		return nil, fault.New(fault.Invalid, "identity.photo.unreadable").Because(err)
	}
	b := img.Bounds()
	cut := b
	if w := b.Dy() * 3 / 4; w < b.Dx() {
		cut.Min.X = b.Min.X + (b.Dx()-w)/2
		cut.Max.X = cut.Min.X + w
	} else {
		h := b.Dx() * 4 / 3
		cut.Min.Y = b.Min.Y + (b.Dy()-h)/3 // faces sit above the middle
		cut.Max.Y = cut.Min.Y + h
	}
	out := image.NewRGBA(image.Rect(0, 0, portraitWidth, portraitHeight))
	draw.CatmullRom.Scale(out, out.Bounds(), img, cut, draw.Src, nil)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: 82}); err != nil {
		return nil, fault.New(fault.Invalid, "identity.photo.unreadable").Because(err)
	}
	return buf.Bytes(), nil
}
