package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// theService is what the journey applies for.
const theService = "domicile"

// service is step 4: apply for the certificate, question by question.
func (w *Walk) service(ctx context.Context) ([]string, error) {
	if w.state.pay != "" {
		return []string{"sent already as " + w.state.application}, nil
	}
	p, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	asked := 0
	for range 30 {
		ref, rest := within(p.URL.Path)
		if ref != "" {
			w.state.application = ref
		}
		switch {
		case rest == "consent":
			if p, err = submit(ctx, w.me, p, p.Form("/consent").Set("consent", "yes")); err != nil {
				return nil, err
			}
		case strings.HasPrefix(rest, "q/"):
			asked++
			f := p.Form("/" + rest)
			if f == nil {
				return nil, fmt.Errorf("a question without a form: %s", said(p))
			}
			w.reply(f)
			if p, err = submit(ctx, w.me, p, f); err != nil {
				return nil, err
			}
		case rest == "check":
			if text := p.Text(); !strings.Contains(text, w.who.nameEn) && !strings.Contains(text, w.who.nameUr) {
				return nil, fmt.Errorf("nothing known was filled in: %s", said(p))
			}
			if p, err = submit(ctx, w.me, p, p.Form("/submit")); err != nil {
				return nil, err
			}
		case strings.HasPrefix(p.URL.Path, "/pay/"):
			w.state.pay = p.URL.Path
			w.state.fee = p.Data("data-fee")
			return []string{
				fmt.Sprintf("application %s sent: known data filled in by consent, %d questions asked one at a time", w.state.application, asked),
			}, nil
		default:
			if link := p.Link("/pay/"); link != "" {
				if p, err = get(ctx, w.me, link); err != nil {
					return nil, err
				}
				continue
			}
			return nil, fmt.Errorf("the application leads to %s", said(p))
		}
	}
	return nil, errors.New("the application does not end")
}

// begin opens an application for the service, or goes back to the one that was
// begun.
func (w *Walk) begin(ctx context.Context) (*Page, error) {
	if w.state.application != "" {
		return get(ctx, w.me, "/applications/"+w.state.application)
	}
	p, err := get(ctx, w.me, "/services/"+theService)
	if err != nil {
		return nil, err
	}
	if link := p.Link("/applications/"); link != "" {
		return get(ctx, w.me, link) // cut off after the house had begun it
	}
	return submit(ctx, w.me, p, p.Form("/services/"+theService+"/start"))
}

// within splits /applications/{ref}/{rest}.
func within(path string) (ref, rest string) {
	rest, ok := strings.CutPrefix(path, "/applications/")
	if !ok {
		return "", ""
	}
	ref, rest, _ = strings.Cut(rest, "/")
	return ref, rest
}

// reply answers a question of a service by what its fields are called, else by
// the first thing it offers.
func (w *Walk) reply(f *Form) {
	said := map[string]string{
		"resident_since-day": "14", "resident_since-month": "8", "resident_since-year": "2015",
		"home": "own", "other": "no", "purpose": "admission", "phone": w.who.phone,
	}
	for _, name := range f.Fields() {
		options := f.Options(name)
		switch v, ok := said[name]; {
		case ok && (len(options) == 0 || contains(options, v)):
			f.Set(name, v)
		case len(options) > 0 && f.Value(name) == "":
			f.Set(name, options[0])
		case f.Value(name) == "":
			f.Set(name, "Islamabad")
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// payment is step 5: open a wallet, put money in, pay the code, and be refused
// when paying it twice.
func (w *Walk) payment(ctx context.Context) ([]string, error) {
	p, err := get(ctx, w.me, w.state.pay)
	if err != nil {
		return nil, err
	}
	code := p.Data("data-code")
	paid := p.Data("data-phase") == "paid"
	if !paid || w.state.order != "" && w.state.transfer == "" {
		if !paid && !strings.HasPrefix(code, "000201") {
			return nil, fmt.Errorf("the page shows no EMV code: %s", said(p))
		}
		if !paid {
			if err := w.openWallet(ctx); err != nil {
				return nil, err
			}
		}
		if p, err = w.pay(ctx); err != nil {
			return nil, err
		}
		if phase := p.Data("data-phase"); phase != "committed" {
			return nil, fmt.Errorf("the payment is %q: %s", phase, said(p))
		}
		if p.Link("/applications/"+w.state.application) == "" {
			return nil, fmt.Errorf("the payment does not lead back to the application: %s", said(p))
		}
		w.state.transfer = p.Data("data-transfer")
	}
	lines := []string{}
	if w.state.transfer != "" {
		receipt, err := w.proof(ctx, w.me, "/wallet/payment/"+w.state.transfer+"/receipt")
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("paid by an instant transfer between two banks, payment %s", w.state.transfer), receipt)
	}
	if err := w.payTwice(ctx); err != nil {
		return nil, err
	}
	return append(lines, "the same code cannot be paid twice"), nil
}

func (w *Walk) openWallet(ctx context.Context) error {
	p, err := get(ctx, w.me, "/wallet")
	if err != nil {
		return err
	}
	f := p.Form("/wallet/open")
	if f == nil && p.Link("/wallet/open") != "" && p.Form("/cash-in") == nil {
		if p, err = get(ctx, w.me, "/wallet/open"); err != nil {
			return err
		}
		f = p.Form("/wallet/open")
	}
	if f != nil {
		banks := f.Options("participant")
		if len(banks) == 0 {
			return fmt.Errorf("no bank to choose: %s", said(p))
		}
		if _, err = submit(ctx, w.me, p, f.Set("participant", banks[len(banks)-1]).Set("consent", "yes")); err != nil {
			return err
		}
	}
	if w.state.cash == nil {
		if p, err = get(ctx, w.me, "/wallet"); err != nil {
			return err
		}
		w.state.cash = &sheet{p, p.Form("/cash-in")}
	}
	_, err = submit(ctx, w.me, w.state.cash.page, w.state.cash.form)
	return err
}

// pay writes the order and confirms it. An order that was written is opened
// again: it leads to its payment if that was made.
func (w *Walk) pay(ctx context.Context) (*Page, error) {
	address := "/wallet/pay?fee=" + url.QueryEscape(w.state.fee)
	if w.state.order != "" {
		address = w.state.order
	}
	p, err := get(ctx, w.me, address)
	if err != nil {
		return nil, err
	}
	if w.state.order == "" {
		if p, err = submit(ctx, w.me, p, p.FormTo("/wallet/pay")); err != nil {
			return nil, err
		}
		w.state.order = p.URL.Path
	}
	f := p.Form("/wallet/pay/")
	if f == nil {
		return p, nil
	}
	return submit(ctx, w.me, p, f)
}

// payTwice tries to pay the same fee again and expects to be refused.
func (w *Walk) payTwice(ctx context.Context) error {
	p, err := w.me.Get(ctx, "/wallet/pay?fee="+url.QueryEscape(w.state.fee))
	if err != nil {
		return err
	}
	if f := p.FormTo("/wallet/pay"); f != nil && p.Status == http.StatusOK {
		if p, err = w.me.Submit(ctx, p, f); err != nil {
			return err
		}
		if f := p.Form("/wallet/pay/"); f != nil && p.Status == http.StatusOK {
			if p, err = w.me.Submit(ctx, p, f); err != nil {
				return err
			}
		}
	}
	if again := p.Data("data-transfer"); p.Status == http.StatusOK && again != "" && again != w.state.transfer && p.Data("data-phase") == "committed" {
		return fmt.Errorf("the fee was paid twice: %s", said(p))
	}
	return nil
}

// office is step 6: the file moves over three posts with signed notes, and the
// board shows each movement.
func (w *Walk) office(ctx context.Context) ([]string, error) {
	var slowest time.Duration
	for i, d := range desks {
		took, err := w.atDesk(ctx, d, i == len(desks)-1)
		if err != nil {
			return nil, fmt.Errorf("at the desk of %s: %w", d.persona, err)
		}
		slowest = max(slowest, took)
	}
	lines := []string{fmt.Sprintf("file %s moved over %d posts with signed, numbered notes, and was approved", w.state.number, len(desks))}
	if slowest > 0 {
		lines = append(lines, fmt.Sprintf("the board showed each movement within %d ms", slowest.Milliseconds()))
	}
	return lines, nil
}

// desk is a post the file passes, with who holds it in a demonstration and what
// is noted there. No two desks write the same: so it shows who has written.
type desk struct{ persona, post, note string }

var desks = []desk{
	{"rashid", "icta.dc.diary", "Received and entered in the diary."},
	{"saima", "icta.dc.assistant", "The papers are complete and agree with the register."},
	{"kamran", "icta.dc.ac", "Residence since 2015 is shown. Approval is proposed."},
	{"farah", "icta.dc.dc", "Seen, and found in order."},
}

// atDesk notes on the file and sends it on, or decides it. It gives how long
// the board took to show the movement.
func (w *Walk) atDesk(ctx context.Context, d desk, last bool) (time.Duration, error) {
	b, err := w.as(ctx, d.persona)
	if err != nil {
		return 0, err
	}
	var p *Page
	if w.state.file == "" {
		err = until(ctx, "the file to arrive", func() (bool, error) {
			if p, err = get(ctx, b, "/office"); err != nil {
				return false, err
			}
			for _, id := range p.IDs("f-") {
				file, err := get(ctx, b, "/office/file/"+id)
				if err != nil {
					return false, err
				}
				if strings.Contains(file.Text(), w.state.application) {
					w.state.file = id
					return true, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return 0, err
		}
	}
	address := "/office/file/" + w.state.file
	if p, err = get(ctx, b, address); err != nil {
		return 0, err
	}
	w.state.number = p.Data("data-number")
	if p.Data("data-state") != "open" || p.Data("data-holder") != d.post {
		return 0, nil // it has gone on before this walk was cut off
	}
	if note := p.Form("/note"); note != nil && note.Has("body") && !strings.Contains(p.TextOf("para-"), d.note) { // a receipt clerk sends on without a note
		note.Set("body", d.note+" "+w.state.application)
		if p, err = submit(ctx, b, p, note, "do=sign"); err != nil {
			return 0, err
		}
	}
	if w.state.notes, err = strconv.Atoi(p.Data("data-paras")); err != nil {
		return 0, fmt.Errorf("the file does not count its notes: %s", said(p))
	}
	if last {
		if p, err = get(ctx, b, address+"/decide"); err != nil {
			return 0, err
		}
		_, err = submit(ctx, b, p, p.Form("/decide").Set("outcome", "approved").Set("reason", "The applicant lives in the district."))
		w.state.decided = err == nil
		return 0, err
	}
	board, err := listen(ctx, b, "/live/office?key=icta.dc")
	if err != nil {
		return 0, err
	}
	defer board.stop()
	began := time.Now()
	forward := p.Form("/forward")
	if forward == nil {
		return 0, fmt.Errorf("the file cannot be sent on: %s", said(p))
	}
	if _, err = submit(ctx, b, p, forward); err != nil {
		return 0, err
	}
	seen, err := board.waitFor(ctx, w.state.file)
	return seen.Sub(began), err
}
