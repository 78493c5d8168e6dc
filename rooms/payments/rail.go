package payments

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi011"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/pacs028"
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
	room  *Room
	party *wire.Party
	peers *peers

	confirming sync.WaitGroup
	confirm    chan confirmation
}

// BIC is what participants call the rail by.
func (r *Room) railBIC() string { return r.pack.Rail.BIC }

// OpenRail reads the rail's keys. Its certificates are at hand for participants
// to pin: Certificates.
func (r *Room) OpenRail(ctx context.Context) (*Rail, error) {
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
	p := &peers{room: r}
	rail := &Rail{room: r, peers: p, confirm: make(chan confirmation, 4096),
		party: &wire.Party{BIC: r.railBIC(), Certificate: tls.Certificate{Certificate: tlsKey.Certificates, PrivateKey: tlsKey}, Signer: signer, Peers: p, Now: r.clock.Now, Service: r.pack.Rail.Service}}
	return rail, nil
}

// Certificates are what participants pin: the one the rail shows and the one it
// signs with, DER.
func (l *Rail) Certificates(ctx context.Context) (tlsCert, signCert []byte, err error) {
	sign, err := l.room.keys.Signer(ctx, purposeRailSign)
	if err != nil {
		return nil, nil, err
	}
	return l.party.Certificate.Certificate[0], sign.Certificates[0], nil
}

// TLS is the configuration of the rail's listener.
func (l *Rail) TLS() *tls.Config { return l.party.ServerTLS() }

// Handler takes the participants' messages.
func (l *Rail) Handler() http.Handler {
	return l.party.Handler(l.room.newID, l.answer, func(r *http.Request, err error) {
		// The errors name paths and codes, never content.
		l.room.log.WarnContext(r.Context(), "a message was not taken", "error", err)
	})
}

// Run sends confirmations until ctx ends.
func (l *Rail) Run(ctx context.Context) error {
	for range confirmers {
		l.confirming.Go(func() { l.sendConfirmations(ctx) })
	}
	<-ctx.Done()
	l.confirming.Wait()
	return nil
}

// answer is the rail's part in the conversation.
func (l *Rail) answer(ctx context.Context, m *wire.Message) (iso20022.Message, error) {
	who := m.From.Opaque.(*peer)
	if _, err := gate.Authorize(ctx, l.room.gate, who.principal(), actionSend, who.Participant); err != nil {
		return nil, &wire.Reason{Code: "NOTALLOWED", Text: "this participant may not send messages now", Err: err}
	}
	switch d := m.Body.(type) {
	case *pacs008.Document:
		return l.pay(ctx, who, m, d)
	case *pacs028.Document:
		return l.status(ctx, who, d)
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
			return fmt.Errorf("certificates of %s: %w", one.ID, err)
		}
		for _, f := range x.wire.TLS {
			p.byTLS[f] = x
		}
		p.byBIC[one.BIC], p.byID[one.ID] = x, x
	}
	p.read = p.room.clock.Now()
	return nil
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

var errNoBank = errors.New("no participant has this BIC")

// bank finds any participant by its BIC; its peer when it is connected.
func (p *peers) bank(bic string) (Participant, *peer, error) {
	if err := p.fresh(); err != nil {
		return Participant{}, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(bic) == 11 && bic[8:] == "XXX" {
		bic = bic[:8] // the head office of the same
	}
	one, ok := p.banks[bic]
	if !ok {
		return one, nil, errNoBank
	}
	return one, p.byBIC[bic], nil
}

// hosted finds the account of a customer whose participant the house keeps.
func (l *Rail) hosted(ctx context.Context, iban string) (*Account, error) {
	parsed, err := l.room.pack.IBAN.Parse(iban)
	if err != nil {
		return nil, fault.New(fault.NotFound, "payments.payee.unknown").Because(err)
	}
	return l.room.account(ctx, func(tx *store.Tx) (*Account, error) { return accountByIBAN(tx, string(parsed)) })
}
