package observatory

import (
	"context"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Figure is an indicator as it stands.
type Figure struct {
	Indicator
	Number int64 // percent, microseconds, minor units or a count, as the kind says
	Known  bool  // false: nothing to take a share or a median of yet
	N      int64 // how many it is made of
	Good   int64
	Sum    int64
	Minute []int64 // counted in each of the last thirty minutes
}

// Point is a figure at the end of a period.
type Point struct {
	From   time.Time // of the period
	Daily  bool      // else an hour
	Number int64
	N      int64 // counted in the period
	Good   int64
	Sum    int64
}

// medianOf is how many of the last ones a median is taken of.
const medianOf = 1000

// Figures reads all indicators that show lets through, in order.
func (r *Room) Figures(ctx context.Context, show func(Indicator) bool) (out []Figure, err error) {
	if err := r.catalogued(ctx); err != nil {
		return nil, err
	}
	now := r.clock.Now()
	err = r.db.View(ctx, func(tx *store.Tx) error {
		out = nil
		for _, i := range r.indicators {
			if show != nil && !show(i) {
				continue
			}
			f, err := r.figure(tx, i)
			if err != nil {
				return err
			}
			if f.Minute, err = lastMinutes(tx, i, now); err != nil {
				return err
			}
			out = append(out, f)
		}
		return nil
	})
	return out, err
}

type sums struct{ n, good, value int64 }

func scanSums(scan store.Scan) (s sums, err error) {
	err = scan(&s.n, &s.good, &s.value)
	return s, err
}

func (r *Room) figure(tx *store.Tx, i Indicator) (Figure, error) {
	f := Figure{Indicator: i, Known: true}
	if i.Kind == Catalogue {
		n, err := store.Get(tx, store.Value[int64], `select count(*) from observatory_service where until is null`)
		f.Number, f.N = n, n
		return f, err
	}
	s, err := store.Get(tx, scanSums, `select n, good, value from observatory_total where indicator = $1`, i.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return f, err
	}
	f.N, f.Good, f.Sum = s.n, s.good, s.value
	if i.Kind == Median {
		took, err := store.List(tx, store.Value[int64], `select took from observatory_row where indicator = $1 and took is not null order by ended desc limit $2`, i.Rows, medianOf)
		if err != nil {
			return f, err
		}
		f.Number, f.Known = median(took), len(took) > 0
		return f, nil
	}
	f.Number, f.Known = i.number(s)
	return f, nil
}

// number is the figure made of sums.
func (i Indicator) number(s sums) (n int64, known bool) {
	switch i.Kind {
	case Value:
		return s.value, true
	case Share:
		if s.n == 0 {
			return 0, false
		}
		return s.good * 100 / s.n, true
	case Open:
		return s.n - s.good, true
	}
	return s.n, true
}

func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

// lastMinutes is what was counted in each of the last thirty minutes.
func lastMinutes(tx *store.Tx, i Indicator, now time.Time) ([]int64, error) {
	const minutes = 30
	if i.Kind == Catalogue {
		return nil, nil
	}
	type bucket struct{ minute, n int64 }
	first := minute(now) - minutes + 1
	list, err := store.List(tx, func(scan store.Scan) (b bucket, err error) {
		err = scan(&b.minute, &b.n)
		return b, err
	}, `select minute, n from observatory_bucket where indicator = $1 and minute >= $2`, i.ID, first)
	if err != nil {
		return nil, err
	}
	out := make([]int64, minutes)
	for _, b := range list {
		if at := b.minute - first; at >= 0 && at < minutes {
			out[at] += b.n
		}
	}
	return out, nil
}

const (
	showHours = 48
	showDays  = 30
)

// History is the figure at the end of each hour of the last two days or, when
// it is older, of each day of the last thirty; oldest first.
func (r *Room) History(ctx context.Context, i Indicator) (out []Point, err error) {
	if err := r.catalogued(ctx); err != nil {
		return nil, err
	}
	now := r.clock.Now()
	err = r.db.View(ctx, func(tx *store.Tx) error {
		hours, err := r.hours(tx, i)
		if err != nil || len(hours) == 0 {
			out = nil
			return err
		}
		out = r.points(i, hours, now)
		if i.Kind == Median {
			return r.medians(tx, i, out, now)
		}
		return nil
	})
	return out, err
}

// hour is what was counted in one hour.
type hour struct {
	at time.Time
	sums
}

func (r *Room) hours(tx *store.Tx, i Indicator) ([]hour, error) {
	scan := func(scan store.Scan) (h hour, err error) {
		var n int64
		err = scan(&n, &h.n, &h.good, &h.value)
		h.at = time.Unix(n*3600, 0).UTC()
		return h, err
	}
	if i.Kind == Catalogue {
		return store.List(tx, scan, `select since / 3600000000, count(*), 0, 0 from observatory_service where until is null group by since / 3600000000 order by 1`)
	}
	return store.List(tx, scan, `select minute / 60, cast(sum(n) as bigint), cast(sum(good) as bigint), cast(sum(value) as bigint)
		from observatory_bucket where indicator = $1 group by minute / 60 order by 1`, i.ID)
}

// period is where the hour or, in the country's own zone, the day of t begins.
func (r *Room) period(t time.Time, daily bool) time.Time {
	if !daily {
		return t.Truncate(time.Hour)
	}
	y, m, d := t.In(r.pack.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, r.pack.Zone)
}

func (r *Room) points(i Indicator, hours []hour, now time.Time) []Point {
	daily := now.Sub(hours[0].at) > showHours*time.Hour
	next := func(t time.Time) time.Time {
		if daily {
			return t.AddDate(0, 0, 1)
		}
		return t.Add(time.Hour)
	}
	// one period before the first, so that a line has a beginning
	begin := r.period(hours[0].at, daily)
	if daily {
		begin = begin.AddDate(0, 0, -1)
		if least := r.period(now, true).AddDate(0, 0, -showDays); begin.Before(least) {
			begin = least
		}
	} else {
		begin = begin.Add(-time.Hour)
	}
	var run sums
	at := 0
	for at < len(hours) && hours[at].at.Before(begin) {
		run = run.plus(hours[at].sums)
		at++
	}
	var out []Point
	for from := begin; !from.After(now); from = next(from) {
		var in sums
		for at < len(hours) && hours[at].at.Before(next(from)) {
			in = in.plus(hours[at].sums)
			at++
		}
		run = run.plus(in)
		n, _ := i.number(run)
		out = append(out, Point{From: from, Daily: daily, Number: n, N: in.n, Good: in.good, Sum: in.value})
	}
	return out
}

func (s sums) plus(o sums) sums { return sums{s.n + o.n, s.good + o.good, s.value + o.value} }

// medians fills in the middle time of each period; a period without payments
// keeps the one before.
func (r *Room) medians(tx *store.Tx, i Indicator, points []Point, now time.Time) error {
	type took struct{ ended, took int64 }
	list, err := store.List(tx, func(scan store.Scan) (t took, err error) {
		err = scan(&t.ended, &t.took)
		return t, err
	}, `select ended, took from observatory_row where indicator = $1 and ended >= $2 and took is not null order by ended desc limit 20000`,
		i.Rows, store.Micros(points[0].From))
	if err != nil {
		return err
	}
	slices.Reverse(list)
	at, last := 0, int64(0)
	for n := range points {
		end := now.Add(time.Hour)
		if n+1 < len(points) {
			end = points[n+1].From
		}
		var in []int64
		for at < len(list) && list[at].ended < store.Micros(end) {
			in = append(in, list[at].took)
			at++
		}
		if len(in) > 0 {
			last = median(in)
		}
		points[n].Number = last
	}
	return nil
}
