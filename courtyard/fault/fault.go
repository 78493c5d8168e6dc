package fault

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kind says what went wrong in the terms of whoever has to act on it.
type Kind uint8

// The kinds. The zero kind is Internal: an error nobody classified is ours.
const (
	Internal        Kind = iota // a defect or a broken dependency; nothing the caller can change
	Invalid                     // the request says something that cannot be accepted as it stands
	Unauthenticated             // nobody is signed in, or the proof of it does not hold
	Forbidden                   // somebody is signed in, and the gate said no
	NotFound                    // there is no such thing, or the asker may not know that there is
	Conflict                    // the thing has moved on since the caller looked
	Gone                        // it was there and its time is over (an expired code or QR)
	TooLarge                    // more bytes than we take
	Limit                       // too often; try later
	Unavailable                 // we cannot do it now; the same request may succeed later
)

var names = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not-found", "conflict", "gone", "too-large", "limit", "unavailable"}

// String gives the kind's name as it appears in logs and problem types.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "internal"
}

// Status is the HTTP status code (RFC 9110) a fault of this kind is answered with.
func (k Kind) Status() int {
	switch k {
	case Invalid:
		return http.StatusUnprocessableEntity
	case Unauthenticated:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Gone:
		return http.StatusGone
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Limit:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Error is a fault. Key and Args make the sentence the person reads; they must
// never hold a national number, a secret or anybody else's personal data.
type Error struct {
	Kind   Kind
	Key    string            // message key in the texts, "payments.qr.expired"
	Args   map[string]string // values for the {placeholders} of the text
	Fields []Field
	Err    error // cause, for the operator's log only
}

// Field is a message about one input: a form field's name or a JSON pointer.
type Field struct {
	Name string
	Key  string
	Args map[string]string
}

// New makes a fault. args are name, value pairs for the text's placeholders.
func New(kind Kind, key string, args ...string) *Error {
	return &Error{Kind: kind, Key: key, Args: pairs(args)}
}

// Because keeps the cause for the operator and gives the fault back.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// At adds a message about one input and gives the fault back.
func (e *Error) At(field, key string, args ...string) *Error {
	e.Fields = append(e.Fields, Field{Name: field, Key: key, Args: pairs(args)})
	return e
}

// OrNil gives the fault if it has at least one field message, else nil: for
// validation that collects messages and then returns.
func (e *Error) OrNil() error {
	if e == nil || len(e.Fields) == 0 {
		return nil
	}
	return e
}

// Error is the operator's sentence: kind, key, fields and cause. Argument
// values are left out because they may come from the request.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Key)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// As gives err as a fault; an error that is none becomes an Internal one with
// err as its cause. As(nil) is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Key: "fault.internal", Err: err}
}

// KindOf gives the kind of err; Internal for errors that are no faults.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is says whether err is a fault of the given kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

func pairs(args []string) map[string]string {
	if len(args) == 0 {
		return nil
	}
	m := make(map[string]string, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	return m
}
