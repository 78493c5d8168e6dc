package journey

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sarai/courtyard/tlog"
)

// Options say where a journey is walked.
type Options struct {
	Server string // base address of a demonstration or of a house whose personas can sign in
	Lang   string // "en" or "ur"
	Keep   string // folder for receipts, certificate and credentials; nothing is kept when empty
	Seed   uint64 // the applicant follows from it; 0 takes a random one
}

// Walk is one citizen on the way through the house, with everybody the citizen
// needs. A walk is for one goroutine.
type Walk struct {
	o        Options
	me       *Browser // the citizen
	who      applicant
	others   map[string]*Browser // personas
	key      *authenticator
	logKeys  []string
	state    state
	receipts int
}

// state is what later steps need of earlier ones. It also says how far the walk
// has come, so that a step that was cut off can be walked again.
type state struct {
	reference   string    // of the application for an identity
	back        [2]string // reference and code to come back with on another telephone
	moved       bool      // the other telephone has the application
	passkey     bool      // the passkey is registered for certain
	application string    // reference of the application for the certificate
	fee, pay    string
	cash        *sheet // money put in: sent again as it was, it counts once
	order       string // page on which the payment is confirmed
	transfer    string
	file        string
	number      string // of the file
	notes       int    // signed notes on it
	decided     bool
	document    string
	collecting  map[string]bool // offers a wallet has begun to collect
	token       string          // of the public proof
	incident    string
}

// sheet is a form as it was filled in on a page.
type sheet struct {
	page *Page
	form *Form
}

// Facts are what the house has acknowledged to a walk so far: none of it may
// ever be lost, or be there twice. What has not been reached is empty.
type Facts struct {
	Reference   string // application for an identity
	Application string // application for the certificate
	Fee         string // id of the fee once it is asked
	Transfer    string // the payment's id
	File        string // the office file's id
	Number      string // the file's number
	Notes       int    // signed notes on the file
	Decided     bool
	Document    string // the certificate's id
	Token       string // its public proof
	Incident    string
}

// Facts gives what has been acknowledged until now.
func (w *Walk) Facts() Facts {
	s := w.state
	return Facts{Reference: s.reference, Application: s.application, Fee: s.fee, Transfer: s.transfer, File: s.file, Number: s.number, Notes: s.notes,
		Decided: s.decided, Document: strings.TrimPrefix(s.document, "/documents/"), Token: s.token, Incident: strings.TrimPrefix(s.incident, "/cert/incident/")}
}

// Step is one of the nine.
type Step struct {
	Number int
	Name   string
	// Walk walks the step and gives its proof in lines. An error says what did
	// not hold. Walking it again goes on where it was cut off.
	Walk func(ctx context.Context) ([]string, error)
}

// New begins a walk.
func New(o Options) (*Walk, error) {
	if _, err := url.Parse(o.Server); err != nil {
		return nil, fmt.Errorf("journey: %w", err)
	}
	if o.Lang == "" {
		o.Lang = "en"
	}
	if o.Keep != "" {
		if err := os.MkdirAll(o.Keep, 0o700); err != nil {
			return nil, err
		}
	}
	who := someone(o.Seed)
	return &Walk{o: o, who: who, me: NewBrowser(o.Server, o.Lang), others: map[string]*Browser{}, key: newAuthenticator(o.Server),
		state: state{collecting: map[string]bool{}}}, nil
}

// Steps are the nine steps in their order.
func (w *Walk) Steps() []Step {
	return []Step{
		{1, "Identity", w.identity}, {2, "Card", w.card}, {3, "Sign-in", w.signIn}, {4, "Service", w.service}, {5, "Payment", w.payment},
		{6, "Office", w.office}, {7, "Outcome", w.outcome}, {8, "Watch", w.watch}, {9, "Dashboard", w.dashboard},
	}
}

// Citizen is the browser of the one who walks.
func (w *Walk) Citizen() *Browser { return w.me }

// as is a persona's browser, signed in.
func (w *Walk) as(ctx context.Context, persona string) (*Browser, error) {
	if b := w.others[persona]; b != nil {
		return b, nil
	}
	b := NewBrowser(w.o.Server, w.o.Lang)
	p, err := b.PostForm(ctx, "/demo/sign-in", url.Values{"persona": {persona}})
	if err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK {
		return nil, fmt.Errorf("%s cannot sign in: %s", persona, said(p))
	}
	w.others[persona] = b
	return b, nil
}

// said is what a page says, in short, for errors.
func said(p *Page) string {
	text := p.Text()
	if len(text) > 600 {
		text = text[:600] + " ..."
	}
	return fmt.Sprintf("%d at %s: %s", p.Status, p.URL.Path, text)
}

// get opens a page and expects it to be there.
func get(ctx context.Context, b *Browser, address string) (*Page, error) {
	p, err := b.Get(ctx, address)
	if err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK {
		return nil, fmt.Errorf("open %s: %s", address, said(p))
	}
	return p, nil
}

// submit sends a form and expects the next page.
func submit(ctx context.Context, b *Browser, p *Page, f *Form, button ...string) (*Page, error) {
	if f == nil {
		return nil, fmt.Errorf("there is no form: %s", said(p))
	}
	next, err := b.Submit(ctx, p, f, button...)
	if err != nil {
		return nil, err
	}
	if next.Status != http.StatusOK {
		return nil, fmt.Errorf("send %s: %s", f.Action, said(next))
	}
	return next, nil
}

// until asks again and again, for at most as long as a person would wait.
func until(ctx context.Context, what string, ask func() (bool, error)) error {
	limit := time.Now().Add(30 * time.Second)
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("waited 30 seconds in vain for %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// proof checks a receipt without the server's help, keeps it, and says what it
// proves. The log's key is taken from the log's page once: a demonstration has
// no better place.
func (w *Walk) proof(ctx context.Context, b *Browser, address string) (string, error) {
	if w.logKeys == nil {
		page, err := get(ctx, b, "/log/")
		if err != nil {
			return "", err
		}
		_, list, ok := strings.Cut(string(page.Body), "Verifier keys:")
		if !ok {
			return "", fmt.Errorf("the log does not name its keys: %s", said(page))
		}
		w.logKeys = strings.Fields(list)
	}
	p, err := get(ctx, b, address)
	if err != nil {
		return "", err
	}
	proof, err := tlog.Verify(p.Body, w.logKeys...)
	if err != nil {
		return "", fmt.Errorf("the receipt at %s does not hold: %w", address, err)
	}
	w.receipts++
	if err := w.keep(fmt.Sprintf("receipt-%d.tlog-proof", w.receipts), p.Body); err != nil {
		return "", err
	}
	return fmt.Sprintf("receipt holds offline: %s is entry %d of %d", proof.Event.Type, proof.Index, proof.Size), nil
}

func (w *Walk) keep(name string, body []byte) error {
	if w.o.Keep == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(w.o.Keep, name), body, 0o600)
}
