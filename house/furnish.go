package house

import (
	"context"
	"net/http"
	"strings"

	"sarai/courtyard"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/cert"
	"sarai/rooms/identity"
	"sarai/rooms/observatory"
	"sarai/rooms/office"
	"sarai/rooms/payments"
	"sarai/rooms/services"
)

// rooms are all rooms of the house. A new room is added here and below.
type rooms struct {
	identity    *identity.Room
	services    *services.Room
	payments    *payments.Room
	office      *office.Room
	cert        *cert.Room
	observatory *observatory.Room
}

// furnish makes the rooms and connects them. Read it top to bottom to know who
// depends on whom; events are the other way in which rooms meet, and each room
// names those it listens to in its own room.go.
func furnish(c *courtyard.Courtyard) (r rooms, err error) {
	types, err := credentialTypes(c)
	if err != nil {
		return r, err
	}
	if r.identity, err = identity.New(c, identity.Wants{Types: types, Failures: failures(c)}); err != nil {
		return r, err
	}
	c.Gate.SetNames(r.identity.Names)
	c.API.Authenticator = bearerOrSession(r.identity)
	c.Site.SignInPath = "/sign-in"

	if r.payments, err = payments.New(c, payments.Wants{Payer: holders{r.identity}, Numbers: numbers{r.identity}, Log: c.Log}); err != nil {
		return r, err
	}
	if r.office, err = office.New(c, office.Wants{People: register{r.identity}}); err != nil {
		return r, err
	}
	if r.services, err = services.New(c, services.Wants{
		People: people{r.identity}, Fees: fees{r.payments}, Office: intake{r.office}, Printer: printer{r.office}, Credentials: credentials{r.identity}, Log: c.Log,
	}); err != nil {
		return r, err
	}
	if r.cert, err = cert.New(c, cert.Wants{}); err != nil {
		return r, err
	}
	r.observatory, err = observatory.New(c, observatory.Wants{})
	return r, err
}

// open does what rooms need once the database is migrated.
func (r rooms) open(ctx context.Context) error {
	return r.payments.Open(ctx)
}

// bearerOrSession finds who calls the JSON interface: an access token of our
// own OpenID provider, or the session of the page the call comes from.
func bearerOrSession(i *identity.Room) func(*http.Request) (gate.Principal, error) {
	return func(r *http.Request) (gate.Principal, error) {
		if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			return i.VerifyBearer(r.Context(), token)
		}
		return gate.From(r.Context()), nil
	}
}

// failures is how often sign-in may fail from one source in an hour. In a
// demonstration everybody comes from the same machine, and each journey shows a
// burst of failures.
func failures(c *courtyard.Courtyard) int64 {
	if c.Demo {
		return 1000
	}
	return 0 // the room's own
}

// What follows turns one room's words into another's. No rules belong here.

type people struct{ *identity.Room }

func (p people) Facts(ctx context.Context, ask services.FactAsk) (map[string]services.Fact, error) {
	found, err := p.Room.Facts(ctx, identity.FactAsk(ask))
	if err != nil {
		return nil, err
	}
	out := make(map[string]services.Fact, len(found))
	for name, f := range found {
		out[name] = services.Fact(f)
	}
	return out, nil
}

type register struct{ *identity.Room }

func (p register) Looked(tx *store.Tx, l office.Look) error {
	return p.Room.Looked(tx, identity.Look{Subject: l.Person, Actor: l.Actor, Purpose: l.Purpose, Basis: l.Basis})
}

type holders struct{ *identity.Room }

func (p holders) Name(ctx context.Context, subject, purpose string) (en, ur string, err error) {
	found, err := p.Facts(ctx, identity.FactAsk{Subject: subject, Names: []string{identity.FactName}, Purpose: purpose, Basis: "identity.basis.request",
		Actor: gate.Principal{Kind: gate.Citizen, ID: subject}.Actor()})
	name := found[identity.FactName]
	return name.Value, name.ValueUr, err
}

type numbers struct{ *identity.Room }

func (p numbers) Number(ctx context.Context, subject, purpose string) (digits string, err error) {
	found, err := p.Facts(ctx, identity.FactAsk{Subject: subject, Names: []string{identity.FactNumber}, Purpose: purpose, Basis: "identity.basis.request",
		Actor: gate.Principal{Kind: gate.Citizen, ID: subject}.Actor()})
	return found[identity.FactNumber].Value, err
}

type fees struct{ *payments.Room }

func (f fees) Ask(tx *store.Tx, q services.FeeRequest) (string, error) {
	return f.Room.Ask(tx, payments.FeeRequest(q))
}

type intake struct{ *office.Room }

func (o intake) Receive(tx *store.Tx, in services.Intake) (fileID, diaryNo string, err error) {
	papers := make([]office.Paper, 0, len(in.Papers))
	for _, p := range in.Papers {
		papers = append(papers, office.Paper{Title: p.Title, MediaType: p.MediaType, Body: p.Body})
	}
	return o.Room.Receive(tx, office.Intake{Key: in.Key, Office: in.Office, Service: in.Service, Application: in.Application, Applicant: in.Applicant,
		Subject: in.Subject, Papers: papers, Route: in.Route, Due: in.Due})
}

type printer struct{ *office.Room }

func (p printer) Certificate(ctx context.Context, t services.CertificateText) ([]byte, error) {
	rows := make([]office.CertificateRow, 0, len(t.Rows))
	for _, r := range t.Rows {
		rows = append(rows, office.CertificateRow{Label: r.Label, Value: r.Value})
	}
	return p.Room.Certificate(ctx, office.CertificateText{Number: t.Number, Title: t.Title, Office: t.Office, Statement: t.Statement, Law: t.Law,
		Remark: t.Remark, Rows: rows, Issued: t.Issued, Post: t.Post, VerifyURL: t.VerifyURL, Source: t.Source})
}

type credentials struct{ *identity.Room }

func (c credentials) Offer(tx *store.Tx, o services.CredentialOffer) (string, error) {
	return c.Room.Offer(tx, identity.CredentialOffer{Key: o.Key, Subject: o.Subject, Type: o.Type, Claims: o.Claims})
}

// credentialTypes are what the services of the country give out as credentials.
// The identity room knows the domicile certificate by itself.
func credentialTypes(c *courtyard.Courtyard) ([]identity.CredentialType, error) {
	given, err := services.CredentialTypes(c.Pack)
	if err != nil {
		return nil, err
	}
	var out []identity.CredentialType
	for _, t := range given {
		if t.ID == identity.TypeDomicileCertificate {
			continue
		}
		ct := identity.CredentialType{ID: t.ID, Name: t.Name, Description: t.Description}
		for _, claim := range t.Claims {
			ct.Claims = append(ct.Claims, identity.CredentialClaim{Name: claim.Name, Label: claim.Label})
		}
		out = append(out, ct)
	}
	return out, nil
}
