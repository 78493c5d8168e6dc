package wire

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"sarai/rooms/payments/xmldsig"
)

// Window is how far a message's CreDt may be from now, both ways.
const Window = 10 * time.Minute

// Party is one end: who we are.
type Party struct {
	BIC         string          // ISO 9362
	Certificate tls.Certificate // shown to peers, as server and as client
	Signer      *xmldsig.Signer
	Peers       Peers
	Now         func() time.Time // the clock; needed
	MaxBytes    int64            // of a message; 0 means 1 MiB
	Service     string           // BizSvc of our headers, such as "sarai.instant.1"

	mu    sync.Mutex
	lines map[string]*line // by the peer's BIC and address
}

// Peer is another end, as it was admitted.
type Peer struct {
	BIC    string
	URL    string                // where it takes messages; "" when it only sends
	TLS    [][32]byte            // SHA-256 of the certificates it may show
	Sign   *xmldsig.Certificates // it may sign with
	Opaque any                   // whatever the keeper of the peers wants to find again
}

// Peers finds those who may speak with us. ErrNoPeer means nobody, any other error
// that it cannot be told now.
type Peers interface {
	ByTLS(fingerprint [32]byte) (*Peer, error)
}

// ErrNoPeer says that nobody of this name or certificate is admitted.
var ErrNoPeer = errors.New("wire: no such peer")

// Fingerprint is what TLS certificates are pinned by.
func Fingerprint(cert *x509.Certificate) [32]byte { return sha256.Sum256(cert.Raw) }

// ServerTLS asks every client for a certificate; which one it may be is looked at
// for each message.
func (p *Party) ServerTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{p.Certificate}, ClientAuth: tls.RequireAnyClientCert, DynamicRecordSizingDisabled: true}
}

func (p *Party) maxBytes() int64 {
	if p.MaxBytes > 0 {
		return p.MaxBytes
	}
	return 1 << 20
}

// line is the connections to a peer, good as long as its certificates and its
// address are what they were.
type line struct {
	pinned [][32]byte
	client *http.Client
}

// Client keeps connections to a peer open. The server must show a certificate
// that is pinned for it and valid now.
func (p *Party) Client(to *Peer) (*http.Client, error) {
	if len(to.TLS) == 0 || to.URL == "" {
		return nil, fmt.Errorf("%w: %s has no address or no certificate", ErrNoPeer, to.BIC)
	}
	key := to.BIC + " " + to.URL
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lines[key]; l != nil {
		if slices.Equal(l.pinned, to.TLS) {
			return l.client, nil
		}
		// A connection made under a certificate that was taken away must not live on.
		l.client.CloseIdleConnections()
	}
	pinned := slices.Clone(to.TLS)
	c := &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: mostConnections, MaxConnsPerHost: mostConnections, IdleConnTimeout: 60 * time.Second, TLSHandshakeTimeout: 5 * time.Second, DisableCompression: true,
			WriteBufferSize: oneMessage, ReadBufferSize: oneMessage,
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{p.Certificate}, DynamicRecordSizingDisabled: true,
				InsecureSkipVerify: true, //nolint:gosec // the certificate is pinned below, which is stricter than a chain
				VerifyConnection:   func(s tls.ConnectionState) error { return p.pinned(s, pinned) },
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("wire: a peer does not redirect") },
	}
	if p.lines == nil {
		p.lines = map[string]*line{}
	}
	p.lines[key] = &line{pinned, c}
	return c, nil
}

// oneMessage is room for a message with one payment and what HTTP adds to it, so that
// it goes out in one record of TLS and one write.
const oneMessage = 8 << 10

// mostConnections to one peer: one that is silent holds up no more of ours.
const mostConnections = 256

func (p *Party) pinned(s tls.ConnectionState, pinned [][32]byte) error {
	if len(s.PeerCertificates) == 0 || !slices.Contains(pinned, Fingerprint(s.PeerCertificates[0])) {
		return fmt.Errorf("%w: the server showed a certificate that is not pinned for it", ErrNoPeer)
	}
	return p.valid(s.PeerCertificates[0])
}

func (p *Party) valid(cert *x509.Certificate) error {
	if now := p.Now(); now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return fmt.Errorf("%w: the certificate is not valid now", ErrNoPeer)
	}
	return nil
}

// Close gives back idle connections.
func (p *Party) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		l.client.CloseIdleConnections()
	}
}
