package identity

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"sarai/courtyard/web"
)

// Render draws a question page.
func (v questionView) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// inLang gives a fact in the language of the page.
func inLang(ctx context.Context, f Fact) string {
	if web.Lang(ctx).Code == "ur" && f.ValueUr != "" {
		return f.ValueUr
	}
	return f.Value
}

// factRows shows facts about somebody to an official, in the order of the register.
func factRows(ctx context.Context, facts map[string]Fact) []web.Answer {
	var rows []web.Answer
	for _, name := range FactNames {
		f, ok := facts[name]
		if !ok || name == FactPhoto {
			continue
		}
		row := web.Answer{Label: web.T(ctx, "identity.their."+name), Value: inLang(ctx, f)}
		switch name {
		case FactBirth:
			if t, err := time.Parse(time.DateOnly, f.Value); err == nil {
				row.Value = web.Date(ctx, t)
			}
		case FactSex:
			row.Value = sexName(ctx, f.Value)
		case FactPhone, FactNumber:
			row.Code = true
		}
		rows = append(rows, row)
	}
	return rows
}

// decisionMoments shows who decided what: the post, for authority is the post's.
func decisionMoments(ctx context.Context, r *Room, decisions []Adjudication) []web.Moment {
	var out []web.Moment
	for _, d := range decisions {
		m := web.Moment{At: d.At, Title: web.T(ctx, "identity.desk."+d.Outcome), Who: r.postTitle(ctx, d.Post), Status: "good"}
		if d.Outcome == outcomeRefused {
			m.Status = "bad"
		}
		if d.Reason != "" {
			m.Body = text(d.Reason)
		}
		out = append(out, m)
	}
	return out
}

// postTitle is a post's title and office in the language of the page.
func (r *Room) postTitle(ctx context.Context, id string) string {
	lang := web.Lang(ctx).Code
	p, ok := r.pack.Post(id)
	if !ok {
		return id
	}
	title := p.Title.In(lang)
	if office, ok := r.pack.Office(p.Office); ok {
		title += ", " + office.Name.In(lang)
	}
	return title
}

// actorName says in words who an actor of the journal is.
func (r *Room) actorName(ctx context.Context, actor string) string {
	kind, rest, _ := strings.Cut(actor, "/")
	switch kind {
	case "post":
		return r.postTitle(ctx, rest)
	case "citizen", "official":
		return web.T(ctx, "identity.actor.yourself")
	case "client":
		if c, ok := r.pack.Client(rest); ok {
			return c.Name.In(web.Lang(ctx).Code)
		}
		return rest
	}
	return web.T(ctx, "identity.actor.house")
}

// said shows a purpose or basis: a text's key, perhaps with a number after it,
// or words as they are.
func (r *Room) said(ctx context.Context, words string) string {
	if strings.HasPrefix(words, "consent/") {
		return web.T(ctx, "identity.basis.consent")
	}
	if key, rest, _ := strings.Cut(words, " · "); r.site.Has(key) {
		return strings.TrimSuffix(web.T(ctx, key)+" · "+web.Said(ctx, rest), " · ")
	}
	return web.Said(ctx, words)
}

func waitingTable(r *Room, list []Waiting) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		t := web.Table{Caption: web.T(ctx, "identity.desk.waiting"), Empty: web.T(ctx, "identity.desk.none"), Columns: []web.Column{
			{Title: web.T(ctx, "identity.apply.reference")}, {Title: web.T(ctx, "identity.apply.district.label")},
			{Title: web.T(ctx, "identity.desk.since")}, {Title: web.T(ctx, "identity.likeness.title")}, {Title: web.T(ctx, "identity.desk.state")}}}
		for _, l := range list {
			district, _ := r.pack.District(l.District)
			state := web.Tag{Status: "wait", Text: web.N(ctx, "identity.desk.decided-by", l.Decided)}
			if l.Mine {
				state = web.Tag{Status: "plain", Text: web.T(ctx, "identity.desk.mine")}
			}
			t.Rows = append(t.Rows, web.Row{ID: "application-" + l.ID, Cells: []templ.Component{
				waitingLink(l), text(district.Name.In(web.Lang(ctx).Code)), text(web.DateTime(ctx, l.Submitted)), likenessTag(l.Highest), state}})
		}
		return t.Render(ctx, w)
	})
}

func accessTable(r *Room, list []Access) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		t := web.Table{Caption: web.T(ctx, "identity.accesses.title"), Hidden: true, Columns: []web.Column{
			{Title: web.T(ctx, "identity.accesses.when")}, {Title: web.T(ctx, "identity.accesses.who")}, {Title: web.T(ctx, "identity.accesses.what")},
			{Title: web.T(ctx, "identity.accesses.why")}, {Title: web.T(ctx, "identity.accesses.basis")}}}
		for _, a := range list {
			var facts []string
			for _, f := range a.Facts {
				name := web.T(ctx, "identity.fact."+f)
				if len(facts) > 0 { // only the first begins a sentence
					first, n := utf8.DecodeRuneInString(name)
					name = string(unicode.ToLower(first)) + name[n:]
				}
				facts = append(facts, name)
			}
			t.Rows = append(t.Rows, web.Row{Cells: []templ.Component{text(web.DateTime(ctx, a.At)), text(r.actorName(ctx, a.Actor)),
				text(strings.Join(facts, web.T(ctx, "identity.comma"))), text(r.said(ctx, a.Purpose)), text(r.said(ctx, a.Basis))}})
		}
		return t.Render(ctx, w)
	})
}

// sexName is the word for female, male or other.
func sexName(ctx context.Context, sex string) string {
	switch sex {
	case "female", "male":
		return web.T(ctx, "identity.sex."+sex)
	}
	return web.T(ctx, "identity.sex.third")
}
