package payments

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

const (
	settleHref   = "/pay/operate/settlement"
	windowsShown = 20
	fundsShown   = 20
)

// settleView is settlement as the operator sees it.
type settleView struct {
	At       time.Time
	Currency string
	Scheme   Scheme
	Next     time.Time // the next cut by the clock; zero: none
	Open     Window
	Members  []Liquidity
	Pending  []Window // cut, their reports are being made
	Windows  []Settlement
	Funds    []Fund
	Names    map[string]Participant
	Who      string // the visitor's pseudonym; "" on a live screen
	Key      string // makes pressing a button twice one act
}

func (v settleView) sums() (payments, gross int64) {
	for _, l := range v.Members {
		payments, gross = payments+l.SentCount, gross+l.Sent
	}
	return payments, gross
}

func (v settleView) unsettled() (n int64) {
	for _, s := range v.Windows {
		if s.State == unsettledState {
			n++
		}
	}
	return n
}

type windowPage struct {
	Settlement
	Names map[string]Participant
	Day   string
	Key   string
}

func (r *Room) settleView(ctx context.Context) (v settleView, err error) {
	v.Currency, v.Names, v.Key = r.pack.Currency.Code, map[string]Participant{}, r.newID()
	err = r.db.View(ctx, func(tx *store.Tx) error {
		v.At = tx.Now()
		if v.Scheme, err = getScheme(tx, v.Currency); err != nil {
			return err
		}
		v.Next = v.Scheme.next(v.At, r.pack.Calendar)
		if v.Open, err = openWindow(tx, v.Currency); err != nil {
			return err
		}
		if v.Members, err = liquidity(tx, v.Currency, v.Open.Net); err != nil {
			return err
		}
		all, err := participants(tx)
		if err != nil {
			return err
		}
		for _, p := range all {
			v.Names[p.ID] = p
		}
		if v.Pending, err = store.List(tx, scanWindow, "select "+windowColumns+` from payments_window w where currency = $1 and last > 0
			and not exists (select 1 from payments_settlement s where s.currency = w.currency and s.place = w.number) order by number`, v.Currency); err != nil {
			return err
		}
		// What is not settled stays in sight however old it is.
		if v.Windows, err = store.List(tx, scanSettlement, settlementFrom+" order by case when s.state = 'unsettled' then 0 else 1 end, s.place desc limit $2", v.Currency, windowsShown); err != nil {
			return err
		}
		v.Funds, err = funds(tx, v.Currency, fundsShown)
		return err
	})
	return v, err
}

func (r *Room) settlePages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.menu.settlement", Hint: "payments.menu.settlement.hint", Href: settleHref, Group: "official", Order: 50,
		For: func(p gate.Principal) bool { return p.Has("payments.operate") }})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET " + settleHref, Action: "payments.settlement.read", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		return r.showSettlement(c, p.Who(), nil)
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET " + settleHref + "/window/{number}", Action: "payments.settlement.read", Do: r.showWindow})
	act := func(path string, do func(c *web.Ctx, who gate.Principal) (done string, err error)) {
		web.Handle(s, web.Route[gate.House]{Pattern: "POST " + settleHref + path, Action: "payments.settlement.operate", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
			done, err := do(c, p.Who())
			if err != nil {
				return r.showSettlement(c, p.Who(), err)
			}
			c.Flash("good", done)
			return c.Redirect(settleHref)
		}})
	}
	act("/cut", func(c *web.Ctx, who gate.Principal) (string, error) {
		f, err := c.Form()
		if err != nil {
			return "", err
		}
		if !f.Ticked("sure") {
			f.Wrong("sure", "payments.settlement.not-sure")
		}
		key := f.Text("key", saleKey)
		if err := f.Err(); err != nil {
			return "", err
		}
		_, err = r.CloseWindow(c.Context(), who.Actor(), "operator/"+who.ID, key)
		return "payments.settlement.cut.done", err
	})
	act("/window/{number}/settle", func(c *web.Ctx, who gate.Principal) (string, error) {
		number, _ := strconv.ParseInt(c.Path("number"), 10, 64)
		return "payments.settlement.settle.done", r.SettleWindow(c.Context(), who.Actor(), number)
	})
	act("/scheme", r.readScheme)
	act("/fund", r.readFund)
	loadFund := func(q *http.Request) (Fund, error) { return r.fundOf(q.Context(), q.PathValue("id")) }
	for verb, do := range map[string]func(context.Context, gate.Principal, string) (Fund, error){"approve": r.ApproveFund, "refuse": r.RefuseFund} {
		web.Handle(s, web.Route[Fund]{Pattern: "POST " + settleHref + "/fund/{id}/" + verb, Action: "payments.fund." + verb, Load: loadFund, Do: func(c *web.Ctx, p gate.Permit[Fund]) error {
			f, err := do(c.Context(), p.Who(), p.Resource().ID)
			if err != nil {
				return r.showSettlement(c, p.Who(), err)
			}
			if f.Why != "" {
				c.Flash("bad", "payments.fund.not-covered")
			} else {
				c.Flash("good", "payments.fund.state."+f.State)
			}
			return c.Redirect(settleHref)
		}})
	}
	s.Topic(web.Topic{Name: "settlement", Action: "payments.settlement.read", Types: []string{BatchSealed, "payments.window.*", "payments.liquidity.*"},
		Render: func(ctx context.Context, _ string, _ []store.Event) ([]templ.Component, error) {
			v, err := r.settleView(ctx)
			return []templ.Component{settleLive(v)}, err
		}})
}

func (r *Room) readScheme(c *web.Ctx, who gate.Principal) (string, error) {
	f, err := c.Form()
	if err != nil {
		return "", err
	}
	s := Scheme{Model: f.Choice("model", "payments.settlement.scheme.model", ModelGross, ModelNet), Days: f.Choice("days", "payments.settlement.scheme.days", "all", "working"),
		Cuts: strings.Fields(f.Text("cuts", web.Longest(300)))}
	for _, a := range strings.Fields(f.Text("alerts", web.Longest(60))) {
		n, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			f.Wrong("alerts", "payments.settlement.scheme.alerts")
			break
		}
		s.Alerts = append(s.Alerts, n)
	}
	if err := f.Err(); err != nil {
		return "", err
	}
	return "payments.settlement.scheme.done", r.SetScheme(c.Context(), who.Actor(), s)
}

func (r *Room) readFund(c *web.Ctx, who gate.Principal) (string, error) {
	f, err := c.Form()
	if err != nil {
		return "", err
	}
	var ids []string
	if err := r.db.View(c.Context(), func(tx *store.Tx) error {
		all, err := participants(tx)
		for _, p := range all {
			ids = append(ids, p.ID)
		}
		return err
	}); err != nil {
		return "", err
	}
	wish := Fund{Participant: f.Choice("participant", "payments.fund.participant", ids...), Direction: f.Choice("direction", "payments.fund.direction", "in", "out"),
		Amount: f.Money("amount", web.Required("payments.fund.amount")), Reason: f.Prose("reason", web.Required("payments.fund.reason"), web.Longest(160))}
	key := f.Text("key", saleKey)
	if err := f.Err(); err != nil {
		return "", err
	}
	_, err = r.AskFund(c.Context(), who, key, wish)
	return "payments.fund.asked", err
}

func (r *Room) showSettlement(c *web.Ctx, who gate.Principal, wrong error) error {
	v, err := r.settleView(c.Context())
	if err != nil {
		return err
	}
	v.Who = who.ID
	page := web.Page{Title: c.T("payments.settlement.title"), Wide: true, Live: "settlement"}
	if wrong != nil {
		return c.Invalid(wrong, page, settleBody(v))
	}
	return c.Render(page, settleBody(v))
}

func (r *Room) showWindow(c *web.Ctx, _ gate.Permit[gate.House]) error {
	number, _ := strconv.ParseInt(c.Path("number"), 10, 64)
	v := windowPage{Names: map[string]Participant{}, Key: r.newID()}
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		if v.Settlement, err = getSettlement(tx, r.pack.Currency.Code, number); err != nil {
			return err
		}
		all, err := participants(tx)
		for _, p := range all {
			v.Names[p.ID] = p
		}
		return err
	})
	if err != nil {
		return err
	}
	v.Day = country.DateOf(v.Closed, r.pack.Zone).String()
	return c.Render(web.Page{Title: c.T("payments.settlement.window", "number", web.Number(number)), Back: settleHref, Wide: true}, windowBody(v))
}

func windowHref(number int64) string { return fmt.Sprintf("%s/window/%d", settleHref, number) }

// cells.

func money(minor int64, currency string) templ.Component {
	return web.Amount{Minor: minor, Currency: currency}
}

func windowTag(ctx context.Context, state string) web.Tag {
	return web.Tag{Status: map[string]string{settledState: "good", unsettledState: "bad"}[state], Text: web.T(ctx, "payments.settlement.state."+state)}
}

func settleMembers(ctx context.Context, v settleView) (rows []web.Row) {
	for _, l := range v.Members {
		tag := web.Tag{Status: "good", Text: web.T(ctx, "payments.settlement.enough")}
		switch {
		case l.Suspended:
			tag = web.Tag{Status: "bad", Text: web.T(ctx, "payments.operate.suspended")}
		case l.Alert > 0:
			tag = web.Tag{Status: "wait", Text: web.T(ctx, "payments.settlement.above", "percent", web.Number(l.Alert))}
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.Bdi(l.Name(web.Lang(ctx).Code)), tag, money(l.Position, v.Currency), money(l.Sent, v.Currency), money(l.Received, v.Currency),
			money(l.Balance, v.Currency), money(l.Held, v.Currency), money(l.Free, v.Currency), money(l.Owing, v.Currency)}})
	}
	return rows
}

func useBar(ctx context.Context, l Liquidity, currency string) web.Bar {
	status := "good"
	if l.Alert > 0 || l.Used() >= 100 {
		status = "bad"
	}
	return web.Bar{Label: l.Name(web.Lang(ctx).Code), Value: max(l.Limit-l.Free, 0), Of: max(l.Limit, 1), Status: status,
		Text: web.T(ctx, "payments.settlement.use", "percent", web.Number(l.Used()), "free", web.Money(ctx, l.Free, currency))}
}

func windowRows(ctx context.Context, v settleView) (rows []web.Row) {
	for _, w := range v.Pending {
		rows = append(rows, web.Row{Cells: []templ.Component{web.Text(web.Number(w.Number)), web.When(w.Closed), web.Text(web.T(ctx, "payments.settlement.model."+model(w.Net))),
			web.Tag{Status: "wait", Text: web.T(ctx, "payments.settlement.state.cut")}, web.Text("–"), web.Text("–")}})
	}
	for _, s := range v.Windows {
		rows = append(rows, web.Row{Cells: []templ.Component{web.A(windowHref(s.Number), web.Number(s.Number)), web.When(s.Closed), web.Text(web.T(ctx, "payments.settlement.model."+model(s.Net))),
			windowTag(ctx, s.State), web.Text(web.Number(s.Payments)), money(s.Gross, v.Currency)}})
	}
	return rows
}

func reportRows(ctx context.Context, v windowPage) (rows []web.Row) {
	total := SettlementLine{}
	for _, l := range v.Lines {
		name := v.Names[l.Participant].Name(web.Lang(ctx).Code)
		rows = append(rows, web.Row{Cells: []templ.Component{web.Bdi(name), web.Text(web.Number(l.SentCount)), money(l.Sent, v.Currency), web.Text(web.Number(l.ReceivedCount)), money(l.Received, v.Currency),
			money(l.Net(), v.Currency), money(l.Due, v.Currency)}})
		total.SentCount, total.Sent, total.ReceivedCount, total.Received = total.SentCount+l.SentCount, total.Sent+l.Sent, total.ReceivedCount+l.ReceivedCount, total.Received+l.Received
		total.Due += l.Due
	}
	return append(rows, web.Row{Cells: []templ.Component{web.Text(web.T(ctx, "payments.settlement.total")), web.Text(web.Number(total.SentCount)), money(total.Sent, v.Currency), web.Text(web.Number(total.ReceivedCount)),
		money(total.Received, v.Currency), money(total.Net(), v.Currency), money(total.Due, v.Currency)}})
}

func accountRows(ctx context.Context, v windowPage) (rows []web.Row) {
	for _, l := range v.Lines {
		rows = append(rows, web.Row{Cells: []templ.Component{web.Bdi(v.Names[l.Participant].Name(web.Lang(ctx).Code)), money(l.Opening, v.Currency), money(l.Closing, v.Currency), statementLinks(v, l.Participant)}})
	}
	return rows
}

func (v windowPage) statement(participant, file string) string {
	return fmt.Sprintf("%s/statement/%s/%s?window=%d", settleHref, participant, file, v.Number)
}

func fundRows(ctx context.Context, v settleView) (rows []web.Row) {
	for _, f := range v.Funds {
		tag := web.Tag{Status: map[string]string{fundAsked: "wait", fundDone: "good", fundRefused: "bad"}[f.State], Text: web.T(ctx, "payments.fund.state."+f.State)}
		amount := f.Amount
		if f.Direction == "out" {
			amount = -amount
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(f.Made), web.Bdi(v.Names[f.Participant].Name(web.Lang(ctx).Code)), money(amount, f.Currency), web.Bdi(f.Reason), tag, fundActions(f, v.Who)}})
	}
	return rows
}

func settleParticipants(ctx context.Context, v settleView) (options []web.Option) {
	for _, l := range v.Members {
		options = append(options, web.Option{Value: l.Participant, Label: l.Name(web.Lang(ctx).Code)})
	}
	return options
}

func (s Scheme) alertText() string {
	var out []string
	for _, a := range s.Alerts {
		out = append(out, strconv.FormatInt(a, 10))
	}
	return strings.Join(out, " ")
}
