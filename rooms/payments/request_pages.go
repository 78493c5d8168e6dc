package payments

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// requestsShown is how many requests of one side a page shows.
const requestsShown = 20

// askTimes are the days after today until which a request may hold, as offered.
var askTimes = []int{3, 7, 14, 30, 60}

// requestView is a request as one side sees it.
type requestView struct {
	*Request
	walletView
	Payer bool   // who is asked looks, not who asks
	Key   string // makes pressing the button twice one payment
	Bank  string // of the asker
	Away  string // the payer's bank, when it is not of the house
	Now   time.Time
}

// requestsView is both lists of a person.
type requestsView struct {
	walletView
	Asked []*Request // of them
	Mine  []*Request // by them
	Now   time.Time
}

// requestBook is what a person's list of requests is to the gate.
type requestBook struct{ Holder string }

// GateResource tells the gate whose list it is.
func (b requestBook) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsRequestBook", ID: "requests", Attrs: map[string]any{"holder": b.Holder}}
}

func (r *Room) requestPages(s *web.Site) {
	s.Waits(r.requestsWait)
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/requests", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.requestsViewOf(c.Context(), p.Who().ID)
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.request.list"), Back: "/wallet", Live: "requests?key=" + v.key()}, requestsBody(v))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/ask", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.walletOf(c.Context(), p.Who().ID, c.Query("account"))
		if err != nil {
			return err
		}
		if len(v.Accounts) == 0 {
			return c.Redirect("/wallet/open?to=/wallet/ask")
		}
		return c.Render(web.Page{Title: c.T("payments.request.whom"), Back: "/wallet/requests", Kind: "question"}, askBody(v))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "POST /wallet/ask", Action: "payments.wallet.see", Limit: readings, Do: r.takeWhom})
	handle := func(pattern, action string, do func(c *web.Ctx, p gate.Permit[Request]) error) {
		web.Handle(s, web.Route[Request]{Pattern: pattern, Action: action, Load: r.loadRequest, Do: do})
	}
	handle("GET /wallet/ask/{id}", "payments.request.follow", func(c *web.Ctx, p gate.Permit[Request]) error {
		q := p.Resource()
		if q.State != requestDraft {
			return c.Redirect("/wallet/request/" + q.ID)
		}
		return c.Render(askPage(c), r.askMoreBody(c.Context(), &q))
	})
	handle("POST /wallet/ask/{id}", "payments.request.follow", r.takeAsk)
	handle("GET /wallet/request/{id}", "payments.request.see", func(c *web.Ctx, p gate.Permit[Request]) error { return r.showRequest(c, p, nil) })
	handle("POST /wallet/request/{id}/pay", "payments.request.answer", r.takePay)
	handle("GET /wallet/request/{id}/refuse", "payments.request.answer", func(c *web.Ctx, p gate.Permit[Request]) error {
		q := p.Resource()
		return c.Render(refusePage(c, &q), refuseBody(&q))
	})
	handle("POST /wallet/request/{id}/refuse", "payments.request.answer", r.takeRefusal)
	handle("POST /wallet/request/{id}/withdraw", "payments.request.follow", func(c *web.Ctx, p gate.Permit[Request]) error {
		if _, err := r.Withdraw(c.Context(), p.Who().Actor(), p.Resource().ID); err != nil {
			return r.showRequest(c, p, err)
		}
		return c.Redirect("/wallet/request/" + p.Resource().ID)
	})
	for _, side := range []struct {
		topic, action string
		payer         bool
	}{{"asked-of", "payments.request.answer", true}, {"asked-by", "payments.request.follow", false}} {
		s.Topic(web.Topic{Name: side.topic, Action: side.action, Types: []string{RequestSettled, RequestDeclined, RequestOver, RequestTakenBack},
			Load: func(ctx context.Context, key string) (gate.Entity, error) {
				q, err := r.ARequest(ctx, key)
				if err != nil {
					return nil, err
				}
				return *q, nil
			},
			Match: func(e store.Event, key string) bool { return e.Subject == "payments/request/"+key },
			Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
				q, err := r.ARequest(ctx, key)
				if err != nil {
					return nil, err
				}
				return []templ.Component{requestState(requestView{Request: q, Payer: side.payer, Bank: r.bankName(ctx, q.To), Away: r.awayBank(ctx, q), Now: r.clock.Now()})}, nil
			}})
	}
	s.Topic(web.Topic{Name: "requests", Action: "payments.request.list", Types: []string{"payments.request.*"}, Load: r.loadBook,
		Match: func(e store.Event, key string) bool {
			var d RequestData
			return json.Unmarshal(e.Payload, &d) == nil && (slices.Contains(strings.Split(key, ","), d.Debit) || slices.Contains(strings.Split(key, ","), d.Credit))
		},
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			b, err := r.loadBook(ctx, key)
			if err != nil {
				return nil, err
			}
			v, err := r.requestsViewOf(ctx, b.(requestBook).Holder)
			if err != nil {
				return nil, err
			}
			return []templ.Component{requestLists(v)}, nil
		}})
}

// key names the person's accounts, so that the list's address says nothing about
// the person.
func (v requestsView) key() string {
	ids := make([]string, len(v.Accounts))
	for i, a := range v.Accounts {
		ids[i] = a.ID
	}
	return strings.Join(ids, ",")
}

// loadBook finds whose accounts a key names; they are one person's.
func (r *Room) loadBook(ctx context.Context, key string) (gate.Entity, error) {
	b := requestBook{}
	err := r.db.View(ctx, func(tx *store.Tx) error {
		for _, id := range strings.Split(key, ",") {
			a, err := getAccount(tx, id)
			if fault.Is(err, fault.NotFound) || err == nil && b.Holder != "" && b.Holder != a.Holder {
				return fault.New(fault.NotFound, "payments.account.unknown")
			}
			if err != nil {
				return err
			}
			b.Holder = a.Holder
		}
		return nil
	})
	return b, err
}

func (r *Room) requestsViewOf(ctx context.Context, person string) (v requestsView, err error) {
	v.Now = r.clock.Now()
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if v.Accounts, err = accountsOf(tx, person); err != nil {
			return err
		}
		if v.Asked, err = requestsOf(tx, "payer", person, requestsShown); err != nil {
			return err
		}
		v.Mine, err = requestsOf(tx, "asker", person, requestsShown)
		return err
	})
	return v, err
}

func (r *Room) loadRequest(q *http.Request) (Request, error) {
	x, err := r.ARequest(q.Context(), q.PathValue("id"))
	if err != nil {
		return Request{}, err
	}
	return *x, nil
}

// takeWhom finds who is to be asked.
func (r *Room) takeWhom(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	to, account := strings.TrimSpace(f.Values().Get("to")), f.Text("account")
	v, err := r.walletOf(c.Context(), p.Who().ID, account)
	if err != nil {
		return err
	}
	if to == "" {
		f.Wrong("to", "payments.request.whom-missing")
	}
	i := slices.IndexFunc(v.Accounts, func(a *Account) bool { return a.ID == account })
	if i < 0 {
		f.Wrong("account", "payments.request.no-account")
	}
	id := ""
	if err = f.Err(); err == nil {
		id, err = r.draft(c.Context(), p.Who(), v.Accounts[i], to)
	}
	if err != nil {
		return showOr(c, web.Page{Title: c.T("payments.request.whom"), Back: "/wallet/requests", Kind: "question"}, askBody(v), err)
	}
	return c.Redirect("/wallet/ask/" + id)
}

func askPage(c *web.Ctx) web.Page {
	return web.Page{Title: c.T("payments.request.ask"), Back: "/wallet/ask"}
}

// awayBank names the payer's bank when the house does not keep the account.
func (r *Room) awayBank(ctx context.Context, q *Request) string {
	if q.From == nil || !q.From.away() {
		return ""
	}
	return r.bankName(ctx, q.From)
}

func (r *Room) askMoreBody(ctx context.Context, q *Request) templ.Component {
	rules := r.pack.Rules().Requests
	return askMore(q, r.awayBank(ctx, q), rules.Now, rules.Later, r.clock.Now().In(r.pack.Zone))
}

// takeAsk reads how much and until when, and asks.
func (r *Room) takeAsk(c *web.Ctx, p gate.Permit[Request]) error {
	q := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	in := RequestToPay{Amount: f.Money("amount", web.Required("payments.amount.missing")), Purpose: f.Text("purpose", web.Longest(140), web.Required("payments.request.purpose-missing")), Urgency: UrgencyLater}
	switch until := f.Text("until", web.Required("payments.request.when-missing")); until {
	case "":
	case UrgencyNow:
		in.Urgency = UrgencyNow
	default:
		days, err := strconv.Atoi(until)
		if err != nil || days < 1 || days > r.pack.Rules().Requests.Later {
			f.Wrong("until", "payments.request.until-wrong", "days", strconv.Itoa(r.pack.Rules().Requests.Later))
		}
		in.Expires = endOfDay(r.clock.Now().In(r.pack.Zone), days)
	}
	if err = f.Err(); err == nil {
		_, err = r.finish(c.Context(), p.Who().Actor(), q.ID, in)
	}
	if err != nil {
		return c.Invalid(err, askPage(c), r.askMoreBody(c.Context(), &q))
	}
	return c.Redirect("/wallet/request/" + q.ID)
}

// endOfDay is the last second of a day some days on, in the moment's own zone.
func endOfDay(now time.Time, days int) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d+days+1, 0, 0, 0, 0, now.Location()).Add(-time.Second)
}

func (r *Room) showRequest(c *web.Ctx, p gate.Permit[Request], wrong error) error {
	q := p.Resource()
	if q.State == requestDraft {
		return c.Redirect("/wallet/ask/" + q.ID)
	}
	v := requestView{Request: &q, Payer: q.Payer == p.Who().ID, Key: r.newID(), Bank: r.bankName(c.Context(), q.To), Away: r.awayBank(c.Context(), &q), Now: r.clock.Now()}
	live := "asked-by"
	if v.Payer {
		live = "asked-of"
		var err error
		if v.walletView, err = r.walletOf(c.Context(), p.Who().ID, q.Debit); err != nil {
			return err
		}
	}
	return showOr(c, web.Page{Title: c.T(v.title()), Back: "/wallet/requests", Live: live + "?key=" + q.ID}, requestBody(v), wrong)
}

// takePay pays a request.
func (r *Room) takePay(c *web.Ctx, p gate.Permit[Request]) error {
	q := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	from, key := f.Text("from", web.Required("payments.from.missing")), f.Text("key", saleKey)
	if err := f.Err(); err != nil {
		return r.showRequest(c, p, err)
	}
	account, err := r.account(c.Context(), func(tx *store.Tx) (*Account, error) { return accountFor(tx, from, p.Who().ID) })
	if err != nil {
		return r.showRequest(c, p, fault.New(fault.Invalid, "payments.from.missing").At("from", "payments.from.missing"))
	}
	t, err := r.PayRequest(c.Context(), p.Who().Actor(), &q, account, "wallet/"+p.Who().ID, q.ID+"/"+key)
	if err != nil {
		if now, e := r.ARequest(c.Context(), q.ID); e == nil && now.Transfer != "" {
			return c.Redirect("/wallet/payment/" + now.Transfer) // somebody was faster: the payer on another screen
		}
		return r.showRequest(c, p, err)
	}
	return c.Redirect("/wallet/payment/" + t.ID)
}

func refusePage(c *web.Ctx, q *Request) web.Page {
	return web.Page{Title: c.T("payments.request.refuse.title"), Back: "/wallet/request/" + q.ID, Kind: "question"}
}

// takeRefusal reads why the payer does not pay.
func (r *Room) takeRefusal(c *web.Ctx, p gate.Permit[Request]) error {
	q := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	reason, words := f.Choice("reason", "payments.request.reason-missing", requestReasons...), f.Text("words", web.Longest(140))
	if err = f.Err(); err == nil {
		_, err = r.Refuse(c.Context(), p.Who().Actor(), q.ID, ledger.Reason(reason), words)
	}
	if err != nil {
		return c.Invalid(err, refusePage(c, &q), refuseBody(&q))
	}
	return c.Redirect("/wallet/request/" + q.ID)
}

// requestsWait puts requests that wait for the person on their home page.
func (r *Room) requestsWait(c *web.Ctx) (tasks []web.Task, err error) {
	now := r.clock.Now()
	var list []*Request
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		list, err = requestsOf(tx, "payer", c.Who.ID, requestsShown)
		return err
	})
	for _, q := range list {
		if q.open(now) {
			tasks = append(tasks, web.Task{Title: c.T("payments.request.task", "name", q.To.Name(c.Lang.Code), "amount", c.Money(q.Amount, q.Currency)), Hint: q.Purpose, Href: "/wallet/request/" + q.ID, Due: q.Expires})
		}
	}
	return tasks, err
}

// state is the request's state now.
func (v requestView) state() string { return v.stage(v.Now) }

func (v requestView) title() string {
	if v.Payer {
		return "payments.request.title.payer"
	}
	return "payments.request.title.asker"
}

func requestTag(ctx context.Context, q *Request, now time.Time) web.Tag {
	state := q.stage(now)
	status := map[string]string{RequestAsked: "wait", RequestPaid: "good", RequestRefused: "bad"}[state]
	return web.Tag{Status: status, Text: web.T(ctx, "payments.request.state."+state)}
}

func requestCards(ctx context.Context, list []*Request, payer bool, now time.Time) (cards []web.Card) {
	lang := web.Lang(ctx).Code
	for _, q := range list {
		name := q.From.Payee(lang)
		if payer {
			name = q.To.Name(lang)
		}
		when := web.Date(ctx, q.Changed)
		if q.open(now) {
			when = web.Left(ctx, q.Expires)
		}
		tag := requestTag(ctx, q, now)
		cards = append(cards, web.Card{Title: web.T(ctx, "payments.request.card", "name", name, "amount", web.Money(ctx, q.Amount, q.Currency)), Hint: web.T(ctx, "payments.request.hint", "purpose", q.Purpose, "when", when), Href: "/wallet/request/" + q.ID, Tag: &tag})
	}
	return cards
}

// askOptions are the ends a request may have.
func askOptions(ctx context.Context, minutes, most int, now time.Time) []web.Option {
	options := []web.Option{{Value: UrgencyNow, Label: web.T(ctx, "payments.request.now"), Hint: web.T(ctx, "payments.request.now.hint", "minutes", strconv.Itoa(minutes))}}
	for _, days := range askTimes {
		if days <= most {
			options = append(options, web.Option{Value: strconv.Itoa(days), Label: web.T(ctx, "payments.request.later", "date", web.Date(ctx, endOfDay(now, days)))})
		}
	}
	return options
}

func reasonOptions(ctx context.Context, prefix string, reasons []string) (options []web.Option) {
	for _, x := range reasons {
		options = append(options, web.Option{Value: x, Label: web.T(ctx, prefix+x)})
	}
	return options
}

func requestRows(ctx context.Context, v requestView) []web.Answer {
	lang := web.Lang(ctx).Code
	rows := []web.Answer{{Label: web.T(ctx, "payments.request.asker"), Value: v.To.Name(lang), Note: v.Bank}}
	if v.Payer && v.state() == RequestAsked { // the name stands beside the amount
		rows = []web.Answer{{Label: web.T(ctx, "payments.pay.bank"), Value: v.Bank}}
	}
	if !v.Payer {
		rows = []web.Answer{{Label: web.T(ctx, "payments.request.payer"), Value: v.From.Payee(lang), Note: v.Away}}
	}
	rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.for"), Value: v.Purpose})
	if v.state() == RequestAsked {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.request.until"), Value: web.DateTime(ctx, v.Expires), Note: web.Left(ctx, v.Expires)})
	}
	if v.Reason != "" {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.request.reason"), Value: web.T(ctx, requestReasonKey(v.Reason)), Note: v.Words})
	}
	return append(rows, web.Answer{Label: web.T(ctx, "payments.pay.reference"), Value: v.Reference, Code: true})
}
