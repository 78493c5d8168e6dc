package office

import (
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/web"
)

// pageRows is how many rows a list shows at once.
const pageRows = 25

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
