package payments

import (
	"context"
	"net/http"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// aliasPause is how often somebody may send the directory's forms.
var aliasPause = web.Rate{N: 30, Per: minute}

// aliasView is what a person sees of the directory: their own part.
type aliasView struct {
	walletView
	Aliases []*Alias
	Claims  []*Claim
	Marks   []*Mark
	Proves  bool // one-time codes can be sent
	Numbers bool // the identity record can be asked
	Subject string
	Alias   *Alias // the one a page is about
	Names   *Bucket
	Ending  string // of the mobile number that is asked for, when it is known
}

func (v aliasView) mobileHint(ctx context.Context) string {
	if v.Ending != "" {
		return web.T(ctx, "payments.alias.mobile.hint.ending", "tail", v.Ending)
	}
	return web.T(ctx, "payments.alias.mobile.hint")
}

// hasNumber says whether the national number leads somewhere already.
func (v aliasView) hasNumber() bool {
	for _, a := range v.Aliases {
		if a.Kind == AliasNumber {
			return true
		}
	}
	return false
}

// to is the account an alias leads to, if it is among the person's.
func (v aliasView) to(a *Alias) *Account {
	for _, x := range v.Accounts {
		if x.ID == a.Account {
			return x
		}
	}
	return &Account{}
}

func (r *Room) aliasesView(ctx context.Context, subject string) (v aliasView, err error) {
	if v.walletView, err = r.walletOf(ctx, subject, ""); err != nil {
		return v, err
	}
	v.Subject, v.Proves, v.Numbers = subject, r.mayProve(), r.wants.Numbers != nil
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if v.Aliases, err = aliasesOf(tx, subject); err != nil {
			return err
		}
		if v.Claims, err = claimsOf(tx, subject, tx.Now().Add(-30*day)); err != nil {
			return err
		}
		if v.Marks, err = agreedAgainst(tx, subject); err != nil {
			return err
		}
		v.Names, err = bucketState(tx, PolicyPerson, "person/"+subject)
		return err
	})
	return v, err
}

func (r *Room) aliasPages(s *web.Site) {
	s.Waits(r.claimsWait)
	see := func(pattern string, limit web.Rate, do func(c *web.Ctx, p gate.Permit[gate.House]) error) {
		web.Handle(s, web.Route[gate.House]{Pattern: pattern, Action: "payments.alias.see", Limit: limit, Do: do})
	}
	see("GET /wallet/aliases", web.Rate{}, func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.aliasesView(c.Context(), p.Who().ID)
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.alias.title"), Back: "/wallet"}, aliasesBody(v))
	})
	see("GET /wallet/aliases/mobile", web.Rate{}, func(c *web.Ctx, p gate.Permit[gate.House]) error { return r.askMobile(c, p.Who().ID, nil) })
	see("POST /wallet/aliases/mobile", aliasPause, r.takeMobile)
	see("GET /wallet/aliases/number", web.Rate{}, func(c *web.Ctx, p gate.Permit[gate.House]) error { return r.askNumber(c, p.Who().ID, nil) })
	see("POST /wallet/aliases/number", aliasPause, r.takeNumber)

	prove := func(pattern string, limit web.Rate, do func(c *web.Ctx, p gate.Permit[Proof]) error) {
		web.Handle(s, web.Route[Proof]{Pattern: pattern, Action: "payments.alias.prove", Limit: limit, Do: do, Load: func(q *http.Request) (Proof, error) {
			p, err := r.proof(q.Context(), q.PathValue("proof"))
			if err != nil {
				return Proof{}, err
			}
			return *p, nil
		}})
	}
	prove("GET /wallet/aliases/code/{proof}", web.Rate{}, func(c *web.Ctx, p gate.Permit[Proof]) error { return r.askCode(c, p.Resource(), nil) })
	prove("POST /wallet/aliases/code/{proof}", aliasPause, r.takeCode)
	prove("GET /wallet/aliases/claim/{proof}", web.Rate{}, func(c *web.Ctx, p gate.Permit[Proof]) error {
		return r.showNewClaim(c, p, nil)
	})
	prove("POST /wallet/aliases/claim/{proof}", aliasPause, r.takeClaim)

	change := func(pattern string, limit web.Rate, do func(c *web.Ctx, p gate.Permit[Alias]) error) {
		web.Handle(s, web.Route[Alias]{Pattern: pattern, Action: "payments.alias.change", Limit: limit, Do: do, Load: func(q *http.Request) (Alias, error) {
			a, err := r.alias(q.Context(), q.PathValue("id"))
			if err != nil {
				return Alias{}, err
			}
			return *a, nil
		}})
	}
	change("GET /wallet/alias/{id}", web.Rate{}, func(c *web.Ctx, p gate.Permit[Alias]) error { return r.showAlias(c, p.Resource(), nil) })
	change("POST /wallet/alias/{id}/move", aliasPause, func(c *web.Ctx, p gate.Permit[Alias]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		account := f.Text("account", web.Required("payments.alias.no-account"))
		if err = f.Err(); err == nil {
			_, err = r.move(c.Context(), p.Who().Actor(), p.Resource().ID, account, true)
		}
		if err != nil {
			return r.showAlias(c, p.Resource(), err)
		}
		c.Flash("good", "payments.alias.moved")
		return c.Redirect("/wallet/aliases")
	})
	change("POST /wallet/alias/{id}/unlink", aliasPause, func(c *web.Ctx, p gate.Permit[Alias]) error {
		if err := r.unlink(c.Context(), p.Who().Actor(), p.Resource().ID); err != nil {
			return r.showAlias(c, p.Resource(), err)
		}
		c.Flash("good", "payments.alias.unlinked")
		return c.Redirect("/wallet/aliases")
	})
}

func (r *Room) showAlias(c *web.Ctx, a Alias, wrong error) error {
	v, err := r.aliasesView(c.Context(), a.Holder)
	if err != nil {
		return err
	}
	v.Alias = &a
	page := web.Page{Title: aliasName(c.Context(), a.Kind, a.Tail), Back: "/wallet/aliases"}
	return showOr(c, page, aliasBody(v), wrong)
}

// askMobile asks for a mobile number and the account it shall lead to.
func (r *Room) askMobile(c *web.Ctx, subject string, wrong error) error {
	v, err := r.aliasesView(c.Context(), subject)
	if err != nil {
		return err
	}
	if len(v.Accounts) == 0 {
		return c.Redirect("/wallet/open?to=/wallet/aliases/mobile")
	}
	return showOr(c, web.Page{Title: c.T("payments.alias.mobile.title"), Back: "/wallet/aliases", Kind: "question"}, mobileBody(v, "/wallet/aliases/mobile", "payments.alias.mobile.title"), wrong)
}

func (r *Room) takeMobile(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	mobile := f.Text("mobile", web.Required("payments.alias.no-mobile"))
	account := f.Text("account", web.Required("payments.alias.no-account"))
	id := ""
	if err = f.Err(); err == nil {
		id, err = r.prove(c.Context(), p.Who().ID, proofLink, mobile, account, "", messageOf(c))
	}
	if err != nil {
		return r.askMobile(c, p.Who().ID, err)
	}
	return c.Redirect("/wallet/aliases/code/" + id)
}

// messageOf writes the message with a one-time code, in the reader's language.
func messageOf(c *web.Ctx) func(code string) string {
	return func(code string) string { return c.T("payments.alias.message", "code", code) }
}

func (r *Room) askCode(c *web.Ctx, p Proof, wrong error) error {
	shown := ""
	if r.wants.Messages == nil && r.demo {
		var err error
		if shown, err = r.proofCode(c.Context(), p.ID); err != nil {
			return err
		}
	}
	back := "/wallet/aliases"
	if p.Claim != "" {
		back = "/wallet/claim/" + p.Claim
	}
	return showOr(c, web.Page{Title: c.T("payments.alias.code.title"), Back: back, Kind: "question"}, codeBody(p, shown), wrong)
}

// takeCode checks the code and does what it was asked for.
func (r *Room) takeCode(c *web.Ctx, p gate.Permit[Proof]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	code := f.Code("code", web.Required("payments.alias.code-missing"))
	if err := f.Err(); err != nil {
		return r.askCode(c, p.Resource(), err)
	}
	proof, err := r.proven(c.Context(), p.Resource().ID, code)
	if err != nil {
		return r.askCode(c, p.Resource(), err)
	}
	actor, who := p.Who().Actor(), p.Who().ID
	switch proof.Purpose {
	case proofKeep:
		_, err = r.answer(c.Context(), actor, proof.Claim, step{What: stepRefuse, Side: sideDonor, Reason: reasonUser, Proven: true})
	case proofComplete:
		_, err = r.answer(c.Context(), actor, proof.Claim, step{What: stepComplete, Side: sideClaimer, Proven: true})
	default:
		_, err = r.link(c.Context(), actor, who, proof.key, proof.Account, true)
		switch {
		case err == nil:
			c.Flash("good", "payments.alias.linked")
			return c.Redirect("/wallet/aliases")
		case fault.As(err).Key == "payments.alias.other-person":
			return c.Redirect("/wallet/aliases/claim/" + proof.ID)
		}
	}
	if err != nil {
		return r.askCode(c, p.Resource(), err)
	}
	return c.Redirect("/wallet/claim/" + proof.Claim)
}

// showNewClaim says whose a number is that was proven just now: somebody else's, or the
// same person's at another bank.
func (r *Room) showNewClaim(c *web.Ctx, p gate.Permit[Proof], wrong error) error {
	proof, kind := p.Resource(), ClaimOwnership
	_, same, err := r.sameAsHolder(c.Context(), proof.key, p.Who().ID)
	if err != nil {
		return err
	}
	if same {
		kind = ClaimPortability
	}
	title := "payments.claim.new." + kind
	return showOr(c, web.Page{Title: c.T(title), Back: "/wallet/aliases"}, claimNewBody(proof, title), wrong)
}

// takeClaim opens a claim for a number that was proven just now.
func (r *Room) takeClaim(c *web.Ctx, p gate.Permit[Proof]) error {
	proof := p.Resource()
	if !proof.holds(r.clock.Now()) {
		return r.showNewClaim(c, p, fault.New(fault.Gone, "payments.alias.code-over"))
	}
	made, err := r.openNewClaim(c.Context(), p.Who().Actor(), p.Who().ID, proof.key, proof.Account, "")
	if err != nil {
		return r.showNewClaim(c, p, err)
	}
	c.Flash("good", "payments.claim.opened")
	return c.Redirect("/wallet/claim/" + made.ID)
}

func (r *Room) askNumber(c *web.Ctx, subject string, wrong error) error {
	v, err := r.aliasesView(c.Context(), subject)
	if err != nil {
		return err
	}
	if len(v.Accounts) == 0 {
		return c.Redirect("/wallet/open?to=/wallet/aliases/number")
	}
	return showOr(c, web.Page{Title: c.T("payments.alias.number.title"), Back: "/wallet/aliases", Kind: "question"}, numberBody(v), wrong)
}

func (r *Room) takeNumber(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	account := f.Text("account", web.Required("payments.alias.no-account"))
	if !f.Ticked("consent") {
		f.Wrong("consent", "payments.alias.no-consent")
	}
	var made *Claim
	if err = f.Err(); err == nil {
		made, err = r.linkNumber(c.Context(), p.Who().Actor(), p.Who().ID, account)
	}
	if err != nil {
		return r.askNumber(c, p.Who().ID, err)
	}
	if made != nil {
		c.Flash("good", "payments.claim.opened")
		return c.Redirect("/wallet/claim/" + made.ID)
	}
	c.Flash("good", "payments.alias.linked")
	return c.Redirect("/wallet/aliases")
}

// aliasName names an alias to its holder.
func aliasName(ctx context.Context, kind, tail string) string {
	if kind == AliasMobile {
		return web.T(ctx, "payments.alias.mobile", "tail", tail)
	}
	return web.T(ctx, "payments.alias.number")
}

func aliasCards(ctx context.Context, v aliasView) (cards []web.Card) {
	lang := web.Lang(ctx).Code
	for _, a := range v.Aliases {
		to := v.to(a)
		card := web.Card{Title: aliasName(ctx, a.Kind, a.Tail), Hint: web.T(ctx, "payments.alias.leads", "bank", v.bank(to, lang), "tail", "…\u2060"+to.Tail()), Href: "/wallet/alias/" + a.ID}
		switch {
		case a.State == aliasClaimed:
			card.Tag = &web.Tag{Status: "wait", Text: web.T(ctx, "payments.alias.claimed.tag")}
		case a.calm(web.Now(ctx)):
			card.Tag = &web.Tag{Status: "wait", Text: web.T(ctx, "payments.alias.calm.tag")}
		}
		cards = append(cards, card)
	}
	return cards
}

func aliasRows(ctx context.Context, v aliasView) []web.Answer {
	to, lang := v.to(v.Alias), web.Lang(ctx).Code
	return []web.Answer{
		{Label: web.T(ctx, "payments.alias.account"), Value: v.bank(to, lang), Note: tailText(to)},
		{Label: web.T(ctx, "payments.alias.since"), Value: web.Date(ctx, v.Alias.Since)},
	}
}

// elsewhere says whether the person has another account to move an alias to.
func (v aliasView) elsewhere() bool { return len(v.Accounts) > 1 }

func calmText(ctx context.Context, a *Alias, currency string) string {
	return web.T(ctx, "payments.alias.calm."+a.CalmWhy, "time", web.DateTime(ctx, a.CalmUntil), "amount", web.Money(ctx, max(CalmMost-a.CalmReceived, 0), currency))
}
