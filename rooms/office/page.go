package office

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// pageRows is how many rows a list shows at once.
const pageRows = 25

// place is where a page of a list begins: after the row with this time and key.
// Lists are cut by place, not by number, so that a row that comes in meanwhile
// neither repeats another nor hides one.
type place struct {
	At  time.Time
	Key string
}

// placeOf reads the place out of an address; without one, or with one nobody
// wrote, the list begins at its beginning.
func placeOf(c *web.Ctx) place {
	micros, err := strconv.ParseInt(c.Query("after"), 10, 64)
	if err != nil || micros <= 0 {
		return place{}
	}
	return place{At: store.Time(micros), Key: c.Query("key")}
}

func (p place) begin() bool { return p.At.IsZero() }

// turn is what stands below a list: the way on and the way back to its
// beginning. Both are links and need no script.
type turn struct{ First, Next string }

// turning makes the links of a list at an address; last is the row shown last,
// more says whether others follow.
func turning(at string, kept url.Values, from, last place, more bool) (t turn) {
	write := func(q url.Values) string {
		if len(q) == 0 {
			return at
		}
		return at + "?" + q.Encode()
	}
	if !from.begin() {
		t.First = write(kept)
	}
	if more {
		q := url.Values{}
		for k, v := range kept {
			q[k] = v
		}
		q.Set("after", strconv.FormatInt(store.Micros(last.At), 10))
		q.Set("key", last.Key)
		t.Next = write(q)
	}
	return t
}

// cut keeps one page of what was read: one row more than a page tells that there
// are others.
func cut[T any](list []T) (page []T, more bool) {
	if len(list) > pageRows {
		return list[:pageRows], true
	}
	return list, false
}

// dayOf reads a day out of three fields of an address: on-day, on-month, on-year.
// asked says that something was written, ok that it is a day.
func dayOf(c *web.Ctx) (day country.Date, asked, ok bool) {
	part := func(of string) string { return strings.TrimSpace(c.Query("on-" + of)) }
	if part("day")+part("month")+part("year") == "" {
		return day, false, true
	}
	number := func(of string) int {
		n, err := strconv.Atoi(strings.Map(western, part(of)))
		if err != nil {
			return -1
		}
		return n
	}
	d := country.Date{Year: number("year"), Month: time.Month(number("month")), Day: number("day")}
	day, err := country.ParseDate(d.String())
	return day, true, err == nil
}

// western makes Urdu and Arabic figures Latin ones.
func western(r rune) rune {
	switch {
	case r >= '۰' && r <= '۹':
		return '0' + r - '۰'
	case r >= '٠' && r <= '٩':
		return '0' + r - '٠'
	}
	return r
}
