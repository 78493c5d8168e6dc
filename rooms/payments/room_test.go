package payments_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/tlog"
	"sarai/rooms/payments"
)

// names stands for the identity room.
type names struct{}

func (names) Name(_ context.Context, subject, _ string) (en, ur string, err error) {
	return "Sana Malik", "ثنا ملک", nil
}

// TestTheRoom tells the stories in a small seeded country on both engines. The
// pseudonym of citizen c0007 is "s-c0007".
func TestTheRoom(t *testing.T) {
	t.Parallel()
	stories := []struct {
		name string
		tell func(t *testing.T, v *place)
	}{
		{"a citizen pays a fee", aCitizenPaysAFee},
		{"two pay the same fee at once", twoPayTheSameFeeAtOnce},
		{"of two requests for one thing one is paid", ofTwoRequestsForOneThingOneIsPaid},
		{"two requests for one thing are paid at once", twoRequestsForOneThingArePaidAtOnce},
		{"an old payment is found", anOldPaymentIsFound},
		{"a quiet payment has a receipt in two levels", aQuietPaymentHasAReceiptInTwoLevels},
		{"amounts as people type them", amountsAsPeopleTypeThem},
		{"a new citizen opens a wallet and pays at a till", aNewCitizenOpensAWalletAndPaysAtATill},
		{"the interface", theInterface},
		{"pages in both languages", pagesInBothLanguages},
		{"a reservation that nobody commits comes back", aReservationThatNobodyCommitsComesBack},
		{"a bad code is refused in words", aBadCodeIsRefusedInWords}, // last: it moves the clock
	}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		demo := court.Pack.Demo(7, country.DemoVillage)
		check(t, room.Seed(context.Background(), demo, func(key string) string { return "s-" + key }))
		check(t, room.Seed(context.Background(), demo, func(key string) string { return "s-" + key })) // a second time changes nothing
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				v := &place{Court: court, room: room, t: t, before: map[string]int{}}
				for _, e := range []string{payments.FeePaid, payments.TransferReserved, payments.TransferCommitted, payments.TransferAborted} {
					v.before[e] = v.count(e)
				}
				story.tell(t, v)
			})
		}
	})
}

type place struct {
	*courttest.Court
	room   *payments.Room
	t      *testing.T
	before map[string]int // events when the story began
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get reads a page.
func (v *place) get(b *http.Client, path string) (string, int) {
	v.t.Helper()
	res, err := b.Get(v.URL + path)
	check(v.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(v.t, err)
	return string(body), res.StatusCode
}

// post sends a form and gives where it leads, or the page it answers with.
func (v *place) post(b *http.Client, path string, fields ...string) (body string, status int, to string) {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	q, err := http.NewRequest(http.MethodPost, v.URL+path, strings.NewReader(form.Encode()))
	check(v.t, err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", v.URL)
	res, err := b.Do(q)
	check(v.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(v.t, err)
	return string(text), res.StatusCode, res.Header.Get("Location")
}

// fee asks for a fee as a service does.
func (v *place) fee(key, subject string, amount int64) (id string) {
	v.t.Helper()
	check(v.t, v.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		id, err = v.room.Ask(tx, payments.FeeRequest{Key: key, Subject: subject, Payee: "agpr.treasury", Amount: amount, Currency: "PKR", Purpose: "Domicile certificate", Expires: v.Clock.Now().Add(48 * time.Hour)})
		return err
	}))
	return id
}

// data reads a data attribute of a page.
func data(page, name string) string {
	m := regexp.MustCompile(`data-` + name + `="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// pay walks from a code to the payment's page.
func (v *place) pay(b *http.Client, from, code, amount string) (page string, transfer string) {
	v.t.Helper()
	body, status, to := v.post(b, "/wallet/pay", "from", from, "to", code)
	if status != http.StatusSeeOther {
		v.t.Fatalf("the code was not taken: %d %s", status, said(body))
	}
	body, status, to = v.post(b, to, "amount", amount)
	if status != http.StatusSeeOther {
		v.t.Fatalf("the payment was not taken: %d %s", status, said(body))
	}
	page, _ = v.get(b, to)
	return page, data(page, "transfer")
}

// said gives the words of a page.
func said(page string) string {
	page = page[max(strings.Index(page, "<main"), 0):]
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))), " ")
}

// count says how many events of a type the story has made.
func (v *place) count(event string) int {
	v.t.Helper()
	n := 0
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select (select count(*) from journal_event where type = $1) + (select count(*) from journal_outbox where type = $1)", event).Scan(&n)
	}))
	return n - v.before[event]
}

// allGreen looks at what the rail's operator looks at.
func (v *place) allGreen() {
	v.t.Helper()
	page, status := v.get(v.AsOfficial("s-hina", "sbp.rail"), "/pay/operate")
	if status != http.StatusOK || strings.Count(page, "Holds") != 8 || strings.Contains(page, "Broken") {
		v.t.Errorf("the operator's page: %d %s", status, said(page))
	}
}

func aCitizenPaysAFee(t *testing.T, v *place) {
	fee := v.fee("application-1", "s-ayesha", 20_000)
	if again := v.fee("application-1", "s-ayesha", 20_000); again != fee {
		t.Fatal("asked twice, two fees")
	}
	public, status := v.get(v.Browser(), "/pay/"+fee)
	if status != http.StatusOK || !strings.Contains(said(public), "200.00") || !strings.Contains(public, "Government of Pakistan fees") || strings.Contains(public, "Ayesha") {
		t.Fatalf("the public page: %d %s", status, said(public))
	}
	v.zbar(fee)

	ayesha := v.AsCitizen("s-ayesha")
	asked, status := v.get(ayesha, "/wallet/pay?fee="+fee)
	if status != http.StatusOK || !strings.Contains(said(asked), "Government of Pakistan fees") {
		t.Fatalf("%d %s", status, said(asked))
	}
	code := html.UnescapeString(regexp.MustCompile(`name="to" value="([^"]*)"`).FindStringSubmatch(asked)[1])
	page, transfer := v.pay(ayesha, "person-ayesha", code, "")
	if data(page, "phase") != "committed" || !strings.Contains(page, "Download the receipt") {
		t.Fatal(said(page))
	}

	// The receipt holds without us.
	receipt, status := v.get(ayesha, "/wallet/payment/"+transfer+"/receipt")
	if status != http.StatusOK {
		t.Fatal(status, receipt)
	}
	proof, err := tlog.Verify([]byte(receipt), v.Log.VerifierKey())
	check(t, err)
	if proof.Event.Type != payments.TransferCommitted {
		t.Fatalf("%+v", proof.Event)
	}
	if v.count(payments.FeePaid) != 1 {
		t.Fatal("fee.paid was not said once")
	}

	// Nobody pays it a second time, nobody else sees it.
	body, status, _ := v.post(ayesha, "/wallet/pay", "from", "person-ayesha", "to", code)
	if status != http.StatusUnprocessableEntity || !strings.Contains(said(body), "paid already") {
		t.Errorf("paid again: %d %s", status, said(body))
	}
	if _, status := v.get(v.AsCitizen("s-bilal"), "/wallet/payment/"+transfer); status != http.StatusForbidden {
		t.Errorf("somebody else sees the payment: %d", status)
	}
	if done, _ := v.get(v.Browser(), "/pay/"+fee); data(done, "phase") != "paid" || data(done, "code") != "" {
		t.Error("the fee's page does not say that it is paid")
	}
	history, _ := v.get(ayesha, "/wallet")
	if !strings.Contains(said(history), "Government of Pakistan fees") || !strings.Contains(said(history), "Opening balance") {
		t.Error(said(history))
	}
	v.allGreen()
}

// zbar lets another program read the picture of a fee's code.
func (v *place) zbar(fee string) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		v.t.Log("zbarimg is not installed (Debian package zbar-tools): the picture is not read by another program")
		return
	}
	png, status := v.get(v.Browser(), "/pay/"+fee+"/code.png")
	file := filepath.Join(v.t.TempDir(), "code.png")
	check(v.t, os.WriteFile(file, []byte(png), 0o600))
	out, err := exec.Command(zbar, "--raw", "-q", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil || status != http.StatusOK || !strings.HasPrefix(string(out), "000201010212") || !strings.Contains(string(out), "حکومتِ پاکستان") {
		v.t.Errorf("zbarimg read %q (%d, %v)", out, status, err)
	}
}

func twoPayTheSameFeeAtOnce(t *testing.T, v *place) {
	fee := v.fee("application-2", "s-ayesha", 20_000)
	page, _ := v.get(v.Browser(), "/pay/"+fee)
	code := data(page, "code")
	type payer struct {
		b     *http.Client
		order string
	}
	var payers []payer
	for _, who := range []string{"ayesha", "bilal", "c0017", "c0018"} {
		b := v.AsCitizen("s-" + who)
		_, status, to := v.post(b, "/wallet/pay", "from", "person-"+who, "to", code)
		if status != http.StatusSeeOther {
			t.Fatal(who, status)
		}
		payers = append(payers, payer{b, to}, payer{b, to}) // everybody presses twice
	}
	type outcome struct {
		status int
		to     string
	}
	results := make(chan outcome, len(payers))
	for _, p := range payers {
		go func() {
			_, status, to := v.post(p.b, p.order)
			results <- outcome{status, to}
		}()
	}
	where := map[string]bool{}
	for range payers {
		switch o := <-results; o.status {
		case http.StatusSeeOther:
			where[o.to] = true
		case http.StatusUnprocessableEntity:
		default:
			t.Errorf("status %d", o.status)
		}
	}
	if len(where) != 1 || v.count(payments.FeePaid) != 1 || v.count(payments.TransferCommitted) != 1 {
		t.Errorf("paid by %d transfers, %d committed", len(where), v.count(payments.TransferCommitted))
	}
	v.allGreen()
}

func aBadCodeIsRefusedInWords(t *testing.T, v *place) {
	b := v.AsCitizen("s-ayesha")
	code := func() string {
		page, _ := v.get(v.Browser(), "/pay/"+v.fee(fmt.Sprint("k", time.Now().UnixNano()), "s-ayesha", 20_000))
		return data(page, "code")
	}
	changed := resealed(strings.Replace(code(), "5406200.00", "5406100.00", 1))
	swapped := resealed(strings.Replace(code(), "PK41NTBK0000100000000001", "PK14NTBK0000100000000002", 1))
	full := code()
	unsigned := resealed(full[:strings.Index(full, "8035")] + "63040000")
	old := code()
	for _, c := range []struct{ story, code, want string }{
		{"nothing", "", "Paste a code"},
		{"a poem", "the quick brown fox", "neither a payment code nor an account number"},
		{"a damaged code", old[:len(old)-1] + "?", "damaged"},
		{"a smaller amount", changed, "changed after it was made"},
		{"another account", swapped, "changed after it was made"},
		{"without the signature", unsigned, "changed after it was made"},
		{"another country", "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A", "another country"},
		{"nobody's account", "PK36SCBL0000001123456702", "no account under this"},
		{"script", "<script>alert(1)</script>", "neither a payment code"},
		{"somebody without a wallet", "0399 0000001", "no account under this"},
		{"myself", "0399 4182736", "account you pay from"},
	} {
		body, status, _ := v.post(b, "/wallet/pay", "from", "person-ayesha", "to", c.code)
		if status != http.StatusUnprocessableEntity || !strings.Contains(said(body), c.want) || strings.Contains(body, "<script>alert") {
			t.Errorf("%s: %d %s", c.story, status, said(body))
		}
	}
	v.Clock.Advance(16 * time.Minute)
	body, status, _ := v.post(b, "/wallet/pay", "from", "person-ayesha", "to", old)
	if status != http.StatusUnprocessableEntity || !strings.Contains(said(body), "time of this code is over") {
		t.Errorf("an expired code: %d %s", status, said(body))
	}
	urdu := v.AsCitizen("s-ayesha")
	_, _ = v.get(urdu, "/wallet?lang=ur")
	if body, _, _ := v.post(urdu, "/wallet/pay", "from", "person-ayesha", "to", old); !strings.Contains(said(body), "اس کوڈ کی مدت ختم ہو چکی") {
		t.Errorf("in Urdu: %s", said(body))
	}
	if _, status, _ := v.post(b, "/wallet/pay", "from", "person-bilal", "to", "0399 7351924"); status != http.StatusUnprocessableEntity {
		t.Errorf("from somebody else's account: %d", status)
	}
	if v.count(payments.TransferReserved) != 0 {
		t.Error("money was held for a bad code")
	}
}

func resealed(text string) string {
	body := text[:len(text)-4]
	return body + crc(body)
}

// crc is CRC-16/CCITT-FALSE, written again so that the test forges codes
// without the package's help.
func crc(s string) string {
	c := uint16(0xFFFF)
	for _, b := range []byte(s) {
		c ^= uint16(b) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
	}
	return fmt.Sprintf("%04X", c)
}

func amountsAsPeopleTypeThem(t *testing.T, v *place) {
	b := v.AsCitizen("s-ayesha")
	order := func() string {
		_, status, to := v.post(b, "/wallet/pay", "from", "person-ayesha", "to", "0399 7351924")
		if status != http.StatusSeeOther {
			t.Fatal(status)
		}
		return to
	}
	at := order()
	page, _ := v.get(b, at)
	if !strings.Contains(said(page), "B••• Q•••") || strings.Contains(page, "Bilal") {
		t.Errorf("a person's name is not masked: %s", said(page))
	}
	for _, amount := range []string{"", "1e3", "+5", "-1", "0", "0.00", "1.234", "99999999999999999999", "ten"} {
		if body, status, _ := v.post(b, at, "amount", amount); status != http.StatusUnprocessableEntity {
			t.Errorf("%q was taken: %d %s", amount, status, said(body))
		}
	}
	for _, c := range []struct{ typed, want string }{{"۱۲۵۰", "1,250.00"}, {"1,250.5", "1,250.50"}, {"Rs 10", "10.00"}} {
		_, status, to := v.post(b, order(), "amount", c.typed)
		page, _ := v.get(b, to)
		if status != http.StatusSeeOther || data(page, "phase") != "committed" || !strings.Contains(said(page), c.want) {
			t.Errorf("%q: %d %s", c.typed, status, said(page))
		}
	}
	_, _, to := v.post(b, order(), "amount", "199999")
	page, _ = v.get(b, to)
	if data(page, "phase") != "refused" || data(page, "reason") != "AM04" || !strings.Contains(said(page), "not enough money") {
		t.Errorf("more than there is: %s", said(page))
	}
	v.allGreen()
}

func aNewCitizenOpensAWalletAndPaysAtATill(t *testing.T, v *place) {
	sana := v.AsCitizen("s-sana")
	if page, _ := v.get(sana, "/wallet"); !strings.Contains(said(page), "no account yet") {
		t.Fatal(said(page))
	}
	if body, status, _ := v.post(sana, "/wallet/open", "participant", "dastak"); status != http.StatusUnprocessableEntity || !strings.Contains(said(body), "Tick the box") {
		t.Fatal("opened without consent", status)
	}
	if _, status, to := v.post(sana, "/wallet/open", "participant", "dastak", "consent", "yes"); status != http.StatusSeeOther || to != "/wallet" {
		t.Fatal(status, to)
	}
	page, _ := v.get(sana, "/wallet")
	from := regexp.MustCompile(`/wallet/account/([^/"]+)/cash-in`).FindStringSubmatch(page)[1]
	for range 2 { // the same form sent twice
		if _, status, _ := v.post(sana, "/wallet/account/"+from+"/cash-in", "key", "once-and-again", "amount", "5000"); status != http.StatusSeeOther {
			t.Fatal(status)
		}
	}
	if page, _ = v.get(sana, "/wallet"); !strings.Contains(said(page), "5,000.00") || strings.Contains(said(page), "10,000.00") {
		t.Fatal(said(page))
	}
	if _, status, _ := v.post(v.AsCitizen("s-ayesha"), "/wallet/account/"+from+"/cash-in", "key", "theft", "amount", "5000"); status != http.StatusForbidden {
		t.Error("cash into another's account:", status)
	}

	bilal := v.AsCitizen("s-bilal")
	_, status, till := v.post(bilal, "/till/merchant-bilal", "amount", "۳۵۰", "what", "rice", "key", "sale-1")
	// the key becomes part of the sale's events: nothing but what the page made
	if _, status, _ := v.post(bilal, "/till/merchant-bilal", "amount", "350", "what", "rice", "key", "for Sana Malik"); status != http.StatusUnprocessableEntity {
		t.Errorf("words as a key: %d", status)
	}
	if _, _, again := v.post(bilal, "/till/merchant-bilal", "amount", "۳۵۰", "what", "rice", "key", "sale-1"); again != till {
		t.Error("one sale, two codes")
	}
	sale, _ := v.get(bilal, till)
	code := data(sale, "code")
	if status != http.StatusSeeOther || !strings.Contains(code, "5406350.00") || !strings.Contains(code, "قریشی کریانہ") {
		t.Fatalf("%d %s", status, said(sale))
	}
	if _, status := v.get(sana, till); status != http.StatusForbidden {
		t.Error("somebody else's till:", status)
	}

	// The till's screen turns green by itself.
	green := make(chan time.Duration, 1)
	live := v.live(bilal, sale)
	defer live.Close()
	var paidAt time.Time
	go func() {
		lines := bufio.NewScanner(live)
		for lines.Scan() {
			if strings.Contains(lines.Text(), `data-phase="paid"`) {
				green <- time.Since(paidAt)
				return
			}
		}
	}()
	paidAt = time.Now()
	done, transfer := v.pay(sana, from, code, "")
	if _, status := v.get(bilal, "/wallet/payment/"+transfer); status != http.StatusOK {
		t.Error("the merchant sees no payment:", status)
	}
	if _, status := v.get(bilal, "/wallet/payment/"+transfer+"/receipt"); status != http.StatusNotFound {
		t.Error("the merchant has a file that names the payer:", status)
	}
	if data(done, "phase") != "committed" || !strings.Contains(done, "Qureshi Grocery") {
		t.Fatal(said(done))
	}
	select {
	case d := <-green:
		t.Logf("the till turned green %s after the first click", d.Round(time.Millisecond))
	case <-time.After(5 * time.Second):
		t.Error("the till did not turn green")
	}
	if shown, _ := v.get(bilal, till); data(shown, "phase") != "paid" {
		t.Error("the sale's page does not say so")
	}
	if mine, _ := v.get(sana, "/wallet/receive"); !strings.Contains(mine, "0002020102110202000424PK") {
		t.Error("no code of my own")
	}
	v.allGreen()
}

// live opens the page's live feed.
func (v *place) live(b *http.Client, page string) io.ReadCloser {
	v.t.Helper()
	path := data(page, "live")
	q, err := http.NewRequest(http.MethodGet, v.URL+path, nil)
	check(v.t, err)
	res, err := b.Do(q)
	check(v.t, err)
	if res.StatusCode != http.StatusOK {
		v.t.Fatalf("live %s: %s", path, res.Status)
	}
	return res.Body
}

func theInterface(t *testing.T, v *place) {
	ayesha := v.AsCitizen("s-ayesha")
	iban := v.iban(ayesha)
	call := func(method, path, key string, in any) (map[string]any, int) {
		t.Helper()
		body := ""
		if in != nil {
			text, err := json.Marshal(in)
			check(t, err)
			body = string(text)
		}
		q, err := http.NewRequest(method, v.URL+path, strings.NewReader(body))
		check(t, err)
		if in != nil {
			q.Header.Set("Content-Type", "application/json")
		}
		q.Header.Set("Idempotency-Key", key)
		res, err := ayesha.Do(q)
		check(t, err)
		defer res.Body.Close()
		var out map[string]any
		_ = json.NewDecoder(res.Body).Decode(&out)
		return out, res.StatusCode
	}
	type order map[string]any
	to := v.iban(v.AsCitizen("s-bilal"))
	one, status := call("POST", "/api/payments/transfers", "key-of-sixteen-01", order{"from": iban, "to": to, "amount": "12.50"})
	if status != http.StatusCreated || one["phase"] != "reserved" || one["payee"] != "B••• Q•••" {
		t.Fatal(status, one)
	}
	again, _ := call("POST", "/api/payments/transfers", "key-of-sixteen-01", order{"from": iban, "to": to, "amount": "12.50"})
	if again["id"] != one["id"] {
		t.Error("the same key made two reservations")
	}
	if out, status := call("POST", "/api/payments/transfers", "key-of-sixteen-01", order{"from": iban, "to": to, "amount": "13.50"}); status < 400 {
		t.Error("the same key with another payload:", status, out)
	}
	for _, bad := range []string{"1e3", "+5", "-1", "0", "12.345", "۵"} {
		if out, status := call("POST", "/api/payments/transfers", "key-of-sixteen-x"+fmt.Sprint(len(bad), bad[0]), order{"from": iban, "to": to, "amount": bad}); status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d %v", bad, status, out)
		}
	}
	if out, status := call("POST", "/api/payments/transfers", "key-of-sixteen-02", order{"from": to, "to": iban, "amount": "1.00"}); status != http.StatusForbidden {
		t.Error("from somebody else's account:", status, out)
	}
	id := one["id"].(string)
	done, status := call("POST", "/api/payments/transfers/"+id+"/commit", "key-of-sixteen-03", nil)
	if status != http.StatusOK || done["phase"] != "committed" {
		t.Fatal(status, done)
	}
	late, _ := call("POST", "/api/payments/transfers/"+id+"/abort", "key-of-sixteen-04", nil)
	if late["phase"] != "committed" {
		t.Error("a committed payment was taken back", late)
	}
	read, status := call("POST", "/api/payments/codes/read", "", order{"code": "0399 7351924"})
	if status != http.StatusOK || read["payee"] != "B••• Q•••" {
		t.Error(status, read)
	}
	fee := v.fee("application-9", "s-ayesha", 20_000)
	paid, status := call("POST", "/api/payments/fees/"+fee+"/pay", "key-of-sixteen-05", order{"from": iban})
	if status != http.StatusOK || paid["phase"] != "committed" {
		t.Fatal(status, paid)
	}
	if out, status := call("POST", "/api/payments/fees/"+fee+"/pay", "key-of-sixteen-06", order{"from": iban}); status != http.StatusConflict {
		t.Error("a fee was paid twice", status, out)
	}
	v.allGreen()
}

func (v *place) iban(b *http.Client) string {
	v.t.Helper()
	body, status := v.get(b, "/api/payments/accounts")
	var list []payments.AccountView
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || len(list) == 0 {
		v.t.Fatalf("%d %s %v", status, body, err)
	}
	return list[0].IBAN
}

// aReservationThatNobodyCommitsComesBack waits until somebody looks it through.
func aReservationThatNobodyCommitsComesBack(t *testing.T, v *place) {
	b := v.AsCitizen("s-ayesha")
	body, _ := json.Marshal(map[string]any{"from": v.iban(b), "to": v.iban(v.AsCitizen("s-bilal")), "amount": "100.00", "seconds": 1})
	q, err := http.NewRequest(http.MethodPost, v.URL+"/api/payments/transfers", strings.NewReader(string(body)))
	check(t, err)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Idempotency-Key", "a-key-of-the-test")
	res, err := b.Do(q)
	check(t, err)
	_ = res.Body.Close()
	if page, _ := v.get(b, "/wallet"); res.StatusCode != http.StatusCreated || !strings.Contains(said(page), "100.00 is set aside") {
		t.Fatal(res.Status, said(page))
	}
	v.Clock.Advance(2 * time.Second) // the room's clock; the ledger's is the machine's
	go func() { _ = v.room.Run(t.Context()) }()
	for deadline := time.Now().Add(8 * time.Second); v.count(payments.TransferAborted) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the money did not come back")
		}
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		page, _ := v.get(b, "/wallet") // made from the rows a moment after the event
		if !strings.Contains(said(page), "set aside") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(said(page))
		}
	}
	v.allGreen()
}

// pagesInBothLanguages opens every page once.
func pagesInBothLanguages(t *testing.T, v *place) {
	check(t, v.Site.CheckTexts())
	fee := v.fee("application-3", "s-ayesha", 20_000)
	ayesha, bilal, hina := v.AsCitizen("s-ayesha"), v.AsCitizen("s-bilal"), v.AsOfficial("s-hina", "sbp.rail")
	for _, c := range []struct {
		b    *http.Client
		path string
	}{{ayesha, "/wallet"}, {ayesha, "/wallet/open"}, {ayesha, "/wallet/receive"}, {ayesha, "/wallet/pay"}, {ayesha, "/wallet/pay?fee=" + fee}, {ayesha, "/till"}, {ayesha, "/pay/" + fee},
		{bilal, "/wallet"}, {bilal, "/till/merchant-bilal"}, {bilal, "/wallet/account/merchant-bilal"}, {bilal, "/wallet/receive?account=merchant-bilal"}, {hina, "/pay/operate"}} {
		for _, lang := range []string{"en", "ur"} {
			q, err := http.NewRequest(http.MethodGet, v.URL+c.path, nil)
			check(t, err)
			q.Header.Set("Accept-Language", lang)
			res, err := c.b.Do(q)
			check(t, err)
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK || strings.Contains(string(body), "payments.") {
				t.Errorf("%s in %s: %d %s", c.path, lang, res.StatusCode, said(string(body)))
			}
		}
	}
	if _, status := v.get(ayesha, "/pay/operate"); status != http.StatusForbidden {
		t.Error("a citizen sees the positions of the banks:", status)
	}
}
