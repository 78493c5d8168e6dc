package payments_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
)

// TestBulkSpeed pays SARAI_BULK_LINES wallets and says how long each part took.
// It is skipped unless the variable is set; with SARAI_BULK_ONLY nothing is
// paid.
func TestBulkSpeed(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SARAI_BULK_LINES"))
	if n == 0 {
		t.Skip("SARAI_BULK_LINES is not set")
	}
	ctx := context.Background()
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		demo := court.Pack.Demo(7, country.DemoVillage)
		check(t, room.Seed(ctx, demo, func(key string) string { return "s-" + key }))
		text := manyWallets(t, court, n)
		check(t, room.PostForTest("program-kafaalat-PKR", int64(n)*1350000))
		for _, bank := range []string{"settlement-ntb-PKR"} {
			check(t, room.PrefundForTest(bank, int64(n)*1350000))
		}
		v := &village{Court: court, room: room, t: t, demo: demo}
		began := time.Now()
		lap := func(what string) {
			took := time.Since(began)
			t.Logf("%-10s %6.2f s %9.0f lines/s", what, took.Seconds(), float64(n)/took.Seconds())
			began = time.Now()
		}
		whole := began
		src, err := payments.NewBulkCSV(strings.NewReader(text), 2)
		check(t, err)
		no, err := room.TakeBulk(ctx, payments.BulkIntake{Program: "kafaalat", Period: "2026-11", Source: "csv", Name: "all.csv",
			Digest: func() [32]byte { return sha256.Sum256([]byte(text)) }, Lines: int64(n), Total: int64(n) * 1350000, Maker: rubina}, src)
		check(t, err)
		lap("taken")
		v.wait(no, payments.BulkValidated, 5*time.Minute)
		lap("validated")
		if os.Getenv("SARAI_BULK_ONLY") != "" {
			return
		}
		check(t, room.CheckBulk(ctx, tariq, no))
		check(t, room.ReleaseBulk(ctx, aftab, no))
		b := v.wait(no, payments.BulkDone, 10*time.Minute)
		lap("paid")
		t.Logf("%-10s %6.2f s", "all", time.Since(whole).Seconds())
		if b.Paid != int64(n) {
			t.Fatalf("%+v", b)
		}
		v.counted(no)
	})
}

// manyWallets opens wallets and gives the file that pays them.
func manyWallets(t *testing.T, court *courttest.Court, n int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("reference,iban,amount\n")
	const chunk = 1000
	for from := 0; from < n; from += chunk {
		check(t, court.DB.Update(context.Background(), func(tx *store.Tx) error {
			for i := from; i < min(n, from+chunk); i++ {
				bank := court.Pack.Banks[i%len(court.Pack.Banks)]
				iban, err := court.Pack.IBAN.Make(bank.Code, fmt.Sprintf("5%011d", i))
				if err != nil {
					return err
				}
				if _, err := tx.Exec(`insert into payments_account (id, book, role, kind, holder, currency, iban, name_en, name_ur, category, city_en, city_ur, floor, bottomless, blocked, closed, opened)
					values ($1, $2, 'customer', 'person', $3, 'PKR', $4, 'Somebody', 'کوئی', '', '', '', 0, $5, $5, $5, 0)`, fmt.Sprintf("wallet-%07d", i), bank.ID, fmt.Sprintf("w-%d", i), string(iban), false); err != nil {
					return err
				}
				if _, err := tx.Exec("insert into payments_balance (id, balance, held) values ($1, 0, 0)", fmt.Sprintf("wallet-%07d", i)); err != nil {
					return err
				}
				fmt.Fprintf(&text, "HH-%07d,%s,13500.00\n", i, iban)
			}
			return nil
		}))
	}
	return text.String()
}
