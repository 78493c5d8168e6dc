package country_test

import (
	"testing"
	"time"
)

func TestTheWorkingCalendar(t *testing.T) {
	cal := pk(t).Calendar
	at := func(s string) time.Time {
		t.Helper()
		x, err := time.ParseInLocation("2006-01-02 15:04", s, cal.Zone)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	show := func(x time.Time) string { return x.In(cal.Zone).Format("2006-01-02 15:04") }

	for s, want := range map[string]bool{
		"2026-11-20 10:00": true,  // Friday
		"2026-11-20 13:30": false, // Friday prayers
		"2026-11-20 15:00": true,
		"2026-11-21 10:00": false, // Saturday
		"2026-11-23 13:15": false, // lunch
		"2026-12-25 10:00": false, // Quaid-e-Azam Day
		"2026-03-02 15:30": false, // Ramadan: until three
		"2026-03-02 14:30": true,
	} {
		if got := cal.Working(at(s)); got != want {
			t.Errorf("%s: working %v", s, got)
		}
	}
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2026-11-18 10:00", 1, "2026-11-19 17:00"},
		{"2026-11-20 10:00", 1, "2026-11-23 17:00"}, // over the weekend
		{"2026-11-21 10:00", 0, "2026-11-23 17:00"}, // today is no working day
		{"2026-11-21 10:00", 5, "2026-11-27 17:00"},
		{"2026-12-24 16:00", 1, "2026-12-28 17:00"}, // over Quaid-e-Azam Day and the weekend
		{"2026-05-26 10:00", 1, "2026-06-01 17:00"}, // over Eid-ul-Azha
		{"2026-03-02 10:00", 1, "2026-03-03 15:00"}, // in Ramadan offices close at three
	} {
		if got := show(cal.AddDays(at(c.from), c.days)); got != c.want {
			t.Errorf("%s and %d working days: %s, want %s", c.from, c.days, got, c.want)
		}
	}
	for _, c := range []struct {
		from string
		add  time.Duration
		want string
	}{
		{"2026-11-20 12:00", time.Hour, "2026-11-20 15:00"}, // half an hour before prayers, half after
		{"2026-11-20 16:00", 2 * time.Hour, "2026-11-23 10:00"},
		{"2026-11-21 03:00", time.Minute, "2026-11-23 09:01"},
	} {
		if got := show(cal.Add(at(c.from), c.add)); got != c.want {
			t.Errorf("%s and %v of work: %s, want %s", c.from, c.add, got, c.want)
		}
		if got := cal.Between(at(c.from), at(c.want)); got != c.add {
			t.Errorf("from %s to %s: %v of work, want %v", c.from, c.want, got, c.add)
		}
	}
	if n := cal.DaysBetween(at("2026-11-18 10:00"), at("2026-11-25 10:00")); n != 5 {
		t.Errorf("%d working days in a week", n)
	}
	if !cal.Provisional(at("2027-03-01 10:00"), at("2027-03-20 10:00")) || cal.Provisional(at("2026-11-20 10:00"), at("2026-12-31 10:00")) || !cal.Provisional(at("2028-01-01 10:00"), at("2028-01-02 10:00")) {
		t.Error("what hangs on the moon is not said")
	}
	if h, ok := cal.Holiday(at("2026-08-14 12:00")); !ok || h.Name["ur"] != "یومِ آزادی" {
		t.Error("no Independence Day")
	}
}
