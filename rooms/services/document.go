package services

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Document is what was issued. PDF and Proof are sealed.
type Document struct {
	ID          string
	Application string
	Owner       string
	Service     string
	Number      string // printed on it
	Token       string // in its QR code: opens the public proof page
	Issued      time.Time
	ValidUntil  time.Time // zero: for ever
	Post        string    // that decided
	Digest      string    // SHA-256 of the PDF, hexadecimal
	PDF         []byte
	Proof       []byte
	Offer       string // credential offer
	Event       string // services.document.issued
}

// GateResource tells the gate whose document it is.
func (d *Document) GateResource() gate.Resource {
	return gate.Resource{Type: "ServicesDocument", ID: d.ID, Attrs: map[string]any{"owner": d.Owner, "service": d.Service}}
}

// Valid says whether the document counts at a time.
func (d *Document) Valid(now time.Time) bool {
	return d.ValidUntil.IsZero() || now.Before(d.ValidUntil)
}

// proof is what the public page shows besides the document's own columns.
type proof struct {
	Name   Text             `json:"name"`
	Office Text             `json:"office"`
	Post   Text             `json:"post"`
	Law    Text             `json:"law"`
	Rows   []CertificateRow `json:"rows"`
	Hidden []Text           `json:"hidden"` // labels of what stands on the paper and is not shown
}

const documentColumns = "id, application, owner, service, number, token, issued, valid_until, post, digest, pdf, proof, offer, event"

func scanDocument(scan store.Scan) (*Document, error) {
	var d Document
	var issued, until int64
	err := scan(&d.ID, &d.Application, &d.Owner, &d.Service, &d.Number, &d.Token, &issued, &until, &d.Post, &d.Digest, &d.PDF, &d.Proof, &d.Offer, &d.Event)
	d.Issued = store.Time(issued)
	if until > 0 {
		d.ValidUntil = store.Time(until)
	}
	return &d, err
}

func (d *Document) insert(tx *store.Tx) error {
	_, err := tx.Exec("insert into services_document ("+documentColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
		d.ID, d.Application, d.Owner, d.Service, d.Number, d.Token, store.Micros(d.Issued), micros(d.ValidUntil), d.Post, d.Digest, d.PDF, d.Proof, d.Offer, d.Event)
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

func documentByID(tx *store.Tx, docID string) (*Document, error) {
	d, err := store.Get(tx, scanDocument, "select "+documentColumns+" from services_document where id = $1", docID)
	return d, unknown(err, "services.document.unknown")
}

func documentByToken(tx *store.Tx, token string) (*Document, error) {
	d, err := store.Get(tx, scanDocument, "select "+documentColumns+" from services_document where token = $1", canonicalRef(token))
	return d, unknown(err, "services.document.unknown")
}

func documentsOf(tx *store.Tx, owner string, from web.Place, limit int) ([]*Document, error) {
	after, args := after(from, "issued", owner, limit)
	return store.List(tx, scanDocument, "select "+documentColumns+" from services_document where owner = $1"+after+" order by issued desc, id desc limit $2", args...)
}

// issue is the job that makes the document of an approved application: printed
// and sealed outside the transaction; kept, offered to the wallet, told to the
// journal and to the person in one.
func (r *Room) issue(ctx context.Context, j job.Job) (func(*store.Tx) error, error) {
	var in jobData
	if err := j.Decode(&in); err != nil {
		return nil, err
	}
	var a *Application
	if err := r.c.DB.View(ctx, func(tx *store.Tx) (err error) {
		a, err = applicationByID(tx, in.Application)
		return err
	}); err != nil {
		return nil, err
	}
	if a.State != Approved {
		return nil, nil // done already
	}
	def, err := r.definition(ctx, a.Definition)
	if err != nil {
		return nil, err
	}
	c, err := r.open(ctx, a)
	if err != nil {
		return nil, err
	}
	d, text, proof := r.draw(a, def, c)
	pdf, err := r.wants.Printer.Certificate(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("print the certificate: %w", err)
	}
	sum := sha256.Sum256(pdf)
	d.Digest = hex.EncodeToString(sum[:])
	if d.PDF, err = r.c.Keys.Seal(ctx, documentPurpose, pdf, []byte(d.ID)); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(proof)
	if err != nil {
		return nil, err
	}
	if d.Proof, err = r.c.Keys.Seal(ctx, documentPurpose, plain, []byte(d.ID)); err != nil {
		return nil, err
	}
	claims := r.claims(d, def, c)
	return func(tx *store.Tx) error {
		now, err := lockApplication(tx, a.ID)
		if err != nil || now.State != Approved {
			return err
		}
		if d.Offer, err = r.wants.Credentials.Offer(tx, CredentialOffer{Key: "services/document/" + a.ID, Subject: a.Owner, Type: def.Output.Credential, Claims: claims}); err != nil {
			return fmt.Errorf("offer the credential: %w", err)
		}
		d.Event = tx.Emit(store.Event{Type: DocumentIssued, Version: 1, Subject: "services/document/" + d.ID, Actor: "system/services.issue",
			Data: DocumentData{Document: d.ID, Application: a.ID, Service: a.Service, Office: def.Agency, Post: d.Post, Number: d.Number, Digest: d.Digest}})
		if err := d.insert(tx); err != nil {
			return err
		}
		if _, err := tx.Exec("update services_application set state = 'issued', document = $2, updated = $3 where id = $1", a.ID, d.ID, store.Micros(tx.Now())); err != nil {
			return fmt.Errorf("note the document: %w", err)
		}
		return notify(tx, a, "issued")
	}, nil
}

// claims are what the credential says. Words come in English, with the Urdu
// form beside them under the same name and _ur; dates are 2001-04-17.
func (r *Room) claims(d *Document, def *Definition, c content) map[string]any {
	out := map[string]any{"certificate_number": d.Number, "issued_on": country.DateOf(d.Issued, r.c.Pack.Zone).String()}
	if !d.ValidUntil.IsZero() {
		out["valid_until"] = country.DateOf(d.ValidUntil, r.c.Pack.Zone).String()
	}
	for name, ref := range def.Output.Claims {
		switch f, _ := def.field(ref); f.Type {
		case "text", "longtext", "choice", "district":
			en, ur := r.plain(def, c, ref, "en"), r.plain(def, c, ref, "ur")
			if out[name] = en; ur != en {
				out[name+"_ur"] = ur
			}
		default:
			out[name] = c.values()[ref]
		}
	}
	return out
}

// draw writes the certificate's text in every language, and what of it the
// public may see.
func (r *Room) draw(a *Application, def *Definition, c content) (*Document, CertificateText, proof) {
	now := r.c.Clock.Now()
	d := &Document{
		ID: r.c.NewID(), Application: a.ID, Owner: a.Owner, Service: a.Service, Token: id.Reference(16), Issued: now, Post: a.Post,
		Number: certificateNumber(def.ID, country.DateOf(now, r.c.Pack.Zone).Year),
	}
	if def.Output.ValidYears > 0 {
		d.ValidUntil = now.AddDate(def.Output.ValidYears, 0, 0)
	}
	office, _ := r.c.Pack.Office(def.Agency)
	t := CertificateText{
		Number: d.Number, Title: def.Output.Title, Office: office.Name, Statement: Text{}, Law: Text{}, Remark: Text{},
		Post: d.Post, Issued: now, VerifyURL: r.c.Base + "/verify/" + d.Token,
	}
	values := c.values()
	for _, l := range r.c.Pack.Languages {
		t.Statement[l.Code] = placeholder.ReplaceAllStringFunc(def.Output.Body[l.Code], func(m string) string {
			value := r.plain(def, c, m[1:len(m)-1], l.Code)
			if f, _ := def.field(m[1 : len(m)-1]); l.Dir == "rtl" && f.code() {
				return "\u2066" + value + "\u2069" // else 69901-… would be read from its end (UAX 9, W2)
			}
			return value
		})
		t.Law[l.Code] = r.cited(l.Code, def.law(def.Rules[0].Law))
		t.Remark[l.Code] = r.c.Site.Say(l.Code, "services.certificate.forever")
		if !d.ValidUntil.IsZero() {
			t.Remark[l.Code] = r.c.Site.Say(l.Code, "services.certificate.until", "date", r.date(l.Code, d.ValidUntil))
		}
	}
	row := func(ref string) CertificateRow {
		f, _ := def.field(ref)
		cr := CertificateRow{Label: f.Label, Value: Text{}}
		for _, l := range r.c.Pack.Languages {
			cr.Value[l.Code] = r.plain(def, c, ref, l.Code)
		}
		return cr
	}
	post, _ := r.c.Pack.Post(d.Post)
	p := proof{Name: def.Output.Name, Office: office.Name, Law: t.Law}
	if post != nil {
		p.Post = post.Title
	}
	for _, ref := range def.Output.Rows {
		t.Rows = append(t.Rows, row(ref))
	}
	shown := map[string]bool{}
	for _, ref := range def.Output.Public {
		p.Rows = append(p.Rows, row(ref))
		shown[ref] = true
	}
	for _, ref := range def.Output.Rows {
		if f, _ := def.field(ref); !shown[ref] {
			p.Hidden = append(p.Hidden, f.Label)
		}
	}
	source := map[string]any{"number": d.Number, "service": def.ID, "definition": def.Hash, "issued": now.UTC().Format(time.RFC3339), "verify": t.VerifyURL}
	facts := map[string]string{}
	for _, ref := range def.Output.Rows {
		facts[ref] = values[ref]
	}
	source["values"] = facts
	t.Source, _ = json.Marshal(source) // strings only: cannot fail
	return d, t, p
}

// certificateNumber is what stands on paper: "DOMICILE-2026-7K3MQ2ZD".
func certificateNumber(service string, year int) string {
	return strings.ToUpper(service) + "-" + strconv.Itoa(year) + "-" + strings.ReplaceAll(id.Reference(8), "-", "")
}

// plain writes a known value as text in a language, names in their own script
// where the register has them.
func (r *Room) plain(def *Definition, c content, ref, lang string) string {
	f, _ := def.field(ref)
	if fact, ok := strings.CutPrefix(ref, "facts."); ok {
		if h := c.Facts[fact]; lang == "ur" && h.ValueUr != "" && (f.Type == "text" || f.Type == "longtext") {
			return h.ValueUr
		}
	}
	return f.show(r.c.Pack, c.values()[ref], lang, func(t time.Time) string { return r.date(lang, t) }, func(key string) string { return r.c.Site.Say(lang, key) })
}

// date writes a day in a language, for what is made outside a page.
func (r *Room) date(lang string, t time.Time) string {
	t = t.In(r.c.Pack.Zone)
	return r.c.Site.Say(lang, "web.date", "day", strconv.Itoa(t.Day()), "month", r.c.Site.Say(lang, "web.month."+strconv.Itoa(int(t.Month()))), "year", strconv.Itoa(t.Year()))
}

// pdf opens a document's file.
func (r *Room) pdf(ctx context.Context, d *Document) ([]byte, error) {
	return r.c.Keys.Open(ctx, documentPurpose, d.PDF, []byte(d.ID))
}

// proofOf opens what the public page shows.
func (r *Room) proofOf(ctx context.Context, d *Document) (p proof, err error) {
	plain, err := r.c.Keys.Open(ctx, documentPurpose, d.Proof, []byte(d.ID))
	if err != nil {
		return p, fmt.Errorf("open the proof: %w", err)
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		return p, fault.New(fault.Internal, "fault.internal").Because(err)
	}
	return p, nil
}
