package payments

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// modelClaim is a claim as the model has it: what is promised, in few words.
type modelClaim struct {
	id, kind, claimer, account string
	state, by, reason          string
	opened                     time.Time
	given                      bool // the donor gave the number up
}

// modelNumber is a number as the model has it.
type modelNumber struct {
	key            aliasKey
	owner, account string
	calm           time.Time
	claim          *modelClaim // the last one
}

func (n *modelNumber) open() bool {
	return n.claim != nil && (n.claim.state == claimOpen || n.claim.state == claimWaiting || n.claim.state == claimConfirmed)
}

func (n *modelNumber) pending() bool { return n.open() && n.claim.state != claimConfirmed }

// pass lets time have its way with a number.
func (n *modelNumber) pass(now time.Time) {
	c := n.claim
	if !n.open() {
		return
	}
	if c.state == claimOpen && !now.Before(c.opened.Add(24*time.Hour)) {
		c.state, c.by = claimWaiting, sideRail
	}
	if c.state == claimWaiting && !now.Before(c.opened.Add(7*24*time.Hour)) {
		c.by, c.reason = sideRail, reasonDefault
		if c.kind == ClaimPortability {
			c.state = claimCancelled
		} else {
			c.state, n.owner, n.account = claimConfirmed, "", ""
		}
	}
	if c.state == claimConfirmed && !now.Before(c.opened.Add(14*24*time.Hour)) {
		c.state, c.by, c.reason = claimCancelled, sideRail, reasonDefault
	}
}

func bookOf(account string) string { return account[strings.LastIndex(account, "@")+1:] }

// TestClaimsFollowTheirModel takes random steps of three people with two accounts
// each and two mobile numbers, and holds the directory against the model.
func TestClaimsFollowTheirModel(t *testing.T) {
	t.Parallel()
	inHall(t, 20, func(h *hall) {
		ctx := context.Background()
		var accounts []*Account
		for i := range 3 {
			for j := range 2 {
				bank := h.Pack.Banks[j]
				iban, err := h.Pack.IBAN.Make(bank.Code, fmt.Sprintf("55500000%02d%02d", i, j))
				h.fine(err)
				a := &Account{Account: ledger.Account{ID: fmt.Sprintf("m-%d@%s", i, bank.ID), Book: bank.ID, Role: ledger.Customer, Holder: fmt.Sprintf("m-%d", i), Currency: "PKR"}, Kind: KindPerson, IBAN: string(iban), NameEn: fmt.Sprintf("Model %d", i)}
				accounts = append(accounts, a)
			}
		}
		h.fine(h.DB.Update(ctx, func(tx *store.Tx) error { return insertAccounts(tx, accounts) }))
		fresh := 0
		rapid.Check(h.t, func(t *rapid.T) {
			var numbers []*modelNumber
			for range 2 {
				fresh++
				k, err := h.room.keyOf(ctx, AliasMobile, fmt.Sprintf("+92399%07d", 5_000_000+fresh))
				h.fine(err)
				numbers = append(numbers, &modelNumber{key: k})
			}
			defer func() { // the next round begins with nothing linked
				for _, n := range numbers {
					if n.open() {
						_, _ = h.room.answer(ctx, "test", n.claim.id, step{What: stepCancel, Side: sideClaimer, Reason: reasonUser})
					}
					_ = h.room.unlink(ctx, "test", n.key.id)
				}
			}()
			expect := func(what string, err error, want string) {
				t.Helper()
				got := ""
				if err != nil {
					got = fault.As(err).Key
				}
				if got != want {
					t.Fatalf("%s: %q, the model says %q", what, got, want)
				}
			}
			for range rapid.IntRange(1, 14).Draw(t, "steps") {
				n := rapid.SampledFrom(numbers).Draw(t, "number")
				to := rapid.SampledFrom(accounts).Draw(t, "account")
				now := h.Clock.Now()
				switch what := rapid.SampledFrom([]string{"link", "link", "open", "open", "unlink", "pass", stepAcknowledge, stepConfirm, stepRefuse, stepCancel, stepComplete}).Draw(t, "what"); what {
				case "link":
					_, err := h.room.link(ctx, "test", to.Holder, n.key, to.ID, true)
					switch {
					case n.owner == "" && n.open(), n.owner == to.Holder && n.account != to.ID && n.pending():
						expect(what, err, "payments.alias.claimed")
					case n.owner != "" && n.owner != to.Holder:
						expect(what, err, "payments.alias.other-person")
					default:
						expect(what, err, "")
						n.owner, n.account = to.Holder, to.ID
					}
				case "unlink":
					err := h.room.unlink(ctx, "test", n.key.id)
					switch {
					case n.owner == "":
						expect(what, err, "payments.alias.unknown")
					case n.pending():
						expect(what, err, "payments.alias.claimed")
					default:
						expect(what, err, "")
						n.owner, n.account = "", "" // and goes on cooling off
					}
				case "open":
					c, err := h.room.openNewClaim(ctx, "test", to.Holder, n.key, to.ID, "")
					kind := ClaimOwnership
					if n.owner == to.Holder {
						kind = ClaimPortability
					}
					switch {
					case n.owner == "":
						expect(what, err, "payments.claim.no-alias")
					case kind == ClaimPortability && bookOf(n.account) == to.Book:
						expect(what, err, "payments.claim.needless")
					case n.pending():
						expect(what, err, "payments.alias.claimed")
					case now.Before(n.calm):
						expect(what, err, "payments.claim.calm")
					default:
						expect(what, err, "")
						n.claim = &modelClaim{id: c.ID, kind: kind, claimer: to.Holder, account: to.ID, state: claimOpen, by: sideClaimer, opened: now}
					}
				case "pass":
					h.Clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 23, 24, 71, 72, 100, 167, 168, 200}).Draw(t, "hours")) * time.Hour)
					for _, n := range numbers {
						n.pass(h.Clock.Now())
					}
					h.letTimePass(numbers)
				default:
					if n.claim == nil {
						continue
					}
					s := step{What: what, Side: rapid.SampledFrom([]string{sideClaimer, sideDonor}).Draw(t, "side"), Reason: rapid.SampledFrom([]string{reasonUser, reasonFraud}).Draw(t, "reason"), Proven: rapid.Bool().Draw(t, "proven")}
					before := *n.claim
					_, err := h.room.answer(ctx, "test", n.claim.id, s)
					expect(fmt.Sprintf("%+v in a claim %s %s", s, before.kind, before.state), err, n.take(s, now))
				}
				h.compare(t, numbers)
			}
		})
	})
}

// take is what the model makes of a step; it gives the refusal's key.
func (n *modelNumber) take(s step, now time.Time) string {
	c := n.claim
	donor := s.Side == sideDonor
	goal := map[string]string{stepAcknowledge: claimWaiting, stepConfirm: claimConfirmed, stepRefuse: claimRefused, stepCancel: claimCancelled, stepComplete: claimCompleted}[s.What]
	if c.state == goal && c.by == s.Side && c.reason == s.Reason {
		return "" // said twice
	}
	refused := n.taken(s, now, donor)
	if refused == "" {
		if c.by = s.Side; s.What != stepAcknowledge && s.What != stepComplete {
			c.reason = s.Reason
		}
	}
	return refused
}

func (n *modelNumber) taken(s step, now time.Time, donor bool) string {
	const invalid, reason = "payments.claim.operation", "payments.claim.reason"
	c := n.claim
	switch s.What {
	case stepAcknowledge:
		if c.state != claimOpen || !donor {
			return invalid
		}
		c.state = claimWaiting
	case stepConfirm:
		if !n.pending() || !donor {
			return invalid
		}
		if s.Reason != reasonUser {
			return reason
		}
		c.state, c.given, n.owner, n.account = claimConfirmed, true, "", ""
	case stepRefuse:
		if !n.pending() || !donor {
			return invalid
		}
		if s.Reason == reasonUser && c.kind == ClaimOwnership && !s.Proven {
			return reason
		}
		c.state = claimRefused
	case stepCancel:
		if !n.open() {
			return invalid
		}
		if donor && (s.Reason != reasonFraud || c.state != claimConfirmed) {
			return reason
		}
		c.state = claimCancelled
	case stepComplete:
		if c.state != claimConfirmed || donor {
			return invalid
		}
		if c.kind == ClaimOwnership && !c.given && !s.Proven {
			return "payments.claim.unproven"
		}
		c.state, n.owner, n.account = claimCompleted, c.claimer, c.account
		if c.kind == ClaimOwnership {
			n.calm = now.Add(72 * time.Hour)
		}
	}
	return ""
}

// letTimePass does what the queue does when its clock has moved.
func (h *hall) letTimePass(numbers []*modelNumber) {
	h.t.Helper()
	for range 3 { // a claim may have several deadlines behind it
		for _, n := range numbers {
			if n.claim == nil {
				continue
			}
			data := []byte(`{"claim":"` + n.claim.id + `"}`)
			commit, err := h.room.claimDue(context.Background(), job.Job{Kind: jobClaim, Payload: data})
			h.fine(err)
			h.fine(h.DB.Update(context.Background(), commit))
		}
	}
}

// compare holds the tables against the model.
func (h *hall) compare(t *rapid.T, numbers []*modelNumber) {
	t.Helper()
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
		for i, n := range numbers {
			a, err := aliasByKey(tx, n.key, "")
			if fault.Is(err, fault.NotFound) {
				a, err = &Alias{}, nil
			}
			if err != nil {
				return err
			}
			if a.Holder != n.owner || a.Account != n.account {
				t.Fatalf("number %d leads to %q of %q, the model says %q of %q", i, a.Account, a.Holder, n.account, n.owner)
			}
			if a.ID != "" && (a.State == aliasClaimed) != n.pending() {
				t.Fatalf("number %d is %s, its claim %+v", i, a.State, n.claim)
			}
			if n.claim != nil {
				c, err := getClaim(tx, n.claim.id, "")
				if err != nil {
					return err
				}
				if c.State != n.claim.state {
					t.Fatalf("claim %s is %s, the model says %s", c.Type, c.State, n.claim.state)
				}
			}
		}
		for _, b := range h.Pack.Banks[:2] {
			kept, err := contentSet(tx, b.ID, AliasMobile)
			if err != nil {
				return err
			}
			made, err := recount(tx, b.ID, AliasMobile)
			if err != nil {
				return err
			}
			if kept.Size != made.Size || !kept.agrees(made.VSync) {
				t.Fatalf("the set of %s has %d entries, there are %d", b.ID, kept.Size, made.Size)
			}
		}
		return nil
	}))
}

// code reads the one-time code a demonstration shows.
func code(raw string) string {
	_, rest, _ := strings.Cut(raw, `data-code="`)
	c, _, _ := strings.Cut(rest, `"`)
	return c
}

// prove walks through typing a number and its code.
func (h *hall) prove(b *http.Client, path, mobile string, fields ...string) (words, at string) {
	h.t.Helper()
	_, raw, at := h.page(b, path, append([]string{"mobile", mobile}, fields...)...)
	if code(raw) == "" {
		h.t.Fatal("no code was shown:", at)
	}
	words, _, at = h.page(b, at, "code", code(raw))
	return words, at
}

// TestANumberChangesHands tells the story of a mobile number on the pages.
func TestANumberChangesHands(t *testing.T) {
	t.Parallel()
	inHall(t, 40, func(h *hall) {
		as := func(key string) *http.Client { return h.AsCitizen("s-" + key) } // sessions end while the clock moves
		mobile := string(h.citizen("ayesha").Phone)
		leads := func() string {
			found, err := h.ask(person("s-observer"), mobile)
			if fault.Is(err, fault.NotFound) {
				return ""
			}
			h.fine(err)
			return found.Account.Holder
		}
		says := func(words string, want ...string) {
			h.t.Helper()
			for _, w := range want {
				if !strings.Contains(words, w) {
					h.t.Errorf("the page does not say %q: %s", w, words)
				}
			}
		}
		// Bilal shows that he has the number now, and claims it.
		open := func() string {
			words, at := h.prove(as("bilal"), "/wallet/aliases/mobile", mobile, "account", "person-bilal")
			says(words, "leads to another person")
			words, _, at = h.page(as("bilal"), at, "x", "y")
			says(words, "Your claim", "They can answer until")
			return at
		}
		claim := open()
		if leads() != "s-ayesha" {
			t.Error("a claim alone moved the number")
		}
		if words, _, _ := h.page(as("c0035"), claim); !strings.Contains(words, "seen by its two sides only") {
			t.Error("somebody else sees the claim:", words)
		}
		words, _, _ := h.page(as("ayesha"), "/wallet/aliases")
		says(words, "Somebody claims", "Claimed")
		if words, _, _ = h.page(as("ayesha"), claim); strings.Contains(words, "Bilal") {
			t.Error("the donor learns who claims:", words)
		}
		// A second claim, a move and an unlinking wait for the end of the first.
		_, at := h.prove(as("c0035"), "/wallet/aliases/mobile", mobile, "account", "person-c0035")
		words, _, _ = h.page(as("c0035"), at, "x", "y")
		says(words, "There is a claim to this number")

		// Ayesha still has it: she keeps it with a new code, not with a word.
		if words, _, _ = h.page(as("ayesha"), claim+"/refuse", "x", "y"); strings.Contains(words, "still leads to your account") {
			t.Error("an ownership claim was refused without a proof")
		}
		_, _, at = h.page(as("ayesha"), claim+"/keep", "mobile", "0399 0000009")
		if at != claim+"/keep" {
			t.Error("another number was taken as proof")
		}
		words, _ = h.prove(as("ayesha"), claim+"/keep", mobile)
		says(words, "The number still leads to your account")
		if leads() != "s-ayesha" {
			t.Error("the number was lost although it was kept")
		}

		// The second time she does not answer: after seven days it is given up, and
		// Bilal shows once more that he has it.
		claim = open()
		h.Clock.Advance(7*day + time.Minute)
		h.until(func() bool { return h.state(claim) == claimConfirmed })
		if leads() != "" {
			t.Error("the number still leads somewhere")
		}
		words, _, _ = h.page(as("bilal"), claim+"/complete", "x", "y")
		says(words, "Show first that the number is in your hands")
		words, _ = h.prove(as("bilal"), claim+"/prove", mobile)
		says(words, "The number leads to your account now", "72 hours")
		if leads() != "s-bilal" {
			t.Error("the number does not lead to its new holder")
		}

		// It cools off: a limited sum, and no claim.
		sana := as("c0035")
		pay := func(amount string) string {
			words, _, at := h.page(sana, "/wallet/pay", "from", "person-c0035", "to", mobile)
			says(words, "changed hands a short time ago", "ring them up")
			words, _, _ = h.page(sana, at, "amount", amount)
			return words
		}
		_, _, _ = h.page(sana, "/wallet/account/person-c0035/cash-in", "key", "cash-1", "amount", "10000")
		_, _, _ = h.page(sana, "/wallet/account/person-c0035/cash-in", "key", "cash-2", "amount", "10000")
		_, _, _ = h.page(sana, "/wallet/account/person-c0035/cash-in", "key", "cash-3", "amount", "10000")
		says(pay("20000"), "Paid")
		says(pay("5001"), "can receive only a limited sum")
		says(pay("5000"), "Paid")
		_, at = h.prove(as("ayesha"), "/wallet/aliases/mobile", mobile, "account", "person-ayesha")
		words, _, _ = h.page(as("ayesha"), at, "x", "y")
		says(words, "cannot be claimed yet")
		h.Clock.Advance(CalmTime)
		if words, _, at := h.page(as("c0035"), "/wallet/pay", "from", "person-c0035", "to", mobile); strings.Contains(words, "changed hands") {
			t.Error("it still cools off:", at, words)
		}

		// A claim that nobody completes ends on the fourteenth day.
		_, at = h.prove(as("ayesha"), "/wallet/aliases/mobile", mobile, "account", "person-ayesha")
		_, _, claim = h.page(as("ayesha"), at, "x", "y")
		words, _, _ = h.page(as("bilal"), claim+"/confirm", "x", "y")
		says(words, "no longer leads to your account")
		h.Clock.Advance(14 * day)
		h.until(func() bool { return h.state(claim) == claimCancelled })
		if leads() != "" {
			t.Error("a claim that was not completed gave the number to somebody")
		}
		// then it is free
		words, _ = h.prove(as("ayesha"), "/wallet/aliases/mobile", mobile, "account", "person-ayesha")
		says(words, "leads to your account now")
	})
}

func (h *hall) state(claim string) (state string) {
	h.t.Helper()
	h.fine(h.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow("select state from payments_claim where id = $1", claim[strings.LastIndex(claim, "/")+1:]).Scan(&state)
	}))
	return state
}

// until waits for what the house does by itself.
func (h *hall) until(done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(8 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("it did not happen")
		}
	}
}

// TestManyHandsOnOneNumber lets people link, move, unlink and claim the same two
// numbers at once: each is told something sensible, and all fits together at the
// end.
func TestManyHandsOnOneNumber(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		ctx := context.Background()
		var people []string
		accounts := map[string][]string{}
		for _, c := range h.demo.Citizens[30:34] {
			subject := "s-" + c.Key
			second, err := h.room.openWallet(ctx, subject, "test", h.third(c.Bank, c.Bank), nil)
			h.fine(err)
			people, accounts[subject] = append(people, subject), []string{"person-" + c.Key, second}
		}
		var keys []aliasKey
		for i := range 2 {
			k, err := h.room.keyOf(ctx, AliasMobile, fmt.Sprintf("+92399222333%d", i))
			h.fine(err)
			keys = append(keys, k)
		}
		events := h.count("select count(*) from payments_cid_event")
		var all sync.WaitGroup
		var done atomic.Int64
		for i, subject := range people {
			for j := range 2 {
				all.Go(func() {
					for n := range 25 {
						k, to := keys[(i+n)%2], accounts[subject][(j+n)%2]
						var err error
						switch (i + j + n) % 6 {
						case 0, 1:
							_, err = h.room.link(ctx, "test", subject, k, to, true)
						case 2:
							_, err = h.room.openNewClaim(ctx, "test", subject, k, to, "")
						case 3:
							err = h.room.unlink(ctx, "test", k.id)
						default:
							var open *Claim
							h.fine(h.DB.View(ctx, func(tx *store.Tx) (err error) {
								open, err = openClaim(tx, k)
								return err
							}))
							if open == nil {
								continue
							}
							what := step{What: []string{stepConfirm, stepRefuse, stepComplete, stepCancel}[n%4], Side: sideDonor, Reason: reasonUser, Proven: true}
							if what.What == stepComplete || what.What == stepCancel {
								what.Side = sideClaimer
							}
							_, err = h.room.answer(ctx, "test", open.ID, what)
						}
						switch {
						case err == nil:
							done.Add(1)
						case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
						default:
							t.Errorf("%s: %v", subject, err)
						}
					}
				})
			}
		}
		all.Wait()
		t.Logf("%d of 200 steps were taken, %d changes of content", done.Load(), h.count("select count(*) from payments_cid_event")-events)
		h.fine(h.DB.View(ctx, func(tx *store.Tx) error {
			for _, b := range h.Pack.Banks {
				kept, err := contentSet(tx, b.ID, AliasMobile)
				if err != nil {
					return err
				}
				made, err := recount(tx, b.ID, AliasMobile)
				if err != nil {
					return err
				}
				if kept.Size != made.Size || !kept.agrees(made.VSync) {
					t.Errorf("the set of %s does not equal its entries", b.ID)
				}
			}
			return nil
		}))
		if n := h.count("select count(*) from (select participant, kind, max(seq) as last, count(*) as n from payments_cid_event group by participant, kind) s where last <> n"); n > 0 {
			t.Error("the events of a set have gaps")
		}
		if n := h.count("select count(*) from payments_alias a where state = 'claimed' and not exists (select 1 from payments_claim c where c.kind = a.kind and c.mac = a.mac and c.state in ('open', 'waiting'))"); n > 0 {
			t.Error("an alias is claimed by nobody")
		}
	})
}
