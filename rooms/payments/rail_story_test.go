package payments_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/envelope"
	"sarai/rooms/payments/wire"
)

func (v *street) expect(letter, status, reason string) {
	v.t.Helper()
	if s, r := v.status(v.send(v.c, letter)); s != status || r != reason {
		v.t.Fatalf("the rail says %s %s, not %s %s", s, r, status, reason)
	}
}

func theSameUETRAgain(v *street) {
	uetr := newUUID()
	letter := v.letter(v.c, v.b, uetr, "10.00")
	before := v.b.Total()
	for range 3 {
		v.expect(letter, "ACSC", "")
	}
	v.expect(strings.Replace(letter, ">10.00<", ">10.01<", 1), "RJCT", "DUPL")
	v.expect(strings.Replace(letter, "<Nm>A</Nm>", "<Nm>Z</Nm>", 1), "RJCT", "DUPL")                                       // whatever was changed
	if _, err := v.send(v.c, strings.ReplaceAll(letter, uetr, strings.ToUpper(uetr))); !errors.Is(err, wire.ErrRejected) { // the standard wants small letters
		v.t.Fatal(err)
	}
	// A refusal stays one too, though it would be accepted now.
	refused := v.letter(v.c, v.b, newUUID(), "11.00")
	check(v.t, v.b.SetState(v.b.customer(2), bank.StateBlocked))
	v.expect(refused, "RJCT", "AC06")
	check(v.t, v.b.SetState(v.b.customer(2), bank.StateOpen))
	v.expect(refused, "RJCT", "AC06")
	// Many at once: one payment.
	crowd := v.letter(v.c, v.b, newUUID(), "12.00")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if s, r := v.status(v.send(v.c, crowd)); s != "ACSC" && s != "ACSP" {
				v.t.Errorf("%s %s", s, r)
			}
		})
	}
	wg.Wait()
	v.agree()
	if got := v.b.Total().Received - before.Received; got != 22_00 {
		v.t.Fatal(got)
	}
}

func aUETRBelongsToOnePaymentForEver(v *street) {
	p := v.pay(v.a, v.b, 13_00)
	v.want(p, bank.Settled, "")
	// The payee's bank cannot make the payment its own by its UETR, nor a third.
	for _, h := range []*house{v.b, v.c} {
		if s, r := v.status(v.send(h, v.letter(h, v.a, p.UETR, "13.00"))); s != "RJCT" || r != "DUPL" {
			v.t.Fatalf("%s: %s %s", h.bic, s, r)
		}
	}
	letter := v.letter(v.c, v.b, newUUID(), "14.00")
	v.expect(letter, "ACSC", "")
	v.Clock.Advance(72 * time.Hour) // the ledger's keys are kept for two days
	v.expect(letter, "ACSC", "")
	v.expect(strings.Replace(letter, ">14.00<", ">15.00<", 1), "RJCT", "DUPL")
}

func aSuspendedBank(v *street) {
	ctx := context.Background()
	v.b.Behave(bank.Mood{Delay: 600 * time.Millisecond})
	done := make(chan bank.Payment)
	go func() { done <- v.pay(v.a, v.b, 16_00) }()
	time.Sleep(250 * time.Millisecond) // it is reserved and on its way
	suspend := func(key string, s payments.Standing) {
		v.t.Helper()
		check(v.t, v.room.SetStanding(ctx, "post/sbp.rail", key, "beta", s))
	}
	suspend("s1", payments.Standing{Suspended: true})
	suspend("s1", payments.Standing{Suspended: true})
	v.want(<-done, bank.Settled, "") // what was open is finished
	v.b.Behave(bank.Mood{})
	v.want(v.pay(v.a, v.b, 17_00), bank.Back, "CNOR")
	v.want(v.pay(v.b, v.a, 17_00), bank.Back, "DNOR")
	if s, _ := v.status(v.send(v.b, question(newUUID()))); s != "RJCT" { // it may still ask
		v.t.Fatal(s)
	}
	suspend("s2", payments.Standing{})
	v.want(v.pay(v.a, v.b, 18_00), bank.Settled, "")
	if err := v.room.SetStanding(ctx, "x", "s3", "nobody", payments.Standing{}); !fault.Is(err, fault.NotFound) {
		v.t.Fatal(err)
	}
	if err := v.room.SetStanding(ctx, "x", "s2", "beta", payments.Standing{Cap: 1}); !fault.Is(err, fault.Conflict) {
		v.t.Fatal(err)
	}
}

func thePrefundIsUsedUp(v *street) {
	ctx := context.Background()
	delta := v.open("delta", "DELTPKKA", "DELT", 1)
	check(v.t, delta.OpenAccount(delta.customer(9), "Rich", 10*prefund))
	pay := func(amount int64) bank.Payment {
		v.t.Helper()
		p, err := delta.Pay(ctx, bank.Order{From: delta.customer(9), To: v.b.customer(2), Bank: v.b.bic, Name: "X", Amount: amount})
		check(v.t, err)
		return p
	}
	v.want(pay(prefund-1_00), bank.Settled, "")
	v.want(pay(1_01), bank.Back, "AM23")
	check(v.t, v.room.SetStanding(ctx, "post/sbp.rail", "cap", "delta", payments.Standing{Cap: 50}))
	v.want(pay(1_51), bank.Back, "AM23")
	v.want(pay(1_50), bank.Settled, "")
	v.want(pay(1), bank.Back, "AM23")
}

func amountsAndCurrencies(v *street) {
	before := v.b.Total()
	for _, c := range []struct{ amount, reason string }{
		{"1e3", ""}, {"-1", ""}, {"۱۲", ""}, {"1234567890123456789", ""}, {"", ""}, {"1,5", ""}, {"NaN", ""}, {"0x10", ""}, {"12.123456", ""},
		{"+5", "AM12"}, {"0", "AM01"}, {"0.00", "AM01"}, {"1.001", "AM12"}, {"123456789012345678", "AM12"}, {"10000000000000.01", "AM02"},
	} {
		m, err := v.send(v.c, v.letter(v.c, v.b, newUUID(), c.amount))
		switch {
		case c.reason == "" && errors.Is(err, wire.ErrRejected):
		case err == nil:
			if s, r := v.status(m, nil); s != "RJCT" || (c.reason != "" && r != c.reason) {
				v.t.Errorf("%q: %s %s, not %s", c.amount, s, r, c.reason)
			}
		default:
			v.t.Errorf("%q: %v", c.amount, err)
		}
	}
	v.expect(strings.Replace(v.letter(v.c, v.b, newUUID(), "5.00"), `Ccy="PKR"`, `Ccy="USD"`, 1), "RJCT", "AM03")
	v.expect(strings.Replace(v.letter(v.c, v.b, newUUID(), "5.00"), `CLRG`, `INDA`, 1), "RJCT", "FF01")
	if after := v.b.Total(); after.Received != before.Received || after.Refused != before.Refused {
		v.t.Fatalf("something came through: %+v %+v", before, after)
	}
}

func inAnothersName(v *street) {
	letter := v.letter(v.c, v.b, newUUID(), "5.00")
	alpha := "<BICFI>ALPHPKKA</BICFI>"
	gamma := "<BICFI>GAMMPKKA</BICFI>"
	v.expect(strings.Replace(letter, gamma, alpha, 1), "RJCT", "DNOR") // InstgAgt
	i := strings.LastIndex(letter, gamma)
	v.expect(letter[:i]+alpha+letter[i+len(gamma):], "RJCT", "DNOR") // DbtrAgt
	for what, h := range map[string]string{
		"Fr": v.header(v.a.bic, v.Pack.Rail.BIC, v.Clock.Now(), "pacs.008.001.08"), "To": v.header(v.c.bic, v.a.bic, v.Clock.Now(), "pacs.008.001.08"),
		"MsgDefIdr": v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now(), "pacs.009.001.08"),
		"old":       v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now().Add(-wire.Window-time.Second), "pacs.008.001.08"),
		"early":     v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now().Add(wire.Window+time.Second), "pacs.008.001.08"),
	} {
		raw, err := envelope.Seal([]byte(h), []byte(letter), v.c.keys.Signer)
		check(v.t, err)
		status, body := v.post(&v.c.keys.TLS, raw)
		if status != http.StatusBadRequest || !strings.Contains(body, "HEADER") {
			v.t.Errorf("%s: %d %.300s", what, status, body)
		}
	}
}

func (v *street) header(from, to string, at time.Time, name string) string {
	return fmt.Sprintf(`<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><Fr><FIId><FinInstnId><BICFI>%s</BICFI></FinInstnId></FIId></Fr><To><FIId><FinInstnId><BICFI>%s</BICFI></FinInstnId></FIId></To><BizMsgIdr>B1</BizMsgIdr><MsgDefIdr>%s</MsgDefIdr><CreDt>%s</CreDt></AppHdr>`, from, to, name, wire.DateTime(at))
}

// post sends bytes by a certificate, which may be none.
func (v *street) post(cert *tls.Certificate, body []byte, headers ...string) (int, string) {
	v.t.Helper()
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true} //nolint:gosec // a test of the other side
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	q, err := http.NewRequest(http.MethodPost, v.url, bytes.NewReader(body))
	check(v.t, err)
	q.Header.Set("Content-Type", envelope.MediaType)
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// sealed is a good letter in a good envelope.
func (v *street) sealed() []byte {
	v.t.Helper()
	raw, err := envelope.Seal([]byte(v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now(), "pacs.008.001.08")), []byte(v.letter(v.c, v.b, newUUID(), "5.00")), v.c.keys.Signer)
	check(v.t, err)
	return raw
}

func certificates(v *street) {
	raw := v.sealed()
	if status, body := v.post(nil, raw); status != 0 {
		v.t.Errorf("without a certificate: %d %s", status, body)
	}
	stranger, err := bank.OpenKeys(v.t.TempDir(), "STRAPKKA", v.Clock.Now())
	check(v.t, err)
	if status, body := v.post(&stranger.TLS, raw); status != http.StatusForbidden || strings.Contains(body, "<") {
		v.t.Errorf("unknown: %d %s", status, body)
	}
	if status, _ := v.post(&v.a.keys.TLS, raw); status != http.StatusBadRequest { // another participant's
		v.t.Errorf("another's: %d", status)
	}
	ctx := context.Background()
	// A certificate that is over, though it was handed over.
	old, err := bank.OpenKeys(v.t.TempDir(), v.c.bic, v.Clock.Now().AddDate(-3, 0, 0))
	check(v.t, err)
	leaf, err := x509.ParseCertificate(old.TLS.Certificate[0])
	check(v.t, err)
	check(v.t, v.room.Certify(ctx, "post/sbp.rail", "gamma", "tls", leaf))
	check(v.t, v.room.Certify(ctx, "post/sbp.rail", "gamma", "sign", old.Sign))
	if status, _ := v.post(&old.TLS, raw); status != http.StatusForbidden {
		v.t.Errorf("expired: %d", status)
	}
	expired, err := envelope.Seal([]byte(v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now(), "pacs.008.001.08")), []byte(v.letter(v.c, v.b, newUUID(), "5.00")), old.Signer)
	check(v.t, err)
	if status, body := v.post(&v.c.keys.TLS, expired); status != http.StatusBadRequest || !strings.Contains(body, "SIGNATURE") {
		v.t.Errorf("an expired signature: %d %.200s", status, body)
	}
	// A new pair beside the old one, then the old one is taken away.
	fresh, err := bank.OpenKeys(v.t.TempDir(), v.c.bic, v.Clock.Now())
	check(v.t, err)
	if leaf, err = x509.ParseCertificate(fresh.TLS.Certificate[0]); err != nil {
		v.t.Fatal(err)
	}
	check(v.t, v.room.Certify(ctx, "post/sbp.rail", "gamma", "tls", leaf))
	check(v.t, v.room.Certify(ctx, "post/sbp.rail", "gamma", "tls", leaf))
	if err := v.room.Certify(ctx, "post/sbp.rail", "alpha", "tls", leaf); !fault.Is(err, fault.Conflict) {
		v.t.Errorf("one certificate for two: %v", err)
	}
	if status, body := v.post(&fresh.TLS, raw); status != http.StatusOK {
		v.t.Errorf("the new one: %d %s", status, body)
	}
	f := wire.Fingerprint(leaf)
	check(v.t, v.room.Revoke(ctx, "post/sbp.rail", "gamma", f[:]))
	if status, _ := v.post(&fresh.TLS, raw); status != http.StatusForbidden {
		v.t.Errorf("the revoked one: %d", status)
	}
	own, err := x509.ParseCertificate(v.a.keys.TLS.Certificate[0])
	check(v.t, err)
	f = wire.Fingerprint(own)
	if err := v.room.Revoke(ctx, "post/sbp.rail", "alpha", f[:]); !fault.Is(err, fault.Conflict) {
		v.t.Errorf("the last one: %v", err)
	}
	// The rail's side: a bank that shows another certificate than the one handed over.
	wrong := v.open("wrong", "WRNGPKKA", "WRNG", 1)
	cert := v.a.keys.TLS
	address := serve(v.t, &http.Server{Handler: wrong.Handler(), ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}})
	check(v.t, v.room.Move(ctx, "post/sbp.rail", "wrong", "https://"+address+"/"))
	if err := v.room.Examine(ctx, "post/sbp.rail", "wrong"); !fault.Is(err, fault.Conflict) {
		v.t.Errorf("a bank at another's address: %v", err)
	}
	v.want(v.pay(v.a, wrong, 1_00), bank.Back, "CNOR") // it is not live there
}

func messagesThatAreNotTaken(v *street) {
	before := v.b.Total()
	good := v.sealed()
	head := v.header(v.c.bic, v.Pack.Rail.BIC, v.Clock.Now(), "pacs.008.001.08")
	letter := v.letter(v.c, v.b, newUUID(), "5.00")
	bare, err := envelope.Join([]byte(head), []byte(letter))
	check(v.t, err)
	others, err := envelope.Seal([]byte(head), []byte(letter), v.a.keys.Signer)
	check(v.t, err)
	// The signed document moved aside and another one in its place.
	i, j := bytes.Index(good, []byte("<Document")), bytes.Index(good, []byte("</Document>"))+len("</Document>")
	document := good[i:j]
	wrapped := bytes.Replace(good, document, bytes.Replace(document, []byte(">5.00<"), []byte(">9.00<"), 1), 1)
	beside := bytes.Replace(good, []byte("</Message>"), append(append([]byte("<Old>"), document...), []byte("</Old></Message>")...), 1)
	twice := bytes.Replace(good, document, append(bytes.Replace(document, []byte(">5.00<"), []byte(">9.00<"), 1), document...), 1)
	dtd := bytes.Replace(good, []byte("<Message"), []byte("<!DOCTYPE Message [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Message"), 1)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(good)
	_ = z.Close()
	foreign, err := envelope.Seal([]byte(strings.ReplaceAll(head, "pacs.008.001.08", "pacs.009.001.08")), []byte(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.999.001.01"><X/></Document>`), v.c.keys.Signer)
	check(v.t, err)
	for _, c := range []struct {
		what   string
		body   []byte
		status int
		code   string
		header []string
	}{
		{"unsigned", bare, 400, "SIGNATURE", nil},
		{"another participant's signature", others, 400, "SIGNATURE", nil},
		{"changed", wrapped, 400, "SIGNATURE", nil},
		{"wrapped", beside, 400, "MALFORMED", nil},
		{"two documents", twice, 400, "MALFORMED", nil},
		{"a DTD", dtd, 400, "MALFORMED", nil},
		{"gzip in silence", zipped.Bytes(), 400, "MALFORMED", nil},
		{"gzip", zipped.Bytes(), 415, "", []string{"Content-Encoding", "gzip"}},
		{"JSON", []byte("{}"), 415, "", []string{"Content-Type", "application/json"}},
		{"too large", bytes.Repeat([]byte(" "), 2<<20), 413, "", nil},
		{"nothing", nil, 400, "MALFORMED", nil},
		{"a message of no standard", foreign, 400, "HEADER", nil},
	} {
		status, body := v.post(&v.c.keys.TLS, c.body, c.header...)
		if status != c.status || !strings.Contains(body, c.code) {
			v.t.Errorf("%s: %d %.400s", c.what, status, body)
		}
		if strings.Contains(body, "Customer") || strings.Contains(body, v.c.customer(1)) {
			v.t.Errorf("%s: the answer repeats content: %s", c.what, body)
		}
	}
	if after := v.b.Total(); after != before {
		v.t.Fatalf("something came through: %+v %+v", before, after)
	}
}

func somebodyElsesPayment(v *street) {
	p := v.pay(v.a, v.b, 19_00)
	for h, want := range map[*house]string{v.a: "ACSC ", v.b: "ACSC ", v.c: "RJCT NOOR"} {
		s, r := v.status(v.send(h, question(p.UETR)))
		if s+" "+r != want {
			v.t.Errorf("%s: %s %s", h.bic, s, r)
		}
	}
	if _, err := v.send(v.a, strings.Replace(question(p.UETR), "<TxInf><OrgnlUETR>"+p.UETR+"</OrgnlUETR></TxInf>", "", 1)); !errors.Is(err, wire.ErrRejected) {
		v.t.Error(err)
	}
}

func anAccountThatTheHouseKeeps(v *street) {
	iban, id := v.room.Hosted(v.t)
	before := v.room.BalanceForTest(v.t, id)
	var to country.Bank
	for _, b := range v.Pack.Banks {
		if b.Code == iban[4:8] {
			to = b
		}
	}
	pay := func(bic, iban string, amount int64) bank.Payment {
		v.t.Helper()
		p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: iban, Bank: bic, Name: "X", Amount: amount, Note: "school fee"})
		check(v.t, err)
		return p
	}
	p := pay(to.BIC, iban, 20_00)
	v.want(p, bank.Settled, "")
	if t := v.room.TransferForTest(v.t, p.UETR); t.Purpose != "school fee" || t.Event == "" {
		v.t.Errorf("%+v", t)
	}
	v.want(pay(to.BIC, v.b.customer(1), 1_00), bank.Back, "AC03") // another bank's account
	other := "NTBKPKKA"
	if to.BIC == other {
		other = "MRGLPKKA"
	}
	v.want(pay(other, iban, 1_00), bank.Back, "AC03")
	if after := v.room.BalanceForTest(v.t, id); after-before != 20_00 {
		v.t.Fatal(before, after)
	}
	// A UETR of a payment that is on its way cannot be finished by another bank's
	// payment to a hosted account.
	v.b.Behave(bank.Mood{Delay: 500 * time.Millisecond, Refuse: 1000})
	defer v.b.Behave(bank.Mood{})
	uetr := newUUID()
	done := make(chan bank.Payment)
	go func() {
		p, _ := v.a.Pay(context.Background(), bank.Order{UETR: uetr, From: v.a.customer(1), To: v.b.customer(2), Bank: v.b.bic, Name: "X", Amount: 21_00})
		done <- p
	}()
	time.Sleep(200 * time.Millisecond)
	theft := strings.Replace(strings.Replace(v.letter(v.c, v.b, uetr, "21.00"), v.b.bic, to.BIC, 1), v.b.customer(2), iban, 1)
	v.expect(theft, "RJCT", "DUPL")
	v.want(<-done, bank.Back, "AM21")
}

func theRailIsKilledBetweenReservingAndAnswering(v *street) {
	again := v.room.LoseEnds()
	defer again()
	p := v.pay(v.a, v.b, 22_00)
	v.want(p, bank.Pending, "")
	if q, ok := v.b.Payment(p.UETR); !ok || q.State != bank.Pending {
		v.t.Fatalf("%+v", q)
	}
	if at := v.room.PositionForTest(v.t, "alpha"); at.Held != 22_00 {
		v.t.Fatal(at.Held)
	}
	again()
	v.Clock.Advance(payments.ReservationTime + time.Second)
	v.want(v.ended(v.a, p.UETR), bank.Back, "AB03")
	v.want(v.ended(v.b, p.UETR), bank.Back, "AB03")
}

func manyPaymentsInAllMoods(v *street) {
	stop := make(chan struct{})
	var moods, wg sync.WaitGroup
	moods.Go(func() {
		for {
			for _, h := range []*house{v.a, v.b} {
				h.Behave(bank.Mood{Delay: time.Duration(rand.IntN(20)) * time.Millisecond, Refuse: 100, Deaf: rand.IntN(3) == 0, Silent: rand.IntN(12) == 0}) //nolint:gosec // moods
			}
			select {
			case <-stop:
				for _, h := range []*house{v.a, v.b} {
					h.Behave(bank.Mood{})
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for i := range 16 {
		from, to := v.a, v.b
		if i%2 == 1 {
			from, to = to, from
		}
		wg.Go(func() {
			for range rounds {
				_, err := from.Pay(context.Background(), bank.Order{From: from.customer(int64(5 + rand.IntN(10))), To: to.customer(int64(5 + rand.IntN(10))), Bank: to.bic, Name: "X", Amount: 1 + rand.Int64N(50_00)}) //nolint:gosec // a crowd
				if err != nil && !errors.Is(err, bank.ErrFunds) {
					v.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	moods.Wait()
	v.agree()
	v.t.Logf("alpha %+v, beta %+v", v.a.Total(), v.b.Total())
}
