package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

var (
	noon    = time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	karachi = time.FixedZone("PKT", 5*3600)
)

// booked is the tables that town needs, made once.
var booked = storetest.NewMould(store.Migrations{Room: "payments", FS: migrations})

// town opens a book with two banks, prefund of 100 and 50 rupees, and three
// customers with 80 rupees each.
func town(t testing.TB, url string, now clock.Clock) (*store.DB, *Sequencer) {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url, Clock: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.Register(store.Migrations{Room: "payments", FS: migrations})
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	b := NewSequencer(db, karachi, nil)
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("insert into payments_book (currency, seq, head) values ('PKR', 0, $1)", make([]byte, 32)); err != nil {
			return err
		}
		if _, err := tx.Exec("insert into payments_index (currency, number) values ('PKR', 0)"); err != nil {
			return err
		}
		var accounts []*Account
		add := func(id, book string, role ledger.Role, holder string, bottomless bool) {
			accounts = append(accounts, &Account{Account: ledger.Account{ID: id, Book: book, Role: role, Holder: holder, Currency: "PKR", Bottomless: bottomless}, Kind: KindPerson, NameEn: id, Opened: tx.Now()})
		}
		add("issuing", ledger.Rail, ledger.Issuing, "central-bank", true)
		for _, bank := range []string{"a", "b"} {
			if _, err := tx.Exec("insert into payments_participant ("+participantColumns+") values ($1, 'bank', $1, $1, $1, $1, $2, 0, $2, '')", bank, false); err != nil {
				return err
			}
			add("settle-"+bank, ledger.Rail, ledger.Settlement, bank, false)
			add("own-"+bank, bank, ledger.Own, bank, true)
		}
		add("ayesha", "a", ledger.Customer, "ayesha", false)
		add("asif", "a", ledger.Customer, "asif", false)
		add("bakery", "b", ledger.Customer, "bakery", false)
		return insertAccounts(tx, accounts)
	}))
	post := func(from, to string, amount int64) ledger.Step {
		return ledger.Step{Kind: ledger.Post, Party: "test", Key: "open/" + to, Debit: from, Credit: to, Amount: amount, Currency: "PKR"}
	}
	rows, err := b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{post("issuing", "settle-a", 100_00), post("issuing", "settle-b", 50_00),
		post("own-a", "ayesha", 80_00), post("own-a", "asif", 80_00), post("own-b", "bakery", 80_00)}})
	must(t, err)
	for _, r := range rows {
		if !r.Accepted() {
			t.Fatalf("opening: %+v", r)
		}
	}
	return db, b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func reserveStep(id, key, from, to string, amount int64, until time.Time) ledger.Step {
	return ledger.Step{Kind: ledger.Reserve, Transfer: id, Party: from, Key: key, Debit: from, Credit: to, Amount: amount, Currency: "PKR", Expires: until}
}

// holds checks every promise over the whole database.
func holds(t interface {
	Helper()
	Fatalf(string, ...any)
}, db *store.DB, b *Sequencer) {
	t.Helper()
	ctx := context.Background()
	err := db.View(ctx, func(tx *store.Tx) error {
		checks, err := Invariants(tx, "PKR", time.Time{}.AddDate(1969, 0, 0))
		if err != nil {
			return err
		}
		for _, c := range checks {
			if c.Broke != 0 {
				return fmt.Errorf("%s is broken by %d lines", c.Name, c.Broke)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := NewAuditor(db, "PKR").Check(ctx); err != nil {
		t.Fatalf("%v", err)
	}
}

func balance(t testing.TB, db *store.DB, id string) (balance, held int64) {
	t.Helper()
	must(t, db.View(context.Background(), func(tx *store.Tx) error {
		a, err := getAccount(tx, id)
		if err == nil {
			balance, held = a.Balance, a.Held
		}
		return err
	}))
	return balance, held
}

func TestTheSameKeyGetsTheSameAnswer(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx, now := context.Background(), clock.At(noon)
		db, b := town(t, url, now)
		pay := func(id, key string, amount int64) ([]ledger.Row, error) {
			return b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{reserveStep(id, key, "ayesha", "bakery", amount, now.Now().Add(time.Minute)), {Kind: ledger.Commit, Transfer: id}}})
		}
		first, err := pay("t1", "k1", 30_00)
		must(t, err)
		now.Set(time.Date(2026, 11, 21, 19, 0, 1, 0, time.UTC)) // a second after midnight in Karachi
		again, err := pay("t2", "k1", 30_00)
		must(t, err)
		if !again[0].Replayed || again[0].Transfer != "t1" || again[0].Seq != first[0].Seq || again[1].Transfer != "t1" {
			t.Fatalf("a repetition was not recognised: %+v", again)
		}
		if _, err := pay("t3", "k1", 31_00); !fault.Is(err, fault.Conflict) {
			t.Fatalf("the same key with another payload: %v", err)
		}
		refused, err := pay("t4", "k2", 99_00)
		must(t, err)
		if refused[0].Reason != ledger.NoFunds || refused[1].Seq != 0 {
			t.Fatalf("%+v", refused)
		}
		// Money arrives; the refusal stays what it was.
		_, err = b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{{Kind: ledger.Post, Party: "test", Key: "more", Debit: "own-a", Credit: "ayesha", Amount: 99_00, Currency: "PKR"}}})
		must(t, err)
		refused, err = pay("t5", "k2", 99_00)
		must(t, err)
		if refused[0].Reason != ledger.NoFunds || !refused[0].Replayed || refused[0].Transfer != "t4" {
			t.Fatalf("%+v", refused)
		}
		if have, held := balance(t, db, "bakery"); have != 110_00 || held != 0 {
			t.Fatal(have, held)
		}
		holds(t, db, b)
	})
}

func TestAHookThatFailsUndoesEverything(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		db, b := town(t, url, clock.At(noon))
		no := errors.New("no")
		for _, w := range []Work{{Before: func(*store.Tx) error { return no }}, {After: func(*store.Tx, []ledger.Row) error { return no }}} {
			w.Currency, w.Steps = "PKR", []ledger.Step{reserveStep("t1", "k1", "ayesha", "bakery", 1, noon.Add(time.Minute))}
			if _, err := b.Do(context.Background(), w); !errors.Is(err, no) {
				t.Fatal(err)
			}
		}
		if _, held := balance(t, db, "ayesha"); held != 0 {
			t.Fatal(held)
		}
		holds(t, db, b)
	})
}

// TestTheBookDoesWhatTheRulesSay runs random steps against the database and
// against the pure rules, and wants the same answers and the same balances.
func TestTheBookDoesWhatTheRulesSay(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		now := clock.At(noon)
		db, b := town(t, url, now)
		// Two writers that know nothing of each other but the database.
		writers := []*Sequencer{b, NewSequencer(db, karachi, nil)}
		model := ledger.New("PKR")
		must(t, db.View(context.Background(), func(tx *store.Tx) error {
			all, err := store.List(tx, scanAccount, "select "+accountColumns+" from "+accountTable)
			for _, a := range all {
				model.Put(&a.Account)
			}
			return err
		}))
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			names := []string{"ayesha", "asif", "bakery", "nobody"}
			for range rapid.IntRange(1, 12).Draw(t, "works") {
				now.Advance(time.Duration(rapid.IntRange(0, 9).Draw(t, "seconds")) * time.Second)
				w := Work{Currency: "PKR"}
				for range rapid.IntRange(1, 3).Draw(t, "steps") {
					step := ledger.Step{Kind: rapid.SampledFrom([]ledger.Kind{ledger.Reserve, ledger.Reserve, ledger.Commit, ledger.Abort, ledger.Expire, ledger.Post}).Draw(t, "kind"),
						Currency: "PKR", Amount: rapid.Int64Range(0, 40_00).Draw(t, "amount"), Expires: now.Now().Add(20 * time.Second)}
					if step.Kind == ledger.Reserve || step.Kind == ledger.Post {
						step.Debit, step.Credit = rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to")
					}
					if step.Kind == ledger.Reserve {
						n++
						step.Transfer = fmt.Sprint("m", n)
					} else {
						step.Transfer = fmt.Sprint("m", n-rapid.IntRange(0, 4).Draw(t, "back"))
					}
					if step.Kind == ledger.Post {
						step.Transfer = ""
					}
					w.Steps = append(w.Steps, step)
				}
				w.Notes = map[string]Note{}
				for _, s := range w.Steps {
					w.Notes[s.Transfer] = Note{Reference: s.Transfer}
				}
				rows, err := writers[rapid.IntRange(0, 1).Draw(t, "writer")].Do(context.Background(), w)
				if err != nil {
					t.Fatal(err)
				}
				for i, step := range w.Steps {
					want := model.Apply(step, now.Now())
					if rows[i].Reason != want.Reason || rows[i].Kind != want.Kind || (rows[i].Seq > 0) != (want.Seq > 0) {
						t.Fatalf("step %+v: the book says %s %q, the rules %s %q", step, rows[i].Kind, rows[i].Reason, want.Kind, want.Reason)
					}
				}
			}
			if err := db.View(context.Background(), func(tx *store.Tx) error {
				all, err := store.List(tx, scanAccount, "select "+accountColumns+" from "+accountTable)
				for _, a := range all {
					if m := model.Accounts[a.ID]; m.Balance != a.Balance || m.Held != a.Held {
						return fmt.Errorf("%s has %d held %d, the rules say %d held %d", a.ID, a.Balance, a.Held, m.Balance, m.Held)
					}
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
		holds(t, db, b)
	})
}

// TestManyPayAtOnce: 16 payers, each request sent twice and to two of three
// writers, more money asked for than there is. Nothing is overdrawn, nothing is lost, nothing happens twice.
func TestManyPayAtOnce(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		db, b := town(t, url, clock.System)
		writers := []*Sequencer{b, NewSequencer(db, karachi, nil), NewSequencer(db, karachi, nil)}
		names := []string{"ayesha", "asif", "bakery"}
		var wg sync.WaitGroup
		var paid, refused, replayed atomic.Int64
		seen := sync.Map{}
		for client := range 16 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(7, uint64(client))) //nolint:gosec // a script
				for i := range 12 {
					key := fmt.Sprintf("%d/%d", client, i)
					from := r.IntN(3)
					amount := int64(1 + r.IntN(30_00))
					var pair sync.WaitGroup
					for try := range 2 {
						pair.Go(func() {
							id := fmt.Sprintf("%s/%d", key, try)
							rows, err := writers[(client+try)%3].Do(context.Background(), Work{Currency: "PKR", Notes: map[string]Note{id: {Reference: id}},
								Steps: []ledger.Step{reserveStep(id, key, names[from], names[(from+1)%3], amount, time.Now().Add(time.Minute)), {Kind: ledger.Commit, Transfer: id}}})
							switch {
							case err != nil:
								t.Error(err)
							case rows[0].Replayed:
								replayed.Add(1)
							case rows[0].Accepted():
								paid.Add(1)
							default:
								refused.Add(1)
							}
							if err == nil {
								if before, twice := seen.LoadOrStore(key, rows[0].Transfer); twice && before != rows[0].Transfer {
									t.Errorf("key %s was answered by two transfers", key)
								}
							}
						})
					}
					pair.Wait()
				}
			})
		}
		wg.Wait()
		if paid.Load()+refused.Load() != 16*12 || replayed.Load() != 16*12 || paid.Load() == 0 || refused.Load() == 0 {
			t.Errorf("paid %d refused %d replayed %d", paid.Load(), refused.Load(), replayed.Load())
		}
		holds(t, db, b)
	})
}

// TestExpiryRacesCommit: whichever row comes first wins, and the money is
// either there or back, never both.
func TestExpiryRacesCommit(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx, now := context.Background(), clock.At(noon)
		db, b := town(t, url, now)
		for i := range 30 {
			id := fmt.Sprint("r", i)
			_, err := b.Do(ctx, Work{Currency: "PKR", Notes: map[string]Note{id: {Reference: id}}, Steps: []ledger.Step{reserveStep(id, id, "ayesha", "bakery", 1_00, now.Now().Add(time.Second))}})
			must(t, err)
			var wg sync.WaitGroup
			wg.Go(func() { now.Advance(time.Second) })
			for _, kind := range []ledger.Kind{ledger.Commit, ledger.Expire, ledger.Commit} {
				wg.Go(func() {
					if _, err := b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{{Kind: kind, Transfer: id}}}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			must(t, db.View(ctx, func(tx *store.Tx) error {
				tr, err := getTransfer(tx, id)
				if err == nil && tr.Phase != ledger.Committed && tr.Phase != ledger.Expired {
					return fmt.Errorf("%s is %s", id, tr.Phase)
				}
				return err
			}))
		}
		if _, held := balance(t, db, "ayesha"); held != 0 {
			t.Fatal("money is still held:", held)
		}
		holds(t, db, b)
	})
}

// TestTheAuditorFindsWhatWasChanged: a balance, a row, a note of what was before.
func TestTheAuditorFindsWhatWasChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"a balance":                "update payments_balance set balance = balance + 1 where id = 'ayesha'",
		"what is held":             "update payments_balance set held = held + 1 where id = 'settle-a'",
		"a balance that is gone":   "delete from payments_balance where id = 'ayesha'",
		"a batch's root":           "update payments_batch set root = head where number = 1",
		"a batch's time":           "update payments_batch set at = at + 1 where number = 1",
		"which batch it was":       "update payments_batch set number = 7, first = 50 where number = 2",
		"a batch that is missing":  "delete from payments_batch where number = 1",
		"what came before a batch": "update payments_batch set before = root where number = 2",
	} {
		t.Run(name, func(t *testing.T) {
			booked.EachURL(t, func(t *testing.T, url string) {
				ctx := context.Background()
				db, b := town(t, url, clock.At(noon))
				_, err := b.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{reserveStep("t1", "k1", "ayesha", "bakery", 1_00, noon.Add(time.Minute))}})
				must(t, err)
				holds(t, db, b)
				must(t, db.Update(ctx, func(tx *store.Tx) error {
					_, err := tx.Exec(change)
					return err
				}))
				if _, err := NewAuditor(db, "PKR").Check(ctx); err == nil {
					t.Fatal("nobody noticed")
				}
			})
		})
	}
}
