package payments

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// recountMost is how many entries of a participant the operator's page counts
// again; for more than that there is the interface.
const recountMost = 100_000

// shownOnDesk is how many claims and marks the operator's page shows.
const shownOnDesk = 50

// directoryView is the directory as the rail's operator sees it: figures, claims
// that run and reports of fraud. It names no person, and no number.
type directoryView struct {
	At      time.Time
	Members []directoryMember
	Claims  []*Claim
	Marks   []*Mark
	Banks   map[string]Participant
	Answers int64 // in 24 hours
	Misses  int64
	Empty   int64 // buckets of payers without a token
}

// directoryMember is a participant's part of the directory.
type directoryMember struct {
	Participant
	Class   string
	Listed  int64 // accounts that it keeps itself and has told
	Mobiles int64
	Numbers int64
	Tokens  *Bucket
	Agrees  bool // the sets kept along equal the entries
	Many    bool // too many to count again for a page
}

func (r *Room) directoryPages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.menu.directory", Hint: "payments.menu.directory.hint", Href: "/pay/directory", Group: "official", Order: 51,
		For: func(p gate.Principal) bool { return p.Has("payments.operate") }})
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /pay/directory", Action: "payments.directory.operate", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		v, err := r.directoryView(c.Context())
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.directory.title"), Wide: true}, directoryBody(v))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "POST /pay/directory/class", Action: "payments.directory.operate", Limit: aliasPause, Do: r.setClass})
}

// setClass sets the size of a participant's bucket for lookups.
func (r *Room) setClass(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	v, err := r.directoryView(c.Context())
	if err != nil {
		return err
	}
	var ids []string
	for _, m := range v.Members {
		ids = append(ids, m.ID)
	}
	id := f.Choice("participant", "payments.directory.class.missing", ids...)
	class := f.Choice("class", "payments.directory.class.missing", slices.Sorted(maps.Keys(classes))...)
	if err := f.Err(); err != nil {
		return c.Invalid(err, web.Page{Title: c.T("payments.directory.title"), Wide: true}, directoryBody(v))
	}
	err = r.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("update payments_participant set directory_class = $2 where id = $1", id, class)
		tx.Emit(store.Event{Type: ParticipantClassed, Version: 1, Subject: "payments/participant/" + id, Actor: p.Who().Actor(), Data: ClassData{Participant: id, Class: class}})
		return err
	})
	if err != nil {
		return err
	}
	c.Flash("good", "payments.directory.class.set")
	return c.Redirect("/pay/directory")
}

// classOptions are the classes with the figures behind them.
func classOptions(ctx context.Context) (options []web.Option) {
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		p := classes[name]
		options = append(options, web.Option{Value: name, Label: web.T(ctx, "payments.directory.class.what", "class", name, "size", web.Number(p.Size), "rate", web.Number(int64(time.Minute/p.Every)))})
	}
	return options
}

func memberOptions(ctx context.Context, v directoryView) (options []web.Option) {
	for _, m := range v.Members {
		options = append(options, web.Option{Value: m.ID, Label: m.Name(web.Lang(ctx).Code)})
	}
	return options
}

func (r *Room) directoryView(ctx context.Context) (v directoryView, err error) {
	v.Banks = map[string]Participant{}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		v.At = tx.Now()
		all, err := participants(tx)
		if err != nil {
			return err
		}
		for _, p := range all {
			v.Banks[p.ID] = p
			m, err := r.directoryMember(tx, p)
			if err != nil {
				return err
			}
			v.Members = append(v.Members, m)
		}
		if v.Claims, err = store.List(tx, scanClaim, "select "+claimColumns+" from payments_claim where state in ('open', 'waiting', 'confirmed') order by opened, id limit $1", shownOnDesk); err != nil {
			return err
		}
		if v.Marks, err = store.List(tx, scanMark, "select "+markColumns+" from payments_mark order by changed desc, id limit $1", shownOnDesk); err != nil {
			return err
		}
		if err := tx.QueryRow("select count(*) filter (where account <> ''), count(*) filter (where account = '') from payments_lookup where at > $1", store.Micros(tx.Now().Add(-day))).Scan(&v.Answers, &v.Misses); err != nil {
			return err
		}
		// what has come back since is counted in whole tokens, as fill does
		v.Empty, err = store.Get(tx, store.Value[int64], "select count(*) from payments_bucket where tokens <= 0 and policy in ($1, $2) and tokens + (cast($3 as bigint) - counted) / case when policy = $1 then cast($4 as bigint) else cast($5 as bigint) end <= 0",
			PolicyPerson.Name, PolicyCompany.Name, store.Micros(tx.Now()), PolicyPerson.Every.Microseconds(), PolicyCompany.Every.Microseconds())
		return err
	})
	return v, err
}

func (r *Room) directoryMember(tx *store.Tx, p Participant) (m directoryMember, err error) {
	m.Participant, m.Agrees = p, true
	policy, err := r.memberPolicy(tx, p.ID)
	if err != nil {
		return m, err
	}
	for name, c := range classes {
		if c.Size == policy.Size {
			m.Class = name
		}
	}
	if m.Tokens, err = bucketState(tx, policy, "participant/"+p.ID); err != nil {
		return m, err
	}
	for _, kind := range []struct {
		name string
		n    *int64
	}{{aliasIBAN, &m.Listed}, {AliasMobile, &m.Mobiles}, {AliasNumber, &m.Numbers}} {
		kept, err := contentSet(tx, p.ID, kind.name)
		if err != nil {
			return m, err
		}
		if *kind.n = kept.Size; kept.Size > recountMost {
			m.Many = true
			continue
		}
		made, err := recount(tx, p.ID, kind.name)
		if err != nil {
			return m, err
		}
		m.Agrees = m.Agrees && kept.Size == made.Size && kept.agrees(made.VSync)
	}
	return m, nil
}

func memberRows(ctx context.Context, v directoryView) (rows []web.Row) {
	for _, m := range v.Members {
		tag := web.Tag{Status: "good", Text: web.T(ctx, "payments.operate.holds")}
		switch {
		case m.Many:
			tag = web.Tag{Status: "plain", Text: web.T(ctx, "payments.directory.uncounted")}
		case !m.Agrees:
			tag = web.Tag{Status: "bad", Text: web.T(ctx, "payments.directory.differs")}
		}
		rows = append(rows, web.Row{Status: map[bool]string{false: "bad"}[m.Agrees], Cells: []templ.Component{web.Bdi(m.Name(web.Lang(ctx).Code)), web.Text(web.Number(m.Mobiles)), web.Text(web.Number(m.Numbers)), tag,
			web.Code(m.Class), web.Text(web.Number(m.Tokens.Tokens) + " / " + web.Number(m.Tokens.Size))}})
	}
	return rows
}

func claimRows(ctx context.Context, v directoryView) (rows []web.Row) {
	lang := web.Lang(ctx).Code
	for _, c := range v.Claims {
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(c.Opened), web.Text(web.T(ctx, "payments.claim.type."+c.Type)), web.Text(web.T(ctx, "payments.alias.kind."+c.key.kind)), claimTag(ctx, c),
			web.Bdi(v.Banks[c.DonorParticipant].Name(lang)), web.Bdi(v.Banks[c.ClaimerParticipant].Name(lang)), web.Text(web.Left(ctx, c.due()))}})
	}
	return rows
}

func markRows(ctx context.Context, v directoryView) (rows []web.Row) {
	lang := web.Lang(ctx).Code
	for _, m := range v.Marks {
		tag := web.Tag{Status: map[string]string{markOpen: "wait", markAcknowledged: "wait", markClosed: "plain", markCancelled: "plain"}[m.State], Text: web.T(ctx, "payments.mark.state."+m.State)}
		if m.State == markClosed {
			tag.Text = web.T(ctx, "payments.mark.state."+m.Outcome)
			if m.Outcome == markAgreed {
				tag.Status = "bad"
			}
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(m.Changed), web.Text(web.T(ctx, "payments.mark.reason.fraud-"+m.Reason)), tag,
			web.Bdi(v.Banks[m.Reporter].Name(lang)), web.Bdi(v.Banks[m.Counterpart].Name(lang)), markText(m)}})
	}
	return rows
}

// words are what the two participants wrote, if anything.
func (m *Mark) words() (out []string) {
	for _, w := range []string{m.Details, m.Analysis} {
		if strings.TrimSpace(w) != "" {
			out = append(out, w)
		}
	}
	return out
}
