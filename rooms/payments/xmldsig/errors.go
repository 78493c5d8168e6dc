package xmldsig

import (
	"errors"
	"fmt"
)

// Every error of this package wraps one of these and says in words what was
// wrong and where.
var (
	// ErrMalformed: not well-formed XML, or XML of a kind that messages may not
	// be (document types, processing instructions, other encodings, too large).
	ErrMalformed = errors.New("xmldsig: malformed")
	// ErrStructure: well-formed, but not of the form that can be signed: a second
	// header, an element that no reference covers, a signature in another place.
	ErrStructure = errors.New("xmldsig: structure")
	// ErrUnsigned: a message of the right form without a signature.
	ErrUnsigned = errors.New("xmldsig: unsigned")
	// ErrAlgorithm: an algorithm or a transform that is not accepted.
	ErrAlgorithm = errors.New("xmldsig: algorithm")
	// ErrDigest: what is there is not what was signed.
	ErrDigest = errors.New("xmldsig: digest")
	// ErrCertificate: no trusted certificate, or one that may not sign this now.
	ErrCertificate = errors.New("xmldsig: certificate")
	// ErrSignature: the signature value does not fit.
	ErrSignature = errors.New("xmldsig: signature")
)

func fail(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
}

func structure(format string, args ...any) error {
	return fail(ErrStructure, format, args...)
}

// certificateError makes an error of the caller's search one of ErrCertificate.
func certificateError(err error) error {
	if errors.Is(err, ErrCertificate) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCertificate, err)
}
