package browser

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sarai/courtyard/web/webtest"
)

// patience is how long a page may take on a busy machine.
const patience = 20 * time.Second

// Person is somebody with a browser of their own.
type Person struct {
	Name string
	walk *Walk
	tab  *webtest.Tab
	hand hand
}

// enter opens a browser and watches what its pages do.
func (w *Walk) enter(name string, v webtest.View) (*Person, error) {
	tab, err := w.o.Browser.Tab(w.o.Base, v)
	if err != nil {
		return nil, err
	}
	p := &Person{Name: name, walk: w, tab: tab, hand: mouse{}}
	err = chromedp.Listen(tab.Ctx, func(ev any) {
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, w.o.Base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") && !strings.HasPrefix(u, "about:") {
				w.note("a page asked another origin: %s", u)
			}
		case *cdplog.EventEntryAdded:
			if e.Entry.Source != "network" && (e.Entry.Level == "error" || e.Entry.Source == "security") {
				w.note("the console of %s says: %s", e.Entry.URL, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			w.note("a script threw: %s", e.ExceptionDetails.Text)
		}
	})
	if err == nil {
		err = chromedp.Do(tab.Ctx, chromedp.Func(func(ctx context.Context, at *chromedp.Target) error {
			if _, err := cdp.Call(ctx, at, network.Enable, network.EnableParams{}); err != nil {
				return err
			}
			_, err := cdp.Call(ctx, at, cdplog.Enable, cdp.Empty{})
			return err
		}))
	}
	if err != nil {
		tab.Close()
		return nil, fmt.Errorf("watch the pages of %s: %w", name, err)
	}
	return p, nil
}

// Tab is the person's browser tab.
func (p *Person) Tab() *webtest.Tab { return p.tab }

// Lang is the language the person reads.
func (p *Person) Lang() string { return p.walk.o.Lang }

// Open opens a path.
func (p *Person) Open(path string) {
	if p.walk.err == nil {
		p.walk.fail(p.tab.Go(p.walk.o.Base + path))
	}
}

// Look stops at the page as it stands.
func (p *Person) Look(page string) {
	w := p.walk
	if w.err != nil {
		return
	}
	w.pages = append(w.pages, page)
	if lang := p.ask(`document.documentElement.lang + document.documentElement.dir`); lang != w.o.Lang+map[string]string{"en": "ltr", "ur": "rtl"}[w.o.Lang] {
		w.fail(fmt.Errorf("%s is written in %q", page, lang))
		return
	}
	if err := w.o.Look(p, page); err != nil {
		w.fail(fmt.Errorf("%s: %w", page, err))
	}
	w.fail(p.tab.Turn(w.o.View))
}

// path is where the person is.
func (p *Person) path() string { return p.ask(`location.pathname`) }

// ask evaluates an expression in the page and gives its text.
func (p *Person) ask(js string) string {
	if p.walk.err != nil {
		return ""
	}
	out, err := webtest.Eval[string](p.tab, `(x => x instanceof Promise ? x.then(y => String(y ?? "")) : String(x ?? ""))(`+js+`)`)
	p.walk.fail(err)
	return out
}

// has says whether something is on the page.
func (p *Person) has(selector string) bool {
	return p.ask(`!!document.querySelector(`+strconv.Quote(selector)+`)`) == "true"
}

// attr is an attribute of the first such element.
func (p *Person) attr(selector, name string) string {
	return p.ask(`document.querySelector(` + strconv.Quote(selector) + `)?.getAttribute(` + strconv.Quote(name) + `)`)
}

// Press presses a button or a link and waits for the page it leads to.
func (p *Person) Press(selector string) {
	if p.walk.err != nil {
		return
	}
	before := p.ask(`performance.timeOrigin`)
	if err := p.hand.press(p, selector); err != nil {
		p.walk.fail(fmt.Errorf("press %s at %s: %w", selector, p.path(), err))
		return
	}
	p.until("a page after pressing "+selector, `performance.timeOrigin != `+before+` && document.readyState == "complete"`)
	if !p.tab.View.NoScript {
		p.ask(`document.fonts.ready.then(() => "")`)
	}
}

// until waits until an expression holds. Between two pages it cannot be asked.
func (p *Person) until(what, js string) {
	if p.walk.err != nil {
		return
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if ok, err := webtest.Eval[bool](p.tab, `!!(`+js+`)`); err == nil && ok {
			return
		}
	}
	at, _ := webtest.Eval[string](p.tab, `location.href + ": " + (document.querySelector("main")?.innerText ?? "").slice(0, 400)`)
	p.walk.fail(fmt.Errorf("waited in vain for %s; at %s", what, at))
}

// eventually opens a path again and again until an expression holds there.
func (p *Person) eventually(path, what, js string) {
	for end := time.Now().Add(patience); p.walk.err == nil; time.Sleep(150 * time.Millisecond) {
		p.Open(path)
		if p.ask(js) == "true" {
			return
		}
		if time.Now().After(end) {
			p.walk.fail(fmt.Errorf("waited in vain for %s; %s says %s", what, path, p.ask(`document.querySelector("main")?.innerText?.slice(0, 400)`)))
		}
	}
}

// Fill answers the questions of a form that answers know, without sending it.
func (p *Person) Fill(action string, answers map[string]string) {
	form := `main form[action="` + action + `"]`
	names := p.ask(`[...new Set([...document.querySelectorAll(` + strconv.Quote(form+` :is(input:not([type=hidden]), select, textarea)`) + `)].map(e => e.name))].join(" ")`)
	for _, name := range strings.Fields(names) {
		value, known := answers[name]
		if p.walk.err != nil || !known {
			continue
		}
		if err := p.set(form, name, value); err != nil {
			p.walk.fail(fmt.Errorf("answer %s at %s: %w", name, p.path(), err))
		}
	}
}

// set answers one field by its kind.
func (p *Person) set(form, name, value string) error {
	field := form + ` [name="` + name + `"]`
	switch kind := p.attr(field, "type"); kind {
	case "file":
		return chromedp.Do(p.tab.Ctx, chromedp.SetUploadFiles(field, []string{value}))
	case "radio", "checkbox":
		return p.hand.choose(p, field, value)
	}
	if p.ask(`document.querySelector(`+strconv.Quote(field)+`).tagName`) == "SELECT" {
		return p.hand.pick(p, field, value)
	}
	return p.hand.write(p, field, value)
}

// Send fills in a form and sends it.
func (p *Person) Send(action string, answers map[string]string) {
	p.Fill(action, answers)
	p.Press(`main form[action="` + action + `"] button:not([name])`)
}
