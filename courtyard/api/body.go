package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"sarai/courtyard/fault"
)

// deepest is how far objects and arrays of a request may nest.
const deepest = 64

// answered is a fault with a status of its own, for what HTTP (RFC 9110) has a
// code that no kind of fault has.
type answered struct {
	fault  *fault.Error
	status int
}

func (e answered) Error() string { return e.fault.Error() }

func (e answered) Unwrap() error { return e.fault }

// acceptable says whether the caller takes JSON (RFC 9110 section 12.5.1).
// Media ranges with parameters other than q are read without them.
func acceptable(r *http.Request) error {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return nil
	}
	for _, part := range strings.Split(header, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if q := params["q"]; q != "" && strings.Trim(q, "0.") == "" {
			continue // q=0 says: not this one
		}
		switch media {
		case "*/*", "application/*", "application/json", "application/problem+json":
			return nil
		}
	}
	return answered{fault.New(fault.Invalid, "api.accept"), http.StatusNotAcceptable}
}

// readBody reads the whole body, at most limit bytes, and puts it back for
// huma. JSON is checked here, since encoding/json forgives too much.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, op *huma.Operation, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	// nobody holds a connection by sending a byte now and then
	conn, wait := http.NewResponseController(w), a.sends
	if limit > DefaultBody {
		wait *= 4
	}
	_ = conn.SetReadDeadline(time.Now().Add(wait)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var big *http.MaxBytesError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, answered{fault.New(fault.Invalid, "api.body-slow").Because(err), http.StatusRequestTimeout}
	case errors.As(err, &big):
		return nil, fault.New(fault.TooLarge, "api.body-too-large", "limit", fmt.Sprint(limit)).Because(err)
	case err != nil:
		return nil, answered{fault.New(fault.Invalid, "api.body-broken-off").Because(err), http.StatusBadRequest}
	}
	_ = conn.SetReadDeadline(time.Time{}) // the server reads on, to learn that the caller goes away
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		return nil, nil
	}
	if op.RequestBody == nil {
		return nil, answered{fault.New(fault.Invalid, "api.body-unexpected"), http.StatusBadRequest}
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if _, known := op.RequestBody.Content[media]; err != nil || !known {
		w.Header().Set("Accept-Post", strings.Join(mediaTypes(op), ", "))
		return nil, answered{fault.New(fault.Invalid, "api.content-type", "want", strings.Join(mediaTypes(op), ", ")).Because(err), http.StatusUnsupportedMediaType}
	}
	if media != "application/json" {
		return body, nil
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return nil, answered{fault.New(fault.Invalid, "api.charset"), http.StatusUnsupportedMediaType}
	}
	if err := strictJSON(body); err != nil {
		return nil, answered{err, http.StatusBadRequest}
	}
	return body, nil
}

func mediaTypes(op *huma.Operation) (out []string) {
	for media := range op.RequestBody.Content {
		out = append(out, media)
	}
	return out
}

// strictJSON accepts exactly one JSON value (RFC 8259) in UTF-8, without
// repeated names (which two readers may understand differently) and without
// depths made to exhaust a parser.
func strictJSON(body []byte) *fault.Error {
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "api.json-utf8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := value(d, nil, 0); err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return f
		}
		return fault.New(fault.Invalid, "api.json", "offset", fmt.Sprint(d.InputOffset())).Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "api.json-more", "offset", fmt.Sprint(d.InputOffset()))
	}
	return nil
}

// value reads one value; at is where it stands, for the message.
func value(d *json.Decoder, at []string, depth int) error {
	if depth > deepest {
		return fault.New(fault.Invalid, "api.json-deep", "limit", fmt.Sprint(deepest))
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	switch open {
	case '{':
		seen := map[string]bool{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			here := append(at, name) //nolint:gocritic // at is not used again before here is done with
			if seen[name] {
				f := fault.New(fault.Invalid, "api.json-twice")
				return f.At(pointer(here), "api.json-twice")
			}
			seen[name] = true
			if err := value(d, here, depth+1); err != nil {
				return err
			}
		}
	case '[':
		for i := 0; d.More(); i++ {
			if err := value(d, append(at, fmt.Sprint(i)), depth+1); err != nil {
				return err
			}
		}
	default:
		return errors.New("a bracket closes that was not open")
	}
	_, err = d.Token() // the closing bracket
	return err
}

// pointer writes a JSON pointer (RFC 6901) as a URI fragment's content.
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
