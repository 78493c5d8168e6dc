package identity_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sarai/courtyard/web/webtest"
	"sarai/rooms/identity"
)

// The pages about suspending and about putting a credential into a wallet
// again, in a real browser: none is wider than a phone. SARAI_SHOTS keeps
// pictures, as in TestAPasskeyInARealBrowser.
func TestTheNewPagesFitAPhone(t *testing.T) {
	ctx, browser, h := inABrowser(t)
	offer := h.offer(identity.CredentialOffer{Key: "shots", Subject: h.ayesha, Type: identity.TypePersonIdentification})
	if _, err := h.wallet().Collect(ctx, h.link(offer), "", 1); err != nil {
		t.Fatal(err)
	}
	code := h.activation(h.ayesha)
	nadia, omar := h.officials()
	at := "/identity/standing/" + h.ayesha
	views := []webtest.View{{Name: "phone-ur", Width: 360, Height: 740, Lang: "ur"}, {Name: "phone-en", Width: 360, Height: 740, Lang: "en"},
		{Name: "desk-en", Width: 1280, Height: 900, Lang: "en"}, {Name: "desk-ur", Width: 1280, Height: 900, Lang: "ur"}}
	tabs := map[string]*webtest.Tab{}
	for _, v := range views {
		tab, err := browser.Tab(h.URL, v)
		if err != nil {
			t.Fatal(err)
		}
		defer tab.Close()
		tabs[v.Name] = tab
	}
	look := func(name string, arrive func(tab *webtest.Tab)) {
		t.Helper()
		for _, v := range views {
			tab := tabs[v.Name]
			arrive(tab)
			if wide, err := tab.Overflow(); err != nil || wide > 0 {
				t.Errorf("%s on %s is %d pixels too wide: %v", name, v.Name, wide, err)
			}
			if folder := os.Getenv("SARAI_SHOTS"); folder != "" {
				if err := tab.Save(filepath.Join(folder, "identity-"+name+"-"+v.Name+".png")); err != nil {
					t.Error(err)
				}
			}
		}
	}
	as := func(person, kind, post, path string) func(tab *webtest.Tab) {
		return func(tab *webtest.Tab) {
			t.Helper()
			be := `fetch("/courttest/be?person=` + person + `&kind=` + kind + `&post=` + post + `", {method: "POST"}).then(r => r.ok)`
			if err := tab.Go(h.URL + "/identity/activate"); err != nil {
				t.Fatal(err)
			}
			if ok, err := webtest.Eval[bool](tab, be); err != nil || !ok {
				t.Fatalf("sign in: %v %v", ok, err)
			}
			if err := tab.Go(h.URL + path); err != nil {
				t.Fatal(err)
			}
		}
	}
	look("credentials-again", as(h.ayesha, "citizen", "", "/credentials"))
	look("again", as(h.ayesha, "citizen", "", "/credentials/again/"+offer))
	look("standing-propose", as(h.officer, "official", "nadra.isb.registration", at))
	h.post(nadia, at, suspension("stolen"))
	look("standing", as(h.bilal, "official", "nadra.isb.adjudication", "/identity/standing"))
	look("standing-decide", as(h.bilal, "official", "nadra.isb.adjudication", at))
	h.post(omar, at+"/decision", confirm)
	look("suspended", func(tab *webtest.Tab) {
		if err := tab.Go(h.URL + "/identity/activate"); err != nil {
			t.Fatal(err)
		}
		if _, err := webtest.Eval[bool](tab, `document.querySelector("[name=code]").value = "`+code+`"; document.querySelector("main form").requestSubmit(); true`); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if there, err := webtest.Eval[bool](tab, `!!document.querySelector("main dl") && document.readyState === "complete"`); err == nil && there {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatal("the page did not come")
	})
}
