package payments

import (
	"context"
	"strings"

	"github.com/a-h/templ"

	"sarai/courtyard/web"
)

func settleCounters(ctx context.Context, v settleView) []templ.Component {
	payments, gross := v.sums()
	return []templ.Component{
		web.Counter{ID: "settle-payments", Label: web.T(ctx, "payments.settlement.payments"), Value: web.Number(payments)},
		web.Counter{ID: "settle-gross", Label: web.T(ctx, "payments.settlement.gross"), Value: web.Money(ctx, gross, v.Currency)},
		web.Counter{ID: "settle-next", Label: web.T(ctx, "payments.settlement.next"), Value: v.nextText(ctx)},
	}
}

func (v settleView) nextText(ctx context.Context) string {
	if v.Next.IsZero() {
		return web.T(ctx, "payments.settlement.next.none")
	}
	return web.TimeOfDay(ctx, v.Next)
}

func (s Scheme) cutText() string { return strings.Join(s.Cuts, " ") }

func schemeRows(ctx context.Context, v settleView) []web.Answer {
	cuts, alerts := v.Scheme.cutText(), v.Scheme.alertText()
	if cuts == "" {
		cuts = web.T(ctx, "payments.settlement.next.none")
	}
	if alerts == "" {
		alerts = "–"
	}
	rows := []web.Answer{
		{Label: web.T(ctx, "payments.settlement.model"), Value: web.T(ctx, "payments.settlement.model."+v.Scheme.Model)},
		{Label: web.T(ctx, "payments.settlement.cuts"), Value: cuts, Code: len(v.Scheme.Cuts) > 0},
		{Label: web.T(ctx, "payments.settlement.days"), Value: web.T(ctx, "payments.settlement.days."+v.Scheme.Days)},
		{Label: web.T(ctx, "payments.settlement.alerts"), Value: alerts, Code: true},
	}
	if !v.Next.IsZero() {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.settlement.next"), Value: web.DateTime(ctx, v.Next)})
	}
	return rows
}

func windowAbout(ctx context.Context, v windowPage) []web.Answer {
	rows := []web.Answer{
		{Label: web.T(ctx, "payments.settlement.opened"), Value: web.DateTime(ctx, v.Opened)},
		{Label: web.T(ctx, "payments.settlement.closed"), Value: web.DateTime(ctx, v.Closed)},
		{Label: web.T(ctx, "payments.settlement.rows"), Value: web.Number(v.First) + " – " + web.Number(v.Last), Code: true},
		{Label: web.T(ctx, "payments.settlement.payments"), Value: web.Number(v.Payments)},
		{Label: web.T(ctx, "payments.settlement.gross"), Body: web.Amount{Minor: v.Gross, Currency: v.Currency}},
	}
	if !v.Settled.IsZero() {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.settlement.settled"), Value: web.DateTime(ctx, v.Settled)})
	}
	return rows
}
