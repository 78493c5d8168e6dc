package identity_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/rooms/identity"
)

func register(t *testing.T, test func(t *testing.T, court *courttest.Court, room *identity.Room)) {
	t.Helper()
	t.Parallel()
	var room *identity.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = identity.New(c, identity.Wants{})
		if err == nil {
			c.Gate.SetNames(room.Names)
		}
		return err
	}, func(t *testing.T, court *courttest.Court) { test(t, court, room) })
}

func send(t *testing.T, b *http.Client, address string, values url.Values) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return answer(t, b, req)
}

func answer(t *testing.T, b *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func open(t *testing.T, b *http.Client, address string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, b, req)
}

func sendPhoto(t *testing.T, b *http.Client, address string, photo []byte) (*http.Response, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("photo", "me.jpg")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(photo)
	_ = w.Close()
	req, err := http.NewRequest(http.MethodPost, address, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return answer(t, b, req)
}

func selfie() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 300, 400))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7) //nolint:gosec // a pattern may wrap
	}
	img.Set(1, 1, color.White)
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil)
	return b.Bytes()
}

var applicantAnswers = []struct {
	step   string
	values url.Values
}{
	{"name", url.Values{"name_en": {"Zainab Rafiq"}, "name_ur": {"زینب رفیق"}}},
	{"father", url.Values{"father_en": {"Rafiq Ahmad"}, "father_ur": {"رفیق احمد"}}},
	{"birth", url.Values{"birth-day": {"۷"}, "birth-month": {"3"}, "birth-year": {"2004"}}},
	{"sex", url.Values{"sex": {"female"}}},
	{"number", url.Values{"number": {"69901-7654321-8"}}},
	{"district", url.Values{"district": {"islamabad"}}},
	{"address", url.Values{"address_en": {"House 1, Street 2, Islamabad"}, "address_ur": {"مکان 1، گلی 2، اسلام آباد"}}},
	{"phone", url.Values{"phone": {"0399 1234567"}}},
}

// apply answers every question and sends the application; it gives the page
// that says so.
func apply(t *testing.T, court *courttest.Court, b *http.Client) string {
	t.Helper()
	if res, body := send(t, b, court.URL+"/identity/apply", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("begin: %s %s", res.Status, body)
	}
	for _, a := range applicantAnswers {
		if res, body := send(t, b, court.URL+"/identity/apply/step/"+a.step, a.values); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s %s", a.step, res.Status, body)
		}
	}
	if res, body := sendPhoto(t, b, court.URL+"/identity/apply/step/photo", selfie()); res.Header.Get("Location") != "/identity/apply/check" {
		t.Fatalf("photo: %s %s", res.Status, body)
	}
	if res, body := send(t, b, court.URL+"/identity/apply/check", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("send: %s %s", res.Status, body)
	}
	_, body := open(t, b, court.URL+"/identity/apply/status")
	return body
}

func dossierLink(t *testing.T, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `href="/identity/desk/`)
	if !ok {
		t.Fatalf("no application on the desk: %s", body)
	}
	id, _, _ := strings.Cut(rest, `"`)
	return "/identity/desk/" + id
}

// A citizen applies, two different officials agree, the identity is issued, and
// the person can see who looked.
func TestTwoPeopleIssueAnIdentity(t *testing.T) {
	register(t, func(t *testing.T, court *courttest.Court, room *identity.Room) {
		applicant := court.Browser()
		if body := apply(t, court, applicant); !strings.Contains(body, `data-state="submitted"`) {
			t.Fatalf("not sent: %s", body)
		}
		nadia, omar := court.AsOfficial("p-nadia", "nadra.isb.registration"), court.AsOfficial("p-omar", "nadra.isb.adjudication")
		_, list := open(t, nadia, court.URL+"/identity/desk")
		link := dossierLink(t, list)
		if _, body := open(t, nadia, court.URL+link); !strings.Contains(body, "Zainab Rafiq") || !strings.Contains(body, "data:image/jpeg") {
			t.Fatalf("the dossier does not show the applicant: %s", body)
		}
		yes := url.Values{"outcome": {"approved"}}
		if res, body := send(t, nadia, court.URL+link, yes); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("first decision: %s %s", res.Status, body)
		}
		if res, _ := send(t, nadia, court.URL+link, yes); res.StatusCode != http.StatusForbidden {
			t.Fatalf("the same official decided twice: %s", res.Status)
		}
		if _, body := open(t, applicant, court.URL+"/identity/apply/status"); !strings.Contains(body, `data-state="submitted"`) {
			t.Fatal("one official was enough")
		}
		if res, body := send(t, omar, court.URL+link, yes); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("second decision: %s %s", res.Status, body)
		}
		if _, body := open(t, applicant, court.URL+"/identity/apply/status"); !strings.Contains(body, `data-state="issued"`) {
			t.Fatalf("not issued: %s", body)
		}
		subject, err := room.Find(t.Context(), "69901-7654321-8")
		if err != nil {
			t.Fatal(err)
		}
		seen, err := room.Accesses(t.Context(), subject)
		if err != nil || len(seen) == 0 || seen[0].Actor != "post/nadra.isb.registration" {
			t.Fatalf("the look into the application is not the person's to see: %+v %v", seen, err)
		}
		if res, body := open(t, court.AsCitizen(subject), court.URL+"/identity/accesses"); res.StatusCode != http.StatusOK || !strings.Contains(body, "To decide on your application") {
			t.Fatalf("accesses: %s %s", res.Status, body)
		}
	})
}

// What is wrong is said beside the field, what was right is kept, and nothing
// of a bad answer is stored.
func TestBadAnswersLeaveNoTrace(t *testing.T) {
	register(t, func(t *testing.T, court *courttest.Court, _ *identity.Room) {
		b := court.Browser()
		send(t, b, court.URL+"/identity/apply", nil)
		for _, a := range applicantAnswers[:4] {
			send(t, b, court.URL+"/identity/apply/step/"+a.step, a.values)
		}
		for _, c := range []struct {
			story, step string
			values      url.Values
			says        string
		}{
			{"a script in a name", "name", url.Values{"name_en": {"<script>alert(1)</script>"}, "name_ur": {"زینب"}}, "is not one"},
			{"an RTL override in a name", "name", url.Values{"name_en": {"Zai\u202enab"}, "name_ur": {"زینب"}}, "RIGHT-TO-LEFT OVERRIDE"},
			{"Latin letters where Urdu belongs", "name", url.Values{"name_en": {"Zainab"}, "name_ur": {"Zainab"}}, "Use Urdu letters here"},
			{"a digit too few", "number", url.Values{"number": {"69901-765432-8"}}, "12"},
			{"a last digit that says man", "number", url.Values{"number": {"69901-7654321-7"}}, ""},
			{"a letter in the number", "number", url.Values{"number": {"69901-76543Z1-8"}}, "Z"},
			{"a day that does not exist", "birth", url.Values{"birth-day": {"31"}, "birth-month": {"2"}, "birth-year": {"2004"}}, ""},
			{"a district nobody knows", "district", url.Values{"district": {"atlantis"}}, "Choose the district"},
			{"a landline", "phone", url.Values{"phone": {"12"}}, ""},
		} {
			res, body := send(t, b, court.URL+"/identity/apply/step/"+c.step, c.values)
			if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.says) || !strings.Contains(body, "error") {
				t.Errorf("%s: %s, want 422 that says %q", c.story, res.Status, c.says)
			}
			if strings.Contains(body, "<script>alert") {
				t.Errorf("%s: the page carries the script", c.story)
			}
		}
		if res, body := sendPhoto(t, b, court.URL+"/identity/apply/step/photo", bytes.Repeat([]byte{0xff, 0xd8, 0xff, 0xe0}, 5<<20)); res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("20 MB photograph: %s %s", res.Status, body[:min(len(body), 300)])
		}
		if _, body := open(t, b, court.URL+"/identity/apply/step/name"); !strings.Contains(body, "Zainab Rafiq") {
			t.Error("the good name was lost")
		}
		if res, _ := open(t, b, court.URL+"/identity/apply/check"); res.Header.Get("Location") != "/identity/apply/step/number" {
			t.Errorf("the bad number was stored: on to %s", res.Header.Get("Location"))
		}
	})
}

// An application goes on from another phone with reference and code, and with
// nothing less.
func TestAnApplicationCanBeResumed(t *testing.T) {
	register(t, func(t *testing.T, court *courttest.Court, _ *identity.Room) {
		first, second := court.Browser(), court.Browser()
		send(t, first, court.URL+"/identity/apply", nil)
		send(t, first, court.URL+"/identity/apply/step/name", applicantAnswers[0].values)
		_, saved := open(t, first, court.URL+"/identity/apply/saved")
		reference, code := between(saved, 9), between(saved, 14)
		if reference == "" || code == "" {
			t.Fatalf("no reference or code on the page: %s", saved)
		}
		if res, _ := send(t, second, court.URL+"/identity/apply/resume", url.Values{"reference": {reference}, "code": {"0000-0000-0000"}}); res.StatusCode != http.StatusUnprocessableEntity {
			t.Fatalf("a wrong code opens it: %s", res.Status)
		}
		if res, body := send(t, second, court.URL+"/identity/apply/resume", url.Values{"reference": {strings.ToLower(reference)}, "code": {strings.ReplaceAll(code, "-", " ")}}); res.Header.Get("Location") != "/identity/apply/step/father" {
			t.Fatalf("resume: %s to %q: %s", res.Status, res.Header.Get("Location"), body)
		}
		if _, body := open(t, second, court.URL+"/identity/apply/step/name"); !strings.Contains(body, "Zainab Rafiq") {
			t.Fatal("the answers did not come along")
		}
		if res, _ := open(t, first, court.URL+"/identity/apply/step/name"); res.StatusCode != http.StatusSeeOther {
			t.Fatal("the first phone still has it open")
		}
	})
}

// between finds the first code of n characters (groups of four) on a page.
func between(page string, n int) string {
	for i := 0; i+n <= len(page); i++ {
		s := page[i : i+n]
		ok := page[i-min(i, 1)] == '>' && i+n < len(page) && page[i+n] == '<'
		for j := range len(s) {
			if j%5 == 4 != (s[j] == '-') || s[j] != '-' && !strings.ContainsRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", rune(s[j])) {
				ok = false
			}
		}
		if ok {
			return s
		}
	}
	return ""
}
