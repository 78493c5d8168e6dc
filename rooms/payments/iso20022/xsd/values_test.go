package xsd_test

import (
	"testing"
	"time"

	"sarai/rooms/payments/iso20022/xsd"
)

func TestTimes(t *testing.T) {
	karachi := time.FixedZone("", 5*3600)
	for value, want := range map[xsd.DateTime]time.Time{
		"2026-11-21T10:30:00":             time.Date(2026, 11, 21, 10, 30, 0, 0, karachi),
		"2026-11-21T10:30:00Z":            time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC),
		"2026-11-21T10:30:00.125-14:00":   time.Date(2026, 11, 21, 10, 30, 0, 125e6, time.FixedZone("", -14*3600)),
		"2026-12-31T24:00:00+05:00":       time.Date(2027, 1, 1, 0, 0, 0, 0, karachi),
		"2024-02-29T23:59:59.9999999999Z": time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC),
		" 2026-11-21T10:30:00Z\n":         time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC),
	} {
		got, err := value.Time(karachi)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v, want %s", value, got, err, want)
		}
	}
	for _, value := range []xsd.DateTime{"", "2026-11-21", "12026-11-21T10:30:00Z", "-0001-01-01T00:00:00Z", "2023-02-29T00:00:00Z", "2026-11-21T10:30:00+15:00"} {
		if got, err := value.Time(karachi); err == nil {
			t.Errorf("%s is %s", value, got)
		}
	}
	if got, err := xsd.Date("2026-11-21").Time(karachi); err != nil || !got.Equal(time.Date(2026, 11, 21, 0, 0, 0, 0, karachi)) {
		t.Error(got, err)
	}
	if since, offset, zoned, err := xsd.Time("10:30:00.5+05:00").Clock(); err != nil || since != 10*time.Hour+30*time.Minute+500*time.Millisecond || offset != 5*time.Hour || !zoned {
		t.Error(since, offset, zoned, err)
	}
	at := time.Date(2026, 11, 21, 10, 30, 0, 125_999_999, karachi)
	if got := xsd.NewDateTime(at); got != "2026-11-21T10:30:00.125+05:00" {
		t.Error(got)
	}
	if got := xsd.NewDate(at); got != "2026-11-21" {
		t.Error(got)
	}
	if b, err := xsd.NewBase64([]byte("salaam")).Bytes(); err != nil || string(b) != "salaam" {
		t.Error(b, err)
	}
}
