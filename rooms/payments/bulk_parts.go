package payments

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/web"
)

const bulkExample = "reference,iban,amount\nHH-000417,PK36MRGL0000001123456702,13500.00"

func programCards(ctx context.Context, v bulkListView) (cards []web.Card) {
	for _, p := range v.Programs {
		cards = append(cards, web.Card{Title: web.Of(ctx, p.Name), Href: "/bulk/program/" + p.ID,
			Hint: web.T(ctx, "payments.bulk.budget") + " " + web.Money(ctx, v.Budget[p.ID], v.Currency)})
	}
	return cards
}

func bulkRows(ctx context.Context, v bulkListView) (rows []web.Row) {
	for _, b := range v.Files {
		rows = append(rows, web.Row{Cells: []templ.Component{bulkFileCell(b), web.Text(web.Of(ctx, v.Names[b.Program]) + " · " + bulkPeriodText(ctx, b.Period)), bulkTag(ctx, b),
			web.Text(web.Number(b.Lines)), web.Amount{Minor: b.Total, Currency: b.Currency}, web.Text(web.Number(b.Paid))}})
	}
	return rows
}

func bulkTag(ctx context.Context, b *Bulk) web.Tag {
	status := "wait"
	switch b.State {
	case BulkDone:
		status = "good"
		if b.Paid < b.Lines {
			return web.Tag{Status: "info", Text: web.T(ctx, "payments.bulk.is.rest")}
		}
	case BulkRejected, BulkCancelled:
		status = "bad"
	}
	return web.Tag{Status: status, Text: web.T(ctx, "payments.bulk.is."+string(b.State))}
}

func columnRows(ctx context.Context) (rows []web.Row) {
	for _, name := range []string{"amount", "iban", "mobile", "cnic", "name", "reference"} {
		rows = append(rows, web.Row{Cells: []templ.Component{web.Code(name), web.Text(web.T(ctx, "payments.bulk.column."+name))}})
	}
	return rows
}

// bulkCounters are the figures of a file, large enough to be read from afar.
func bulkCounters(ctx context.Context, v bulkView) (list []web.Counter) {
	b := v.Bulk
	add := func(id, status string, n int64, hint string) {
		list = append(list, web.Counter{ID: "bulk-" + id, Label: web.T(ctx, "payments.bulk.count."+id), Value: web.Number(n), Hint: hint, Status: status})
	}
	money := func(minor int64) string { return web.Money(ctx, minor, b.Currency) }
	if !b.paying() {
		add("lines", "", b.Lines, money(b.Total))
		good := "good"
		if b.Good == 0 {
			good = ""
		}
		add("good", good, b.Good, money(b.GoodTotal))
		if b.Away > 0 {
			add("away", "", b.Away, web.T(ctx, "payments.bulk.away"))
		}
		if b.Bad() > 0 {
			add("bad", "bad", b.Bad(), money(b.Total-b.GoodTotal))
		}
		return list
	}
	add("paid", "good", b.Paid, money(b.PaidTotal))
	if b.State != BulkDone {
		add("waiting", "wait", b.Waiting(), money(b.GoodTotal-b.PaidTotal-b.FailedTotal))
	}
	if rest := b.Failed + b.Bad(); rest > 0 {
		add("rest", "bad", rest, money(b.Total-b.GoodTotal+b.FailedTotal))
	}
	speed := v.speed()
	hint := ""
	switch {
	case b.State == BulkDone:
		hint = web.T(ctx, "payments.bulk.took", "time", bulkTime(ctx, b.Finished.Sub(b.Started)))
	case speed > 0:
		hint = web.T(ctx, "payments.bulk.left", "time", bulkTime(ctx, time.Duration(b.Waiting()/speed+1)*time.Second))
	}
	add("speed", "", speed, hint)
	return list
}

// bulkPeriodText writes a period as people say it: November 2026, or October to
// December 2026.
func bulkPeriodText(ctx context.Context, period string) string {
	month := func(year string, n int) string {
		t, err := time.Parse("2006-1", year+"-"+strconv.Itoa(n))
		if err != nil {
			return "\u2066" + period + "\u2069"
		}
		_, text, _ := strings.Cut(web.Date(ctx, t.Add(12*time.Hour)), " ") // noon: the same day everywhere in the country
		return text
	}
	year, part, _ := strings.Cut(period, "-")
	if quarter, ok := strings.CutPrefix(part, "Q"); ok {
		n, _ := strconv.Atoi(quarter)
		first, last := month(year, 3*n-2), month(year, 3*n)
		return web.T(ctx, "payments.bulk.quarter", "first", strings.TrimSuffix(first, " "+year), "last", strings.TrimSuffix(last, " "+year), "year", year)
	}
	n, _ := strconv.Atoi(part)
	return month(year, n)
}

func why(ctx context.Context, code string) string { return web.T(ctx, whyKey(code)) }

func reasonRows(ctx context.Context, v bulkView) (rows []web.Row) {
	for _, x := range v.Reasons {
		rows = append(rows, web.Row{Status: "bad", Cells: []templ.Component{web.Text(why(ctx, x.Reason)), web.Code(x.Reason), web.Text(web.Number(x.Lines)), web.Amount{Minor: x.Total, Currency: v.Bulk.Currency}}})
	}
	return rows
}

// bulkSteps are the three persons' ways, by their posts.
func bulkSteps(ctx context.Context, v bulkView) []web.Step {
	b := v.Bulk
	post := func(id string) string { return web.Of(ctx, v.Posts(id)) }
	steps := []web.Step{
		{Title: web.T(ctx, "payments.bulk.step.uploaded"), State: "done", Who: post(b.MakerPost), At: b.Uploaded},
		{Title: web.T(ctx, "payments.bulk.step.validated"), At: b.Validated},
		{Title: web.T(ctx, "payments.bulk.step.checked"), Who: post(b.CheckerPost), At: b.Checked},
		{Title: web.T(ctx, "payments.bulk.step.released"), Who: post(b.ReleaserPost), At: b.Released},
		{Title: web.T(ctx, "payments.bulk.step.paid"), At: b.Finished},
	}
	reached := map[BulkState]int{BulkUploaded: 1, BulkValidating: 1, BulkValidated: 2, BulkChecked: 3, BulkReleased: 4, BulkPaying: 4, BulkDone: 5}[b.State]
	for i := range steps {
		switch {
		case i < reached || reached == 0 && i == 0:
			steps[i].State = "done"
		case i == reached && reached > 0:
			steps[i].State = "now"
		default:
			steps[i].State = "later"
		}
	}
	if reached == 0 { // rejected or cancelled
		keep := 1
		for keep < 4 && !steps[keep].At.IsZero() && steps[keep].State == "later" && (keep == 1 || !b.Checked.IsZero() && b.Releaser != "") {
			steps[keep].State = "done"
			keep++
		}
		who := b.CheckerPost
		if b.Releaser != "" {
			who = b.ReleaserPost
		}
		if b.State == BulkCancelled {
			who = b.MakerPost
		}
		steps = append(steps[:keep], web.Step{Title: web.T(ctx, "payments.bulk.is."+string(b.State)), State: "bad", Who: post(who), At: b.Finished})
	}
	return steps
}

func bulkAbout(ctx context.Context, v bulkView) []web.Answer {
	b := v.Bulk
	rows := []web.Answer{
		{Label: web.T(ctx, "payments.bulk.told"), Value: web.N(ctx, "payments.bulk.told.what", b.Lines, "sum", web.Money(ctx, b.Total, b.Currency))},
		{Label: web.T(ctx, "payments.bulk.source"), Value: web.T(ctx, "payments.bulk.source."+b.Source)},
		{Label: web.T(ctx, "payments.bulk.name"), Body: web.Bdi(b.Name)},
		{Label: web.T(ctx, "payments.bulk.digest"), Body: web.Code(hexText(b.Digest))},
	}
	if b.Parent > 0 {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.bulk.parent"), Body: web.A("/bulk/file/"+strconv.FormatInt(b.Parent, 10), web.T(ctx, "payments.bulk.no", "no", strconv.FormatInt(b.Parent, 10)))})
	}
	return rows
}

func restRows(ctx context.Context, v bulkRestView) (rows []web.Row) {
	for _, l := range v.Lines {
		rows = append(rows, web.Row{Status: "bad", Cells: []templ.Component{web.Text(web.Number(l.Line)), web.Code(l.Reference), web.Code("…" + l.Tail), web.Text(why(ctx, l.Reason)), web.Code(l.Reason), web.Amount{Minor: l.Amount, Currency: v.Bulk.Currency}}})
	}
	return rows
}

func supportTag(ctx context.Context, s Support) web.Tag {
	switch s.State {
	case "paid":
		return web.Tag{Status: "good", Text: web.T(ctx, "payments.bulk.support.paid")}
	case "failed":
		return web.Tag{Status: "bad", Text: web.T(ctx, "payments.bulk.support.failed")}
	}
	return web.Tag{Status: "wait", Text: web.T(ctx, "payments.bulk.support.waiting")}
}

func supportRows(ctx context.Context, s Support) []web.Answer {
	rows := []web.Answer{{Label: web.T(ctx, "payments.bulk.support.asked"), Value: web.DateTime(ctx, s.Asked)}, {Label: web.T(ctx, "payments.bulk.support.released"), Value: web.DateTime(ctx, s.Released)}}
	switch s.State {
	case "paid":
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.bulk.support.credited"), Value: web.DateTime(ctx, s.Credited)},
			web.Answer{Label: web.T(ctx, "payments.bulk.support.took"), Value: bulkTime(ctx, s.Took())})
	case "failed":
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.bulk.support.why"), Value: why(ctx, s.Reason), Note: web.T(ctx, "payments.bulk.support.office")})
	}
	return rows
}

// bulkTime says how long something took, in seconds as long as that is what
// people would say.
func bulkTime(ctx context.Context, d time.Duration) string {
	if d < 2*time.Minute {
		n := max(1, int64((d+time.Second-1)/time.Second))
		return web.N(ctx, "payments.bulk.seconds", n)
	}
	return web.Lasting(ctx, d)
}

func hexText(b []byte) string { return hex.EncodeToString(b) }
