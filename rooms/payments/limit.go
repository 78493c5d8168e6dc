package payments

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Limits are the most a person may pay from all their own accounts together. What a
// government account receives does not count, and a business has none. 0 is no
// limit.
type Limits struct {
	Payment int64 // at once, minor units
	Day     int64 // in a day of the country's zone, minor units
	Count   int64 // payments in such a day
}

// ownLimits are what a person set for themselves: 0 is the country's. What is
// lowered counts at once; what is raised waits, so that whoever took a telephone
// away gains nothing by it.
type ownLimits struct {
	Now  Limits
	Next Limits
	From time.Time // when Next counts; zero: nothing waits
}

// at gives the limits that count at a moment.
func (o ownLimits) at(now time.Time) Limits {
	if !o.From.IsZero() && !now.Before(o.From) {
		return o.Next
	}
	return o.Now
}

// lower is the smaller of two limits, where 0 is none.
func lower(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

func (l Limits) lower(by Limits) Limits {
	return Limits{lower(l.Payment, by.Payment), lower(l.Day, by.Day), lower(l.Count, by.Count)}
}

// countryLimits are the pack's.
func (r *Room) countryLimits() Limits {
	l := r.pack.Rules().Limits
	return Limits{l.Payment, l.Day, l.Count}
}

func ownLimitsOf(tx *store.Tx, holder string) (o ownLimits, err error) {
	var from int64
	o, err = store.Get(tx, func(scan store.Scan) (o ownLimits, err error) {
		err = scan(&o.Now.Payment, &o.Now.Day, &o.Now.Count, &o.Next.Payment, &o.Next.Day, &o.Next.Count, &from)
		return o, err
	}, "select payment, a_day, count, next_payment, next_day, next_count, from_at from payments_limit where holder = $1", holder)
	if fault.Is(err, fault.NotFound) {
		return ownLimits{}, nil
	}
	if from > 0 {
		o.From = store.Time(from)
	}
	return o, err
}

// Spending is what a person may pay, and has paid today.
type Spending struct {
	Limits           // those that count now
	Country   Limits // the pack's
	Own       ownLimits
	Spent     int64     // today, minor units
	Payments  int64     // today
	CalmUntil time.Time // one of the person's numbers cools off: Day is smaller until then
}

// left is how much may still be paid today; -1 when there is no limit.
func (s Spending) left() int64 {
	if s.Day == 0 {
		return -1
	}
	return max(s.Day-s.Spent, 0)
}

// spending reads what a person may pay. Within a transaction that holds the lease of
// the ledger nobody else's payment can come in between.
func (r *Room) spending(tx *store.Tx, holder string) (s Spending, err error) {
	now := tx.Now()
	s.Country = r.countryLimits()
	if s.Own, err = ownLimitsOf(tx, holder); err != nil {
		return s, err
	}
	s.Limits = s.Country.lower(s.Own.at(now))
	var calm int64
	if err := tx.QueryRow("select coalesce(max(calm_until), 0) from payments_alias where holder = $1 and calm_until > $2", holder, store.Micros(now)).Scan(&calm); err != nil {
		return s, fmt.Errorf("numbers that cool off: %w", err)
	}
	if most := r.pack.Rules().Limits.Calm; calm > 0 && most > 0 && lower(s.Day, most) == most {
		s.Day, s.CalmUntil = most, store.Time(calm)
	}
	err = tx.QueryRow("select cast(coalesce(sum(amount), 0) as bigint), count(*) from payments_spending where holder = $1 and spent_on = $2", holder, r.dayOf(now)).Scan(&s.Spent, &s.Payments)
	return s, err
}

// dayOf numbers the days of the country's zone.
func (r *Room) dayOf(t time.Time) int64 {
	y, m, d := t.In(r.pack.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / int64(day/time.Second)
}

// allow says in words why an amount is more than the person may pay.
func (r *Room) allow(s Spending, amount int64) error {
	say := func(key string, args ...string) error {
		return fault.New(fault.Conflict, key, args...).At("amount", key, args...)
	}
	money := r.pack.Currency.Digits
	switch {
	case s.Payment > 0 && amount > s.Payment:
		return say("payments.limit.payment", "most", money(s.Payment))
	case s.Count > 0 && s.Payments >= s.Count:
		return say("payments.limit.count", "most", fmt.Sprint(s.Count))
	case s.left() >= 0 && amount > s.left() && !s.CalmUntil.IsZero():
		return say("payments.limit.calm", "most", money(s.Day), "left", money(s.left()))
	case s.left() >= 0 && amount > s.left():
		return say("payments.limit.day", "most", money(s.Day), "left", money(s.left()))
	}
	return nil
}

// spender is the person whose limits a payment counts against; "" for none.
func spender(tx *store.Tx, debit, credit string) (holder string, err error) {
	list, err := store.List(tx, store.Value[string], `select d.holder from payments_account d, payments_account c
		where d.id = $1 and c.id = $2 and d.kind = $3 and c.kind <> $4`, debit, credit, KindPerson, KindGovernment)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// mayPay refuses a payment above the payer's limits. It runs before the payment is
// decided and in the transaction that decides it, and whoever decides in a currency
// decides alone: two payments that each would fit and together do not cannot both
// pass.
func (r *Room) mayPay(tx *store.Tx, debit, credit string, amount int64) error {
	holder, err := spender(tx, debit, credit)
	if err != nil || holder == "" {
		return err
	}
	s, err := r.spending(tx, holder)
	if err != nil {
		return err
	}
	return r.allow(s, amount)
}

// paid counts a payment in the transaction that decides it.
func (r *Room) paid(tx *store.Tx, transfer, debit, credit string, amount int64) error {
	holder, err := spender(tx, debit, credit)
	if err != nil || holder == "" {
		return err
	}
	if _, err := tx.Exec("insert into payments_spending (transfer, holder, spent_on, amount) values ($1, $2, $3, $4)", transfer, holder, r.dayOf(tx.Now()), amount); err != nil {
		return fmt.Errorf("count a payment: %w", err)
	}
	if !strings.HasSuffix(transfer, "00") {
		return nil // one in many sweeps
	}
	_, err = tx.Exec("delete from payments_spending where transfer in (select transfer from payments_spending where spent_on < $1 limit 500)", r.dayOf(tx.Now())-7)
	return err
}

// unpaid takes back what was counted for reservations that came to nothing.
func unpaid(tx *store.Tx, transfers ...any) error {
	for part := range slices.Chunk(transfers, 200) {
		places := make([]string, len(part))
		for i := range part {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		if _, err := tx.Exec("delete from payments_spending where transfer in ("+strings.Join(places, ", ")+")", part...); err != nil {
			return fmt.Errorf("take back what was counted: %w", err)
		}
	}
	return nil
}

// SpendingOf tells what a person may pay and has paid today.
func (r *Room) SpendingOf(ctx context.Context, holder string) (s Spending, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		s, err = r.spending(tx, holder)
		return err
	})
	return s, err
}

// setLimits writes a person's own limits; 0 is the country's. What is lower than now
// counts at once, what is higher after the pack's hours.
func (r *Room) setLimits(ctx context.Context, actor, holder string, want Limits) error {
	country := r.countryLimits()
	for _, x := range []struct {
		field     string
		want, has int64
	}{{"payment", want.Payment, country.Payment}, {"day", want.Day, country.Day}, {"count", want.Count, country.Count}} {
		if x.want < 0 || x.has > 0 && x.want > x.has {
			key, most := "payments.limit.above.sum", r.pack.Currency.Digits(x.has)
			if x.field == "count" {
				key, most = "payments.limit.above", fmt.Sprint(x.has)
			}
			return fault.New(fault.Invalid, key, "most", most).At(x.field, key, "most", most)
		}
	}
	if want.Payment > 0 && want.Day > 0 && want.Payment > want.Day {
		return fault.New(fault.Invalid, "payments.limit.order").At("payment", "payments.limit.order")
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		// a second change of the same person waits here for the first
		if _, err := tx.Exec(`insert into payments_limit (holder, payment, a_day, count, next_payment, next_day, next_count, from_at, changed) values ($1, 0, 0, 0, 0, 0, 0, 0, $2)
			on conflict (holder) do update set changed = excluded.changed`, holder, store.Micros(tx.Now())); err != nil {
			return err
		}
		o, err := ownLimitsOf(tx, holder)
		if err != nil {
			return err
		}
		now := o.at(tx.Now())
		if now == want && (o.From.IsZero() || !tx.Now().Before(o.From)) {
			return nil
		}
		at := now.lower(want) // what counts until what is raised may
		if own := country.lower(want); country.lower(at) == own {
			o = ownLimits{Now: want}
		} else {
			o = ownLimits{Now: at, Next: want, From: tx.Now().Add(time.Duration(r.pack.Rules().Limits.Raise) * time.Hour)}
		}
		from := int64(0)
		if !o.From.IsZero() {
			from = store.Micros(o.From)
		}
		tx.Emit(store.Event{Type: LimitChanged, Version: 1, Subject: "payments/limit", Actor: actor, Data: LimitData{Raised: from > 0}})
		_, err = tx.Exec("update payments_limit set payment = $2, a_day = $3, count = $4, next_payment = $5, next_day = $6, next_count = $7, from_at = $8 where holder = $1",
			holder, o.Now.Payment, o.Now.Day, o.Now.Count, o.Next.Payment, o.Next.Day, o.Next.Count, from)
		return err
	})
}
