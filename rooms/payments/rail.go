package payments

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi006"
	"sarai/rooms/payments/iso20022/admi007"
	"sarai/rooms/payments/iso20022/admi011"
	"sarai/rooms/payments/iso20022/camt029"
	"sarai/rooms/payments/iso20022/camt056"
	"sarai/rooms/payments/iso20022/camt060"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs004"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pacs028"
	"sarai/rooms/payments/iso20022/pain013"
	"sarai/rooms/payments/iso20022/pain014"
	"sarai/rooms/payments/wire"
	"sarai/rooms/payments/xmldsig"
)

// Purposes of the rail's own keys.
const (
	purposeRailTLS  = "payments.rail.tls"
	purposeRailSign = "payments.rail.sign"
)

// actionSend is what a participant's program does with every message.
const actionSend = "payments.rail.send"

// answerTime is how long a payee's participant has to answer. The rail promises
// the payee's money within 20 seconds of the payer's order.
const answerTime = 10 * time.Second

// Rail is the room's end of the messages between participants: ISO 20022, signed,
// over HTTPS with certificates on both sides.
type Rail struct {
	room   *Room
	party  *wire.Party
	answer time.Duration // for a payee's participant; answerTime but in tests

	signCert []byte // DER

	mu      sync.Mutex
	run     context.Context //nolint:containedctx // that of Run, for what is begun while it runs
	boxes   map[string]chan confirmation
	later   map[string]chan pacs002.PaymentTransaction110 // answers that somebody here waits for, by participant and name
	health  map[string]health                             // since it was last written
	buckets map[string]*buckets                           // by participant
	work    sync.WaitGroup
}

// BIC is what participants call the rail by.
func (r *Room) railBIC() string { return r.pack.Rail.BIC }

// OpenRail reads the rail's keys; there is one rail in a process. Its certificates
// are at hand for participants to pin: [Rail.Certificates].
func (r *Room) OpenRail(ctx context.Context) (*Rail, error) {
	r.railMu.Lock()
	defer r.railMu.Unlock()
	if r.rail != nil {
		return r.rail, nil
	}
	tlsKey, err := r.keys.Signer(ctx, purposeRailTLS)
	if err != nil {
		return nil, fmt.Errorf("key of the rail's address: %w", err)
	}
	signKey, err := r.keys.Signer(ctx, purposeRailSign)
	if err != nil {
		return nil, fmt.Errorf("key of the rail's messages: %w", err)
	}
	cert, err := x509.ParseCertificate(signKey.Certificates[0])
	if err != nil {
		return nil, err
	}
	signer, err := xmldsig.NewSigner(signKey, cert, xmldsig.IssuerSerial)
	if err != nil {
		return nil, fmt.Errorf("the rail's signature: %w", err)
	}
	r.rail = &Rail{room: r, answer: answerTime, signCert: cert.Raw, boxes: map[string]chan confirmation{}, later: map[string]chan pacs002.PaymentTransaction110{}, health: map[string]health{}, buckets: map[string]*buckets{},
		party: &wire.Party{BIC: r.railBIC(), Certificate: tls.Certificate{Certificate: tlsKey.Certificates, PrivateKey: tlsKey}, Signer: signer, Peers: r.peers, Now: r.clock.Now, Service: r.pack.Rail.Service}}
	return r.rail, nil
}

// Certificates are what participants pin: the one the rail shows and the one it
// signs with, DER. They are those this process began with.
func (l *Rail) Certificates() (tlsCert, signCert []byte) {
	return l.party.Certificate.Certificate[0], l.signCert
}

// TLS is the configuration of the rail's listener.
func (l *Rail) TLS() *tls.Config { return l.party.ServerTLS() }

// Handler takes the participants' messages.
func (l *Rail) Handler() http.Handler {
	return l.party.Handler(l.room.newID, l.handle, func(r *http.Request, err error) {
		// The errors name paths and codes, never content.
		l.room.log.WarnContext(r.Context(), "a message was not taken", "error", err)
	})
}

// healthPause is how often it is written when participants were last heard.
const healthPause = 2 * time.Second

// Run sends confirmations until ctx ends.
func (l *Rail) Run(ctx context.Context) error {
	l.mu.Lock()
	l.run = ctx
	l.mu.Unlock()
	tick := time.NewTicker(healthPause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.writeHealth(ctx)
			continue
		case <-ctx.Done():
		}
		break
	}
	l.mu.Lock()
	l.run, l.boxes = nil, map[string]chan confirmation{}
	l.mu.Unlock()
	l.work.Wait()
	l.writeHealth(context.WithoutCancel(ctx))
	l.party.Close()
	return nil
}

// health is when a participant last answered in time, and when it last did not.
type health struct{ heard, failed time.Time }

func (l *Rail) heard(id string, ok bool) {
	now := l.room.clock.Now()
	l.mu.Lock()
	h := l.health[id]
	if ok {
		h.heard = now
	} else {
		h.failed = now
	}
	l.health[id] = h
	l.mu.Unlock()
}

func (l *Rail) writeHealth(ctx context.Context) {
	l.mu.Lock()
	news := l.health
	l.health = map[string]health{}
	l.mu.Unlock()
	if len(news) == 0 {
		return
	}
	if err := l.room.heard(ctx, news); err != nil {
		l.room.log.WarnContext(ctx, "whether participants answer could not be written", "error", err)
	}
}

// handle is the rail's part in the conversation.
func (l *Rail) handle(ctx context.Context, m *wire.Message) (iso20022.Message, error) {
	who := m.From.Opaque.(*peer)
	if _, err := gate.Authorize(ctx, l.room.gate, who.principal(), actionSend, who.Participant); err != nil {
		return nil, &wire.Reason{Code: "NOTALLOWED", Text: "this participant may not send messages now", Err: err}
	}
	asks := 0
	switch d := m.Body.(type) {
	case *pacs028.Document:
		asks = len(d.FIToFIPmtStsReq.TxInf)
	case *admi006.Document:
		asks = resendCost(d)
	}
	if err := l.spend(who.ID, asks); err != nil {
		return nil, err
	}
	switch d := m.Body.(type) {
	case *pacs008.Document:
		return l.pay(ctx, who, m, d)
	case *pacs004.Document:
		return l.giveBack(ctx, who, m, d)
	case *pacs002.Document:
		return l.answered(ctx, who, d)
	case *pain013.Document:
		return l.asked(ctx, who, m, d)
	case *pain014.Document:
		return l.askAnswered(ctx, who, d)
	case *camt056.Document:
		return l.recalled(ctx, who, m, d)
	case *camt029.Document:
		return l.resolve(ctx, who, d)
	case *pacs028.Document:
		return l.status(ctx, who, d)
	case *camt060.Document:
		return l.account(ctx, who, d)
	case *admi006.Document:
		return l.resend(ctx, who, d)
	case *admi007.Document: // it has what we told it
		return nil, nil
	case *admi004.Document: // are you there?
		out := &admi011.Document{}
		out.SysEvtAck.MsgId = wire.MessageID(l.room.newID())
		out.SysEvtAck.AckDtls = &admi011.Event1{EvtCd: d.SysEvtNtfctn.EvtInf.EvtCd, EvtTm: wire.DateTime(l.room.clock.Now())}
		return out, nil
	}
	return nil, &wire.Reason{Code: wire.CodeUnknown, Text: "the rail does not take " + m.Name}
}

// peer is a connected participant with what it is known by.
type peer struct {
	Participant
	wire *wire.Peer
}

// GateResource tells the gate which participant it is.
func (p Participant) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsParticipant", ID: p.ID, Attrs: map[string]any{"seat": p.ID + "#participant", "suspended": p.Suspended}}
}

func (p *peer) principal() gate.Principal {
	return gate.Principal{Kind: gate.Client, ID: "participant-" + p.ID, Organisations: []gate.Membership{{Organisation: p.ID, Role: "participant"}}}
}

// peers knows the connected participants; what was read holds for a second.
type peers struct {
	room *Room

	mu    sync.Mutex
	read  time.Time
	byTLS map[[32]byte]*peer
	byBIC map[string]*peer
	byID  map[string]*peer
	banks map[string]Participant // all participants, by BIC
}

const peersHold = time.Second

func (p *peers) fresh() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.room.clock.Now(); p.byTLS != nil && now.Sub(p.read) < peersHold && !now.Before(p.read) {
		return nil
	}
	var all []Participant
	var certs []certificate
	err := p.room.db.View(context.Background(), func(tx *store.Tx) (err error) {
		if all, err = participants(tx); err != nil {
			return err
		}
		certs, err = certificates(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read participants: %w", err)
	}
	p.byTLS, p.byBIC, p.byID, p.banks = map[[32]byte]*peer{}, map[string]*peer{}, map[string]*peer{}, map[string]Participant{}
	for _, one := range all {
		p.banks[one.BIC] = one
		if !one.Connected {
			continue
		}
		x := &peer{Participant: one, wire: &wire.Peer{BIC: one.BIC, URL: one.Endpoint}}
		x.wire.Opaque = x
		var sign []*x509.Certificate
		for _, c := range certs {
			switch {
			case c.participant != one.ID:
			case c.purpose == purposeTLS:
				x.wire.TLS = append(x.wire.TLS, wire.Fingerprint(c.cert))
			default:
				sign = append(sign, c.cert)
			}
		}
		if x.wire.Sign, err = xmldsig.NewCertificates(sign...); err != nil {
			// Admission has looked at them; if one slipped through, the others go on.
			p.room.log.Error("a participant's certificates cannot be used", "participant", one.ID, "error", err)
			continue
		}
		for _, f := range x.wire.TLS {
			p.byTLS[f] = x
		}
		p.byBIC[one.BIC], p.byID[one.ID] = x, x
	}
	p.read = p.room.clock.Now()
	return nil
}

// forget makes the next question read anew, after something has changed here.
func (p *peers) forget() {
	p.mu.Lock()
	p.byTLS = nil
	p.mu.Unlock()
}

// ByTLS finds a participant by the certificate it shows.
func (p *peers) ByTLS(fingerprint [32]byte) (*wire.Peer, error) {
	if err := p.fresh(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.byTLS[fingerprint]; x != nil {
		return x.wire, nil
	}
	return nil, wire.ErrNoPeer
}

// head is the head office of a bank: the same without a branch (ISO 9362).
func head(bic string) string { return strings.TrimSuffix(bic, "XXX") }

var errNoBank = errors.New("no participant has this BIC")

// bank finds any participant by its BIC; its peer when it is connected.
func (p *peers) bank(bic string) (Participant, *peer, error) {
	if err := p.fresh(); err != nil {
		return Participant{}, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one, ok := p.banks[head(bic)]
	if !ok {
		return one, nil, errNoBank
	}
	if one.Connected && p.byBIC[one.BIC] == nil {
		return one, nil, errNoBank // its certificates cannot be used
	}
	return one, p.byBIC[one.BIC], nil
}

// participant finds a connected participant by its id; nil when there is none whose
// certificates can be used.
func (p *peers) participant(id string) (*peer, error) {
	if err := p.fresh(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id], nil
}

// hosted finds the account of a customer whose participant the house keeps.
func (l *Rail) hosted(ctx context.Context, iban string) (*Account, error) {
	parsed, err := l.room.pack.IBAN.Parse(iban)
	if err != nil {
		return nil, fault.New(fault.NotFound, "payments.payee.unknown").Because(err)
	}
	return l.room.account(ctx, func(tx *store.Tx) (*Account, error) { return accountByIBAN(tx, string(parsed)) })
}
