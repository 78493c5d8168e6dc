package journey

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	mathrand "math/rand/v2"
)

// applicant is somebody who does not exist. The number carries the mark of
// synthetic numbers (99 in the second and third place).
type applicant struct {
	nameEn, nameUr     string
	fatherEn, fatherUr string
	day, month, year   int
	number, phone      string
	photo              []byte
}

var (
	women    = [][2]string{{"Hania", "ہانیہ"}, {"Mahnoor", "ماہ نور"}, {"Rabia", "رابعہ"}, {"Sana", "ثنا"}, {"Iqra", "اقرا"}, {"Laiba", "لائبہ"}, {"Zoya", "زویا"}, {"Amna", "آمنہ"}}
	men      = [][2]string{{"Tariq", "طارق"}, {"Naveed", "نوید"}, {"Shahid", "شاہد"}, {"Waqar", "وقار"}, {"Yousaf", "یوسف"}, {"Jamil", "جمیل"}}
	families = [][2]string{{"Chaudhry", "چوہدری"}, {"Bukhari", "بخاری"}, {"Durrani", "درانی"}, {"Memon", "میمن"}, {"Baloch", "بلوچ"}, {"Gilani", "گیلانی"}, {"Abbasi", "عباسی"}, {"Rajput", "راجپوت"}}
)

func someone(seed uint64) applicant {
	if seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:])
		seed = binary.LittleEndian.Uint64(b[:])
	}
	r := mathrand.New(mathrand.NewPCG(seed, 20261121)) //nolint:gosec // people who do not exist need no secrecy
	pick := func(from [][2]string) [2]string { return from[r.IntN(len(from))] }
	given, father, family := pick(women), pick(men), pick(families)
	return applicant{
		nameEn: given[0] + " " + family[0], nameUr: given[1] + " " + family[1],
		fatherEn: father[0] + " " + family[0], fatherUr: father[1] + " " + family[1],
		day: 1 + r.IntN(28), month: 1 + r.IntN(12), year: 1970 + r.IntN(35),
		number: fmt.Sprintf("69901-%07d-%d", r.IntN(10_000_000), 2*(1+r.IntN(4))),
		phone:  fmt.Sprintf("0399 %07d", r.IntN(10_000_000)),
		photo:  face(r),
	}
}

// Portrait is a photograph of nobody, another one for every seed.
func Portrait(seed uint64) []byte {
	return face(mathrand.New(mathrand.NewPCG(seed, 20261121))) //nolint:gosec // people who do not exist need no secrecy
}

// face draws a head and shoulders: enough for a photograph of nobody.
func face(r *mathrand.Rand) []byte {
	const w, h = 480, 640
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	ground := color.RGBA{uint8(190 + r.IntN(50)), uint8(200 + r.IntN(40)), uint8(195 + r.IntN(50)), 255} //nolint:gosec // below 256
	cloth := color.RGBA{uint8(20 + r.IntN(120)), uint8(70 + r.IntN(80)), uint8(80 + r.IntN(80)), 255}    //nolint:gosec // below 256
	skin := color.RGBA{uint8(170 + r.IntN(60)), uint8(120 + r.IntN(50)), uint8(90 + r.IntN(40)), 255}    //nolint:gosec // below 256
	for y := range h {
		for x := range w {
			c := ground
			dx, dy := x-w/2, y-280
			switch {
			case dx*dx*10+dy*dy*6 < 150*150*8:
				c = skin
			case dx*dx*5+dy*dy*4 < 200*200*4 || y > 470 && dx*dx < (y-400)*(y-400)*2:
				c = cloth
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes()
}
