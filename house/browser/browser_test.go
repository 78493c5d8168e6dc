package browser_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/web/webtest"
	"sarai/house"
	"sarai/house/browser"
)

// country opens a village on a free port and serves it until the test ends.
func country(t *testing.T) *house.House {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h, err := house.Open(ctx, house.Config{Data: t.TempDir(), Addr: "localhost:0", Log: "off", Pace: -1, Demo: &house.Demo{Seed: 1, Small: true}})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return h
}

// The whole journey, once by somebody who reads English and once by somebody
// who reads Urdu. On every page: no violation that axe-core can find, narrow
// and wide, nothing to scroll sideways, nothing against the content security
// policy, nothing asked from elsewhere.
func TestTheJourneyInARealBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	b := webtest.Need(t)
	axe := webtest.AxePath() != ""
	if !axe {
		t.Log("no axe-core: the pages are walked but not judged; run npm ci in conformance/axe, or set SARAI_AXE")
	}
	rules := map[string]int{}
	states := 0
	pages := map[string]bool{}
	look := func(p *browser.Person, page string) error {
		pages[page] = true
		for _, v := range looks {
			if err := p.Tab().Turn(v); err != nil {
				return err
			}
			states++
			wide, err := p.Tab().Overflow()
			if err != nil {
				return err
			}
			if wide > 0 {
				t.Errorf("%s, %s, %s: %d pixels wider than its window", page, p.Lang(), v.Name, wide)
			}
			if !axe {
				continue
			}
			var only []string
			if v.Theme == "dark" {
				only = []string{"color-contrast"} // all that night changes
			}
			found, err := p.Tab().Axe(only...)
			if err != nil {
				return err
			}
			for _, f := range found {
				rules[f.ID] += len(f.Nodes)
				t.Errorf("%s, %s, %s: %s", page, p.Lang(), v.Name, f)
			}
		}
		return nil
	}
	for i, lang := range []string{"en", "ur"} {
		h := country(t) // a fresh one each: an alert is raised once
		began := time.Now()
		w := browser.New(browser.Options{Browser: b, Base: h.Base(), Lang: lang, Newcomer: i, Look: look})
		if err := w.Run(); err != nil {
			t.Fatalf("in %s: %v", lang, err)
		}
		slowest := slices.Max(w.Latencies())
		t.Logf("%s: %d pages in %s; the board showed a movement after %v", lang, len(w.Pages()), time.Since(began).Round(time.Second), w.Latencies())
		if slowest > 5*time.Second {
			t.Errorf("the board took %s to show a movement", slowest)
		}
	}
	t.Logf("%d pages, %d looks (page x size x language), violations by rule: %v", len(pages), states, rules)
	if len(pages) < 80 {
		t.Errorf("only %d pages: %s", len(pages), strings.Join(slices.Sorted(maps.Keys(pages)), " "))
	}
}

// looks are the narrowest and the usual window; the narrow one also at night.
var looks = []webtest.View{
	{Name: "320", Width: 320, Height: 640, Theme: "light"},
	{Name: "320 dark", Width: 320, Height: 640, Theme: "dark"},
	{Name: "1280", Width: 1280, Height: 900, Theme: "light"},
}

// Nobody needs to point: both applications by Tab, arrows, Space and Enter, and
// whatever has the focus can be seen to have it.
func TestTheApplicationsByKeyboardAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	b := webtest.Need(t)
	h := country(t)
	w := browser.New(browser.Options{Browser: b, Base: h.Base(), Lang: "en"})
	presses, err := w.ByKeyboard()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d keys pressed on %d pages", presses, len(w.Pages()))
}

// Everything but the passkey and the moving of screens works without a line of
// JavaScript.
func TestWithoutJavaScript(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	b := webtest.Need(t)
	h := country(t)
	for i, lang := range []string{"en", "ur"} {
		w := browser.New(browser.Options{Browser: b, Base: h.Base(), Lang: lang, Newcomer: i, View: webtest.View{Name: "plain", Width: 360, Height: 740, NoScript: true}})
		if err := w.WithoutScripts(); err != nil {
			t.Fatalf("in %s: %v", lang, err)
		}
		t.Logf("%s: %d pages without JavaScript", lang, len(w.Pages()))
	}
}

// Two people and the rail's operator, in Urdu on a phone: asked, paid, a green till,
// money back, a dispute. No page has a violation that axe-core can find.
func TestMoneyOnAPhone(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	b := webtest.Need(t)
	h := country(t)
	axe := webtest.AxePath() != ""
	if !axe {
		t.Log("no axe-core: the pages are walked but not judged; run npm ci in conformance/axe, or set SARAI_AXE")
	}
	look := func(p *browser.Person, page string) error {
		wide, err := p.Tab().Overflow()
		if err != nil {
			return err
		}
		if wide > 0 {
			t.Errorf("%s: %d pixels wider than its window", page, wide)
		}
		if !axe {
			return nil
		}
		found, err := p.Tab().Axe()
		for _, f := range found {
			t.Errorf("%s: %s", page, f)
		}
		return err
	}
	w := browser.New(browser.Options{Browser: b, Base: h.Base(), Lang: "ur", Look: look, View: webtest.View{Name: "360", Width: 360, Height: 740}})
	green, err := w.Money()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pages; the till turned green after %v", len(w.Pages()), green)
	if green > 2*time.Second { // well below one on a machine that does nothing else
		t.Errorf("the till took %v to turn green", green)
	}
}
