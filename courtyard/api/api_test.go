package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// A bank with one account each, small enough to read in a minute.
const (
	bankSchema = `
entity BankAccount { subject: String };
action "bank.account.read" appliesTo { principal: [Citizen], resource: BankAccount };
action "bank.pay" appliesTo { principal: [Citizen], resource: BankAccount };
action "bank.rates" appliesTo { principal: [Anonymous, Citizen], resource: House };
`
	bankPolicy = `
@id("bank.owner") @reason("bank.only-the-owner")
permit (principal is Citizen, action in [Action::"bank.account.read", Action::"bank.pay"], resource)
when { resource.subject == principal.id };
@id("bank.rates") @reason("bank.public") @record("no")
permit (principal, action == Action::"bank.rates", resource);
`
)

type account struct{ id, owner string }

func (a account) GateResource() gate.Resource {
	return gate.Resource{Type: "BankAccount", ID: a.id, Attrs: map[string]any{"subject": a.owner}}
}

type accountInput struct {
	ID string `path:"id" maxLength:"20"`
}

type payInput struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		Amount int64  `json:"amount" minimum:"1" doc:"Paisa."`
		Payee  string `json:"payee" minLength:"3" maxLength:"30"`
		Note   string `json:"note,omitempty" maxLength:"10"`
		Lines  []struct {
			Text string `json:"text" minLength:"1"`
		} `json:"lines,omitempty" maxItems:"3"`
	}
}

type paid struct {
	Transfer string   `json:"transfer"`
	Amount   int64    `json:"amount"`
	Serial   any      `json:"serial,omitempty"`
	Lines    []string `json:"lines,omitempty"`
}

type ratesInput struct {
	api.Paging
}

type rate struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

type bank struct {
	url  string
	paid atomic.Int64
	slow chan struct{}

	api     *api.API
	sending time.Duration // how long a body may take
	texts   map[string]map[string]string
}

func openBank(t *testing.T, db *store.DB) *bank { return openBankFor(t, db, 0) }

// openBankFor waits so long for bodies.
func openBankFor(t *testing.T, db *store.DB, sending time.Duration) *bank {
	t.Helper()
	b := &bank{sending: sending, texts: map[string]map[string]string{"en": texts(t, "en"), "ur": texts(t, "ur")}}
	ring, err := keys.New(db, keys.Options{Master: keystest.Master()})
	if err != nil {
		t.Fatal(err)
	}
	ring.Declare(keys.Purpose{Name: api.SealPurpose, Alg: keys.A256GCM})
	g := gate.New(db, gate.Options{})
	g.Room("bank", []byte(bankPolicy), []byte(bankSchema))
	a := api.New(db, g, api.Options{Base: "https://sarai.example", Title: "Sarai", Version: "1.2", Sending: b.sending, Sealer: ring})
	b.api = a
	a.Authenticator = func(r *http.Request) (gate.Principal, error) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !bearer:
			return gate.Principal{}, nil
		case token == "forged":
			return gate.Principal{}, fault.New(fault.Unauthenticated, "bank.token")
		}
		return gate.Principal{Kind: gate.Citizen, ID: token}, nil
	}
	a.Translate = func(lang, key string, args map[string]string) string {
		text, ok := b.texts[lang][key]
		if !ok {
			return key
		}
		for name, v := range args {
			text = strings.ReplaceAll(text, "{"+name+"}", v)
		}
		return text
	}
	load := func(_ context.Context, id string) (account, error) {
		if id != "a1" {
			return account{}, fault.New(fault.NotFound, "bank.no-account")
		}
		return account{id: id, owner: "ayesha"}, nil
	}
	api.Handle(a, api.Operation[accountInput, account]{
		Method: "GET", Path: "/api/bank/accounts/{id}", ID: "bank-account", Summary: "Read an account", Action: "bank.account.read",
		Load: func(ctx context.Context, in *accountInput) (account, error) { return load(ctx, in.ID) },
	}, func(_ context.Context, p gate.Permit[account], _ *accountInput) (*paid, error) {
		return &paid{Transfer: p.Resource().id + " of " + p.Who().ID}, nil
	})
	api.Handle(a, api.Operation[payInput, account]{
		Method: "POST", Path: "/api/bank/accounts/{id}/payments", ID: "bank-pay", Summary: "Pay somebody", Action: "bank.pay",
		Load:       func(ctx context.Context, in *payInput) (account, error) { return load(ctx, in.ID) },
		Idempotent: true, Status: http.StatusCreated, MaxBody: 2000,
	}, func(ctx context.Context, _ gate.Permit[account], in *payInput) (*paid, error) {
		if b.slow != nil {
			<-b.slow
		}
		switch in.Body.Payee {
		case "poor":
			b.paid.Add(1)
			return nil, fault.New(fault.Conflict, "bank.not-enough")
		case "down":
			b.paid.Add(1)
			return nil, fault.New(fault.Unavailable, "bank.down")
		case "broken":
			return nil, fmt.Errorf("the table of 6110112345671 is missing")
		case "panic":
			panic("a defect")
		}
		if api.CommandKey(ctx).String() == "" {
			t.Error("a command without a key")
		}
		return &paid{Transfer: fmt.Sprint("t", b.paid.Add(1)), Amount: in.Body.Amount, Serial: int64(9007199254740993), Lines: []string{"from <ayesha> & co."}}, nil
	})
	api.Handle(a, api.Operation[ratesInput, gate.House]{
		Method: "GET", Path: "/api/bank/rates", ID: "bank-rates", Summary: "Exchange rates", Action: "bank.rates",
	}, func(_ context.Context, _ gate.Permit[gate.House], in *ratesInput) (*struct{ Body *api.List[rate] }, error) {
		var after int64
		if _, err := in.After(&after); err != nil {
			return nil, err
		}
		var rows []rate
		for n := after + 1; n <= 5 && len(rows) < in.Fetch(); n++ {
			rows = append(rows, rate{fmt.Sprint("r", n), n})
		}
		return &struct{ Body *api.List[rate] }{api.NewList(in.Paging, rows, func(r rate) []any { return []any{r.N} })}, nil
	})
	if err := g.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ring.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// once is for what does not depend on the engine.
func once(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	test(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}))
}

func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	f, err := api.Texts.Open("texts/" + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := yaml.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	return m
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) problem(t *testing.T) api.Problem {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%d with %s: %s", a.status, got, a.body)
	}
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if p.Status != a.status || p.Title == "" || p.Code == "" || !strings.HasPrefix(p.Type, "https://sarai.example/api/docs#") || !strings.HasPrefix(p.Instance, "urn:uuid:") {
		t.Fatalf("a problem document without what RFC 9457 asks for: %s", a.body)
	}
	return p
}

func (b *bank) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, raw}
}

const pays = "/api/bank/accounts/a1/payments"

func TestACallFromEndToEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		got := b.call(t, "GET", "/api/bank/accounts/a1", "", "Authorization", "Bearer ayesha")
		if got.status != 200 || !strings.Contains(string(got.body), "a1 of ayesha") || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("headers: %v", got.header)
		}
		if p := b.call(t, "GET", "/api/bank/accounts/a1", "").problem(t); p.Status != 401 || p.Code != "gate.refused" {
			t.Fatalf("nobody: %+v", p)
		}
		if h := b.call(t, "GET", "/api/bank/accounts/a1", "").header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Bearer") {
			t.Fatalf("a 401 without a challenge: %q", h)
		}
		if p := b.call(t, "GET", "/api/bank/accounts/a1", "", "Authorization", "Bearer forged").problem(t); p.Status != 401 {
			t.Fatalf("a forged token: %+v", p)
		}
		p := b.call(t, "GET", "/api/bank/accounts/a1", "", "Authorization", "Bearer bilal").problem(t)
		if p.Status != 403 || len(p.Errors) != 1 || p.Errors[0].Code != "bank.only-the-owner" {
			t.Fatalf("somebody else's account: %+v", p)
		}
		if p := b.call(t, "GET", "/api/bank/accounts/a9", "", "Authorization", "Bearer bilal").problem(t); p.Status != 404 {
			t.Fatalf("no account: %+v", p)
		}
		if p := b.call(t, "GET", "/api/bank/nothing", "").problem(t); p.Status != 404 {
			t.Fatalf("no such path: %+v", p)
		}
		wrong := b.call(t, "DELETE", "/api/bank/rates", "")
		if p := wrong.problem(t); p.Status != 405 || !strings.Contains(wrong.header.Get("Allow"), "GET") {
			t.Fatalf("no such method: %+v %v", p, wrong.header)
		}
	})
}

func TestRequestsThatAreNotAccepted(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		good := `{"amount":500,"payee":"bilal"}`
		key := []string{"Authorization", "Bearer ayesha", "Idempotency-Key", "0123456789abcdef-1"}
		for _, c := range []struct {
			name, body string
			headers    []string
			status     int
			code       string
			place      string // pointer or parameter
			placeCode  string
		}{
			{"an unknown field", `{"amount":1,"payee":"bilal","memo":"x"}`, nil, 422, "api.invalid", "#/memo", "api.field.unknown"},
			{"a field in other letters", `{"Amount":1,"payee":"bilal"}`, nil, 422, "api.invalid", "#/amount", "api.field.required"},
			{"a missing field", `{"amount":1}`, nil, 422, "api.invalid", "#/payee", "api.field.required"},
			{"a word for a number", `{"amount":"6110112345671","payee":"bilal"}`, nil, 422, "api.invalid", "#/amount", "api.field.integer"},
			{"half a paisa", `{"amount":0.5,"payee":"bilal"}`, nil, 422, "api.invalid", "#/amount", "api.field.integer"},
			{"nothing to pay", `{"amount":0,"payee":"bilal"}`, nil, 422, "api.invalid", "#/amount", "api.field.at-least"},
			{"too short a name", `{"amount":1,"payee":"x"}`, nil, 422, "api.invalid", "#/payee", "api.field.longer"},
			{"deep inside", `{"amount":1,"payee":"bilal","lines":[{"text":"a"},{"text":""}]}`, nil, 422, "api.invalid", "#/lines/1/text", "api.field.longer"},
			{"no body", ``, nil, 400, "api.body-missing", "", ""},
			{"broken JSON", `{"amount":`, nil, 400, "api.json", "", ""},
			{"two values", good + good, nil, 400, "api.json-more", "", ""},
			{"a name twice", `{"amount":1,"amount":2,"payee":"bilal"}`, nil, 400, "api.json-twice", "#/amount", "api.json-twice"},
			{"not UTF-8", "{\"amount\":1,\"payee\":\"bi\xfflal\"}", nil, 400, "api.json-utf8", "", ""},
			{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), nil, 400, "api.json-deep", "", ""},
			{"too large", `{"amount":1,"payee":"` + strings.Repeat("x", 3000) + `"}`, nil, 413, "api.body-too-large", "", ""},
			{"a form", "amount=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "api.content-type", "", ""},
			{"no content type", good, []string{"Content-Type", ""}, 415, "api.content-type", "", ""},
			{"another charset", good, []string{"Content-Type", "application/json; charset=latin1"}, 415, "api.charset", "", ""},
			{"no key", good, []string{"Idempotency-Key", ""}, 400, "api.idempotency-key", "header.Idempotency-Key", "api.idempotency-key"},
			{"too short a key", good, []string{"Idempotency-Key", "1"}, 400, "api.idempotency-key", "header.Idempotency-Key", "api.idempotency-key"},
			{"another site with our cookie", good, []string{"Authorization", "", "Sec-Fetch-Site", "cross-site"}, 403, "api.cross-origin", "", ""},
			{"another site with our cookie and a made-up scheme", good, []string{"Authorization", "Basic eDp5", "Sec-Fetch-Site", "cross-site"}, 403, "api.cross-origin", "", ""},
			{"an answer we do not give", good, []string{"Accept", "application/xml"}, 406, "api.accept", "", ""},
			{"a defect", `{"amount":1,"payee":"broken"}`, nil, 500, "fault.internal", "", ""},
			{"a panic", `{"amount":1,"payee":"panic"}`, nil, 500, "fault.internal", "", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				got := b.call(t, "POST", pays, c.body, append(append([]string{}, key...), c.headers...)...)
				p := got.problem(t)
				if p.Status != c.status || p.Code != c.code {
					t.Fatalf("got %s", got.body)
				}
				if c.place != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer+p.Errors[0].Parameter != c.place || p.Errors[0].Code != c.placeCode) {
					t.Fatalf("got %s", got.body)
				}
				if bytes.Contains(got.body, []byte("6110112345671")) {
					t.Fatalf("a value of the request or the cause is in the answer: %s", got.body)
				}
				if strings.Contains(string(got.body), "\\u001f") || strings.Contains(p.Detail, "{") {
					t.Fatalf("an unfinished sentence: %s", got.body)
				}
				for _, e := range p.Errors {
					if e.Detail == e.Code {
						t.Errorf("no text for %s", e.Code)
					}
				}
			})
		}
		if p := b.call(t, "GET", "/api/bank/rates?colour=red", "").problem(t); p.Status != 422 || p.Errors[0].Parameter != "query.colour" {
			t.Fatalf("an unknown parameter: %+v", p)
		}
		if p := b.call(t, "GET", "/api/bank/rates", "{}").problem(t); p.Status != 400 || p.Code != "api.body-unexpected" {
			t.Fatalf("a body nobody asked for: %+v", p)
		}
	})
}

func TestProblemsSpeakTheReadersLanguage(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		for accept, want := range map[string]string{
			"": "en", "ur": "ur", "ur-PK,en;q=0.5": "ur", "fr": "en", "de-DE, ur;q=0.3": "ur", "en-GB": "en", "%%%": "en",
		} {
			p := b.call(t, "GET", "/api/bank/rates?limit=0", "", "Accept-Language", accept).problem(t)
			if p.Title != b.texts[want]["api.problem.invalid"] || p.Errors[0].Detail != strings.ReplaceAll(b.texts[want]["api.field.at-least"], "{want}", "1") {
				t.Errorf("%q is answered with %q, %q", accept, p.Title, p.Errors[0].Detail)
			}
		}
	})
}

func TestACommandIsAnsweredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		pay := func(key, who, body string) answer {
			return b.call(t, "POST", pays, body, "Authorization", "Bearer "+who, "Idempotency-Key", key)
		}
		good := `{"amount":500,"payee":"bilal"}`
		first := pay("0123456789abcdef", "ayesha", good)
		again := pay("0123456789abcdef", "ayesha", good)
		if first.status != 201 || again.status != 201 || !bytes.Equal(first.body, again.body) {
			t.Fatalf("%d %s then %d %s", first.status, first.body, again.status, again.body)
		}
		if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" || b.paid.Load() != 1 {
			t.Fatalf("paid %d times", b.paid.Load())
		}
		if p := pay("0123456789abcdef", "ayesha", `{"amount":501,"payee":"bilal"}`).problem(t); p.Status != 422 || p.Code != "api.idempotency-reused" {
			t.Fatalf("another payment under the key: %+v", p)
		}
		if pay("0123456789abcdef", "bilal", good).status != 403 {
			t.Fatal("a key opened somebody else's answer")
		}
		// a refusal that states a fact is the answer, too
		for range 2 {
			if p := pay("refused-refused-1", "ayesha", `{"amount":5,"payee":"poor"}`).problem(t); p.Status != 409 || p.Code != "bank.not-enough" {
				t.Fatalf("%+v", p)
			}
		}
		if b.paid.Load() != 2 {
			t.Fatalf("the refused command ran again: %d", b.paid.Load())
		}
		// what failed for want of a dependency may be tried again under its key
		for range 2 {
			if p := pay("down-down-down-1", "ayesha", `{"amount":5,"payee":"down"}`).problem(t); p.Status != 503 {
				t.Fatalf("%+v", p)
			}
		}
		if b.paid.Load() != 4 {
			t.Fatalf("the failed command did not run again: %d", b.paid.Load())
		}
	})
}

func TestTheSameCommandAtOnceRunsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		b.slow = make(chan struct{})
		var wg sync.WaitGroup
		var created, running atomic.Int64
		for range 8 {
			wg.Go(func() {
				got := b.call(t, "POST", pays, `{"amount":500,"payee":"bilal"}`, "Authorization", "Bearer ayesha", "Idempotency-Key", "at-once-at-once-1")
				switch got.status {
				case 201:
					created.Add(1)
				case 409:
					running.Add(1)
					if running.Load() == 7 {
						close(b.slow)
					}
				default:
					t.Errorf("%d %s", got.status, got.body)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || running.Load() != 7 || b.paid.Load() != 1 {
			t.Fatalf("%d answers, %d told to wait, %d payments", created.Load(), running.Load(), b.paid.Load())
		}
	})
}

func TestPages(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		b := openBank(t, db)
		var names []string
		path := "/api/bank/rates?limit=2"
		for range 4 {
			got := b.call(t, "GET", path, "")
			var page api.List[rate]
			if err := json.Unmarshal(got.body, &page); err != nil || got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			for _, r := range page.Items {
				names = append(names, r.Name)
			}
			if page.Next == "" {
				break
			}
			path = "/api/bank/rates?limit=2&cursor=" + page.Next
		}
		if strings.Join(names, " ") != "r1 r2 r3 r4 r5" {
			t.Fatalf("read %v", names)
		}
		for _, bad := range []string{"zzz", "W251bGxd", "WyJhIl0", "%00", "WzEsMl0"} {
			if p := b.call(t, "GET", "/api/bank/rates?cursor="+bad, "").problem(t); p.Status != 422 || p.Code != "api.cursor" || p.Errors[0].Parameter != "query.cursor" {
				t.Errorf("cursor %s: %+v", bad, p)
			}
		}
	})
}
