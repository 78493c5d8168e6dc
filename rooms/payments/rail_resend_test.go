package payments_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/wire"
)

// messagesAreAskedForAgain lets a bank ask for messages that it says it has lost: by
// what they are about, and by rows of the ledger.
func messagesAreAskedForAgain(v *street) {
	ctx := context.Background()
	p := v.pay(v.a, v.b, 71_00)
	v.want(p, bank.Settled, "")
	v.ended(v.b, p.UETR)
	v.want(v.giveBack(v.b, p.UETR, "again-1", 1_00), bank.Settled, "")
	a := v.asks(v.a, v.b, 72_00)
	v.agree()

	// From now on the test reads what beta and alpha are told.
	var mu sync.Mutex
	told := map[*house][]string{}
	for _, h := range []*house{v.a, v.b} {
		h.door.lead(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			q.Body = io.NopCloser(bytes.NewReader(body))
			mu.Lock()
			told[h] = append(told[h], string(body))
			mu.Unlock()
			v.heard.around(h.Handler()).ServeHTTP(w, q)
		}))
		defer h.door.lead(v.heard.around(h.Handler()))
	}
	comes := func(h *house, parts ...string) {
		v.t.Helper()
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			for _, m := range told[h] {
				all := true
				for _, part := range parts {
					all = all && strings.Contains(m, part)
				}
				if all {
					mu.Unlock()
					return
				}
			}
			mu.Unlock()
			if time.Now().After(end) {
				v.t.Fatalf("%s does not get %v", h.id, parts)
			}
		}
	}
	ask := func(h *house, message, uetr, from, to, want string) {
		v.t.Helper()
		status, words, err := h.Resend(ctx, message, uetr, from, to)
		if err != nil || status != want {
			v.t.Errorf("%s %s: %s %q %v, not %s", message, uetr, status, words, err, want)
		}
	}
	before := v.b.Total()
	ask(v.b, "", p.UETR, "", "", "ACPT")
	comes(v.b, "<OrgnlUETR>"+p.UETR+"</OrgnlUETR>", "ACSC", "pacs.008.001.08")
	row := strconv.FormatInt(v.room.TransferForTest(v.t, v.room.ReturnForTest(v.t, p.UETR)).Done, 10)
	ask(v.b, "pacs.002.001.10", "", row, row, "ACPT")
	comes(v.b, "<OrgnlUETR>"+p.UETR+"</OrgnlUETR>", "again-1", "pacs.004.001.09")
	ask(v.a, "pain.014.001.07", a.UETR, "", "", "ACPT")
	comes(v.a, "pain.014.001.07", "<OrgnlUETR>"+a.UETR+"</OrgnlUETR>", "ACTC")
	ask(v.a, "", "", "1", "999999999", "PART") // more than a hundred have ended by now

	// What is not theirs does not exist for them.
	ask(v.b, "pain.014.001.07", a.UETR, "", "", "NFND")
	ask(v.c, "", p.UETR, "", "", "NFND")
	ask(v.b, "", newUUID(), "", "", "NFND")
	ask(v.b, "", "", "999999998", "999999999", "NFND")
	ask(v.b, "", "", "x", "1e3", "NSUP")
	ask(v.b, "camt.053.001.08", "", "1", "2", "NSUP")
	if _, err := v.send(v.b, `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:admi.006.001.01"><RsndReq><MsgHdr><MsgId>M1</MsgId></MsgHdr></RsndReq></Document>`); !errors.Is(err, wire.ErrRejected) {
		v.t.Fatal(err)
	}
	if after := v.b.Total(); after != before {
		v.t.Fatalf("what was told twice counted twice: %+v %+v", before, after)
	}

	// A bank that is suspended and resumed is told so, and acknowledges.
	for n, s := range []payments.Standing{{Suspended: true}, {}} {
		check(v.t, v.room.SetStanding(ctx, "post/sbp.rail", "told/"+strconv.Itoa(n), "beta", s))
		want := map[bool]string{true: "SUSP", false: "OPEN"}[s.Suspended]
		for end := time.Now().Add(5 * time.Second); v.b.Event() != want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				v.t.Fatalf("the bank was told %q, not %s", v.b.Event(), want)
			}
		}
	}
	check(v.t, v.b.RefuseAsk(ctx, a.UETR, "CUST"))
}
