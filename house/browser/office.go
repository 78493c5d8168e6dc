package browser

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/web/webtest"
)

// office: the file moves over its posts while a second screen shows the board.
func (w *Walk) office() {
	board := w.as("minister") // whose page the board is
	board.Open("/board/icta.dc")
	board.until("the live line", `document.querySelector("#live-state")?.textContent`)
	w.findFile()
	w.latencies = nil
	for i, name := range []string{"rashid", "saima", "kamran", "farah"} {
		o := w.as(name)
		o.Open("/office/file/" + w.file)
		o.Look("file-" + name)
		note := "/office/file/" + w.file + "/note"
		if o.has(`form[action="` + note + `"]`) {
			if i == 1 {
				o.Press(`button[form="note"][value="sign"]`)
				o.Look("file-note-empty")
			}
			o.Fill(note, map[string]string{"body": w.remark(i)})
			o.Press(`form[action="` + note + `"] button[value="sign"]`)
			o.Look("file-" + name + "-signed")
		}
		if name == "farah" {
			break
		}
		w.forward(o, board)
		if i == 0 {
			o.Open("/office/receipts")
			o.Look("receipts")
		}
		w.bye(name)
	}
	farah := w.as("farah")
	farah.Press(`main a[href$="/decide"]`)
	farah.Look("decide")
	at := farah.path()
	farah.Send(at, nil)
	farah.Look("decide-empty")
	farah.Send(at, map[string]string{"outcome": "approved", "reason": w.remark(3)})
	farah.Look("file-decided")
	farah.Open("/office")
	farah.Look("desk")
	w.bye("farah")
	board.Look("board")
	board.Open("/board")
	board.Look("board-all")
	for _, what := range strings.Fields(board.ask(`[...new Set([...document.querySelectorAll('main a[href^="/board/"]')].map(a => new URL(a.href).pathname).filter(p => p.split("/").length == 4))].slice(0, 2).join(" ")`)) {
		board.Open(what)
		board.Look("board-" + last(what))
	}
	w.bye("minister")
}

// findFile looks through the desk of the receipt clerk for the citizen's file.
func (w *Walk) findFile() {
	rashid := w.as("rashid")
	rashid.eventually("/office", "a file on the desk", `document.querySelectorAll("[id^='f-']").length > 0`)
	rashid.Look("desk-rashid")
	end := time.Now().Add(patience)
	for w.err == nil && w.file == "" {
		w.file = rashid.ask(`(async () => {
			for (const e of document.querySelectorAll("[id^='f-']")) {
				const text = await (await fetch("/office/file/" + e.id.slice(2))).text();
				if (text.includes(` + strconv.Quote(w.application) + `)) return e.id.slice(2);
			}
		})().then(x => x ?? "")`)
		if w.file == "" && time.Now().After(end) {
			w.fail(fmt.Errorf("the file of application %s does not arrive", w.application))
		}
		if w.file == "" {
			time.Sleep(200 * time.Millisecond)
			rashid.Open("/office")
		}
	}
}

// forward sends the file on and measures when the board has changed.
func (w *Walk) forward(o, board *Person) {
	if w.err != nil {
		return
	}
	board.ask(`window.seen = 0, new MutationObserver(() => {
		if (!window.seen && document.querySelectorAll("[id^='m-` + w.file + `']").length > ` + board.ask(`document.querySelectorAll("[id^='m-`+w.file+`']").length`) + `) window.seen = Date.now();
	}).observe(document.body, {childList: true, subtree: true})`)
	began := time.Now()
	o.Press(`button[form="forward"]`)
	board.until("the movement on the board", `window.seen`)
	if w.err != nil {
		return
	}
	seen, err := webtest.Eval[int64](board.tab, `window.seen`)
	w.fail(err)
	w.latencies = append(w.latencies, time.UnixMilli(seen).Sub(began))
}

// remark is what an official writes.
func (w *Walk) remark(i int) string {
	if w.o.Lang == "ur" {
		return []string{"", "درخواست گزار اگست 2015 سے ضلع میں مقیم ہیں۔ کاغذات دیکھے گئے اور درست پائے گئے۔", "پیرا 1 سے متفق۔ منظوری کی سفارش کی جاتی ہے۔", "درخواست گزار اسی ضلع کے رہائشی ہیں۔"}[i]
	}
	return []string{"", "The applicant has lived in the district since August 2015. The papers were seen and are in order.", "I agree with paragraph 1 and recommend approval.", "The applicant lives in the district."}[i]
}
