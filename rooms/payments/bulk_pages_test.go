package payments_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"sarai/rooms/payments"
)

// handIn sends the form of a program with a file, as a browser does.
func (v *village) handIn(b *http.Client, program, period, lines, total, file string) (to, page string, status int) {
	v.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, value := range map[string]string{"period": period, "lines": lines, "total": total} {
		check(v.t, m.WriteField(name, value))
	}
	part, err := m.CreateFormFile("file", "list.csv")
	check(v.t, err)
	_, err = io.WriteString(part, file)
	check(v.t, err)
	check(v.t, m.Close())
	q, err := http.NewRequest(http.MethodPost, v.URL+"/bulk/program/"+program, &body)
	check(v.t, err)
	q.Header.Set("Content-Type", m.FormDataContentType())
	q.Header.Set("Origin", v.URL)
	res, err := b.Do(q)
	check(v.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(v.t, err)
	return res.Header.Get("Location"), string(text), res.StatusCode
}

// officialsAtTheirPages leads a file through the pages of three officials and
// its beneficiary.
func officialsAtTheirPages(t *testing.T, v *village) {
	p := &place{Court: v.Court, room: v.room, t: t}
	maker, checker, releaser := v.AsOfficial("s-rubina", "bisp.payments"), v.AsOfficial("s-tariq", "bisp.accounts"), v.AsOfficial("s-aftab", "bisp.director")
	stranger := v.AsOfficial("s-hina", "sbp.rail")
	urdu := v.csv(0, 2, "۵۰۰") + "x,y\n"
	if _, page, status := v.handIn(maker, "kafaalat", "2028-01", "2", "1000", urdu); status != 422 || !strings.Contains(page, "Line 2: the amount is in Urdu digits") || !strings.Contains(page, "Line 3: the amount") {
		t.Errorf("urdu digits: %d %s", status, page)
	}
	file := v.csv(0, 5, "500") + "H9,PK36SCBL0000001123456702,500\r\n"
	if _, page, status := v.handIn(maker, "kafaalat", "2028-01", "5", "3000", file); status != 422 || !strings.Contains(page, "You told 5 people, the file has 6") {
		t.Errorf("wrong totals: %d", status)
	}
	if _, _, status := v.handIn(checker, "kafaalat", "2028-01", "6", "3000", file); status != http.StatusForbidden {
		t.Errorf("the checker hands a file in: %d", status)
	}
	to, _, status := v.handIn(maker, "kafaalat", "2028-01", "6", "3,000", file)
	if status != http.StatusSeeOther {
		t.Fatalf("not taken: %d", status)
	}
	var no int64
	_, err := fmt.Sscanf(to, "/bulk/file/%d", &no)
	check(t, err)
	v.until(no, payments.BulkValidated)
	for who, want := range map[*http.Client]string{maker: "Take this file back", checker: "Confirm the check"} {
		if page, status := p.get(who, to); status != 200 || !strings.Contains(page, want) || !strings.Contains(page, "There is no such account.") {
			t.Errorf("%d, no %q", status, want)
		}
	}
	if _, status := p.get(stranger, to); status != http.StatusForbidden {
		t.Errorf("a stranger sees the file: %d", status)
	}
	if _, status, _ := p.post(maker, to+"/check", "sure", "yes"); status != http.StatusForbidden {
		t.Errorf("the maker checks: %d", status)
	}
	if page, status, _ := p.post(checker, to+"/check"); status != 422 || !strings.Contains(page, "Tick the box") {
		t.Errorf("unsure: %d", status)
	}
	if _, status, _ := p.post(checker, to+"/check", "sure", "yes"); status != http.StatusSeeOther {
		t.Errorf("check: %d", status)
	}
	if page, status, _ := p.post(releaser, to+"/reject", "note", ""); status != 422 || !strings.Contains(page, "Write why") {
		t.Errorf("rejected without a reason: %d", status)
	}
	if _, status, _ := p.post(releaser, to+"/release", "sure", "yes"); status != http.StatusSeeOther {
		t.Errorf("release: %d", status)
	}
	b := v.until(no, payments.BulkDone)
	if b.Paid != 5 {
		t.Fatalf("%+v", b)
	}
	check(t, v.room.Settled())
	page, _ := p.get(v.AsCitizen("s-"+v.demo.Citizens[0].Key), "/wallet")
	for _, want := range []string{"From government programmes", "Quarterly cash support · January 2028", "In your account", "/wallet/payment/"} {
		if !strings.Contains(page, want) {
			t.Errorf("the beneficiary’s page has no %q", want)
		}
	}
	at := strings.Index(page, "/wallet/payment/00")
	if at < 0 {
		t.Fatal("no link to the payment")
	}
	link := page[at : at+strings.IndexByte(page[at:], '"')]
	if page, status := p.get(v.AsCitizen("s-"+v.demo.Citizens[0].Key), link); status != 200 || !strings.Contains(page, "500.00") {
		t.Errorf("%s: %d", link, status)
	}
	if proof, status := p.get(v.AsCitizen("s-"+v.demo.Citizens[0].Key), link+"/receipt"); status != 200 || !payments.IsReceipt([]byte(proof)) {
		t.Errorf("the beneficiary's receipt: %d %.80s", status, proof)
	}
	if proof, status := p.get(v.AsCitizen("s-"+v.demo.Citizens[1].Key), link+"/receipt"); status == 200 {
		t.Errorf("somebody else's receipt: %.80s", proof)
	}
	if rest, _ := p.get(maker, to+"/rest.csv"); !strings.Contains(rest, "6,H9,6702,500.00,bad,AC03,There is no such account.") {
		t.Errorf("remainder: %s", rest)
	}
	for _, path := range []string{"/bulk", "/bulk/program/taleem", to, to + "/rest"} {
		q, _ := http.NewRequest("GET", v.URL+path, nil)
		q.Header.Set("Accept-Language", "ur")
		res, err := maker.Do(q)
		check(t, err)
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || bytes.Contains(text, []byte("payments.bulk.")) || bytes.Contains(text, []byte("[payments")) {
			t.Errorf("%s in Urdu: %d", path, res.StatusCode)
		}
	}
	if body, status := p.get(maker, fmt.Sprintf("/api/payments/bulk/%d", no)); status != 200 || !strings.Contains(body, `"group_status":"PART"`) {
		t.Errorf("%d %s", status, body)
	}
	if body, status := p.get(maker, fmt.Sprintf("/api/payments/bulk/%d/lines?limit=2", no)); status != 200 || !strings.Contains(body, `"status":"ACSC"`) || !strings.Contains(body, `"next":2`) {
		t.Errorf("%d %s", status, body)
	}
	if _, status := p.get(stranger, fmt.Sprintf("/api/payments/bulk/%d/lines", no)); status != http.StatusForbidden {
		t.Errorf("a stranger reads the lines: %d", status)
	}
}
