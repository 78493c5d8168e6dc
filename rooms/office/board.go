package office

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// everywhere is the key of the board of all offices.
const everywhere = "all"

// Board is what a live board shows of an office and the offices under it.
type Board struct {
	Key     string
	Open    int64
	Late    int64
	Moved   int64 // today
	Decided int64 // today
	// Desks is how many desks the files decided in the last thirty days took,
	// in tenths, each file's movements counted: the measure of government that
	// India's DARPG publishes every month. 0 when none was decided.
	Desks   int64
	Minutes []int64
	Moves   []boardEntry
	Loads   []seatLoad
}

// boardEntry is a movement with the number of its file.
type boardEntry struct {
	Movement
	Number string
}

func (m boardEntry) id() string { return "m-" + m.File + "-" + strconv.FormatInt(m.N, 10) }

// seatLoad is how much waits with a post, or with an office on large boards.
type seatLoad struct {
	Seat       string
	Open, Late int64
}

func (l seatLoad) status() string {
	if l.Late*3 >= l.Open { // a third of what is open is late
		return "wait"
	}
	return ""
}

func (b Board) most() int64 {
	n := int64(1)
	for _, l := range b.Loads {
		n = max(n, l.Open)
	}
	return n
}

func (r *Room) boards() {
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /board", Action: "office.board.see", Do: r.showBoards})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /board/{office}", Action: "office.board.see", Load: func(q *http.Request) (gate.House, error) {
		_, err := r.under(q.PathValue("office"))
		return gate.House{}, err
	}, Do: r.showBoard})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /board/{office}/{what}", Action: "office.board.see", Load: func(q *http.Request) (gate.House, error) {
		_, err := r.under(q.PathValue("office"))
		return gate.House{}, err
	}, Do: r.showRows})
	r.site.Topic(web.Topic{
		Name: "office", Action: "office.board.see", Types: []string{EventOpened, EventMoved, EventDecided},
		Load: func(_ context.Context, key string) (gate.Entity, error) {
			_, err := r.under(key)
			return gate.House{}, err
		},
		Match: func(e store.Event, key string) bool {
			var d struct {
				Office string `json:"office"`
			}
			offices, err := r.under(key)
			return err == nil && e.Decode(&d) == nil && (key == everywhere || slices.Contains(offices, d.Office))
		},
		Render: r.live,
	})
}

// under gives an office and all offices below it.
func (r *Room) under(key string) ([]string, error) {
	if key == everywhere {
		return nil, nil
	}
	if _, ok := r.pack.Office(key); !ok {
		return nil, fault.New(fault.NotFound, "office.board.none")
	}
	out := []string{key}
	for i := 0; i < len(out); i++ {
		for _, o := range r.pack.Children(out[i]) {
			out = append(out, o.ID)
		}
	}
	return out, nil
}

// within writes the condition that a column is one of the offices; values are
// numbered from $first.
func within(column string, offices []string, first int) (string, []any) {
	if offices == nil {
		return "true", nil
	}
	marks, args := make([]string, len(offices)), make([]any, len(offices))
	for i, o := range offices {
		marks[i], args[i] = "$"+strconv.Itoa(first+i), o
	}
	return column + " in (" + strings.Join(marks, ", ") + ")", args
}

const sparkMinutes = 30

// desksTarget is the most desks a file should take, in tenths.
const desksTarget = 40

// Board reads the state of a board.
func (r *Room) Board(ctx context.Context, key string) (b Board, err error) {
	offices, err := r.under(key)
	if err != nil {
		return b, err
	}
	b.Key = key
	now := r.clock.Now()
	today := country.DateOf(now, r.pack.Zone).In(r.pack.Zone)
	err = r.db.View(ctx, func(tx *store.Tx) error {
		here, args := within("office", offices, 3)
		err := tx.QueryRow(`select count(*) filter (where state = 'open'), count(*) filter (where state = 'open' and due < $1), count(*) filter (where decided >= $2)
			from office_file where `+here, append([]any{now, today}, args...)...).Scan(&b.Open, &b.Late, &b.Decided)
		if err != nil {
			return err
		}
		here, args = within("office", offices, 2)
		var taken, files int64
		if err := tx.QueryRow(`select coalesce(sum(moves), 0), count(*) from office_file where decided >= $1 and `+here, append([]any{now.AddDate(0, 0, -30)}, args...)...).Scan(&taken, &files); err != nil {
			return err
		}
		if files > 0 {
			b.Desks = (taken*10 + files/2) / files
		}
		if err := tx.QueryRow(`select count(*) from office_movement where at >= $1 and `+here, append([]any{today}, args...)...).Scan(&b.Moved); err != nil {
			return err
		}
		since := now.Add(-sparkMinutes * time.Minute)
		times, err := store.List(tx, store.Value[int64], `select at from office_movement where at >= $1 and `+here, append([]any{since}, args...)...)
		if err != nil {
			return err
		}
		b.Minutes = make([]int64, sparkMinutes)
		for _, at := range times {
			i := sparkMinutes - 1 - int(now.Sub(store.Time(at))/time.Minute)
			b.Minutes[min(max(i, 0), sparkMinutes-1)]++
		}
		here, args = within("m.office", offices, 1)
		b.Moves, err = store.List(tx, scanEntry, `select m.file, m.n, m.office, m.kind, m.from_post, m.to_post, m.charge, m.at, f.number
			from office_movement m join office_file f on f.id = m.file where `+here+` order by m.at desc, m.file, m.n desc limit 12`, args...)
		if err != nil {
			return err
		}
		seat := "office"
		if len(offices) == 1 {
			seat = "holder"
		}
		here, args = within("office", offices, 2)
		b.Loads, err = store.List(tx, func(scan store.Scan) (l seatLoad, err error) {
			err = scan(&l.Seat, &l.Open, &l.Late)
			return l, err
		}, `select `+seat+`, count(*), count(*) filter (where due < $1) from office_file where state = 'open' and `+here+` group by `+seat+` order by 2 desc, 1 limit 12`,
			append([]any{now}, args...)...)
		return err
	})
	return b, err
}

func scanEntry(scan store.Scan) (m boardEntry, err error) {
	var at int64
	err = scan(&m.File, &m.N, &m.Office, &m.Kind, &m.From, &m.To, &m.Charge, &at, &m.Number)
	m.At = store.Time(at)
	return m, err
}

func (r *Room) showBoard(c *web.Ctx, _ gate.Permit[gate.House]) error {
	b, err := r.Board(c.Context(), c.Path("office"))
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: r.boardName(c.Context(), b.Key), Back: "/board", Kind: "board", Wide: true, Live: "office?key=" + b.Key}, r.boardPage(b))
}

func (r *Room) showBoards(c *web.Ctx, _ gate.Permit[gate.House]) error {
	cards := []web.Card{{Title: c.T("office.boards.all"), Hint: c.T("office.boards.all-hint"), Href: "/board/" + everywhere}}
	for _, o := range r.pack.Offices {
		card := web.Card{Title: r.officeName(c.Context(), o.ID), Href: "/board/" + o.ID}
		if under, err := r.under(o.ID); err == nil && len(under) > 1 {
			card.Hint = c.N("office.boards.under", int64(len(under)-1))
		}
		cards = append(cards, card)
	}
	return c.Render(web.Page{Title: c.T("office.boards.title"), Wide: true}, r.boardsPage(cards))
}

// live draws what changed on a board: the counters, the load, and the new
// movements at the top of their list.
func (r *Room) live(ctx context.Context, key string, events []store.Event) ([]templ.Component, error) {
	b, err := r.Board(ctx, key)
	if err != nil {
		return nil, err
	}
	out := r.counters(ctx, b)
	out = append(out, r.load(b))
	const most = 12 // the list keeps no more
	if len(events) > most {
		events = events[len(events)-most:]
	}
	for _, e := range events {
		var m boardEntry
		switch e.Type {
		case EventMoved:
			var d Moved
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			m = boardEntry{Movement{File: d.File, N: d.Move, Kind: d.Kind, From: d.From, To: d.To, At: e.At}, d.Number}
		case EventOpened:
			var d Opened
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			m = boardEntry{Movement{File: d.File, N: 1, Kind: MoveOpen, To: d.Holder, At: e.At}, d.Number}
		default:
			continue // a decision changes the counters alone
		}
		out = append(out, entryInto(r.boardMove(m), m.id()))
	}
	return out, nil
}

// entryInto puts a movement at the top of the list of movements.
func entryInto(body templ.Component, id string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return web.Into("moves", id).Render(templ.WithChildren(ctx, body), w)
	})
}

func (r *Room) counters(ctx context.Context, b Board) []templ.Component {
	late := ""
	if b.Late > 0 {
		late = "wait"
	}
	rows := "/board/" + b.Key + "/"
	desks := web.Counter{ID: "n-desks", Label: web.T(ctx, "office.board.desks"), Value: "–", Hint: web.T(ctx, "office.board.desks-hint"), Href: rows + "recent"}
	if b.Desks > 0 {
		desks.Value = strconv.FormatInt(b.Desks/10, 10) + "." + strconv.FormatInt(b.Desks%10, 10)
		if desks.Status = "good"; b.Desks > desksTarget {
			desks.Status = "wait"
		}
	}
	return []templ.Component{
		web.Counter{ID: "n-moved", Label: web.T(ctx, "office.board.moved"), Value: web.Number(b.Moved), Hint: web.T(ctx, "office.board.moved-hint"), History: b.Minutes, Href: rows + "moved"},
		web.Counter{ID: "n-open", Label: web.T(ctx, "office.board.open"), Value: web.Number(b.Open), Href: rows + "open"},
		web.Counter{ID: "n-late", Label: web.T(ctx, "office.board.late"), Value: web.Number(b.Late), Status: late, Href: rows + "late"},
		web.Counter{ID: "n-decided", Label: web.T(ctx, "office.board.decided"), Value: web.Number(b.Decided), Href: rows + "decided"},
		desks,
	}
}

func (r *Room) boardName(ctx context.Context, key string) string {
	if key == everywhere {
		return web.T(ctx, "office.boards.all")
	}
	return r.officeName(ctx, key)
}

// seatName names a post or an office.
func (r *Room) seatName(ctx context.Context, seat string) string {
	if _, ok := r.pack.Post(seat); ok {
		return postName(ctx, r, seat)
	}
	return r.officeName(ctx, seat)
}
