package house

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sarai/courtyard/store"
	"sarai/house/journey"
	"sarai/rooms/payments/emvqr"
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
// bad intent do. The answer is clear and in the reader's language, no table has
// changed, and where it matters there is an entry.
func TestBadInput(t *testing.T) {
	eachEngine(t, func(t *testing.T, database func(testing.TB) string) {
		if testing.Short() && strings.HasSuffix(t.Name(), "/postgres") {
			t.Skip("a short run does this on SQLite only")
		}
		now := &ahead{}
		h := openHouse(t, Config{Database: database(t), Clock: now})
		w := goWalk(t, journey.Options{Server: h.Base()})
		for _, lang := range []string{"en", "ur"} {
			t.Run(lang, func(t *testing.T) { badInput(t, h, w, now, lang) })
		}
		ledgerHolds(t, h)
	})
}

// refusal stands for an entry in the record of decisions, which the page quotes.
const refusal = "refusal"

func badInput(t *testing.T, h *House, w *journey.Walk, now *ahead, lang string) {
	f, citizen := w.Facts(), w.Citizen()
	citizen.Lang = lang
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
	note := func() func() *journey.Page {
		for _, who := range []string{"saima", "kamran", "farah"} {
			official := persona(t, h, who, lang)
			desk := open(t, official, "/office", http.StatusOK)
			for _, id := range desk.IDs("f-") {
				p := open(t, official, "/office/file/"+id, http.StatusOK)
				if form := p.Form("/note"); form != nil && p.Data("data-paras") != "0" {
					return func() *journey.Page {
						return send(official, p, form.Set("n", "1").Set("body", "It was never so."), "do=sign")
					}
				}
			}
		}
		t.Fatal("no file with a note is on any desk")
		return nil
	}()
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
	sale := func() string { // the code of a sale another citizen has asked for, as it is shown now
		p := open(t, bilal, "/till/merchant-bilal", http.StatusOK)
		p = send(bilal, p, p.FormWith("amount").Set("amount", "120").Set("what", "Tea"))
		code := p.Data("data-code")
		if !strings.HasPrefix(code, "000201") {
			t.Fatalf("the till shows no code: %q", code)
		}
		return code
	}
	code := sale()
	changed := strings.Replace(code, "120", "999", 1)
	body := changed[:len(changed)-4]
	resealed := body + emvqr.Checksum(body)
	pay := func(to string) func() *journey.Page {
		return func() *journey.Page {
			p := open(t, ayesha, "/wallet/pay", http.StatusOK)
			return send(ayesha, p, p.FormTo("/wallet/pay").Set("from", "person-ayesha").Set("to", to))
		}
	}
	// Two windows stand before the same payment, and one has paid it.
	tea := sale()
	first, second := pay(tea)(), pay(tea)()
	if p := send(ayesha, first, first.Form("/wallet/pay/")); p.Data("data-phase") != "committed" {
		t.Fatalf("not paid: %s", brief(p.Text()))
	}
	// The protocols' errors are words of their standards, the same for everybody.
	// A token nobody issued leaves no entry: anybody can send any number of them.
	const unknownToken = "the token is unknown or has run out"

	number := func(n string) func() *journey.Page {
		return answer("number", func(f *journey.Form) { f.Set("number", n) })
	}
	name := func(en string) func() *journey.Page {
		return answer("name", func(f *journey.Form) { f.Set("name_en", en).Set("name_ur", "ثنا") })
	}
	photo := func(rest []byte) func() *journey.Page {
		return answer("photo", func(f *journey.Form) {
			f.Attach("photo", "me.jpg", "image/jpeg", append([]byte("\xff\xd8\xff\xe0"), rest...))
		})
	}
	for _, c := range []struct {
		name   string
		do     func() *journey.Page
		status int
		says   string // key of the text, or the words of a protocol
		entry  string // type of the event in the journal, or refusal
	}{
		{"a wrong digit in a national number", number("69901-1234567-1"), 422, "country.number.sex", ""},
		{"a national number too short", number("69901-123456-2"), 422, "country.number.length", ""},
		{"a script in a name", name("<script>alert(1)</script>"), 422, "identity.apply.latin", ""},
		{"a mark that turns the reading order", name("Sana \u202eidajruB"), 422, "web.form.bidi", ""},
		{"a photograph of 20 MB", photo(make([]byte, 20<<20)), 422, "web.form.file-large", ""},
		{"a photograph that is none", photo([]byte(" no picture")), 422, "identity.photo.unreadable", ""},
		{"a forged token for facts", bearer("GET", "/oidc/userinfo"), 401, unknownToken, ""},
		{"a forged token for a credential", bearer("POST", "/credentials/issue"), 401, unknownToken, ""},
		{"a forged token at the interface", bearer("GET", "/api/applications"), 401, "identity.token.refused", ""},
		{"somebody else's application", get(bilal, "/applications/"+f.Application), 403, "web.fault.forbidden", refusal},
		{"an application that does not exist", get(bilal, "/applications/AAAA-AAAA-AAAA"), 404, "services.application.unknown", ""},
		{"somebody else's document", get(bilal, "/documents/"+f.Document), 403, "web.fault.forbidden", refusal},
		{"somebody else's certificate", get(bilal, "/documents/"+f.Document+"/pdf"), 403, "web.fault.forbidden", refusal},
		{"somebody else's payment", get(ayesha, "/wallet/payment/"+f.Transfer), 403, "web.fault.forbidden", refusal},
		{"somebody else's case number", get(bilal, "/office/file/"+f.File), 403, "web.fault.forbidden", refusal},
		{"a paid fee opened again", get(citizen, "/wallet/pay?fee="+f.Fee), 409, "payments.fee.already-paid", ""},
		{"one sale paid from two windows", func() *journey.Page { return send(ayesha, second, second.Form("/wallet/pay/")) }, 422, "payments.fee.already-paid", ""},
		{"a code paid already", pay(tea), 422, "payments.fee.already-paid", ""},
		{"a changed code", pay(changed), 422, "payments.code.checksum", ""},
		{"a changed code whose check digits fit", pay(resealed), 422, "payments.code.forged", ""},
		{"an altered note", note, 422, "office.note.signed", "office.note.alteration-refused"},
		{"a code whose time is over", func() *journey.Page {
			now.by.Add(int64(16 * time.Minute))
			return pay(code)()
		}, 422, "payments.code.expired", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, events, began := stored(t, h), entries(t, h, c.entry), now.by.Load()
			p := c.do()
			if p.Status != c.status {
				t.Errorf("status %d, not %d", p.Status, c.status)
			}
			want := []string{c.says}
			if c.says != unknownToken {
				want = sentences(t, lang, c.says)
			}
			for _, part := range want {
				if !strings.Contains(p.Text(), part) {
					t.Errorf("does not say %q: %s", part, brief(p.Text()))
				}
			}
			if strings.Contains(string(p.Body), "<script>alert") {
				t.Error("the page carries the script")
			}
			after := stored(t, h)
			for table, digest := range after {
				if before[table] != digest && (now.by.Load() == began || !slices.Contains(fleeting, table)) {
					t.Errorf("%s has changed", table)
				}
			}
			switch c.entry {
			case "":
			case refusal:
				if !refused(t, h, p) {
					t.Errorf("the page quotes no refusal that is on record: %s", brief(p.Text()))
				}
			default:
				if n := entries(t, h, c.entry); n != events+1 {
					t.Errorf("%d entries of %s, then %d", events, c.entry, n)
				}
			}
		})
	}
}

// moving are the tables that change while nobody asks for anything, and those
// that record that somebody asked: entries, sessions, positions, figures.
var moving = []string{"gate_decision", "identity_session", "job_task", "journal_", "observatory_", "tlog_", "web_session"}

// fleeting are the tables whose rows are good for minutes: when time passes,
// they go by themselves.
var fleeting = []string{"cert_signal", "identity_attempt", "identity_code", "identity_pending", "identity_spent", "identity_token"}

// stored digests every other table.
func stored(t testing.TB, h *House) map[string]string {
	t.Helper()
	all, err := store.Digests(t.Context(), h.court.DB)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(table, _ string) bool {
		return slices.ContainsFunc(moving, func(m string) bool { return strings.HasPrefix(table, m) })
	})
	return all
}

var decisionID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// refused says whether the page quotes a decision on record that refuses.
func refused(t testing.TB, h *House, p *journey.Page) (found bool) {
	t.Helper()
	if err := h.court.DB.View(t.Context(), func(tx *store.Tx) error {
		found = false
		for _, id := range decisionID.FindAllString(p.Text(), -1) {
			var n int
			if err := tx.QueryRow(`select count(*) from gate_decision where id = $1 and not allowed`, id).Scan(&n); err != nil {
				return err
			}
			found = found || n == 1
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
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
