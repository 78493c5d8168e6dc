package gate_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// A crowd asks at once. Each has its own line on record when it is answered, and
// whose name cannot be written is refused alone.
func TestDecisionsThatComeTogetherAreAllOnRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := opened(t, db, gate.Options{})
		f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
		var crowd sync.WaitGroup
		for n := range 60 {
			crowd.Go(func() {
				person := fmt.Sprintf("p-%d", n)
				if n%20 == 7 {
					person = fmt.Sprintf("p-%d\x00", n)
				}
				permit, err := gate.Authorize(t.Context(), g, holder(person, "icta.dc.diary"), "office.note.write", f)
				switch {
				case n%20 == 7:
					if !fault.Is(err, fault.Unavailable) || fault.As(err).Key != "gate.no-record" {
						t.Errorf("%q got a permit that is on no record: %v", person, err)
					}
					return
				case err != nil:
					t.Errorf("%s: %v", person, err)
					return
				}
				if d, err := g.Decision(t.Context(), permit.DecisionID()); err != nil || d.Person != person {
					t.Errorf("%s: the record is %q of %q (%v)", person, d.ID, d.Person, err)
				}
			})
		}
		crowd.Wait()
	})
}

// Whoever asks inside a transaction of their own would wait for themselves on
// SQLite: they are refused at once, and those who ask meanwhile are not.
func TestADecisionInsideATransactionIsRefusedAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := opened(t, db, gate.Options{})
		f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
		var neighbour sync.WaitGroup
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			neighbour.Go(func() {
				if _, err := gate.Authorize(t.Context(), g, holder("p-bilal", "icta.dc.diary"), "office.note.write", f); err != nil {
					t.Errorf("a neighbour of the mistake: %v", err)
				}
			})
			_, err := gate.Authorize(tx.Context(), g, holder("p-ayesha", "icta.dc.diary"), "office.note.write", f)
			return err
		})
		if !errors.Is(err, store.ErrNested) {
			t.Errorf("a decision inside a transaction: %v", err)
		}
		neighbour.Wait()
	})
}
