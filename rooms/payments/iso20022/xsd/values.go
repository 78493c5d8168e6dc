package xsd

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// Values are kept as they were written, so that what is read and written again
// does not change. Empty means absent: none of these types has an empty value.
type (
	// Decimal is an xs:decimal, never made into a floating-point number.
	Decimal string
	// Date is an xs:date: 2026-11-21, with an optional time zone.
	Date string
	// DateTime is an xs:dateTime: 2026-11-21T10:30:00+05:00.
	DateTime string
	// Time is an xs:time.
	Time string
	// Year is an xs:gYear.
	Year string
	// YearMonth is an xs:gYearMonth.
	YearMonth string
	// Base64 is an xs:base64Binary.
	Base64 string
)

// errNoTime is for values that are well written and still have no time.Time:
// years outside 1 to 9999.
var errNoTime = errors.New("xsd: not a date or time, or a year outside 1 to 9999")

func toTime(base Base, s string, zone *time.Location) (time.Time, error) {
	t, ok := parseMoment(base, collapse(s))
	if !ok || base != TimeBase && (t.year < 1 || t.year > 9999) {
		return time.Time{}, errNoTime
	}
	if t.zoned && t.offset == 0 {
		zone = time.UTC
	} else if t.zoned {
		zone = time.FixedZone("", t.offset*60)
	}
	// hour 24 is the next day's midnight, which time.Date knows
	return time.Date(int(t.year), time.Month(t.month), t.day, t.h, t.m, t.s, t.nano, zone), nil
}

// Time gives the instant; zone is for values that name none. Fractions beyond
// nanoseconds are cut off.
func (v DateTime) Time(zone *time.Location) (time.Time, error) {
	return toTime(DateTimeBase, string(v), zone)
}

// Time gives the first instant of the day; zone is for values that name none.
func (v Date) Time(zone *time.Location) (time.Time, error) {
	return toTime(DateBase, string(v), zone)
}

// Clock gives the time since midnight and the offset from Greenwich, if the
// value names one.
func (v Time) Clock() (since, offset time.Duration, zoned bool, err error) {
	t, ok := parseMoment(TimeBase, collapse(string(v)))
	if !ok {
		return 0, 0, false, errNoTime
	}
	since = time.Duration(t.h)*time.Hour + time.Duration(t.m)*time.Minute + time.Duration(t.s)*time.Second + time.Duration(t.nano)
	return since, time.Duration(t.offset) * time.Minute, t.zoned, nil
}

// NewDateTime writes the instant with its own offset, to the millisecond.
func NewDateTime(t time.Time) DateTime { return DateTime(t.Format("2006-01-02T15:04:05.000Z07:00")) }

// NewDate writes the day of the instant in its own zone, without a time zone.
func NewDate(t time.Time) Date { return Date(t.Format("2006-01-02")) }

// Bytes decodes the value.
func (v Base64) Bytes() ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(v)), ""))
}

// NewBase64 encodes the octets.
func NewBase64(b []byte) Base64 { return Base64(base64.StdEncoding.EncodeToString(b)) }
