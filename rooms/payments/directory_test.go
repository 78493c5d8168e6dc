package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// register stands for the identity room: it knows the demo's national numbers.
type register map[string]country.Citizen

func (r register) Name(_ context.Context, subject, _ string) (en, ur string, err error) {
	c := r[subject]
	return c.Name.In("en"), c.Name.In("ur"), nil
}

func (r register) Number(_ context.Context, subject, _ string) (string, error) {
	if c, ok := r[subject]; ok {
		return c.Number, nil
	}
	return "", fault.New(fault.NotFound, "identity.person.unknown")
}

// hall is a small country with a directory. The pseudonym of citizen c0007 is
// "s-c0007"; "bank-<participant>" is the participant's own program.
type hall struct {
	*courttest.Court
	t    *testing.T
	room *Room
	demo *country.Demo
}

// inHall tells a story on both engines.
func inHall(t *testing.T, citizens int, tell func(h *hall)) {
	t.Helper()
	people := register{}
	var room *Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		session := c.API.Authenticator
		c.API.Authenticator = func(q *http.Request) (gate.Principal, error) {
			if id, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer "); ok {
				return c.Gate.Principal(q.Context(), id, gate.Client)
			}
			return session(q)
		}
		room, err = New(c, Wants{Payer: people, Numbers: people})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		h := &hall{Court: court, t: t, room: room, demo: court.Pack.Demo(7, country.DemoSize{Citizens: citizens, Merchants: 4})}
		for _, c := range h.demo.Citizens {
			people["s-"+c.Key] = c
		}
		h.fine(room.Seed(context.Background(), h.demo, func(key string) string { return "s-" + key }))
		h.fine(court.DB.Update(context.Background(), func(tx *store.Tx) error {
			for _, b := range court.Pack.Banks {
				if err := gate.Join(tx, gate.Membership{Organisation: b.ID, Person: "bank-" + b.ID, Role: "participant"}); err != nil {
					return err
				}
			}
			return gate.Join(tx, gate.Membership{Organisation: "telecom", Person: "telecom-1", Role: "operator"})
		}))
		tell(h)
	})
}

func (h *hall) fine(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) citizen(key string) country.Citizen {
	i := slices.IndexFunc(h.demo.Citizens, func(c country.Citizen) bool { return c.Key == key })
	return h.demo.Citizens[i]
}

// ask looks a number up for a person.
func (h *hall) ask(by Asker, text string) (*Found, error) {
	h.t.Helper()
	k, err := h.room.typed(context.Background(), text)
	h.fine(err)
	found, _, err := h.room.lookUp(context.Background(), by, k)
	return found, err
}

func person(subject string) Asker {
	return asker(gate.Principal{Kind: gate.Citizen, ID: subject}, nil)
}

// count reads one number.
func (h *hall) count(sql string, args ...any) (n int64) {
	h.t.Helper()
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(sql, args...).Scan(&n) }))
	return n
}

// program is an HTTP client with the credential of an organisation's program.
func (h *hall) program(id string) *http.Client {
	return &http.Client{Transport: bearer(id), Timeout: 20 * time.Second}
}

// bearer sends a program's credential along.
type bearer string

func (b bearer) RoundTrip(q *http.Request) (*http.Response, error) {
	q = q.Clone(q.Context())
	q.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(q)
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	list   []any
	text   string
}

var calls atomic.Int64

// call uses the interface; path begins after the directory's own.
func (h *hall) call(b *http.Client, method, path string, in any) answer {
	h.t.Helper()
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		h.fine(err)
		body = bytes.NewReader(text)
	}
	if !strings.HasPrefix(path, "/api") {
		path = directoryPath + path
	}
	q, err := http.NewRequest(method, h.URL+path, body)
	h.fine(err)
	if in != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		q.Header.Set("Idempotency-Key", fmt.Sprintf("key-of-the-test-%08d", calls.Add(1)))
	}
	q.Header.Set("Origin", h.URL)
	res, err := b.Do(q)
	h.fine(err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	h.fine(err)
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	if json.Unmarshal(text, &a.body) != nil {
		_ = json.Unmarshal(text, &a.list)
	}
	return a
}

// page reads a page, or sends a form when there are fields; it follows where it
// leads.
func (h *hall) page(b *http.Client, path string, fields ...string) (words, raw, at string) {
	h.t.Helper()
	q, err := http.NewRequest(http.MethodGet, h.URL+path, nil)
	if len(fields) > 0 {
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		q, err = http.NewRequest(http.MethodPost, h.URL+path, strings.NewReader(form.Encode()))
		h.fine(err)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("Origin", h.URL)
	}
	h.fine(err)
	res, err := b.Do(q)
	h.fine(err)
	defer func() { _ = res.Body.Close() }()
	if to := res.Header.Get("Location"); to != "" {
		return h.page(b, to)
	}
	text, err := io.ReadAll(res.Body)
	h.fine(err)
	raw = string(text)
	words = raw[max(strings.Index(raw, "<main"), 0):]
	words = strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(words, " "))), " ")
	return strings.NewReplacer("\u2068", "", "\u2069", "", "\u2066", "", "\u2067", "").Replace(words), raw, path
}

// TestABucketIsExact holds the bucket's arithmetic against one that counts
// single tokens as they drop.
func TestABucketIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 60).Draw(t, "size")
		every := time.Duration(rapid.Int64Range(1, 5000).Draw(t, "every")) * time.Millisecond
		start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
		b := &Bucket{Policy: Policy{Size: size, Every: every}, Tokens: size, counted: start}
		now, model, last := start, size, start
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(-2000, 20_000).Draw(t, "wait")) * time.Millisecond)
			for !last.Add(every).After(now) { // one token after the other
				last = last.Add(every)
				model = min(size, model+1)
			}
			if model == size && now.After(last) {
				last = now
			}
			b.fill(now)
			if b.Tokens != model {
				t.Fatalf("%d tokens, should be %d", b.Tokens, model)
			}
			if wait := b.wait(now); (wait == 0) != (model > 0) {
				t.Fatalf("wait %v with %d tokens", wait, model)
			} else if wait > 0 {
				later := *b
				if later.fill(now.Add(wait)); later.Tokens <= 0 {
					t.Fatalf("after the wait of %v there are %d tokens", wait, later.Tokens)
				}
			}
			switch cost := rapid.Int64Range(0, 20).Draw(t, "cost"); {
			case cost == 0:
				b.giveBack(1)
				model = min(size, model+1)
			case model > 0:
				b.spend(cost)
				model -= cost
			}
		}
	})
}

// TestTokensAreExactInSeveralProcesses lets two processes take from one bucket at
// once: as many get one as there are.
func TestTokensAreExactInSeveralProcesses(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, address string) {
		const tokens, each = 60, 25
		now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
		var dbs []*store.DB
		for range 2 {
			db, err := store.Open(context.Background(), store.Config{URL: address, Clock: now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			db.Register(store.Migrations{Room: "payments", FS: migrations})
			if err := db.Migrate(context.Background()); err != nil {
				t.Fatal(err)
			}
			dbs = append(dbs, db)
		}
		policy := plainPolicy("TEST", tokens, time.Hour)
		var got, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range each {
					err := dbs[i%2].Update(context.Background(), func(tx *store.Tx) error { return take(tx, policy, "everybody") })
					switch {
					case err == nil:
						got.Add(1)
					case fault.Is(err, fault.Limit):
						refused.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got.Load() != tokens || refused.Load() != 8*each-tokens {
			t.Errorf("%d got a token and %d did not; there were %d", got.Load(), refused.Load(), tokens)
		}
	})
}

// TestNobodyReadsOutTheDirectory attacks the directory for a day, in the best
// ways a person has, and counts the names that were shown.
func TestNobodyReadsOutTheDirectory(t *testing.T) {
	t.Parallel()
	inHall(t, 160, func(h *hall) {
		ctx := context.Background()
		var numbers []string
		for _, c := range h.demo.Citizens {
			numbers = append(numbers, string(c.Phone))
		}
		attack := func(name string, try func(step int, next func() string) (asked bool)) int {
			h.Clock.Advance(3 * day) // everybody's bucket is full again
			at, begin := 0, store.Micros(h.Clock.Now())
			next := func() string { at++; return numbers[at%len(numbers)] }
			for step := range 49 { // 24 hours, each half hour as a token comes back, and both ends
				for try(step, next) {
				}
				if step < 48 {
					h.Clock.Advance(30 * time.Minute)
				}
			}
			shown := int(h.count("select count(*) from payments_lookup where personal = $1 and at >= $2", true, begin))
			h.t.Logf("%-48s %3d names in 24 hours", name, shown)
			if shown >= 100 {
				h.t.Errorf("%s: %d names of persons were shown in 24 hours", name, shown)
			}
			return shown
		}
		hit := func(by Asker, text string) bool {
			_, err := h.ask(by, text)
			if err != nil && !fault.Is(err, fault.Limit) && !fault.Is(err, fault.NotFound) {
				h.t.Fatal(err)
			}
			return !fault.Is(err, fault.Limit)
		}
		best := attack("knows all numbers", func(_ int, next func() string) bool { return hit(person("s-thief-1"), next()) })
		if best != 98 {
			h.t.Errorf("the figure in the documentation is 98, not %d", best)
		}
		misses := 0
		attack("guesses, and each fourth number exists", func(_ int, next func() string) bool {
			text := fmt.Sprintf("0399 %07d", misses%1000)
			if misses%4 == 3 {
				text = next()
			}
			asked := hit(person("s-thief-2"), text)
			if asked {
				misses++
			}
			return asked
		})
		attack("hoards hits, then guesses with the last token", func(step int, next func() string) bool {
			if !hit(person("s-thief-3"), next()) {
				return false
			}
			return step%2 == 0 || hit(person("s-thief-3"), "0399 0000001")
		})
		attack("eight sessions at once", func(_ int, next func() string) bool {
			var mu sync.Mutex
			var all sync.WaitGroup
			got := atomic.Bool{}
			for range 8 {
				all.Go(func() {
					mu.Lock()
					n := next()
					mu.Unlock()
					k, err := h.room.typed(ctx, n)
					if err == nil {
						_, _, err = h.room.lookUp(ctx, person("s-thief-4"), k)
					}
					if err == nil {
						got.Store(true)
					}
				})
			}
			all.Wait()
			return got.Load()
		})
		// the same person with an account at every participant, asking on pages,
		// through the participants' programs, by numbers and by account numbers
		var mine []*Account
		for i, b := range h.Pack.Banks {
			iban, err := h.Pack.IBAN.Make(b.Code, fmt.Sprintf("77700000%04d", i))
			h.fine(err)
			a := &Account{Kind: KindPerson, IBAN: string(iban), NameEn: "Thief"}
			a.ID, a.Book, a.Holder = "thief-"+b.ID, b.ID, "s-thief-5"
			mine = append(mine, a)
		}
		turn := 0
		attack("an account at each participant, all channels", func(_ int, next func() string) bool {
			turn++
			by := holderAsker("citizen/s-thief-5", mine[turn%len(mine)])
			if turn%3 == 0 {
				by.Participant, by.member = mine[turn%len(mine)].Book, classes["A"]
			}
			text := next()
			if turn%5 == 0 {
				text = string(h.demo.Citizens[turn%len(h.demo.Citizens)].IBAN)
			}
			return hit(by, text)
		})
		// pays each of them a paisa, so that every token comes back
		rich := h.citizen("ayesha")
		from, err := h.room.account(ctx, func(tx *store.Tx) (*Account, error) { return getAccount(tx, "person-ayesha") })
		h.fine(err)
		who := gate.Principal{Kind: gate.Citizen, ID: "s-" + rich.Key}
		paid := attack("pays one paisa to each", func(_ int, next func() string) bool {
			in, err := h.room.Read(ctx, asker(who, from), next())
			if fault.Is(err, fault.Limit) {
				return false
			}
			h.fine(err)
			if in.Payee.ID == from.ID {
				return true
			}
			id, err := h.room.prepare(ctx, who.Actor(), who.ID, from, in)
			h.fine(err)
			o, err := h.room.order(ctx, id)
			h.fine(err)
			_, err = h.room.confirm(ctx, who.Actor(), o, 1)
			h.fine(err)
			return true
		})
		if paid != 99 {
			h.t.Errorf("the figure in the documentation is 99, not %d", paid)
		}
		// for comparison: what the figures of DICT for a person would let through
		b := &Bucket{Policy: Policy{Size: 100, Every: time.Minute / 2}, Tokens: 100, counted: time.Unix(0, 0)}
		names := 0
		for at := time.Duration(0); at <= day; at += time.Minute / 2 {
			for b.fill(time.Unix(0, 0).Add(at)); b.Tokens > 0; names++ {
				b.spend(1)
			}
		}
		h.t.Logf("%-48s %3d names in 24 hours", "(DICT's figures for a person)", names)
	})
}
