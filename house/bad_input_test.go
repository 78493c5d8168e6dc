package house

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sarai/courtyard/store"
	"sarai/house/journey"
)

// ahead is the machine's clock, put forward.
type ahead struct{ by atomic.Int64 }

func (a *ahead) Now() time.Time { return time.Now().UTC().Add(time.Duration(a.by.Load())) }

// sentences gives the fixed parts of a text in a language, straight from the
// files translators write: a page that says it must hold all of them.
func sentences(t testing.TB, lang, key string) []string {
	t.Helper()
	files, err := filepath.Glob("../*/*/texts/" + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		if err := yaml.Unmarshal(body, &texts); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		text, ok := texts[key]
		if !ok {
			continue
		}
		var out []string
		for i, part := range strings.Split(text, "{") {
			if i > 0 {
				_, part, _ = strings.Cut(part, "}")
			}
			if part = strings.Join(strings.Fields(part), " "); part != "" {
				out = append(out, part)
			}
		}
		return out
	}
	t.Fatalf("no text %s in %s", key, lang)
	return nil
}

// TestBadInput does at each step of the journey what people with bad luck or
// bad intent do. The answer is clear and in the reader's language, nothing is
// stored, and where it matters there is an entry.
func TestBadInput(t *testing.T) {
	for _, lang := range []string{"en", "ur"} {
		t.Run(lang, func(t *testing.T) { badInput(t, lang) })
	}
}

func badInput(t *testing.T, lang string) {
	now := &ahead{}
	h := openHouse(t, Config{Clock: now})
	w := goWalk(t, journey.Options{Server: h.Base(), Lang: lang})
	f, citizen := w.Facts(), w.Citizen()
	bilal, ayesha := persona(t, h, "bilal", lang), persona(t, h, "ayesha", lang)

	// A stranger stands at each question of an application for an identity.
	stranger := journey.NewBrowser(h.Base(), lang)
	at := func(step string) (*journey.Page, *journey.Form) {
		p := open(t, stranger, "/identity/apply", http.StatusOK)
		if _, err := stranger.Submit(t.Context(), p, p.Form("/identity/apply")); err != nil {
			t.Fatal(err)
		}
		p = open(t, stranger, "/identity/apply/step/"+step, http.StatusOK)
		return p, p.Form("/identity/apply/step/" + step)
	}
	send := func(b *journey.Browser, p *journey.Page, f *journey.Form, button ...string) *journey.Page {
		p, err := b.Submit(t.Context(), p, f, button...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	answer := func(step string, fill func(*journey.Form)) func() *journey.Page {
		return func() *journey.Page {
			p, form := at(step)
			fill(form)
			return send(stranger, p, form)
		}
	}
	get := func(b *journey.Browser, address string) func() *journey.Page {
		return func() *journey.Page {
			p, err := b.Get(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	answer("sex", func(f *journey.Form) { f.Set("sex", "female") })()

	// A file with a signed note lies on the desk of one of these.
	note := func() *journey.Page {
		for _, who := range []string{"saima", "kamran", "farah"} {
			official := persona(t, h, who, lang)
			desk := open(t, official, "/office", http.StatusOK)
			for _, id := range desk.IDs("f-") {
				p := open(t, official, "/office/file/"+id, http.StatusOK)
				if form := p.Form("/note"); form != nil && p.Data("data-paras") != "0" {
					return send(official, p, form.Set("n", "1").Set("body", "It was never so."), "do=sign")
				}
			}
		}
		t.Fatal("no file with a note is on any desk")
		return nil
	}
	bearer := func(method, address string) func() *journey.Page {
		return func() *journey.Page {
			req, err := http.NewRequestWithContext(t.Context(), method, h.Base()+address, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept-Language", lang)
			req.Header.Set("Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmVk")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			var body bytes.Buffer
			_, _ = body.ReadFrom(res.Body)
			return &journey.Page{Status: res.StatusCode, URL: req.URL, Header: res.Header, Body: body.Bytes()}
		}
	}
	code := func() string { // a code of another citizen's open payment, as it is shown now
		seller := persona(t, h, "bilal", lang)
		p := open(t, seller, "/till/merchant-bilal", http.StatusOK)
		p = send(seller, p, p.FormWith("amount").Set("amount", "120").Set("what", "Tea"))
		return p.Data("data-code")
	}()
	if !strings.HasPrefix(code, "000201") {
		t.Fatalf("the till shows no code: %q", code)
	}
	pay := func(to string) func() *journey.Page {
		return func() *journey.Page {
			p := open(t, ayesha, "/wallet/pay", http.StatusOK)
			return send(ayesha, p, p.FormTo("/wallet/pay").Set("from", "person-ayesha").Set("to", to))
		}
	}

	for _, c := range []struct {
		name   string
		do     func() *journey.Page
		status int
		says   string // key of the text
		event  string // entry in the journal
	}{
		{"a wrong digit in a national number", answer("number", func(f *journey.Form) { f.Set("number", "69901-1234567-1") }), 422, "country.number.sex", ""},
		{"a national number too short", answer("number", func(f *journey.Form) { f.Set("number", "69901-123456-2") }), 422, "country.number.length", ""},
		{"a script in a name", answer("name", func(f *journey.Form) { f.Set("name_en", "<script>alert(1)</script>").Set("name_ur", "ثنا") }), 422, "identity.apply.latin", ""},
		{"a mark that turns the reading order", answer("name", func(f *journey.Form) { f.Set("name_en", "Sana \u202eidajruB").Set("name_ur", "ثنا") }), 422, "web.form.bidi", ""},
		{"a photograph of 20 MB", answer("photo", func(f *journey.Form) {
			f.Attach("photo", "me.jpg", "image/jpeg", append([]byte("\xff\xd8\xff\xe0"), make([]byte, 20<<20)...))
		}), 422, "web.form.file-large", ""},
		{"a photograph that is none", answer("photo", func(f *journey.Form) {
			f.Attach("photo", "me.jpg", "image/jpeg", []byte("\xff\xd8\xff\xe0 no picture"))
		}), 422, "identity.photo.unreadable", ""},
		{"a forged token for facts", bearer("GET", "/oidc/userinfo"), 401, "", ""},
		{"a forged token for a credential", bearer("POST", "/credentials/issue"), 401, "", ""},
		{"a forged token at the interface", bearer("GET", "/api/applications"), 401, "", ""},
		{"somebody else's application", get(bilal, "/applications/"+f.Application), 403, "web.fault.forbidden", ""},
		{"an application that does not exist", get(bilal, "/applications/AAAA-AAAA-AAAA"), 404, "", ""},
		{"somebody else's document", get(bilal, "/documents/"+f.Document), 403, "web.fault.forbidden", ""},
		{"somebody else's certificate", get(bilal, "/documents/"+f.Document+"/pdf"), 403, "web.fault.forbidden", ""},
		{"somebody else's payment", get(ayesha, "/wallet/payment/"+f.Transfer), 403, "web.fault.forbidden", ""},
		{"somebody else's case number", get(bilal, "/office/file/"+f.File), 403, "web.fault.forbidden", ""},
		{"a fee paid twice", get(citizen, "/wallet/pay?fee="+f.Fee), 409, "payments.fee.already-paid", ""},
		{"a changed code", pay(strings.Replace(code, "120", "999", 1)), 422, "payments.code.checksum", ""},
		{"an altered note", note, 422, "office.note.signed", "office.note.alteration-refused"},
		{"a code whose time is over", func() *journey.Page {
			now.by.Store(int64(16 * time.Minute))
			return pay(code)()
		}, 422, "payments.code.expired", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, events := stored(t, h), entries(t, h, c.event)
			p := c.do()
			if p.Status != c.status {
				t.Errorf("status %d, not %d", p.Status, c.status)
			}
			if c.says != "" {
				for _, part := range sentences(t, lang, c.says) {
					if !strings.Contains(p.Text(), part) {
						t.Errorf("does not say %q: %s", part, brief(p.Text()))
					}
				}
			}
			if strings.Contains(string(p.Body), "<script>alert") {
				t.Error("the page carries the script")
			}
			if after := stored(t, h); after != before {
				t.Errorf("something was stored:\n%s\nthen\n%s", before, after)
			}
			if c.event != "" && entries(t, h, c.event) != events+1 {
				t.Errorf("%d entries of %s, then %d", events, c.event, entries(t, h, c.event))
			}
		})
	}
	ledgerHolds(t, h)
}

// stored counts what people's acts leave behind.
func stored(t testing.TB, h *House) string {
	t.Helper()
	var out []string
	err := h.court.DB.View(t.Context(), func(tx *store.Tx) error {
		for _, q := range []string{
			`select count(*) || '/' || coalesce(max(case when photo is null then 0 else 1 end), 0) || '/' || coalesce(sum(length(answers)), 0) from identity_application`,
			`select count(*) || '' from services_application`, `select count(*) || '' from services_paper`, `select count(*) || '' from payments_row`,
			`select count(*) || '' from payments_order`, `select count(*) || '' from office_para`, `select count(*) || '' from identity_credential`,
		} {
			var n string
			if err := tx.QueryRow(q).Scan(&n); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
			out = append(out, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// entries counts the events of a type, with those that wait for a position.
func entries(t testing.TB, h *House, kind string) (n int64) {
	t.Helper()
	if err := h.court.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`select (select count(*) from journal_event where type = $1) + (select count(*) from journal_outbox where type = $1)`, kind).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
