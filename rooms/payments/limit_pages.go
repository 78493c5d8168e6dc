package payments

import (
	"context"
	"strconv"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// limitView is a person's limits and what of them is used today.
type limitView struct {
	Spending
	digits func(minor int64) string // without the currency
}

func (r *Room) limitPages(s *web.Site) {
	page := func(c *web.Ctx) web.Page { return web.Page{Title: c.T("payments.limit.title"), Back: "/wallet"} }
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /wallet/limits", Action: "payments.limit.set", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		v, err := r.SpendingOf(c.Context(), p.Who().ID)
		if err != nil {
			return err
		}
		return c.Render(page(c), limitsBody(limitView{v, r.pack.Currency.Digits}))
	}})
	web.Handle(s, web.Route[gate.House]{Pattern: "POST /wallet/limits", Action: "payments.limit.set", Do: func(c *web.Ctx, p gate.Permit[gate.House]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		want := Limits{Payment: f.Money("payment"), Day: f.Money("day"), Count: f.Int("count")}
		if err = f.Err(); err == nil {
			err = r.setLimits(c.Context(), p.Who().Actor(), p.Who().ID, want)
		}
		if err != nil {
			v, e := r.SpendingOf(c.Context(), p.Who().ID)
			if e != nil {
				return e
			}
			return c.Invalid(err, page(c), limitsBody(limitView{v, r.pack.Currency.Digits}))
		}
		c.Flash("good", "payments.limit.saved")
		return c.Redirect("/wallet/limits")
	}})
}

// wanted are the person's own limits as they will be once nothing waits.
func (v limitView) wanted() Limits {
	if !v.Own.From.IsZero() {
		return v.Own.Next
	}
	return v.Own.Now
}

// typedMoney is an amount as it stands in a field; empty for none.
func (v limitView) typedMoney(minor int64) string {
	if minor == 0 {
		return ""
	}
	return v.digits(minor)
}

func typedCount(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// upTo says a limit, or that there is none.
func upTo(ctx context.Context, minor int64) string {
	if minor == 0 {
		return web.T(ctx, "payments.limit.none")
	}
	return web.Money(ctx, minor, "")
}

func limitRows(ctx context.Context, v limitView) []web.Answer {
	day := web.Answer{Label: web.T(ctx, "payments.limit.a-day"), Value: upTo(ctx, v.Day)}
	if v.left() >= 0 {
		day.Note = web.T(ctx, "payments.limit.left", "left", web.Money(ctx, v.left(), ""))
	}
	rows := []web.Answer{{Label: web.T(ctx, "payments.limit.at-once"), Value: upTo(ctx, v.Payment)}, day}
	if v.Count > 0 {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.limit.payments"), Value: web.Number(v.Count), Note: web.T(ctx, "payments.limit.made", "count", web.Number(v.Payments))})
	}
	return rows
}

// mostHint says what the country allows.
func mostHint(ctx context.Context, minor int64) string {
	if minor == 0 {
		return ""
	}
	return web.T(ctx, "payments.limit.country", "most", web.Money(ctx, minor, ""))
}
