package services

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sarai/courtyard/store"
	"sarai/courtyard/web/webtest"
)

// TestEveryPageIsAccessible walks the window in a browser, on a phone and on a
// desktop, in both languages, and runs axe-core on each page. SARAI_SHOTS=dir
// keeps pictures, SARAI_VIEW=phone-ur picks views.
func TestEveryPageIsAccessible(t *testing.T) {
	if testing.Short() || os.Getenv("SARAI_TEST_BROWSER") == "" && os.Getenv("SARAI_SHOTS") == "" {
		t.Skip("opens a browser on many pages: set SARAI_TEST_BROWSER=1 or SARAI_SHOTS=dir")
	}
	webtest.NeedAxe(t)
	b := webtest.Need(t)
	done := false
	window(t, func(t *testing.T, w *win) {
		if done {
			return // pages do not depend on the engine
		}
		done = true
		a := w.citizen("ayesha")
		sent := a.apply()
		a.post("/applications/"+sent+"/submit", nil, 303)
		w.emit(store.Event{Type: "payments.fee.paid", Subject: "x", Actor: "x", Data: feePaid{Fee: w.application(sent).Fee}})
		w.eventually("received", func() bool { return w.application(sent).State == InOffice })
		app := w.application(sent)
		w.emit(store.Event{Type: "office.file.moved", Subject: "x", Actor: "x", Data: fileMoved{Application: app.ID, To: "icta.dc.assistant"}})

		at, _ := a.post("/services/character/start", nil, 303)
		draft := refOf(at)
		at, _ = a.post("/services/trade-licence/start", nil, 303)
		refusedDraft := refOf(at)
		a.post("/applications/"+refusedDraft+"/consent", url.Values{"consent": {"yes"}}, 303)

		at, _ = a.post("/services/birth-extract/start", nil, 303)
		born := refOf(at)
		a.post("/applications/"+born+"/consent", url.Values{"consent": {"yes"}}, 303)
		for q, f := range map[string]url.Values{
			"child": {"child_name": {"Maryam"}}, "born": {"child_birth-day": {"1"}, "child_birth-month": {"10"}, "child_birth-year": {"2026"}},
			"where": {"born_here": {"yes"}}, "entry": {"entry": {""}}, "parent": {"parent": {"mother"}},
		} {
			a.post("/applications/"+born+"/q/"+q, f, 303)
		}
		check := "/applications/" + born + "/check"
		pages := [][2]string{
			{"home", "/"}, {"list", "/services?event=study"}, {"nothing-found", "/services?q=zzzz"}, {"service", "/services/domicile"}, {"consent", "/applications/" + draft + "/consent"},
			{"question-text", "/applications/" + refusedDraft + "/q/business"}, {"question-two", "/applications/" + refusedDraft + "/q/place"}, {"question-file", "/applications/" + refusedDraft + "/q/title"},
			{"question-choice", "/applications/" + refusedDraft + "/q/trade"}, {"question-known", "/applications/" + refusedDraft + "/q/phone"}, {"question-date", "/applications/" + born + "/q/born"},
			{"check", check}, {"tracking", "/applications/" + sent}, {"applications", "/applications"}, {"sent", "/applications/" + sent + "/sent"}, {"notices", "/notices"}, {"documents-none", "/documents"},
		}
		look := func(name string, v webtest.View, pages [][2]string, signedIn bool) {
			base, _ := url.Parse(w.court.URL)
			cookies := a.b.Jar.Cookies(base)
			if !signedIn {
				cookies = nil
			}
			tab, err := b.Tab(w.court.URL, v, cookies...)
			if err != nil {
				t.Fatal(err)
			}
			defer tab.Close()
			for _, p := range pages {
				if err := tab.Go(w.court.URL + p[1]); err != nil {
					t.Fatal(err)
				}
				tab.Accessible(t, v.Name+" "+name+" "+p[1])
				if dir := os.Getenv("SARAI_SHOTS"); dir != "" {
					if err := tab.Save(filepath.Join(dir, name+p[0]+"-"+v.Name+".png")); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		var views []webtest.View
		for _, v := range webtest.Narrow() {
			if strings.Contains(v.Name, os.Getenv("SARAI_VIEW")) {
				views = append(views, v)
			}
		}
		for _, v := range views {
			look("", v, pages, true)
			look("public-", v, [][2]string{{"front", "/"}, {"service", "/services/domicile"}, {"verify", "/verify"}, {"unknown", "/verify/7K3M-Q2ZD-9XW4-B1CT"}}, false)
		}
		w.emit(store.Event{Type: "office.case.decided", Subject: "x", Actor: "post/icta.dc.dc", Data: caseDecided{Application: app.ID, Outcome: "approved", Post: "icta.dc.dc"}})
		w.eventually("issued", func() bool { return w.application(sent).State == Issued })
		doc := w.application(sent).Document
		token := strings.Split(strings.Split(a.get("/documents/"+doc, 200), "/verify/")[1], `"`)[0]
		for _, v := range views {
			look("", v, [][2]string{{"tracking-done", "/applications/" + sent}, {"documents", "/documents"}, {"document", "/documents/" + doc}}, true)
			look("public-", v, [][2]string{{"proof", "/verify/" + token}}, false)
		}
	})
}
