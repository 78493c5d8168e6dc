package web_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/courtyard/web/webtest"
)

// TestWhatABrowserMakesOfFigures looks at what only a browser knows: the
// target of a chart stays inside its box, however high it stands, and a
// reference stays on one line.
func TestWhatABrowserMakesOfFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	b := webtest.Need(t)
	const reference, number = "ABCD-1234-XY", "ICTA-DC/DOM/2026/0000012"
	c := open(t, sqlite(t), web.Options{}, func(c *court) {
		web.Handle(c.site, web.Route[gate.House]{Pattern: "GET /inn/figures", Action: "inn.look", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
			parts := []templ.Component{
				web.Line{ID: "beds", Title: c.T("inn.title"), Desc: c.T("inn.full", "until", "5"), Unit: "n", Target: 100, Points: []web.Point{{Label: "1", Value: 3}, {Label: "2", Value: 97}}},
				web.Summary{Rows: []web.Answer{
					{Label: c.T("inn.title"), Value: reference, Code: true},
					{Label: c.T("inn.title"), Value: reference},
					{Label: c.T("inn.title"), Value: number, Code: true},
					{Label: c.T("inn.title"), Body: web.Kept(reference + " " + number)},
					{Label: c.T("inn.title"), Value: "two words and a reference " + reference},
				}},
				web.Table{Caption: c.T("inn.title"), Columns: []web.Column{{Title: "A rather long title of a column"}, {Title: "B"}}, Rows: []web.Row{{Cells: []templ.Component{web.Code(number), web.Text("some words that ask for room in a narrow table beside the reference, and more")}}}},
			}
			return c.Render(web.Page{Title: c.T("inn.title")}, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
				for _, p := range parts {
					if err := p.Render(ctx, w); err != nil {
						return err
					}
				}
				return nil
			}))
		}})
	})
	var views []webtest.View
	for _, v := range webtest.Narrow() {
		if v.Theme == "light" {
			views = append(views, v)
		}
	}
	err := b.Tour(c.server.URL, views, []webtest.Page{{Name: "figures", Path: "/inn/figures"}}, func(tab *webtest.Tab, p webtest.Page) error {
		if dir := os.Getenv("SARAI_SHOTS"); dir != "" {
			if err := tab.Save(filepath.Join(dir, p.Name+"-"+tab.View.Name+".png")); err != nil {
				return err
			}
		}
		if wide, err := tab.Overflow(); err != nil || wide > 0 {
			t.Errorf("%s: the page is %d pixels too wide (%v)", tab.View.Name, wide, err)
		}
		for what, expression := range map[string]string{
			"the target's label leaves the chart": `(() => { const l = document.querySelector('.target-label').getBoundingClientRect(), f = document.querySelector('.chart').getBoundingClientRect(), s = document.querySelector('.chart svg').getBoundingClientRect()
				return [l.top < s.top - 1 && 'top ' + (s.top - l.top), l.left < f.left && 'left', l.right > f.right && 'right'].filter(x => x).join() })()`,
			"a code is broken":               `[...document.querySelectorAll('.answers dd:not(.change) bdi:not(:has(*)), table bdi')].filter(e => !e.textContent.includes(' ') && e.getClientRects().length > 1).map(e => e.textContent).join()`,
			"a code is cut":                  `[...document.querySelectorAll('bdi.code')].filter(e => { const r = e.getBoundingClientRect(), s = (e.closest('.scroll') || document.body).getBoundingClientRect(); return r.left < s.left || r.right > s.right }).map(e => e.textContent).join()`,
			"a code runs from right to left": `[...document.querySelectorAll('.answers dd:not(.change) bdi:not(:has(*))')].filter(e => /^[A-Z0-9/-]+$/.test(e.textContent) && getComputedStyle(e).direction !== 'ltr').map(e => e.textContent).join()`,
		} {
			if got, err := webtest.Eval[string](tab, expression); err != nil || got != "" {
				t.Errorf("%s: %s: %s %v", tab.View.Name, what, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
