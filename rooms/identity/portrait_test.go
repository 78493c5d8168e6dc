package identity

import (
	"bytes"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/fault"
)

func picture(t testing.TB, w, h int, kind string) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 128, 255}) //nolint:gosec // a gradient may wrap
		}
	}
	var b bytes.Buffer
	var err error
	if kind == "png" {
		err = png.Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAPhotographIsWrittenAnew(t *testing.T) {
	for _, c := range []struct {
		story string
		sent  []byte
		key   string
	}{
		{"a portrait from a phone", picture(t, 600, 800, "jpeg"), ""},
		{"a landscape picture is cut", picture(t, 900, 400, "png"), ""},
		{"with a place written into it", withExif(picture(t, 300, 300, "jpeg")), ""},
		{"too small to recognise anybody", picture(t, 199, 300, "jpeg"), "identity.photo.small"},
		{"a text that calls itself a picture", []byte("<script>alert(1)</script>"), "identity.photo.unreadable"},
		{"cut off in the middle", picture(t, 300, 300, "jpeg")[:400], "identity.photo.unreadable"},
		{"a bomb: few bytes, many pixels", bomb(t), "identity.photo.pixels"},
	} {
		t.Run(c.story, func(t *testing.T) {
			got, err := portrait(c.sent)
			if c.key != "" {
				if err == nil || fault.As(err).Key != c.key {
					t.Fatalf("got %v, want %s", err, c.key)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cfg, kind, err := image.DecodeConfig(bytes.NewReader(got))
			if err != nil || kind != "jpeg" || cfg.Width != portraitWidth || cfg.Height != portraitHeight {
				t.Fatalf("%v %s %dx%d", err, kind, cfg.Width, cfg.Height)
			}
			if bytes.Contains(got, []byte("Exif")) || bytes.Contains(got, []byte("33.6844")) {
				t.Fatal("the file still says where it was taken")
			}
		})
	}
}

func withExif(j []byte) []byte {
	payload := []byte("Exif\x00\x00GPS 33.6844 N")
	seg := append([]byte{0xff, 0xe1, 0, byte(len(payload) + 2)}, payload...)
	return append(append(append([]byte{}, j[:2]...), seg...), j[2:]...)
}

// bomb is a PNG header that promises 60,000 by 60,000 pixels.
func bomb(t testing.TB) []byte {
	b := picture(t, 300, 300, "png")
	return append(append([]byte{}, b[:16]...), fixSize(b)...)
}

func fixSize(b []byte) []byte {
	ihdr := append([]byte("IHDR"), 0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60)
	ihdr = append(ihdr, b[24:29]...)
	crc := crc32png(ihdr)
	out := append([]byte{}, ihdr[4:]...)
	out = append(out, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	return append(out, b[33:]...)
}

func FuzzPortrait(f *testing.F) {
	f.Add(picture(f, 220, 220, "jpeg"))
	f.Add(picture(f, 220, 220, "png"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > 64<<10 {
			return
		}
		if got, err := portrait(sent); err == nil && len(got) == 0 {
			t.Fatal("accepted and empty")
		}
	})
}

func crc32png(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// slow is a picture that takes its time to read, and how many are being read.
var slow struct {
	now, most atomic.Int64
}

func init() {
	image.RegisterFormat("png", "SLOWPICTURE", func(io.Reader) (image.Image, error) {
		n := slow.now.Add(1)
		defer slow.now.Add(-1)
		for most := slow.most.Load(); n > most && !slow.most.CompareAndSwap(most, n); most = slow.most.Load() {
		}
		time.Sleep(30 * time.Millisecond) // long enough for all the others to come
		return image.NewGray(image.Rect(0, 0, 240, 320)), nil
	}, func(io.Reader) (image.Config, error) { return image.Config{Width: 240, Height: 320}, nil })
}

// The page for photographs is open to everybody: however many are sent at the
// same moment, two are being read, and all of them in the end.
func TestTwoPhotographsAreReadAtATime(t *testing.T) {
	var wait sync.WaitGroup
	var read atomic.Int64
	for range 9 {
		wait.Go(func() {
			if _, err := portrait([]byte("SLOWPICTURE")); err != nil {
				t.Error(err)
				return
			}
			read.Add(1)
		})
	}
	wait.Wait()
	if slow.most.Load() != 2 || read.Load() != 9 {
		t.Errorf("%d were read at a time, %d in the end", slow.most.Load(), read.Load())
	}
}
