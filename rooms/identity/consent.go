package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Consent is what a person agreed to: which facts go to which client, in the
// very words that stood on the page.
type Consent struct {
	ID        string
	Subject   string
	Client    string
	Scopes    []string
	Shown     string // SHA-256 of the sentences
	Lang      string
	Given     time.Time
	Withdrawn time.Time // zero while it holds
}

func scanConsent(scan store.Scan) (c Consent, err error) {
	var scopes string
	var given, withdrawn int64
	if err := scan(&c.ID, &c.Subject, &c.Client, &scopes, &c.Shown, &c.Lang, &given, &withdrawn); err != nil {
		return c, err
	}
	c.Given, c.Withdrawn = store.Time(given), store.Time(withdrawn)
	return c, json.Unmarshal([]byte(scopes), &c.Scopes)
}

const consentColumns = `id, subject, client, scopes, shown, lang, given, withdrawn`

// consentFor gives the latest consent that covers scopes; its zero value when
// there is none. Scopes that give no facts need none.
func (r *Room) consentFor(ctx context.Context, subject string, c *Client, scopes []string) (Consent, error) {
	all, err := r.Consents(ctx, subject)
	if err != nil {
		return Consent{}, err
	}
	for _, k := range all {
		if k.Client != c.ID || !k.Withdrawn.IsZero() {
			continue
		}
		covers := true
		for _, s := range scopes {
			covers = covers && slices.Contains(k.Scopes, s)
		}
		if covers {
			return k, nil
		}
	}
	return Consent{}, nil
}

// Consents lists what a person agreed to, latest first.
func (r *Room) Consents(ctx context.Context, subject string) (list []Consent, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanConsent, `select `+consentColumns+` from identity_consent where subject = $1 order by given desc, id desc limit 200`, subject)
		return err
	})
	return list, err
}

// agree records a consent with the sentences the person saw.
func agree(tx *store.Tx, newID func() string, subject, client string, scopes []string, sentences []string, lang string) (string, error) {
	b, err := json.Marshal(scopes)
	if err != nil {
		return "", err
	}
	consent := newID()
	_, err = tx.Exec(`insert into identity_consent (id, subject, client, scopes, shown, lang, given, withdrawn) values ($1, $2, $3, $4, $5, $6, $7, 0)`,
		consent, subject, client, string(b), hashed(strings.Join(sentences, "\n")), lang, store.Micros(tx.Now()))
	if err != nil {
		return "", fmt.Errorf("record a consent: %w", err)
	}
	tx.Emit(store.Event{Type: EventConsentGiven, Subject: "identity/person/" + subject, Actor: "citizen/" + subject,
		Data: Consented{Consent: consent, Client: client, Scopes: scopes}})
	return consent, nil
}

// holds refuses a consent that was withdrawn after it was looked up. Its row is
// held, so that a withdrawal finds what is granted here and takes it back.
func holds(tx *store.Tx, consent string) error {
	if consent == "" {
		return nil
	}
	withdrawn, err := store.Get(tx, store.Value[int64], `select withdrawn from identity_consent where id = $1 for update`, consent)
	if err == nil && withdrawn != 0 {
		return fault.New(fault.Conflict, "identity.consents.unknown")
	}
	return err
}

// withdraw takes a consent back, and with it every token that rests on it.
func withdraw(tx *store.Tx, subject, consent string) error {
	k, err := store.Get(tx, scanConsent, `select `+consentColumns+` from identity_consent where id = $1 and subject = $2 for update`, consent, subject)
	if err != nil {
		return err
	}
	if !k.Withdrawn.IsZero() {
		return nil
	}
	now := store.Micros(tx.Now())
	// an older consent to the same client would give the facts again unasked
	if _, err := tx.Exec(`update identity_consent set withdrawn = $3 where subject = $1 and client = $2 and withdrawn = 0`, subject, k.Client, now); err != nil {
		return err
	}
	if _, err := tx.Exec(`update identity_grant set revoked = $3, reason = 'consent-withdrawn' where subject = $1 and client = $2 and revoked = 0`, subject, k.Client, now); err != nil {
		return err
	}
	tx.Emit(store.Event{Type: EventConsentWithdrawn, Subject: "identity/person/" + subject, Actor: "citizen/" + subject,
		Data: Consented{Consent: consent, Client: k.Client, Scopes: k.Scopes}})
	return nil
}

// consentView is what the consent page shows.
type consentView struct {
	Token   string
	Client  string
	Purpose string
	Facts   []string // sentences, one a fact
	Host    string
}

// sentences are what the person agrees to, word by word.
func (v consentView) sentences() []string {
	return append([]string{v.Client, v.Purpose, v.Host}, v.Facts...)
}

func (r *Room) consentView(c *web.Ctx, token string, a AuthRequest) consentView {
	client := r.clients[a.Client]
	v := consentView{Token: token, Client: web.Of(c.Context(), client.Name), Purpose: web.Of(c.Context(), client.Purpose), Host: originOf(a.Redirect)}
	if v.Purpose == "" {
		v.Purpose = c.T("identity.consent.signin", "client", v.Client)
	}
	for _, f := range factsOf(a.Scopes) {
		v.Facts = append(v.Facts, c.T("identity.fact."+f))
	}
	return v
}

// asked loads the authorisation a page speaks of, for the browser it began in
// and the person it is put to.
func (r *Room) asked(c *web.Ctx, token string) (w authorizing, s *opSession, err error) {
	err = r.db.View(c.Context(), func(tx *store.Tx) error { return getPending(tx, pendingAuthorize, token, &w, false) })
	if err == nil && (!r.sameFlow(c, w.Flow) || r.clients[w.Request.Client] == nil) {
		err = fault.New(fault.Gone, "identity.pending.gone")
	}
	if err != nil {
		return w, nil, err
	}
	s, err = r.session(c)
	return w, s, err
}

func (r *Room) consentPage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	token := c.R.URL.Query().Get("i")
	w, s, err := r.asked(c, token)
	if err != nil {
		return err
	}
	if s == nil {
		return r.proceed(c, token)
	}
	v := r.consentView(c, token, w.Request)
	return c.Render(web.Page{Title: c.T("identity.consent.title", "client", v.Client), Kind: "question", FormAction: []string{v.Host}}, consentBody(v))
}

func (r *Room) consentAnswer(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	token := f.Text("i")
	w, s, err := r.asked(c, token)
	if err != nil {
		return err
	}
	if s == nil {
		return r.proceed(c, token)
	}
	a := w.Request
	if f.Values().Get("answer") != "yes" {
		err := r.db.Update(c.Context(), func(tx *store.Tx) error { return takePending(tx, pendingAuthorize, token, &w) })
		if err != nil {
			return err
		}
		return r.authorizeFailed(c, &authorizeError{redirect: a.Redirect, state: a.State, code: "access_denied", why: "the person said no"})
	}
	v := r.consentView(c, token, a)
	err = r.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := agree(tx, r.newID, s.Subject, a.Client, a.Scopes, v.sentences(), c.Lang.Code)
		return err
	})
	if err != nil {
		return err
	}
	return r.proceed(c, token)
}
