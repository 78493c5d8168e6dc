package payments_test

import (
	"context"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
	"sarai/rooms/payments/fspiop"
)

// TestBulkTransfersAtTheHub tells the stories of many transfers that are asked for and
// answered together, in two currencies, on both engines.
func TestBulkTransfersAtTheHub(t *testing.T) {
	stories := []struct {
		name string
		tell func(v *sacks)
	}{
		{"all are paid", aBulkIsPaid},
		{"some cannot be reserved, some the payee does not fulfil", aBulkIsPaidInPart},
		{"nothing can be reserved", aBulkOfNothing},
		{"the payee refuses the whole", aBulkIsRefused},
		{"the payee rejects it by its state", aBulkIsRejected},
		{"the payee is silent", aBulkWithoutAnAnswer},
		{"the same bulk again", theSameBulkAgain},
		{"a bulk that is not taken", aBulkThatIsNotTaken},
		{"everybody says everything at once, eight times", aBulkInACrowd},
		{"nobody carries out what is decided for a while", aBulkThatStoodStill},
	}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		v := &sacks{openPlaza(t, court, room)}
		for _, name := range []string{v.a.name, v.b.name} {
			check(t, v.hub.AddCurrency(context.Background(), name, "EUR"))
			check(t, v.hub.FundForTest(context.Background(), name, "EUR", 1000_0000))
		}
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(v)
			})
		}
	})
}

// sacks is the plaza where whole bags of money change hands.
type sacks struct{ *plaza }

// sack is a bulk transfer that the payer's participant wants, and what fulfils each of
// its transfers.
type sack struct {
	id          string
	transfers   []string
	fulfilments []string
	body        anyMap
}

// item is one transfer of a sack: "3", "USD".
type item struct{ amount, currency string }

func (v *sacks) sack(within time.Duration, items ...item) sack {
	s := sack{id: v.NewID()}
	var list []any
	for _, it := range items {
		condition, fulfilment := fspiop.Condition(sha256.Sum256([]byte(v.NewID())))
		s.transfers, s.fulfilments = append(s.transfers, v.NewID()), append(s.fulfilments, fulfilment)
		list = append(list, anyMap{"transferId": s.transfers[len(list)], "transferAmount": anyMap{"amount": it.amount, "currency": it.currency}, "ilpPacket": "AYIBgQAA", "condition": condition})
	}
	s.body = anyMap{"bulkTransferId": s.id, "bulkQuoteId": v.NewID(), "payerFsp": v.a.name, "payeeFsp": v.b.name, "individualTransfers": list,
		"expiration": fspiop.FormatTime(v.Clock.Now().Add(within))}
	return s
}

func (s sack) path() string { return "/bulkTransfers/" + s.id }

// asks sends a sack off and gives what the payee hears of.
func (v *sacks) asks(s sack) []any {
	v.t.Helper()
	v.a.must("POST", "/bulkTransfers", v.b.name, s.body)
	m := v.b.hears("POST", "/bulkTransfers")
	if m.body["bulkTransferId"] != s.id || m.head.Get("Fspiop-Source") != "Hub" || m.head.Get("Accept") == "" {
		v.t.Fatalf("the payee heard %v", m)
	}
	return m.body["individualTransfers"].([]any)
}

// fulfils is the payee's answer, with what it says to each.
func (v *sacks) fulfils(s sack, results ...anyMap) {
	v.t.Helper()
	v.b.must("PUT", s.path(), v.a.name, s.answer(v, results...))
}

func (s sack) answer(v *sacks, results ...anyMap) anyMap {
	return anyMap{"bulkTransferState": "COMPLETED", "completedTimestamp": v.completed(), "individualTransferResults": results}
}

// good is the payee's word on transfer i.
func (s sack) good(i int) anyMap {
	return anyMap{"transferId": s.transfers[i], "fulfilment": s.fulfilments[i]}
}

// ended checks how a participant hears the end: by transfer "paid" or an error code.
func (v *sacks) ended(d *dfsp, s sack, state string, want map[string]string) heardMessage {
	v.t.Helper()
	m := d.hears("PUT", s.path())
	got := map[string]string{}
	for _, r := range m.body["individualTransferResults"].([]any) {
		one := r.(anyMap)
		id := one["transferId"].(string)
		if got[id] = errorOf(heardMessage{body: one}); one["fulfilment"] != nil {
			got[id] = "paid"
		}
	}
	if m.body["bulkTransferState"] != state || m.head.Get("Fspiop-Source") != "Hub" || len(got) != len(want) {
		v.t.Fatalf("%s heard %v, want %s with %v", d.name, m, state, want)
	}
	for id, w := range want {
		if got[id] != w {
			v.t.Fatalf("%s heard %q of a transfer, want %q", d.name, got[id], w)
		}
	}
	return m
}

// standing are the positions of payer and payee, in dollars, then in euros.
func (v *sacks) standing() [4]int64 {
	v.t.Helper()
	p := v.positions()
	return [4]int64{p[0], p[1], v.hub.PositionForTest(v.t, v.a.name, "EUR"), v.hub.PositionForTest(v.t, v.b.name, "EUR")}
}

func (v *sacks) moves(before [4]int64, dollars, euros int64) {
	v.t.Helper()
	after := v.standing()
	for i := range after {
		after[i] -= before[i]
	}
	if want := [4]int64{dollars, -dollars, euros, -euros}; after != want {
		v.t.Errorf("the positions moved by %v, want %v", after, want)
	}
}

func aBulkIsPaid(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"}, item{"5.5", "USD"})
	if asked := v.asks(s); len(asked) != 3 {
		v.t.Fatalf("the payee was asked for %v", asked)
	}
	v.b.must("PUT", s.path(), v.a.name, anyMap{"bulkTransferState": "ACCEPTED"}) // news, no answer
	if held := v.standing(); held != [4]int64{before[0] + 8_5000, before[1], before[2] + 4_0000, before[3]} {
		v.t.Errorf("before the answer the positions are %v, and were %v", held, before)
	}
	v.fulfils(s, s.good(0), s.good(1), s.good(2))
	all := map[string]string{s.transfers[0]: "paid", s.transfers[1]: "paid", s.transfers[2]: "paid"}
	v.ended(v.a, s, "COMPLETED", all)
	v.ended(v.b, s, "COMPLETED", all)
	v.moves(before, 8_5000, 4_0000)

	// Both may ask for it later, and one of its transfers is a transfer like others.
	for _, d := range []*dfsp{v.a, v.b} {
		d.must("GET", s.path(), "", nil)
		v.ended(d, s, "COMPLETED", all)
	}
	v.a.must("GET", "/transfers/"+s.transfers[1], "", nil)
	if one := v.a.hears("PUT", "/transfers/"+s.transfers[1]); one.body["transferState"] != "COMMITTED" || one.body["fulfilment"] != s.fulfilments[1] {
		v.t.Fatalf("the payer heard %v", one)
	}
}

func aBulkIsPaidInPart(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"1", "USD"}, item{"100000", "USD"}, item{"2", "AED"}, item{"4", "EUR"}, item{"8", "USD"}, item{"16", "EUR"})
	if asked := v.asks(s); len(asked) != 4 || asked[1].(anyMap)["transferId"] != s.transfers[3] {
		v.t.Fatalf("the payee was asked for %v", asked)
	}
	v.fulfils(s, s.good(0), anyMap{"transferId": s.transfers[3], "errorInformation": anyMap{"errorCode": "5200", "errorDescription": "Payee limit error"}},
		anyMap{"transferId": s.transfers[4], "fulfilment": s.fulfilments[0]})
	sent := map[string]string{s.transfers[0]: "paid", s.transfers[3]: "5200", s.transfers[4]: "3100", s.transfers[5]: "3100"}
	v.ended(v.b, s, "COMPLETED", sent)
	sent[s.transfers[1]], sent[s.transfers[2]] = "4001", "3100"
	v.ended(v.a, s, "COMPLETED", sent)
	v.moves(before, 1_0000, 0)
}

func aBulkOfNothing(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"100000", "USD"}, item{"0", "EUR"})
	v.a.must("POST", "/bulkTransfers", v.b.name, s.body)
	v.ended(v.a, s, "COMPLETED", map[string]string{s.transfers[0]: "4001", s.transfers[1]: "3100"})
	v.moves(before, 0, 0)
}

func aBulkIsRefused(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"})
	v.asks(s)
	v.b.must("PUT", s.path()+"/error", v.a.name, anyMap{"errorInformation": anyMap{"errorCode": "5100", "errorDescription": "Our own words"}})
	if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != "5100" || no.body["errorInformation"].(anyMap)["errorDescription"] != "Our own words" {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.a.must("GET", s.path(), "", nil)
	v.ended(v.a, s, "REJECTED", map[string]string{s.transfers[0]: "5100", s.transfers[1]: "5100"})
	v.moves(before, 0, 0)
}

func aBulkIsRejected(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"})
	v.asks(s)
	v.b.must("PUT", s.path(), v.a.name, anyMap{"bulkTransferState": "REJECTED", "individualTransferResults": []any{s.good(0)}})
	v.ended(v.a, s, "REJECTED", map[string]string{s.transfers[0]: "5100", s.transfers[1]: "5100"})
	v.moves(before, 0, 0)
	// A time that has not come yet is no answer that moves money.
	s = v.sack(time.Minute, item{"3", "USD"})
	v.asks(s)
	v.b.must("PUT", s.path(), v.a.name, anyMap{"bulkTransferState": "COMPLETED", "completedTimestamp": fspiop.FormatTime(v.Clock.Now().Add(10 * time.Second)), "individualTransferResults": []any{s.good(0)}})
	if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != "3100" {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.moves(before, 0, 0)
}

func aBulkWithoutAnAnswer(v *sacks) {
	before := v.standing()
	s := v.sack(2*time.Second, item{"3", "USD"}, item{"4", "EUR"})
	v.asks(s)
	v.Clock.Advance(2 * time.Second)
	over := map[string]string{s.transfers[0]: "3303", s.transfers[1]: "3303"}
	v.ended(v.a, s, "COMPLETED", over)
	v.ended(v.b, s, "COMPLETED", over)
	v.moves(before, 0, 0)
	// It answers after all: the money stays where it was.
	v.fulfils(s, s.good(0), s.good(1))
	v.ended(v.b, s, "COMPLETED", over)
	v.moves(before, 0, 0)
}

func theSameBulkAgain(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"})
	v.asks(s)
	v.a.must("POST", "/bulkTransfers", v.b.name, s.body) // it is open: the end will tell
	answer := s.answer(v, s.good(0), s.good(1))
	v.b.must("PUT", s.path(), v.a.name, answer)
	all := map[string]string{s.transfers[0]: "paid", s.transfers[1]: "paid"}
	v.ended(v.a, s, "COMPLETED", all)
	v.ended(v.b, s, "COMPLETED", all)
	v.Clock.Advance(2 * time.Minute) // its time is over: a repetition it is still
	v.a.must("POST", "/bulkTransfers", v.b.name, s.body)
	v.ended(v.a, s, "COMPLETED", all)
	v.b.must("PUT", s.path(), v.a.name, answer)
	v.ended(v.b, s, "COMPLETED", all)
	answer["bulkTransferState"] = "REJECTED"
	v.b.must("PUT", s.path(), v.a.name, answer)
	if no := v.b.hears("PUT", s.path()+"/error"); errorOf(no) != "3106" {
		v.t.Fatalf("the payee heard %v", no)
	}
	s.body["bulkQuoteId"] = v.NewID()
	v.a.must("POST", "/bulkTransfers", v.b.name, s.body)
	if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != "3106" {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.moves(before, 3_0000, 4_0000)
}

func aBulkThatIsNotTaken(v *sacks) {
	before := v.standing()
	refused := func(code string, change func(s sack)) {
		v.t.Helper()
		s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"})
		change(s)
		v.a.must("POST", "/bulkTransfers", "", s.body)
		if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != code {
			v.t.Errorf("the payer heard %v, want %s", no, code)
		}
		v.a.must("GET", s.path(), "", nil) // and nothing of it is there
		if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != "3208" {
			v.t.Errorf("the payer heard %v, want 3208", no)
		}
	}
	single := v.transfer("1", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, single.body)
	v.b.hears("POST", "/transfers")
	refused("3106", func(s sack) { s.body["individualTransfers"].([]any)[1].(anyMap)["transferId"] = single.id })
	refused("3100", func(s sack) { s.body["individualTransfers"].([]any)[1].(anyMap)["transferId"] = s.transfers[0] })
	refused("3100", func(s sack) { s.body["payerFsp"] = v.b.name })
	refused("3203", func(s sack) { s.body["payeeFsp"] = "nobody" })
	refused("3100", func(s sack) { s.body["payeeFsp"] = v.a.name })
	refused("3100", func(s sack) { s.body["expiration"] = fspiop.FormatTime(v.Clock.Now()) })

	// A transfer of a bulk is answered with the bulk, and by who has to pay nobody else.
	s := v.sack(time.Minute, item{"3", "USD"})
	v.asks(s)
	v.b.must("PUT", "/transfers/"+s.transfers[0], v.a.name, anyMap{"transferState": "COMMITTED", "fulfilment": s.fulfilments[0]})
	if no := v.b.hears("PUT", "/transfers/"+s.transfers[0]+"/error"); errorOf(no) != "3100" {
		v.t.Errorf("the payee heard %v", no)
	}
	v.a.must("PUT", s.path(), v.b.name, s.answer(v, s.good(0)))
	if no := v.a.hears("PUT", s.path()+"/error"); errorOf(no) != "3100" {
		v.t.Errorf("the payer heard %v", no)
	}
	v.b.must("PUT", s.path()+"/error", v.a.name, anyMap{"errorInformation": anyMap{"errorCode": "5100", "errorDescription": "no"}})
	v.a.hears("PUT", s.path()+"/error")
	v.b.must("PUT", "/transfers/"+single.id+"/error", v.a.name, anyMap{"errorInformation": anyMap{"errorCode": "5100", "errorDescription": "no"}})
	v.a.hears("PUT", "/transfers/"+single.id+"/error")
	v.moves(before, 0, 0)
}

func aBulkInACrowd(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"}, item{"5", "USD"})
	crowd := func(say func()) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(say)
		}
		all.Wait()
	}
	crowd(func() { v.a.send("POST", "/bulkTransfers", v.b.name, s.body) })
	v.b.hears("POST", "/bulkTransfers")
	answer := s.answer(v, s.good(0), s.good(1), s.good(2))
	crowd(func() { v.b.send("PUT", s.path(), v.a.name, answer) })
	all := map[string]string{s.transfers[0]: "paid", s.transfers[1]: "paid", s.transfers[2]: "paid"}
	v.ended(v.a, s, "COMPLETED", all)
	v.ended(v.b, s, "COMPLETED", all)
	v.moves(before, 8_0000, 4_0000)
	v.b.mu.Lock()
	defer v.b.mu.Unlock()
	for _, m := range v.b.heard {
		if m.method == "POST" {
			v.t.Errorf("the payee was asked a second time: %v", m)
		}
	}
}

func aBulkThatStoodStill(v *sacks) {
	before := v.standing()
	s := v.sack(time.Minute, item{"3", "USD"}, item{"4", "EUR"})
	v.asks(s)
	// What a process leaves behind that died between writing the answer down and doing it.
	check(v.t, v.DB.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.Exec("update payments_hub_transfer set fulfilment = $2 where id = $1", s.transfers[0], s.fulfilments[0]); err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_hub_transfer set code = '5100', reason = 'no' where id = $1", s.transfers[1]); err != nil {
			return err
		}
		_, err := tx.Exec("update payments_hub_bulk set state = 'PROCESSING', outcome = 'COMPLETED' where id = $1", s.id)
		return err
	}))
	v.Clock.Advance(6 * time.Second)
	want := map[string]string{s.transfers[0]: "paid", s.transfers[1]: "5100"}
	v.ended(v.a, s, "COMPLETED", want)
	v.ended(v.b, s, "COMPLETED", want)
	v.moves(before, 3_0000, 0)
}
