package web

import (
	"context"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/fault"
)

// Formats are the country's ways of writing. The country pack gives them.
type Formats struct {
	// Money writes minor units as people read them: "Rs 1,250.00".
	Money func(lang string, minor int64, currency string) string
	// ParseMoney reads what a person typed into minor units.
	ParseMoney func(string) (int64, error)
	Zone       *time.Location
}

func (f Formats) withDefaults() Formats {
	if f.Money == nil {
		f.Money = plainMoney
	}
	if f.ParseMoney == nil {
		f.ParseMoney = parsePlainMoney
	}
	if f.Zone == nil {
		f.Zone = time.UTC
	}
	return f
}

func plainMoney(_ string, minor int64, currency string) string {
	sign, u := "", uint64(minor) //nolint:gosec // the sign is taken off first
	if minor < 0 {
		sign, u = "−", -u
	}
	return strings.TrimSpace(currency + "\u00a0" + sign + grouped(strconv.FormatUint(u/100, 10)) + "." + two(int(u%100)))
}

func parsePlainMoney(s string) (int64, error) {
	whole, part, _ := strings.Cut(strings.ReplaceAll(westernDigits(strings.TrimSpace(s)), ",", ""), ".")
	part = (part + "00")[:max(2, len(part))]
	n, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil || len(part) > 2 || n > math.MaxInt64/10 {
		return 0, fault.New(fault.Invalid, "web.form.amount")
	}
	return n, nil
}

// grouped puts a comma before every third digit from the end.
func grouped(s string) string {
	var b strings.Builder
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// digits writes a number with thousands separated.
func digits(n int64) string {
	if n < 0 {
		return "−" + grouped(strconv.FormatUint(uint64(-n), 10)) //nolint:gosec // also right for the smallest
	}
	return grouped(strconv.FormatInt(n, 10))
}

func two(n int) string { return strconv.Itoa(n/10) + strconv.Itoa(n%10) }

func splitHostPort(s string) (host, port string, err error) { return net.SplitHostPort(s) }

// Number writes a count: "12,450".
func Number(n int64) string { return digits(n) }

// Date writes the day of a moment in the country's zone: "21 November 2026".
func Date(ctx context.Context, t time.Time) string {
	t = t.In(zone(ctx))
	return T(ctx, "web.date", "day", strconv.Itoa(t.Day()), "month", T(ctx, "web.month."+strconv.Itoa(int(t.Month()))), "year", strconv.Itoa(t.Year()))
}

// DateTime writes day and time: "21 November 2026, 14:05".
func DateTime(ctx context.Context, t time.Time) string {
	return T(ctx, "web.datetime", "date", Date(ctx, t), "time", TimeOfDay(ctx, t))
}

// TimeOfDay writes the time in the country's zone: "14:05".
func TimeOfDay(ctx context.Context, t time.Time) string { return t.In(zone(ctx)).Format("15:04") }

// Money writes minor units of a currency; "" is the country's own.
func Money(ctx context.Context, minor int64, currency string) string {
	v := viewOf(ctx)
	if v.site == nil {
		return plainMoney(v.lang.Code, minor, currency)
	}
	return v.site.o.Formats.Money(v.lang.Code, minor, currency)
}

// Left says how long it is until a moment, or for how long it has passed, in
// the largest unit that is at least two: "3 days left", "40 minutes late".
func Left(ctx context.Context, until time.Time) string {
	d := until.Sub(Now(ctx))
	key := "web.left."
	if d < 0 {
		d, key = -d, "web.late."
	}
	return N(ctx, key+span(d), count(d))
}

// Ago says how long ago a moment was: "4 minutes ago".
func Ago(ctx context.Context, t time.Time) string {
	d := max(Now(ctx).Sub(t), 0)
	if d < time.Minute {
		return T(ctx, "web.ago.now")
	}
	return N(ctx, "web.ago."+span(d), count(d))
}

// Lasting writes a length of time: "24 hours".
func Lasting(ctx context.Context, d time.Duration) string {
	return N(ctx, "web.span."+span(d), count(d))
}

// Now is the time of the house's clock.
func Now(ctx context.Context) time.Time {
	if v := viewOf(ctx); v.site != nil {
		return v.site.clock.Now()
	}
	return time.Now().UTC()
}

func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return "days"
	case d >= 2*time.Hour:
		return "hours"
	}
	return "minutes"
}

func count(d time.Duration) int64 {
	switch span(d) {
	case "days":
		return int64(d / (24 * time.Hour))
	case "hours":
		return int64(d / time.Hour)
	}
	return int64(d / time.Minute)
}

func zone(ctx context.Context) *time.Location {
	if v := viewOf(ctx); v.site != nil {
		return v.site.o.Formats.Zone
	}
	return time.UTC
}
