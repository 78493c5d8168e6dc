package payments

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

const (
	disputesShown   = 50
	disputesOperate = "/pay/operate/disputes"
)

// disputeView is a dispute as one of its three sees it.
type disputeView struct {
	*Dispute
	Side   string // payer, payee, operator
	Paid   *Transfer
	Marks  []Counts // about the payee: the operator only
	Key    string
	Now    time.Time
	Lately int64 // disputes about the payee's account that ended with money back: the operator only
}

func (r *Room) disputePages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.dispute.menu", Hint: "payments.dispute.menu.hint", Href: disputesOperate, Group: "official", Order: 52,
		For: func(p gate.Principal) bool { return p.Has("payments.operate") }})
	s.Waits(r.disputesWait)
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/disputes", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		var mine, about []*Dispute
		err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
			if mine, err = disputesOf(tx, "payer", p.Who().ID, disputesShown); err != nil {
				return err
			}
			about, err = disputesOf(tx, "payee", p.Who().ID, disputesShown)
			return err
		})
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.dispute.list"), Back: "/wallet"}, disputesBody(mine, about))
	}})
	about := func(pattern string, do func(c *web.Ctx, p gate.Permit[Transfer]) error) {
		web.Handle(s, web.Route[Transfer]{Pattern: pattern, Action: "payments.dispute.open", Load: r.loadTransfer, Do: do})
	}
	about("GET /wallet/payment/{id}/dispute", func(c *web.Ctx, p gate.Permit[Transfer]) error { return r.showOpenDispute(c, p, nil) })
	about("POST /wallet/payment/{id}/dispute", r.takeDispute)
	handle := func(pattern, action string, do func(c *web.Ctx, p gate.Permit[Dispute]) error) {
		web.Handle(s, web.Route[Dispute]{Pattern: pattern, Action: action, Load: r.loadDispute, Do: do})
	}
	handle("GET /wallet/dispute/{id}", "payments.dispute.see", func(c *web.Ctx, p gate.Permit[Dispute]) error { return r.showDispute(c, p, nil) })
	handle("POST /wallet/dispute/{id}/contest", "payments.dispute.answer", func(c *web.Ctx, p gate.Permit[Dispute]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		words := f.Prose("words", web.Required("payments.dispute.words-missing"), web.Longest(1000))
		if err = f.Err(); err == nil {
			_, err = r.Contest(c.Context(), p.Who().Actor(), p.Resource().ID, words)
		}
		return r.afterStep(c, p, err)
	})
	handle("POST /wallet/dispute/{id}/accept", "payments.dispute.answer", func(c *web.Ctx, p gate.Permit[Dispute]) error { return r.takeGiveBack(c, p, false) })
	handle("POST /wallet/dispute/{id}/withdraw", "payments.dispute.withdraw", func(c *web.Ctx, p gate.Permit[Dispute]) error {
		_, err := r.WithdrawDispute(c.Context(), p.Who().Actor(), p.Resource().ID)
		return r.afterStep(c, p, err)
	})

	web.Handle(s, web.Route[gate.House]{Pattern: "GET " + disputesOperate, Action: "payments.dispute.list", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		var list []*Dispute
		err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
			list, err = disputesOf(tx, "", "", disputesShown)
			return err
		})
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.dispute.menu"), Wide: true}, disputeDesk(list, r.clock.Now()))
	}})
	handle("GET /pay/operate/dispute/{id}", "payments.dispute.judge", func(c *web.Ctx, p gate.Permit[Dispute]) error { return r.showDispute(c, p, nil) })
	handle("POST /pay/operate/dispute/{id}/refund", "payments.dispute.judge", func(c *web.Ctx, p gate.Permit[Dispute]) error { return r.takeGiveBack(c, p, true) })
	handle("POST /pay/operate/dispute/{id}/reject", "payments.dispute.judge", func(c *web.Ctx, p gate.Permit[Dispute]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		words := f.Prose("words", web.Required("payments.dispute.why-missing"), web.Longest(1000))
		if err = f.Err(); err == nil {
			_, err = r.Reject(c.Context(), p.Who(), p.Resource().ID, words)
		}
		return r.afterStep(c, p, err)
	})
	for topic, action := range map[string]string{"dispute": "payments.dispute.see", "dispute-desk": "payments.dispute.judge"} {
		s.Topic(web.Topic{Name: topic, Action: action, Types: []string{"payments.dispute.*"},
			Load: func(ctx context.Context, key string) (gate.Entity, error) {
				d, err := r.ADispute(ctx, key)
				if err != nil {
					return nil, err
				}
				return *d, nil
			},
			Match: func(e store.Event, key string) bool { return e.Subject == "payments/dispute/"+key },
			Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
				d, err := r.ADispute(ctx, key)
				if err != nil {
					return nil, err
				}
				return []templ.Component{disputeState(disputeView{Dispute: d, Now: r.clock.Now()})}, nil
			}})
	}
}

func (r *Room) loadDispute(q *http.Request) (Dispute, error) {
	d, err := r.ADispute(q.Context(), q.PathValue("id"))
	if err != nil {
		return Dispute{}, err
	}
	return *d, nil
}

// side is which of the three looks; the operator has pages of their own.
func side(c *web.Ctx, d *Dispute) string {
	switch {
	case strings.HasPrefix(c.R.URL.Path, "/pay/operate/"):
		return "operator"
	case d.Payer == c.Who.ID:
		return "payer"
	}
	return "payee"
}

func (r *Room) showDispute(c *web.Ctx, p gate.Permit[Dispute], wrong error) error {
	d := p.Resource()
	v := disputeView{Dispute: &d, Side: side(c, &d), Key: r.newID(), Now: r.clock.Now()}
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		if v.Paid, err = getTransfer(tx, d.Transfer); err != nil || v.Side != "operator" {
			return err
		}
		if v.Marks, err = countMarks(tx, "account", d.Credit); err != nil {
			return err
		}
		v.Lately, err = d.paidBackBefore(tx)
		return err
	})
	if err != nil {
		return err
	}
	page := web.Page{Title: c.T("payments.dispute.title"), Back: "/wallet/disputes", Live: "dispute?key=" + d.ID}
	if v.Side == "operator" {
		page.Back, page.Live = disputesOperate, "dispute-desk?key="+d.ID
	}
	return showOr(c, page, disputeBody(v), wrong)
}

// afterStep shows what was wrong with a step, or where the dispute stands now.
func (r *Room) afterStep(c *web.Ctx, p gate.Permit[Dispute], wrong error) error {
	if wrong != nil {
		return r.showDispute(c, p, wrong)
	}
	d := p.Resource()
	if side(c, &d) == "operator" {
		return c.Redirect("/pay/operate/dispute/" + d.ID)
	}
	return c.Redirect("/wallet/dispute/" + d.ID)
}

// takeGiveBack gives the money back, as the payee or as the operator decides.
func (r *Room) takeGiveBack(c *web.Ctx, p gate.Permit[Dispute], judge bool) error {
	d := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	key, words, decider := f.Text("key", saleKey), "", ""
	if judge {
		words, decider = f.Prose("words", web.Required("payments.dispute.why-missing"), web.Longest(1000)), p.Who().ID
	}
	if err := f.Err(); err != nil {
		return r.showDispute(c, p, err)
	}
	back, err := r.Concede(c.Context(), p.Who().Actor(), &d, decider, words, key)
	if err == nil && back.Phase != ledger.Committed {
		c.Flash("bad", reasonKey(back.Reason))
	}
	return r.afterStep(c, p, err)
}

func (r *Room) showOpenDispute(c *web.Ctx, p gate.Permit[Transfer], wrong error) error {
	t := p.Resource()
	after, err := r.afterwards(c.Context(), &t)
	if err != nil {
		return err
	}
	if after.Dispute != nil && wrong == nil {
		return c.Redirect("/wallet/dispute/" + after.Dispute.ID)
	}
	v := refundView{Transfer: &t, Left: after.Left, Amount: r.pack.Currency.Digits(after.Left)}
	return showOr(c, web.Page{Title: c.T("payments.dispute.begin"), Back: "/wallet/payment/" + t.ID}, openDisputeBody(v, int64(r.pack.Rules().Disputes.Answer)), wrong)
}

// takeDispute opens a dispute.
func (r *Room) takeDispute(c *web.Ctx, p gate.Permit[Transfer]) error {
	t := p.Resource()
	f, err := c.Form()
	if err != nil {
		return err
	}
	var names []string
	for _, x := range disputeReasons {
		names = append(names, x.name)
	}
	reason := f.Choice("reason", "payments.dispute.reason-missing", names...)
	amount, words := f.Money("amount", web.Required("payments.amount.missing")), f.Prose("words", web.Required("payments.dispute.words-missing"), web.Longest(1000))
	if err := f.Err(); err != nil {
		return r.showOpenDispute(c, p, err)
	}
	d, err := r.OpenDispute(c.Context(), p.Who().Actor(), &t, amount, reason, words)
	if err != nil {
		if after, e := r.afterwards(c.Context(), &t); e == nil && after.Dispute != nil {
			return c.Redirect("/wallet/dispute/" + after.Dispute.ID) // the button was pressed twice
		}
		return r.showOpenDispute(c, p, err)
	}
	return c.Redirect("/wallet/dispute/" + d.ID)
}

// disputesWait puts disputes that wait for an answer on home pages.
func (r *Room) disputesWait(c *web.Ctx) (tasks []web.Task, err error) {
	var about []*Dispute
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		about, err = disputesOf(tx, "payee", c.Who.ID, disputesShown)
		return err
	})
	for _, d := range about {
		if d.State == DisputeOpen {
			tasks = append(tasks, web.Task{Title: c.T("payments.dispute.task", "amount", c.Money(d.Amount, d.Currency)), Hint: c.T("payments.dispute.reason." + d.Reason), Href: "/wallet/dispute/" + d.ID, Due: d.AnswerEnd})
		}
	}
	return tasks, err
}

// mayRefund says whether the payee can still give something back.
func (v paymentView) mayRefund() bool {
	return v.Incoming && v.Left > 0 && v.Of == nil && v.Payer != nil && v.Payer.Role == ledger.Customer && v.Payer.Kind != KindAgent
}

// mayDispute says whether the payer can complain about it.
func (v paymentView) mayDispute() bool {
	return !v.Incoming && v.Phase == ledger.Committed && v.Left > 0 && v.Of == nil && v.Dispute == nil && v.Payee != nil && (v.Payee.Kind == KindPerson || v.Payee.Kind == KindMerchant)
}

func disputeTag(ctx context.Context, d *Dispute) web.Tag {
	status := map[string]string{DisputeOpen: "wait", DisputeContested: "wait", DisputeUnanswered: "wait", DisputeRefunded: "good", DisputeRejected: "bad"}[d.State]
	return web.Tag{Status: status, Text: web.T(ctx, "payments.dispute.state."+d.State)}
}

func disputeCards(ctx context.Context, list []*Dispute, payer bool) (cards []web.Card) {
	lang := web.Lang(ctx).Code
	for _, d := range list {
		name := d.From.Name(lang)
		if payer {
			name = d.To.Payee(lang)
		}
		tag := disputeTag(ctx, d)
		cards = append(cards, web.Card{Title: web.T(ctx, "payments.request.card", "name", name, "amount", web.Money(ctx, d.Amount, d.Currency)),
			Hint: web.T(ctx, "payments.dispute.reason."+d.Reason) + " · " + web.Date(ctx, d.Opened), Href: "/wallet/dispute/" + d.ID, Tag: &tag})
	}
	return cards
}

func disputeOptions(ctx context.Context) (options []web.Option) {
	for _, x := range disputeReasons {
		options = append(options, web.Option{Value: x.name, Label: web.T(ctx, "payments.dispute.reason."+x.name)})
	}
	return options
}

// steps is the way of a dispute.
func (v disputeView) steps(ctx context.Context) []web.Step {
	steps := []web.Step{{Title: web.T(ctx, "payments.dispute.step.opened"), State: "done", At: v.Opened, Note: web.T(ctx, "payments.dispute.reason."+v.Reason), Body: said(v.Words)}}
	answer := web.Step{Title: web.T(ctx, "payments.dispute.step.answer"), State: "now", Note: web.T(ctx, "payments.dispute.by", "time", web.DateTime(ctx, v.AnswerEnd))}
	decide := web.Step{Title: web.T(ctx, "payments.dispute.step.decide"), State: "later"}
	if !v.DecideEnd.IsZero() {
		decide.State, decide.Note = "now", web.T(ctx, "payments.dispute.by", "time", web.DateTime(ctx, v.DecideEnd))
		answer = web.Step{Title: web.T(ctx, "payments.dispute.step.silent"), State: "bad", At: v.AnswerEnd}
		if !v.Answered.IsZero() {
			answer = web.Step{Title: web.T(ctx, "payments.dispute.step.contested"), State: "done", At: v.Answered, Body: said(v.AnswerWords)}
		}
	}
	switch v.State {
	case DisputeRefunded, DisputeRejected:
		state := map[string]string{DisputeRefunded: "done", DisputeRejected: "bad"}[v.State]
		if v.Decider != "" {
			decide = web.Step{Title: web.T(ctx, "payments.dispute.step."+v.State), State: state, At: v.Decided, Body: said(v.DecisionWords)}
			return append(steps, answer, decide)
		}
		if v.DecideEnd.IsZero() {
			return append(steps, web.Step{Title: web.T(ctx, "payments.dispute.step.paid-back"), State: state, At: v.Decided})
		}
		return append(steps, answer, web.Step{Title: web.T(ctx, "payments.dispute.step.paid-back"), State: state, At: v.Decided})
	case DisputeWithdrawn:
		return append(steps, web.Step{Title: web.T(ctx, "payments.dispute.state.withdrawn"), State: "done", At: v.Decided})
	}
	return append(steps, answer, decide)
}

func (v disputeView) rows(ctx context.Context) []web.Answer {
	lang := web.Lang(ctx).Code
	rows := []web.Answer{{Label: web.T(ctx, "payments.dispute.amount"), Body: web.Amount{Minor: v.Amount, Currency: v.Currency}, Note: web.T(ctx, "payments.dispute.of", "amount", web.Money(ctx, v.Paid.Amount, v.Currency), "time", web.DateTime(ctx, v.Paid.Finished))}}
	if v.Side != "payer" {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.payer"), Value: v.From.Name(lang)})
	}
	switch v.Side {
	case "operator":
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.payee"), Value: v.To.Name(lang)})
	case "payer":
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.payee"), Value: v.To.Payee(lang)})
	}
	if v.Paid.Purpose != "" {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.for"), Value: web.Said(ctx, v.Paid.Purpose)})
	}
	rows = append(rows, web.Answer{Label: web.T(ctx, "payments.dispute.payment"), Value: v.Paid.Reference, Code: true})
	if v.Side == "operator" {
		last := v.Marks[len(v.Marks)-1]
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.dispute.marks"), Value: web.T(ctx, "payments.dispute.marks.counts", "reported", web.Number(last.Reported), "agreed", web.Number(last.Agreed), "months", web.Number(last.Months))},
			web.Answer{Label: web.T(ctx, "payments.dispute.lately"), Value: strconv.FormatInt(v.Lately, 10)})
	}
	return rows
}

// deskRows are the operator's disputes.
func deskRows(ctx context.Context, list []*Dispute, now time.Time) (rows []web.Row) {
	lang := web.Lang(ctx).Code
	for _, d := range list {
		row := web.Row{Cells: []templ.Component{web.A("/pay/operate/dispute/"+d.ID, d.Reference), disputeTag(ctx, d), web.Text(web.T(ctx, "payments.dispute.reason."+d.Reason)),
			web.Text(d.To.Name(lang)), web.Amount{Minor: d.Amount, Currency: d.Currency}, web.Text("–")}}
		if d.judged() {
			row.Cells[5] = web.When(d.DecideEnd)
			row.Status = "wait"
			if now.After(d.DecideEnd) {
				row.Status = "bad"
			}
		}
		rows = append(rows, row)
	}
	return rows
}
