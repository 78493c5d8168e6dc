package office

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// paperMost is the largest paper a clerk can diarise, in bytes.
const paperMost = 5 << 20

// paperPolicy goes with every paper: it came from outside. The style is what
// browsers put around a picture or a text.
const paperPolicy = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// shown says whether a paper is shown in the browser: texts and pictures, which
// nothing in them can run. A PDF is a program of its own and is handed over as a
// download, to be read in the desk's own reader.
func shown(media string) bool {
	kind, _, _ := strings.Cut(media, ";")
	return kind == "text/plain" || kind == "image/jpeg" || kind == "image/png"
}

// endings are of the files as they are saved.
var endings = map[string]string{"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "text/plain": ".txt"}

func (r *Room) pages() {
	s := r.site
	official := func(p gate.Principal) bool {
		return p.Has("office.diary") || p.Has("office.note") || p.Has("office.decide")
	}
	s.Menu(web.Entry{Title: "office.desk.title", Hint: "office.desk.lead", Href: "/office", Group: "official", Order: 10, For: official})
	s.Menu(web.Entry{Title: "office.receipts.title", Hint: "office.receipts.lead", Href: "/office/receipts", Group: "official", Order: 11, For: official})
	s.Menu(web.Entry{Title: "office.boards.title", Hint: "office.boards.lead", Href: "/board", Group: "public", Order: 50})

	web.Handle(s, web.Route[gate.House]{Pattern: "GET /office", Action: "office.desk.see", Do: r.showDesk})
	web.Handle(s, web.Route[File]{Pattern: "GET /office/file/{id}", Action: "office.file.read", Load: r.fileOf, Do: r.showFile})
	web.Handle(s, web.Route[File]{Pattern: "POST /office/file/{id}/note", Action: "office.note.write", Load: r.fileOf, Do: r.postNote})
	web.Handle(s, web.Route[File]{Pattern: "POST /office/file/{id}/forward", Action: "office.file.forward", Load: r.fileOf, Do: r.postForward})
	web.Handle(s, web.Route[File]{Pattern: "POST /office/file/{id}/pull-back", Action: "office.file.pull-back", Load: r.fileOf, Do: r.postPullBack})
	web.Handle(s, web.Route[File]{Pattern: "GET /office/file/{id}/decide", Action: "office.file.decide", Load: r.fileOf, Do: r.askDecision})
	web.Handle(s, web.Route[File]{Pattern: "POST /office/file/{id}/decide", Action: "office.file.decide", Load: r.fileOf, Do: r.postDecision})
	web.Handle(s, web.Route[File]{Pattern: "GET /office/file/{id}/paper/{n}", Action: "office.file.read", Load: r.fileOf, Do: r.showPaper})
	web.Handle(s, web.Route[Register]{Pattern: "GET /office/receipts", Action: "office.receipt.read", Load: r.registerOf, Do: r.showReceipts})
	web.Handle(s, web.Route[Register]{Pattern: "POST /office/receipts", Action: "office.file.open", Load: r.registerOf, Do: r.postReceipt})
}

func (r *Room) fileOf(q *http.Request) (File, error) { return r.File(q.Context(), q.PathValue("id")) }

// registerOf is the register of the office of the post acted in.
func (r *Room) registerOf(q *http.Request) (Register, error) {
	return Register{Office: gate.From(q.Context()).Acting.Office}, nil
}

func (r *Room) showDesk(c *web.Ctx, p gate.Permit[gate.House]) error {
	var files []File
	from, post := c.Place(), p.Who().Acting.ID
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		files, err = desk(tx, post, from, pageRows+1)
		return err
	})
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("office.desk.title"), Kind: "desk", Wide: true}, r.deskPage(files, from))
}

func (r *Room) showFile(c *web.Ctx, p gate.Permit[File]) error {
	page, body, err := r.filePageOf(c, p)
	if err != nil {
		return err
	}
	return c.Render(page, body)
}

func (r *Room) filePageOf(c *web.Ctx, p gate.Permit[File]) (page web.Page, body templ.Component, err error) {
	opened, err := r.Open(c.Context(), p)
	if err != nil {
		return page, nil, err
	}
	var files []File
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		files, err = desk(tx, p.Who().Acting.ID, web.Place{}, pageRows+1)
		return err
	})
	if err != nil {
		return page, nil, err
	}
	return web.Page{Title: opened.Subject(c.Lang.Code), Back: "/office", Kind: "desk", Wide: true}, r.filePage(files, opened), nil
}

// again shows the file with the messages of a fault.
func (r *Room) again(c *web.Ctx, p gate.Permit[File], fault error) error {
	page, body, err := r.filePageOf(c, p)
	if err != nil {
		return err
	}
	return c.Invalid(fault, page, body)
}

func (r *Room) postNote(c *web.Ctx, p gate.Permit[File]) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	body := form.Prose("body")
	n := form.Int("n")
	if err := form.Err(); err != nil {
		return r.again(c, p, err)
	}
	if err := r.SaveDraft(c.Context(), p, n, body); err != nil {
		return r.again(c, p, err)
	}
	to := "/office/file/" + p.Resource().ID
	if form.Values().Get("do") != "sign" {
		c.Flash("good", "office.note.saved")
		return c.Redirect(to)
	}
	permit, err := gate.Authorize(c.Context(), r.gate, p.Who(), "office.note.sign", p.Resource())
	if err != nil {
		return err
	}
	para, err := r.Sign(c.Context(), permit)
	if err != nil {
		return r.again(c, p, err)
	}
	c.Flash("good", "office.note.done", "n", strconv.FormatInt(para.N, 10))
	return c.Redirect(to)
}

func (r *Room) postForward(c *web.Ctx, p gate.Permit[File]) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	to := form.Code("to")
	if err := form.Err(); err != nil {
		return r.again(c, p, err)
	}
	m, err := r.Forward(c.Context(), p, to)
	if err != nil {
		return r.again(c, p, err)
	}
	c.Flash("good", "office.move.done", "number", p.Resource().Number, "post", postName(c.Context(), r, m.To))
	return c.Redirect("/office")
}

func (r *Room) postPullBack(c *web.Ctx, p gate.Permit[File]) error {
	if _, err := r.PullBack(c.Context(), p); err != nil {
		return err
	}
	c.Flash("good", "office.move.pulled")
	return c.Redirect("/office/file/" + p.Resource().ID)
}

func (r *Room) askDecision(c *web.Ctx, p gate.Permit[File]) error {
	return c.Render(r.decision(c, p), r.decidePage(Case{File: p.Resource()}))
}

func (r *Room) decision(c *web.Ctx, p gate.Permit[File]) web.Page {
	return web.Page{Title: c.T("office.decide.title"), Back: "/office/file/" + p.Resource().ID, Kind: "question"}
}

func (r *Room) postDecision(c *web.Ctx, p gate.Permit[File]) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	outcome := form.Choice("outcome", "office.decide.outcome", Approved, Refused)
	reason := form.Prose("reason")
	if err := form.Err(); err != nil {
		return c.Invalid(err, r.decision(c, p), r.decidePage(Case{File: p.Resource()}))
	}
	if _, err := r.Decide(c.Context(), p, outcome, reason); err != nil {
		return c.Invalid(err, r.decision(c, p), r.decidePage(Case{File: p.Resource()}))
	}
	c.Flash("good", "office.decide.done."+outcome, "number", p.Resource().Number)
	return c.Redirect("/office/file/" + p.Resource().ID)
}

func (r *Room) showPaper(c *web.Ctx, p gate.Permit[File]) error {
	n, err := strconv.ParseInt(c.Path("n"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "office.paper.none").Because(err)
	}
	media, body, err := r.ReadPaper(c.Context(), p, n)
	if err != nil {
		return err
	}
	// Whatever it is, it gets no script, no form and an origin of its own.
	c.W.Header().Set("Content-Security-Policy", paperPolicy)
	c.W.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	inline := shown(media)
	if !inline && !strings.HasPrefix(media, "application/pdf") {
		media = "application/octet-stream" // a kind we do not take in; never let a browser make something of it
	}
	kind, _, _ := strings.Cut(media, ";")
	return c.File(strings.ReplaceAll(p.Resource().Number, "/", "-")+"-"+strconv.FormatInt(n, 10)+endings[kind], media, body, inline)
}

func (r *Room) showReceipts(c *web.Ctx, p gate.Permit[Register]) error {
	page, body, err := r.receiptsOf(c, p.Resource(), p.Who())
	if err != nil {
		return err
	}
	return c.Render(page, body)
}

func (r *Room) receiptsOf(c *web.Ctx, g Register, who gate.Principal) (page web.Page, body templ.Component, err error) {
	v := diaryView{Office: g.Office, Key: r.newID(), May: r.gate.Would(who, "office.file.open", g)}
	day, asked, ok := dayOf(c)
	var since, until time.Time
	kept := url.Values{}
	switch {
	case !ok:
		v.NoDay = true
	case asked:
		v.Day = day.In(r.pack.Zone)
		since, until = v.Day, v.Day.AddDate(0, 0, 1)
		kept.Set("on-day", strconv.Itoa(day.Day))
		kept.Set("on-month", strconv.Itoa(int(day.Month)))
		kept.Set("on-year", strconv.Itoa(day.Year))
	}
	from := c.Place()
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		v.Receipts, err = receipts(tx, g.Office, from, since, until)
		return err
	})
	if err != nil {
		return page, nil, err
	}
	v.Receipts, v.Turn = web.Leaf(v.Receipts, pageRows, "/office/receipts", kept, from, func(r Receipt) web.Place { return web.Place{At: r.At, ID: r.ID} })
	return web.Page{Title: c.T("office.receipts.title"), Back: "/office", Wide: true}, r.receiptsPage(v), nil
}

func (r *Room) postReceipt(c *web.Ctx, p gate.Permit[Register]) error {
	form, err := c.Form(paperMost)
	if err != nil {
		return err
	}
	subject := form.Text("subject", web.Required("office.receipt.subject"), web.Longest(200))
	from := form.Text("from", web.Longest(200))
	key := form.Code("key")
	var papers []Paper
	if up := form.File("paper", paperMost, "application/pdf", "image/jpeg", "image/png"); up != nil {
		papers = append(papers, Paper{Title: map[string]string{"en": subject}, MediaType: up.Type, Body: up.Body})
	}
	err = form.Err()
	if err == nil {
		var id string
		if id, _, err = r.Diarise(c.Context(), p, key, map[string]string{"en": subject}, from, papers); err == nil {
			c.Flash("good", "office.receipt.done")
			return c.Redirect("/office/file/" + id)
		}
	}
	page, body, shown := r.receiptsOf(c, p.Resource(), p.Who())
	if shown != nil {
		return shown
	}
	return c.Invalid(err, page, body)
}

// diaryView is what the page of receipts shows.
type diaryView struct {
	Office, Key string
	May         bool // take papers in
	Receipts    []Receipt
	Day         time.Time // only of this day
	NoDay       bool      // what was written is no day
	Turn        web.Turn
}

// empty names the text that stands in place of no receipts.
func (v diaryView) empty() string {
	if v.Day.IsZero() {
		return "office.receipts.empty"
	}
	return "office.receipts.none"
}

// list is the start side of the desk: one page of it.
func (r *Room) list(ctx context.Context, files []File, current string, from web.Place) templ.Component {
	files, t := web.Leaf(files, pageRows, "/office", nil, from, dueAt)
	items := make([]web.DeskItem, len(files))
	lang := web.Lang(ctx).Code
	for i, f := range files {
		items[i] = web.DeskItem{ID: "f-" + f.ID, Title: f.Subject(lang), Ref: f.Number, Href: "/office/file/" + f.ID, Due: f.Due, Current: f.ID == current}
		if f.Seen.IsZero() {
			items[i].Tag = &web.Tag{Status: "info", Text: web.T(ctx, "office.desk.new")}
		}
	}
	return templ.Join(web.DeskList{Title: web.T(ctx, "office.desk.list"), Items: items, Empty: web.T(ctx, "office.desk.empty")}, pageTurn(t, "office.desk.first", "office.desk.more"))
}

// recipients are the posts a file is likely to go to: the route's next one,
// where it came from, and the posts of its office.
func (r *Room) recipients(ctx context.Context, c Case) []web.Option {
	var posts []string
	add := func(p string) {
		if p != "" && p != c.Holder && !slices.Contains(posts, p) {
			posts = append(posts, p)
		}
	}
	add(c.Next())
	for _, p := range c.Route {
		add(p)
	}
	for _, p := range c.trail {
		add(p)
	}
	if o, ok := r.pack.Office(c.Office); ok {
		for _, p := range o.Posts {
			if handles(p.Powers) {
				add(p.ID)
			}
		}
	}
	out := make([]web.Option, len(posts))
	for i, p := range posts {
		out[i] = web.Option{Value: p, Label: postName(ctx, r, p)}
	}
	return out
}

// next is the one thing the post is most likely to do now.
func (c Case) next(post string) string {
	switch {
	case c.MayPull:
		return "pull-back"
	case c.MayNote && c.Draft.Body != "":
		return "sign"
	case c.MayDecide:
		return "decide"
	case c.MayNote && !c.signedBy(post):
		return "sign"
	}
	return "forward"
}

func (c Case) signedBy(post string) bool {
	return slices.ContainsFunc(c.Paras, func(p Para) bool { return p.Post == post })
}

func (r *Room) receiptRows(ctx context.Context, all []Receipt) []web.Row {
	rows := make([]web.Row, len(all))
	for i, x := range all {
		rows[i] = web.Row{Cells: []templ.Component{
			web.Code(x.Diary), web.When(x.At), web.Bdi(x.Subject(web.Lang(ctx).Code)), web.A("/office/file/"+x.File, x.Number), web.Text(postName(ctx, r, x.Holder)),
		}}
	}
	return rows
}

// postName is a post's title in the reader's language.
func postName(ctx context.Context, r *Room, post string) string {
	t := r.title(post)
	if s := t[web.Lang(ctx).Code]; s != "" {
		return s
	}
	return t["en"]
}

func (r *Room) officeName(ctx context.Context, office string) string {
	if o, ok := r.pack.Office(office); ok {
		if s := o.Name[web.Lang(ctx).Code]; s != "" {
			return s
		}
		return o.Name["en"]
	}
	return office
}

func (r *Room) officeOf(post string) string {
	if p, ok := r.pack.Post(post); ok {
		return p.Office
	}
	return ""
}

func lines(s string) []string { return strings.Split(s, "\n") }

func digestText(b []byte) string { return hex.EncodeToString(b) }
