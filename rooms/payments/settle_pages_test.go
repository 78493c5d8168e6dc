package payments

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/gate"
	"sarai/rooms/payments/iso20022/camt053"
)

// fetch reads what an address answers.
func (h *hall) fetch(b *http.Client, path string) (body []byte, status int) {
	h.t.Helper()
	res, err := b.Get(h.URL + path)
	h.fine(err)
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	h.fine(err)
	return body, res.StatusCode
}

func (h *hall) send(b *http.Client, path string, fields ...string) int {
	h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	q, err := http.NewRequest(http.MethodPost, h.URL+path, strings.NewReader(form.Encode()))
	h.fine(err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", h.URL)
	res, err := b.Do(q)
	h.fine(err)
	h.fine(res.Body.Close())
	return res.StatusCode
}

// reported waits until a window's report is made by the house's own job.
func (h *hall) reported(number int64, state string) Settlement {
	h.t.Helper()
	var s Settlement
	var err error
	for range 200 {
		if s, err = h.room.Settlement(context.Background(), number); err == nil && s.State == state {
			return s
		}
		time.Sleep(25 * time.Millisecond)
	}
	h.t.Fatalf("window %d: %+v %v", number, s, err)
	return s
}

// TestTheTreasurysDay: the operator closes a window on the page, two persons put
// money in, participants read their own statements and nobody else's, and the clock
// closes the next window.
func TestTheTreasurysDay(t *testing.T) {
	t.Parallel()
	inHall(t, 12, func(h *hall) {
		ctx := context.Background()
		hina, tariq := h.AsOfficial("s-hina", "sbp.rail"), h.AsOfficial("s-tariq", "sbp.payments")
		key := func() string {
			body, status := h.fetch(hina, settleHref)
			if status != http.StatusOK {
				h.t.Fatalf("%d %s", status, body)
			}
			return regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(string(body))[1]
		}
		var from, to *Account
		for _, c := range h.demo.Citizens {
			a := h.account("s-" + c.Key)
			switch {
			case a == nil:
			case from == nil && a.free() > 10_00:
				from = a
			case from != nil && a.Book != from.Book:
				to = a
			}
		}
		_, err := h.room.Pay(ctx, "test", Instant{Party: "t", Key: "1", Debit: from.ID, Credit: to.ID, Amount: 7_35, Currency: "PKR"})
		h.fine(err)
		if status := h.send(hina, settleHref+"/cut", "key", key()); status != http.StatusUnprocessableEntity {
			h.t.Error("closed a window without a tick", status)
		}
		if status := h.send(h.AsCitizen("s-bilal"), settleHref+"/cut", "key", "k", "sure", "yes"); status != http.StatusForbidden {
			h.t.Error("a citizen closed a window", status)
		}
		same := key()
		for range 2 {
			if status := h.send(hina, settleHref+"/cut", "key", same, "sure", "yes"); status != http.StatusSeeOther {
				h.t.Fatal(status)
			}
		}
		s := h.reported(1, settledState)
		if s.Payments != 1 || s.Gross != 7_35 {
			h.t.Fatalf("%+v", s)
		}
		urdu := h.AsOfficial("s-hina", "sbp.rail")
		h.fetch(urdu, settleHref+"?lang=ur")
		for _, b := range []*http.Client{hina, urdu} {
			for _, path := range []string{settleHref, windowHref(1)} {
				if body, status := h.fetch(b, path); status != http.StatusOK || bytes.Contains(body, []byte("[payments.")) || b == urdu && !bytes.Contains(body, []byte(`lang="ur"`)) {
					h.t.Errorf("%s: %d %s", path, status, body)
				}
			}
		}

		// Prefund: who asks does not approve.
		if status := h.send(hina, settleHref+"/fund", "key", key(), "participant", from.Book, "direction", "in", "amount", "1000", "reason", "RTGS 4711"); status != http.StatusSeeOther {
			h.t.Fatal(status)
		}
		body, _ := h.fetch(tariq, settleHref)
		approve := regexp.MustCompile(`action="([^"]+/fund/[^"]+/approve)"`).FindStringSubmatch(string(body))[1]
		if body, _ = h.fetch(hina, settleHref); strings.Contains(string(body), approve) {
			h.t.Error("the page offers to approve one's own wish")
		}
		if status := h.send(hina, approve); status != http.StatusForbidden {
			h.t.Error("approved one's own wish", status)
		}
		for range 2 {
			h.send(tariq, approve)
		}
		_, l, err := h.room.liquidityOf(ctx, from.Book)
		h.fine(err)
		if want := int64(Prefund + 1000_00 - 7_35); l.Balance != want || l.Free != want {
			h.t.Fatalf("%+v, want %d", l, want)
		}
		// What is not there cannot be taken out.
		tariqs := h.Principal("s-tariq", gate.Official, "sbp.payments")
		hinas := h.Principal("s-hina", gate.Official, "sbp.rail")
		f, err := h.room.AskFund(ctx, tariqs, "out-1", Fund{Participant: from.Book, Direction: "out", Amount: Prefund * 2, Reason: "too much"})
		h.fine(err)
		if f, err = h.room.ApproveFund(ctx, hinas, f.ID); err != nil || f.State != fundRefused || f.Why != "AM04" {
			h.t.Fatalf("%+v %v", f, err)
		}

		// The participant's own downloads.
		bank := h.program("bank-" + from.Book)
		member := "/api/payments/participants/" + from.Book
		doc, status := h.fetch(bank, member+"/statements/camt.053.xml?window=1")
		if status != http.StatusOK {
			h.t.Fatalf("%d %s", status, doc)
		}
		d, err := camt053.Parse(doc)
		h.fine(err)
		if st := d.BkToCstmrStmt.Stmt[0]; len(st.Ntry) != 2 || st.Bal[1].Amt.Value != "249999992.65" {
			h.t.Fatalf("%s", doc)
		}
		lint(t, camt053.ID, doc)
		doc, _ = h.fetch(bank, member+"/statements/camt.053.zip?window=1")
		if z, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc))); err != nil || len(z.File) != 1 {
			h.t.Fatal(err)
		}
		doc, _ = h.fetch(bank, member+"/statements/statement.csv?window=2")
		if lines, err := csv.NewReader(bytes.NewReader(doc)).ReadAll(); err != nil || len(lines) != 4 || lines[2][2] != entryFund || lines[3][4] != "250000992.65" {
			h.t.Fatalf("%v %q", err, doc)
		}
		if doc, status = h.fetch(bank, member+"/statements/camt.053.xml?window=2"); status != http.StatusConflict {
			h.t.Errorf("a camt.053 of an open window: %d %s", status, doc)
		}
		if doc, status = h.fetch(bank, member+"/statements/camt.052.xml?day="+h.Clock.Now().In(h.Pack.Zone).Format(time.DateOnly)); status != http.StatusOK {
			h.t.Errorf("%d %s", status, doc)
		} else {
			lint(t, "camt.052.001.08", doc)
		}
		other := h.program("bank-" + to.Book)
		for _, path := range []string{"/statements/camt.053.xml?window=1", "/liquidity", "/windows/1"} {
			if _, status := h.fetch(other, member+path); status != http.StatusForbidden {
				h.t.Errorf("another bank reads %s: %d", path, status)
			}
			if body, status := h.fetch(bank, member+path); status != http.StatusOK || strings.Contains(string(body), to.Book) {
				h.t.Errorf("%s: %d %s", path, status, body)
			}
		}

		// The clock closes the next one.
		var next time.Time
		v, err := h.room.settleView(ctx)
		h.fine(err)
		if next = v.Next; next.IsZero() {
			h.t.Fatal("no cut is planned")
		}
		h.Clock.Set(next.Add(time.Second))
		h.reported(2, settledState)
	})
}

// account is the first account of a holder, or nil.
func (h *hall) account(holder string) *Account {
	v, err := h.room.walletOf(context.Background(), holder, "")
	h.fine(err)
	if len(v.Accounts) == 0 {
		return nil
	}
	return v.Accounts[0]
}
