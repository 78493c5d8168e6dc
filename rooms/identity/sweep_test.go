package identity

import (
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
)

// An application that nobody sends is kept for ninety days after its last
// answer and no longer.
func TestAnApplicationNobodySentIsForgotten(t *testing.T) {
	t.Parallel()
	var room *Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = New(c, Wants{})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		old, err := room.openDraft(t.Context(), "browser-1")
		if err != nil {
			t.Fatal(err)
		}
		court.Clock.Advance(draftLife - time.Hour)
		young, err := room.openDraft(t.Context(), "browser-2")
		if err != nil {
			t.Fatal(err)
		}
		court.Clock.Advance(2 * time.Hour)
		if err := court.DB.Update(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
		if _, err := room.enrolmentByID(t.Context(), old.ID); !fault.Is(err, fault.NotFound) {
			t.Error("still there:", err)
		}
		if _, err := room.enrolmentByID(t.Context(), young.ID); err != nil {
			t.Error("forgotten too early:", err)
		}
	})
}
