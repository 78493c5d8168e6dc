package browser

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Money walks what two people and the rail's operator do with money: Ayesha asks,
// Bilal pays; Ayesha pays at Bilal's till, which turns green; he pays a part back;
// she disputes the rest and the operator decides. It gives how long the till took
// to turn green, from the press of the payer's button.
func (w *Walk) Money() (green time.Duration, err error) {
	defer w.leave()
	amount := map[string]string{"en": "250", "ur": "۲۵۰"}[w.o.Lang]
	ayesha, bilal := w.as("ayesha"), w.as("bilal")
	bilal.Open("/wallet/requests")
	bilal.Look("requests-none")
	ayesha.Open("/wallet")
	ayesha.Look("wallet")
	ayesha.Open("/wallet/ask")
	ayesha.Look("ask-whom")
	ayesha.Send("/wallet/ask", map[string]string{"to": "0399 7351924"})
	ayesha.Look("ask-how-much")
	ayesha.Send(ayesha.path(), map[string]string{"amount": amount, "purpose": w.remark(3), "until": "now"})
	ayesha.Look("request-sent")
	bilal.until("the request on a page that was open", `document.querySelector('#requests a[href^="/wallet/request/"]')`)
	bilal.Press(`#requests a[href^="/wallet/request/"]`)
	bilal.Look("request-of-you")
	request := bilal.path()
	bilal.Open(request + "/refuse")
	bilal.Look("request-refuse")
	bilal.Open(request)
	bilal.Press(`form[action="` + request + `/pay"] button`)
	bilal.Look("request-paid")
	ayesha.until("the payment on a page that was open", `document.querySelector('#request[data-state="paid"]')`)
	ayesha.Look("request-was-paid")

	bilal.Open("/till")
	bilal.Send(bilal.path(), map[string]string{"amount": amount})
	bilal.Look("till-code")
	code := bilal.attr("#sale", "data-code")
	ayesha.Open("/wallet/pay")
	ayesha.Look("pay")
	ayesha.Send("/wallet/pay", map[string]string{"to": code})
	ayesha.Look("pay-confirm")
	began, _ := strconv.ParseFloat(ayesha.ask(`Date.now()`), 64)
	bilal.ask(`(new MutationObserver(() => { if (document.querySelector('#sale[data-phase="paid"]')) window.green ||= Date.now() }).observe(document.body, {subtree: true, childList: true, attributes: true}), "")`)
	ayesha.Press(`form[action="` + ayesha.path() + `"] button`)
	bilal.until("the till to turn green", `window.green`)
	turned, _ := strconv.ParseFloat(bilal.ask(`window.green`), 64)
	green = time.Duration(turned-began) * time.Millisecond
	bilal.Look("till-green")
	ayesha.Look("paid")
	payment := ayesha.path()

	bilal.Open(payment + "/refund")
	bilal.Look("refund")
	bilal.Send(payment+"/refund", map[string]string{"amount": "100"})
	bilal.Look("refunded")
	ayesha.Open(payment + "/dispute")
	ayesha.Look("dispute-begin")
	ayesha.Send(payment+"/dispute", map[string]string{"reason": "faulty", "words": w.remark(1)})
	ayesha.Look("dispute-opened")
	dispute := ayesha.path()
	bilal.Open(dispute)
	bilal.Look("dispute-of-you")
	bilal.Send(dispute+"/contest", map[string]string{"words": w.remark(2)})
	w.bye("bilal")
	operator := w.as("hina")
	operator.Open("/pay/operate/disputes")
	operator.Look("disputes")
	operator.Press(`main a[href^="/pay/operate/dispute/"]`)
	operator.Look("dispute-judge")
	operator.Send(operator.path()+"/refund", map[string]string{"words": w.remark(3)})
	ayesha.until("the decision on a page that was open", `document.querySelector('#dispute[data-state="refunded"]')`)
	ayesha.Look("dispute-decided")
	ayesha.Open("/wallet/limits")
	ayesha.Look("limits")
	ayesha.Open("/wallet/receive?amount=250")
	ayesha.Look("receive")
	if w.err != nil {
		return green, fmt.Errorf("money: %w", w.err)
	}
	return green, errors.Join(w.err, w.Trouble())
}
