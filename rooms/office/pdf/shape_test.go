package pdf

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Words with every kind of difficulty: stacked Nastaliq, marks, ligatures,
// hamza, noon ghunna, digits, and the words of our own pages.
const urdu = `اسلامی جمہوریہ پاکستان
سرٹیفکیٹ سکونت
تصدیق کی جاتی ہے کہ ذیل میں نامزد شخص کا مستقل گھر علاقہ دارالحکومت اسلام آباد میں ہے
قانون کی نظر میں وہ یہیں کا باشندہ ہے
عائشہ صدیقی
محمد بلال شیخ
نسرین بی بی
فضلِ الٰہی
مؤذّن
مسئلہ
پنجشنبہ
بنیّ
لئے
لیے
اللہ
لا
الآن
ٹھٹھہ
گوجرانوالہ
مظفر گڑھ
رحیم یار خان
ڈیرہ اسماعیل خان
تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں
انہیں ضمیر اور عقل ودیعت ہوئی ہے
اس لیے انہیں ایک دوسرے کے ساتھ بھائی چارے کا سلوک کرنا چاہیئے
۱۲۳۴۵۶۷۸۹۰
کمشنر
درخواست گزار
نستعلیق
سمجھنے
کُتُب
رَحْمَت`

// TestShapingIsHarfBuzz holds every word and line against hb-shape.
func TestShapingIsHarfBuzz(t *testing.T) {
	tool, err := exec.LookPath("hb-shape")
	if err != nil {
		t.Skip("hb-shape (libharfbuzz-bin) is not installed: shaping was not compared")
	}
	seen := map[string]bool{}
	var texts []string
	for _, line := range strings.Split(urdu, "\n") {
		for _, s := range append(strings.Fields(line), line) {
			if !seen[s] {
				seen[s] = true
				texts = append(texts, s)
			}
		}
	}
	for _, face := range []Face{Nastaliq, Naskh} {
		t.Run(faceFiles[face], func(t *testing.T) {
			data, err := FontFile(face)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "font.ttf")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(tool, "--no-glyph-names", "--direction=rtl", "--script=arab", "--language=ur", file)
			cmd.Stdin = strings.NewReader(strings.Join(texts, "\n") + "\n")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("hb-shape: %v\n%s", err, out)
			}
			lines := bufio.NewScanner(bytes.NewReader(out))
			n := 0
			for _, s := range texts {
				if !lines.Scan() {
					t.Fatalf("hb-shape answered %d of %d texts", n, len(texts))
				}
				glyphs, err := Shape(face, s, true)
				if err != nil {
					t.Fatal(err)
				}
				if got := hbFormat(glyphs); got != lines.Text() {
					t.Errorf("%s\n got %s\nwant %s", s, got, lines.Text())
				}
				n++
			}
			t.Logf("%d texts are shaped as HarfBuzz shapes them", n)
		})
	}
}

func hbFormat(glyphs []Glyph) string {
	parts := make([]string, len(glyphs))
	for i, g := range glyphs {
		at := ""
		if g.XOffset != 0 || g.YOffset != 0 {
			at = fmt.Sprintf("@%d,%d", g.XOffset, g.YOffset)
		}
		parts[i] = fmt.Sprintf("%d=%d%s+%d", g.ID, g.Cluster, at, g.XAdvance)
	}
	return "[" + strings.Join(parts, "|") + "]"
}

// TestLinesReadInTheRightOrder: what stands where from left to right.
func TestLinesReadInTheRightOrder(t *testing.T) {
	if _, err := fonts(); err != nil {
		t.Fatal(err)
	}
	f := fontsOf{latin: loaded[Serif], arabic: loaded[Naskh]}
	for _, c := range []struct {
		line string
		rtl  bool
		want string // runs from left to right, each in the order of reading
	}{
		{"plain English", false, "plain English"},
		{"نام", true, "نام"},
		{"14 اگست 1998", true, "1998| اگست |14"},
		{"file 12 of 13", false, "file 12 of 13"},
		{"نام ABC-12 ہے", true, " ہے|ABC-12|نام "},
		{"see نام 12 گلی now", false, "see | گلی|12|نام | now"},
		{"see نام 12/4 now", false, "see |12/4|نام | now"},
		{"F.No. 12/2026", false, "F.No. 12/2026"},
		{"(نام)", true, ")|نام|("},
	} {
		_, ordered := f.visual(c.line, c.rtl)
		var got []string
		for _, r := range ordered {
			got = append(got, string(r.text))
		}
		// where runs are cut between fonts does not matter here, nor do spaces
		bare := strings.NewReplacer("|", "", " ", "").Replace
		if s := strings.Join(got, "|"); bare(s) != bare(c.want) {
			t.Errorf("%q (rtl %v): from left to right %q, want %q", c.line, c.rtl, s, c.want)
		}
	}
}

// FuzzTypesetting: no text, however odd, breaks the writer.
func FuzzTypesetting(f *testing.F) {
	for _, s := range append(strings.Split(urdu, "\n"), "abc 12 نام", "\u202eevil\u202c", "\u2066x\u2069\u2067", "\u0651", "\x00\n\u2029", strings.Repeat("ن", 300)) {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, rtl bool) {
		if len(s) > 2000 {
			return
		}
		d := New(Info{Title: s, Language: "ur"})
		p := d.Page(A4Width, A4Height)
		p.Text(d.Root().Child("P", ""), s, 10, 100, 200, Style{Size: 12, RTL: rtl})
		if _, err := d.Bytes(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzFontFile(f *testing.F) {
	data, err := FontFile(Serif)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:4096])
	f.Add(data[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSfnt(b)
		if err != nil {
			return
		}
		gids, err := s.closure([]int{0})
		if err == nil {
			_, _ = s.subset(gids)
		}
	})
}

func TestSubsettedFontIsReadAgain(t *testing.T) {
	all, err := fonts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		gids, err := p.sfnt.closure([]int{0, 5, 9, 40, 41})
		if err != nil {
			t.Fatal(err)
		}
		data, err := p.sfnt.subset(gids)
		if err != nil {
			t.Fatal(err)
		}
		if checksum(data) != 0xB1B0AFBA {
			t.Errorf("%s: the file's checksum is wrong", p.name)
		}
		again, err := parseSfnt(data)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		if again.glyphs != len(gids) || again.advance(3) != p.sfnt.advance(40) {
			t.Errorf("%s: %d glyphs, advance %d", p.name, again.glyphs, again.advance(3))
		}
	}
}

func BenchmarkNastaliqLine(b *testing.B) {
	for b.Loop() {
		if _, err := Shape(Nastaliq, "تصدیق کی جاتی ہے کہ ذیل میں نامزد شخص کا مستقل گھر", true); err != nil {
			b.Fatal(err)
		}
	}
}
