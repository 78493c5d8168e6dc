package services

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"testing"
	"time"

	"sarai/courtyard/store"
)

// A person of many years in the house reads their lists page by page: each row
// once, also when one comes in meanwhile.
func TestLongListsAreReadPageByPage(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		at, _ := a.post("/services/domicile/start", nil, 303)
		draft := w.application(refOf(at))
		add := func(from, to int) {
			if err := w.court.DB.Update(context.Background(), func(tx *store.Tx) error {
				d, err := w.room.catalogue.current("domicile")
				if err != nil {
					return err
				}
				for i := from; i < to; i++ {
					x := *draft
					// five at a time change in one moment
					x.Content = []byte{}
					x.ID, x.Ref, x.State, x.Updated = tx.NewID(), canonicalRef(fmt.Sprintf("%012d", i)), Refused, tx.Now().Add(time.Duration(i/5)*time.Second)
					if err := x.insert(tx, d); err != nil {
						return err
					}
					if err := notify(tx, &x, "refused"); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		add(0, 60)
		for _, list := range []struct {
			at, pattern string
			want        int
		}{{"/applications", `href="/applications/([0-9A-Z-]{14})"`, 61}, {"/notices", `href="/applications/([0-9A-Z-]{14})"`, 61}} {
			seen, pages := map[string]int{}, 0
			for to := list.at; to != "" && pages < 10; pages++ {
				page := a.get(to, 200)
				rows := regexp.MustCompile(list.pattern).FindAllStringSubmatch(page, -1)
				if len(rows) > 25 {
					t.Errorf("%s shows %d rows", to, len(rows))
				}
				for _, m := range rows {
					seen[m[1]]++
				}
				if pages == 0 && list.at == "/applications" {
					add(60, 61)
				}
				to = ""
				if m := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page); m != nil {
					to = html.UnescapeString(m[1])
				}
			}
			if len(seen) != list.want || pages != 3 {
				t.Errorf("%s: %d rows on %d pages", list.at, len(seen), pages)
			}
			for ref, n := range seen {
				if n != 1 {
					t.Errorf("%s: %s is there %d times", list.at, ref, n)
				}
			}
		}
	})
}
