package gate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// posts is a country pack of three posts.
type posts struct{}

func (posts) Post(id string) (gate.Post, bool) {
	if id == "nowhere.at.all" {
		return gate.Post{}, false
	}
	return gate.Post{ID: id, Office: id[:strings.LastIndex(id, ".")], Title: map[string]string{"en": "Receipt clerk"}, Powers: []string{"office.note"}}, true
}

func opened(t *testing.T, db *store.DB, o gate.Options) *gate.Gate {
	t.Helper()
	o.Posts = posts{}
	g := gate.New(db, o)
	g.Room("office", []byte(officePolicy), []byte(officeSchema))
	if err := g.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEveryDecisionCanBeExplained(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		g := opened(t, db, gate.Options{})
		f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}

		permit, err := gate.Authorize(ctx, g, holder("p-rashid", "icta.dc.diary"), "office.note.write", f)
		if err != nil {
			t.Fatal(err)
		}
		if permit.Action() != "office.note.write" || permit.Resource() != f || permit.Who().ID != "p-rashid" || !permit.Valid() {
			t.Fatalf("the permit says something else: %+v", permit)
		}
		d, err := g.Decision(ctx, permit.DecisionID())
		if err != nil {
			t.Fatal(err)
		}
		if !d.Allowed || d.Actor != "post/icta.dc.diary" || d.Person != "p-rashid" || d.Kind != gate.Official ||
			d.ResourceType != "OfficeFile" || d.ResourceID != "f1" || d.Bundle != g.Bundle() ||
			len(d.Policies) != 1 || d.Policies[0] != "office.holder-writes" {
			t.Fatalf("the record: %+v", d)
		}

		_, err = gate.Authorize(ctx, g, holder("p-ayesha", "icta.dc.diary"), "office.file.decide", f)
		if !fault.Is(err, fault.Forbidden) || len(gate.Reasons(err)) != 1 || gate.Reasons(err)[0] != "gate.own-case" {
			t.Fatalf("her own case: %v", err)
		}
		_, err = gate.Authorize(ctx, g, holder("p-saima", "icta.dc.assistant"), "office.file.decide", f)
		if !fault.Is(err, fault.Forbidden) || gate.Reasons(err)[0] != "office.only-the-holder" {
			t.Fatalf("another post is not told who may: %v %v", err, gate.Reasons(err))
		}
		_, err = gate.Authorize(ctx, g, gate.Principal{}, "office.file.read", f)
		if !fault.Is(err, fault.Unauthenticated) || fault.As(err).Key != "gate.refused" {
			t.Fatalf("nobody in particular: %v", err)
		}
		all, err := g.Decisions(ctx, gate.Asked{ResourceType: "OfficeFile", ResourceID: "f1"})
		if err != nil || len(all) != 4 {
			t.Fatalf("%d decisions on record (%v), want 4", len(all), err)
		}
		if all[0].Actor != "anonymous" || all[0].Person != "" || all[0].Allowed {
			t.Fatalf("the newest is %+v", all[0])
		}
		refused, err := g.Decisions(ctx, gate.Asked{Refused: true, Limit: 2})
		if err != nil || len(refused) != 2 {
			t.Fatalf("%d refusals on the page (%v)", len(refused), err)
		}
		rest, err := g.Decisions(ctx, gate.Asked{Refused: true, Before: refused[1].ID})
		if err != nil || len(rest) != 1 || rest[0].Person != "p-ayesha" {
			t.Fatalf("the next page: %+v (%v)", rest, err)
		}
		var sources string
		if err := db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`select sources from gate_bundle where hash = $1`, g.Bundle()).Scan(&sources)
		}); err != nil || !strings.Contains(sources, "office.holder-writes") || !strings.Contains(sources, "national.own-case") {
			t.Fatalf("the bundle's text was not kept: %v", err)
		}
	})
}

func TestPublicReadsByNobodyLeaveNoRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := opened(t, db, gate.Options{})
		p, err := gate.Authorize(t.Context(), g, gate.Principal{}, "office.board.see", board{})
		if err != nil || p.DecisionID() != "" {
			t.Fatalf("%v, record %q", err, p.DecisionID())
		}
		who, err := gate.Authorize(t.Context(), g, gate.Principal{Kind: gate.Citizen, ID: "p1"}, "office.board.see", board{})
		if err != nil || who.DecisionID() == "" {
			t.Fatalf("somebody's read left no record: %v", err)
		}
	})
}

func TestWithoutARecordThereIsNoPermit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := opened(t, db, gate.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f := file{post: "icta.dc.diary", office: "icta.dc"}
		p, err := gate.Authorize(ctx, g, holder("p-rashid", "icta.dc.diary"), "office.note.write", f)
		if err == nil || p.Valid() {
			t.Fatal("a permit without a record")
		}
	})
}

// The life of a charge: given, used, ended, and what happens at the edges.
func TestChargesComeAndGo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, at := t.Context(), clock.At(time.Now().UTC())
		g := opened(t, db, gate.Options{Clock: at})
		f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
		update := func(fn func(tx *store.Tx) error) error { return db.Update(ctx, fn) }
		appoint := func(c gate.Charge) error {
			return update(func(tx *store.Tx) error { return gate.Appoint(tx, c) })
		}
		from := at.Now().Add(-time.Hour)
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-rashid", Kind: gate.Permanent, From: from, To: at.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-saima", Kind: gate.Permanent, From: from}); !fault.Is(err, fault.Conflict) {
			t.Fatalf("two permanent holders: %v", err)
		}
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-rashid", Kind: gate.LookAfter, From: from}); !fault.Is(err, fault.Conflict) {
			t.Fatalf("one person twice: %v", err)
		}
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-saima", Kind: gate.LookAfter, From: from}); err != nil {
			t.Fatalf("somebody may look after it besides: %v", err)
		}
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-omar", Kind: gate.Permanent, From: at.Now().Add(time.Hour)}); err != nil {
			t.Fatalf("the successor: %v", err)
		}
		if err := appoint(gate.Charge{Post: "icta.dc.diary", Person: "p-x", Kind: "borrowed"}); !fault.Is(err, fault.Invalid) {
			t.Fatalf("an unknown kind of charge: %v", err)
		}
		rashid, err := g.Principal(ctx, "p-rashid", gate.Official)
		if err != nil || rashid.Acting.ID != "icta.dc.diary" || rashid.Acting.Title["en"] != "Receipt clerk" || !rashid.Has("office.note") {
			t.Fatalf("loaded %+v (%v)", rashid, err)
		}
		if _, err := gate.Authorize(ctx, g, rashid, "office.note.write", f); err != nil {
			t.Fatal(err)
		}
		holders, err := g.Holders(ctx, "icta.dc.diary")
		if err != nil || len(holders) != 2 {
			t.Fatalf("%d holders (%v)", len(holders), err)
		}
		// the charge runs out while rashid's page is open: what was loaded before gives nothing now
		at.Advance(time.Hour)
		if _, err := gate.Authorize(ctx, g, rashid, "office.note.write", f); gate.Reasons(err) == nil || gate.Reasons(err)[0] != "gate.post-not-held" {
			t.Fatalf("after the end of the charge: %v %v", err, gate.Reasons(err))
		}
		if again, err := g.Principal(ctx, "p-rashid", gate.Official); err != nil || again.Kind != gate.Citizen || len(again.Posts) != 0 {
			t.Fatalf("an official without a post is %+v (%v)", again, err)
		}
		if omar, err := g.Principal(ctx, "p-omar", gate.Official); err != nil || omar.Acting.ID != "icta.dc.diary" {
			t.Fatalf("the successor is %+v (%v)", omar, err)
		}
		if err := update(func(tx *store.Tx) error {
			return gate.Relieve(tx, "icta.dc.diary", "p-saima", at.Now(), "post/icta.dc.dc")
		}); err != nil {
			t.Fatal(err)
		}
		if err := update(func(tx *store.Tx) error {
			return gate.Relieve(tx, "icta.dc.diary", "p-saima", at.Now(), "post/icta.dc.dc")
		}); !fault.Is(err, fault.Conflict) {
			t.Fatalf("relieved twice: %v", err)
		}
		if held, err := g.Charges(ctx, "p-saima"); err != nil || len(held) != 0 {
			t.Fatalf("saima still holds %v (%v)", held, err)
		}
		if p, err := g.Principal(ctx, "", gate.Official); err != nil || p.SignedIn() {
			t.Fatalf("nobody is %+v (%v)", p, err)
		}
	})
}

func TestMembershipsComeAndGo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		g := opened(t, db, gate.Options{})
		join := func(m gate.Membership) error {
			return db.Update(ctx, func(tx *store.Tx) error { return gate.Join(tx, m) })
		}
		if err := join(gate.Membership{Organisation: "bank-of-x", Person: "p1", Role: "till"}); err != nil {
			t.Fatal(err)
		}
		if err := join(gate.Membership{Organisation: "bank-of-x", Person: "p1", Role: "till"}); !fault.Is(err, fault.Conflict) {
			t.Fatalf("joined twice: %v", err)
		}
		if err := join(gate.Membership{Organisation: "a#owner", Person: "p1", Role: "x"}); !fault.Is(err, fault.Invalid) {
			t.Fatalf("a name that forges a role: %v", err)
		}
		p, err := g.Principal(ctx, "p1", gate.Citizen)
		if err != nil || len(p.Organisations) != 1 || p.Organisations[0].Role != "till" {
			t.Fatalf("%+v (%v)", p, err)
		}
		if m, err := g.Members(ctx, "bank-of-x"); err != nil || len(m) != 1 {
			t.Fatalf("%v (%v)", m, err)
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			return gate.Leave(tx, "bank-of-x", "p1", "till", time.Time{}, "system/test")
		}); err != nil {
			t.Fatal(err)
		}
		if m, err := g.Memberships(ctx, "p1"); err != nil || len(m) != 0 {
			t.Fatalf("%v (%v)", m, err)
		}
	})
}

// BenchmarkAuthorize is the whole way with a durable record on SQLite, by 64
// callers at once: group commit shares the disk between them.
func BenchmarkAuthorize(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{URL: storetest.SQLite(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	g := gate.New(db, gate.Options{})
	g.Room("office", []byte(officePolicy), []byte(officeSchema))
	if err := g.Seal(); err != nil {
		b.Fatal(err)
	}
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	who, f := holder("p-rashid", "icta.dc.diary"), file{post: "icta.dc.diary", office: "icta.dc"}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := gate.Authorize(b.Context(), g, who, "office.note.write", f); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
