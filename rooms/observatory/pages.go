package observatory

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

const rowsShown = 25

func (r *Room) pages(s *web.Site) {
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /observatory", Action: "observatory.see", Do: r.boardPage})
	web.Handle(s, web.Route[Indicator]{Pattern: "GET /observatory/{indicator}", Action: "observatory.read", Load: r.load, Do: r.indicatorPage})
	web.Handle(s, web.Route[Indicator]{Pattern: "GET /observatory/{indicator}/history.csv", Action: "observatory.read", Load: r.load, Do: r.historyFile})
	web.Handle(s, web.Route[Indicator]{Pattern: "GET /observatory/{indicator}/rows.csv", Action: "observatory.rows", Load: r.load, Do: r.rowsFile})
	s.Topic(web.Topic{Name: "observatory", Action: "observatory.watch", Types: []string{FiguresMoved},
		Load: func(_ context.Context, key string) (gate.Entity, error) {
			if key != "" && key != "public" && key != "commission" { // each key is drawn by itself
				return nil, fault.New(fault.NotFound, "web.fault.not-found")
			}
			return board{public: key != "commission"}, nil
		},
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			figures, err := r.Figures(ctx, func(i Indicator) bool { return i.Public || key == "commission" })
			if err != nil {
				return nil, err
			}
			var out []templ.Component
			for _, f := range figures {
				out = append(out, counter(ctx, f))
			}
			return out, nil
		}})
}

func (r *Room) load(req *http.Request) (Indicator, error) {
	return r.Indicator(req.PathValue("indicator"))
}

// live is the topic a visitor's board watches.
func (r *Room) live(who gate.Principal) string {
	if r.gate.Would(who, "observatory.watch", board{public: false}) {
		return "observatory?key=commission"
	}
	return "observatory?key=public"
}

func (r *Room) boardPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	figures, err := r.Figures(c.Context(), func(i Indicator) bool { return r.gate.Would(c.Who, "observatory.read", i) })
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("observatory.title"), Kind: "board", Wide: true, Live: r.live(c.Who)}, boardBody(figures))
}

// sheet is what an indicator's page shows.
type sheet struct {
	Figure
	Points   []Point
	Rows     []row
	Services []serviceRow
	Names    map[string]string // of services
	MayRows  bool
	Next     string // address of older rows
}

func (r *Room) indicatorPage(c *web.Ctx, p gate.Permit[Indicator]) error {
	i := p.Resource()
	figures, err := r.Figures(c.Context(), func(x Indicator) bool { return x.ID == i.ID })
	if err != nil {
		return err
	}
	s := sheet{Figure: figures[0], MayRows: r.gate.Would(c.Who, "observatory.rows", i), Names: map[string]string{}}
	if s.Points, err = r.History(c.Context(), i); err != nil {
		return err
	}
	switch {
	case i.Kind == Catalogue: // which services there are is public
		if s.Services, err = r.serviceRows(c.Context()); err != nil {
			return err
		}
		for _, x := range r.services {
			s.Names[x.ID] = x.Name.In(c.Lang.Code)
		}
	case s.MayRows:
		// the rows are asked of the gate by themselves, so that looking at them is on record
		if _, err := gate.Authorize(c.Context(), r.gate, c.Who, "observatory.rows", i); err != nil {
			return err
		}
		if s.Rows, err = r.rows(c.Context(), i, below(c), rowsShown+1); err != nil {
			return err
		}
		if len(s.Rows) > rowsShown {
			s.Rows = s.Rows[:rowsShown]
			last := s.Rows[rowsShown-1]
			s.Next = "/observatory/" + i.ID + "?below=" + strconv.FormatInt(store.Micros(last.At), 10) + "&key=" + last.Key + "#rows"
		}
		for n := range s.Rows {
			s.Rows[n].Place = r.placeName(c.Lang.Code, s.Rows[n].Place)
		}
	}
	return c.Render(web.Page{Title: c.T("observatory." + i.ID), Wide: true,
		Trail: []web.Crumb{{Title: c.T("observatory.title"), Href: "/observatory"}}}, indicatorBody(s))
}

// below reads where a page of older rows begins.
func below(c *web.Ctx) rowPlace {
	micros, err := strconv.ParseInt(c.Query("below"), 10, 64)
	if err != nil || micros <= 0 {
		return rowPlace{}
	}
	return rowPlace{At: store.Time(micros), Key: c.Query("key")}
}

// placeName puts an office's, district's or service's name for its id.
func (r *Room) placeName(lang, id string) string {
	if o, ok := r.pack.Office(id); ok {
		return o.Name.In(lang)
	}
	for _, d := range r.pack.Districts {
		if d.ID == id {
			return d.Name.In(lang)
		}
	}
	for _, s := range r.services {
		if s.ID == id {
			return s.Name.In(lang)
		}
	}
	return id
}

// written is a figure as it is read aloud.
func written(ctx context.Context, k Kind, n int64, known bool) string {
	switch {
	case !known:
		return "–"
	case k == Share:
		return web.Number(n) + "%" // without a space, or Urdu would put the sign on the wrong side
	case k == Value:
		return web.Money(ctx, n, "")
	case k == Median:
		return brief(ctx, time.Duration(n)*time.Microsecond)
	}
	return web.Number(n)
}

// hint is what stands under a figure: the target, or what it is made of.
func hint(ctx context.Context, f Figure) string {
	if f.Kind == Median && f.Known {
		return web.N(ctx, "observatory.median.of", min(f.N, medianOf), "target", written(ctx, f.Kind, f.Target, true))
	}
	if f.Target > 0 {
		return web.T(ctx, "observatory.target", "target", written(ctx, f.Kind, f.Target, true))
	}
	return web.T(ctx, "observatory."+f.ID+".hint")
}

func counter(ctx context.Context, f Figure) web.Counter {
	return web.Counter{ID: "figure-" + f.ID, Label: web.T(ctx, "observatory."+f.ID), Value: written(ctx, f.Kind, f.Number, f.Known), Hint: hint(ctx, f),
		Href: "/observatory/" + f.ID, Status: f.status(f.Number, f.Known), History: f.Minute}
}

// line is the history as a drawing. Money is drawn in whole units and times in
// whole milliseconds, rounded up: nobody reads the last places off a chart.
func line(ctx context.Context, s sheet) web.Line {
	l := web.Line{ID: s.ID, Title: web.T(ctx, "observatory."+s.ID), Unit: web.T(ctx, "observatory.unit."+string(s.Kind)), Target: drawn(s.Kind, s.Target)}
	for _, p := range s.Points {
		l.Points = append(l.Points, web.Point{Label: label(ctx, p), Value: drawn(s.Kind, p.Number)})
	}
	if n := len(s.Points); n > 0 {
		l.Desc = web.T(ctx, "observatory.line", "from", label(ctx, s.Points[0]), "first", s.Points[0].written(ctx, s.Kind),
			"to", label(ctx, s.Points[n-1]), "last", s.Points[n-1].written(ctx, s.Kind))
	}
	return l
}

// written is the figure at a point; before the first payment there is no time.
func (p Point) written(ctx context.Context, k Kind) string {
	return written(ctx, k, p.Number, k != Median || p.Number > 0)
}

func drawn(k Kind, n int64) int64 {
	switch k {
	case Value:
		return n / 100
	case Median:
		return (n + 999) / 1000
	}
	return n
}

func label(ctx context.Context, p Point) string {
	if p.Daily {
		return web.Date(ctx, p.From)
	}
	return web.TimeOfDay(ctx, p.From)
}

// brief is a short time as precisely as it means something: no time is nought.
// Where people read from the right it is kept so, also among figures, which are
// laid out from the left (UAX 9, RLI and PDI).
func brief(ctx context.Context, d time.Duration) string {
	if web.Lang(ctx).RTL() {
		return "\u2067" + briefly(ctx, d) + "\u2069"
	}
	return briefly(ctx, d)
}

func briefly(ctx context.Context, d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return web.T(ctx, "observatory.milliseconds.under")
	case d < 10*time.Millisecond:
		tenths := (d.Microseconds() + 50) / 100
		return web.T(ctx, "observatory.milliseconds", "n", web.Number(tenths/10)+"."+strconv.FormatInt(tenths%10, 10))
	case d < 10*time.Second:
		return web.T(ctx, "observatory.milliseconds", "n", web.Number(d.Milliseconds()))
	}
	return web.T(ctx, "observatory.seconds", "n", web.Number(int64(d/time.Second)))
}

// took is a time in words short enough for a table.
func took(ctx context.Context, d time.Duration) string {
	switch {
	case d == 0:
		return "–" // not ended
	case d < 10*time.Second:
		return brief(ctx, d)
	}
	return web.Lasting(ctx, d)
}

// place is where a thing happened, in words; an incident's severity has a text.
func place(ctx context.Context, x row) string {
	if x.Indicator == "incidents" {
		return web.T(ctx, "observatory.severity", "severity", x.Place)
	}
	return x.Place
}
