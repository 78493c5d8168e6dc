package identity

import (
	"cmp"
	"embed"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed texts/*.yaml
var texts embed.FS

//go:embed policy.cedar
var policy []byte

//go:embed policy.cedarschema
var schema []byte

//go:embed passkey.js
var passkeyScript []byte

// Room is the identity room.
type Room struct {
	db       *store.DB
	keys     *keys.Ring
	site     *web.Site
	gate     *gate.Gate
	pack     *country.Pack
	clock    clock.Clock
	newID    id.Source
	base     string
	demo     bool
	logger   *slog.Logger
	webauthn *webauthn.WebAuthn
	clients  map[string]*Client
	types    map[string]*CredentialType
	lists    published
	address  func(*http.Request) string
	failures int64 // that a source may have in an hour
}

// New furnishes the room: it registers what the room needs and reads nothing.
func New(c *courtyard.Courtyard, w Wants) (*Room, error) {
	r := &Room{
		db: c.DB, keys: c.Keys, site: c.Site, gate: c.Gate, pack: c.Pack, clock: c.Clock, newID: c.NewID, base: c.Base, demo: c.Demo, logger: c.Logger,
		clients: map[string]*Client{}, types: map[string]*CredentialType{}, lists: published{made: map[int64]publishedList{}}, address: w.Address, failures: cmp.Or(w.Failures, failuresAnHour),
	}
	if r.address == nil {
		r.address = c.Client
	}
	if r.address == nil {
		r.address = func(req *http.Request) string {
			host, _, err := net.SplitHostPort(req.RemoteAddr)
			if err != nil {
				return req.RemoteAddr
			}
			return host
		}
	}
	base, err := url.Parse(c.Base)
	if err != nil || base.Host == "" || strings.HasSuffix(c.Base, "/") {
		return nil, fmt.Errorf("identity: base %q is no web address without a trailing slash", c.Base)
	}
	party := base.Hostname()
	if net.ParseIP(party) != nil {
		party = "localhost" // no browser keeps passkeys for a bare address; software authenticators in tests do
	}
	r.webauthn, err = webauthn.New(&webauthn.Config{
		RPID: party, RPDisplayName: c.Pack.Names.In("en"), RPOrigins: []string{base.Scheme + "://" + base.Host},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
			Registration: webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("identity: passkeys: %w", err)
	}
	if err := r.gather(w); err != nil {
		return nil, err
	}
	c.DB.Register(store.Migrations{Room: "identity", FS: migrations})
	c.Gate.Room("identity", policy, schema)
	c.Site.Texts("identity", texts)
	c.Site.Script("passkey", passkeyScript)
	r.declareKeys(c.Keys)
	r.declareEnrolment()
	r.routes()
	r.enrolment()
	r.standingRoutes()
	c.Jobs.Handle(job.Kind{Name: sweepJob, Action: "identity.sweep", Do: r.sweepDo})
	c.Journal.Subscribe(journal.Subscription{Name: "identity.sessions", Types: []string{"web.session.ended"}, Handle: windowEnded})
	return r, nil
}

// gather gathers clients and credential types from the pack and from house.
func (r *Room) gather(w Wants) error {
	var list []Client
	for _, c := range r.pack.Clients {
		if c.DemoOnly && !r.demo {
			continue
		}
		list = append(list, packClient(c))
	}
	list = append(list, w.Clients...)
	for _, c := range list {
		if c.Auth == AuthPrivateKey && c.JWKS == nil && !slices.ContainsFunc(w.Clients, func(x Client) bool { return x.ID == c.ID }) {
			continue // known to the pack, not yet enrolled with its keys
		}
		if c.ID == WindowClient {
			c.House, c.Consent = true, false
		}
		c.RedirectURIs, c.PostLogoutURIs = r.here(c.RedirectURIs), r.here(c.PostLogoutURIs)
		if err := c.check(r.base); err != nil {
			return err
		}
		r.clients[c.ID] = &c
	}
	if r.clients[WindowClient] == nil {
		r.clients[WindowClient] = &Client{ID: WindowClient, Name: r.pack.Names, Auth: AuthNone, RedirectURIs: []string{r.base + "/sign-in/callback"},
			PostLogoutURIs: []string{r.base + "/"}, Scopes: []string{"openid"}, Sector: "house", IDTokenAlg: "RS256", House: true}
	}
	for _, t := range append(slices.Clone(ownTypes), w.Types...) {
		if t.ID == "" || len(t.Name) == 0 || strings.Trim(t.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return fmt.Errorf("identity: credential type %q needs an id of letters and digits and names", t.ID)
		}
		r.types[t.ID] = &t
	}
	return nil
}

// here gives addresses with the house's own in place of "{base}". What it is
// given stays as it is: several houses may be built from one pack.
func (r *Room) here(addresses []string) []string {
	addresses = slices.Clone(addresses)
	for i, a := range addresses {
		addresses[i] = strings.ReplaceAll(a, "{base}", r.base)
	}
	return addresses
}

func (r *Room) declareKeys(k *keys.Ring) {
	secret := func(names ...string) {
		for _, n := range names {
			k.Declare(keys.Purpose{Name: n, Alg: keys.HS256})
		}
	}
	secret(purposeSubject, purposeIndex, purposeSector, purposeSource, purposeNonce)
	k.Declare(keys.Purpose{Name: purposeSeal, Alg: keys.A256GCM})
	k.Declare(keys.Purpose{Name: purposeRS256, Alg: keys.RS256})
	k.Declare(keys.Purpose{Name: purposeES256, Alg: keys.ES256})
	k.Declare(keys.Purpose{Name: purposeCredential, Alg: keys.ES256, Use: keys.Credential,
		Subject: "CN=Credential Issuer,O=" + strings.NewReplacer(",", " ", "+", " ", "=", " ").Replace(r.authority()) + ",C=" + strings.ToUpper(r.pack.Code)})
}

func (r *Room) routes() {
	house := func(pattern, action string, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(r.site, web.Route[gate.House]{Pattern: pattern, Action: action, Do: do})
	}
	protocol := func(pattern, action string, limit web.Rate, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(r.site, web.Route[gate.House]{Pattern: pattern, Action: action, Do: do, Limit: limit, Protocol: true})
	}
	often := web.Rate{N: 600, Per: time.Minute}
	seldom := web.Rate{N: 60, Per: time.Minute}

	// published documents
	for pattern, do := range map[string]func(*web.Ctx, gate.Permit[gate.House]) error{
		"GET /.well-known/openid-configuration":       r.discovery,
		"GET /.well-known/oauth-authorization-server": r.discovery,
		"GET /.well-known/openid-credential-issuer":   r.issuerDiscovery,
		"GET /.well-known/jwt-vc-issuer":              r.vcIssuer,
		"GET /oidc/jwks":                              r.jwks,
		"GET /credentials/types/{type}":               r.typeMetadata,
		"GET /credentials/status/{n}":                 r.statusList,
	} {
		protocol(pattern, "identity.published.read", web.Rate{}, do)
	}

	// the OpenID provider
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /oidc/authorize", Action: "identity.provider.authorize", Do: r.authorize, Limit: often})
	protocol("POST /oidc/authorize", "identity.provider.authorize", often, r.authorizePost)
	house("GET /oidc/continue", "identity.provider.authorize", r.resumed)
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /oidc/sign-in", Action: "identity.provider.signin", Do: r.signInPage, Limit: often})
	web.Handle(r.site, web.Route[gate.House]{Pattern: "POST /oidc/sign-in", Action: "identity.provider.signin", Do: r.signInAnswer, Limit: seldom})
	house("GET /oidc/consent", "identity.provider.consent", r.consentPage)
	house("POST /oidc/consent", "identity.provider.consent", r.consentAnswer)
	house("GET /oidc/sign-out", "identity.provider.signout", r.signOut)
	house("POST /oidc/sign-out", "identity.provider.signout", r.signOut)
	protocol("POST /oidc/par", "identity.provider.token", often, r.pushed)
	protocol("POST /oidc/token", "identity.provider.token", often, r.token)
	protocol("GET /oidc/userinfo", "identity.provider.userinfo", often, r.userinfo)
	protocol("POST /oidc/userinfo", "identity.provider.userinfo", often, r.userinfo)

	// the window's sign-in
	web.Handle(r.site, web.Route[gate.House]{Pattern: "GET /sign-in", Action: "identity.provider.authorize", Do: r.signIn, Limit: often})
	house("GET /sign-in/callback", "identity.provider.authorize", r.signedIn)
	house("GET /identity/activate", "identity.provider.signin", r.activatePage)
	web.Handle(r.site, web.Route[gate.House]{Pattern: "POST /identity/activate", Action: "identity.provider.signin", Do: r.activate, Limit: seldom})

	// passkeys and consents of the person signed in
	web.Handle(r.site, web.Route[Self]{Pattern: "GET /identity/passkey", Action: "identity.passkey.manage", Load: self, Do: r.passkeyPage})
	web.Handle(r.site, web.Route[Self]{Pattern: "POST /identity/passkey", Action: "identity.passkey.manage", Load: self, Do: r.passkeyAnswer, Limit: seldom})
	web.Handle(r.site, web.Route[Self]{Pattern: "GET /identity/consents", Action: "identity.consent.manage", Load: self, Do: r.consentsPage})
	web.Handle(r.site, web.Route[Self]{Pattern: "POST /identity/consents", Action: "identity.consent.manage", Load: self, Do: r.consentWithdraw})

	// credentials
	protocol("GET /credentials/offers/{link}", "identity.credential.collect", often, r.offerDocument)
	protocol("POST /credentials/nonce", "identity.credential.collect", often, r.nonce)
	protocol("POST /credentials/issue", "identity.credential.collect", often, r.issue)
	web.Handle(r.site, web.Route[Self]{Pattern: "GET /credentials", Action: "identity.credential.own", Load: self, Do: r.credentialsPage})
	web.Handle(r.site, web.Route[Self]{Pattern: "POST /credentials/offer", Action: "identity.credential.own", Load: self, Do: r.offerOwn})
	loadOffer := func(req *http.Request) (heldOffer, error) { return r.loadOffer(req.Context(), req.PathValue("id")) }
	web.Handle(r.site, web.Route[heldOffer]{Pattern: "GET /credentials/offer/{id}", Action: "identity.offer.view", Load: loadOffer, Do: r.offerPage})
	web.Handle(r.site, web.Route[heldOffer]{Pattern: "GET /credentials/again/{id}", Action: "identity.offer.renew", Load: loadOffer, Do: r.againPage})
	web.Handle(r.site, web.Route[heldOffer]{Pattern: "POST /credentials/again/{id}", Action: "identity.offer.renew", Load: loadOffer, Do: r.againAnswer})
	loadHeld := func(req *http.Request) (Held, error) { return r.loadCredential(req.Context(), req.PathValue("id")) }
	house("GET /identity/revoke", "identity.credential.find", r.revokeFind)
	web.Handle(r.site, web.Route[Held]{Pattern: "GET /identity/revoke/{id}", Action: "identity.credential.look", Load: loadHeld, Do: r.revokePage})
	web.Handle(r.site, web.Route[Held]{Pattern: "POST /identity/revoke/{id}", Action: "identity.credential.revoke", Load: loadHeld, Do: r.revokeAnswer})

	r.site.Waits(r.uncollected)
	r.site.Menu(web.Entry{Title: "identity.credentials.title", Hint: "identity.credentials.menu", Href: "/credentials", Group: "citizen", Order: 50})
	r.site.Menu(web.Entry{Title: "identity.passkey.title", Hint: "identity.passkey.menu", Href: "/identity/passkey", Group: "citizen", Order: 70})
	r.site.Menu(web.Entry{Title: "identity.consents.title", Hint: "identity.consents.menu", Href: "/identity/consents", Group: "citizen", Order: 80})
	r.site.Menu(web.Entry{Title: "identity.revoke.title", Hint: "identity.revoke.menu", Href: "/identity/revoke", Group: "official", Order: 20,
		For: func(p gate.Principal) bool { return p.Has("identity.register") }})
}

// Self is the person who is signed in, as a resource: their own passkeys,
// consents and credentials.
type Self struct{ Subject string }

// GateResource gives IdentitySelf of that person.
func (s Self) GateResource() gate.Resource {
	return gate.Resource{Type: "IdentitySelf", ID: s.Subject, Attrs: map[string]any{"owner": s.Subject}}
}

func self(req *http.Request) (Self, error) {
	who := gate.From(req.Context())
	if !who.SignedIn() {
		return Self{Subject: "nobody"}, nil // the gate refuses and the page asks to sign in
	}
	return Self{Subject: who.ID}, nil
}

const sweepJob = "identity.sweep"
