package browser

import (
	"fmt"
	"strings"
)

// service: find the certificate, apply by consent, question by question.
func (w *Walk) service() {
	me := w.person("newcomer")
	me.Open("/services")
	me.Look("services")
	me.Open("/services?q=zzzz")
	me.Look("services-none")
	me.Open("/applications")
	me.Look("applications-none")
	me.Open("/documents")
	me.Look("documents-none")
	me.Open("/services/domicile")
	me.Look("service")
	me.applyFor("domicile", residence(w.who.phone), true)
}

// applyFor applies for a service up to its fee. It looks at every page, and at
// what each kind of question says when it is sent empty.
func (p *Person) applyFor(service string, answers map[string]string, empty bool) {
	w := p.walk
	p.Press(`main form[action="/services/` + service + `/start"] button`)
	for range 30 {
		at := p.path()
		rest, ok := strings.CutPrefix(at, "/applications/")
		ref, rest, _ := strings.Cut(rest, "/")
		question, asking := strings.CutPrefix(rest, "q/")
		switch {
		case w.err != nil:
			return
		case strings.HasPrefix(at, "/pay/"):
			w.pay = at
			p.Look("pay")
			return
		case ok && rest == "consent":
			w.application = ref
			p.Look("consent")
			p.Send(at, map[string]string{"consent": "yes"})
		case ok && asking:
			p.Look("question-" + question)
			if empty {
				p.Send(at, map[string]string{"phone": "12"})
				if p.path() == at {
					p.Look("question-" + question + "-empty")
				}
			}
			if p.path() == at {
				p.Send(at, answers)
			}
		case ok && rest == "check":
			p.Look("check")
			p.Press(`main form[action="/applications/` + ref + `/submit"] button`)
		default:
			w.fail(fmt.Errorf("the application leads to %s", at))
		}
	}
	w.fail(fmt.Errorf("the application does not end"))
}

// payFee pays from the page with the code on.
func (p *Person) payFee() {
	p.Press(`main a[href^="/wallet/pay?fee="]`)
	p.Look("wallet-pay")
	p.Send("/wallet/pay", nil)
	p.Look("wallet-confirm")
	p.Send(p.path(), nil)
	if phase := p.attr("#payment", "data-phase"); p.walk.err == nil && phase != "committed" {
		p.walk.fail(fmt.Errorf("the payment is %q", phase))
	}
	p.Look("payment")
}

// payment: open a wallet, put money in, pay the code.
func (w *Walk) payment() {
	me := w.person("newcomer")
	me.Open("/wallet")
	me.Look("wallet-none")
	me.Open("/wallet/open")
	me.Look("wallet-open")
	me.Send("/wallet/open", nil)
	me.Look("wallet-open-empty")
	bank := me.attr(`input[name="participant"]`, "value")
	me.Send("/wallet/open", map[string]string{"participant": bank, "consent": "yes"})
	me.Open("/wallet")
	me.Press(`form[action$="/cash-in"] button`)
	me.Open("/wallet")
	me.Look("wallet")
	me.Open("/wallet/pay")
	me.Look("wallet-pay-anybody")
	me.Open("/wallet/receive")
	me.Look("wallet-receive")

	me.Open(w.pay)
	me.payFee()
	me.Open(w.pay)
	me.Look("pay-paid")
	me.Open("/applications/" + w.application + "/sent")
	me.Look("sent")
	me.Open("/applications/" + w.application)
	me.Look("tracking")
	me.Open("/applications")
	me.Look("applications")
}
