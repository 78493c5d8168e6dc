package cert_test

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
)

// More alerts than a page holds: the desk stays short, the list goes on.
func TestTheDeskStaysShort(t *testing.T) {
	each(t, func(s *scene) {
		err := s.DB.Update(context.Background(), func(tx *store.Tx) error {
			for i := range 60 {
				at := store.Micros(tx.Now().Add(-time.Duration(i/3) * time.Minute)) // three in one moment
				if _, err := tx.Exec(`insert into cert_alert (id, rule, source, severity, state, raised, first, latest, events, announced, incident, decided, post, reason)
					values ($1, 'signin-burst', $2, 'high', 'raised', $3, $3, $3, 10, 10, '', 0, '', '')`, tx.NewID(), fmt.Sprintf("%08d", i), at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if _, desk := s.get(s.analyst, "/cert"); strings.Count(desk, `id="alert-`) != 25 || !strings.Contains(desk, `href="/cert/alerts"`) || !strings.Contains(desk, ">60<") {
			s.t.Errorf("the desk shows %d alerts", strings.Count(desk, `id="alert-`))
		}
		seen, pages := map[string]int{}, 0
		for to := "/cert/alerts"; to != "" && pages < 10; pages++ {
			code, page := s.get(s.analyst, to)
			if code != 200 {
				s.t.Fatal(to, code)
			}
			for _, m := range regexp.MustCompile(`id="alert-([^"]+)"`).FindAllStringSubmatch(page, -1) {
				seen[m[1]]++
			}
			to = ""
			if m := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page); m != nil {
				to = html.UnescapeString(m[1])
			}
		}
		if len(seen) != 60 || pages != 3 {
			s.t.Errorf("%d alerts on %d pages", len(seen), pages)
		}
		if code, _ := s.get(s.analyst, "/cert/incidents?after=1&key=x"); code != 200 {
			s.t.Error(code)
		}
		if code, _ := s.get(s.AsCitizen("somebody"), "/cert/alerts"); code != 403 {
			s.t.Errorf("a citizen reads the alerts: %d", code)
		}
	})
}
