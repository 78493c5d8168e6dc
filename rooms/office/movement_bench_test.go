package office

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// BenchmarkMovement is how fast files change hands: holder, movement and event
// in one durable transaction, by one sender and by 64 at once.
func BenchmarkMovement(b *testing.B) {
	const a, z = "icta.dc.assistant", "icta.dc.ac"
	var room *Room
	db := storetest.Open(b, store.Config{URL: storetest.SQLite(b)})
	courttest.New(b, db, func(c *courtyard.Courtyard) (err error) {
		room, err = New(c, Wants{})
		return err
	})
	ctx := context.Background()
	for _, senders := range []int{1, 64} {
		files := make([]File, senders)
		for i := range files {
			err := db.Update(ctx, func(tx *store.Tx) error {
				id, _, err := room.Receive(tx, Intake{Key: fmt.Sprint(senders, i), Office: "icta.dc", Subject: map[string]string{"en": "x"}, Route: []string{a, z}})
				if err != nil {
					return err
				}
				files[i], err = load(tx, id)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			var all sync.WaitGroup
			for i := range files {
				all.Go(func() {
					for range (b.N + senders - 1) / senders {
						f := &files[i]
						to := z
						if f.Holder == z {
							to = a
						}
						m := Movement{File: f.ID, Office: f.Office, Kind: MoveForward, From: f.Holder, To: to, Charge: "permanent"}
						if err := db.Update(ctx, func(tx *store.Tx) error { return move(tx, *f, &m, "post/"+f.Holder, false) }); err != nil {
							b.Error(err)
							return
						}
						f.Holder = to
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "moves/s")
		})
	}
}
