package iso20022

import (
	"errors"
	"fmt"

	"sarai/rooms/payments/iso20022/xsd"
)

// Message is any message of this package's register.
type Message interface {
	xsd.Node
	ID() string                        // pacs.008.001.08
	Namespace() string                 // urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08
	Marshal() ([]byte, error)          // with an XML declaration
	Append(dst []byte) ([]byte, error) // canonical, to stand within another document
	Validate() error
}

// Definition is one message definition in one version.
type Definition struct {
	ID, Namespace string
	Root          *xsd.Root
	New           func() Message
}

// ErrUnknown says that the document is of no message that is known here.
var ErrUnknown = errors.New("iso20022: the document's namespace is of no message that is known here")

var byName = func() map[string]*Definition {
	m := make(map[string]*Definition, 2*len(definitions))
	for i := range definitions {
		d := &definitions[i]
		m[d.ID], m[d.Namespace] = d, d
	}
	return m
}()

// Messages gives all definitions.
func Messages() []Definition { return append([]Definition(nil), definitions...) }

// Lookup finds a definition by its namespace or its id.
func Lookup(name string) (Definition, bool) {
	if d := byName[name]; d != nil {
		return *d, true
	}
	return Definition{}, false
}

// Parse reads and validates any known message. The error is [ErrUnknown] or an
// [xsd.Errors].
func Parse(doc []byte) (Message, error) { return ParseLimits(doc, xsd.Limits{}) }

// ParseLimits is Parse with other limits.
func ParseLimits(doc []byte, limits xsd.Limits) (Message, error) {
	namespace, _, err := xsd.Peek(doc)
	if err != nil {
		return nil, err
	}
	d := byName[namespace]
	if d == nil {
		return nil, ErrUnknown
	}
	return d.parse(doc, limits)
}

// Parse reads and validates a message of this definition.
func (d Definition) Parse(doc []byte) (Message, error) { return d.parse(doc, xsd.Limits{}) }

func (d *Definition) parse(doc []byte, limits xsd.Limits) (Message, error) {
	m := d.New()
	if err := xsd.Parse(doc, d.Root, m, limits); err != nil {
		return nil, fmt.Errorf("iso20022: %s: %w", d.ID, err)
	}
	return m, nil
}

// Check validates a message of this definition and builds nothing.
func (d Definition) Check(doc []byte) error { return xsd.Check(doc, d.Root, xsd.Limits{}) }
