package browser

import (
	"errors"
	"fmt"
	"strings"
)

// outcome: the certificate, the credential, the public proof.
func (w *Walk) outcome() {
	me := w.person("newcomer")
	me.eventually("/documents", "the certificate", `!!document.querySelector('main a[href^="/documents/"]')`)
	me.Look("documents")
	me.Open("/applications/" + w.application)
	me.Look("tracking-done")
	me.Open("/notices")
	me.Look("notices")
	me.Open("/documents")
	me.Press(`main a[href^="/documents/"]`)
	me.Look("document")
	w.document = me.path()
	head := me.ask(`fetch("` + w.document + `/pdf").then(r => r.blob()).then(async b => await b.slice(0, 5).text() + " " + b.size)`)
	if w.err == nil && !strings.HasPrefix(head, "%PDF-") {
		w.fail(fmt.Errorf("the certificate is %q", head))
	}
	w.proof = me.ask(`new URL(document.querySelector('main a[href*="/verify/"]').href).pathname`)
	me.Open("/")
	me.Look("home-later")

	stranger := w.person("stranger")
	stranger.Open("/verify")
	stranger.Look("verify")
	stranger.Open("/verify/7K3M-Q2ZD-9XW4-B1CT")
	stranger.Look("proof-unknown")
	stranger.Open(w.proof)
	stranger.Look("proof")
	if number := w.who.number; w.err == nil && strings.Contains(stranger.ask(`document.body.innerText`), number) {
		w.fail(errors.New("the public page shows the national number"))
	}
	stranger.Open("/nowhere")
	stranger.Look("not-found")
	w.bye("stranger")
}

// watch: who looked at the citizen's data; and a burst of failed sign-ins that
// becomes an incident with its clock.
func (w *Walk) watch() {
	me := w.person("newcomer")
	me.Open("/identity/accesses")
	if rows := me.ask(`document.querySelectorAll("main tbody tr").length`); w.err == nil && len(rows) == 1 && rows < "3" {
		w.fail(fmt.Errorf("only %s readings are shown", rows))
	}
	me.Look("accesses")
	me.Open("/identity/consents")
	me.Look("consents")
	me.Open("/identity/revoke")
	me.Look("revoke")

	w.burst()
	zara := w.as("zara")
	zara.eventually("/cert", "an alert", `!!document.querySelector("[id^='alert-'] a")`)
	zara.Look("cert")
	zara.Press(`[id^='alert-'] a`)
	zara.Look("cert-alert")
	open := zara.path() + "/incident"
	zara.Send(open, nil)
	zara.Look("cert-alert-empty")
	title := "Burst of failed sign-ins"
	if w.o.Lang == "ur" {
		title = "داخلے کی ناکام کوششوں کا تانتا"
	}
	zara.Send(open, map[string]string{"title": title, "severity": "medium"})
	if w.err == nil && !zara.has("#cert-progress") {
		w.fail(errors.New("the incident shows no clock"))
	}
	zara.Look("cert-incident")
	zara.Open("/cert")
	zara.Look("cert-later")
	w.bye("zara")
}

// burst fails to sign in a dozen times with a passkey nobody registered.
func (w *Walk) burst() {
	thief := w.person("thief")
	key, err := stolen()
	if err != nil {
		w.fail(err)
		return
	}
	w.fail(thief.authenticator(key))
	for i := range 12 {
		thief.Open("/sign-in")
		thief.until("the door", `location.pathname == "/oidc/sign-in" && !document.querySelector("[data-ask]").hidden`)
		thief.Press(`[data-ask] button`)
		if w.err == nil && thief.has(`form[action="/sign-out"]`) {
			w.fail(errors.New("a passkey nobody registered was let in"))
		}
		if i == 0 {
			thief.Look("sign-in-refused")
		}
	}
	w.bye("thief")
}

// dashboard: the Commission's page, each number with its rows; and the two
// pages of money that are not the citizen's.
func (w *Walk) dashboard() {
	imran := w.as("imran")
	imran.Look("observatory")
	for _, path := range strings.Fields(imran.ask(`[...new Set([...document.querySelectorAll('main a[href^="/observatory/"]')].map(a => new URL(a.href).pathname).filter(p => !p.endsWith(".csv")))].join(" ")`)) {
		imran.Open(path)
		imran.Look("observatory-" + last(path))
	}
	w.bye("imran")
	hina := w.as("hina")
	hina.Look("rail")
	w.bye("hina")
	bilal := w.as("bilal")
	bilal.Look("till")
	w.bye("bilal")
}
