package services

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/url"
	"strings"
	"testing"

	"sarai/courtyard/store"
)

func TestAyeshaGetsHerDomicileCertificate(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		if page := plainText(a.get("/services/domicile", 200)); !strings.Contains(page, "You are 18 or older") || !strings.Contains(page, "Pakistan Citizenship Act, 1951") || !strings.Contains(page, "Rs 200.00") {
			t.Fatalf("the service page does not say who, by which law and what it costs: %s", page)
		}
		ref := a.apply()
		if len(w.fakes.asked) != 1 || w.fakes.asked[0].Actor != "citizen/ayesha" || !strings.Contains(w.fakes.asked[0].Basis, "1952") {
			t.Fatalf("the register was asked %+v", w.fakes.asked)
		}
		check := plainText(a.get("/applications/"+ref+"/check", 200))
		for _, want := range []string{"Ayesha Siddiqui", "69901-4182736-4", "From NADRA, 1 March 2025", "17 April 2001", "You have lived here for at least one year", "0399 4182736"} {
			if !strings.Contains(check, want) {
				t.Errorf("check page lacks %q", want)
			}
		}
		pay, _ := a.post("/applications/"+ref+"/submit", nil, 303)
		app := w.application(ref)
		if app.State != Submitted || !strings.HasPrefix(pay, "/pay/"+app.Fee) || w.fakes.fees[app.Fee].Amount != 20000 || w.fakes.fees[app.Fee].Payee != "icta.dc" {
			t.Fatalf("%s %s %+v", app.State, pay, w.fakes.fees)
		}
		again, _ := a.post("/applications/"+ref+"/submit", nil, 303) // pressed twice
		if again != pay || len(w.fakes.fees) != 1 {
			t.Fatalf("a second press asked again: %s", again)
		}

		w.emit(store.Event{Type: "payments.fee.paid", Subject: "payments/fee/" + app.Fee, Actor: "citizen/ayesha", Data: feePaid{Fee: app.Fee}})
		w.eventually("the office receives the file", func() bool { return w.application(ref).State == InOffice })
		in := w.fakes.intake(t)
		if in.Office != "icta.dc" || in.Route[3] != "icta.dc.dc" || in.Subject["ur"] != "ڈومیسائل سرٹیفکیٹ: عائشہ صدیقی" || !strings.Contains(string(in.Papers[0].Body), "69901-4182736-4") {
			t.Fatalf("intake %+v", in)
		}
		if want := w.court.Pack.Calendar.AddDays(w.application(ref).Paid, 5); !in.Due.Equal(want) {
			t.Fatalf("due %s, want %s", in.Due, want)
		}

		for _, post := range []string{"icta.dc.assistant", "icta.dc.ac", "icta.dc.dc"} {
			w.emit(store.Event{Type: "office.file.moved", Subject: "office/file/1", Actor: "post/icta.dc.diary", Data: fileMoved{Application: app.ID, To: post}})
		}
		w.eventually("the file is with the Deputy Commissioner", func() bool { return w.application(ref).Post == "icta.dc.dc" })
		if page := plainText(a.get("/applications/"+ref, 200)); !strings.Contains(page, "Deputy Commissioner") || !strings.Contains(page, "Your file is here now.") {
			t.Fatalf("tracking: %s", page)
		}
		w.emit(store.Event{Type: "office.case.decided", Subject: "office/file/1", Actor: "post/icta.dc.dc", Data: caseDecided{Application: app.ID, Outcome: "approved", Post: "icta.dc.dc"}})
		w.eventually("the document is issued", func() bool { return w.application(ref).State == Issued })

		doc := w.application(ref).Document
		page := a.get("/documents/"+doc, 200)
		token := strings.Split(strings.Split(page, `/verify/`)[1], `"`)[0]
		pdf := a.get("/documents/"+doc+"/pdf", 200)
		if !strings.HasPrefix(pdf, "%PDF") || !strings.Contains(pdf, "Ayesha Siddiqui, child of Mahmood Siddiqui") || !strings.Contains(pdf, "since 17 April 2001") {
			t.Fatalf("pdf %s", pdf)
		}
		if ur := w.fakes.printed[0].Statement["ur"]; !strings.Contains(ur, "عائشہ صدیقی") || strings.Contains(ur, "{") {
			t.Fatalf("urdu text: %s", ur)
		}
		if page := plainText(a.get("/services/domicile", 200)); !strings.Contains(page, "half of 1 applications were decided on the same working day") {
			t.Fatalf("how long it took lately: %s", page)
		}
		offer := w.fakes.offers["services/document/"+app.ID]
		if offer.Type != "DomicileCertificate" || offer.Claims["resident_since"] != "2001-04-17" || offer.Claims["district"] != "Islamabad" || offer.Claims["name_ur"] != "عائشہ صدیقی" {
			t.Fatalf("offer %+v", offer)
		}

		// anybody checks it, without signing in
		s := w.stranger()
		proof := plainText(s.get("/verify/"+strings.ToLower(strings.ReplaceAll(token, "-", "")), 200))
		for _, want := range []string{"Valid", "Ayesha Siddiqui", "Office of the Deputy Commissioner", "sarai verify"} {
			if !strings.Contains(proof, want) {
				t.Errorf("proof page lacks %q: %s", want, proof)
			}
		}
		for _, secret := range []string{"69901", "Street 21", "2001"} {
			if strings.Contains(proof, secret) {
				t.Errorf("the proof page shows %q", secret)
			}
		}
		if receipt := s.get("/verify/"+token+"/receipt", 200); !strings.Contains(receipt, "tlog-proof") {
			t.Fatal(receipt)
		}
		if none := plainText(s.get("/verify/7K3M-Q2ZD-9XW4-B1CT", 404)); !strings.Contains(none, "Not valid") {
			t.Fatal(none)
		}

		var types []string
		for _, e := range w.events("services.*") {
			types = append(types, strings.TrimPrefix(e.Type, "services."))
			if p := string(e.Payload); strings.Contains(p, "Ayesha") || strings.Contains(p, "69901") || strings.Contains(p, "6990141827364") {
				t.Errorf("%s tells about the person: %s", e.Type, p)
			}
		}
		if got := strings.Join(types, " "); got != "application.started application.submitted application.paid application.received application.moved application.moved application.moved application.decided document.issued" {
			t.Fatalf("events: %s", got)
		}
		if n := plainText(a.get("/notices", 200)); !strings.Contains(n, "your document is ready") || !strings.Contains(n, "the fee has arrived") {
			t.Fatal(n)
		}
	})
}

func TestNobodySeesAnotherPersonsApplication(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a, b := w.citizen("ayesha"), w.citizen("bilal")
		ref := a.apply()
		for _, path := range []string{"", "/consent", "/check", "/q/home", "/sent"} {
			b.get("/applications/"+ref+path, 403)
		}
		b.post("/applications/"+ref+"/submit", nil, 403)
		b.post("/applications/"+ref+"/withdraw", nil, 403)
		if page := b.get("/applications", 200); strings.Contains(page, ref) {
			t.Fatal("somebody else's application is in the list")
		}
		b.get("/applications/0000-0000-0000", 404)
		if body := b.get("/api/applications", 200); strings.Contains(body, ref) {
			t.Fatal(body)
		}
		b.get("/api/applications/"+ref, 403)
		if w.application(ref).State != Draft {
			t.Fatal("somebody else sent it")
		}
	})
}

func TestARefusalSaysWhyAndWhereToAppeal(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		ref := a.apply()
		a.post("/applications/"+ref+"/submit", nil, 303)
		app := w.application(ref)
		w.emit(store.Event{Type: "payments.fee.paid", Data: feePaid{Fee: app.Fee}, Subject: "x", Actor: "citizen/ayesha"})
		w.eventually("received", func() bool { return w.application(ref).State == InOffice })
		for range 2 { // told twice, done once
			w.emit(store.Event{Type: "office.case.decided", Subject: "x", Actor: "post/icta.dc.dc", Data: caseDecided{Application: app.ID, Outcome: "refused", Grounds: "stated"}})
		}
		w.eventually("refused", func() bool { return w.application(ref).State == Refused })
		page := plainText(a.get("/applications/"+ref, 200))
		if !strings.Contains(page, "The lease ended in May.") || !strings.Contains(page, "appeal to the Chief Commissioner") {
			t.Fatal(page)
		}
		w.eventually("told", func() bool { return len(w.events(ApplicationDecided)) > 0 })
		if n := len(w.events(ApplicationDecided)); n != 1 {
			t.Fatalf("decided %d times", n)
		}
	})
}

// The fee is paid a moment before its time is over, and asked for anew before
// the news has arrived: the money counts.
func TestAFeePaidInItsLastMomentCounts(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		ref := a.apply()
		a.post("/applications/"+ref+"/submit", nil, 303)
		app := w.application(ref)
		if err := w.court.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec("update services_application set fee = 'asked-anew', fee_round = 1 where id = $1", app.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.emit(store.Event{Type: "payments.fee.paid", Data: feePaid{Fee: app.Fee, Key: app.ID}, Subject: "x", Actor: "citizen/ayesha"})
		w.eventually("received", func() bool { return w.application(ref).State == InOffice })
	})
}

func TestWhoIsNotEligibleIsToldTheRuleAndCannotSend(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		w.fakes.facts["birth_date"] = Fact{Value: "2012-01-01", Source: "NADRA"}
		a := w.citizen("ayesha")
		ref := a.apply()
		page := plainText(a.get("/applications/"+ref+"/check", 200))
		if !strings.Contains(page, "You are under 18") || strings.Contains(page, "Send and pay") {
			t.Fatal(page)
		}
		if _, body := a.post("/applications/"+ref+"/submit", nil, 422); !strings.Contains(body, "the law does not give you this service") {
			t.Fatal(plainText(body))
		}
		if w.application(ref).State != Draft || len(w.fakes.fees) != 0 {
			t.Fatal("it was sent all the same")
		}
	})
}

func TestWithoutConsentThePersonIsAsked(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		at, _ := a.post("/services/birth-extract/start", nil, 303)
		r := refOf(at)
		a.post("/applications/"+r+"/consent", url.Values{"consent": {"no"}}, 303)
		if len(w.fakes.asked) != 0 {
			t.Fatal("the register was read without consent")
		}
		if to := func() string { _, l := a.do("GET", "/applications/"+r, "", nil, 303); return l }(); to != "/applications/"+r+"/q/fact-name" {
			t.Fatal(to)
		}
		if _, body := a.post("/applications/"+r+"/q/fact-national_number", url.Values{"national_number": {"6990141827"}}, 422); !strings.Contains(body, "You entered 10 digits") {
			t.Fatal(plainText(body))
		}
		for q, f := range map[string]url.Values{
			"fact-name": {"name": {"Ayesha Siddiqui"}}, "fact-national_number": {"national_number": {"۶۹۹۰۱-۴۱۸۲۷۳۶-۴"}}, "fact-district": {"district": {"islamabad"}},
			"child": {"child_name": {"مریم"}}, "born": {"child_birth-day": {"1"}, "child_birth-month": {"10"}, "child_birth-year": {"2026"}},
			"where": {"born_here": {"yes"}}, "entry": {"entry": {""}}, "parent": {"parent": {"mother"}},
		} {
			a.post("/applications/"+r+"/q/"+q, f, 303)
		}
		if check := plainText(a.get("/applications/"+r+"/check", 200)); !strings.Contains(check, "You told us") || !strings.Contains(check, "69901-4182736-4") {
			t.Fatal(check)
		}
		sent, _ := a.post("/applications/"+r+"/submit", nil, 303) // free of charge
		if sent != "/applications/"+r+"/sent" {
			t.Fatal(sent)
		}
		w.eventually("received without a fee", func() bool { return w.application(r).State == InOffice })
		if body := string(w.fakes.intake(t).Papers[0].Body); !strings.Contains(body, "stated by the applicant") {
			t.Fatal(body)
		}
	})
}

func TestAnswersThatCannotBeRightAreSentBackWithTheRule(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		at, _ := a.post("/services/domicile/start", nil, 303)
		r := refOf(at)
		a.post("/applications/"+r+"/consent", url.Values{"consent": {"yes"}}, 303)
		for _, c := range []struct {
			q    string
			f    url.Values
			want string
		}{
			{"residence", url.Values{"resident_since-day": {"31"}, "resident_since-month": {"2"}, "resident_since-year": {"2020"}}, "Month 2 has no day 31"},
			{"residence", url.Values{"resident_since-day": {"1"}, "resident_since-month": {"1"}, "resident_since-year": {"2199"}}, "The date must not be after"},
			{"residence", url.Values{"resident_since-day": {"1"}, "resident_since-year": {"2020"}}, "One of them is missing"},
			{"home", url.Values{"home": {"castle"}}, "Choose one of the answers"},
			{"phone", url.Values{"phone": {"0300 123456"}}, "you entered 9 digits"},
			{"phone", url.Values{"phone": {"<script>alert(1)</script>"}}, "cannot be in a telephone number"},
		} {
			_, body := a.post("/applications/"+r+"/q/"+c.q, c.f, 422)
			if !strings.Contains(plainText(body), c.want) {
				t.Errorf("%v: wanted %q in %s", c.f, c.want, plainText(body))
			}
			if strings.Contains(body, "<script>alert") {
				t.Error("the script came back")
			}
		}
		if next := func() string { _, l := a.do("GET", "/applications/"+r, "", nil, 303); return l }(); !strings.HasSuffix(next, "/q/residence") {
			t.Fatalf("something was kept: %s", next)
		}
	})
}

func TestATenantShowsAPaperAndChangesHisMind(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		r := a.apply()
		to, _ := a.post("/applications/"+r+"/q/home", url.Values{"home": {"rented"}}, 303)
		if !strings.HasSuffix(to, "/q/proof") {
			t.Fatal(to)
		}
		if _, body := a.upload("/applications/"+r+"/q/proof", "proof", "evil.html", []byte("<html><script>1</script>"), 422); !strings.Contains(plainText(body), "PDF") {
			t.Fatal(plainText(body))
		}
		a.upload("/applications/"+r+"/q/proof", "proof", "big.pdf", append([]byte("%PDF-1.4"), make([]byte, paperBytes+10)...), 422)
		var photo bytes.Buffer
		_ = png.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 40, 30)))
		if to, _ := a.upload("/applications/"+r+"/q/proof", "proof", "lease.png", photo.Bytes(), 303); !strings.HasSuffix(to, "/check") {
			t.Fatal(to)
		}
		ps := func() (ps []paper) {
			_ = w.court.DB.View(context.Background(), func(tx *store.Tx) (err error) {
				ps, err = papersOf(tx, w.application(r).ID)
				return err
			})
			return ps
		}
		if got := ps(); len(got) != 1 || got[0].MediaType != "image/jpeg" || bytes.Contains(got[0].Body, []byte("JFIF")) {
			t.Fatalf("kept %+v", got)
		}
		a.post("/applications/"+r+"/q/home?check", url.Values{"home": {"own"}}, 303)
		a.post("/applications/"+r+"/submit", nil, 303)
		w.emit(store.Event{Type: "payments.fee.paid", Subject: "x", Actor: "x", Data: feePaid{Fee: w.application(r).Fee}})
		w.eventually("received", func() bool { return w.application(r).State == InOffice })
		if in := w.fakes.intake(t); len(in.Papers) != 1 {
			t.Fatal("the office got a paper for a question that was answered otherwise")
		}
	})
}

func TestAFeeThatRanOutIsAskedAgain(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		r := a.apply()
		a.post("/applications/"+r+"/submit", nil, 303)
		first := w.application(r)
		if err := w.court.DB.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("update services_application set fee_expires = 1 where id = $1", first.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if page := plainText(a.get("/applications/"+r, 200)); !strings.Contains(page, "Get a new payment code") {
			t.Fatal(page)
		}
		a.post("/applications/"+r+"/fee", nil, 303)
		second := w.application(r)
		if second.Fee == first.Fee || len(w.fakes.fees) != 2 {
			t.Fatalf("%s then %s", first.Fee, second.Fee)
		}
		// one cause, so that the payments room lets only one of them be paid
		if c := w.fakes.fees[first.Fee].Cause; c == "" || c != w.fakes.fees[second.Fee].Cause {
			t.Fatalf("causes %q and %q", c, w.fakes.fees[second.Fee].Cause)
		}
		a.post("/applications/"+r+"/fee", nil, 303) // still good: not asked a third time
		if len(w.fakes.fees) != 2 {
			t.Fatal("asked a third time")
		}
	})
}

func TestADraftCanBeLeftTakenUpAndDeleted(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		first, _ := a.post("/services/domicile/start", nil, 303)
		second, _ := a.post("/services/domicile/start", nil, 303)
		if first != second {
			t.Fatalf("two drafts of one service: %s %s", first, second)
		}
		if home := plainText(a.get("/", 200)); !strings.Contains(home, "Go on with your application") {
			t.Fatal(home)
		}
		a.post("/applications/"+refOf(first)+"/withdraw", nil, 303)
		a.get("/applications/"+refOf(first), 404)
	})
}

func TestThePublicFrontFindsServicesInBothLanguages(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		s := w.stranger()
		if page := plainText(s.get("/", 200)); !strings.Contains(page, "What do you need?") || !strings.Contains(page, "Domicile certificate") {
			t.Fatal(page)
		}
		for q, want := range map[string]string{"scholar": "scholarship", "visa": "character", "داخلہ": "domicile", "پولیس": "character", "دكان": "trade-licence", "zzz": ""} {
			page := s.get("/services?q="+url.QueryEscape(q), 200)
			if want != "" && !strings.Contains(page, `href="/services/`+want+`"`) {
				t.Errorf("%q does not find %s", q, want)
			}
			if want == "" && !strings.Contains(page, "We found no service") {
				t.Errorf("%q finds something", q)
			}
		}
		if ur := s.get("/?lang=ur", 303); ur == "" {
			t.Log("language chosen by a redirect")
		}
		if page := s.get("/", 200); !strings.Contains(page, `dir="rtl"`) || !strings.Contains(page, "ڈومیسائل سرٹیفکیٹ") {
			t.Fatal(plainText(page))
		}
		s.get("/services/nothing", 404)
		s.get("/applications", 401)
	})
}
