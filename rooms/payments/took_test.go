package payments

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// A payment that is reserved and committed in one transaction bears one time in
// its two events. How long it took is measured apart, and of a payment whose
// money was held first it is not said: that is between its two events.
func TestThePaymentSaysHowLongItTook(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx, now := context.Background(), clock.At(noon)
		db, b := town(t, url, now)
		until := now.Now().Add(time.Minute)
		_, err := b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{reserveStep("at-once", "k1", "ayesha", "bakery", 10_00, until), {Kind: ledger.Commit, Transfer: "at-once"}}})
		must(t, err)
		_, err = b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{reserveStep("held", "k2", "ayesha", "bakery", 10_00, until)}})
		must(t, err)
		_, err = b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: "held", Party: "ayesha", Key: "k3"}}})
		must(t, err)
		took := map[string]int64{}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			list, err := store.List(tx, store.Value[string], "select payload from journal_outbox where type = $1 union all select payload from journal_event where type = $1", TransferCommitted)
			for _, text := range list {
				var d TransferData
				if err := json.Unmarshal([]byte(text), &d); err != nil {
					return err
				}
				took[d.Transfer] = d.Took
			}
			return err
		}))
		if len(took) != 2 || took["at-once"] <= 0 || took["at-once"] > time.Minute.Microseconds() || took["held"] != 0 {
			t.Errorf("microseconds: %v", took)
		}
	})
}
