package services

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// States of an application, in order. Refused and issued are the ends.
const (
	Draft     = "draft"     // being filled in; can be left and taken up again
	Submitted = "submitted" // sent; the fee is not paid yet
	Paid      = "paid"      // on its way to the office
	InOffice  = "office"    // a file at the office
	Approved  = "approved"  // decided; the document is being made
	Refused   = "refused"
	Issued    = "issued"
)

// Application is one request of one person for one service.
type Application struct {
	ID         string
	Ref        string // what the person quotes: 12 random characters
	Service    string
	Definition string // hash of the definition it began with, and keeps
	Owner      string // pseudonym
	State      string
	Version    int64  // moves with every change of the content
	Content    []byte // sealed: facts and answers
	Consent    string // "", "yes" or "no"
	Created    time.Time
	Updated    time.Time
	Submitted  time.Time
	Fee        string // id at the payments room
	FeeAmount  int64
	FeeExpires time.Time
	FeeRound   int64 // a fee that has expired is asked for again
	Paid       time.Time
	File       string
	Diary      string
	Post       string // who has it now
	Due        time.Time
	Decided    time.Time
	Reason     string // of a refusal
	Document   string
}

// GateResource tells the gate whose application it is.
func (a *Application) GateResource() gate.Resource {
	return gate.Resource{Type: "ServicesApplication", ID: a.ID, Attrs: map[string]any{"owner": a.Owner, "state": a.State, "service": a.Service}}
}

func (a *Application) subject() string { return "services/application/" + a.ID }

// Open says whether the office still owes an answer.
func (a *Application) Open() bool {
	return a.State == Submitted || a.State == Paid || a.State == InOffice || a.State == Approved
}

// FeeOver says whether the fee was not paid in time and must be asked anew.
func (a *Application) FeeOver(now time.Time) bool {
	return a.State == Submitted && !now.Before(a.FeeExpires)
}

const applicationColumns = "id, ref, service, definition, owner, state, version, content, consent, created, updated, submitted, fee, fee_amount, fee_expires, fee_round, paid, file, diary, post, due, decided, reason, document"

func scanApplication(scan store.Scan) (*Application, error) {
	var a Application
	var created, updated, submitted, expires, paid, due, decided int64
	err := scan(&a.ID, &a.Ref, &a.Service, &a.Definition, &a.Owner, &a.State, &a.Version, &a.Content, &a.Consent, &created, &updated, &submitted,
		&a.Fee, &a.FeeAmount, &expires, &a.FeeRound, &paid, &a.File, &a.Diary, &a.Post, &due, &decided, &a.Reason, &a.Document)
	a.Created, a.Updated = store.Time(created), store.Time(updated)
	for at, micros := range map[*time.Time]int64{&a.Submitted: submitted, &a.FeeExpires: expires, &a.Paid: paid, &a.Due: due, &a.Decided: decided} {
		if micros > 0 {
			*at = store.Time(micros)
		}
	}
	return &a, err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

// insert writes a new application with its definition, which is kept as long
// as any application needs it.
func (a *Application) insert(tx *store.Tx, d *Definition) error {
	if _, err := tx.Exec("insert into services_definition (hash, service, body, first_used) values ($1, $2, $3, $4) on conflict (hash) do nothing",
		d.Hash, d.ID, d.Body, store.Micros(tx.Now())); err != nil {
		return fmt.Errorf("keep the definition: %w", err)
	}
	_, err := tx.Exec("insert into services_application ("+applicationColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)",
		a.ID, a.Ref, a.Service, a.Definition, a.Owner, a.State, a.Version, a.Content, a.Consent, micros(a.Created), micros(a.Updated), micros(a.Submitted),
		a.Fee, a.FeeAmount, micros(a.FeeExpires), a.FeeRound, micros(a.Paid), a.File, a.Diary, a.Post, micros(a.Due), micros(a.Decided), a.Reason, a.Document)
	if err != nil {
		return fmt.Errorf("write the application: %w", err)
	}
	return nil
}

func applicationByRef(tx *store.Tx, ref string) (*Application, error) {
	a, err := store.Get(tx, scanApplication, "select "+applicationColumns+" from services_application where ref = $1", canonicalRef(ref))
	return a, unknown(err, "services.application.unknown")
}

func applicationByID(tx *store.Tx, id string) (*Application, error) {
	a, err := store.Get(tx, scanApplication, "select "+applicationColumns+" from services_application where id = $1", id)
	return a, unknown(err, "services.application.unknown")
}

// lockApplication reads it for a change in this transaction.
func lockApplication(tx *store.Tx, id string) (*Application, error) {
	a, err := store.Get(tx, scanApplication, "select "+applicationColumns+" from services_application where id = $1 for update", id)
	return a, unknown(err, "services.application.unknown")
}

// applicationsOf lists a person's applications, newest change first.
func applicationsOf(tx *store.Tx, owner string, from web.Place, limit int) ([]*Application, error) {
	after, args := after(from, "updated", owner, limit)
	return store.List(tx, scanApplication, "select "+applicationColumns+" from services_application where owner = $1"+after+" order by updated desc, id desc limit $2", args...)
}

func unknown(err error, key string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, key).Because(err)
	}
	return err
}

// canonicalRef reads a reference as people type it: small letters, without
// dashes, O for 0 and I or L for 1.
func canonicalRef(s string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		switch r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		case '-', ' ':
			continue
		}
		if b.Len() > 64 {
			break
		}
		b.WriteRune(r)
	}
	plain := b.String()
	var out strings.Builder
	for i, r := range plain {
		if i > 0 && i%4 == 0 {
			out.WriteByte('-')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// held is a fact as it was when the person let us read it.
type held struct {
	Value   string    `json:"value"`
	ValueUr string    `json:"value_ur,omitempty"`
	Source  string    `json:"source"`
	At      time.Time `json:"at"`
}

// source names the register for people, where we have a name for it.
func (r *Room) source(lang string, h held) string {
	if key := "services.source." + h.Source; r.c.Site.Has(key) {
		return r.c.Site.Say(lang, key)
	}
	return h.Source
}

// content is what is sealed in an application.
type content struct {
	Facts   map[string]held   `json:"facts"`
	Answers map[string]string `json:"answers"`
}

// values gives everything known, by reference.
func (c content) values() Values {
	v := Values{}
	for id, f := range c.Facts {
		v["facts."+id] = f.Value
	}
	for id, s := range c.Answers {
		v["answers."+id] = s
	}
	return v
}

func (r *Room) seal(ctx context.Context, applicationID string, c content) ([]byte, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the answers: %w", err)
	}
	return r.c.Keys.Seal(ctx, sealPurpose, plain, []byte(applicationID))
}

func (r *Room) open(ctx context.Context, a *Application) (content, error) {
	c := content{Facts: map[string]held{}, Answers: map[string]string{}}
	if len(a.Content) == 0 {
		return c, nil
	}
	plain, err := r.c.Keys.Open(ctx, sealPurpose, a.Content, []byte(a.ID))
	if err != nil {
		return c, fmt.Errorf("open the answers: %w", err)
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return c, fmt.Errorf("read the answers: %w", err)
	}
	if c.Facts == nil {
		c.Facts = map[string]held{}
	}
	if c.Answers == nil {
		c.Answers = map[string]string{}
	}
	return c, nil
}

// save keeps a draft's changed content. The version says whether somebody
// changed it meanwhile, in another window perhaps. The update locks the draft's
// row before the papers are written, so that the draft is not withdrawn between.
func (r *Room) save(ctx context.Context, a *Application, c content, papers ...paper) error {
	sealed, err := r.seal(ctx, a.ID, c)
	if err != nil {
		return err
	}
	return r.c.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update services_application set content = $3, consent = $4, version = version + 1, updated = $5 where id = $1 and version = $2 and state = 'draft'",
			a.ID, a.Version, sealed, a.Consent, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("keep the answers: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "services.application.changed")
		}
		for _, p := range papers {
			if err := p.write(tx); err != nil {
				return err
			}
		}
		return nil
	})
}
