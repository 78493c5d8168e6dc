package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sarai/rooms/payments/envelope"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/head001"
	"sarai/rooms/payments/iso20022/xsd"
	"sarai/rooms/payments/xmldsig"
)

// Message is one that has been checked: it comes from the peer, is meant for us
// and valid.
type Message struct {
	From   *Peer
	Header *head001.AppHdr
	Name   string // of the document, such as "pacs.008.001.08"
	Bytes  []byte // the document as it was signed, canonical
	Body   iso20022.Message
}

// Reason says why a message was not taken, by the code that admi.002 carries.
type Reason struct {
	Code string // at most 35 characters
	Text string // names what to change; never content
	Err  error
}

func (r *Reason) Error() string { return "wire: " + r.Code + ": " + r.Text }
func (r *Reason) Unwrap() error { return r.Err }

// The codes of Reason.
const (
	CodeMalformed = "MALFORMED" // not well-formed, or not of the form a message has
	CodeSignature = "SIGNATURE" // unsigned, or the signature does not hold
	CodeHeader    = "HEADER"    // the header does not belong to sender, receiver, document or time
	CodeSchema    = "SCHEMA"    // not valid against its schema
	CodeUnknown   = "UNKNOWN"   // a message that is not spoken here
)

// open checks a message from a peer.
func (p *Party) open(raw []byte, from *Peer) (*Message, error) {
	verifier := &xmldsig.Verifier{Certificate: from.Sign.Find, Now: p.Now, MaxBytes: int(p.maxBytes())}
	m, err := envelope.Open(raw, verifier)
	switch {
	case errors.Is(err, xmldsig.ErrMalformed) || errors.Is(err, xmldsig.ErrStructure):
		return nil, &Reason{CodeMalformed, err.Error(), err}
	case err != nil:
		return nil, &Reason{CodeSignature, err.Error(), err}
	}
	if m.HeaderName != head001.ID {
		return nil, &Reason{CodeUnknown, "the header is not " + head001.ID, nil}
	}
	header, err := head001.Parse(m.Header)
	if err != nil {
		return nil, &Reason{CodeSchema, "AppHdr: " + err.Error(), err}
	}
	if err := p.checkHeader(header, m.Name, from); err != nil {
		return nil, err
	}
	d, ok := iso20022.Lookup(m.Name)
	if !ok {
		return nil, &Reason{CodeUnknown, "this document is not spoken here", nil}
	}
	body, err := d.Parse(m.Document)
	if err != nil {
		return nil, &Reason{CodeSchema, err.Error(), err}
	}
	return &Message{From: from, Header: header, Name: m.Name, Bytes: m.Document, Body: body}, nil
}

func (p *Party) checkHeader(h *head001.AppHdr, name string, from *Peer) error {
	wrong := func(what string) error { return &Reason{CodeHeader, what, nil} }
	switch {
	case bicOf(&h.Fr) != from.BIC:
		return wrong("Fr is not the party whose certificates were used")
	case bicOf(&h.To) != p.BIC:
		return wrong("To is not this party")
	case h.MsgDefIdr != name:
		return wrong("MsgDefIdr is not the name of the document")
	}
	created, err := h.CreDt.Time(nil)
	if err != nil {
		return wrong("CreDt has no offset from UTC")
	}
	if d := p.Now().Sub(created); d > Window || d < -Window {
		return wrong(fmt.Sprintf("CreDt is more than %v from now", Window))
	}
	return nil
}

func bicOf(p *head001.Party44Choice) string {
	if p.FIId == nil {
		return ""
	}
	return p.FIId.FinInstnId.BICFI
}

// seal makes the bytes of a message to a peer.
func (p *Party) seal(to *Peer, id string, document []byte, name string) ([]byte, error) {
	h := &head001.AppHdr{}
	h.Fr.FIId = &head001.BranchAndFinancialInstitutionIdentification6{FinInstnId: head001.FinancialInstitutionIdentification18{BICFI: p.BIC}}
	h.To.FIId = &head001.BranchAndFinancialInstitutionIdentification6{FinInstnId: head001.FinancialInstitutionIdentification18{BICFI: to.BIC}}
	h.BizMsgIdr, h.MsgDefIdr, h.BizSvc = id, name, p.Service
	h.CreDt = DateTime(p.Now())
	b := headers.Get().(*[]byte)
	defer headers.Put(b)
	header, err := h.Append((*b)[:0])
	*b = header
	if err != nil {
		return nil, fmt.Errorf("wire: header: %w", err)
	}
	return envelope.Seal(header, document, p.Signer)
}

// DateTime is a time as messages have it, in UTC to the millisecond.
func DateTime(t time.Time) xsd.DateTime {
	return xsd.DateTime(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// MessageID makes an identification of at most 35 characters from a UUID.
func MessageID(uuid string) string { return strings.ReplaceAll(uuid, "-", "") }
