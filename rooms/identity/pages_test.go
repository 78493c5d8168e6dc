package identity_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sarai/rooms/identity"
)

var (
	anyKey = regexp.MustCompile(`identity\.[a-z]+\.[a-z.-]+`)
	noTags = regexp.MustCompile(`<[^>]*>`)
)

// Every page of this room, in both languages: whole, in the right direction,
// without a text key that nobody filled in.
func TestEveryPageSpeaksBothLanguages(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		offer := h.offer(identity.CredentialOffer{Key: "pages", Subject: h.ayesha, Type: identity.TypePersonIdentification})
		if _, err := h.wallet().Collect(context.Background(), h.link(offer), "", 1); err != nil {
			t.Fatal(err)
		}
		open := h.offer(identity.CredentialOffer{Key: "pages2", Subject: h.ayesha, Type: identity.TypeDomicileCertificate})
		held, _ := h.room.Credentials(context.Background(), h.ayesha)
		citizen, official, nobody := h.AsCitizen(h.ayesha), h.AsOfficial(h.officer, "nadra.isb.registration"), h.Browser()
		p := h.party()
		p.agree(citizen, p.authorize(citizen, url.Values{"scope": {"openid profile"}}))
		for path, b := range map[string]*http.Client{
			"/sign-in": nobody, "/identity/activate": nobody, "/identity/passkey": citizen, "/identity/consents": citizen, "/credentials": citizen,
			"/credentials/offer/" + open: citizen, "/credentials/offer/" + offer: citizen, "/identity/revoke": official, "/identity/revoke/" + held[0].ID: official,
			"/oidc/authorize?" + h.party().request(nil).Encode():                                 citizen,
			"/oidc/authorize?" + h.party().request(url.Values{"client_id": {"nobody"}}).Encode(): citizen,
			"/oidc/sign-out": citizen,
		} {
			for lang, dir := range map[string]string{"en": `dir="ltr"`, "ur": `dir="rtl"`} {
				req, _ := http.NewRequest(http.MethodGet, h.URL+path, nil)
				req.Header.Set("Accept-Language", lang)
				res, err := b.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				pg := h.read(res)
				for pg.StatusCode == http.StatusSeeOther {
					to, _ := pg.Location()
					req, _ := http.NewRequest(http.MethodGet, to.String(), nil)
					req.Header.Set("Accept-Language", lang)
					if res, err = b.Do(req); err != nil {
						t.Fatal(err)
					}
					pg = h.read(res)
				}
				if !strings.Contains(pg.body, `lang="`+lang+`" `+dir) || pg.StatusCode >= 500 {
					t.Errorf("%s in %s: %d", path, lang, pg.StatusCode)
				}
				if strings.Count(pg.body, "<h1") != 1 {
					t.Errorf("%s in %s has %d first headings", path, lang, strings.Count(pg.body, "<h1"))
				}
				if key := anyKey.FindString(noTags.ReplaceAllString(pg.body, " ")); key != "" {
					t.Errorf("%s in %s shows the key %s", path, lang, key)
				}
				if len(pg.body) > 60<<10 {
					t.Errorf("%s in %s has %d bytes", path, lang, len(pg.body))
				}
			}
		}
	})
}
