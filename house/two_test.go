package house

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/store/storetest"
	"sarai/house/journey"
)

// TestTwoProcesses serves one country by two processes on one PostgreSQL behind
// one address. Journeys go on while now one and now the other is killed -9, and
// a board that stays open misses no movement.
func TestTwoProcesses(t *testing.T) {
	database := storetest.Postgres(t)
	ctx, data := t.Context(), t.TempDir()
	front := newSwitch(t)
	pair := make([]*process, 2)
	for i := range pair {
		pair[i] = newProcess(t, child{Data: data, Database: database, Base: "http://" + front.addr})
		if err := pair[i].start(); err != nil {
			t.Fatal(err)
		}
		if err := pair[i].ready(ctx); err != nil {
			t.Fatal(err)
		}
		front.backends = append(front.backends, pair[i].Addr)
	}
	go front.serve()

	k := &killer{process: &process{child: child{Addr: front.addr, Base: "http://" + front.addr, Database: database}}}
	start := time.Now()
	watching, stopWatching := context.WithCancel(ctx)
	screen := watchBoard(watching, t, k.url())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer k.over.Store(true)
		times := 6
		if testing.Short() {
			times = 2
		}
		for i := range times {
			time.Sleep(1500 * time.Millisecond)
			if _, _, err := k.check(ctx); err != nil {
				t.Errorf("the log through the switch: %v", err)
			}
			k.down.Store(true)
			k.count.Add(1)
			pair[i%2].kill()
			time.Sleep(700 * time.Millisecond) // the other one works alone
			if err := pair[i%2].start(); err != nil {
				t.Error(err)
			}
			if err := pair[i%2].ready(ctx); err != nil {
				t.Errorf("process %d: %v", i%2, err)
				return
			}
			k.down.Store(false)
			k.look(t)
		}
	})
	walks, cuts := walkOn(t, k)
	wg.Wait()
	for _, w := range walks {
		k.holds(t, w.Facts(), true)
	}

	moved := movements(t, k, start)
	limit := time.Now().Add(20 * time.Second)
	for screen.missing(moved) != "" && time.Now().Before(limit) {
		time.Sleep(50 * time.Millisecond)
	}
	stopWatching()
	if m := screen.missing(moved); m != "" {
		t.Errorf("the board never showed %s", m)
	}
	served := [2]int64{front.served[0].Load(), front.served[1].Load()}
	if served[0] == 0 || served[1] == 0 {
		t.Errorf("connections went to %v: not both processes served", served)
	}
	if screen.opened.Load() < 2 {
		t.Error("the board's connection was never cut: nothing is proven")
	}
	t.Logf("%d kills in %.1f s, %d journeys, %d steps cut off, connections %v; the board was opened %d times and showed all %d movements",
		k.count.Load(), time.Since(start).Seconds(), len(walks), cuts, served, screen.opened.Load(), len(moved))
	for _, p := range pair {
		if err := p.stop(); err != nil {
			t.Errorf("a server did not end well: %v", err)
		}
	}
	h := openHouse(t, Config{Data: data, Database: database})
	ledgerHolds(t, h)
	noGaps(t, h)
}

// portSwitch gives each connection to the next process that answers.
type portSwitch struct {
	addr     string
	listener net.Listener
	backends []string
	next     atomic.Int64
	served   [2]atomic.Int64
}

func newSwitch(t *testing.T) *portSwitch {
	t.Helper()
	s := &portSwitch{addr: freePort(t)}
	var err error
	if s.listener, err = net.Listen("tcp", s.addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.listener.Close() })
	return s
}

func (s *portSwitch) serve() {
	for {
		in, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.connect(in)
	}
}

func (s *portSwitch) connect(in net.Conn) {
	defer func() { _ = in.Close() }()
	for range s.backends {
		i := int(s.next.Add(1)) % len(s.backends)
		out, err := net.Dial("tcp", s.backends[i])
		if err != nil {
			continue
		}
		s.served[i].Add(1)
		go func() {
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out) // ends when the process is killed
		return
	}
}

// board is a ministry's screen: it opens itself again and says what it saw last.
type board struct {
	mu     sync.Mutex
	seen   map[string]bool
	opened atomic.Int64
}

var movementID = regexp.MustCompile(`id="m-([0-9a-f-]{36}-\d+)"`)

func watchBoard(ctx context.Context, t *testing.T, base string) *board {
	t.Helper()
	s := &board{seen: map[string]bool{}}
	b := journey.NewBrowser(base, "en")
	if p, err := b.PostForm(ctx, "/demo/sign-in", url.Values{"persona": {"minister"}}); err != nil || p.Status != http.StatusOK {
		t.Fatalf("the ministry cannot sign in: %v %v", p, err)
	}
	client := &http.Client{Jar: b.Client().Jar, Transport: &http.Transport{}}
	first := make(chan struct{})
	go func() {
		last := ""
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/live/office?key=icta.dc", nil)
			if err != nil {
				return
			}
			req.Header.Set("Accept", "text/event-stream")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			if last != "" {
				req.Header.Set("Last-Event-ID", last)
			}
			res, err := client.Do(req)
			if err == nil && res.StatusCode == http.StatusOK {
				if s.opened.Add(1) == 1 {
					close(first)
				}
				last = s.read(res.Body, last)
			}
			if err == nil {
				_ = res.Body.Close()
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	select {
	case <-first:
	case <-time.After(20 * time.Second):
		t.Fatal("the board does not open")
	}
	return s
}

// read reads until the connection is cut and gives the last position seen.
func (s *board) read(body io.Reader, last string) string {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 4<<20)
	id := last
	for lines.Scan() {
		line := lines.Text()
		if v, ok := strings.CutPrefix(line, "id:"); ok {
			id = strings.TrimSpace(v)
		}
		s.mu.Lock()
		for _, m := range movementID.FindAllStringSubmatch(line, -1) {
			s.seen[m[1]] = true
		}
		s.mu.Unlock()
		if line == "" {
			last = id // the whole frame has come
		}
	}
	return last
}

// missing is a movement the board has not shown; nothing if it has shown all.
func (s *board) missing(moved []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range moved {
		if !s.seen[m] {
			return m
		}
	}
	return ""
}

// movements are those of the journeys' files since a time.
func movements(t *testing.T, k *killer, since time.Time) (list []string) {
	t.Helper()
	db := k.database(t)
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`select m.file || '-' || m.n from office_movement m where office = 'icta.dc' and kind <> 'open' and at >= $1 order by at`, since.UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var m string
		if err := rows.Scan(&m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
