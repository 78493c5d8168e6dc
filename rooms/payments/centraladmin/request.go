package centraladmin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sarai/rooms/payments/fspiop"
)

// Most is the largest message in bytes.
const Most = 64 << 10

// Request is a message that can say what is wrong with it.
type Request interface{ Check() *fspiop.Fault }

// Read reads one message. Elements that the API does not know are refused, so that
// a misspelt one is noticed.
func Read(r io.Reader, into Request) *fspiop.Fault {
	b, err := io.ReadAll(io.LimitReader(r, Most+1))
	switch {
	case err != nil:
		return fspiop.Fail(fspiop.CodeSyntax, "the body did not arrive whole")
	case len(b) > Most:
		return fspiop.Fail(fspiop.CodeTooLarge, "a message has at most 65536 bytes")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong):
			return invalid(wrong.Field, "a value of another kind is wanted")
		case errors.Is(err, errDecimal), errors.Is(err, errNumber):
			return fspiop.Fail(fspiop.CodeValidation, err.Error())
		case strings.HasPrefix(err.Error(), "json: unknown field "):
			return fspiop.Fail(fspiop.CodeValidation, "an element is not known here")
		}
		return fspiop.Fail(fspiop.CodeSyntax, "the body is not JSON as this request wants it")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fspiop.Fail(fspiop.CodeSyntax, "something stands behind the message")
	}
	return into.Check()
}

func invalid(element, want string) *fspiop.Fault {
	return fspiop.Fail(fspiop.CodeValidation, element+": "+want)
}

func missing(element string) *fspiop.Fault { return fspiop.Fail(fspiop.CodeMissing, element) }

// first gives the first fault there is.
func first(faults ...*fspiop.Fault) *fspiop.Fault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func currency(element, code string, must bool) *fspiop.Fault {
	switch {
	case code == "" && must:
		return missing(element)
	case code != "" && !fspiop.IsCurrency(code):
		return fspiop.Fail(fspiop.CodeSyntax, element+": a currency code of ISO 4217 is wanted")
	}
	return nil
}

var alnum = regexp.MustCompile(`^[A-Za-z0-9]{2,30}$`)

func name(element, text string) *fspiop.Fault {
	switch {
	case text == "":
		return missing(element)
	case !alnum.MatchString(text):
		return invalid(element, "2 to 30 letters and digits are wanted")
	}
	return nil
}

// address is where messages are sent to. A name and a password in it would be read by
// whoever lists the endpoints.
func address(element, s string) *fspiop.Fault {
	if len(s) > 512 {
		return invalid(element, "it is too long")
	}
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return invalid(element, "an http or https address without a password is wanted")
	}
	return nil
}

func text(element, s string, must bool, most int) *fspiop.Fault {
	switch {
	case s == "" && must:
		return missing(element)
	case len(s) > most:
		return invalid(element, "it is too long")
	case strings.Contains(s, "\x00"):
		return invalid(element, "a text without U+0000 is wanted")
	}
	return nil
}

func oneOf(element, s string, of ...string) *fspiop.Fault {
	switch {
	case s == "":
		return missing(element)
	case !slices.Contains(of, s):
		return invalid(element, "one of "+strings.Join(of, ", ")+" is wanted")
	}
	return nil
}

// ExtensionList is taken and not kept: nothing in the ledger follows from it.
type ExtensionList struct {
	Extension []fspiop.Extension `json:"extension"`
}

func (e *ExtensionList) check() *fspiop.Fault {
	if e != nil && len(e.Extension) > 16 {
		return fspiop.Fail(fspiop.CodeTooMany, "extensionList has at most 16 entries")
	}
	return nil
}
