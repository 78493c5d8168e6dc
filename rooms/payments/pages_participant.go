package payments

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/rooms/payments/wire"
)

// participantPage is one participant as the rail's operator sees it.
type participantPage struct {
	Position
	Certificates []certificate
	Currency     string
	Cap          string // in major units
	Key          string // makes pressing the button twice one change
}

func (v participantPage) href(action string) string {
	return "/pay/operate/participant/" + v.ID + action
}

func (r *Room) participantPages(s *web.Site) {
	operate := func(pattern string, do func(c *web.Ctx, p gate.Permit[gate.House]) error) {
		web.Handle(s, web.Route[gate.House]{Pattern: pattern, Action: actionParticipants, Do: do})
	}
	operate("GET /pay/operate/participant/{id}", func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		v, err := r.participantPage(c)
		if err != nil {
			return err
		}
		return c.Render(participantFrame(c, v), participantBody(v))
	})
	operate("GET /pay/operate/admit", func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return c.Render(admitFrame(c), admitBody(r.railCertificates(c.Context())))
	})
	operate("POST /pay/operate/admit", r.admitByForm)
	for verb, do := range map[string]func(c *web.Ctx, p gate.Permit[gate.House], f *web.Form, id string) (done string, err error){
		"test": func(c *web.Ctx, p gate.Permit[gate.House], _ *web.Form, id string) (string, error) {
			return "payments.participant.tested.now", r.Examine(c.Context(), p.Who().Actor(), id)
		},
		"standing": func(c *web.Ctx, p gate.Permit[gate.House], f *web.Form, id string) (string, error) {
			limit, key := r.limitOf(f, "cap"), f.Text("key", saleKey)
			state := f.Choice("state", "web.form.wrong", "open", "suspended")
			if f.Failed() {
				return "", f.Err()
			}
			return "payments.participant.standing.set", r.SetStanding(c.Context(), p.Who().Actor(), "page/"+key, id, Standing{Suspended: state == "suspended", Cap: limit})
		},
		"certificates": func(c *web.Ctx, p gate.Permit[gate.House], f *web.Form, id string) (string, error) {
			purpose := f.Choice("purpose", "payments.admission.purpose", purposeTLS, purposeSign)
			text := f.Prose("certificate", web.Required("payments.admission.certificate"))
			if f.Failed() {
				return "", f.Err()
			}
			cert, err := readPEM("certificate", text)
			if err != nil {
				return "", err
			}
			return "payments.participant.certificate.added", r.Certify(c.Context(), p.Who().Actor(), id, purpose, cert)
		},
		"revoke": func(c *web.Ctx, p gate.Permit[gate.House], f *web.Form, id string) (string, error) {
			print, err := hex.DecodeString(f.Text("fingerprint"))
			if err != nil {
				return "", fault.New(fault.Invalid, "web.form.wrong")
			}
			return "payments.participant.certificate.revoked", r.Revoke(c.Context(), p.Who().Actor(), id, print)
		},
	} {
		operate("POST /pay/operate/participant/{id}/"+verb, func(c *web.Ctx, p gate.Permit[gate.House]) error {
			f, err := c.Form()
			if err != nil {
				return err
			}
			v, err := r.participantPage(c)
			if err != nil {
				return err
			}
			done, err := do(c, p, f, v.ID)
			if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
				return c.Invalid(err, participantFrame(c, v), participantBody(v))
			}
			if err != nil {
				return err
			}
			c.Flash("good", done)
			return c.Redirect(v.href(""))
		})
	}
}

func (r *Room) participantPage(c *web.Ctx) (v participantPage, err error) {
	v.Currency, v.Key = r.pack.Currency.Code, r.newID()
	v.Position, v.Certificates, err = r.positionOf(c.Context(), c.R.PathValue("id"))
	v.Cap = r.plain(-v.Floor)
	return v, err
}

func participantFrame(c *web.Ctx, v participantPage) web.Page {
	return web.Page{Title: v.Name(c.Lang.Code), Back: "/pay/operate"}
}

func admitFrame(c *web.Ctx) web.Page {
	return web.Page{Title: c.T("payments.admission.title"), Back: "/pay/operate"}
}

// railCertificates is what a participant has to pin, as text to be copied.
func (r *Room) railCertificates(ctx context.Context) string {
	rail, err := r.OpenRail(ctx)
	if err != nil {
		return ""
	}
	shown, signs := rail.Certificates()
	return writePEM(shown) + writePEM(signs)
}

// limitOf reads an amount that may be nothing; an empty field is nothing.
func (r *Room) limitOf(f *web.Form, name string) int64 {
	text := strings.ReplaceAll(f.Code(name), ",", "")
	if text == "" {
		return 0
	}
	n, err := r.limit(text)
	if err != nil {
		f.Wrong(name, "payments.admission.limit")
	}
	return n
}

func (r *Room) admitByForm(c *web.Ctx, p gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	ruled := func(read func(string, ...web.Need) string, name string, fits func(string) bool) string {
		text := read(name)
		if !fits(text) {
			f.Wrong(name, "payments.admission."+name)
		}
		return text
	}
	// In the order of the page, so that the summary of what is wrong follows it.
	a := Admission{NameEn: f.Text("name", web.Required("payments.admission.name.missing")), NameUr: f.Text("name_ur", web.Required("payments.admission.name_ur.missing")),
		Kind: f.Choice("kind", "payments.admission.kind", "bank", "wallet"), ID: ruled(f.Text, "id", participantID.MatchString), BIC: ruled(f.Code, "bic", bicForm.MatchString),
		Code: ruled(f.Code, "code", codeForm.MatchString), Endpoint: ruled(f.Text, "endpoint", isEndpoint), Prefund: r.limitOf(f, "prefund"), Cap: r.limitOf(f, "limit")}
	tls, sign := f.Prose("tls", web.Required("payments.admission.tls.missing")), f.Prose("sign", web.Required("payments.admission.sign.missing"))
	if !f.Failed() {
		var err error
		if a.TLS, err = readPEM("tls", tls); err != nil {
			f.Add(err)
		}
		if a.Sign, err = readPEM("sign", sign); err != nil {
			f.Add(err)
		}
	}
	err = f.Err()
	if err == nil {
		err = r.Admit(c.Context(), p.Who().Actor(), a)
	}
	if e := fault.As(err); e != nil {
		for i := range e.Fields { // what is wrong with the pair is said beside the second
			if e.Fields[i].Name == "certificate" {
				e.Fields[i].Name = "sign"
			}
		}
	}
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return c.Invalid(err, admitFrame(c), admitBody(r.railCertificates(c.Context())))
	}
	if err != nil {
		return err
	}
	c.Flash("good", "payments.admission.done")
	http.Redirect(c.W, c.R, "/pay/operate/participant/"+a.ID, http.StatusSeeOther)
	return nil
}

// standingTag says in one word how a participant stands.
func standingTag(ctx context.Context, p Participant) web.Tag {
	switch {
	case p.Connected && p.Tested.IsZero():
		return web.Tag{Status: "wait", Text: web.T(ctx, "payments.participant.untested")}
	case p.Suspended:
		return web.Tag{Status: "bad", Text: web.T(ctx, "payments.operate.suspended")}
	case p.Failed.After(p.Heard):
		return web.Tag{Status: "wait", Text: web.T(ctx, "payments.participant.silent")}
	}
	return web.Tag{Status: "good", Text: web.T(ctx, "payments.operate.open")}
}

func participantRows(ctx context.Context, v participantPage) []web.Answer {
	money := func(n int64) templ.Component { return web.Amount{Minor: n, Currency: v.Currency} }
	rows := []web.Answer{
		{Label: web.T(ctx, "payments.till.state"), Body: standingTag(ctx, v.Participant)},
		{Label: web.T(ctx, "payments.operate.position"), Body: money(v.Balance)},
		{Label: web.T(ctx, "payments.operate.held"), Body: money(v.Held)},
		{Label: web.T(ctx, "payments.participant.cap"), Body: money(-v.Floor)},
		{Label: web.T(ctx, "payments.operate.bic"), Value: v.BIC, Code: true},
		{Label: web.T(ctx, "payments.participant.code"), Value: v.Code, Code: true},
	}
	if !v.Connected {
		return append(rows, web.Answer{Label: web.T(ctx, "payments.participant.how"), Value: web.T(ctx, "payments.participant.hosted")})
	}
	rows = append(rows, web.Answer{Label: web.T(ctx, "payments.participant.address"), Value: v.Endpoint, Code: true})
	for _, at := range []struct {
		key string
		web.Answer
	}{{"payments.participant.tested", web.Answer{Body: when(v.Tested)}}, {"payments.participant.heard", web.Answer{Body: when(v.Heard)}}, {"payments.participant.failed", web.Answer{Body: when(v.Failed)}}} {
		at.Label = web.T(ctx, at.key)
		rows = append(rows, at.Answer)
	}
	return rows
}

func certificateRows(ctx context.Context, v participantPage) (rows []web.Row) {
	for _, c := range v.Certificates {
		f := wire.Fingerprint(c.cert)
		print := hex.EncodeToString(f[:])
		rows = append(rows, web.Row{Cells: []templ.Component{web.Text(web.T(ctx, "payments.participant.purpose."+c.purpose)), web.Code(print[:16]), web.Text(web.Date(ctx, c.cert.NotAfter)), revokeForm(v, print)}})
	}
	return rows
}
