package bank

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sarai/rooms/payments/wire"
	"sarai/rooms/payments/xmldsig"
)

// Config is what a bank is.
type Config struct {
	Dir      string // the journal lies here
	BIC      string // ISO 9362, eight characters
	Currency string // ISO 4217
	Service  string // BizSvc of the rail's messages

	Participant string // our id at the rail, for its directory; "" without

	Certificate tls.Certificate // shown to the rail
	Signer      *xmldsig.Signer // of our messages

	RailBIC  string
	RailURL  string // https address where the rail takes messages
	RailTLS  *x509.Certificate
	RailSign *x509.Certificate

	Now func() time.Time // the clock; needed
	Log *slog.Logger

	// Patience is how long the rail's answer to an order is waited for; after that
	// it is asked for. 20 seconds when 0.
	Patience time.Duration
	// Pause is how long something may be open before the rail is asked about it.
	// 5 seconds when 0.
	Pause time.Duration
}

// Mood makes a bank behave badly, for tests and demonstrations.
type Mood struct {
	Delay  time.Duration // before an answer to a payment, after it was decided
	Refuse int           // of a thousand payments, that are refused with AM21
	Silent bool          // gives no answer to payments and confirmations
	Deaf   bool          // confirmations get lost
	Later  bool          // answers to payments are messages of their own (HTTP 202 first)
	// Recalls says what it does with recalls: RecallsAccept, RecallsRefuse, or "".
	Recalls string
	// Asks says what it does with requests to pay: AsksPay, AsksRefuse, or "".
	Asks string
}

// Bank is a running bank. It is safe for concurrent use.
type Bank struct {
	cfg     Config
	party   *wire.Party
	rail    *wire.Peer
	journal *journal
	book    *book
	mood    atomic.Pointer[Mood]
	event   atomic.Pointer[string] // of the rail
	stats   stats

	enrol sync.Mutex // one at a time tells the directory of customers

	mu    sync.Mutex
	ended map[string]chan struct{} // by UETR: somebody waits for the end of an order
}

// Open reads the bank's journal; Run does what is to be done by itself.
func Open(cfg Config) (*Bank, error) {
	if cfg.Now == nil || cfg.Signer == nil || cfg.RailTLS == nil || cfg.RailSign == nil {
		return nil, errors.New("bank: a clock, a signer and the rail's certificates are needed")
	}
	if cfg.Patience == 0 {
		cfg.Patience = 20 * time.Second
	}
	if cfg.Pause == 0 {
		cfg.Pause = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	sign, err := xmldsig.NewCertificates(cfg.RailSign)
	if err != nil {
		return nil, fmt.Errorf("bank: the rail's certificate: %w", err)
	}
	b := &Bank{cfg: cfg, book: newBook(), ended: map[string]chan struct{}{},
		rail: &wire.Peer{BIC: cfg.RailBIC, URL: cfg.RailURL, TLS: [][32]byte{wire.Fingerprint(cfg.RailTLS)}, Sign: sign}}
	b.party = &wire.Party{BIC: cfg.BIC, Certificate: cfg.Certificate, Signer: cfg.Signer, Peers: b, Now: cfg.Now, Service: cfg.Service}
	b.mood.Store(&Mood{})
	if b.journal, err = openJournal(filepath.Join(cfg.Dir, "journal"), b.book.apply); err != nil {
		return nil, fmt.Errorf("bank: %w", err)
	}
	return b, nil
}

// Close ends the bank; what is open stays so until it is opened again.
func (b *Bank) Close() error {
	b.party.Close()
	return b.journal.close()
}

// ByTLS knows nobody but the rail.
func (b *Bank) ByTLS(fingerprint [32]byte) (*wire.Peer, error) {
	if fingerprint == b.rail.TLS[0] {
		return b.rail, nil
	}
	return nil, wire.ErrNoPeer
}

// TLS is the configuration of the bank's listener.
func (b *Bank) TLS() *tls.Config { return b.party.ServerTLS() }

// Handler takes the rail's messages.
func (b *Bank) Handler() http.Handler {
	return b.party.Handler(newUUID, b.answer, func(r *http.Request, err error) {
		b.cfg.Log.WarnContext(r.Context(), "a message was not taken", "error", err)
	})
}

// Behave sets the bank's mood.
func (b *Bank) Behave(m Mood) { b.mood.Store(&m) }

// OpenAccount opens a customer's account with some money, or does nothing when it
// is there.
func (b *Bank) OpenAccount(iban, name string, balance int64) error {
	if balance < 0 {
		return errors.New("bank: an account begins with nothing or more")
	}
	return b.do(func() (*entry, error) {
		if b.book.accounts[iban] != nil {
			return nil, nil
		}
		return &entry{Kind: entryAccount, Own: iban, Name: name, Amount: balance}, nil
	})
}

// SetState opens, blocks or closes an account for what comes.
func (b *Bank) SetState(iban, state string) error {
	return b.do(func() (*entry, error) {
		if b.book.accounts[iban] == nil {
			return nil, errors.New("bank: no such account")
		}
		return &entry{Kind: entryState, Own: iban, State: state}, nil
	})
}

// do decides something, changes the book and makes it durable. No entry: nothing
// is to be changed.
func (b *Bank) do(decide func() (*entry, error)) error {
	durable, err := b.begin(decide)
	if err != nil {
		return err
	}
	return durable()
}

// begin is do without waiting: what was decided is durable when the function it
// gives has returned.
func (b *Bank) begin(decide func() (*entry, error)) (durable func() error, err error) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	e, err := decide()
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return func() error { return nil }, nil
	}
	if err := b.book.apply(e); err != nil {
		return nil, fmt.Errorf("bank: %w", err)
	}
	return b.journal.put(e), nil
}

// Account gives a customer's account.
func (b *Bank) Account(iban string) (Account, bool) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	a := b.book.accounts[iban]
	if a == nil {
		return Account{}, false
	}
	return *a, true
}

// Payment gives a payment by its UETR.
func (b *Bank) Payment(uetr string) (Payment, bool) {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	p := b.book.payments[uetr]
	if p == nil {
		return Payment{}, false
	}
	return *p, true
}

// Total adds the book up.
func (b *Bank) Total() Total {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	return b.book.total
}

// Run asks the rail about what has been open too long, until ctx ends.
func (b *Bank) Run(ctx context.Context) error {
	tick := time.NewTicker(b.cfg.Pause)
	defer tick.Stop()
	before := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// Open now and at the tick before: it has been for a pause at least.
		now := map[string]bool{}
		var ask []string
		b.book.mu.Lock()
		for uetr := range b.book.open {
			now[uetr] = true
			if before[uetr] {
				ask = append(ask, uetr)
			}
		}
		b.book.mu.Unlock()
		before = now
		b.ask(ctx, ask)
	}
}

// NewUETR makes an identification of a payment: a UUID version 4 (RFC 9562).
func NewUETR() string { return newUUID() }

func newUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
