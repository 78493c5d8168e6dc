package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/identity"
)

func TestWhoeverReadsAFactIsOnTheRecord(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		ask := identity.FactAsk{Subject: h.ayesha, Names: []string{identity.FactName, identity.FactNumber, identity.FactAdult, identity.FactPhoto},
			Purpose: "Domicile certificate", Basis: "Citizenship Act 1951 section 17", Actor: "post/icta.dc.diary"}
		facts, err := h.room.Facts(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		if f := facts[identity.FactName]; f.Value != "Ayesha Khan" || f.ValueUr != "عائشہ خان" {
			t.Errorf("name: %+v", f)
		}
		if facts[identity.FactNumber].Value != "6110112345672" || facts[identity.FactAdult].Value != "yes" || !strings.HasPrefix(facts[identity.FactPhoto].Value, "data:image/jpeg;base64,") {
			t.Errorf("facts: %+v", facts)
		}
		seen, err := h.room.Accesses(ctx, h.ayesha)
		if err != nil || len(seen) != 1 {
			t.Fatalf("accesses: %v %v", seen, err)
		}
		if a := seen[0]; a.Actor != ask.Actor || a.Purpose != ask.Purpose || a.Basis != ask.Basis || !slices.Equal(a.Facts, ask.Names) {
			t.Errorf("the record: %+v", a)
		}
		read := h.events(identity.EventPersonRead)
		if len(read) != 1 || read[0].Actor != ask.Actor || strings.Contains(string(read[0].Payload), "Ayesha") {
			t.Errorf("the event: %+v", read)
		}
		if others, _ := h.room.Accesses(ctx, h.bilal); len(others) != 0 {
			t.Errorf("somebody else's record: %v", others)
		}
	})
}

func TestNobodyReadsWithoutSayingWhy(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		good := identity.FactAsk{Subject: h.ayesha, Names: []string{identity.FactName}, Purpose: "p", Basis: "b", Actor: "post/x"}
		for story, spoil := range map[string]func(*identity.FactAsk){
			"no purpose":         func(a *identity.FactAsk) { a.Purpose = "" },
			"no basis":           func(a *identity.FactAsk) { a.Basis = "" },
			"no actor":           func(a *identity.FactAsk) { a.Actor = "" },
			"no facts":           func(a *identity.FactAsk) { a.Names = nil },
			"an unknown fact":    func(a *identity.FactAsk) { a.Names = []string{"religion"} },
			"an unknown subject": func(a *identity.FactAsk) { a.Subject = "pffff" },
		} {
			ask := good
			spoil(&ask)
			if f, err := h.room.Facts(context.Background(), ask); err == nil || f != nil {
				t.Errorf("%s: %v", story, f)
			}
		}
		if seen, _ := h.room.Accesses(context.Background(), h.ayesha); len(seen) != 0 {
			t.Errorf("refused readings left a record: %v", seen)
		}
	})
}

func TestTheNumberIsNowhereInTheClear(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		err := h.DB.View(ctx, func(tx *store.Tx) error {
			rows, err := store.List(tx, func(scan store.Scan) (string, error) {
				var a, b, c string
				var sealed []byte
				err := scan(&a, &b, &sealed, &c)
				return a + b + string(sealed) + c, err
			}, `select subject, number_index, number_sealed, name_en from identity_person`)
			for _, r := range rows {
				if strings.Contains(r, "61101") || strings.Contains(r, "35202") {
					t.Error("a national number can be read in the table")
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := h.room.Find(ctx, "۶۱۱۰۱-۱۲۳۴۵۶۷-۲"); err != nil || s != h.ayesha {
			t.Errorf("found by the number in Urdu digits: %q %v", s, err)
		}
		if _, err := h.room.Find(ctx, "6110112345673"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a stranger's number: %v", err)
		}
	})
}

func TestANumberIsRegisteredOnce(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		np := people[0]
		np.NameEn, np.Source = "Somebody Else", "enrolment"
		p, err := h.room.Prepare(ctx, np)
		if err != nil {
			t.Fatal(err)
		}
		err = h.DB.Update(ctx, func(tx *store.Tx) error { return h.room.Register(tx, p, "post/nadra.isb.adjudication") })
		if !fault.Is(err, fault.Conflict) {
			t.Fatalf("the same number twice: %v", err)
		}
		np.Number = "6110177777771"
		if p, err = h.room.Prepare(ctx, np); err != nil {
			t.Fatal(err)
		}
		if err := h.DB.Update(ctx, func(tx *store.Tx) error { return h.room.Register(tx, p, "post/nadra.isb.adjudication") }); err != nil {
			t.Fatal(err)
		}
		if e := h.events(identity.EventPersonIssued); len(e) != 1 || strings.Contains(string(e[0].Payload)+e[0].Subject, "77777") {
			t.Fatalf("the event: %+v", e)
		}
		if en, ur, err := h.room.Name(ctx, p.Subject); err != nil || en != "Somebody Else" || ur != "عائشہ خان" {
			t.Fatalf("%q %q %v", en, ur, err)
		}
	})
}

func TestTwoSectorsShareNoPseudonym(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		a, _ := h.room.Pseudonym(ctx, h.ayesha, "client/a")
		b, _ := h.room.Pseudonym(ctx, h.ayesha, "client/b")
		again, _ := h.room.Pseudonym(ctx, h.ayesha, "client/a")
		other, _ := h.room.Pseudonym(ctx, h.bilal, "client/a")
		if a == b || a != again || a == other || a == h.ayesha || len(a) != 43 {
			t.Fatalf("%q %q %q %q", a, b, again, other)
		}
	})
}

func TestACountryIsSeededQuicklyAndTwice(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		size := 2000
		if testing.Short() {
			size = 600 // more than two of the seed's chunks
		}
		var many []identity.SeedPerson
		for i := range size {
			p := people[1]
			p.Number = fmt.Sprintf("61%011d", i)
			many = append(many, p)
		}
		began := time.Now()
		first, err := h.room.Seed(context.Background(), many)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d people in %s", size, time.Since(began).Round(time.Millisecond))
		second, err := h.room.Seed(context.Background(), many)
		if err != nil || !slices.Equal(first, second) {
			t.Fatalf("seeding again changed something: %v", err)
		}
	})
}
