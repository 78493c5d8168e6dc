package payments_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
)

const tenant = `{"Bank": "ntb", "Currency": "AED", "Program": "kafaalat", "Sources": ["bb-registry-1", "other-block1"],
	"Beneficiaries": [],
	"Groups": [{"ID": "food", "Budget": 100000, "Days": 90}, {"ID": "fuel", "Budget": 5000, "Days": 90}, {"ID": "poor", "Budget": 0, "Days": 1}],
	"Merchants": [{"Name": "Bilal", "Details": "ntb 1", "Group": "food", "Closed": false}, {"Name": "Bilal", "Details": "ntb 1", "Group": "poor", "Closed": false}, {"Name": "Gone", "Details": "ntb 2", "Group": "food", "Closed": true}],
	"Vouchers": [{"Number": "7001", "Serial": "9001", "Source": "bb-registry-1", "Group": "food", "State": "activated", "Amount": 2500}]}`

// TestGovStack tells the stories of vouchers and batches as an information
// mediator calls them, on both engines.
func TestGovStack(t *testing.T) {
	t.Parallel()
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		demo := court.Pack.Demo(7, country.DemoVillage)
		check(t, room.Seed(context.Background(), demo, func(key string) string { return "s-" + key }))
		check(t, room.SeedTenant(context.Background(), strings.NewReader(tenant)))
		check(t, room.SeedTenant(context.Background(), strings.NewReader(tenant))) // the second time changes nothing
		line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			q = q.Clone(payments.Mediated(q.Context()))
			q.URL.Path = payments.GovStackPath + q.URL.Path
			court.Handler().ServeHTTP(w, q)
		}))
		t.Cleanup(line.Close)
		for _, story := range []struct {
			name string
			tell func(t *testing.T, v *block)
		}{
			{"a voucher is made, handed out and used", aVoucherIsUsed},
			{"a voucher is taken back", aVoucherIsTakenBack},
			{"another group pays", anotherGroupPays},
			{"nobody tries numbers out", nobodyTriesNumbersOut},
			{"a batch becomes a file of payments", aBatchBecomesAFile},
			{"a bill is looked up", aBillIsLookedUp},
			{"only the mediator speaks for others", onlyTheMediatorSpeaks},
			{"a voucher's time ends", aVouchersTimeEnds}, // last: it moves the clock
		} {
			t.Run(story.name, func(t *testing.T) {
				story.tell(t, &block{village: &village{Court: court, room: room, t: t, demo: demo}, line: line.URL})
			})
		}
	})
}

type block struct {
	*village
	line string
}

// call sends a message and reads the answer.
func (b *block) call(method, path, body string, want int, header ...string) map[string]any {
	b.t.Helper()
	q, err := http.NewRequest(method, b.line+path, strings.NewReader(body))
	check(b.t, err)
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(q)
	check(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(b.t, err)
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || res.StatusCode != want {
		b.t.Fatalf("%s %s: %d, not %d: %s", method, path, res.StatusCode, want, text)
	}
	return out
}

func (b *block) money(account string) int64 {
	b.t.Helper()
	check(b.t, b.room.SettledIn("AED"))
	var n int64
	check(b.t, b.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select balance from payments_balance where id = $1", account).Scan(&n)
	}))
	return n
}

const (
	foodFunding, foodPool = "voucher-funding-food-AED", "voucher-pool-food-AED"
	bilal                 = "voucher-merchant-1-AED"
)

func (b *block) make(group, amount string, header ...string) (number, serial string) {
	b.t.Helper()
	out := b.call("POST", "/vouchers/voucher_preactivation", fmt.Sprintf(`{"voucher_amount":%q,"voucher_currency":"AED","voucher_group":%q,"Gov_Stack_BB":"bb-registry-1"}`, amount, group), 200, header...)
	return fmt.Sprint(out["voucher_number"]), fmt.Sprint(out["voucher_serial_number"])
}

func redeem(number, merchant, group string, override bool) string {
	return fmt.Sprintf(`{"voucher_number":%q,"Gov_Stack_BB":"bb-registry-1","merchant_name":%q,"merchant_bank_details":"ntb 1","merchant_voucher_group":%q,"override":%v}`, number, merchant, group, override)
}

func activate(serial string) string {
	return fmt.Sprintf(`{"voucher_serial_number":%q,"Gov_Stack_BB":"bb-registry-1"}`, serial)
}

func aVoucherIsUsed(t *testing.T, b *block) {
	funding, pool, had := b.money(foodFunding), b.money(foodPool), b.money(bilal)
	number, serial := b.make("food", "15.21", "X-CorrelationID", "c-1")
	again, same := b.make("food", "15.21", "X-CorrelationID", "c-1")
	if again != number || same != serial {
		t.Error("a lost answer is another voucher")
	}
	b.call("POST", "/vouchers/voucher_preactivation", `{"voucher_amount":"15.22","voucher_currency":"AED","voucher_group":"food","Gov_Stack_BB":"bb-registry-1"}`, 409, "X-CorrelationID", "c-1")
	if b.money(foodFunding) != funding-1521 || b.money(foodPool) != pool+1521 {
		t.Error("the money was not set aside once")
	}
	var plain int64
	check(t, b.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from payments_voucher where serial = $1 and (serial = $2 or correlation = $2 or transfer = $2)", serial, number).Scan(&plain)
	}))
	if plain != 0 || len(number) != 18 {
		t.Error("the number is kept")
	}
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Bilal", "food", false), 456) // not handed out yet
	b.call("PATCH", "/vouchers/voucher_activation", activate(serial), 200)
	b.call("PATCH", "/vouchers/voucher_activation", activate(serial), 200)
	if out := b.call("GET", "/vouchers/voucherstatuscheck/"+serial, "", 200); out["voucher_status"] != "Activated" || out["voucher_amount"] != "15.21" {
		t.Errorf("%v", out)
	}
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Gone", "food", false), 463)
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Bilal", "food", false), 200)
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Bilal", "food", false), 458)
	b.call("GET", "/vouchers/voucherstatuscheck/"+serial, "", 458)
	if b.money(bilal) != had+1521 || b.money(foodPool) != pool {
		t.Error("the merchant was not paid once")
	}
}

func aVoucherIsTakenBack(t *testing.T, b *block) {
	funding, pool := b.money(foodFunding), b.money(foodPool)
	number, serial := b.make("food", "10")
	cancel := fmt.Sprintf(`{"voucherserialnumber":%q,"Gov_Stack_BB":"bb-registry-1"}`, serial)
	b.call("PATCH", "/vouchers/voucherstatuscheck/"+serial, strings.Replace(cancel, "bb-registry-1", "other-block1", 1), 463) // somebody else's
	b.call("PATCH", "/vouchers/voucherstatuscheck/"+serial, cancel, 200)
	b.call("PATCH", "/vouchers/voucherstatuscheck/"+serial, cancel, 464)
	b.call("PATCH", "/vouchers/voucher_activation", activate(serial), 464)
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Bilal", "food", false), 464)
	if b.money(foodFunding) != funding || b.money(foodPool) != pool {
		t.Error("the money did not come back")
	}
	b.call("POST", "/vouchers/voucher_preactivation", `{"voucher_amount":"999999","voucher_currency":"AED","voucher_group":"food","Gov_Stack_BB":"bb-registry-1"}`, 462)
	b.call("POST", "/vouchers/voucher_preactivation", `{"voucher_amount":"1e3","voucher_currency":"AED","voucher_group":"food","Gov_Stack_BB":"bb-registry-1"}`, 452)
	b.call("POST", "/vouchers/voucher_preactivation", `{"voucher_amount":"1","voucher_currency":"PKR","voucher_group":"food","Gov_Stack_BB":"bb-registry-1"}`, 453)
	b.call("POST", "/vouchers/voucher_preactivation", `{"voucher_amount":"1","voucher_currency":"AED","voucher_group":"none","Gov_Stack_BB":"bb-registry-1"}`, 454)
}

func anotherGroupPays(t *testing.T, b *block) {
	b.call("POST", "/vouchers/voucher_redemption", redeem("7001", "Bilal", "poor", false), 454)
	b.call("POST", "/vouchers/voucher_redemption", redeem("7001", "Bilal", "poor", true), 462)
	if b.money(foodPool) < 2500 {
		t.Error("the voucher's own money moved")
	}
	b.call("POST", "/vouchers/voucher_redemption", redeem("7001", "Bilal", "food", true), 200)
}

func nobodyTriesNumbersOut(t *testing.T, b *block) {
	guess := `{"voucher_number":"%d","Gov_Stack_BB":"other-block1","merchant_name":"Bilal","merchant_bank_details":"ntb 1"}`
	for i := range 20 {
		b.call("POST", "/vouchers/voucher_redemption", fmt.Sprintf(guess, 100000+i), 461)
	}
	b.call("POST", "/vouchers/voucher_redemption", fmt.Sprintf(guess, 7001), 429)
}

func aBatchBecomesAFile(t *testing.T, b *block) {
	iban, person := string(b.demo.Citizens[30].IBAN), "person-"+b.demo.Citizens[30].Key
	b.call("POST", "/register-beneficiary", `{"RequestID":"request-0001","SourceBBID":"bb-registry-","Beneficiaries":[{"PayeeFunctionalID":"functional-id-000001"}]}`, 400)
	source := "other-block1"
	register := fmt.Sprintf(`{"RequestID":"request-0001","SourceBBID":%q,"Beneficiaries":[{"PayeeFunctionalID":"functional-id-000001","PaymentModality":"00","FinancialAddress":%q}]}`, source, iban)
	b.call("POST", "/register-beneficiary", register, 200)
	batch := func(id, currency, amount string) string {
		return fmt.Sprintf(`{"RequestID":"request-0002","SourceBBID":%q,"BatchID":%q,"CreditInstructions":[
			{"InstructionID":"instruction-0001","PayeeFunctionalID":"functional-id-000001","Amount":%s,"Currency":%q,"Narration":"support"},
			{"InstructionID":"instruction-0002","PayeeFunctionalID":"functional-id-000002","Amount":%s,"Currency":%q,"Narration":"support"}]}`, source, id, amount, currency, amount, currency)
	}
	b.call("POST", "/prepayment-validation", batch("batch-000001", "PKR", "125.50"), 200)
	out := b.call("POST", "/prepayment-validation-response", `{"RequestID":"request-0002","Source_BatchID":"batch-000001"}`, 200)
	if out["NumberFailedCases"] != float64(1) || !strings.Contains(fmt.Sprint(out["FailedAccounts"]), "AC03") {
		t.Errorf("%v", out)
	}
	b.call("POST", "/bulk-payment", batch("batch-000001", "PKR", "1e2"), 400)
	b.call("POST", "/bulk-payment", batch("batch-000001", "PKR", "125.50"), 200)
	b.call("POST", "/bulk-payment", batch("batch-000001", "PKR", "125.50"), 200) // the same again
	b.call("POST", "/bulk-payment", batch("batch-000001", "PKR", "126"), 400)    // another one under its name
	no := b.count("select max(no) from payments_bulk")
	before := b.balance(person)
	f := b.pay(no)
	if f.Source != "govstack" || f.Paid != 1 || f.Bad() != 1 || b.balance(person) != before+12550 {
		t.Errorf("%+v", f)
	}
	status := b.call("GET", "/batch/status?batchId=batch-000001", "", 200, "Platform-TenantId", source)
	if status["completed"] != float64(1) || status["failed"] != float64(1) || status["completed_amount"] != 125.5 {
		t.Errorf("%v", status)
	}
	b.call("GET", "/batch/status?batchId=batch-000001", "", 404, "Platform-TenantId", "bb-registry-1") // somebody else's
	b.call("POST", "/bulk-payment", batch("batch-000002", "USD", "1"), 200)
	f = b.until(no+1, payments.BulkValidated)
	if rest, err := b.room.Remainder(context.Background(), no+1, 0, 5); err != nil || f.Good != 0 || rest[0].Reason != "AM03" {
		t.Errorf("%+v %v", rest, err)
	}
}

func aBillIsLookedUp(t *testing.T, b *block) {
	v := &place{Court: b.Court, room: b.room, t: t, before: map[string]int{}}
	var reference string
	fee := v.fee("gov-bill-1", "s-c0030", 25000)
	check(t, b.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select reference from payments_fee where id = $1", fee).Scan(&reference)
	}))
	head := []string{"PayerFI-Id", "bb-registry-1", "X-CorrelationID", "c-77"}
	out := b.call("GET", "/bills/"+reference+"?fields=inquiry", "", 202, head...)
	if d, _ := out["billDetails"].(map[string]any); out["responseCode"] != "00" || d["billStatus"] != "UNPAID" || d["amountonDueDate"] != float64(25000) {
		t.Errorf("%v", out)
	}
	b.call("GET", "/bills/NONE", "", 400, head...)
	b.call("GET", "/bills/"+reference, "", 400)
	paid := fmt.Sprintf(`{"requestId":"r-1","billInquiryRequestId":"c-77","billId":%q,"paymentReferenceID":"made up"}`, reference)
	b.call("POST", "/billTransferRequests", paid, 400, head...)
}

func onlyTheMediatorSpeaks(t *testing.T, b *block) {
	q, err := http.NewRequest("POST", b.URL+payments.GovStackPath+"/bulk-payment", strings.NewReader(`{"SourceBBID":"bb-registry-1"}`))
	check(t, err)
	res, err := http.DefaultClient.Do(q)
	check(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger is answered %d", res.StatusCode)
	}
}

func aVouchersTimeEnds(t *testing.T, b *block) {
	funding, pool := b.money(foodFunding), b.money(foodPool)
	number, serial := b.make("food", "3")
	b.call("PATCH", "/vouchers/voucher_activation", activate(serial), 200)
	b.Clock.Advance(91 * 24 * time.Hour)
	b.call("POST", "/vouchers/voucher_redemption", redeem(number, "Bilal", "food", false), 459)
	for end := time.Now().Add(10 * time.Second); b.money(foodPool) != pool && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if b.money(foodFunding) != funding || b.money(foodPool) != pool {
		t.Errorf("the money of an expired voucher: %d %d, was %d %d", b.money(foodFunding), b.money(foodPool), funding, pool)
	}
	b.call("GET", "/vouchers/voucherstatuscheck/"+serial, "", 459)
}
