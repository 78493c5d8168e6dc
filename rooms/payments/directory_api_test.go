package payments

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
)

type fields map[string]any

func (h *hall) want(a answer, status int, what string) answer {
	h.t.Helper()
	if a.status != status {
		h.t.Fatalf("%s: %d %s", what, a.status, a.text)
	}
	return a
}

// TestAskingCostsTokens asks through the interface until there is no token left.
func TestAskingCostsTokens(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		ayesha := h.AsCitizen("s-ayesha")
		bilal := h.citizen("bilal")
		got := h.want(h.call(ayesha, "POST", "/lookups", fields{"to": string(bilal.Phone)}), 200, "ask for a person")
		if got.body["payee"] != "B••• Q•••" || got.body["tokens_left"] != 49.0 || got.header.Get("RateLimit") != `"ENTRIES_READ_USER_ANTISCAN";r=49` || got.body["iban"] != nil || strings.Contains(got.text, "Bilal") {
			h.t.Error(got.text, got.header)
		}
		shop := h.want(h.call(ayesha, "POST", "/lookups", fields{"to": string(h.demo.Merchants[0].IBAN)}), 200, "ask for a shop")
		if shop.body["payee"] != h.demo.Merchants[0].Name.In("en") || shop.body["holder_kind"] != "legal" {
			h.t.Error(shop.text)
		}
		// The payment that follows gives the token back, once; the answer serves once.
		mine := string(h.citizen("ayesha").IBAN)
		order := fields{"from": mine, "lookup": got.body["lookup"], "amount": "5.00"}
		held := h.want(h.call(ayesha, "POST", "/api/payments/transfers", order), 201, "reserve")
		h.want(h.call(ayesha, "POST", "/api/payments/transfers", order), 410, "use an answer twice")
		h.want(h.call(h.AsCitizen("s-"+h.demo.Citizens[30].Key), "POST", "/api/payments/transfers", fields{"from": string(h.demo.Citizens[30].IBAN), "lookup": shop.body["lookup"], "amount": "5.00"}), 410, "use somebody else's answer")
		left := func() any { return h.call(ayesha, "GET", "/policies", nil).list[0].(map[string]any)["tokens"] }
		if left() != 48.0 {
			h.t.Error("a reservation gave a token back:", left())
		}
		h.want(h.call(ayesha, "POST", "/api/payments/transfers/"+held.body["id"].(string)+"/commit", nil), 200, "commit")
		if left() != 49.0 {
			h.t.Error("the payment gave no token back:", left())
		}
		// Asking by reserving is asking: the name costs a token there too.
		back := h.want(h.call(ayesha, "POST", "/api/payments/transfers", fields{"from": mine, "to": string(bilal.IBAN), "amount": "5.00"}), 201, "reserve by account number")
		h.want(h.call(ayesha, "POST", "/api/payments/transfers/"+back.body["id"].(string)+"/abort", nil), 200, "abort")
		if left() != 48.0 {
			h.t.Error("reserving and giving back showed a name for nothing:", left())
		}

		// What is unknown, closed or blocked gets one answer, and costs twenty.
		h.fine(h.DB.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("update payments_account set blocked = $2 where id = $1", "person-"+h.demo.Citizens[31].Key, true)
			return err
		}))
		instance := func(text string) string {
			a, rest, _ := strings.Cut(text, "urn:uuid:")
			return a + rest[36:]
		}
		unknown := h.want(h.call(ayesha, "POST", "/lookups", fields{"to": "0399 0000001"}), 404, "an unknown number")
		blocked := h.want(h.call(ayesha, "POST", "/lookups", fields{"to": string(h.demo.Citizens[31].Phone)}), 404, "a blocked account")
		if instance(unknown.text) != instance(blocked.text) {
			h.t.Error("the answers differ:", unknown.text, blocked.text)
		}
		if left() != 8.0 {
			h.t.Error("two misses cost", left())
		}
		h.want(h.call(ayesha, "POST", "/lookups", fields{"to": "0399 0000002"}), 404, "the last token")
		over := h.want(h.call(ayesha, "POST", "/lookups", fields{"to": string(bilal.Phone)}), 429, "one too many")
		// 12 owed and one to have: 13 half hours
		if over.header.Get("Retry-After") != "23400" || over.header.Get("RateLimit") != `"ENTRIES_READ_USER_ANTISCAN";r=0;t=23400` || over.body["code"] != "payments.directory.limit" {
			h.t.Error(over.header, over.text)
		}
		words, _, _ := h.page(ayesha, "/wallet/pay", "from", "person-ayesha", "to", string(bilal.Phone))
		if !strings.Contains(words, "asked for many names in a short time") || !strings.Contains(words, "7 hours") {
			h.t.Error("the page:", words)
		}
		if words, _, _ := h.page(h.AsCitizen("s-ayesha"), "/wallet/pay", "from", "person-ayesha", "to", string(bilal.Phone)); !strings.Contains(words, "asked for many names") {
			h.t.Error("another session has other tokens:", words)
		}
		h.Clock.Advance(23400 * time.Second)
		h.want(h.call(h.AsCitizen("s-ayesha"), "POST", "/lookups", fields{"to": string(bilal.Phone)}), 200, "after the wait")
	})
}

// TestAParticipantKeepsItsCopy links, moves and removes as a bank's program, and
// verifies the copy with content ids made again from what the bank was told.
func TestAParticipantKeepsItsCopy(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		c := h.demo.Citizens[30]
		bank, other := h.program("bank-"+c.Bank), ""
		for _, b := range h.Pack.Banks {
			if b.ID != c.Bank {
				other = b.ID
			}
		}
		at := "/participants/" + c.Bank
		h.want(h.call(h.program("bank-"+other), "GET", at+"/cids?kind=mobile", nil), 403, "another bank")
		h.want(h.call(h.AsCitizen("s-"+c.Key), "GET", at+"/cids?kind=mobile", nil), 403, "a citizen")
		made := h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "mobile", "value": "0399 5550001", "iban": string(c.IBAN)}), 201, "link")
		h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "mobile", "value": "0399 5550001", "iban": string(c.IBAN)}), 201, "link again")
		h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "mobile", "value": string(h.citizen("ayesha").Phone), "iban": string(c.IBAN)}), 409, "somebody else's")
		h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "number", "value": h.citizen("ayesha").Number, "iban": string(c.IBAN)}), 409, "somebody else's national number")
		h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "mobile", "value": "0399 5550002", "iban": h.foreign(other).IBAN}), 422, "another bank's customer")

		// the content id as the documentation says
		e := made.body
		request, err := hex.DecodeString(e["request_id"].(string))
		h.fine(err)
		m := hmac.New(sha256.New, request)
		_, _ = fmt.Fprintf(m, "mobile&%s&natural&%s&%s&%s&person", e["id"], c.Name.In("en"), c.Bank, string(c.IBAN))
		if hex.EncodeToString(m.Sum(nil)) != e["cid"] {
			h.t.Error("the content id is not made as it is written:", made.text)
		}
		// the copy: all content ids, page by page
		copied, cursor := map[string]bool{}, ""
		for {
			page := h.want(h.call(bank, "GET", at+"/cids?kind=mobile&limit=3"+cursor, nil), 200, "list")
			for _, cid := range page.body["items"].([]any) {
				copied[cid.(string)] = true
			}
			next, more := page.body["next"].(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		vsync := func() string {
			sum := make([]byte, 32)
			for cid := range copied {
				b, err := hex.DecodeString(cid)
				h.fine(err)
				for i := range b {
					sum[i] ^= b[i]
				}
			}
			return hex.EncodeToString(sum)
		}
		verify := func(result string) answer {
			h.t.Helper()
			a := h.want(h.call(bank, "POST", at+"/sync-verifications", fields{"kind": "mobile", "vsync": vsync()}), 200, "verify")
			if a.body["result"] != result {
				h.t.Fatalf("the copy is %s: %s", a.body["result"], a.text)
			}
			return a
		}
		seq := verify("ok").body["seq"]
		if !copied[e["cid"].(string)] {
			h.t.Error("the new entry is not in the list")
		}
		// two changes, followed by events
		h.want(h.call(bank, "DELETE", at+"/entries/"+e["id"].(string), nil), 204, "remove")
		h.want(h.call(bank, "POST", at+"/entries", fields{"kind": "mobile", "value": "0399 5550003", "iban": string(c.IBAN)}), 201, "link another")
		verify("nok")
		for _, x := range h.want(h.call(bank, "GET", fmt.Sprintf("%s/cids/events?kind=mobile&after=%v", at, seq), nil), 200, "events").list {
			event := x.(map[string]any)
			cid := event["cid"].(string)
			if copied[cid] = true; event["operation"] == "removed" {
				delete(copied, cid)
			} else {
				h.want(h.call(bank, "GET", at+"/cids/entries/"+cid, nil), 200, "the entry behind an event")
			}
		}
		verify("ok")
		h.want(h.call(h.program("bank-"+other), "GET", "/participants/"+other+"/cids/entries/"+e["cid"].(string), nil), 404, "another bank's entry")

		// a participant asks for its customer; both buckets pay
		found := h.want(h.call(bank, "POST", at+"/lookups", fields{"to": string(h.citizen("ayesha").Phone), "payer": string(c.IBAN)}), 200, "ask")
		if found.body["iban"] != string(h.citizen("ayesha").IBAN) || found.body["tokens_left"] != 49.0 || len(found.body["statistics"].([]any)) != 3 {
			h.t.Error(found.text)
		}
		h.want(h.call(bank, "POST", at+"/lookups", fields{"to": string(h.citizen("ayesha").Phone), "payer": h.foreign(other).IBAN}), 422, "ask for another bank's customer")
		// as was an attempt to link what is somebody else's, by three
		size := classes[classOf[h.kindOf(c.Bank)]].Size
		if p := h.call(bank, "GET", at+"/policies", nil); p.list[0].(map[string]any)["tokens"] != float64(size-4) {
			h.t.Error(p.text)
		}
		// the operator gives it another class
		hina := h.AsOfficial("s-hina", "sbp.rail")
		if words, _, _ := h.page(hina, "/pay/directory/class", "participant", c.Bank, "class", "A"); !strings.Contains(words, "The class is set") {
			h.t.Error(words)
		}
		if words, _, _ := h.page(hina, "/pay/directory/class", "participant", c.Bank, "class", "Z"); !strings.Contains(words, "Choose a participant and a class") {
			h.t.Error(words)
		}
		if p := h.call(bank, "GET", at+"/policies", nil); p.list[0].(map[string]any)["size"] != 20000.0 {
			h.t.Error(p.text)
		}
	})
}

func (h *hall) kindOf(bank string) string {
	b, _ := h.Pack.Bank(bank)
	return b.Kind
}

// foreign is some customer of a bank.
func (h *hall) foreign(bank string) (c struct{ Key, IBAN string }) {
	for _, x := range h.demo.Citizens {
		if x.Bank == bank {
			return struct{ Key, IBAN string }{x.Key, string(x.IBAN)}
		}
	}
	h.t.Fatal("no customer of", bank)
	return c
}

// TestParticipantsPassANumberOn is a portability claim between two banks.
func TestParticipantsPassANumberOn(t *testing.T) {
	t.Parallel()
	inHall(t, 40, func(h *hall) {
		c := h.demo.Citizens[30]
		to := "ntb"
		if c.Bank == to {
			to = h.Pack.Banks[len(h.Pack.Banks)-1].ID
		}
		_, err := h.room.openWallet(context.Background(), "s-"+c.Key, "test", to, nil)
		h.fine(err)
		var iban string
		h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
			return tx.QueryRow("select iban from payments_account where holder = $1 and book = $2", "s-"+c.Key, to).Scan(&iban)
		}))
		donor, claimer := h.program("bank-"+c.Bank), h.program("bank-"+to)
		for _, kind := range []struct{ name, value string }{{"mobile", string(c.Phone)}, {"number", c.Number}} {
			entry := fields{"kind": kind.name, "value": kind.value, "iban": iban}
			h.want(h.call(claimer, "POST", "/participants/"+to+"/entries", entry), 409, "link what is at another bank")
			entry["type"] = "ownership"
			h.want(h.call(claimer, "POST", "/participants/"+to+"/claims", entry), 409, "claim one's own as another's")
			entry["type"] = "portability"
			claim := h.want(h.call(claimer, "POST", "/participants/"+to+"/claims", entry), 201, "claim")
			if strings.Contains(claim.text, "s-"+c.Key) || claim.body["state"] != "open" {
				h.t.Error(claim.text)
			}
			id := claim.body["id"].(string)
			list := h.want(h.call(donor, "GET", "/participants/"+c.Bank+"/claims?side=donor&state=open", nil), 200, "the donor's list").body["items"].([]any)
			if len(list) != 1 || list[0].(map[string]any)["id"] != id || list[0].(map[string]any)["iban"] != string(c.IBAN) {
				h.t.Error("the donor sees", list)
			}
			h.want(h.call(claimer, "POST", "/claims/"+id+"/confirm", fields{"reason": "user-requested"}), 403, "the claimer confirms")
			h.want(h.call(h.program("bank-"+h.third(c.Bank, to)), "GET", "/claims/"+id, nil), 403, "a third bank")
			h.want(h.call(donor, "POST", "/claims/"+id+"/acknowledge", fields{}), 200, "acknowledge")
			h.want(h.call(claimer, "POST", "/claims/"+id+"/complete", fields{}), 409, "complete before the answer")
			h.want(h.call(donor, "POST", "/claims/"+id+"/confirm", fields{"reason": "default-operation"}), 422, "a reason that is none here")
			h.want(h.call(donor, "POST", "/claims/"+id+"/confirm", fields{"reason": "user-requested"}), 200, "confirm")
			h.want(h.call(claimer, "POST", "/participants/"+to+"/entries", fields{"kind": kind.name, "value": kind.value, "iban": iban}), 409, "link past the claim")
			done := h.want(h.call(claimer, "POST", "/claims/"+id+"/complete", fields{}), 200, "complete")
			if done.body["state"] != "completed" || done.body["iban"] != iban {
				h.t.Error(done.text)
			}
			found, err := h.ask(person("s-observer"), kind.value)
			h.fine(err)
			if found.Account.IBAN != iban || found.Alias.calm(h.Clock.Now()) {
				h.t.Error("the number leads to", found.Account.IBAN)
			}
		}
		// a telephone operator tells of a new SIM card, and learns nothing
		telecom := h.program("telecom-1")
		h.want(h.call(telecom, "POST", "/sim-changes", fields{"mobile": string(c.Phone)}), 204, "a SIM change")
		h.want(h.call(telecom, "POST", "/sim-changes", fields{"mobile": "0399 0000001"}), 204, "a SIM change of a number nobody linked")
		h.want(h.call(donor, "POST", "/sim-changes", fields{"mobile": string(c.Phone)}), 403, "a bank tells of a SIM change")
		found, err := h.ask(person("s-observer"), string(c.Phone))
		h.fine(err)
		if !found.Alias.calm(h.Clock.Now()) || found.Alias.CalmWhy != calmSIM {
			h.t.Error("the number does not cool off")
		}
		// taking it out and linking it again ends no cool-off, nor does linking one
		// whose SIM card was changed before
		h.fine(h.room.unlink(context.Background(), "test", found.Alias.ID))
		for _, mobile := range []string{string(c.Phone), "+923990000001"} {
			k, err := h.room.keyOf(context.Background(), AliasMobile, mobile)
			h.fine(err)
			a, err := h.room.link(context.Background(), "test", "s-"+c.Key, k, "person-"+c.Key, true)
			h.fine(err)
			if !a.calm(h.Clock.Now()) {
				h.t.Error("a number was linked past its cool-off")
			}
		}
	})
}

func (h *hall) third(not ...string) string {
	for _, b := range h.Pack.Banks {
		if b.ID != not[0] && b.ID != not[1] {
			return b.ID
		}
	}
	return ""
}

// TestTheTablesHoldNoNumber fills the directory in every way and looks through
// all tables of the house for the numbers that were typed.
func TestTheTablesHoldNoNumber(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		c := h.demo.Citizens[30]
		b := h.AsCitizen("s-" + c.Key)
		ayesha := h.citizen("ayesha")
		_, at := h.prove(b, "/wallet/aliases/mobile", "0399 7654321", "account", "person-"+c.Key)
		if at != "/wallet/aliases" {
			h.t.Fatal("the number was not linked:", at)
		}
		_, at = h.prove(b, "/wallet/aliases/mobile", string(ayesha.Phone), "account", "person-"+c.Key)
		h.page(b, at, "x", "y")
		h.page(b, "/wallet/pay", "from", "person-"+c.Key, "to", ayesha.Number)
		h.page(b, "/wallet/pay", "from", "person-"+c.Key, "to", "0399 1112223")
		h.call(b, "POST", "/lookups", fields{"to": "0399 3332221"})
		h.call(h.program("bank-"+c.Bank), "POST", "/participants/"+c.Bank+"/entries", fields{"kind": "mobile", "value": "0399 7654322", "iban": string(c.IBAN)})
		h.call(h.program("telecom-1"), "POST", "/sim-changes", fields{"mobile": "0399 7654323"})
		numbers := []string{"3997654321", "3991112223", "3993332221", "3997654322", "3997654323"}
		for _, x := range h.demo.Citizens {
			n, err := h.Pack.NationalNumber.Parse(x.Number)
			h.fine(err)
			numbers = append(numbers, strings.TrimPrefix(string(x.Phone), "+92"), x.Number, n.String())
		}
		text := h.dump()
		for _, n := range numbers {
			if strings.Contains(text, n) {
				at := strings.Index(text, n)
				h.t.Errorf("a table holds the number %s: …%s…", n, text[max(at-200, 0):min(at+60, len(text))])
			}
		}
		if !strings.Contains(text, string(ayesha.IBAN)) || len(text) < 50_000 {
			h.t.Errorf("the test does not see the tables (%d bytes)", len(text))
		}
	})
}

// dump writes all tables out.
func (h *hall) dump() string {
	h.t.Helper()
	var out strings.Builder
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
		list := "select name from sqlite_master where type = 'table' and name not like 'sqlite%'"
		if tx.Engine() == store.Postgres {
			list = "select table_name from information_schema.tables where table_schema = 'public'"
		}
		names, err := store.List(tx, store.Value[string], list)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := dumpTable(tx, name, &out); err != nil {
				return err
			}
		}
		return nil
	}))
	return out.String()
}

func dumpTable(tx *store.Tx, name string, out *strings.Builder) error {
	rows, err := tx.Query("select * from " + name)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s:", name)
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(out, " %v", v)
		}
		out.WriteByte('\n')
	}
	return rows.Err()
}
