package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/rooms/payments/bank"
)

// participantCommand is a bank at the rail, which knows it by messages only.
type participantCommand struct {
	Rail      string        `help:"Where the rail takes messages." placeholder:"https://HOST:PORT/iso20022"`
	RailBIC   string        `name:"rail-bic" help:"The rail's BIC." default:"SRAIPKKA"`
	RailCert  string        `name:"rail-cert" help:"File with the rail's two certificates, PEM: the one it shows, then the one it signs with (GET /api/payments/rail)." placeholder:"FILE"`
	Service   string        `help:"Business service in the headers of messages." default:"sarai.instant.1"`
	BIC       string        `help:"BIC of this participant, eight characters." required:"" placeholder:"BIC"`
	Code      string        `help:"Code inside its customers' IBANs; the first four letters of the BIC unless given." placeholder:"CODE"`
	Currency  string        `help:"Currency of the accounts." default:"PKR"`
	Listen    string        `help:"Address on which the rail's messages are taken." default:"localhost:0" placeholder:"HOST:PORT"`
	Dir       string        `help:"Folder of its keys, certificates and books." required:"" type:"path" placeholder:"DIR"`
	Customers int64         `help:"Accounts to open, numbered from 0." default:"100"`
	Balance   int64         `help:"What each account begins with, in minor units." default:"100000000"`
	Load      int           `help:"Payments to others to make in a second; 0 for none." default:"0" placeholder:"N"`
	Clients   int           `help:"Payments under way at once, at most." default:"64"`
	For       time.Duration `help:"How long to make payments; without end when 0." default:"0s"`
	To        []string      `help:"BIC of another participant to pay, whose customers are numbered alike." placeholder:"BIC"`
	Delay     time.Duration `help:"Wait before each answer, to be a slow bank." default:"0s"`
	Refuse    int           `help:"Of a thousand payments, refuse so many." default:"0"`
	Silent    bool          `help:"Give no answers, to be a dead bank."`
	ID        string        `name:"participant" help:"Id of this participant at the rail: the rail's directory is told of the customers then, so that they can be paid by name and number." placeholder:"ID"`
	Mobiles   string        `help:"The customers have mobile numbers: this beginning, then their number, filled up to thirteen characters. With --participant the directory is told of them." placeholder:"+92399"`
	Attended  bool          `help:"Take wishes of customers from standard input, say what became of them on standard output, a JSON object a line, and end when the input ends."`
}

// Run serves until the process is asked to stop.
func (c participantCommand) Run(ctx context.Context, out io.Writer) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	keys, err := bank.OpenKeys(c.Dir, c.BIC, time.Now())
	if err != nil {
		return err
	}
	for name, der := range map[string][]byte{"tls.crt": keys.TLS.Certificate[0], "sign.crt": keys.Sign.Raw} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(bank.PEM(der)), 0o644); err != nil { //nolint:gosec // to be handed over
			return err
		}
	}
	if c.Rail == "" || c.RailCert == "" {
		_, _ = fmt.Fprintf(out, "# %s: hand these to the rail's operator, then start again with --rail and --rail-cert\n# shown to the rail\n%s# signs messages\n%s", c.BIC, bank.PEM(keys.TLS.Certificate[0]), bank.PEM(keys.Sign.Raw))
		return nil
	}
	text, err := os.ReadFile(c.RailCert)
	if err != nil {
		return err
	}
	certs, err := bank.Certificates(text)
	if err != nil {
		return err
	}
	if len(certs) != 2 {
		return fmt.Errorf("%s: two certificates are wanted, the one the rail shows and the one it signs with; it has %d", c.RailCert, len(certs))
	}
	code := c.code(c.BIC)
	if c.Code != "" {
		code = c.Code
	}
	b, err := bank.Open(bank.Config{Dir: c.Dir, BIC: c.BIC, Currency: c.Currency, Service: c.Service, Certificate: keys.TLS, Signer: keys.Signer,
		RailBIC: c.RailBIC, RailURL: c.Rail, RailTLS: certs[0], RailSign: certs[1], Participant: c.ID, Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	var opening errgroup.Group
	opening.SetLimit(256)
	for n := range c.Customers {
		opening.Go(func() error {
			iban := bank.IBAN(c.BIC[4:6], code, n)
			if err := b.OpenAccount(iban, fmt.Sprintf("Customer %d", n), c.Balance); err != nil || c.ID == "" {
				return err
			}
			return b.Let(iban, bank.Contact{Mobile: c.mobile(n)})
		})
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	b.Behave(bank.Mood{Delay: c.Delay, Refuse: c.Refuse, Silent: c.Silent})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	address := "https://" + l.Addr().String() + "/"
	if !c.Attended {
		_, _ = fmt.Fprintf(out, "%s takes messages at %s and has %d customers, %s to %s\n", c.BIC, address, c.Customers, bank.IBAN(c.BIC[4:6], code, 0), bank.IBAN(c.BIC[4:6], code, c.Customers-1))
	}
	server := &http.Server{Handler: b.Handler(), TLSConfig: b.TLS(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Run(ctx) })
	if c.ID != "" && !c.Attended {
		g.Go(func() error {
			c.enrol(ctx, out, b)
			return nil
		})
	}
	if c.Attended {
		// A key pressed at a terminal is for who started us, and finishes payments first.
		signal.Ignore(os.Interrupt)
		g.Go(func() error { return b.Attend(ctx, address, os.Stdin, out) })
	}
	g.Go(func() error {
		if err := server.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	done := errors.New("the load is over")
	if c.Load > 0 {
		g.Go(func() error {
			c.load(ctx, out, b, code)
			if c.For > 0 && ctx.Err() == nil {
				return done
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if server.Shutdown(last) != nil {
			return server.Close()
		}
		return nil
	})
	if err := g.Wait(); errors.Is(err, bank.ErrLeft) || c.Attended && err == nil {
		return nil // nobody is there to be told
	} else if err != nil && !errors.Is(err, done) {
		return err
	}
	t := b.Total()
	_, _ = fmt.Fprintf(out, "%s: sent %d payments, %d; received %d, %d; returned %d, refused %d, open %d; position %d\n", c.BIC, t.SentN, t.Sent, t.Receives, t.Received, t.Returned, t.Refused, t.Open, t.Position())
	return nil
}

// mobileLength is how many characters the mobile numbers of --mobiles have.
const mobileLength = 13

func (c participantCommand) mobile(customer int64) string {
	if c.Mobiles == "" {
		return ""
	}
	return fmt.Sprintf("%s%0*d", c.Mobiles, max(mobileLength-len(c.Mobiles), 1), customer)
}

// enrolPause is how long to wait before the directory is told again of customers, when it
// could not be: the operator may not have admitted this participant yet.
const enrolPause = 5 * time.Second

// enrol tells the directory of the customers, as soon as it can be told.
func (c participantCommand) enrol(ctx context.Context, out io.Writer, b *bank.Bank) {
	for said := false; ctx.Err() == nil; said = true {
		done, err := b.Enrol(ctx)
		if err == nil {
			_, _ = fmt.Fprintf(out, "%s: the directory has %d numbers of customers, %d of them new; it did not take %d\n", c.BIC, done.Linked+done.Kept, done.Linked, done.Refused)
			return
		}
		if !said {
			_, _ = fmt.Fprintf(out, "%s: the directory was not told of customers, %v; trying again\n", c.BIC, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(enrolPause):
		}
	}
}

func (participantCommand) code(bic string) string { return bic[:min(4, len(bic))] }

// load makes payments at a rate and prints figures each second.
func (c participantCommand) load(ctx context.Context, out io.Writer, b *bank.Bank, code string) {
	if len(c.To) == 0 {
		_, _ = fmt.Fprintln(out, "name whom to pay with --to BIC")
		return
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	var mu sync.Mutex
	var took []time.Duration
	refused := map[string]int{}
	due := make(chan struct{}, c.Clients)
	var wg sync.WaitGroup
	for range c.Clients {
		wg.Go(func() {
			for range due {
				to := c.To[rand.IntN(len(c.To))] //nolint:gosec // a crowd
				began := time.Now()
				p, err := b.Pay(ctx, bank.Order{From: bank.IBAN(c.BIC[4:6], code, rand.Int64N(c.Customers)), To: bank.IBAN(to[4:6], c.code(to), rand.Int64N(c.Customers)), Bank: to, Name: "Customer", Amount: 1 + rand.Int64N(500_00)}) //nolint:gosec // a crowd
				mu.Lock()
				switch {
				case err != nil:
					refused[strings.TrimPrefix(err.Error(), "bank: ")]++
				case p.State == bank.Settled:
					took = append(took, time.Since(began))
				default:
					refused[p.State+" "+p.Reason]++
				}
				mu.Unlock()
			}
		})
	}
	tick, second := time.NewTicker(10*time.Millisecond), time.NewTicker(time.Second)
	defer tick.Stop()
	defer second.Stop()
	began, sent := time.Now(), 0
	for run := true; run; {
		select {
		case <-ctx.Done():
			run = false
		case <-second.C:
			mu.Lock()
			list, no := took, refused
			took, refused = nil, map[string]int{}
			mu.Unlock()
			slices.Sort(list)
			if n := len(list); n > 0 {
				_, _ = fmt.Fprintf(out, "%d payments/s, p50 %v, p99 %v, others %v\n", n, list[n/2].Round(time.Millisecond), list[n*99/100].Round(time.Millisecond), no)
			} else {
				_, _ = fmt.Fprintf(out, "0 payments/s, others %v\n", no)
			}
		case <-tick.C:
			for ; sent < int(time.Since(began)*time.Duration(c.Load)/time.Second); sent++ {
				select {
				case due <- struct{}{}:
				default: // all clients are at work: the rate is not reached
				}
			}
		}
	}
	close(due)
	wg.Wait()
}
