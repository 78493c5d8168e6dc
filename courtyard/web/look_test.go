package web_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
	"sarai/courtyard/web/webtest"
)

func sqliteCourt(t testing.TB, o web.Options) *court {
	return open(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), o)
}

// TestStyleIsAccessible runs axe-core over every component, in both languages,
// light and dark, at 320 and 1280 pixels. SARAI_SHOTS=dir keeps
// pictures, SARAI_VIEW=phone-ur picks views.
func TestStyleIsAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	webtest.NeedAxe(t)
	b := webtest.Need(t)
	c := sqliteCourt(t, web.Options{Demo: true})
	var views []webtest.View
	for _, v := range webtest.Narrow() {
		if strings.Contains(v.Name, os.Getenv("SARAI_VIEW")) {
			views = append(views, v)
		}
	}
	see := func(tab *webtest.Tab, p webtest.Page) error {
		tab.Accessible(t, p.Path)
		if dir := os.Getenv("SARAI_SHOTS"); dir != "" {
			return tab.Save(filepath.Join(dir, p.Name+"-"+tab.View.Name+".png"))
		}
		return nil
	}
	if err := b.Tour(c.server.URL, views, []webtest.Page{{Name: "style", Path: "/style"}}, see); err != nil {
		t.Fatal(err)
	}
	// these are made of the same parts: two views say enough
	some := []webtest.View{webtest.Narrow()[0], webtest.Narrow()[7]}
	if err := b.Tour(c.server.URL, some, []webtest.Page{{Name: "not-found", Path: "/nowhere"}, {Name: "question", Path: "/inn/book"}}, see); err != nil {
		t.Fatal(err)
	}
}

// TestFirstView measures what a first visitor loads before anything shows:
// the page and the stylesheet, compressed. The Urdu face comes after.
func TestFirstView(t *testing.T) {
	c := sqliteCourt(t, web.Options{Demo: true})
	g := c.guest(t)
	zipped := func(body string) int {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
		return b.Len()
	}
	page := g.get("/inn/book")
	css := regexp.MustCompile(`/static/sarai\.[0-9a-f]+\.css`).FindString(page.body)
	sheet := g.get(css, "Accept-Encoding", "gzip")
	if sheet.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(sheet.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("the stylesheet is sent without compression or without a long life: %v", sheet.Header)
	}
	total := zipped(page.body) + len(sheet.body)
	t.Logf("question page %d + stylesheet %d = %d bytes", zipped(page.body), len(sheet.body), total)
	if total > 14<<10 {
		t.Errorf("the first view is %d bytes, more than 14 KB", total)
	}
	style := g.get("/style")
	t.Logf("the page with every component: %d bytes", zipped(style.body))
	// An "else if" among a tag's attributes becomes an attribute by that name.
	if odd := regexp.MustCompile(`<[^>]* (else|if|for|switch)(=""|[ >])[^>]*>`).FindString(style.body); odd != "" {
		t.Errorf("a word of the template became an attribute: %s", odd)
	}
	t.Logf("scripts: %d bytes", c.site.ScriptBytes())
	if n := c.site.ScriptBytes(); n > web.ScriptBudget {
		t.Errorf("our scripts are %d bytes, more than %d", n, web.ScriptBudget)
	}
	font := g.get(c.site.Asset("nastaliq.woff2"))
	t.Logf("Urdu face: %d bytes", len(font.body))
	if len(font.body) > 112<<10 {
		t.Errorf("the Urdu face is %d bytes", len(font.body))
	}
	if strings.Contains(page.body, "nastaliq") {
		t.Error("an English page asks for the Urdu face")
	}
}

// TestLogicalPropertiesOnly holds the stylesheet to rules that serve both
// directions.
func TestLogicalPropertiesOnly(t *testing.T) {
	css, err := os.ReadFile("assets/sarai.css")
	if err != nil {
		t.Fatal(err)
	}
	physical := regexp.MustCompile(`(?m)[{; ](margin|padding|border)-(left|right|top|bottom)\b|[{; ](left|right|top|bottom|float|width|height|min-width|max-width|min-height|max-height):`)
	for _, m := range physical.FindAllString(string(css), -1) {
		if strings.Contains(m, "width:") || strings.Contains(m, "height:") {
			// media queries have no logical form
			continue
		}
		t.Errorf("physical property %q", m)
	}
	for _, rule := range regexp.MustCompile(`[{;]\s*(width|height|min-width|max-width|min-height|max-height)\s*:`).FindAllString(string(css), -1) {
		t.Errorf("physical property %q", rule)
	}
}
