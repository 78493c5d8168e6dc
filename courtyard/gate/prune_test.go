package gate_test

import (
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// TestDecisionsAreKeptForTheirTime: what is ordinary goes after 400 days, what
// was decided about somebody after ten years, and nothing sooner.
func TestDecisionsAreKeptForTheirTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), clock.At(noon)
		g := opened(t, db, gate.Options{Clock: now})
		f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
		rashid := holder("p-rashid", "icta.dc.diary")
		ask := func(action string) {
			t.Helper()
			if _, err := gate.Authorize(ctx, g, rashid, action, f); err != nil {
				t.Fatal(err)
			}
		}
		var after time.Time
		prune := func(want int64) {
			t.Helper()
			through, gone, err := g.Prune(ctx, after)
			if err != nil || gone != want {
				t.Errorf("after %v: %d decisions went (%v), want %d", now.Now().Sub(noon), gone, err, want)
			}
			after = through
		}
		for range 501 { // more than go at once
			ask("office.note.write")
		}
		ask("office.file.decide")
		prune(0)
		now.Advance(399 * 24 * time.Hour)
		prune(0)
		ask("office.note.write")
		now.Advance(2 * 24 * time.Hour)
		prune(501)
		left, err := g.Decisions(ctx, gate.Asked{})
		if err != nil || len(left) != 2 || left[1].Action != "office.file.decide" {
			t.Errorf("left on record: %+v (%v)", left, err)
		}
		now.Advance(8 * 365 * 24 * time.Hour)
		prune(1)
		now.Advance(2 * 365 * 24 * time.Hour)
		prune(1)

		kept := gate.New(db, gate.Options{Clock: now, Keep: gate.Keep{Ordinary: -1, About: -1}})
		kept.Room("office", []byte(officePolicy), []byte(officeSchema))
		if err := kept.Seal(); err != nil {
			t.Fatal(err)
		}
		ask("office.note.write")
		now.Advance(100 * 365 * 24 * time.Hour)
		if _, gone, err := kept.Prune(ctx, time.Time{}); err != nil || gone != 0 {
			t.Errorf("%d decisions went that are kept for ever (%v)", gone, err)
		}
	})
}
