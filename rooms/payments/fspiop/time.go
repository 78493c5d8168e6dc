package fspiop

import "time"

// ParseTime reads the standard's DateTime (API Definition 7.2.14): a day, a time
// with milliseconds and a zone, nothing left out.
func ParseTime(s string) (time.Time, bool) {
	// 2016-05-24T08:38:08.699-04:00
	if len(s) < 24 || len(s) > 29 || s[10] != 'T' || s[19] != '.' || s[23] != 'Z' && s[23] != '+' && s[23] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse("2006-01-02T15:04:05.000Z07:00", s)
	return t, err == nil
}

// FormatTime writes a DateTime in UTC.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// isDate tests a Date: YYYY-MM-DD that is in the calendar.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isTime(s string) bool {
	_, ok := ParseTime(s)
	return ok
}
