package payments_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"sarai/rooms/payments/bank"
)

// call asks the interface as JSON.
func (v *street) call(b *http.Client, method, path, key, body string) (int, string) {
	v.t.Helper()
	q, err := http.NewRequest(method, v.URL+path, bytes.NewReader([]byte(body)))
	check(v.t, err)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Origin", v.URL)
	if key != "" {
		q.Header.Set("Idempotency-Key", key)
	}
	res, err := b.Do(q)
	check(v.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(v.t, err)
	return res.StatusCode, string(text)
}

// program is a participant's own program at the interface.
func (v *street) program(participant string) *http.Client {
	return &http.Client{Transport: bearer("program-" + participant)}
}

type bearer string

func (b bearer) RoundTrip(q *http.Request) (*http.Response, error) {
	q.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(q)
}

// theOperatorAdmitsABank goes the operator's way: certificates, admission, test,
// standing, certificates again; by the interface and by the pages.
func theOperatorAdmitsABank(v *street) {
	hina := v.AsOfficial("s-c0001", "sbp.rail")
	status, text := v.call(hina, "GET", "/api/payments/rail", "", "")
	if status != 200 || strings.Count(text, "BEGIN CERTIFICATE") != 2 {
		v.t.Fatal(status, text)
	}
	if status, text := v.call(v.AsCitizen("s-c0002"), "GET", "/api/payments/rail", "", ""); status != 403 {
		v.t.Fatal(status, text)
	}
	keys, err := bank.OpenKeys(v.t.TempDir(), "ZETAPKKA", v.Clock.Now())
	check(v.t, err)
	body, err := json.Marshal(map[string]string{"id": "zeta", "kind": "wallet", "bic": "ZETAPKKA", "code": "ZETA", "name": "Zeta", "name_ur": "زیٹا", "endpoint": "https://127.0.0.1:1/", "prefund": "100.00", "cap": "0.00",
		"tls": bank.PEM(keys.TLS.Certificate[0]), "sign": bank.PEM(keys.Sign.Raw)})
	check(v.t, err)
	for range 2 {
		status, text = v.call(hina, "POST", "/api/payments/participants", "admit-zeta-0000001", string(body))
		if status != 201 || !strings.Contains(text, `"position":"100.00"`) || !strings.Contains(text, `"suspended":true`) {
			v.t.Fatal(status, text)
		}
	}
	if status, text = v.call(hina, "POST", "/api/payments/participants/zeta/test", "test-zeta-00000001", ""); status != 409 || !strings.Contains(text, "payments.admission.silent") {
		v.t.Fatal(status, text)
	}
	if status, text = v.call(hina, "PUT", "/api/payments/participants/zeta/standing", "open-zeta-00000001", `{"suspended":false,"cap":"5.00"}`); status != 409 || !strings.Contains(text, "untested") {
		v.t.Fatal(status, text)
	}
	if status, text = v.call(hina, "PUT", "/api/payments/participants/beta/standing", "open-beta-00000001", `{"suspended":false,"cap":"7.00"}`); status != 200 || !strings.Contains(text, `"cap":"7.00"`) {
		v.t.Fatal(status, text)
	}
	if status, text = v.call(hina, "POST", "/api/payments/participants/beta/test", "test-beta-00000001", ""); status != 200 {
		v.t.Fatal(status, text)
	}
	if status, text = v.call(hina, "GET", "/api/payments/participants", "", ""); status != 200 || !strings.Contains(text, "GAMMPKKA") {
		v.t.Fatal(status, text)
	}
	for _, path := range []string{"/pay/operate", "/pay/operate/admit", "/pay/operate/participant/beta", "/pay/operate/participant/ntb"} {
		res, err := hina.Get(v.URL + path)
		check(v.t, err)
		page, err := io.ReadAll(res.Body)
		check(v.t, err)
		_ = res.Body.Close()
		if res.StatusCode != 200 || strings.Contains(string(page), "payments.participant.") || strings.Contains(string(page), "payments.admission.") {
			v.t.Errorf("%s: %d %.500s", path, res.StatusCode, page)
		}
	}
	theOperatorErrs(v, hina)
}

// theOperatorErrs sends forms with mistakes: the page says all of them in its own
// order, opens what hides one, and keeps what its other forms show.
func theOperatorErrs(v *street, hina *http.Client) {
	send := func(path string, form url.Values) (string, int) {
		q, err := http.NewRequest("POST", v.URL+path, strings.NewReader(form.Encode()))
		check(v.t, err)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("Origin", v.URL)
		res, err := hina.Do(q)
		check(v.t, err)
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		check(v.t, err)
		return string(page), res.StatusCode
	}
	page, status := send("/pay/operate/participant/beta/certificates", url.Values{"purpose": {"tls"}, "certificate": {"no PEM"}})
	if status != 422 || !strings.Contains(page, "<details open>") || !strings.Contains(page, `value="7.00"`) || !regexp.MustCompile(`name="state" value="open" checked`).MatchString(page) {
		v.t.Errorf("a certificate that is none: %d %.3000s", status, page)
	}
	page, status = send("/pay/operate/admit", url.Values{"name": {"Eta"}, "id": {"No Id"}, "bic": {"ETA"}, "code": {"ETA"}, "endpoint": {"http://eta"}, "prefund": {"x"}})
	last := 0
	for _, want := range []string{"Enter the name in Urdu", "Choose bank or wallet", "The short name has", "The BIC has", "The code in IBANs has", "The address begins", "Enter an amount of zero", "that it shows (TLS), from", "that it signs with, from"} {
		at := strings.Index(page, want)
		if at < last {
			v.t.Errorf("%q stands at %d, what comes before it at %d", want, at, last)
		}
		last = at
	}
	if status != 422 {
		v.t.Errorf("an admission with nine mistakes: %d", status)
	}
}
