package payments

import (
	"context"
	"net/http"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// readings is how many codes, accounts and numbers one person may look up.
var readings = web.Rate{N: 30, Per: minute}

// payView is the page on which a payment begins.
type payView struct {
	walletView
	Code string // what was scanned or pasted
	Fee  *Fee   // the fee the code was made for, when we came from its page
	From string
}

func (r *Room) payPages(s *web.Site) {
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/pay", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.payViewOf(c, p, c.Query("fee"), c.Query("from"))
		if err != nil {
			return err
		}
		if len(v.Accounts) == 0 {
			to := "/wallet/pay"
			if v.Fee != nil {
				to += "?fee=" + v.Fee.ID
			}
			return c.Redirect("/wallet/open?to=" + to)
		}
		if v.Fee != nil {
			if err := v.Fee.Payable(r.clock.Now()); err != nil {
				return err
			}
			if v.Code, err = r.feeCode(c.Context(), v.Fee); err != nil {
				return err
			}
		}
		return c.Render(payPage(c, v), payBody(v))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "POST /wallet/pay", Action: "payments.wallet.see", Limit: readings, Do: r.readPay})
	web.Handle(s, web.Route[Order]{Pattern: "GET /wallet/pay/{order}", Action: "payments.order.confirm", Load: r.loadOrder, Do: func(c *web.Ctx, p gate.Permit[Order]) error {
		o := p.Resource()
		if o.Transfer != "" {
			return c.Redirect("/wallet/payment/" + o.Transfer)
		}
		return c.Render(web.Page{Title: c.T("payments.confirm.title"), Back: "/wallet/pay"}, confirmBody(&o, r.bankName(c.Context(), o.Payee)))
	}})
	web.Handle(s, web.Route[Order]{Pattern: "POST /wallet/pay/{order}", Action: "payments.order.confirm", Load: r.loadOrder, Do: func(c *web.Ctx, p gate.Permit[Order]) error {
		o := p.Resource()
		page, body := web.Page{Title: c.T("payments.confirm.title"), Back: "/wallet/pay"}, confirmBody(&o, r.bankName(c.Context(), o.Payee))
		f, err := c.Form()
		if err != nil {
			return err
		}
		amount := int64(0)
		if o.Amount == 0 && o.Transfer == "" {
			amount = f.Money("amount", web.Required("payments.amount.missing"))
			if err := f.Err(); err != nil {
				return c.Invalid(err, page, body)
			}
		}
		t, err := r.confirm(c.Context(), p.Who().Actor(), &o, amount)
		if err != nil {
			return c.Invalid(err, page, body)
		}
		return c.Redirect("/wallet/payment/" + t.ID)
	}})
	web.Handle(s, web.Route[Transfer]{Pattern: "GET /wallet/payment/{id}", Action: "payments.transfer.read", Load: r.loadTransfer, Do: func(c *web.Ctx, p gate.Permit[Transfer]) error {
		t := p.Resource()
		v := paymentView{Transfer: &t, Incoming: t.Payer == nil || t.Payer.Holder != p.Who().ID}
		v.Receipt = r.wants.Log != nil && t.Phase == ledger.Committed && mayHaveReceipt(&t, p.Who().ID)
		if t.Fee != "" {
			if f, err := r.fee(c.Context(), t.Fee); err == nil {
				if f.Origin == originService {
					v.Next = f.next()
				}
			}
		}
		v.PayeeBank = r.bankName(c.Context(), t.Payee)
		var err error
		if v.afterwards, err = r.afterwards(c.Context(), &t); err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T(v.title()), Back: "/wallet"}, paymentBody(v))
	}})
	web.Handle(s, web.Route[Transfer]{Pattern: "GET /wallet/payment/{id}/receipt", Action: "payments.transfer.read", Load: r.loadTransfer, Do: func(c *web.Ctx, p gate.Permit[Transfer]) error {
		t := p.Resource()
		if !mayHaveReceipt(&t, p.Who().ID) {
			return fault.New(fault.NotFound, "payments.receipt.none")
		}
		proof, err := r.Receipt(c.Context(), &t)
		if err != nil {
			return err
		}
		return c.File("payment-"+t.Reference+".tlog-proof", "text/plain; charset=utf-8", proof, false)
	}})
}

// readPay reads what was pasted and writes the order to be confirmed.
func (r *Room) readPay(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	// Codes are read as they came: cleaning them would change their checksum.
	code, fee := strings.TrimSpace(f.Values().Get("to")), f.Text("fee")
	from := f.Text("from")
	v, err := r.payViewOf(c, p, fee, from)
	if err != nil {
		return err
	}
	v.Code = code
	if code == "" {
		f.Wrong("to", "payments.to.missing")
	}
	var payer *Account
	for _, a := range v.Accounts {
		if a.ID == from {
			payer = a
		}
	}
	if payer == nil {
		f.Wrong("from", "payments.from.missing")
	}
	if err := f.Err(); err != nil {
		return c.Invalid(err, payPage(c, v), payBody(v))
	}
	in, err := r.Read(c.Context(), asker(p.Who(), payer), code)
	if err != nil {
		retryAfter(c, err)
		return c.Invalid(err, payPage(c, v), payBody(v))
	}
	id, err := r.prepare(c.Context(), p.Who().Actor(), p.Who().ID, payer, in)
	if err != nil {
		return c.Invalid(err, payPage(c, v), payBody(v))
	}
	return c.Redirect("/wallet/pay/" + id)
}

func payPage(c *web.Ctx, v payView) web.Page {
	back := "/wallet"
	if v.Fee != nil {
		back = "/pay/" + v.Fee.ID
	}
	return web.Page{Title: c.T("payments.pay.title"), Back: back, Kind: "question"}
}

func (r *Room) payViewOf(c *web.Ctx, p gate.Permit[gate.House], fee, from string) (v payView, err error) {
	if v.walletView, err = r.walletOf(c.Context(), p.Who().ID, from); err != nil {
		return v, err
	}
	if v.Current != nil {
		v.From = v.Current.ID
	} else if len(v.Accounts) > 0 {
		v.From = v.Accounts[0].ID
	}
	if fee != "" {
		v.Fee, err = r.fee(c.Context(), fee)
	}
	return v, err
}

// bankName is the name of the participant that keeps an account.
func (r *Room) bankName(ctx context.Context, a *Account) string {
	lang := web.Lang(ctx).Code
	switch {
	case a == nil:
		return ""
	case a.away():
		p, err := r.Participant(ctx, a.Book)
		if err != nil {
			return ""
		}
		return p.Name(lang)
	}
	b, _ := r.pack.Bank(a.Book)
	return b.Name.In(lang)
}

func (r *Room) loadOrder(q *http.Request) (Order, error) {
	o, err := r.order(q.Context(), q.PathValue("order"))
	if err != nil {
		return Order{}, err
	}
	return *o, nil
}

func (r *Room) loadTransfer(q *http.Request) (Transfer, error) {
	t, err := r.transfer(q.Context(), q.PathValue("id"))
	if err != nil {
		return Transfer{}, err
	}
	return *t, nil
}

// paymentView is one payment as one of its parties sees it.
type paymentView struct {
	*Transfer
	afterwards
	Incoming  bool
	Receipt   bool
	Next      string // page of the service whose fee it was to pay
	PayeeBank string
}

func (v paymentView) title() string {
	switch {
	case v.Phase == ledger.Committed && v.Incoming:
		return "payments.payment.received"
	case v.Phase == ledger.Committed:
		return "payments.payment.paid"
	case v.Phase == ledger.Reserved:
		return "payments.payment.reserved"
	}
	return "payments.payment.refused"
}

// at is the text that says when it was paid.
func (v paymentView) at() string {
	if v.Incoming {
		return "payments.payment.at.yours"
	}
	return "payments.payment.at"
}

// feePages are the pages of a fee: what is asked, the code, and the code as a
// picture to keep.
func (r *Room) feePages(s *web.Site) {
	web.Handle(s, web.Route[Fee]{Pattern: "GET /pay/{fee}", Action: "payments.fee.see", Load: r.loadFee, Do: func(c *web.Ctx, p gate.Permit[Fee]) error {
		f := p.Resource()
		v := feeView{Fee: &f, Back: web.Local(c.Query("back"), ""), Mine: p.Who().SignedIn() && p.Who().ID == f.Subject}
		v.Wrong = f.Payable(r.clock.Now())
		if v.Wrong == nil {
			code, err := r.feeCode(c.Context(), &f)
			if err != nil {
				return err
			}
			v.Code = code
		}
		return c.Render(web.Page{Title: c.T("payments.fee.title"), Back: v.Back, Live: "fee?key=" + f.ID}, feeBody(v))
	}})
	web.Handle(s, web.Route[Fee]{Pattern: "GET /pay/{fee}/code.png", Action: "payments.fee.see", Load: r.loadFee, Do: r.codePicture})
	s.Topic(web.Topic{Name: "fee", Action: "payments.fee.see", Types: []string{FeePaid, SalePaid, FeeCancelled},
		Load:   r.loadFeeEntity,
		Match:  func(e store.Event, key string) bool { return e.Subject == "payments/fee/"+key },
		Render: r.drawPaid})
}

func (r *Room) codePicture(c *web.Ctx, p gate.Permit[Fee]) error {
	f := p.Resource()
	if err := f.Payable(r.clock.Now()); err != nil {
		return err
	}
	code, err := r.feeCode(c.Context(), &f)
	if err != nil {
		return err
	}
	png, err := emvPNG(code)
	if err != nil {
		return err
	}
	return c.File("pay-"+f.Reference+".png", "image/png", png, true)
}

func (r *Room) loadFee(q *http.Request) (Fee, error) {
	f, err := r.fee(q.Context(), q.PathValue("fee"))
	if err != nil {
		return Fee{}, err
	}
	return *f, nil
}

// feeView is a fee's page.
type feeView struct {
	*Fee
	Code  string
	Wrong error // why it cannot be paid
	Back  string
	Mine  bool
}

func (v feeView) paid() bool { return v.Phase == feePaid }

// settled says that another request for the same thing was paid.
func (v feeView) settled() bool { return v.Phase == feeCancelled }
