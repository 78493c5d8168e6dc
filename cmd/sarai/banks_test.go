package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sarai/house/journey"
)

// TestTheBanksOfADemonstration starts the demonstration as its visitor does and
// meets the banks that are processes of their own: money goes to them and comes
// from them, the operator suspends one, one is killed and comes back, and all of
// them end with the demonstration, also when that is killed.
func TestTheBanksOfADemonstration(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("whether a process has ended is read from /proc, which this machine has not")
	}
	d := startDemo(t, t.TempDir())
	ayesha, hina := d.as("ayesha"), d.as("hina")
	first := d.banks()
	if len(first) != 6 {
		t.Fatalf("%d processes: %v", len(first), first)
	}

	// Ayesha pays a customer of a bank, by the account number; the bank takes it.
	accounts := regexp.MustCompile(`PK\d\d[A-Z]{4}\d{16}`).FindAllString(strings.ReplaceAll(d.page(ayesha, "/demo/banks").Text(), " ", ""), -1)
	if len(accounts) != 18 {
		t.Fatal(accounts)
	}
	deosai := accounts[0]
	before := d.free(ayesha)
	paid := d.pays(ayesha, deosai, "1500.00")
	if !strings.Contains(paid.Text(), "Deosai Savings Bank") || before-d.free(ayesha) != 1_500_00 {
		t.Fatalf("%d is left of %d: %s", d.free(ayesha), before, paid.Text())
	}

	// A customer of another bank pays her.
	before = d.free(ayesha)
	if p := d.wish(ayesha, "kirthar/1", "pay", "2750.00"); p.URL.Path != "/wallet" || d.free(ayesha)-before != 2_750_00 {
		t.Fatalf("%d: %s", d.free(ayesha)-before, p.Text())
	}

	// Another asks her for money, and she pays it out of her wallet.
	before = d.free(ayesha)
	if p := d.wish(ayesha, "qasid/2", "ask", "640.00"); p.URL.Path != "/wallet/requests" {
		t.Fatal(p.URL, p.Text())
	}
	request := d.page(ayesha, d.page(ayesha, "/wallet/requests").Link("/wallet/request/"))
	if !strings.Contains(request.Text(), "Qasid wallet") {
		t.Fatal(request.Text())
	}
	if p, err := ayesha.Submit(t.Context(), request, request.FormTo(request.URL.Path+"/pay")); err != nil || p.Heading() != "Paid" || before-d.free(ayesha) != 640_00 {
		t.Fatal(p.Text(), err)
	}

	// She asks a customer of a bank for money, who pays it; another one refuses.
	before = d.free(ayesha)
	asked := d.asks(ayesha, deosai, "310.00")
	if p := d.wish(ayesha, "deosai/1", "answer", ""); p.URL.Path == "/wallet/requests" {
		t.Fatal("somebody answered who was not asked:", p.Text())
	}
	answers := func(customer, what string) func() bool { // once its bank has the request
		return func() bool { return d.wish(ayesha, customer, what, "").URL.Path == "/wallet/requests" }
	}
	d.until("the customer pays", answers("deosai/0", "answer"))
	if d.free(ayesha)-before != 310_00 {
		t.Fatal(d.free(ayesha) - before)
	}
	if p := d.page(ayesha, asked); !strings.Contains(p.Text(), "Deosai Savings Bank") || p.FormTo(asked+"/withdraw") != nil {
		t.Fatal(p.Text())
	}
	asked = d.asks(ayesha, accounts[4], "20.00")
	d.until("the customer refuses", answers("kirthar/1", "refuse"))
	d.until("she reads why", func() bool { return strings.Contains(d.page(ayesha, asked).Text(), "I do not want to pay this") })

	// The operator sees that it answers, and suspends it: nothing is paid then.
	d.until("the operator sees that a bank answers", func() bool {
		shown := d.page(hina, "/pay/operate/participant/kirthar").Text()
		return strings.Contains(shown, "State Open") && strings.Count(shown, "Never") == 1 // it has not failed to
	})
	d.standing(hina, "kirthar", "suspended")
	before = d.free(ayesha)
	if p := d.wish(ayesha, "kirthar/1", "pay", "10.00"); p.URL.Path == "/wallet" || d.free(ayesha) != before {
		t.Fatal(p.Text())
	}
	if p := d.tries(ayesha, accounts[3], "10.00"); !strings.Contains(p.Text(), "cannot be reached") {
		t.Fatal(p.Text())
	}
	d.standing(hina, "kirthar", "open")

	// A bank is killed. Whoever pays one of its customers is told, and keeps the money.
	kill(t, first["deosai"], syscall.SIGKILL)
	gone(t, first["deosai"])
	before = d.free(ayesha)
	p := d.tries(ayesha, deosai, "20.00")
	if left := before - d.free(ayesha); left != 0 && left != 20_00 { // it may have come back already
		t.Fatalf("%d: %s", left, p.Text())
	}
	again := d.banks()
	if again["deosai"] == first["deosai"] || again["ravi"] != first["ravi"] {
		t.Fatal(first, again)
	}
	before = d.free(ayesha)
	d.pays(ayesha, deosai, "30.00")
	if before-d.free(ayesha) != 30_00 {
		t.Fatal(before, d.free(ayesha))
	}
	d.until("the operator sees that it answers again", func() bool {
		return strings.Contains(d.page(hina, "/pay/operate/participant/deosai").Text(), "State Open")
	})

	// The demonstration is killed: nobody is left. Started anew, it finds its banks.
	kill(t, d.cmd.Process.Pid, syscall.SIGKILL)
	_ = d.cmd.Wait()
	for _, pid := range again {
		gone(t, pid)
	}
	d = startDemo(t, d.dir)
	ayesha = d.as("ayesha")
	last := d.banks()
	if p := d.wish(ayesha, "deosai/0", "pay", "1530.00"); p.URL.Path != "/wallet" {
		t.Fatal(p.Text())
	}

	// It is asked to end, and they end with it.
	kill(t, d.cmd.Process.Pid, syscall.SIGTERM)
	if err := d.cmd.Wait(); err != nil {
		t.Fatalf("the demonstration did not end well: %v\n%s", err, d.said.String())
	}
	for _, pid := range last {
		gone(t, pid)
	}
}

// aDemo is a running demonstration.
type aDemo struct {
	*testing.T
	dir, base string
	cmd       *exec.Cmd
	said      *bytes.Buffer
}

// startDemo starts one and waits until all its banks are there.
func startDemo(t *testing.T, dir string) *aDemo {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	d := &aDemo{T: t, dir: dir, base: "http://" + addr, said: &bytes.Buffer{}}
	d.cmd = exec.Command(self, "demo", "--size", "small", "--data", dir, "--addr", addr) //nolint:gosec // this program itself
	d.cmd.Args[0] = "sarai"
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(dir, "banks", "*", "log"))
			for _, name := range logs {
				text, _ := os.ReadFile(name)
				t.Logf("%s: %.1000s", name, text)
			}
		}
	})
	d.until("the demonstration answers", func() bool {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return d
}

func (d *aDemo) until(what string, so func() bool) {
	d.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.Fatalf("it does not happen that %s", what)
		}
	}
}

// banks waits until all are live and gives their processes.
func (d *aDemo) banks() (pids map[string]int) {
	d.Helper()
	b := journey.NewBrowser(d.base, "en")
	d.until("all banks are there", func() bool {
		pids = map[string]int{}
		for _, m := range regexp.MustCompile(`data-process="(\d+)" data-bank="(\w+)" data-live="true"`).FindAllStringSubmatch(string(d.page(b, "/demo/banks").Body), -1) {
			pids[m[2]], _ = strconv.Atoi(m[1])
		}
		return len(pids) == 6
	})
	return pids
}

func (d *aDemo) as(persona string) *journey.Browser {
	d.Helper()
	b := journey.NewBrowser(d.base, "en")
	if p, err := b.PostForm(d.Context(), "/demo/sign-in", url.Values{"persona": {persona}}); err != nil || p.Status != http.StatusOK {
		d.Fatal(p, err)
	}
	return b
}

func (d *aDemo) page(b *journey.Browser, address string) *journey.Page {
	d.Helper()
	p, err := b.Get(d.Context(), address)
	if err != nil || p.Status != http.StatusOK {
		d.Fatal(address, p, err)
	}
	return p
}

// tries goes through the pages of a payment as far as they lead.
func (d *aDemo) tries(b *journey.Browser, to, amount string) *journey.Page {
	d.Helper()
	p := d.page(b, "/wallet/pay")
	f := p.FormWith("to")
	if f == nil {
		d.Fatal(p.Text())
	}
	p, err := b.Submit(d.Context(), p, f.Set("to", to))
	if err != nil {
		d.Fatal(err)
	}
	if f = p.FormWith("amount"); f == nil {
		return p
	}
	if p, err = b.Submit(d.Context(), p, f.Set("amount", amount)); err != nil {
		d.Fatal(err)
	}
	return p
}

func (d *aDemo) pays(b *journey.Browser, to, amount string) *journey.Page {
	d.Helper()
	p := d.tries(b, to, amount)
	if !strings.HasPrefix(p.URL.Path, "/wallet/payment/") || p.Heading() != "Paid" {
		d.Fatalf("%s %q: %s", p.URL, p.Heading(), p.Text())
	}
	return p
}

// asks gives the page of a request for money.
func (d *aDemo) asks(b *journey.Browser, whom, amount string) string {
	d.Helper()
	p := d.page(b, "/wallet/ask")
	p, err := b.Submit(d.Context(), p, p.FormWith("to").Set("to", whom))
	if err != nil || p.FormWith("amount") == nil {
		d.Fatal(p.Text(), err)
	}
	p, err = b.Submit(d.Context(), p, p.FormWith("amount").Set("amount", amount).Set("purpose", "Cricket bats").Set("until", "7"))
	if err != nil || !strings.HasPrefix(p.URL.Path, "/wallet/request/") {
		d.Fatal(p.Text(), err)
	}
	return p.URL.Path
}

// free is what can be paid out of somebody's first account, minor units.
func (d *aDemo) free(b *journey.Browser) int64 {
	d.Helper()
	text := d.page(b, "/wallet").Text()
	m := regexp.MustCompile(`Rs\s?([\d,]+\.\d\d)`).FindStringSubmatch(text)
	if m == nil {
		d.Fatal(text)
	}
	n, err := strconv.ParseInt(strings.NewReplacer(",", "", ".", "").Replace(m[1]), 10, 64)
	if err != nil {
		d.Fatal(err)
	}
	return n
}

// wish lets a customer of a bank do something for whoever is signed in.
func (d *aDemo) wish(b *journey.Browser, customer, what, amount string) *journey.Page {
	d.Helper()
	p := d.page(b, "/demo/banks")
	p, err := b.Submit(d.Context(), p, p.FormWith("customer").Set("customer", customer).Set("what", what).Set("amount", amount))
	if err != nil {
		d.Fatal(err)
	}
	return p
}

func (d *aDemo) standing(b *journey.Browser, participant, state string) {
	d.Helper()
	p := d.page(b, "/pay/operate/participant/"+participant)
	if p, err := b.Submit(d.Context(), p, p.FormWith("state").Set("state", state)); err != nil || p.Status != http.StatusOK {
		d.Fatal(p, err)
	}
}

func kill(t *testing.T, pid int, by syscall.Signal) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(by)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// gone waits until a process is there no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(state, []byte(") Z ")) { // Z: dead, and nobody has asked how
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("process %d is still there", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freeAddress is below the ports that outgoing connections take, so that it stays
// free while nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("localhost:%d", 20_000+rand.IntN(12_000)) //nolint:gosec // a port
		if l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}
