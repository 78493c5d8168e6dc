package house

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// The page on which a visitor of the demonstration sees its connected banks, lets
// their customers pay and ask, and ends a bank's process to see it come back.

const banksPath = "/demo/banks"

// askTime is until when a customer asks to be paid.
const askTime = 24 * time.Hour

// banksView is the page.
type banksView struct {
	List []bankView
	To   *payments.Account // of the visitor: who is paid and asked
}

type bankView struct {
	*bankProcess
	bankState
	payments.Participant
}

func (h *House) bankRoutes(handle func(pattern string, do func(*web.Ctx, gate.Permit[gate.House]) error)) {
	handle("GET "+banksPath, func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := h.banksView(c.Context(), p.Who())
		if err != nil {
			return err
		}
		return c.Render(banksFrame(c), banksPage(v))
	})
	handle("POST "+banksPath+"/end", func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		one := h.banks.one(f.Text("bank"))
		if one == nil {
			return fault.New(fault.NotFound, "demo.banks.unknown")
		}
		one.kill()
		c.Flash("good", "demo.banks.ended", "bank", one.Name.In(c.Lang.Code))
		return c.Redirect(banksPath)
	})
	handle("POST "+banksPath, h.wishOfBank)
}

func banksFrame(c *web.Ctx) web.Page {
	return web.Page{Title: c.T("demo.banks.title"), Back: "/demo"}
}

func (h *House) banksView(ctx context.Context, who gate.Principal) (v banksView, err error) {
	if h.banks != nil {
		for _, p := range h.banks.list {
			one := bankView{bankProcess: p, bankState: p.state()}
			if one.Participant, err = h.rooms.payments.Participant(ctx, p.ID); err != nil && !fault.Is(err, fault.NotFound) {
				return v, err
			}
			v.List = append(v.List, one)
		}
	}
	if !who.SignedIn() {
		return v, nil
	}
	accounts, err := h.rooms.payments.Accounts(ctx, who.ID)
	if len(accounts) > 0 {
		v.To = accounts[0]
	}
	return v, err
}

// wishOfBank lets a customer of a bank pay the visitor, or ask for money.
func (h *House) wishOfBank(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	v, err := h.banksView(c.Context(), p.Who())
	if err != nil {
		return err
	}
	id, number, _ := strings.Cut(f.Text("customer", web.Required("demo.banks.customer.missing")), "/")
	what := f.Choice("what", "demo.banks.what.missing", bank.WishPay, bank.WishAsk, bank.WishAnswer, bank.WishRefuse)
	answer := what == bank.WishAnswer || what == bank.WishRefuse
	var amount int64
	if !answer { // else it is what the visitor has asked for
		amount = f.Money("amount", web.Required("payments.amount.missing"))
	}
	one := h.banks.one(id)
	n, _ := strconv.Atoi(number)
	if !f.Failed() && (one == nil || n < 0 || n >= len(one.customers)) {
		f.Wrong("customer", "demo.banks.customer.missing")
	}
	if v.To == nil {
		f.Add(fault.New(fault.Conflict, "demo.banks.nobody"))
	}
	if err := f.Err(); err != nil {
		return c.Invalid(err, banksFrame(c), banksPage(v))
	}
	keeper, _ := h.court.Pack.Bank(v.To.Book)
	ctx, cancel := context.WithTimeout(c.Context(), 25*time.Second)
	defer cancel()
	who := one.customers[n].Name.In(c.Lang.Code)
	o, err := one.wish(ctx, bank.Wish{Do: what, Account: one.customers[n].IBAN, Name: v.To.NameEn, To: v.To.IBAN, Bank: keeper.BIC, Amount: amount, Note: c.T("demo.banks.note"), Until: h.court.Clock.Now().Add(askTime)})
	if err != nil {
		if strings.Contains(err.Error(), bank.ErrNoAsk.Error()) { // as the process says it
			err = fault.New(fault.Conflict, "demo.banks.unasked").At("customer", "demo.banks.unasked").Because(err)
		}
		return c.Invalid(err, banksFrame(c), banksPage(v))
	}
	kind, key, to := "good", "demo.banks.done."+what, "/wallet"
	if what != bank.WishPay {
		to = "/wallet/requests"
	}
	switch o.State {
	case bank.Pending:
		kind, key, to = "wait", "demo.banks.later", banksPath
	case bank.AskRefused:
		if what == bank.WishRefuse {
			break
		}
		fallthrough
	case bank.Back:
		kind, key, to = "bad", "demo.banks.back", banksPath
	}
	c.Flash(kind, key, "name", who, "amount", c.Money(amount, v.To.Currency), "reason", o.Reason)
	return c.Redirect(to)
}

func customerOptions(ctx context.Context, v banksView) (options []web.Option) {
	for _, b := range v.List {
		if b.Live {
			for n, c := range b.customers {
				options = append(options, web.Option{Value: b.bankProcess.ID + "/" + strconv.Itoa(n), Label: c.Name.In(web.Lang(ctx).Code) + ", " + b.bankProcess.Name.In(web.Lang(ctx).Code)})
			}
		}
	}
	return options
}

// nationalNumber is a customer's, as people write it.
func (b bankView) nationalNumber(c bankCustomer) string {
	n, err := b.house.court.Pack.NationalNumber.Parse(c.Number)
	if err != nil {
		return c.Number
	}
	return n.String()
}

func (b bankView) tag(ctx context.Context) web.Tag {
	switch {
	case b.Live && b.Suspended:
		return web.Tag{Status: "bad", Text: web.T(ctx, "payments.operate.suspended")}
	case b.Live:
		return web.Tag{Status: "good", Text: web.T(ctx, "demo.banks.live")}
	}
	return web.Tag{Status: "wait", Text: web.T(ctx, "demo.banks.starting")}
}

func bankRows(ctx context.Context, v banksView) (rows []web.Row) {
	for _, b := range v.List {
		rows = append(rows, web.Row{ID: "bank-" + b.bankProcess.ID, Cells: []templ.Component{bankName(b), b.tag(ctx), bankProcessCell(b), bankAccounts(b), bankEnd(b)}})
	}
	return rows
}
