package letter_test

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarai/rooms/office/letter"
)

// Domicile is the certificate the journey ends with, of an invented person.
func domicile() letter.Certificate {
	return letter.Certificate{
		Country:   letter.Text{"en": "Islamic Republic of Pakistan", "ur": "اسلامی جمہوریہ پاکستان"},
		Office:    letter.Text{"en": "Office of the Deputy Commissioner, Islamabad Capital Territory", "ur": "دفتر ڈپٹی کمشنر، علاقہ دارالحکومت اسلام آباد"},
		Title:     letter.Text{"en": "Certificate of Domicile", "ur": "سرٹیفکیٹ سکونت (ڈومیسائل)"},
		Number:    "DC-ICT/DOM/2026/00042",
		Statement: letter.Text{"en": "It is certified that the person named below has a permanent home in the Islamabad Capital Territory and is domiciled there in the eyes of the law.", "ur": "تصدیق کی جاتی ہے کہ ذیل میں نامزد شخص کا مستقل گھر علاقہ دارالحکومت اسلام آباد میں ہے اور قانون کی نظر میں وہ یہیں کا باشندہ ہے۔"},
		Rows: []letter.Row{
			{letter.Text{"en": "Name", "ur": "نام"}, letter.Text{"en": "Ayesha Siddiqui", "ur": "عائشہ صدیقی"}},
			{letter.Text{"en": "Father's name", "ur": "والد کا نام"}, letter.Text{"en": "Muhammad Siddiqui", "ur": "محمد صدیقی"}},
			{letter.Text{"en": "Identity number", "ur": "قومی شناختی نمبر"}, letter.Text{"en": "69910-0000007-2"}},
			{letter.Text{"en": "Date of birth", "ur": "تاریخ پیدائش"}, letter.Text{"en": "14 August 1998", "ur": "14 اگست 1998"}},
			{letter.Text{"en": "Address", "ur": "پتہ"}, letter.Text{"en": "House 12, Street 4, Sector G-9/2, Islamabad", "ur": "مکان 12، گلی 4، سیکٹر G-9/2، اسلام آباد"}},
			{letter.Text{"en": "Resident since", "ur": "رہائش از"}, letter.Text{"en": "3 March 2011", "ur": "3 مارچ 2011"}},
			{letter.Text{"en": "Purpose", "ur": "مقصد"}, letter.Text{"en": "Admission to a university", "ur": "جامعہ میں داخلہ"}},
		},
		Law:      letter.Text{"en": "Issued under section 17 of the Pakistan Citizenship Act, 1951, and rule 23 of the rules made under it.", "ur": "پاکستان سٹیزن شپ ایکٹ 1951 کی دفعہ 17 اور اس کے تحت بنے قواعد کے قاعدہ 23 کے مطابق جاری ہوا۔"},
		Remark:   letter.Text{"en": "A copy on paper is good only as long as the code below confirms it.", "ur": "کاغذی نقل تبھی معتبر ہے جب نیچے دیا گیا کوڈ اس کی تصدیق کرے۔"},
		Post:     letter.Text{"en": "Deputy Commissioner", "ur": "ڈپٹی کمشنر"},
		Charge:   letter.Text{"en": "Permanent charge", "ur": "مستقل چارج"},
		IssuedOn: letter.Text{"en": "21 November 2026", "ur": "21 نومبر 2026"},
		Issued:   time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), VerifyURL: "https://sarai.gov.pk/verify/7K3MQ2ZDWT4A",
		Source: []byte(`{"type":"DomicileCertificate"}`),
		Demo:   letter.Text{"en": "Demonstration: a synthetic country, nobody real.", "ur": "مظاہرہ: فرضی ملک، کوئی حقیقی شخص نہیں۔"},
		Labels: letter.Labels{
			Number: letter.Text{"en": "No."}, Issued: letter.Text{"en": "Issued on", "ur": "تاریخ اجرا"},
			Sealed: letter.Text{"en": "Signed electronically (PAdES) by the post"},
			Scan:   letter.Text{"en": "Scan to check that it is genuine and still good", "ur": "اصل ہونے کی تصدیق کے لیے کوڈ سکین کریں"},
		},
	}
}

func TestTheCertificateIsTheSameEachTimeAndSound(t *testing.T) {
	one, err := domicile().Render()
	if err != nil {
		t.Fatal(err)
	}
	two, err := domicile().Render()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the same certificate printed twice differs")
	}
	if len(one) > 200<<10 {
		t.Errorf("the certificate has %d bytes: are whole fonts embedded?", len(one))
	}
	file := filepath.Join(t.TempDir(), "certificate.pdf")
	if keep := os.Getenv("SARAI_KEEP_PDF"); keep != "" {
		file = keep
	}
	if err := os.WriteFile(file, one, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("qpdf finds no fault", func(t *testing.T) {
		out, err := run(t, "qpdf", "--check", file)
		if err != nil || !strings.Contains(out, "No syntax or stream encoding errors") {
			t.Errorf("qpdf: %v\n%s", err, out)
		}
	})
	t.Run("pdftotext reads it", func(t *testing.T) {
		out, err := run(t, "pdftotext", "-layout", file, "-")
		if err != nil {
			t.Fatal(err, out)
		}
		for _, want := range []string{"Certificate of Domicile", "DC-ICT/DOM/2026/00042", "Ayesha Siddiqui", "Deputy Commissioner", "69910-0000007-2"} {
			if !strings.Contains(out, want) {
				t.Errorf("the text lacks %q:\n%s", want, out)
			}
		}
	})
	t.Run("its source travels inside", func(t *testing.T) {
		out, err := run(t, "qpdf", "--show-attachment=source.json", file)
		if err != nil || !strings.Contains(out, "DomicileCertificate") {
			t.Errorf("attachment: %v %s", err, out)
		}
	})
}

// TestAPhotograph: it stands beside the statement; one that cannot be read is
// an error, not a certificate without it.
func TestAPhotograph(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 90, 110))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i * 7) //nolint:gosec // any pattern
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	c := domicile()
	c.Photo = b.Bytes()
	doc, err := c.Render()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "photo.pdf")
	if keep := os.Getenv("SARAI_KEEP_PHOTO_PDF"); keep != "" {
		file = keep
	}
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Photo = []byte("no picture")
	if _, err := c.Render(); err == nil {
		t.Error("an unreadable photograph was left out silently")
	}
	if out, err := run(t, "pdfimages", "-list", file); err != nil || !strings.Contains(out, "90   110") {
		t.Errorf("pdfimages: %v\n%s", err, out)
	}
}

func BenchmarkRender(b *testing.B) {
	for b.Loop() {
		if _, err := domicile().Render(); err != nil {
			b.Fatal(err)
		}
	}
}

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: nothing was checked here", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}
