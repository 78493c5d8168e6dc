package observatory_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/rooms/observatory"
)

func each(t *testing.T, test func(t *testing.T, c *courttest.Court)) {
	t.Helper()
	courttest.Each(t, func(c *courtyard.Courtyard) error {
		_, err := observatory.New(c, observatory.Wants{})
		return err
	}, test)
}

// say plays the other rooms: it emits their events.
func say(t *testing.T, c *courttest.Court, events ...store.Event) {
	t.Helper()
	err := c.DB.Update(context.Background(), func(tx *store.Tx) error {
		for _, e := range events {
			e.Version, e.Actor = 1, "system/test"
			if e.Subject == "" {
				e.Subject = "test/thing/1"
			}
			tx.Emit(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func event(kind string, data map[string]any) store.Event { return store.Event{Type: kind, Data: data} }

func get(t *testing.T, b *http.Client, url string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

type view struct {
	ID     string `json:"id"`
	Figure int64  `json:"figure"`
	Known  bool   `json:"known"`
	N      int64  `json:"counted"`
}

func figures(t *testing.T, c *courttest.Court, b *http.Client) map[string]view {
	t.Helper()
	code, body := get(t, b, c.URL+"/api/observatory/indicators")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	var list struct{ Items []view }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]view{}
	for _, v := range list.Items {
		out[v.ID] = v
	}
	return out
}

// until waits for what the subscription does in the background.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 5 s: %s", what)
}

// aDay is a day in the house: two files, one decided late, three payments of
// which one is broken off, two persons, two incidents.
func aDay(t *testing.T, c *courttest.Court) {
	t.Helper()
	now := c.Clock.Now()
	pay := func(id string, amount int) map[string]any {
		return map[string]any{"transfer": id, "from": "bank-a", "to": "wallet-b", "amount": amount, "currency": "PKR"}
	}
	say(t, c,
		event("identity.person.issued", map[string]any{"source": "seed", "district": "islamabad"}),
		event("identity.person.issued", map[string]any{"source": "enrolment", "district": "lahore"}),
		event("identity.register.opened", map[string]any{"persons": 250}),
		event("services.application.submitted", map[string]any{"application": "a1", "service": "domicile", "known": 6, "asked": 2}),
		event("office.file.opened", map[string]any{"file": "f1", "number": "DC-ICT/1/2026", "office": "icta.dc", "application": "a1", "due": now.Add(time.Hour)}),
		event("office.file.opened", map[string]any{"file": "f2", "number": "DC-ICT/2/2026", "office": "icta.dc", "due": now.Add(time.Hour)}),
		event("office.file.moved", map[string]any{"file": "f1", "number": "DC-ICT/1/2026", "office": "icta.dc", "to": "icta.dc.ac", "move": 2}),
		event("office.case.decided", map[string]any{"file": "f1", "office": "icta.dc", "outcome": "approved"}),
		event("payments.transfer.reserved", pay("t1", 20000)),
		event("payments.transfer.reserved", pay("t2", 5050)),
		event("payments.transfer.reserved", pay("t3", 999)),
		event("payments.transfer.aborted", pay("t3", 999)),
		event("cert.incident.opened", map[string]any{"incident": "i1", "number": "CERT/7", "severity": "high"}),
		event("cert.incident.opened", map[string]any{"incident": "i2", "number": "CERT/8", "severity": "low"}),
		event("cert.incident.closed", map[string]any{"incident": "i2", "number": "CERT/8"}),
	)
	c.Clock.Advance(2 * time.Second)
	say(t, c, event("payments.transfer.committed", pay("t1", 20000)))
	// paid at once: both events bear the time of one transaction, the ledger says how long it took
	quick := pay("t4", 100)
	quick["took_us"] = 640
	say(t, c, event("payments.transfer.reserved", pay("t4", 100)), event("payments.transfer.committed", quick))
	c.Clock.Advance(2 * time.Second)
	say(t, c, event("payments.transfer.committed", pay("t2", 5050)), event("payments.transfer.committed", pay("t2", 5050)))
	c.Clock.Advance(2 * time.Hour)
	say(t, c, event("office.case.decided", map[string]any{"file": "f2", "office": "icta.dc", "outcome": "refused"}),
		event("office.case.decided", map[string]any{"file": "f2", "office": "icta.dc", "outcome": "refused"}))
}

func TestADayInTheHouse(t *testing.T) {
	each(t, func(t *testing.T, c *courttest.Court) {
		anybody := c.Browser()
		if f := figures(t, c, anybody); f["in-time"].Known || f["payments-time"].Known || f["services-online"].Figure < 5 || f["payments"].Figure != 0 {
			t.Fatalf("before anything happened: %+v", f)
		}
		aDay(t, c)
		until(t, "the day is counted", func() bool { return figures(t, c, anybody)["in-time"].N == 2 })
		imran := c.AsOfficial("p-imran", "pda.commission") // his session would have ended during the day
		t.Run("it is counted", func(t *testing.T) { counted(t, c, imran) })
		t.Run("every number opens its rows", func(t *testing.T) { opens(t, c, imran) })
		t.Run("what is for everybody and what is not", func(t *testing.T) { closed(t, c) })
	})
}

func counted(t *testing.T, c *courttest.Court, imran *http.Client) {
	want := map[string]int64{"identities": 252, "electronic-files": 50, "movements": 1, "in-time": 50, "payments": 3, "payments-value": 25150, "payments-time": 2_000_000, "incidents": 1, "once-only": 75}
	got := figures(t, c, imran)
	for id, n := range want {
		if got[id].Figure != n || !got[id].Known {
			t.Errorf("%s is %+v, want %d", id, got[id], n)
		}
	}
}

func opens(t *testing.T, c *courttest.Court, imran *http.Client) {
	anybody := c.Browser()

	_, page := get(t, imran, c.URL+"/observatory")
	links := regexp.MustCompile(`href="(/observatory/[a-z-]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 10 {
		t.Fatalf("%d figures on the Commission's board", len(links))
	}
	for _, l := range links {
		for _, lang := range []string{"en", "ur"} {
			code, body := get(t, imran, c.URL+l[1], "Accept-Language", lang)
			if code != 200 || strings.Contains(body, "observatory.unit") || strings.Contains(body, ".definition") {
				t.Fatalf("%s in %s: %d", l[1], lang, code)
			}
			for _, need := range []string{"<svg", "<title", "<desc", "<table", "history.csv", `id="rows"`} {
				if !strings.Contains(body, need) {
					t.Errorf("%s in %s has no %s", l[1], lang, need)
				}
			}
			if _, err := html.Parse(strings.NewReader(body)); err != nil {
				t.Error(err)
			}
		}
	}
	_, body := get(t, imran, c.URL+"/observatory/in-time")
	for _, need := range []string{"DC-ICT/1/2026", "DC-ICT/2/2026", "Late", "In time"} {
		if !strings.Contains(body, need) {
			t.Errorf("the deadlines say nothing of %s", need)
		}
	}
	_, body = get(t, imran, c.URL+"/observatory/incidents")
	if !strings.Contains(body, "CERT/7") || strings.Contains(body, "CERT/8") {
		t.Error("the open incidents are not the open ones")
	}
	code, text := get(t, imran, c.URL+"/observatory/payments/rows.csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if code != 200 || err != nil || len(rows) != 4 || !slices.ContainsFunc(rows, func(r []string) bool { return r[6] == "4000000" }) || !slices.ContainsFunc(rows, func(r []string) bool { return r[6] == "640" }) {
		t.Fatalf("%d %v %q", code, err, text)
	}
	code, text = get(t, anybody, c.URL+"/observatory/payments/history.csv")
	if rows, err = csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll(); code != 200 || err != nil || len(rows) < 3 || rows[len(rows)-1][1] != "3" {
		t.Fatalf("%d %v %q", code, err, text)
	}
	// a page of the interface at a time
	var all []string
	path := "/api/observatory/indicators/in-time/rows?limit=1"
	for range 3 {
		code, text = get(t, imran, c.URL+path)
		var list struct {
			Items []struct{ Reference string }
			Next  string
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 {
			t.Fatalf("%d %s", code, text)
		}
		for _, x := range list.Items {
			all = append(all, x.Reference)
		}
		if list.Next == "" {
			break
		}
		path = "/api/observatory/indicators/in-time/rows?limit=1&cursor=" + list.Next
	}
	if len(all) != 2 || all[0] == all[1] {
		t.Fatalf("read %v", all)
	}
}

func closed(t *testing.T, c *courttest.Court) {
	anybody := c.Browser()
	code, board := get(t, anybody, c.URL+"/observatory")
	if code != 200 || !strings.Contains(board, "/observatory/payments") || strings.Contains(board, "/observatory/incidents") {
		t.Fatalf("the public board: %d", code)
	}
	code, page := get(t, anybody, c.URL+"/observatory/in-time")
	if code != 200 || strings.Contains(page, "DC-ICT/1/2026") || !strings.Contains(page, "open to the Commission") {
		t.Fatalf("a public page: %d", code)
	}
	clerk := c.AsOfficial("p-rashid", "icta.dc.diary")
	for who, b := range map[string]*http.Client{"anybody": anybody, "a citizen": c.AsCitizen("p-ayesha"), "a clerk": clerk} {
		for _, path := range []string{"/observatory/incidents", "/observatory/payments/rows.csv", "/api/observatory/indicators/payments/rows", "/api/observatory/indicators/incidents", "/live/observatory?key=commission"} {
			if code, _ := get(t, b, c.URL+path); code == 200 {
				t.Errorf("%s read %s", who, path)
			}
		}
	}
	if code, _ := get(t, anybody, c.URL+"/observatory/nothing"); code != 404 {
		t.Errorf("an indicator that is none: %d", code)
	}
	if code, _ := get(t, anybody, c.URL+"/live/observatory?key=made-up"); code != 404 {
		t.Errorf("a screen of one's own making: %d", code)
	}
}

func TestLiveScreens(t *testing.T) {
	each(t, func(t *testing.T, c *courttest.Court) {
		t.Run("the board moves by itself", func(t *testing.T) { moves(t, c) })
		t.Run("screens are told at most once a second", func(t *testing.T) { tells(t, c) })
	})
}

func moves(t *testing.T, c *courttest.Court) {
	b := c.AsOfficial("p-imran", "pda.commission")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var res *http.Response
	until(t, "the live screen opens", func() bool {
		req, _ := http.NewRequestWithContext(ctx, "GET", c.URL+"/live/observatory?key=commission", nil)
		var err error
		if res, err = b.Do(req); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 {
			_ = res.Body.Close()
		}
		return res.StatusCode == 200
	})
	defer func() { _ = res.Body.Close() }()
	begin := time.Now()
	say(t, c, event("office.file.moved", map[string]any{"file": "f1", "number": "DC-ICT/1/2026", "office": "icta.dc", "move": 2}))
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `id="figure-movements"`) {
			t.Logf("on the screen after %v", time.Since(begin))
			return
		}
	}
	t.Fatalf("the figure did not come: %v", lines.Err())
}

// A thousand payments in a second are one line in the log, and the last one is
// told, too.
func tells(t *testing.T, c *courttest.Court) {
	c.Clock.Advance(time.Minute)
	for n := range 40 {
		say(t, c, event("office.file.moved", map[string]any{"file": "f1", "number": "DC-ICT/1/2026", "office": "icta.dc", "move": 100 + n}))
	}
	until(t, "all are counted", func() bool { return figures(t, c, c.Browser())["movements"].Figure == 41 })
	told := func() int {
		events, err := c.Journal.Read(t.Context(), 0, 200, observatory.FiguresMoved)
		if err != nil {
			t.Fatal(err)
		}
		return len(events) - 1 // the board's movement was told before
	}
	until(t, "the first is told", func() bool { return told() == 1 })
	c.Clock.Advance(1100 * time.Millisecond)
	until(t, "the rest is told", func() bool { return told() == 2 })
}

func TestHistoryGoesByDaysWhenItIsLong(t *testing.T) {
	each(t, func(t *testing.T, c *courttest.Court) {
		for day := range 5 {
			for range day + 1 {
				say(t, c, event("identity.person.issued", map[string]any{"district": "lahore"}))
			}
			until(t, fmt.Sprint("day ", day), func() bool { return figures(t, c, c.Browser())["identities"].Figure == int64((day+1)*(day+2)/2) })
			c.Clock.Advance(24 * time.Hour)
		}
		_, body := get(t, c.Browser(), c.URL+"/api/observatory/indicators/identities")
		var h struct {
			History []struct {
				From            time.Time
				Figure, Counted int64
			}
		}
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, p := range h.History {
			got = append(got, p.Figure)
			if local := p.From.In(c.Pack.Zone); local.Hour() != 0 || local.Minute() != 0 {
				t.Errorf("a day begins at %v", local)
			}
		}
		if fmt.Sprint(got) != "[0 1 3 6 10 15 15]" {
			t.Fatalf("history %v", got)
		}
	})
}

func TestABrokenFileOfIndicatorsStopsTheStart(t *testing.T) {
	for text, want := range map[string]string{
		"- {id: x, kind: count, events: [a], colour: red}":                         "colour",
		"- {id: x, kind: sum, events: [a]}":                                        "unknown kind",
		"- {id: x, kind: count, events: [a]}\n- {id: x, kind: count, events: [a]}": "id of its own",
		"- {id: x, kind: count, target: 5, events: [a]}":                           "better",
		"- {id: x, kind: count, better: sideways, events: [a]}":                    "up or down",
		"- {id: x, kind: count}":                                                   "events",
		"- {id: x, kind: count, rows: y, events: [a]}":                             "no indicator",
		"not a list": "indicators.yaml",
	} {
		if _, err := observatory.ParseIndicators([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
