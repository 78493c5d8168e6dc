package office_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sarai/courtyard/store"
	"sarai/rooms/office"
)

// walk reads a list from its first page to its last and counts what a pattern
// finds on each; nothing may come twice.
func (h *house) walk(b *http.Client, at, pattern string, between func()) (found map[string]int, pages int) {
	h.t.Helper()
	found = map[string]int{}
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	for to := at; to != "" && pages < 100; pages++ {
		page := read(h.t, b, h.URL+to, 200)
		rows := regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1)
		if len(rows) > 25 {
			h.t.Errorf("%s shows %d rows", to, len(rows))
		}
		for _, m := range rows {
			found[m[1]]++
		}
		if pages == 0 && between != nil {
			between() // something arrives while the list is read
		}
		to = ""
		if m := next.FindStringSubmatch(page); m != nil {
			to = html.UnescapeString(m[1])
		}
	}
	for what, n := range found {
		if n != 1 {
			h.t.Errorf("%s is there %d times", what, n)
		}
	}
	return found, pages
}

// longListsAreReadPageByPage: an office with more than a phone shows at once.
func longListsAreReadPageByPage(t *testing.T, h *house) {
	ctx := context.Background()
	take := func(key string) {
		h.ok(h.DB.Update(ctx, func(tx *store.Tx) error {
			_, _, err := h.room.Receive(tx, office.Intake{Key: key, Office: "icta.dc", Subject: map[string]string{"en": "Street light"}, Route: route})
			return err
		}))
	}
	for i := range 60 {
		take(fmt.Sprint("many", i))
	}
	var receipts, held int
	h.ok(h.DB.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`select (select count(*) from office_receipt where office = 'icta.dc'), (select count(*) from office_file where holder = $1 and state = 'open')`, clerk).Scan(&receipts, &held)
	}))
	rashid := h.AsOfficial(persons[clerk], clerk)
	diary := `>([A-Z-]+/D/\d{4}/\d{5})<`
	if found, pages := h.walk(rashid, "/office/receipts", diary, func() { take("late") }); len(found) != receipts || pages != (receipts+24)/25 {
		t.Errorf("%d of %d receipts on %d pages", len(found), receipts, pages)
	}
	receipts, held = receipts+1, held+1
	if found, pages := h.walk(rashid, "/office", `id="f-([^"]+)"`, nil); len(found) != held || pages != (held+24)/25 {
		t.Errorf("%d of %d files on %d pages of the desk", len(found), held, pages)
	}
	if _, pages := h.walk(h.Browser(), "/board/icta.dc/open", `>([A-Z-]+/[A-Z]+/\d{4}/\d{5})<`, nil); pages < 3 {
		t.Errorf("the rows of the board have %d pages", pages)
	}
	// by day, in the figures people write
	now := h.Clock.Now().In(h.Pack.Zone)
	y, m, d := now.Date()
	of := func(y, m, d int) string {
		return fmt.Sprintf("/office/receipts?on-day=%d&on-month=%d&on-year=%d", d, m, y)
	}
	if found, _ := h.walk(rashid, of(y, int(m), d), diary, nil); len(found) == 0 {
		t.Error("nothing was received today")
	}
	if page := read(t, rashid, h.URL+of(y-1, int(m), 1), 200); !strings.Contains(page, "Nothing was received on this day.") {
		t.Error("receipts on a day without any")
	}
	if page := read(t, rashid, h.URL+"/office/receipts?on-day=۲۱&on-month=۱۱&on-year=۲۰۲۰", 200); !strings.Contains(page, "Received on 21 November 2020") {
		t.Error("Urdu figures are not read")
	}
	if page := read(t, rashid, h.URL+of(y, 2, 31), 200); !strings.Contains(page, "not a day of the calendar") || !strings.Contains(page, "/D/") {
		t.Error("the thirty-first of February")
	}
	read(t, rashid, h.URL+"/office/receipts?after=x&key=%00", 200)
}
