package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sarai/courtyard/clock"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments/ledger"
)

// server is a PostgreSQL of the test's own, which it may crash.
type server struct {
	bin, dir, data string
	port           int
	as             []string
}

func startServer(t *testing.T) *server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("PostgreSQL is not installed: its crash is not tested")
	}
	dir, err := os.MkdirTemp("", "sarai-crash")
	must(t, err)
	s := &server{bin: filepath.Dir(found[len(found)-1]), dir: dir, data: filepath.Join(dir, "data")}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		s.as = []string{"runuser", "-u", "postgres", "--"}
		must(t, exec.Command("chown", "postgres", dir).Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.port = l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	t.Cleanup(func() { _ = s.run("pg_ctl", "-D", s.data, "-m", "immediate", "stop"); _ = os.RemoveAll(dir) })
	if err := s.run("initdb", "-D", s.data, "-U", "sarai", "-A", "trust", "-E", "UTF8", "--no-locale"); err != nil {
		t.Skipf("PostgreSQL cannot be started here: %v", err)
	}
	must(t, s.start())
	return s
}

func (s *server) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	if len(s.as) > 0 {
		cmd = exec.Command(s.as[0], append(append(s.as[1:], filepath.Join(s.bin, name)), args...)...) //nolint:gosec // a test's own command
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, io.Discard, io.Discard
	return cmd.Run()
}

func (s *server) start() error {
	return s.run("pg_ctl", "-D", s.data, "-l", filepath.Join(s.dir, "log"), "-w", "-t", "60", "-o",
		fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s", s.port, s.dir), "start")
}

// TestTheDatabaseCrashes stops PostgreSQL at once (all its processes end where
// they are) while 16 clients pay, and starts it again. The clients repeat a
// request that failed with the same key until it is answered. Afterwards every
// payment is there once.
func TestTheDatabaseCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s := startServer(t)
	db, q := town(t, fmt.Sprintf("postgres://sarai@127.0.0.1:%d/postgres?sslmode=disable", s.port), clock.System)
	must(t, rich(db))
	ctx := context.Background()
	var done, repeated atomic.Int64
	var stop atomic.Bool
	var mu sync.Mutex
	paid := map[string]bool{}
	patiently := func(step ledger.Step) (ledger.Row, bool) {
		for try := 0; ; try++ {
			rows, err := q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{step}})
			if err == nil {
				return rows[0], true
			}
			if repeated.Add(1); try > 400 {
				t.Error("no answer:", err)
				return ledger.Row{}, false
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for !stop.Load() {
				name := id.New()
				row, ok := patiently(killReserve(name, name))
				if !ok || !row.Accepted() {
					t.Errorf("reserve: %+v", row)
					return
				}
				row, ok = patiently(ledger.Step{Kind: ledger.Commit, Transfer: row.Transfer})
				// A repetition of a commit whose answer was lost finds it done.
				if !ok || (!row.Accepted() && row.Reason != ledger.Duplicate) {
					t.Errorf("commit: %+v", row)
					return
				}
				done.Add(1)
				mu.Lock()
				paid[name] = true
				mu.Unlock()
			}
		})
	}
	const crashes = 4
	for range crashes {
		time.Sleep(700 * time.Millisecond)
		must(t, s.run("pg_ctl", "-D", s.data, "-m", "immediate", "stop"))
		must(t, s.start())
	}
	time.Sleep(700 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	must(t, q.Settle(ctx, "PKR"))
	t.Logf("%d crashes, %d payments, %d requests repeated", crashes, done.Load(), repeated.Load())
	holds(t, db, q)
	committed := map[string]bool{}
	must(t, db.View(ctx, func(tx *store.Tx) error {
		list, err := store.List(tx, store.Value[string], "select id from payments_transfer where kind = 'transfer' and phase = 'committed'")
		for _, name := range list {
			committed[name] = true
		}
		return err
	}))
	for name := range paid {
		if !committed[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	if len(committed) != len(paid) {
		t.Errorf("%d payments are in the ledger and %d were made", len(committed), len(paid))
	}
}

const fullChild = "SARAI_LEDGER_FULL"

// TestTheDiskIsFull runs a writer that may write no file longer than two
// megabytes. When there is no more room it answers with errors, and what it had
// acknowledged is there; a writer with room goes on.
func TestTheDiskIsFull(t *testing.T) {
	url := storetest.SQLite(t)
	db, _ := town(t, url, clock.System)
	must(t, rich(db))
	must(t, db.Close())
	cmd := exec.Command("sh", "-c", `ulimit -f 4000; exec "$0" -test.run '^TestFullChild$' -test.v`, os.Args[0]) //nolint:gosec // this program; 512-byte blocks
	cmd.Env = append(os.Environ(), fullChild+"="+url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	reserved, committed, refused := map[string]bool{}, map[string]bool{}, 0
	for line := range strings.Lines(string(out)) {
		what, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case what == "E":
			refused++
		case what == "R" && len(name) == 36:
			reserved[name] = true
		case what == "C" && len(name) == 36:
			committed[name] = true
		}
	}
	if len(committed) == 0 || refused == 0 {
		t.Fatalf("%d payments and %d errors: the disk never filled\n%s", len(committed), refused, out)
	}
	t.Logf("%d payments before the disk was full, then %d errors", len(committed), refused)
	checkKilled(t, url, reserved, committed)
}

// TestFullChild is the process whose disk is full.
func TestFullChild(t *testing.T) {
	url := os.Getenv(fullChild)
	if url == "" {
		t.Skip("run by TestTheDiskIsFull")
	}
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	q := NewSequencer(db, karachi, nil)
	say := func(what string, v any) { _, _ = fmt.Fprintln(os.Stdout, what, v) }
	for failed := 0; failed < 20; {
		name := id.New()
		rows, err := q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{killReserve(name, name)}})
		if err == nil && !rows[0].Accepted() {
			err = errors.New(string(rows[0].Reason))
		}
		if err != nil {
			failed++
			say("E", err)
			continue
		}
		say("R", name)
		if rows, err = q.Do(ctx, Work{Currency: "PKR", Quiet: true, Steps: []ledger.Step{{Kind: ledger.Commit, Transfer: name}}}); err != nil {
			failed++
			say("E", err)
		} else if rows[0].Accepted() {
			say("C", name)
		}
	}
}

// TestTheClockJumps sets the clock back and forth: rows keep their order, keys
// their answers, and a reservation ends by the clock of whoever decides.
func TestTheClockJumps(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx, now := context.Background(), clock.At(noon)
		db, q := town(t, url, now)
		pay := func(key string) ledger.Row {
			rows, err := q.Do(ctx, Work{Currency: "PKR", Steps: []ledger.Step{reserveStep("t-"+key+now.Now().String(), key, "ayesha", "bakery", 1_00, now.Now().Add(20*time.Second)), {Kind: ledger.Commit, Transfer: "t-" + key + now.Now().String()}}})
			must(t, err)
			return rows[0]
		}
		first := pay("k1")
		for _, jump := range []time.Duration{-time.Hour, 13 * time.Hour, -14 * time.Hour, time.Second} {
			now.Advance(jump)
			if again := pay("k1"); !again.Replayed || again.Seq != first.Seq {
				t.Errorf("after a jump of %v the key has another answer: %+v", jump, again)
			}
			if fresh := pay("k" + jump.String()); fresh.Replayed || !fresh.Accepted() || fresh.Seq <= first.Seq {
				t.Errorf("after a jump of %v: %+v", jump, fresh)
			}
		}
		if have, held := balance(t, db, "bakery"); have != 85_00 || held != 0 {
			t.Error(have, held)
		}
		holds(t, db, q)
	})
}
