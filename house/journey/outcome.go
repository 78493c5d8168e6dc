package journey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// outcome is step 7: the signed certificate, the credential, the public proof.
func (w *Walk) outcome(ctx context.Context) ([]string, error) {
	var p *Page
	err := until(ctx, "the certificate", func() (bool, error) {
		list, err := get(ctx, w.me, "/documents")
		if err != nil {
			return false, err
		}
		links := list.Links("/documents/")
		if len(links) == 0 {
			return false, nil
		}
		p, err = get(ctx, w.me, links[0])
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	w.state.document = p.URL.Path
	pdf, err := get(ctx, w.me, w.state.document+"/pdf")
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(pdf.Body, []byte("%PDF-")) || !bytes.Contains(pdf.Body, []byte("ETSI.CAdES.detached")) {
		return nil, errors.New("the certificate is no PDF with a PAdES signature")
	}
	if err := w.keep("certificate.pdf", pdf.Body); err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("the certificate is a PDF of %d kB with a PAdES signature", len(pdf.Body)/1000)}

	offer := p.Link("/credentials/offer/")
	if offer == "" {
		return nil, fmt.Errorf("the document offers no credential: %s", said(p))
	}
	offered, err := get(ctx, w.me, offer)
	if err != nil {
		return nil, err
	}
	c, err := w.collect(ctx, offered)
	if err != nil {
		return nil, err
	}
	if c == nil {
		lines = append(lines, "the wallet was cut off when it was given the credential, and the offer is not good for a second one")
	} else {
		lines = append(lines, fmt.Sprintf("the wallet holds %s", c.Configuration))
	}

	// A third person, who is not signed in, has only what the code says.
	proof := p.Link("/verify/")
	if proof == "" {
		return nil, fmt.Errorf("the document leads to no public proof: %s", said(p))
	}
	u, err := url.Parse(proof)
	if err != nil {
		return nil, err
	}
	w.state.token = strings.TrimPrefix(u.Path, "/verify/")
	stranger := NewBrowser(w.o.Server, w.o.Lang)
	public, err := get(ctx, stranger, u.Path)
	if err != nil {
		return nil, err
	}
	if strings.Contains(public.Text(), strings.ReplaceAll(w.who.number, "-", "")) || strings.Contains(public.Text(), w.who.number) {
		return nil, errors.New("the public page shows the national number")
	}
	receipt, err := w.proof(ctx, stranger, u.Path+"/receipt")
	if err != nil {
		return nil, err
	}
	return append(lines, "a stranger sees it is valid at "+u.Path, receipt), nil
}

// watch is step 8: who looked at the citizen's data, and a burst of failed
// sign-ins that becomes an incident with its clock.
func (w *Walk) watch(ctx context.Context) ([]string, error) {
	p, err := get(ctx, w.me, "/identity/accesses")
	if err != nil {
		return nil, err
	}
	looks := strings.Count(string(p.Body), "<tr") - 1
	// Two who decided on the identity, the card's wallet, the service, the bank
	// of the new account, and the four desks the file went over.
	if looks < 9 {
		return nil, fmt.Errorf("only %d readings are shown, not 9: %s", looks, said(p))
	}
	zara, err := w.as(ctx, "zara")
	if err != nil {
		return nil, err
	}
	before, err := w.alerts(ctx, zara)
	if err != nil {
		return nil, err
	}
	found, ok := before.raised()
	if !ok {
		if err := w.burst(ctx); err != nil {
			return nil, err
		}
		// A burst raises an alert, or goes on with the one that is being looked into.
		if err := until(ctx, "an alert about failed sign-ins", func() (bool, error) {
			now, err := w.alerts(ctx, zara)
			if err != nil {
				return false, err
			}
			if found, ok = now.raised(); !ok {
				found, ok = now.grown(before)
			}
			return ok, nil
		}); err != nil {
			return nil, err
		}
	}
	if found.Incident != "" {
		p, err = get(ctx, zara, "/cert/incident/"+found.Incident)
	} else if p, err = get(ctx, zara, "/cert/alert/"+found.ID); err == nil {
		f := p.Form("/incident")
		if f == nil {
			return nil, fmt.Errorf("no incident can be opened: %s", said(p))
		}
		p, err = submit(ctx, zara, p, f.Set("title", "Burst of failed sign-ins").Set("severity", "medium"))
	}
	if err != nil {
		return nil, err
	}
	w.state.incident = p.URL.Path
	if len(p.IDs("cert-progress")) == 0 {
		return nil, fmt.Errorf("the incident shows no clock: %s", said(p))
	}
	return []string{
		fmt.Sprintf("the citizen sees %d readings of personal data with who, when and why", looks),
		"a burst of failed sign-ins raised an alert; an analyst opened an incident and its 24 hour clock runs",
	}, nil
}

type alert struct {
	ID       string `json:"id"`
	Rule     string `json:"rule"`
	State    string `json:"state"`
	Incident string `json:"incident"`
	Events   int    `json:"events"`
}

type alerts []alert

// raised is one nobody has taken up yet.
func (l alerts) raised() (alert, bool) {
	for _, a := range l {
		if a.State == "raised" {
			return a, true
		}
	}
	return alert{}, false
}

// grown is one with an incident that has more events than before.
func (l alerts) grown(before alerts) (alert, bool) {
	for _, a := range l {
		for _, b := range before {
			if a.ID == b.ID && a.Incident != "" && a.Events > b.Events {
				return a, true
			}
		}
	}
	return alert{}, false
}

func (w *Walk) alerts(ctx context.Context, analyst *Browser) (alerts, error) {
	p, err := get(ctx, analyst, "/api/cert/alerts")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items alerts `json:"items"`
	}
	return list.Items, json.Unmarshal(p.Body, &list)
}

// burst fails to sign in a dozen times, with a passkey nobody registered.
func (w *Walk) burst(ctx context.Context) error {
	thief := newAuthenticator(w.o.Server)
	thief.dev.Options.UserHandle = []byte("nobody")
	for range 12 {
		b := NewBrowser(w.o.Server, w.o.Lang)
		p, err := get(ctx, b, "/sign-in")
		if err != nil {
			return err
		}
		f := p.Form("/oidc/sign-in")
		if f == nil {
			return fmt.Errorf("no passkey is asked for: %s", said(p))
		}
		if err := thief.answer(f); err != nil {
			return err
		}
		if p, err = b.Submit(ctx, p, f); err != nil {
			return err
		}
		if !strings.HasPrefix(p.URL.Path, "/oidc/") {
			return fmt.Errorf("a passkey nobody registered was let in: %s", said(p))
		}
	}
	return nil
}

// dashboard is step 9: the Commission's page.
func (w *Walk) dashboard(ctx context.Context) ([]string, error) {
	imran, err := w.as(ctx, "imran")
	if err != nil {
		return nil, err
	}
	p, err := get(ctx, imran, "/observatory")
	if err != nil {
		return nil, err
	}
	links := p.Links("/observatory/")
	seen := map[string]bool{}
	for _, l := range links {
		u, err := url.Parse(l)
		if err != nil || seen[u.Path] || strings.HasSuffix(u.Path, ".csv") {
			continue
		}
		seen[u.Path] = true
		if _, err := get(ctx, imran, u.Path); err != nil {
			return nil, err
		}
	}
	if len(seen) < 4 {
		return nil, fmt.Errorf("the Commission's page shows %d indicators: %s", len(seen), said(p))
	}
	return []string{fmt.Sprintf("the Commission sees %d indicators, and each opens its rows", len(seen))}, nil
}
