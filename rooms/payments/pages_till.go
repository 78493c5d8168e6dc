package payments

import (
	"context"
	"regexp"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/emvqr"
)

const minute = time.Minute

// salesShown is how many of the last sales a till shows.
const salesShown = 10

func emvPNG(code string) ([]byte, error) { return emvqr.PNG(code, 8) }

// saleKey takes the key the page made and nothing else: it becomes part of the
// fee's key, which its events carry.
func saleKey(f *web.Form, name, value string) (string, []string) {
	if !saleKeys.MatchString(value) {
		return "web.form.wrong", nil
	}
	return "", nil
}

var saleKeys = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// tillView is what a till shows: the account it works for and its last sales.
type tillView struct {
	Account *Account
	Sales   []*Fee
	Key     string // makes pressing the button twice one sale
	Now     time.Time
}

func (r *Room) tillPages(s *web.Site) {
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /till", Action: "payments.till.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.walletOf(c.Context(), p.Who().ID, "")
		if err != nil {
			return err
		}
		for _, a := range v.Accounts {
			if a.Kind == KindMerchant {
				return c.Redirect("/till/" + a.ID)
			}
		}
		return c.Render(web.Page{Title: c.T("payments.till.title"), Back: "/wallet"}, noTillBody())
	}})
	web.Handle(s, web.Route[Account]{Pattern: "GET /till/{id}", Action: "payments.till.use", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		v, err := r.tillOf(c.Context(), p.Resource())
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.till.title"), Back: "/wallet"}, tillBody(v))
	}})
	web.Handle(s, web.Route[Account]{Pattern: "POST /till/{id}", Action: "payments.till.use", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		a := p.Resource()
		f, err := c.Form()
		if err != nil {
			return err
		}
		amount, what, key := f.Money("amount", web.Required("payments.amount.missing")), f.Text("what", web.Longest(60)), f.Text("key", saleKey)
		err = f.Err()
		id := ""
		if err == nil {
			err = r.db.Update(c.Context(), func(tx *store.Tx) (err error) {
				id, err = r.ask(tx, originTill, FeeRequest{Key: a.ID + "/" + key, Payee: a.Holder, Amount: amount, Currency: a.Currency, Purpose: what, Expires: tx.Now().Add(CodeTime)}, &a, p.Who().Actor())
				return err
			})
		}
		if err != nil {
			v, e := r.tillOf(c.Context(), a)
			if e != nil {
				return e
			}
			return c.Invalid(err, web.Page{Title: c.T("payments.till.title"), Back: "/wallet"}, tillBody(v))
		}
		return c.Redirect("/till/" + a.ID + "/" + id)
	}})
	web.Handle(s, web.Route[Account]{Pattern: "GET /till/{id}/{fee}", Action: "payments.till.use", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		f, err := r.fee(c.Context(), c.Path("fee"))
		if err != nil {
			return err
		}
		if f.Account != p.Resource().ID {
			return c.Redirect("/till/" + p.Resource().ID)
		}
		v := feeView{Fee: f}
		if v.Wrong = f.Payable(r.clock.Now()); v.Wrong == nil {
			if v.Code, err = r.feeCode(c.Context(), f); err != nil {
				return err
			}
		}
		return c.Render(web.Page{Title: c.T("payments.till.title"), Back: "/till/" + f.Account, Live: "sale?key=" + f.ID}, saleBody(v))
	}})
	s.Topic(web.Topic{Name: "sale", Action: "payments.fee.see", Types: []string{SalePaid},
		Load:  r.loadFeeEntity,
		Match: func(e store.Event, key string) bool { return e.Subject == "payments/fee/"+key },
		Render: func(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
			f, err := r.fee(ctx, key)
			if err != nil {
				return nil, err
			}
			return []templ.Component{saleState(feeView{Fee: f})}, nil
		}})
}

func (r *Room) tillOf(ctx context.Context, a Account) (tillView, error) {
	v := tillView{Account: &a, Key: r.newID(), Now: r.clock.Now()}
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		v.Sales, err = sales(tx, a.ID, salesShown)
		return err
	})
	return v, err
}

func (r *Room) loadFeeEntity(ctx context.Context, key string) (gate.Entity, error) {
	f, err := r.fee(ctx, key)
	if err != nil {
		return nil, err
	}
	return *f, nil
}

// drawPaid draws a fee's page anew for everybody who has it open.
func (r *Room) drawPaid(ctx context.Context, key string, _ []store.Event) ([]templ.Component, error) {
	f, err := r.fee(ctx, key)
	if err != nil {
		return nil, err
	}
	return []templ.Component{feeState(feeView{Fee: f})}, nil
}

// operateView is what the rail's operator sees.
type operateView struct {
	Currency  string
	Positions []Position
	Checks    []Check
	Rows      int64
	Chain     error
	At        time.Time
}

func (r *Room) operatePages(s *web.Site) {
	r.participantPages(s)
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /pay/operate", Action: "payments.rail.read", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		v := operateView{Currency: r.pack.Currency.Code, At: r.clock.Now()}
		err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
			if v.Positions, err = positions(tx, v.Currency); err != nil {
				return err
			}
			v.Checks, err = Invariants(tx, v.Currency, v.At)
			return err
		})
		if err != nil {
			return err
		}
		v.Rows, v.Chain = r.auditor.Check(c.Context())
		return c.Render(web.Page{Title: c.T("payments.operate.title"), Wide: true}, operateBody(v))
	}})
}
