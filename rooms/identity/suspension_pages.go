package identity

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// standingRoutes registers the officials' pages about suspending.
func (r *Room) standingRoutes() {
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /identity/standing", Action: "identity.standing.find", Do: r.standingFind})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "POST /identity/standing", Action: "identity.standing.find", Do: r.standingFound, Limit: web.Rate{N: 60, Per: time.Minute}})
	load := func(req *http.Request) (Standing, error) { return r.Standing(req.Context(), req.PathValue("subject")) }
	web.Handle(r.site, web.Route[Standing]{Pattern: "GET /identity/standing/{subject}", Action: "identity.standing.view", Load: load, Do: r.standingPage})
	web.Handle(r.site, web.Route[Standing]{Pattern: "POST /identity/standing/{subject}", Action: "identity.standing.propose", Load: load, Do: r.standingPropose})
	web.Handle(r.site, web.Route[Standing]{Pattern: "POST /identity/standing/{subject}/decision", Action: "identity.standing.decide", Load: load, Do: r.standingDecide})
	r.site.Menu(web.Entry{Title: "identity.standing.title", Hint: "identity.standing.menu", Href: "/identity/standing", Group: "official", Order: 15,
		For: func(p gate.Principal) bool { return p.Has("identity.register") || p.Has("identity.adjudicate") }})
}

// standingRow is a proposal that waits, with the name of the person.
type standingRow struct {
	Suspension
	Name string
}

func (r *Room) standingFind(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return r.showStandingFind(c, nil)
}

func (r *Room) showStandingFind(c *web.Ctx, wrong error) error {
	list, err := r.proposals(c.Context())
	if err != nil {
		return err
	}
	rows := make([]standingRow, 0, len(list))
	for _, s := range list {
		rows = append(rows, standingRow{s, r.nameIn(c.Context(), s.Subject)})
	}
	page, body := web.Page{Title: c.T("identity.standing.title"), Back: "/"}, standingFindBody(r, rows)
	if wrong != nil {
		return c.Invalid(wrong, page, body)
	}
	return c.Render(page, body)
}

func (r *Room) nameIn(ctx context.Context, subject string) string {
	return web.Of(ctx, r.Names(ctx, subject))
}

// standingFound leads from a national number to the person. The number comes in
// a form and never stands in an address.
func (r *Room) standingFound(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	number := f.Code("number", web.Required("identity.standing.number.missing"))
	if err := f.Err(); err != nil {
		return r.showStandingFind(c, err)
	}
	subject, err := r.Find(c.Context(), number)
	if err != nil && (fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound)) {
		wrong := fault.As(err)
		return r.showStandingFind(c, &fault.Error{Kind: fault.Invalid, Key: wrong.Key, Args: wrong.Args, Fields: []fault.Field{{Name: "number", Key: wrong.Key, Args: wrong.Args}}})
	}
	if err != nil {
		return err
	}
	return c.Redirect("/identity/standing/" + subject)
}

// standingView is what officials see of a person whose identity they decide about.
type standingView struct {
	Standing
	Facts               map[string]Fact
	Mine                bool // the proposal that waits is this official's own
	MayPropose, MayTell bool
}

var standingFacts = []string{FactName, FactFather, FactBirth, FactDistrict}

func (r *Room) standingPage(c *web.Ctx, p gate.Permit[Standing]) error {
	return r.showStanding(c, p.Resource(), p.Who(), nil)
}

func (r *Room) showStanding(c *web.Ctx, s Standing, who gate.Principal, wrong error) error {
	facts, err := r.Facts(c.Context(), FactAsk{Subject: s.Subject, Names: standingFacts, Purpose: "identity.purpose.standing", Basis: "identity.basis.registration", Actor: who.Actor()})
	if err != nil {
		return err
	}
	v := standingView{Standing: s, Facts: facts, Mine: s.open().Proposer == who.ID,
		MayPropose: r.gate.Would(who, "identity.standing.propose", s), MayTell: r.gate.Would(who, "identity.standing.decide", s)}
	page, body := web.Page{Title: c.T("identity.standing.title"), Back: "/identity/standing"}, standingBody(r, v)
	if wrong != nil {
		return c.Invalid(wrong, page, body)
	}
	return c.Render(page, body)
}

func (r *Room) standingPropose(c *web.Ctx, p gate.Permit[Standing]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	s := p.Resource()
	ground := f.Choice("ground", "identity.standing.ground.missing", grounds[actFor(s.State)]...)
	note := f.Prose("note", web.Required("identity.standing.note.missing"), web.Longest(1000))
	if err = f.Err(); err == nil {
		_, err = r.Propose(c.Context(), p, ground, note)
	}
	if fault.Is(err, fault.Invalid) {
		return r.showStanding(c, s, p.Who(), err)
	}
	if err != nil {
		return err
	}
	c.Flash("good", "identity.standing.proposed")
	return c.Redirect("/identity/standing/" + s.Subject)
}

func (r *Room) standingDecide(c *web.Ctx, p gate.Permit[Standing]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	s := p.Resource()
	answer := f.Choice("answer", "identity.standing.answer.missing", "yes", "no")
	if err := f.Err(); err != nil {
		return r.showStanding(c, s, p.Who(), err)
	}
	done, err := r.Decide(c.Context(), p, answer == "yes")
	if err != nil {
		return err
	}
	key := "identity.standing.declined"
	if done.State == suspensionConfirmed {
		key = "identity.standing.done." + done.Act
	}
	c.Flash("good", key)
	return c.Redirect("/identity/standing/" + s.Subject)
}

// groundOptions are the legal reasons of an act, each with its law.
func groundOptions(ctx context.Context, act string) []web.Option {
	list := make([]web.Option, 0, len(grounds[act]))
	for _, g := range grounds[act] {
		list = append(list, web.Option{Value: g, Label: web.T(ctx, "identity.ground."+g), Hint: web.T(ctx, "identity.ground."+g+".law")})
	}
	return list
}

// standingMoments tells what was proposed and decided, oldest first.
func standingMoments(ctx context.Context, r *Room, acts []Suspension) []web.Moment {
	var out []web.Moment
	for i := len(acts) - 1; i >= 0; i-- {
		a := acts[i]
		out = append(out, web.Moment{At: a.Proposed, Title: web.T(ctx, "identity.standing.act."+a.Act), Who: r.postTitle(ctx, a.ProposerPost), Status: "wait", Body: standingNote(a)})
		if a.State != suspensionProposed {
			status := "good"
			if a.State == suspensionDeclined || a.Act == actSuspend {
				status = "bad"
			}
			out = append(out, web.Moment{At: a.Decided, Title: web.T(ctx, "identity.standing.state."+a.State), Who: r.postTitle(ctx, a.DeciderPost), Status: status})
		}
	}
	return out
}

func standingTag(ctx context.Context, state string) templ.Component {
	status := map[string]string{stateActive: "good", stateSuspended: "wait", stateEnded: "bad"}[state]
	return web.Tag{Status: status, Text: web.T(ctx, "identity.standing.is."+state)}
}

// showSuspended tells a person who has just proven who they are why they are
// not let in: what happened, by which law, and how to object.
func (r *Room) showSuspended(c *web.Ctx, subject string) error {
	s, err := r.Standing(c.Context(), subject)
	if err != nil {
		return err
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Render(web.Page{Title: c.T("identity.suspended.title"), Back: "/", Status: http.StatusForbidden}, suspendedBody(r, s.cause()))
}

// suspendedMeanwhile closes the gap between the last look at a person's standing
// and the window's session: a suspension that fell into it found no session to
// end. One that comes later ends the session like any other.
func (r *Room) suspendedMeanwhile(c *web.Ctx, subject string) (bool, error) {
	err := r.MayUse(c.Context(), subject)
	if !fault.Is(err, fault.Forbidden) {
		return false, err
	}
	if err := r.site.SignOut(c); err != nil {
		return true, err
	}
	return true, r.showSuspended(c, subject)
}
