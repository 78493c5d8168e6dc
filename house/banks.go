package house

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// The connected banks and wallets of a demonstration: each is a process of its own,
// known to the rail by its messages and its certificates only. The house starts
// them, admits them as the rail's operator would, tests them, and starts them again
// when they die. Each has the other end of a pipe as its standard input; when the
// house is gone, however it went, the pipe is closed and the process ends.

// bankCustomers is how many customers each of them has, and bankOpening what is on
// their accounts at first, minor units.
const (
	bankCustomers = 3
	bankOpening   = 25_000_000
)

// How long to wait before a process that died is started again: the first time,
// and at most. One that lived for bankSteady begins at the first again.
const (
	bankPause     = 300 * time.Millisecond
	bankPauseMost = 10 * time.Second
	bankSteady    = 30 * time.Second
)

// bankReady is how long a process may take until it says where it listens, and
// bankLeave until it has ended when it was asked to.
const (
	bankReady = 20 * time.Second
	bankLeave = 5 * time.Second
)

// bankActor is who admits the banks of a demonstration.
const bankActor = "system/demo-banks"

// banks are all of them; nil when none are wanted.
type banks struct {
	house *House
	list  []*bankProcess
	turn  chan struct{} // one starts at a time: the first visitor goes first
}

// bankProcess is one of them.
type bankProcess struct {
	country.Bank
	*banks
	dir       string
	customers []bankCustomer

	mu      sync.Mutex
	process *os.Process // nil while it is not there
	live    bool        // it listens and is known to the rail
	since   time.Time   // live
	starts  int
	address string
	in      io.Writer
	waiting map[string]chan bank.Outcome // by wish
	wishes  int

	enrolled bank.Enrolled // at its last start
}

// bankCustomer is one of their customers, whom the directory may know.
type bankCustomer struct {
	country.Citizen
	IBAN string
}

// strangers are people of whom the house knows nothing: they bank elsewhere.
func (h *House) strangers(n int) (list []country.Citizen) {
	known := map[string]bool{}
	for _, c := range h.people.Citizens {
		known[c.Number], known[string(c.Phone)] = true, true
	}
	for _, c := range h.court.Pack.Demo(h.people.Seed+1, country.DemoSize{Citizens: len(h.court.Pack.Personas) + 2*n}).Citizens {
		if c.Persona == "" && !known[c.Number] && !known[string(c.Phone)] && len(list) < n {
			list = append(list, c)
		}
	}
	return list
}

// openBanks prepares the processes; run starts them.
func (h *House) openBanks() (*banks, error) {
	if h.cfg.Demo == nil || len(h.cfg.Demo.Banks) == 0 || h.rail == nil {
		return nil, nil
	}
	b := &banks{house: h, turn: make(chan struct{}, 1)}
	people := h.strangers(bankCustomers * len(h.court.Pack.Connected))
	for i, one := range h.court.Pack.Connected {
		p := &bankProcess{Bank: one, banks: b, dir: filepath.Join(h.cfg.Data, "banks", one.ID), waiting: map[string]chan bank.Outcome{}}
		for n := range bankCustomers {
			iban, err := h.court.Pack.IBAN.Make(one.Code, fmt.Sprintf("%012d", n))
			if err != nil {
				return nil, err
			}
			p.customers = append(p.customers, bankCustomer{people[(i*bankCustomers+n)%len(people)], string(iban)})
		}
		b.list = append(b.list, p)
	}
	return b, nil
}

// one finds a bank by its id.
func (b *banks) one(id string) *bankProcess {
	if b != nil {
		for _, p := range b.list {
			if p.ID == id {
				return p
			}
		}
	}
	return nil
}

// run keeps the processes alive until ctx ends.
func (b *banks) run(ctx context.Context) error {
	if b == nil {
		return nil
	}
	var g errgroup.Group
	for _, p := range b.list {
		g.Go(func() error {
			p.keep(ctx)
			return nil
		})
	}
	return g.Wait()
}

// keep starts the process again whenever it ends.
func (p *bankProcess) keep(ctx context.Context) {
	wait := bankPause
	for {
		began := time.Now()
		err := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > bankSteady {
			wait = bankPause
		}
		p.house.telemetry.Logger.WarnContext(ctx, "a bank's process ended and is started again", "bank", p.ID, "err", err)
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, bankPauseMost)
	}
}

// once is one life of the process.
func (p *bankProcess) once(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	var free sync.Once
	next := func() { free.Do(func() { <-p.turn }) }
	defer next()

	cmd, keys, err := p.command(ctx)
	if err != nil {
		return err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	cmd.Cancel, cmd.WaitDelay = in.Close, bankLeave
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.ID, err)
	}
	p.mu.Lock()
	p.process, p.in = cmd.Process, in
	p.starts++
	p.mu.Unlock()

	lines := bufio.NewScanner(out)
	read := make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		defer close(read)
		p.listen(lines, ready)
	}()
	err = p.introduce(ctx, keys, ready, read)
	if err != nil {
		_ = in.Close()
		if ctx.Err() == nil {
			_ = cmd.Process.Kill()
		}
	}
	next()
	<-read // all was read: only now the process may be waited for
	ended := cmd.Wait()
	p.gone()
	return errors.Join(err, ended)
}

// command is the process with its keys in place.
func (p *bankProcess) command(ctx context.Context) (*exec.Cmd, *bank.Keys, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, nil, err
	}
	now := p.house.court.Clock.Now()
	keys, err := bank.OpenKeys(p.dir, p.BIC, now)
	if err != nil {
		return nil, nil, err
	}
	rail, err := p.house.rooms.payments.OpenRail(ctx)
	if err != nil {
		return nil, nil, err
	}
	shown, signs := rail.Certificates()
	pin := filepath.Join(p.dir, "rail.crt")
	if err := os.WriteFile(pin, []byte(bank.PEM(shown)+bank.PEM(signs)), 0o600); err != nil {
		return nil, nil, err
	}
	pack, how := p.house.court.Pack, p.house.cfg.Demo.Banks
	args := append(append([]string{}, how[1:]...), "participant", "--attended", "--rail", p.house.Rail(), "--rail-cert", pin, "--rail-bic", pack.Rail.BIC, "--service", pack.Rail.Service,
		"--bic", p.BIC, "--participant", p.ID, "--code", p.Code, "--currency", pack.Currency.Code, "--dir", p.dir, "--listen", p.place(ctx), "--customers", "0")
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this program itself
	cmd.Args[0] = how[0]
	return cmd, keys, nil
}

// place is where the process is to listen: where the rail knows it, so that nothing
// changes for the rail when it is started again. Once, when it could not listen
// there, it may listen anywhere.
func (p *bankProcess) place(ctx context.Context) string {
	p.mu.Lock()
	tried := p.address
	p.mu.Unlock()
	known, err := p.house.rooms.payments.Participant(ctx, p.ID)
	if u, wrong := url.Parse(known.Endpoint); err == nil && wrong == nil && u.Host != "" && tried != u.Host {
		p.mu.Lock()
		p.address = u.Host
		p.mu.Unlock()
		return u.Host
	}
	return "127.0.0.1:0"
}

// listen reads what the process says until it says no more.
func (p *bankProcess) listen(lines *bufio.Scanner, ready chan<- string) {
	for lines.Scan() {
		var o bank.Outcome
		if json.Unmarshal(lines.Bytes(), &o) != nil {
			continue
		}
		if o.ID == "" {
			if o.Address != "" {
				select {
				case ready <- o.Address:
				default:
				}
			}
			continue
		}
		p.mu.Lock()
		box := p.waiting[o.ID]
		delete(p.waiting, o.ID)
		p.mu.Unlock()
		if box != nil {
			box <- o
		}
	}
}

// gone: whoever waits for a wish learns that there will be no outcome.
func (p *bankProcess) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process, p.live, p.in = nil, false, nil
	for id, box := range p.waiting {
		close(box)
		delete(p.waiting, id)
	}
}

// introduce makes the process known to the rail, as its operator would.
func (p *bankProcess) introduce(ctx context.Context, keys *bank.Keys, ready <-chan string, read <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, bankReady)
	defer cancel()
	var address string
	select {
	case address = <-ready:
	case <-read:
		return errors.New("it ended before it took messages")
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, c := range p.customers {
		if _, err := p.wish(ctx, bank.Wish{Do: bank.WishOpen, Account: c.IBAN, Name: c.Name.In("en"), Amount: bankOpening,
			Contact: &bank.Contact{NameUrdu: c.Name.In("ur"), Mobile: string(c.Phone), Number: c.Number}}); err != nil {
			return err
		}
	}
	shown, err := x509.ParseCertificate(keys.TLS.Certificate[0])
	if err != nil {
		return err
	}
	if err := p.admit(ctx, address, shown, keys.Sign); err != nil {
		return err
	}
	// The directory is told of its customers. They can be paid by account number without.
	if o, err := p.wish(ctx, bank.Wish{Do: bank.WishEnrol}); err != nil {
		p.house.telemetry.Logger.WarnContext(ctx, "a bank could not tell the directory of its customers", "bank", p.ID, "err", err)
	} else if o.Enrolled != nil {
		p.mu.Lock()
		p.enrolled = *o.Enrolled
		p.mu.Unlock()
	}
	p.mu.Lock()
	p.live, p.since, p.address = true, p.house.court.Clock.Now(), ""
	p.mu.Unlock()
	return nil
}

// admit admits, tests and opens the bank, the first time; later it is tested again,
// so that its health is known. What the operator has decided about it meanwhile
// stays.
func (p *bankProcess) admit(ctx context.Context, address string, shown, signs *x509.Certificate) error {
	room := p.house.rooms.payments
	err := room.Admit(ctx, bankActor, payments.Admission{ID: p.ID, Kind: p.Kind, BIC: p.BIC, Code: p.Code, NameEn: p.Name.In("en"), NameUr: p.Name.In("ur"),
		Endpoint: address, Prefund: payments.Prefund, TLS: shown, Sign: signs})
	if err != nil {
		return err
	}
	for purpose, cert := range map[string]*x509.Certificate{"tls": shown, "sign": signs} { // its folder may be new
		if err := room.Certify(ctx, bankActor, p.ID, purpose, cert); err != nil {
			return err
		}
	}
	known, err := room.Participant(ctx, p.ID)
	if err != nil {
		return err
	}
	open := known.Tested.IsZero() || known.Endpoint != address && !known.Suspended
	if known.Endpoint != address {
		if err := room.Move(ctx, bankActor, p.ID, address); err != nil {
			return err
		}
	}
	if err := room.Examine(ctx, bankActor, p.ID); err != nil || !open {
		return err
	}
	return room.SetStanding(ctx, bankActor, "demo/"+p.house.court.NewID(), p.ID, payments.Standing{})
}

// wish lets a customer of the bank want something, and gives what became of it.
func (p *bankProcess) wish(ctx context.Context, w bank.Wish) (o bank.Outcome, err error) {
	away := fault.New(fault.Unavailable, "demo.banks.away")
	p.mu.Lock()
	if p.in == nil {
		p.mu.Unlock()
		return o, away
	}
	p.wishes++
	w.ID = strconv.Itoa(p.wishes)
	box := make(chan bank.Outcome, 1)
	p.waiting[w.ID] = box
	in := p.in
	p.mu.Unlock()
	defer func() { // whoever went away waits no more
		p.mu.Lock()
		delete(p.waiting, w.ID)
		p.mu.Unlock()
	}()
	text, err := json.Marshal(w)
	if err != nil {
		return o, err
	}
	if _, err := in.Write(append(text, '\n')); err != nil {
		return o, away.Because(err)
	}
	select {
	case o, ok := <-box:
		if !ok {
			return o, away
		}
		if o.Error != "" {
			return o, fault.New(fault.Conflict, "demo.banks.refused").Because(errors.New(o.Error))
		}
		return o, nil
	case <-ctx.Done():
		return o, ctx.Err()
	}
}

// bankState is how a bank's process is.
type bankState struct {
	Process int // 0: none
	Live    bool
	Since   time.Time
	Starts  int

	Enrolled bank.Enrolled
}

func (p *bankProcess) state() (s bankState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s = (bankState{Live: p.live, Since: p.since, Starts: p.starts, Enrolled: p.enrolled}); p.process != nil {
		s.Process = p.process.Pid
	}
	return s
}

// kill ends the process at once, as a crash would.
func (p *bankProcess) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil {
		_ = p.process.Kill()
	}
}
