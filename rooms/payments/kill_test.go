package payments

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

const (
	killChild = "SARAI_LEDGER_CHILD" // address of the database; makes this program the one to be killed
	killCount = "SARAI_LEDGER_KILLS"
)

// TestTheWriterIsKilled lets a process of its own write to the ledger for 24
// clients and kills it (signal 9) at a random moment, again and again. What was
// acknowledged is there once, what was not acknowledged is there whole or not at
// all and is found again by its key, and the whole ledger fits together. 1,000
// kills an engine:
//
//	SARAI_LEDGER_KILLS=1000 scripts/with-postgres --disk go test -run TestTheWriterIsKilled -timeout 60m ./rooms/payments
func TestTheWriterIsKilled(t *testing.T) {
	t.Parallel()
	kills := 12
	if n, err := strconv.Atoi(os.Getenv(killCount)); err == nil {
		kills = n
	}
	booked.EachURL(t, func(t *testing.T, url string) {
		db, _ := town(t, url, clock.System)
		must(t, rich(db))
		must(t, db.Close())              // on SQLite one process at a time
		r := rand.New(rand.NewPCG(3, 9)) //nolint:gosec // a script
		reserved, committed := map[string]bool{}, map[string]bool{}
		var worst time.Duration
		for n := range kills {
			began := time.Now()
			p := startChild(t, url)
			first, ok := <-p.said
			if !ok {
				t.Fatalf("process %d ended before it was killed:\n%s", n, p.stderr.String())
			}
			worst = max(worst, time.Since(began))
			take := func(line string) {
				if what, name, ok := strings.Cut(line, " "); ok && what == "R" {
					reserved[name] = true
				} else if ok && what == "C" {
					committed[name] = true
				}
			}
			take(first)
			end := time.After(time.Duration(r.IntN(120_000)) * time.Microsecond)
		listen:
			for {
				select {
				case line := <-p.said:
					take(line)
				case <-end:
					break listen
				}
			}
			must(t, p.cmd.Process.Kill())
			for line := range p.said {
				take(line) // what it had said before it died
			}
			_ = p.cmd.Wait()
		}
		t.Logf("%d kills, %d reservations and %d commits acknowledged; the next writer served after %v at the latest, its start included", kills, len(reserved), len(committed), worst.Round(time.Millisecond))
		if worst > 3*time.Second && os.Getenv(killCount) != "" {
			t.Errorf("a writer took %v to serve", worst)
		}
		checkKilled(t, url, reserved, committed)
	})
}

func checkKilled(t *testing.T, url string, reserved, committed map[string]bool) {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer db.Close()
	q := NewSequencer(db, karachi, nil)
	must(t, q.Open(ctx, "PKR"))
	must(t, q.Settle(ctx, "PKR"))
	holds(t, db, q)
	phases := map[string]ledger.Phase{}
	must(t, db.View(ctx, func(tx *store.Tx) error {
		_, err := store.List(tx, func(scan store.Scan) (struct{}, error) {
			var name string
			var phase ledger.Phase
			err := scan(&name, &phase)
			phases[name] = phase
			return struct{}{}, err
		}, "select id, phase from payments_transfer where kind = 'transfer'")
		return err
	}))
	lost := 0
	for name := range reserved {
		if lost++; phases[name] != "" {
			lost--
		} else if lost < 10 {
			t.Errorf("reservation %s was acknowledged and is lost", name)
		}
	}
	for name := range committed {
		if lost++; phases[name] == ledger.Committed {
			lost--
		} else if lost < 20 {
			t.Errorf("payment %s was acknowledged and is %q", name, phases[name])
		}
	}
	// Each key got one answer, and asking again gives it: also for those whose
	// answer nobody heard.
	n := 0
	for name, phase := range phases {
		if n++; n > 500 {
			break
		}
		rows, err := q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{killReserve("another-"+name, name)}})
		if fault.Is(err, fault.Conflict) {
			t.Fatalf("%s: %v", name, err)
		}
		must(t, err)
		if !rows[0].Replayed || rows[0].Transfer != name {
			t.Fatalf("the key of %s (%s) gave %+v", name, phase, rows[0])
		}
	}
}

// killReserve is the request with a key; its amount follows from the key.
func killReserve(transfer, key string) ledger.Step {
	sum := hashKey("", key)
	return ledger.Step{Kind: ledger.Reserve, Transfer: transfer, Party: "kill", Key: key, Debit: "ayesha", Credit: "bakery", Amount: 1 + int64(sum[0]), Currency: "PKR",
		Expires: time.Now().Add(time.Hour), Fresh: true}
}

// rich gives the town money for any test.
func rich(db *store.DB) error {
	_, err := NewSequencer(db, karachi, nil).Do(context.Background(), Work{Currency: "PKR", Steps: []ledger.Step{
		{Kind: ledger.Post, Debit: "own-a", Credit: "ayesha", Amount: 1e12, Currency: "PKR"}, {Kind: ledger.Post, Debit: "issuing", Credit: "settle-a", Amount: 1e12, Currency: "PKR"}}})
	return err
}

type child struct {
	cmd    *exec.Cmd
	said   chan string
	stderr *strings.Builder
}

func startChild(t *testing.T, url string) *child {
	t.Helper()
	p := &child{cmd: exec.Command(os.Args[0], "-test.run", "^TestLedgerChild$", "-test.v"), said: make(chan string, 1024), stderr: &strings.Builder{}}
	p.cmd.Env = append(os.Environ(), killChild+"="+url)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		defer close(p.said)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return // a line that was cut off was not said
			}
			if what, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && (what == "R" || what == "C") && len(name) == 36 {
				p.said <- what + " " + name
			}
		}
	}()
	return p
}

// TestLedgerChild is the process that is killed.
func TestLedgerChild(t *testing.T) {
	url := os.Getenv(killChild)
	if url == "" {
		t.Skip("run by TestTheWriterIsKilled")
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	must(t, err)
	q := NewSequencer(db, karachi, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	var mu sync.Mutex
	say := func(what, name string) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(os.Stdout, what+" "+name+"\n")
	}
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for {
				name := id.New()
				rows, err := q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{killReserve(name, name)}})
				if err != nil || !rows[0].Accepted() {
					fmt.Fprintln(os.Stderr, "reserve", rows, err)
					os.Exit(3)
				}
				say("R", name)
				rows, err = q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: name}}})
				if err != nil || !rows[0].Accepted() {
					fmt.Fprintln(os.Stderr, "commit", rows, err)
					os.Exit(3)
				}
				say("C", name)
			}
		})
	}
	wg.Wait()
}
