package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"sarai/rooms/payments/envelope"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/admi002"
)

// Answer handles a message and gives the document to answer with. A *Reason as
// error becomes an admi.002; any other error HTTP 500, after which the sender
// does not know what happened and asks.
type Answer func(ctx context.Context, m *Message) (iso20022.Message, error)

// Handler takes messages. newID gives a new UUID for each message we send.
func (p *Party) Handler(newID func() string, answer Answer, failed func(*http.Request, error)) http.Handler {
	if failed == nil {
		failed = func(*http.Request, error) {}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "send a message by POST", http.StatusMethodNotAllowed)
			return
		}
		from, err := p.Caller(r)
		switch {
		case errors.Is(err, ErrNoPeer):
			failed(r, err)
			http.Error(w, "nobody is admitted with this certificate", http.StatusForbidden)
			return
		case err != nil:
			failed(r, err)
			http.Error(w, "nothing was taken; try again", http.StatusServiceUnavailable)
			return
		}
		raw, err := envelope.Body(w, r, p.maxBytes())
		if err != nil {
			// What is still on its way is read, within reason: else the sender sees a
			// broken line and not this answer.
			_, _ = io.CopyN(io.Discard, r.Body, 4*p.maxBytes())
			http.Error(w, err.Error(), bodyStatus(err))
			return
		}
		status := http.StatusOK
		m, err := p.open(raw, from)
		var reply iso20022.Message
		if err == nil {
			reply, err = answer(r.Context(), m)
		}
		var reason *Reason
		switch {
		case errors.As(err, &reason):
			failed(r, err)
			status = http.StatusBadRequest
			reply = p.reject(m, reason)
		case err != nil:
			failed(r, err)
			http.Error(w, "the message was not handled; ask for its status", http.StatusInternalServerError)
			return
		case reply == nil:
			w.WriteHeader(http.StatusAccepted)
			return
		}
		out, err := p.write(from, newID(), reply)
		if err != nil {
			failed(r, err)
			http.Error(w, "the answer could not be written; ask for the status", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", envelope.MediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		w.WriteHeader(status)
		_, _ = w.Write(out)
	})
}

func bodyStatus(err error) int {
	switch {
	case errors.Is(err, envelope.ErrMediaType):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, envelope.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// Caller says whose certificate the connection shows.
func (p *Party) Caller(r *http.Request) (*Peer, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, fmt.Errorf("%w: no certificate", ErrNoPeer)
	}
	cert := r.TLS.PeerCertificates[0]
	if err := p.valid(cert); err != nil {
		return nil, err
	}
	return p.Peers.ByTLS(Fingerprint(cert))
}

// reject is admi.002: the message was not understood. It names the message it is
// about only when its sender is proven.
func (p *Party) reject(m *Message, reason *Reason) iso20022.Message {
	d := &admi002.Document{}
	d.Admi00200101.RltdRef.Ref = "NOTPROVIDED"
	if m != nil {
		d.Admi00200101.RltdRef.Ref = m.Header.BizMsgIdr
	}
	d.Admi00200101.Rsn.RjctgPtyRsn = reason.Code
	d.Admi00200101.Rsn.RjctnDtTm = DateTime(p.Now())
	text := reason.Text
	if r := []rune(text); len(r) > 350 {
		text = string(r[:350])
	}
	d.Admi00200101.Rsn.RsnDesc = text
	return d
}

func (p *Party) write(to *Peer, id string, body iso20022.Message) ([]byte, error) {
	b := documents.Get().(*[]byte)
	document, err := body.Append((*b)[:0])
	if cap(document) <= maxKept {
		defer documents.Put(b)
		*b = document
	}
	if err != nil {
		return nil, fmt.Errorf("wire: %s: %w", body.ID(), err)
	}
	return p.seal(to, MessageID(id), document, body.ID())
}

// documents holds buffers for what is on its way into an envelope, headers for
// what goes before it.
var (
	documents = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}
	headers   = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}
)

// maxKept is how large a buffer may be to stay in a pool.
const maxKept = 1 << 20

// ErrRejected says that the peer did not take the message (admi.002, or HTTP 4xx).
var ErrRejected = errors.New("wire: the message was not taken")

// Send sends a message and gives the answer, nil when the peer has taken it and
// answers later. After any error but ErrRejected the peer may have taken it.
func (p *Party) Send(ctx context.Context, to *Peer, id string, body iso20022.Message) (*Message, error) {
	raw, err := p.write(to, id, body)
	if err != nil {
		return nil, err
	}
	return p.post(ctx, to, raw)
}

// Forward sends a document as it came, under a header of our own.
func (p *Party) Forward(ctx context.Context, to *Peer, id string, document []byte, name string) (*Message, error) {
	raw, err := p.seal(to, MessageID(id), document, name)
	if err != nil {
		return nil, err
	}
	return p.post(ctx, to, raw)
}

func (p *Party) post(ctx context.Context, to *Peer, raw []byte) (*Message, error) {
	client, err := p.Client(to)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", envelope.MediaType)
	res, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("wire: send to %s: %w", to.BIC, err)
	}
	defer func() { _, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)); _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK, http.StatusBadRequest:
	case http.StatusAccepted:
		return nil, nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge, http.StatusMethodNotAllowed:
		return nil, fmt.Errorf("%w: %s answered %s", ErrRejected, to.BIC, res.Status)
	default:
		return nil, fmt.Errorf("wire: %s answered %s", to.BIC, res.Status)
	}
	answer, err := envelope.Answer(res, p.maxBytes())
	if err != nil {
		return nil, fmt.Errorf("wire: answer of %s: %w", to.BIC, err)
	}
	m, err := p.open(answer, to)
	if err != nil {
		return nil, fmt.Errorf("wire: answer of %s: %w", to.BIC, err)
	}
	if d, ok := m.Body.(*admi002.Document); ok {
		return nil, fmt.Errorf("%w: %s: %s", ErrRejected, d.Admi00200101.Rsn.RjctgPtyRsn, d.Admi00200101.Rsn.RsnDesc)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answered %s", ErrRejected, to.BIC, res.Status)
	}
	return m, nil
}
