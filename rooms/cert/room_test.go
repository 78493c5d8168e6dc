package cert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/cert"
)

// scene is a court with the room in it.
type scene struct {
	*courttest.Court
	room    *cert.Room
	t       *testing.T
	analyst *http.Client
}

func each(t *testing.T, story func(s *scene)) {
	var mu sync.Mutex
	rooms := map[*courtyard.Courtyard]*cert.Room{}
	courttest.Each(t, func(c *courtyard.Courtyard) error {
		r, err := cert.New(c, cert.Wants{})
		mu.Lock()
		defer mu.Unlock()
		rooms[c] = r
		return err
	}, func(t *testing.T, court *courttest.Court) {
		mu.Lock()
		r := rooms[court.Courtyard]
		mu.Unlock()
		story(&scene{Court: court, room: r, t: t, analyst: court.AsOfficial("zara", "pkcert.soc.analyst")})
	})
}

// fail writes n failed sign-ins of one source, as identity does.
func (s *scene) fail(source string, n int) {
	s.t.Helper()
	for range n {
		if err := s.failOnce(source); err != nil {
			s.t.Fatal(err)
		}
	}
	s.settle()
}

func (s *scene) failOnce(source string) error {
	return s.DB.Update(context.Background(), func(tx *store.Tx) error {
		tx.Emit(store.Event{Type: "identity.signin.failed", Subject: "identity/source/" + source, Actor: "anonymous",
			Data: map[string]string{"source": source, "method": "passkey", "reason": "refused"}})
		return nil
	})
}

// settle waits until the room has seen everything.
func (s *scene) settle() {
	s.t.Helper()
	var id string
	err := s.DB.Update(s.t.Context(), func(tx *store.Tx) error {
		id = tx.Emit(store.Event{Type: "test.settle.asked", Subject: "test", Actor: "system/test"})
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Journal.Wait(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
	for range 2000 {
		lag, err := s.Journal.Lag(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		// The name is there as soon as this process delivers the subscription.
		if behind, delivers := lag["cert.signin-burst"]; delivers && behind == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("the room does not follow")
}

func (s *scene) alerts() []cert.Alert {
	s.t.Helper()
	list, err := s.room.Alerts(s.t.Context(), "", web.Place{}, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// count is how many events of a kind there are. What the room says of an event
// it was told of waits for its position like any other.
func (s *scene) count(kind string) (n int) {
	s.t.Helper()
	s.settle()
	list, err := s.Journal.Read(s.t.Context(), 0, 10000, kind)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

func (s *scene) get(c *http.Client, path string) (int, string) {
	s.t.Helper()
	res, err := c.Get(s.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (s *scene) post(c *http.Client, path string, fields ...string) (int, string, string) {
	s.t.Helper()
	f := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		f.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, strings.NewReader(f.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func TestABurstRaisesOneAlertAndKeepsGrowing(t *testing.T) {
	each(t, func(s *scene) {
		s.fail("aaaa0000", 9)
		s.fail("bbbb0000", 3)
		if n := len(s.alerts()); n != 0 {
			s.t.Fatalf("%d alerts before the threshold", n)
		}
		s.fail("aaaa0000", 1)
		a := s.alerts()
		if len(a) != 1 || a[0].Source != "aaaa0000" || a[0].Events != 10 || a[0].State != cert.AlertRaised || a[0].Severity != cert.High {
			s.t.Fatalf("alerts: %+v", a)
		}
		s.fail("aaaa0000", 35)
		if a = s.alerts(); len(a) != 1 || a[0].Events != 45 {
			s.t.Fatalf("the burst is not one alert: %+v", a)
		}
		if r, g := s.count("cert.alert.raised"), s.count("cert.alert.grown"); r != 1 || g != 2 { // at 20 and at 40
			s.t.Fatalf("%d raised, %d grown", r, g)
		}

		// After a quiet time the same source begins a new burst, from nothing.
		s.Clock.Advance(6 * time.Minute)
		s.fail("aaaa0000", 9)
		if n := len(s.alerts()); n != 1 {
			s.t.Fatalf("old failures were counted again: %d alerts", n)
		}
		s.fail("aaaa0000", 1)
		if n := len(s.alerts()); n != 2 {
			s.t.Fatalf("the second burst raised nothing: %d alerts", n)
		}

		// Failures that are far apart are no burst, however many they are.
		for range 12 {
			s.fail("cccc0000", 1)
			s.Clock.Advance(time.Minute)
		}
		if n := len(s.alerts()); n != 2 {
			s.t.Fatalf("%d alerts", n)
		}
	})
}

func TestAnAnalystTakesAnAlertThroughToTheEnd(t *testing.T) {
	each(t, func(s *scene) {
		s.fail("aaaa0000", 10)
		a := s.alerts()[0]
		code, page := s.get(s.analyst, "/cert")
		if code != 200 || !strings.Contains(page, "/cert/alert/"+a.ID) || !strings.Contains(page, "AAAA0000") {
			s.t.Fatalf("%d: the alert is not on the desk\n%s", code, page)
		}
		if code, page = s.get(s.analyst, "/cert/alert/"+a.ID); code != 200 || !strings.Contains(page, "Burst of failed sign-ins") {
			s.t.Fatalf("%d\n%s", code, page)
		}
		if code, _, page = s.post(s.analyst, "/cert/alert/"+a.ID+"/incident", "title", " ", "severity", "huge"); code != 422 ||
			!strings.Contains(page, "Write a title for the incident") || !strings.Contains(page, "Choose how severe it is") {
			s.t.Fatalf("%d: no messages\n%s", code, page)
		}
		code, to, _ := s.post(s.analyst, "/cert/alert/"+a.ID+"/incident", "title", "Keys are being tried <script>", "severity", "critical")
		if code != 303 || !strings.HasPrefix(to, "/cert/incident/") {
			s.t.Fatalf("%d %s", code, to)
		}
		if code, again, _ := s.post(s.analyst, "/cert/alert/"+a.ID+"/incident", "title", "Twice", "severity", "low"); code != 303 || again != to {
			s.t.Fatalf("sent twice: %d %s", code, again)
		}
		code, page = s.get(s.analyst, to)
		number := regexp.MustCompile(`PKCERT-\d{4}-0001`).FindString(page)
		if code != 200 || number == "" || !regexp.MustCompile(`2[34] hours left`).MatchString(page) || !strings.Contains(page, "CERT) Rules, 2023") || strings.Contains(page, "<script>\"") || !strings.Contains(page, "&lt;script&gt;") {
			s.t.Fatalf("%d\n%s", code, page[strings.Index(page, "<main"):])
		}
		for _, form := range []string{"note", "report", "close"} {
			if code, _, _ := s.post(s.analyst, to+"/"+form); code != 422 {
				s.t.Fatalf("an empty %s: %d", form, code)
			}
		}
		if code, _, page = s.post(s.analyst, to+"/close", "outcome", "contained", "close", "Blocked."); code != 422 || !strings.Contains(page, "Write down the report first") {
			s.t.Fatalf("closed without a report: %d", code)
		}
		s.Clock.Advance(20 * time.Minute)
		for _, step := range [][]string{{"note", "note", "The source is one company's proxy."}, {"report", "report", "To PTA, number 77"}, {"close", "close", "Blocked at the proxy.", "outcome", "contained"}} {
			if code, back, page := s.post(s.analyst, to+"/"+step[0], step[1:]...); code != 303 || back != to {
				s.t.Fatalf("%s: %d %s\n%s", step[0], code, back, page)
			}
		}
		code, page = s.get(s.analyst, to)
		for _, want := range []string{"company&#39;s proxy", "To PTA, number 77", "Blocked at the proxy.", "Incident closed", "Analyst, security operations centre", "it was stopped"} {
			if code != 200 || !strings.Contains(page, want) {
				s.t.Fatalf("%d: %q is not on the page\n%s", code, want, page)
			}
		}
		if strings.Contains(page, "Add the note") {
			s.t.Fatal("forms on a closed incident")
		}
		if code, _, _ = s.post(s.analyst, to+"/note", "note", "Too late"); code != 403 && code != 409 {
			s.t.Fatalf("wrote into a closed incident: %d", code)
		}
		s.settle()
		for kind, n := range map[string]int{"cert.incident.opened": 1, "cert.incident.noted": 1, "cert.incident.reported": 1, "cert.incident.closed": 1, "cert.incident.overdue": 0} {
			if got := s.count(kind); got != n {
				s.t.Errorf("%s: %d events", kind, got)
			}
		}
		list, err := s.Journal.Read(s.t.Context(), 0, 1000, "cert.*")
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range list {
			if strings.Contains(string(e.Payload), "proxy") || strings.Contains(string(e.Payload), "tried") {
				s.t.Errorf("free text in %s: %s", e.Type, e.Payload)
			}
		}
		s.get(s.analyst, "/cert?lang=ur")
		if _, page = s.get(s.analyst, "/cert"); !strings.Contains(page, `dir="rtl"`) || !strings.Contains(page, "سیکیورٹی ڈیسک") {
			s.t.Fatal("no Urdu page")
		}
	})
}

func TestOnlyAnalystsInTheirPostSeeAnything(t *testing.T) {
	each(t, func(s *scene) {
		s.fail("aaaa0000", 10)
		a := s.alerts()[0]
		_, to, _ := s.post(s.analyst, "/cert/alert/"+a.ID+"/incident", "title", "Keys are being tried", "severity", "high")
		for name, c := range map[string]*http.Client{"citizen": s.AsCitizen("ayesha"), "clerk": s.AsOfficial("rashid", "icta.dc.diary")} {
			for _, path := range []string{"/cert", "/cert/alert/" + a.ID, to, "/live/cert", "/api/cert/alerts"} {
				if code, page := s.get(c, path); code != 403 || strings.Contains(page, "Keys are being tried") {
					s.t.Errorf("%s reads %s: %d", name, path, code)
				}
			}
			for _, path := range []string{"/cert/alert/" + a.ID + "/dismiss", to + "/note", to + "/close"} {
				if code, _, _ := s.post(c, path, "note", "x", "reason", "x", "close", "x", "outcome", "harmless"); code != 403 {
					s.t.Errorf("%s posts %s: %d", name, path, code)
				}
			}
		}
		if code, _ := s.get(s.Browser(), "/cert"); code == 200 {
			s.t.Error("nobody reads the desk")
		}
		if code, _ := s.get(s.analyst, "/cert/incident/none"); code != 404 {
			s.t.Errorf("an incident that is not there: %d", code)
		}
	})
}

func TestTwoAnalystsCannotBothDecide(t *testing.T) {
	each(t, func(s *scene) {
		s.fail("aaaa0000", 10)
		a := s.alerts()[0]
		s.Appoint("amna", "pkcert.soc.second")
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Add(1)
			go func() {
				defer wg.Done()
				person := []string{"zara", "amna"}[i%2]
				post := []string{"pkcert.soc.analyst", "pkcert.soc.second"}[i%2]
				p, err := gate.Authorize(context.Background(), s.Gate, s.Principal(person, gate.Official, post), "cert.alert.decide", a)
				if err == nil && i < 3 {
					_, err = s.room.Open(context.Background(), p, "Keys are being tried", cert.High)
				} else if err == nil {
					err = s.room.Dismiss(context.Background(), p, "An announced test.")
				}
				errs[i] = err
			}()
		}
		wg.Wait()
		s.settle()
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !fault.Is(err, fault.Conflict):
				s.t.Error(err)
			}
		}
		if n := s.count("cert.incident.opened") + s.count("cert.alert.dismissed"); done != 1 || n != 1 {
			s.t.Fatalf("%d decisions, %d events", done, n)
		}
	})
}

func TestAMissedDeadlineIsWrittenDownOnce(t *testing.T) {
	each(t, func(s *scene) {
		s.fail("aaaa0000", 10)
		_, to, _ := s.post(s.analyst, "/cert/alert/"+s.alerts()[0].ID+"/incident", "title", "Keys are being tried", "severity", "high")
		s.Clock.Advance(23 * time.Hour)
		time.Sleep(400 * time.Millisecond)
		if n := s.count("cert.incident.overdue"); n != 0 {
			s.t.Fatal("too soon")
		}
		s.Clock.Advance(61 * time.Minute)
		for range 100 {
			if s.count("cert.incident.overdue") == 1 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		list, err := s.room.Incidents(s.t.Context(), cert.IncidentOpen, web.Place{}, 10)
		if err != nil || len(list) != 1 || !list[0].Overdue || s.count("cert.incident.overdue") != 1 {
			s.t.Fatalf("%+v %v", list, err)
		}
		analyst := s.AsOfficial("zara", "pkcert.soc.analyst") // her session of yesterday is over
		if _, page := s.get(analyst, to); !strings.Contains(page, "The time for the report has passed") {
			s.t.Fatal("the timeline does not say so")
		}
		if code, _, _ := s.post(analyst, to+"/report", "report", "To PTA, with our regret"); code != 303 {
			s.t.Fatal(code)
		}
		s.settle()
		events, err := s.Journal.Read(s.t.Context(), 0, 1000, "cert.incident.reported")
		if err != nil || len(events) != 1 {
			s.t.Fatal(err)
		}
		var d cert.IncidentData
		if err := events[0].Decode(&d); err != nil || !d.Late {
			s.t.Fatalf("%+v %v", d, err)
		}
	})
}

func TestTheListsComeInPagesAndTheScreenMovesByItself(t *testing.T) {
	each(t, func(s *scene) {
		for i := range 3 {
			s.fail(fmt.Sprintf("%08d", i), 10)
			s.Clock.Advance(time.Second)
		}
		var first, second struct {
			Items []cert.Alert
			Next  string
		}
		code, body := s.get(s.analyst, "/api/cert/alerts?state=raised&limit=2")
		if err := json.Unmarshal([]byte(body), &first); code != 200 || err != nil || len(first.Items) != 2 || first.Next == "" || first.Items[0].Source != "00000002" {
			s.t.Fatalf("%d %v %s", code, err, body)
		}
		code, body = s.get(s.analyst, "/api/cert/alerts?state=raised&limit=2&cursor="+first.Next)
		if err := json.Unmarshal([]byte(body), &second); code != 200 || err != nil || len(second.Items) != 1 || second.Next != "" || second.Items[0].Source != "00000000" {
			s.t.Fatalf("%d %v %s", code, err, body)
		}
		if code, body = s.get(s.analyst, "/api/cert/incidents?state=open"); code != 200 || !strings.Contains(body, `"items":[]`) {
			s.t.Fatalf("%d %s", code, body)
		}
		if code, _ = s.get(s.analyst, "/api/cert/alerts?state=nonsense"); code != 422 {
			s.t.Fatal(code)
		}

		ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/live/cert", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		res, err := s.analyst.Do(r)
		if err != nil || res.StatusCode != 200 {
			s.t.Fatalf("%v %v", res, err)
		}
		defer func() { _ = res.Body.Close() }()
		written := make(chan error, 1)
		go func() {
			var err error
			for range 10 {
				err = errors.Join(err, s.failOnce("feedbeef"))
			}
			written <- err
		}()
		var seen strings.Builder
		buf := make([]byte, 64<<10)
		for !strings.Contains(seen.String(), "FEEDBEEF") {
			n, err := res.Body.Read(buf)
			seen.Write(buf[:n])
			if err != nil {
				s.t.Fatalf("%v after %s", err, seen.String())
			}
		}
		if err := <-written; err != nil {
			s.t.Fatal(err)
		}
	})
}
