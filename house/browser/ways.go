package browser

import "errors"

// ByKeyboard walks the applications without ever pointing: for an identity as
// a newcomer, for a certificate up to its payment as a citizen. It gives how
// many keys were pressed.
func (w *Walk) ByKeyboard() (presses int, err error) {
	defer w.leave()
	w.person("newcomer").hand = keyboard{&presses}
	w.person("newcomer").apply(w.who)
	w.certificate(keyboard{&presses})
	return presses, errors.Join(w.err, w.Trouble())
}

// WithoutScripts walks what promises to work without JavaScript: both
// applications, the decisions on them, the payment, the desk, the public proof,
// the accesses and the pages with numbers. A passkey needs a script, so a
// persona takes the place of the newcomer after the decision.
func (w *Walk) WithoutScripts() error {
	defer w.leave()
	w.identity()
	w.certificate(mouse{})
	if w.err != nil {
		return w.err
	}
	w.findFile()
	for _, name := range []string{"rashid", "saima", "kamran", "farah"} {
		o := w.as(name)
		o.Open("/office/file/" + w.file)
		note := "/office/file/" + w.file + "/note"
		if o.has(`form[action="` + note + `"]`) {
			o.Fill(note, map[string]string{"body": w.remark(1)})
			o.Press(`form[action="` + note + `"] button[value="sign"]`)
		}
		if name != "farah" {
			o.Press(`button[form="forward"]`)
			continue
		}
		o.Press(`main a[href$="/decide"]`)
		o.Send(o.path(), map[string]string{"outcome": "approved", "reason": w.remark(3)})
	}
	me := w.person("ayesha")
	me.eventually("/applications/"+w.application, "the decision", `!!document.querySelector('main a[href^="/documents/"]')`)
	me.Look("tracking-done")
	me.Press(`main a[href^="/documents/"]`)
	me.Look("document")
	w.proof = me.ask(`new URL(document.querySelector('main a[href*="/verify/"]').href).pathname`)
	stranger := w.person("stranger")
	stranger.Open(w.proof)
	stranger.Look("proof")
	me.Open("/identity/accesses")
	me.Look("accesses")
	w.as("minister").Look("board")
	w.as("zara").Look("cert")
	w.as("imran").Look("observatory")
	return errors.Join(w.err, w.Trouble())
}

// certificate is applied for and paid for by a persona who has a wallet.
func (w *Walk) certificate(h hand) {
	me := w.as("ayesha")
	me.hand = h
	me.Open("/services/domicile")
	me.Look("service")
	me.applyFor("domicile", residence("0399 5512048"), false)
	me.payFee()
	me.Open("/applications/" + w.application)
	me.Look("tracking")
}
