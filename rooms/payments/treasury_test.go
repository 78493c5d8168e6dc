package payments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// flow is what the treasury knows about one cause; nothing when it does not occur.
func (h *hall) flow(account, side, cause, what string) (f Flow) {
	h.t.Helper()
	h.fine(h.room.sequencer.Settle(context.Background(), "PKR"))
	t, err := h.room.Treasury(context.Background())
	h.fine(err)
	for _, a := range t.Accounts {
		if !a.Agrees() {
			h.t.Errorf("%s holds %d, its movements make %d", a.ID, a.Balance, a.Moved)
		}
		for _, x := range a.Flows {
			if a.ID == account && x.flowOf == (flowOf{side, cause, what}) {
				f = x
			}
		}
	}
	return f
}

// fee asks somebody for the fee of a service, as the one window does, and pays it.
func (h *hall) fee(from *Account, payee, service, application string, amount int64) *Transfer {
	h.t.Helper()
	ctx, id := context.Background(), ""
	h.fine(h.DB.Update(ctx, func(tx *store.Tx) (err error) {
		id, err = h.room.Ask(tx, FeeRequest{Key: application, Cause: application, Subject: from.Holder, Payee: payee, Amount: amount, Currency: "PKR", Purpose: service + " · " + application, Expires: tx.Now().Add(time.Hour)})
		return err
	}))
	f, err := h.room.fee(ctx, id)
	h.fine(err)
	t, err := h.room.PayFee(ctx, h.Principal(from.Holder, gate.Citizen, ""), from, f, from.Holder, application)
	h.fine(err)
	return t
}

// list hands a file of 500 rupees a line in as its office does, and gives its number.
func (h *hall) list(period string, ibans ...string) int64 {
	h.t.Helper()
	text := "reference,iban,amount\r\n"
	for i, iban := range ibans {
		text += fmt.Sprintf("H%d,%s,500\r\n", i, iban)
	}
	src, err := NewBulkCSV(strings.NewReader(text), 2)
	h.fine(err)
	maker := gate.Principal{Kind: gate.Official, ID: "rubina", Acting: gate.Post{ID: "bisp.payments", Office: "bisp"}}
	no, err := h.room.TakeBulk(context.Background(), BulkIntake{Program: "kafaalat", Period: period, Source: "csv", Name: "list.csv", Digest: func() [32]byte { return sha256.Sum256([]byte(text)) },
		Lines: int64(len(ibans)), Total: int64(len(ibans)) * 500_00, Maker: maker}, src)
	h.fine(err)
	h.file(no, BulkValidated)
	return no
}

func (h *hall) file(no int64, state BulkState) {
	h.t.Helper()
	h.until(func() bool {
		b, err := h.room.bulk(context.Background(), no)
		h.fine(err)
		return b.State == state
	})
}

// TestTreasury follows the government's money through a day and into the next
// month: fees, a fee given back, a programme's file that does not reach everybody.
func TestTreasury(t *testing.T) {
	t.Parallel()
	inHall(t, 12, func(h *hall) {
		ctx := context.Background()
		fees, kafaalat := feesAccount("treasury", "PKR"), programAccount("kafaalat", "PKR")
		domicile, licence := web.Both("Domicile certificate", "ڈومیسائل سرٹیفکیٹ"), web.Both("Driving licence", "ڈرائیونگ لائسنس")
		a, b := h.rich("ayesha", 5_000_00), h.rich("bilal", 5_000_00)
		given := h.fee(a, "agpr.treasury", domicile, "APP-1", 200_00)
		h.fee(b, "agpr.treasury", domicile, "APP-2", 200_00)
		h.fee(b, "agpr.treasury", licence, "APP-3", 900_00)
		for range 2 { // counted from the payments, then from the sums
			if f := h.flow(fees, FlowIn, CauseFee, domicile); f.Today != (Sum{2, 400_00}) || f.Month != f.Today {
				h.t.Fatalf("domicile certificates: %+v", f)
			}
			if f := h.flow(fees, FlowIn, CauseFee, licence); f.Today != (Sum{1, 900_00}) {
				h.t.Fatalf("driving licences: %+v", f)
			}
			h.fine(h.room.countFlows(ctx))
		}
		if n := h.count("select count(*) from payments_flow where account = $1 and what like '%APP-%'", fees); n != 0 {
			h.t.Errorf("%d sums name an application", n)
		}

		// A payment that is only reserved is not in the sums, and not forgotten when
		// the rows after it are counted before it ends.
		step := ledger.Step{Kind: ledger.Reserve, Transfer: "slow-1", Party: "t", Key: "slow", Debit: a.ID, Credit: fees, Amount: 7_00, Currency: "PKR", Expires: h.Clock.Now().Add(time.Hour)}
		_, err := h.room.ledger.Do(ctx, Work{Currency: "PKR", Actor: "test", Steps: []ledger.Step{step}})
		h.fine(err)
		h.fee(b, "agpr.treasury", domicile, "APP-4", 200_00)
		_, err = h.room.Refund(ctx, "test", given, 50_00, "CUST", "t", "back")
		h.fine(err)
		h.fine(h.room.countFlows(ctx))
		if f := h.flow(fees, FlowIn, CauseOther, ""); f.Today.Count != 0 {
			h.t.Errorf("a reservation was counted: %+v", f)
		}
		_, err = h.room.ledger.Do(ctx, Work{Currency: "PKR", Actor: "test", Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: "slow-1"}}})
		h.fine(err)
		for range 2 {
			for _, want := range []struct {
				side, cause, what string
				sum               Sum
			}{{FlowIn, CauseFee, domicile, Sum{3, 600_00}}, {FlowIn, CauseOther, "", Sum{1, 7_00}}, {FlowOut, CauseReturn, "", Sum{1, 50_00}}} {
				if f := h.flow(fees, want.side, want.cause, want.what); f.Today != want.sum {
					h.t.Errorf("%s %s %s: %+v, want %+v", want.side, want.cause, want.what, f.Today, want.sum)
				}
			}
			h.fine(h.room.countFlows(ctx))
		}

		// A file waits, then is paid to all but one.
		no := h.list("2031-01", a.IBAN, b.IBAN, "PK36SCBL0000001123456702")
		sadia := h.AsOfficial("s-sadia", "agpr.treasury")
		body, status := h.fetch(sadia, treasuryHref)
		if page := string(body); status != http.StatusOK || !strings.Contains(page, fmt.Sprintf("/bulk/file/%d", no)) || !strings.Contains(page, "1,000.00") {
			h.t.Fatalf("%d %s", status, page)
		}
		tr, err := h.room.Treasury(ctx)
		h.fine(err)
		if len(tr.Waiting) != 1 || tr.Wanted() != 1_000_00 {
			h.t.Fatalf("%+v", tr.Waiting)
		}
		h.fine(h.room.CheckBulk(ctx, gate.Principal{Kind: gate.Official, ID: "tariq", Acting: gate.Post{ID: "bisp.accounts", Office: "bisp"}}, no))
		h.fine(h.room.ReleaseBulk(ctx, gate.Principal{Kind: gate.Official, ID: "aftab", Acting: gate.Post{ID: "bisp.director", Office: "bisp"}}, no))
		h.file(no, BulkDone)
		program, err := h.room.program("kafaalat")
		h.fine(err)
		for range 2 {
			if f := h.flow(kafaalat, FlowOut, CauseSupport, program.purpose("2031-01")); f.Today != (Sum{2, 1_000_00}) {
				h.t.Errorf("support: %+v", f)
			}
			h.fine(h.room.countFlows(ctx))
		}
		if f := h.flow(kafaalat, FlowIn, CauseFund, ""); f.Today.Count != 1 {
			h.t.Errorf("what the programme was given: %+v", f)
		}
		tr, err = h.room.Treasury(ctx)
		h.fine(err)
		if len(tr.Waiting) != 0 || len(tr.Rests) != 1 || len(tr.Rests[0].Reasons) != 1 || tr.Rests[0].Reasons[0].Lines != 1 {
			h.t.Errorf("%+v", tr.Rests)
		}

		h.treasuryPagesAndDownloads(sadia, no, fees, kafaalat)

		// A fee whose payment the tables do not contain yet is neither counted nor odd.
		h.feesAgreeWhileTheTablesLack(h.fee(b, "agpr.treasury", domicile, "APP-8", 200_00), 600_00+900_00)

		// A fee that counts as paid without money is found.
		h.fine(h.DB.Update(ctx, func(tx *store.Tx) error {
			id, err := h.room.Ask(tx, FeeRequest{Key: "APP-9", Subject: a.Holder, Payee: "agpr.treasury", Amount: 300_00, Currency: "PKR", Purpose: domicile + " · APP-9", Expires: tx.Now().Add(time.Hour)})
			if err == nil {
				_, err = tx.Exec("update payments_fee set phase = 'paid', paid = $2, transfer = 'nothing' where id = $1", id, store.Micros(tx.Now()))
			}
			return err
		}))
		tr, err = h.room.Treasury(ctx)
		h.fine(err)
		if x := tr.Accounts[0]; x.FeesAgree() || len(x.FeesOdd) != 1 || x.FeesOdd[0].Key != "APP-9" || x.Fees.Total != 600_00+900_00+200_00+300_00 {
			h.t.Errorf("%+v", x.FeesOdd)
		}

		// Tomorrow is another day, and then comes another month.
		h.Clock.Set(h.room.monthOf(h.Clock.Now()).AddDate(0, 1, 0).Add(time.Hour))
		if f := h.flow(fees, FlowIn, CauseFee, domicile); f.Today.Count != 0 || f.Month.Count != 0 {
			h.t.Errorf("last month's: %+v", f)
		}
		h.fee(b, "agpr.treasury", domicile, "APP-5", 200_00)
		h.Clock.Set(h.Clock.Now().Add(24 * time.Hour))
		if f := h.flow(fees, FlowIn, CauseFee, domicile); f.Today.Count != 0 || f.Month != (Sum{1, 200_00}) {
			h.t.Errorf("yesterday's: %+v", f)
		}
	})
}

// feesAgreeWhileTheTablesLack takes the last batch back out of the tables, where a
// process that was just killed would have left them, and looks at the first account.
func (h *hall) feesAgreeWhileTheTablesLack(paid *Transfer, total int64) {
	h.t.Helper()
	ctx := context.Background()
	move := func(batches int, phase ledger.Phase) {
		h.fine(h.DB.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec("update payments_index set number = number + $1 where currency = 'PKR'", batches); err != nil {
				return err
			}
			_, err := tx.Exec("update payments_transfer set phase = $2 where id = $1", paid.ID, string(phase))
			return err
		}))
	}
	look := func(when string, total int64) {
		tr, err := h.room.Treasury(ctx)
		h.fine(err)
		if x := tr.Accounts[0]; !x.FeesAgree() || x.Fees.Total != total || len(x.FeesOdd) != 0 {
			h.t.Errorf("%s: fees %+v, flows %+v, odd %+v", when, x.Fees, x.Flows, x.FeesOdd)
		}
	}
	move(-1, ledger.Reserved)
	look("without the last batch", total)
	move(1, ledger.Committed)
	look("with it", total+paid.Amount)
}

// treasuryPagesAndDownloads: who may see them, in both languages, and that all
// forms say the same.
func (h *hall) treasuryPagesAndDownloads(sadia *http.Client, no int64, fees, kafaalat string) {
	h.t.Helper()
	urdu := h.AsOfficial("s-sadia", "agpr.treasury")
	h.fetch(urdu, treasuryHref+"?lang=ur")
	for _, path := range []string{treasuryHref, treasuryAccountHref(fees), treasuryAccountHref(kafaalat), fmt.Sprintf("/bulk/file/%d", no)} {
		for _, b := range []*http.Client{sadia, urdu} {
			if body, status := h.fetch(b, path); status != http.StatusOK || bytes.Contains(body, []byte("[payments.")) || b == urdu && !bytes.Contains(body, []byte(`lang="ur"`)) {
				h.t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	for who, b := range map[string]*http.Client{"a citizen": h.AsCitizen("s-bilal"), "an office that pays": h.AsOfficial("s-rubina", "bisp.payments"), "the rail's operator": h.AsOfficial("s-hina", "sbp.rail")} {
		for _, path := range []string{treasuryHref, treasuryHref + "/summary.csv", treasuryAccountHref(fees), treasuryAccountHref(fees) + "/statement.csv", "/api/payments/treasury"} {
			if _, status := h.fetch(b, path); status != http.StatusForbidden {
				h.t.Errorf("%s at %s: %d", who, path, status)
			}
		}
	}
	for path, want := range map[string]int{treasuryAccountHref("person-ayesha"): http.StatusNotFound, treasuryAccountHref(fees) + "/statement.csv?month=2026-13": http.StatusUnprocessableEntity,
		treasuryAccountHref(fees) + "/statement.csv?month=" + "%DB%B2%DB%B0%DB%B2%DB%B6-11": http.StatusUnprocessableEntity} {
		if _, status := h.fetch(sadia, path); status != want {
			h.t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	table := func(path string) [][]string {
		body, status := h.fetch(sadia, path)
		lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
		if err != nil || status != http.StatusOK {
			h.t.Fatalf("%s: %d %v", path, status, err)
		}
		return lines[1:]
	}
	var out []string
	for _, line := range table(treasuryAccountHref(kafaalat) + "/statement.csv") {
		out = append(out, strings.Join(append([]string{line[2], line[3], line[4]}, line[7]), " "))
	}
	if want := []string{"in 200000000.00 fund ", fmt.Sprintf("out 500.00 support %d", no), fmt.Sprintf("out 500.00 support %d", no)}; !reflect.DeepEqual(out, want) {
		h.t.Errorf("the statement: %q", out)
	}
	if lines := table(treasuryAccountHref(kafaalat) + "/statement.csv?month=2001-01"); len(lines) != 0 {
		h.t.Errorf("a month before the beginning: %q", lines)
	}
	found := false
	for _, line := range table(treasuryHref + "/summary.csv") {
		found = found || line[4] == CauseFee && line[5] == "Domicile certificate" && line[6] == "3" && line[7] == "600.00"
	}
	if !found {
		h.t.Error("the summary lacks the fees of a service")
	}
	body, _ := h.fetch(sadia, "/api/payments/treasury")
	var v TreasuryView
	h.fine(json.Unmarshal(body, &v))
	if len(v.Accounts) != 4 || v.Accounts[0].FeesAgree == nil || !*v.Accounts[0].FeesAgree || v.Accounts[2].Balance != "199999000.00" || len(v.Rests) != 1 {
		h.t.Errorf("%s", body)
	}

	// A receipt of what the government paid, not of what somebody paid to it.
	lines := func(account, side string) (m movement) {
		h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
			list, err := movements(tx, account, side, 1, 1<<60, true, 1)
			m = list[0]
			return err
		}))
		return m
	}
	if body, status := h.fetch(sadia, treasuryHref+"/payment/"+lines(kafaalat, FlowOut).Transfer+"/receipt"); status != http.StatusOK || !IsReceipt(body) {
		h.t.Errorf("the receipt: %d %s", status, body)
	}
	if _, status := h.fetch(sadia, treasuryHref+"/payment/"+lines(fees, FlowIn).Transfer+"/receipt"); status != http.StatusNotFound {
		h.t.Errorf("somebody's receipt: %d", status)
	}
}

// TestCountingFlowsInParts: the sums are the same however many transfers are counted
// at a time.
func TestCountingFlowsInParts(t *testing.T) {
	defer func(n int) { flowChunk = n }(flowChunk)
	flowChunk = 2
	inHall(t, 12, func(h *hall) {
		fees := feesAccount("ict", "PKR")
		a := h.rich("ayesha", 5_000_00)
		for i := range 7 {
			h.fee(a, "icta.dc", "Domicile", fmt.Sprint("P-", i), int64(i+1)*1_00)
		}
		for range 2 {
			if f := h.flow(fees, FlowIn, CauseFee, "Domicile"); f.Today != (Sum{7, 28_00}) {
				h.t.Errorf("%+v", f)
			}
			h.fine(h.room.countFlows(context.Background()))
		}
		h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
			list, err := bothSides(tx, fees, 1<<60, 5)
			for i := 1; i < len(list); i++ {
				if list[i].Seq >= list[i-1].Seq {
					h.t.Error("not newest first")
				}
			}
			if len(list) != 5 {
				h.t.Errorf("%d lines", len(list))
			}
			return err
		}))
	})
}

// TestBulkOfTransfer: the number of a transfer of a file leads back to the file.
func TestBulkOfTransfer(t *testing.T) {
	for _, no := range []int64{1, 7, 1<<39 - 1} {
		for _, line := range []int64{1, 800_000, bulkLines - 1} {
			for _, attempt := range []int64{0, 3, 4095} {
				if got := bulkOfTransfer(transferOf(no*bulkLines+line, attempt)); got != no {
					t.Errorf("file %d, line %d, attempt %d: %d", no, line, attempt, got)
				}
			}
		}
	}
	for _, other := range []string{"", "slow-1", "018f3c1e-7a10-7c1a-8b00-000000000001", "00000000-0001-8000-9b00-000000000001"} {
		if got := bulkOfTransfer(other); got != 0 {
			t.Errorf("%q is of file %d", other, got)
		}
	}
}
