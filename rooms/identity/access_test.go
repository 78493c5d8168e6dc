package identity_test

import (
	"context"
	"slices"
	"testing"

	"sarai/courtyard/store"
	"sarai/rooms/identity"
)

// An office lets an official open papers about Ayesha: she sees it beside the
// readings of the register. Nothing incomplete is written down.
func TestALookAtPapersElsewhereIsAmongTheReadings(t *testing.T) {
	each(t, func(t *testing.T, h *hall) {
		ctx := context.Background()
		look := identity.Look{Subject: h.ayesha, Actor: "post/icta.dc.diary", Purpose: "To work on file 7", Basis: "identity.basis.request"}
		write := func(l identity.Look) error {
			return h.DB.Update(ctx, func(tx *store.Tx) error { return h.room.Looked(tx, l) })
		}
		if err := write(look); err != nil {
			t.Fatal(err)
		}
		seen, err := h.room.Accesses(ctx, h.ayesha)
		if err != nil || len(seen) != 1 || seen[0].Actor != look.Actor || seen[0].Purpose != look.Purpose || !slices.Contains(seen[0].Facts, identity.Papers) {
			t.Fatalf("the record: %+v %v", seen, err)
		}
		if read := h.events(identity.EventPersonRead); len(read) != 1 || read[0].Actor != look.Actor {
			t.Errorf("the event: %+v", read)
		}
		for story, spoil := range map[string]func(*identity.Look){
			"nobody looked": func(l *identity.Look) { l.Actor = "" }, "for no purpose": func(l *identity.Look) { l.Purpose = "" },
			"on no basis": func(l *identity.Look) { l.Basis = "" }, "at a person nobody knows": func(l *identity.Look) { l.Subject = "pffff" },
		} {
			bad := look
			spoil(&bad)
			if err := write(bad); err == nil {
				t.Errorf("%s, and it was written down", story)
			}
		}
		if seen, _ := h.room.Accesses(ctx, h.ayesha); len(seen) != 1 {
			t.Errorf("refused records were kept: %v", seen)
		}
	})
}
