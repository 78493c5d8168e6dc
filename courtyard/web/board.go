package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// spark draws the last values as a line in a box of 120 by 32.
func spark(v []int64) string {
	low, high := bounds(v)
	var b strings.Builder
	for i, n := range v {
		x := float64(i) * 120 / float64(len(v)-1)
		y := 30 - float64(n-low)*28/float64(max(high-low, 1))
		if high == low {
			y = 16
		}
		cmd := "L"
		if i == 0 {
			cmd = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", cmd, x, y)
	}
	return b.String()
}

func sparkArea(v []int64) string { return spark(v) + "V32H0z" }

func bounds(v []int64) (low, high int64) {
	for i, n := range v {
		if i == 0 || n < low {
			low = n
		}
		if i == 0 || n > high {
			high = n
		}
	}
	return low, high
}

// state is how a clock stands: met, paused, over, near its end, or running.
func (x Clock) state(ctx context.Context) string {
	switch now := Now(ctx); {
	case !x.Done.IsZero() && !x.Done.After(x.Due):
		return "good"
	case !x.Done.IsZero(), !x.Paused && now.After(x.Due):
		return "bad"
	case x.Paused:
		return "plain"
	case x.Due.Sub(now) < x.Due.Sub(x.From)/4:
		return "wait"
	}
	return "run"
}

func (x Clock) shape(ctx context.Context) string {
	if s := x.state(ctx); s != "run" {
		return s
	}
	return "wait"
}

func (x Clock) said(ctx context.Context) string {
	switch {
	case !x.Done.IsZero() && !x.Done.After(x.Due):
		return T(ctx, "web.clock.met")
	case !x.Done.IsZero():
		return T(ctx, "web.clock.missed")
	case x.Paused:
		return T(ctx, "web.clock.paused")
	}
	return Left(ctx, x.Due)
}

// used is the share of the time that is over, 0 to 100.
func (x Clock) used(ctx context.Context) string {
	end := Now(ctx)
	if !x.Done.IsZero() {
		end = x.Done
	}
	whole := x.Due.Sub(x.From)
	if whole <= 0 {
		return "100"
	}
	return percent(int64(end.Sub(x.From)/time.Second), int64(whole/time.Second))
}

func percent(n, of int64) string {
	if of <= 0 {
		return "0"
	}
	return strconv.FormatInt(min(max(n*100/of, 0), 100), 10)
}

// long says that an amount has more figures than a phone shows in the largest type.
func (x Amount) long() bool { return x.Minor >= 100_000_000 || x.Minor <= -100_000_000 }

func (x Bar) share() string { return percent(x.Value, x.Of) }

func (x Bar) figure() string {
	if x.Text != "" {
		return x.Text
	}
	return Number(x.Value) + " / " + Number(x.Of)
}

// The drawing of a Line stands in a box of 640 by 276: 56 for the axis at the
// left, 42 below, and above room for the target's label, which is large on a
// phone and tall in Urdu. Time runs from left to right in every language, as it does
// on charts printed in Urdu.
const chartTop, chartBottom, chartLeft, chartRight = 44.0, 234.0, 56.0, 632.0

// ceiling is a round number at or above every value.
func (x Line) ceiling() int64 {
	high := max(x.Target, 1)
	for _, p := range x.Points {
		high = max(high, p.Value)
	}
	unit := int64(1)
	for unit*10 <= high {
		unit *= 10
	}
	for _, step := range []int64{1, 2, 4, 5, 8, 10} {
		if step*unit >= high {
			return step * unit
		}
	}
	return 10 * unit
}

func (x Line) at(i int) float64 {
	if len(x.Points) < 2 {
		return chartRight
	}
	return chartLeft + float64(i)*(chartRight-chartLeft)/float64(len(x.Points)-1)
}

func (x Line) height(v int64) float64 {
	return chartBottom - float64(v)*(chartBottom-chartTop)/float64(x.ceiling())
}

func (x Line) x(i int) string   { return fmt.Sprintf("%.1f", x.at(i)) }
func (x Line) y(v int64) string { return fmt.Sprintf("%.1f", x.height(v)) }

func (x Line) path() string {
	var b strings.Builder
	for i, p := range x.Points {
		cmd := "L"
		if i == 0 {
			cmd = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", cmd, x.at(i), x.height(p.Value))
	}
	return b.String()
}

func (x Line) area() string {
	if len(x.Points) < 2 {
		return ""
	}
	return x.path() + fmt.Sprintf("V%.0fH%.0fz", chartBottom, chartLeft)
}

type gridLine struct{ y, label string }

func (x Line) grid() []gridLine {
	top := x.ceiling()
	var out []gridLine
	for _, quarter := range []int64{0, 1, 2, 3, 4} {
		if top%4 != 0 && quarter%2 != 0 {
			continue // no fractions on the axis
		}
		v := top * quarter / 4
		out = append(out, gridLine{x.y(v), Number(v)})
	}
	return out
}

// Text at the right edge ends there: "end" for text that runs from left to
// right, "start" for text that runs from right to left.
func endAnchor(ctx context.Context) string {
	if Lang(ctx).RTL() {
		return "start"
	}
	return "end"
}

func startAnchor(ctx context.Context) string {
	if Lang(ctx).RTL() {
		return "end"
	}
	return "start"
}
