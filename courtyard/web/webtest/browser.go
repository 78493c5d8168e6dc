package webtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	ctx    context.Context
	cancel []context.CancelFunc
	dir    string
}

// View is how a page is looked at.
type View struct {
	Name     string // "phone-ur-dark"
	Width    int    // CSS pixels
	Height   int
	Lang     string // cookie lang; "" lets the browser ask
	Theme    string // "light" or "dark", as the device asks for it
	Scale    int    // device pixels for a CSS pixel; 1 when 0
	NoScript bool
	Print    bool
}

// Views are phone (360) and desktop (1280), English and Urdu, light and dark.
func Views() []View { return views(360, 1280) }

// Narrow are the views of the accessibility tests: 320 and 1280 wide.
func Narrow() []View { return views(320, 1280) }

func views(phone, desktop int) []View {
	var out []View
	for _, w := range []struct {
		name          string
		width, height int
	}{{"phone", phone, 740}, {"desktop", desktop, 900}} {
		for _, lang := range []string{"en", "ur"} {
			for _, theme := range []string{"light", "dark"} {
				out = append(out, View{Name: w.name + "-" + lang + "-" + theme, Width: w.width, Height: w.height, Lang: lang, Theme: theme})
			}
		}
	}
	return out
}

// ErrNoBrowser says that the machine has none.
var ErrNoBrowser = errors.New("no chromium: install Debian's, or set SARAI_CHROMIUM")

// Chromium is the path of the browser, or ErrNoBrowser.
func Chromium() (string, error) {
	if p := os.Getenv("SARAI_CHROMIUM"); p != "" {
		return p, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", ErrNoBrowser
}

// Start starts a browser. Close it.
func Start(ctx context.Context) (*Browser, error) {
	path, err := Chromium()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sarai-browser-")
	if err != nil {
		return nil, err
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(dir),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	b := &Browser{dir: dir}
	alloc, stop := chromedp.NewExecAllocator(ctx, opts...)
	b.cancel = append(b.cancel, stop)
	bctx, stop2 := chromedp.NewContext(alloc)
	b.cancel = append(b.cancel, stop2)
	if err := chromedp.Do(bctx, chromedp.Navigate("about:blank")); err != nil {
		b.Close()
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	b.ctx = bctx
	return b, nil
}

// Close ends the browser and removes its profile.
func (b *Browser) Close() {
	for i := len(b.cancel) - 1; i >= 0; i-- {
		b.cancel[i]()
	}
	_ = os.RemoveAll(b.dir)
}

// Tab is a tab with cookies of its own, like another person's browser.
type Tab struct {
	Ctx    context.Context // for chromedp actions
	cancel context.CancelFunc
	View   View
}

// Tab opens an empty tab that looks at base's site in a view, with cookies (a
// session's, for instance) besides those of the view.
func (b *Browser) Tab(base string, v View, cookies ...*http.Cookie) (*Tab, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{Ctx: ctx, View: v, cancel: cancel}
	if v.Lang != "" {
		cookies = append(cookies, &http.Cookie{Name: "lang", Value: v.Lang})
	}
	prepare := chromedp.Func(func(ctx context.Context, at *chromedp.Target) error {
		if err := v.turn(ctx, at); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, at, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScript}); err != nil {
			return err
		}
		for _, c := range cookies {
			if _, err := cdp.Call(ctx, at, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: base, Path: "/"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := chromedp.Do(ctx, prepare); err != nil {
		t.Close()
		return nil, fmt.Errorf("prepare a tab: %w", err)
	}
	return t, nil
}

// turn gives the window the view's size, colours and medium.
func (v View) turn(ctx context.Context, at *chromedp.Target) error {
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: v.Theme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // nothing is halfway when it is looked at
	}}
	if v.Print {
		media.Media = "print"
	}
	if _, err := cdp.Call(ctx, at, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(v.Width), Height: int64(v.Height), DeviceScaleFactor: float64(max(v.Scale, 1)), Mobile: v.Width < 600,
	}); err != nil {
		return err
	}
	_, err := cdp.Call(ctx, at, emulation.SetEmulatedMedia, media)
	return err
}

// Turn looks at the page as it stands in another size, in other colours or as
// it would be printed; its language stays.
func (t *Tab) Turn(v View) error {
	v.Lang, v.NoScript = t.View.Lang, t.View.NoScript
	err := chromedp.Do(t.Ctx, chromedp.Func(v.turn))
	if err == nil {
		t.View = v
	}
	return err
}

// Close closes the tab.
func (t *Tab) Close() { t.cancel() }

// Go opens an address and waits for the page and its fonts.
func (t *Tab) Go(url string) error {
	if err := chromedp.Do(t.Ctx, chromedp.Navigate(url)); err != nil {
		return fmt.Errorf("open %s: %w", url, err)
	}
	if t.View.NoScript {
		return nil
	}
	_, err := Eval[bool](t, `document.fonts.ready.then(() => true)`)
	return err
}

// Eval evaluates an expression in the page; a promise is waited for.
func Eval[T any](t *Tab, expression string) (T, error) {
	return chromedp.Run(t.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Shot is a PNG of the whole page.
func (t *Tab) Shot() ([]byte, error) {
	return chromedp.Run(t.Ctx, chromedp.FullScreenshot(100))
}

// Save writes a PNG of the whole page.
func (t *Tab) Save(path string) error {
	png, err := t.Shot()
	if err != nil {
		return err
	}
	return os.WriteFile(path, png, 0o644) //nolint:gosec // a picture for everybody
}

// Overflow gives how many pixels the page is wider than its window; WCAG 2.2
// 1.4.10 wants 0 at 320 pixels.
func (t *Tab) Overflow() (int, error) {
	return Eval[int](t, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
}

// Covers says whether text is on the page.
func (t *Tab) Covers(text string) (bool, error) {
	body, err := Eval[string](t, `document.body.innerText`)
	return strings.Contains(body, text), err
}

// Page is a page of a tour: its name in file names, its path, and the cookies
// of the person who looks at it.
type Page struct {
	Name    string
	Path    string
	Cookies []*http.Cookie
}

// Tour looks at every page in every view and calls see with the tab: to take a
// picture, to run axe-core. An error of see ends the tour.
func (b *Browser) Tour(base string, views []View, pages []Page, see func(t *Tab, p Page) error) error {
	for _, v := range views {
		for _, p := range pages {
			t, err := b.Tab(base, v, p.Cookies...)
			if err != nil {
				return err
			}
			err = t.Go(base + p.Path)
			if err == nil {
				err = see(t, p)
			}
			t.Close()
			if err != nil {
				return fmt.Errorf("%s in %s: %w", p.Path, v.Name, err)
			}
		}
	}
	return nil
}

// Shots writes <dir>/<page>-<view>.png for every page in all Views.
func (b *Browser) Shots(base, dir string, pages []Page) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return err
	}
	return b.Tour(base, Views(), pages, func(t *Tab, p Page) error {
		return t.Save(filepath.Join(dir, p.Name+"-"+t.View.Name+".png"))
	})
}
