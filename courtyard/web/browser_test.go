package web_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/web"
	"sarai/courtyard/web/webtest"
)

// TestInABrowser follows a signed-in guest: mistakes take the focus, a live
// list grows by itself, shortcuts are listed and can be switched off.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	b := webtest.Need(t)
	var renders atomic.Int64
	c := open(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), web.Options{}, boards(&renders), func(c *court) {
		web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/hall", Action: "inn.watch", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
			return c.Render(web.Page{Title: "Hall", Live: "arrivals"}, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, `<h1>Hall</h1><ul id="arrivals" data-keep="2"></ul>`)
				return web.Button{Text: "Leave", Href: "/inn", Key: "l"}.Render(ctx, w)
			}))
		}})
	})
	g := c.guest(t)
	k := cookie(g.post("/inn/in/p-ayesha", nil), "sarai")
	tab, err := b.Tab(c.server.URL, webtest.View{Name: "phone", Width: 320, Height: 640, Lang: "en"}, &http.Cookie{Name: "sarai", Value: k.Value})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	is := func(what, expression string) {
		t.Helper()
		if ok, err := webtest.Eval[bool](tab, `new Promise(done => { const end = Date.now() + 5000, look = () => (`+expression+`) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20); look() })`); err != nil || !ok {
			t.Errorf("%s: %v %v", what, ok, err)
		}
	}

	if err := tab.Go(c.server.URL + "/inn/book"); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(tab.Ctx, chromedp.Click("button.button:not(.small)"), chromedp.WaitVisible(".summary-errors")); err != nil {
		t.Fatal(err)
	}
	is("the summary has the focus", `document.activeElement.classList.contains('summary-errors') && document.title.startsWith('Error:')`)
	if webtest.AxePath() != "" {
		tab.Accessible(t, "mistakes")
	}

	if err := tab.Go(c.server.URL + "/inn/hall"); err != nil {
		t.Fatal(err)
	}
	is("the page is live", `document.querySelector('#live-state').className.includes('on')`)
	c.arrive(t, "one")
	is("somebody arrives", `document.querySelector('#arrivals').textContent.includes('citizen/one')`)
	c.arrive(t, "two")
	c.arrive(t, "three")
	is("the newest stands on top and the list stays short", `document.querySelector('#arrivals').firstElementChild.textContent.includes('citizen/three') && document.querySelector('#arrivals').children.length === 2`)

	if err := chromedp.Do(tab.Ctx, chromedp.KeyEvent("?")); err != nil {
		t.Fatal(err)
	}
	is("shortcuts are listed", `document.querySelector('#keys').open && document.querySelector('#keys').textContent.includes('Leave')`)
	if webtest.AxePath() != "" {
		tab.Accessible(t, "shortcuts")
	}
	if _, err := webtest.Eval[bool](tab, `document.querySelector('#keys-on').click(), document.querySelector('#keys').close(), true`); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(tab.Ctx, chromedp.KeyEvent("l")); err != nil {
		t.Fatal(err)
	}
	is("a shortcut that is switched off does nothing", `location.pathname === '/inn/hall'`)

	want(t, g.post("/sign-out", nil, "Cookie", "sarai="+k.Value), http.StatusSeeOther)
	is("the end of the session is said, with the way on", `document.querySelector('#live-state').textContent.includes('no longer live') && document.querySelector('#live-state a').getAttribute('href') === '/inn/hall'`)
}
