package identity

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/identity/statuslist"
)

// signInPage asks for a passkey: GET /oidc/sign-in.
func (r *Room) signInPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return r.showSignIn(c, c.R.URL.Query().Get("i"), false)
}

func (r *Room) showSignIn(c *web.Ctx, token string, refused bool) error {
	w, _, err := r.asked(c, token)
	if err != nil {
		return err
	}
	options, ceremony, err := r.askAssertion(c.Context(), r.flow(c))
	if err != nil {
		return err
	}
	v := signInView{Token: token, Ceremony: ceremony, Options: string(options), Refused: refused}
	client := r.clients[w.Request.Client]
	if !client.House {
		v.Client = web.Of(c.Context(), client.Name)
	}
	p := web.Page{Title: c.T("identity.signin.title"), Kind: "question", FormAction: []string{originOf(w.Request.Redirect)}}
	if refused {
		p.Status = 422
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Render(p, signInBody(v))
}

// signInAnswer takes the authenticator's answer: POST /oidc/sign-in.
func (r *Room) signInAnswer(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	token := f.Text("i")
	w, _, err := r.asked(c, token)
	if err != nil {
		return err
	}
	if err := r.limited(c, "passkey"); err != nil {
		return err
	}
	subject, err := r.assert(c.Context(), f.Text("ceremony"), r.flow(c), []byte(f.Values().Get("credential")))
	switch {
	case fault.Is(err, fault.Unauthenticated), fault.Is(err, fault.Gone), fault.Is(err, fault.Forbidden):
		reason := map[fault.Kind]string{fault.Unauthenticated: "refused", fault.Gone: "expired", fault.Forbidden: "suspended"}[fault.KindOf(err)]
		if err := r.failed(c, "passkey", w.Request.Client, reason); err != nil {
			return err
		}
		if reason == "suspended" {
			return r.showSuspended(c, subject)
		}
		return r.showSignIn(c, token, true)
	case err != nil:
		return err
	}
	_, err = r.begin(c, subject, methodPasskey, w.Request.Client, 2)
	if fault.Is(err, fault.Forbidden) { // suspended since
		return r.showSuspended(c, subject)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/oidc/continue?i=" + url.QueryEscape(token))
}

// passkeyPage lists a person's passkeys and offers to add one.
func (r *Room) passkeyPage(c *web.Ctx, p gate.Permit[Self]) error {
	return r.showPasskeys(c, p.Resource().Subject, c.R.URL.Query().Get("i"), false)
}

func (r *Room) showPasskeys(c *web.Ctx, subject, token string, refused bool) error {
	keys, err := r.Passkeys(c.Context(), subject)
	if err != nil {
		return err
	}
	options, ceremony, err := r.askRegistration(c.Context(), subject, r.flow(c))
	if err != nil {
		return err
	}
	page := web.Page{Title: c.T("identity.passkey.title"), Back: "/"}
	if refused {
		page.Status = 422
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Render(page, passkeyBody(passkeyView{Keys: keys, Options: string(options), Ceremony: ceremony, Token: token, Refused: refused}))
}

func (r *Room) passkeyAnswer(c *web.Ctx, p gate.Permit[Self]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	subject, token := p.Resource().Subject, f.Text("i")
	label := c.T("identity.passkey.label", "date", c.Date(c.Now()))
	err = r.register(c.Context(), subject, f.Text("ceremony"), r.flow(c), label, []byte(f.Values().Get("credential")))
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict), fault.Is(err, fault.Gone):
		return r.showPasskeys(c, subject, token, true)
	case err != nil:
		return err
	}
	c.Flash("good", "identity.passkey.added")
	if token != "" {
		return c.Redirect("/oidc/continue?i=" + url.QueryEscape(token))
	}
	return c.Redirect("/identity/passkey")
}

func passkeyRows(ctx context.Context, keys []Passkey) []web.Row {
	var rows []web.Row
	for _, k := range keys {
		used := web.Text(web.T(ctx, "identity.passkey.never"))
		if !k.Used.IsZero() {
			used = web.When(k.Used)
		}
		where := "identity.passkey.device"
		if k.Eligible {
			where = "identity.passkey.synced"
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.Text(k.Label), web.When(k.Created), used, web.Text(web.T(ctx, where))}})
	}
	return rows
}

type consentRow struct {
	ID, Client string
	Facts      []string
	Given      time.Time
	Withdrawn  time.Time
}

// consentsPage shows what a person agreed to.
func (r *Room) consentsPage(c *web.Ctx, p gate.Permit[Self]) error {
	all, err := r.Consents(c.Context(), p.Resource().Subject)
	if err != nil {
		return err
	}
	rows := make([]consentRow, 0, len(all))
	for _, k := range all {
		row := consentRow{ID: k.ID, Client: k.Client, Given: k.Given, Withdrawn: k.Withdrawn}
		if client := r.clients[k.Client]; client != nil {
			row.Client = web.Of(c.Context(), client.Name)
		}
		for _, f := range factsOf(k.Scopes) {
			row.Facts = append(row.Facts, c.T("identity.fact."+f))
		}
		rows = append(rows, row)
	}
	return c.Render(web.Page{Title: c.T("identity.consents.title"), Back: "/"}, consentsBody(rows))
}

func (r *Room) consentWithdraw(c *web.Ctx, p gate.Permit[Self]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	consent := f.Text("consent")
	if !uuidLike(consent) {
		return notFound("identity.consents.unknown")
	}
	err = r.db.Update(c.Context(), func(tx *store.Tx) error { return withdraw(tx, p.Resource().Subject, consent) })
	if err != nil {
		return notFoundOr(err, "identity.consents.unknown")
	}
	c.Flash("good", "identity.consents.done")
	return c.Redirect("/identity/consents")
}

type offerRow struct {
	ID, Name string
	At       time.Time // when it was collected
}

type heldRow struct {
	Held
	Name string
}

type credentialsView struct {
	Open    []offerRow
	Held    []heldRow
	Taken   []offerRow // in a wallet, and may be put into another
	Waiting bool       // an offer of the identity itself is open
}

func (r *Room) typeName(ctx context.Context, id string) string {
	if t := r.types[id]; t != nil {
		return web.Of(ctx, t.Name)
	}
	return id
}

// uncollected is what a citizen has not yet put into a wallet.
func (r *Room) uncollected(c *web.Ctx) (tasks []web.Task, err error) {
	if c.Who.Kind != gate.Citizen {
		return nil, nil
	}
	offers, err := r.Offers(c.Context(), c.Who.ID)
	for _, o := range offers {
		if o.State == offerOpen {
			tasks = append(tasks, web.Task{Title: r.typeName(c.Context(), o.Type), Hint: c.T("identity.credentials.waits"), Href: "/credentials/offer/" + o.ID})
		}
	}
	return tasks, err
}

// credentialsPage shows what waits for the wallet and what is in it.
func (r *Room) credentialsPage(c *web.Ctx, p gate.Permit[Self]) error {
	offers, err := r.Offers(c.Context(), p.Resource().Subject)
	if err != nil {
		return err
	}
	held, err := r.Credentials(c.Context(), p.Resource().Subject)
	if err != nil {
		return err
	}
	var v credentialsView
	for _, o := range offers {
		if o.State == offerOpen {
			v.Waiting = v.Waiting || o.Type == TypePersonIdentification
			v.Open = append(v.Open, offerRow{ID: o.ID, Name: r.typeName(c.Context(), o.Type)})
		}
	}
	alive := map[string]bool{}
	for _, h := range held {
		alive[h.Offer] = alive[h.Offer] || h.Status != statuslist.Invalid && h.Expires.After(c.Now())
	}
	for _, o := range offers {
		if alive[o.ID] && o.againAllowed() {
			v.Taken = append(v.Taken, offerRow{ID: o.ID, Name: r.typeName(c.Context(), o.Type), At: o.Collected})
		}
	}
	for _, h := range held {
		v.Held = append(v.Held, heldRow{Held: h, Name: r.typeName(c.Context(), h.Type)})
	}
	return c.Render(web.Page{Title: c.T("identity.credentials.title"), Back: "/"}, credentialsBody(v))
}

func credentialRows(ctx context.Context, held []heldRow) []web.Row {
	var rows []web.Row
	for _, h := range held {
		rows = append(rows, web.Row{ID: h.ID, Cells: []templ.Component{
			web.Text(h.Name), web.When(h.Issued), web.Text(web.Date(ctx, h.Expires)), statusCell(h.Held), web.Code(h.ID),
		}})
	}
	return rows
}

// reasonWords gives a reason as it is read: one of the house's own, or the words
// an official wrote.
func reasonWords(ctx context.Context, reason string) string {
	if reason == againReason || reason == suspensionReason {
		return web.T(ctx, reason)
	}
	return reason
}

func statusTag(ctx context.Context, h Held) templ.Component {
	switch h.Status {
	case statuslist.Invalid:
		return web.Tag{Status: "bad", Text: web.T(ctx, "identity.status.revoked")}
	case statuslist.Suspended:
		return web.Tag{Status: "wait", Text: web.T(ctx, "identity.status.suspended")}
	}
	return web.Tag{Status: "good", Text: web.T(ctx, "identity.status.valid")}
}

// offerOwn puts the person's own identity before their wallet. An offer of it
// that is still open is used again.
func (r *Room) offerOwn(c *web.Ctx, p gate.Permit[Self]) error {
	subject := p.Resource().Subject
	var offer string
	err := r.db.Update(c.Context(), func(tx *store.Tx) error {
		if _, err := person(tx, subject); err != nil {
			return err
		}
		if err := mayUse(tx, subject); err != nil {
			return err
		}
		open, err := store.List(tx, store.Value[string], `select id from identity_offer where subject = $1 and type = $2 and state = $3 order by id desc limit 1`, subject, TypePersonIdentification, offerOpen)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			offer = open[0]
			return nil
		}
		n, err := store.Get(tx, store.Value[int64], `select count(*) from identity_offer where subject = $1 and type = $2`, subject, TypePersonIdentification)
		if err != nil {
			return err
		}
		offer, err = r.Offer(tx, CredentialOffer{Key: "own/" + subject + "/" + strconv.FormatInt(n, 10), Subject: subject, Type: TypePersonIdentification})
		return err
	})
	if err != nil {
		return err
	}
	return c.Redirect("/credentials/offer/" + offer)
}

type offerView struct {
	Name, Link string
	Again      string // the offer to put into another wallet, if that can be
	Demo       bool   // the demonstration's telephone is there to take it
}

// offerPage shows an offer to its person, as a QR code and as a link.
func (r *Room) offerPage(c *web.Ctx, p gate.Permit[heldOffer]) error {
	o := p.Resource()
	v := offerView{Name: r.typeName(c.Context(), o.Type), Demo: r.demo}
	if o.successor != "" {
		return c.Redirect("/credentials/offer/" + o.successor)
	}
	if o.againAllowed() {
		v.Again = o.ID
	}
	if o.State == offerOpen {
		link, err := r.OfferURI(c.Context(), o.ID)
		if err != nil {
			return err
		}
		v.Link = link
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return c.Render(web.Page{Title: v.Name, Back: "/credentials"}, offerBody(v))
}

// revokeFind finds a credential by its reference.
func (r *Room) revokeFind(c *web.Ctx, _ gate.Permit[gate.House]) error {
	ref := strings.ToLower(c.Query("reference"))
	if ref != "" {
		_, err := r.loadCredential(c.Context(), ref)
		if err == nil {
			return c.Redirect("/identity/revoke/" + ref)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return c.Render(web.Page{Title: c.T("identity.revoke.title"), Back: "/"}, revokeFindBody(ref != ""))
}

type revokeView struct {
	Held Held
	Name string
}

// Choices are what can be done with the credential as it stands.
func (v revokeView) Choices(ctx context.Context) []web.Option {
	revoke := web.Option{Value: "1", Label: web.T(ctx, "identity.revoke.revoke"), Hint: web.T(ctx, "identity.revoke.revoke.hint")}
	if v.Held.Status == statuslist.Suspended {
		return []web.Option{{Value: "0", Label: web.T(ctx, "identity.revoke.restore")}, revoke}
	}
	return []web.Option{{Value: "2", Label: web.T(ctx, "identity.revoke.suspend"), Hint: web.T(ctx, "identity.revoke.suspend.hint")}, revoke}
}

func (r *Room) revokePage(c *web.Ctx, p gate.Permit[Held]) error {
	h := p.Resource()
	return c.Render(r.revokeFrame(c), revokeBody(revokeView{Held: h, Name: r.typeName(c.Context(), h.Type)}))
}

func (r *Room) revokeFrame(c *web.Ctx) web.Page {
	return web.Page{Title: c.T("identity.revoke.title"), Back: "/identity/revoke"}
}

func (r *Room) revokeAnswer(c *web.Ctx, p gate.Permit[Held]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	h := p.Resource()
	view := revokeBody(revokeView{Held: h, Name: r.typeName(c.Context(), h.Type)})
	status := f.Choice("status", "identity.revoke.choose", "0", "1", "2")
	reason := f.Prose("reason", web.Required("identity.revoke.reason"), web.Longest(500))
	if err := f.Err(); err != nil {
		return c.Invalid(err, r.revokeFrame(c), view)
	}
	n, err := strconv.Atoi(status)
	if err != nil {
		return fmt.Errorf("identity: status of a choice: %w", err)
	}
	if err := r.SetStatus(c.Context(), p, n, reason); err != nil {
		return c.Invalid(err, r.revokeFrame(c), view)
	}
	c.Flash("good", "identity.revoke.done")
	return c.Redirect("/identity/revoke/" + h.ID)
}
