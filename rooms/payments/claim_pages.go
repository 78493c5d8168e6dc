package payments

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// claimView is a claim as the person on one side sees it.
type claimView struct {
	*Claim
	Mine    bool // the claimer looks, not the donor
	Banks   map[string]Participant
	Proves  bool
	Account *Account // the viewer's own
	Now     time.Time
}

func (v claimView) pending() bool { return v.State == claimOpen || v.State == claimWaiting }

func (r *Room) claimPages(s *web.Site) {
	load := func(q *http.Request) (Claim, error) {
		c, err := r.claim(q.Context(), q.PathValue("id"))
		if err != nil {
			return Claim{}, err
		}
		return *c, nil
	}
	handle := func(pattern, action string, limit web.Rate, do func(c *web.Ctx, p gate.Permit[Claim]) error) {
		web.Handle(s, web.Route[Claim]{Pattern: pattern, Action: action, Limit: limit, Load: load, Do: do})
	}
	handle("GET /wallet/claim/{id}", "payments.claim.read", web.Rate{}, func(c *web.Ctx, p gate.Permit[Claim]) error { return r.showClaim(c, p, nil) })
	for _, s := range []struct{ what, action, side string }{{stepConfirm, "payments.claim.answer", sideDonor}, {stepRefuse, "payments.claim.answer", sideDonor},
		{stepCancel, "payments.claim.pursue", sideClaimer}, {stepComplete, "payments.claim.pursue", sideClaimer}} {
		handle("POST /wallet/claim/{id}/"+s.what, s.action, aliasPause, func(c *web.Ctx, p gate.Permit[Claim]) error {
			reason := reasonUser
			if s.what == stepComplete {
				reason = ""
			}
			if _, err := r.answer(c.Context(), p.Who().Actor(), p.Resource().ID, step{What: s.what, Side: s.side, Reason: reason}); err != nil {
				return r.showClaim(c, p, err)
			}
			return c.Redirect("/wallet/claim/" + p.Resource().ID)
		})
	}
	for _, s := range []struct{ path, action, purpose string }{{"keep", "payments.claim.answer", proofKeep}, {"prove", "payments.claim.pursue", proofComplete}} {
		title := "payments.claim." + s.path + ".title"
		ask := func(c *web.Ctx, p gate.Permit[Claim], wrong error) error {
			v := aliasView{Proves: r.mayProve(), Ending: p.Resource().key.tail}
			to := "/wallet/claim/" + p.Resource().ID
			return showOr(c, web.Page{Title: c.T(title), Back: to, Kind: "question"}, mobileBody(v, to+"/"+s.path, title), wrong)
		}
		handle("GET /wallet/claim/{id}/"+s.path, s.action, web.Rate{}, func(c *web.Ctx, p gate.Permit[Claim]) error { return ask(c, p, nil) })
		handle("POST /wallet/claim/{id}/"+s.path, s.action, aliasPause, func(c *web.Ctx, p gate.Permit[Claim]) error {
			f, err := c.Form()
			if err != nil {
				return err
			}
			mobile, id := f.Text("mobile", web.Required("payments.alias.no-mobile")), ""
			if err = f.Err(); err == nil {
				id, err = r.prove(c.Context(), p.Who().ID, s.purpose, mobile, "", p.Resource().ID, messageOf(c))
			}
			if err != nil {
				return ask(c, p, err)
			}
			return c.Redirect("/wallet/aliases/code/" + id)
		})
	}
}

// showOr draws a page, or draws it again with what was wrong.
func showOr(c *web.Ctx, page web.Page, body templ.Component, wrong error) error {
	if wrong != nil {
		retryAfter(c, wrong)
		return c.Invalid(wrong, page, body)
	}
	return c.Render(page, body)
}

func (r *Room) showClaim(c *web.Ctx, p gate.Permit[Claim], wrong error) error {
	claim := p.Resource()
	v := claimView{Claim: &claim, Mine: claim.Claimer == p.Who().ID && claim.Donor != p.Who().ID, Banks: map[string]Participant{}, Proves: r.mayProve(), Now: r.clock.Now()}
	err := r.db.View(c.Context(), func(tx *store.Tx) error {
		all, err := participants(tx)
		if err != nil {
			return err
		}
		for _, b := range all {
			v.Banks[b.ID] = b
		}
		own := claim.DonorAccount
		if v.Mine {
			own = claim.ClaimerAccount
		}
		v.Account, err = listedAccount(tx, own, "")
		return err
	})
	if err != nil {
		return err
	}
	return showOr(c, web.Page{Title: c.T(v.title(), "alias", aliasName(c.Context(), claim.key.kind, claim.key.tail)), Back: "/wallet/aliases"}, claimBody(v), wrong)
}

func (v claimView) title() string {
	switch {
	case v.Mine:
		return "payments.claim.mine"
	case v.Type == ClaimPortability:
		return "payments.claim.portability"
	}
	return "payments.claim.theirs"
}

// lead says in a sentence where the claim stands and what to do.
func (v claimView) lead(ctx context.Context) string {
	side := "donor"
	if v.Mine {
		side = "claimer"
	}
	stand := v.State
	switch {
	case v.pending() && !v.Mine && v.Type == ClaimPortability:
		stand = ClaimPortability
	case v.pending():
		stand = claimWaiting
	case v.State == claimConfirmed && v.Mine && !v.clear():
		stand = "default"
	case v.State == claimCompleted && v.Mine && v.Type == ClaimPortability:
		stand = "moved"
	}
	key := "payments.claim." + side + "." + stand
	return web.T(ctx, key, "bank", v.Banks[v.ClaimerParticipant].Name(web.Lang(ctx).Code), "resolution", web.DateTime(ctx, v.ResolutionEnd), "completion", web.DateTime(ctx, v.CompletionEnd))
}

func claimSteps(ctx context.Context, v claimView) []web.Step {
	lang := web.Lang(ctx).Code
	steps := []web.Step{{Title: web.T(ctx, "payments.claim.step.opened"), State: "done", At: v.Opened, Who: v.Banks[v.ClaimerParticipant].Name(lang)}}
	answer := web.Step{Title: web.T(ctx, "payments.claim.step.answer"), State: "now", Who: v.Banks[v.DonorParticipant].Name(lang), Note: web.Left(ctx, v.ResolutionEnd)}
	end := web.Step{Title: web.T(ctx, "payments.claim.step.link"), State: "later"}
	switch v.State {
	case claimConfirmed:
		answer = web.Step{Title: web.T(ctx, "payments.claim.step.confirmed"), State: "done", At: v.Changed}
		end.State, end.Note = "now", web.Left(ctx, v.CompletionEnd)
	case claimCompleted:
		answer = web.Step{Title: web.T(ctx, "payments.claim.step.confirmed"), State: "done"}
		end.State, end.At = "done", v.Changed
	case claimRefused, claimCancelled:
		answer = web.Step{Title: web.T(ctx, "payments.claim.step."+v.State), State: "bad", At: v.Changed}
		return append(steps, answer)
	}
	return append(steps, answer, end)
}

// claimTag is a claim's state in a word.
func claimTag(ctx context.Context, c *Claim) web.Tag {
	status := map[string]string{claimOpen: "wait", claimWaiting: "wait", claimConfirmed: "wait", claimCompleted: "good", claimRefused: "plain", claimCancelled: "plain"}[c.State]
	return web.Tag{Status: status, Text: web.T(ctx, "payments.claim.state."+c.State)}
}

func claimCards(ctx context.Context, v aliasView) (cards []web.Card) {
	for _, c := range v.Claims {
		shown := claimView{Claim: c, Mine: c.Claimer == v.Subject && c.Donor != v.Subject}
		tag := claimTag(ctx, c)
		cards = append(cards, web.Card{Title: web.T(ctx, shown.title(), "alias", aliasName(ctx, c.key.kind, c.key.tail)), Hint: web.Date(ctx, c.Opened), Href: "/wallet/claim/" + c.ID, Tag: &tag})
	}
	return cards
}

// claimsWait puts claims that wait for the person on their home page.
func (r *Room) claimsWait(c *web.Ctx) (tasks []web.Task, err error) {
	var list []*Claim
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		list, err = claimsOf(tx, c.Who.ID, tx.Now())
		return err
	})
	for _, l := range list {
		v := claimView{Claim: l, Mine: l.Claimer == c.Who.ID && l.Donor != c.Who.ID}
		due := l.ResolutionEnd // whoever has the number has until then, whatever the banks do before
		if v.Mine {
			due = l.CompletionEnd
		}
		if !v.Mine && v.pending() || v.Mine && l.State == claimConfirmed {
			tasks = append(tasks, web.Task{Title: c.T(v.title(), "alias", aliasName(c.Context(), l.key.kind, l.key.tail)), Hint: c.T("payments.claim.answer-by"), Href: "/wallet/claim/" + l.ID, Due: due})
		}
	}
	return tasks, err
}
