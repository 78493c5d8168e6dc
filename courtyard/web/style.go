package web

import (
	"context"
	"strconv"

	"sarai/courtyard/gate"
)

// stylePage shows every component in the visitor's language: GET /style.
func (s *Site) stylePage(c *Ctx, _ gate.Permit[gate.House]) error {
	return c.Render(styleFrame(c), styleBody(c.Now()))
}

// styleForm answers the example form, so that its messages can be seen.
func (s *Site) styleForm(c *Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form(1 << 20)
	if err != nil {
		return err
	}
	f.Text("name", Required("web.style.name.missing"))
	f.Code("number", Required("web.style.number.missing"))
	f.Money("amount")
	f.Date("born", Required("web.form.day"))
	f.Choice("where", "web.style.where.missing", "home", "office")
	f.Prose("why")
	f.File("photo", 1<<20, "image/jpeg", "image/png")
	if err := f.Err(); err != nil {
		return c.Invalid(err, styleFrame(c), styleBody(c.Now()))
	}
	c.Flash("good", "web.style.sent")
	return c.Redirect("/style")
}

func styleFrame(c *Ctx) Page {
	return Page{Title: c.T("web.style.title"), Trail: []Crumb{{c.T("web.style.title"), "/style"}}, Wide: true}
}

func styleHistory(ctx context.Context) []Point {
	var out []Point
	for i, v := range []int64{4, 9, 15, 22, 33, 41} {
		out = append(out, Point{T(ctx, "web.month."+strconv.Itoa(6+i)), v})
	}
	return out
}
