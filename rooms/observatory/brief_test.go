package observatory

import (
	"context"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
)

// No payment takes no time.
func TestAShortTimeIsNeverNought(t *testing.T) {
	courttest.Each(t, func(c *courtyard.Courtyard) error {
		_, err := New(c, Wants{})
		return err
	}, func(t *testing.T, c *courttest.Court) {
		en, ur := c.Site.In(context.Background(), "en"), c.Site.In(context.Background(), "ur")
		for _, x := range []struct {
			d    time.Duration
			want string
		}{
			{0, "–"}, {time.Microsecond, "under 1 ms"}, {640 * time.Microsecond, "under 1 ms"}, {2440 * time.Microsecond, "2.4 ms"}, {9960 * time.Microsecond, "10.0 ms"}, {35 * time.Millisecond, "35 ms"}, {5 * time.Second, "5,000 ms"},
		} {
			if got := took(en, x.d); got != x.want {
				t.Errorf("%v is %q, want %q", x.d, got, x.want)
			}
		}
		if got := written(ur, Median, 640, true); got != "\u20671 ملی سیکنڈ سے کم\u2069" {
			t.Errorf("in Urdu %q", got)
		}
		f := Figure{Indicator: Indicator{ID: "payments-time", Kind: Median, Target: 5_000_000, Better: "down"}, Number: 640, Known: true, N: 3}
		if got := hint(en, f); got != "Middle of the last 3 payments; target 5,000 ms" {
			t.Errorf("the hint is %q", got)
		}
		if got := (Point{}).written(en, Median); got != "–" {
			t.Errorf("before the first payment it took %q", got)
		}
		if drawn(Median, 640) != 1 {
			t.Error("the chart draws a payment that takes no time")
		}
	})
}
