package services

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
)

// fakes stand for the other rooms; what they were asked is kept.
type fakes struct {
	mu      sync.Mutex
	facts   map[string]Fact
	asked   []FactAsk
	fees    map[string]FeeRequest
	intakes map[string]Intake
	printed []CertificateText
	offers  map[string]CredentialOffer
}

func newFakes() *fakes {
	at := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	fact := func(v, ur string) Fact { return Fact{Value: v, ValueUr: ur, Source: "NADRA", At: at} }
	return &fakes{
		facts: map[string]Fact{
			"name": fact("Ayesha Siddiqui", "عائشہ صدیقی"), "father_name": fact("Mahmood Siddiqui", "محمود صدیقی"),
			"national_number": fact("6990141827364", ""), "birth_date": fact("2001-04-17", ""), "district": fact("Islamabad", "اسلام آباد"),
			"address": fact("House 14, Street 21, G-9/2, Islamabad", "مکان ۱۴، گلی ۲۱، جی نائن ٹو، اسلام آباد"), "phone": fact("+923994182736", ""),
		},
		fees: map[string]FeeRequest{}, intakes: map[string]Intake{}, offers: map[string]CredentialOffer{},
	}
}

func (f *fakes) wants() Wants { return Wants{f, f, f, f, f, f} }

func (f *fakes) Facts(_ context.Context, ask FactAsk) (map[string]Fact, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, ask)
	out := map[string]Fact{}
	for _, n := range ask.Names {
		if x, ok := f.facts[n]; ok {
			out[n] = x
		}
	}
	return out, nil
}

func (f *fakes) Name(context.Context, string) (string, string, error) {
	return "Ayesha Siddiqui", "عائشہ صدیقی", nil
}

func (f *fakes) Ask(_ *store.Tx, q FeeRequest) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fees["fee-"+q.Key] = q
	return "fee-" + q.Key, nil
}

func (f *fakes) Receive(_ *store.Tx, in Intake) (string, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intakes[in.Key] = in
	return "file-" + in.Application, "D-1/2026", nil
}

func (f *fakes) Reason(*store.Tx, string) (string, error) { return "The lease ended in May.", nil }

func (f *fakes) Certificate(_ context.Context, t CertificateText) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.printed = append(f.printed, t)
	return []byte("%PDF-1.7 " + t.Statement["en"]), nil
}

func (f *fakes) Offer(_ *store.Tx, o CredentialOffer) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers[o.Key] = o
	return "offer-1", nil
}

func (f *fakes) Receipt(_ context.Context, event string) ([]byte, error) {
	return []byte("c2sp.org/tlog-proof@v1\n" + event), nil
}

func (f *fakes) intake(t *testing.T) Intake {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.intakes) != 1 {
		t.Fatalf("the office received %d files", len(f.intakes))
	}
	for _, in := range f.intakes {
		return in
	}
	panic("unreachable")
}

// window runs a test on every engine with the room and fakes for the others.
func window(t *testing.T, test func(t *testing.T, w *win)) {
	t.Helper()
	t.Parallel() // most of a test is waiting for the disk
	var room *Room
	var f *fakes
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		f = newFakes()
		room, err = New(c, f.wants())
		return err
	}, func(t *testing.T, court *courttest.Court) {
		test(t, &win{T: t, court: court, room: room, fakes: f})
	})
}

type win struct {
	*testing.T
	court *courttest.Court
	room  *Room
	fakes *fakes
}

// visitor is a browser of one person.
type visitor struct {
	*win
	b *http.Client
}

func (w *win) citizen(person string) *visitor { return &visitor{w, w.court.AsCitizen(person)} }
func (w *win) stranger() *visitor             { return &visitor{w, w.court.Browser()} }

// get reads a page; it wants the status.
func (v *visitor) get(path string, status int) string {
	v.Helper()
	body, _ := v.do("GET", path, "", nil, status)
	return body
}

// post sends a form and gives where it leads to.
func (v *visitor) post(path string, form url.Values, status int) (location, body string) {
	v.Helper()
	body, location = v.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), status)
	return location, body
}

func (v *visitor) do(method, path, mediaType string, in io.Reader, status int) (body, location string) {
	v.Helper()
	q, err := http.NewRequest(method, v.court.URL+path, in)
	if err != nil {
		v.Fatal(err)
	}
	if mediaType != "" {
		q.Header.Set("Content-Type", mediaType)
	}
	q.Header.Set("Idempotency-Key", fmt.Sprintf("test-key-%s-%s-0000", method, regexp.MustCompile(`\W`).ReplaceAllString(path, "-")))
	res, err := v.b.Do(q)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	if res.StatusCode != status {
		v.Fatalf("%s %s: %s, want %d\n%s", method, path, res.Status, status, plainText(string(b)))
	}
	return string(b), res.Header.Get("Location")
}

func (v *visitor) upload(path, field, name string, body []byte, status int) (location, page string) {
	v.Helper()
	var buf bytes.Buffer
	m := multipart.NewWriter(&buf)
	part, _ := m.CreateFormFile(field, name)
	_, _ = part.Write(body)
	_ = m.Close()
	page, location = v.do("POST", path, m.FormDataContentType(), &buf, status)
	return location, page
}

var tags = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`)

func plainText(html string) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(html, " ")), " ")
}

func (w *win) emit(e store.Event) {
	w.Helper()
	if err := w.court.DB.Update(context.Background(), func(tx *store.Tx) error { tx.Emit(e); return nil }); err != nil {
		w.Fatal(err)
	}
}

// eventually waits for the background.
func (w *win) eventually(what string, ok func() bool) {
	w.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.Fatalf("never happened: %s", what)
}

func (w *win) application(ref string) *Application {
	w.Helper()
	var a *Application
	if err := w.court.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		a, err = applicationByRef(tx, ref)
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *win) events(types ...string) (out []store.Event) {
	w.Helper()
	out, err := w.court.Journal.Read(context.Background(), 0, 1000, types...)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func refOf(location string) string {
	return strings.Split(strings.TrimPrefix(location, "/applications/"), "/")[0]
}

// apply fills in the domicile form up to the check page and gives the reference.
func (v *visitor) apply() string {
	v.Helper()
	at, _ := v.post("/services/domicile/start", nil, 303)
	r := refOf(at)
	v.post("/applications/"+r+"/consent", url.Values{"consent": {"yes"}}, 303)
	for _, step := range []struct {
		q string
		f url.Values
	}{
		{"residence", url.Values{"resident_since-day": {"۱۷"}, "resident_since-month": {"4"}, "resident_since-year": {"2001"}}},
		{"home", url.Values{"home": {"own"}}},
		{"other", url.Values{"other": {"no"}}},
		{"purpose", url.Values{"purpose": {"admission"}}},
		{"phone", url.Values{"phone": {"0399 4182736"}}},
	} {
		v.post("/applications/"+r+"/q/"+step.q, step.f, 303)
	}
	return r
}

func decode[T any](t *testing.T, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}
