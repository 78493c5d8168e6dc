package payments

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// historyLength is how many movements a wallet page shows.
const historyLength = 25

func (r *Room) pages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.menu.wallet", Hint: "payments.menu.wallet.hint", Href: "/wallet", Group: "citizen", Order: 30, For: gate.Principal.SignedIn})
	s.Menu(web.Entry{Title: "payments.menu.till", Hint: "payments.menu.till.hint", Href: "/till", Group: "citizen", Order: 60, For: r.keepsTill})
	s.Menu(web.Entry{Title: "payments.menu.operate", Hint: "payments.menu.operate.hint", Href: "/pay/operate", Group: "official", Order: 50,
		For: func(p gate.Principal) bool { return p.Has("payments.operate") }})
	r.walletPages(s)
	r.aliasPages(s)
	r.claimPages(s)
	r.directoryPages(s)
	r.payPages(s)
	r.requestPages(s)
	r.limitPages(s)
	r.refundPages(s)
	r.disputePages(s)
	r.feePages(s)
	r.tillPages(s)
	r.operatePages(s)
}

// keepsTill says whether the person has a merchant's account, so that only
// they find the till on their home page.
func (r *Room) keepsTill(p gate.Principal) bool {
	if !p.SignedIn() {
		return false
	}
	var n int64
	err := r.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from payments_account where holder = $1 and kind = $2 and closed = $3", p.ID, KindMerchant, false).Scan(&n)
	})
	return err == nil && n > 0
}

// walletView is what the wallet page shows.
type walletView struct {
	Accounts []*Account
	Banks    map[string]Participant
	Current  *Account
	Lines    []Line
	Older    string // address of the movements before these
	Newest   bool   // these are the last ones
	CashKey  string // "" outside the demo
	Support  []Support
	Programs map[string]string // their names in the visitor's language
}

func (v walletView) bank(a *Account, lang string) string { return v.Banks[a.Book].Name(lang) }

// free is what can be spent now.
func (a Account) free() int64 {
	n, _ := a.Available()
	return max(n, 0)
}

func (r *Room) walletPages(s *web.Site) {
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.walletOf(c.Context(), p.Who().ID, "")
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.wallet.title"), Trail: []web.Crumb{}}, walletBody(v))
	}})
	web.Handle(s, web.Route[Account]{Pattern: "GET /wallet/account/{id}", Action: "payments.account.read", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		v, err := r.walletBefore(c.Context(), p.Resource().Holder, p.Resource().ID, beforeOf(c))
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.wallet.title"), Back: "/wallet"}, walletBody(v))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/open", Action: "payments.account.open", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		return r.showOpen(c, p, nil)
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "POST /wallet/open", Action: "payments.account.open", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		var ids []string
		for _, b := range r.pack.Banks {
			ids = append(ids, b.ID)
		}
		participant := f.Choice("participant", "payments.open.no-participant", ids...)
		if !f.Ticked("consent") {
			f.Wrong("consent", "payments.open.no-consent")
		}
		if err := f.Err(); err != nil {
			return r.showOpen(c, p, err)
		}
		if _, err := r.openWallet(c.Context(), p.Who().ID, p.Who().Actor(), participant, p.Who().Name); err != nil {
			return r.showOpen(c, p, err)
		}
		c.Flash("good", "payments.open.done")
		return c.Redirect(web.Local(f.Text("to"), "/wallet"))
	}})
	web.Handle(s, web.Route[Account]{Pattern: "POST /wallet/account/{id}/cash-in", Action: "payments.cash.in", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		key, amount := f.Text("key", web.Required("web.form.wrong")), f.Money("amount")
		if err := f.Err(); err != nil {
			return err
		}
		to := p.Resource()
		t, err := r.cashIn(c.Context(), p.Who().Actor(), &to, key, amount)
		if err != nil {
			return err
		}
		if t.Reason != "" {
			c.Flash("bad", reasonKey(t.Reason))
		} else {
			c.Flash("good", "payments.cash.done", "amount", c.Money(t.Amount, t.Currency))
		}
		return c.Redirect("/wallet/account/" + to.ID)
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/receive", Action: "payments.wallet.see", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.walletOf(c.Context(), p.Who().ID, c.Query("account"))
		if err != nil {
			return err
		}
		if v.Current == nil {
			return c.Redirect("/wallet/open")
		}
		amount, wrong := r.amountOf(c)
		code, err := r.staticCode(v.Current, amount)
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.receive.title"), Back: "/wallet"}, receiveBody(v, code, amount, c.Query("amount"), wrong))
	}})
	web.Handle(s, web.Route[Account]{Pattern: "GET /wallet/account/{id}/code.png", Action: "payments.account.read", Load: r.loadAccount, Do: func(c *web.Ctx, p gate.Permit[Account]) error {
		a := p.Resource()
		amount, _ := r.amountOf(c)
		code, err := r.staticCode(&a, amount)
		if err != nil {
			return err
		}
		png, err := emvPNG(code)
		if err != nil {
			return err
		}
		return c.File("pay-"+a.Tail()+".png", "image/png", png, true)
	}})
}

// amountOf reads the amount somebody wants in their code: 0 for none, and what is
// wrong with what they typed.
func (r *Room) amountOf(c *web.Ctx) (amount int64, wrong string) {
	text := c.Query("amount")
	if text == "" {
		return 0, ""
	}
	amount, err := r.pack.Currency.Parse(text)
	if err == nil {
		err = checkAmount(amount)
	}
	if f := fault.As(err); f != nil {
		var args []string
		for k, v := range f.Args {
			args = append(args, k, v)
		}
		return 0, c.T(f.Key, args...)
	}
	return amount, ""
}

// receivePicture is the address of an account's code as a picture.
func receivePicture(account string, amount int64) string {
	at := "/wallet/account/" + account + "/code.png"
	if amount > 0 {
		at += "?amount=" + strconv.FormatInt(amount/100, 10) + "." + fmt.Sprintf("%02d", amount%100)
	}
	return at
}

// staticCode is the code others scan to pay this account: an amount, or with 0 any.
func (r *Room) staticCode(a *Account, amount int64) (string, error) {
	if a.Kind == KindPerson {
		return r.personCode(a, amount)
	}
	c := r.merchantCode(a)
	if amount > 0 {
		c.Amount = r.plain(amount)
	}
	return c.Encode()
}

func (r *Room) loadAccount(q *http.Request) (Account, error) {
	a, err := r.account(q.Context(), func(tx *store.Tx) (*Account, error) {
		a, err := getAccount(tx, q.PathValue("id"))
		if fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.NotFound, "payments.account.unknown").Because(err)
		}
		return a, err
	})
	if err != nil {
		return Account{}, err
	}
	return *a, nil
}

// walletOf reads a person's accounts and the movements of one of them: the one
// asked for, else the first.
func (r *Room) walletOf(ctx context.Context, subject, current string) (walletView, error) {
	return r.walletBefore(ctx, subject, current, math.MaxInt64)
}

// beforeOf reads out of an address before which row of the ledger the movements
// begin; what nobody of us wrote is the end of the ledger.
func beforeOf(c *web.Ctx) int64 {
	n, err := strconv.ParseInt(c.Query("before"), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

// walletBefore is walletOf with the movements before a row of the ledger.
func (r *Room) walletBefore(ctx context.Context, subject, current string, before int64) (v walletView, err error) {
	v.Banks = map[string]Participant{}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if v.Accounts, err = accountsOf(tx, subject); err != nil {
			return err
		}
		all, err := participants(tx)
		if err != nil {
			return err
		}
		for _, p := range all {
			v.Banks[p.ID] = p
		}
		for _, a := range v.Accounts {
			if a.ID == current || current == "" && v.Current == nil {
				v.Current = a
			}
		}
		if v.Current != nil {
			if v.Lines, err = history(tx, v.Current.ID, before, historyLength+1); err == nil {
				err = tellLines(tx, v.Lines)
			}
		}
		return err
	})
	v.Newest = before == math.MaxInt64
	if len(v.Lines) > historyLength {
		v.Lines = v.Lines[:historyLength]
		v.Older = "/wallet/account/" + v.Current.ID + "?before=" + strconv.FormatInt(v.Lines[historyLength-1].Seq, 10)
	}
	if r.demo {
		v.CashKey = r.newID()
	}
	if err == nil && v.Newest && v.Current != nil {
		v.Programs = r.programNames(ctx)
		v.Support, err = r.SupportOf(ctx, []string{v.Current.ID})
	}
	return v, err
}

func (r *Room) showOpen(c *web.Ctx, p gate.Permit[gate.House], wrong error) error {
	var all []Participant
	err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		all, err = participants(tx)
		return err
	})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p Participant) bool { return p.Connected }) // they open accounts themselves
	page := web.Page{Title: c.T("payments.open.title"), Back: "/wallet", Kind: "question"}
	body := openBody(all, web.Of(c.Context(), p.Who().Name), web.Local(c.Query("to"), "/wallet"))
	if wrong != nil {
		return c.Invalid(wrong, page, body)
	}
	return c.Render(page, body)
}
