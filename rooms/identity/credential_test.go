package identity_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/identity"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/sdjwt"
	"sarai/rooms/identity/statuslist"
	"sarai/rooms/identity/wallet"
)

func (h *hall) wallet() *wallet.Wallet { return &wallet.Wallet{Now: h.Clock.Now} }

func (h *hall) offer(in identity.CredentialOffer) (offer string) {
	h.t.Helper()
	err := h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		offer, err = h.room.Offer(tx, in)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return offer
}

func (h *hall) link(offer string) string {
	h.t.Helper()
	link, err := h.room.OfferURI(context.Background(), offer)
	if err != nil {
		h.t.Fatal(err)
	}
	return link
}

var deepLink = regexp.MustCompile(`data-offer="([^"]+)"`)

func TestAPersonPutsTheirIdentityIntoTheirWallet(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx, b := context.Background(), h.AsCitizen(h.ayesha)
		pg := h.follow(b, h.post(b, "/credentials/offer", nil))
		h.status(pg, http.StatusOK)
		m := deepLink.FindStringSubmatch(pg.body)
		if m == nil || !strings.Contains(pg.body, `class="qr"`) {
			t.Fatalf("no code on the page: %.500s", pg.body)
		}
		w := h.wallet()
		got, err := w.Collect(ctx, unescaped(m[1]), "", 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 3 {
			t.Fatalf("%d credentials", len(got))
		}
		c := got[0].Verified
		if c.Claims["name"] != "Ayesha Khan" || c.Claims["name_ur"] != "عائشہ خان" || c.Claims["birthdate"] != "1996-03-23" || c.Claims["age_over_18"] != true ||
			c.Claims["personal_administrative_number"] != "6110112345672" || c.Claims["issuing_country"] != "PK" {
			t.Errorf("claims: %v", c.Claims)
		}
		if c.Type != h.URL+"/credentials/types/PersonIdentification" || c.IssuedAt.Minute() != 0 {
			t.Errorf("type and time: %s %s", c.Type, c.IssuedAt)
		}
		seen, _ := h.room.Accesses(ctx, h.ayesha)
		if len(seen) != 1 || seen[0].Actor != "citizen/"+h.ayesha {
			t.Errorf("her record: %+v", seen)
		}
		// two verifiers that pool what they got find nothing but the issuer and the rounded times
		values := func(c wallet.Credential) []string {
			p, err := sdjwt.Parse(c.Raw)
			if err != nil {
				t.Fatal(err)
			}
			var claims struct {
				SD     []string `json:"_sd"`
				Status struct {
					List sdjwt.Status `json:"status_list"`
				} `json:"status"`
			}
			if err := p.Issuer.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			out := claims.SD
			for _, d := range p.Disclosures {
				out = append(out, d.Salt, d.Encoded)
			}
			return out
		}
		for _, v := range values(got[0]) {
			if slices.Contains(values(got[1]), v) {
				t.Errorf("two of a batch share %s", v)
			}
		}
		if d := got[0].Verified.Status.Index - got[1].Verified.Status.Index; d == 1 || d == -1 {
			t.Error("neighbours in the status list")
		}

		// she shows her age and nothing else
		shown, err := w.Present(got[1], "https://cinema.example", "n1", "age_over_18")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(shown, "Ayesha") {
			t.Error("more than the age")
		}
		page := h.follow(b, h.get(b, "/credentials"))
		if !strings.Contains(page.body, "National identity") || strings.Count(page.body, "Valid") < 3 {
			t.Error("the credentials are not on her page")
		}
	})
}

func TestARevokedCredentialShowsWithinTheMinute(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		w := h.wallet()
		offer := h.offer(identity.CredentialOffer{Key: "k1", Subject: h.ayesha, Type: identity.TypePersonIdentification})
		got, err := w.Collect(ctx, h.link(offer), "", 2)
		if err != nil {
			t.Fatal(err)
		}
		held, _ := h.room.Credentials(ctx, h.ayesha)
		official := h.AsOfficial(h.officer, "nadra.isb.registration")
		at := "/identity/revoke/" + held[0].ID
		if pg := h.follow(official, h.get(official, "/identity/revoke?reference="+held[0].ID)); !strings.Contains(pg.body, held[0].ID) {
			t.Errorf("not found: %.300s", pg.body)
		}
		h.status(h.post(official, at, url.Values{"status": {"1"}}), http.StatusUnprocessableEntity) // no reason
		if err := w.Verify(ctx, &got[0]); err != nil {
			t.Errorf("still good: %v", err)
		}
		set := func(status string) {
			h.status(h.post(official, at, url.Values{"status": {status}, "reason": {"Phone lost"}}), http.StatusSeeOther)
		}
		set("2")
		for i := range got { // the whole batch
			if err := w.Verify(ctx, &got[i]); !errors.Is(err, wallet.ErrStatus) {
				t.Errorf("suspended: %v", err)
			}
		}
		set("0")
		if err := w.Verify(ctx, &got[0]); err != nil {
			t.Errorf("restored: %v", err)
		}
		set("1")
		if err := w.Verify(ctx, &got[1]); !errors.Is(err, wallet.ErrStatus) {
			t.Errorf("revoked: %v", err)
		}
		if pg := h.get(h.AsCitizen(h.ayesha), "/credentials"); !strings.Contains(pg.body, "Phone lost") {
			t.Error("she does not read why")
		}
		if pg := h.post(official, at, url.Values{"status": {"0"}, "reason": {"Found again"}}); pg.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("a revocation was undone: %d", pg.StatusCode)
		}
		if e := h.events(identity.EventCredentialRevoked); len(e) != 3 || e[2].Actor != "post/nadra.isb.registration" {
			t.Errorf("events: %+v", e)
		}

		// a citizen may not, another post may not, and nobody about their own
		h.status(h.post(h.AsCitizen(h.ayesha), at, url.Values{"status": {"1"}, "reason": {"x"}}), http.StatusForbidden)
		h.status(h.post(h.AsOfficial(h.bilal, "icta.dc.diary"), at, url.Values{"status": {"1"}, "reason": {"x"}}), http.StatusForbidden)
		if _, err := w.Collect(ctx, h.link(h.offer(identity.CredentialOffer{Key: "own", Subject: h.officer, Type: identity.TypePersonIdentification})), "", 1); err != nil {
			t.Fatal(err)
		}
		own, _ := h.room.Credentials(ctx, h.officer)
		h.status(h.post(official, "/identity/revoke/"+own[0].ID, url.Values{"status": {"1"}, "reason": {"x"}}), http.StatusForbidden)
	})
}

func TestAnOfferIsForOneWalletAndOnePerson(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		in := identity.CredentialOffer{Key: "services/7", Subject: h.ayesha, Type: identity.TypeDomicileCertificate, Claims: map[string]any{"district": "Islamabad", "district_ur": "اسلام آباد"}}
		offer := h.offer(in)
		if again := h.offer(in); again != offer {
			t.Errorf("the same key gave another offer: %s %s", offer, again)
		}
		if len(h.events(identity.EventCredentialOffered)) != 1 {
			t.Error("offered twice")
		}
		h.status(h.get(h.AsCitizen(h.bilal), "/credentials/offer/"+offer), http.StatusForbidden)
		h.status(h.get(h.AsCitizen(h.ayesha), "/credentials/offer/not-an-offer"), http.StatusNotFound)

		old, fresh := h.link(offer), h.link(offer)
		if _, err := h.wallet().Collect(ctx, old, "", 1); err == nil {
			t.Error("a link that was replaced still works")
		}
		got, err := h.wallet().Collect(ctx, fresh, "", 1)
		if err != nil || got[0].Verified.Claims["district_ur"] != "اسلام آباد" {
			t.Fatal(err)
		}
		if _, err := h.wallet().Collect(ctx, fresh, "", 1); err == nil {
			t.Error("a second wallet collected from the same picture")
		}
		if _, err := h.room.OfferURI(ctx, offer); !fault.Is(err, fault.Conflict) {
			t.Errorf("a collected offer: %v", err)
		}
		late := h.link(h.offer(identity.CredentialOffer{Key: "late", Subject: h.ayesha, Type: identity.TypeDomicileCertificate}))
		h.Clock.Advance(11 * time.Minute)
		if _, err := h.wallet().Collect(ctx, late, "", 1); err == nil {
			t.Error("an old picture still works")
		}
	})
}

func TestATransactionCodeCannotBeGuessed(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		offer := h.offer(identity.CredentialOffer{Key: "pin", Subject: h.ayesha, Type: identity.TypePersonIdentification, TxCode: "493536"})
		link := h.link(offer)
		var refused *wallet.Refused
		if _, err := h.wallet().Collect(ctx, link, "", 1); !errors.As(err, &refused) || refused.Err.Code != "invalid_request" {
			t.Errorf("without: %v", err)
		}
		if _, err := h.wallet().Collect(ctx, link, "000000", 1); !errors.As(err, &refused) || refused.Err.Code != "invalid_grant" {
			t.Errorf("wrong: %v", err)
		}
		if _, err := h.wallet().Collect(ctx, link, "493536", 1); err != nil {
			t.Errorf("right: %v", err)
		}
		link = h.link(h.offer(identity.CredentialOffer{Key: "pin2", Subject: h.ayesha, Type: identity.TypePersonIdentification, TxCode: "493536"}))
		for range 5 {
			_, _ = h.wallet().Collect(ctx, link, "111111", 1)
		}
		if _, err := h.wallet().Collect(ctx, link, "493536", 1); err == nil {
			t.Error("guessing did not end the link")
		}
	})
}

func TestTheCredentialEndpointRefusesInTheStandardsWords(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		token := func() string {
			h.t.Helper()
			link := h.link(h.offer(identity.CredentialOffer{Key: id7(), Subject: h.ayesha, Type: identity.TypeDomicileCertificate}))
			_, address, _ := oid4vci.ParseLink(link)
			o, err := oid4vci.ParseOffer([]byte(h.get(http.DefaultClient, address).body))
			if err != nil {
				t.Fatal(err)
			}
			return h.status(h.post(http.DefaultClient, "/oidc/token", url.Values{"grant_type": {oid4vci.GrantPreAuthorized}, "pre-authorized_code": {o.Grants.PreAuthorized.Code}}), 200).json(t)["access_token"].(string)
		}
		nonce := func() string {
			return h.status(h.post(http.DefaultClient, "/credentials/nonce", nil), 200).json(t)["c_nonce"].(string)
		}
		ask := func(token, body string) page {
			req, _ := http.NewRequest(http.MethodPost, h.URL+"/credentials/issue", strings.NewReader(body))
			req.Header.Set("Content-Type", "application/json")
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			return h.read(res)
		}
		proof := func(nonce string) string {
			p, err := oid4vci.Proof(newKey(t), h.URL, nonce, h.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		body := func(conf string, proofs ...string) string {
			return `{"credential_configuration_id":"` + conf + `","proofs":{"jwt":["` + strings.Join(proofs, `","`) + `"]}}`
		}
		n := nonce()
		one := proof(nonce())
		old := nonce()
		h.Clock.Advance(6 * time.Minute)
		stale := proof(old)
		good := nonce()
		for story, c := range map[string]struct{ body, want string }{
			"a credential nobody knows": {body("Crown", proof(nonce())), oid4vci.UnknownConfiguration},
			"another than was offered":  {body("PersonIdentification", proof(nonce())), oid4vci.RequestDenied},
			"a nonce of its own":        {body("DomicileCertificate", proof("made-up")), oid4vci.InvalidNonce},
			"a nonce that ran out":      {body("DomicileCertificate", stale), oid4vci.InvalidNonce},
			"a proof from before":       {body("DomicileCertificate", one), oid4vci.InvalidProof},
			"one key for two":           {body("DomicileCertificate", one, one), oid4vci.InvalidProof},
			"no proof":                  {`{"credential_configuration_id":"DomicileCertificate"}`, oid4vci.InvalidProof},
			"an identifier":             {`{"credential_identifier":"x","proofs":{"jwt":["` + proof(nonce()) + `"]}}`, oid4vci.UnknownIdentifier},
			"no JSON":                   {`<xml/>`, oid4vci.InvalidRequest},
		} {
			res := ask(token(), c.body)
			if res.StatusCode != http.StatusBadRequest || res.json(t)["error"] != c.want {
				t.Errorf("%s: %d %s, want %s", story, res.StatusCode, res.body, c.want)
			}
		}
		_ = n
		if res := ask("", body("DomicileCertificate", proof(good))); res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("without a token: %d", res.StatusCode)
		}
		if res := ask("forged", body("DomicileCertificate", proof(good))); res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("with a forged token: %d", res.StatusCode)
		}
		h.status(ask(token(), body("DomicileCertificate", proof(good), proof(good))), http.StatusOK) // a batch may share a nonce
		if res := ask(token(), body("DomicileCertificate", proof(good))); res.json(t)["error"] != oid4vci.InvalidNonce {
			t.Errorf("a nonce twice: %s", res.body)
		}
	})
}

func TestPublishedDocumentsAreWhatVerifiersNeed(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		if _, err := oid4vci.ParseMetadata([]byte(h.get(http.DefaultClient, oid4vci.WellKnown).body), h.URL); err != nil {
			t.Error(err)
		}
		m := h.status(h.get(http.DefaultClient, "/credentials/types/PersonIdentification"), 200).json(t)
		if m["vct"] != h.URL+"/credentials/types/PersonIdentification" || len(m["display"].([]any)) != 2 {
			t.Errorf("%v", m)
		}
		h.status(h.get(http.DefaultClient, "/credentials/types/Crown"), http.StatusNotFound)
		h.status(h.get(http.DefaultClient, "/credentials/status/1"), http.StatusNotFound) // before the first credential
		if _, err := h.wallet().Collect(context.Background(), h.link(h.offer(identity.CredentialOffer{Key: "x", Subject: h.ayesha, Type: identity.TypePersonIdentification})), "", 1); err != nil {
			t.Fatal(err)
		}
		res := h.status(h.get(http.DefaultClient, "/credentials/status/1"), http.StatusOK)
		if res.Header.Get("Content-Type") != "application/statuslist+jwt" || res.Header.Get("Access-Control-Allow-Origin") != "*" || len(res.body) > 2000 {
			t.Errorf("%v, %d bytes", res.Header, len(res.body))
		}
		tok, err := jwt.Parse(res.body)
		if err != nil || tok.Header.Type != statuslist.Type {
			t.Error(err)
		}
		for _, bad := range []string{"0", "-1", "x", "99999999999999999999"} {
			h.status(h.get(http.DefaultClient, "/credentials/status/"+bad), http.StatusNotFound)
		}
	})
}

func TestOnlyTheHousesOwnTokensOpenTheInterface(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		p, b := h.party(), h.AsCitizen(h.ayesha)
		token := h.status(p.token(p.agree(b, p.authorize(b, nil)).Get("code"), nil), 200).json(t)["access_token"].(string)
		if who, err := h.room.VerifyBearer(context.Background(), token); !fault.Is(err, fault.Unauthenticated) || who.Kind != gate.Anonymous {
			t.Errorf("an outside client's token opened the interface: %v %v", who.Kind, err)
		}
	})
}
