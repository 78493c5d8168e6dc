package web_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sarai/courtyard/web"
)

func TestMistakesAreSaidBesideTheFieldAndOnTop(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		a := g.post("/inn/book", url.Values{"name": {""}, "beds": {"many"}, "from-day": {"31"}, "from-month": {"2"}, "from-year": {"2026"}})
		want(t, a, http.StatusUnprocessableEntity,
			"<title>Error: The inn", `class="summary-errors" role="alert" tabindex="-1" autofocus`,
			`href="#name"`, `id="name-error"`, "Enter your name.", `aria-invalid="true"`, `aria-describedby="name-error"`,
			"Enter a whole number", `value="many"`,
			`href="#from-day"`, "not in the calendar", `value="31"`)
		if strings.Count(a.body, "summary-errors") != 1 {
			t.Error("not one summary")
		}
		want(t, g.post("/inn/book", url.Values{"name": {""}}, "Accept-Language", "ur"), http.StatusUnprocessableEntity, "غلطی: سرائے", "اپنا نام لکھیں۔", `dir="rtl"`)
	})
}

func TestInputIsBroughtIntoOneForm(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		// Urdu digits, decomposed letters, spaces and edge marks of keyboards
		a := g.post("/inn/book", url.Values{"name": {"  \u200fRene\u0301e\u200e "}, "beds": {" ۱۲ "}})
		want(t, a, http.StatusSeeOther)
		want(t, g.get("/inn"), http.StatusOK, "Hello Ren\u00e9e, room 12")
		// the message is shown once
		if strings.Contains(g.get("/inn").body, "Ren\u00e9e") {
			t.Error("the message came again")
		}
		for in, part := range map[string]string{
			"Ali\u202egnp.exe": "RIGHT-TO-LEFT OVERRIDE",
			"Ali\u2067x":       "RIGHT-TO-LEFT ISOLATE",
			"Ali\x00x":         "U+0000",
			"Ali\x07x":         "Character 4",
			"Ali\nx":           "on one line",
		} {
			a := g.post("/inn/book", url.Values{"name": {in}})
			want(t, a, http.StatusUnprocessableEntity, part)
			if strings.ContainsAny(a.body, "\u202e\u2067\x00\x07") {
				t.Errorf("%q came back as it was", in)
			}
		}
		// markup is text
		a = g.get("/inn?name=" + url.QueryEscape(`<script>alert("x")</script>`))
		want(t, a, http.StatusOK, "&lt;script&gt;")
		// Urdu joiners stay
		if got, wrong := web.Cleaned("خانہ\u200cداری", false); wrong != "" || got != "خانہ\u200cداری" {
			t.Errorf("%q %s", got, wrong)
		}
	})
}

func upload(t *testing.T, g *guest, name string, contents []byte, fields map[string]string) answer {
	t.Helper()
	r, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		part, _ := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="photo"; filename="` + name + `"`}, "Content-Type": {"image/png"}})
		_, _ = part.Write(contents)
		for k, v := range fields {
			_ = m.WriteField(k, v)
		}
		_ = m.Close()
		_ = w.Close()
	}()
	return g.do(http.MethodPost, "/inn/book", r, "Content-Type", m.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

func TestAPhotoOfTwentyMegabytes(t *testing.T) {
	each(t, func(t *testing.T, c *court) {
		g := c.guest(t)
		png := []byte("\x89PNG\r\n\x1a\n")
		a := upload(t, g, "me.png", append(png, bytes.Repeat([]byte{7}, 20<<20)...), map[string]string{"name": "Ayesha"})
		// the message names the limit, and what else was typed is still there
		want(t, a, http.StatusUnprocessableEntity, "The file is larger than 1 MB", `value="Ayesha"`)
		want(t, upload(t, g, "me.png", []byte("MZ this is a program"), map[string]string{"name": "Ayesha"}), http.StatusUnprocessableEntity, "We cannot use this kind of file", "PNG")
		want(t, upload(t, g, "me.png", append(png, 1, 2, 3), map[string]string{"name": "Ayesha"}), http.StatusSeeOther)
		// an upload without end is given up
		a = g.post("/inn/book", url.Values{"name": {strings.Repeat("x", 300<<10)}})
		want(t, a, http.StatusRequestEntityTooLarge, "This is too large")
		want(t, g.do(http.MethodPost, "/inn/book", strings.NewReader("--x\r\nbroken"), "Content-Type", "multipart/form-data; boundary=x", "Sec-Fetch-Site", "same-origin"), http.StatusUnprocessableEntity, "cut off on the way")
	})
}

func FuzzCleaned(f *testing.F) {
	for _, s := range []string{"", "Ayesha", "عائشہ صدیقی", "a\u202eb", "\u200f x \u200e", "e\u0301", "\xff\xfe", "a\r\nb", "\ufeff۱۲۳", "\u200f\u200f\u200b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, lines := range []bool{true, false} {
			got, wrong := web.Cleaned(s, lines)
			if !norm.NFC.IsNormalString(got) && wrong == "" {
				t.Errorf("%q is not in NFC", got)
			}
			for _, r := range got {
				if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && r != '\n' && (r != '\t' || !lines) {
					t.Errorf("%q holds %U", got, r)
				}
			}
			if wrong == "" {
				again, wrong := web.Cleaned(got, lines)
				if again != got || wrong != "" {
					t.Errorf("%q becomes %q (%s) the second time", got, again, wrong)
				}
			}
		}
	})
}
