package payments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

const (
	bulkShown = 30   // files a page lists
	restShown = 100  // lines of a remainder
	restPage  = 5000 // lines read at once for the download
)

var bulkPowers = []string{"payments.bulk.make", "payments.bulk.check", "payments.bulk.release"}

type bulkListView struct {
	Programs []Program // for which files can be handed in
	Budget   map[string]int64
	Currency string
	Files    []*Bulk
	Names    map[string]map[string]string // of programs
	Older    string
}

type bulkNewView struct {
	Program  Program
	Currency string
	Budget   int64
	Period   string
	Problems []string // all that is wrong with the file; the field shows one
	Again    bool     // a file was sent, and has to be chosen once more
}

func (v bulkNewView) fileHint() string {
	if v.Again {
		return "payments.bulk.csv.again"
	}
	return "payments.bulk.csv.hint"
}

type bulkView struct {
	Bulk    *Bulk
	Program Program
	Reasons []BulkReason
	Budget  int64 // what the program's account holds free, minor units
	Now     time.Time
	Live    bool // drawn for a screen that is open: what one can do now may have changed
	// what the visitor may do
	Check, Release, Cancel, Again bool
	Posts                         func(id string) map[string]string
}

// paying says whether there is progress of payments to show.
func (b *Bulk) paying() bool {
	return b.State == BulkReleased || b.State == BulkPaying || b.State == BulkDone
}

// tense is the text that speaks of those who cannot be paid, before anybody is, or of
// those who were not.
func (b *Bulk) tense(key string) string {
	if b.paying() {
		return key
	}
	return key + ".before"
}

// speed is payments a second since the file was begun.
func (v bulkView) speed() int64 {
	end := v.Bulk.Finished
	if end.IsZero() {
		end = v.Now
	}
	took := end.Sub(v.Bulk.Started)
	if v.Bulk.Started.IsZero() || took <= 0 {
		return 0
	}
	return int64(time.Duration(v.Bulk.Paid+v.Bulk.Failed) * time.Second / took)
}

type bulkRestView struct {
	Bulk  *Bulk
	Lines []BulkLine
	Next  string
}

func (b *Bulk) href() string { return "/bulk/file/" + strconv.FormatInt(b.No, 10) }

func (r *Room) loadBulk(q *http.Request) (Bulk, error) {
	return r.bulkByKey(q.Context(), q.PathValue("no"))
}

func (r *Room) bulkByKey(ctx context.Context, key string) (Bulk, error) {
	no, err := strconv.ParseInt(key, 10, 64)
	if err != nil || no <= 0 || no > math.MaxInt64/bulkLines-1 {
		return Bulk{}, fault.New(fault.NotFound, "payments.bulk.unknown")
	}
	b, err := r.bulk(ctx, no)
	if err != nil {
		return Bulk{}, err
	}
	return *b, nil
}

func (r *Room) loadProgram(q *http.Request) (Program, error) {
	return r.program(q.PathValue("program"))
}

func (r *Room) bulkPages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.bulk.menu", Hint: "payments.bulk.menu.hint", Href: "/bulk", Group: "official", Order: 51, For: func(p gate.Principal) bool {
		return p.Has(bulkPowers[0]) || p.Has(bulkPowers[1]) || p.Has(bulkPowers[2])
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /bulk", Action: "payments.bulk.list", Do: r.showBulks})
	web.Handle(s, web.Route[Program]{Pattern: "GET /bulk/program/{program}", Action: "payments.bulk.make", Load: r.loadProgram, Do: func(c *web.Ctx, p gate.Permit[Program]) error {
		return r.showNewBulk(c, p.Resource(), nil)
	}})
	web.Handle(s, web.Route[Program]{Pattern: "POST /bulk/program/{program}", Action: "payments.bulk.make", Load: r.loadProgram, Do: r.handInBulk})
	web.Handle(s, web.Route[Bulk]{Pattern: "GET /bulk/file/{no}", Action: "payments.bulk.see", Load: r.loadBulk, Do: func(c *web.Ctx, p gate.Permit[Bulk]) error {
		return r.showBulk(c, p.Who(), p.Resource(), nil)
	}})
	step := func(verb, action, done string, do func(c *web.Ctx, who gate.Principal, no int64) error) {
		web.Handle(s, web.Route[Bulk]{Pattern: "POST /bulk/file/{no}/" + verb, Action: action, Load: r.loadBulk, Do: func(c *web.Ctx, p gate.Permit[Bulk]) error {
			b := p.Resource()
			if err := do(c, p.Who(), b.No); err != nil {
				fresh, e := r.bulk(c.Context(), b.No)
				if e != nil {
					return e
				}
				return r.showBulk(c, p.Who(), *fresh, err)
			}
			c.Flash("good", done)
			return c.Redirect(b.href())
		}})
	}
	sure := func(c *web.Ctx) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		if !f.Ticked("sure") {
			f.Wrong("sure", "payments.bulk.not-sure")
		}
		return f.Err()
	}
	noted := func(c *web.Ctx) (string, error) {
		f, err := c.Form()
		if err != nil {
			return "", err
		}
		note := f.Prose("note", web.Required("payments.bulk.no-note"), web.Longest(500))
		return note, f.Err()
	}
	step("check", "payments.bulk.check", "payments.bulk.check.done", func(c *web.Ctx, who gate.Principal, no int64) error {
		if err := sure(c); err != nil {
			return err
		}
		return r.CheckBulk(c.Context(), who, no)
	})
	step("release", "payments.bulk.release", "payments.bulk.release.done", func(c *web.Ctx, who gate.Principal, no int64) error {
		if err := sure(c); err != nil {
			return err
		}
		return r.ReleaseBulk(c.Context(), who, no)
	})
	step("reject", "payments.bulk.reject", "payments.bulk.reject.done", func(c *web.Ctx, who gate.Principal, no int64) error {
		note, err := noted(c)
		if err != nil {
			return err
		}
		return r.RejectBulk(c.Context(), who, no, note)
	})
	step("cancel", "payments.bulk.cancel", "payments.bulk.cancel.done", func(c *web.Ctx, who gate.Principal, no int64) error {
		note, err := noted(c)
		if err != nil {
			return err
		}
		return r.CancelBulk(c.Context(), who, no, note)
	})
	web.Handle(s, web.Route[Bulk]{Pattern: "POST /bulk/file/{no}/again", Action: "payments.bulk.again", Load: r.loadBulk, Do: func(c *web.Ctx, p gate.Permit[Bulk]) error {
		no, err := r.ResubmitBulk(c.Context(), p.Who(), p.Resource().No)
		if err != nil {
			return r.showBulk(c, p.Who(), p.Resource(), err)
		}
		c.Flash("good", "payments.bulk.again.done")
		return c.Redirect("/bulk/file/" + strconv.FormatInt(no, 10))
	}})
	web.Handle(s, web.Route[Bulk]{Pattern: "GET /bulk/file/{no}/rest", Action: "payments.bulk.see", Load: r.loadBulk, Do: r.showRest})
	web.Handle(s, web.Route[Bulk]{Pattern: "GET /bulk/file/{no}/rest.csv", Action: "payments.bulk.see", Load: r.loadBulk, Do: r.sendRest})
	s.Topic(web.Topic{Name: "bulk", Action: "payments.bulk.see", Types: []string{"payments.bulk.*"},
		Load:  func(ctx context.Context, key string) (gate.Entity, error) { return r.bulkByKey(ctx, key) },
		Match: func(e store.Event, key string) bool { return e.Subject == "payments/bulk/"+key },
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			b, err := r.bulkByKey(ctx, key)
			if err != nil {
				return nil, err
			}
			v, err := r.bulkView(ctx, &b)
			v.Live = true
			return []templ.Component{bulkLive(v)}, err
		}})
}

func (r *Room) showBulks(c *web.Ctx, p gate.Permit[gate.House]) error {
	office, before := p.Who().Acting.Office, int64(math.MaxInt64)
	if n, err := strconv.ParseInt(c.Query("before"), 10, 64); err == nil && n > 0 {
		before = n
	}
	v := bulkListView{Currency: r.pack.Currency.Code, Budget: map[string]int64{}, Names: map[string]map[string]string{}}
	all := r.programsOf(office)
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		for _, x := range all {
			a, err := getAccount(tx, x.Account)
			if err != nil {
				return err
			}
			v.Budget[x.ID] = a.free()
		}
		v.Files, err = bulksOf(tx, office, before, bulkShown+1)
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		v.Names[x.ID] = x.Name
	}
	if p.Who().Has(bulkPowers[0]) {
		v.Programs = all
	}
	if len(v.Files) > bulkShown {
		v.Files = v.Files[:bulkShown]
		v.Older = fmt.Sprintf("/bulk?before=%d", v.Files[bulkShown-1].No)
	}
	return c.Render(web.Page{Title: c.T("payments.bulk.title"), Wide: true, Trail: []web.Crumb{}}, bulkListBody(v))
}

func (r *Room) showNewBulk(c *web.Ctx, p Program, wrong error) error {
	v := bulkNewView{Program: p, Currency: r.pack.Currency.Code, Period: r.clock.Now().In(r.pack.Zone).Format("2006-01")}
	a, err := r.account(c.Context(), func(tx *store.Tx) (*Account, error) { return getAccount(tx, p.Account) })
	if err != nil {
		return err
	}
	v.Budget = a.free()
	v.Again = wrong != nil
	if f := fault.As(wrong); f != nil {
		for _, x := range f.Fields {
			v.Again = v.Again && x.Key != "payments.bulk.file.missing"
			if x.Name == "file" {
				v.Problems = append(v.Problems, c.T(x.Key, pairsOf(x.Args)...))
			}
		}
	}
	page := web.Page{Title: c.T("payments.bulk.new", "program", web.Of(c.Context(), p.Name)), Back: "/bulk"}
	if wrong != nil {
		return c.Invalid(wrong, page, bulkNewBody(v))
	}
	return c.Render(page, bulkNewBody(v))
}

func (r *Room) handInBulk(c *web.Ctx, p gate.Permit[Program]) error {
	f, err := c.Form(BulkFile)
	if err != nil {
		return err
	}
	period := f.Code("period")
	if !bulkPeriod.MatchString(period) {
		f.Wrong("period", "payments.bulk.period.wrong")
	}
	up := f.File("file", BulkFile)
	if up == nil && f.Problem("file") == "" {
		f.Wrong("file", "payments.bulk.file.missing")
	}
	lines, total := f.Int("lines", web.Required("payments.bulk.lines.missing")), f.Money("total", web.Required("payments.bulk.total.missing"))
	if err := f.Err(); err != nil {
		return r.showNewBulk(c, p.Resource(), err)
	}
	src, kind, err := r.bulkSource(up.Body)
	var no int64
	if err == nil {
		no, err = r.TakeBulk(c.Context(), BulkIntake{Program: p.Resource().ID, Period: period, Source: kind, Name: path.Base(up.Name),
			Digest: func() [32]byte { return sha256.Sum256(up.Body) }, Lines: lines, Total: total, Maker: p.Who()}, src)
	}
	if known := fault.As(err); known != nil && len(known.Fields) == 0 {
		_ = known.At("file", known.Key, pairsOf(known.Args)...)
	}
	if err != nil {
		return r.showNewBulk(c, p.Resource(), err)
	}
	c.Flash("good", "payments.bulk.handed-in")
	return c.Redirect("/bulk/file/" + strconv.FormatInt(no, 10))
}

// bulkSource reads a file as what it is: XML begins with a bracket, which no
// list of columns does.
func (r *Room) bulkSource(body []byte) (src Source, kind string, err error) {
	if start := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n"); len(start) > 0 && start[0] == '<' {
		return NewBulkPain(bytes.NewReader(body)), "pain001", nil
	}
	src, err = NewBulkCSV(bytes.NewReader(body), r.pack.Currency.Decimals)
	return src, "csv", err
}

func pairsOf(args map[string]string) (list []string) {
	for name, value := range args {
		list = append(list, name, value)
	}
	return list
}

// bulkView reads what everybody who may see a file sees.
func (r *Room) bulkView(ctx context.Context, b *Bulk) (v bulkView, err error) {
	v = bulkView{Bulk: b, Now: r.clock.Now(), Posts: func(id string) map[string]string {
		if p, ok := r.pack.Post(id); ok {
			return p.Title
		}
		return nil
	}}
	if v.Program, err = r.program(b.Program); err != nil {
		return v, err
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err := getAccount(tx, b.Account)
		if err != nil {
			return err
		}
		v.Budget = a.free()
		v.Reasons, err = bulkReasons(tx, b.No)
		return err
	})
	return v, err
}

func (r *Room) showBulk(c *web.Ctx, who gate.Principal, b Bulk, wrong error) error {
	v, err := r.bulkView(c.Context(), &b)
	if err != nil {
		return err
	}
	may := func(action string) bool { return r.gate.Would(who, action, b) }
	switch b.State {
	case BulkUploaded, BulkValidating:
		v.Cancel = may("payments.bulk.cancel")
	case BulkValidated:
		v.Check, v.Cancel = b.Good > 0 && may("payments.bulk.check"), may("payments.bulk.cancel")
	case BulkChecked:
		v.Release, v.Cancel = may("payments.bulk.release"), may("payments.bulk.cancel")
	case BulkDone:
		v.Again = b.Paid < b.Lines && may("payments.bulk.again")
	}
	page := web.Page{Title: c.T("payments.bulk.no", "no", strconv.FormatInt(b.No, 10)), Back: "/bulk"}
	if who.Has(treasuryPower) {
		page.Back = treasuryHref
	}
	if !b.over() {
		page.Live = "bulk?key=" + strconv.FormatInt(b.No, 10)
	}
	if wrong != nil {
		return c.Invalid(wrong, page, bulkBody(v))
	}
	return c.Render(page, bulkBody(v))
}

func (r *Room) showRest(c *web.Ctx, p gate.Permit[Bulk]) error {
	b := p.Resource()
	after, err := strconv.ParseInt(c.Query("after"), 10, 64)
	if err != nil || after < 0 || after >= bulkLines {
		after = 0
	}
	v := bulkRestView{Bulk: &b}
	if v.Lines, err = r.Remainder(c.Context(), b.No, after, restShown+1); err != nil {
		return err
	}
	if len(v.Lines) > restShown {
		v.Lines = v.Lines[:restShown]
		v.Next = fmt.Sprintf("%s/rest?after=%d", b.href(), v.Lines[restShown-1].Line)
	}
	return c.Render(web.Page{Title: c.T("payments.bulk.rest"), Back: b.href(), Wide: true}, bulkRestBody(v))
}

// sendRest writes the remainder as CSV while it is read, so that its length
// costs no memory. Programs of spreadsheets take a field that begins with = for
// a formula, which references must not become.
func (r *Room) sendRest(c *web.Ctx, p gate.Permit[Bulk]) error {
	b := p.Resource()
	h := c.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=remainder-%d.csv", b.No))
	out := csv.NewWriter(c.W)
	_ = out.Write([]string{"line", "reference", "beneficiary_ends_with", "amount", "state", "reason", "words"})
	for after := int64(0); ; {
		lines, err := r.Remainder(c.Context(), b.No, after, restPage)
		if err != nil || len(lines) == 0 {
			break // the head is out: a shorter file is all that can be said
		}
		for _, l := range lines {
			_ = out.Write([]string{strconv.FormatInt(l.Line, 10), noFormula(l.Reference), l.Tail, r.plain(l.Amount), l.State, l.Reason, c.T(whyKey(l.Reason))})
		}
		after = lines[len(lines)-1].Line
	}
	out.Flush()
	return out.Error()
}

func noFormula(s string) string {
	if s != "" && bytes.IndexByte([]byte("=+-@\t\r"), s[0]) >= 0 {
		return "'" + s
	}
	return s
}
