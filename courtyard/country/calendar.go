package country

import (
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/country/strict"
)

// Date is a day in the calendar, without a time or a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf gives the day it is at t in zone.
func DateOf(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date{y, m, d}
}

// ParseDate reads "2026-11-21".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("wanted a date like 2026-11-21, found %q", s)
	}
	return DateOf(t, time.UTC), nil
}

// UnmarshalText reads "2026-11-21".
func (d *Date) UnmarshalText(b []byte) (err error) { *d, err = ParseDate(string(b)); return err }

// MarshalText writes "2026-11-21".
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes "2026-11-21".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// In gives the first moment of the day in zone.
func (d Date) In(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// Before says whether d comes before e.
func (d Date) Before(e Date) bool { return d.String() < e.String() }

// AgeAt gives the completed years from d to day.
func (d Date) AgeAt(day Date) int {
	years := day.Year - d.Year
	if day.Month < d.Month || day.Month == d.Month && day.Day < d.Day {
		years--
	}
	return years
}

// Hours are spans of a working day, "09:00-13:00", in local time.
type Hours struct{ From, To time.Duration }

// UnmarshalText reads "09:00-13:00".
func (h *Hours) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "-")
	f, err1 := time.Parse("15:04", strings.TrimSpace(from))
	t, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if !ok || err1 != nil || err2 != nil || !f.Before(t) {
		return fmt.Errorf("wanted hours like 09:00-13:00, found %q", b)
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	h.From, h.To = f.Sub(midnight), t.Sub(midnight)
	return nil
}

// Week gives the working hours of each weekday; a day without any is free.
type Week struct {
	Mon []Hours `yaml:"mon,optional"`
	Tue []Hours `yaml:"tue,optional"`
	Wed []Hours `yaml:"wed,optional"`
	Thu []Hours `yaml:"thu,optional"`
	Fri []Hours `yaml:"fri,optional"`
	Sat []Hours `yaml:"sat,optional"`
	Sun []Hours `yaml:"sun,optional"`
}

func (w Week) on(d time.Weekday) []Hours {
	return [...][]Hours{w.Sun, w.Mon, w.Tue, w.Wed, w.Thu, w.Fri, w.Sat}[d]
}

// Holiday is a day on which offices are closed. A provisional one depends on
// the sighting of the moon; a deadline over it may still move by a day.
type Holiday struct {
	strict.Pos
	Date        Date `yaml:"date"`
	Name        Text `yaml:"name"`
	Provisional bool `yaml:"provisional,optional"`
}

// Season is a time of the year with other hours: Ramadan.
type Season struct {
	strict.Pos
	Name        Text `yaml:"name"`
	From        Date `yaml:"from"`
	To          Date `yaml:"to"` // last day
	Provisional bool `yaml:"provisional,optional"`
	Hours       Week `yaml:"hours"`
}

// Calendar knows when the nation's offices work.
type Calendar struct {
	Zone     *time.Location
	Week     Week
	Seasons  []Season
	Holidays map[Date]Holiday
	First    int // years whose holidays are known; outside them only weekends are free
	Last     int
}

type calendarFile struct {
	strict.Pos
	Years    []int     `yaml:"years"`
	Week     Week      `yaml:"week"`
	Seasons  []Season  `yaml:"seasons"`
	Holidays []Holiday `yaml:"holidays"`
}

// Hours gives the working spans of a day, none on a free day.
func (c *Calendar) Hours(d Date) []Hours {
	if _, free := c.Holidays[d]; free {
		return nil
	}
	day := d.In(time.UTC).Weekday()
	for _, s := range c.Seasons {
		if !d.Before(s.From) && !s.To.Before(d) {
			return s.Hours.on(day)
		}
	}
	return c.Week.on(day)
}

// IsWorkingDay says whether offices open on d.
func (c *Calendar) IsWorkingDay(d Date) bool { return len(c.Hours(d)) > 0 }

// Working says whether offices are open at t.
func (c *Calendar) Working(t time.Time) bool {
	d := DateOf(t, c.Zone)
	for _, h := range c.Hours(d) {
		if from, to := span(d, h, c.Zone); !t.Before(from) && t.Before(to) {
			return true
		}
	}
	return false
}

// Holiday gives the holiday on the day of t, if it is one.
func (c *Calendar) Holiday(t time.Time) (Holiday, bool) {
	h, ok := c.Holidays[DateOf(t, c.Zone)]
	return h, ok
}

// horizon bounds every search: a calendar without any working hours would
// otherwise be searched for ever.
const horizon = 366 * 20

// Add gives the moment at which so much working time has passed since t.
func (c *Calendar) Add(t time.Time, working time.Duration) time.Time {
	d := DateOf(t, c.Zone)
	for range horizon {
		for _, h := range c.Hours(d) {
			from, to := span(d, h, c.Zone)
			if from.Before(t) {
				from = t
			}
			if !from.Before(to) {
				continue
			}
			if have := to.Sub(from); working <= have {
				return from.Add(working).UTC()
			} else {
				working -= have
			}
		}
		d = d.next()
	}
	return t.Add(working).UTC()
}

// AddDays gives the close of business on the n-th working day after the day of
// t. With n = 0 it is the close of that day, or of the next working day.
func (c *Calendar) AddDays(t time.Time, n int) time.Time {
	d := DateOf(t, c.Zone)
	for range horizon {
		if c.IsWorkingDay(d) && n <= 0 {
			break
		}
		d = d.next()
		if c.IsWorkingDay(d) {
			n--
		}
	}
	hours := c.Hours(d)
	if len(hours) == 0 {
		return t.UTC()
	}
	_, to := span(d, hours[len(hours)-1], c.Zone)
	return to.UTC()
}

// Between gives the working time from a to b; 0 if b is not after a.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	var sum time.Duration
	d, last := DateOf(a, c.Zone), DateOf(b, c.Zone)
	for range horizon {
		if last.Before(d) {
			break
		}
		for _, h := range c.Hours(d) {
			from, to := span(d, h, c.Zone)
			if from.Before(a) {
				from = a
			}
			if b.Before(to) {
				to = b
			}
			if from.Before(to) {
				sum += to.Sub(from)
			}
		}
		d = d.next()
	}
	return sum
}

// DaysBetween counts the working days after the day of a up to that of b.
func (c *Calendar) DaysBetween(a, b time.Time) int {
	d, last, n := DateOf(a, c.Zone), DateOf(b, c.Zone), 0
	for range horizon {
		if !d.Before(last) {
			break
		}
		if d = d.next(); c.IsWorkingDay(d) {
			n++
		}
	}
	return n
}

// Provisional says whether a holiday or season between a and b still depends
// on the moon, or the time lies outside the years we know the holidays of.
func (c *Calendar) Provisional(a, b time.Time) bool {
	from, to := DateOf(a, c.Zone), DateOf(b, c.Zone)
	if from.Year < c.First || to.Year > c.Last {
		return true
	}
	for _, h := range c.Holidays {
		if h.Provisional && !h.Date.Before(from) && !to.Before(h.Date) {
			return true
		}
	}
	return false
}

func (d Date) next() Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC), time.UTC)
}

func span(d Date, h Hours, zone *time.Location) (from, to time.Time) {
	// By the wall clock, not by adding to midnight: zones with summer time exist.
	at := func(x time.Duration) time.Time {
		return time.Date(d.Year, d.Month, d.Day, int(x/time.Hour), int(x%time.Hour/time.Minute), 0, 0, zone)
	}
	return at(h.From), at(h.To)
}
