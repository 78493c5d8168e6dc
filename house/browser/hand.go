package browser

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sarai/courtyard/web/webtest"
)

// hand is how somebody works a page.
type hand interface {
	press(p *Person, selector string) error
	choose(p *Person, field, value string) error // a radio or a tick box
	pick(p *Person, field, value string) error   // from a list
	write(p *Person, field, value string) error
}

// mouse points and clicks where things are seen, so that what is covered or out
// of reach is found out.
type mouse struct{}

func (mouse) press(p *Person, selector string) error {
	at, err := webtest.Eval[struct {
		X, Y float64
		Why  string
	}](p.tab, `(() => {
		const e = document.querySelector(`+strconv.Quote(selector)+`);
		if (!e) return {x: 0, y: 0, why: "it is not on the page"};
		const d = e.closest("details:not([open])");
		if (d && !e.closest("summary")) d.open = true;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0];
		if (!r || !r.width || !r.height) return {x: 0, y: 0, why: "it cannot be seen"};
		const x = r.left + r.width / 2, y = r.top + r.height / 2, hit = document.elementFromPoint(x, y);
		const label = e.labels && e.labels[0];
		if (!hit || !(e.contains(hit) || hit.contains(e) || label && label.contains(hit))) return {x, y, why: "it is covered by " + (hit ? hit.outerHTML.slice(0, 120) : "nothing")};
		return {x, y, why: ""};
	})()`)
	if err != nil {
		return err
	}
	if at.Why != "" {
		return errors.New(at.Why)
	}
	return chromedp.Do(p.tab.Ctx, chromedp.MouseClickXY(at.X, at.Y))
}

func (m mouse) choose(p *Person, field, value string) error {
	return m.press(p, field+`[value="`+value+`"]`)
}

// pick sets the value: the list itself is drawn by the device, not by the page.
func (mouse) pick(p *Person, field, value string) error {
	p.ask(`document.querySelector(` + strconv.Quote(field) + `).value = ` + strconv.Quote(value))
	return p.walk.err
}

func (m mouse) write(p *Person, field, value string) error {
	if err := m.press(p, field); err != nil {
		return err
	}
	p.ask(`document.querySelector(` + strconv.Quote(field) + `).select()`)
	return chromedp.Do(p.tab.Ctx, chromedp.Func(func(ctx context.Context, at *chromedp.Target) error {
		_, err := cdp.Call(ctx, at, input.InsertText, input.InsertTextParams{Text: value})
		return err
	}))
}

// keyboard never points: everything is reached by Tab, arrows, Space and Enter,
// and has to be seen to have the focus.
type keyboard struct{ presses *int }

// reach tabs on until the element has the focus.
func (k keyboard) reach(p *Person, selector string) error {
	q := strconv.Quote(selector)
	for range 120 {
		if p.ask(`document.activeElement?.matches(`+q+`)`) == "true" {
			if seen := p.ask(`(s => s.outlineStyle != "none" && parseFloat(s.outlineWidth) >= 2 || s.boxShadow != "none")(getComputedStyle(document.activeElement))`); seen != "true" {
				return errors.New("its focus cannot be seen")
			}
			return p.walk.err
		}
		if err := k.key(p, kb.Tab); err != nil {
			return err
		}
	}
	return fmt.Errorf("the keyboard does not get there")
}

func (k keyboard) key(p *Person, keys string) error {
	*k.presses++
	return chromedp.Do(p.tab.Ctx, chromedp.KeyEvent(keys))
}

func (k keyboard) press(p *Person, selector string) error {
	if err := k.reach(p, selector); err != nil {
		return err
	}
	return k.key(p, kb.Enter)
}

func (k keyboard) choose(p *Person, field, value string) error {
	if err := k.reach(p, field); err != nil {
		return err
	}
	if err := k.key(p, " "); err != nil { // what is reached may not be ticked yet
		return err
	}
	wanted := `document.activeElement.value == ` + strconv.Quote(value)
	for range 20 {
		if p.ask(wanted) == "true" {
			if p.ask(`document.activeElement.checked`) != "true" {
				return errors.New("it is not chosen")
			}
			return p.walk.err
		}
		if err := k.key(p, kb.ArrowDown); err != nil {
			return err
		}
	}
	return errors.New("the arrows do not get there")
}

// pick types what the wanted line begins with, as lists have always allowed.
func (k keyboard) pick(p *Person, field, value string) error {
	if err := k.reach(p, field); err != nil {
		return err
	}
	line := p.ask(`[...document.activeElement.options].find(o => o.value == ` + strconv.Quote(value) + `)?.text`)
	for _, r := range line {
		if err := k.key(p, string(r)); err != nil {
			return err
		}
	}
	if got := p.ask(`document.activeElement.value`); got != value {
		return fmt.Errorf("typing %q picks %q", line, got)
	}
	return p.walk.err
}

func (k keyboard) write(p *Person, field, value string) error {
	if err := k.reach(p, field); err != nil {
		return err
	}
	p.ask(`document.activeElement.select()`)
	for _, r := range value {
		if err := k.key(p, string(r)); err != nil {
			return err
		}
	}
	return nil
}
