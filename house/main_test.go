package house

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sarai/courtyard/keys/keystest"
	"sarai/house/journey"
)

// childEnv makes the test's program a server: it carries a child in JSON.
const childEnv = "SARAI_HOUSE_CHILD"

// child is how a server process of a test is set up.
type child struct {
	Data, Database, Addr, Base string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := serveChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	h, err := Open(ctx, c.config())
	if err != nil {
		return err
	}
	return h.Run(ctx)
}

// config is what the child, and the test that looks at its data, open.
func (c child) config() Config {
	return Config{Data: c.Data, Database: c.Database, Addr: c.Addr, Base: c.Base, Demo: &Demo{Seed: 1, Small: true}, Pace: -1}
}

// process is a server in a process of its own, to be killed.
type process struct {
	child
	log string // file the child's words go to

	mu  sync.Mutex
	cmd *exec.Cmd
}

// newProcess prepares a child on a fixed port of its own.
func newProcess(t testing.TB, c child) *process {
	t.Helper()
	if c.Addr == "" {
		c.Addr = freePort(t)
	}
	p := &process{child: c, log: filepath.Join(t.TempDir(), "child.log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("what the server said at last:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return p
}

func (p *process) url() string {
	if p.Base != "" {
		return p.Base
	}
	return "http://" + p.Addr
}

// start starts the child; ready waits for it.
func (p *process) start() error {
	text, err := json.Marshal(p.child)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // this program itself
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	return nil
}

// ready waits until the child itself says that it is.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Addr+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.New("the server does not become ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill is kill -9; nothing happens when the child is not running.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// stop asks the child to end, and expects that it does.
func (p *process) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if ending := p.cmd.Wait(); err == nil {
		err = ending
	}
	p.cmd = nil
	return err
}

// freePort is an address below the ports that outgoing connections take, so
// that it stays free while nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("localhost:%d", 20_000+rand.IntN(12_000)) //nolint:gosec // a port
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// silence keeps the log of houses inside the test's process to itself.
func silence(t testing.TB) {
	t.Helper()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
}

// openHouse opens a village in this process on a free port and lets it run
// until the test ends.
func openHouse(t testing.TB, cfg Config) *House {
	t.Helper()
	silence(t)
	if cfg.Addr == "" {
		cfg.Addr = "localhost:0"
	}
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	if cfg.LogOut == nil {
		cfg.LogOut = io.Discard
	}
	cfg.Pace, cfg.provider = -1, keystest.Provider()
	if cfg.Demo == nil {
		cfg.Demo = &Demo{Seed: 1, Small: true}
	}
	h, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the house did not end well: %v", err)
		}
	})
	return h
}

// eachEngine runs a test on both; data is left out of the PostgreSQL URL.
func eachEngine(t *testing.T, test func(t *testing.T, database func(testing.TB) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, func(testing.TB) string { return "" }) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres) })
}

// goWalk walks a whole journey and fails at the first step that does not hold.
func goWalk(t *testing.T, o journey.Options) *journey.Walk {
	t.Helper()
	w, err := journey.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range w.Steps() {
		lines, err := step.Walk(t.Context())
		if err != nil {
			t.Fatalf("step %d, %s: %v", step.Number, step.Name, err)
		}
		if len(lines) == 0 {
			t.Errorf("step %d, %s, proves nothing", step.Number, step.Name)
		}
	}
	return w
}

// persona is a browser signed in as somebody of the demonstration.
func persona(t testing.TB, h *House, who, lang string) *journey.Browser {
	t.Helper()
	b := journey.NewBrowser(h.Base(), lang)
	p, err := b.PostForm(t.Context(), "/demo/sign-in", url.Values{"persona": {who}})
	if err != nil || p.Status != http.StatusOK {
		t.Fatalf("%s cannot sign in: %v %v", who, p, err)
	}
	return b
}

// open opens a page and expects a status.
func open(t testing.TB, b *journey.Browser, address string, status int) *journey.Page {
	t.Helper()
	p, err := b.Get(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != status {
		t.Fatalf("%s answers %d, not %d: %s", address, p.Status, status, brief(p.Text()))
	}
	return p
}

func brief(s string) string {
	if len(s) > 500 {
		s = s[:500] + " ..."
	}
	return strings.TrimSpace(s)
}
