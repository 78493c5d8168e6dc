package payments

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// TestContentIDsAreThoseOfDICT makes the examples of the DICT API's description
// (version 1.8, "Cálculo de CID" and "Cálculo do VSync").
func TestContentIDsAreThoseOfDICT(t *testing.T) {
	request := make([]byte, 16)
	for i := range request {
		request[i] = byte(i + 1)
	}
	const first = "28c06eb41c4dc9c3ae114831efcac7446c8747777fca8b145ecd31ff8480ae88"
	if got := hex.EncodeToString(contentHash(request, "PHONE", "+5511987654321", "11122233300", "João Silva", "", "12345678", "00001", "0007654321", "CACC")); got != first {
		t.Errorf("content id %s", got)
	}
	vsync := make([]byte, 32)
	for _, cid := range []string{first, "4d4abb9168114e349672b934d16ed201a919cb49e28b7f66a240e62c92ee007f", "fce514f84f37934bc8aa0f861e4f7392273d71b9d18e8209d21e4192a7842058"} {
		b, err := hex.DecodeString(cid)
		if err != nil {
			t.Fatal(err)
		}
		subtle.XORBytes(vsync, vsync, b)
	}
	if got := hex.EncodeToString(vsync); got != "996fc1dd3b6b14bcf0c9fe8320eb66d7e2a3fd874ccf767b2e939641b1ea8eaf" {
		t.Errorf("vsync %s", got)
	}
}

// BenchmarkLookup asks a directory of 20,000 numbers, each time from another
// person's bucket: price, answer and record are one durable transaction.
func BenchmarkLookup(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			db, err := store.Open(context.Background(), store.Config{URL: engine.url(b), Clock: clock.System})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = db.Close() })
			db.Register(store.Migrations{Room: "payments", FS: migrations})
			if err := db.Migrate(context.Background()); err != nil {
				b.Fatal(err)
			}
			const size = 20_000
			mac := func(n int) []byte { return contentHash([]byte("key"), fmt.Sprint(n)) }
			err = db.Update(context.Background(), func(tx *store.Tx) error {
				a := &Account{Kind: KindPerson, IBAN: "PK00TEST0000000000000000", NameEn: "Somebody Somewhere", Opened: tx.Now()}
				a.ID, a.Book, a.Role, a.Currency, a.Holder = "a", "bank", "customer", "PKR", "s"
				if err := insertAccounts(tx, []*Account{a}); err != nil {
					return err
				}
				var list []*Alias
				for n := range size {
					list = append(list, &Alias{ID: fmt.Sprint(n), Kind: AliasMobile, Account: "a", Participant: "bank", Holder: "s", State: aliasActive, CID: mac(n), mac: mac(n)})
				}
				return insertAliases(tx, list)
			})
			if err != nil {
				b.Fatal(err)
			}
			r := &Room{db: db, clock: clock.System, newID: func() func() string {
				var n atomic.Int64
				return func() string { return fmt.Sprintf("%020d", n.Add(1)) }
			}()}
			var next atomic.Int64
			b.SetParallelism(32)
			b.ResetTimer()
			began := time.Now()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := int(next.Add(1))
					by := Asker{Actor: "test", Policy: PolicyPerson, Scope: fmt.Sprintf("person/%d", n)}
					if _, _, err := r.lookUp(context.Background(), by, aliasKey{kind: AliasMobile, mac: mac(n * 7919 % size)}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "lookups/s")
		})
	}
}

// TestWhoAskedIsForgotten sweeps what is older than it is needed.
func TestWhoAskedIsForgotten(t *testing.T) {
	inHall(t, 20, func(h *hall) {
		now := store.Micros(h.Clock.Now())
		ago := func(d time.Duration) int64 { return now - d.Microseconds() }
		h.fine(h.DB.Update(context.Background(), func(tx *store.Tx) error {
			for i, l := range []struct {
				at   int64
				used string
			}{{ago(time.Hour), ""}, {ago(3 * day), ""}, {ago(3 * day), "order-1"}, {ago(89 * day), "order-2"}, {ago(91 * day), "order-3"}} {
				if _, err := tx.Exec("insert into payments_lookup ("+lookupColumns+") values ($1, 'person/x', '', 'x', '', 'a', $2, $3, $3, $4, $5, '')", fmt.Sprint("lookup-", i), true, l.at, l.used, false); err != nil {
					return err
				}
			}
			for i, counted := range []int64{ago(day), ago(31 * day)} {
				if _, err := tx.Exec("insert into payments_bucket (policy, scope, tokens, counted) values ('TEST', $1, 5, $2)", fmt.Sprint(i), counted); err != nil {
					return err
				}
			}
			return sweepLookups(tx)
		}))
		if n := h.count("select count(*) from payments_lookup where id in ('lookup-0', 'lookup-2', 'lookup-3')"); n != 3 || h.count("select count(*) from payments_lookup") != 3 {
			t.Error("lookups that are left:", n, h.count("select count(*) from payments_lookup"))
		}
		if n := h.count("select count(*) from payments_bucket where policy = 'TEST'"); n != 1 {
			t.Error("buckets that are left:", n)
		}
	})
}
