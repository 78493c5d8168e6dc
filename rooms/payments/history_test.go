package payments_test

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"testing"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
)

// anOldPaymentIsFound: a merchant with more movements than a page shows walks
// back to the first.
func anOldPaymentIsFound(t *testing.T, v *place) {
	ctx := context.Background()
	for i := range 30 {
		_, err := v.room.Pay(ctx, gate.Principal{ID: "s-c0017"}.Actor(), payments.Instant{Party: "test", Key: fmt.Sprint("many/", i), Debit: "person-c0017", Credit: "merchant-bilal", Amount: 100, Currency: "PKR", Note: payments.Note{Purpose: "bread"}})
		check(t, err)
	}
	var movements int
	check(t, v.DB.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from payments_transfer where 'merchant-bilal' in (debit, credit) and phase = 'committed'").Scan(&movements)
	}))
	bilal := v.AsCitizen("s-bilal")
	seen, pages := map[string]int{}, 0
	lines := 0
	for to := "/wallet/account/merchant-bilal"; to != "" && pages < 20; pages++ {
		page, status := v.get(bilal, to)
		if status != 200 {
			t.Fatal(to, status)
		}
		for _, m := range regexp.MustCompile(`href="/wallet/payment/([^"]+)"`).FindAllStringSubmatch(page, -1) {
			seen[m[1]]++
			lines++
		}
		to = ""
		if m := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page); m != nil {
			to = html.UnescapeString(m[1])
		}
	}
	if pages != (movements+24)/25 || len(seen) != lines || lines < 30 {
		t.Errorf("%d movements: %d payments, %d lines on %d pages", movements, len(seen), lines, pages)
	}
	v.allGreen()
}
