package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"sarai/rooms/payments/xmldsig"
)

// Namespace is that of the root element which [Join] writes.
const Namespace = "urn:sarai:payments:message:1"

// DefaultMaxBytes is the size of a message when a call names none: a signed
// pacs.008 with one payment has about 5,000 bytes.
const DefaultMaxBytes = xmldsig.DefaultMaxBytes

const (
	opening = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Message xmlns="` + Namespace + `">` + "\n"
	closing = "\n</Message>\n"
)

// ErrPart: what was to be put into an envelope is not an element.
var ErrPart = errors.New("envelope: part")

// Join puts an AppHdr and a Document into an envelope, without a signature. Each
// is an element with the namespace declarations it needs; an XML declaration and
// white space around it are left out.
func Join(header, document []byte) ([]byte, error) {
	header, document, err := elements(header, document)
	if err != nil {
		return nil, err
	}
	return join(make([]byte, 0, len(opening)+len(header)+1+len(document)+len(closing)), header, document), nil
}

// join appends an envelope around two elements.
func join(out, header, document []byte) []byte {
	out = append(append(out, opening...), header...)
	out = append(append(out, '\n'), document...)
	return append(out, closing...)
}

func elements(header, document []byte) (h, d []byte, err error) {
	if h, err = element(header, "AppHdr"); err != nil {
		return nil, nil, err
	}
	d, err = element(document, "Document")
	return h, d, err
}

// element takes away what may stand around an element in a document of its own.
// Whether it is one is seen when the envelope is read.
func element(b []byte, name string) ([]byte, error) {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")))
	if bytes.HasPrefix(b, []byte("<?xml")) {
		_, after, ok := bytes.Cut(b, []byte("?>"))
		if !ok {
			return nil, fmt.Errorf("%w: the XML declaration of the %s does not end", ErrPart, name)
		}
		b = bytes.TrimSpace(after)
	}
	if len(b) == 0 || b[0] != '<' {
		return nil, fmt.Errorf("%w: the %s is not an element", ErrPart, name)
	}
	return b, nil
}

// Seal puts an AppHdr and a Document into an envelope and signs it. The AppHdr
// must not have a Sgntr yet.
func Seal(header, document []byte, signer *xmldsig.Signer) ([]byte, error) {
	header, document, err := elements(header, document)
	if err != nil {
		return nil, err
	}
	raw := unsigned.Get().(*[]byte)
	*raw = join((*raw)[:0], header, document)
	out, err := signer.Sign(*raw) // which keeps nothing of it
	if cap(*raw) <= DefaultMaxBytes {
		unsigned.Put(raw)
	}
	return out, err
}

// unsigned holds buffers for messages before they are signed.
var unsigned = sync.Pool{New: func() any { return new([]byte) }}

// Message is an opened message: the bytes that were signed and who signed them.
type Message struct {
	// Header is the AppHdr without its Sgntr, Document the Document, both in
	// exclusive canonical form. Only they are proven.
	Header, Document []byte
	// Name is the document's message name, such as "pacs.008.001.08", and
	// HeaderName the header's.
	Name, HeaderName string
	// Signature says who signed and how, and has the header with its empty Sgntr.
	Signature *xmldsig.Verified
}

// Open checks the signature of a message and takes it apart. Its errors are those
// of package xmldsig; on an error nothing of the message may be used.
func Open(raw []byte, verifier *xmldsig.Verifier) (*Message, error) {
	v, err := verifier.Verify(raw)
	if err != nil {
		return nil, err
	}
	return &Message{Header: v.BareHeader(), Document: v.Document, Name: v.DocumentName(), HeaderName: v.HeaderName(), Signature: v}, nil
}

// Split takes a message apart without looking at its signature, if it has one.
// Nothing of it is proven: it is for messages that need none, and for saying in
// an answer what came. maxBytes limits the size, 0 means [DefaultMaxBytes].
func Split(raw []byte, maxBytes int) (*xmldsig.Unverified, error) {
	return xmldsig.Peek(raw, maxBytes)
}
